"""`holdfast show interface eth0`: one interface with all that belongs to it, the most useful first.

What has many rows shows a few of them, their number, and the command that lists all. `--json` has everything, in one object.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from holdfast.cli.asking.opening import open_reading
from holdfast.cli.asking.reading import LOCALHOST, Reading
from holdfast.cli.declaring.options import Common
from holdfast.cli.language.conditions import All, Among, Condition, Device, Either, Not, where
from holdfast.cli.language.looks import LOOKS
from holdfast.cli.language.spelling import Spelling
from holdfast.cli.presentation.layout import fits, telling, terminal_width, wrapped, write_sentences, write_table
from holdfast.cli.presentation.listing import Listing, details
from holdfast.cli.presentation.rows import json_object
from holdfast.cli.presentation.style import Style, style_for
from holdfast.errors import InvalidValue, NotFound, did_you_mean
from holdfast.story.topology import Interface, Key, Topology

from .table import target_condition
from .topology.show import read_graph
from .topology.words import kind_of, name_of

__all__ = ["asks_for_page", "show_page"]

Row = Sequence[Any]

_MOST: Final = 8
"""Rows of a section that are all shown; of more, `_SOME` are."""
_SOME: Final = 5


@dataclass(frozen=True, slots=True)
class Section:
    """Rows that belong to an interface.

    where   which, for its key and name.
    filter  how `show` asks for them.
    without headings of columns that say nothing here; counted: their number is enough.
    """

    name: str
    title: str
    table: str
    where: Callable[[Key, str], Condition]
    filter: str
    without: tuple[str, ...] = ("DEV",)
    counted: bool = False


def _at(column: str, hops: str = "") -> Callable[[Key, str], Condition]:
    return lambda key, name: Device(column, frozenset({key}), hops)


def _named(key: Key, name: str) -> Condition:
    return All((Among("target", (key[0],)), Either((Among("iifname", (name,)), Among("oifname", (name,))))))


def _above(key: Key, name: str) -> Condition:
    return All(
        (_at("link")(key, name), Among("link_netnsid", ()), Not(Among("kind", ("veth", "netkit", "vxcan"))), Not(_at("ifindex")(key, name)))
    )


_SECTIONS: Final = (
    Section("addresses", "Addresses", "addresses", _at("ifindex"), "addresses dev {}"),
    Section("ports", "Ports", "interfaces", _at("master"), "interfaces master {}", ("INDEX", "MASTER")),
    Section("above", "On top of it", "interfaces", _above, "interfaces link {}", ("INDEX", "LINK")),
    Section("routes", "Routes", "routes", _at("oif", "multipath"), "routes dev {}"),
    Section("neighbours", "Neighbours", "neighbours", _at("ifindex"), "neighbours dev {}"),
    Section("nexthops", "Nexthops", "nexthops", _at("oif"), "nexthops dev {}"),
    Section("rules", "Rules", "rules", _named, "rules dev {}", ()),
    Section("vlans", "VLANs", "vlans", _at("ifindex"), "vlans dev {}"),
    Section("fdb", "Forwarding database", "fdb", _at("ifindex"), "fdb dev {}", counted=True),
    Section("ports_fdb", "Forwarding database of its ports", "fdb", _at("master"), "fdb br {}", counted=True),
    Section("qdiscs", "Queueing", "qdiscs", _at("ifindex"), "qdiscs dev {}"),
    Section("classes", "Classes", "classes", _at("ifindex"), "classes dev {}"),
    Section("filters", "Filters", "filters", _at("ifindex"), "filters dev {}"),
)  # fmt: skip


def asks_for_page(filters: Sequence[str]) -> bool:
    """`interface NAME` and `interface dev NAME` do; any other filter, the plural and `link` ask for a list."""
    name = filters[0] if len(filters) == 1 else filters[1] if len(filters) == 2 and filters[0] == "dev" else ""
    look = LOOKS["interfaces"]
    return bool(name) and name not in (*look.flags, "help", "all") and not set(name) & set("*?[,=:")


def show_page(name: str, common: Common, *, more: bool = False) -> None:
    """`more`: with all fields of the interface. Raises: NotFound, InvalidValue - no such interface, several; what reading raises."""
    tables = {*(section.table for section in _SECTIONS), "netns"}
    with open_reading(common, tables, named=("interfaces",)) as reading:
        spelling = reading.spelling(far=True)
        key = _find(name, common, reading, spelling)
        if common.json:
            print(_json(key, reading, spelling))
        else:
            _Page(key, common, reading, spelling).write(more=more)


def _find(name: str, common: Common, reading: Reading, spelling: Spelling) -> Key:
    """The one interface of that name, or index: this host's, where several sources have one and none is asked for."""
    found = spelling.links(name) if spelling.has_link(name) else frozenset()
    if common.target:
        condition = target_condition(common.target, reading)
        found = frozenset(key for key in found if condition.holds({"target": key[0]}))
    keys = [key for key in found if key[0] == (reading.whole or LOCALHOST) and not common.target]
    elsewhere = sorted(found - set(keys))
    if keys or (len(elsewhere) == 1 and not reading.whole):
        return (keys or elsewhere)[0]
    if not elsewhere:
        hint = did_you_mean(name, spelling.device_names, otherwise="`holdfast show interfaces` lists them")
        raise NotFound(f"there is no interface `{name}`", hint=hint)
    targets = ", ".join(target for target, _ in elsewhere)
    if reading.whole:
        raise NotFound(
            f"there is no interface `{name}` in {reading.whole}, but in {targets}", hint=f"`--netns {elsewhere[0][0]}` looks there"
        )
    raise InvalidValue(f"expected one interface, got `{name}` of several sources: {targets}", hint="choose one with `--target`")


def _json(key: Key, reading: Reading, spelling: Spelling) -> str:
    """`interface`, what it is connected with, and a list for each section."""
    graph = read_graph(reading)
    shape: dict[str, Any] = {"interface": _objects("interfaces", Device("ifindex", frozenset({key})), reading)[0]}
    name = spelling.device(*key)
    ends = [(edge.kind, role, graph.interfaces[other]) for edge, role, other in graph.ends(key)]
    for word, kind, role in (("master", "port", "lower"), ("parent", "stack", "upper")):
        shape[word] = next((_end(one) for how, mine, one in ends if (how, mine) == (kind, role)), None)
    shape["peer"] = next((_end(one) for how, _, one in ends if how == "pair"), None)
    for section in _SECTIONS:
        shape[section.name] = _objects(section.table, section.where(key, name), reading)
    text = msgspec.json.encode(shape)
    return (msgspec.json.format(text, indent=2) if sys.stdout.isatty() else text).decode()


def _end(one: Interface) -> dict[str, Any]:
    return {"target": one.target, "ifindex": one.ifindex, "ifname": one.name}


def _objects(table: str, condition: Condition, reading: Reading) -> list[msgspec.Raw]:
    fields = LOOKS[table].table.fields
    text, arguments = where([condition])
    rows = reading.fetch(f"SELECT t.target, {', '.join(f't.{one.name}' for one in fields)}, t.since FROM {table} AS t{text}", arguments)
    names = ("target", *(one.name for one in fields), "since")
    structured = {one.name for one in fields if one.json}
    return [msgspec.Raw(json_object(names, row, structured)) for row in rows]


class _Page:
    """Text for a person."""

    def __init__(self, key: Key, common: Common, reading: Reading, spelling: Spelling) -> None:
        self._key, self._common, self._reading, self._spelling = key, common, reading, spelling
        self._name = spelling.device(*key)
        self._style: Style = style_for(sys.stdout, common.colour)
        self._width = None if common.wide else terminal_width(sys.stdout)
        self._several = len({target for target, index in spelling.links(self._name)}) > 1 and not common.netns

    def write(self, *, more: bool) -> None:
        self._head(read_graph(self._reading), more=more)
        for section in _SECTIONS:
            self._section(section)

    def _head(self, graph: Topology, *, more: bool) -> None:
        table = LOOKS["interfaces"].table
        text, arguments = where([Device("ifindex", frozenset({self._key}))])
        (values,) = self._reading.fetch(f"SELECT {', '.join(f't.{name}' for name in table.columns)} FROM interfaces AS t{text}", arguments)
        row = dict(zip(table.columns, values, strict=True))
        one, style = graph.interfaces[self._key], self._style
        kind = kind_of(one) or self._spelling.name("ifi_type", row["ifi_type"])
        source = f"  [{one.target}]" if len(graph.targets) > 1 else ""
        state = style("bad" if one.state == "no carrier" else "state", one.state)
        words = [style("ifname", name_of(one)) + style("dim", source), kind, state, f"mtu {one.mtu}", style("lladdr", one.address)]
        print("  ".join(word for word in words if word))
        sys.stdout.write(wrapped([*self._ties(graph, one), *_marks(row, self._spelling)], "  ", self._width))
        sys.stdout.write(wrapped(_traffic(self._spelling.decoded(row["stats"]) or {}), "  ", self._width, style))
        if more:
            fields = [field for field in table.fields if not field.volatile]
            texts = details(fields, [row[field.name] for field in fields], one.target, self._spelling)
            sys.stdout.write(wrapped(texts, "  ", self._width, style))

    def _ties(self, graph: Topology, one: Interface) -> list[str]:
        """`port of br0`, `on eth0`, `peer blue/eth0`."""
        words = {("port", "lower"): "port of", ("stack", "upper"): "on", ("pair", "lower"): "peer", ("pair", "upper"): "peer"}
        found = []
        for edge, role, key in graph.ends(one.key):
            if word := words.get((edge.kind, role)):
                other = graph.interfaces[key]
                name = name_of(other) if key[0] == one.target else f"{key[0]}/{name_of(other)}"
                found.append(f"{word} {name}" + (f" ({kind_of(other)})" if edge.kind == "port" else ""))
        return [*found, f"other end {one.far}"] if one.far else found

    def _section(self, section: Section) -> None:
        look = LOOKS[section.table]
        condition = section.where(self._key, self._name)
        asked = [condition, Not(look.hidden.condition)] if look.hidden else [condition]
        listing = Listing(look, tuple(view for view in look.views if view.heading not in section.without), lines=True)
        text, arguments = where(asked)
        found = self._reading.fetch(
            f"SELECT t.target, {', '.join(f't.{name}' for name in listing.fields)} FROM {section.table} AS t{text}", arguments
        )
        rows = listing.sort(list(found))
        hidden = self._hidden(section, condition)
        if not rows and not hidden:
            return
        few = len(rows) <= _MOST and not section.counted
        shown = rows if few or self._common.wide else rows[: 0 if section.counted else _SOME]
        count = f" ({len(rows)})" if len(rows) > 1 and not section.counted else ""
        print(f"\n{self._style('heading', section.title)}{count}")
        self._rows(listing, shown)
        self._note(section, len(rows) - len(shown), hidden)

    def _rows(self, listing: Listing, rows: list[Row]) -> None:
        if not rows:
            return
        columns = telling(listing.columns(rows, self._spelling, with_target=False))
        below = {number: "".join(f"      {line}\n" for line in lines) for number, lines in listing.beneath(rows, self._spelling).items()}
        columns[0].cells = [f"  {cell}" for cell in columns[0].cells]
        columns[0].heading = f"  {columns[0].heading}"
        if len(rows) > 1 and (self._width is None or fits(columns, self._width)):
            write_table(columns, sys.stdout, self._style, width=self._width, under=below)
        else:
            write_sentences(columns, sys.stdout, self._style, width=self._width or sys.maxsize, under=below)

    def _hidden(self, section: Section, condition: Condition) -> int:
        hidden = LOOKS[section.table].hidden
        if hidden is None:
            return 0
        text, arguments = where([condition, hidden.condition])
        return int(self._reading.fetch(f"SELECT count(*) FROM {section.table} AS t{text}", arguments)[0][0])

    def _note(self, section: Section, left: int, hidden: int) -> None:
        notes = []
        command = f"holdfast show {section.filter.format(self._name)}" + (f" -t {self._key[0]}" if self._several else "")
        command += f' --at "{self._common.at}"' if self._common.at else ""
        if left:
            notes.append(f"… and {left} more: `{command}`" if not section.counted else f"{left} entries: `{command}`")
        if hidden:
            how = LOOKS[section.table].hidden
            notes.append(f"and {hidden} more with `{command} {how.how if how else ''}`")
        for note in notes:
            print(self._style("dim", f"  {note}"))


def _marks(row: Mapping[str, Any], spelling: Spelling) -> list[str]:
    """What somebody called it."""
    names = spelling.decoded(row["altnames"]) or []
    return (
        ([f"“{row['ifalias']}”"] if row["ifalias"] else [])
        + ([f"also called {', '.join(names)}"] if names else [])
        + [f"index {row['ifindex']}"]
    )


def _traffic(stats: Mapping[str, int]) -> list[str]:
    """`received 1.2 MB in 3 456 packets`, and what went wrong."""
    if not stats:
        return []
    found = [
        f"{word} {_bytes(stats[f'{way}_bytes'])} in {stats[f'{way}_packets']:,} packets".replace(",", " ")
        for word, way in (("received", "rx"), ("sent", "tx"))
    ]
    for trouble in ("errors", "dropped"):
        counts = [f"{way} {stats[f'{way}_{trouble}']}" for way in ("rx", "tx") if stats[f"{way}_{trouble}"]]
        found += [f"{trouble} {' '.join(counts)}"] if counts else []
    return found


def _bytes(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if count < 1000 or unit == "TB":
            return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1000
    raise AssertionError("unreachable")
