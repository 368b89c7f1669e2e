"""Hypothesis strategies that make rows of any table from its declaration.

    from holdfast.testing.rows import rows
    @given(rows(TABLES["routes"]))
"""

from __future__ import annotations

import struct
from typing import Any

from hypothesis import strategies as st

from holdfast.model.encap import ENCAPS
from holdfast.model.field import Field, ListOf, Nest, Packed, Scalar, Shape, Struct, Table
from holdfast.model.links import KINDS
from holdfast.netlink.codec import codec_of
from holdfast.netlink.shapes import coder
from holdfast.netlink.uapi import number

__all__ = ["rows", "values"]

_TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=15)
_IP4 = st.ip_addresses(v=4).map(str)
_IP6 = st.ip_addresses(v=6).map(lambda ip: _kernel_text(ip.packed))
_LABEL = st.integers(0, (1 << 20) - 1)
_HEX = st.binary(max_size=24).map(bytes.hex)


def _kernel_text(packed: bytes) -> str:
    import socket

    return socket.inet_ntop(socket.AF_INET6, packed)


def _integers(size: int, *, signed: bool = False) -> st.SearchStrategy[int]:
    bits = 8 * size
    return st.integers(-(1 << bits - 1), (1 << bits - 1) - 1) if signed else st.integers(0, (1 << bits) - 1)


def _scalar(shape: Scalar) -> st.SearchStrategy[Any]:
    match shape.name:
        case "text":
            return _TEXT
        case "ip":
            return _IP4 | _IP6
        case "lladdr":
            return st.binary(min_size=1, max_size=32).map(coder(shape).decode)
        case "flag":
            return st.just(True)
        case "bytes":
            return _HEX
    return _integers(shape.size, signed=shape.name.startswith("i"))


def _struct(shape: Struct) -> st.SearchStrategy[Any]:
    packer = struct.Struct(shape.order + shape.format)

    def unpack(data: bytes) -> dict[str, Any]:
        found = zip(shape.members, packer.unpack(data), strict=True)
        return {name: one.hex() if isinstance(one, bytes) else one for name, one in found}

    return st.binary(min_size=packer.size, max_size=packer.size).map(unpack)


@st.composite
def _nest(draw: st.DrawFn, fields: tuple[Field, ...]) -> dict[str, Any]:
    """Some of the fields; what a field needs to be read comes with it."""
    value: dict[str, Any] = {}
    for field in fields:
        if draw(st.booleans()) and field.attrs:
            value[field.name] = draw(values(field.shape))
    return value


def _encap(kind: int) -> st.SearchStrategy[Any]:
    return values(ENCAPS[kind])


@st.composite
def _hop(draw: st.DrawFn) -> dict[str, Any]:
    hop: dict[str, Any] = {"oif": draw(st.integers(0, 1 << 20)), "weight": draw(st.integers(1, 256)), "flags": draw(_integers(1))}
    if draw(st.booleans()):
        hop["gateway"] = draw(_IP4 | _IP6)
    if draw(st.booleans()):
        hop["via"] = draw(PACKED["via"])
    if draw(st.booleans()):
        hop["encap_type"] = draw(st.sampled_from(sorted(ENCAPS)))
        hop["encap"] = draw(_encap(hop["encap_type"]))
    return hop


def _text(coder_of: str) -> Any:
    return coder(Packed(coder_of)).decode


def _with_segments_left(srh: dict[str, Any]) -> dict[str, Any]:
    return {**srh, "segments_left": len(srh["segs"]) - 1}


_SRH: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"mode": st.integers(0, 3), "segs": st.lists(_IP6, min_size=1, max_size=4), "flags": _integers(1), "tag": _integers(2)}
).map(_with_segments_left)

PACKED: dict[str, st.SearchStrategy[Any]] = {
    "labels": st.lists(_LABEL, min_size=1, max_size=4),
    "via": (_IP4.map(lambda ip: {"family": 2, "addr": ip}) | _IP6.map(lambda ip: {"family": 10, "addr": ip})),
    "multipath": st.lists(_hop(), min_size=1, max_size=4),
    "srh": _SRH,
    "nexthop_group": st.lists(st.fixed_dictionaries({"id": _integers(4), "weight": st.integers(1, 65536)}), max_size=4),
    "tc_options": _HEX,
    "tun_id": _integers(8).map(str),
    "bridge_id": st.binary(min_size=8, max_size=8).map(_text("bridge_id")),
    "peer": st.fixed_dictionaries({"ifname": _TEXT}, optional={"mtu": _integers(4), "ifindex": st.integers(1, 1 << 20)}),
    "operstate": st.binary(min_size=1, max_size=1).map(_text("operstate")),
    "unknown": st.dictionaries(st.integers(9000, 16000).map(str), _HEX, min_size=1, max_size=3),
}
"""By the grammar's name. Grammars whose values hang on other fields are drawn by `rows`."""


def values(shape: Shape) -> st.SearchStrategy[Any]:
    """Values of a shape."""
    match shape:
        case Scalar():
            return _scalar(shape)
        case Struct():
            return _struct(shape)
        case Nest():
            return _nest(shape.fields)
        case ListOf():
            return st.lists(values(shape.item), max_size=3)
        case Packed():
            return PACKED[shape.name]


def _width(table: Table, field: Field) -> st.SearchStrategy[Any]:
    """A field that only has a member of the header must fit it; families are those that the table has."""
    if field.name == "family" and table.message and table.message.families != ("AF_UNSPEC",):
        return st.sampled_from([number(word) for word in table.message.families])
    if (table.name, field.name) == ("vlans", "vid"):
        return st.integers(0, 4095)
    if field.name in ("kind", "slave_kind") and table.name == "interfaces":
        return st.sampled_from(sorted(KINDS)) | _TEXT
    if field.name == "encap_type":
        return st.sampled_from(sorted(ENCAPS)) | _integers(2)
    codec = codec_of(table)
    if field.attrs and all(word.islower() for word in field.attrs) and isinstance(field.shape, Scalar):
        code = codec.codes[codec.members.index(field.attrs[0])]
        size = struct.calcsize("=" + code)
        if code.islower():  # an index is signed in ndmsg and tcmsg, and never negative but where its field says so
            return _integers(size, signed=True) if field.shape.name.startswith("i") else st.integers(0, (1 << 8 * size - 1) - 1)
        return _integers(size)
    return values(field.shape)


@st.composite
def rows(draw: st.DrawFn, table: Table) -> dict[str, Any]:
    """A row of the table: every field without a default may be absent; derived fields are left out."""
    row: dict[str, Any] = {}
    for field in table.fields:
        if field.derive or (not field.attrs and field.name != "unknown"):
            continue
        if field.default is None and draw(st.booleans()):
            continue
        drawn = _CONTEXT[field.shape.name](draw, row) if isinstance(field.shape, Packed) and field.shape.name in _CONTEXT else None
        if drawn is None and not (isinstance(field.shape, Packed) and field.shape.name in _CONTEXT):
            drawn = draw(_width(table, field))
        if drawn is not None:
            row[field.name] = drawn
    return row


def _destination(draw: st.DrawFn, row: dict[str, Any]) -> Any:
    return draw(st.just("default") | {28: _LABEL.map(str), 10: _IP6}.get(row.get("family", 0), _IP4))


def _encap_of_type(draw: st.DrawFn, row: dict[str, Any]) -> Any:
    kind = row.get("encap_type")
    return draw(_encap(kind)) if kind in ENCAPS else {"unknown": draw(PACKED["unknown"])} if kind else None


def _kind_data(draw: st.DrawFn, row: dict[str, Any]) -> Any:
    kind = KINDS.get(row.get("kind") or "")
    return draw(_nest(kind.data)) if kind else None


def _port_data(draw: st.DrawFn, row: dict[str, Any]) -> Any:
    kind = KINDS.get(row.get("slave_kind") or "")
    return draw(_nest(kind.port)) if kind else None


_CONTEXT = {"destination": _destination, "encap": _encap_of_type, "kind_data": _kind_data, "port_data": _port_data}
