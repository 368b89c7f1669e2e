"""`add interface br0 type bridge stp_state 1`, `set interface eth0 mtu 1400 up master br0`, `add interface v0 type veth peer v1 netns blue`

What a kind has is said by its field's name, with or without the kind's prefix (`vlan_id`, `id` behind `type vlan`), and by the word
that `ip` has for it where that is another.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from holdfast.errors import InvalidValue
from holdfast.model import INTERFACES, KINDS, Field
from holdfast.model.field import TEXT
from holdfast.model.links import LinkKind
from holdfast.transactions.tuns import TAKEN

from .forms import is_name
from .order import Order, Say, Words, fixed, take, value
from .port import PORTS, port_words, read_port

__all__ = ["INTERFACE", "short_name"]

_ALIASES: Final[Mapping[str, Mapping[str, str]]] = {
    "vxlan": {"remote": "vxlan_group", "dstport": "vxlan_port", "dev": "vxlan_link"},
    "vlan": {"proto": "vlan_protocol"},
    "geneve": {"vni": "geneve_id", "dstport": "geneve_port"},
    "tun": {"mode": "tun_type"},
}
"""`ip`'s words for what a kind has, where the field is called otherwise."""
_PEER: Final = Field("peer", TEXT, doc="the other end: its name, and behind it its `netns`, `address`, `mtu`")


def _short(kind: LinkKind) -> dict[str, str]:
    """Word → field: each field by its name, and by its name without the prefix that they share."""
    found: dict[str, str] = {}
    for one in (*kind.data, *kind.port):
        found[one.name] = one.name
        _, _, rest = one.name.partition("_")
        found.setdefault(rest or one.name, one.name)
    return found | dict(_ALIASES.get(kind.kind, {}))


def _behind(kind: LinkKind) -> dict[str, Field]:
    """The words that `type KIND` takes, the shortest for each field that can be asked for; a word of all interfaces is none."""
    own = _OWN.keys() - _ALIASES.get(kind.kind, {}).keys()
    found = {_PEER.name: _PEER} if kind.kind == "veth" else {}
    for one in (*kind.data, *kind.port):
        if not (one.derive or one.json) and (not one.readonly or one.name in TAKEN):
            word = short_name(kind.kind, one.name)
            found[one.name if word in found or word in own else word] = one
    return found


def short_name(kind: str, field: str) -> str:
    """`stp_state` of a bridge's `br_stp_state`, in `ip`'s words where it has others."""
    for word, name in _ALIASES.get(kind, {}).items():
        if name == field:
            return word
    return field.partition("_")[2] or field


def _type(fields: dict[str, Any], words: Words) -> None:
    """The kind; its own words follow, up to one that is none of them."""
    kind = words.take()
    of_port = port_words(kind)
    if of_port is not None:
        read_port(of_port, fields, words)
        return
    fields["kind"] = kind
    if kind == "veth":
        _veth(fields, words)
    known = _words_of(fields)
    while words.next in known:
        known[words.take()](fields, words)


def _words_of(fields: Mapping[str, Any]) -> dict[str, Say]:
    """The short words of the kind that was named: right behind it, or further on where all interfaces have none like it."""
    kind = fields.get("kind")
    if kind not in KINDS:
        return {}
    own = _OWN.keys() - _ALIASES.get(kind, {}).keys()
    return {word: value(name) for word, name in _short(KINDS[kind]).items() if word not in own}


def _veth(fields: dict[str, Any], words: Words) -> None:
    """`peer v1`, `peer name v1 netns blue address 02:…`: the other end."""
    if not take(words, "peer"):
        return
    take(words, "name")
    peer: dict[str, Any] = {"ifname": words.take()}
    while words.next in ("netns", "address", "mtu"):
        word = words.take()
        text = words.take()
        peer["net_ns_fd" if word == "netns" else word] = int(text) if text.isdecimal() else text
    fields["peer"] = peer


def _one_of(name: str) -> Say:
    """One more of a list."""

    def say(fields: dict[str, Any], words: Words) -> None:
        fields.setdefault(name, []).append(words.take())

    return say


def _switch(flag: str, *, reverse: bool = False) -> Say:
    """`promisc on`: one of the flags, of which the others stay."""

    def say(fields: dict[str, Any], words: Words) -> None:
        text = words.take()
        if text not in ("on", "off"):
            raise InvalidValue(f"expected on or off, got `{text}` – at `{flag}`")
        fields.setdefault("switches", {})[flag] = (text == "on") != reverse

    return say


def _attributes() -> dict[str, Say]:
    """Of all kinds, by their whole names: `br_stp_state 1` needs no `type bridge` in front."""
    return {field.name: value(field.name) for kind in KINDS.values() for field in (*kind.data, *kind.port)}


def _name(fields: dict[str, Any], words: Words) -> None:
    """`add interface name br0 …`; behind a name it is the new one: `set interface eth0 name wan0`."""
    fields["new_name" if "ifname" in fields else "ifname"] = words.take()


_OWN: Final[dict[str, Say]] = {
    "name": _name,
    "type": _type,
    "dev": value("ifname"),
    "link": value("link"),
    "up": fixed(state="up"),
    "down": fixed(state="down"),
    "state": value("state"),
    "nomaster": fixed(master=None),
    "alias": value("ifalias"),
    "txqueuelen": value("txqlen"),
    "netns": value("net_ns_fd"),
    "altname": _one_of("add_altnames"),
    "noaltname": _one_of("del_altnames"),
    "promisc": _switch("promisc"),
    "allmulticast": _switch("allmulti"),
    "multicast": _switch("multicast"),
    "arp": _switch("noarp", reverse=True),
    "dynamic": _switch("dynamic"),
}

INTERFACE: Final = Order(
    INTERFACES, {**_attributes(), **_OWN}, {"ifname": is_name}, key=("ifname", "ifindex"),
    kinds={name: _behind(kind) for name, kind in KINDS.items()} | PORTS, more=_words_of,
)  # fmt: skip
