"""The lowest layer of the wire: headers and attributes, bytes in and bytes out, with every length checked.

    nlmsghdr (16) | family header | nlattr (len, type) payload pad | nlattr …

Source: struct nlmsghdr and struct nlattr, include/uapi/linux/netlink.h. Everything is padded to 4 bytes; integers are in
  host order unless an attribute says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import Final

from holdfast.errors import DecodeError

__all__ = ["HEADER", "HEADER_SIZE", "TYPE_MASK", "align", "attribute", "attributes", "message"]

HEADER: Final = Struct("=IHHII")
"""nlmsghdr: length with header, type, flags, sequence, port id."""
HEADER_SIZE: Final = HEADER.size
ATTRIBUTE: Final = Struct("=HH")
TYPE_MASK: Final = 0x3FFF
"""Strips NLA_F_NESTED and NLA_F_NET_BYTEORDER."""
NESTED: Final = 0x8000

_PADDING: Final = (b"", b"\0\0\0", b"\0\0", b"\0")


def align(length: int) -> int:
    return (length + 3) & ~3


def attributes(
    data: bytes | bytearray, start: int = 0, end: int | None = None, path: str = "", mask: int = TYPE_MASK
) -> Iterator[tuple[int, bytes]]:
    """Walk the attributes in data[start:end]: (type, payload); of the type what `mask` leaves: by default without flag bits.

    Up to three bytes behind the last attribute are padding.
    Raises: DecodeError - an attribute shorter than its header, or one that reaches over the end.
    """
    stop = len(data) if end is None else end
    unpack = ATTRIBUTE.unpack_from
    while stop - start >= 4:
        length, kind = unpack(data, start)
        if length < 4 or start + length > stop:
            raise DecodeError(f"attribute {kind & TYPE_MASK} claims {length} bytes, {stop - start} are left", offset=start, path=path)
        yield kind & mask, bytes(data[start + 4 : start + length])
        start += (length + 3) & ~3


def attribute(kind: int, payload: bytes, *, nested: bool = False) -> bytes:
    """One attribute, padded."""
    size = len(payload)
    return ATTRIBUTE.pack(size + 4, kind | NESTED if nested else kind) + payload + _PADDING[size & 3]


def message(kind: int, flags: int, seq: int, body: bytes, port: int = 0) -> bytes:
    """One netlink message, padded; `body` is the family header and the attributes."""
    size = HEADER_SIZE + len(body)
    return HEADER.pack(size, kind, flags, seq, port) + body + _PADDING[size & 3]
