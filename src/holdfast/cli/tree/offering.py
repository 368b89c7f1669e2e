"""What could follow a path that was begun: the keys that are there, one level further. Of a node, or of the shell's own file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from holdfast.cli.asking.state import socket_of
from holdfast.cli.asking.steering import KEPT, Caller, file_of
from holdfast.errors import HoldfastError

__all__ = ["asked", "begun", "paths"]

_MOST: Final = 200
"""Keys that are offered."""


def asked(verb: str, **arguments: Any) -> Any:
    """The answer of who has the tree; None where nobody has, or he does not answer. No file is opened for a completion."""
    try:
        caller = _caller()
        return None if caller is None else caller.call(verb, **arguments)
    except HoldfastError:
        return None


def _caller() -> Caller | None:
    kept = KEPT.get()
    if kept is not None:
        return kept("")
    path = file_of()
    if path is None:
        return None
    from holdfast.client.unix import UnixClient

    return UnixClient(socket_of(path))


def paths(incomplete: str) -> Iterator[tuple[str, str]]:
    """Paths with one more key, as they are typed, each with a word about it. A dot before the first key stays."""
    dot = "." if incomplete.startswith(".") else ""
    parent, key = begun(incomplete[len(dot) :])
    found = list(_keys(parent, key))
    for one in found:
        yield f"{dot}{_joined(parent, one)}", ""
    if found == [key]:  # it is whole: what is below
        below = _joined(parent, key)
        for one in _keys(below, ""):
            yield f"{dot}{_joined(below, one)}", ""


def begun(text: str) -> tuple[str, str]:
    """The path of the keys that are complete, and what was typed of the next one, without its quote.

    >>> begun('nodes.r1.routes."10.0')
    ('nodes.r1.routes', '10.0')
    """
    quoted, at = False, -1
    place = 0
    while place < len(text):
        if quoted and text[place] == "\\":
            place += 1
        elif text[place] == '"':
            quoted = not quoted
        elif text[place] == "." and not quoted:
            at = place
        place += 1
    key = text[at + 1 :]
    return text[: max(at, 0)], key.removeprefix('"').removesuffix('"') if key.startswith('"') else key


def _keys(parent: str, key: str) -> Iterator[str]:
    """Those that begin so: the list is ordered, so it is asked for from just before."""
    after = f"{key[:-1]}{chr(ord(key[-1]) - 1)}\U0010ffff" if key and ord(key[-1]) not in (0, 0xE000) else None
    for one in asked("tree.keys", path=parent, after=after, limit=_MOST) or ():
        if not one.startswith(key):
            return
        yield one


def _joined(parent: str, key: str) -> str:
    from holdfast.tree.paths import show_key

    return f"{parent}.{show_key(key)}" if parent else show_key(key)
