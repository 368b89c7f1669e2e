"""Where everything stands in a picture: frames of sources, interfaces in columns inside of them. Pure.

    ┌ localhost ────────────┐        ┌ blue ──────┐
    │  br0 ─┬─ veth0 ───────┼────────┼─ eth0      │
    │       └─ veth1 ───────┼──┐     └────────────┘
    └───────────────────────┘  │     ┌ green ─────┐
                               └─────┼─ eth0      │
                                     └────────────┘

The first source stands at the left, upper interfaces left of lower ones; the others stand in columns at the right, mirrored.
So the ends of all pairs face the gap between the two. Units: pixels; y grows downwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from holdfast.story.topology import Edge, Interface, Key, Topology

from .layers import GAP, Node, join, place
from .words import crowd_of, kind_of, name_of, source_name

__all__ = ["LINE", "MARGIN", "Card", "Frame", "Picture", "lay_out"]

LINE: Final = 16.0
MARGIN: Final = 16.0
_CHAR: Final = 7.3  # width of a character of 12 px in a monospaced font
_PAD: Final = 10.0
_BETWEEN: Final = 56.0  # columns
_HEAD: Final = 30.0
_GUTTER: Final = 110.0
_LEAST_HEIGHT: Final = 900.0  # frames at the right make a second column beyond this
_MOST_ADDRESSES: Final = 3
_FAR: Final = float("inf")


@dataclass(slots=True, eq=False)
class Card:
    """One interface: its lines (role, text) and its rectangle."""

    one: Interface
    lines: list[tuple[str, str]]
    width: float
    node: Node
    x: float = 0.0
    y: float = 0.0

    @property
    def height(self) -> float:
        return self.node.height

    @property
    def middle(self) -> float:
        return self.y + self.height / 2


@dataclass(slots=True, eq=False)
class Frame:
    """One source: its heading and its rectangle. `mirrored`: lower interfaces stand at the left.

    routes  the points between the ends of an edge that spans several columns, from the upper to the lower.
    """

    title: str
    mirrored: bool
    cards: list[Card]
    routes: dict[Edge, list[tuple[float, float]]] = field(default_factory=dict)
    x: float = 0.0
    y: float = 0.0
    width: float = 0.0
    height: float = 0.0

    def move(self, x: float, y: float) -> None:
        self.x += x
        self.y += y
        for card in self.cards:
            card.x += x
            card.y += y
        self.routes = {edge: [(left + x, top + y) for left, top in points] for edge, points in self.routes.items()}


@dataclass(slots=True)
class Picture:
    frames: list[Frame]
    cards: dict[Key, Card]
    edges: Sequence[Edge]
    width: float
    height: float


def lay_out(graph: Topology) -> Picture:
    """Place every interface of the graph."""
    cards = {key: _card(one) for key, one in graph.interfaces.items()}
    inner = [edge for edge in graph.edges if edge.kind != "pair" and edge.lower[0] == edge.upper[0]]
    _rank(inner, cards)
    frames: list[Frame] = []
    for target in graph.targets:
        own = [cards[key] for key in graph.interfaces if key[0] == target]
        frame = Frame(source_name(graph, target), mirrored=bool(frames), cards=own)
        if frames:
            own.sort(key=lambda card: _height_of_ends(graph, [card], frames[0]))
        _fill(frame, [edge for edge in inner if edge.lower[0] == target], cards)
        frames.append(frame)
    width, height = _arrange(graph, frames)
    return Picture(frames, cards, graph.edges, width, height)


def _card(one: Interface) -> Card:
    kind = " · ".join(word for word in (kind_of(one), one.state if one.state != "up" else "") if word)
    lines = [("name", name_of(one)), ("kind", kind), ("crowd", crowd_of(one)), ("far", one.far and f"→ {one.far}")]
    lines += [("address", address) for address in one.addresses[:_MOST_ADDRESSES]]
    left = len(one.addresses) - _MOST_ADDRESSES
    lines.append(("crowd", f"and {left} more addresses" if left > 0 else ""))
    shown = [(role, text) for role, text in lines if text]
    width = max(len(text) + (2 if role == "name" else 0) for role, text in shown) * _CHAR + 2 * _PAD
    return Card(one, shown, width, Node(len(shown) * LINE + _PAD))


def _rank(edges: Sequence[Edge], cards: dict[Key, Card]) -> None:
    """0 for what has nothing below it in its own source, else one more than the highest below. A cycle ends somewhere."""
    for _ in range(len(cards)):
        moved = False
        for edge in edges:
            lower, upper = cards[edge.lower].node, cards[edge.upper].node
            if upper.rank <= lower.rank < len(cards):
                upper.rank, moved = lower.rank + 1, True
        if not moved:
            return


def _fill(frame: Frame, edges: Sequence[Edge], cards: dict[Key, Card]) -> None:
    """Place the cards of a frame in columns, one for each layer."""
    stops: dict[tuple[Node, int, int], Node] = {}
    routes = {}
    for edge in edges:
        upper, lower = cards[edge.upper].node, cards[edge.lower].node
        if upper.rank > lower.rank:
            routes[edge] = join(upper, lower, stops)
    height = place([card.node for card in frame.cards])
    columns: dict[int, list[Card]] = {}
    for card in frame.cards:
        columns.setdefault(card.node.rank, []).append(card)
    x, sides = _PAD, {}
    for rank in sorted(columns, reverse=not frame.mirrored):
        width = max(card.width for card in columns[rank])
        for card in columns[rank]:
            card.x, card.width, card.y = x, width, card.node.y + _HEAD
        sides[rank] = (x + width, x) if frame.mirrored else (x, x + width)
        x += width + _BETWEEN
    frame.routes = {edge: [(x, stop.middle + _HEAD) for stop in route for x in sides[stop.rank]] for edge, route in routes.items()}
    inside = x - _BETWEEN + _PAD
    frame.width = max(inside, len(frame.title) * _CHAR * 1.05 + 2 * _PAD)
    frame.height = height + _HEAD + _PAD
    if not frame.mirrored:  # however long the title is, what faces the gap stands at the edge
        frame.move(frame.width - inside, 0.0)
        frame.x = 0.0


def _arrange(graph: Topology, frames: list[Frame]) -> tuple[float, float]:
    """The first frame left; right of it those that pairs lead to, each about where they leave; then the others. Returns the size."""
    if not frames:
        return 2 * MARGIN, 2 * MARGIN
    first, *others = frames
    first.move(MARGIN, MARGIN)
    if not others:
        within = any(edge.kind == "pair" for edge in graph.edges)
        return first.width + 2 * MARGIN + (_GUTTER / 2 if within else 0.0), first.height + 2 * MARGIN
    heights = {id(frame): _height_of_ends(graph, frame.cards, first) for frame in others}
    others.sort(key=lambda frame: heights[id(frame)])
    near = [frame for frame in others if heights[id(frame)] < _FAR]
    columns = ([near] if near else []) + _columns([frame for frame in others if heights[id(frame)] == _FAR], first.height)
    whole = max(first.height, *(_height(column) for column in columns))
    first.move(0.0, (whole - first.height) / 2)
    x = first.x + first.width + _GUTTER
    for column in columns:
        left = MARGIN + (whole - _height(column))  # how far down the first one can begin
        y = MARGIN
        for frame in column:
            wanted = heights[id(frame)] + first.y - MARGIN - frame.height / 2
            y = max(y, min(wanted, left)) if column is near else max(y, MARGIN + (whole - _height(column)) / 2)
            frame.move(x, y)
            y += frame.height + 2 * GAP
            left += frame.height + 2 * GAP
        x += max(frame.width for frame in column) + _BETWEEN
    return x - _BETWEEN + MARGIN, whole + 2 * MARGIN


def _height(column: Sequence[Frame]) -> float:
    return sum(frame.height + 2 * GAP for frame in column) - 2 * GAP


def _columns(frames: list[Frame], height: float) -> list[list[Frame]]:
    """As many columns as make them about as high as the first frame, or as a page."""
    most = max(height, _LEAST_HEIGHT)
    columns: list[list[Frame]] = []
    used = most
    for frame in frames:
        if used + frame.height > most:
            columns.append([])
            used = 0.0
        columns[-1].append(frame)
        used += frame.height + 2 * GAP
    return columns


def _height_of_ends(graph: Topology, cards: Sequence[Card], first: Frame) -> float:
    """How far down in the first frame are the other ends of these? Behind all others, if there are none."""
    heights = {card.one.key: card.middle for card in first.cards}
    ends = [heights[other] for card in cards for _, _, other in graph.ends(card.one.key) if other in heights]
    return sum(ends) / len(ends) if ends else _FAR
