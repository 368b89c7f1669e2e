"""One source kept in step with its rows, from the first connection to the end: a task of the loop that never raises.

The work is done elsewhere: blocking calls in a few shared worker threads, reading of events, decoding and writing in the
writer thread (see feed.py). Rounds of asking run one at a time per source.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from holdfast.errors import Closed, HoldfastError, NotFound, SourceEnded, Unavailable

from .agenda import Agenda, Questions
from .answers import Answers
from .consequence import Ask, Reread
from .feed import Feed
from .journal import Journal
from .line import Cycle, Line
from .pauses import Backoff, Pace
from .reading import Reading
from .rules import DOWN, POLLED, is_drift
from .settling import Settled
from .status import Counters, State, Status

if TYPE_CHECKING:
    from holdfast.database.home import Change, Database, Transaction
    from holdfast.sources.contract import Source

__all__ = ["Settings", "Supervisor"]

logger = logging.getLogger("holdfast.mirror")
T = TypeVar("T")

_FOLLOWING: Final = (State.RUNNING, State.RESYNCING)
_LIVELY: Final = (State.CONNECTING, State.LOADING, *_FOLLOWING)
_CALM_S: Final = 60.0
"""A source that ran this long without failing starts with short pauses again."""
_TORN_AGAIN_S: Final = 1.0
_LATER_S: Final = 0.3
_QUIET_S: Final = 1.5
_DRIFT_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Settings:
    """How a mirror behaves. `audit_s`: seconds between two checks of a whole source, 0 for none."""

    audit_s: float = 300.0
    retry_first_s: float = 0.5
    retry_most_s: float = 60.0


class Supervisor:
    """Runs one source. All methods are the loop's; `status` may be read from any thread."""

    def __init__(
        self,
        source: Source,
        database: Database,
        workers: Executor,
        settings: Settings,
        on_state: Callable[[Status], None],
        forget: Callable[[str, str], Awaitable[None]],
        is_alone: Callable[[str], bool],
    ) -> None:
        """`forget` deletes the rows of a target; its second argument says why. `is_alone`: is no other source than this one
        following events?"""
        self.source = source
        self.counters = Counters()
        self.state = State.CONNECTING
        self.error: HoldfastError | OSError | None = None
        self._database = database
        self._workers = workers
        self._settings = settings
        self._on_state = on_state
        self._forget = forget
        self._is_alone = is_alone
        self._since = time.time()
        self._retry_at: float | None = None
        self._dice = random.Random()
        self._backoff = Backoff(settings.retry_first_s, settings.retry_most_s, self._dice)
        self._agenda = Agenda()
        self._pace = Pace()
        self._news = asyncio.Event()
        self._idle = asyncio.Event()
        self._broken: Exception | None = None
        self._said = ""
        self._restart = False
        self._line: Line | None = None
        self._reading = Reading(source, database.fetch)
        self._rounding = False
        self._unsettled_at = 0.0
        self.feed = Feed(database, self.counters, self.learn, self.fail)

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
        if self._line is not None:
            self._broken = self._broken or cause
            self._news.set()

    def look(self) -> list[Ask | Reread]:
        """Is the source still there, and is nothing different of what it does not announce? Blocks: for a worker thread.

        Returns what there is to ask. Raises: SourceEnded, and what else shows that it no longer works.
        """
        line = self._line
        if line is None or line.closed:
            return []
        self.source.alive()
        if self.source.events.fileno() < 0:
            raise Closed(f"the events socket of `{self.source.target}` was closed")
        return self._reading.look()

    @property
    def pressed(self) -> bool:
        """Do events wait for the writer in such numbers that some may be lost?"""
        line = self._line
        return line is not None and line.armed is None and self.source.pressed

    def resync(self) -> None:
        """Read everything again and compare, without closing."""
        if not self.source.passive:
            self._agenda.add_everything()
            self._news.set()

    def ask(self, questions: Iterable[Ask | Reread]) -> None:
        """Ask the source, soon. One that only repeats what it was asked once tells the answers by itself."""
        if not self.source.passive:
            self._agenda.add(questions)
            self._news.set()

    def leave(self) -> None:
        """It has been removed: the last word about it."""
        self._enter(State.REMOVED)

    async def settled(self) -> None:
        """Wait until all that has happened at the source is in the tables: events drained, all questions answered.

        Returns at once when the source has failed or ended, since nothing more will come.
        """
        tables = {table.name for table in self.source.tables}
        if "neighbours" in tables:
            self.ask(POLLED)
        if "interfaces" in tables:
            self.ask([Ask(where=DOWN, reason="little of what is down is told")])
        await self.caught_up()

    async def caught_up(self) -> None:
        """The same for what is announced and what follows from it."""
        while self.state in _LIVELY:
            if self._agenda or self._rounding or self._line is None or self.state not in _FOLLOWING:
                self._idle.clear()
                await self._idle.wait()
                continue
            await self._cycle_now(self._line)
            if not self._agenda and not self._rounding:
                return

    @property
    def line(self) -> Line:
        """For a thread that changes the source. Raises: Unavailable - it is not followed just now."""
        line = self._line
        if line is None or line.closed or self.state not in _FOLLOWING:
            why = f": {self.error}" if self.error is not None else ""
            raise Unavailable(f"source `{self.source.target}` is {self.state}{why}", target=self.source.target)
        return line

    async def drained(self) -> None:
        """Wait until the events that are queued now are in the tables."""
        if self._line is not None and self.state in _FOLLOWING:
            await self._cycle_now(self._line)

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
                if await self._forgotten(end):
                    self._enter(State.ENDED, end)
                    return
            except asyncio.CancelledError:
                await self._detach()
                raise
            except Exception as failure:  # noqa: BLE001 - a task's edge: shown in the status, logged, and tried again
                absent = isinstance(failure, NotFound) and self._line is None  # there was nothing to open
                await self._detach()
                if self._restart:
                    continue
                if not absent or await self._forgotten(failure):
                    await self._pause(failure, time.monotonic() - started)

    async def _forgotten(self, cause: Exception) -> bool:
        """What the source stood for is gone, and so are its rows, then. If the database refuses, the whole is tried again."""
        try:
            await self._forget(self.source.target, str(cause))
        except HoldfastError as refusal:
            await self._pause(refusal, 0)
            return False
        return True

    async def _attach(self) -> None:
        self._restart = False
        self._broken = None
        self._agenda.take()
        self._enter(State.CONNECTING)
        opened = time.monotonic()
        await self._surely(self.source.open)
        line = self._line = Line(self.source, self.counters)
        self._reading = Reading(self.source, self._database.fetch)
        self._enter(State.LOADING)
        answers = await self._work(self._reading.ask, Questions(everything=True))
        torn = answers.torn
        settled = await self._settle(line, answers, "start")
        self._agenda.add(torn)
        self.counters.load_s = time.monotonic() - opened
        logger.info("%s: loaded in %.3f s: %s", self.source.target, self.counters.load_s, settled)
        await self._cycle_now(line)
        self.feed.start(line)
        self._said = ""
        self._enter(State.RUNNING)

    async def _surely(self, call: Callable[[], None]) -> None:
        """Run it in a worker to its end, also when this is cancelled: opening that is closed before it has begun would leave its
        sockets, and closing that is never begun as well."""
        running = asyncio.get_running_loop().run_in_executor(self._workers, call)
        try:
            await asyncio.shield(running)
        except asyncio.CancelledError:
            await asyncio.wait([running])
            running.cancelled() or running.exception()  # looked at: nobody else will
            raise

    async def _follow(self) -> None:
        line = self._line
        assert line is not None
        loop = asyncio.get_running_loop()
        checked = self._settings.audit_s and not self.source.passive
        audit_at = loop.time() + self._audit_pause_s() if checked else None
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
            if audit_at is not None and now >= audit_at and not self._agenda:
                await self._audit(line)
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
            self.feed.stop()
        self._idle.set()
        await self._surely(self.source.close)  # the kernel takes its time over it: 10 ms and more

    async def _pause(self, failure: Exception, lasted_s: float) -> None:
        if lasted_s > _CALM_S:
            self._backoff.reset()
        pause = self._backoff.pause_s()
        self.counters.failures += 1
        self._retry_at = time.monotonic() + pause
        self._enter(State.FAILED, failure)
        unexpected = not isinstance(failure, HoldfastError | OSError)
        level = logging.DEBUG if str(failure) == self._said else logging.WARNING  # what goes on and on is said once
        self._said = str(failure)
        logger.log(level, "%s: %s; tried again in %.1f s", self.source.target, failure, pause, exc_info=unexpected)
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

    # -- what was found --------------------------------------------------------------------------------------------

    def learn(self, cycle: Cycle) -> None:
        """What a read cycle found, whoever ran it: questions to ask, and whether all is to be read again."""
        if cycle.lost:
            logger.warning("%s: the kernel dropped events; everything is read again", self.source.target)
            self.resync()
        self._ask(cycle.questions)

    def _ask(self, questions: list[Ask | Reread]) -> None:
        if questions:
            self._unsettled_at = time.monotonic()
        late = [replace(one, later=False) for one in questions if isinstance(one, Ask) and one.later]
        if late:
            asyncio.get_running_loop().call_later(_LATER_S, self.ask, late)
        if len(questions) > len(late):
            self.ask(one for one in questions if not (isinstance(one, Ask) and one.later))

    async def _cycle_now(self, line: Line) -> None:
        """Drain what is there, whatever the loop knows of it."""
        while True:
            cycle = await self._write(line.cycle)
            self.learn(cycle)
            if not cycle.more:
                return

    # -- questions -------------------------------------------------------------------------------------------------

    async def _round(self, line: Line, questions: Questions) -> None:
        """Ask, compare, write."""
        if questions.everything:
            self._enter(State.RESYNCING)
        kind = "gap" if questions.everything else ""
        settled, cycle = await self._ask_and_settle(line, questions, kind)
        if questions.everything:
            self.counters.resyncs += 1
            logger.info("%s: read again: %s", self.source.target, settled)
            if not cycle.lost:
                self._enter(State.RUNNING)
        else:
            self.counters.rereads += 1
            logger.debug("%s: asked again: %s", self.source.target, settled)

    async def _ask_and_settle(self, line: Line, questions: Questions, kind: str, *, audit: bool = False) -> tuple[Settled, Cycle]:
        """Events go on meanwhile; the rows that they touch are theirs. audit: what the dumps see has been told before they are
        settled, and there are pauses."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        self._rounding = True
        journal = line.applier.journal = Journal()
        try:
            answers = await self._work(self._reading.ask, questions)
            if audit:
                await self._work(self._reading.barrier)
            torn = answers.torn
            cycled = self._database.write(line.cycle)
            settled = await self._settle(line, answers, kind, rests=audit)
            cycle = await asyncio.wrap_future(cycled)
        finally:
            line.applier.journal = None
            self._rounding = False
        self._pace.done(loop.time(), loop.time() - started)
        self.learn(cycle)
        self._ask([*settled.questions, *journal.questions])
        if torn:
            loop.call_later(_TORN_AGAIN_S, self.ask, torn)
        return settled, cycle

    async def _settle(self, line: Line, answers: Answers, kind: str, *, rests: bool = False) -> Settled:
        """What is small first, in one transaction, then what is large, in steps. `rests`: after each step as long as it took,
        unless there are questions that wait for the end."""
        large = line.large(answers, others_wait=not self._is_alone(self.source.target))
        settled = await self._write(lambda tx: self._settle_at_once(tx, line, answers, "" if large else kind))
        for steps in large:
            while True:
                began = time.monotonic()
                if await self._write(steps.step):
                    break
                if rests and not self._agenda:
                    await asyncio.sleep(time.monotonic() - began)
            settled.add(steps.table, steps.difference)
            settled.revisions += steps.revisions
        if large and kind:
            await self._write(lambda tx: tx.note(kind, target=self.source.target, message=str(settled)))
        return settled

    def _settle_at_once(self, tx: Transaction, line: Line, answers: Answers, kind: str) -> Settled:
        settled = line.settle(tx, answers)
        if kind:
            tx.note(kind, target=self.source.target, message=str(settled))
        if settled.rows:
            settled.revisions.append(tx.revision)
        return settled

    # -- the periodic check ----------------------------------------------------------------------------------------

    async def _audit(self, line: Line) -> None:
        """Read everything and compare. What differs is written, and counted as drift if events had the time to tell it.

        The kernel tells a change of carrier up to a second late, and what follows from an event is asked for after it: so only
        a check with quiet before and after it says something about us.
        """
        began = time.monotonic()
        quiet = began - self._unsettled_at > _QUIET_S
        settled, _ = await self._ask_and_settle(line, Questions(everything=True), "", audit=True)
        self.counters.audits += 1
        found = await self._work(self._drift, settled) if settled.revisions else []
        if found and quiet:
            asyncio.get_running_loop().call_later(_QUIET_S, self._judge, found, began)

    def _drift(self, settled: Settled) -> list[Change]:
        """What the check wrote, without what no event would have told."""
        tables = [table for table, difference in settled.tables.items() if difference]
        changes = [
            one for revision in settled.revisions for table in tables for one in self._database.changes(table, revision - 1, revision)
        ]
        return [one for one in changes if is_drift(one.table, one.row, one.old, deleted=one.op == "delete")]

    def _judge(self, found: list[Change], began: float) -> None:
        if self._unsettled_at > began:
            return  # the event was on its way
        self.counters.drift += len(found)
        for one in found[:_DRIFT_SHOWN]:
            logger.warning("%s: the periodic check found a difference: %s %s: %s", self.source.target, one.op, one.table, one.row)

    # -- threads ---------------------------------------------------------------------------------------------------

    async def _work(self, call: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._workers, call, *args)

    async def _write(self, job: Callable[[Transaction], T]) -> T:
        return await asyncio.wrap_future(self._database.write(job))
