"""Grammars of interfaces: the operational state in words, and what belongs to a link's kind.

Source: IF_OPER_*, include/uapi/linux/if.h; IFLA_INFO_DATA and IFLA_INFO_SLAVE_DATA, include/uapi/linux/if_link.h.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Final

from holdfast.errors import DecodeError, InvalidValue
from holdfast.model.field import Table
from holdfast.model.interface import INTERFACES
from holdfast.model.links import KINDS

from .blank import keeps_unknown
from .rows import TableCodec
from .shapes import GRAMMARS, Coder, Grammar, coder, decode_unknown, encode_unknown

_OPERSTATES: Final = ("UNKNOWN", "NOTPRESENT", "DOWN", "LOWERLAYERDOWN", "TESTING", "DORMANT", "UP")


def _decode_operstate(data: bytes) -> str:
    if len(data) != 1:
        raise DecodeError(f"expected an operational state of one byte, got {len(data)} bytes", path="IFLA_OPERSTATE")
    return _OPERSTATES[data[0]] if data[0] < len(_OPERSTATES) else str(data[0])


def _encode_operstate(value: Any) -> bytes:
    try:
        return bytes([_OPERSTATES.index(value) if value in _OPERSTATES else int(value)])
    except (TypeError, ValueError) as error:
        raise InvalidValue(f"expected one of {', '.join(_OPERSTATES)}, or a number below 256, got {value!r}") from error


@cache
def _data_coder(kind: str) -> Coder | None:
    known = KINDS.get(kind)
    return coder(known.data_nest) if known and known.data else None


@cache
def _port_coder(kind: str) -> Coder | None:
    known = KINDS.get(kind)
    return coder(known.port_nest) if known and known.port else None


def _by_kind(find: Callable[[str], Coder | None], need: str) -> Grammar:
    def decode(data: bytes, kind: str | None) -> dict[str, Any]:
        made = find(kind or "")
        if made:
            return made.decode(data)  # type: ignore[no-any-return]
        unknown = {key: raw for key, raw in decode_unknown(data).items() if keeps_unknown(kind, int(key))} if data else {}
        return {"unknown": unknown} if unknown else {}

    def encode(value: Any, kind: str | None) -> bytes | None:
        made = find(kind or "")
        if made:
            return made.encode(value)
        if not isinstance(value, dict) or value.keys() - {"unknown"}:
            raise InvalidValue(f"nothing is known of kind {kind!r}: expected an object with raw attributes in `unknown`, got {value!r}")
        return encode_unknown(value.get("unknown", {}))

    return Grammar(decode, encode, (need,))


def _decode_bridge_id(data: bytes) -> str:
    """struct ifla_bridge_id as `ip` prints it: 8000.02:00:00:00:00:01."""
    if len(data) != 8:
        raise DecodeError(f"expected a bridge id of 8 bytes, got {len(data)}")
    return f"{data[:2].hex()}.{data[2:].hex(':')}"


def _encode_bridge_id(value: Any) -> bytes:
    try:
        packed = bytes.fromhex(value.replace(".", "").replace(":", ""))
    except (AttributeError, ValueError):
        packed = b""
    if len(packed) != 8:
        raise InvalidValue(f"expected a bridge id like 8000.02:00:00:00:00:01, got {value!r}")
    return packed


@cache
def _peer_codec() -> TableCodec:
    """The other end of a veth in a request: an interface without what hangs on its kind, so that no peer is inside a peer."""
    fields = tuple(field for field in INTERFACES.fields if field.name not in ("kind_data", "port_data"))
    return TableCodec(Table("peer", "peer", "The other end of a veth.", fields, ("ifindex",), INTERFACES.message, silent=INTERFACES.silent))


def _decode_peer(data: bytes) -> dict[str, Any]:
    codec = _peer_codec()
    row = zip(codec.table.fields, codec.decode(data, 0, len(data)), strict=True)
    return {field.name: value for field, value in row if value not in (None, field.default) and not field.derive}


def _encode_peer(value: Any) -> bytes:
    codec = _peer_codec()
    if not isinstance(value, dict) or value.keys() - set(codec.table.columns):
        raise InvalidValue(f"expected an object with fields of an interface, got {value!r}")
    return codec.encode(value)


GRAMMARS.update(
    {
        "bridge_id": Grammar(_decode_bridge_id, _encode_bridge_id),
        "peer": Grammar(_decode_peer, _encode_peer),
        "operstate": Grammar(_decode_operstate, _encode_operstate),
        "kind_data": _by_kind(_data_coder, "kind"),
        "port_data": _by_kind(_port_coder, "slave_kind"),
    }
)
