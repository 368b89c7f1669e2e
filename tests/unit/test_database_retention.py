"""Letting go of history: by rows, bytes and age; the log goes along; what is left is whole, and says where it begins."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest

from holdfast.database import retention
from holdfast.database.retention import Clock, Compaction, Keep, Retention
from holdfast.database.sqlite import Database
from holdfast.errors import Compacted
from holdfast.model.field import TEXT, U32, Field, Table

THINGS = Table("things", "thing", "Things.", (Field("name", TEXT, default=""), Field("size", U32)), key=("name",))
OTHERS = Table("others", "other", "Others.", (Field("name", TEXT, default=""), Field("size", U32)), key=("name",))
DAY_NS = 86400 * 10**9


@pytest.fixture(autouse=True)
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "_LOOK_EVERY", 1)


def change(database: Database, table: Table, size: int, names: int = 1) -> int:
    columns = [[f"n{number}" for number in range(names)], [size] * names]
    database.write(lambda tx: tx.put(table, "here", ("name", "size"), columns)).result()
    return database.revision


def settled(database: Database) -> None:
    """Wait until nothing is left to let go."""
    database.write(lambda tx: None).result()  # behind it the writer has looked
    deadline = time.monotonic() + 10
    while database._writer._compaction.due:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    database.write(lambda tx: None).result()


def kept(database: Database, table: str = "things") -> int:
    return int(database.fetch(f"SELECT count(*) FROM {table}_history")[0][0])


def test_by_rows_the_oldest_go_and_what_is_left_is_whole() -> None:
    with Database(tables=[THINGS, OTHERS], retention=Retention(Keep(rows=100))) as database:
        quiet = change(database, OTHERS, 1)
        change(database, OTHERS, 2)
        revisions = [change(database, THINGS, size) for size in range(1000)]
        settled(database)
        assert 100 <= kept(database) <= 103 and kept(database, "others") == 1
        with pytest.raises(Compacted, match="things at revision") as caught:
            database.changes("things", revisions[800])
        oldest = caught.value.oldest
        changes = database.changes("things", oldest)
        assert [one.revision for one in changes] == [one for one in revisions if one > oldest]
        assert list(database.query("SELECT size FROM things", at=oldest)) == [(revisions.index(oldest),)]
        assert [one.row["size"] for one in database.changes("others", quiet)] == [2], "another table keeps what it has"


def test_a_table_may_keep_more_or_less_than_others() -> None:
    policy = Retention(Keep(rows=10), {"others": Keep(rows=None, bytes=None, age=None)})
    with Database(tables=[THINGS, OTHERS], retention=policy) as database:
        for size in range(100):
            change(database, THINGS, size)
            change(database, OTHERS, size)
        settled(database)
        assert kept(database) <= 11 and kept(database, "others") == 99


def test_the_oldest_revision_is_kept_as_a_whole() -> None:
    with Database(tables=[THINGS], retention=Retention(Keep(rows=100))) as database:
        for size in range(3):
            change(database, THINGS, size, names=1000)
        settled(database)
        assert kept(database) == 1000
        assert len(list(database.query("SELECT * FROM things WHERE size = 1", at=database.revision - 1))) == 1000


def test_it_keeps_pace_with_large_transactions_that_do_not_pause() -> None:
    with Database(tables=[THINGS], retention=Retention(Keep(rows=10_000))) as database:
        columns = [f"n{number}" for number in range(3000)]
        written = [
            database.write(lambda tx, size=size: tx.put(THINGS, "here", ("name", "size"), [columns, [size] * 3000]))  # type: ignore[misc]
            for size in range(25)
        ]
        most = 0
        for one in written:
            one.result()
            most = max(most, kept(database))
        assert most < 10_000 * 33 // 32 + 4 * 3000, most


def test_by_bytes_about_as_much_as_was_said(tmp_path: Any) -> None:
    size = 2 << 20
    with Database(tmp_path / "x.db", [THINGS], retention=Retention(Keep(rows=None, bytes=size))) as database:
        for number in range(300):
            change(database, THINGS, number, names=100)
        settled(database)
        there = database.fetch("SELECT sum(pgsize) FROM dbstat WHERE name LIKE 'things_history%'")[0][0]
        assert 1 < kept(database) < 30_000 and size / 2 < there < size * 1.5, there


def test_the_log_keeps_what_rows_speak_of_and_notes() -> None:
    with Database(tables=[THINGS, OTHERS], retention=Retention(Keep(rows=50))) as database:
        spoken = {change(database, OTHERS, 1), change(database, OTHERS, 2), change(database, THINGS, 1, names=2)}

        def commit(tx: Any) -> None:
            sql = "INSERT INTO tree(path, since, value, sum) VALUES ('a', ?, '1', 0)"
            tx.session.connection.execute(sql, (tx.revision,))

        database.write(commit).result()
        spoken.add(database.revision)
        database.write(lambda tx: tx.note("gap", target="here", message="events were lost")).result()
        noted = database.revision
        for number in range(500):
            change(database, THINGS, 10 + number)
        settled(database)
        lines = {row[0] for row in database.fetch("SELECT revision FROM log")}
        oldest = database.fetch("SELECT value FROM meta WHERE name = 'oldest_things'")[0][0]
        assert lines >= spoken | {1, noted, oldest} and len(lines) < 70
        for table in ("things", "others"):
            for one in database.fetch(
                f"SELECT since FROM {table} UNION SELECT since FROM {table}_history UNION SELECT until FROM {table}_history"
            ):
                assert one[0] in lines


def test_lines_go_when_the_last_row_that_spoke_of_them_goes() -> None:
    with Database(tables=[THINGS, OTHERS], retention=Retention(Keep(rows=20))) as database:
        first = change(database, OTHERS, 1)
        for number in range(100):
            change(database, THINGS, number)
        settled(database)
        database.write(lambda tx: tx.delete_where(OTHERS, "here")).result()
        for number in range(100):
            change(database, OTHERS, number)
        lines = database._writer._compaction._lines
        # as after many revisions: the next pass begins at the beginning
        database.write(lambda tx: setattr(lines, "_since_whole", 20_000)).result()
        for number in range(100):
            change(database, THINGS, number)
        settled(database)
        assert (first,) not in database.fetch("SELECT revision FROM log")


class Time:
    """A wall clock, and what has passed since the start."""

    def __init__(self) -> None:
        self.wall_ns, self.steady_s = 1_700_000_000 * 10**9, 0.0

    def wall(self) -> int:
        return self.wall_ns

    def steady(self) -> float:
        return self.steady_s

    def pass_s(self, seconds: float) -> None:
        self.wall_ns += round(seconds * 1e9)
        self.steady_s += seconds


def aged(database: Database, clock: Time, age: timedelta) -> Any:
    """The compaction of a database, driven by hand, in the writer."""
    made: list[Compaction] = []

    def step(passes: int = 20) -> None:
        def job(tx: Any) -> None:
            if not made:
                made.append(Compaction(tx.session.connection, [THINGS], Retention(Keep(None, None, age)), clock.wall, clock.steady))
            for _ in range(passes):
                made[0].step(database.revision)

        database.write(job).result()

    step(1)
    return step


def test_by_age_what_ended_long_ago_goes() -> None:
    clock = Time()
    with Database(tables=[THINGS], clock=clock.wall) as database:
        step = aged(database, clock, timedelta(days=1))
        revisions = []
        for size in range(10):
            revisions.append(change(database, THINGS, size))
            clock.pass_s(4 * 3600)
        step()
        # it is 40 h after the first, so those of 16 h and before have ended more than a day ago
        assert database.fetch("SELECT min(until) FROM things_history") == [(revisions[5],)]
        assert [one.row["size"] for one in database.changes("things", revisions[4])] == [5, 6, 7, 8, 9]


def test_a_clock_that_is_set_ahead_ends_nothing_for_a_day() -> None:
    clock = Time()
    with Database(tables=[THINGS], clock=clock.wall) as database:
        step = aged(database, clock, timedelta(days=1))
        for size in range(5):
            change(database, THINGS, size)
            clock.pass_s(600)
        clock.wall_ns += 400 * DAY_NS
        clock.pass_s(700)
        step()
        assert kept(database) == 4
        clock.wall_ns -= 400 * DAY_NS
        clock.pass_s(700)
        step()
        assert kept(database) == 4
        clock.wall_ns += 400 * DAY_NS
        for _ in range(4):
            clock.pass_s(8 * 3600)
            step()
        assert kept(database) == 0, "one that stays is believed"


def test_soon_after_the_start_nothing_goes_for_its_age() -> None:
    clock = Time()
    with Database(tables=[THINGS], clock=clock.wall) as database:
        for size in range(5):
            change(database, THINGS, size)
        clock.pass_s(30 * 86400)  # the node was away
        step = aged(database, clock, timedelta(days=1))
        clock.steady_s += 60
        step()
        assert kept(database) == 4
        clock.pass_s(600)
        step()
        assert kept(database) == 0


def test_a_clock_that_goes_back_is_followed() -> None:
    clock = Time()
    watch = Clock(clock.wall, clock.steady)
    clock.pass_s(100)
    clock.wall_ns -= DAY_NS
    assert watch.now_ns() == clock.wall_ns
