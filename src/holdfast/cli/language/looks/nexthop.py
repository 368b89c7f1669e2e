"""Nexthop objects and groups, as `ip nexthop` shows them."""

from __future__ import annotations

from typing import Any, Final

from holdfast.cli.language.conditions import Among, Not
from holdfast.cli.language.spelling import Spelling
from holdfast.model import NEXTHOPS

from .look import Look, View, named
from .route import encap

__all__ = ["NEXTHOPS_LOOK"]


def _group(spelling: Spelling, target: str, members: Any) -> str:
    """`11,3/12`: members with their weights where these are not 1, as `ip nexthop` writes `11,3/12`."""
    parts = spelling.decoded(members) or ()
    return "/".join(f"{one['id']},{one['weight']}" if one.get("weight", 1) != 1 else str(one["id"]) for one in parts)


def _nexthop_flags(spelling: Spelling, target: str, flags: Any, blackhole: Any, fdb: Any) -> str:
    words = [word for word, there in (("blackhole", blackhole), ("fdb", fdb)) if there]
    return ",".join([*words, *spelling.flags("rt_flags", flags)])


NEXTHOPS_LOOK: Final = Look(
    NEXTHOPS,
    ("nexthop", "nh"),
    (
        View("ID", ("id",), right=True, keep=True, label=1),
        View("VIA", ("gateway",), role="address"),
        View("DEV", ("oif",), role="ifname"),
        View("GROUP", ("group_members",), _group),
        View("TYPE", ("group_type",)),
        View("SCOPE", ("scope",), named("rt_scopes", 0)),
        View("PROTO", ("protocol",), named("rt_protos", 0)),
        View("ENCAP", ("encap_type", "encap"), encap, elastic=True),
        View("FLAGS", ("flags", "blackhole", "fdb"), _nexthop_flags, role="state", bare=True),
    ),
    words={"dev": ("oif",), "via": ("gateway",), "proto": ("protocol",), "type": ("group_type",)},
    flags={"blackhole": Among("blackhole", (1,)), "groups": Not(Among("group_members", ())), "fdb": Among("fdb", (1,))},
    bare={"number": "id", "address": "via", "device": "dev"},
    order=("id",),
)
