"""Points in time: what is understood, and which revision a time means, also where the clock was set."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from holdfast.database.moments import duration, read
from holdfast.database.sqlite import Database
from holdfast.errors import Compacted, InvalidValue
from holdfast.model.field import TEXT, U32, Field, Table

THINGS = Table("things", "thing", "Things.", (Field("name", TEXT, default=""), Field("size", U32)), key=("name",))
NOW = datetime(2026, 11, 26, 15, 4, 5, tzinfo=timezone(timedelta(hours=1)))
SECOND = 10**9


@pytest.fixture(autouse=True)
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A zone of one hour east, so that local time and UTC differ."""
    import time

    monkeypatch.setenv("TZ", "EST-1")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-11-20T14:03", "2026-11-20 13:03"),
        ("2026-11-20 14:03:30.5", "2026-11-20 13:03:30.5"),
        ("2026-11-20T14:03Z", "2026-11-20 14:03"),
        ("2026-11-20t14:03:00+05:30", "2026-11-20 08:33"),
        ("2026-11-20", "2026-11-19 23:00"),
        ("14:03", "2026-11-26 13:03"),
        ("today 14:03:07.25", "2026-11-26 13:03:07.25"),
        ("Yesterday at 14:03", "2026-11-25 13:03"),
        ("10 minutes ago", "2026-11-26 13:54:05"),
        ("90s", "2026-11-26 14:02:35"),
        ("1h 30m ago", "2026-11-26 12:34:05"),
        ("2 weeks 1 day ago", "2026-11-11 14:04:05"),
        (timedelta(hours=2), "2026-11-26 12:04:05"),
        (datetime(2026, 11, 20, 14, 3), "2026-11-20 13:03"),  # noqa: DTZ001 - that is the case
        (datetime(2026, 11, 20, 14, 3, tzinfo=UTC), "2026-11-20 14:03"),
    ],
)
def test_a_time_is_of_this_machines_zone_unless_it_says_another(text: Any, utc: str) -> None:
    assert read(text, NOW) == datetime.fromisoformat(utc).replace(tzinfo=UTC)


def test_a_number_is_a_revision() -> None:
    assert [read(one, NOW) for one in (7, "7", "r7", " 1200 ", 0, "now")] == [7, 7, 7, 1200, 0, None]


@pytest.mark.parametrize(
    "text",
    ["", "soon", "-3", -3, True, 1.5, "10 months ago", "yesterday", "25:00", "2026-13-01", "tomorrow 14:00", "ago", "9e9 s"],
)
def test_what_is_not_clear_is_refused_with_what_is_understood(text: Any) -> None:
    with pytest.raises(InvalidValue, match=r"expected a point in time, got .*a point in time is a revision"):
        read(text, NOW)


def test_durations() -> None:
    assert duration("30d") == timedelta(days=30)
    assert duration("1h 30 minutes") == timedelta(minutes=90)
    for wrong in ("", "30", "d", "3 months", "1h30", "-1h", "99999999999999 weeks"):
        with pytest.raises(InvalidValue, match="expected a duration"):
            duration(wrong)


# -- in the log ----------------------------------------------------------------------------------------------------------


class Clock:
    """Shows what it is told."""

    def __init__(self) -> None:
        self.ns = 1_700_000_000 * SECOND

    def __call__(self) -> int:
        return self.ns


def grow(database: Database, clock: Clock, stamps: list[int]) -> list[int]:
    """A revision at each of these seconds; their numbers."""
    base = 1_700_000_000
    found = []
    for number, second in enumerate(stamps):
        clock.ns = (base + second) * SECOND
        database.write(lambda tx, number=number: tx.put(THINGS, "here", ("name", "size"), [["a"], [number]])).result()
        found.append(database.revision)
    return found


def at(database: Database, second: float) -> int:
    return database.moment(datetime.fromtimestamp(1_700_000_000 + second, UTC)).revision


def test_a_time_means_the_last_revision_that_is_not_later() -> None:
    clock = Clock()
    with Database(tables=[THINGS], clock=clock) as database:
        revisions = grow(database, clock, [10, 20, 20, 30])
        assert [at(database, second) for second in (0, 9.9, 10, 19, 20, 25, 30, 1000)] == [
            1, 1, revisions[0], revisions[0], revisions[2], revisions[2], revisions[3], revisions[3],
        ]  # fmt: skip
        assert database.moment(revisions[1]).time_ns == (1_700_000_020) * SECOND
        with pytest.raises(Compacted, match=r"the log of this database begins at revision 1 \(2023-") as caught:
            at(database, -1)
        assert caught.value.oldest == 1
        with pytest.raises(InvalidValue, match="expected a time that has been"):
            at(database, 1e9)


def test_a_start_without_a_clock_does_not_stand_before_everything() -> None:
    clock = Clock()
    with Database(tables=[THINGS], clock=clock) as database:
        before = grow(database, clock, list(range(10, 60, 5)))
        lost = grow(database, clock, [-1_600_000_000, -1_599_999_990])
        after = grow(database, clock, [100, 110, 120])
        assert [at(database, second) for second in (10, 33, 44)] == [before[0], before[4], before[6]]
        assert at(database, 90) == lost[1], "behind all that was before, and what came without a clock is there already"
        assert at(database, 115) == after[1]
        assert database.moment("now").revision == after[2]


def test_a_minute_in_a_year_to_come_does_not_end_time() -> None:
    clock = Clock()
    with Database(tables=[THINGS], clock=clock) as database:
        before = grow(database, clock, [10, 20, 30])
        grow(database, clock, [90_000_000, 90_000_001])
        after = grow(database, clock, [50, 60, 70, 80])
        assert [at(database, second) for second in (10, 20, 30)] == before
        assert [at(database, second) for second in (60, 70, 80, 90)] == [*after[1:], after[3]]


def test_steps_of_the_clock_survive_a_restart_and_a_job_that_fails(tmp_path: Any) -> None:
    clock = Clock()
    with Database(tmp_path / "x.db", [THINGS], clock=clock) as database:
        grow(database, clock, [100, 200, 300])

        def fails(tx: Any) -> None:
            clock.ns = 1_700_000_050 * SECOND
            tx.note("something")
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            database.write(fails).result()
        after = grow(database, clock, [51, 52, 53, 54, 55, 56])
    clock.ns = 1_700_000_010 * SECOND
    with Database(tmp_path / "x.db", [THINGS], clock=clock) as database:
        steps = database.fetch("SELECT value FROM meta WHERE name = 'clock_back'")
        assert steps == [(f"[{after[0]},{database.revision}]",)]
        assert at(database, 52) == 1, "two revisions would be on the wrong side; behind them it would be three"
        assert at(database, 54) == after[3], "and here it is four against three"
        assert at(database, 300) == database.revision, "nothing is later, wherever the clock stood"
