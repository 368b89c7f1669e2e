"""Nodes in layers: in which order they stand in each, and how far down, so that lines are short and cross seldom. Pure.

The usual way (Sugiyama): what spans several layers gets a stop in each between; orders are improved sweep by sweep, each
layer by the means of its neighbours' places, and the best one is kept; then each node is pulled to the middle of its
neighbours. What is not connected stands below one another.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

__all__ = ["GAP", "Node", "join", "place"]

GAP: Final = 10.0
_SWEEPS: Final = 8
_PULLS: Final = 12
_STOP: Final = 4.0  # height of a stop: lines beside each other stay apart


@dataclass(eq=False)
class Node:
    """`rank`: its layer. `near`: its neighbours in the layers beside it. `y`: set by `place`, its upper edge."""

    height: float = _STOP
    rank: int = 0
    y: float = 0.0
    near: list[Node] = field(default_factory=list)

    @property
    def middle(self) -> float:
        return self.y + self.height / 2


Layers = dict[int, list[Node]]


def join(upper: Node, lower: Node, stops: dict[tuple[Node, int, int], Node]) -> list[Node]:
    """Connect two nodes of different layers; returns the stops between. Lines of one node to one layer share their stops."""
    route: list[Node] = []
    before = upper
    for rank in range(upper.rank - 1, lower.rank, -1):
        key = (upper, lower.rank, rank)
        if key not in stops:
            stops[key] = Node(rank=rank)
            _meet(before, stops[key])
        route.append(stops[key])
        before = stops[key]
    _meet(before, lower)
    return route


def _meet(one: Node, other: Node) -> None:
    one.near.append(other)
    other.near.append(one)


def place(nodes: Iterable[Node]) -> float:
    """Set `y` of these nodes and of the stops between them; returns the height. The order given is kept where it can be."""
    top = 0.0
    for part in _parts(list(nodes)):
        layers: Layers = {}
        for node in part:
            layers.setdefault(node.rank, []).append(node)
        layers = _best_order(layers)
        for layer in layers.values():
            _stack(layer)
        for _ in range(_PULLS):
            for rank in [*sorted(layers), *sorted(layers, reverse=True)]:
                _pull(layers[rank])
        highest = min(node.y for node in part)
        for node in part:
            node.y += top - highest
        top = max(node.y + node.height for node in part) + GAP
    return max(0.0, top - GAP)


def _parts(nodes: list[Node]) -> Iterator[list[Node]]:
    """What hangs together, in the order of the first node of each, its nodes in the order of a walk."""
    seen: set[Node] = set()
    for start in nodes:
        part, waiting = [], [start]
        while waiting:
            node = waiting.pop()
            if node not in seen:
                seen.add(node)
                part.append(node)
                waiting += reversed(node.near)
        if part:
            yield part


def _best_order(layers: Layers) -> Layers:
    best, least = layers, _crossings(layers)
    now = layers
    for sweep in range(_SWEEPS if least else 0):
        now = {rank: list(layer) for rank, layer in now.items()}
        down = sweep % 2 == 0
        for rank in sorted(now, reverse=down):
            beside = now.get(rank + 1 if down else rank - 1, [])
            places = {node: place for place, node in enumerate(beside)}
            now[rank].sort(key=_means(now[rank], places).__getitem__)
        if (crossings := _crossings(now)) < least:
            best, least = now, crossings
    return best


def _means(layer: list[Node], places: dict[Node, int]) -> dict[Node, float]:
    """The mean place of each node's neighbours; one without any stays behind the one before it."""
    means: dict[Node, float] = {}
    last = -1.0
    for node in layer:
        known = [places[other] for other in node.near if other in places]
        last = means[node] = sum(known) / len(known) if known else last
    return means


def _crossings(layers: Layers) -> int:
    places = {node: place for layer in layers.values() for place, node in enumerate(layer)}
    count = 0
    for rank, layer in layers.items():
        ends = [places[other] for node in layer for other in sorted(node.near, key=places.__getitem__) if other.rank == rank + 1]
        count += sum(one > other for number, one in enumerate(ends) for other in ends[number + 1 :])
    return count


def _stack(layer: list[Node]) -> None:
    y = 0.0
    for node in layer:
        node.y = y
        y += node.height + GAP


def _pull(layer: list[Node]) -> None:
    """Each to the middle of its neighbours, as far as those above and below let it; those that touch move as one."""
    blocks: list[tuple[float, float, int]] = []  # top, height, members
    for node in layer:
        wanted = (sum(other.middle for other in node.near) / len(node.near) if node.near else node.middle) - node.height / 2
        top, height, members = wanted, node.height, 1
        while blocks and blocks[-1][0] + blocks[-1][1] + GAP > top:
            above, above_height, above_members = blocks.pop()
            top = (above * above_members + (top - above_height - GAP) * members) / (above_members + members)
            height, members = above_height + GAP + height, members + above_members
        blocks.append((top, height, members))
    nodes = iter(layer)
    for top, _, members in blocks:
        y = top
        for _ in range(members):
            node = next(nodes)
            node.y = y
            y += node.height + GAP
