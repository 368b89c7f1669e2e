"""Interfaces, as `ip link` shows them."""

from __future__ import annotations

from typing import Any, Final

from holdfast.cli.language.conditions import All, Among, Bits, Condition, Device, Either
from holdfast.cli.language.spelling import Spelling
from holdfast.model import INTERFACES

from .look import Look, View

__all__ = ["INTERFACES_LOOK"]


def _kind(spelling: Spelling, _: str, kind: Any, ifi_type: Any) -> str:
    return kind or spelling.name("ifi_type", ifi_type)


def _lower(_: Spelling, target: str, value: Any) -> str:
    return value.lower() if value else ""


def _link(spelling: Spelling, target: str, link: Any, netnsid: Any, ifindex: Any) -> str:
    if not link or (link == ifindex and netnsid is None):
        return ""
    if netnsid is None:
        return spelling.device(target, link)
    return spelling.far(target, ifindex) or f"if{link}@netns{netnsid}"


def _type(spelling: Spelling, value: str) -> Condition:
    """As `ip link show type` has it: a kind, `bridge_slave`, or the hardware type of what has no kind."""
    parts: list[Condition] = []
    for one in value.split(","):
        kind, suffix, _ = one.partition("_slave")
        if suffix:
            parts.append(Among("slave_kind", (kind,)))
            continue
        parts.append(Among("kind", (one,)))
        if spelling.has_number("ifi_type", one):
            parts.append(All((Among("kind", ()), Among("ifi_type", (spelling.number("ifi_type", one),)))))
    return Either(tuple(parts))


INTERFACES_LOOK: Final = Look(
    INTERFACES,
    ("link",),
    (
        View("INDEX", ("ifindex",), right=True, told=False, spare=2),
        View("NAME", ("ifname",), role="ifname", keep=True, label=1),
        View("STATE", ("state",), role="state", keep=True),
        View("OPER", ("operstate",), _lower, role="state"),
        View("MTU", ("mtu",), right=True),
        View("TYPE", ("kind", "ifi_type"), _kind),
        View("MASTER", ("master",), role="ifname"),
        View("LINK", ("link", "link_netnsid", "ifindex"), _link, role="ifname", spare=1),
        View("ADDRESS", ("address",), role="lladdr"),
        View("ALIAS", ("ifalias",), elastic=True),
    ),
    words={
        "name": ("ifname",),
        "index": ("ifindex",),
        "oper": ("operstate",),
        "alias": ("ifalias",),
        "group": ("group_id",),
        "altname": ("altnames",),
    },
    special={
        "dev": lambda spelling, value: Device("ifindex", spelling.links(value)),
        "type": _type,
        "vrf": lambda spelling, value: Device("master", spelling.links(value)),
    },
    flags={
        "up": Among("state", ("up",)),
        "down": Among("state", ("down",)),
        "carrier": Among("carrier", (1,)),
        "no-carrier": Among("carrier", (0,)),
        "promisc": Bits("flags", 0x100),
        "nomaster": Among("master", ()),
    },
    bare={"device": "dev", "lladdr": "address"},
    order=("ifindex",),
)
