"""History is let go of while everything goes on: no gap, no repeat, no half answer; also when the process dies in the middle."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from holdfast.database import patience, readers, retention
from holdfast.database.retention import Keep, Retention
from holdfast.database.sqlite import Database, open_reader
from holdfast.errors import Compacted, HoldfastError, QueryError
from holdfast.model.field import TEXT, U32, Field, Table

PROJECT = Path(__file__).resolve().parents[2]
THINGS = Table("things", "thing", "Things.", (Field("name", TEXT, default=""), Field("size", U32)), key=("name",))
NAMES = 97
AT_ONCE = 10


def rows(number: int) -> list[list[Any]]:
    """What transaction `number` writes: ten of the names get the size `number`."""
    return [[f"n{place % NAMES}" for place in range(number, number + AT_ONCE)], [number] * AT_ONCE]


def state_after(number: int) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in range(max(1, number - NAMES), number + 1):
        found |= dict(zip(*rows(one), strict=True))
    return found


def put(database: Database, number: int) -> Any:
    return database.write(lambda tx: tx.put(THINGS, "here", ("name", "size"), rows(number)))


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let go all the time, in very small steps."""
    monkeypatch.setattr(retention, "_LOOK_EVERY", 1)
    monkeypatch.setattr(retention, "STEP", 7)
    monkeypatch.setattr(retention, "_LINES", 5)


class Follower(threading.Thread):
    """Reads changes behind a cursor as a watch does, and the table as it was at some place behind it; what it saw is checked."""

    def __init__(self, database: Any, pause_s: float, seed: int) -> None:
        super().__init__()
        self.overtaken = 0
        self.looked = 0
        self.error: BaseException | None = None
        self.ended = threading.Event()
        self._database = database
        self._pause_s = pause_s
        self._rng = random.Random(seed)
        self.cursor = database.revision
        self._number: int | None = None

    def run(self) -> None:
        try:
            while not self.ended.is_set():
                self._follow()
                self._look_back()
                self.ended.wait(self._pause_s * self._rng.random())
            self._follow()
        except BaseException as error:  # noqa: BLE001 - the test's own thread raises it
            self.error = error

    def _follow(self) -> None:
        """What changed since the last time. Every change is the next one, or the history no longer reaches back to the cursor."""
        last = self._database.revision
        try:
            changes = self._database.changes("things", self.cursor, last)
        except Compacted as error:
            if error.oldest <= self.cursor:
                raise
            self.overtaken += 1
            self.cursor, self._number = error.oldest, None  # read the table, and go on from there
            self._follow()
            return
        for change in changes:
            if change.row["size"] != self._number:
                assert self._number in (None, change.row["size"] - 1), f"{self._number} was followed by {change.row['size']}"
                assert change.revision > self.cursor
                self._number, self.cursor = change.row["size"], change.revision
        self.cursor = max(self.cursor, last)

    def _look_back(self) -> None:
        revision = self._rng.randint(max(1, self._database.revision - 60), self._database.revision)
        try:
            found = dict(self._database.query("SELECT name, size FROM things", at=revision))
        except Compacted:
            return
        if found:
            self.looked += 1
            assert found == state_after(max(found.values()))


@pytest.mark.usefixtures("eager")
def test_followers_see_each_change_once_or_hear_that_they_were_overtaken(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with Database(path, [THINGS], retention=Retention(Keep(rows=300))) as database, open_reader(str(path)) as reader:
        reader.tables["things"] = THINGS
        followers = [Follower(database, 0.0, 1), Follower(database, 0.02, 2), Follower(database, 0.5, 3)]
        for one in followers:
            one.start()
        deadline = time.monotonic() + 3
        number = 0
        while time.monotonic() < deadline:
            number += 1
            put(database, number).result()
        for one in followers:
            one.ended.set()
        for one in followers:
            one.join(30)
            if one.error:
                raise one.error
        assert followers[0].looked and followers[2].overtaken, [(one.looked, one.overtaken) for one in followers]
        assert all(one.cursor == database.revision for one in followers)
        assert database.fetch("SELECT count(*) FROM things_history")[0][0] <= 300 + 300 // 32 + 2 * AT_ONCE + 7


CHILD = """
import sys
from holdfast.database import retention
from holdfast.database.retention import Keep, Retention
from holdfast.database.sqlite import Database
from tests.fault.test_history_letting_go import THINGS, put
retention._LOOK_EVERY, retention.STEP, retention._LINES = 1, 7, 5
with Database(sys.argv[1], [THINGS], retention=Retention(Keep(rows=300))) as database:
    number = int(sys.argv[2])
    while True:
        number += 1
        put(database, number).result()
        print(number, flush=True)
"""


def killed(path: Path, number: int, after: int) -> int:
    """Run it until so many transactions were told, and kill it; the last one that was told."""
    command = [sys.executable, "-c", CHILD, str(path), str(number)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=PROJECT) as child:
        assert child.stdout is not None
        told = [child.stdout.readline() for _ in range(after)]
        child.send_signal(signal.SIGKILL)
        told += child.stdout.read().split()
    return int(told[-1])


def test_killed_in_the_middle_of_letting_go_the_file_is_right(tmp_path: Path) -> None:
    rng = random.Random(5)
    path = tmp_path / "x.db"
    number = 0
    for _ in range(4):
        told = killed(path, number, rng.randint(60, 400))
        with Database(path, [THINGS], retention=Retention(Keep(None, None, None))) as database:
            assert database.fetch("PRAGMA quick_check") == [("ok",)]
            number = database.fetch("SELECT max(size) FROM things")[0][0]
            assert number >= told and dict(database.fetch("SELECT name, size FROM things")) == state_after(number)
            check_past(database)


def check_past(database: Database) -> None:
    """Every revision that the history is said to reach back to is whole; the one before is refused."""
    with database.reader() as reader:
        oldest, last = reader.oldest("things"), reader.revision
        lines = {row[0] for row in reader.fetch("SELECT revision FROM log")}
    revisions = [row[0] for row in database.fetch("SELECT revision FROM log WHERE revision > ? AND kind = 'live' ORDER BY 1", (oldest,))]
    changes = database.changes("things", oldest)
    assert [one.revision for one in changes if one.row["size"]] == sorted(revisions * AT_ONCE)
    for revision in [*revisions[:: max(1, len(revisions) // 20)], oldest or 1]:
        found = dict(database.query("SELECT name, size FROM things", at=revision))
        assert found == (state_after(max(found.values())) if found else {})
    if oldest:
        with pytest.raises(Compacted):
            database.query("SELECT 1 FROM things", at=oldest - 1)
    spoken = "SELECT since FROM things UNION SELECT since FROM things_history UNION SELECT until FROM things_history"
    assert {row[0] for row in database.fetch(spoken)} <= lines and last in lines


def test_what_was_let_go_is_given_back_to_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    long = "x" * 600
    with Database(path, [THINGS], retention=Retention(Keep(None, None, None))) as database:
        for size in range(25):
            names = [f"{place}{long}" for place in range(1000)]
            database.write(lambda tx, names=names, size=size: tx.put(THINGS, "here", ("name", "size"), [names, [size] * 1000]))  # type: ignore[misc]
    before = os.path.getsize(path)
    with Database(path, [THINGS], retention=Retention(Keep(rows=1000))) as database:
        database.write(lambda tx: None).result()
        deadline = time.monotonic() + 40
        while os.path.getsize(path) > before / 4:
            assert time.monotonic() < deadline, (before, os.path.getsize(path))
            time.sleep(0.1)


# -- readers that stay ---------------------------------------------------------------------------------------------------


def test_a_reader_of_another_process_that_stays_is_ended_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "_LONG_S", 0.3)
    monkeypatch.setattr(patience, "MOST", 400)
    monkeypatch.setattr(patience, "_LOOK_EVERY_S", 0.1)
    path = tmp_path / "x.db"
    with Database(path, [THINGS], history=False) as database, open_reader(str(path)) as reader:
        names = [f"{place}{'x' * 500}" for place in range(2000)]

        def write(size: int) -> None:
            database.write(lambda tx: tx.put(THINGS, "here", ("name", "size"), [names, [size] * 2000])).result()

        def ended() -> bool:
            try:
                return sum(1 for _ in range(300) if next(stays)) < 300
            except QueryError as error:
                assert "held back the database's log" in str(error)  # noqa: PT017 - any other error is one
                return True

        write(0)
        sql = "WITH RECURSIVE n(i) AS (SELECT max(revision) FROM log UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"
        stays = reader.query(sql, timeout_s=None)
        deadline = time.monotonic() + 20
        size = 0
        while not ended():
            assert time.monotonic() < deadline
            size += 1
            write(size)
        assert os.path.getsize(f"{path}-wal") >= 400 * 4096
        assert database.fetch("SELECT DISTINCT size FROM things") == [(size,)]


# -- months in minutes ---------------------------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_million_flaps_leave_a_file_and_a_process_as_small_as_after_200_000() -> None:
    done = subprocess.run([sys.executable, "bench/endurance.py"], cwd=PROJECT, capture_output=True, text=True, timeout=1700, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def stays(path: str, ended: threading.Event) -> Iterator[HoldfastError]:
    """Queries that are read slowly, one after the other, for as long as it lasts."""
    with open_reader(path) as reader:
        while not ended.is_set():
            try:
                for _ in reader.query("SELECT * FROM things_history", timeout_s=None):
                    ended.wait(0.01)
            except HoldfastError as error:
                yield error


@pytest.mark.long
@pytest.mark.timeout(600)
def test_slow_readers_neither_stop_the_writer_nor_let_the_file_grow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "_LONG_S", 2.0)
    path = tmp_path / "x.db"
    ended = threading.Event()
    errors: list[HoldfastError] = []
    with Database(path, [THINGS], retention=Retention(Keep(rows=20_000))) as database:
        number = 0
        for number in range(1, 3000):
            written = put(database, number)
        written.result()
        slow = [threading.Thread(target=lambda: errors.extend(stays(str(path), ended))) for _ in range(3)]
        for one in slow:
            one.start()
        largest, deadline = 0, time.monotonic() + 120
        longest = 0.0
        while time.monotonic() < deadline:
            began = time.monotonic()
            for _ in range(200):
                number += 1
                written = put(database, number)
            written.result()
            longest = max(longest, time.monotonic() - began)
            largest = max(largest, sum(os.path.getsize(f"{path}{end}") for end in ("", "-wal")))
        ended.set()
        for one in slow:
            one.join(30)
        assert largest < 700 << 20, "the log is at most 256 MiB and what comes within the readers' patience"
        assert longest < 10
        assert dict(database.fetch("SELECT name, size FROM things")) == state_after(number)
