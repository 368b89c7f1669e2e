"""`ip -d addr` → addresses.

An address that is tentative is pending: duplicate address detection ends when it likes, and says so with an event.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from holdfast.model import TABLES

from .read import Answers
from .view import DERIVED, UNKNOWN, VOLATILE, Row, View
from .words import ADDRESS_FLAGS, number

__all__ = ["ADDRESSES"]

_PERMANENT: Final = 0x80
_FOREVER: Final = 0xFFFFFFFF
_PRINTED_FLAGS: Final = _PERMANENT | sum(set(ADDRESS_FLAGS.values()))


def _read(answers: Answers) -> Iterator[Row]:
    for link in answers.addresses:
        for one in link["addr_info"]:
            flags = 0 if one.get("dynamic") else _PERMANENT
            for word, bit in ADDRESS_FLAGS.items():
                flags |= bit if one.get(word) else 0
            yield {
                "family": 2 if one["family"] == "inet" else 10,
                "ifindex": link["ifindex"],
                "local": one["local"],
                "address": one.get("address", one["local"]),
                "prefixlen": one["prefixlen"],
                "label": one.get("label"),
                "broadcast": one.get("broadcast"),
                "scope": number(one["scope"]),
                "flags": flags,
                "rt_priority": one.get("metric"),
                "preferred_lft": _ends(one["preferred_life_time"]),
                "valid_lft": _ends(one["valid_life_time"]),
            }


def _ends(seconds: int | None) -> str:
    return "never" if seconds in (None, _FOREVER) else "in some time"


def _ours(row: Row) -> Row:
    return row | {
        "flags": row["flags"] & _PRINTED_FLAGS,
        "preferred_lft": _ends(row["preferred_lft"]),
        "valid_lft": _ends(row["valid_lft"]),
    }


def _tentative(row: Row) -> bool:
    return bool(row["flags"] & ADDRESS_FLAGS["tentative"])


ADDRESSES: Final = View(
    table=TABLES["addresses"],
    shown=("family", "ifindex", "local", "address", "prefixlen", "label", "broadcast", "scope", "flags", "rt_priority",
           "preferred_lft", "valid_lft"),
    hidden={
        "anycast": "the kernel of today does not send it in these messages",
        "multicast": "the kernel of today does not send it in these messages",
        "proto": "iproute2 6.1 does not print it",
        "cacheinfo": VOLATILE,
        "ipv4_peer": DERIVED,
        "unknown": UNKNOWN,
    },
    read=_read,
    key=("family", "ifindex", "local", "address", "prefixlen"),
    ours=_ours,
    pending=_tentative,
)  # fmt: skip
