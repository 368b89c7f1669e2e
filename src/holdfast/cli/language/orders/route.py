"""`add route 10.0.0.0/8 via 192.0.2.1 dev eth0 table 100 metric 5`, with hops, metrics, encapsulations, labels."""

from __future__ import annotations

from typing import Any, Final

from holdfast.errors import InvalidValue
from holdfast.model import ROUTES
from holdfast.model.route import METRICS
from holdfast.netlink.uapi import number

from .forms import is_prefix
from .order import Order, Say, Words, bits, fixed, integer, take, value

__all__ = ["ROUTE", "encap"]

_TYPES: Final = ("unicast", "local", "broadcast", "anycast", "multicast", "blackhole", "unreachable", "prohibit", "throw")
_FAMILIES: Final = {"inet": 2, "inet6": 10}


def _via(fields: dict[str, Any], words: Words) -> None:
    """`via 10.0.0.1`, or of another family `via inet6 fe80::1`."""
    word = words.take()
    if word in _FAMILIES:
        fields["via"] = {"family": _FAMILIES[word], "addr": words.take()}
    else:
        fields["gateway"] = word


def _hop(fields: dict[str, Any], words: Words) -> None:
    """`nexthop via 10.0.0.1 dev eth0 weight 2`: one way out of several."""
    hop: dict[str, Any] = {}
    while words.next in ("via", "dev", "weight", "onlink", "encap"):
        word = words.take()
        if word == "via":
            _via(hop, words)
        elif word == "dev":
            hop["oif"] = words.take()
        elif word == "weight":
            hop["weight"] = integer(words)
        elif word == "onlink":
            hop["flags"] = ["onlink"]
        else:
            encap(hop, words)
    if not hop:
        raise InvalidValue("expected `via`, `dev` or `weight` behind `nexthop`")
    fields.setdefault("multipath", []).append(hop)


def encap(fields: dict[str, Any], words: Words) -> None:
    """`encap mpls 100/200`, `encap ip id 5 dst 1.1.1.1`, `encap seg6 mode encap segs fc00::1,fc00::2`. Raises: InvalidValue."""
    kind = words.take()
    if kind == "mpls":
        fields["encap"] = {"type": "mpls", "labels": words.take()}
    elif kind == "seg6":
        fields["encap"] = {"type": "seg6"} | _pairs(words, ("mode", "segs"))
    elif kind in ("ip", "ip6"):
        fields["encap"] = {"type": kind} | _pairs(words, ("id", "src", "dst", "ttl", "tos", "hoplimit", "tc"))
    else:
        raise InvalidValue(f"expected mpls, ip, ip6 or seg6, got `{kind}` – at `encap`")


def _pairs(words: Words, names: tuple[str, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    while words.next in names:
        name = words.take()
        text = words.take()
        found[name] = int(text) if text.isdecimal() else text
    return found


def _metric(name: str) -> Say:
    """`mtu 1400`, or `mtu lock 1400`: path MTU discovery and the like leave it alone."""

    def say(fields: dict[str, Any], words: Words) -> None:
        metrics = fields.setdefault("metrics", {})
        if take(words, "lock"):
            metrics["lock"] = metrics.get("lock", 0) | 1 << number(f"RTAX_{name.upper()}")
        metrics[name] = integer(words)

    return say


def _type(word: str) -> Say:
    """`blackhole 10.0.0.0/8`: the type stands in front of the prefix."""

    def say(fields: dict[str, Any], words: Words) -> None:
        if not is_prefix(words.next):
            raise InvalidValue(f"expected a prefix behind `{word}`, got `{words.next or 'nothing'}`")
        fields["type"] = word

    return say


def _finish(fields: dict[str, Any]) -> None:
    if len(fields.get("multipath", ())) == 1:  # one hop is a plain route
        fields.update(fields.pop("multipath")[0])


ROUTE: Final = Order(
    ROUTES,
    {
        "to": value("dst"),
        "from": value("src"),
        "via": _via,
        "dev": value("oif"),
        "metric": value("priority"),
        "preference": value("priority"),
        "src": value("prefsrc"),
        "nhid": value("nh_id"),
        "nexthop": _hop,
        "encap": encap,
        "as": value("newdst"),
        "onlink": bits("flags", "onlink"),
        **{word: _type(word) for word in _TYPES},
        "type": value("type"),
        "mpls": fixed(family="mpls"),
        **{one.name: _metric(one.name) for one in METRICS if one.name != "lock"},
    },
    {"dst": is_prefix},
    key=("dst", "dst_len", "family", "table_id", "tos", "priority"),
    finish=_finish,
)
