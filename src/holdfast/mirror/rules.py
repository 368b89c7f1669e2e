"""What events do not say: for each kind of event the rows that go with it silently, and what must be asked again.

Pure and table-driven: `RULES` maps (table, operation) to a function from a batch to consequences; interfaces have rules of
their own, because they compare the row before and after. Every rule is a fact of kernel-truths or of a test under
tests/kernel; where the kernel's behaviour depends on version or settings the rule asks again instead of guessing.
What an event says itself (this row is so, that one is gone) is the applier's part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from holdfast.model import TABLES
from holdfast.netlink.batch import Batch

from .batches import keep
from .consequence import Ask, Consequence, Drop, Reread, Where

__all__ = [
    "AF_INET", "AF_INET6", "AF_MPLS", "CAPTIVE", "DOWN", "LINK_COLUMNS", "POLLED", "ROUTE_FAMILIES", "RULES", "is_drift",
    "link_changed", "link_gone", "routing_table", "sift", "through",
]  # fmt: skip

AF_INET: Final = 2
AF_INET6: Final = 10
AF_MPLS: Final = 28
ROUTE_FAMILIES: Final = {"AF_INET": AF_INET, "AF_INET6": AF_INET6, "AF_MPLS": AF_MPLS}

RTM_F_CLONED: Final = 0x200
IFA_F_TENTATIVE: Final = 0x40
RTN_BLACKHOLE: Final = 6
NUD_NONE: Final = 0x00
NUD_INCOMPLETE: Final = 0x01
NUD_NOARP: Final = 0x40
NLM_F_CREATE: Final = 0x400
IFF_UP: Final = 0x1
_CARRIER: Final = IFF_UP | 0x40 | 0x10000 | 0x20000
"""IFF_UP, IFF_RUNNING, IFF_LOWER_UP, IFF_DORMANT: what routes follow."""
_TC_ROOT: Final = 0xFFFFFFFF
_PAIRED: Final = ("veth", "netkit", "vxcan")
"""Kinds whose `link` is the other end, which has ours as its own."""
_ON_FOREIGN: Final = Where("link_netnsid IS NOT NULL AND coalesce(kind, '') NOT IN (?, ?, ?)", _PAIRED)
"""Interfaces that stand on one in another namespace."""

LINK_COLUMNS: Final = (
    "ifindex", "ifname", "flags", "operstate", "address", "broadcast", "master", "mtu", "link", "link_netnsid", "kind", "kind_data",
    "carrier_changes",
)  # fmt: skip
"""What the rules of interfaces compare."""

CAPTIVE: Final = ("addresses", "neighbours", "fdb", "vlans", "qdiscs", "classes", "filters")
"""Tables whose rows live on an interface, by `ifindex`, and end with it."""

POLLED: Final = tuple(
    Reread("neighbours", family, (("proxy", 1),), reason="proxy entries come and go without an event") for family in ("AF_INET", "AF_INET6")
)
"""What the kernel never announces and what is small: read again at short intervals."""

DOWN: Final = Where(f"NOT flags & {IFF_UP}")
"""Interfaces of which the kernel announces little: looked at in turn."""

_TOLD_WHEN_DOWN: Final = frozenset(("ifname", "flags", "mtu", "address", "broadcast", "master", "txqlen", "link", "kind"))

_UNTOLD: Final = {
    "interfaces": frozenset(
        ("promiscuity", "allmulti", "gso_max_segs", "gso_max_size", "gso_ipv4_max_size", "gro_max_size", "gro_ipv4_max_size",
         "tso_max_segs", "tso_max_size", "headroom", "tailroom", "link", "link_netnsid"),
    ),
}  # fmt: skip
"""Columns that change without an event in cases that no other event gives away. (`link`: the far end of a pair moved from one
foreign namespace to another. `headroom`: a bridge gives all its ports, and they the far ends of their cables, what one of them needs.)"""


# -- noise -------------------------------------------------------------------------------------------------------------


def sift(batch: Batch) -> Batch | None:
    """Leave out what is not configuration: cached routes, link messages that are not about the link, multicast mappings.

    Returns the batch itself when nothing is to be left out (the usual case, O(1) in Python objects), None when all is.
    """
    test = _NOISE.get(batch.table.name)
    return batch if test is None else test(batch)


def _cached_routes(batch: Batch) -> Batch | None:
    flags = batch.column("flags")
    if not any(one & RTM_F_CLONED for one in set(flags)):
        return batch
    return keep(batch, [not one & RTM_F_CLONED for one in flags])


def _partial_links(batch: Batch) -> Batch | None:
    """Every message about a link as it is tells its MTU; wireless events and the like do not."""
    return batch if batch.op == "delete" else keep(batch, [one is not None for one in batch.column("mtu")])


def _mapped_neighbours(batch: Batch) -> Batch | None:
    """Addresses that map to a link address by rule (multicast, broadcast, no ARP) are made silently, when first used; so are
    entries without any state. A `noarp` entry that a person made has a link address of its own."""
    return keep(
        batch,
        [
            bool(proxy) or (state != NUD_NONE and (state != NUD_NOARP or bool(lladdr and not lladdr.startswith(_MAPPED))))
            for state, lladdr, proxy in zip(batch.column("state"), batch.column("lladdr"), batch.column("proxy"), strict=True)
        ],
    )


_MAPPED: Final = ("33:33:", "01:00:5e:", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00")


def is_drift(table: str, row: Mapping[str, Any], old: Mapping[str, Any] | None, *, deleted: bool = False) -> bool:
    """Should events have told us of this difference, which a periodic check found?

    Not: columns that change silently, at all or of an interface that is down, multicast filters of devices, neighbours that are
    just being looked for, addresses whose uniqueness is just being checked.
    """
    if table == "fdb":
        return not row["lladdr"].startswith(_MULTICAST)
    if table == "neighbours" and not deleted:
        return bool(row["state"] != NUD_INCOMPLETE or row["proxy"])
    if table == "addresses" and not deleted:
        return not row["flags"] & IFA_F_TENTATIVE
    if old is None or deleted:
        return True
    differing = {name for name in TABLES[table].lasting if row[name] != old[name]} - _UNTOLD.get(table, frozenset())
    if table == "interfaces" and not row["flags"] & IFF_UP:
        differing &= _TOLD_WHEN_DOWN
    return bool(differing)


_MULTICAST: Final = ("33:33:", "01:00:5e:", "01:80:c2:")


_NOISE: Final[dict[str, Callable[[Batch], Batch | None]]] = {
    "routes": _cached_routes,
    "interfaces": _partial_links,
    "neighbours": _mapped_neighbours,
}


# -- interfaces --------------------------------------------------------------------------------------------------------


def mentions(column: str, member: str, number: int) -> Where:
    """Rows whose JSON list `column` has an item with this member."""
    items = f"SELECT 1 FROM json_each({column}) WHERE json_extract(value, '$.{member}') = ?"
    return Where(f"{column} IS NOT NULL AND EXISTS ({items})", (number,))


def routes_through(ifindex: int, reason: str) -> Iterator[Consequence]:
    """Ask again for the routes that leave through an interface; the kernel's filter finds multipath ones as well.

    Routes by nexthop object are asked for without the filter: a group that lost the interface would not be found by it,
    and its routes are still there.
    """
    for family, number in ROUTE_FAMILIES.items():
        of_family = Where("family = ?", (number,))
        own = of_family & through(ifindex)
        yield Reread("routes", family, (("oif", ifindex),), own, own, reason=reason)
        by_object = of_family & Where("nh_id IS NOT NULL")
        concerned = Where("oif = ? OR oif IS NULL", (ifindex,))
        yield Reread("routes", family, (), by_object, by_object & concerned, reason=reason)


def routing_table(family: int, table_id: int, reason: str) -> Reread:
    """Ask for a whole routing table; MPLS has only one."""
    return Reread("routes", _word(family), () if family == AF_MPLS else (("table_id", table_id),), reason=reason)


def through(ifindex: int) -> Where:
    """Routes of their own through an interface: the kernel's filter by `oif` would find them."""
    return Where("nh_id IS NULL") & (Where("oif = ?", (ifindex,)) | mentions("multipath", "oif", ifindex))


def link_changed(old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> Iterator[Consequence]:
    """An interface is new (`old` is None) or has been told again."""
    ifindex = new["ifindex"]
    if old is None:
        yield from _link_new(new)
        return
    # A carrier that went and came back before the kernel told either is told as a counter; routes made in between were without.
    if (old["flags"] ^ new["flags"]) & _CARRIER or any(old[name] != new[name] for name in ("operstate", "carrier_changes")):
        yield from _carrier_changed(ifindex)
    if old["ifname"] != new["ifname"]:
        yield from _rules_naming(old["ifname"])
        yield from _rules_naming(new["ifname"])
    if old["master"] != new["master"]:
        yield from _master_changed(ifindex)
        yield Ask(tuple(one for one in (old["master"], new["master"]) if one), reason="a master offers what all of its ports can")
    elif new["master"] and _address_set(old, new):
        for one in (ifindex, new["master"]):
            yield Reread("fdb", "AF_BRIDGE", (("ifindex", one),), reason="an address of a port may move to its bridge, silently")
    if old["mtu"] != new["mtu"]:
        yield Ask((ifindex,), reason="below 1280 bytes there is no IPv6")
        having_metrics = Where("family = ? AND oif = ? AND metrics IS NOT NULL", (AF_INET6, ifindex))
        yield Reread("routes", "AF_INET6", (("oif", ifindex),), having_metrics, having_metrics, reason="path MTU follows the interface")
    if new["kind"] == "bridge" and (old["address"] != new["address"] or _tree(old) != _tree(new)):
        yield Ask((), Where("master = ?", (ifindex,)), "ports show what their bridge is")
    if new["kind"] == "bridge" and _address_set(old, new):
        yield Reread("fdb", "AF_BRIDGE", (("master", ifindex),), reason="an address of a bridge may move to its port, silently")
    if any(old[name] != new[name] for name in ("flags", "operstate", "address", "link", "link_netnsid")):
        yield from _below(new)


def _link_new(new: Mapping[str, Any]) -> Iterator[Consequence]:
    ifindex = new["ifindex"]
    yield Ask((ifindex,), reason="a new interface is told before it is finished")
    if new["kind"] == "tun":
        yield Ask((ifindex,), reason="its owner and persistence are set later, silently", later=True)
    yield Ask(where=_ON_FOREIGN, reason="it may stand on the new one, which came from the namespace where it stood before")
    yield from _rules_naming(new["ifname"])
    for table in ("qdiscs", "classes"):
        yield Reread(table, "", (("ifindex", ifindex),), reason="a new interface has a queue")
    yield Reread("fdb", "AF_BRIDGE", (("ifindex", ifindex),), reason="one that comes from another namespace brings its own list")
    if new["master"]:
        yield Ask((new["master"],), reason="a master offers what all of its ports can")
    yield from _below(new)


def _address_set(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """One of its addresses, perhaps to what it was: then nothing else is different (br_fdb_changeaddr in net/bridge/br_fdb.c)."""
    return any(old[name] != new[name] for name in ("address", "broadcast")) or all(old[name] == new[name] for name in LINK_COLUMNS)


def _tree(link: Mapping[str, Any]) -> tuple[Any, ...]:
    """What a bridge's ports repeat of it."""
    data = link["kind_data"] or {}
    return data.get("br_root_id"), data.get("br_bridge_id"), data.get("br_root_path_cost"), data.get("br_root_port")


def _carrier_changed(ifindex: int) -> Iterator[Consequence]:
    """Nexthops and IPv4 routes that die with the carrier are not announced, nor are the `dead` and `linkdown` flags of the rest."""
    reason = "the carrier changed"
    yield Ask((ifindex,), reason="the state of IPv6 on it follows, silently")
    yield from routes_through(ifindex, reason)
    yield Reread("nexthops", only_if=Where("oif = ? OR group_members IS NOT NULL", (ifindex,)), reason=reason)
    for table in ("qdiscs", "classes"):
        yield Reread(table, "", (("ifindex", ifindex),), reason="an interface that goes up gets its queue")


def _master_changed(ifindex: int) -> Iterator[Consequence]:
    for table in ("fdb", "vlans"):
        yield Reread(table, "AF_BRIDGE", (("ifindex", ifindex),), reason="a port came or left")
    yield from routes_through(ifindex, "a port came or left")


def _rules_naming(ifname: str | None) -> Iterator[Consequence]:
    """Rules that name an interface are marked `detached` while there is none of this name."""
    if ifname:
        yield Reread("rules", only_if=Where("iifname = ? OR oifname = ?", (ifname, ifname)), reason="an interface that rules name")


def _below(link: Mapping[str, Any]) -> Iterator[Consequence]:
    """What stands on an interface changes its address list and how many want all packets; the ends of a pair tell of each other."""
    below = link["link"]
    if not below or link["link_netnsid"] is not None:
        return
    yield Ask((below,), reason="what stands on it changed")
    if link["kind"] not in _PAIRED:
        yield Reread("fdb", "AF_BRIDGE", (("ifindex", below),), reason="what stands on it changed")


def link_gone(old: Mapping[str, Any]) -> Iterator[Consequence]:
    """An interface was deleted, or moved to another namespace: for this one it is the same."""
    ifindex = old["ifindex"]
    reason = f"interface {ifindex} is gone"
    for table in CAPTIVE:
        yield Drop(table, Where("ifindex = ?", (ifindex,)), reason)
    if old["kind"] == "bridge":
        yield Drop("fdb", Where("master = ?", (ifindex,)), reason)
    yield Drop("routes", Where("oif = ? AND nh_id IS NULL", (ifindex,)), reason)
    yield Drop("nexthops", Where("oif = ?", (ifindex,)), reason)
    hops = mentions("multipath", "oif", ifindex)
    for family, number in ROUTE_FAMILIES.items():
        of_family = Where("family = ?", (number,))
        # an IPv4 route with a leg there goes whole, an IPv6 one loses the leg; the kernel cannot filter by what is not there
        yield Reread("routes", family, only_if=of_family & Where("nh_id IS NULL") & hops, reason=reason)
        by_object = of_family & Where("nh_id IS NOT NULL")
        yield Reread("routes", family, (), by_object, by_object, reason=reason)
    yield Reread("nexthops", only_if=Where("group_members IS NOT NULL"), reason=reason)
    yield Ask((), Where("link = ? OR master = ?", (ifindex, ifindex)), reason)
    yield from _rules_naming(old["ifname"])
    yield from _below(old)


# -- everything else ---------------------------------------------------------------------------------------------------


def _bridge_view_told(batch: Batch) -> Iterator[Consequence]:
    """A port as its bridge sees it changed (state, flags, its VLANs): the interface's own row shows that, too."""
    yield Ask(tuple(dict.fromkeys(batch.column("ifindex"))), reason="its bridge told a change")


def _bridge_view_gone(batch: Batch) -> Iterator[Consequence]:
    """A port left its bridge; what the bridge knew about it went along."""
    for ifindex in dict.fromkeys(batch.column("ifindex")):
        yield Ask((ifindex,), reason="left its bridge")
        for table in ("fdb", "vlans"):
            yield Reread(table, "AF_BRIDGE", (("ifindex", ifindex),), reason="a port left its bridge")


def _address_told(batch: Batch) -> Iterator[Consequence]:
    """The first address of a family, and the last one that goes, mean that the protocol came or went on the interface: legs of
    multipath routes that stay are marked dead, or alive again, silently."""
    for family, ifindex in dict.fromkeys(zip(batch.column("family"), batch.column("ifindex"), strict=True)):
        word = _word(family)
        legs = Where("family = ? AND nh_id IS NULL", (family,)) & mentions("multipath", "oif", ifindex)
        yield Reread("routes", word, (("oif", ifindex),), legs, legs, reason="IP was switched on or off")


def _address_gone(batch: Batch) -> Iterator[Consequence]:
    """An IPv4 secondary address may be promoted; with the last one all IPv4 routes through the interface go; routes that
    preferred the address go, or stay without it."""
    yield from _address_told(batch)
    rows = set(zip(batch.column("family"), batch.column("ifindex"), batch.column("local"), strict=True))
    for ifindex in {ifindex for family, ifindex, _ in rows if family == AF_INET}:
        present = Where("family = ? AND ifindex = ?", (AF_INET, ifindex))
        yield Reread("addresses", "AF_INET", (("ifindex", ifindex),), None, present, reason="secondary addresses may have been promoted")
        none_left = "NOT EXISTS (SELECT 1 FROM addresses AS one WHERE one.target = routes.target AND one.family = ? AND one.ifindex = ?)"
        own = Where("family = ? AND nh_id IS NULL AND oif = ?", (AF_INET, ifindex))
        now = own & Where(none_left, (AF_INET, ifindex))
        yield Reread("routes", "AF_INET", (("oif", ifindex),), own, own, now, reason="its last address is gone")
    for family, local in {(family, local) for family, _, local in rows}:
        preferring = Where("family = ? AND prefsrc = ?", (family, local))
        yield Reread("routes", _word(family), only_if=preferring, reason="their preferred source is gone")


def _word(family: int) -> str:
    return {number: word for word, number in ROUTE_FAMILIES.items()}.get(family, "")


def _nexthop_told(batch: Batch) -> Iterator[Consequence]:
    """Routes through a replaced nexthop are told one by one (not with net.ipv4.nexthop_compat_mode=0: then a route shows only
    whether its nexthop drops packets); those through a group that lost a member are not.

    Losing a member is told with no flags at all.
    """
    kept = bool(batch.flags & NLM_F_CREATE)
    for number, blackhole in dict(zip(batch.column("id"), batch.column("blackhole"), strict=True)).items():
        for family in ("AF_INET", "AF_INET6"):
            using = Where("family = ? AND nh_id = ?", (ROUTE_FAMILIES[family], number))
            if kept:
                using &= Where("(type = ?) <> ?", (RTN_BLACKHOLE, bool(blackhole)))
            by_object = Where("family = ? AND nh_id IS NOT NULL", (ROUTE_FAMILIES[family],))
            reason = "their nexthop drops packets, or no longer" if kept else "their nexthop group lost a member"
            yield Reread("routes", family, (), by_object, using, reason=reason)


def _nexthop_gone(batch: Batch) -> Iterator[Consequence]:
    """Its IPv4 routes and the VXLAN entries through it go without an event each; IPv6 routes are announced."""
    reason = "their nexthop object is gone"
    for number in dict.fromkeys(batch.column("id")):
        yield Drop("routes", Where("family = ? AND nh_id = ?", (AF_INET, number)), reason)
        yield Drop("fdb", Where("nh_id = ?", (number,)), reason)


def _fdb_changed(batch: Batch) -> Iterator[Consequence]:
    """In a device's own list an entry's state is told as it was asked for, and others of its address change or go along."""
    own = [ifindex for ifindex, master in zip(batch.column("ifindex"), batch.column("master"), strict=True) if master is None]
    for ifindex in dict.fromkeys(own):
        yield Reread("fdb", "AF_BRIDGE", (("ifindex", ifindex),), reason="entries of a device's own list hang together")
        yield Ask((ifindex,), reason="an address in its list makes a device take all packets")


def _rule_changed(batch: Batch) -> Iterator[Consequence]:
    """A `goto` is marked unresolved while its target rule is missing."""
    del batch
    yield Reread("rules", only_if=Where('"goto" IS NOT NULL'), reason="targets of goto rules")


def _traffic_control(*tables: str) -> Callable[[Batch], Iterator[Consequence]]:
    """Queues, classes and filters below or beside the one that is told come, go and change silently: ask for these tables."""

    def rule(batch: Batch) -> Iterator[Consequence]:
        for ifindex in dict.fromkeys(batch.column("ifindex")):
            filters = (("ifindex", ifindex),) if ifindex > 0 else ()  # a shared block has no interface
            for table in tables:
                yield Reread(table, "", filters, reason=f"{batch.table.name} changed")

    return rule


def _qdisc_changed(batch: Batch) -> Iterator[Consequence]:
    """The root queue stands in the interface's row as well, where no event tells it."""
    columns = zip(batch.column("ifindex"), batch.column("parent"), strict=True)
    roots = tuple(dict.fromkeys(ifindex for ifindex, parent in columns if parent == _TC_ROOT))
    if roots:
        yield Ask(roots, reason="its root queue changed")
    yield from _traffic_control("qdiscs", "classes", "filters")(batch)


RULES: Final[dict[tuple[str, str], Callable[[Batch], Iterator[Consequence]]]] = {
    ("bridge_view", "put"): _bridge_view_told,
    ("bridge_view", "delete"): _bridge_view_gone,
    ("addresses", "put"): _address_told,
    ("addresses", "delete"): _address_gone,
    ("nexthops", "put"): _nexthop_told,
    ("nexthops", "delete"): _nexthop_gone,
    ("fdb", "put"): _fdb_changed,
    ("fdb", "delete"): _fdb_changed,
    ("rules", "put"): _rule_changed,
    ("rules", "delete"): _rule_changed,
    ("qdiscs", "put"): _qdisc_changed,
    ("qdiscs", "delete"): _qdisc_changed,
    ("classes", "put"): _traffic_control("qdiscs", "classes"),  # one below another takes that one's queue away
    ("classes", "delete"): _traffic_control("qdiscs", "classes", "filters"),
    ("filters", "put"): _traffic_control("filters"),
    ("filters", "delete"): _traffic_control("filters"),
}
