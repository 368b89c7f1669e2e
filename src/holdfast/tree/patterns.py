"""Patterns over paths, from users: always matched in time linear in the path's length, by google-re2.

    nodes.*.mtu           `*` stands for one key, or for a part of one: nodes.r*.mtu
    nodes.**.mtu          `**` for any number of keys, none included
    regex: a.(\\w+)\\.ip   a regular expression over the whole canonical path, with groups; here `.` is what it is in expressions

A dot in a pattern is a dot of a path: `router-*.ip` does not match `router-a.zip`.

re2 is imported when somebody has a pattern: with the C++ library it takes 3 MB, of a node whose tree may be empty, and 15 ms.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from holdfast.errors import InvalidValue

from .head import Branch, Node
from .paths import Path, parse, show_key

__all__ = ["Pattern", "chosen", "found", "pattern", "regex"]

_MAX: Final = 2000
"""Characters of an expression."""
_PART: Final = re.compile(r'\*\*|"(?:[^"\\]|\\.)*"|[^.]+')


@dataclass(frozen=True, slots=True, eq=False)
class Pattern:
    """text: as it was given; prefix: keys that every match begins with; expression: re2's, over canonical paths."""

    text: str
    prefix: Path
    expression: Any

    def match(self, path: str) -> tuple[str | None, ...] | None:
        """The groups, if the whole path matches; None if not."""
        found = self.expression.fullmatch(path)
        return None if found is None else tuple(found.groups())


@lru_cache(maxsize=512)
def pattern(text: str) -> Pattern:
    """A pattern with stars. Raises: InvalidValue."""
    parts = list(_parts(text))
    prefix: list[str] = []
    for part in parts:
        if "*" in part and not part.startswith('"'):
            break
        prefix.append(parse(part)[0])
    return Pattern(text, tuple(prefix), _compiled(_expression(parts), text))


@lru_cache(maxsize=512)
def regex(text: str) -> Pattern:
    """A regular expression. Raises: InvalidValue - it is none, or one that needs more than linear time (backreferences …)."""
    return Pattern(text, (), _compiled(text, text))


def chosen(stars: str | None, expression: str | None) -> Pattern | None:
    """The one of both that is given. Raises: InvalidValue - both are, or it is none."""
    if stars is not None and expression is not None:
        raise InvalidValue("expected a pattern or a regular expression, got both")
    for text in (stars, expression):
        if text is not None and not isinstance(text, str):
            raise InvalidValue(f"expected a pattern such as `nodes.*.mtu`, got `{text!r}`")
    return regex(expression) if expression is not None else None if stars is None else pattern(stars)


def _parts(text: str) -> Iterator[str]:
    at = 0
    while at <= len(text):
        part = _PART.match(text, at)
        if part is None:
            raise InvalidValue(f"expected a key or a star at character {at + 1} of the pattern `{text}`", hint="such as nodes.*.mtu")
        yield part[0]
        at = part.end() + 1
        if part.end() < len(text) and text[part.end()] != ".":
            raise InvalidValue(f"expected a dot at character {part.end() + 1} of the pattern `{text}`")


def _expression(parts: list[str]) -> str:
    """`a.**.b` becomes a\\.(KEY\\.)*b; the dots belong to the stars."""
    import re2

    key = r'(?:"(?:[^"\\]|\\.)*"|[^".]+)'
    found = ""
    for place, part in enumerate(parts):
        last = place + 1 == len(parts)
        if part == "**":
            found = found.removesuffix(r"\.") + rf"(?:\.{key})*" if last and place else found + rf"(?:{key}\.)*"
            if last and not place:
                found = ".*"
            continue
        if part == "*":
            found += key
        elif part.startswith('"'):
            found += re2.escape(show_key(parse(part)[0]))
        else:
            found += "".join(r'[^."]*' if one == "*" else re2.escape(one) for one in re.split(r"(\*)", part))
        found += "" if last else r"\."
    return found


def _compiled(expression: str, text: str) -> Any:
    import re2

    if len(expression) > _MAX:
        raise InvalidValue(f"expected an expression of at most {_MAX} characters, got {len(expression)}")
    try:
        options = re2.Options()
        options.log_errors = False
        return re2.compile(expression, options)
    except (re2.error, TypeError, ValueError) as error:
        what = error.args[0] if error.args else error
        what = what.decode(errors="replace") if isinstance(what, bytes) else what
        hint = "google-re2's syntax: no backreferences, no lookaround"
        raise InvalidValue(f"the expression `{text}` cannot be used: {what}", hint=hint) from None


def found(root: Branch, wanted: Pattern) -> Iterator[tuple[Path, Node, tuple[str | None, ...]]]:
    """Leaves and containers whose path matches, in order of their keys."""
    node: Node | None = root
    for key in wanted.prefix:
        node = node.children.get(key) if type(node) is Branch else None
    if node is not None:
        yield from _walk(node, wanted.prefix, ".".join(map(show_key, wanted.prefix)), wanted)


def _walk(node: Node, path: Path, text: str, wanted: Pattern) -> Iterator[tuple[Path, Node, tuple[str | None, ...]]]:
    groups = wanted.match(text) if path else None
    if groups is not None:
        yield path, node, groups
    if type(node) is Branch:
        for key, child in sorted(node.children.items()):
            shown = show_key(key)
            yield from _walk(child, (*path, key), f"{text}.{shown}" if text else shown, wanted)
