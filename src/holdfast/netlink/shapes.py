"""From a declared shape to its reader and writer.

    Shape (model)  ──coder()──▶  Coder: decode(bytes) -> value, encode(value) -> bytes, `code` for struct's bulk reading

Leniency is decided here and nowhere else:
  - an integer is read by the size it comes in (1, 2, 4 or 8 bytes), since kernels have widened attributes; it is written in
    the declared size;
  - inside a nest an attribute that does not fit its declaration is kept raw with the unknown ones: an option of some
    link kind that a newer kernel changed must not cost us the interface. At the top level it is a DecodeError;
  - text that is no UTF-8 (an interface name may be any bytes) is read with backslash escapes.
"""

from __future__ import annotations

import re
import socket
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Final

from holdfast.errors import DecodeError, InvalidValue
from holdfast.model.field import ListOf, Nest, Packed, Scalar, Shape, Struct

from .uapi import number
from .wire import attribute, attributes

__all__ = ["GRAMMARS", "Coder", "Grammar", "coder", "decode_unknown", "encode_unknown", "keep_unknown"]

Decode = Callable[..., Any]
Encode = Callable[..., bytes | None]
Fixed = Callable[[int, int], Decode | None]


@dataclass(frozen=True, slots=True)
class Coder:
    """How a shape is read and written.

    needs   names of other fields of the row that decode and encode take as further arguments.
    fixed   (payload size, address family) -> a decode for payloads that are all alike in both, without needs; None: none.
    code    the format character with which struct reads it as it stands, for bulk reading; "" where bytes must be decoded.
    size    the only size `code` is good for.
    """

    decode: Decode
    encode: Encode
    needs: tuple[str, ...] = ()
    code: str = ""
    size: int = 0
    fixed: Fixed | None = None


@dataclass(frozen=True, slots=True)
class Grammar:
    """Reader and writer of a `Packed` payload. `encode` may answer None: nothing is sent."""

    decode: Decode
    encode: Encode
    needs: tuple[str, ...] = ()
    fixed: Fixed | None = None


GRAMMARS: Final[dict[str, Grammar]] = {}
"""By the name of the Packed shape; the family modules of this package fill it."""

_CODES: Final = {"u8": "B", "u16": "H", "u32": "I", "u64": "Q", "i8": "b", "i32": "i"}


def _integer(name: str, size: int) -> Coder:
    signed = name.startswith("i")
    order: Any = "big" if name.startswith("be") else sys.byteorder
    from_bytes = int.from_bytes

    def decode(data: bytes) -> int:
        if len(data) not in (1, 2, 4, 8):
            raise DecodeError(f"expected an integer of {size} bytes, got {len(data)} bytes {data[:16].hex()}")
        return from_bytes(data, order, signed=signed)

    def encode(value: Any) -> bytes:
        try:
            return int(value).to_bytes(size, order, signed=signed)
        except (OverflowError, TypeError, ValueError) as error:
            raise InvalidValue(f"expected an integer of {size} bytes, got {value!r}") from error

    return Coder(decode, encode, code=_CODES.get(name, ""), size=size)


def _decode_text(data: bytes) -> str:
    return data.partition(b"\0")[0].decode("utf-8", "backslashreplace")


def _encode_text(value: Any) -> bytes:
    if not isinstance(value, str) or "\0" in value:
        raise InvalidValue(f"expected text without NUL, got {value!r}")
    return value.encode() + b"\0"


_FAMILY_OF_SIZE: Final = {4: socket.AF_INET, 16: socket.AF_INET6}


def decode_ip(data: bytes) -> str:
    """4 or 16 bytes to text. Raises: DecodeError - any other length."""
    family = _FAMILY_OF_SIZE.get(len(data))
    if family is None:
        raise DecodeError(f"expected an address of 4 or 16 bytes, got {len(data)} bytes {data[:20].hex()}")
    return socket.inet_ntop(family, data)


def fixed_ip(size: int, family: int) -> Decode | None:
    """Addresses of one size are read by one C function."""
    known = _FAMILY_OF_SIZE.get(size)
    return None if known is None else partial(socket.inet_ntop, known)


def encode_ip(value: Any) -> bytes:
    """Text to 4 or 16 bytes. Raises: InvalidValue - no IP address."""
    try:
        return socket.inet_pton(socket.AF_INET6 if ":" in value else socket.AF_INET, value)
    except (OSError, TypeError) as error:
        raise InvalidValue(f"expected an IPv4 or IPv6 address, got {value!r}") from error


def _decode_lladdr(data: bytes) -> str:
    """Hex with colons; the link-layer address of an IP tunnel is an IP address and is written as one."""
    return decode_ip(data) if len(data) in _FAMILY_OF_SIZE else data.hex(":")


def _encode_lladdr(value: Any) -> bytes:
    try:
        if value and ("." in value or any(len(part) != 2 for part in value.split(":"))):
            return encode_ip(value)
        return bytes.fromhex(value.replace(":", ""))
    except (AttributeError, TypeError, ValueError) as error:  # InvalidValue, which encode_ip raises, is a ValueError
        raise InvalidValue(f"expected a link-layer address like 02:00:00:00:00:01, got {value!r}") from error


def _decode_flag(data: bytes) -> bool:
    return True


def _encode_flag(value: Any) -> bytes | None:
    if value not in (0, 1):
        raise InvalidValue(f"expected true or false, got {value!r}")
    return b"" if value else None


def _decode_hex(data: bytes) -> str:
    return data.hex()


def _encode_hex(value: Any) -> bytes:
    try:
        return bytes.fromhex(value)
    except (TypeError, ValueError) as error:
        raise InvalidValue(f"expected bytes in hex, got {value!r}") from error


_SCALARS: Final = {
    "text": Coder(_decode_text, _encode_text),
    "ip": Coder(decode_ip, encode_ip, fixed=fixed_ip),
    "lladdr": Coder(_decode_lladdr, _encode_lladdr),
    "flag": Coder(_decode_flag, _encode_flag),
    "bytes": Coder(_decode_hex, _encode_hex),
}


def _struct(shape: Struct) -> Coder:
    """A run of equal members is an array: a kernel that has fewer sends fewer, and fewer are written back."""
    packer = struct.Struct(shape.order + shape.format)
    members, size = shape.members, packer.size
    codes = re.findall(r"\d*\w", shape.format)
    array = len(set(codes)) == 1 and len(codes) >= 8

    def decode(data: bytes) -> dict[str, Any]:
        if len(data) < size and not array:
            raise DecodeError(f"expected a struct of {size} bytes, got {len(data)} bytes {data[:16].hex()}")
        if len(data) < size:
            count = len(data) * len(codes) // size
            found: tuple[Any, ...] = struct.unpack_from(shape.order + codes[0] * count, data)
        else:
            found = packer.unpack_from(data)
        value = {name: one.hex() if isinstance(one, bytes) else one for name, one in zip(members, found, strict=False)}
        if any(more := data[size:]):  # a newer kernel sends more
            value["more"] = more.hex()
        return value

    def encode(value: Any) -> bytes:
        try:
            count = len(members)
            while array and count and members[count - 1] not in value:
                count -= 1
            given = [value.get(name, 0) for name in members[:count]]
            packed = (struct.Struct(shape.order + codes[0] * count) if array else packer).pack(
                *(bytes.fromhex(one) if isinstance(one, str) else one for one in given)
            )
            return packed + bytes.fromhex(value.get("more", ""))
        except (AttributeError, TypeError, struct.error, ValueError) as error:
            raise InvalidValue(f"expected an object with {', '.join(members)}, got {value!r}") from error

    return Coder(decode, encode)


def keep_unknown(unknown: dict[str, Any], kind: int, payload: bytes) -> None:
    """Add an attribute to the unknown ones; one that comes repeatedly becomes a list."""
    key, text = str(kind), payload.hex()
    have = unknown.get(key)
    unknown[key] = text if have is None else [*have, text] if isinstance(have, list) else [have, text]


def decode_unknown(data: bytes) -> dict[str, Any]:
    """Attributes of which nothing is known: number to hex."""
    unknown: dict[str, Any] = {}
    for kind, payload in attributes(data):
        keep_unknown(unknown, kind, payload)
    return unknown


def encode_unknown(unknown: dict[str, Any]) -> bytes:
    out = []
    for key, given in unknown.items():
        out += [attribute(int(key), _encode_hex(one)) for one in (given if isinstance(given, list) else [given])]
    return b"".join(out)


def _nest(shape: Nest) -> Coder:
    known: dict[int, list[tuple[str, Coder]]] = {}
    writers: list[tuple[str, int, Coder, bool]] = []
    for field in shape.fields:
        if not field.attrs:
            continue
        made = coder(field.shape)
        nested = isinstance(field.shape, Nest | ListOf)
        for word in field.attrs:
            known.setdefault(number(word), []).append((field.name, made))
        writers.append((field.name, number(field.attrs[0]), made, nested))
    names = {field.name for field in shape.fields}
    silent = {number(word) for word in shape.silent}

    def decode(data: bytes) -> dict[str, Any]:
        value: dict[str, Any] = {}
        unknown: dict[str, Any] = {}
        late: list[tuple[int, bytes, str, Coder]] = []
        for kind, payload in attributes(data):
            entries = known.get(kind)
            if entries is None:
                if kind not in silent:
                    keep_unknown(unknown, kind, payload)
                continue
            for name, made in entries:
                if made.needs:
                    late.append((kind, payload, name, made))
                    continue
                try:
                    value[name] = made.decode(payload)
                except DecodeError:
                    keep_unknown(unknown, kind, payload)
        for kind, payload, name, made in late:
            try:
                value[name] = made.decode(payload, *(value.get(need) for need in made.needs))
            except DecodeError:
                keep_unknown(unknown, kind, payload)
        if unknown:
            value["unknown"] = unknown
        return value

    def encode(value: Any) -> bytes:
        if not isinstance(value, dict):
            raise InvalidValue(f"expected an object with fields out of {', '.join(sorted(names))}, got {value!r}")
        surplus = value.keys() - names - {"unknown"}
        if surplus:
            raise InvalidValue(f"no such field {', '.join(sorted(surplus))}; there are {', '.join(sorted(names))}")
        out = []
        for name, kind, made, nested in writers:
            if (given := value.get(name)) is None:
                continue
            payload = made.encode(given, *(value.get(need) for need in made.needs))
            if payload is not None:
                out.append(attribute(kind, payload, nested=nested))
        return b"".join(out) + encode_unknown(value.get("unknown", {}))

    return Coder(decode, encode)


def _list(shape: ListOf) -> Coder:
    item = coder(shape.item)
    wanted = number(shape.attr) if shape.attr else None
    nested = isinstance(shape.item, Nest | ListOf)

    def decode(data: bytes) -> list[Any]:
        return [item.decode(payload) for kind, payload in attributes(data) if wanted is None or kind == wanted]

    def encode(value: Any) -> bytes:
        if not isinstance(value, list | tuple):
            raise InvalidValue(f"expected a list, got {value!r}")
        out = []
        for index, one in enumerate(value):
            payload = item.encode(one)
            if payload is not None:
                out.append(attribute(index if wanted is None else wanted, payload, nested=nested))
        return b"".join(out)

    return Coder(decode, encode)


@cache
def coder(shape: Shape) -> Coder:
    """The reader and writer of a shape."""
    match shape:
        case Scalar():
            return _SCALARS.get(shape.name) or _integer(shape.name, shape.size)
        case Struct():
            return _struct(shape)
        case Nest():
            return _nest(shape)
        case ListOf():
            return _list(shape)
        case Packed():
            grammar = GRAMMARS[shape.name]
            return Coder(grammar.decode, grammar.encode, grammar.needs, fixed=grammar.fixed)

