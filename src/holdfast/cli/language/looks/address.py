"""Addresses, as `ip address` shows them."""

from __future__ import annotations

from typing import Any, Final

from holdfast.cli.language.conditions import Bits
from holdfast.cli.language.spelling import Spelling
from holdfast.model import ADDRESSES

from .look import Look, View

__all__ = ["ADDRESSES_LOOK"]


def _local(_: Spelling, target: str, local: Any, length: Any, address: Any) -> str:
    own = local or address
    return own if own and address and own != address else f"{own}/{length}"


def _peer(_: Spelling, target: str, local: Any, length: Any, address: Any) -> str:
    return f"{address}/{length}" if address and local and address != local else ""


def _label(spelling: Spelling, target: str, label: Any, ifindex: Any) -> str:
    return "" if not label or label == spelling.device(target, ifindex) else label


def _qualities(spelling: Spelling, target: str, value: Any) -> str:
    """As `ip`: that an address is permanent goes without saying, that it is not is said."""
    words = spelling.flags("ifa_flags", value)
    return ",".join([word for word in words if word != "permanent"] + ([] if "permanent" in words else ["dynamic"]))


def _left(_: Spelling, target: str, seconds: Any) -> str:
    return "" if seconds is None else f"{seconds}s"


ADDRESSES_LOOK: Final = Look(
    ADDRESSES,
    ("addr", "a"),
    (
        View("DEV", ("ifindex",), role="ifname", keep=True, label=2),
        View("ADDRESS", ("local", "prefixlen", "address"), _local, role="address", keep=True, label=1),
        View("PEER", ("local", "prefixlen", "address"), _peer, role="address"),
        View("BRD", ("broadcast",), role="address"),
        View("SCOPE", ("scope",), keep=True),
        View("LABEL", ("label", "ifindex"), _label),
        View("FLAGS", ("flags",), _qualities, elastic=True, bare=True),
        View("VALID", ("valid_lft",), _left, right=True),
    ),
    words={
        "dev": ("ifindex",),
        "address": ("local", "address"),
        "to": ("local",),
        "peer": ("address",),
        "brd": ("broadcast",),
        "metric": ("rt_priority",),
    },
    prefixes={"local": "prefixlen", "address": "prefixlen"},
    flags={
        "permanent": Bits("flags", 0x80),
        "dynamic": Bits("flags", 0x80, on=False),
        "secondary": Bits("flags", 0x01),
        "primary": Bits("flags", 0x01, on=False),
        "deprecated": Bits("flags", 0x20),
        "tentative": Bits("flags", 0x40),
        "dadfailed": Bits("flags", 0x08),
    },
    bare={"device": "dev", "address": "address"},
    order=(
        "ifindex",
        "family",
    ),
)
