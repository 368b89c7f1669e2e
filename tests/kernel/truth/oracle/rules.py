"""`ip rule`, in both families → rules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from holdfast.model import TABLES

from .read import Answers, Json
from .view import DERIVED, UNKNOWN, Row, View
from .words import number

__all__ = ["RULES"]

_TO_TABLE, _GOTO, _NOP = 1, 2, 3
_FLAGS: Final = {"not": 0x2, "unresolved": 0x4, "iif_detached": 0x8, "oif_detached": 0x10}
_ALL_BITS: Final = 0xFFFFFFFF


def _read(answers: Answers) -> Iterator[Row]:
    for family, rules in answers.rules.items():
        for one in rules:
            whole = 32 if family == 2 else 128
            src, dst = (one.get(end) if one.get(end) != "all" else None for end in ("src", "dst"))
            yield {
                "family": family,
                "priority": one["priority"],
                "action": _action(one),
                "table_id": number(one.get("table", 0)),
                "src": src,
                "src_len": one.get("srclen", whole) if src else 0,
                "dst": dst,
                "dst_len": one.get("dstlen", whole) if dst else 0,
                "tos": number(one.get("tos", 0)),
                "fwmark": number(one.get("fwmark", 0)),
                "fwmask": number(one["fwmask"]) if "fwmask" in one else _ALL_BITS if "fwmark" in one else None,
                "iifname": one.get("iif"),
                "oifname": one.get("oif"),
                "ip_proto": number(one["ipproto"]) if "ipproto" in one else None,
                "sport_range": _range(one, "sport"),
                "dport_range": _range(one, "dport"),
                "uid_range": {"start": one["uid_start"], "end": one["uid_end"]} if "uid_start" in one else None,
                "tun_id": str(one["tun_id"]) if "tun_id" in one else None,
                "l3mdev": 1 if "l3mdev" in one else 0,
                "goto": one["goto"] if isinstance(one.get("goto"), int) else None,
                "flow": _flow(one),
                "suppress_prefixlen": one.get("suppress_prefixlen", -1),
                "suppress_ifgroup": number(one["suppress_ifgroup"]) if "suppress_ifgroup" in one else -1,
                "protocol": number(one["protocol"]) if "protocol" in one else None,
                "flags": sum(bit for word, bit in _FLAGS.items() if word in one),
            }


def _action(one: Json) -> int:
    if "goto" in one:
        return _GOTO
    return _NOP if "nop" in one else number(one.get("action", _TO_TABLE))


def _range(one: Json, name: str) -> dict[str, Any] | None:
    if name in one:
        return {"start": one[name], "end": one[name]}
    return {"start": one[f"{name}_start"], "end": one[f"{name}_end"]} if f"{name}_start" in one else None


def _flow(one: Json) -> int | None:
    return number(one.get("flow_from", 0)) << 16 | number(one["flow_to"]) if "flow_to" in one else None


def _ours(row: Row) -> Row:
    # `ip` prints the mask when it is not all bits, and never without a mark.
    fwmask = row["fwmask"] if row["fwmark"] or (row["fwmask"] or 0) not in (0, _ALL_BITS) else None
    return row | {"flags": row["flags"] & sum(_FLAGS.values()), "fwmask": fwmask, "table_id": 0 if row["l3mdev"] else row["table_id"]}


_LATER: Final = "younger than iproute2 6.1"

RULES: Final = View(
    table=TABLES["rules"],
    shown=(
        "family", "priority", "action", "table_id", "src", "src_len", "dst", "dst_len", "tos", "fwmark", "fwmask", "iifname", "oifname",
        "ip_proto", "sport_range", "dport_range", "uid_range", "tun_id", "l3mdev", "goto", "flow", "suppress_prefixlen",
        "suppress_ifgroup", "protocol", "flags",
    ),
    hidden={
        "dscp": _LATER,
        "dscp_mask": _LATER,
        "sport_mask": _LATER,
        "dport_mask": _LATER,
        "flowlabel": _LATER,
        "flowlabel_mask": _LATER,
        "inverted": DERIVED,
        "unknown": UNKNOWN,
    },
    read=_read,
    key=("family", "priority"),
    ours=_ours,
)  # fmt: skip
