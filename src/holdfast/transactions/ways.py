"""Ways to gateways that no route leads to any more: what takes something back needs them for a moment. Pure.

A route or nexthop stays when the address goes that made its gateway reachable, but the kernel takes no new one like it
(`Nexthop has invalid gateway`, fib_check_nh in net/ipv4/fib_semantics.c). A host route to the gateway makes it take it; it stays
when the host route goes again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from holdfast.model import ROUTES

from .complete import completed
from .messages import CREATE, EXCL
from .order import Phase, Step, Verb

__all__ = ["ways_to_gateways"]

AF_INET: Final = 2
AF_INET6: Final = 10
_LINK: Final = 253  # RT_SCOPE_LINK
_MAIN: Final = 254  # RT_TABLE_MAIN
_PRIORITY: Final = 0xFFFFFFF0
"""So that it is nobody else's, and the last choice of all packets."""


def ways_to_gateways(rows: Iterable[tuple[str, Mapping[str, Any]]]) -> Iterator[Step]:
    """A host route to each gateway that these need. rows: of routes and nexthops, each with its target."""
    hops = ((target, hop["gateway"], hop["oif"]) for target, row in rows for hop in _hops(row))
    for target, gateway, oif in dict.fromkeys(hops):
        yield Step(0, target, Phase.DIRECT, Verb.CREATE, ROUTES, completed(ROUTES, _way(gateway, oif)), CREATE | EXCL)


def _hops(row: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from (hop for hop in (row, *(row.get("multipath") or ())) if hop.get("gateway") and hop.get("oif"))


def _way(gateway: str, oif: int) -> dict[str, Any]:
    six = ":" in gateway
    row = {"family": AF_INET6 if six else AF_INET, "dst": gateway, "dst_len": 128 if six else 32, "oif": oif}
    return row | {"table_id": _MAIN, "priority": _PRIORITY} | ({} if six else {"scope": _LINK})
