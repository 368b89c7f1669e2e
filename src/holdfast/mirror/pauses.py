"""How long to wait before the next try, and before the next costly thing. Pure: the clock is the caller's."""

from __future__ import annotations

import random

__all__ = ["Backoff", "Pace"]


class Backoff:
    """Growing pauses between tries: `first_s` doubled each time up to `most_s`, each ± 20 % by chance.

    The chance keeps many sources that failed for one reason from coming back in step.
    """

    def __init__(self, first_s: float = 0.5, most_s: float = 60.0, dice: random.Random | None = None) -> None:
        self._first_s = first_s
        self._most_s = most_s
        self._next_s = first_s
        self._dice = dice or random.Random()

    def pause_s(self) -> float:
        """The pause before the next try; the one after it is longer."""
        pause, self._next_s = self._next_s, min(self._next_s * 2, self._most_s)
        return pause * self._dice.uniform(0.8, 1.2)

    def reset(self) -> None:
        self._next_s = self._first_s


class Pace:
    """Keeps work that comes in storms to a part of the time: after a piece that took t, a rest of `share` · t, `most_s` at most.

    Cheap pieces follow each other without delay; a re-read of 100 000 routes leaves room for the events in between.
    """

    def __init__(self, share: float = 1.0, most_s: float = 0.4, free_s: float = 0.02) -> None:
        self._share = share
        self._most_s = most_s
        self._free_s = free_s
        self._not_before = 0.0

    def delay_s(self, now: float) -> float:
        """How long from `now` until the next piece may start."""
        return max(0.0, self._not_before - now)

    def done(self, now: float, took_s: float) -> None:
        if took_s > self._free_s:
            self._not_before = now + min(took_s * self._share, self._most_s)
