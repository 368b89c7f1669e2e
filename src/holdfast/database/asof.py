"""The tables as they were: `sql(query, at=…)` and the functions `routes_at(x)`, `interfaces_at(x)` … in any query.

    rows at revision r  =  live rows with since <= r  +  history rows with since <= r < until

With `at` each table that the query names is hidden behind a temporary view of these rows, on a connection of the query's own; so
are the views over tables, and `route_lookup` looks there too. SQLite does all of it: the whole table at the cost of reading it,
and one object through the indexes of its key. `main.routes` is still the table as it is now.
A function hands each row through Python. It is for looking at two points in time at once:

    SELECT a.dst, a.gateway, b.gateway FROM routes_at('1h ago') a JOIN routes b USING (target, dst, dst_len, table_id)
    WHERE a.gateway <> b.gateway
"""

from __future__ import annotations

import re
import weakref
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final

import apsw
import msgspec

from holdfast.errors import InvalidValue
from holdfast.model.field import Table

from . import history, lookup, meta
from .home import Point, Row
from .moments import UNDERSTOOD, Moment, resolve
from .schema import column_ddl
from .views import views

__all__ = ["register", "rows_at", "shadow"]

_WORDS: Final = re.compile(r"\w+")
_OVER: Final = {"route_hops": "routes", "route_lookup": "routes"}
"""Views and functions whose names do not begin with that of their table."""


def rows_at(table: Table, revision: int | str, columns: Sequence[str] | None = None, terms: str = "") -> str:
    """SELECT of the rows at a revision. terms: further conditions, ` AND …`.

    The `+` keeps the planner from looking for what began early, which is nearly everything.
    """
    chosen = ", ".join(("target", *table.columns, "since") if columns is None else columns)
    return (
        f"SELECT {chosen} FROM main.{table.name} WHERE +since <= {revision}{terms} UNION ALL "
        f"SELECT {chosen} FROM {table.name}_history WHERE until > {revision} AND +since <= {revision}{terms}"
    )


def _mentioned(sql: str, tables: Collection[Table]) -> list[Table]:
    """The tables that a query may read, from the words in it: also those behind `interfaces_vlan` and the like."""
    words = set(_WORDS.findall(sql.lower()))
    named = {_OVER[word] for word in words & _OVER.keys()}
    return [table for table in tables if table.name in named or any(f"{word}_".startswith(f"{table.name}_") for word in words)]


def shadow(connection: apsw.Connection, sql: str, tables: Collection[Table], point: Point) -> None:
    """Hide what a query names behind what it was at a point in time, for this connection; within a read transaction that it stays in.

    Raises: InvalidValue - no point in time;  Compacted - the history of one of them does not reach back to it.
    """
    revision = _moment(connection, point).revision
    now = meta.last_revision(connection)
    named = _mentioned(sql, tables)
    for table in named:
        history.whole_since(connection, table.name, revision, now, history.FOR_QUESTIONS)
        connection.execute(f"CREATE TEMP VIEW {table.name} AS {rows_at(table, revision)}")
    words = sql.lower()
    for name, ddl in views(named):
        if name in words:
            connection.execute(ddl.replace("CREATE VIEW", "CREATE TEMP VIEW", 1))
    lookup.register(connection, revision)


# ------------------------------------------------------------------------------------------------------------- functions


def register(connection: apsw.Connection, tables: Collection[Table]) -> None:
    """Make `<table>_at(point)` known to a connection."""
    for table in tables:
        module: Any = _Module(table)
        connection.create_module(f"{table.name}_at", module, use_bestindex_object=True, eponymous_only=True, read_only=True)


class _Module:
    def __init__(self, table: Table) -> None:
        self._table = table

    def Connect(self, connection: apsw.Connection, *_: str) -> tuple[str, _Virtual]:
        columns = ", ".join(column_ddl(field) for field in self._table.fields)
        return f"CREATE TABLE x(target TEXT, {columns}, since INTEGER, point HIDDEN)", _Virtual(connection, self._table)

    Create = Connect


class _Virtual:
    """One of the functions, on one connection."""

    def __init__(self, connection: apsw.Connection, table: Table) -> None:
        self.database = weakref.ref(connection)  # the connection owns the module, so the module must not own the connection
        self.table = table
        self.names = ("target", *table.columns, "since")

    def BestIndexObject(self, wanted: apsw.IndexInfo) -> bool:
        """Equal columns go on to the tables, whose indexes know them; so do the columns that are read at all."""
        point, equal = None, []
        for number in range(wanted.nConstraint):
            if wanted.get_aConstraint_op(number) != apsw.SQLITE_INDEX_CONSTRAINT_EQ:
                continue
            column = wanted.get_aConstraint_iColumn(number)
            if column == len(self.names):
                if not wanted.get_aConstraint_usable(number):
                    return False
                point = number
            elif column >= 0 and wanted.get_aConstraint_usable(number) and wanted.get_aConstraint_collation(number) == "BINARY":
                equal.append(number)
        names = [self.names[wanted.get_aConstraint_iColumn(number)] for number in equal]
        for place, number in enumerate(([] if point is None else [point]) + equal, 1):
            wanted.set_aConstraintUsage_argvIndex(number, place)
            wanted.set_aConstraintUsage_omit(number, number == point)
        used = wanted.colUsed
        read = [place for place in range(len(self.names)) if place in used or (place >= 63 and 63 in used)]
        wanted.idxNum = int(point is not None)
        wanted.idxStr = msgspec.json.encode((read, names)).decode()
        wanted.estimatedCost = wanted.estimatedRows = 10 if {"target", self.table.key[0]} <= {*names, "target"} else 1_000_000
        return True

    def Open(self) -> _Cursor:
        return _Cursor(self)

    def Disconnect(self) -> None:
        """Nothing is held."""

    Destroy = Disconnect


class _Cursor:
    def __init__(self, virtual: _Virtual) -> None:
        self._virtual = virtual
        self._rows: Iterator[Row] = iter(())
        self._row: Row | None = None
        self._places: dict[int, int] = {}
        self._number = 0

    def Filter(self, has_point: int, plan: str, args: Sequence[Any]) -> None:
        """Raises: InvalidValue - no point in time, or none that is understood;  Compacted."""
        connection, table = self._virtual.database(), self._virtual.table
        read, names = msgspec.json.decode(plan)
        if not has_point or args[0] is None or connection is None:
            raise InvalidValue(f"expected a point in time: {table.name}_at('10 minutes ago')", hint=UNDERSTOOD)
        revision = _moment(connection, args[0]).revision
        history.whole_since(connection, table.name, revision, meta.last_revision(connection), history.FOR_QUESTIONS)
        terms = "".join(f" AND {name} = ?{place}" for place, name in enumerate(names, 1))
        self._places = {place: number for number, place in enumerate(read)}
        columns = [self._virtual.names[place] for place in read] or ["1"]
        self._rows = iter(connection.execute(rows_at(table, revision, columns, terms), args[1:]))
        self._number = 0
        self.Next()

    def Eof(self) -> bool:
        return self._row is None

    def Next(self) -> None:
        self._row = next(self._rows, None)
        self._number += 1

    def Column(self, place: int) -> Any:
        assert self._row is not None
        return self._row[self._places[place]] if place in self._places else None

    def Rowid(self) -> int:
        return self._number

    def Close(self) -> None:
        self._rows = iter(())


def _moment(connection: apsw.Connection, point: Point) -> Moment:
    return resolve(lambda sql, args: connection.execute(sql, tuple(args)).fetchall(), point)
