"""Reading the database for views and objects: one `Reading` per open NDB, one `Plan` per table. Any thread.

    view, object ──Plan (SQL, decoding)──► Reading ──► database's read-only connections

Nothing is kept but the plans: what a view answers is what the last commit left.
"""

from __future__ import annotations

import functools
import itertools
import os
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, NoReturn

import msgspec

from holdfast.database.schema import key_terms
from holdfast.errors import Closed, HoldfastError, InvalidValue, NotFound, UsageError
from holdfast.model import TABLES
from holdfast.model.field import ListOf, Nest, Packed, Shape, Table
from holdfast.objects.records import Record, shape
from holdfast.objects.spec import KIND_ATTRIBUTES, shown_name

if TYPE_CHECKING:
    from holdfast.database.home import Database, Point
    from holdfast.model.names import Names

__all__ = ["Plan", "Reading", "plan"]

encode: Final = msgspec.json.Encoder(order="deterministic").encode
"""As the tables have it: their keys may hold JSON."""
decode: Final[Callable[[str | bytes], Any]] = msgspec.json.Decoder().decode


class Plan:
    """How rows of one table are read.

    columns    of the database: `target`, the fields, `since`, `rowid`.
    names      as objects and records show them, without the last two.
    positions  of every name and alias in a row.
    terms      what stands for a field in a condition, so that the index over the key is used.
    """

    def __init__(self, table: Table) -> None:
        self.table = table
        self.columns: tuple[str, ...] = ("target", *table.columns, "since", "rowid")
        self.fields: tuple[str, ...] = table.columns
        self.names: tuple[str, ...] = ("target", *(shown_name(field) for field in table.fields))
        self.positions: dict[str, int] = {"target": 0}
        for position, field in enumerate(table.fields, 1):
            self.positions |= dict.fromkeys((field.name, *field.aliases), position)
        self.json: dict[int, Shape] = {position: field.shape for position, field in enumerate(table.fields, 1) if field.json}
        self.terms = dict(zip((table.key[0], "target", *table.key[1:]), key_terms(table), strict=True))
        self.key: tuple[int, ...] = (0, *(self.positions[name] for name in table.key))
        self.key_of: Callable[[tuple[Any, ...]], tuple[Any, ...]] = itemgetter(*self.key)
        self.key_names: tuple[str, ...] = tuple(self.names[position] for position in self.key)
        self._fields_of: Callable[[Mapping[str, Any]], tuple[Any, ...]] = itemgetter(*table.columns)
        self._json_of: Callable[[tuple[Any, ...]], tuple[Any, ...]] = itemgetter(slice(0, 0), *self.json)
        self.select = f"SELECT {', '.join(self.columns)} FROM {table.name}"
        self.since = len(self.names)
        aliases = tuple((name, self.names[position]) for name, position in self.positions.items() if name != self.names[position])
        self._record = shape(self.names, aliases)

    def blank(self, target: str) -> tuple[Any, ...]:
        """A row of a target of which nothing is known."""
        return (target, *(None,) * (self.since - 1), 0, 0)

    def own_name(self, name: str) -> str:
        """A field's own name, for any of its names."""
        position = self.positions.get(name)
        return name if position is None else self.columns[position]

    def shown(self, name: str) -> str:
        """The name that objects show a field by."""
        position = self.positions.get(name)
        return name if position is None else self.names[position]

    def row_of(self, row: tuple[Any, ...]) -> dict[str, Any]:
        """A row as a mapping of its fields, JSON as Python: as requests hold it."""
        found = dict(zip(self.fields, row[1:], strict=False))
        for position in self.json:
            value = row[position]
            if value is not None:
                found[self.columns[position]] = decode(value)
        return found

    def tuple_of(self, row: Mapping[str, Any]) -> tuple[Any, ...]:
        """A row that came as a mapping, with its target, JSON as Python or as text."""
        try:
            values = [row["target"], *self._fields_of(row), row.get("since"), row.get("rowid")]
        except KeyError:  # not whole
            values = [row.get(name) for name in self.columns]
        for position in self.json:
            if values[position] is not None and not isinstance(values[position], str | bytes):
                values[position] = encode(values[position]).decode()
        return tuple(values)

    def value(self, row: tuple[Any, ...], position: int) -> Any:
        """One field: JSON as Python, and an empty dict or list where there is none of it."""
        value = row[position]
        if position in self.json:
            return _empty(self.json[position]) if value is None else decode(value)
        return value

    def attributes(self, row: tuple[Any, ...]) -> dict[str, Any]:
        """What the kinds of an interface and of its master add; empty for other tables."""
        found: dict[str, Any] = {}
        if self.table.name == "interfaces":
            for column in ("kind_data", "port_data"):
                value = row[self.positions[column]]
                if value is not None:
                    found |= {name: part for name, part in decode(value).items() if name in KIND_ATTRIBUTES}
        return found

    def as_dict(self, row: tuple[Any, ...]) -> dict[str, Any]:
        """All of a row, attributes of kinds included, by the names that are shown."""
        return {name: self.value(row, position) for position, name in enumerate(self.names)} | self.attributes(row)

    def record(self, row: tuple[Any, ...]) -> Record:
        """The fields of a row; JSON as Python, None where there is none."""
        if not any(self._json_of(row)):
            return self._record(row[: self.since])
        values = list(row[: self.since])
        for position in self.json:
            if values[position] is not None:
                values[position] = decode(values[position])
        return self._record(values)


def _empty(shape: Shape) -> Any:
    if isinstance(shape, Nest):
        return {}
    return [] if isinstance(shape, ListOf) or (isinstance(shape, Packed) and shape.name in ("multipath", "nexthop_group")) else None


@functools.cache
def plan(name: str) -> Plan:
    """The one of a table, by its name."""
    return Plan(TABLES[name])


class Reading:
    """What views and objects share: where to read, and what words mean.

    localhost  the target that is meant where none is named.
    names      target → the name tables of its host.
    targets    the names of the sources there are, for messages.
    ticks      by table, a number that is another one after each commit that changed it: cheap to compare, and unlike revisions
               it knows of volatile changes.
    """

    database: Database

    def __init__(self, localhost: str, names: Callable[[str], Names], targets: Callable[[], Iterable[str]]) -> None:
        self.localhost = localhost
        self.names = names
        self.targets = targets
        self.ticks: dict[str, int] = {}
        self._clock = itertools.count(1)
        self.end(Closed("this NDB is not open", hint="open it first: `with NDB() as ndb`, or `async with`"))
        _alive.add(self)

    def attach(self, database: Database) -> None:
        """Read from this database from now on."""
        self.database = database
        self.ticks = dict.fromkeys(TABLES, 0)
        database.on_commit(lambda revision, tables: self.moved(tables))

    def moved(self, tables: Iterable[str]) -> None:
        """These tables may have changed. Called by each commit, and by what wakes somebody on account of one: the order of
        the two is not known, and who was told of a change must see it."""
        for table in tables:
            self.ticks[table] = next(self._clock)

    def end(self, error: HoldfastError) -> None:
        """From now on every read raises `error`."""
        ended: Any = _Ended(error)
        self.database = self.ticks = ended

    @property
    def revision(self) -> int:
        """Of the last commit that changed something lasting."""
        return self.database.revision

    def fetch(self, sql: str, args: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
        return self.database.fetch(sql, tuple(args))

    def stream(self, sql: str, args: Iterable[Any] = (), at: Point | None = None) -> Iterator[tuple[Any, ...]]:
        """Rows as they are asked for, all of one revision; holds a connection until the last, or until it is closed."""
        with self.database.query(sql, tuple(args), timeout_s=None, at=at) as rows:
            yield from rows

    def target_of(self, where: Any) -> str:
        """The source that is meant: by its name; the API also knows them by the path of their namespace. Raises: InvalidValue."""
        if not isinstance(where, str):
            raise InvalidValue(f"expected the name of a source, got `{where!r}` – at target")
        return where

    def index_of(self, target: str, ifname: str) -> int:
        """An interface's index by its name or alternative name. Raises: NotFound."""
        target = target or self.localhost
        found = self.fetch("SELECT ifindex FROM interfaces WHERE ifname = ? AND target = ?", (ifname, target)) or self.fetch(
            "SELECT ifindex FROM interfaces, json_each(altnames) AS other WHERE other.value = ? AND target = ?", (ifname, target)
        )
        if not found:
            raise NotFound(f"no interface `{ifname}` in {target}", target=target, ifname=ifname)
        return int(found[0][0])


class _Ended:
    """Stands for a database that cannot be read any more; says why."""

    def __init__(self, error: HoldfastError) -> None:
        self._error = error

    def __getattr__(self, name: str) -> NoReturn:
        raise self._error

    def __getitem__(self, key: str) -> NoReturn:
        raise self._error

    def __setitem__(self, key: str, value: int) -> None:
        """A commit that comes late moves nothing."""


_alive: weakref.WeakSet[Reading] = weakref.WeakSet()


def _forked() -> None:
    # SQLite's connections must not be used on both sides of a fork: locks and caches would be shared unseen.
    for reading in list(_alive):
        reading.end(UsageError("this NDB was opened before a fork and cannot be used behind it", hint="open another in the child process"))


os.register_at_fork(after_in_child=_forked)
