"""A graph of several hundred interfaces made small enough to look at: what is alike is drawn a few times, and then counted.

Two interfaces of a target are alike if they have the same kind, state and neighbours in the graph (for a pair: the same
target at the other end), and nothing stands on them; two targets, if their interfaces are, one by one. The first `KEPT` of a
crowd stay; the next one stands for all the others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from .topology import Edge, Interface, Key, Topology

__all__ = ["CROWD", "KEPT", "folded"]

CROWD: Final = 10
"""So many alike are still drawn one by one."""
KEPT: Final = 3


def folded(graph: Topology, crowd: int = CROWD) -> Topology:
    """The graph with crowds folded. The same graph if there are none."""
    return _fold_interfaces(_fold_targets(graph, crowd), crowd)


def _fold_targets(graph: Topology, crowd: int) -> Topology:
    members: dict[str, list[Interface]] = defaultdict(list)
    for one in graph.interfaces.values():
        members[one.target].append(one)
    looks = {one.key: (one.kind, one.state, _ends(graph, one.key, names=False)) for one in graph.interfaces.values()}
    for own in members.values():
        own.sort(key=lambda one: (looks[one.key], one.name))
    alike = _crowds(members, lambda target: tuple(looks[one.key] for one in members[target]), crowd)
    if not alike:
        return graph
    twins = [zip(members[other], members[same[0]], strict=True) for same in alike for other in same[1:]]
    moved = {one.key: first.key for pairs in twins for one, first in pairs}
    small = _quotient(graph, moved, {same[0]: tuple(same[1:]) for same in alike})
    nodes = {key: replace(one, addresses=()) if key[0] in small.others else one for key, one in small.interfaces.items()}
    return replace(small, interfaces=nodes)


def _fold_interfaces(graph: Topology, crowd: int) -> Topology:
    stood_on = {edge.lower for edge in graph.edges if edge.kind == "stack"} | {edge.upper for edge in graph.edges if edge.kind == "port"}
    free = [key for key in graph.interfaces if key not in stood_on]

    def look(key: Key) -> Hashable:
        one = graph.interfaces[key]
        return key[0], one.kind, one.state, bool(one.far), _ends(graph, key, names=True)

    alike = _crowds(free, look, crowd, lambda key: 0 if any(end.target in graph.others for end in _pairs(graph, key)) else KEPT)
    if not alike:
        return graph
    names = {same[0]: tuple(graph.interfaces[key].name for key in same[1:]) for same in alike}
    small = _quotient(graph, {key: same[0] for same in alike for key in same[1:]}, graph.others)
    nodes = {key: replace(one, others=names[key], addresses=(), far="") if key in names else one for key, one in small.interfaces.items()}
    return replace(small, interfaces=nodes)


def _pairs(graph: Topology, key: Key) -> list[Interface]:
    return [graph.interfaces[other] for edge, _, other in graph.ends(key) if edge.kind == "pair"]


def _ends(graph: Topology, key: Key, *, names: bool) -> tuple[tuple[str, ...], ...]:
    """What an interface is connected with. The far end of a pair counts by its target only; with `names`, others by name."""
    found = []
    for edge, role, other in graph.ends(key):
        target = other[0] if other[0] != key[0] else ""
        one = graph.interfaces[other]
        found.append((edge.kind, "", target, "") if edge.kind == "pair" else (edge.kind, role, target, one.name if names else one.kind))
    return tuple(sorted(found))


def _crowds(
    things: Iterable[Any], look: Callable[[Any], Hashable], crowd: int, kept: Callable[[Any], int] = lambda _: KEPT
) -> list[list[Any]]:
    """Of each crowd those that are folded together: the first one of a list stands for the rest."""
    alike: dict[Hashable, list[Any]] = defaultdict(list)
    for one in things:
        alike[look(one)].append(one)
    return [same[kept(same[0]) :] for same in alike.values() if len(same) > max(crowd, KEPT + 1)]


def _quotient(graph: Topology, moved: Mapping[Key, Key], others: Mapping[str, tuple[str, ...]]) -> Topology:
    """The graph in which interfaces were moved onto others; an edge within one is none."""
    edges = dict.fromkeys(Edge(edge.kind, moved.get(edge.lower, edge.lower), moved.get(edge.upper, edge.upper)) for edge in graph.edges)
    nodes = {key: one for key, one in graph.interfaces.items() if key not in moved}
    return Topology(nodes, tuple(edge for edge in edges if edge.lower != edge.upper), dict(others))
