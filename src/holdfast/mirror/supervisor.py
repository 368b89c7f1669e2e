"""One source kept in step with its rows, from the first connection to the end: a task of the loop that never raises.

The work is done elsewhere: blocking calls in a few shared worker threads, reading of events, decoding and writing in the
writer thread. The loop only learns that a descriptor is readable, stops watching it, and hands the writer one job that drains
it, so that in a burst a single thread works. Rounds of asking run one at a time per source.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from holdfast.errors import Closed, HoldfastError, SourceEnded

from .agenda import Agenda, Questions
from .consequence import Ask, Reread
from .journal import Journal
from .line import Cycle, Line
from .pauses import Backoff, Pace
from .reading import Reading
from .rules import POLLED
from .settling import Settled
from .status import Counters, State, Status

if TYPE_CHECKING:
    from holdfast.database.home import Database, Transaction
    from holdfast.sources.contract import Source

__all__ = ["Settings", "Supervisor"]

logger = logging.getLogger("holdfast.mirror")
T = TypeVar("T")

_CALM_S: Final = 60.0
"""A source that ran this long without failing starts with short pauses again."""
_TORN_AGAIN_S: Final = 1.0
_LATER_S: Final = 0.3


@dataclass(frozen=True, slots=True)
class Settings:
    """How a mirror behaves. `audit_s`: seconds between two checks of a whole source, 0 for none."""

    audit_s: float = 300.0
    retry_first_s: float = 0.5
    retry_most_s: float = 60.0


class Supervisor:
    """Runs one source. All methods are the loop's; `status` may be read from any thread."""

    def __init__(
        self, source: Source, database: Database, workers: Executor, settings: Settings, on_state: Callable[[Status], None]
    ) -> None:
        self.source = source
        self.counters = Counters()
        self.state = State.CONNECTING
        self.error: HoldfastError | OSError | None = None
        self._database = database
        self._workers = workers
        self._settings = settings
        self._on_state = on_state
        self._since = time.time()
        self._retry_at: float | None = None
        self._dice = random.Random()
        self._backoff = Backoff(settings.retry_first_s, settings.retry_most_s, self._dice)
        self._agenda = Agenda()
        self._pace = Pace()
        self._news = asyncio.Event()
        self._idle = asyncio.Event()
        self._broken: Exception | None = None
        self._restart = False
        self._line: Line | None = None
        self._reading = Reading(source, database.fetch)
        self._rounding = False

    # -- what others ask of it -------------------------------------------------------------------------------------

    @property
    def status(self) -> Status:
        retry = None if self._retry_at is None else max(0.0, self._retry_at - time.monotonic())
        error = str(self.error) if self.error is not None else ""
        return Status(self.source.target, self.source.kind, self.state, self._since, error, retry, self.counters, dict(self.source.missing))

    def restart(self) -> None:
        """Close and open again, now; rows stay and are compared."""
        self._restart = True
        self._news.set()

    def fail(self, cause: Exception) -> None:
        """Somebody found that the source is dead (a check of its namespace, for instance)."""
        self._broken = self._broken or cause
        self._news.set()

    def look(self) -> bool:
        """Is the source still there, and is nothing different of what it never announces? Blocks: for a worker thread.

        Returns True if there is something to ask. Raises: SourceEnded.
        """
        self.source.alive()
        return self._reading.poll()

    def resync(self) -> None:
        """Read everything again and compare, without closing."""
        self._agenda.add_everything()
        self._news.set()

    def ask(self, questions: Iterable[Ask | Reread]) -> None:
        self._agenda.add(questions)
        self._news.set()

    def leave(self) -> None:
        """It has been removed: the last word about it."""
        self._enter(State.REMOVED)

    async def settled(self) -> None:
        """Wait until all that has happened at the source is in the tables: events drained, all questions answered.

        Returns at once when the source is not running, since nothing more will come.
        """
        if any(table.name == "neighbours" for table in self.source.tables):
            self.ask(POLLED)
        while self.state in (State.RUNNING, State.RESYNCING) and self._line is not None:
            if self._agenda or self._rounding:
                self._idle.clear()
                await self._idle.wait()
                continue
            await self._cycle_now(self._line)
            if not self._agenda and not self._rounding:
                return

    # -- life ------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """The task: attach, follow, and after a failure again, until cancelled or the source has ended."""
        while True:
            started = time.monotonic()
            try:
                await self._attach()
                await self._follow()
            except SourceEnded as end:
                await self._detach()
                self._enter(State.ENDED, end)
                return
            except asyncio.CancelledError:
                await self._detach()
                raise
            except Exception as failure:  # noqa: BLE001 - a task's edge: shown in the status, logged, and tried again
                await self._detach()
                if self._restart:
                    continue
                await self._pause(failure, time.monotonic() - started)

    async def _attach(self) -> None:
        self._restart = False
        self._broken = None
        self._agenda.take()
        self._enter(State.CONNECTING)
        opened = time.monotonic()
        await self._work(self.source.open)
        line = self._line = Line(self.source, self.counters)
        self._reading = Reading(self.source, self._database.fetch)
        self._enter(State.LOADING)
        answers = await self._work(self._reading.ask, Questions(everything=True))
        torn = answers.torn
        settled = await self._write(lambda tx: line.settle(tx, answers, Cycle()))
        self._agenda.add(torn)
        self.counters.load_s = time.monotonic() - opened
        logger.info("%s: loaded in %.3f s: %s", self.source.target, self.counters.load_s, settled)
        await self._cycle_now(line)
        self._arm(line)
        self._enter(State.RUNNING)

    async def _follow(self) -> None:
        line = self._line
        assert line is not None
        loop = asyncio.get_running_loop()
        audit_at = loop.time() + self._audit_pause_s() if self._settings.audit_s else None
        while True:
            self._news.clear()
            if self._broken is not None:
                raise self._broken
            if self._restart:
                raise Closed("restarted")
            now = loop.time()
            delay = self._pace.delay_s(now) if self._agenda else None
            if self._agenda and not delay:
                await self._round(line, self._agenda.take())
                continue
            if audit_at is not None and now >= audit_at:
                await self._round(line, Questions(everything=True), audit=True)
                audit_at = loop.time() + self._audit_pause_s()
                continue
            if not self._agenda:
                self._idle.set()
            waits = [one for one in (delay, None if audit_at is None else audit_at - now) if one is not None]
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(waits) if waits else None):
                    await self._news.wait()

    def _audit_pause_s(self) -> float:
        return self._settings.audit_s * self._dice.uniform(0.8, 1.2)

    async def _detach(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            line.closed = True
            if line.armed is not None:
                asyncio.get_running_loop().remove_reader(line.armed)
                line.armed = None
        self._idle.set()
        self.source.close()

    async def _pause(self, failure: Exception, lasted_s: float) -> None:
        if lasted_s > _CALM_S:
            self._backoff.reset()
        pause = self._backoff.pause_s()
        self.counters.failures += 1
        self._retry_at = time.monotonic() + pause
        self._enter(State.FAILED, failure)
        unexpected = not isinstance(failure, HoldfastError | OSError)
        logger.warning("%s: %s; tried again in %.1f s", self.source.target, failure, pause, exc_info=unexpected)
        self._news.clear()
        if not self._restart:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._news.wait()
        self._retry_at = None

    def _enter(self, state: State, error: Exception | None = None) -> None:
        self.state = state
        self.error = error  # type: ignore[assignment]
        self._since = time.time()
        self._on_state(self.status)

    # -- events ----------------------------------------------------------------------------------------------------

    def _arm(self, line: Line) -> None:
        fd = self.source.events.fileno()
        line.armed = fd
        asyncio.get_running_loop().add_reader(fd, self._readable, line)

    def _readable(self, line: Line) -> None:
        if line.armed is not None:
            asyncio.get_running_loop().remove_reader(line.armed)
            line.armed = None
        if not line.closed:
            self._submit(line, time.monotonic())

    def _submit(self, line: Line, readable_at: float) -> None:
        """Hand the writer a read cycle. What it found comes back to the loop after the commit; a burst goes on without the loop."""
        loop = asyncio.get_running_loop()

        def done(future: Future[Cycle]) -> None:  # in the writer thread
            with contextlib.suppress(RuntimeError):  # the loop is closed: so are we
                loop.call_soon_threadsafe(self._cycled, line, future, readable_at)

        self._database.write(line.cycle).add_done_callback(done)

    def _cycled(self, line: Line, future: Future[Cycle], readable_at: float) -> None:
        if line.closed:
            return
        failure = future.exception()
        if failure is not None:
            self.fail(failure if isinstance(failure, Exception) else SourceEnded(str(failure)))
            return
        self._learn(future.result(), readable_at)
        if future.result().more:
            self._submit(line, time.monotonic())
        else:
            self._arm(line)

    def _learn(self, cycle: Cycle, readable_at: float) -> None:
        if cycle.events:
            self.counters.lag_ms = (time.monotonic() - readable_at) * 1e3
        if cycle.lost:
            logger.warning("%s: the kernel dropped events; everything is read again", self.source.target)
            self._agenda.add_everything()
        self._agenda.add(one for one in cycle.questions if not (isinstance(one, Ask) and one.later))
        late = [replace(one, later=False) for one in cycle.questions if isinstance(one, Ask) and one.later]
        if late:
            asyncio.get_running_loop().call_later(_LATER_S, self.ask, late)
        if self._agenda:
            self._news.set()

    async def _cycle_now(self, line: Line) -> None:
        """Drain what is there, whatever the loop knows of it."""
        while True:
            cycle = await self._write(line.cycle)
            self._learn(cycle, time.monotonic())
            if not cycle.more:
                return

    # -- questions -------------------------------------------------------------------------------------------------

    async def _round(self, line: Line, questions: Questions, *, audit: bool = False) -> None:
        """Ask, compare, write. Events go on meanwhile; the rows that they touch are theirs."""
        started = time.monotonic()
        if questions.everything and not audit:
            self._enter(State.RESYNCING)
        self._rounding = True
        line.applier.journal = Journal()
        try:
            answers = await self._work(self._reading.ask, questions)
            if audit:
                await self._work(self._reading.barrier)  # what the dump saw has been told by now
            torn, cycle = answers.torn, Cycle()
            settled = await self._write(lambda tx: line.settle(tx, answers, cycle))
        finally:
            line.applier.journal = None
            self._rounding = False
        self._count(questions, settled, audit=audit)
        self._learn(cycle, time.monotonic())
        if torn:
            asyncio.get_running_loop().call_later(_TORN_AGAIN_S, self.ask, torn)
        now = time.monotonic()
        self._pace.done(asyncio.get_running_loop().time(), now - started)
        if self.state is State.RESYNCING and not cycle.lost:
            self._enter(State.RUNNING)

    def _count(self, questions: Questions, settled: Settled, *, audit: bool) -> None:
        if audit:
            self.counters.audits += 1
            self.counters.drift += settled.rows
            if settled.rows:
                logger.warning("%s: the periodic check found rows that differ: %s", self.source.target, settled)
        elif questions.everything:
            self.counters.resyncs += 1
            logger.info("%s: read again: %s", self.source.target, settled)
        else:
            self.counters.rereads += 1
            logger.debug("%s: asked again: %s", self.source.target, settled)

    # -- threads ---------------------------------------------------------------------------------------------------

    async def _work(self, call: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._workers, call, *args)

    async def _write(self, job: Callable[[Transaction], T]) -> T:
        return await asyncio.wrap_future(self._database.write(job))
