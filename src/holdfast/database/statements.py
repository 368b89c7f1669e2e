"""The SQL that the writer runs for one table, derived from the model once and kept.

The upsert stands behind a door: a temporary view `put_<table>` whose trigger does it. So the statement that is run for each row
is short, which counts: apsw looks it up by its text again for every row of an executemany, 1 µs per 1 500 characters, and
the whole upsert has 2 000. Through the door a row costs a fifth less.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat
from typing import Any

from holdfast.errors import Bug
from holdfast.model.field import Field, Table

from .home import Columns, Row, Values
from .insertion import Insertion, texts
from .schema import column_ddl, key_terms, literal, sentinel

__all__ = ["Deletion", "Exchange", "Statements", "length_of", "row_at"]


@dataclass(frozen=True, slots=True)
class Deletion:
    """A statement whose arguments are the target and the key columns that are given; `places`: where they are; `json`: those
    among them that are to be encoded."""

    sql: str
    places: tuple[int, ...]
    json: tuple[int, ...]

    def keys(self, values: Values, count: int) -> Iterable[Row]:
        """The keys of `count` rows, as SQLite takes them."""
        columns = [texts(values[place]) if place in self.json else values[place] for place in self.places]
        return zip(*columns, strict=True) if columns else repeat((), count)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A statement that makes one row into another one with another key. Its arguments: target, revision, the old key, and the values of
    those columns that are set; `places`, `json`: as above."""

    sql: str
    places: tuple[int, ...]
    json: frozenset[int]

    def values(self, row: Row) -> Row:
        """The values that are set, as SQLite takes them."""
        if self.json:
            return tuple([texts([row[place]])[0] if place in self.json else row[place] for place in self.places])
        return tuple([row[place] for place in self.places])


class Statements:
    """Of one table. Texts depend on which columns are given; there are few such sets, so all are kept."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self._puts: dict[Columns, Insertion] = {}
        self._inserts: dict[Columns, Insertion] = {}
        self._stagings: dict[Columns, Insertion] = {}
        self._deletes: dict[Columns, Deletion] = {}
        self._exchanges: dict[tuple[Columns, Columns], Exchange] = {}
        self.volatile = table.lasting != table.columns

    def put(self, columns: Columns) -> Insertion:
        """Upsert by key."""
        known = self._puts.get(columns)
        if known is None:
            fields = self._fields(columns)
            into = f"{self._door}(target,since,{','.join(columns)})"
            known = self._puts[columns] = Insertion(into, 2, ["?"] * len(fields), _json_places(fields))
        return known

    def insert(self, columns: Columns) -> Insertion:
        """Plain insert, for rows that are known to be new."""
        known = self._inserts.get(columns)
        if known is None:
            fields = self._fields(columns)
            into = f"{self.table.name}(target,since,{','.join(columns)})"
            known = self._inserts[columns] = Insertion(into, 2, [_or_default(field, "?") for field in fields], _json_places(fields))
        return known

    def stage(self, columns: Columns) -> Insertion:
        """Insert into the stage of a sweep; no target and revision among the arguments."""
        known = self._stagings.get(columns)
        if known is None:
            fields = self._fields(columns)
            into = f"{self.stage_name}({','.join(columns)})"
            known = self._stagings[columns] = Insertion(into, 0, ["?"] * len(fields), _json_places(fields))
        return known

    def delete(self, columns: Columns) -> Deletion:
        """Delete one row by key."""
        known = self._deletes.get(columns)
        if known is None:
            self._fields(columns)
            given = [name for name in self.table.key if name in columns]
            terms = " AND ".join(_matches(self.table[name], "?" if name in columns else None) for name in self.table.key)
            sql = f"DELETE FROM {self.table.name} INDEXED BY {self.table.name}_key WHERE target = ? AND {terms}"
            places = {name: columns.index(name) for name in given}
            json = tuple(place for name, place in places.items() if self.table[name].json)
            known = self._deletes[columns] = Deletion(sql, tuple(places.values()), json)
        return known

    def exchange(self, columns: Columns, moved: Columns) -> Exchange:
        """Make one row into another one, `moved` naming what differs in their keys.

        Key columns that stay are not set, so that indexes of them alone are left as they are. A conflict is a FAIL: with ABORT, the
        usual one, SQLite copies the pages first (see schema.py), and this is one row.
        """
        known = self._exchanges.get((columns, moved))
        if known is None:
            key = self.table.key
            sets = [field for field in self.table.fields if field.name in moved or field.name not in key]
            given = [field for field in sets if field.name in columns]
            numbers = {field.name: place for place, field in enumerate(given, 3 + len(key))}
            terms = [
                f"{field.name} = {_or_default(field, f'?{numbers[field.name]}') if field in given else literal(field.default)}"
                for field in sets
            ]
            where = [_matches(self.table[name], f"?{place}") for place, name in enumerate(key, 3)]
            name = self.table.name
            sql = (
                f"UPDATE OR FAIL {name} INDEXED BY {name}_key SET since = ?2, {', '.join(terms)} "
                f"WHERE target = ?1 AND {' AND '.join(where)}"
            )
            places = tuple(columns.index(field.name) for field in given)
            json = frozenset(place for place, field in zip(places, given, strict=True) if field.json)
            known = self._exchanges[columns, moved] = Exchange(sql, places, json)
        return known

    @cached_property
    def live_since(self) -> str:
        """Is there a row with this target and `since`?"""
        return f"SELECT 1 FROM {self.table.name} INDEXED BY {self.table.name}_since WHERE target = ? AND since = ? LIMIT 1"

    @cached_property
    def count_since(self) -> str:
        """How many rows have this target and `since`?"""
        return f"SELECT count(*) FROM {self.table.name} INDEXED BY {self.table.name}_since WHERE target = ? AND since = ?"

    @cached_property
    def count(self) -> str:
        """How many rows has this target?"""
        return f"SELECT count(*) FROM {self.table.name} INDEXED BY {self.table.name}_since WHERE target = ?"

    # -- sweep -----------------------------------------------------------------------------------------------------

    @property
    def stage_name(self) -> str:
        return f"temp.stage_{self.table.name}"

    @cached_property
    def make_stage(self) -> str:
        """The temporary table of a sweep, without an index: it is read from end to end."""
        return f"CREATE TABLE IF NOT EXISTS {self.stage_name}({', '.join(map(column_ddl, self.table.fields))})"

    @cached_property
    def merge_stage(self) -> str:
        """Upsert all that is staged; arguments: target, revision."""
        columns = ", ".join(self.table.columns)
        return f"INSERT INTO {self._door}(target, since, {columns}) SELECT ?, ?, {columns} FROM {self.stage_name} ORDER BY rowid"

    @cached_property
    def staged(self) -> str:
        """The rowids of the live rows that are staged; argument: target."""
        name = self.table.name
        same = " AND ".join(
            f"{live} = {new}"
            for live, new in zip(key_terms(self.table, "live."), key_terms(self.table, "new."), strict=True)
            if live != "live.target"
        )
        return f"SELECT live.rowid FROM {self.stage_name} new CROSS JOIN {name} live INDEXED BY {name}_key WHERE live.target = ? AND {same}"

    def unstaged(self, condition: str) -> str:
        """Delete the rows inside a condition that are not staged; arguments: target, those of the condition, target."""
        return f"DELETE FROM {self.table.name} WHERE target = ? AND ({condition or 'true'}) AND rowid NOT IN ({self.staged})"

    # -- the door --------------------------------------------------------------------------------------------------

    @property
    def _door(self) -> str:
        return f"put_{self.table.name}"

    @property
    def make_door(self) -> str:
        """DDL of the view and its trigger. What is not given is NULL there, and becomes the default."""
        columns = ", ".join(self.table.columns)
        values = ", ".join(_or_default(field, f"new.{field.name}") for field in self.table.fields)
        return (
            f"CREATE TEMP VIEW {self._door} AS SELECT target, since, {columns} FROM main.{self.table.name}; "
            f"CREATE TEMP TRIGGER {self._door}_row INSTEAD OF INSERT ON {self._door} BEGIN "
            f"INSERT INTO {self.table.name}(target, since, {columns}) VALUES (new.target, new.since, {values}) {self._upsert}; END"
        )

    @cached_property
    def _upsert(self) -> str:
        """What happens to a row whose key is there: nothing; or only what is volatile moves; or it begins a new life.

        Key columns are not set, for they are equal, and so their indexes are left alone.
        """
        rest = [field for field in self.table.fields if field.name not in self.table.key]
        lasting = " OR ".join(_differs(field) for field in rest if not field.volatile) or "false"
        differs = " OR ".join(map(_differs, rest)) or "false"
        since = f"CASE WHEN {lasting} THEN excluded.since ELSE since END" if self.volatile else "excluded.since"
        sets = "".join(f"{field.name}=excluded.{field.name}," for field in rest)
        return f"ON CONFLICT({','.join(key_terms(self.table))}) DO UPDATE SET {sets}since={since} WHERE {differs}"

    def _fields(self, columns: Columns) -> list[Field]:
        try:
            fields = [self.table[name] for name in columns]
        except KeyError as error:
            raise Bug(str(error.args[0])) from error
        if [field.name for field in fields] != list(columns) or len(set(columns)) != len(columns):
            raise Bug(f"columns of {self.table.name} by another name, or twice: {', '.join(columns)}")
        return fields


def _or_default(field: Field, value: str) -> str:
    return value if field.default is None else f"ifnull({value},{literal(field.default)})"


def _differs(field: Field) -> str:
    return f"{field.name} IS NOT excluded.{field.name}"


def _matches(field: Field, value: str | None) -> str:
    """Does a part of the key equal a value (its SQL; None: it is not given)?"""
    if field.default is not None:
        return f"{field.name} = {_or_default(field, value) if value else literal(field.default)}"
    return f"coalesce({field.name}, {sentinel(field)}) = " + (f"coalesce({value}, {sentinel(field)})" if value else sentinel(field))


def _json_places(fields: Sequence[Field]) -> tuple[int, ...]:
    return tuple(place for place, field in enumerate(fields) if field.json)


def length_of(columns: Columns, values: Values) -> int:
    """How many rows these are.

    Raises: Bug - not one sequence per column, or of different lengths: rows would be lost without a word.
    """
    if len(values) != len(columns):
        raise Bug(f"{len(values)} columns of values for {len(columns)} names: {', '.join(columns)}")
    lengths = set(map(len, values))
    if len(lengths) > 1:
        raise Bug(f"columns of {sorted(lengths)} values: {', '.join(columns)}")
    return lengths.pop() if lengths else 0


def row_at(values: Values, place: int) -> tuple[Any, ...]:
    """One row of columns."""
    return tuple([column[place] for column in values])
