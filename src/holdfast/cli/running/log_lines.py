"""What a node logs: lines on stderr, text or JSON, or the last ones for its summary."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from holdfast.cli.presentation.style import Style, style_for

__all__ = ["logged"]


@contextmanager
def logged(how: str, screen: bool, *, verbose: bool, colour: str) -> Iterator[list[str]]:
    """Send what Holdfast logs to stderr, or, while a summary has the terminal, into the list that is returned."""
    lines: list[str] = []
    root = logging.getLogger("holdfast")
    handler: logging.Handler = _Lines(lines) if screen else logging.StreamHandler(sys.stderr)
    style = style_for(sys.stdout if screen else sys.stderr, colour)
    handler.setFormatter(_Json() if how == "json" else _Text(style, "%H:%M:%S" if screen else "%Y-%m-%d %H:%M:%S"))
    root.addHandler(handler)
    root.setLevel(logging.DEBUG if verbose else logging.INFO)
    try:
        yield lines
    finally:
        root.removeHandler(handler)


class _Lines(logging.Handler):
    """Keeps the last lines for the summary."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(self.format(record))
        del self._lines[:-100]


class _Text(logging.Formatter):
    """`2026-11-20 14:03:22 warning localhost: the kernel dropped events; everything is read again`"""

    def __init__(self, style: Style, stamp: str) -> None:
        super().__init__()
        self._paint = style
        self._stamp = stamp

    def format(self, record: logging.LogRecord) -> str:
        word = {logging.WARNING: self._paint("changed", "warning "), logging.ERROR: self._paint("bad", "error ")}.get(record.levelno, "")
        time = datetime.fromtimestamp(record.created).astimezone()
        text = f"{self._paint('dim', time.strftime(self._stamp))} {word}{record.getMessage()}"
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        shape = {
            "time": datetime.fromtimestamp(record.created).astimezone().isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "from": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            shape["exception"] = self.formatException(record.exc_info)
        return json.dumps(shape, ensure_ascii=False)
