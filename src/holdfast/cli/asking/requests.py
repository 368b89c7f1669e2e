"""What is asked of what was and of what comes, of tables and of the tree alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["ON_TERMINAL", "LogRequest", "WatchRequest"]

ON_TERMINAL: Final = 100
"""Entries that a terminal gets unless it asks for more."""


@dataclass(frozen=True, slots=True)
class LogRequest:
    """noun "": everything. limit: entries, 0: all, None: what suits the output. each: every change, however many at a time."""

    noun: str = ""
    filters: tuple[str, ...] = ()
    since: str = ""
    until: str = ""
    author: str = ""
    limit: int | None = None
    each: bool = False


@dataclass(frozen=True, slots=True)
class WatchRequest:
    """What to watch. `noun` "": everything; `since`: a point in time, "": from now on; `limit`: end after so many, 0: never.

    each  tell each change, however many there are; without it a terminal gets sums of a busy second.
    """

    noun: str = ""
    filters: tuple[str, ...] = ()
    since: str = ""
    limit: int = 0
    each: bool = False
