"""How much of the past is kept, and letting go of the rest while everything goes on.

    Keep(rows, bytes, age)   of one table's history; whichever is reached first ends it
    Compaction               in the writer, between its transactions: a few hundred rows at a time

What is let go is always the oldest, by whole revisions, and that the history begins later is written before anything goes. A line
of the log goes when no row speaks of its revision any more. Space that gets free is used again by what comes; when much of it is
free and nobody writes, the file becomes shorter (see checkpoint).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import apsw

from holdfast.errors import Compacted
from holdfast.model.field import Table

from . import history
from .moments import resolve

__all__ = ["LOOK_EVERY_S", "Compaction", "Keep", "Retention"]

ROWS: Final = 200_000
SIZE: Final = 128 << 20
DAYS: Final = 90

STEP: Final = 400
"""Rows that one transaction lets go, about 5 ms."""
LOOK_EVERY_S: Final = 60.0
_LOOK_EVERY: Final = 500
"""Revisions between two looks at how much there is."""
_SLACK: Final = 32
"""A history may exceed its limit by this fraction (1/32): letting go begins seldom, and then finds something."""
_AGED_EVERY_S: Final = 600.0
_GRACE_S: Final = 600.0
"""Nothing is let go for its age so soon after the start: the clock may not be set yet."""
_AHEAD_NS: Final = 60 * 10**9
_BELIEVED_S: Final = 86400.0
_LINES: Final = 2000
"""Lines of the log that one transaction looks at."""
_SAMPLE: Final = 200
"""Rows whose length is taken for that of all."""
_ENTRIES: Final = 60.0
_FILL: Final = 1.6


@dataclass(frozen=True, slots=True)
class Keep:
    """How much of a table's history is kept: None is no limit.

    rows   that were changed or deleted. The oldest revision that is kept is kept as a whole, so there may be more.
    bytes  that they take in the file with their indexes: about, estimated from the last rows.
    age    how long ago a row may have ended.
    """

    rows: int | None = ROWS
    bytes: int | None = SIZE
    age: timedelta | None = timedelta(days=DAYS)


@dataclass(frozen=True, slots=True)
class Retention:
    """`default` for every table but those in `tables`.

    The log keeps a line as long as a row speaks of its revision; those of starts, stops and gaps for `default.age`.
    """

    default: Keep = field(default_factory=Keep)
    tables: Mapping[str, Keep] = field(default_factory=dict)

    def of(self, table: str) -> Keep:
        return self.tables.get(table, self.default)


class Clock:
    """The time for ages. One that is set ahead ends nothing at once: it is believed after a day."""

    def __init__(self, wall_ns: Callable[[], int] = time.time_ns, steady: Callable[[], float] = time.monotonic) -> None:
        self._wall_ns, self._steady = wall_ns, steady
        self._offset_ns = wall_ns() - round(steady() * 1e9)
        self._began = steady()
        self._doubted: float | None = None

    @property
    def running_s(self) -> float:
        return self._steady() - self._began

    def now_ns(self) -> int:
        wall_ns, steady = self._wall_ns(), self._steady()
        expected_ns = self._offset_ns + round(steady * 1e9)
        if wall_ns <= expected_ns + _AHEAD_NS:
            self._doubted = None
            return wall_ns
        self._doubted = self._doubted or steady
        if steady - self._doubted > _BELIEVED_S:
            self._offset_ns += wall_ns - expected_ns
            return wall_ns
        return expected_ns


class Compaction:
    """Of one database; for the writer, outside of its transactions.

    due  there is something to let go.
    """

    def __init__(
        self,
        connection: apsw.Connection,
        tables: Collection[Table],
        retention: Retention,
        wall_ns: Callable[[], int] = time.time_ns,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection = connection
        self._tables = tables
        self._retention = retention
        self._clock = Clock(wall_ns, steady)
        self._before: dict[str, int] = {}
        self._old: dict[timedelta, int] = {}
        self._lines = _Lines(connection, tables)
        self._looked = 0
        self._looked_s = self._aged_s = -LOOK_EVERY_S

    @property
    def due(self) -> bool:
        return bool(self._before) or self._lines.due

    def wants(self, revision: int) -> bool:
        """Is it time for a step?"""
        return self.due or abs(revision - self._looked) >= _LOOK_EVERY or self._clock.running_s - self._looked_s >= LOOK_EVERY_S

    def step(self, revision: int) -> bool:
        """Let a little go; says whether there was something. Raises: apsw.Error."""
        running_s = self._clock.running_s
        if abs(revision - self._looked) >= _LOOK_EVERY or running_s - self._looked_s >= LOOK_EVERY_S:
            self._looked, self._looked_s = revision, running_s
            self._look(running_s)
        if not self.due:
            return False
        with self._connection:
            if self._before:
                table, before = next(iter(self._before.items()))
                if history.forget(self._connection, table, before, STEP) < STEP:
                    del self._before[table]
            else:
                self._lines.step()
        return True

    def pause(self) -> None:
        """It failed: not before the next look."""
        self._before.clear()
        self._lines.due = False

    def _look(self, running_s: float) -> None:
        if running_s >= _GRACE_S and running_s - self._aged_s >= _AGED_EVERY_S:
            self._aged_s = running_s
            ages = {self._retention.default.age, *(self._retention.of(table.name).age for table in self._tables)}
            self._old = {age: self._revision_before(age) for age in ages if age is not None}
        oldest = 0
        for table in self._tables:
            kept = history.oldest(self._connection, table.name)
            before = self._begin(table, self._retention.of(table.name))
            if before > kept:
                self._before[table.name] = before
            oldest = max(oldest, kept)
        self._lines.look(oldest, self._aged(self._retention.default))

    def _begin(self, table: Table, keep: Keep) -> int:
        """The revision that the history of a table may begin after."""
        first, last = self._one(f"SELECT min(rowid), max(rowid) FROM {table.name}_history")
        count = 0 if first is None else last - first + 1
        limits = [] if keep.rows is None else [keep.rows]
        if keep.bytes is not None and count > _SAMPLE:
            limits.append(int(keep.bytes / self._size(table)))
        most = min(limits, default=count)
        if count <= most + most // _SLACK:
            return self._aged(keep)
        # rows come in when they end, so they are numbered in the order of `until`, without gaps
        until = self._one(f"SELECT until FROM {table.name}_history WHERE rowid > ? ORDER BY rowid LIMIT 1", last - max(most, 1))[0]
        return max(self._aged(keep), int(until) - 1)

    def _aged(self, keep: Keep) -> int:
        return 0 if keep.age is None else self._old.get(keep.age, 0)

    def _revision_before(self, age: timedelta) -> int:
        try:
            return resolve(lambda sql, args: self._connection.execute(sql, tuple(args)).fetchall(), age, self._clock.now_ns()).revision
        except Compacted:  # nothing is so old
            return 0

    def _size(self, table: Table) -> float:
        """Bytes of a row of the history with its entries in indexes: its own length about twice (measured, see bench/endurance.py)."""
        lengths = " + ".join(f"coalesce(length(CAST({column} AS BLOB)), 0) + 1" for column in table.columns)
        sample = f"SELECT {lengths} AS size FROM {table.name}_history ORDER BY rowid DESC LIMIT {_SAMPLE}"
        return _ENTRIES + _FILL * float(self._one(f"SELECT avg(size) FROM ({sample})")[0])

    def _one(self, sql: str, *args: Any) -> Any:
        return self._connection.execute(sql, args).fetchone()


_NEXT: Final = """SELECT max(revision), count(*) FROM (
    SELECT revision FROM log WHERE revision > ? AND revision <= ? ORDER BY revision LIMIT ?)"""


_TREE: Final = (
    "SELECT since FROM tree WHERE since > ?1 AND since <= ?2",
    "SELECT until FROM tree WHERE until > ?1 AND until <= ?2",
    "SELECT revision FROM tree_roots WHERE revision > ?1 AND revision <= ?2",
    "SELECT base FROM tree_drafts WHERE base > ?1 AND base <= ?2",
)


class _Lines:
    """Lines of the log whose revision no row speaks of any more, of the tables or of the tree. One pass after the other, in steps."""

    def __init__(self, connection: apsw.Connection, tables: Collection[Table]) -> None:
        self.due = False
        self._connection = connection
        spoken = [*_TREE, *(sql for table in tables for sql in _spoken(table.name))]
        self._delete = (
            "DELETE FROM log WHERE revision > ?1 AND revision <= ?2 AND (kind = 'live' OR revision <= ?3) "
            f"AND revision NOT IN ({' UNION ALL '.join(spoken)})"
        )
        self._at = self._end = self._old = 0
        self._since_whole = 0
        self._kept = 0

    def look(self, oldest: int, old: int) -> None:
        """Up to which revision there may be something: behind it all histories are whole. old: lines of any kind may go."""
        if not self.due and oldest - 1 > self._end:
            self._since_whole += oldest - 1 - self._end
            if self._since_whole > max(10_000, self._kept):  # what was spoken of when it was passed may not be any more
                self._at = self._since_whole = self._kept = 0
            self._end, self._old, self.due = oldest - 1, old, True

    def step(self) -> None:
        found: Any = self._connection.execute(_NEXT, (self._at, self._end, _LINES)).fetchone()
        last, count = found
        if count:
            self._connection.execute(self._delete, (self._at, last, self._old))
            self._kept += count - self._connection.changes()
            self._at = last
        if count < _LINES:
            self._at, self.due = self._end, False


def _spoken(table: str) -> list[str]:
    """SELECTs of the revisions between ?1 and ?2 that rows of a table speak of, through its indexes."""
    targets = (
        f"WITH RECURSIVE one(which) AS (SELECT min(target) FROM {table} UNION ALL SELECT (SELECT min(target) FROM {table} "
        f"WHERE target > one.which) FROM one WHERE one.which IS NOT NULL) "
    )
    return [
        f"SELECT * FROM ({targets}SELECT since FROM one CROSS JOIN {table} WHERE target = one.which AND since > ?1 AND since <= ?2)",
        f"SELECT since FROM {table}_history WHERE since > ?1 AND since <= ?2",
        f"SELECT until FROM {table}_history WHERE until > ?1 AND until <= ?2",
    ]
