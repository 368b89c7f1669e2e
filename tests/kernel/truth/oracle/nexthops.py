"""`ip -d nexthop` → nexthops."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from holdfast.model import TABLES

from .read import Answers, Json
from .routes import encap_as_ours, encap_kind, encap_shown
from .view import UNKNOWN, Row, View
from .words import ROUTE_FLAGS, bits, number

__all__ = ["NEXTHOPS"]

_RESILIENT: Final = 1


def _read(answers: Answers) -> Iterator[Row]:
    for one in answers.nexthops:
        yield {
            "id": one["id"],
            "gateway": one.get("gateway"),
            "oif": answers.ifindex_of(one["dev"]) if "dev" in one else None,
            "blackhole": 1 if "blackhole" in one else 0,
            "group_members": [{"id": each["id"], "weight": each.get("weight", 1)} for each in one["group"]] if "group" in one else None,
            "group_type": _RESILIENT if one.get("type") == "resilient" else 0,
            "fdb": 1 if "fdb" in one else 0,
            "encap_type": encap_kind(one),
            "encap": encap_shown(one),
            "res_group": _resilient(one),
            "scope": number(one["scope"]),
            "protocol": number(one["protocol"]),
            "flags": bits(one["flags"], ROUTE_FLAGS),
        }


def _resilient(one: Json) -> Row | None:
    """Times in seconds, from 1/100 s."""
    said = one.get("resilient_args")
    return said and {name: round(said[name]) for name in ("buckets", "idle_timer", "unbalanced_timer")}


def _ours(row: Row) -> Row:
    resilient = row["res_group"]
    if resilient:
        times = {name: round(resilient[name] / 100) for name in ("idle_timer", "unbalanced_timer")}
        resilient = {"buckets": resilient["buckets"], **times}
    return row | {
        "res_group": resilient,
        "encap": encap_as_ours(row["encap_type"], row["encap"]),
        "blackhole": row["blackhole"] or 0,
        "fdb": row["fdb"] or 0,
        "group_type": row["group_type"] or 0,
        "flags": row["flags"] & sum(ROUTE_FLAGS.values()),
    }


NEXTHOPS: Final = View(
    table=TABLES["nexthops"],
    shown=("id", "gateway", "oif", "blackhole", "group_members", "group_type", "fdb", "encap_type", "encap", "res_group", "scope",
           "protocol", "flags"),
    hidden={
        "family": "iproute2 does not print it; that of the gateway is seen in the gateway",
        "hw_stats_enable": "younger than iproute2 6.1",
        "unknown": UNKNOWN,
    },
    read=_read,
    key=("id",),
    ours=_ours,
)  # fmt: skip
