"""Requests cut into stages, in each of which all deletions are sent first. Pure.

In a stage an object is concerned once, so that what is given in order stays in order; and nothing is deleted in it that something
changed earlier may hang on: a route is led elsewhere before its old interface goes. With the last IPv4 address of an interface its routes
go, so a new one that is given first is there first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Network
from typing import Any

from holdfast.model import ADDRESSES, INTERFACES, NEXTHOPS, ROUTES

from .cells import name_of
from .complete import completed
from .contract import Change, Create, Delete, Request

__all__ = ["stages"]

Placed = tuple[int, Request]


def stages(requests: Sequence[Request]) -> Iterator[list[Placed]]:
    """Runs of requests, each with its place. A deletion followed by a creation of the same object needs no stage of its own."""
    if len(requests) == 1 or all(type(one) is Create and one.table is not INTERFACES for one in requests):
        yield list(enumerate(requests))  # who makes a thing twice is told so by the kernel
        return
    seen: dict[tuple[Any, ...], bool] = {}  # what is concerned: was it only deleted?
    held: set[tuple[Any, ...]] = set()  # what something that is changed hangs on
    stage: list[Placed] = []
    for place, one in enumerate(requests):
        concerned = list(_concerned(one))
        again = any(thing in seen and not (seen[thing] and isinstance(one, Create)) for thing in concerned)
        if again or (isinstance(one, Delete) and _bears(one) in held and _prefix(one) not in held):
            yield stage
            stage, seen, held = [], {}, set()
        stage.append((place, one))
        for thing in concerned:
            seen[thing] = isinstance(one, Delete)
        if isinstance(one, Change) and one.table is not INTERFACES:
            held.update(_hangs_on(one))
        elif isinstance(one, Create) and (prefix := _prefix(one)):
            held |= {(one.target, "addresses", one.row.get("ifindex")), prefix}
    if stage:
        yield stage


def _concerned(one: Request) -> Iterator[tuple[Any, ...]]:
    """What names the objects of a request: of interfaces name and index, of a veth both ends."""
    row: Mapping[str, Any] = completed(one.table, one.row) if isinstance(one, Create) else one.row
    if one.table is not INTERFACES:
        yield (one.target, one.table.name, *name_of(one.table, row))
        return
    for name in ("ifname", "ifindex"):
        if row.get(name):
            yield one.target, name, row[name]
    peer = row.get("peer")
    if peer:
        where = peer.get("target") or one.target
        yield from ((where, name, peer[name]) for name in ("ifname", "ifindex") if peer.get(name))


def _bears(one: Delete) -> tuple[Any, ...]:
    """What may take others along when it goes."""
    if one.table is ADDRESSES and not _prefix(one):
        return ()
    return one.target, one.table.name, one.row.get("id" if one.table is NEXTHOPS else "ifindex")


def _hangs_on(one: Change) -> Iterator[tuple[Any, ...]]:
    """What may take an object along: its interfaces and their addresses, nexthops."""
    row = one.row
    members = (member["id"] for member in row.get("group_members") or ())
    hops = (hop.get("oif") for hop in row.get("multipath") or ())
    yield from ((one.target, "nexthops", known) for known in (row.get("nh_id"), *members) if known)
    for ifindex in (row.get("ifindex"), row.get("oif"), *hops):
        if ifindex:
            yield one.target, "interfaces", ifindex
            if one.table in (ROUTES, NEXTHOPS):
                yield one.target, "addresses", ifindex


def _prefix(one: Request) -> tuple[Any, ...]:
    """Of an IPv4 address: the second one of a prefix goes with the first, so it cannot come before that goes."""
    if one.table is not ADDRESSES:
        return ()
    try:
        network = IPv4Network((one.row.get("address") or one.row.get("local"), one.row.get("prefixlen", 32)), strict=False)
    except ValueError:  # of IPv6, or nothing that the kernel would take
        return ()
    return one.target, one.row.get("ifindex"), network
