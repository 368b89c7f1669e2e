"""Routes, as `ip route` shows them: type unicast and scope global go without saying."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from holdfast.cli.language.conditions import Among
from holdfast.cli.language.spelling import Spelling, compact
from holdfast.model import ROUTES

from .look import Hidden, Look, View, flags, named, number, prefix

__all__ = ["ROUTES_LOOK", "encap", "via"]


def via(spelling: Spelling, target: str, gateway: Any, via: Any) -> str:
    if gateway:
        return str(gateway)
    if via:
        parts = spelling.decoded(via)
        return f"{spelling.name('family', parts.get('family'))} {parts.get('addr')}"
    return ""


def encap(spelling: Spelling, target: str, kind: Any, encap: Any) -> str:
    return "" if not kind else f"{spelling.name('lwtunnel', kind)} {compact(spelling.decoded(encap))}".strip()


def _labels(spelling: Spelling, target: str, labels: Any) -> str:
    stack = spelling.decoded(labels)
    return "" if not stack else "/".join(str(one["label"] if isinstance(one, dict) and "label" in one else one) for one in stack)


def _hops(spelling: Spelling, target: str, multipath: Any) -> Iterable[str]:
    """`nexthop via 10.0.0.1 dev eth0 weight 1`, as `ip route` writes it."""
    for hop in spelling.decoded(multipath) or ():
        words = ["nexthop"]
        if way := via(spelling, target, hop.get("gateway"), hop.get("via")):
            words += ["via", way]
        if hop.get("oif"):
            words += ["dev", spelling.device(target, hop["oif"])]
        if weight := hop.get("weight"):
            words += ["weight", str(weight)]
        if hop.get("encap"):
            words += ["encap", compact(hop["encap"])]
        yield " ".join([*words, *spelling.flags("rt_flags", hop.get("flags"))])


ROUTES_LOOK: Final = Look(
    ROUTES,
    ("route", "r"),
    (
        View("DST", ("dst", "dst_len"), prefix, role="address", keep=True, label=1),
        View("FROM", ("src", "src_len"), prefix, role="address", label=1),
        View("VIA", ("gateway", "via"), via, role="address"),
        View("DEV", ("oif",), role="ifname"),
        View("TABLE", ("table_id",), keep=True, label=1, plain="main"),
        View("TYPE", ("type",), named("rtn_type", 1)),
        View("PROTO", ("proto",), keep=True),
        View("SCOPE", ("scope",), named("rt_scopes", 0)),
        View("METRIC", ("priority",), number, right=True, label=1),
        View("SRC", ("prefsrc",), role="address"),
        View("NHID", ("nh_id",), right=True),
        View("AS", ("newdst",), _labels),
        View("ENCAP", ("encap_type", "encap"), encap, elastic=True),
        View("FLAGS", ("flags",), flags("rt_flags"), role="state", elastic=True, bare=True),
    ),
    words={
        "dst": ("dst",),
        "to": ("dst",),
        "exact": ("dst",),
        "root": ("dst",),
        "match": ("dst",),
        "from": ("src",),
        "via": ("gateway",),
        "dev": ("oif",),
        "table": ("table_id",),
        "metric": ("priority",),
        "src": ("prefsrc", "src"),
        "nhid": ("nh_id",),
    },
    special={"vrf": lambda spelling, value: Among("table_id", tuple(sorted(spelling.vrf_tables(value))))},
    prefixes={"dst": "dst_len", "src": "src_len"},
    bare={"address": "dst", "device": "dev"},
    hidden=Hidden(Among("table_id", (255,)), "table local", frozenset({"table_id", "type"})),
    beneath=(("multipath",), _hops),
    order=(
        "family",
        "table_id",
        "dst",
        "dst_len",
        "priority",
    ),
)
