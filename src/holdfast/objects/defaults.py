"""What follows when something is made and not everything is said, as far as NDB says so: the rest is the engine's
(transactions/complete.py). Values are as values.py leaves them.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any, Final

from holdfast.errors import InvalidValue
from holdfast.objects.spec import AF_INET, AF_INET6, AF_MPLS, DEFAULT_ROUTE, family_of

__all__ = ["NTF_MASTER", "complete"]

Row = dict[str, Any]

RULE_PRIORITY: Final = 32000
NTF_SELF: Final = 0x2
NTF_MASTER: Final = 0x4
"""Of a forwarding entry: in the interface's own list, or in the table of the bridge whose port it is."""
_NETNS_DIRECTORY: Final = "/run/netns"
_BITS: Final = {AF_INET: 32, AF_INET6: 128}


def complete(table: str, row: Row) -> Row:
    """A row that is to be made, with what follows from it. Raises: InvalidValue - something without which it cannot be."""
    finish = _FINISH.get(table)
    if finish:
        finish(row)
    return row


def _needed(row: Row, name: str, what: str) -> Any:
    if row.get(name) in (None, ""):
        raise InvalidValue(f"expected {what} – at {name}")
    return row[name]


def _on_interface(row: Row) -> None:
    if not row.get("ifindex"):
        raise InvalidValue("expected an interface – at ifindex", hint="on the command line `dev eth0` says which")


def _interface(row: Row) -> None:
    _needed(row, "ifname", "a name for the new interface")


def _address(row: Row) -> None:
    peer = row.pop("peer", False)
    given = row.get("local") or row.get("address")
    if given is None:
        raise InvalidValue("expected an address such as `10.0.0.1/24` – at address")
    if peer and row.get("local") is None:
        raise InvalidValue("expected our address as `local` beside the peer's – at local")
    _on_interface(row)
    row["local"] = row.get("local") or given
    row["address"] = row.get("address") or given
    row["family"] = row.get("family") or family_of(given)
    row.setdefault("prefixlen", _BITS.get(row["family"], 32))
    if row.get("broadcast") is True:
        net = ipaddress.ip_network(f"{row['local']}/{row['prefixlen']}", strict=False)
        row["broadcast"] = str(net.broadcast_address)
    valid, preferred = row.get("valid_lft"), row.get("preferred_lft")
    if valid is not None and preferred is not None and preferred > valid:
        raise InvalidValue(f"expected a preferred lifetime of at most {valid} s, got {preferred} – at preferred_lft")


def _neighbour(row: Row) -> None:
    _needed(row, "dst", "an IP address")
    _on_interface(row)


def _fdb(row: Row) -> None:
    _needed(row, "lladdr", "a MAC address")
    _on_interface(row)
    if row.get("flags", 0) & NTF_MASTER and row["flags"] & NTF_SELF:
        raise InvalidValue("expected `self` or `master`, got both – at flags", hint="these are two entries: one for each")


def _route(row: Row) -> None:
    if row.get("dst") in ("0.0.0.0", "::") and not row.get("dst_len"):
        row["family"] = row.get("family") or family_of(row["dst"])
        row["dst"] = DEFAULT_ROUTE
    gateway, family = row.get("gateway"), row.get("family") or _family_of_prefix(row.get("dst"))
    if gateway is not None and family not in (None, AF_MPLS) and family_of(gateway) != family:
        row["via"] = {"family": family_of(gateway), "addr": row.pop("gateway")}
        row["family"] = family


def _family_of_prefix(destination: Any) -> int | None:
    text = isinstance(destination, str) and destination != DEFAULT_ROUTE
    return (AF_MPLS if destination.isdigit() else family_of(destination)) if text else None


def _rule(row: Row) -> None:
    for name in ("src", "dst"):
        if row.get(name) in ("0.0.0.0", "::") and not row.get(f"{name}_len"):
            row["family"] = row.get("family") or family_of(row[name])
            row[name] = None
    row.setdefault("priority", RULE_PRIORITY)


def _vlan(row: Row) -> None:
    _needed(row, "vid", "a VLAN from 1 to 4094")
    _on_interface(row)


def _nexthop(row: Row) -> None:
    _needed(row, "id", "a number for the nexthop")


def _netns(row: Row) -> None:
    if row.get("name"):
        row["path"] = f"{_NETNS_DIRECTORY}/{row['name']}"
    row["name"] = _needed(row, "path", "a name for the network namespace").rpartition("/")[2]


_FINISH: Final[dict[str, Callable[[Row], None]]] = {
    "interfaces": _interface,
    "addresses": _address,
    "neighbours": _neighbour,
    "fdb": _fdb,
    "routes": _route,
    "rules": _rule,
    "nexthops": _nexthop,
    "vlans": _vlan,
    "netns": _netns,
}
