"""From objects to requests: what a commit asks the engine for, and which object each request is of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from holdfast.errors import HoldfastError, InvalidValue
from holdfast.model import FDB, INTERFACES
from holdfast.model.field import Table
from holdfast.objects.defaults import NTF_MASTER, complete
from holdfast.objects.values import attribute
from holdfast.transactions.contract import Change, Create, Delete, Named, Request
from holdfast.transactions.undo import restored

if TYPE_CHECKING:
    from holdfast.objects.object import Object
    from holdfast.objects.pending import Pending
    from holdfast.objects.view import View

__all__ = ["Batch", "Filter", "named", "nested"]

Filter = Callable[[dict[str, Any]], dict[str, Any]]
"""What NDB calls `req_filter`: gets the fields that are to be sent, returns those that are."""


def nested(fields: Mapping[str, Any], onto: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Attributes of kinds go where the table has them: vlan_id into kind_data. onto: a row whose other attributes stay."""
    found: dict[str, Any] = {}
    for name, value in fields.items():
        column = attribute(name)
        if column is None:
            found[name] = value
        else:
            if column not in found:
                found[column] = dict((onto or {}).get(column) or {})
            found[column][name] = value
    return found


class Batch:
    """Requests in the order in which they were asked for. Not for several threads.

    mine  for each object, the place of the request that is about it.
    """

    def __init__(self, req_filter: Filter | None = None) -> None:
        self.requests: list[Request] = []
        self.owners: list[Object[Any]] = []
        self.mine: dict[int, int] = {}
        self._filter = req_filter
        self._owner: Object[Any] | None = None

    def put(self, request: Request) -> None:
        """One more, of the object that is being added."""
        assert self._owner is not None
        self.requests.append(request)
        self.owners.append(self._owner)

    def add(self, one: Object[Any], pending: Pending) -> None:
        """What waits in an object. Raises: what its steps raise: NotFound, InvalidValue …"""
        self._owner = one
        request = self._request(one, pending)
        if request is not None:
            self.mine[id(one)] = len(self.requests)
            self.put(request)
        if not pending.removed:
            for step in pending.steps:
                step(self)

    def _request(self, one: Object[Any], pending: Pending) -> Request | None:
        table: Table = one._view.plan.table
        row = one._now()
        target = row[0]
        if pending.removed:
            return Delete(target, table, one._view.plan.row_of(row), missing_ok=True) if not pending.new and one._last.there else None
        if pending.new or not one._last.there:
            return Create(*self.creation(one, pending), one.ensured)
        if not pending.fields:
            return None
        seen = one._view.plan.row_of(row)
        return Change(target, table, seen | nested(pending.base, seen), self._filtered(nested(pending.fields)))

    def creation(self, one: Object[Any], pending: Pending) -> tuple[str, Table, dict[str, Any]]:
        """Target, table and row of what is to be made: for the first time, or again as it was last."""
        view = one._view
        row = view.plan.row_of(one._now())
        target, table = str(one._now()[0]), view.plan.table
        fields = nested(pending.fields)
        if not pending.new:
            again = dict(restored(target, table, row).row)
            fields = {**again, **nested(pending.fields, again)}
        made = complete(table.name, fields)
        if table is FDB and made.get("flags", 0) & NTF_MASTER and not made.get("master"):
            made["master"] = self._master_of(view, target, made["ifindex"])
        return target, table, self._filtered(made)

    def _master_of(self, view: View[Any], target: str, port: int | Named) -> Any:
        """The bridge whose port it is, or will be by what is asked for before. Raises: InvalidValue - none."""
        for request in reversed(self.requests):
            if request.table is INTERFACES and request.target == target and not isinstance(request, Delete):
                fields = request.row if isinstance(request, Create) else request.fields
                name = request.row["ifname"] if isinstance(port, Named) else request.row.get("ifindex")
                if fields.get("master") and name == (port.ifname if isinstance(port, Named) else port):
                    return fields["master"]
        found = [] if isinstance(port, Named) else view.reading.fetch(
            "SELECT ifname, master FROM interfaces WHERE target = ? AND ifindex = ?", (target, port)
        )  # fmt: skip
        if not found or not found[0][1]:
            ifname = port.ifname if isinstance(port, Named) else found[0][0] if found else port
            raise InvalidValue(f"expected the port of a bridge, got `{ifname}` – at flags", hint="`self` is the interface's own list")
        return found[0][1]

    def _filtered(self, fields: dict[str, Any]) -> dict[str, Any]:
        return fields if self._filter is None else self._filter(fields)

    def making(self, target: str, ifname: str | None) -> int | None:
        """The place of the request that makes this interface, if one of these does."""
        for place, request in enumerate(self.requests):
            if isinstance(request, Create) and request.table is INTERFACES and (request.target, request.row["ifname"]) == (target, ifname):
                return place
        return None

    def put_master(self, master: Object[Any], making: int | None, port: Object[Any] | None) -> None:
        """An interface becomes a port: one that is there is changed, one that an earlier request makes is made as a port."""
        if port is not None:
            self.put(Change(master["target"], INTERFACES, port._view.plan.row_of(port._now()), {"master": named(master)}))
        elif making is not None:
            made = self.requests[making]
            assert isinstance(made, Create)
            self.requests[making] = Create(made.target, made.table, {**made.row, "master": named(master)}, made.ensure)

    def name(self, error: HoldfastError) -> None:
        """Say in an error which link of a chain it is about."""
        place = error.details.get("index")
        if isinstance(place, int) and 0 <= place < len(self.owners):
            self.blame(error, self.owners[place], len({id(owner) for owner in self.owners}))

    @staticmethod
    def blame(error: HoldfastError, one: Object[Any], objects: int) -> None:
        noun = f"{one._view.plan.table.noun} {one.key_repr()}"
        error.details["object"] = noun
        if objects > 1 and "chain" not in error.details:
            error.details["chain"] = noun
            error.message = f"{error.message} – at link `{noun}` of the chain"
            error.args = (error.message, *error.args[1:])


def named(one: Object[Any]) -> int | Named:
    """An interface as others refer to it: by its index, or by its name as long as it has none."""
    ifindex = one["ifindex"]
    return int(ifindex) if ifindex and not one._pending.new else Named(one["ifname"])
