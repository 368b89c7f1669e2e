"""The graph in the language of Graphviz: `holdfast show topology --format dot | dot -Tpng -o net.png`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from holdfast.story.topology import Interface, Key, Topology

from .words import crowd_of, kind_of, name_of, source_name

__all__ = ["as_dot"]

_STYLES: Final = {"port": "color=gray40", "stack": 'color="#1d6fa5"', "pair": 'color="#2e8b57" style=dashed dir=none constraint=false'}


def as_dot(graph: Topology) -> str:
    return "\n".join(_lines(graph)) + "\n"


def _lines(graph: Topology) -> Iterator[str]:
    yield "digraph topology {"
    yield "  rankdir=LR; fontname=monospace; compound=true;"
    yield '  node [shape=box style="rounded,filled" fillcolor=white fontname=monospace fontsize=11];'
    yield "  edge [fontname=monospace fontsize=9 arrowsize=0.6];"
    for number, target in enumerate(graph.targets):
        yield f"  subgraph cluster_{number} {{"
        yield f"    label={_quoted(source_name(graph, target))}; style=rounded; color=gray60;"
        for key, one in graph.interfaces.items():
            if key[0] == target:
                border = "#2e8b57" if one.state == "up" else "#b03a2e"
                yield f'    {_id(key)} [label={_label(one)} color="{border}"];'
        yield "  }"
    for edge in graph.edges:
        yield f"  {_id(edge.lower)} -> {_id(edge.upper)} [{_STYLES[edge.kind]}];"
    yield "}"


def _label(one: Interface) -> str:
    lines = [name_of(one), " ".join(word for word in (kind_of(one), one.state) if word), crowd_of(one), *one.addresses]
    lines += [f"({one.far})"] if one.far else []
    return _quoted("\n".join(line for line in lines if line))


def _id(key: Key) -> str:
    return _quoted(f"{key[0]}/{key[1]}")


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
