"""`add rule from 10.0.0.0/8 lookup 100 pref 500`, `add rule iif eth0 blackhole`, `add rule not fwmark 1/0xff goto 300`"""

from __future__ import annotations

from typing import Any, Final

from holdfast.errors import InvalidValue
from holdfast.model import RULES

from .order import Order, Say, Words, fixed, integer, number, value

__all__ = ["RULE"]

_ACTIONS: Final = ("blackhole", "unreachable", "prohibit", "nop")


def _range(name: str) -> Say:
    """`80`, `80-90`"""

    def say(fields: dict[str, Any], words: Words) -> None:
        text = words.take()
        first, _, last = text.partition("-")
        try:
            fields[name] = {"start": int(first), "end": int(last or first)}
        except ValueError:
            raise InvalidValue(f"expected a number or a range such as 80-90, got `{text}` – at `{name.removesuffix('_range')}`") from None

    return say


def _mark(fields: dict[str, Any], words: Words) -> None:
    """`1`, `0x10/0xff`"""
    text = words.take()
    mark, slash, mask = text.partition("/")
    try:
        fields["fwmark"] = int(mark, 0)
        if slash:
            fields["fwmask"] = int(mask, 0)
    except ValueError:
        raise InvalidValue(f"expected a mark such as 1 or 0x10/0xff, got `{text}` – at `fwmark`") from None


def _goto(fields: dict[str, Any], words: Words) -> None:
    fields["action"] = "goto"
    fields["goto"] = integer(words)


def _prefix(name: str) -> Say:
    """`all` is every address: no condition."""

    def say(fields: dict[str, Any], words: Words) -> None:
        text = words.take()
        if text not in ("all", "any", "default"):
            fields[name] = text

    return say


RULE: Final = Order(
    RULES,
    {
        "from": _prefix("src"),
        "to": _prefix("dst"),
        "iif": value("iifname"),
        "oif": value("oifname"),
        "dev": value("iifname"),
        "lookup": value("table_id"),
        "table": value("table_id"),
        "pref": number("priority"),
        "priority": number("priority"),
        "order": number("priority"),
        "fwmark": _mark,
        "goto": _goto,
        "ipproto": value("ip_proto"),
        "sport": _range("sport_range"),
        "dport": _range("dport_range"),
        "uidrange": _range("uid_range"),
        "dsfield": value("tos"),
        "proto": value("protocol"),
        "suppress_prefixlength": number("suppress_prefixlen"),
        "suppress_ifgroup": number("suppress_ifgroup"),
        "l3mdev": fixed(l3mdev=1),
        "not": fixed(flags=["invert"]),
        "inet": fixed(family=2),
        "inet6": fixed(family=10),
        **{word: fixed(action=word) for word in _ACTIONS},
    },
    {"priority": str.isdecimal},
    key=("priority", "family", "src", "dst", "iifname", "oifname", "fwmark", "table_id", "action"),
)
