"""`ip -d route show table all`, in both families → routes. IPv6 cached routes are in neither."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from holdfast.model import TABLES

from .read import Answers, Json
from .view import DERIVED, UNKNOWN, VOLATILE, Row, View
from .words import ENCAPS, ROUTE_FLAGS, bits, number, prefix

__all__ = ["ROUTES", "encap_as_ours", "encap_kind", "encap_shown"]

_PREFERENCES: Final = {"medium": 0, "high": 1, "low": 3}
_SEG6_MODES: Final = {"inline": 0, "encap": 1, "l2encap": 2, "encap.red": 3, "l2encap.red": 4}
_UNITS: Final = {"rtt": 8, "rttvar": 4}
"""`ip` prints these metrics in ms, rounded down; the kernel counts in parts of it."""


def _read(answers: Answers) -> Iterator[Row]:
    for family, routes in answers.routes.items():
        for one in routes:
            dst, dst_len = prefix(one["dst"], family)
            src, src_len = prefix(one["from"], family) if "from" in one else (None, 0)
            yield {
                "family": family,
                "dst": dst,
                "dst_len": dst_len,
                "src": src,
                "src_len": src_len,
                "tos": _tos(one),
                "table_id": number(one["table"]),
                "type": number(one["type"]),
                "proto": number(one["protocol"]),
                "scope": number(one["scope"]),
                "flags": bits(one["flags"], ROUTE_FLAGS),
                "gateway": one.get("gateway"),
                "via": _via(one),
                "oif": answers.ifindex_of(one["dev"]) if "dev" in one else None,
                "priority": one.get("metric", 0),
                "prefsrc": one.get("prefsrc"),
                "metrics": _metrics(one),
                "multipath": [_hop(hop, answers) for hop in one["nexthops"]] if "nexthops" in one else None,
                "nh_id": one.get("nhid"),
                "encap_type": encap_kind(one),
                "encap": encap_shown(one),
                "pref": _PREFERENCES[one["pref"]] if "pref" in one else None,
                "flow": _flow(one),
            }


def _tos(one: Json) -> int:
    """That of the route is printed as text (`0x04`), that of an IP encapsulation as a number; either may come first."""
    return next((number(one[word]) for word in ("tos", "tos#2") if isinstance(one.get(word), str)), 0)


def _via(one: Json) -> Row | None:
    return {"family": 2 if one["via"]["family"] == "inet" else 10, "addr": one["via"]["host"]} if "via" in one else None


def _flow(one: Json) -> int | None:
    flow = one.get("flow")
    return None if flow is None else number(flow.get("from", 0)) << 16 | number(flow["to"])


def _metrics(one: Json) -> Row | None:
    found = {name: value for part in one.get("metrics", []) for name, value in part.items() if name != "congestion"}
    return found or None


def _hop(hop: Json, answers: Answers) -> Row:
    made: Row = {"oif": answers.ifindex_of(hop["dev"]) if "dev" in hop else 0, "weight": hop["weight"]}
    made["flags"] = bits(hop["flags"], ROUTE_FLAGS)
    for name, value in (("gateway", hop.get("gateway")), ("via", _via(hop)), ("flow", _flow(hop)), ("encap", encap_shown(hop))):
        if value is not None:
            made[name] = value
    if "encap" in hop:
        made["encap_type"] = encap_kind(hop)
    return made


def encap_kind(one: Json) -> int | None:
    encap = one.get("encap")
    return None if encap is None else ENCAPS[encap["encap_type"] if isinstance(encap, dict) else encap]


def encap_shown(one: Json) -> Row | None:
    """The words of the encapsulation stand among those of the route; a word that both have is there as `dst#2`, too.

    From iproute2 6.11 on they stand in an object of their own.
    """
    if isinstance(encap := one.get("encap"), dict):
        one = encap | {"encap": encap["encap_type"]}
    match one.get("encap"):
        case None:
            return None
        case "ip" | "ip6" as kind:
            words = ("id", "src", "dst", "ttl", "tos") if kind == "ip" else ("id", "src", "dst", "hoplimit", "tc")
            said = {word: one.get(f"{word}#2", one.get(word)) for word in words}
            if "tos#2" in one and isinstance(one["tos"], int):
                said["tos"] = one["tos"]
            return said
        case "seg6":
            return {"mode": _SEG6_MODES[one["mode"]], "segs": one["segs"]}
        case kind:
            return {"kind": kind}


def encap_as_ours(kind: int | None, encap: Row | None) -> Row | None:
    if encap is None or kind is None:
        return None
    if kind in (ENCAPS["ip"], ENCAPS["ip6"]):
        return {word: encap.get(word) for word in ("id", "src", "dst", *(("ttl", "tos") if kind == ENCAPS["ip"] else ("hoplimit", "tc")))}
    if kind == ENCAPS["seg6"]:
        return {"mode": encap["srh"]["mode"], "segs": encap["srh"]["segs"]}
    return {"kind": next(word for word, number in ENCAPS.items() if number == kind)}


def _ours(row: Row) -> Row:
    return row | {
        "flags": row["flags"] & sum(ROUTE_FLAGS.values()),
        "metrics": _metrics_as_ours(row["metrics"]),
        "multipath": [_hop_as_ours(hop) for hop in row["multipath"]] if row["multipath"] else None,
        "encap": encap_as_ours(row["encap_type"], row["encap"]),
    }


def _hop_as_ours(hop: Row) -> Row:
    made = {name: value for name, value in hop.items() if value is not None}
    if "encap" in made:
        made["encap"] = encap_as_ours(made["encap_type"], made["encap"])
    return made


def _metrics_as_ours(metrics: dict[str, Any] | None) -> Row | None:
    found = {name: value // _UNITS.get(name, 1) for name, value in (metrics or {}).items() if name not in ("lock", "unknown") and value}
    return found or None


ROUTES: Final = View(
    table=TABLES["routes"],
    shown=(
        "family", "dst", "dst_len", "src", "src_len", "tos", "table_id", "type", "proto", "scope", "flags", "gateway", "via", "oif",
        "priority", "prefsrc", "metrics", "multipath", "nh_id", "encap_type", "encap", "pref", "flow",
    ),
    hidden={
        "iif": "multicast and looked-up routes only",
        "newdst": "MPLS",
        "ttl_propagate": "MPLS",
        "cacheinfo": VOLATILE,
        "hops": DERIVED,
        "unknown": UNKNOWN,
    },
    read=_read,
    key=("family", "table_id", "dst", "dst_len", "tos", "priority"),
    ours=_ours,
)  # fmt: skip
