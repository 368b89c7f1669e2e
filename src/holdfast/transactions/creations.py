"""Very many creations in little room: of each its values are kept, and what it takes is worked out when its turn comes.

That can be done where a creation follows from its request alone: nothing that is there has a part in it, or changes with it. So a
transaction of 1 000 000 routes needs the memory of their values, whatever is made of them on the way.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, overload

from holdfast.model.field import Table

from .contract import Create, Request
from .order import phase_of
from .plan import FREE, Plan, plan_free
from .present import ROWS_MOST

__all__ = ["Creations", "kept"]

_PART: Final = 4096

_Layout = tuple[str, Table, bool, tuple[str, ...]]
"""What creations that are alike share: target, table, `beside`, the names of their fields."""


def kept(requests: Iterable[Request]) -> Sequence[Request]:
    """All of them: very many that allow it as `Creations`, others as a list."""
    rest = iter(requests)
    many = Creations()
    for one in rest:
        if not isinstance(one, Create) or one.ensure or one.table.name not in FREE:
            return [*many, one, *rest]
        many.append(one)
    return many if len(many) > ROWS_MOST else list(many)


class Creations(Sequence[Create]):
    """As a sequence: the requests, made anew each time that one is asked for. `append` until the first question.

    things   where and what: targets and tables.
    """

    def __init__(self) -> None:
        self._layouts: dict[_Layout, int] = {}
        self._shared: list[_Layout] = []
        self._layout_at = array("I")
        self._phase_at = array("b")
        self._values: list[tuple[Any, ...]] = []

    def append(self, one: Create) -> None:
        row = one.row
        layout = one.target, one.table, one.beside, tuple(row)
        number = self._layouts.get(layout)
        if number is None:
            number = self._layouts[layout] = len(self._shared)
            self._shared.append(layout)
        self._layout_at.append(number)
        self._phase_at.append(phase_of(one.table, row))
        self._values.append(tuple(row.values()))

    @property
    def things(self) -> list[tuple[str, Table]]:
        return list(dict.fromkeys((target, table) for target, table, *_ in self._shared))

    def __len__(self) -> int:
        return len(self._values)

    @overload
    def __getitem__(self, place: int, /) -> Create: ...
    @overload
    def __getitem__(self, place: slice, /) -> list[Create]: ...
    def __getitem__(self, place: int | slice, /) -> Create | list[Create]:
        if isinstance(place, slice):
            return [self[at] for at in range(*place.indices(len(self)))]
        target, table, beside, names = self._shared[self._layout_at[place]]
        return Create(target, table, dict(zip(names, self._values[place], strict=True)), beside=beside)

    def plan(self, place: int) -> Plan:
        return plan_free(self[place], place)

    def parts(self) -> Iterator[list[Plan]]:
        """All of them in the order in which they are to be sent, a part at a time."""
        for places in self._places():
            yield list(map(self.plan, places))

    def parts_backwards(self) -> Iterator[list[Plan]]:
        """The same, the last part first; in each part the order is that of sending."""
        for places in reversed(list(self._places())):
            yield list(map(self.plan, places))

    def sent(self, target: str, table: Table) -> Iterator[int]:
        """The places of those at a target and in a table, in the order in which they are sent."""
        mine = {number for number, layout in enumerate(self._shared) if layout[:2] == (target, table)}
        return (place for places in self._places() for place in places if self._layout_at[place] in mine)

    def _places(self) -> Iterator[Sequence[int]]:
        phases = sorted(set(self._phase_at))
        for phase in phases:
            every = range(len(self)) if len(phases) == 1 else array("L", (at for at, one in enumerate(self._phase_at) if one == phase))
            for start in range(0, len(every), _PART):
                yield every[start : start + _PART]
