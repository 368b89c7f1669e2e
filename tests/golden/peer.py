"""pyroute2's decoder and encoder as an independent reading of the same bytes: the words are the kernel's in both."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from pyroute2.netlink import nlmsg
from pyroute2.netlink.rtnl.fibmsg import fibmsg
from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
from pyroute2.netlink.rtnl.ndmsg import ndmsg
from pyroute2.netlink.rtnl.rtmsg import rtmsg
from pyroute2.netlink.rtnl.tcmsg import tcmsg

from holdfast.model import KINDS
from holdfast.model.field import Field, Nest, Scalar, Struct, Table
from holdfast.model.links import LinkKind

CLASSES = {
    "interfaces": ifinfmsg, "addresses": ifaddrmsg, "routes": rtmsg, "neighbours": ndmsg, "fdb": ndmsg, "rules": fibmsg,
    "qdiscs": tcmsg, "classes": tcmsg, "filters": tcmsg,
}  # fmt: skip

HEADER_WORDS = {
    "ifi_index": "index", "ifi_flags": "flags", "ifi_type": "ifi_type", "ifa_index": "index", "rtm_protocol": "proto",
    "tcm_ifindex": "index", "ndm_type": "ndm_type",
}  # fmt: skip

UNTESTED = {
    "IFLA_AF_SPEC": "read by other names: the settings' names are compared with sysctl by the kernel tests",
    "IFLA_PROP_LIST": "a list there, read apart here",
    "RTA_ENCAP": "has another shape there",

    "TCA_OPTIONS": "raw here",
    "TCA_STATS2": "counters",
    "IFLA_STATS64": "counters",
    "IFLA_XDP": "the program's state is decoded as nothing there",
    "RTA_VIA": "has another shape there",
    "RTA_NEWDST": "has another shape there",
    "RTA_MULTIPATH": "has another shape there; compared with ip by the kernel tests",
    "FRA_SPORT_RANGE": "text there",
    "FRA_DPORT_RANGE": "text there",
    "FRA_UID_RANGE": "text there",
    "IFLA_BR_ROOT_ID": "read in the wrong byte order there",
    "IFLA_BR_BRIDGE_ID": "read in the wrong byte order there",
    "IFLA_MACVLAN_MODE": "a word there",
    "IFLA_MACVLAN_FLAGS": "a word there",
    "IFLA_MACVLAN_MACADDR_MODE": "a word there",
    "IFLA_VXLAN_TTL_INHERIT": "a flag there; taken as a flag and told as u8 by the kernel (vxlan_fill_info)",
    "IFLA_VXLAN_LABEL": "in host order there; __be32 in the kernel (vxlan_fill_info)",
    "IFLA_BOND_AD_ACTOR_SYSTEM": "text there; ETH_ALEN bytes in the kernel (bond_fill_info)",

}

def read(table: Table, message: bytes) -> nlmsg:
    got = CLASSES[table.name](message)
    got.decode()
    return got

def header_value(message: nlmsg, word: str) -> Any:
    for name in (HEADER_WORDS.get(word), word, word.partition("_")[2]):
        if name and name in message:
            return message[name]
    return None

def differences(fields: tuple[Field, ...], ours: dict[str, Any], theirs: nlmsg, path: str = "") -> Iterator[str]:
    """Where the two readings differ; attributes that the peer does not know are passed over (the caller counts them)."""
    for field in fields:
        for word in field.attrs:
            if word in UNTESTED or field.derive:
                break
            value = header_value(theirs, word) if word.islower() else _attribute(theirs, word)
            if value is None:
                continue
            if isinstance(field.shape, Nest):
                yield from differences(field.shape.fields, ours.get(field.name) or {}, value, f"{path}{field.name}.")
            elif (mine := _plain(ours.get(field.name))) != (peer := _plain(value)) and not _same(field, mine, peer):
                yield f"{path}{field.name} ({word}): ours {mine!r}, theirs {peer!r}"
            break
    if kind := _kind(fields, ours):
        data = theirs.get_nested("IFLA_LINKINFO", "IFLA_INFO_DATA")
        if data is not None and kind.data:
            yield from differences(kind.data, ours.get("kind_data") or {}, data, f"{kind.kind}.")

def _kind(fields: tuple[Field, ...], ours: dict[str, Any]) -> LinkKind | None:
    return KINDS.get(ours.get("kind") or "") if any(field.name == "kind_data" for field in fields) else None

def _attribute(message: nlmsg, word: str) -> Any:
    if word.endswith(("IFLA_INFO_DATA", "IFLA_INFO_SLAVE_DATA")):
        return None
    got = message.get_nested(*word.split(".")) if "." in word else message.get_attr(word)
    return None if isinstance(got, dict) and "header" in got and "attrs" not in got and len(got) == 1 else got

def _plain(value: Any) -> Any:
    if isinstance(value, nlmsg) or (isinstance(value, dict) and "attrs" in value):
        return "nest"
    if isinstance(value, dict):
        return [_plain(one) for one in value.values()]
    if isinstance(value, bool):
        return int(value)
    return value

def _same(field: Field, mine: Any, peer: Any) -> bool:
    """Two spellings of one value."""
    if isinstance(field.shape, Struct) and isinstance(mine, list):
        return list(mine) == list(peer)[: len(mine)] if isinstance(peer, list) else False
    if isinstance(field.shape, Scalar) and isinstance(mine, int) and isinstance(peer, int):
        bits = 8 * (field.shape.size or 4)
        return mine % (1 << bits) == peer % (1 << bits)
    if isinstance(mine, str) and isinstance(peer, str):
        return mine == peer.rstrip("\0")
    if isinstance(mine, str) and isinstance(peer, bytes):
        return mine in (peer.hex(), peer.rstrip(b"\0").decode(errors="replace"))
    return mine is not None and peer == "nest"

def split(buffer: bytes) -> Iterator[bytes]:
    """The messages in a buffer."""
    at = 0
    while at + 16 <= len(buffer):
        (length,) = struct.unpack_from("=I", buffer, at)
        yield buffer[at : at + length]
        at += (length + 3) & ~3
