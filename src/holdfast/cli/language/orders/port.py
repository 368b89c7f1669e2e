"""`set interface eth0 type bridge_slave cost 5 hairpin on`: the words of ports, as `ip link` has them behind the kind of the master."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from holdfast.model import KINDS, Field

from .order import Words

__all__ = ["PORTS", "port_words", "read_port", "said_port"]

_PREFIXES: Final = {"bridge_slave": ("bridge", "brport_"), "bond_slave": ("bond", "bond_slave_")}
_ALIASES: Final[Mapping[str, Mapping[str, str]]] = {
    "bridge_slave": {
        "hairpin": "brport_mode", "root_block": "brport_protect", "fastleave": "brport_fast_leave", "mcast_fast_leave": "brport_fast_leave",
        "flood": "brport_unicast_flood", "mcast_to_unicast": "brport_mcast_to_ucast", "proxy_arp": "brport_proxyarp",
        "proxy_arp_wifi": "brport_proxyarp_wifi", "mcast_router": "brport_multicast_router",
    },
}  # fmt: skip
"""`ip`'s words, where the field is called otherwise."""
_SWITCH: Final = {"on": "1", "off": "0"}
_SWITCHES: Final = frozenset(
    f"brport_{name}" for name in (
        "mode", "guard", "protect", "fast_leave", "learning", "learning_sync", "unicast_flood", "mcast_flood", "bcast_flood",
        "mcast_to_ucast", "proxyarp", "proxyarp_wifi", "neigh_suppress", "neigh_vlan_suppress", "vlan_tunnel", "isolated", "locked", "mab",
    )
)  # fmt: skip
"""What `ip` wants to be told with on and off."""


def port_words(kind: str) -> dict[str, str] | None:
    """Word → field of a kind as `bridge_slave`; None: it is no such kind."""
    if kind not in _PREFIXES:
        return None
    master, prefix = _PREFIXES[kind]
    plain = {one.name.removeprefix(prefix): one.name for one in KINDS[master].port if not one.readonly}
    return plain | dict(_ALIASES.get(kind, {}))


def _words_of(kind: str) -> dict[str, str]:
    """Field → word: `ip`'s, where it has one."""
    aliases = _ALIASES.get(kind, {})
    plain = {name: word for word, name in (port_words(kind) or {}).items() if word not in aliases}
    return plain | {name: word for word, name in reversed([*aliases.items()])}


def _fields(kind: str) -> dict[str, Field]:
    """Word → field, each field by one word."""
    words = _words_of(kind)
    return {words[one.name]: one for one in KINDS[_PREFIXES[kind][0]].port if one.name in words}


def read_port(known: Mapping[str, str], fields: dict[str, Any], words: Words) -> None:
    """The words that follow the kind, up to one that is none of them."""
    while words.next in known:
        name = known[words.take()]
        text = words.take()
        fields[name] = _SWITCH.get(text, text)


def said_port(data: Mapping[str, Any]) -> list[str]:
    """`type bridge_slave cost 5 hairpin on`: what a port gets, in the words of `ip`."""
    kind = next((kind for kind, (_, prefix) in _PREFIXES.items() if next(iter(data), "").startswith(prefix)), "")
    if not kind:
        return []
    shorter = _words_of(kind)
    words = ["type", kind]
    for name, value in data.items():
        if name in shorter and not isinstance(value, dict | list):
            words += [shorter[name], ("on" if value else "off") if name in _SWITCHES else str(value)]
    return words


PORTS: Final = {kind: _fields(kind) for kind in _PREFIXES}
"""Kind as `bridge_slave` → word → field."""
