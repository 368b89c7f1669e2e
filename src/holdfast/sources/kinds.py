"""The kinds of sources by name: `make` is the one place that knows them all."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

from holdfast.errors import NotSupported, UnknownName

from .contract import Source

__all__ = ["KINDS", "make"]

KINDS: Final = {"local": "local.Local", "netns": "netns.Netns", "replay": "replay.Replay"}
"""Kind -> module and class in this package, imported when first wanted."""
PLANNED: Final = ("remote", "ssh", "openbsd", "freebsd", "node")


def make(target: str, kind: str = "local", **spec: Any) -> Source:
    """A source by kind; nothing is opened yet.

    local   this process's network namespace
    netns   netns=<name | path | PID>
    replay  file=<recording>, speed=0 | 1 | …
    all     tables=[names], and but for replay groups=[names or numbers], rcvbuf=<bytes>
    Raises: UnknownName - no such kind, table or group;  NotSupported - a kind that this build does not have;
      InvalidValue - an option that the kind does not take.
    """
    if kind in KINDS:
        module, name = KINDS[kind].split(".")
        found: type[Source] = getattr(import_module(f"{__package__}.{module}"), name)
        return found(target, spec)
    there = ", ".join(KINDS)
    if kind in PLANNED:
        raise NotSupported(f"sources of kind `{kind}` are not in this build; there are {there} – at source `{target}`")
    raise UnknownName(f"no kind of source `{kind}`; there are {there} – at source `{target}`")
