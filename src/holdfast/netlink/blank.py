"""Netlink bytes without their secrets: payloads are overwritten with zeros, lengths and everything else stay. Pure.

What is a secret says `holdfast.model.secrets`. Only messages about links can hold one. Where the attributes of such a message do
not add up, everything behind the break is overwritten as well: what cannot be read cannot be told to be harmless.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from holdfast.model.secrets import KEYED_KINDS, SECRET_ATTRIBUTES

from .uapi import number
from .wire import ATTRIBUTE, HEADER, HEADER_SIZE, TYPE_MASK

__all__ = ["blank", "keeps_unknown"]

_LINK_TYPES: Final = (16, 17)  # RTM_NEWLINK, RTM_DELLINK
_IFINFOMSG: Final = 16


def keeps_unknown(kind: str | None, attribute: int) -> bool:
    """May this attribute of a kind, about which nothing more is known, be kept?"""
    return kind is None or kind not in KEYED_KINDS or attribute in KEYED_KINDS[kind]


def blank(data: bytes) -> bytes:
    """The same messages, blanked; the very same object where there is no secret in them. Cost: a look at each message's header."""
    out: bytearray | None = None
    at, end = 0, len(data)
    while end - at >= HEADER_SIZE:
        length, kind = HEADER.unpack_from(data, at)[:2]
        if length < HEADER_SIZE or at + length > end:
            break
        if kind in _LINK_TYPES:
            for start, stop in _secrets(data, at + HEADER_SIZE + _IFINFOMSG, at + length):
                out = bytearray(data) if out is None else out
                out[start:stop] = bytes(stop - start)
        at += (length + 3) & ~3
    return data if out is None else bytes(out)


@cache
def _numbers() -> tuple[frozenset[int], int, int, frozenset[int]]:
    """Secret attributes of a link; IFLA_LINKINFO; in it the kind; and what is not the kind driver's."""
    others = frozenset(number(f"IFLA_INFO_{word}") for word in ("KIND", "SLAVE_KIND", "SLAVE_DATA"))
    return frozenset(map(number, SECRET_ATTRIBUTES)), number("IFLA_LINKINFO"), number("IFLA_INFO_KIND"), others


def _secrets(data: bytes, start: int, stop: int) -> list[tuple[int, int]]:
    """Where the secrets of one link message are."""
    secret, linkinfo, _, _ = _numbers()
    found: list[tuple[int, int]] = []
    parts, broken = _attributes(data, start, stop)
    for kind, begin, end in parts:
        if kind in secret:
            found.append((begin, end))
        elif kind == linkinfo:
            found += _in_linkinfo(data, begin, end)
    return found + broken


def _in_linkinfo(data: bytes, start: int, stop: int) -> list[tuple[int, int]]:
    _, _, of_kind, others = _numbers()
    parts, broken = _attributes(data, start, stop)
    names = {bytes(data[begin:end]).rstrip(b"\0").decode(errors="replace") for kind, begin, end in parts if kind == of_kind}
    keyed = names & KEYED_KINDS.keys()
    found = list(broken)
    for kind, begin, end in parts if keyed else ():
        if kind not in others:
            inner, rest = _attributes(data, begin, end)
            harmless = frozenset.intersection(*(KEYED_KINDS[name] for name in keyed))
            found += [(left, right) for attribute, left, right in inner if attribute not in harmless] + rest
    return found


def _attributes(data: bytes, start: int, stop: int) -> tuple[list[tuple[int, int, int]], list[tuple[int, int]]]:
    """(type, begin and end of the payload) of each attribute; and the rest that is none, if there is one."""
    found: list[tuple[int, int, int]] = []
    while stop - start >= ATTRIBUTE.size:
        length, kind = ATTRIBUTE.unpack_from(data, start)
        if length < ATTRIBUTE.size or start + length > stop:
            return found, [(start, stop)]
        found.append((kind & TYPE_MASK, start + ATTRIBUTE.size, start + length))
        start += (length + 3) & ~3
    return found, []
