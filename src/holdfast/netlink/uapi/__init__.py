"""The kernel's words and numbers: message types, attributes, flags, header structs. Facts only.

    number("RTA_DST")      -> 1            word("RTA", 1)       -> "RTA_DST"
    HEADERS["rtmsg"]       -> ("BBBBBBBBI", ("rtm_family", …))   members of a header struct, in host order

Source: include/uapi/linux/*.h as Linux 6.1 has them, and what later kernels added up to 6.18. Every number is compared with
  the headers of the machine that runs the tests (tests/unit/test_uapi.py).

Words are kept as the headers keep them: names in the order of their enum, one text per prefix, so that a number is seldom
written down. In these texts

    NAME       has the number after that of its predecessor; the first one has 0
    NAME=5     has this number, and counting goes on from here
    +6.3       what follows came with this kernel

The tables are made on first use: importing costs nothing that a program without netlink would notice.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

__all__ = ["HEADERS", "number", "word", "words"]

HEADERS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "nlmsghdr": ("IHHII", ("nlmsg_len", "nlmsg_type", "nlmsg_flags", "nlmsg_seq", "nlmsg_pid")),
    "rtmsg": (
        "BBBBBBBBI",
        (
            "rtm_family", "rtm_dst_len", "rtm_src_len", "rtm_tos", "rtm_table", "rtm_protocol", "rtm_scope", "rtm_type", "rtm_flags",
        ),
    ),
    "ifinfomsg": ("BxHiII", ("ifi_family", "ifi_type", "ifi_index", "ifi_flags", "ifi_change")),
    "ifaddrmsg": ("BBBBI", ("ifa_family", "ifa_prefixlen", "ifa_flags", "ifa_scope", "ifa_index")),
    "ndmsg": ("BxxxiHBB", ("ndm_family", "ndm_ifindex", "ndm_state", "ndm_flags", "ndm_type")),
    "fib_rule_hdr": ("BBBBBxxBI", ("family", "dst_len", "src_len", "tos", "table", "action", "flags")),
    "nhmsg": ("BBBxI", ("nh_family", "nh_scope", "nh_protocol", "nh_flags")),
    "tcmsg": ("BxxxiIII", ("tcm_family", "tcm_ifindex", "tcm_handle", "tcm_parent", "tcm_info")),
    "br_vlan_msg": ("BxxxI", ("family", "ifindex")),
    "rtgenmsg": ("Bxxx", ("rtgen_family",)),
}  # fmt: skip
"""Header structs: format for `struct` without byte order, x for padding, and the members that are no padding."""


def _parse(text: str) -> dict[str, int]:
    numbers: dict[str, int] = {}
    following = 0
    for part in text.split():
        if part[0] == "+":
            continue
        name, _, given = part.partition("=")
        value = int(given, 0) if given else following
        numbers[name] = value
        following = value + 1
    return numbers


@cache
def _numbers() -> dict[str, int]:
    from . import bridge, kinds, link, route

    return {
        f"{prefix}_{name}": value
        for module in (route, link, kinds, bridge)
        for prefix, text in module.WORDS.items()
        for name, value in _parse(text).items()
    }


@cache
def _by_prefix(prefix: str) -> dict[int, str]:
    from . import bridge, kinds, link, route

    for module in (route, link, kinds, bridge):
        if prefix in module.WORDS:
            found: dict[int, str] = {}
            for name, value in _parse(module.WORDS[prefix]).items():
                found.setdefault(value, f"{prefix}_{name}")
            return found
    raise KeyError(f"no kernel words with prefix {prefix}_")


def number(name: str) -> int:
    """The number of a kernel word. Raises: KeyError - no such word."""
    return _numbers()[name]


def word(prefix: str, value: int) -> str:
    """The word of a number among those of a prefix (`RTA`, `NUD`, `IFLA_BR` …). Raises: KeyError - none has it."""
    return _by_prefix(prefix)[value]


def words(prefix: str) -> Mapping[int, str]:
    """All words of a prefix by number; of words with equal numbers the first one. Raises: KeyError - no such prefix."""
    return _by_prefix(prefix)
