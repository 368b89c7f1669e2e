"""What an object was like, and what depended on it: to come back to.

An interface is kept with what goes when it goes: addresses, routes, neighbours, forwarding entries, VLANs, who was its port,
and the interfaces on top of it with theirs. Coming back asks for what is different only, as one transaction.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Protocol

from holdfast.objects.batch import RowView
from holdfast.objects.reading import plan
from holdfast.objects.spec import Wanted
from holdfast.transactions.contract import Change, Create, Delete, Named, Request
from holdfast.transactions.undo import repaired

if TYPE_CHECKING:
    from holdfast.objects.object import Object
    from holdfast.objects.reading import Plan, Reading

__all__ = ["Saved", "Snapshot", "Undo"]

_KERNELS: Final = 2
"""RTPROT_KERNEL: routes that come with addresses."""
_LOCAL_TABLE: Final = 255
_LINK_LOCAL: Final = "fe80:"
_LAYERS: Final = 16
"""More interfaces do not stand on each other (the kernel allows 8)."""

_LEADS_OUT: Final = "(oif = ? OR EXISTS (SELECT 1 FROM json_each(multipath) AS hop WHERE hop.value ->> 'oif' = ?))"
_BELONGS: Final = (
    ("addresses", "ifindex = ?"),
    ("vlans", "ifindex = ?"),
    ("neighbours", "ifindex = ? AND (fixed OR proxy)"),
    ("fdb", "ifindex = ? AND fixed"),
    ("nexthops", "oif = ?"),
    ("routes", f"{_LEADS_OUT} AND proto <> {_KERNELS} AND table_id <> {_LOCAL_TABLE}"),
)


Rows = list[tuple[Any, ...]]


class Saved(Protocol):
    """Something to come back to."""

    def requests(self, one: Object[Any]) -> list[Request]:
        """What brings the system back to it from how it is now."""
        ...


class Undo:
    """What takes a commit back."""

    def __init__(self, requests: tuple[Request, ...]) -> None:
        self._requests = requests

    def requests(self, one: Object[Any]) -> list[Request]:
        return list(self._requests)


class Kept:
    """One row as it was."""

    def __init__(self, plan: Plan, row: tuple[Any, ...]) -> None:
        self.plan = plan
        self.row = row
        self.view = RowView(plan, row)

    @property
    def target(self) -> str:
        return str(self.row[0])


class Snapshot(Mapping[str, Any]):
    """A dictionary of what the object was like; see the module's docstring."""

    def __init__(self, one: Object[Any]) -> None:
        self.reading: Reading = one._view.reading
        row = one._now()
        self.there = one._last.there and not one._pending.new
        self.root = Kept(one._view.plan, row)
        self._fields = one._view.plan.as_dict(row) if self.there else {}
        self.names: dict[tuple[str, int], str] = {}
        self.kept: list[Kept] = []
        self.ports: list[Kept] = []
        if self.there:
            self._keep(self.root, 0)

    def __getitem__(self, name: str) -> Any:
        return self._fields[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    # ------------------------------------------------------------------------------------------------ keeping

    def _keep(self, one: Kept, depth: int) -> None:
        self.kept.append(one)
        if one.plan.table.name != "interfaces" or depth > _LAYERS:
            return
        target, ifindex = one.target, one.view["ifindex"]
        self.names[target, ifindex] = one.view["ifname"]
        for table, condition in _BELONGS:
            for row in self._rows(table, condition, target, ifindex):
                if not _by_itself(table, row):
                    self.kept.append(Kept(plan(table), row))
        self.ports += [Kept(one.plan, row) for row in self._rows("interfaces", "master = ?", target, ifindex)]
        for row in self._rows("interfaces", "link = ? AND link_netnsid IS NULL AND kind <> 'veth' AND ifindex <> link", target, ifindex):
            self._keep(Kept(one.plan, row), depth + 1)

    def _rows(self, table: str, condition: str, target: str, ifindex: int) -> Rows:
        select = plan(table).select
        return self.reading.fetch(f"{select} WHERE target = ? AND {condition}", (target, *(ifindex,) * condition.count("?")))

    # ------------------------------------------------------------------------------------------------ coming back

    def requests(self, one: Object[Any]) -> list[Request]:
        """What brings the system back to it from how it is now."""
        if not self.there:
            last = RowView(one._view.plan, one._now())
            return [Delete(one._now()[0], one._view.plan.table, last, missing_ok=True)] if one._last.there else []
        found = [request for kept in self.kept if (request := self._back(kept)) is not None]
        made = {request.row["ifindex"] for request in found if isinstance(request, Create) and request.table.name == "interfaces"}
        ports = (self._port(port, made) for port in self.ports)
        return found + [request for request in ports if request is not None]

    def _back(self, kept: Kept) -> Request | None:
        now = self._now(kept)
        request = repaired(kept.target, kept.plan.table, kept.view, now)
        if isinstance(request, Create):
            return replace(request, row=self._named(kept, dict(request.row)))
        if kept.plan.table.name != "interfaces" or now is None or now["state"] == kept.view["state"]:
            return request
        fields = dict(request.fields) if isinstance(request, Change) else {}
        return Change(kept.target, kept.plan.table, now, {**fields, "state": kept.view["state"]})

    def _port(self, port: Kept, made: set[int]) -> Request | None:
        """A port that is still there comes back to its master; one that went is made again as a port."""
        now = self._now(port)
        if now is None or (now["master"] == port.view["master"] and port.view["master"] not in made):
            return None
        master = self.names[port.target, port.view["master"]]
        return Change(port.target, port.plan.table, now, {"master": Named(master)})

    def _now(self, kept: Kept) -> RowView | None:
        """The row that is there now for one that was: an interface by its index, else by its name."""
        plan, row = kept.plan, kept.row
        key = {plan.columns[position]: row[position] for position in plan.key[1:]}
        wanted = [Wanted(row[0], key)]
        if plan.table.name == "interfaces":
            wanted.append(Wanted(row[0], {"ifname": kept.view["ifname"]}))
        for one in wanted:
            for found in self._found(plan, one):
                return RowView(plan, found)
        return None

    def _found(self, plan: Plan, wanted: Wanted) -> Rows:
        terms = " AND ".join("target = ?" if name == "target" else f"{name} IS ?" for name in ("target", *wanted.columns))
        return self.reading.fetch(f"{plan.select} WHERE {terms}", (wanted.target, *wanted.columns.values()))

    def _named(self, kept: Kept, fields: dict[str, Any]) -> dict[str, Any]:
        """Interfaces that may have to be made again are referred to by their names: they get other indexes."""
        for name, value in fields.items():
            if name in ("ifindex", "oif", "link", "master", "via_ifindex") and kept.plan.table.name != "interfaces":
                known = self.names.get((kept.target, value))
                if known is not None:
                    fields[name] = Named(known)
        if kept.plan.table.name == "interfaces" and fields.get("link"):
            known = self.names.get((kept.target, fields["link"]))
            if known is not None and fields["link"] != kept.view["ifindex"]:
                fields["link"] = Named(known)
        if fields.get("multipath"):
            fields["multipath"] = [self._hop(kept.target, hop) for hop in fields["multipath"]]
        return fields

    def _hop(self, target: str, hop: Mapping[str, Any]) -> dict[str, Any]:
        known = self.names.get((target, hop["oif"]))
        return {**hop, "oif": hop["oif"] if known is None else Named(known)}


def _by_itself(table: str, row: tuple[Any, ...]) -> bool:
    """Does the kernel make it again without being asked? Link-local addresses that it made."""
    return table == "addresses" and str(row[plan(table).positions["local"]]).startswith(_LINK_LOCAL)
