"""The picture of docs/how-to/topology.md: what `holdfast show topology --format svg` draws of a small host with containers."""

from __future__ import annotations

from typing import Any

from holdfast.cli.show.topology.svg import as_svg
from holdfast.story.topology import topology

__all__ = ["files"]

_HOST = "localhost"


def _link(target: str, ifindex: int, ifname: str, **more: Any) -> dict[str, Any]:
    return {"target": target, "ifindex": ifindex, "ifname": ifname, "state": "up", "operstate": "UP"} | more


def _rows() -> list[dict[str, Any]]:
    links = [
        _link(_HOST, 2, "eth0", master=4),
        _link(_HOST, 3, "eth1", master=4, operstate="DOWN"),
        _link(_HOST, 4, "bond0", kind="bond"),
        _link(_HOST, 5, "bond0.10", kind="vlan", link=4, kind_data={"vlan_id": 10}, master=7),
        _link(_HOST, 6, "bond0.20", kind="vlan", link=4, kind_data={"vlan_id": 20}),
        _link(_HOST, 7, "br0", kind="bridge"),
        _link(_HOST, 8, "vx100", kind="vxlan", kind_data={"vxlan_id": 100, "vxlan_link": 6}, master=7),
    ]
    for number, name in enumerate(("web", "db", "cache")):
        links.append(_link(_HOST, 10 + number, f"to-{name}", kind="veth", link=2, link_netnsid=number, master=7))
        links.append(_link(name, 2, "eth0", kind="veth", link=10 + number, link_netnsid=0))
    return links


def _addresses() -> list[dict[str, Any]]:
    own = [
        (_HOST, 6, "198.51.100.7"),
        (_HOST, 7, "192.0.2.1"),
        ("web", 2, "192.0.2.10"),
        ("db", 2, "192.0.2.11"),
        ("cache", 2, "192.0.2.12"),
    ]
    return [{"target": target, "ifindex": ifindex, "local": local, "prefixlen": 24} for target, ifindex, local in own]


def files() -> dict[str, str]:
    head, rest = as_svg(topology(_rows(), _addresses())).split("\n", 1)
    return {"docs/how-to/topology.svg": f"{head}\n<!-- made by scripts/generators/picture.py -->\n{rest}"}
