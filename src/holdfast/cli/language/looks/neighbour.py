"""Neighbours, as `ip neighbour` shows them."""

from __future__ import annotations

from typing import Any, Final

from holdfast.cli.language.conditions import Among, Bits
from holdfast.cli.language.spelling import Spelling
from holdfast.model import NEIGHBOURS

from .look import Hidden, Look, View, flags

__all__ = ["NEIGHBOURS_LOOK"]


def _probing(spelling: Spelling, target: str, state: Any, proxy: Any) -> str:
    return "proxy" if proxy else spelling.name("nud", state).lower()


NEIGHBOURS_LOOK: Final = Look(
    NEIGHBOURS,
    ("neigh", "neighbor", "neighbors", "n"),
    (
        View("DST", ("dst",), role="address", keep=True, label=1),
        View("DEV", ("ifindex",), role="ifname", keep=True, label=1),
        View("LLADDR", ("lladdr",), role="lladdr"),
        View("STATE", ("state", "proxy"), _probing, role="state", keep=True),
        View("FLAGS", ("flags",), flags("ntf", frozenset({"proxy"})), elastic=True, bare=True),
        View("PROTO", ("protocol",)),
    ),
    words={"dev": ("ifindex",), "to": ("dst",), "nud": ("state",), "proto": ("protocol",)},
    flags={
        "proxy": Among("proxy", (1,)),
        "permanent": Bits("state", 0x80),
        "reachable": Bits("state", 0x02),
        "stale": Bits("state", 0x04),
        "failed": Bits("state", 0x20),
        "router": Bits("flags", 0x80),
    },
    bare={"address": "dst", "lladdr": "lladdr", "device": "dev"},
    hidden=Hidden(Among("state", (0x40,)), "nud noarp", frozenset({"state"})),
    order=(
        "ifindex",
        "family",
        "dst",
    ),
)
