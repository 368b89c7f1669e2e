"""The worst days of the file: the process is killed while it commits, the disk is full, the disk fills during a checkpoint."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.database.sqlite import Database
from holdfast.errors import Unavailable
from holdfast.model.field import TEXT, U32, Field, Table

THINGS = Table("things", "thing", "Things.", (Field("name", TEXT, default=""), Field("size", U32)), key=("name",))

CHILD = """
import sys
from holdfast.database.sqlite import Database
from holdfast.model.field import TEXT, U32, Field, Table
THINGS = Table("things", "thing", "Things.", (Field("name", TEXT, default=""), Field("size", U32)), key=("name",))
database = Database(sys.argv[1], [THINGS])
print("open", database.revision, flush=True)
def job(size):
    def run(tx):
        tx.put(THINGS, "here", ("name", "size"), [[f"n{{place % 97}}" for place in range(size, size + 40)], [size] * 40])
        return tx.revision
    return run
size = database.revision
while True:
    size += 1
    print(database.write(job(size), durable={durable}).result(), flush=True)
"""


def kill_while_committing(path: Path, durable: bool, after: int) -> tuple[int, list[int]]:
    """Run a process that commits in a loop; kill it after so many commits. Returns what it said: first revision, commits."""
    with subprocess.Popen([sys.executable, "-c", CHILD.format(durable=durable), str(path)], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        opened = int(child.stdout.readline().split()[1])
        told = [int(child.stdout.readline()) for _ in range(after)]
        child.send_signal(signal.SIGKILL)
        told += [int(line) for line in child.stdout.read().split("\n") if line]
    return opened, told


@pytest.mark.parametrize("durable", [True, False])
def test_after_kill_every_acknowledged_commit_is_there_and_no_number_comes_twice(tmp_path: Path, durable: bool) -> None:
    path = tmp_path / "x.db"
    everything: list[int] = []
    for after in (1, 30, 7):
        opened, told = kill_while_committing(path, durable, after)
        assert opened > max(everything, default=0)
        assert told == sorted(set(told))
        everything += told
        with Database(path, [THINGS]) as database:
            assert not database.clean
            assert database.fetch("PRAGMA quick_check") == [("ok",)]
            there = {row[0] for row in database.fetch("SELECT revision FROM log WHERE kind = 'live'")}
            assert set(everything) <= there
            assert len(there - set(everything)) <= 3, "at most the commit under way at each kill was not told"
            assert {change.revision for change in database.changes("things", 0)} == there
            assert database.revision > max(there)
            everything = sorted(there)
            # the last transaction is there as a whole
            last = max(there)
            assert database.fetch("SELECT count(*), count(DISTINCT size) FROM things WHERE since = ?", (last,)) == [(40, 1)]


def test_a_killed_process_leaves_its_lock_free(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    kill_while_committing(path, False, 1)
    Database(path, [THINGS]).close()


# -- a full disk ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A filesystem of 4 MiB."""
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "holdfast-test", str(place)]
    mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"a small filesystem cannot be mounted: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def filler(size: int) -> list[list[object]]:
    return [[f"{place:05}" + "x" * 400 for place in range(1000)], [size] * 1000]


def test_a_full_disk_fails_jobs_and_the_writer_lives_on(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    with Database(small_disk / "x.db", [THINGS]) as database:
        database.write(lambda tx: tx.put(THINGS, "here", ("name", "size"), [["kept"], [1]]), durable=True).result()
        ballast.write_bytes(b"x" * (1 << 20))
        last = 0
        refusal: Unavailable | None = None
        for size in range(100):
            try:
                database.write(lambda tx, size=size: tx.put(THINGS, "here", ("name", "size"), filler(size))).result()
            except Unavailable as error:
                refusal = error
                break
            last = database.revision
        assert refusal is not None and refusal.retryable
        assert "the disk is full" in str(refusal) and "make room: nothing of this was written" in str(refusal)
        assert database.revision == last
        assert database.fetch("SELECT size FROM things WHERE name = 'kept'") == [(1,)], "reading goes on"
        sizes = database.fetch("SELECT DISTINCT size FROM things WHERE name <> 'kept'")
        assert len(sizes) <= 1, "a transaction that failed left nothing"
        ballast.unlink()
        deadline = time.monotonic() + 10
        while True:  # room again: the same database goes on, without being opened anew
            try:
                database.write(lambda tx: tx.put(THINGS, "here", ("name", "size"), [["later"], [2]]), durable=True).result()
                break
            except Unavailable:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        assert database.revision > last
        assert database.fetch("PRAGMA quick_check") == [("ok",)]
    with Database(small_disk / "x.db", [THINGS]) as database:
        assert database.clean
        assert database.fetch("SELECT name FROM things WHERE name IN ('kept', 'later') ORDER BY 1") == [("kept",), ("later",)]


def test_each_job_of_a_failing_commit_hears_of_it_and_those_behind_it_go_on_in_memory(small_disk: Path) -> None:
    with Database(small_disk / "x.db", [THINGS]) as database:
        (small_disk / "ballast").write_bytes(b"x" * (os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_bsize))
        futures = [database.write(lambda tx, size=size: tx.put(THINGS, "here", ("name", "size"), filler(size))) for size in range(5)]
        refused = [isinstance(future.exception(), Unavailable) for future in futures]
        assert refused[0]
        assert refused == sorted(refused, reverse=True)
        assert database.fetch("SELECT DISTINCT size FROM things") == ([] if all(refused) else [(4,)])
        (small_disk / "ballast").unlink()
        database.write(lambda tx: tx.put(THINGS, "here", ("name",), [["a"]])).result()


def test_a_full_disk_at_opening_is_said(small_disk: Path) -> None:
    (small_disk / "ballast").write_bytes(b"x" * (os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_bsize))
    with pytest.raises(Unavailable):
        Database(small_disk / "x.db", [THINGS])
