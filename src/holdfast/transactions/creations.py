"""Very many creations in little room: of each its values are kept, and what it takes is worked out when its turn comes.

That can be done where a creation follows from its request alone: nothing that is there has a part in it, or changes with it. So a
transaction of 1 000 000 routes needs the memory of their values, whatever is made of them on the way.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby, islice, repeat
from operator import itemgetter
from typing import Any, Final, NamedTuple, overload

from holdfast.model.field import Table

from .cells import LOCATORS, locator_of, picking
from .complete import asked_for, complete
from .contract import Create, Delete, Named, Request
from .journal import Run
from .order import phase_of
from .plan import FREE, Plan, plan_free
from .present import ROWS_MOST
from .undo import naming

__all__ = ["Alike", "Creations", "kept"]

_PART: Final = 4096


class _Layout(NamedTuple):
    """What creations that are alike share.

    names   of the fields, completed; the first `given` of them were asked for.
    locate  of the values, what such an object is looked up by.
    """

    target: str
    table: Table
    beside: bool
    given: int
    names: tuple[str, ...]
    locate: Callable[[tuple[Any, ...]], tuple[Any, ...]]


class Alike(NamedTuple):
    """Creations that follow each other and have the same fields.

    places   of the requests.
    columns  by field, completed: a value for each of them.
    """

    target: str
    table: Table
    beside: bool
    places: Sequence[int]
    columns: dict[str, Sequence[Any]]


def _locating(table: Table, names: Sequence[str]) -> Callable[[tuple[Any, ...]], tuple[Any, ...]]:
    locator = LOCATORS[table.name]
    if len(locator) > 1 and set(locator) <= set(names):
        return itemgetter(*map(names.index, locator))
    return lambda values: locator_of(table, dict(zip(names, values, strict=True)))


def kept(requests: Iterable[Request]) -> Sequence[Request]:
    """All of them: very many that allow it as `Creations`, others as a list."""
    rest = iter(requests)
    many = Creations()
    for one in rest:
        if type(one) is not Create or one.ensure or one.table.name not in FREE:
            return [*many, one, *rest]
        many.append(one)
    return many.as_few()


class Creations(Sequence[Create]):
    """As a sequence: the requests, made anew each time that one is asked for. `append` until the first question.

    things   where and what: targets and tables.
    """

    def __init__(self) -> None:
        self._layouts: dict[tuple[str, Table, bool, int, tuple[str, ...]], int] = {}
        self._shared: list[_Layout] = []
        self._layout_at = array("I")
        self._phase_at = array("b")
        self._values: list[tuple[Any, ...]] = []

    def append(self, one: Create) -> None:
        asked = asked_for(one.row)
        given = len(asked)
        complete(one.table, asked)
        layout = one.target, one.table, one.beside, given, tuple(asked)
        number = self._layouts.get(layout)
        if number is None:
            number = self._layouts[layout] = len(self._shared)
            self._shared.append(_Layout(*layout, _locating(one.table, layout[-1])))
        self._layout_at.append(number)
        self._phase_at.append(phase_of(one.table, asked))
        self._values.append(tuple(asked.values()))

    def append_like(self, count: int, columns: Mapping[str, Sequence[Any]]) -> bool:
        """More that are as the last one, with other values of some fields, from which nothing else follows than from those of the last
        one. The first of each column are the last one's own. False: they are not those that it has, and nothing is appended."""
        layout, last = self._shared[self._layout_at[-1]], self._values[-1]
        own = dict(zip(layout.names, last, strict=True))
        for name, column in columns.items():
            if own.get(name) != column[0] or (column[0] is None) != (name not in own):
                return False
        self._layout_at.extend(repeat(self._layout_at[-1], count))
        self._phase_at.extend(repeat(self._phase_at[-1], count))
        rows = (islice(columns[name], 1, None) if name in columns else repeat(value, count) for name, value in own.items())
        self._values.extend(zip(*rows, strict=True))
        return True

    def as_few(self) -> Sequence[Request]:
        """Where there are not very many, a list."""
        return self if len(self) > ROWS_MOST else list(self)

    @property
    def things(self) -> list[tuple[str, Table]]:
        return list(dict.fromkeys((layout.target, layout.table) for layout in self._shared))

    def __len__(self) -> int:
        return len(self._values)

    @overload
    def __getitem__(self, place: int, /) -> Create: ...
    @overload
    def __getitem__(self, place: slice, /) -> list[Create]: ...
    def __getitem__(self, place: int | slice, /) -> Create | list[Create]:
        if isinstance(place, slice):
            return [self[at] for at in range(*place.indices(len(self)))]
        layout = self._shared[self._layout_at[place]]
        row = dict(zip(layout.names[: layout.given], self._values[place], strict=False))
        return Create(layout.target, layout.table, row, beside=layout.beside)

    def plan(self, place: int) -> Plan:
        """Its request has the fields that were completed as well."""
        layout = self._shared[self._layout_at[place]]
        asked = dict(zip(layout.names, self._values[place], strict=True))
        return plan_free(Create(layout.target, layout.table, asked, beside=layout.beside), place, asked)

    def cells(self, places: Iterable[int]) -> Iterator[tuple[tuple[str, ...], Sequence[int], Iterable[tuple[Any, ...]]]]:
        """What must be so after them, in runs: names of fields, places, and the values of each."""
        for number, alike in groupby(places, self._layout_at.__getitem__):
            mine = list(alike)
            yield self._shared[number].names, mine, map(self._values.__getitem__, mine)

    def asked(self) -> dict[str, list[dict[str, Any]]]:
        """By target, the rows that are asked for, completed."""
        found: dict[str, list[dict[str, Any]]] = {}
        for number, run in groupby(zip(self._layout_at, self._values, strict=True), itemgetter(0)):
            layout = self._shared[number]
            found.setdefault(layout.target, []).extend([dict(zip(layout.names, values, strict=True)) for _, values in run])
        return found

    def locator(self, place: int) -> tuple[str, Table, tuple[Any, ...] | None]:
        """Where and what it is, and by what it is looked up; None: that is not known before it is made."""
        layout = self._shared[self._layout_at[place]]
        found = layout.locate(self._values[place])
        return layout.target, layout.table, None if Named in set(map(type, found)) else found

    # -- in the order in which they are sent -----------------------------------------------------------------------

    def parts(self) -> Iterator[Sequence[int]]:
        """The places of all of them, a part at a time: those that others need come first."""
        phases = sorted(set(self._phase_at))
        for phase in phases:
            every = range(len(self)) if len(phases) == 1 else array("L", (at for at, one in enumerate(self._phase_at) if one == phase))
            for start in range(0, len(every), _PART):
                yield every[start : start + _PART]

    def sent(self, target: str, table: Table) -> Iterator[int]:
        """The places of those at a target and in a table."""
        mine = {number for number, layout in enumerate(self._shared) if (layout.target, layout.table) == (target, table)}
        return (place for part in self.parts() for place in part if self._layout_at[place] in mine)

    def runs(self, part: Sequence[int]) -> Iterator[Alike]:
        """A part in runs of creations that are alike."""
        for number, places in groupby(part, self._layout_at.__getitem__):
            layout, mine = self._shared[number], list(places)
            columns = zip(*map(self._values.__getitem__, mine), strict=True)
            yield Alike(layout.target, layout.table, layout.beside, mine, dict(zip(layout.names, columns, strict=True)))

    def undo(self, part: Sequence[int]) -> Iterator[Run]:
        """What takes a part back, the last one first: `undo.inverse` says the same of one."""
        for number, places in groupby(reversed(part), self._layout_at.__getitem__):
            layout = self._shared[number]
            known = naming(layout.table)
            at = [place for place, name in enumerate(layout.names) if name in known]
            rows = list(map(picking(at), map(self._values.__getitem__, places)))
            yield Run(Delete, layout.target, layout.table.name, tuple(layout.names[one] for one in at), ("missing_ok",), rows)
