"""Records and record sets: what `view.dump()`, `view.summary()` and `ndb.sql()` answer with.

    view.dump() ── RecordSet ── select_records ── transform_fields ── select_fields ── join ── format("csv")
                     │ (lazy: nothing is read before the first record is asked for)
                     └── Record, Record, …

A record is a tuple whose items have names; all records of one kind share a class that holds them, so that a record costs
no more than its values. A record set is a recipe: each pass over it (`for`, `count`, an index, `async for`) reads anew.
"""

from __future__ import annotations

import functools
import itertools
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from operator import itemgetter
from typing import Any, ClassVar, Final, NoReturn, Self, SupportsIndex, overload

from holdfast.errors import InvalidValue, UnknownName
from holdfast.objects.formats import FORMATS

__all__ = ["Lines", "Record", "RecordSet", "shape"]

_CHUNK: Final = 500
"""Records that `async for` fetches per step in a worker thread."""


class Record(tuple[Any, ...]):
    """One row that does not change: `record.ifname`, `record["ifname"]`, `record[0]`; iterating gives the values.

    `_names` are its fields in order. Fields may have second names (aliases), which work for reading and are not listed.
    Equal to a record with the same names and values, to a tuple of the same values, and to a dict if what is in the dict is so.
    """

    __slots__ = ()
    _names: ClassVar[tuple[str, ...]] = ()
    _aliases: ClassVar[tuple[tuple[str, str], ...]] = ()
    _positions: ClassVar[Mapping[str, int]] = {}

    def __new__(cls, names: Iterable[str], values: Iterable[Any]) -> Record:  # noqa: PYI034  # of the class that holds the names
        """Raises: InvalidValue - not as many values as names."""
        names, values = tuple(names), tuple(values)
        if len(names) != len(values):
            raise InvalidValue(f"expected a value for each of {len(names)} names, got {len(values)} values")
        return shape(names)(values)

    @overload
    def __getitem__(self, key: str | SupportsIndex, /) -> Any: ...
    @overload
    def __getitem__(self, key: slice, /) -> tuple[Any, ...]: ...
    def __getitem__(self, key: str | SupportsIndex | slice, /) -> Any:
        """By name or position. Raises: UnknownName (a KeyError), IndexError."""
        if not isinstance(key, str):
            return tuple.__getitem__(self, key)
        try:
            return tuple.__getitem__(self, self._positions[key])
        except KeyError:
            raise UnknownName(f"this record has no field `{key}`; it has {', '.join(self._names)}") from None

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"this record has no field `{name}`; it has {', '.join(self._names)}", name=name, obj=self)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise TypeError(f"a record does not change: cannot set `{name}`; transform_fields() makes new ones")

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Record):
            return self._names == other._names and tuple.__eq__(self, other)
        if isinstance(other, Mapping):
            return all(name in self._positions and self[name] == value for name, value in other.items())
        return tuple.__eq__(self, tuple(other)) if isinstance(other, tuple | list) else NotImplemented

    def __ne__(self, other: object) -> bool:
        same = self.__eq__(other)
        return same if same is NotImplemented else not same

    __hash__ = tuple.__hash__

    def __repr__(self) -> str:
        return tuple.__repr__(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return Record, (self._names, tuple(self))

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._positions]

    def _as_dict(self) -> dict[str, Any]:
        return dict(zip(self._names, self, strict=True))

    def _select(self, names: tuple[str, ...]) -> Record:
        return shape(names)(self[name] for name in names)

    def _transformed(self, functions: Mapping[str, Callable[[Record], Any]]) -> Record:
        values = self._as_dict()
        for name, function in functions.items():
            values[self._names[self._positions[name]] if name in self._positions else name] = function(self)
        return shape(tuple(values), self._aliases)(values.values())

    def _match(self, spec: Mapping[str, Any]) -> bool:
        """Does each named field equal its value, or satisfy it if that is a function?"""
        return all(wanted(self[name]) if callable(wanted) else self[name] == wanted for name, wanted in spec.items())


@functools.lru_cache(maxsize=512)
def shape(names: tuple[str, ...], aliases: tuple[tuple[str, str], ...] = ()) -> Callable[[Iterable[Any]], Record]:
    """What makes records with these fields out of their values. aliases: (second name, field).

    Where a name stands twice the last one counts for reading by name, as in a dict.
    """
    positions = {name: position for position, name in enumerate(names)}
    for alias, name in aliases:
        positions.setdefault(alias, positions[name])
    members: dict[str, Any] = {"__slots__": (), "_names": names, "_aliases": aliases, "_positions": positions}
    # A tuple's own methods of these names must not answer where a field is meant.
    members |= {name: property(functools.partial(_absent, name)) for name in ("index", "count")}
    members |= {name: property(itemgetter(position)) for name, position in positions.items() if not name.startswith("_")}
    return functools.partial(tuple.__new__, type("Record", (Record,), members))


def _absent(name: str, record: Record) -> NoReturn:
    record.__getattr__(name)


class Lines:
    """Lines of text, lazy; printing shows them."""

    def __init__(self, make: Callable[[], Iterable[str]]) -> None:
        self._make = make
        self._running: Iterator[str] | None = None

    def __iter__(self) -> Iterator[str]:
        return iter(self._make())

    def __next__(self) -> str:
        self._running = self._running or iter(self)
        return next(self._running)

    def __repr__(self) -> str:
        return _cut(self)


class RecordSet:
    """Records, lazily. The methods that select and transform change this set and return it, so that calls can be chained.

    source: a function that starts a pass, or any iterable (an iterator serves one pass only).
    """

    def __init__(self, source: Callable[[], Iterable[Record]] | Iterable[Record]) -> None:
        self._source = source
        self._steps: list[Callable[[Iterator[Record]], Iterator[Record]]] = []
        self._running: Iterator[Record] | None = None

    # ------------------------------------------------------------------------------------------------ recipe

    def select_records(self, f: Callable[[Record], Any] | None = None, **spec: Any) -> Self:
        """Keep the records for which `f(record)` is true and each field of `spec` equals its value or satisfies its function."""
        if f is not None:
            self._steps.append(functools.partial(filter, f))
        if spec:
            self._steps.append(functools.partial(filter, lambda record: record._match(spec)))
        return self

    def select_fields(self, *names: str) -> Self:
        """Keep these fields, in this order."""
        self._steps.append(functools.partial(map, lambda record: record._select(names)))
        return self

    def transform_fields(self, **functions: Callable[[Record], Any]) -> Self:
        """Replace fields, or append new ones, by functions of the whole record."""
        self._steps.append(functools.partial(map, lambda record: record._transformed(functions)))
        return self

    def join(self, right: Iterable[Record], condition: Callable[[Record, Record], Any] | None = None, prefix: str = "") -> Self:
        """Put each record together with each of `right` that meets `condition(left, right)`; its fields get the prefix.

        `right` is read once per pass and kept in memory; cost: the product of both sizes.
        """

        def joined(lefts: Iterator[Record]) -> Iterator[Record]:
            rights = list(right)
            for left in lefts:
                for other in rights:
                    if condition is None or condition(left, other):
                        names = left._names + tuple(prefix + name for name in other._names)
                        yield shape(names)(itertools.chain(left, other))

        self._steps.append(joined)
        return self

    # ------------------------------------------------------------------------------------------------ passes

    def __iter__(self) -> Iterator[Record]:
        """A new pass."""
        records = iter(self._source() if callable(self._source) else self._source)
        for step in self._steps:
            records = step(records)
        return records

    def __next__(self) -> Record:
        """The next record of one pass that belongs to the set itself."""
        self._running = self._running or iter(self)
        return next(self._running)

    async def __aiter__(self) -> AsyncIterator[Record]:
        """A new pass whose reading happens in worker threads, some hundred records at a time."""
        import asyncio

        records = iter(self)
        while chunk := await asyncio.to_thread(list, itertools.islice(records, _CHUNK)):
            for record in chunk:
                yield record

    def count(self) -> int:
        return sum(1 for _ in self)

    @overload
    def __getitem__(self, key: SupportsIndex, /) -> Record: ...
    @overload
    def __getitem__(self, key: slice, /) -> list[Record]: ...
    def __getitem__(self, key: SupportsIndex | slice, /) -> Record | list[Record]:
        """As a list of all records would answer; what lies behind is not read where that is possible. Raises: IndexError."""
        if isinstance(key, slice):
            bounds = (key.start or 0, 0 if key.stop is None else key.stop, key.step or 1)
            lazy = all(isinstance(bound, int) and bound >= 0 for bound in bounds) and bounds[2] > 0
            return list(itertools.islice(self, key.start, key.stop, key.step)) if lazy else list(self)[key]
        position = key.__index__()
        if position < 0:
            return list(self)[position]
        for record in itertools.islice(self, position, None):
            return record
        raise IndexError(f"expected a position below {self.count()}, got {position}")

    # ------------------------------------------------------------------------------------------------ text

    def format(self, kind: str) -> RecordSet | Lines:
        """The records as lines of "csv", "json", "md" or "yaml"; "native" is the set itself. Raises: InvalidValue."""
        if kind == "native":
            return self
        if kind not in FORMATS:
            raise InvalidValue(f"expected a format among native, {', '.join(FORMATS)}, got `{kind}`")
        return Lines(lambda: FORMATS[kind](self))

    def __repr__(self) -> str:
        return _cut(self)


def _cut(items: Iterable[object]) -> str:
    """A line each; in a REPL no more than fit on a screen."""
    most = 24 if hasattr(sys, "ps1") else 10_000
    lines = [item if isinstance(item, str) else repr(item) for item in itertools.islice(items, most + 1)]
    if len(lines) > most:
        lines[most:] = ["(...)"]
    return "\n".join(lines)
