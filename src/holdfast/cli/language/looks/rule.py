"""Routing policy rules, as `ip rule` shows them."""

from __future__ import annotations

from typing import Any, Final

from holdfast.cli.language.spelling import Spelling
from holdfast.model import RULES

from .look import Look, View, named

__all__ = ["RULES_LOOK"]


def _selector(spelling: Spelling, target: str, address: Any, length: Any) -> str:
    return "all" if address is None else f"{address}/{length}"


def _span(word: str, value: Any) -> str:
    return f"{word} {value['start']}" if value["start"] == value["end"] else f"{word} {value['start']}-{value['end']}"


def _match(
    spelling: Spelling,
    target: str,
    mark: Any,
    mask: Any,
    proto: Any,
    sport: Any,
    dport: Any,
    uids: Any,
    tos: Any,
    dscp: Any,
    tun: Any,
    inverted: Any,
) -> str:
    words = ["not"] if inverted else []
    if mark or mask not in (None, 0xFFFFFFFF):
        words.append(f"fwmark {mark:#x}" + (f"/{mask:#x}" if mask not in (None, 0xFFFFFFFF) else ""))
    if proto:
        words.append(f"ipproto {spelling.name('ip_proto', proto)}")
    for word, value in (("sport", sport), ("dport", dport), ("uidrange", uids)):
        if value:
            words.append(_span(word, spelling.decoded(value)))
    if tos:
        words.append(f"tos {spelling.name('rt_dsfield', tos)}")
    if dscp is not None:
        words.append(f"dscp {dscp}")
    if tun:
        words.append(f"tun_id {tun}")
    return " ".join(words)


def _action(spelling: Spelling, target: str, action: Any, table: Any, goto: Any, l3mdev: Any, prefixlen: Any, group: Any) -> str:
    word = spelling.name("fr_act", action)
    if l3mdev:
        return "lookup l3mdev"
    if goto:
        return f"goto {goto}"
    if action != 1:
        return word
    text = f"lookup {spelling.name('rt_tables', table)}"
    if prefixlen is not None and prefixlen >= 0:
        text += f" suppress_prefixlength {prefixlen}"
    return text + (f" suppress_ifgroup {spelling.name('group', group)}" if group is not None and group >= 0 else "")


RULES_LOOK: Final = Look(
    RULES,
    ("rule", "ru"),
    (
        View("PRIORITY", ("priority",), right=True, keep=True, label=1),
        View("FAMILY", ("family",), keep=True, label=1),
        View("FROM", ("src", "src_len"), _selector, role="address", keep=True, label=1),
        View("TO", ("dst", "dst_len"), _selector, role="address", label=1, plain="all"),
        View("IIF", ("iifname",), role="ifname"),
        View("OIF", ("oifname",), role="ifname"),
        View(
            "MATCH",
            ("fwmark", "fwmask", "ip_proto", "sport_range", "dport_range", "uid_range", "tos", "dscp", "tun_id", "inverted"),
            _match,
            elastic=True,
            bare=True,
        ),
        View(
            "ACTION",
            ("action", "table_id", "goto", "l3mdev", "suppress_prefixlen", "suppress_ifgroup"),
            _action,
            keep=True,
            label=1,
            bare=True,
        ),
        View("PROTO", ("protocol",), named("rt_protos", 0)),
    ),
    words={
        "from": ("src",),
        "to": ("dst",),
        "iif": ("iifname",),
        "oif": ("oifname",),
        "table": ("table_id",),
        "lookup": ("table_id",),
        "pref": ("priority",),
        "ipproto": ("ip_proto",),
        "proto": ("protocol",),
        "dev": ("iifname", "oifname"),
    },
    prefixes={"src": "src_len", "dst": "dst_len"},
    bare={"number": "priority", "address": "from"},
    order=(
        "family",
        "priority",
    ),
)
