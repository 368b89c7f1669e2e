"""The verbs that change the network through a running node: many changes as one transaction, and taking one back."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from holdfast.api.aio.view import View
from holdfast.api.core import Core
from holdfast.api.verb import verb
from holdfast.api.visiting import Visits
from holdfast.errors import HoldfastError, InvalidValue, NotFound
from holdfast.model import FDB, TABLES
from holdfast.objects.commit import How, commit, foreseen
from holdfast.objects.interface import Interface
from holdfast.objects.object import Object
from holdfast.transactions.contract import Outcome, Request
from holdfast.transactions.journal import packed, runs_of, undo_of

__all__ = ["Changing", "Order"]

_SHOWN: Final = 4
_TOLD: Final = 1000
"""Requests of an answer, at most: who changes more knows what he asked for."""


@dataclass(frozen=True, slots=True)
class Order:
    """One change that is asked for.

    verb    add: it must not be there yet; set: it must be there; replace: it is made, or brought to these fields; del.
    noun    name of a table.
    fields  as `ndb.routes.create` takes them: names or numbers, prefixes as text … Of interfaces that are there also what leaves the rest
            as it is: `add_altnames` and `del_altnames`, alternative names that they get and lose; `switches`, flag → on or off.
    target  the source; "" for the node's own host.
    key     of `set`: which object; without it the fields say it by what identifies one.
    """

    verb: Literal["add", "set", "replace", "del"]
    noun: str
    fields: dict[str, Any]
    target: str = ""
    key: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class _Wishes:
    """Objects with what waits in them, in order; those that are to be made are found again by later orders."""

    core: Core
    views: dict[str, View[Any]]
    objects: list[Object[Any]] = field(default_factory=list)
    made: dict[tuple[str, str, str], list[tuple[dict[str, Any], Object[Any]]]] = field(default_factory=dict)

    def add(self, order: Order) -> None:
        view = self.views[order.noun]
        where = {"target": order.target} if order.target else {}
        if order.verb == "set":
            self._set(view, order, where)
            return
        fields = {**order.fields, **where}
        if order.verb == "del":
            one = _only(view, fields).remove()
        else:
            beside = _taken_out(fields)
            one = view.create(fields) if order.verb == "add" else view.ensure(fields)
            _set_beside(one, beside)
            with contextlib.suppress(InvalidValue):  # nothing names it: it is not meant by others
                key = view.key_in(order.fields)
                self.made.setdefault(self._shelf(order, key), []).append((key, one))
        self.objects.append(one)

    def _set(self, view: View[Any], order: Order, where: dict[str, Any]) -> None:
        key = order.key or view.key_in(order.fields)
        made = next((one for named, one in reversed(self.made.get(self._shelf(order, key), ())) if key.items() <= named.items()), None)
        one = made or _found(view, {**key, **where})
        fields = {name: value for name, value in order.fields.items() if order.key or name not in key}
        beside = _taken_out(fields)
        one.set(**fields)
        _set_beside(one, beside)
        if made is None:
            self.objects.append(one)

    def _shelf(self, order: Order, key: dict[str, Any]) -> tuple[str, str, str]:
        """Where things are looked for that may be the same: by the first of what names them."""
        return order.noun, order.target or self.core.localhost, str(next(iter(key.values()), ""))


def _found(view: View[Any], key: dict[str, Any]) -> Object[Any]:
    """Raises: NotFound - which says so if it is there but for one of the fields that name it: who sets that finds nothing."""
    try:
        found: Object[Any] = view[key]
    except NotFound as error:
        for name, value in key.items():
            if len(key) > 1 and name != "target" and view.exists({other: key[other] for other in key if other != name}):
                why = f"{name} says which {view.table.noun} it is: add the new one, and delete the old one"
                error.hint = error.hint or f"there is one with another {name} than `{value}`; {why}"
                break
        raise
    return found


_BESIDE: Final[dict[str, Callable[[Interface[Any], Any], object]]] = {
    "add_altnames": lambda one, names: [one.add_altname(name) for name in names],
    "del_altnames": lambda one, names: [one.del_altname(name) for name in names],
    "switches": lambda one, flags: [one.switch(flag, on) for flag, on in flags.items()],
}
"""What of an interface can be set and leaves the rest of the field as it is."""


def _taken_out(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: fields.pop(name) for name in _BESIDE if name in fields}


def _set_beside(one: Object[Any], beside: dict[str, Any]) -> None:
    """Raises: NotFound - it has no such name;  InvalidValue - it is no interface, or none yet;  UnknownName."""
    for name, value in beside.items():
        if not isinstance(one, Interface):
            raise InvalidValue(f"a {one._view.table.noun} has no {name} – at {one.key_repr()}")
        _BESIDE[name](one, value)


class Changing:
    """Changes of the network, for who calls from another process. On the node's loop."""

    def __init__(self, core: Core, *, stay: bool = False) -> None:
        """stay: namespaces that are no sources are followed from their first change on."""
        self._core = core
        self._visits = Visits(core, stay=stay)
        self._views: dict[str, View[Any]] = {name: View(core, name) for name in TABLES}

    @verb(writes=True)
    async def change(
        self, orders: list[Order], *, author: str = "", message: str = "", force: bool = False, dry_run: bool = False
    ) -> dict[str, Any]:
        """Carry out all of these changes as one transaction, or none.

        A target may also be a namespace of this host that is no source: it is followed meanwhile.
        dry_run: only say what would be asked of the kernel.
        Returns `requests`, what was asked, and of what was done `intent` (its revision in the log, by which it can be taken
          back), `revision`, `sent`, `undo`, what would take it back, and `links`: target, index and name of the interfaces where no
          source is.
        Raises: NotFound, AlreadyExists, InvalidValue, UnknownName - `order` in details is its place, from 0;  KernelError,
          Conflict, Denied, NotSupported, Timeout - with what was undone.
        """
        async with self._visits.to(order.target for order in orders) as guests:
            links = self._visits.names(guests)
            wishes = _Wishes(self._core, self._views)
            for place, order in enumerate(orders):
                try:
                    if order.noun not in self._views:
                        raise InvalidValue(f"no table `{order.noun}`", hint=f"there are {', '.join(self._views)}")
                    wishes.add(order)
                except HoldfastError as error:
                    error.details["order"] = place
                    raise
            try:
                requests, outcome = foreseen(wishes.objects), Outcome()
                if not dry_run:
                    outcome = await commit(self._core.engine, wishes.objects, How(force, author, message))
                return _answer(requests, outcome, [*links, *self._visits.names(guests)])
            finally:
                for one in wishes.objects:
                    one.drop()

    @verb(writes=True)
    async def undo(self, intent: int, *, author: str = "", message: str = "", dry_run: bool = False) -> dict[str, Any]:
        """Take back the transaction that the log has at this revision.

        What it made goes, what it changed or removed is as it was.
        Raises: NotFound - the log has no transaction there;  as `change`.
        """
        requests = list(undo_of(self._core.database, intent))
        if not requests:
            raise NotFound(f"the log has no transaction at revision {intent}", hint="`holdfast log` shows them", intent=intent)
        async with self._visits.to((one.target for one in requests), by_process=False) as guests:
            links, outcome = self._visits.names(guests), Outcome()
            if not dry_run:
                outcome = await self._core.engine.commit(requests, force=True, author=author, message=message or f"undo {intent}")
            return _answer(requests, outcome, [*links, *self._visits.names(guests)])

    @verb()
    async def unfinished(self) -> list[dict[str, Any]]:
        """Transactions that a killed node left half done; those of an earlier boot are history."""
        return [
            {"intent": one.intent, "time_ns": one.time_ns, "author": one.author, "message": one.message, "requests": one.requests,
             "told": list(one.told), "same_boot": one.same_boot}
            for one in self._core.node.transactions.unfinished()
        ]  # fmt: skip


def _answer(requests: Iterable[Request], outcome: Outcome, links: list[tuple[Any, ...]]) -> dict[str, Any]:
    asked = list(requests)
    return {
        "intent": outcome.intent,
        "revision": outcome.revision,
        "sent": outcome.sent,
        "count": len(asked),
        "requests": packed(runs_of(asked[:_TOLD])),
        "undo": packed(runs_of(outcome.undo[:_TOLD])),
        "links": links,
    }


def _only(view: View[Any], fields: Mapping[str, Any]) -> Object[Any]:
    """The one object that has these fields. Raises: NotFound;  InvalidValue - several have."""
    wanted = {"target": view.reading.localhost, **fields}
    lists = wanted.pop("flags", []) if view.table is FDB else []
    found = list(view.getmany(wanted))
    if lists in (["master"], ["self"]):  # asked for with a flag; what is there says it by its master
        found = [one for one in found if bool(one["master"]) == (lists == ["master"])]
    if not found:
        raise view.not_found(dict(fields))
    if len(found) > 1:
        shown = "; ".join(view[one].key_repr() for one in found[:_SHOWN])
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise InvalidValue(f"{len(found)} {view.table.name} are meant: {shown}{more}", hint="say more of the one that is to go")
    one: Object[Any] = view[found[0]]
    return one
