"""iproute2's words back into the kernel's numbers, as far as `-N` leaves words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

__all__ = [
    "ADDRESS_FLAGS", "ENCAPS", "GEN_MODES", "LINK_FLAGS", "ROUTE_FLAGS", "bits", "bridge_id", "family_of", "handle", "number", "prefix",
]  # fmt: skip

LINK_FLAGS: Final = {
    "UP": 0x1, "BROADCAST": 0x2, "DEBUG": 0x4, "LOOPBACK": 0x8, "POINTOPOINT": 0x10, "NOTRAILERS": 0x20, "RUNNING": 0x40,
    "NOARP": 0x80, "PROMISC": 0x100, "ALLMULTI": 0x200, "MASTER": 0x400, "SLAVE": 0x800, "MULTICAST": 0x1000, "PORTSEL": 0x2000,
    "AUTOMEDIA": 0x4000, "DYNAMIC": 0x8000, "LOWER_UP": 0x10000, "DORMANT": 0x20000, "ECHO": 0x40000,
}  # fmt: skip
ROUTE_FLAGS: Final = {
    "dead": 0x1, "pervasive": 0x2, "onlink": 0x4, "offload": 0x8, "linkdown": 0x10, "unresolved": 0x20, "trap": 0x40,
    "notify": 0x100, "rt_offload": 0x4000, "rt_trap": 0x8000, "rt_offload_failed": 0x20000000,
}  # fmt: skip
ADDRESS_FLAGS: Final = {
    "secondary": 0x1, "temporary": 0x1, "nodad": 0x2, "optimistic": 0x4, "dadfailed": 0x8, "home": 0x10, "deprecated": 0x20,
    "tentative": 0x40, "mngtmpaddr": 0x100, "noprefixroute": 0x200, "autojoin": 0x400, "stable-privacy": 0x800,
}  # fmt: skip
GEN_MODES: Final = {"eui64": 0, "none": 1, "stable_secret": 2, "random": 3}
ENCAPS: Final = {"mpls": 1, "ip": 2, "ila": 3, "ip6": 4, "seg6": 5, "bpf": 6, "seg6local": 7, "rpl": 8, "ioam6": 9, "xfrm": 10}


def bits(words: Iterable[str], table: Mapping[str, int]) -> int:
    """Flags as a number. Raises: KeyError - a word that is not in the table: it wants an entry."""
    found = 0
    for word in words:
        found |= table[word]
    return found


def number(text: str | int) -> int:
    """`254`, `0x04`, `[772]`, `ipproto-6`: all the ways in which `-N` writes numbers."""
    if isinstance(text, int):
        return text
    plain = re.search(r"0x[0-9a-f]+|\d+", text)
    if plain is None:
        raise ValueError(f"expected a number of iproute2, got {text!r}")
    return int(plain[0], 0)


def handle(text: str) -> int:
    """`1:10`, `ffff:fff1`, `:1`, `8001:` of traffic control, in hex on both sides of the colon."""
    major, _, minor = text.partition(":")
    return int(major or "0", 16) << 16 | int(minor or "0", 16)


def family_of(address: str) -> int:
    return 10 if ":" in address else 2


def prefix(text: str, family: int) -> tuple[str, int]:
    """`10.0.0.0/8`, `10.0.0.1` (all bits), `default` (none)."""
    address, slash, length = text.partition("/")
    if address == "default":
        return "default", 0
    return address, int(length) if slash else 32 if family == 2 else 128


def bridge_id(text: str) -> str:
    """`8000.6:1c:…` as `ip` prints it, with two digits in each byte."""
    priority, _, address = text.partition(".")
    return f"{priority}.{':'.join(f'{int(byte, 16):02x}' for byte in address.split(':'))}"
