"""What events do not say: for each kind of event the rows that go with it silently, and what must be asked again.

Pure and table-driven: `RULES` maps (table, operation) to a function from a batch to consequences; interfaces have rules of
their own, because they compare the row before and after. Every rule is a fact of kernel-truths or of a test under
tests/kernel; where the kernel's behaviour depends on version or settings the rule asks again instead of guessing.
What an event says itself (this row is so, that one is gone) is the applier's part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from holdfast.netlink.batch import Batch

from .batches import keep
from .consequence import Ask, Consequence, Drop, Reread, Where

__all__ = ["AF_INET", "AF_INET6", "AF_MPLS", "CAPTIVE", "POLLED", "RULES", "link_changed", "link_gone", "sift"]

AF_INET: Final = 2
AF_INET6: Final = 10
AF_MPLS: Final = 28
ROUTE_FAMILIES: Final = {"AF_INET": AF_INET, "AF_INET6": AF_INET6, "AF_MPLS": AF_MPLS}

RTM_F_CLONED: Final = 0x200
NUD_NOARP: Final = 0x40
IFA_F_SECONDARY: Final = 0x01
_CARRIER: Final = 0x1 | 0x40 | 0x10000 | 0x20000
"""IFF_UP, IFF_RUNNING, IFF_LOWER_UP, IFF_DORMANT: what routes follow."""
_TC_ROOT: Final = 0xFFFFFFFF
_PAIRED: Final = ("veth", "netkit", "vxcan")
"""Kinds whose `link` is the other end, which has ours as its own."""

CAPTIVE: Final = ("addresses", "neighbours", "fdb", "vlans", "qdiscs", "classes", "filters")
"""Tables whose rows live on an interface, by `ifindex`, and end with it."""

POLLED: Final = tuple(
    Reread("neighbours", family, (("proxy", 1),), reason="proxy entries come and go without an event") for family in ("AF_INET", "AF_INET6")
)
"""What the kernel never announces and what is small: read again at short intervals."""


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
    """Addresses that map to a link address by rule (multicast, broadcast, no ARP): made silently, when first used."""
    return keep(
        batch,
        [
            state != NUD_NOARP or bool(lladdr and not lladdr.startswith(_MAPPED))
            for state, lladdr in zip(batch.column("state"), batch.column("lladdr"), strict=True)
        ],
    )


_MAPPED: Final = ("33:33:", "01:00:5e:", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00")


_NOISE: Final[dict[str, Callable[[Batch], Batch | None]]] = {
    "routes": _cached_routes,
    "interfaces": _partial_links,
    "neighbours": _mapped_neighbours,
}


# -- interfaces --------------------------------------------------------------------------------------------------------


def mentions(column: str, member: str, number: int) -> Where:
    """Rows whose JSON list `column` has an item with this member."""
    return Where(f"{column} IS NOT NULL AND EXISTS (SELECT 1 FROM json_each({column}) WHERE json_extract(value, '$.{member}') = ?)", (number,))


def routes_through(ifindex: int, reason: str, families: Mapping[str, int] = ROUTE_FAMILIES) -> Iterator[Consequence]:
    """Ask again for the routes that leave through an interface; the kernel's filter finds multipath ones as well."""
    for family, number in families.items():
        scope = Where("family = ?", (number,)) & (Where("oif = ?", (ifindex,)) | mentions("multipath", "oif", ifindex))
        yield Reread("routes", family, (("oif", ifindex),), scope, scope, reason)


def link_changed(old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> Iterator[Consequence]:
    """An interface is new (`old` is None) or has been told again."""
    ifindex = new["ifindex"]
    if old is None:
        yield from _rules_naming(new["ifname"])
        yield Reread("qdiscs", reason="a new interface has a queue")
        yield from _other_end(new)
        return
    if (old["flags"] ^ new["flags"]) & _CARRIER or old["operstate"] != new["operstate"]:
        yield from _carrier_changed(ifindex)
    if old["ifname"] != new["ifname"]:
        yield from _rules_naming(old["ifname"])
        yield from _rules_naming(new["ifname"])
    if old["master"] != new["master"]:
        yield from _master_changed(ifindex)
    if old["mtu"] != new["mtu"]:
        having_metrics = Where("family = ? AND oif = ? AND metrics IS NOT NULL", (AF_INET6, ifindex))
        yield Reread("routes", "AF_INET6", (("oif", ifindex),), having_metrics, having_metrics, "path MTU follows the interface")
    if old["link"] != new["link"]:
        yield from _other_end(new)


def _carrier_changed(ifindex: int) -> Iterator[Consequence]:
    """Routes that die with the carrier are not announced, nor are their `dead` and `linkdown` flags."""
    reason = "the carrier changed"
    yield from routes_through(ifindex, reason)
    yield Reread("nexthops", only_if=Where("oif = ? OR group_members IS NOT NULL", (ifindex,)), reason=reason)
    by_object = Where("nh_id IS NOT NULL AND oif IS NULL")
    for family in ("AF_INET", "AF_INET6"):
        yield Reread("routes", family, (), EVERY_FAMILY[family] & by_object, EVERY_FAMILY[family] & by_object, reason)
    yield Reread("qdiscs", reason="an interface that goes up gets its queue")


def _master_changed(ifindex: int) -> Iterator[Consequence]:
    for table in ("fdb", "vlans"):
        yield Reread(table, "AF_BRIDGE", (("ifindex", ifindex),), reason="a port came or left")
    yield from routes_through(ifindex, "a port came or left")


def _rules_naming(ifname: str | None) -> Iterator[Consequence]:
    """Rules that name an interface are marked `detached` while there is none of this name."""
    if ifname:
        yield Reread("rules", only_if=Where("iifname = ? OR oifname = ?", (ifname, ifname)), reason="an interface that rules name")


def _other_end(new: Mapping[str, Any]) -> Iterator[Consequence]:
    link = new["link"]
    if link and new["kind"] in _PAIRED and new["link_netnsid"] is None:
        yield Ask((), Where("ifindex = ? AND (link IS NULL OR link <> ?)", (link, new["ifindex"])), "its other end was told before")


def link_gone(old: Mapping[str, Any]) -> Iterator[Consequence]:
    """An interface was deleted, or moved to another namespace: for this one it is the same."""
    ifindex = old["ifindex"]
    reason = f"interface {ifindex} is gone"
    for table in CAPTIVE:
        yield Drop(table, Where("ifindex = ?", (ifindex,)), reason)
    yield Drop("fdb", Where("master = ?", (ifindex,)), reason)
    yield Drop("routes", Where("oif = ? AND multipath IS NULL", (ifindex,)), reason)
    yield Drop("nexthops", Where("oif = ?", (ifindex,)), reason)
    hops = mentions("multipath", "oif", ifindex)
    for family in ROUTE_FAMILIES:
        # no filter: the kernel refuses to filter by an interface that is not there
        yield Reread("routes", family, only_if=EVERY_FAMILY[family] & hops, reason=reason)
    yield Reread("nexthops", only_if=Where("group_members IS NOT NULL"), reason=reason)
    yield Ask((), Where("link = ? OR master = ?", (ifindex, ifindex)), reason)
    yield from _rules_naming(old["ifname"])


EVERY_FAMILY: Final = {word: Where("family = ?", (number,)) for word, number in ROUTE_FAMILIES.items()}


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


def _address_gone(batch: Batch) -> Iterator[Consequence]:
    """An IPv4 secondary address may be promoted; routes that preferred the address go, or stay without it."""
    rows = set(zip(batch.column("family"), batch.column("ifindex"), batch.column("local"), strict=True))
    for family, ifindex in {(family, ifindex) for family, ifindex, _ in rows if family == AF_INET}:
        yield Reread("addresses", "AF_INET", (("ifindex", ifindex),), only_if=Where("family = ? AND ifindex = ?", (family, ifindex)),
                     reason="secondary addresses may have been promoted")  # fmt: skip
    for family, local in {(family, local) for family, _, local in rows}:
        preferring = Where("family = ? AND prefsrc = ?", (family, local))
        word = "AF_INET" if family == AF_INET else "AF_INET6"
        yield Reread("routes", word, only_if=preferring, reason="their preferred source is gone")


def _nexthop_told(batch: Batch) -> Iterator[Consequence]:
    """A replaced nexthop changes the routes through it, and through the groups that it is in."""
    for number in dict.fromkeys(batch.column("id")):
        yield from _routes_by_object(number, "their nexthop object changed")


def _nexthop_gone(batch: Batch) -> Iterator[Consequence]:
    """Its IPv4 routes go without an event each (IPv6 ones are announced); groups lose a member."""
    reason = "their nexthop object is gone"
    for number in dict.fromkeys(batch.column("id")):
        yield Drop("routes", Where("family = ? AND nh_id = ?", (AF_INET, number)), reason)
        yield from _routes_by_object(number, reason)
    yield Reread("nexthops", only_if=Where("group_members IS NOT NULL"), reason=reason)


def _routes_by_object(number: int, reason: str) -> Iterator[Consequence]:
    groups = mentions("group_members", "id", number)
    using = Where(f"nh_id = ? OR nh_id IN (SELECT id FROM nexthops WHERE {groups.sql})", (number, *groups.args))
    for family in ("AF_INET", "AF_INET6"):
        scope = EVERY_FAMILY[family] & using
        yield Reread("routes", family, (), EVERY_FAMILY[family] & Where("nh_id IS NOT NULL"), scope, reason)


def _rule_changed(batch: Batch) -> Iterator[Consequence]:
    """A `goto` is marked unresolved while its target rule is missing."""
    del batch
    yield Reread("rules", only_if=Where('"goto" IS NOT NULL'), reason="targets of goto rules")


def _qdisc_changed(batch: Batch) -> Iterator[Consequence]:
    """A queue that is replaced or removed takes its classes and filters along; the root one stands in the interface's row."""
    roots = tuple(
        dict.fromkeys(
            index for index, parent in zip(batch.column("ifindex"), batch.column("parent"), strict=True) if parent == _TC_ROOT
        )
    )
    if roots:
        yield Ask(roots, reason="its root queue changed")
    yield Reread("qdiscs", reason="queues below may have gone")
    for ifindex in dict.fromkeys(batch.column("ifindex")):
        for table in ("classes", "filters"):
            yield Reread(table, "", (("ifindex", ifindex),), reason="a queue changed")


def _class_gone(batch: Batch) -> Iterator[Consequence]:
    for ifindex in dict.fromkeys(batch.column("ifindex")):
        yield Reread("qdiscs", reason="a class went, with the queue below it")
        yield Reread("filters", "", (("ifindex", ifindex),), reason="a class went")


RULES: Final[dict[tuple[str, str], Callable[[Batch], Iterator[Consequence]]]] = {
    ("bridge_view", "put"): _bridge_view_told,
    ("bridge_view", "delete"): _bridge_view_gone,
    ("addresses", "delete"): _address_gone,
    ("nexthops", "put"): _nexthop_told,
    ("nexthops", "delete"): _nexthop_gone,
    ("rules", "put"): _rule_changed,
    ("rules", "delete"): _rule_changed,
    ("qdiscs", "put"): _qdisc_changed,
    ("qdiscs", "delete"): _qdisc_changed,
    ("classes", "delete"): _class_gone,
}
