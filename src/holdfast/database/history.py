"""The past of the tables: how rows get there, what changed between two revisions, and letting go of what is too old.

Rows are moved by triggers, measured against statements of our own: they cost only where a row changes (13 µs per changed row
of a table with 29 columns, 9 µs without history), and nothing can be written past them. They are temporary, so that they live
on the writer's connection alone and the file's schema stays plain.
"""

from __future__ import annotations

import itertools
import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

import apsw
import msgspec

from holdfast.errors import Compacted
from holdfast.model.field import Table

from . import meta
from .home import Change, Condition, Row
from .moments import Moment, time_of
from .revisions import read_holes

__all__ = ["FOR_QUESTIONS", "Past", "begin_at", "forget", "oldest", "triggers", "whole_since"]

Fetch = Callable[[str, Sequence[Any]], list[Row]]

_decode: Final = msgspec.json.decode


def triggers(table: Table) -> Iterator[str]:
    """DDL. A row that began at this very revision leaves nothing behind: nobody has seen it."""
    name = table.name
    columns = ", ".join(("target", *table.columns, "since"))
    old = ", ".join(f"old.{column}" for column in ("target", *table.columns, "since"))
    yield (
        f"CREATE TEMP TRIGGER {name}_changed AFTER UPDATE OF since ON main.{name} WHEN old.since <> new.since "
        f"BEGIN INSERT INTO {name}_history({columns}, until) VALUES ({old}, new.since); END"
    )
    yield (
        f"CREATE TEMP TRIGGER {name}_deleted AFTER DELETE ON main.{name} WHEN old.since <> (SELECT revision FROM mark) "
        f"BEGIN INSERT INTO {name}_history({columns}, until) SELECT {old}, revision FROM mark; END"
    )


# One target after the other, because the index is led by it: O(targets · log rows) when nothing happened.
_LIVE: Final = """
    WITH RECURSIVE one(which) AS (
      SELECT min(target) FROM {table}
      UNION ALL SELECT (SELECT min(target) FROM {table} WHERE target > one.which) FROM one WHERE one.which IS NOT NULL)
    SELECT since, target, {columns} FROM one CROSS JOIN {table} INDEXED BY {table}_since
    WHERE target = one.which AND since > ?1 AND since <= ?2"""
_BEGAN: Final = "SELECT since, target, {columns} FROM {table}_history INDEXED BY {table}_history_since WHERE since > ?1 AND since <= ?2"
_ENDED: Final = "SELECT until, target, {columns} FROM {table}_history INDEXED BY {table}_history_until WHERE until > ?1 AND until <= ?2"

# The same of rows that meet a condition, which has an index of its own or none; arguments from ?3 on are the condition's.
# The `+` keeps the planner from the index of `since`: with a target it would take that, rather than the key's.
_LIVE_OF: Final = "SELECT since, target, {columns} FROM {table} AS t WHERE +since > ?1 AND +since <= ?2 AND ({condition})"
_BEGAN_OF: Final = "SELECT since, target, {columns} FROM {table}_history AS t WHERE since > ?1 AND since <= ?2 AND ({condition})"
_ENDED_OF: Final = "SELECT until, target, {columns} FROM {table}_history AS t WHERE until > ?1 AND until <= ?2 AND ({condition})"

# Of two revisions: what was there at the first and no more at the second, and what is there at the second and was not at the first.
_WAS: Final = """SELECT until, target, {columns} FROM {table}_history INDEXED BY {table}_history_until
    WHERE until > ?1 AND until <= ?2 AND since <= ?1"""
_IS: Final = """SELECT since, target, {columns} FROM {table}_history INDEXED BY {table}_history_until
    WHERE until > ?2 AND since > ?1 AND since <= ?2"""


class Past:
    """What there is to ask of one table's history; made once per table, since deriving it costs more than asking."""

    def __init__(self, table: Table) -> None:
        columns = table.columns
        lasting = frozenset(table.lasting)
        self._table = table.name
        self._names = ("target", *columns)
        self._json = [field.name for field in table.fields if field.json]
        self._key = (1, *(columns.index(name) + 2 for name in table.key))
        self._lasting = [place for place, name in enumerate(columns, 2) if name in lasting and name not in table.key]
        self._columns = ", ".join(columns)
        self._live, self._began, self._ended, self._was, self._is = map(self._filled, (_LIVE, _BEGAN, _ENDED, _WAS, _IS))

    def _filled(self, sql: str, condition: str = "") -> str:
        return sql.format(table=self._table, columns=self._columns, condition=condition)

    def changes(self, fetch: Fetch, since: int, until: int, condition: Condition | None = None) -> list[Change]:
        """What happened after `since`, up to `until`, by revision; `fetch` reads at one revision, at least `until`.

        At each revision a key has at most one row that began and one that ended (several only where the key became another
        one): together they are a change, alone a row that is new or gone. What is as it was before at the end of its revision
        is no change. `whole_since` is to be asked first.
        condition: of the rows; one that holds before a change and not after it makes the row gone.
        """
        live, began, ended = self._texts(condition)
        args = (since, until, *(condition.args if condition else ()))
        return self._paired(fetch(ended, args), (row for sql in (live, began) for row in fetch(sql, args)))

    def touched(self, fetch: Fetch, since: int, until: int, condition: Condition | None = None) -> dict[int, tuple[int, int]]:
        """The revisions of `changes`, and how many rows began and how many ended at each: to know before what there is to read."""
        live, began, ended = self._texts(condition)
        args = (since, until, *(condition.args if condition else ()))
        found: dict[int, tuple[int, int]] = {}
        for sql, new in ((live, 1), (began, 1), (ended, 0)):
            for revision, count in fetch(f"SELECT r, count(*) FROM ({_only_revision(sql)}) GROUP BY r", args):
                before = found.get(revision, (0, 0))
                found[revision] = (before[0] + count * new, before[1] + count * (1 - new))
        return found

    def revisions(self, fetch: Fetch, since: int, until: int, condition: Condition | None = None) -> array[int]:
        """The revisions of `changes` alone, the newest first."""
        args = (since, until, *(condition.args if condition else ()))
        sql = " UNION ".join(f"SELECT r FROM ({_only_revision(one)})" for one in self._texts(condition))
        return array("q", (row[0] for row in fetch(f"{sql} ORDER BY r DESC", args)))

    def between(self, fetch: Fetch, first: int, second: int) -> list[Change]:
        """How the table at revision `second` differs from that at `first`, an earlier one; each change has the last revision that
        did its part. `whole_since(first)` is to be asked before. Cost: O(rows that changed after the first revision)."""
        args = (first, second)
        now = (row for sql in (self._live, self._is) for row in fetch(sql, args))
        return self._paired(fetch(self._was, args), now, at_one_revision=False)

    def _texts(self, condition: Condition | None) -> tuple[str, str, str]:
        if condition is None:
            return self._live, self._began, self._ended
        number = itertools.count(3)
        terms = re.sub(r"\?", lambda _: f"?{next(number)}", condition.sql)
        return self._filled(_LIVE_OF, terms), self._filled(_BEGAN_OF, terms), self._filled(_ENDED_OF, terms)

    def _paired(self, ended: Iterable[Row], began: Iterable[Row], *, at_one_revision: bool = True) -> list[Change]:
        """Rows that ended and rows that began, of one key, as changes."""
        gone: dict[Any, list[Row]] = {}
        for row in ended:
            gone.setdefault((row[0] if at_one_revision else None, self._key_of(row)), []).append(row)
        found: list[tuple[int, int, Row, Row | None]] = []
        for row in began:
            before = gone.get((row[0] if at_one_revision else None, self._key_of(row))) if gone else None
            old = before.pop() if before else None
            if old is None or not self._same(old, row):
                found.append((row[0], 1, row, old))
        found.extend((row[0], 0, row, None) for rows in gone.values() for row in rows)
        found.sort(key=lambda one: one[:2])
        return [
            Change(self._table, revision, "put" if op else "delete", self._dict(row), None if old is None else self._dict(old))
            for revision, op, row, old in found
        ]

    def _key_of(self, row: Row) -> Row:
        return tuple([row[place] for place in self._key])

    def _same(self, one: Row, other: Row) -> bool:
        """Are two rows of one key equal but for revision and what is volatile?"""
        return all(one[place] == other[place] for place in self._lasting)

    def _dict(self, row: Row) -> dict[str, Any]:
        found = dict(zip(self._names, row[1:], strict=True))
        for name in self._json:
            if found[name] is not None:
                found[name] = _decode(found[name])
        return found


def _only_revision(sql: str) -> str:
    """A text of ours that reads rows, reading only their revision."""
    head, _, rest = sql.partition(", target, ")
    # the `+` keeps the planner from reading all of an index for its order, where a condition finds few rows by another one
    lead, _, column = head.rpartition(" ")
    return f"{lead} +{column} AS r FROM{rest.partition(' FROM')[2]}"


def oldest(connection: apsw.Connection, table: str) -> int:
    """The revision after which the history of a table is whole; the table as it was is known from there on."""
    return int(meta.read(connection, _oldest(table), 0))


def _oldest(table: str) -> str:
    return f"oldest_{table}"


def begin_at(connection: apsw.Connection, table: str, revision: int) -> None:
    """Note that the history of a table is whole after this revision only. Within a transaction."""
    if revision > oldest(connection, table):
        meta.write(connection, _oldest(table), revision)


FOR_WATCHES: Final = "read the table as it is now, and go on from there"
FOR_QUESTIONS: Final = "ask for a point in time from there on"


def whole_since(connection: apsw.Connection, table: str, since: int, now: int, hint: str = FOR_WATCHES) -> None:
    """Return if the history of a table has everything after revision `since`. Raises: Compacted - it has not."""
    kept = oldest(connection, table)
    if since < kept:
        began = time_of(lambda sql, args: connection.execute(sql, tuple(args)).fetchall(), kept)
        sentence = f"{table} at revision {since} are asked for, and their history is kept from {Moment(kept, began)} on"
        raise Compacted(sentence, oldest=kept, oldest_time_ns=began, table=table, hint=hint)
    if since > now:
        raise Compacted(f"revision {since} is not one of this database, which is at {now}", oldest=kept)
    for before, last in read_holes(connection):
        if before < since <= last:
            sentence = f"revision {since} was lost when the system stopped: the file has none of {before + 1} to {last}"
            raise Compacted(sentence, oldest=last, hint=hint)


def forget(connection: apsw.Connection, table: str, before: int, limit: int) -> int:
    """Delete at most `limit` history rows of a table that ended at or before revision `before`; returns how many. 0: all are gone.

    Within a transaction. That the history begins later is written first, so that nobody takes what is left for the whole.
    """
    begin_at(connection, table, before)
    history = f"{table}_history"
    connection.execute(f"DELETE FROM {history} WHERE rowid IN (SELECT rowid FROM {history} WHERE until <= ? LIMIT ?)", (before, limit))
    return connection.changes()
