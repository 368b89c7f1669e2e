"""Forwarding databases and VLANs, as `bridge` shows them; named network namespaces."""

from __future__ import annotations

from typing import Any, Final

from holdfast.cli.language.conditions import Bits
from holdfast.cli.language.spelling import Spelling
from holdfast.model import FDB, NETNS, VLANS

from .look import Look, View, flags, number

__all__ = ["FDB_LOOK", "NETNS_LOOK", "VLANS_LOOK"]


def _learned(_: Spelling, target: str, state: Any) -> str:
    """As `bridge`: permanent, static, stale, and nothing for an address learned of late."""
    return "permanent" if state & 0x80 else "static" if state & 0x40 else "stale" if state & 0x04 else ""


FDB_LOOK: Final = Look(
    FDB,
    ("fdb",),
    (
        View("LLADDR", ("lladdr",), role="lladdr", keep=True, label=1),
        View("DEV", ("ifindex",), role="ifname", keep=True, label=1),
        View("VLAN", ("vlan",), number, right=True, label=1),
        View("MASTER", ("master",), role="ifname", label=1),
        View("DST", ("dst",), role="address", label=1),
        View("VNI", ("vni",), right=True),
        View("PORT", ("port",), right=True),
        View("NHID", ("nh_id",), right=True),
        View("STATE", ("state",), _learned, role="state"),
        View("FLAGS", ("flags",), flags("ntf"), elastic=True, bare=True),
    ),
    words={"dev": ("ifindex",), "br": ("master",), "mac": ("lladdr",), "nhid": ("nh_id",), "proto": ("protocol",)},
    flags={
        "permanent": Bits("state", 0x80),
        "static": Bits("state", 0x40),
        "dynamic": Bits("state", 0xC0, on=False),
        "self": Bits("flags", 0x02),
        "extern_learn": Bits("flags", 0x10),
    },
    bare={"lladdr": "lladdr", "address": "dst", "device": "dev"},
    order=(
        "ifindex",
        "lladdr",
        "vlan",
    ),
)


def _tunnel(spelling: Spelling, target: str, tunnel: Any) -> str:
    return str((spelling.decoded(tunnel) or {}).get("id", ""))


VLANS_LOOK: Final = Look(
    VLANS,
    ("vlan",),
    (
        View("DEV", ("ifindex",), role="ifname", keep=True, label=1),
        View("VID", ("vid",), right=True, keep=True, label=1),
        View("FLAGS", ("flags",), flags("bridge_vlan_flags"), keep=True, bare=True),
        View("STATE", ("state",), role="state"),
        View("TUNNEL", ("tunnel",), _tunnel, right=True),
    ),
    words={"dev": ("ifindex",)},
    flags={"pvid": Bits("flags", 0x02), "untagged": Bits("flags", 0x04), "tagged": Bits("flags", 0x04, on=False)},
    bare={"number": "vid", "device": "dev"},
    order=(
        "ifindex",
        "vid",
    ),
)

NETNS_LOOK: Final = Look(
    NETNS,
    ("netns",),
    (
        View("NAME", ("name",), role="ifname", keep=True, label=1),
        View("NSID", ("nsid",), right=True),
        View("INODE", ("inode",), right=True, told=False),
        View("PATH", ("path",), keep=True, told=False),
    ),
    bare={"name": "name"},
    order=("name",),
)
