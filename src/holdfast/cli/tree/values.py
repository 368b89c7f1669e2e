"""Values of the tree: as people type them, and as they read them."""

from __future__ import annotations

import json
import sys
from typing import Any

from holdfast.cli.presentation.style import Style, printable
from holdfast.errors import InvalidValue

__all__ = ["as_text", "in_line", "read_path", "read_value"]


def read_value(text: str) -> Any:
    """JSON or YAML: `1500`, `true`, `eth0`, `{mtu: 1500}`; `-` reads standard input, `@FILE` a file.

    Raises: InvalidValue - neither.
    """
    from holdfast.tree.text import read

    if text == "-":
        return read(sys.stdin.read(), "yaml")
    if text.startswith("@"):
        try:
            with open(text[1:], encoding="utf-8") as file:
                return read(file.read(), "yaml")
        except OSError as error:
            raise InvalidValue(f"cannot read `{text[1:]}`: {error.strerror}") from error
    return read(text, "yaml")


def read_path(text: str) -> str:
    """A path as people type it: with a dot in front as well, which says in `log`, `diff` and `watch` that the tree is meant."""
    return text.removeprefix(".")


def as_text(value: Any, style: Style) -> str:
    """YAML for people: containers on lines, a text alone without quotes."""
    from holdfast.tree.text import write

    if isinstance(value, str):
        return printable(value)
    if not isinstance(value, dict | list) or not value:
        return json.dumps(value, ensure_ascii=False)
    lines = write(value, "yaml").rstrip("\n").splitlines()
    return "\n".join(_painted(line, style) for line in lines)


def _painted(line: str, style: Style) -> str:
    """The key in colour."""
    indent = len(line) - len(line.lstrip(" -"))
    key, colon, rest = line[indent:].partition(":")
    if not colon or (rest and not rest.startswith(" ")) or key[:1] in "\"'{[":
        return line
    return f"{line[:indent]}{style('title', key)}:{rest}"


def in_line(value: Any) -> str:
    """In one line, cut where it is long."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:79]}…"
