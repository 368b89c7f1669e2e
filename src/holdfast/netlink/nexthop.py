"""Grammars of nexthop objects and rules.

Source: struct nexthop_grp, include/uapi/linux/nexthop.h; FRA_TUN_ID, include/uapi/linux/fib_rules.h.
"""

from __future__ import annotations

import struct
from typing import Any, Final

from holdfast.errors import DecodeError, InvalidValue

from .shapes import GRAMMARS, Grammar

_MEMBER: Final = struct.Struct("=IBBH")


def _decode_group(data: bytes) -> list[dict[str, int]]:
    """A run of struct nexthop_grp: u32 id, u8 weight - 1, u8 its upper bits (Linux 6.12), u16 reserved."""
    if len(data) % _MEMBER.size:
        raise DecodeError(f"expected members of {_MEMBER.size} bytes, got {len(data)} bytes", path="NHA_GROUP")
    return [{"id": number, "weight": (high << 8 | low) + 1} for number, low, high, _ in _MEMBER.iter_unpack(data)]


def _encode_group(value: Any) -> bytes:
    out = b""
    for member in value if isinstance(value, list | tuple) else (None,):
        try:
            weight = member.get("weight", 1) - 1
            out += _MEMBER.pack(member["id"], weight & 0xFF, weight >> 8, 0)
        except (AttributeError, KeyError, TypeError, struct.error) as error:
            raise InvalidValue(f"expected a list of objects with id and weight (1 to 65536), got {value!r}") from error
    return out


def _decode_key(data: bytes) -> str:
    if len(data) != 8:
        raise DecodeError(f"expected a tunnel key of 8 bytes, got {len(data)}", path="FRA_TUN_ID")
    return str(int.from_bytes(data, "big"))


def _encode_key(value: Any) -> bytes:
    try:
        return int(value).to_bytes(8, "big")
    except (OverflowError, TypeError, ValueError) as error:
        raise InvalidValue(f"expected a tunnel key of 64 bits in decimal, got {value!r}") from error


GRAMMARS.update(
    {
        "nexthop_group": Grammar(_decode_group, _encode_group),
        "tun_id": Grammar(_decode_key, _encode_key),
    }
)
