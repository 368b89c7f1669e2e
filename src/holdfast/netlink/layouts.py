"""Requests that are alike, each written by one struct.

100 000 routes to be made have the same header, the same attributes, payloads of the same sizes. What is equal in them is
worked out once per set of fields; the general way (rows.py) takes ten times as long. Both write the same bytes
(tests/unit/test_layouts.py).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal

from holdfast.model import TABLES
from holdfast.model.field import ListOf, Nest, Table

from .codec import codec_of
from .shapes import Coder
from .uapi import number
from .wire import ATTRIBUTE, HEADER_SIZE

__all__ = ["encode_alike"]

_REQUEST_ACK: Final = 0x01 | 0x04  # NLM_F_REQUEST | NLM_F_ACK

Operation = Literal["put", "delete"]


@dataclass(frozen=True, slots=True)
class _Attribute:
    name: str
    kind: int
    coder: Coder


@dataclass(frozen=True, slots=True)
class _Layout:
    """What is equal in requests with the same fields: members of the header struct as (field or "", mask), and attributes."""

    kind: int
    format: str
    members: tuple[tuple[str, int], ...]
    attributes: tuple[_Attribute, ...]


def encode_alike(table: Table, row: Mapping[str, Any], op: Operation, flags: int) -> bytes | None:
    """What codec.encode writes for this row; None: a row that only it can write. Raises: InvalidValue."""
    defaults = _defaults(table.name)
    names = tuple([name for name, value in row.items() if value != defaults[name]])
    layout = _layout(table.name, names, op)
    if layout is None:
        return None
    parts: list[Any] = []
    sizes = []
    for one in layout.attributes:
        coder = one.coder
        payload = coder.encode(row[one.name], *[row.get(need) for need in coder.needs]) if coder.needs else coder.encode(row[one.name])
        if payload is None:
            return None
        sizes.append(len(payload))
        parts.append(payload)
    packer, heads, length = _packer(layout.format, tuple(one.kind for one in layout.attributes), tuple(sizes))
    given = [row.get(name, 0) & mask if name else 0 for name, mask in layout.members]
    attributes = [part for pair in zip(heads, parts, strict=True) for part in pair]
    return packer(length, layout.kind, _REQUEST_ACK | flags, 0, 0, *given, *attributes)


@lru_cache
def _defaults(table_name: str) -> dict[str, Any]:
    return {one.name: one.default for one in TABLES[table_name].fields}


@lru_cache(256)
def _layout(table_name: str, names: tuple[str, ...], op: Operation) -> _Layout | None:
    table = TABLES[table_name]
    codec = codec_of(table)
    declared = table.message
    if declared is None or table_name == "vlans":
        return None
    members: dict[str, tuple[str, int]] = dict.fromkeys(codec.members, ("", 0))
    masks = dict(zip(codec.members, (_mask(code) for code in codec.codes), strict=True))
    attributes = []
    for field, made in codec.fields:
        if field.name not in names:
            if field.default is not None and len({word.islower() for word in field.attrs}) > 1:
                return None  # sent at its default as well
            continue
        for word in field.attrs:
            if word.islower():
                members[word] = field.name, masks[word]
        upper = [word for word in field.attrs if word.isupper()]
        if not upper:
            continue
        if "." in upper[0] or isinstance(field.shape, Nest | ListOf) or "unknown" in names:
            return None
        attributes.append(_Attribute(field.name, number(upper[0]), made))
    padding = f"{-codec.header.size % 4}x"
    format_ = f"=IHHII{codec.header.format.lstrip('=')}{padding}"
    kind = number(declared.new if op == "put" else declared.delete)
    return _Layout(kind, format_, tuple(members.values()), tuple(attributes))


def _mask(code: str) -> int:
    """Values too large for their member are cut: their attribute carries them whole."""
    return (1 << 8 * struct.calcsize("=" + code.upper())) - 1


@lru_cache(1024)
def _packer(format_: str, kinds: tuple[int, ...], sizes: tuple[int, ...]) -> tuple[Callable[..., bytes], tuple[bytes, ...], int]:
    """The struct's pack, the headers of the attributes, and the length of the message without its last padding."""
    whole = struct.Struct(format_ + "".join(f"4s{size}s{-size % 4}x" for size in sizes))
    heads = tuple(ATTRIBUTE.pack(size + 4, kind) for kind, size in zip(kinds, sizes, strict=True))
    return whole.pack, heads, max(HEADER_SIZE, whole.size)
