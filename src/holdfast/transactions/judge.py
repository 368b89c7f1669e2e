"""Do the tables show what was asked for; do they show what was there before? For a commit's thread, or the writer."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from holdfast.errors import HoldfastError
from holdfast.mirror.batches import key_of as key_in_sql
from holdfast.mirror.batches import keys_of
from holdfast.mirror.hand import Hand
from holdfast.model import ADDRESSES, INTERFACES, NETNS, TABLES
from holdfast.model.field import Table
from holdfast.netlink.batch import Batch

from .cells import name_of
from .compare import differences
from .contract import Change, Create, Delete, Request
from .made import Known, Makers
from .order import Step, Verb
from .plan import Plan
from .present import ROWS_MOST, Present
from .refusal import told
from .scene import Scene
from .undo import Hung, repaired

__all__ = ["Judge", "along", "known_of", "left_words", "named"]

def named(target: str, table: Table, row: Mapping[str, Any]) -> tuple[Any, ...]:
    """What stands for an object among others: of an interface its name, else the key."""
    return (target, table.name, row.get("ifname")) if table is INTERFACES else (target, table.name, *name_of(table, row))


def left_words(one: Request, present: Present) -> str:
    """What is not as before."""
    words = told(one, one.target, present)
    if not isinstance(one, Change):
        return words
    return f"{words} ({', '.join(f'{name} is `{one.row.get(name)}`, was `{value}`' for name, value in one.fields.items())})"


def known_of(one: Plan) -> Known:
    return one.request.target, one.request.table, one.before, one.asked or {}, one.where


def along(where: str, what: Table, row: Mapping[str, Any]) -> tuple[tuple[Any, ...], Known]:
    return named(where, what, row), (where, what, row, row, where)


class Judge:
    """Compares by what `present` reads."""

    def __init__(self, present: Present, scene: Scene, hands: Mapping[str, Hand]) -> None:
        self.present = present
        self._scene = scene
        self._hands = hands

    def judged(self, one: Plan) -> tuple[Mapping[str, Any] | None, str]:
        """The row after it, and what is wrong with it in words."""
        table, asked = one.request.table, one.asked
        if one.where not in self._hands and not self._follows(one.where, table):
            return None, ""  # it is where nobody looks
        if asked is None:
            found = None if one.before is None else self.present.find(table, one.where, one.before)
            return None, "" if found is None or not one.steps else "it is still there"
        resolved = self._resolved(one, asked)
        candidates = self.present.candidates(table, one.where, resolved)
        if not candidates and table is INTERFACES and one.before is not None and one.where == one.request.target:
            candidates = self.present.candidates(table, one.where, {"ifindex": one.before["ifindex"]})
        found = None
        for row in candidates:
            found = differences(table, resolved, row)
            if not found:
                return row, ""
        if found is None:
            return None, "" if one.taken else "it is not there"
        return None, ", ".join(f"{name} is `{is_}`, asked was `{wanted}`" for name, (wanted, is_) in found.items())

    def told(self, one: Plan, events: Sequence[Batch]) -> tuple[bool, Mapping[str, Any] | None]:
        """Does the only event that there was show what was asked for? Then the table does, which was written from it, and nobody
        else has changed it. With the row after it."""
        table = one.request.table
        if len(events) != 1 or len(events[0]) != 1 or events[0].table is not table:
            return False, None
        [event] = events
        if one.asked is None:
            gone = event.op == "delete" and one.before is not None and [key_in_sql(table, one.before)] == list(keys_of(event))
            return gone, None
        [row] = event.dicts()
        if event.op != "put" or differences(table, self._resolved(one, one.asked), row):
            return False, None
        return True, row

    def left_of(
        self, target: str, table: Table, before: Mapping[str, Any] | None, asked: Mapping[str, Any], where: str
    ) -> Request | None:
        """What is left to be done for an object to be as before; None: nothing."""
        if target not in self._hands and not self._follows(target, table):
            return None
        if before is None:
            found = self.present.like(table, target, self.resolved_or(target, table, asked))
            return None if found is None else Delete(target, table, found, missing_ok=True)
        return repaired(target, table, before, self.present.find(table, target, before))

    def with_it(self, one: Plan, made: Sequence[Plan]) -> Sequence[Hung]:
        """What was there before, and would go if all that was made were removed again: with an interface's only addresses."""
        if one.request.table is not ADDRESSES or one.before is not None or one.asked is None:
            return ()
        row = self.present.like(ADDRESSES, one.where, one.asked)
        together = [other.asked for other in made if other.request.table is ADDRESSES and other.before is None and other.asked]
        going = {str(asked.get("local")) for asked in together}
        return () if row is None else self.present.of_address(one.where, row, going)

    def thing(self, one: Plan) -> tuple[Any, ...]:
        """What a plan is about."""
        table = one.request.table
        row = one.before if one.before is not None else self.resolved_or(one.where, table, one.asked or one.request.row)
        return named(one.where, table, row)

    def last_of_each(self, plans: Sequence[Plan], stages: int) -> Collection[Plan]:
        """The plans that say what must be in the end: a later request may have changed, or made again, what an earlier one left."""
        verbs = {type(one.request) for one in plans}
        if stages == 1 and (verbs == {Create} or verbs == {Delete}):
            return plans
        changed = {id(one.maker) for one in plans}
        final = (one for one in plans if id(one) not in changed and not (one.taken and one.request.table is not INTERFACES))
        last = {self.thing(one): one for one in final}.values()
        made = Makers(self.resolved_or, (one for one in last if isinstance(one.request, Create | Change)))
        return [
            one for one in last
            if one.asked is not None or one.before is None or made.of(one.where, one.request.table, one.before) is None
        ]  # fmt: skip

    def gather(self, plans: Sequence[Plan]) -> None:
        """Many rows of one table are read at once."""
        if len(plans) <= ROWS_MOST:
            return
        kinds: dict[tuple[str, str], list[Plan]] = {}
        for one in plans:
            kinds.setdefault((one.where, one.request.table.name), []).append(one)
        for (where, table), alike in kinds.items():
            if len(alike) > ROWS_MOST:
                asked = {name for names in {tuple(one.asked or TABLES[table].key) for one in alike} for name in names}
                self.present.gather(TABLES[table], where, asked | set(TABLES[table].key))

    def _follows(self, target: str, table: Table) -> bool:
        """Are the names of namespaces kept in a table?"""
        return table is NETNS and bool(self.present.rows(NETNS, target))

    def _resolved(self, one: Plan, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        if one.request.table is INTERFACES:
            asked = {name: value for name, value in asked.items() if name not in ("peer", "target", "net_ns")}
        return self._scene.resolved(Step(0, one.where, 0, Verb.CHANGE, one.request.table, asked))

    def resolved_or(self, target: str, table: Table, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        """What was asked for, with the indexes of interfaces for their names, if they are there."""
        row = {name: value for name, value in asked.items() if name not in ("peer", "target", "net_ns")}
        try:
            return self._scene.resolved(Step(0, target, 0, Verb.CHANGE, table, row))
        except HoldfastError:  # an interface that is gone again: what was on it is as well
            return row
