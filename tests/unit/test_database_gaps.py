"""Is it said of a time that nobody looked then?"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from holdfast.database.gaps import Gap
from holdfast.database.moments import spoken
from holdfast.database.sqlite import Database, open_reader
from holdfast.errors import Compacted
from holdfast.model import NEXTHOPS

HOUR = 3600 * 10**9
BEGIN = 1_700_000_000 * 10**9


class Clock:
    def __init__(self) -> None:
        self.now_ns = BEGIN

    def __call__(self) -> int:
        return self.now_ns


def at(hours: float) -> datetime:
    return datetime.fromtimestamp(BEGIN / 1e9 + hours * 3600).astimezone()


def put(database: Database, number: int) -> int:
    def job(tx: object) -> int:
        tx.put(NEXTHOPS, "here", ("id", "oif"), [[number], [1]])  # type: ignore[attr-defined]
        return int(tx.revision)  # type: ignore[attr-defined]

    return database.write(job).result()


def test_of_a_time_between_two_runs(tmp_path: Path) -> None:
    """It begins when the run was closed, not with its last change."""
    path, clock = str(tmp_path / "x.db"), Clock()
    with Database(path, clock=clock) as database:
        clock.now_ns += HOUR
        revision = put(database, 1)
        assert database.gap(at(0.5)) is None and database.gap("now") is None
        assert database.gap(at(1.5)) is None, "it is open: nothing has changed since"
        clock.now_ns += HOUR
    with open_reader(path) as reader:
        assert reader.gap(at(1.5)) is None
        assert reader.gap(at(3)) == Gap(BEGIN + 2 * HOUR, 0), "nobody has it since"
    clock.now_ns += 2 * HOUR
    with Database(path, clock=clock) as database:
        clock.now_ns += HOUR
        put(database, 2)
        down = Gap(BEGIN + 2 * HOUR, BEGIN + 4 * HOUR)
        assert [database.gap(at(hours)) for hours in (1.5, 1.99, 2.01, 3.99, 4.01, 5.5)] == [None, None, down, down, None, None]
        assert database.gap(revision) is None, "what a revision is, is known"
        assert str(down) == (
            f"nobody looked from {spoken(BEGIN + 2 * HOUR)} until {spoken(BEGIN + 4 * HOUR)}: "
            "what is told of then is what was seen last"
        )
        with open_reader(path) as reader:
            assert reader.gap(at(3)) == down
            assert reader.gap(at(9)) is None, "it is open"
        with pytest.raises(Compacted):
            database.gap(at(-1))


def test_of_a_run_that_was_killed_only_the_last_line_is_known(tmp_path: Path) -> None:
    path, clock = str(tmp_path / "x.db"), Clock()
    with Database(path, clock=clock) as database:
        clock.now_ns += HOUR
        put(database, 1)
        clock.now_ns += HOUR
        for suffix in ("", "-wal"):
            (tmp_path / f"copy.db{suffix}").write_bytes(Path(path + suffix).read_bytes())
    clock.now_ns += HOUR
    with Database(str(tmp_path / "copy.db"), clock=clock) as database:
        assert not database.clean
        assert database.gap(at(0.5)) is None
        assert database.gap(at(1.5)) == database.gap(at(2.5)) == Gap(BEGIN + HOUR, BEGIN + 3 * HOUR)
        clock.now_ns += HOUR
        put(database, 2)
        assert database.gap(at(3.5)) is None
