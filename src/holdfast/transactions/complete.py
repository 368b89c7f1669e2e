"""What the kernel makes of fields that a request leaves out, as far as it decides who the object is. Pure.

Source: what `ip`, `bridge` send, and fib_convert, inet_rtm_newaddr, ip6_route_add … make of zero.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from holdfast.model.field import Table

__all__ = ["AF_BRIDGE", "AF_INET", "AF_INET6", "AF_MPLS", "RTN_BLACKHOLE", "RTN_UNICAST", "asked_for", "complete", "completed"]

AF_INET: Final = 2
AF_BRIDGE: Final = 7
AF_INET6: Final = 10
AF_MPLS: Final = 28
RT_TABLE_MAIN: Final = 254
RTPROT_STATIC: Final = 4
RTN_UNICAST, RTN_LOCAL, RTN_BROADCAST, RTN_ANYCAST, RTN_MULTICAST, RTN_BLACKHOLE = 1, 2, 3, 4, 5, 6
RT_SCOPE_LINK, RT_SCOPE_HOST = 253, 254
IP6_RT_PRIO_USER: Final = 1024
NUD_PERMANENT: Final = 0x80
NTF_PROXY: Final = 0x08
FR_ACT_TO_TBL, FR_ACT_GOTO = 1, 2
MPLS_LABEL_BITS: Final = 20

Row = dict[str, Any]


def completed(table: Table, row: Mapping[str, Any]) -> Row:
    """The fields as asked for, and those that follow from them; None where none was asked for is left out."""
    full = asked_for(row)
    complete(table, full)
    return full


def asked_for(row: Mapping[str, Any]) -> Row:
    """The fields of which a value is asked for."""
    return {name: value for name, value in row.items() if value is not None} if None in row.values() else dict(row)


def complete(table: Table, row: Row) -> None:
    """Add what follows, behind what was asked for."""
    completing = _COMPLETE.get(table.name)
    if completing is not None:
        completing(row)


def _family(row: Row, *names: str) -> int:
    for name in names:
        text = row.get(name)
        if isinstance(text, str) and text != "default":
            return AF_INET6 if ":" in text else AF_INET if "." in text else AF_MPLS
    return AF_INET


def _route(row: Row) -> None:
    family = row.get("family")
    if not family:
        hops = row.get("multipath")
        first = next((hop["gateway"] for hop in hops if hop.get("gateway")), None) if hops else None
        family = row["family"] = AF_INET6 if first and ":" in first else _family(row, "dst", "gateway", "src", "prefsrc")
    row.setdefault("dst", "default")
    if row["dst"] == "default":
        row["dst_len"] = 0
    elif "dst_len" not in row:
        row["dst_len"] = {AF_INET: 32, AF_INET6: 128}.get(family, MPLS_LABEL_BITS)
    row["table_id"] = row.get("table_id") or RT_TABLE_MAIN
    row["type"] = row.get("type") or RTN_UNICAST
    row.setdefault("proto", RTPROT_STATIC)
    if family == AF_INET6 and not row.get("priority"):
        row["priority"] = IP6_RT_PRIO_USER
    if "scope" not in row:
        row["scope"] = _scope(row) if family == AF_INET else 0


def _scope(row: Row) -> int:
    kind = row["type"]
    if kind == RTN_LOCAL:
        return RT_SCOPE_HOST
    if kind in (RTN_BROADCAST, RTN_ANYCAST, RTN_MULTICAST):
        return RT_SCOPE_LINK
    indirect = row.get("gateway") or row.get("via") or row.get("multipath") or row.get("nh_id")
    return RT_SCOPE_LINK if kind == RTN_UNICAST and not indirect else 0


def _address(row: Row) -> None:
    ours = row.get("local") or row.get("address")
    if ours is None:
        return
    row.setdefault("local", ours)
    row.setdefault("address", ours)
    row["family"] = row.get("family") or _family(row, "local")
    if "prefixlen" not in row:
        row["prefixlen"] = 32 if row["family"] == AF_INET else 128
    peer = row["address"] != row["local"] and row["family"] == AF_INET
    row["ipv4_peer"] = row["address"] if peer else ""


def _neighbour(row: Row) -> None:
    row["family"] = row.get("family") or _family(row, "dst")
    flags = row.get("flags", 0)
    if row.get("proxy") or flags & NTF_PROXY:
        row["proxy"] = 1
        row["flags"] = flags | NTF_PROXY
    else:
        row["proxy"] = 0
        row.setdefault("state", NUD_PERMANENT)


def _rule(row: Row) -> None:
    row["family"] = row.get("family") or _family(row, "src", "dst")
    if not row.get("action"):
        row["action"] = FR_ACT_GOTO if row.get("goto") is not None else FR_ACT_TO_TBL
    for prefix, length in (("src", "src_len"), ("dst", "dst_len")):
        if row.get(prefix) and length not in row:
            row[length] = 32 if row["family"] == AF_INET else 128
    if row["action"] == FR_ACT_TO_TBL and not row.get("table_id") and not row.get("l3mdev"):
        row["table_id"] = RT_TABLE_MAIN


def _nexthop(row: Row) -> None:
    if row.get("group_members"):
        row["family"] = 0
    elif not row.get("family"):
        row["family"] = _family(row, "gateway")


def _fdb(row: Row) -> None:
    row["family"] = AF_BRIDGE
    row.setdefault("state", NUD_PERMANENT)


def _vlan(row: Row) -> None:
    row.setdefault("flags", 0)


_COMPLETE: Final[dict[str, Callable[[Row], None]]] = {
    "routes": _route,
    "addresses": _address,
    "neighbours": _neighbour,
    "rules": _rule,
    "nexthops": _nexthop,
    "fdb": _fdb,
    "vlans": _vlan,
}
