"""The graph as a picture in SVG. It needs no other program; colours follow the viewer's light or dark mode."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from itertools import pairwise
from typing import Final

from holdfast.story.topology import Edge, Topology

from .layout import LINE, MARGIN, Card, Frame, Picture, lay_out

__all__ = ["as_svg"]

Point = tuple[float, float]

_LIGHT: Final = {
    "ground": "#ffffff", "frame": "#f4f6f8", "line": "#b8c0c8", "card": "#ffffff", "ink": "#1b2126", "soft": "#59636e",
    "up": "#1a7f37", "down": "#cf222e", "port": "#59636e", "stack": "#0969da", "pair": "#1a7f37",
}  # fmt: skip
_DARK: Final = {
    "ground": "#0d1117", "frame": "#161b22", "line": "#3d444d", "card": "#21262d", "ink": "#f0f3f6", "soft": "#a5aeb8",
    "up": "#3fb950", "down": "#ff6a61", "port": "#a5aeb8", "stack": "#58a6ff", "pair": "#3fb950",
}  # fmt: skip
_RULES: Final = (
    ("text", "font:12px ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace;fill:{ink}"),
    (".name,.title", "font-weight:bold"),
    (".kind,.far,.crowd,.legend", "fill:{soft}"),
    (".crowd", "font-style:italic"),
    (".ground", "fill:{ground}"),
    (".frame", "fill:{frame};stroke:{line}"),
    (".card", "fill:{card};stroke:{line}"),
    (".lamp.up", "fill:{up}"),
    (".lamp.down", "fill:{down}"),
    ("path", "fill:none;stroke-width:1.5"),
    (".port", "stroke:{port}"),
    (".stack", "stroke:{stack}"),
    (".pair", "stroke:{pair};stroke-dasharray:6 3"),
)
_LEGEND: Final = {"port": "port of", "stack": "on top of", "pair": "pair"}
_LEGEND_HEIGHT: Final = 28.0


def as_svg(graph: Topology) -> str:
    return "\n".join(_lines(lay_out(graph))) + "\n"


def _lines(picture: Picture) -> Iterator[str]:
    kinds = [kind for kind in _LEGEND if any(edge.kind == kind for edge in picture.edges)]
    width, height = max(picture.width, 100.0 + 110 * len(kinds)), picture.height + (_LEGEND_HEIGHT if kinds else 0)
    yield f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}">'
    yield f"<title>Topology</title><style>{_sheet(_LIGHT)}@media (prefers-color-scheme:dark){{{_sheet(_DARK)}}}</style>"
    yield '<rect class="ground" width="100%" height="100%"/>'
    for frame in picture.frames:
        yield from _frame(frame)
    for number, edge in enumerate(picture.edges):
        yield _edge(picture, edge, number)
    for card in picture.cards.values():
        yield from _card(card)
    for number, kind in enumerate(kinds):
        x, y = MARGIN + 110 * number, height - 14
        yield f'<path class="{kind}" d="M{x} {y - 4}h24"/><text class="legend" x="{x + 30}" y="{y}">{_LEGEND[kind]}</text>'
    yield "</svg>"


def _sheet(colours: dict[str, str]) -> str:
    return "".join(f"{selector}{{{rule.format(**colours)}}}" for selector, rule in _RULES)


def _frame(frame: Frame) -> Iterator[str]:
    yield f'<rect class="frame" x="{frame.x:.1f}" y="{frame.y:.1f}" width="{frame.width:.1f}" height="{frame.height:.1f}" rx="8"/>'
    yield f'<text class="title" x="{frame.x + 10:.1f}" y="{frame.y + 19:.1f}">{escape(frame.title)}</text>'


def _card(card: Card) -> Iterator[str]:
    lamp = "up" if card.one.state == "up" else "down"
    yield f'<g><rect class="card" x="{card.x:.1f}" y="{card.y:.1f}" width="{card.width:.1f}" height="{card.height:.1f}" rx="5"/>'
    yield f'<circle class="lamp {lamp}" cx="{card.x + card.width - 10:.1f}" cy="{card.y + 11:.1f}" r="3.5"/>'
    for number, (role, text) in enumerate(card.lines):
        yield f'<text class="{role}" x="{card.x + 10:.1f}" y="{card.y + 16 + number * LINE:.1f}">{escape(text)}</text>'
    yield "</g>"


def _edge(picture: Picture, edge: Edge, number: int) -> str:
    """A curve between the sides that face each other; within a column it bends out to the gap."""
    upper, lower = picture.cards[edge.upper], picture.cards[edge.lower]
    frame = next(frame for frame in picture.frames if upper in frame.cards)
    one, other = sorted((upper, lower), key=lambda card: card.x)
    if one.x + one.width < other.x:
        points = frame.routes.get(edge, [])
        ordered = points if one is upper else points[::-1]
        path = _through([(one.x + one.width, one.middle), *ordered, (other.x, other.middle)])
    else:
        path = _around(one, other, frame.mirrored, 34.0 + 5 * (number % 6))
    return f'<path class="{edge.kind}" d="{path}"/>'


def _through(points: list[Point]) -> str:
    """Curves that leave and reach each point horizontally."""
    path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for (x1, y1), (x2, y2) in pairwise(points):
        bend = (x2 - x1) / 2
        path += f"C{x1 + bend:.1f} {y1:.1f} {x2 - bend:.1f} {y2:.1f} {x2:.1f} {y2:.1f}"
    return path


def _around(one: Card, other: Card, mirrored: bool, distance: float) -> str:
    x1, x2 = (one.x, other.x) if mirrored else (one.x + one.width, other.x + other.width)
    out = min(x1, x2) - distance if mirrored else max(x1, x2) + distance
    return f"M{x1:.1f} {one.middle:.1f}C{out:.1f} {one.middle:.1f} {out:.1f} {other.middle:.1f} {x2:.1f} {other.middle:.1f}"
