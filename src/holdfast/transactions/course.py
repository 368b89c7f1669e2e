"""The course of a transaction: what it does, plan by plan, in the order in which it is sent, and what takes that back. Sends nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from holdfast.model import INTERFACES
from holdfast.model.field import Table

from .contract import Request
from .creations import Creations
from .judge import Judge, along, known_of
from .made import Found, Known, Makers, Resolved
from .order import Verb
from .plan import Plan, as_sent
from .present import Present
from .undo import Hung, backwards, inverse

__all__ = ["Before", "Course", "inverses_of"]


def inverses_of(sent: Sequence[Plan]) -> Iterator[Request]:
    """What takes back plans that were carried out in this order."""
    return backwards(sent, _inverse)


def _inverse(one: Plan) -> list[Request]:
    """Of a change that removes the one and makes the other perhaps only the first half was done, and where something like the other is
    there already it was."""
    before = None if one.passing else one.before
    asked = {} if one.alike or one.asked is None else one.asked
    halves = one.asked is not None and bool(one.steps) and one.steps[0].verb is Verb.DELETE
    return inverse(one.request, before, one.hung, asked, anew=halves or (one.taken and one.another))


@dataclass(slots=True)
class Before:
    """Everything that a transaction may have made different, and how it was.

    tables  where to look.
    begun   of very many creations: nothing of them was there at this revision.
    """

    entries: Iterable[Known]
    tables: dict[tuple[str, Table], None]
    begun: int | None = None

    def differing(self, judge: Judge) -> list[Request]:
        """What is left to be done for all to be as it was, as the tables show it now."""
        present = judge.present
        if self.begun is not None:
            there = [present.gather(table, where, since=self.begun) for where, table in self.tables]
            if not any(there):
                return []
        else:
            present.gather_many((target, table) for target, table, *_ in self.entries)
        entries = self.entries.among(present) if isinstance(self.entries, _Made) else self.entries
        try:
            return [one for one in (judge.left_of(*entry) for entry in entries) if one is not None]
        finally:
            present.forget()


@dataclass(slots=True)
class Course:
    """stages  plans in the order in which they were made; in a stage all the deletions are sent before all the rest.
    places  the plan of each request, by its place; of very many creations there are none, they are in `many`.
    resolved  to find out what of it stages leave to later ones; None: nobody asks.
    around  interfaces that became different with something else, as they were before; None: they come back by themselves.
    """

    many: Creations | None = None
    resolved: Resolved | None = None
    stages: list[Sequence[Plan]] = field(default_factory=list)
    places: dict[int, Plan] = field(default_factory=dict)
    around: dict[tuple[Any, ...], Hung | None] = field(default_factory=dict)
    _makers: Makers | None = None

    def add(self, stage: Iterable[tuple[int, Request]], plans: Sequence[Plan]) -> None:
        if self.resolved is not None and self.stages:
            self._makers = self._makers or Makers(self.resolved)
            self._learn(self.stages[-1], self._makers)
            for one in plans:
                self._tie(one, self._makers)
        self.stages.append(plans)
        self.places |= {place: one for (place, _), one in zip(stage, plans, strict=True)}

    def _learn(self, stage: Sequence[Plan], makers: Makers) -> None:
        makers.add(one for one in stage if one.steps)
        for one in stage:
            for hung in one.following:
                self.around.setdefault(_link(*hung))
            for hung in one.hung:
                if hung[1] is INTERFACES:
                    self.around.setdefault(_link(*hung), hung)

    def _tie(self, one: Plan, makers: Makers) -> None:
        """What earlier stages made is not what was there: only they take that back."""
        if one.before is not None:
            one.maker = makers.of(one.request.target, one.request.table, one.before)
        found = [(hung, makers.of(*hung)) for hung in one.hung]
        for maker in (one.maker, *(maker for _, maker in found)):
            if maker is not None:
                maker.taken = True
        mine = [maker is not None and maker.makes and hung[1] is not INTERFACES for hung, maker in found]
        one.own = [hung for (hung, _), ours in zip(found, mine, strict=True) if ours]
        there = (hung for (hung, _), ours in zip(found, mine, strict=True) if not ours)
        one.hung = [first for hung in there if (first := self.around.get(_link(*hung), hung))]

    @property
    def plans(self) -> list[Plan]:
        return [one for stage in self.stages for one in stage]

    def request(self, place: int) -> Request:
        return self.places[place].request if self.many is None else self.many[place]

    def place_of(self, one: Plan) -> int:
        return next(place for place, other in self.places.items() if other is one)

    # -- taking back -----------------------------------------------------------------------------------------------

    def inverses(self, done: Collection[int]) -> Iterator[list[Request]]:
        """What takes back what was done, in parts of which each may be carried out by itself, one after another. done: places."""
        if self.many is None:
            sent = [one for stage in self.stages for one in as_sent(stage) if one.steps[0].place in done]
            yield list(inverses_of(sent))
            return
        for places in reversed(list(self.many.parts())):
            yield list(inverses_of([self.many.plan(place) for place in places if place in done]))

    def before(self, judge: Judge, done: Collection[int], begun: int) -> Before:
        """begun: the revision before the first change."""
        if self.many is not None:
            return Before(_Made(self.many, done), dict.fromkeys(self.many.things), begun)
        known = self._known(judge, done)
        return Before(known, dict.fromkeys((where, table) for target, table, _, _, now in known for where in (target, now)))

    def _known(self, judge: Judge, done: Collection[int]) -> Found:
        known = Found(judge.resolved_or)
        ours = {id(one) for place, one in self.places.items() if place in done}
        earlier = Makers(judge.resolved_or)
        for stage in self.stages:
            mine = [one for one in stage if id(one) in ours]
            was = [(judge.thing(one), known_of(one)) for one in mine if one.before is not None]
            was += [along(*hung) for one in mine for hung in (*one.hung, *one.following)]
            for thing, (where, table, row, asked, now) in was:  # of one that an earlier stage made nothing is to be left
                if row is not None and earlier.of(where, table, row) is None:
                    known.add(thing, (where, table, row, asked, now))
            for one in mine:  # what was there counts, also if it was removed and made again
                target, table, _, asked, now = known_of(one)
                if one.makes and not known.has_like(now, table, asked):
                    thing = judge.thing(one)
                    known.add(thing if table is INTERFACES else ("made", *thing), (target, table, None, asked, now))
            together = Makers(judge.resolved_or, mine)
            for hung in chain.from_iterable(judge.with_it(one, mine) for one in mine):
                if together.of(*hung) is None:
                    known.add(*along(*hung))
            earlier.add(mine)
        return known


def _link(where: str, table: Table, row: Mapping[str, Any]) -> tuple[Any, ...]:
    return (where, row["ifindex"], row["ifname"]) if table is INTERFACES else ()


@dataclass(slots=True)
class _Made:
    """What was not there before, worked out as it is asked for."""

    many: Creations
    done: Collection[int]

    def __iter__(self) -> Iterator[Known]:
        return (known_of(self.many.plan(place)) for place in sorted(self.done))

    def among(self, present: Present) -> Iterator[Known]:
        """Those that may be among the rows that were gathered: of very many that are gone again others have made a few meanwhile."""
        for place in sorted(self.done):
            target, table, locator = self.many.locator(place)
            if locator is None or present.is_gathered(table, target, locator):
                yield known_of(self.many.plan(place))
