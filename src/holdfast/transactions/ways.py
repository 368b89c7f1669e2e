"""Ways to gateways that no route leads to any more: what takes something back needs them for a moment.

A route or nexthop stays when the address goes that made its gateway reachable, but the kernel takes no new one like it
(`Nexthop has invalid gateway`, fib_check_nh in net/ipv4/fib_semantics.c). A host route to the gateway makes it take it; it stays
when the host route goes again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from holdfast.model import NEXTHOPS, ROUTES

from .contract import Change, Create, Delete, Request

__all__ = ["ways_to_gateways"]

AF_INET: Final = 2
AF_INET6: Final = 10
_LINK: Final = 253  # RT_SCOPE_LINK
_MAIN: Final = 254  # RT_TABLE_MAIN
_PRIORITY: Final = 0xFFFFFFF0
"""So that it is nobody else's, and the last choice of all packets."""


def ways_to_gateways(requests: Iterable[Request]) -> list[Create]:
    """A host route to each gateway that these need."""
    found: dict[tuple[Any, ...], Create] = {}
    for one in requests:
        if one.table not in (ROUTES, NEXTHOPS) or isinstance(one, Delete):
            continue
        row = {**one.row, **one.fields} if isinstance(one, Change) else one.row
        for hop in _hops(row):
            found.setdefault((one.target, hop["gateway"], hop["oif"]), Create(one.target, ROUTES, _way(hop), beside=True))
    return list(found.values())


def _hops(row: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from (hop for hop in (row, *(row.get("multipath") or ())) if hop.get("gateway") and hop.get("oif"))


def _way(hop: Mapping[str, Any]) -> dict[str, Any]:
    six = ":" in hop["gateway"]
    row = {"family": AF_INET6 if six else AF_INET, "dst": hop["gateway"], "dst_len": 128 if six else 32, "oif": hop["oif"]}
    return row | {"table_id": _MAIN, "priority": _PRIORITY} | ({} if six else {"scope": _LINK})
