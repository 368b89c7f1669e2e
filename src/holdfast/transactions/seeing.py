"""Until the tables show what was done: what is told is taken, what is not told is asked for, and then it is compared with what was
asked. For a commit's thread.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from holdfast.errors import Conflict, NotFound
from holdfast.mirror.consequence import Ask, Reread
from holdfast.mirror.hand import Hand
from holdfast.mirror.rules import POLLED
from holdfast.model import INTERFACES, NETNS
from holdfast.model.field import Table

from .cells import key_of
from .creations import Creations
from .deadline import Deadline
from .judge import Judge
from .plan import Plan
from .present import ROWS_MOST, Present
from .refusal import told
from .scene import Scene

__all__ = ["Seeing", "follows"]

_PATIENCE_S: Final = 1.0
"""How long the tables may take to show what the kernel has acknowledged: some of it is told late."""
_DAD_S: Final = 4.0
_SPAN: Final = 5000
"""Rows that are compared at once."""
_SILENT: Final = ("neighbours", "addresses", "interfaces")
"""Tables of which the kernel may not tell all that a creation does."""
_TENTATIVE, _DADFAILED, _RUNNING = 0x40, 0x08, 0x40

Row = Mapping[str, Any]
Cells = tuple[tuple[str, ...], Sequence[int], Iterable[tuple[Any, ...]]]
"""Names of fields, and of each place their values."""


def follows(one: Plan) -> bool:
    """Does more become different than events tell?"""
    table = one.request.table
    return bool(one.hung or one.own) or table in (INTERFACES, NETNS) or (table.name == "nexthops" and one.before is not None)


class Seeing:
    """All methods block."""

    def __init__(
        self, hands: Mapping[str, Hand], scene: Scene, present: Present, judge: Judge, deadline: Deadline, look: Callable[[], object]
    ) -> None:  # fmt: skip
        """look: have the names of namespaces be looked at."""
        self._hands = hands
        self._scene = scene
        self._present = present
        self._judge = judge
        self._deadline = deadline
        self._look = look
        self._untold: dict[tuple[str, Ask | Reread], None] = {}

    def drain(self, plans: Iterable[Plan] = ()) -> None:
        """Take what has been told. plans: those that there are."""
        if any(one.request.table is NETNS for one in plans):
            self._look()
        for hand in self._hands.values():
            hand.drained(lambda tx: None)

    def catch_up(self) -> None:
        """Wait for all that follows from what has been told."""
        for hand in self._hands.values():
            hand.caught_up(self._deadline.left_s())

    def expect(self, many: Creations, part: Iterable[int]) -> None:
        """Of plans that are not kept: remember what the kernel will not tell of them."""
        if any(table.name in _SILENT for _, table in many.things):
            self._expect(map(many.plan, part))

    def _expect(self, part: Iterable[Plan]) -> None:
        self._untold |= dict.fromkeys((one.where, question) for one in part for question in self._silent(one))

    def all_of(self, plans: Collection[Plan]) -> None:
        """Take what the kernel told of these plans, and of those that were expected; what it does not tell is asked for."""
        done = [one for one in plans if one.steps]
        if not done and not self._untold:
            return
        self.drain(plans)
        self._expect(done)
        for where, question in self._untold:
            if where in self._hands:
                self._hands[where].ask([question])
        if self._untold or any(follows(one) for one in done):
            self.catch_up()

    def _silent(self, one: Plan) -> Iterator[Ask | Reread]:
        """Questions about what the kernel does not tell."""
        row = one.asked or one.before or {}
        name = one.request.table.name
        if name == "neighbours" and row.get("proxy"):
            yield from POLLED
        elif name == "addresses" and row.get("family") == 10:
            yield Reread("addresses", "AF_INET6", reason="a new address is told when it is known to be unique")
        elif name == "interfaces" and one.asked is not None and one.where in self._hands:  # of one that is down not all is told
            with contextlib.suppress(NotFound):  # a later request removed it
                yield Ask((self._scene.index(one.where, row["ifname"]),), reason="changed by a transaction")

    def read_back(self, places: Mapping[int, Plan], plans: Sequence[Plan], stages: int, of: int) -> tuple[Row | None, ...]:
        """Compare what the tables show with what was asked; the rows, if there are not very many. of: requests.

        Raises: Conflict - it is not so, and does not become so.
        """
        until = min(self._deadline.until, time.monotonic() + _PATIENCE_S)
        rows: dict[int, Row | None] = {}
        final = {id(one) for one in self._judge.last_of_each(plans, stages)}
        looked_at = [(place, one) for place, one in places.items() if id(one) in final]
        if of > ROWS_MOST:
            looked_at = self._without_right_ones(looked_at)
            self._judge.gather([one for _, one in looked_at])
        try:
            for place, one in looked_at:
                row = self._awaited(one, place, until)
                if of <= ROWS_MOST:
                    rows[place] = row
        finally:
            self._present.forget()
        return tuple(rows.get(place) for place in range(of)) if of <= ROWS_MOST else ()

    def read_back_many(self, many: Creations, begun: int) -> None:
        """The same of very many creations: their rows began in the order in which they were sent, so a few are compared at a time.

        begun: the revision before the first.
        """
        until = min(self._deadline.until, time.monotonic() + _PATIENCE_S)
        left: list[int] = []
        for where, table in many.things:
            mine = many.sent(where, table)
            aside: list[int] = []
            for after, up_to, count in self._present.begun(table, where, begun, _SPAN):
                places = [*aside, *islice(mine, count)]
                aside = self._wrong(where, table, many.cells(places), after, up_to)
                if len(aside) > ROWS_MOST:
                    aside = self._unlike(many, aside, where, table, after, up_to)
                if len(aside) > _SPAN:
                    left, aside = left + aside, []
            left += [*aside, *mine]
        for place in left:
            one = many.plan(place)
            one.request = many[place]  # as it was given, for what is told of it
            self._awaited(one, place, until)

    def _unlike(self, many: Creations, places: Sequence[int], where: str, table: Table, after: int, up_to: int) -> list[int]:
        """Those of which no row that began then is what was asked for, however it is spelled."""
        self._present.gather(table, where, since=after, until=up_to)
        try:
            return [place for place in places if self._judge.judged(many.plan(place))[1]]
        finally:
            self._present.forget()

    def _without_right_ones(self, looked_at: Sequence[tuple[int, Plan]]) -> list[tuple[int, Plan]]:
        """Of very many that are alike those that are there with exactly what was asked are found by reading their cells once."""
        alike: dict[tuple[str, Table], dict[int, Plan]] = {}
        for place, one in looked_at:
            alike.setdefault((one.where, one.request.table), {})[place] = one
        left: set[int] = set()
        for (where, table), group in alike.items():
            if len(group) > ROWS_MOST:
                asked = {place: one.asked for place, one in group.items() if one.asked is not None}
                left.update(self._wrong(where, table, ((tuple(one), (place,), (tuple(one.values()),)) for place, one in asked.items())))
                left.update(self._still_there(where, table, {at: one.before for at, one in group.items() if one.asked is None}))
            else:
                left.update(group)
        return [(place, one) for place, one in looked_at if place in left]

    def _still_there(self, where: str, table: Table, before: Mapping[int, Row | None]) -> list[int]:
        """Of things that are to be gone those whose key is still there."""
        if not before:
            return []
        if not table.json.isdisjoint(table.key):  # JSON has several spellings
            return list(before)
        there = set(self._present.cells(table, where, table.key))
        return [place for place, row in before.items() if row is not None and key_of(table, row) in there]

    def _wrong(self, where: str, table: Table, asked: Iterable[Cells], since: int = 0, until: int | None = None) -> list[int]:
        """Those for which there is no row with exactly these cells, among all rows or those that began then."""
        there: dict[tuple[str, ...], Collection[tuple[Any, ...]]] = {}
        wrong: list[int] = []
        for names, places, values in asked:
            if names not in there:
                comparable = names and table.json.isdisjoint(names) and set(names) <= set(table.columns)  # JSON has several spellings
                there[names] = set(self._present.cells(table, where, names, since, until)) if comparable else ()
            found = there[names]
            wrong += [place for place, cells in zip(places, values, strict=True) if cells not in found]
        return wrong

    def _awaited(self, one: Plan, place: int, until: float) -> Row | None:
        caught_up = False
        while True:
            row, wrong = self._judge.judged(one)
            if not wrong:
                return self._after_dad(one, row) if one.request.table.name == "addresses" else row
            if time.monotonic() > until:
                raise Conflict(f"{told(one.request, one.where, self._present)} is not as asked after it: {wrong}", index=place)
            if not caught_up:
                self.catch_up()
                caught_up = True
            else:
                time.sleep(0.01)
            self._present.forget()

    def _after_dad(self, one: Plan, row: Row | None) -> Row | None:
        """An IPv6 address is no use before it is known to be unique. Where no packet can be sent, that is not found out."""
        until = min(self._deadline.until, time.monotonic() + _DAD_S)
        while row is not None and row["flags"] & _TENTATIVE and not row["flags"] & _DADFAILED and time.monotonic() < until:
            link = self._present.find(INTERFACES, one.where, {"ifindex": row["ifindex"]})
            if link is None or not link["flags"] & _RUNNING:
                break
            time.sleep(0.02)
            self._present.forget()
            row = self._judge.judged(one)[0] or row
        if row is not None and row["flags"] & _DADFAILED:
            raise Conflict(f"{told(one.request, one.where, self._present)}: another host has this address")
        return row
