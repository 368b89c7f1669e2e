"""Values: what a leaf may hold, and its text in the file.

JSON: null, booleans, numbers, text, arrays. Objects are containers, except inside an array, which is one value. Integers have 64 bits;
NaN and infinities are none of JSON's.
"""

from __future__ import annotations

import math
from typing import Any, Final

import msgspec

from holdfast.errors import InvalidValue

from .paths import MAX_DEPTH, Path, check_key, show

__all__ = ["MAX_COMMIT", "MAX_LEAF", "check_seconds", "checked", "decode", "encode", "fresh"]

MAX_LEAF: Final = 1 << 20
"""Bytes of one leaf's text."""
MAX_COMMIT: Final = 64 << 20
"""Bytes of all values of one commit."""

_encode: Final = msgspec.json.Encoder(order="deterministic").encode
decode: Final = msgspec.json.decode
"""The value of a text in the file."""


def encode(value: Any) -> str:
    """The text of a leaf's value; equal values have equal texts, whatever the order of members. 1, 1.0 and true differ."""
    return _encode(value).decode()


def checked(value: Any, path: Path) -> Any:
    """A value of plain Python types, good for a leaf or a container at `path`; the caller's own objects are not kept.

    Raises: InvalidValue - not JSON, NaN, too deep, too big.
    """
    kind = type(value)
    if kind is str:
        _check_text(value, path)
        return value
    if kind is int:
        _check_int(value, path)
        return value
    if kind is bool or value is None:
        return value
    if kind is float:
        if not math.isfinite(value):
            raise InvalidValue(f"expected a JSON value, got {value}, which JSON does not have – at `{show(path)}`")
        return value
    if isinstance(value, dict):
        return _checked_members(value, path)
    if isinstance(value, list | tuple):
        items = [_checked_item(one, path, 1) for one in value]
        _check_size(items, path)
        return items
    return _plain(value, path)


def _checked_members(value: dict[Any, Any], path: Path) -> dict[str, Any]:
    if len(path) >= MAX_DEPTH and value:
        raise InvalidValue(f"expected at most {MAX_DEPTH} levels – at `{show(path[:3])}…`")
    found = {}
    for key, member in value.items():
        _check_member(key, path)
        found[key] = checked(member, (*path, key))
    return found


def _check_member(key: Any, path: Path) -> None:
    try:
        check_key(key)
    except InvalidValue as error:
        raise InvalidValue(f"{error} – at `{show(path)}`") from None


def _checked_item(value: Any, path: Path, depth: int) -> Any:
    """The same for what is inside an array."""
    if depth > MAX_DEPTH:
        raise InvalidValue(f"expected arrays and objects at most {MAX_DEPTH} deep – at `{show(path)}`")
    if isinstance(value, dict):
        found = {}
        for key, member in value.items():
            _check_member(key, path)
            found[key] = _checked_item(member, path, depth + 1)
        return found
    if isinstance(value, list | tuple):
        return [_checked_item(one, path, depth + 1) for one in value]
    return checked(value, path)


def _plain(value: Any, path: Path) -> Any:
    """A subclass of a JSON type, such as a string enumeration, becomes the type itself."""
    for kind in (str, int, float):
        if isinstance(value, kind):
            return checked(kind(value), path)
    raise InvalidValue(f"expected a JSON value, got a Python {type(value).__name__} – at `{show(path)}`")


def _check_int(value: int, path: Path) -> None:
    if not -(1 << 63) <= value < 1 << 64:
        raise InvalidValue(f"expected an integer of at most 64 bits, got {value:.6g} – at `{show(path)}`", hint="keep it as text")


def _check_text(value: str, path: Path) -> None:
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise InvalidValue(f"expected text in Unicode, got half a surrogate pair – at `{show(path)}`") from None
    if len(value) > MAX_LEAF // 6:  # a character takes at most 6 bytes as JSON
        _check_size(value, path)


def _check_size(value: Any, path: Path) -> None:
    size = len(_encode(value))
    if size > MAX_LEAF:
        raise InvalidValue(f"expected a value of at most {MAX_LEAF} bytes, got {size} – at `{show(path)}`", hint="keep a reference to it")


def fresh(value: Any) -> Any:
    """A copy that its receiver may change."""
    if type(value) is list:
        return [fresh(one) for one in value]
    if type(value) is dict:
        return {key: fresh(one) for key, one in value.items()}
    return value


def check_seconds(name: str, seconds: object) -> None:
    """A time to live or to wait. Raises: InvalidValue."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds < math.inf:
        raise InvalidValue(f"expected a number of seconds above 0 as {name}, got `{seconds!r}`")
