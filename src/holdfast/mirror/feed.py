"""How the events of a source come to the writer: the loop learns that there are some, stops looking, and hands the writer one job
that takes them, so that in a burst a single thread works. Who takes them himself holds the feed meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Final

from holdfast.errors import Closed, SourceEnded

from .line import Cycle, Line

if TYPE_CHECKING:
    from holdfast.database.home import Database

    from .status import Counters

__all__ = ["Feed"]

_BURST: Final = 8
"""A cycle that found so many events is followed by the next without asking whether there are more."""


class Feed:
    """Of one source, whose lines come and go. For the loop, but for `lease`."""

    def __init__(
        self, database: Database, counters: Counters, learn: Callable[[Cycle], None], fail: Callable[[Exception], None]
    ) -> None:  # fmt: skip
        """learn: told what a cycle found. fail: told why reading failed."""
        self._database = database
        self._counters = counters
        self._learn = learn
        self._fail = fail
        self._line: Line | None = None
        self._leased = False
        self._leased_until = 0.0

    def start(self, line: Line) -> None:
        """Look for events of this line from now on."""
        self._line = line
        self._arm(line)

    def stop(self) -> None:
        if self._line is not None:
            self._disarm(self._line)
            self._line = None

    def hold(self) -> Line | None:
        """Let somebody else take the next events: he will, anyway, and two would wait for each other. None: they are being taken."""
        line = self._line
        if line is None or line.armed is None:
            return None
        self._disarm(line)
        return line

    def release(self, line: Line | None) -> None:
        """Look for events again, after `hold`."""
        if line is not None and not line.closed and line.armed is None:
            self._arm(line)

    def lease(self, loop: asyncio.AbstractEventLoop, for_s: float) -> None:
        """From any thread: hold it for a while, which begins anew with each call: who commits in a row takes the events himself."""
        self._leased_until = time.monotonic() + for_s
        if not self._leased:
            self._leased = True
            loop.call_soon_threadsafe(self._lend, None)

    def _lend(self, line: Line | None) -> None:
        left_s = self._leased_until - time.monotonic()
        if left_s <= 0:
            self._leased = False
            self.release(line)
        else:
            asyncio.get_running_loop().call_later(left_s, self._lend, self.hold() or line)

    # -- from the kernel to the writer -----------------------------------------------------------------------------

    def _arm(self, line: Line) -> None:
        line.armed = line.source.events.fileno()
        asyncio.get_running_loop().add_reader(line.armed, self._readable, line)

    def _disarm(self, line: Line) -> None:
        if line.armed is not None:
            asyncio.get_running_loop().remove_reader(line.armed)
            line.armed = None

    def _readable(self, line: Line) -> None:
        self._disarm(line)
        if not line.closed:
            self._submit(line)

    def _submit(self, line: Line) -> None:
        """Hand the writer a read cycle. In a burst the next one follows at once, without the loop: two busy threads would wait
        for each other. What a cycle found comes to the loop only if there is something to ask."""
        loop = asyncio.get_running_loop()
        started = time.monotonic()

        def done(future: Future[Cycle]) -> None:  # in the writer thread, after the commit
            nonlocal started
            with contextlib.suppress(RuntimeError, Closed):  # the loop, or the database, is closed: so are we
                cycle = None if future.exception() else future.result()
                if cycle is None or cycle.events < _BURST or line.closed:
                    loop.call_soon_threadsafe(self._cycled, line, future)
                    return
                now = time.monotonic()
                self._counters.lag_ms, started = (now - started) * 1e3, now
                if cycle.questions or cycle.lost:
                    loop.call_soon_threadsafe(self._learn, cycle)
                self._database.write(line.cycle).add_done_callback(done)

        self._database.write(line.cycle).add_done_callback(done)

    def _cycled(self, line: Line, future: Future[Cycle]) -> None:
        """The queue was found empty, or nearly so, or reading failed."""
        if line.closed:
            return
        failure = future.exception()
        if failure is not None:
            self._fail(failure if isinstance(failure, Exception) else SourceEnded(str(failure)))
            return
        self._learn(future.result())
        self._arm(line)
