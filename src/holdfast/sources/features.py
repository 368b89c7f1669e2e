"""What the kernel behind a socket does not have, found out by questions that cost microseconds.

The trap: a dump for a family without a handler of its own (AF_MPLS without mpls_router, AF_INET6 on a kernel booted with
ipv6.disable=1) is answered with the rows of all families. A request for a single object has no such fall-back: it gives
EOPNOTSUPP, so that is what is asked. Modules can be loaded at any time (the bridge module with the first bridge), so
only what is there is remembered, for the whole process; what is missing is asked again.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable
from typing import Final

from holdfast.errors import KernelError
from holdfast.model.field import Table
from holdfast.netlink.socket import Socket
from holdfast.netlink.uapi import number

from .single import simple_request

__all__ = ["ABSENT", "missing_among", "why_missing"]

ABSENT: Final = (errno.EOPNOTSUPP, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT)
"""Errors that mean: this kernel does not have it."""

_NO_INTERFACE: Final = 0x7FFFFFFF

_REASONS: Final = {
    "AF_MPLS": "the kernel has no MPLS routing (module mpls_router)",
    "AF_INET6": "the kernel has no IPv6",
    "vlans": "the kernel has no VLAN filtering in bridges (module bridge, CONFIG_BRIDGE_VLAN_FILTERING)",
    "nexthops": "the kernel has no nexthop objects (Linux 5.3 or later)",
    "qdiscs": "the kernel has no traffic control (CONFIG_NET_SCHED)",
}
_there: set[str] = set()


def missing_among(socket: Socket, tables: Iterable[Table]) -> dict[str, str]:
    """The dumps of these tables that the kernel cannot answer: "table/AF_FAMILY" -> reason."""
    missing = {}
    for table in tables:
        for family in table.message.families if table.message else ():
            reason = why_missing(socket, table.name, family)
            if reason:
                missing[f"{table.name}/{family}"] = reason
    return missing


def why_missing(socket: Socket, table: str, family: str) -> str:
    """Why the kernel has no such table or family; "" if it has, as far as a cheap question can tell."""
    feature = _feature(table, family)
    if not feature or feature in _there:
        return ""
    try:
        _ask(socket, feature)
    except KernelError as refusal:
        if refusal.code in ABSENT:
            return _REASONS[feature]
    _there.add(feature)
    return ""


def _feature(table: str, family: str) -> str:
    if table in ("routes", "addresses") and family in ("AF_MPLS", "AF_INET6"):
        return family
    if table in ("qdiscs", "classes", "filters"):
        return "qdiscs"
    return table if table in _REASONS else ""


def _ask(socket: Socket, feature: str) -> None:
    """A question that a kernel with the feature refuses or answers in one message, and one without it with EOPNOTSUPP."""
    if feature in ("AF_MPLS", "AF_INET6"):
        socket.request(simple_request("RTM_GETROUTE", "rtmsg", rtm_family=number(feature)))
    elif feature == "nexthops":
        socket.request(simple_request("RTM_GETNEXTHOP", "nhmsg"))
    elif feature == "qdiscs":
        socket.request(simple_request("RTM_GETQDISC", "tcmsg"))
    else:
        request = simple_request("RTM_GETVLAN", "br_vlan_msg", family=number("AF_BRIDGE"), ifindex=_NO_INTERFACE)
        for _ in socket.dump(request):
            pass
