"""Records as text: csv, json, md, yaml. Each is a function from records to lines, lazy, one record at a time.

YAML needs no library: JSON's strings, numbers and flow collections are YAML 1.2 values as they stand.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from holdfast.objects.records import Record

__all__ = ["FORMATS"]


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def csv(records: Iterable[Record]) -> Iterator[str]:
    """A line of names, then a line per record: numbers bare, text in single quotes, None empty; of constant width."""
    for first, record in _numbered(records):
        if first:
            yield ",".join(_cell(name) for name in record._names)
        yield ",".join(_cell(value) for value in record)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, int | float):
        return str(int(value) if isinstance(value, bool) else value)
    text = _json(value) if isinstance(value, Mapping | list | tuple) else str(value)
    return "'" + text.replace("'", "''") + "'"


def as_json(records: Iterable[Record]) -> Iterator[str]:
    """One array of objects, a line per field."""
    yield "["
    tail = None
    for record in records:
        if tail is not None:
            yield tail + ","
        yield "    {"
        pairs = [f"        {_json(name)}: {_json(value)}" for name, value in record._as_dict().items()]
        yield from (pair + "," for pair in pairs[:-1])
        yield from pairs[-1:]
        tail = "    }"
    if tail is not None:
        yield tail
    yield "]"


def markdown(records: Iterable[Record]) -> Iterator[str]:
    """A table as GitHub reads it."""
    for first, record in _numbered(records):
        if first:
            yield "|" + "|".join(record._names) + "|"
            yield "|" + "|".join("---" for _ in record._names) + "|"
        yield "|" + "|".join(_plain(value).replace("|", "\\|").replace("\n", " ") for value in record) + "|"


def _plain(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else _json(value)


def yaml(records: Iterable[Record]) -> Iterator[str]:
    """A sequence of mappings."""
    empty = True
    for record in records:
        empty = False
        for mark, (name, value) in zip(itertools.chain("-", itertools.repeat(" ")), record._as_dict().items(), strict=False):
            yield f"{mark} {name}: {_json(value)}"
    if empty:
        yield "[]"


def _numbered(records: Iterable[Record]) -> Iterator[tuple[bool, Record]]:
    return zip(itertools.chain((True,), itertools.repeat(False)), records, strict=False)


FORMATS: Final[dict[str, Callable[[Iterable[Record]], Iterator[str]]]] = {"csv": csv, "json": as_json, "md": markdown, "yaml": yaml}
"""By the name that `RecordSet.format` takes."""
