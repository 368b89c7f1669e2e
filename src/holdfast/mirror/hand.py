"""How a thread that changes a source sees that its changes have arrived in the tables.

Events that a request causes are queued before its ack. So whoever has the ack only has to take what is queued, and does so
himself, in the writer, instead of waiting for the loop to notice.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

from holdfast.errors import Timeout
from holdfast.netlink.batch import Batch

from .consequence import Ask, Reread
from .line import Cycle, Line

if TYPE_CHECKING:
    from holdfast.database.home import Database, Transaction
    from holdfast.sources.contract import Source

    from .supervisor import Supervisor

__all__ = ["Hand"]

T = TypeVar("T")


class Hand:
    """One source and its rows, for one thread at a time that is neither the loop's nor the writer's: all methods block."""

    def __init__(self, supervisor: Supervisor, database: Database, loop: asyncio.AbstractEventLoop) -> None:
        self._supervisor = supervisor
        self._database = database
        self.loop = loop

    @property
    def source(self) -> Source:
        return self._supervisor.source

    @property
    def target(self) -> str:
        return self.source.target

    @property
    def opened(self) -> object:
        """Which opening of the source this is: another object after each reconnection."""
        return self._supervisor.line

    def check(self) -> None:
        """Raises: Unavailable - the source is not followed just now."""
        _ = self._supervisor.line

    @property
    def line(self) -> Line:
        """For a job in the writer. Raises: Unavailable."""
        return self._supervisor.line

    def hold(self) -> Line | None:
        """On the loop: see Feed."""
        return self._supervisor.feed.hold()

    def lease(self, for_s: float) -> None:
        """From any thread: for so long the loop need not look for events, since they are taken here."""
        self._supervisor.feed.lease(self.loop, for_s)

    def release(self, line: Line | None) -> None:
        self._supervisor.feed.release(line)

    def resync(self) -> None:
        """On the loop: events were taken and not written, so everything is to be read again."""
        self._supervisor.resync()

    def learn(self, cycle: Cycle) -> None:
        """On the loop: what a read cycle of a job found."""
        if cycle.questions or cycle.lost:
            self._supervisor.learn(cycle)

    def learn_later(self, cycles: Iterable[Cycle]) -> None:
        """The same from any thread."""
        for cycle in cycles:
            if cycle.questions or cycle.lost:
                self.loop.call_soon_threadsafe(self._supervisor.learn, cycle)

    @contextlib.contextmanager
    def witnessed(self) -> Iterator[list[Batch]]:
        """Everything that is told from now on, in order, until the end of the `with`. Read it when all is drained."""
        applier = self._supervisor.line.applier
        witness: list[Batch] = []
        applier.witness = witness
        try:
            yield witness
        finally:
            applier.witness = None

    def name(self, intent: int) -> None:
        """What is told from now on was caused by this transaction; 0: by nobody we know."""
        self._supervisor.line.intent = intent

    def drained(self, then: Callable[[Transaction], T]) -> T:
        """Take all events that are queued now into the tables, and call `then` in the same transaction as the last of them.

        Raises: Unavailable, and what the database raises.
        """
        while True:
            cycle, result = self._cycle(self._supervisor.line, then)
            self.learn_later([cycle])
            if not cycle.more:
                return result  # type: ignore[return-value]

    def _cycle(self, line: Line, then: Callable[[Transaction], T]) -> tuple[Cycle, T | None]:
        def job(tx: Transaction) -> tuple[Cycle, T | None]:
            cycle = line.cycle(tx)
            return cycle, None if cycle.more else then(tx)

        written = False
        try:
            result = self._database.write(job).result()
            written = True
            return result
        finally:
            if not written:
                self.loop.call_soon_threadsafe(self.resync)

    def ask(self, questions: Iterable[Ask | Reread]) -> None:
        """Ask the source for what no event tells; `caught_up` waits for the answer."""
        self.loop.call_soon_threadsafe(self._supervisor.ask, list(questions))

    def caught_up(self, timeout_s: float) -> None:
        """Wait until the tables show all that has been told up to now, and what follows from it. Raises: Timeout."""
        waiting = asyncio.run_coroutine_threadsafe(self._supervisor.caught_up(), self.loop)
        try:
            waiting.result(timeout_s)
        except concurrent.futures.TimeoutError:
            waiting.cancel()
            raise Timeout(f"the tables did not catch up with `{self.target}` within {timeout_s:.1f} s", target=self.target) from None
