"""What all drawings say alike about an interface, a crowd of them, and a source."""

from __future__ import annotations

from holdfast.cli.presentation.style import printable
from holdfast.story.topology import Interface, Topology

__all__ = ["crowd_of", "kind_of", "name_of", "source_name"]


def name_of(one: Interface) -> str:
    return printable(one.name)


def kind_of(one: Interface) -> str:
    """`vlan 10`, `vxlan vni 100`, `bridge`; nothing for a real device."""
    if one.detail.startswith(f"{one.kind} "):
        return printable(one.detail)
    return printable(f"{one.kind} {one.detail}".strip())


def crowd_of(one: Interface) -> str:
    """`and 180 more, to veth183`; nothing for an interface that stands for itself."""
    return f"and {len(one.others)} more, to {printable(one.others[-1])}" if one.others else ""


def source_name(graph: Topology, target: str) -> str:
    others = graph.others.get(target, ())
    return printable(target) + (f" and {len(others)} more like it, to {printable(others[-1])}" if others else "")
