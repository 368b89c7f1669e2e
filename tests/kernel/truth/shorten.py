"""The shortest part of a play that still fails: commands are left out, in halves first, then in ever smaller pieces.

Delta debugging (Zeller and Hildebrandt, 2002) without the complement's complement: a play's commands hardly depend on each
other, so leaving out is enough, and each try costs seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from .judge import Drift
from .stage import Command

__all__ = ["Play", "shorten"]

Play = list[list[Command]]


def shorten(play: Play, drift: Drift, drifts: Callable[[Play], Drift | None], *, within_s: float) -> tuple[Play, Drift]:
    """The shortest failing play found in time, and its failure."""
    deadline = time.monotonic() + within_s
    size = max(1, len(_flat(play)) // 2)
    while True:
        start = 0
        while start < len(_flat(play)):
            if time.monotonic() > deadline:
                return play, drift
            less = _without(play, range(start, start + size))
            if (found := drifts(less)) is not None:
                play, drift = less, found
            else:
                start += size
        if size == 1:
            return play, drift
        size = max(1, size // 2)


def _flat(play: Play) -> list[Command]:
    return [command for burst in play for command in burst]


def _without(play: Play, places: Sequence[int]) -> Play:
    """Without the commands at these places of the whole; bursts stay bursts."""
    at, made = 0, []
    for burst in play:
        made.append([command for place, command in enumerate(burst, at) if place not in places])
        at += len(burst)
    return [burst for burst in made if burst]
