"""History is let go of while everything goes on: no gap, no repeat, no half answer; also when the process dies in the middle."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from holdfast.database import checkpoint, connections, patience, readers, retention
from holdfast.database.checkpoint import too_long
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
    monkeypatch.setattr(checkpoint, "MOST", 400)
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


@pytest.mark.parametrize("where", ["in the process", "beside it"])
def test_a_query_waits_for_a_log_that_is_too_long_to_begin_anew(where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "_LONG_S", 1.0)
    monkeypatch.setattr(checkpoint, "LIMIT", 100)
    monkeypatch.setattr(checkpoint, "STEP", 50)
    monkeypatch.setattr(checkpoint, "PATIENCE", 300)
    monkeypatch.setattr(checkpoint, "MOST", 400)
    monkeypatch.setattr(connections, "_LOG_KEPT", 200 << 12)
    monkeypatch.setattr(readers, "_ALL_FROM", 1000)
    monkeypatch.setattr(patience, "_LOOK_EVERY_S", 0.1)
    path = tmp_path / "x.db"
    names = [f"{place}{'x' * 500}" for place in range(1000)]
    with Database(path, [THINGS], history=False) as database, open_reader(str(path)) as beside, ThreadPoolExecutor(1) as thread:
        reader = database if where == "in the process" else beside

        def write(size: int) -> None:
            database.write(lambda tx: tx.put(THINGS, "here", ("name", "size"), [names, [size] * 1000])).result()

        def ask() -> tuple[int, float]:
            began = time.monotonic()
            return reader.query("SELECT min(size) FROM things").__next__()[0], time.monotonic() - began

        write(0)
        slow = reader.query("SELECT size FROM things")
        next(slow)
        size = 0
        while not too_long(str(path)):
            size += 1
            write(size)
        at_most, began = size, time.monotonic()
        inside = next(reader.query("SELECT min(size) FROM things"))[0]
        assert inside == size and time.monotonic() - began < 0.5, "it would wait for the loop that it is in"
        asked = thread.submit(ask)
        while not asked.done():
            size += 1
            write(size)
            time.sleep(0.02)
        answer, took_s = asked.result()
        assert answer > at_most and 0.1 < took_s < 3, "answered when the slow one had been ended"
        with pytest.raises(QueryError, match="held back the database's log"):
            list(slow)
        assert not too_long(str(path))


@pytest.mark.parametrize("where", ["in the process", "beside it"])
def test_a_log_three_times_too_long_ends_all_that_is_being_read(where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "MOST", 5000)
    monkeypatch.setattr(patience, "_LOOK_EVERY_S", 0.05)
    path = tmp_path / "x.db"
    names = [f"{place}{'x' * 500}" for place in range(1000)]
    with Database(path, [THINGS], history=False) as database, open_reader(str(path)) as beside:

        def write(size: int) -> None:
            database.write(lambda tx: tx.put(THINGS, "here", ("name", "size"), [names, [size] * 1000])).result()

        write(0)
        slow = (database if where == "in the process" else beside).query("SELECT size FROM things, log")
        next(slow)
        size = 0
        while slow._open:
            size += 1
            assert size < 500
            write(size)
            time.sleep(0.005)
        assert os.path.getsize(f"{path}-wal") > 3 * 5000 * 4096
        with pytest.raises(QueryError, match="held back the database's log"):
            list(slow)


def test_nobody_waits_for_a_log_that_nobody_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.db"
    killed(path, 0, 200)
    monkeypatch.setattr(checkpoint, "MOST", 10)
    assert too_long(str(path))
    with open_reader(str(path)) as reader:
        began = time.monotonic()
        assert next(reader.query("SELECT count(*) FROM things"))[0] > 0
        assert time.monotonic() - began < 1


# -- months in minutes ---------------------------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_million_flaps_leave_a_file_and_a_process_as_small_as_after_200_000() -> None:
    done = subprocess.run([sys.executable, "bench/endurance.py"], cwd=PROJECT, capture_output=True, text=True, timeout=1700, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


LOG_MOST = (24 + 4096) * checkpoint.MOST
PATIENCE_S = 2.0
UNREAD_S = PATIENCE_S + 2
"""The last slow query is ended at this age at the latest: somebody looks every half second, and this is a busy machine."""


def stays(reader: Any, ended: threading.Event) -> Iterator[HoldfastError]:
    """Queries that are read slowly, one after the other, for as long as it lasts."""
    while not ended.is_set():
        try:
            for _ in reader.query("SELECT * FROM things_history", timeout_s=None):
                if ended.wait(0.01):
                    return
        except HoldfastError as error:
            yield error


STAYING = f"""
import sys, threading
from holdfast.database import readers
from holdfast.database.sqlite import open_reader
from tests.fault.test_history_letting_go import stays
readers._LONG_S = {PATIENCE_S}
ended = threading.Event()
with open_reader(sys.argv[1]) as one, open_reader(sys.argv[1]) as other:
    slow = [threading.Thread(target=lambda place=place: list(stays(place, ended))) for place in (one, one, other)]
    for each in slow:
        each.start()
    sys.stdin.read()
    ended.set()
    for each in slow:
        each.join()
"""


class Log(threading.Thread):
    """Looks at the log's length: the greatest, the most that came within a second, the longest time that it was too long."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.greatest, self.fastest, self.longest_s = 0, 0, 0.0
        self.ended = threading.Event()
        self._path = path

    def run(self) -> None:
        lately: deque[tuple[float, int]] = deque()
        since = time.monotonic()
        while not self.ended.wait(0.05):
            now, size = time.monotonic(), os.path.getsize(f"{self._path}-wal")
            while lately and lately[0][0] < now - 1:
                lately.popleft()
            lately.append((now, size))
            self.greatest = max(self.greatest, size)
            self.fastest = max(self.fastest, size - lately[0][1])
            since = since if size >= LOG_MOST else now
            self.longest_s = max(self.longest_s, now - since)


class Asker(threading.Thread):
    """Asks when the log is too long, and notes how long it takes until there is an answer."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self.waits: list[float] = []
        self.ended = threading.Event()
        self._database = database

    def run(self) -> None:
        while not self.ended.wait(0.2):
            if too_long(self._database.path):
                began = time.monotonic()
                assert list(self._database.query("SELECT count(*) FROM things", timeout_s=2)) == [(NAMES,)]
                self.waits.append(time.monotonic() - began)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_slow_readers_neither_stop_the_writer_nor_let_the_log_grow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of this process and of another one, who take turns so that there is always one: also the fastest writer's log is bounded."""
    monkeypatch.setattr(readers, "_LONG_S", PATIENCE_S)
    path = tmp_path / "x.db"
    errors: list[HoldfastError] = []
    with Database(path, [THINGS], retention=Retention(Keep(rows=20_000))) as database, open_reader(str(path)) as reader:
        for number in range(1, 3000):
            written = put(database, number)
        written.result()
        ended, log, asker = threading.Event(), Log(str(path)), Asker(database)
        slow = [threading.Thread(target=lambda place=place: errors.extend(stays(place, ended))) for place in (database, reader, reader)]
        command = [sys.executable, "-c", STAYING, str(path)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, cwd=PROJECT) as other:
            for one in (*slow, log, asker):
                one.start()
            waits, deadline = [], time.monotonic() + 120
            while time.monotonic() < deadline:
                for _ in range(20):
                    number += 1
                    written = put(database, number)
                began = time.monotonic()
                written.result()
                waits.append(time.monotonic() - began)
            for each in (ended, log.ended, asker.ended):
                each.set()
            other.communicate()
        for one in (*slow, log, asker):
            one.join(30)
        assert other.returncode == 0
        assert errors and all("held back" in str(error) for error in errors)
        assert log.longest_s < UNREAD_S
        assert log.greatest < min(LOG_MOST + UNREAD_S * log.fastest, 3 * LOG_MOST + 2 * log.fastest)
        assert os.path.getsize(path) < 64 << 20
        assert max(asker.waits, default=0) < UNREAD_S + 1
        assert sorted(waits)[len(waits) * 99 // 100] < 0.25 and max(waits) < 3, "twenty transactions"
        assert dict(database.fetch("SELECT name, size FROM things")) == state_after(number)
