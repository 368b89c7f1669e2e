"""Colour: what each role looks like on a terminal, and when there is any.

The roles are those of `ip -c`: interface names cyan, link-layer addresses yellow, IPv4 magenta, IPv6 blue, up green,
down red. IPv6 is bright blue, because plain blue cannot be read on most dark terminals.
"""

from __future__ import annotations

import os
from typing import Final, TextIO

from holdfast.errors import InvalidValue

__all__ = ["Style", "plain", "printable", "style_for"]

_CODES: Final = {
    "ifname": "36",
    "lladdr": "33",
    "ipv4": "35",
    "ipv6": "94",
    "good": "32",
    "bad": "31",
    "changed": "33",
    "dim": "2",
    "heading": "1",
    "title": "1",
}
_GOOD: Final = frozenset({"up", "reachable", "forwarding", "permanent", "running"})
_BAD: Final = frozenset({"down", "lowerlayerdown", "failed", "incomplete", "dadfailed", "linkdown", "dead", "blocking", "error", "ended"})


class Style:
    """Paints text by role, or leaves it alone. `address` and `state` are roles that depend on the text itself."""

    def __init__(self, colour: bool) -> None:
        self.colour = colour

    def __call__(self, role: str, text: str) -> str:
        if not self.colour or not text:
            return text
        if role == "address":
            role = "ipv6" if ":" in text else "ipv4" if text[0].isdigit() else ""
        elif role == "state":
            word = text.strip().lower()
            role = "good" if word in _GOOD else "bad" if word in _BAD else ""
        code = _CODES.get(role)
        return f"\x1b[{code}m{text}\x1b[0m" if code else text


plain: Final = Style(colour=False)


def style_for(stream: TextIO, when: str = "auto") -> Style:
    """The style for a stream. `auto`: on a terminal that is not dumb, unless NO_COLOR is set (https://no-color.org).

    Raises: InvalidValue - `when` is none of auto, always, never.
    """
    if when not in ("auto", "always", "never"):
        raise InvalidValue(f"expected auto, always or never, got `{when}` – at `--color`")
    if when == "auto":
        return Style(stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb")
    return Style(when == "always")


def printable(text: str) -> str:
    """Text that cannot steer the terminal: names of interfaces and the like come from anybody."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
