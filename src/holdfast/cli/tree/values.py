"""Values of the tree: as people type them, and as they read them."""

from __future__ import annotations

import json
import sys
from typing import Any

from holdfast.cli.presentation.style import Style, printable
from holdfast.errors import InvalidValue

__all__ = ["as_text", "form_of", "in_line", "read_path", "read_text", "read_value"]


def read_value(text: str) -> Any:
    """JSON or YAML: `1500`, `true`, `eth0`, `{mtu: 1500}`; `-` reads standard input, `@FILE` a file.

    Raises: InvalidValue - neither.
    """
    from holdfast.tree.text import read

    return read(_of_file(text.removeprefix("@")) if text == "-" or text.startswith("@") else text, "yaml")


def read_text(word: str) -> str:
    """The text of a file; `-` is standard input. What can only be text, because it begins as JSON does or has lines, is that text.

    Raises: InvalidValue - it cannot be read.
    """
    return word if _is_text(word) else _of_file(word.removeprefix("@"))


def form_of(word: str) -> str:
    """json or yaml, by the name of a file."""
    return "yaml" if not _is_text(word) and word.lower().endswith((".yaml", ".yml")) else "json"


def _is_text(word: str) -> bool:
    return word.lstrip()[:1] in ("{", "[") or "\n" in word


def _of_file(name: str) -> str:
    try:
        if name == "-":
            return sys.stdin.read()
        with open(name, encoding="utf-8") as file:
            return file.read()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8"
        raise InvalidValue(f"cannot read `{name}`: {why}") from error


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
