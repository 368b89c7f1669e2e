"""All tables as text: for looking at, and for sending along with a report."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, TextIO

from holdfast.model import TABLES
from holdfast.objects.reading import plan

if TYPE_CHECKING:
    from holdfast.objects.reading import Reading

__all__ = ["export"]


def export(reading: Reading, f: str | TextIO = "stdout") -> None:
    """Write a line with each table's name, then a JSON object per row. f: "stdout", "stderr", a path, or an open text file."""
    if isinstance(f, str) and f not in ("stdout", "stderr"):
        with open(f, "w", encoding="utf-8") as file:
            _write(reading, file)
    else:
        _write(reading, {"stdout": sys.stdout, "stderr": sys.stderr}[f] if isinstance(f, str) else f)


def _write(reading: Reading, file: TextIO) -> None:
    for name in TABLES:
        how = plan(name)
        file.write(f"{name}\n")
        file.writelines(f"{json.dumps(how.record(row)._as_dict(), ensure_ascii=False)}\n" for row in reading.stream(how.select))
