"""The graph as trees, a block for each source: below an interface stand its ports, and what is made on top of it.

What is a port and stands on something stands below its master, and says what it is on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from holdfast.cli.presentation.style import Style
from holdfast.story.topology import Interface, Key, Topology

from .words import crowd_of, kind_of, name_of, source_name

__all__ = ["as_text"]

_WIDEST: Final = 36  # no tree is wider, whatever its names are


class _Line(NamedTuple):
    branch: str
    one: Interface
    said: list[tuple[str, str]]  # role, word

    @property
    def width(self) -> int:
        return len(self.branch) + len(name_of(self.one))


def as_text(graph: Topology, style: Style, width: int | None) -> str:
    """`width`: cut lines to it; None: leave them."""
    trees = _trees(graph)
    blocks = []
    for target in graph.targets:
        lines = list(_block(graph, trees, target))
        tree = min(max(line.width for line in lines), _WIDEST)
        kind = max(len(kind_of(line.one)) for line in lines)
        state = max(len(line.one.state) for line in lines)
        heading = style("title", source_name(graph, target))
        blocks.append("\n".join([heading, *(_written(line, style, width, tree, kind, state) for line in lines)]) + "\n")
    return "\n".join(blocks)


def _trees(graph: Topology) -> dict[Key, list[Key]]:
    """The children of each interface. Each is the child of one: of its master, else of what it stands on in its own source."""
    parents: dict[Key, Key] = {}
    for edge in graph.edges:
        if edge.kind == "port":
            parents[edge.lower] = edge.upper
        elif edge.kind == "stack" and edge.lower[0] == edge.upper[0]:
            parents.setdefault(edge.upper, edge.lower)
    children: dict[Key, list[Key]] = {}
    for key in graph.interfaces:
        if (parent := parents.get(key)) and not _inside(parents, key, parent):
            children.setdefault(parent, []).append(key)
    return children


def _inside(parents: dict[Key, Key], key: Key, place: Key) -> bool:
    """Would it stand below itself? A VLAN of a bridge can be a port of that bridge's own port."""
    seen = set()
    while place in parents and place not in seen and place != key:
        seen.add(place)
        place = parents[place]
    return place == key


def _block(graph: Topology, trees: dict[Key, list[Key]], target: str) -> Iterator[_Line]:
    below = {child for children in trees.values() for child in children}
    roots = [key for key in graph.interfaces if key[0] == target and key not in below]
    yield from _walk(graph, trees, roots, "", None)


def _walk(graph: Topology, trees: dict[Key, list[Key]], keys: list[Key], indent: str, parent: Key | None) -> Iterator[_Line]:
    for number, key in enumerate(keys):
        last = number == len(keys) - 1
        one = graph.interfaces[key]
        yield _Line(indent + ("└─ " if last else "├─ "), one, list(_said(graph, one, parent)))
        yield from _walk(graph, trees, trees.get(key, []), indent + ("   " if last else "│  "), key)


def _said(graph: Topology, one: Interface, parent: Key | None) -> Iterator[tuple[str, str]]:
    """What stands behind name, kind and state: what it is connected with elsewhere, and its addresses."""
    if crowd := crowd_of(one):
        yield "changed", crowd
    for edge, role, other in graph.ends(one.key):
        if other == parent or (edge.kind, role) not in (("pair", "lower"), ("pair", "upper"), ("stack", "upper")):
            continue
        yield "", "⇄" if edge.kind == "pair" else "on"
        yield "ifname", _end(graph, one, other)
    if one.far:
        yield "dim", f"{'⇄' if one.kind in ('veth', 'netkit', 'vxcan') else 'on'} {one.far}"
    for address in one.addresses:
        yield "address", address


def _end(graph: Topology, one: Interface, other: Key) -> str:
    name = name_of(graph.interfaces[other])
    return name if other[0] == one.target else f"{other[0]}/{name}"


def _written(line: _Line, style: Style, width: int | None, tree: int, kind: int, state: int) -> str:
    """The line, padded; the last words are cut to the width."""
    one = line.one
    name = name_of(one)
    head = style("dim", line.branch) + style("ifname", name) + " " * (tree - line.width)
    if kind:
        head += f"  {kind_of(one):{kind}}"
    head += f"  {style('state' if one.state != 'no carrier' else 'bad', one.state)}" + " " * (state - len(one.state))
    used = max(tree, line.width) + (2 + kind if kind else 0) + 2 + state + 2
    words = []
    for number, (role, word) in enumerate(line.said):
        more = width is not None and number < len(line.said) - 1
        if width is not None and used + len(word) + (2 if more else 0) > width:
            words.append("…")
            break
        words.append(style(role, word))
        used += len(word) + 1
    return f"{head}  {' '.join(words)}".rstrip()
