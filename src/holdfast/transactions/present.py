"""Rows as the tables show them, whole: the objects of requests, and what hangs on them. For a worker thread."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from ipaddress import IPv4Network, ip_address
from typing import Any, Final

from holdfast.mirror.batches import parsed
from holdfast.model import ADDRESSES, FDB, INTERFACES, NEIGHBOURS, NEXTHOPS, ROUTES, VLANS
from holdfast.model.field import Table

from .cells import LOCATORS, key_of, locator_of, picking
from .compare import differences, lost
from .contract import Named

__all__ = ["ROWS_MOST", "Fetch", "Present"]

Row = dict[str, Any]
Fetch = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]

ROWS_MOST: Final = 1000
"""More rows of one table than this are read at once to be compared, and not kept for the answer."""
_NOT_BY_LOCATOR: Final = ("rules", "interfaces", "fdb")
"""Tables in which what was asked for may stand under another locator: the kernel has chosen a part of it."""
_DEAR: Final = 4
"""To ask for a row costs as much as to read so many."""
_EVER: Final = (1 << 63) - 1
_RT_TABLE_LOCAL: Final = 255
_RTPROT_KERNEL: Final = 2
_NOBODY: Final = -1
AF_INET: Final = 2
AF_INET6: Final = 10
AF_MPLS: Final = 28
_NUD_NOARP: Final = 0x40
_LOOSE_BINDING: Final = 0x4
"""VLAN_FLAG_LOOSE_BINDING."""
_FIRST_LABEL: Final = 16
"""Those below are reserved (RFC 3032, MPLS_LABEL_FIRST_UNRESERVED)."""


class Present:
    """`fetch` reads the database: SQL and arguments. In the writer it is another one than in a thread.

    ifnames  what names of interfaces are known already, by target and index, where it is sure that none has changed; None: ask.
    """

    def __init__(self, fetch: Fetch, is_there: Callable[[str, int, str], bool] = lambda target, nsid, other: True) -> None:
        """`is_there` says whether a source's number for a namespace means the namespace of another source."""
        self.fetch = fetch
        self.ifnames: dict[tuple[str, int], str] | None = None
        self._is = is_there
        self._gathered: dict[tuple[str, str], dict[tuple[Any, ...], list[Row]]] = {}
        self._labels: dict[str, int] = {}

    def gather(self, table: Table, target: str, wanted: Collection[str] = (), *, since: int = 0, until: int | None = None) -> int:
        """Read all of a target's rows at once, for many questions about them, until `forget`; how many there are.

        wanted: the columns that the questions are about; none: all. since, until: only rows that began after, and up to, a revision.
        """
        names = LOCATORS[table.name]
        columns = [name for name in table.columns if not wanted or name in wanted or name in names]
        locator = picking([columns.index(name) for name in names])
        json = picking([place for place, name in enumerate(columns) if name in table.json])
        nothing = {None}
        found: dict[tuple[Any, ...], list[Row]] = {}
        rows = self.cells(table, target, columns, since, until)
        for values in rows:
            row = dict(zip(columns, values, strict=True))
            found.setdefault(locator(values), []).append(row if nothing.issuperset(json(values)) else parsed(table, row))
        self._gathered[table.name, target] = found
        return len(rows)

    def free_label(self, target: str) -> int:
        """The lowest MPLS label that no route is for; each time it is asked another one (find_free_label, net/mpls/af_mpls.c)."""
        taken = {int(dst) for (dst,) in self.fetch("SELECT dst FROM routes WHERE target = ? AND family = ?", (target, AF_MPLS))}
        label = max(self._labels.get(target, 0), _FIRST_LABEL)
        while label in taken:
            label += 1
        self._labels[target] = label + 1
        return label

    def is_gathered(self, table: Table, target: str, locator: tuple[Any, ...]) -> bool:
        """May there be a row that is looked up by this, among those that were gathered? True also where they do not tell."""
        gathered = self._gathered.get((table.name, target))
        return gathered is None or table.name in _NOT_BY_LOCATOR or locator in gathered

    def gather_many(self, places: Iterable[tuple[str, Table]]) -> None:
        """The same where there are many questions, for the rows that there are. places: where and what each is about."""
        for (where, table), count in Counter(places).items():
            if count > ROWS_MOST and self._fewer(table, where, _DEAR * count):
                self.gather(table, where)

    def _fewer(self, table: Table, target: str, count: int) -> bool:
        """Has a target fewer rows than that?"""
        sql = f"SELECT count(*) FROM (SELECT 1 FROM {table.name} INDEXED BY {table.name}_since WHERE target = ? LIMIT ?)"
        return bool(self.fetch(sql, (target, count))[0][0] < count)

    def cells(self, table: Table, target: str, columns: Sequence[str], since: int = 0, until: int | None = None) -> list[tuple[Any, ...]]:
        """Columns of a target's rows as the database has them; of those that began after, and up to, a revision."""
        sql = f"SELECT {', '.join(columns)} FROM {table.name} WHERE target = ?"
        if not since and until is None:
            return self.fetch(sql, (target,))
        return self.fetch(f"{sql} AND since > ? AND since <= ?", (target, since, _EVER if until is None else until))

    def begun(self, table: Table, target: str, since: int, at_most: int) -> Iterator[tuple[int, int, int]]:
        """Revisions after one, in spans of which each has some rows that began in it, about so many: (after, up to, rows)."""
        after, last, rows = since, since, 0
        sql = f"SELECT since, count(*) FROM {table.name} INDEXED BY {table.name}_since WHERE target = ? AND since > ? GROUP BY since"
        for revision, count in self.fetch(sql, (target, since)):
            if rows and rows + count > at_most:
                yield after, last, rows
                after, rows = last, 0
            last, rows = revision, rows + count
        if rows:
            yield after, last, rows

    def forget(self) -> None:
        """What was gathered is old."""
        self._gathered.clear()

    def rows(self, table: Table, target: str, condition: str = "true", args: Sequence[Any] = ()) -> list[Row]:
        """All rows of a target that match, in the order in which they came."""
        return self._read(table, target, f"({condition}) ORDER BY rowid", args)

    def _read(self, table: Table, target: str, condition: str, args: Sequence[Any]) -> list[Row]:
        """Sorting costs 0.2 ms however few rows there are: for one it is left out."""
        columns = table.columns
        found = self.fetch(f"{_select(table)}{condition}", (target, *args))
        return [parsed(table, dict(zip(columns, row, strict=True))) for row in found]

    def find(self, table: Table, target: str, known: Mapping[str, Any]) -> Row | None:
        """The row of an object of which the whole row, or the whole key, is known: an interface's index says enough."""
        known = self.numbered(target, known)
        gathered = self._gathered.get((table.name, target))
        if gathered is not None:
            rows = gathered.get(locator_of(table, known), [])
            key = key_of(table, known)
            return next((row for row in rows if key_of(table, row) == key), None)
        if table is INTERFACES and not known.get("ifindex"):
            return self.like(table, target, {"ifname": known.get("ifname")})
        if any(name not in known and table.defaults[name] is None for name in table.key):
            return self.like(table, target, known)
        rows = self._with(table, target, table.key, key_of(table, known))
        if not rows and known.get("multipath"):  # its hops may have come into another order
            rows = [row for row in self.candidates(table, target, known) if not lost(table, known, row)]
        return rows[0] if rows else None

    def find_among(self, table: Table, target: str, known: Mapping[str, Any]) -> tuple[Row | None, list[Row]]:
        """The same of a route, and all that have what it is looked up by: its prefix."""
        rows = self.candidates(table, target, known)
        key = key_of(table, self.numbered(target, known))
        row = next((row for row in rows if key_of(table, row) == key), None)
        if row is None:
            row = self.find(table, target, known)
        return row, rows

    def like(self, table: Table, target: str, asked: Mapping[str, Any]) -> Row | None:
        """The row that shows what was asked for. `asked` is completed."""
        for row in self.candidates(table, target, asked):
            if not differences(table, asked, row):
                return row
        return None

    def candidates(self, table: Table, target: str, asked: Mapping[str, Any]) -> list[Row]:
        """Rows that may be what was asked for: they have what the object is looked up by."""
        asked = self.numbered(target, asked)
        gathered = self._gathered.get((table.name, target))
        if gathered is not None and table.name not in _NOT_BY_LOCATOR:
            return gathered.get(locator_of(table, asked), [])
        names = LOCATORS[table.name]
        if table.name == "routes":
            return self._with(table, target, names, locator_of(table, asked))
        if table.name == "interfaces" and asked.get("ifindex"):
            names = ("ifindex",)
        elif table.name == "rules" and not asked.get("priority"):
            names = names[1:]  # the kernel chooses one
        names = tuple([name for name in names if name in asked])
        return self._with(table, target, names, tuple([asked[name] for name in names]))

    def _with(self, table: Table, target: str, names: tuple[str, ...], values: tuple[Any, ...]) -> list[Row]:
        """The rows in which these fields have these values."""
        absent = tuple([value is None for value in values])
        condition, plain, json = _condition(table, names, absent)
        rows = self._read(table, target, condition, [values[place] for place in plain])
        return [row for row in rows if all(row[names[place]] == values[place] for place in json)] if json else rows

    def numbered(self, target: str, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """With the indexes that the tables show for names; what is not there has an index that nothing has."""
        if Named not in set(map(type, row.values())):
            return row
        return {name: self._index(target, value) if isinstance(value, Named) else value for name, value in row.items()}

    def _index(self, target: str, named: Named) -> int:
        found = self.fetch("SELECT ifindex FROM interfaces WHERE target = ? AND ifname = ?", (named.target or target, named.ifname))
        return int(found[0][0]) if found else _NOBODY

    def ifname(self, target: str, ifindex: int) -> str:
        """The name of an interface, for messages; its number, where there is none."""
        known = None if self.ifnames is None else self.ifnames.get((target, ifindex))
        if known is None:
            found = self.fetch("SELECT ifname FROM interfaces WHERE target = ? AND ifindex = ?", (target, ifindex))
            known = str(found[0][0]) if found else str(ifindex)
            if self.ifnames is not None:
                self.ifnames[target, ifindex] = known
        return known

    # -- what hangs on an object -----------------------------------------------------------------------------------

    def on_interface(self, target: str, link: Row, *, gone: bool) -> list[tuple[str, Table, Row]]:
        """What an interface takes along when it goes down, or away (`gone`): rows to be made again, in the order of making.

        What the kernel makes by itself is not among them: routes to its own addresses, learned neighbours.
        """
        ifindex = link["ifindex"]
        found: list[tuple[str, Table, Row]] = []
        if gone:
            found += self._other_end(target, link)
            found += self._upon(target, link)
            found += [(target, ADDRESSES, row) for row in self._addresses(target, "ifindex = ?", ifindex)]
            found += [(target, VLANS, row) for row in self.rows(VLANS, target, "ifindex = ?", (ifindex,))]
        else:
            found += [(target, ADDRESSES, row) for row in self._addresses(target, "family = 10 AND ifindex = ?", ifindex)]
        found += self.neighbours_on(target, ifindex)
        found += self._through(target, ifindex)
        fixed = "fixed AND (ifindex = ? OR master = ?)" if gone else "fixed AND ifindex = ?"
        entries = self.rows(FDB, target, fixed, (ifindex, ifindex) if gone else (ifindex,))
        found += [(target, FDB, row) for row in entries if _made(row, link)]
        return found

    def neighbours_on(self, target: str, ifindex: int) -> list[tuple[str, Table, Row]]:
        """Those that somebody made: they go with the interface, when it goes down, and when its own address changes."""
        rows = self.rows(NEIGHBOURS, target, "ifindex = ? AND (fixed OR proxy)", (ifindex,))
        return [(target, NEIGHBOURS, row) for row in rows if row["proxy"] or not self._unasked(target, row)]

    def _unasked(self, target: str, neighbour: Row) -> bool:
        """Did the kernel make it where nobody need be asked: for a group, or on a link that knows one address only?"""
        if not neighbour["state"] & _NUD_NOARP:
            return False
        sql = "SELECT broadcast FROM interfaces WHERE target = ? AND ifindex = ?"
        lladdr = neighbour["lladdr"] or ""
        known = not lladdr.strip("0:.") or [(lladdr,)] == self.fetch(sql, (target, neighbour["ifindex"]))
        return known or ip_address(neighbour["dst"]).is_multicast

    def by_state(self, target: str, ifindex: int) -> list[tuple[str, Table, Row]]:
        """VLANs of an interface that goes down or up do so as well, unless their binding is loose (vlan_device_event, net/8021q/vlan.c)."""
        found: list[tuple[str, Table, Row]] = []
        for row in self.rows(INTERFACES, target, "kind = 'vlan' AND link = ? AND link_netnsid IS NULL", (ifindex,)):
            if not row["kind_data"].get("vlan_flags", {}).get("flags", 0) & _LOOSE_BINDING:
                found += [(target, INTERFACES, row), *self.on_interface(target, row, gone=False)]
                found += self.by_state(target, row["ifindex"])
        return found

    def _other_end(self, target: str, link: Row) -> list[tuple[str, Table, Row]]:
        """Of a veth that is deleted, and what is on it."""
        end = self._end(target, link)
        if end is None:
            return []
        where, row = end
        return [(where, INTERFACES, row), *self.on_interface(where, {**row, "link": None}, gone=True)]

    def _end(self, target: str, link: Row) -> tuple[str, Row] | None:
        """The other end of a veth. In another namespace it is found where a source shows it."""
        if link["kind"] != "veth" or not link["link"]:
            return None
        columns = INTERFACES.columns
        here = "= ?" if link["link_netnsid"] is None else "<> ?"
        sql = f"SELECT target, {', '.join(columns)} FROM interfaces WHERE target {here} AND ifindex = ? AND link = ? AND kind = 'veth'"
        ends = self.fetch(sql, (target, link["link"], link["ifindex"]))
        if link["link_netnsid"] is not None:
            ends = [end for end in ends if self._is(target, link["link_netnsid"], end[0])]
        if len(ends) != 1:
            return None
        where, *values = ends[0]
        return str(where), parsed(INTERFACES, dict(zip(columns, values, strict=True)))

    def narrowed(self, target: str, ifindex: int, mtu: int) -> list[tuple[str, Table, Row]]:
        """What stands on an interface and gets a smaller MTU with it: none is larger than that below, and none grows again with it."""
        found: list[tuple[str, Table, Row]] = []
        for row in self._standing(target, ifindex):
            if row["mtu"] > mtu:
                found += [(target, INTERFACES, row), *self.narrowed(target, row["ifindex"], mtu)]
        return found

    def _standing(self, target: str, ifindex: int) -> list[Row]:
        rows = self.rows(INTERFACES, target, "link = ? AND link_netnsid IS NULL AND kind IS NOT NULL", (ifindex,))
        return [row for row in rows if row["kind"] not in _PAIRED]  # of those it is the other end

    def by_carrier(self, target: str, link: Row) -> list[tuple[str, Table, Row]]:
        """What goes elsewhere when an interface loses its carrier: nexthops of those that have theirs from it, and what is by these.

        The other end of a veth, what stands upon it, and the bridge whose port it is follow it, perhaps not, if there are others;
        and the kernel flushes the nexthops of an interface without a carrier (nh_netdev_event), without telling.
        """
        found: list[tuple[str, Table, Row]] = []
        seen, around = {(target, link["ifindex"])}, [(target, link)]
        while around:
            for where, row in self._following(*around.pop()):
                if (where, row["ifindex"]) not in seen:
                    seen.add((where, row["ifindex"]))
                    around.append((where, row))
                    found += self.nexthops_on(where, row["ifindex"])
        return found

    def _following(self, target: str, link: Row) -> list[tuple[str, Row]]:
        """Interfaces whose carrier may follow that of this one."""
        condition = "link = ? AND link_netnsid IS NULL AND kind IS NOT NULL OR ifindex = ?"
        found = [(target, row) for row in self.rows(INTERFACES, target, condition, (link["ifindex"], link["master"]))]
        end = self._end(target, link)
        return found if end is None else [*found, end]

    def _addresses(self, target: str, condition: str, *args: Any) -> list[Row]:
        """Primary addresses first: those that follow in the same prefix become secondary."""
        rows = self.rows(ADDRESSES, target, condition, args)
        return sorted(rows, key=lambda row: row["flags"] & 1)

    def _upon(self, target: str, link: Row) -> list[tuple[str, Table, Row]]:
        """Interfaces that stand on it, with what is on them, and its ports."""
        found: list[tuple[str, Table, Row]] = []
        for row in self._standing(target, link["ifindex"]):
            found.append((target, INTERFACES, row))
            found += self.on_interface(target, row, gone=True)
        found += [(target, INTERFACES, row) for row in self.rows(INTERFACES, target, "master = ?", (link["ifindex"],))]
        for _, _, port in [one for one in found if one[1] is INTERFACES and one[2]["master"] == link["ifindex"]]:
            found += self.of_port(target, port)
            found += self.by_cycle(target, port, link["kind"])
        return found

    def by_cycle(self, target: str, port: Row, *kinds: str | None) -> list[tuple[str, Table, Row]]:
        """What a port loses that comes to a master of one of these kinds, or leaves it: some set it down, and up again."""
        return [] if _CYCLING.isdisjoint(kinds) else self.on_interface(target, port, gone=False)

    def kind_of(self, target: str, ifindex: int | None) -> str | None:
        """Of an interface; None: it has none, or is none."""
        found = self.fetch("SELECT kind FROM interfaces WHERE target = ? AND ifindex = ?", (target, ifindex)) if ifindex else ()
        return next((kind for (kind,) in found), None)

    def of_port(self, target: str, port: Row) -> list[tuple[str, Table, Row]]:
        """What a port loses when it leaves its master."""
        vlans = [(target, VLANS, row) for row in self.rows(VLANS, target, "ifindex = ?", (port["ifindex"],))]
        entries = self.rows(FDB, target, "fixed AND ifindex = ? AND master = ?", (port["ifindex"], port["master"]))
        return vlans + [(target, FDB, row) for row in entries if _made(row, port)]

    def _through(self, target: str, ifindex: int) -> list[tuple[str, Table, Row]]:
        """Nexthops, their groups, and the routes that leave through an interface."""
        found = self.nexthops_on(target, ifindex)
        found += [(target, ROUTES, row) for row in self.rows(ROUTES, target, _LEAVING, (ifindex, ifindex)) if not of_kernel(row)]
        return found

    def nexthops_on(self, target: str, ifindex: int) -> list[tuple[str, Table, Row]]:
        """Nexthops through an interface, and what is by them."""
        found = [(target, NEXTHOPS, row) for row in self.rows(NEXTHOPS, target, "oif = ?", (ifindex,))]
        return found + self.by_nexthop(target, {row["id"] for _, _, row in found})

    def by_nexthop(self, target: str, ids: set[int]) -> list[tuple[str, Table, Row]]:
        """Groups of these nexthop objects, routes by them or by the groups, forwarding entries."""
        if not ids:
            return []
        groups = [row for row in self.rows(NEXTHOPS, target, "group_members IS NOT NULL") if {m["id"] for m in row["group_members"]} & ids]
        every = ids | {row["id"] for row in groups}
        marks = ", ".join("?" * len(every))
        found = [(target, NEXTHOPS, row) for row in groups]
        found += [(target, ROUTES, row) for row in self.rows(ROUTES, target, f"nh_id IN ({marks})", tuple(every))]
        found += [(target, FDB, row) for row in self.rows(FDB, target, f"nh_id IN ({marks})", tuple(every))]
        return found

    def of_address(self, target: str, address: Row, going: Collection[str] = ()) -> list[tuple[str, Table, Row]]:
        """What an address takes along: further ones of its prefix, routes that prefer it, and with the last one all IPv4 routes.

        going: addresses of the interface that go as well.
        """
        ifindex, family, local = address["ifindex"], address["family"], address["local"]
        found: list[tuple[str, Table, Row]] = []
        others = [row for row in self.rows(ADDRESSES, target, "family = ? AND ifindex = ?", (family, ifindex)) if row["local"] != local]
        if family == AF_INET:
            found += [(target, ADDRESSES, row) for row in others if row["flags"] & 1 and _prefix_of(row) == _prefix_of(address)]
        last = family == AF_INET and all(row["flags"] & 1 or row["local"] in going for row in others)  # secondary ones go along
        condition = f"family = ? AND (prefsrc = ? OR ? AND {_LEAVING})"
        routes = self.rows(ROUTES, target, condition, (family, local, last, ifindex, ifindex))
        if last:  # IPv4 ends on the interface
            found += [one for one in self.neighbours_on(target, ifindex) if one[2]["family"] == AF_INET]
        return found + [(target, ROUTES, row) for row in routes if not of_kernel(row)]


@cache
def _select(table: Table) -> str:
    return f"SELECT {', '.join(table.columns)} FROM {table.name} WHERE target = ? AND "


@cache
def _condition(table: Table, names: tuple[str, ...], absent: tuple[bool, ...]) -> tuple[str, tuple[int, ...], tuple[int, ...]]:
    """SQL for fields, of which some are to be absent; the places of its arguments, and of those that it leaves out: the text of
    JSON has an order of its own, so its values are compared as objects."""
    json = tuple(place for place, name in enumerate(names) if name in table.json and not absent[place])
    asked = [place for place in range(len(names)) if place not in json]
    terms = [f"{names[place]} IS NULL" if absent[place] else f"{names[place]} = ?" for place in asked]
    return " AND ".join(terms) or "true", tuple(place for place in asked if not absent[place]), json


_HOPS: Final = "EXISTS (SELECT 1 FROM json_each(multipath) WHERE json_extract(value, '$.oif') = ?)"
_LEAVING: Final = f"nh_id IS NULL AND (oif = ? OR multipath IS NOT NULL AND {_HOPS})"
"""Routes of their own through an interface."""
_CYCLING: Final = frozenset(("vrf", "bond"))
"""Masters that set their ports down, and up again (cycle_netdev, drivers/net/vrf.c; bond_enslave, drivers/net/bonding/bond_main.c)."""
_PAIRED: Final = ("veth", "netkit", "vxcan")


def _prefix_of(address: Row) -> IPv4Network:
    return IPv4Network((address["address"], address["prefixlen"]), strict=False)


def of_kernel(row: Mapping[str, Any]) -> bool:
    """Does the kernel make this route by itself, with an address or an interface?"""
    return bool(row["proto"] == _RTPROT_KERNEL or row["table_id"] == _RT_TABLE_LOCAL)


def _made(entry: Row, link: Row) -> bool:
    """Was this entry made by somebody?  A device's own address and the multicast groups that it listens to are not."""
    return bool(entry["lladdr"] != link["address"] and not entry["lladdr"].startswith(("33:33:", "01:00:5e:", "01:80:c2:")))
