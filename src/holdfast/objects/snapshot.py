"""What an object was like, and what depended on it: to come back to.

An interface is kept with what goes when it goes: addresses, routes, neighbours, forwarding entries, VLANs, who was its port,
and the interfaces on top of it with theirs. Coming back asks for what is different only, as one transaction.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from holdfast.model import INTERFACES
from holdfast.model.field import Table
from holdfast.transactions.contract import Change, Create, Delete, Named, Request
from holdfast.transactions.present import Present
from holdfast.transactions.undo import repaired

if TYPE_CHECKING:
    from holdfast.objects.object import Object
    from holdfast.objects.reading import Reading

__all__ = ["Saved", "Snapshot", "Undo"]

Row = Mapping[str, Any]
Kept = tuple[str, Table, Row]
"""Where, what, and how it was."""


class Saved(Protocol):
    """Something to come back to."""

    def requests(self, one: Object[Any]) -> list[Request]:
        """What brings the system back to it from how it is now."""
        ...


class Undo:
    """What takes a commit back."""

    def __init__(self, requests: Sequence[Request]) -> None:
        self._requests = requests

    def requests(self, one: Object[Any]) -> list[Request]:
        return list(self._requests)


class Snapshot(Mapping[str, Any]):
    """A dictionary of what the object was like; see the module's docstring."""

    def __init__(self, one: Object[Any]) -> None:
        self._reading: Reading = one._view.reading
        plan, row = one._view.plan, one._now()
        self._there = one._last.there and not one._pending.new
        self._fields = plan.as_dict(row) if self._there else {}
        self._kept: list[Kept] = []
        if self._there:
            whole = plan.row_of(row)
            hung = self._present().on_interface(str(row[0]), whole, gone=True) if plan.table is INTERFACES else ()
            self._kept = [(str(row[0]), plan.table, whole), *hung]
        links = [(target, kept) for target, table, kept in self._kept if table is INTERFACES]
        self._names = {(target, int(link["ifindex"])): str(link["ifname"]) for target, link in links}

    def __getitem__(self, name: str) -> Any:
        return self._fields[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def _present(self) -> Present:
        return Present(self._reading.fetch)

    def requests(self, one: Object[Any]) -> list[Request]:
        """What brings the system back to it from how it is now."""
        row = one._now()
        if not self._there:
            return [Delete(row[0], one._view.plan.table, one._view.plan.row_of(row), missing_ok=True)] if one._last.there else []
        present = self._present()
        root, *others = self._kept
        found = [self._root(present, one, *root), *(self._back(present, *kept) for kept in others)]
        return [request for request in found if request is not None]

    def _root(self, present: Present, one: Object[Any], target: str, table: Table, before: Row) -> Request | None:
        """The object itself, wherever and whatever it is by now."""
        if not one._last.there:
            return self._back(present, target, table, before)
        where, now = str(one._now()[0]), one._view.plan.row_of(one._now())
        request = self._changed(target, table, before, now)
        if where == target:
            return request
        fields = dict(request.fields) if isinstance(request, Change) else {}
        return Change(where, table, now, {**fields, "target": target})

    def _back(self, present: Present, target: str, table: Table, before: Row) -> Request | None:
        """What depends on it: there or not."""
        now = present.find(table, target, before)
        if now is None and table is INTERFACES:
            now = present.find(table, target, {"ifname": before["ifname"]})
        return self._changed(target, table, before, now)

    def _changed(self, target: str, table: Table, before: Row, now: Row | None) -> Request | None:
        request = repaired(target, table, before, now)
        if isinstance(request, Create):
            return Create(target, table, self._named(target, table, request.row), request.ensure, request.beside)
        if table is not INTERFACES or now is None:
            return request
        fields = dict(request.fields) if isinstance(request, Change) else {}
        fields.pop("ifindex", None)  # another one after a move, and nothing that could be set
        fields |= {"state": before["state"]} if now["state"] != before["state"] else {}
        master = self._names.get((target, before["master"] or 0))
        if master is not None and (now["master"] != before["master"] or "master" in fields):
            fields["master"] = Named(master)
        return Change(target, table, now, fields) if fields else None

    def _named(self, target: str, table: Table, row: Row) -> dict[str, Any]:
        """Interfaces that may have to be made again are referred to by their names: they may get other indexes."""
        refers = [one.name for one in table.fields if one.names == "ifindex"]
        fields = dict(row)
        for name in refers:
            known = self._names.get((target, fields.get(name) or 0))
            if known is not None:
                fields[name] = Named(known)
        if fields.get("multipath"):
            fields["multipath"] = [self._hop(target, hop) for hop in fields["multipath"]]
        return fields

    def _hop(self, target: str, hop: Row) -> dict[str, Any]:
        known = self._names.get((target, hop["oif"]))
        return {**hop, "oif": hop["oif"] if known is None else Named(known)}
