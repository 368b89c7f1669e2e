"""The worst days of the tree: killed in the middle of commits, cut and flipped files. What was acknowledged is there, or it is said."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import apsw
import pytest

from holdfast import Tree
from holdfast.database import failpoint
from holdfast.database.sqlite import Database
from holdfast.errors import Corrupt, HoldfastError, Unavailable

WRITERS = 4
CHILD = """
import asyncio, sys
from holdfast.aio import Tree

async def write(tree, name, start):
    number = start
    while True:
        number += 1
        async with tree.transaction(str(number)) as tx:
            # two first segments and three leaves: half of it would show
            tx.put(f"a.{name}.count", number)
            tx.put(f"b.{name}.count", number)
            tx.put(f"b.{name}.k{number % 7}", [number])
        print(name, number, flush=True)

async def main():
    async with Tree(sys.argv[1]) as tree:
        print("open", flush=True)
        await asyncio.gather(*(write(tree, f"w{n}", tree.get(f"a.w{n}.count", 0)) for n in range(int(sys.argv[2]))))

asyncio.run(main())
"""


def run_and_kill(path: Path, after: int, crash: str = "") -> dict[str, int]:
    """Run writers; kill them after so many commits, or where `crash` says. Returns the last acknowledged number of each."""
    environment = {**os.environ, **({"HOLDFAST_CRASH": crash} if crash else {})}
    command = [sys.executable, "-c", CHILD, str(path), str(WRITERS)]
    told: dict[str, int] = {}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as child:
        assert child.stdout is not None
        for place, line in enumerate(child.stdout):
            words = line.split()
            if len(words) == 2 and line.endswith("\n"):
                told[words[0]] = int(words[1])
            if not crash and place == after:
                child.kill()
    return told


def hold(path: Path, told: dict[str, int]) -> dict[str, int]:
    """Every acknowledged commit is there, none half, and at most one of each that was not. Returns what there is."""
    counts: dict[str, int] = {}
    with Tree(str(path)) as tree:
        assert tree.check() == []
        for name in (f"w{number}" for number in range(WRITERS)):
            count = tree.get(f"a.{name}.count", 0)
            assert count >= told.get(name, 0), f"{name}: {told[name]} was acknowledged, {count} is there"
            assert count <= told.get(name, 0) + 1 or name not in told
            counts[name] = count
            if count:
                assert tree.get(f"b.{name}.count") == count
                assert tree.get(f"b.{name}.k{count % 7}") == [count]
        numbers = [entry.message for entry in tree.history.log(limit=10**6)]
        assert len(numbers) == sum(tree.get(f"a.w{n}.count", 0) for n in range(WRITERS)), "one line for each commit"
    return counts


@pytest.mark.parametrize("point", ["commit.begun:40", "tree.rows:41", "commit.written:42", "commit.synced:43", "commit.told:44"])
def test_killed_at_a_named_point_of_a_commit(tmp_path: Path, point: str) -> None:
    told = run_and_kill(tmp_path / "x.db", 0, point)
    assert told, "it got that far"
    hold(tmp_path / "x.db", told)


def test_killed_under_load(tmp_path: Path, rng: random.Random) -> None:
    told: dict[str, int] = {}
    for _ in range(2):
        told = hold(tmp_path / "x.db", told | run_and_kill(tmp_path / "x.db", rng.randrange(5, 60)))


@pytest.mark.long
def test_killed_under_load_a_hundred_times(tmp_path: Path, rng: random.Random) -> None:
    told: dict[str, int] = {}
    for _ in range(100):
        told = hold(tmp_path / "x.db", told | run_and_kill(tmp_path / "x.db", rng.randrange(1, 300)))


@pytest.mark.parametrize("point", ["tree.rows", "commit.written"])
def test_a_commit_that_the_disk_refuses_leaves_the_tree_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: str) -> None:
    def full() -> None:
        raise apsw.FullError("no room")

    with Tree(str(tmp_path / "x.db")) as tree:
        tree.put("a", {"x": 1})
        watch = tree.watch("a")
        revision = tree.revision
        monkeypatch.setitem(failpoint.armed, point, full)
        with pytest.raises(Unavailable, match="no room"):
            tree.put("a", {"x": 2, "y": 1})
        assert tree.get() == {"a": {"x": 1}} and tree.revision == revision
        session = tree.session()
        for what in (lambda: tree.put("a.z", 0), lambda: session.put("a.e", 0)):
            with pytest.raises(Unavailable):  # the database is in memory now, which is no place for a commit
                what()
        assert tree.history.get("a", back=0) == {"x": 1} and len(tree.history.log()) == 1
        monkeypatch.undo()
        deadline = time.monotonic() + 20
        while True:
            try:
                tree.put("a.z", 1)
                break
            except Unavailable:
                assert time.monotonic() < deadline
                time.sleep(0.1)
        assert tree.get() == {"a": {"x": 1, "z": 1}}
        assert [change.path for change in next(watch).changes] == ["a.z"], "nobody was told of what is not"
        assert tree.check() == []
    with Tree(str(tmp_path / "x.db")) as tree:
        assert tree.get() == {"a": {"x": 1, "z": 1}}


# -- files that are not what was written ---------------------------------------------------------------------------------


def made(path: Path) -> dict[int, object]:
    """A tree with some history, closed; its value at each revision."""
    past: dict[int, object] = {}
    with Tree(str(path), author="anna") as tree:
        for number in range(60):
            tree.put(f"nodes.r{number % 9}.k{number % 4}", {"text": f"value {number} " * 5, "list": [number]}, message=f"step {number}")
            past[tree.revision] = tree.get()
    return past


def flipped(source: Path, target: Path, place: int, bit: int) -> None:
    data = bytearray(source.read_bytes())
    data[place] ^= 1 << bit
    target.write_bytes(data)


def serves_the_truth(path: Path, past: dict[int, object]) -> bool:
    """What it gives is what was, or it says that it is damaged. True: it said so, somewhere."""
    try:
        with Tree(str(path)) as tree:
            assert tree.get() == past[max(past)]
            damaged = bool(tree.check())
            for revision, value in past.items():
                try:
                    assert tree.history.get("", revision) == value, f"a false past at revision {revision}"
                except HoldfastError:
                    damaged = True
            return damaged
    except Corrupt:
        return True


@pytest.mark.parametrize("count", [16, pytest.param(400, marks=pytest.mark.long)])
def test_flipped_bits_are_found_and_never_served(tmp_path: Path, rng: random.Random, count: int) -> None:
    source = tmp_path / "x.db"
    past = made(source)
    size = source.stat().st_size
    told = 0
    for number in range(count):
        target = tmp_path / f"flipped{number}.db"
        flipped(source, target, rng.randrange(size), rng.randrange(8))
        told += serves_the_truth(target, past)
        for suffix in ("", "-wal", "-shm", ".lock"):
            Path(f"{target}{suffix}").unlink(missing_ok=True)
    assert told or count < 100, "of so many bits some belong to the tree"


def row(path: Path, sql: str, *args: object) -> None:
    """Change rows behind the tree's back, as a broken disk or a helpful person would."""
    connection = apsw.Connection(str(path))
    connection.execute(sql, args)
    assert connection.changes()
    connection.close()


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("UPDATE tree SET value = '[99]' WHERE until IS NULL AND path = 'nodes.r1.k1.list'", "the row of `nodes.r1.k1.list` since"),
        ("UPDATE tree SET since = since + 1 WHERE until IS NULL AND path = 'nodes.r1.k1.list'", "is damaged: its checksum is"),
        ("UPDATE tree SET path = 'nodes.other' WHERE until IS NULL AND path = 'nodes.r1.k1.list'", "the row of `nodes.other`"),
        ("DELETE FROM tree WHERE until IS NULL AND path = 'nodes.r1.k1.list'", "the tree is not the one of revision"),
        ("UPDATE tree SET until = NULL WHERE until IS NOT NULL AND path = 'nodes.r1.k1.list'", "is damaged"),
        ("UPDATE tree SET until = 9 WHERE until IS NULL AND path = 'nodes.r1.k1.list'", "the tree is not the one of revision"),
        ("UPDATE log SET message = 'x' WHERE revision = (SELECT max(revision) FROM log WHERE kind = 'config')", "the log line of revision"),
        ("DELETE FROM log WHERE revision = (SELECT max(revision) FROM log WHERE kind = 'config')", "the tree is not the one of revision"),
        ("DELETE FROM log WHERE kind = 'config'", "and the log knows of no commit"),
    ],
)
def test_a_damaged_head_is_not_opened(tmp_path: Path, sql: str, said: str) -> None:
    path = tmp_path / "x.db"
    made(path)
    row(path, sql)
    with pytest.raises(Corrupt) as raised:
        Tree(str(path))
    assert said in str(raised.value) and "restore a backup" in str(raised.value)
    Database(path).close()


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE tree SET value = '[99]' WHERE until IS NOT NULL AND path = 'nodes.r1.k1.list'",
        "UPDATE tree SET until = until + 1 WHERE until IS NOT NULL AND path = 'nodes.r1.k1.list'",
        "DELETE FROM tree WHERE until IS NOT NULL AND path = 'nodes.r1.k1.list'",
        "UPDATE log SET author = 'mallory' WHERE message = 'step 30'",
        "DELETE FROM log WHERE message = 'step 30'",
    ],
)
def test_a_damaged_past_is_found_by_check_with_its_revision(tmp_path: Path, sql: str) -> None:
    path = tmp_path / "x.db"
    past = made(path)
    row(path, sql)
    with Tree(str(path)) as tree:
        found = tree.check()
        assert found and all(one.revision in past for one in found)
        assert tree.get() == past[max(past)]
        if "value" in sql:
            with pytest.raises(Corrupt, match=r"the row of `nodes.r1.k1.list` since revision"):
                tree.history.get("nodes.r1.k1", found[0].revision)


def test_a_log_that_is_cut_anywhere_loses_its_end_only(tmp_path: Path, rng: random.Random) -> None:
    """A write-ahead log that was torn: what was synced before the tear is there, whole commits, in order."""
    source = tmp_path / "x.db"
    with Tree(str(source)) as tree:
        values = []
        for number in range(40):
            tree.put("a", {"n": number, "same": number})
            values.append(tree.get())
        for suffix in ("", "-wal"):
            shutil.copyfile(f"{source}{suffix}", f"{tmp_path}/copy{suffix}")
    size = os.path.getsize(tmp_path / "copy-wal")
    seen = set()
    for number in range(8):
        target = tmp_path / f"cut{number}.db"
        shutil.copyfile(tmp_path / "copy", target)
        shutil.copyfile(tmp_path / "copy-wal", f"{target}-wal")
        os.truncate(f"{target}-wal", rng.randrange(size))
        try:
            with Tree(str(target)) as tree:
                assert tree.check() == []
                found = tree.get()
                assert found == {} or found in values
                seen.add(str(found))
        except Corrupt:  # cut before the file itself was made
            seen.add("no file")
    assert len(seen) > 1
