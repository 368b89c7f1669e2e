"""Interfaces: objects with views of what is on them, and with what is done to these in the same commit.

    ndb.interfaces["br0"].set(state="up").add_port("eth0").add_ip("10.0.0.1/24").commit()

The interface itself is changed first, then come the others in the order given. What is to be added may refer to an interface
that is yet to be made; what is to be removed is looked for when the commit begins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self

from holdfast.errors import InvalidValue, NotFound
from holdfast.model import INTERFACES
from holdfast.objects.batch import Batch, named
from holdfast.objects.following import V
from holdfast.objects.object import Object
from holdfast.objects.spec import as_fields, spelled
from holdfast.transactions.contract import Change, Create, Delete

__all__ = ["Interface"]


class Interface(Object[V]):
    """An interface. `link["vlan_id"]`, `link["br_stp_state"]` …: what its kind adds."""

    __slots__ = ()

    # ------------------------------------------------------------------------------------------------ views

    @property
    def ipaddr(self) -> V:
        """Its addresses."""
        return self._within("addresses", "ifindex = ?")

    @property
    def neighbours(self) -> V:
        """Neighbours behind it."""
        return self._within("neighbours", "ifindex = ?")

    @property
    def routes(self) -> V:
        """Routes that lead out through it, multipath ones with one hop that does so too."""
        return self._within("routes", "(oif = ? OR EXISTS (SELECT 1 FROM json_each(multipath) AS hop WHERE hop.value ->> 'oif' = ?))")

    @property
    def ports(self) -> V:
        """Interfaces that have it as their master."""
        return self._within("interfaces", "master = ?")

    @property
    def vlans(self) -> V:
        """VLANs of a bridge port or bridge."""
        return self._within("vlans", "ifindex = ?")

    @property
    def fdb(self) -> V:
        """Forwarding entries that lead out through it."""
        return self._within("fdb", "ifindex = ?")

    def _within(self, table: str, sql: str) -> V:
        if table not in self._views:
            row = self._now()
            ifindex = row[self._view.plan.positions["ifindex"]]
            self._views[table] = self._view.within(self, table, sql, row[0], (ifindex,) * sql.count("?"))
        return self._views[table]

    # ------------------------------------------------------------------------------------------------ its own fields

    def add_altname(self, ifname: str) -> Self:
        """Wait with one more alternative name."""
        return self.set(altnames=[*(name for name in self["altnames"] if name != ifname), ifname])

    def del_altname(self, ifname: str) -> Self:
        """Raises: NotFound (a KeyError)."""
        if ifname not in self["altnames"]:
            raise NotFound(f"interface {self.key_repr()} has no alternative name `{ifname}`")
        return self.set(altnames=[name for name in self["altnames"] if name != ifname])

    def switch(self, flag: str, on: bool = True) -> Self:
        """Wait with one of the interface's flags on or off: `promisc`, `allmulti`, `multicast`, `noarp`, `dynamic`; the others stay.

        Raises: UnknownName;  InvalidValue - it is not made yet: its kind says which flags it begins with.
        """
        if self._pending.new:
            raise InvalidValue(f"expected an interface that is there, got {self.key_repr()} – at {flag}", hint="make it first, then set it")
        bit = self._view.reading.names(self["target"]).bits_of("iff", [flag])
        return self.set(flags=self["flags"] | bit if on else self["flags"] & ~bit)

    def _put(self, given: Mapping[str, Any]) -> None:
        """Renamed to one of its alternative names it has that as its name only."""
        name = given.get("ifname")
        if isinstance(name, str) and not self._pending.new and name in self["altnames"]:
            given = {"altnames": [other for other in self["altnames"] if other != name], **given}
        super()._put(given)

    # ------------------------------------------------------------------------------------------------ what is on it

    def add_ip(self, spec: Any = None, /, **fields: Any) -> Self:
        """`add_ip("10.0.0.1/24")`, `add_ip(address="10.0.0.1", prefixlen=24)`: one more address, which must not be there yet."""
        return self._add("addresses", spec, fields)

    def ensure_ip(self, spec: Any = None, /, **fields: Any) -> Self:
        """The same; it may be there already."""
        return self._add("addresses", spec, fields, ensure=True)

    def del_ip(self, spec: Any = None, /, **fields: Any) -> Self:
        """The addresses that fit: a text, fields (values or functions of them), a function of the record; nothing: all.

        Raises, when it is committed: NotFound (a KeyError) - none does, though something was asked for.
        """
        return self._remove("addresses", spec, fields)

    def add_neighbour(self, spec: Any = None, /, **fields: Any) -> Self:
        """`add_neighbour(dst="10.0.0.2", lladdr="02:00:00:00:00:02")`: one more neighbour, permanent unless `state` says else."""
        return self._add("neighbours", spec, fields)

    def ensure_neighbour(self, spec: Any = None, /, **fields: Any) -> Self:
        """The same; it may be there already, and is then brought to this."""
        return self._add("neighbours", spec, fields, ensure=True)

    def del_neighbour(self, spec: Any = None, /, **fields: Any) -> Self:
        """As `del_ip`."""
        return self._remove("neighbours", spec, fields)

    def add_vlan(self, spec: Any = None, /, **fields: Any) -> Self:
        """`add_vlan(10)`, `add_vlan(vid=10, pvid=True, untagged=True)`: a VLAN of a bridge or its port."""
        return self._add("vlans", spec, fields)

    def ensure_vlan(self, spec: Any = None, /, **fields: Any) -> Self:
        """The same; it may be there already."""
        return self._add("vlans", spec, fields, ensure=True)

    def del_vlan(self, spec: Any = None, /, **fields: Any) -> Self:
        """As `del_ip`."""
        return self._remove("vlans", spec, fields)

    def add_port(self, spec: Any = None, /, **fields: Any) -> Self:
        """Another interface, by any key, becomes a port of this one. Raises, when committed: NotFound;  InvalidValue - it is
        of another source."""
        wanted = fields if spec is None else spec

        def step(batch: Batch) -> None:
            batch.put_master(self, *self._port(batch, wanted))

        return self._then(step)

    def del_port(self, spec: Any = None, /, **fields: Any) -> Self:
        """A port of this one is none any more. Raises, when committed: NotFound;  InvalidValue - it is no port of this one."""
        wanted = fields if spec is None else spec

        def step(batch: Batch) -> None:
            _, port = self._port(batch, wanted)
            if port is None or port["master"] != self["ifindex"]:
                raise InvalidValue(f"interface `{_told('interfaces', wanted)}` is no port of {self.key_repr()}")
            batch.put(Change(self["target"], INTERFACES, port._view.plan.row_of(port._now()), {"master": None}))

        return self._then(step)

    def _port(self, batch: Batch, wanted: Any) -> tuple[int | None, Object[Any] | None]:
        """Where the interface is made in the batch, or as it is in the system."""
        target = self["target"]
        fields = {"ifname": wanted} if isinstance(wanted, str) else {"ifindex": wanted} if isinstance(wanted, int) else as_fields(wanted)
        there = fields.get("target") or target
        if there != target:
            raise InvalidValue(f"a port must be of the same source as its master, got `{there}` for {self.key_repr()}")
        making = batch.making(target, str(fields.get("ifname")))
        if making is not None:
            return making, None
        return None, self._view[{**fields, "target": target}]

    def _add(self, table: str, spec: Any, fields: Mapping[str, Any], *, ensure: bool = False) -> Self:
        wanted = fields if spec is None else spec

        def step(batch: Batch) -> None:
            view = getattr(self, "ipaddr" if table == "addresses" else table)
            made = view.create(wanted)
            made._previous = None
            where, what, row = batch.creation(made, made._pending)
            row["ifindex"] = named(self)
            batch.put(Create(where, what, row, ensure))

        return self._then(step)

    def _remove(self, table: str, spec: Any, fields: Mapping[str, Any]) -> Self:
        wanted = fields if spec is None else spec

        def step(batch: Batch) -> None:
            view = getattr(self, "ipaddr" if table == "addresses" else table)
            found = list(_matching(view, wanted))
            if not found and wanted:
                raise NotFound(f"no {view.table.noun} `{_told(table, wanted)}` on {self.key_repr()}", table=table)
            for one in found:
                batch.put(Delete(self["target"], view.table, view.plan.row_of(one._now()), missing_ok=True))

        return self._then(step)


def _matching(view: Any, wanted: Any) -> Iterator[Object[Any]]:
    """The objects of a sub-view that a text, fields, or a function of the record describe."""
    if isinstance(wanted, str | int):
        if (one := view.get(wanted)) is not None:
            yield one
        return
    if callable(wanted):
        test: Callable[[Any], Any] = wanted
    else:
        fields = as_fields(wanted)
        functions = {name: value for name, value in fields.items() if callable(value)}
        plain = {name: value for name, value in fields.items() if name not in functions}
        keys = None if not plain else {tuple(row[name] for name in view.plan.key_names) for row in view.getmany(plain)}

        def test(record: Any) -> bool:
            if keys is not None and tuple(record[name] for name in view.plan.key_names) not in keys:
                return False
            return all(function(record[name]) for name, function in functions.items())

    for record, one in view.items():
        if test(record):
            yield one


def _told(table: str, wanted: Any) -> str:
    return str(wanted) if isinstance(wanted, str | int) or callable(wanted) else spelled(table, as_fields(wanted))
