"""Paths: where a node stands in the tree.

    nodes.r1.network.mtu                    keys, first to last, with dots between them
    nodes.r1.routes."10.0.0.0/24".metric    a key with a dot, slash, space … stands in quotes, escaped as in JSON
    (nothing)                               the whole tree

A path is a tuple of keys inside, and its canonical text in the file and in messages: one path has one text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

import msgspec

from holdfast.errors import InvalidValue

__all__ = ["MAX_DEPTH", "MAX_KEY", "Path", "PathLike", "below", "check_key", "parse", "show", "show_key"]

Path = tuple[str, ...]
PathLike = str | Path | list[str]
"""As users give it: text, or the keys themselves."""

MAX_DEPTH: Final = 64
"""Keys in a path."""
MAX_KEY: Final = 1024
"""Bytes of a key."""

_PLAIN: Final = re.compile(r"[^\s./\\\"*?\[\]{}()|^$\x00-\x1f\x7f]+")
"""A key that needs no quotes. What means something in a pattern is quoted too, so that a path is no pattern by accident."""
_QUOTED: Final = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"')


def parse(path: PathLike) -> Path:
    """The keys of a path. Raises: InvalidValue - it cannot be parsed, or is too deep."""
    try:
        return _parsed(tuple(path) if type(path) is list else path)  # type: ignore[arg-type]
    except TypeError:  # what cannot be hashed is no key
        raise InvalidValue(f"expected a path such as `nodes.r1.mtu`, got `{path!r}`") from None


@lru_cache(maxsize=8192)
def _parsed(path: str | Path) -> Path:
    if isinstance(path, tuple):
        keys = path
        for key in keys:
            check_key(key)
    elif isinstance(path, str):
        keys = tuple(_keys(path)) if path else ()
    else:
        raise InvalidValue(f"expected a path such as `nodes.r1.mtu`, got {type(path).__name__}")
    if len(keys) > MAX_DEPTH:
        raise InvalidValue(f"expected a path of at most {MAX_DEPTH} keys, got {len(keys)} – at `{show(keys[:3])}…`")
    return keys


def check_key(key: object) -> None:
    """Raises: InvalidValue - not text, too long, or text that is not Unicode."""
    if not isinstance(key, str):
        raise InvalidValue(f"expected a key that is text, got `{key!r}`")
    try:
        size = len(key) if key.isascii() else len(key.encode())
    except UnicodeEncodeError:
        raise InvalidValue(f"expected a key in Unicode, got {key!a} with half a surrogate pair") from None
    if size > MAX_KEY:
        raise InvalidValue(f"expected a key of at most {MAX_KEY} bytes, got {size} – at `{key[:40]}…`")


def _keys(text: str) -> Iterable[str]:
    at = 0
    while True:
        quoted = text.startswith('"', at)
        found = (_QUOTED if quoted else _PLAIN).match(text, at)
        if found is None:
            raise _wrong(text, at, "a closing quote" if quoted else "a key")
        key = _unquoted(text, at, found[0]) if quoted else found[0]
        check_key(key)
        yield key
        at = found.end()
        if at == len(text):
            return
        if text[at] != ".":
            raise _wrong(text, at, "a dot")
        at += 1


def _unquoted(text: str, at: int, quoted: str) -> str:
    try:
        key: str = msgspec.json.decode(quoted)
    except (msgspec.DecodeError, UnicodeEncodeError):
        raise _wrong(text, at, "a key escaped as in JSON") from None
    return key


def _wrong(text: str, at: int, expected: str) -> InvalidValue:
    got = f"`{text[at : at + 20]}`" if at < len(text) else "nothing"
    return InvalidValue(
        f"expected {expected} at character {at + 1}, got {got} – in the path `{text[:200]}`",
        hint='a key with a dot, slash, space or sign stands in quotes: nodes."10.0.0.0/24"',
    )


@lru_cache(maxsize=8192)
def show_key(key: str) -> str:
    """A key as it stands in a path."""
    return key if _PLAIN.fullmatch(key) else msgspec.json.encode(key).decode()


def show(path: Path) -> str:
    """The canonical text of a path."""
    return ".".join(map(show_key, path))


def below(path: str) -> tuple[str, str]:
    """The texts of all paths below this one lie from the first up to, not including, the second.

    >>> below("a.b")
    ('a.b.', 'a.b/')
    """
    return f"{path}.", f"{path}/"
