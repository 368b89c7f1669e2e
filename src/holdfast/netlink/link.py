"""Grammars of interfaces: the operational state in words, and what belongs to a link's kind.

Source: IF_OPER_*, include/uapi/linux/if.h; IFLA_INFO_DATA and IFLA_INFO_SLAVE_DATA, include/uapi/linux/if_link.h.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Final

from holdfast.errors import DecodeError, InvalidValue
from holdfast.model.field import Nest
from holdfast.model.links import KINDS

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
    return coder(Nest(known.data, known.silent)) if known and known.data else None


@cache
def _port_coder(kind: str) -> Coder | None:
    known = KINDS.get(kind)
    return coder(Nest(known.port, known.silent)) if known and known.port else None


def _by_kind(find: Callable[[str], Coder | None], need: str) -> Grammar:
    def decode(data: bytes, kind: str | None) -> dict[str, Any]:
        made = find(kind or "")
        if made:
            return made.decode(data)  # type: ignore[no-any-return]
        return {"unknown": decode_unknown(data)} if data else {}

    def encode(value: Any, kind: str | None) -> bytes | None:
        made = find(kind or "")
        if made:
            return made.encode(value)
        if not isinstance(value, dict) or value.keys() - {"unknown"}:
            raise InvalidValue(f"nothing is known of kind {kind!r}: expected an object with raw attributes in `unknown`, got {value!r}")
        return encode_unknown(value.get("unknown", {}))

    return Grammar(decode, encode, (need,))


GRAMMARS |= {
    "operstate": Grammar(_decode_operstate, _encode_operstate),
    "kind_data": _by_kind(_data_coder, "kind"),
    "port_data": _by_kind(_port_coder, "slave_kind"),
}
