"""Requests cut into stages: in each an object is concerned once, so that what is given in order stays in order. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from holdfast.model import INTERFACES

from .cells import name_of
from .complete import completed
from .contract import Create, Delete, Request

__all__ = ["stages"]

Placed = tuple[int, Request]


def stages(requests: Sequence[Request]) -> Iterator[list[Placed]]:
    """Runs of requests, each with its place. A deletion followed by a creation of the same object needs no stage of its own."""
    if len(requests) == 1 or all(type(one) is Create and one.table is not INTERFACES for one in requests):
        yield list(enumerate(requests))  # who makes a thing twice is told so by the kernel
        return
    seen: dict[tuple[Any, ...], bool] = {}  # what is concerned: was it only deleted?
    stage: list[Placed] = []
    for place, one in enumerate(requests):
        concerned = list(_concerned(one))
        if any(thing in seen and not (seen[thing] and isinstance(one, Create)) for thing in concerned):
            yield stage
            stage, seen = [], {}
        stage.append((place, one))
        for thing in concerned:
            seen[thing] = isinstance(one, Delete)
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
