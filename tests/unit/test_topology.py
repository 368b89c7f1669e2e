"""The graph of what is connected with what, and its drawings, from rows made by hand."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import pytest

from holdfast.cli.presentation.style import plain
from holdfast.cli.show.topology.dot import as_dot
from holdfast.cli.show.topology.layout import lay_out
from holdfast.cli.show.topology.svg import as_svg
from holdfast.cli.show.topology.text import as_text
from holdfast.story.folding import folded
from holdfast.story.topology import Edge, Topology, connected, topology, uncluttered

HOME = "localhost"


def link(target: str, ifindex: int, ifname: str, **more: Any) -> dict[str, Any]:
    return {"target": target, "ifindex": ifindex, "ifname": ifname, "state": "up", "operstate": "UP", "flags": 0} | more


def address(target: str, ifindex: int, local: str, prefixlen: int = 24) -> dict[str, Any]:
    return {"target": target, "ifindex": ifindex, "local": local, "address": local, "prefixlen": prefixlen}


def veth(target: str, ifindex: int, ifname: str, other: int, nsid: int | None = None, **more: Any) -> dict[str, Any]:
    return link(target, ifindex, ifname, kind="veth", link=other, link_netnsid=nsid, **more)


HOST = [
    link(HOME, 1, "lo", flags=0x8, operstate="UNKNOWN"),
    link(HOME, 2, "eth0", master=4),
    link(HOME, 3, "eth1", master=4, operstate="DOWN"),
    link(HOME, 4, "bond0", kind="bond"),
    link(HOME, 5, "bond0.10", kind="vlan", link=4, kind_data='{"vlan_id":10}', master=8),
    link(HOME, 7, "uplink", state="down", operstate="DOWN"),
    link(HOME, 8, "br0", kind="bridge"),
    link(HOME, 9, "vx", kind="vxlan", kind_data={"vxlan_id": 100, "vxlan_link": 7}, master=8),
    veth(HOME, 20, "v0", 2, 0, master=8),
]
BLUE = [link("blue", 1, "lo", flags=0x8), veth("blue", 2, "eth0", 20, 0)]
ADDRESSES = [
    address(HOME, 1, "127.0.0.1", 8),
    address(HOME, 8, "fe80::1", 64),
    address(HOME, 8, "192.0.2.1"),
    address("blue", 2, "192.0.2.2"),
]


def containers(count: int, first: int = 0) -> list[dict[str, Any]]:
    """That many namespaces, each with an `eth0` that a port of br0 leads to."""
    rows = []
    for number in range(first, first + count):
        rows.append(veth(HOME, 100 + number, f"veth{number}", 2, 10 + number, master=8))
        rows.append(veth(f"c{number:03}", 2, "eth0", 100 + number, 0))
    return rows


def test_edges_lead_from_lower_to_upper() -> None:
    graph = topology(HOST + BLUE, ADDRESSES)
    assert set(graph.edges) == {
        Edge("port", (HOME, 2), (HOME, 4)),
        Edge("port", (HOME, 3), (HOME, 4)),
        Edge("port", (HOME, 5), (HOME, 8)),
        Edge("port", (HOME, 9), (HOME, 8)),
        Edge("port", (HOME, 20), (HOME, 8)),
        Edge("stack", (HOME, 4), (HOME, 5)),
        Edge("stack", (HOME, 7), (HOME, 9)),
        Edge("pair", ("blue", 2), (HOME, 20)),
    }


def test_a_vlan_of_another_interface_is_no_pair_with_itself() -> None:
    assert topology([link(HOME, 2, "sit0", kind="sit", link=2)]).edges == ()


@pytest.mark.parametrize(
    ("flags", "state", "said"),
    [("up", "UP", "up"), ("up", "UNKNOWN", "up"), ("up", "DOWN", "no carrier"), ("down", "DOWN", "down"), ("up", "DORMANT", "dormant")],
)
def test_state_is_what_was_asked_for_and_what_came_of_it(flags: str, state: str, said: str) -> None:
    assert topology([link(HOME, 2, "eth0", state=flags, operstate=state)]).interfaces[HOME, 2].state == said


def test_pairs_between_namespaces_are_found_by_both_ends() -> None:
    """Neither end is on the host, so that the table of names does not help."""
    rows = [veth("red", 3, "a", 4, 0), veth("green", 4, "b", 3, 5), veth("blue", 4, "c", 9, 0), veth("white", 9, "d", 4, 1)]
    assert set(topology(rows).edges) == {
        Edge("pair", ("green", 4), ("red", 3)),
        Edge("pair", ("blue", 4), ("white", 9)),
    }


def test_what_is_ambiguous_is_not_guessed() -> None:
    """Two namespaces that look alike from here: both say that their other end is 2 of somewhere."""
    rows = [veth(HOME, 2, "v", 3, 0), veth("blue", 3, "eth0", 2, 0), veth("red", 3, "eth0", 2, 0)]
    graph = topology(rows)
    assert graph.interfaces[HOME, 2].far == "if3 in namespace 0"
    assert not [edge for edge in graph.edges if (HOME, 2) in (edge.lower, edge.upper)]


def test_the_table_of_names_settles_it() -> None:
    rows = [veth(HOME, 2, "v", 3, 0), veth("blue", 3, "eth0", 2, 0), veth("red", 3, "eth0", 2, 0)]
    names = [{"target": HOME, "name": "red", "nsid": 0}, {"target": HOME, "name": "blue", "nsid": None}]
    assert Edge("pair", (HOME, 2), ("red", 3)) in topology(rows, (), names).edges


def test_another_pair_settles_it() -> None:
    """Only blue fits both of the pairs that cross to namespace 0."""
    rows = [
        veth(HOME, 2, "v", 3, 0), veth(HOME, 4, "w", 5, 0),
        veth("blue", 3, "x", 2, 0), veth("blue", 5, "y", 4, 0), veth("red", 3, "z", 2, 0),
    ]  # fmt: skip
    assert Edge("pair", ("blue", 5), (HOME, 4)) in topology(rows).edges


def test_twins_are_told_apart_by_what_else_is_known() -> None:
    """Two hosts behind two leaves, the same indexes everywhere: the rows alone fit both ways."""
    rows = [veth(f"leaf{n}", 5, "port", 2, 1) for n in (1, 2)] + [veth(f"host{n}", 2, "eth0", 5, 0) for n in (1, 2)]
    assert topology(rows).edges == ()
    numbers = {("leaf1", 1): "host2", ("leaf2", 1): "host1"}
    assert set(topology(rows, numbers=numbers).edges) == {
        Edge("pair", ("host2", 2), ("leaf1", 5)),
        Edge("pair", ("host1", 2), ("leaf2", 5)),
    }


def test_what_lies_in_an_unknown_namespace_is_said() -> None:
    graph = topology([veth(HOME, 2, "v", 7, 3)])
    assert graph.interfaces[HOME, 2].far == "if7 in namespace 3"


def test_a_part_is_what_hangs_together() -> None:
    graph = topology([*HOST, *BLUE, link(HOME, 30, "wlan0")])
    part = connected(graph, [("blue", 2)])
    assert (HOME, 2) in part.interfaces  # by way of v0, br0, bond0.10 and bond0
    assert (HOME, 30) not in part.interfaces
    assert len(part.edges) == len(graph.edges)
    assert connected(graph, []).interfaces == {}


# -------------------------------------------------------------------------------------------------------------- folding


def test_few_are_not_folded() -> None:
    graph = topology(HOST + BLUE + containers(5))
    assert folded(graph) is graph


def test_a_crowd_of_namespaces_and_their_ports_are_folded() -> None:
    graph = topology(HOST + containers(40))
    small = folded(graph)
    assert small.targets == [HOME, "c000", "c001", "c002", "c003"]
    assert small.others == {"c003": tuple(f"c{number:03}" for number in range(4, 40))}
    assert small.interfaces[HOME, 103].others == tuple(f"veth{number}" for number in range(4, 40))
    assert Edge("pair", ("c003", 2), (HOME, 103)) in small.edges or Edge("pair", (HOME, 103), ("c003", 2)) in small.edges


def test_a_crowd_of_vlans_is_folded_and_counted() -> None:
    vlans = [link(HOME, 1000 + tag, f"uplink.{tag}", kind="vlan", link=7, kind_data={"vlan_id": tag}) for tag in range(200)]
    small = folded(topology(HOST + vlans))
    kept = [one for one in small.interfaces.values() if one.kind == "vlan" and one.name.startswith("uplink")]
    assert len(kept) + sum(len(one.others) for one in kept) == 200
    assert [one.name for one in kept] == ["uplink.0", "uplink.1", "uplink.2", "uplink.3"]


def test_what_others_stand_on_is_never_folded() -> None:
    nics = [link(HOME, 100 + number, f"eth{number}") for number in range(50)]
    small = folded(topology([*nics, link(HOME, 500, "eth40.7", kind="vlan", link=140, kind_data={"vlan_id": 7})]))
    assert (HOME, 140) in small.interfaces
    assert "eth40" not in next(one.others for one in small.interfaces.values() if one.others)


@pytest.mark.parametrize("count", [1, 9, 30, 200])
def test_nothing_gets_lost_in_folding(count: int) -> None:
    graph = topology(HOST + BLUE + containers(count))
    small = folded(graph)
    standing = sum(
        (1 + len(one.others)) * (1 + len(small.others.get(one.target, ()))) if one.target != HOME else 1 + len(one.others)
        for one in small.interfaces.values()
    )
    assert standing == len(graph.interfaces)


# ------------------------------------------------------------------------------------------------------------- drawings


def test_text() -> None:
    graph = uncluttered(topology(HOST + BLUE, ADDRESSES))
    assert (
        as_text(graph, plain, None)
        == """\
localhost
├─ bond0        bond           up
│  ├─ eth0                     up
│  └─ eth1                     no carrier
├─ uplink                      down
└─ br0          bridge         up          192.0.2.1/24
   ├─ bond0.10  vlan 10        up          on bond0
   ├─ vx        vxlan vni 100  up          on uplink
   └─ v0        veth           up          ⇄ blue/eth0

blue
└─ eth0  veth  up  ⇄ localhost/v0 192.0.2.2/24
"""
    )


def test_text_of_crowds() -> None:
    text = as_text(folded(uncluttered(topology(HOST + containers(40)))), plain, None)
    assert "   └─ veth3     veth           up          and 36 more, to veth39 ⇄ c003/eth0\n" in text
    assert "c003 and 36 more like it, to c039\n└─ eth0  veth  up  ⇄ localhost/veth3\n" in text
    assert "c004" not in text


def test_text_is_cut_to_the_terminal() -> None:
    many = [address(HOME, 8, f"198.51.100.{number}") for number in range(1, 20)]
    text = as_text(uncluttered(topology(HOST, many)), plain, 80)
    assert max(map(len, text.splitlines())) <= 80
    assert "198.51.100.2/24 …\n" in text


def test_text_ends_where_masters_go_round_in_a_circle() -> None:
    """A VLAN on a bridge can be that bridge's own port: the kernel refuses it today, a torn reading may show it."""
    rows = [link(HOME, 2, "br0", kind="bridge", master=3), link(HOME, 3, "br1", kind="bridge", master=2)]
    text = as_text(topology(rows), plain, None)
    assert "br0" in text and "br1" in text


def test_dot_quotes_names() -> None:
    text = as_dot(topology([link(HOME, 2, 'a"b\\c'), link('x"y', 2, "eth0")]))
    assert '[label="a\\"b\\\\c\\nup"' in text
    assert '"x\\"y/2" [label=' in text


@pytest.mark.parametrize("count", [0, 1, 9, 40])
def test_in_a_picture_nothing_lies_on_another(count: int) -> None:
    picture = lay_out(topology(HOST + BLUE + containers(count)))
    for frame in picture.frames:
        for card in frame.cards:
            assert frame.x <= card.x and card.x + card.width <= frame.x + frame.width + 0.1
            assert frame.y <= card.y and card.y + card.height <= frame.y + frame.height + 0.1
    boxes = [(one.x, one.y, one.width, one.height) for one in picture.cards.values()]
    assert not [pair for pair in _pairs(boxes) if _overlap(*pair)]
    assert not [pair for pair in _pairs([(one.x, one.y, one.width, one.height) for one in picture.frames]) if _overlap(*pair)]
    assert all(x + width <= picture.width and y + height <= picture.height for x, y, width, height in boxes)


def test_a_picture_is_well_formed_and_says_everything() -> None:
    rows = [*HOST, *BLUE, link(HOME, 40, "<&>")]
    picture = as_svg(uncluttered(topology(rows, ADDRESSES)))
    said = {element.text for element in ET.fromstring(picture).iter("{http://www.w3.org/2000/svg}text")}
    assert {"localhost", "blue", "br0", "vxlan vni 100", "192.0.2.1/24", "<&>", "port of", "on top of", "pair"} <= said
    assert "prefers-color-scheme:dark" in picture


@pytest.mark.parametrize("graph", [topology([]), topology([link(HOME, 1, "lo", flags=8)])])
def test_nothing_and_next_to_nothing_can_be_drawn(graph: Topology) -> None:
    ET.fromstring(as_svg(uncluttered(graph)))
    assert as_dot(graph).endswith("}\n")
    assert ("lo" in as_text(uncluttered(graph), plain, 80)) == bool(graph.interfaces)


def _pairs(boxes: list[Any]) -> list[tuple[Any, Any]]:
    return [(one, other) for number, one in enumerate(boxes) for other in boxes[number + 1 :]]


def _overlap(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return one[0] < other[0] + other[2] and other[0] < one[0] + one[2] and one[1] < other[1] + other[3] and other[1] < one[1] + one[3]


def test_no_line_to_the_first_source_crosses_another() -> None:
    """Sources that it is paired with stand in one column, however many they are; the others beyond it."""
    strangers = [link(f"x{number:02}", 1, f"eth{number}") for number in range(60)]
    picture = lay_out(topology(HOST + containers(60) + strangers))
    columns = {frame.title[0]: {one.x for one in picture.frames if one.title[0] == frame.title[0]} for frame in picture.frames}
    assert len(columns["c"]) == 1
    assert min(columns["x"]) > max(columns["c"])
