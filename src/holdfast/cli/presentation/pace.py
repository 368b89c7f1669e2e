"""How a watch of a busy table stays readable: so many changes a second are told one by one, more are told as sums.

    15:07:27.120 r812 + route 10.0.0.0/24 table main via 192.0.2.1 dev eth0 proto bgp
    15:07:27     r902 + 1 214 routes: 10.0.20.0/24 … 10.4.211.0/24 table main via 192.0.2.1 dev eth0 (900) eth1 (314) proto bgp

What is rare in a busy second has its own lines among the sums. Seconds are those of the changes, not of the reader. A second
after a busy one is held until it is over: with few changes it is told one by one after all. What is held takes little room,
however many they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from holdfast.cli.language.looks import LOOKS, Look, View
from holdfast.model import Table

from .telling import Teller, changed_fields, sign_of

if TYPE_CHECKING:
    from holdfast.database.home import Change

__all__ = ["MOST", "Pace", "Sum", "Sums", "counted", "told_sum"]

MOST: Final = 20
"""Changes a second that are told one by one."""
_FEW: Final = 3
"""Different values of a column that a sum tells; changes of a kind that are told one by one even in a busy second."""

Told = tuple["Change", datetime]


@dataclass(slots=True)
class Sum:
    """Changes of one source, table and sign.

    values  heading → how often the column had which fields, for columns that had few.
    fields  how often a field changed.
    few     the changes, as long as they are few.
    """

    target: str
    table: str
    sign: str
    first: Change
    last: Change
    few: list[Told] = field(default_factory=list)
    count: int = 0
    values: dict[str, Counter[tuple[Any, ...]]] = field(default_factory=dict)
    fields: Counter[str] = field(default_factory=Counter)

    def add(self, change: Change, time: datetime) -> None:
        if len(self.few) <= _FEW:
            self.few.append((change, time))
        if not self.count:
            self.values = {view.heading: Counter() for view in LOOKS[self.table].views if view.told}
        self.count += 1
        self.last = change
        self.fields.update(changed_fields(change))
        for view in LOOKS[self.table].views:
            known = self.values.get(view.heading)
            if known is not None:
                known[tuple(_hashable(change.row.get(name)) for name in view.fields)] += 1
                if len(known) > _FEW:
                    del self.values[view.heading]


@dataclass(slots=True)
class Sums:
    """What was held of a second, up to which revision."""

    time: datetime
    revision: int
    parts: dict[tuple[str, str, str], Sum] = field(default_factory=dict)

    def add(self, change: Change, time: datetime) -> None:
        self.revision = change.revision
        key = str(change.row["target"]), change.table, sign_of(change)
        if key not in self.parts:
            self.parts[key] = Sum(*key, change, change)
        self.parts[key].add(change, time)

    def __iter__(self) -> Iterator[Told | Sum]:
        for part in self.parts.values():
            if part.count <= _FEW:
                yield from part.few
            else:
                yield part


class Pace:
    """Takes changes in order, gives them back one by one or as sums. No clock: `over` is told what time it is."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._second = 0
        self._count = 0
        self._busy = False
        self._held: list[Told] = []
        self._sums: Sums | None = None

    def take(self, change: Change, time: datetime) -> Iterator[Told | Sums]:
        second = int(time.timestamp())
        if second != self._second:
            yield from self.end()
            self._busy = self._busy and second == self._second + 1
            self._second = second
        self._count += 1
        if not self._busy and self._count <= self._most:
            yield change, time
            return
        if self._sums is None:
            self._sums = Sums(time, change.revision)
        self._sums.add(change, time)
        if len(self._held) <= self._most:
            self._held.append((change, time))

    def over(self, now: float) -> Iterator[Told | Sums]:
        """What was held of a second that is over, `now` being seconds since the epoch."""
        if self._held and now >= self._second + 1:
            yield from self.end()

    def end(self) -> Iterator[Told | Sums]:
        """Whatever is held."""
        held, sums = self._held, self._sums
        self._busy = self._count > self._most
        self._count, self._held, self._sums = 0, [], None
        if len(held) <= self._most:
            yield from held
        elif sums is not None:
            yield sums


def told_sum(one: Sum, teller: Teller, *, with_target: bool) -> str:
    """The line, without time and revisions."""
    look, style = LOOKS[one.table], teller.style
    words = [style("title", f"{counted(one.count, look.table)}:"), *_span(look, one, teller)]
    for view in sorted(look.views, key=lambda view: view.label or 99):
        said = [(teller.text(look, view, row, one.target), number) for row, number in one.values.get(view.heading, Counter()).most_common()]
        if any(text for text, _ in said):
            texts = [style(view.role, text or "none") + (f" ({number})" if len(said) > 1 else "") for text, number in said]
            words += texts if view.bare else [view.heading.lower(), *texts]
    if one.fields:
        words.append(
            "· " + ", ".join(f"{name} changed" if n == one.count else f"{name} changed ({n})" for name, n in one.fields.most_common())
        )
    target = f"[{one.target}] " if with_target else ""
    return f"{teller.sign(one.sign)} {style('dim', target)}{' '.join(words)}"


def counted(count: int, table: Table) -> str:
    """`1 route`, `1 214 routes`."""
    if count == 1:
        return f"1 {table.noun}"
    return f"{count:,} ".replace(",", " ") + ("fdb entries" if table.noun == "fdb entry" else table.name)


def _span(look: Look, one: Sum, teller: Teller) -> list[str]:
    """From which row to which; nothing where all have the same name."""
    view = min((view for view in look.views if view.label), key=lambda view: view.label, default=None)
    if view is None or view.heading in one.values:
        return []
    first, last = (teller.text(look, view, _fields(view, change), one.target) for change in (one.first, one.last))
    return [f"{teller.style(view.role, first)} … {teller.style(view.role, last)}"]


def _fields(view: View, change: Change) -> tuple[Any, ...]:
    return tuple(change.row.get(name) for name in view.fields)


def _hashable(value: Any) -> Any:
    return value if value is None or isinstance(value, int | float | str | bytes) else repr(value)
