"""The one thread that writes: takes jobs from a queue, runs those that wait together in one transaction, commits, tells.

write() ──▶ queue ──▶ [job, job, job] ── BEGIN · job · savepoint job · … · COMMIT ──▶ on_commit ──▶ futures
"""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import apsw

from holdfast.errors import Bug, Closed, HoldfastError, Unavailable

from . import meta
from .checkpoint import Checkpoint
from .failpoint import reach
from .faults import fault
from .home import OnCommit, Settler
from .home import Transaction as TransactionContract
from .retention import LOOK_EVERY_S, Compaction
from .revisions import Revisions
from .session import Session
from .transaction import Transaction

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
    future: Future[Any] = field(default_factory=Future)


@dataclass(slots=True, eq=False)
class _Done:
    """A job that ran and is not committed yet. `revision`: None if it changed nothing that lasts."""

    future: Future[Any]
    result: Any
    revision: int | None
    tables: set[str]
    settlers: Sequence[Settler] = ()


class Writer:
    """Owns the write connection. `revision` is the last committed one.

    synced: the file is on a disk, so that syncs mean something.
    """

    def __init__(
        self, session: Session, revisions: Revisions, checkpoint: Checkpoint, compaction: Compaction, path: str, *, synced: bool
    ) -> None:
        self.revision = revisions.last
        self._session = session
        self._connection = session.connection
        self._revisions = revisions
        self._checkpoint = checkpoint
        self._compaction = compaction
        self._path = path
        self._synced = synced
        self._level = ""
        self._callbacks: tuple[OnCommit, ...] = ()
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._gate = threading.Lock()
        self._closed = False
        self._pid = os.getpid()
        self._thread = threading.Thread(target=self._run, name="holdfast-writer", daemon=True)
        self._thread.start()

    # -- for any thread --------------------------------------------------------------------------------------------

    def write(self, call: Callable[[TransactionContract], T], *, durable: bool) -> Future[T]:
        if os.getpid() != self._pid:
            raise Bug(f"database {self._path} is used after a fork: its writer thread stayed in the parent, process {self._pid}")
        job = _Job(call, durable)
        with self._gate:  # so that nothing is queued behind the end
            if self._closed:
                raise Closed(f"database {self._path} is closed")
            self._queue.put(job)
        return job.future

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
        if self._thread is threading.current_thread():
            raise Bug("the database is closed by one of its own jobs, which would wait for itself")
        self._thread.join()

    # -- the thread ------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            try:
                job = self._queue.get(timeout=self._patience_s())
            except queue.Empty:
                self._idle()
                continue
            jobs, ended = self._waiting(job)
            while jobs:
                done: list[_Done] = []
                try:
                    self._transact(jobs, done)
                except Exception as error:  # noqa: BLE001 - the thread must go on, and nobody may wait for ever
                    self._survive(jobs, done, error)
                self._compact()
            if ended:
                self._finish()
                return

    def _patience_s(self) -> float:
        """How long to wait for a job before something else is done."""
        return 0.0 if self._compaction.due else _IDLE_S if self._checkpoint.wants_idle else LOOK_EVERY_S

    def _idle(self) -> None:
        if not self._compact():
            self._checkpoint.idle()

    def _compact(self) -> bool:
        """Let a little of the past go, if it is time for that. Says whether something went."""
        try:
            self._sync("NORMAL")
            return self._compaction.step(self.revision)
        except apsw.Error as error:
            logger.warning("database %s: letting go of old history failed and is tried again: %s", self._path, error)
            self._compaction.pause()
            return False

    def _waiting(self, job: _Job | None) -> tuple[deque[_Job], bool]:
        """All that is in the queue, up to a bound; and whether its end was reached."""
        jobs: deque[_Job] = deque()
        while job is not None:
            jobs.append(job)
            if len(jobs) == _TOGETHER or self._queue.empty():
                return jobs, False
            job = self._queue.get()
        return jobs, True

    def _transact(self, jobs: deque[_Job], done: list[_Done]) -> None:
        """Run jobs, taking them from the front, in one transaction, until none is left or it has taken long enough."""
        started = time.monotonic()
        try:
            self._begin(len(jobs), durable=any(job.durable for job in jobs))
        except apsw.Error as error:
            _fail(jobs, fault(error, self._path))
            jobs.clear()
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
        self._checkpoint.after_commit()

    def _begin(self, jobs: int, *, durable: bool) -> None:
        if not self._revisions.ensure(jobs):
            self._sync("FULL")
            self._revisions.reserve(jobs)
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
            revision = self._revisions.take() if tx.taken else None  # of a failed job too: somebody may have seen it
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
        if isinstance(error, apsw.FullError):
            self._checkpoint.make_room()

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

    def _survive(self, jobs: deque[_Job], done: Sequence[_Done], error: Exception) -> None:
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
        try:
            self._sync("FULL")
            with self._connection:
                self._revisions.give_back()
                meta.write(self._connection, "clean", 1)
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
