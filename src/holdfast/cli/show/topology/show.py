"""`holdfast show topology`: read, narrow, fold, draw."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any, Final

import msgspec

from holdfast.cli.asking.opening import open_reading
from holdfast.cli.asking.reading import LOCALHOST, Reading
from holdfast.cli.declaring.options import Common
from holdfast.cli.language.conditions import where
from holdfast.cli.language.filters import parse
from holdfast.cli.language.looks import LOOKS
from holdfast.cli.presentation.layout import terminal_width
from holdfast.cli.presentation.style import style_for
from holdfast.cli.show.table import target_condition
from holdfast.errors import HoldfastError, InvalidValue
from holdfast.story.folding import folded
from holdfast.story.topology import Topology, connected, topology, uncluttered

__all__ = ["FORMATS", "read_graph", "show_topology"]

FORMATS: Final = ("text", "dot", "svg", "json")
_TABLES: Final = ("interfaces", "addresses", "netns")


def show_topology(filters: tuple[str, ...], common: Common, form: str) -> None:
    """Draw all, or what is connected with the interfaces that a filter of `interfaces` finds.

    JSON has all of it, and so has `--wide`; else crowds are folded, and what goes without saying is left out.
    Raises: InvalidValue - no such format; what `show interfaces` raises.
    """
    form = form or ("json" if common.json else "text")
    if form not in FORMATS:
        raise InvalidValue(f"expected {', '.join(FORMATS[:-1])} or {FORMATS[-1]}, got `{form}` – at `--format`")
    with open_reading(common, _TABLES, named=_TABLES) as reading:
        graph = _narrowed(read_graph(reading), filters, common, reading)
    if form == "json":
        print(_json(graph))
        return
    if not common.wide:
        graph = folded(uncluttered(graph))
    sys.stdout.write(_drawn(graph, form, common))


def _drawn(graph: Topology, form: str, common: Common) -> str:
    if form == "dot":
        from .dot import as_dot

        return as_dot(graph)
    if form == "svg":
        from .svg import as_svg

        return as_svg(graph)
    from .text import as_text

    return as_text(graph, style_for(sys.stdout, common.colour), None if common.wide else terminal_width(sys.stdout))


def read_graph(reading: Reading) -> Topology:
    """The graph of all rows that there are. Where they leave open what is at the other end, the namespaces themselves are asked."""
    rows = {name: _rows(reading, name) for name in _TABLES}

    def graph(numbers: Mapping[tuple[str, int], str]) -> Topology:
        return topology(rows["interfaces"], rows["addresses"], rows["netns"], LOCALHOST, numbers)

    found = graph({})
    open_ends = {one.target for one in found.interfaces.values() if one.far}
    numbers = _ask_numbers(open_ends, {row["name"]: (row["path"], row["inode"]) for row in rows["netns"]}) if open_ends else {}
    return graph(numbers) if numbers else found


def _ask_numbers(targets: Collection[str], places: Mapping[str, tuple[str, int]]) -> dict[tuple[str, int], str]:
    """What these namespaces call the others. One that cannot be entered, or that is another one by now, says nothing."""
    from holdfast.netlink.namespace import identity_of
    from holdfast.sources import numbers_in

    names = {}
    for name, (path, inode) in places.items():
        with suppress(OSError):
            if identity_of(path).inode == inode:
                names[path] = name
    found: dict[tuple[str, int], str] = {}
    for path, name in names.items():
        if name in targets:
            with suppress(HoldfastError, OSError):
                found |= {(name, number): names[other] for number, other in numbers_in(path, names.keys() - {path}).items()}
    return found


def _rows(reading: Reading, name: str) -> list[dict[str, Any]]:
    columns = ("target", *LOOKS[name].table.columns)
    found = reading.fetch(f"SELECT {', '.join(columns)} FROM {name}")
    return [dict(zip(columns, row, strict=True)) for row in found]


def _narrowed(graph: Topology, filters: tuple[str, ...], common: Common, reading: Reading) -> Topology:
    conditions = list(parse(LOOKS["interfaces"], filters, reading.spelling()).conditions)
    if common.target:
        conditions.append(target_condition(common.target, reading))
    if not conditions:
        return graph
    text, arguments = where(conditions)
    return connected(
        graph, [(row[0], row[1]) for row in reading.fetch(f"SELECT t.target, t.ifindex FROM interfaces AS t{text}", arguments)]
    )


def _json(graph: Topology) -> str:
    """Sources, interfaces and edges; the ends of an edge are named as interfaces are: target and index."""
    shape = {
        "targets": graph.targets,
        "interfaces": [
            {
                "target": one.target, "ifindex": one.ifindex, "ifname": one.name, "kind": one.kind or None, "detail": one.detail or None,
                "state": one.state, "mtu": one.mtu, "address": one.address or None, "addresses": one.addresses, "far": one.far or None,
            }
            for one in graph.interfaces.values()
        ],
        "edges": [
            {
                "kind": edge.kind,
                "lower": dict(zip(("target", "ifindex", "ifname"), (*edge.lower, graph.interfaces[edge.lower].name), strict=True)),
                "upper": dict(zip(("target", "ifindex", "ifname"), (*edge.upper, graph.interfaces[edge.upper].name), strict=True)),
            }
            for edge in graph.edges
        ],
    }  # fmt: skip
    text = msgspec.json.encode(shape)
    return (msgspec.json.format(text, indent=2) if sys.stdout.isatty() else text).decode()
