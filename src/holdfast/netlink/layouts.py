"""Requests that are alike, each written by one struct.

100 000 routes to be made have the same header, the same attributes, payloads of the same sizes. What is equal in them is
worked out once per set of fields; the general way (rows.py) takes ten times as long, and one by one three times as long as
column by column. All write the same bytes (tests/unit/test_layouts.py).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import repeat
from typing import Any, Final, Literal

from holdfast.model import TABLES
from holdfast.model.field import ListOf, Nest, Table

from .codec import codec_of
from .shapes import Coder
from .uapi import number
from .wire import ATTRIBUTE

__all__ = ["encode_alike", "encode_columns"]

_REQUEST_ACK: Final = 0x01 | 0x04  # NLM_F_REQUEST | NLM_F_ACK
_HEAD: Final = 5  # members of nlmsghdr

Operation = Literal["put", "delete"]


class _Layout:
    """What is equal in requests with the same fields."""

    __slots__ = ("attributes", "format", "kind", "kinds", "members", "packers")

    def __init__(self, kind: int, format_: str, members: list[tuple[str, int]], attributes: list[tuple[str, int, Coder]]) -> None:
        """members: of the header struct, as (field or "", mask).  attributes: field, number, coder."""
        self.kind = kind
        self.format = format_
        self.members = members
        self.attributes = [(name, coder.encode, coder.needs) for name, _, coder in attributes]
        self.kinds = [number for _, number, _ in attributes]
        self.packers: dict[tuple[int, ...], tuple[Callable[..., bytes], list[Any], int]] = {}

    def encode(self, row: Mapping[str, Any], flags: int) -> bytes | None:
        parts = []
        for name, encode, needs in self.attributes:
            payload = encode(row[name], *[row.get(need) for need in needs]) if needs else encode(row[name])
            if payload is None:
                return None
            parts.append(payload)
        sizes = tuple(map(len, parts))
        packer = self.packers.get(sizes) or self._packer(sizes)
        pack, template, first = packer
        given = template.copy()
        given[2] = _REQUEST_ACK | flags
        at = _HEAD
        for name, mask in self.members:
            if name:
                given[at] = row[name] & mask
            at += 1
        given[first::2] = parts
        return pack(*given)

    def encode_columns(self, given: Mapping[str, Sequence[Any]], count: int, flags: int) -> list[bytes] | None:
        parts: list[list[bytes | None]] = []
        sizes: list[int] = []
        for name, encode, needs in self.attributes:
            others = [given.get(need) or repeat(None, count) for need in needs]
            part = list(map(encode, given[name], *others)) if needs else _each(encode, given[name])
            if None in part or len(different := set(map(len, part))) > 1:
                return None
            parts.append(part)
            sizes += different
        pack, template, first = self.packers.get(tuple(sizes)) or self._packer(tuple(sizes))
        arguments: list[Iterable[Any]] = [repeat(one, count) for one in template]
        arguments[2] = repeat(_REQUEST_ACK | flags, count)
        for at, (name, mask) in enumerate(self.members, _HEAD):
            if name:
                arguments[at] = _each(mask.__and__, given[name])
        arguments[first::2] = parts
        return list(map(pack, *arguments))

    def _packer(self, sizes: tuple[int, ...]) -> tuple[Callable[..., bytes], list[Any], int]:
        """The struct's pack, its arguments as far as they are known, and where the first payload stands among them."""
        whole = struct.Struct(self.format + "".join(f"4s{size}s{-size % 4}x" for size in sizes))
        template: list[Any] = [whole.size, self.kind, 0, 0, 0, *[0] * len(self.members)]
        for size, kind in zip(sizes, self.kinds, strict=True):
            template += [ATTRIBUTE.pack(size + 4, kind), b""]
        made = self.packers[sizes] = whole.pack, template, _HEAD + len(self.members) + 1
        return made


def encode_alike(table: Table, row: Mapping[str, Any], op: Operation, flags: int) -> bytes | None:
    """What codec.encode writes for this row; None: a row that only it can write. Raises: InvalidValue."""
    unsent = _unsent(table.name)
    names = tuple([name for name, value in row.items() if name not in unsent or value != unsent[name]])
    layout = _layout(table.name, names, op)
    return None if layout is None else layout.encode(row, flags)


def encode_columns(table: Table, given: Mapping[str, Sequence[Any]], op: Operation, flags: int) -> list[bytes] | None:
    """The same of many rows that have the same fields, which are given as columns; None: they are not that much alike.

    Raises: InvalidValue.
    """
    count = len(next(iter(given.values()), ()))
    unsent = _unsent(table.name)
    sent = {}
    for name, column in given.items():
        if name in unsent and unsent[name] in column:
            if any(value != unsent[name] for value in column):
                return None
        else:
            sent[name] = column
    layout = _layout(table.name, tuple(sent), op)
    return None if layout is None else layout.encode_columns(sent, count, flags)


def _each(function: Callable[[Any], Any], column: Sequence[Any]) -> list[Any]:
    """What a function makes of each, asked once where many are the same."""
    try:
        different = set(column)
    except TypeError:  # nothing that can be sent: the function says so
        return list(map(function, column))
    if 4 * len(different) > len(column):
        return list(map(function, column))
    known = {one: function(one) for one in different}
    return list(map(known.__getitem__, column))


@lru_cache
def _unsent(table_name: str) -> dict[str, Any]:
    """Fields that are not sent at their default, of those that have one."""
    fields = TABLES[table_name].fields
    return {one.name: one.default for one in fields if one.default is not None and all(word.isupper() for word in one.attrs)}


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
        attributes.append((field.name, number(upper[0]), made))
    padding = f"{-codec.header.size % 4}x"
    format_ = f"=IHHII{codec.header.format.lstrip('=')}{padding}"
    kind = number(declared.new if op == "put" else declared.delete)
    return _Layout(kind, format_, list(members.values()), attributes)


def _mask(code: str) -> int:
    """Values too large for their member are cut: their attribute carries them whole."""
    return (1 << 8 * struct.calcsize("=" + code.upper())) - 1
