"""Who writes: a thread that takes jobs from a queue, runs those that wait together in one transaction, commits, tells.

write() ──▶ queue ──▶ [job, job, job] ── BEGIN · job · savepoint job · … · COMMIT ──▶ on_commit ──▶ futures
write_here() ── nothing waits: the same at once, in the calling thread ──▶ future

There is one writer at a time, and that is who has the turn. A job that somebody waits for needs no other thread if nobody else
wants one: two hand-overs are 40 µs of wakings, and a processor whose caches know nothing of it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import apsw

from holdfast.errors import Bug, Closed, HoldfastError, Unavailable

from . import meta
from .failpoint import reach
from .faults import fault
from .home import OnCommit, Settler, Written
from .home import Transaction as TransactionContract
from .refuge import Refuge
from .retention import LOOK_EVERY_S
from .revisions import Revisions
from .seat import Seat
from .transaction import NUMBERS, Transaction

__all__ = ["Writer"]

T = TypeVar("T")

logger = logging.getLogger("holdfast.database")

_TOGETHER: Final = 1024
"""Jobs in one transaction, at most; so many revisions are reserved before it."""
_LONG_S: Final = 0.005
"""A transaction that has taken this long is committed before the next job begins: short jobs do not wait for long ones."""
_IDLE_S: Final = 1.0


@dataclass(slots=True, eq=False)
class _Job:
    call: Callable[[TransactionContract], Any]
    durable: bool
    future: Future[Any] | Written[Any]


_LOOK: Final = _Job(lambda tx: None, False, Written())
"""Not a job: something other than jobs may be due earlier than the thread thought when it fell asleep."""


@dataclass(slots=True, eq=False)
class _Done:
    """A job that ran and is not committed yet. `revision`: None if it changed nothing that lasts."""

    future: Future[Any] | Written[Any]
    result: Any
    revision: int | None
    tables: set[str]
    settlers: Sequence[Settler] = ()


class Writer:
    """Owns the write connection. `revision` is the last committed one. `refuge`: where to go when the file cannot be written.

    away_from: the file, when the seat is there already.
    """

    def __init__(self, seat: Seat, revisions: Revisions, refuge: Refuge | None = None, *, away_from: str | None = None) -> None:
        self.revision = revisions.last
        self._revisions = revisions
        self._refuge = refuge
        self._path = away_from or seat.path
        self._home = None if away_from else seat
        self._sit(seat)
        self._callbacks: tuple[OnCommit, ...] = ()
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._gate = threading.Lock()
        self._turn = threading.Lock()
        self._wanted = False  # the thread has jobs: nobody takes the turn before it
        self._here: int | None = None
        self._sleeps_s = 0.0
        self._closed = False
        self._pid = os.getpid()
        self._thread = threading.Thread(target=self._run, name="holdfast-writer", daemon=True)
        self._thread.start()

    def _sit(self, seat: Seat) -> None:
        self._session, self._connection = seat.session, seat.connection
        self._checkpoint, self._compaction = seat.checkpoint, seat.compaction
        self._synced, self._level = seat.synced, ""

    # -- for any thread --------------------------------------------------------------------------------------------

    def write(self, call: Callable[[TransactionContract], T], *, durable: bool) -> Future[T]:
        self._check_process()
        future: Future[T] = Future()
        with self._gate:  # so that nothing is queued behind the end
            if self._closed:
                raise Closed(f"database {self._path} is closed")
            self._queue.put(_Job(call, durable, future))
        return future

    def write_here(self, call: Callable[[TransactionContract], T]) -> Written[T] | None:
        """For a thread that nothing disturbs meanwhile."""
        self._check_process()
        if self._wanted or self._closed or not self._queue.empty() or not self._turn.acquire(blocking=False):
            return None
        try:
            if self._closed:  # and perhaps finished, while nobody had the turn
                return None
            self._here = threading.get_ident()
            written: Written[T] = Written()
            self._round(deque((_Job(call, False, written),)))
            if self._patience_s() < self._sleeps_s:
                self._queue.put(_LOOK)
        finally:
            self._here = None
            self._turn.release()
        return written

    def _check_process(self) -> None:
        if os.getpid() != self._pid:
            raise Bug(f"database {self._path} is used after a fork: its writer thread stayed in the parent, process {self._pid}")

    def on_commit(self, callback: OnCommit) -> Callable[[], None]:
        with self._gate:
            self._callbacks = (*self._callbacks, callback)

        def remove() -> None:
            with self._gate:
                self._callbacks = tuple(one for one in self._callbacks if one is not callback)

        return remove

    def close(self) -> None:
        """Finish what is queued, write everything out, close the connection; returns when the thread has ended. Idempotent."""
        with self._gate:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        if self._thread is threading.current_thread() or self._here == threading.get_ident():
            raise Bug("the database is closed by one of its own jobs, which would wait for itself")
        self._thread.join()

    # -- the thread ------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            self._sleeps_s = self._patience_s()
            try:
                job = self._queue.get(timeout=self._sleeps_s)
            except queue.Empty:
                with self._turn:
                    self._come_home()
                    self._idle()
                continue
            self._wanted = True
            with self._turn:
                self._wanted = False
                jobs, ended = self._waiting(job)
                while jobs:
                    self._round(jobs)
                if ended:
                    self._finish()
                    return

    # -- whoever has the turn --------------------------------------------------------------------------------------

    def _round(self, jobs: deque[_Job]) -> None:
        """One transaction, and what else is due. Jobs are taken from the front; none is left if it failed altogether."""
        self._come_home()
        done: list[_Done] = []
        began = time.monotonic()
        try:
            self._transact(jobs, done)
        except BaseException as error:  # writing must go on, and nobody may wait for ever
            self._survive(jobs, done, error)
            if not isinstance(error, Exception):
                raise
        self._compact(time.monotonic() - began)

    def _patience_s(self) -> float:
        """How long to wait for a job before something else is done."""
        patience = 0.0 if self._compaction.due else _IDLE_S if self._checkpoint.wants_idle else LOOK_EVERY_S
        return min(patience, self._refuge.wait_s) if self._refuge and self._refuge.away else patience

    def _idle(self) -> None:
        if not self._compact():
            self._checkpoint.idle()

    def _compact(self, share_s: float = 0.0) -> bool:
        """Let a little of the past go, if it is time for that. Says whether something went.

        share_s: for so long at most, or one step. As long as the jobs before took: so it keeps pace, whatever they write.
        """
        if not self._compaction.wants(self.revision):
            return False
        began = time.monotonic()
        try:
            self._sync("NORMAL")
            gone = self._compaction.step(self.revision)
            while self._compaction.due and time.monotonic() - began < share_s:
                self._compaction.step(self.revision)
            if gone and not self._compaction.due:
                self._checkpoint.freed()
            return gone
        except apsw.Error as error:
            logger.warning("database %s: letting go of old history failed and is tried again: %s", self._path, error)
            self._compaction.pause()
            return False

    def _waiting(self, job: _Job | None) -> tuple[deque[_Job], bool]:
        """All that is in the queue, up to a bound; and whether its end was reached."""
        jobs: deque[_Job] = deque()
        while job is not None:
            if job is not _LOOK:
                jobs.append(job)
            if len(jobs) == _TOGETHER or self._queue.empty():
                return jobs, False
            job = self._queue.get()
        return jobs, True

    def _transact(self, jobs: deque[_Job], done: list[_Done]) -> None:
        """Run jobs, taking them from the front, in one transaction, until none is left or it has taken long enough."""
        started = time.monotonic()
        self._refuse_durable(jobs)
        durable = any(job.durable for job in jobs)
        try:
            self._begin(len(jobs), durable=durable)
        except apsw.Error as error:
            _fail(jobs, fault(error, self._path))
            jobs.clear()
            self._flee(error)
            return
        while jobs:
            job = jobs.popleft()
            if job.future.set_running_or_notify_cancel():
                try:
                    done.append(self._do(job, alone=not done))
                except BaseException as error:  # noqa: BLE001 - whatever a job raises belongs to who gave it
                    stands = self._take_back(alone=not done)
                    job.future.set_exception(fault(error, self._path) if isinstance(error, apsw.Error) else error)
                    if not stands:
                        self._lose(done, error)
                        return
            if time.monotonic() - started > _LONG_S:
                break
        try:
            reach("commit.written")
            self._connection.execute("COMMIT")
        except apsw.Error as error:
            self._take_back(alone=True)
            self._lose(done, error)
            return
        reach("commit.synced")
        self._tell(done)
        reach("commit.told")
        self._checkpoint.after_commit(durable=durable)

    def _begin(self, jobs: int, *, durable: bool) -> None:
        if not self._revisions.ensure(jobs * NUMBERS):
            self._sync("FULL")
            self._revisions.reserve(jobs * NUMBERS)
        self._sync("FULL" if durable else "NORMAL")
        self._connection.execute("BEGIN IMMEDIATE")
        reach("commit.begun")

    def _sync(self, level: str) -> None:
        """SQLite takes a new level between transactions only."""
        if self._synced and level != self._level:
            self._connection.execute(f"PRAGMA synchronous = {level}")
            self._level = level

    def _do(self, job: _Job, *, alone: bool) -> _Done:
        """Run a job. The first of a transaction needs no savepoint, which would cost a copy of each page it touches."""
        if not alone:
            self._connection.execute("SAVEPOINT job")
        tx = Transaction(self._session, self._revisions.next)
        try:
            result = job.call(tx)
            tx.finish()
        except BaseException:
            _settle(tx.settlers, committed=False)
            raise
        finally:
            tx.end()
            revision = None
            for _ in range(tx.numbers):  # of a failed job too: somebody may have seen it
                revision = self._revisions.take()
        if not alone:
            self._connection.execute("RELEASE job")
        return _Done(job.future, result, revision, tx.tables, tx.settlers)

    def _take_back(self, *, alone: bool) -> bool:
        """Undo a job; says whether the transaction of those before it still stands. A full disk ends it altogether."""
        self._session.unmark()
        if not self._connection.in_transaction:
            return False
        try:
            if alone:
                self._connection.execute("ROLLBACK")
                return False
            self._connection.execute("ROLLBACK TO job; RELEASE job")
        except apsw.Error as error:
            logger.error("database %s: undoing failed: %s", self._path, error)
            return False
        return True

    def _lose(self, done: Sequence[_Done], error: BaseException) -> None:
        """The transaction is gone, and with it what was done in it."""
        if done:
            lost = fault(error, self._path) if isinstance(error, apsw.Error) else Unavailable(f"database {self._path}: {error}")
            for one in reversed(done):
                _settle(one.settlers, committed=False)
            for one in done:
                one.future.set_exception(lost)
        self._flee(error)

    # -- a full disk -----------------------------------------------------------------------------------------------

    def _flee(self, error: BaseException) -> None:
        """A write failed for want of room: go on in memory. What failed is told again by who gave it."""
        if self._refuge is None or not isinstance(error, apsw.FullError | apsw.IOError):
            return
        if self._refuge.away is not None:
            return  # memory is full as well
        self._checkpoint.make_room()  # the log holds pages many times over: copied, it may be enough for coming back soon
        try:
            seat = self._refuge.enter(str(error), self.revision)
        except (apsw.Error, HoldfastError, OSError) as refusal:
            logger.error("database %s: %s; there is no place in memory either: %s", self._path, error, refusal)
            return
        self._sit(seat)
        self._revisions.elsewhere(self._refuge.reserve)
        logger.error("database %s: %s: going on in memory after revision %d, until there is room", self._path, error, self.revision)
        self._rouse()

    def _come_home(self, *, now: bool = False) -> None:
        """Merge what happened in memory into the file, if there is room again."""
        refuge = self._refuge
        if refuge is None or refuge.away is None or not (refuge.due or now):
            return
        if self._home is not None:
            self._home.checkpoint.make_room()  # it may be the log itself that fills the disk
        if not self._revisions.ensure(1):
            return
        started = time.monotonic()
        revision = self._revisions.take()
        away = Seat(self._path, False, self._session, self._checkpoint, self._compaction)
        try:
            seat = refuge.leave(revision, self._revisions.reserved)
        except (apsw.Error, OSError) as error:
            logger.debug("database %s: still no room: %s", self._path, error)
            refuge.postpone(time.monotonic() - started)
            return
        for one in (away, self._home):
            if one is not None:
                with contextlib.suppress(apsw.Error):
                    one.close()
        refuge.forget()
        self._home = seat
        self._sit(seat)
        self._revisions.elsewhere(None, seat.connection)
        self.revision = revision
        self._rouse()

    def _rouse(self) -> None:
        """The file or the place has changed: who waits may look."""
        for callback in self._callbacks:
            callback(self.revision, frozenset())

    def _abandon(self, refuge: Refuge) -> None:
        """The end, and still no room: the next start finds the revisions that are missing."""
        after = refuge.away.revision if refuge.away else 0
        logger.error("database %s: closed while the disk is full: what happened after revision %d is lost", self._path, after)
        self._connection.close()
        refuge.forget()
        if self._home is not None:
            self._home.connection.close()

    def _refuse_durable(self, jobs: deque[_Job]) -> None:
        """What must be on the disk cannot be done in memory."""
        if self._refuge is None or self._refuge.away is None:
            return
        refused = [job for job in jobs if job.durable]
        for job in refused:
            jobs.remove(job)
        why = f"database {self._path}: the disk cannot be written ({self._refuge.away.why})"
        _fail(refused, Unavailable(why, hint="make room: nothing of this was written, and later writes will work"))

    def _tell(self, done: Sequence[_Done]) -> None:
        """After a commit. Callbacks come first, so that who waits for a result finds his watches rung."""
        for one in done:
            _settle(one.settlers, committed=True)
        taken = [one.revision for one in done if one.revision is not None]
        if taken:
            self.revision = taken[-1]
        tables = frozenset[str]().union(*(one.tables for one in done))
        if taken or tables:
            for callback in self._callbacks:
                try:
                    callback(self.revision, tables)
                except Exception:  # a watcher's fault must not stop the writer
                    logger.exception("database %s: a commit callback failed", self._path)
        for one in done:
            one.future.set_result(one.result)

    def _survive(self, jobs: deque[_Job], done: Sequence[_Done], error: BaseException) -> None:
        logger.critical("database %s: the writer failed", self._path, exc_info=error)
        self._take_back(alone=True)
        for one in reversed(done):
            if not one.future.done():
                _settle(one.settlers, committed=False)
        bug = Bug(f"database {self._path}: the writer failed: {error}")
        for one in done:
            if not one.future.done():
                one.future.set_exception(bug)
        _fail(jobs, bug)
        jobs.clear()

    def _finish(self) -> None:
        """A clean end: numbers that were not used are given back, the log goes into the file."""
        self._come_home(now=True)
        if self._refuge is not None and self._refuge.away is not None:
            self._abandon(self._refuge)
            return
        try:
            self._sync("FULL")
            with self._connection:
                self._revisions.give_back()
                meta.write(self._connection, "clean", 1)
                meta.write(self._connection, "closed_ns", self._session.clock())
            self._checkpoint.close()
        except apsw.Error as error:
            logger.warning("database %s: closing was not clean, nothing committed is lost: %s", self._path, error)
        self._connection.close()


def _settle(settlers: Sequence[Settler], *, committed: bool) -> None:
    for settler in settlers if committed else reversed(settlers):
        try:
            settler(committed)
        except Exception:  # as for callbacks
            logger.exception("a settler of a transaction failed")


def _fail(jobs: Iterable[_Job], error: HoldfastError) -> None:
    for job in jobs:
        if job.future.set_running_or_notify_cancel():
            job.future.set_exception(error)
