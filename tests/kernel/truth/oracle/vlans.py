"""`bridge -d vlan` → vlans."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from holdfast.model import TABLES

from .read import Answers
from .view import UNKNOWN, VOLATILE, Row, View

__all__ = ["VLANS"]

_FLAGS: Final = {"PVID": 0x2, "Egress Untagged": 0x4}
_STATES: Final = {"disabled": 0, "listening": 1, "learning": 2, "forwarding": 3, "blocking": 4}


def _read(answers: Answers) -> Iterator[Row]:
    for port in answers.vlans:
        for one in port["vlans"]:
            for vid in range(one["vlan"], one.get("vlanEnd", one["vlan"]) + 1):
                yield {
                    "ifindex": answers.ifindex_of(port["ifname"]),
                    "vid": vid,
                    "flags": sum(_FLAGS[word] for word in one.get("flags", []) if word in _FLAGS),
                    "state": _STATES.get(one.get("state", ""), None),
                }


def _ours(row: Row) -> Row:
    return row | {"flags": row["flags"] & sum(_FLAGS.values())}


VLANS: Final = View(
    table=TABLES["vlans"],
    shown=("ifindex", "vid", "flags", "state"),
    hidden={
        "tunnel": "`bridge vlan tunnelshow` prints it apart",
        "mcast_router": "printed for some bridges only",
        "mcast_max_groups": "younger than iproute2 6.1",
        "mcast_n_groups": VOLATILE,
        "neigh_suppress": "younger than iproute2 6.1",
        "unknown": UNKNOWN,
    },
    read=_read,
    key=("ifindex", "vid"),
    ours=_ours,
)
