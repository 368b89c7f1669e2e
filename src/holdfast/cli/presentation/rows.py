"""Rows as JSON: an array with one object per row, each on a line of its own, JSON columns as JSON."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, TextIO

import msgspec

__all__ = ["json_object", "plain_values", "write_json"]

_ENCODER = msgspec.json.Encoder()


def json_object(names: Sequence[str], row: Sequence[Any], structured: Collection[str] | None) -> bytes:
    """One row as a JSON object. Bytes become hex.

    structured  the columns that hold JSON text; None: whatever column holds an object or a list.
    """
    shape: dict[str, Any] = {}
    for name, value in zip(names, row, strict=True):
        if isinstance(value, bytes):
            value = value.hex()
        elif isinstance(value, str) and (_is_json(value) if structured is None else name in structured):
            value = msgspec.Raw(value.encode())
        shape[name] = value
    return _ENCODER.encode(shape)


def _is_json(text: str) -> bool:
    if text[:1] not in ("{", "["):
        return False
    try:
        msgspec.json.decode(text)
    except msgspec.DecodeError:
        return False
    return True


def write_json(out: TextIO, names: Sequence[str], rows: Iterable[Sequence[Any]], structured: Collection[str] | None) -> None:
    """Write an array; on a terminal each object is spread over lines, for reading."""
    pretty = out.isatty()
    first = True
    for row in rows:
        text = json_object(names, row, structured)
        if pretty:
            text = msgspec.json.format(text, indent=2)
        out.write(("[\n" if first else ",\n") + text.decode())
        first = False
    out.write("[]\n" if first else "\n]\n")


def plain_values(value: Any) -> Any:
    """Bytes become hex."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {name: plain_values(one) for name, one in value.items()}
    return [plain_values(one) for one in value] if isinstance(value, Sequence) and not isinstance(value, str) else value
