"""Is a row what was asked for, is it as it was before? Values are compared as they mean, not as they are spelled. Pure.

The kernel adds to what it is asked (permanent flags, labels, times that run), so what was asked must be found in what it shows:
of objects the named members, of flags the bits that were meant. What moves by itself does not count.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from holdfast.model import KINDS
from holdfast.model.field import Field, Table

from .complete import RTN_BLACKHOLE, RTN_UNICAST
from .contract import Named
from .messages import SETTABLE_FLAGS

__all__ = ["FOLLOWING_DATA", "MASKED", "NO_ADDRESS", "differences", "lost", "own_address", "under_mask"]

_FLAGS_MEANT: Final = {
    "routes": 0x4, "nexthops": 0x4, "addresses": 0x02 | 0x200 | 0x100 | 0x400, "rules": 0x2, "interfaces": SETTABLE_FLAGS,
}  # fmt: skip
"""Bits of `flags` that are wishes, not states: onlink; nodad, noprefixroute, managetempaddr, mcautojoin; not …"""

_OTHERS: Final = {
    "interfaces": ("altnames", "peer", "kind_data", "port_data", "flags", "net_ns"),
    "addresses": ("cacheinfo", "preferred_lft", "valid_lft", "address"),
    "fdb": ("state", "flags", "fixed"),
    "neighbours": ("state", "flags"),
    "rules": ("inverted",),
    "routes": ("hops",),
}
"""Fields that are not compared as they stand: each is looked at on its own, or not at all."""

_LOOKED_INTO: Final = ("interfaces", "neighbours", "fdb")

_FOLLOWING: Final = {
    "interfaces": frozenset(("operstate", "qdisc", "carrier", "promiscuity", "allmulti", "slave_kind", "flags", "link_netnsid", "xdp",
                             "linkmode", "gso_max_size", "gso_max_segs", "gro_max_size", "proto_down")),
    "routes": frozenset(("flags", "hops")),
    "addresses": frozenset(("flags",)),
    "rules": frozenset(("flags",)),
    "nexthops": frozenset(("flags",)),
    "neighbours": frozenset(("flags",)),
    "fdb": frozenset(("flags",)),
}  # fmt: skip
"""Columns that follow what happens around a row; a row that is as before but for these is as before."""

NO_ADDRESS: Final = "00:00:00:00:00:00"
"""A bridge has it whose last port left. The kernel takes it from nobody (EADDRNOTAVAIL): made again, a bridge has one of its own."""

FOLLOWING_DATA: Final = frozenset(("brport_state", "brport_multicast_router", "br_group_addr", "bond_active_slave"))
"""Attributes of a kind that can be set and that the kernel sets as well."""

MASKED: Final = (("optval", "optmask"), ("flags", "mask"))
"""Options of a kind by bits, beside a mask of those that are meant. The kernel tells masks of all bits, and refuses those that it does not
know."""

_BRVLAN_BRENTRY: Final = 0x20


def differences(table: Table, asked: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What was asked and is not so: name → (asked, found). Indexes that are still Named count as found."""
    if asked.items() <= row.items() and table.name not in _LOOKED_INTO:
        return {}
    found: dict[str, tuple[Any, Any]] = {}
    for name, value in asked.items():
        if name not in row or name in _OTHERS.get(table.name, ()):
            continue
        if not _holds(_plain(value), row[name]) and not _alike(table, name, value, row[name]):
            found[name] = (value, row[name])
    found |= _special(table, asked, row)
    if table.name == "interfaces" and row["kind"] == "veth":
        found.pop("link", None)  # the other end is not chosen by its number
    if table.name == "interfaces" and "address" in found and found["address"][0] == own_address(row):
        del found["address"]
    if "type" in found and table.name == "routes" and _type_follows(asked, row):
        del found["type"]
    return found


def _type_follows(asked: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    """A route by a nexthop object that is a blackhole is told to be one itself (fib_dump_info in net/ipv4/fib_semantics.c)."""
    return bool(asked.get("nh_id")) and asked["nh_id"] == row["nh_id"] and {asked["type"], row["type"]} == {RTN_UNICAST, RTN_BLACKHOLE}


def lost(table: Table, before: Mapping[str, Any], now: Mapping[str, Any] | None) -> tuple[str, ...]:
    """The fields in which a row is not as it was before; of one that is gone its key."""
    if now is None:
        return table.key
    skipped = _FOLLOWING.get(table.name, frozenset())
    if table.name == "interfaces" and before["kind"] == "veth":
        skipped |= {"link"}
    told = (one for one in table.fields if not one.volatile and not one.readonly and one.name not in skipped)
    differing = [one.name for one in told if not _as_before(one, before, now)]
    if "type" in differing and table.name == "routes" and _type_follows(before, now):
        differing.remove("type")
    mask = _FLAGS_MEANT.get(table.name)
    if mask and (before.get("flags", 0) ^ now.get("flags", 0)) & mask:
        differing.append("flags")
    return tuple(differing)


def _as_before(one: Field, before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    old, new = before.get(one.name), now.get(one.name)
    if old == new or (one.name == "address" and old == NO_ADDRESS):
        return True
    if one.name in ("kind_data", "port_data") and old and new:
        return all(old.get(name) == new.get(name) for name in old if name not in _readonly())
    return one.name == "multipath" and _hops(old) == _hops(new)


def _readonly() -> frozenset[str]:
    return frozenset(one.name for kind in KINDS.values() for one in (*kind.data, *kind.port) if one.readonly) | FOLLOWING_DATA


def _hops(hops: Any) -> list[dict[str, Any]]:
    """Without their state, and in an order of ours: the kernel's own is not always that of the request (IPv6)."""
    bare = [{name: value for name, value in hop.items() if name != "flags" and value is not None} for hop in hops or ()]
    return sorted(bare, key=lambda hop: (str(hop.get("gateway") or hop.get("via")), str(hop.get("oif"))))


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, bool) else value


def _holds(wanted: Any, found: Any) -> bool:
    """Is everything that is wanted there? Of objects the named members, of lists each item in its place."""
    if isinstance(wanted, Named):
        return True
    if wanted is None or wanted == "":
        return found in (None, "", 0) or found == [] or found == {}
    if isinstance(wanted, Mapping):
        if not isinstance(found, Mapping):
            return not any(_plain(value) for value in wanted.values())
        return all(_holds(_plain(value), found.get(name)) or not (value or found.get(name)) for name, value in wanted.items())
    if isinstance(wanted, list | tuple):
        return isinstance(found, list) and len(found) == len(wanted) and all(map(_holds, wanted, found))
    return bool(wanted == _plain(found)) or (not wanted and found is None)


def _alike(table: Table, name: str, wanted: Any, found: Any) -> bool:
    """Where two values mean the same."""
    if name == "flags":
        mask = _FLAGS_MEANT.get(table.name, 0)
        return not (wanted ^ (found or 0)) & mask
    if table.name == "routes" and name == "multipath":
        return wanted is not None and found is not None and _holds(_hops(wanted), _hops(found))
    if table.name == "vlans" and name == "flags":
        return bool(wanted & ~_BRVLAN_BRENTRY == found & ~_BRVLAN_BRENTRY)
    return False


def _special(table: Table, asked: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    if table.name == "interfaces":
        return _interface(asked, row)
    if table.name in ("neighbours", "fdb") and "state" in asked and not asked.get("proxy"):
        fixed = 1 if asked["state"] & 0xC0 else 0
        return {} if row["fixed"] == fixed else {"state": (asked["state"], row["state"])}
    return {}


def _interface(asked: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    found: dict[str, tuple[Any, Any]] = {}
    names = set(asked.get("altnames") or ())
    if names != set(row["altnames"] or ()) and "altnames" in asked:
        found["altnames"] = (sorted(names), row["altnames"])
    if "change" in asked and (asked.get("flags", 0) ^ row["flags"]) & asked["change"]:
        found["flags"] = (asked.get("flags"), row["flags"])
    for column in ("kind_data", "port_data"):
        kind = KINDS.get((asked if column == "kind_data" else row).get("kind" if column == "kind_data" else "slave_kind") or "")
        known = {one.name: one for one in (() if kind is None else kind.data if column == "kind_data" else kind.port)}
        have = row[column] or {}
        for name, value in dict(asked.get(column) or {}).items():
            if name not in have or (name in known and known[name].readonly) or _near(known.get(name), value, have[name]):
                continue
            found[name] = (value, have[name])
    return found


def own_address(row: Mapping[str, Any]) -> Any:
    """Of a bond's port the address that it has by itself; its bond gives it another one, and gives this back. None: it is no such port."""
    return (row.get("port_data") or {}).get("bond_slave_perm_hwaddr") if row.get("slave_kind") == "bond" else None


def under_mask(value: Any, asked: Any) -> Any:
    """Options of a kind by bits, of those that were asked for; any other value as it is."""
    for bits, mask in MASKED:
        if isinstance(asked, Mapping) and mask in asked and isinstance(value, Mapping):
            return {bits: value[bits] & asked[mask], mask: asked[mask]}
    return value


def _near(field: Field | None, wanted: Any, found: Any) -> bool:
    """Times are kept in ticks of the kernel's clock: the last digit may be another."""
    if _holds(_plain(wanted), found):
        return True
    for value, mask in MASKED:
        if isinstance(wanted, Mapping) and mask in wanted and isinstance(found, Mapping):
            return not (wanted[value] ^ found[value]) & wanted[mask]
    ticks = field is not None and field.unit == "1/100 s" and isinstance(wanted, int) and isinstance(found, int)
    return ticks and abs(wanted - found) <= 1
