"""What is connected with what: a graph of interfaces, derived from rows alone.

    port    eth1 ──▶ br0             a port and its master: bridge, bond, VRF …
    stack   eth0 ──▶ eth0.10         what is made on top of another interface: VLAN, macvlan, a tunnel on its underlay
    pair    veth0 ◀──▶ blue/eth0     two ends of a virtual cable

An edge goes from the lower interface to the upper one; of a pair the lower one is the end that comes first by target and
index. The end of an edge in another namespace is known to the kernel by that namespace's number and an index only; `_Spaces`
finds out which source that is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

import msgspec

__all__ = ["Edge", "Interface", "Key", "Topology", "connected", "topology", "uncluttered"]

Row = Mapping[str, Any]
Key = tuple[str, int]
"""An interface: target and index."""

_PAIRS: Final = frozenset({"veth", "netkit", "vxcan"})
_DETAILS: Final = (("vlan_id", "vlan"), ("vxlan_id", "vni"), ("geneve_id", "vni"), ("vrf_table", "table"))


@dataclass(frozen=True, slots=True)
class Interface:
    """A node of the graph.

    state      `up` or `down` as asked for, or what came of it where that differs: `no carrier`, `dormant` …
    detail     what tells it from others of its kind: `vlan 10`, `vni 100`, `table 1001`.
    addresses  with prefix lengths, in the order of the rows; IPv6 link-local ones last.
    far        the other end of a pair, or what it stands on, lies where no source looks: `if7 in namespace 3`.
    others     names of interfaces just like it that this one stands for (folding.py).
    """

    target: str
    ifindex: int
    name: str
    kind: str = ""
    state: str = "down"
    detail: str = ""
    mtu: int | None = None
    address: str = ""
    addresses: tuple[str, ...] = ()
    far: str = ""
    others: tuple[str, ...] = ()

    @property
    def key(self) -> Key:
        return self.target, self.ifindex


@dataclass(frozen=True, slots=True)
class Edge:
    """`kind`: port, stack or pair. `lower` and `upper` are interfaces of the graph."""

    kind: str
    lower: Key
    upper: Key


@dataclass(frozen=True)
class Topology:
    """Interfaces by key, in the order of targets and indexes; edges sorted.

    others  target → further targets that look like it, for which it stands (folding.py).
    """

    interfaces: Mapping[Key, Interface]
    edges: tuple[Edge, ...]
    others: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def targets(self) -> list[str]:
        return list(dict.fromkeys(target for target, _ in self.interfaces))

    def ends(self, key: Key) -> list[tuple[Edge, str, Key]]:
        """The edges of an interface: each with the role that it has there, `lower` or `upper`, and the other end."""
        return self._near.get(key, [])

    @cached_property
    def _near(self) -> dict[Key, list[tuple[Edge, str, Key]]]:
        found: dict[Key, list[tuple[Edge, str, Key]]] = defaultdict(list)
        for edge in self.edges:
            found[edge.lower].append((edge, "lower", edge.upper))
            found[edge.upper].append((edge, "upper", edge.lower))
        return found


def topology(
    interfaces: Iterable[Row],
    addresses: Iterable[Row] = (),
    netns: Iterable[Row] = (),
    home: str = "localhost",
    numbers: Mapping[tuple[str, int], str] | None = None,
) -> Topology:
    """The graph of these rows; JSON columns as text or decoded.

    numbers  what else is known of namespaces' numbers: a target and its number for another one → that one's target.
    home  the target that the sources of other targets are named for: its names of namespaces (`netns`) are targets, too.
    """
    rows = {(row["target"], row["ifindex"]): row for row in sorted(interfaces, key=lambda row: (row["target"] != home, *_key(row)))}
    spaces = _Spaces(rows, netns, numbers or {})
    own = _addresses_of(addresses)
    below = {key: index for key, row in rows.items() if (index := _below(row)) is not None}
    others = {key: spaces.find(key, index) for key, index in below.items()}
    edges = {Edge("port", key, (key[0], row["master"])) for key, row in rows.items() if (key[0], row.get("master")) in rows}
    far: dict[Key, str] = {}
    for key, other in _believed(rows, others).items():
        if other is None:
            nsid = rows[key].get("link_netnsid")
            far[key] = f"if{below[key]}" + (f" in namespace {nsid}" if nsid is not None else "")
        elif rows[key].get("kind") in _PAIRS:
            edges.add(Edge("pair", *sorted((key, other))))
        else:
            edges.add(Edge("stack", other, key))
    paired = {key for edge in edges if edge.kind == "pair" for key in (edge.lower, edge.upper)}  # the far end may have said it
    nodes = {key: _interface(row, own.get(key, ()), "" if key in paired else far.get(key, "")) for key, row in rows.items()}
    return Topology(nodes, tuple(sorted(edges, key=lambda edge: (edge.kind, edge.lower, edge.upper))))


def _believed(rows: Mapping[Key, Row], others: Mapping[Key, Key | None]) -> dict[Key, Key | None]:
    """Of several interfaces that call the same one their other end, only the one that it calls so itself, or none."""
    claims: dict[Key, list[Key]] = defaultdict(list)
    for key, other in others.items():
        if other is not None and rows[key].get("kind") in _PAIRS:
            claims[other].append(key)
    refused = {key for other, keys in claims.items() for key in keys if others.get(other) != key and (others.get(other) or len(keys) > 1)}
    return {key: None if key in refused else other for key, other in others.items()}


def connected(graph: Topology, seeds: Iterable[Key]) -> Topology:
    """The part of the graph that hangs together with these interfaces."""
    found, waiting = set[Key](), list(seeds)
    while waiting:
        key = waiting.pop()
        if key not in found:
            found.add(key)
            waiting += [other for _, _, other in graph.ends(key)]
    kept = {key: one for key, one in graph.interfaces.items() if key in found}
    return Topology(kept, tuple(edge for edge in graph.edges if edge.lower in found))


def uncluttered(graph: Topology) -> Topology:
    """Without what goes without saying: link-local addresses, and each `lo` that has the usual addresses only.

    A source that has nothing else keeps its `lo`.
    """
    busy = {one.target for one in graph.interfaces.values() if not _plain_loopback(one)}
    kept = {
        key: replace(one, addresses=tuple(address for address in one.addresses if not address.startswith("fe80:")))
        for key, one in graph.interfaces.items()
        if one.target not in busy or not _plain_loopback(one)
    }
    return replace(graph, interfaces=kept)


def _plain_loopback(one: Interface) -> bool:
    return one.kind == "loopback" and set(one.addresses) <= {"127.0.0.1/8", "::1/128"}


class _Spaces:
    """Which target a namespace's number means: each namespace numbers the others for itself.

    Known from the table `netns` for the target that wrote it. Else from pairs: both ends name each other, so the target that
    a number means has, for each pair that crosses to it, an end that points back. One target alone must be left.
    """

    def __init__(self, rows: Mapping[Key, Row], netns: Iterable[Row], numbers: Mapping[tuple[str, int], str]) -> None:
        self._rows = rows
        self._targets = {target for target, _ in rows}
        self._by_index: dict[int, list[Row]] = defaultdict(list)
        for (_, index), row in rows.items():
            self._by_index[index].append(row)
        self._known = {(row["target"], row["nsid"]): row["name"] for row in netns if row.get("nsid") is not None} | dict(numbers)
        self._known = {number: target for number, target in self._known.items() if target in self._targets}
        for number, found in self._candidates().items():
            if number not in self._known and len(found) == 1:
                self._known[number] = next(iter(found))

    def find(self, key: Key, index: int) -> Key | None:
        nsid = self._rows[key].get("link_netnsid")
        target = key[0] if nsid is None else self._known.get((key[0], nsid))
        return (target, index) if target is not None and (target, index) in self._rows else None

    def _candidates(self) -> dict[tuple[str, int], set[str]]:
        found: dict[tuple[str, int], set[str]] = {}
        for (target, index), row in self._rows.items():
            if row.get("link_netnsid") is None or row.get("kind") not in _PAIRS:
                continue
            back = {
                other["target"]
                for other in self._by_index[row["link"] or 0]
                if other.get("link") == index and other.get("link_netnsid") is not None
                and other.get("kind") == row["kind"] and other["target"] != target
                and self._known.get((other["target"], other["link_netnsid"]), target) == target
            }  # fmt: skip
            number = target, row["link_netnsid"]
            found[number] = found[number] & back if number in found else back
        return found


def _key(row: Row) -> Key:
    return row["target"], row["ifindex"]


def _below(row: Row) -> int | None:
    """The index of what it stands on, or of its other end."""
    if row.get("link"):
        itself = row["link"] == row["ifindex"] and row.get("link_netnsid") is None  # as tunnels without an underlay say
        return None if itself else int(row["link"])
    data = _decoded(row.get("kind_data"))
    index = data.get(f"{row.get('kind')}_link")
    return int(index) if index else None


def _decoded(value: Any) -> Mapping[str, Any]:
    found = msgspec.json.decode(value) if isinstance(value, str) and value else value
    return found if isinstance(found, Mapping) else {}


def _interface(row: Row, addresses: tuple[str, ...], far: str) -> Interface:
    data = _decoded(row.get("kind_data"))
    detail = next((f"{word} {data[name]}" for name, word in _DETAILS if data.get(name) is not None), "")
    kind = row.get("kind") or ("loopback" if (row.get("flags") or 0) & 0x8 else "")
    mac = row.get("address") or ""
    return Interface(
        row["target"], row["ifindex"], row.get("ifname") or f"if{row['ifindex']}", kind, _state(row), detail, row.get("mtu"),
        mac, addresses, far,
    )  # fmt: skip


def _state(row: Row) -> str:
    """Loopback and tunnels say UNKNOWN when all is well."""
    oper = (row.get("operstate") or "").lower()
    if row.get("state") != "up":
        return "down"
    return {"": "up", "up": "up", "unknown": "up", "down": "no carrier", "lowerlayerdown": "lower layer down"}.get(oper, oper)


def _addresses_of(rows: Iterable[Row]) -> dict[Key, tuple[str, ...]]:
    found: dict[Key, list[str]] = defaultdict(list)
    for row in rows:
        address = row.get("local") or row.get("address")
        if address:
            found[row["target"], row["ifindex"]].append(f"{address}/{row['prefixlen']}")
    return {key: tuple(sorted(own, key=lambda one: one.startswith("fe80:"))) for key, own in found.items()}
