"""Did somebody else change what a transaction was about, between its undo list and its acks? Pure.

Events tell it: of a row that is changed each one must show what was there, or what was asked for; of one that is removed, what
was there. Events of the transaction itself do. (Links and neighbours carry no mark of who caused an event.)
A route that is changed in its place is the first of its prefix, whichever that is: one that somebody else put there, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from holdfast.mirror.batches import key_of, keys_of
from holdfast.mirror.paths import PREFIX
from holdfast.netlink.batch import Batch

from .compare import differences, lost
from .contract import Change, Delete
from .plan import Plan, only_one

__all__ = ["overtaken"]

NLM_F_REPLACE: Final = 0x100
NLM_F_APPEND: Final = 0x800


def overtaken(plans: Sequence[Plan], told: Mapping[str, Sequence[Batch]]) -> Iterator[tuple[Plan, dict[str, Any]]]:
    """The plans whose object somebody else changed, with the row that he made of it.

    told: by target, what was told since the plans were made.
    """
    for (target, name), mine in _by_key(plans).items():
        first = dict(mine)
        for batch in told.get(target, ()):
            if batch.table.name == name and batch.op == "put":
                found = [mine.get(key) or _first(first, batch, key) for key in keys_of(batch)]
                if any(found):
                    for plan, row in zip(found, batch.dicts(), strict=True):
                        if plan is not None and _is_foreign(plan, row):
                            yield plan, row


def _first(first: dict[tuple[Any, ...], Plan], batch: Batch, key: tuple[Any, ...]) -> Plan | None:
    """The plan that is about the first route of a prefix, if this one takes its place: by replacing it, or by being put before it.

    What is put there once it has been changed does not concern it any more.
    """
    if batch.table.name != "routes" or batch.flags & NLM_F_APPEND:
        return None
    prefix = key[: len(PREFIX)]
    return first.pop(prefix, None) if batch.flags & NLM_F_REPLACE else first.get(prefix)


def _by_key(plans: Sequence[Plan]) -> dict[tuple[str, str], dict[tuple[Any, ...], Plan]]:
    found: dict[tuple[str, str], dict[tuple[Any, ...], Plan]] = {}
    for one in plans:
        if one.before is not None and isinstance(one.request, Change | Delete) and one.steps:
            table = one.request.table
            named = found.setdefault((one.request.target, table.name), {})
            key = key_of(table, one.before)
            named[key] = one
            if only_one(one):
                named[key[: len(PREFIX)]] = one
    return found


_TOLD_ON_THE_WAY = ("interfaces", "neighbours")
"""Links go down, and neighbours fail, before they are told gone."""


def _is_foreign(plan: Plan, row: Mapping[str, Any]) -> bool:
    request, before = plan.request, plan.before
    assert before is not None
    if not isinstance(request, Change):
        return request.table.name not in _TOLD_ON_THE_WAY and bool(lost(request.table, before, row))
    if request.table.name == "interfaces":
        fields = {name: value for name, value in request.fields.items() if name not in ("target", "flags", "state", "altnames", "master")}
        return any(row.get(name) != before.get(name) for name in differences(request.table, fields, row) if name in before)
    if plan.asked is None or not differences(request.table, plan.asked, row):
        return False
    return bool(lost(request.table, before, row))
