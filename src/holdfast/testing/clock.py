"""A clock that stands still until told: what waits for an hour is tested in a millisecond.

    clock = FakeClock()

    async def story():
        task = asyncio.create_task(retry())         # sleeps 1 s, 2 s, 4 s … between attempts
        await clock.advance(7)
        assert attempts == 4

    clock.run(story())

`run` gives the coroutine an event loop whose time is this clock: `asyncio.sleep`, `timeout` and `call_later` obey it with
nothing patched. Code that reads a clock itself is given `clock.monotonic`, `clock.boottime` or `clock.time_ns`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

__all__ = ["FakeClock"]

T = TypeVar("T")

_TURNS: Final = 50
"""Turns that the loop is given at each moment, so that chains of awaits come to rest. Work in threads is not waited for."""


class FakeClock:
    """Time in a test's hand. Starts at a fixed moment, so that two runs print the same.

    Three readings, as the system has them: `monotonic` stops while the machine sleeps, `boottime` does not, and
    `time_ns` is the date, which can be set to anything.
    """

    def __init__(self, *, time_ns: int = 1_700_000_000_000_000_000, monotonic: float = 1000.0) -> None:
        self._time_ns = time_ns
        self._monotonic = monotonic
        self._asleep = 0.0
        self._loop: _Loop | None = None

    def monotonic(self) -> float:
        """Seconds, never back: what CLOCK_MONOTONIC and the loop's `time()` say."""
        return self._monotonic

    def boottime(self) -> float:
        """Seconds since boot, the machine's sleep included: CLOCK_BOOTTIME."""
        return self._monotonic + self._asleep

    def time_ns(self) -> int:
        """The date, in nanoseconds since 1970."""
        return self._time_ns

    def set_date(self, time_ns: int) -> None:
        """Somebody sets the machine's date; the other readings do not move."""
        self._time_ns = time_ns

    def suspend(self, seconds: float) -> None:
        """The machine sleeps: the date and `boottime` go on, `monotonic` does not."""
        self._asleep += seconds
        self._time_ns += round(seconds * 1e9)

    def move(self, seconds: float) -> None:
        """Time passes; nobody is woken. For code without a loop."""
        if seconds < 0:
            raise ValueError(f"time goes forward only, got {seconds} s; set_date() moves the date")
        self._monotonic += seconds
        self._time_ns += round(seconds * 1e9)

    async def advance(self, seconds: float) -> None:
        """Time passes, from timer to timer: each that falls due runs at its own moment, before the next one does."""
        loop = self._loop
        if loop is None or loop is not asyncio.get_running_loop():
            raise RuntimeError("advance() belongs inside a coroutine that clock.run() runs; without a loop call move()")
        end = self._monotonic + seconds
        await _settle()
        while (due := loop.next_timer()) is not None and due <= end:
            self.move(max(0.0, due - self._monotonic))
            await _settle()
        self.move(max(0.0, end - self._monotonic))
        await _settle()

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end on a loop that has this clock's time."""
        with asyncio.Runner(loop_factory=lambda: _Loop(self)) as runner:
            self._loop = runner.get_loop()  # type: ignore[assignment]  # the factory made it
            try:
                return runner.run(main)
            finally:
                self._loop = None


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        super().__init__()

    def time(self) -> float:
        return self._clock.monotonic()

    def next_timer(self) -> float | None:
        """When the next timer falls due. asyncio has no public word for it; `_scheduled` is a heap since Python 3.4."""
        timers = [handle.when() for handle in self._scheduled if not handle.cancelled()]  # type: ignore[attr-defined]
        return min(timers, default=None)


async def _settle() -> None:
    for _ in range(_TURNS):
        await asyncio.sleep(0)
