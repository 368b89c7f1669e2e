"""Read-only connections, for any thread: taken from a stack, used, given back. The last one used is the next one: its cache is warm."""

from __future__ import annotations

import contextlib
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import apsw

from holdfast.errors import Closed, Corrupt, HoldfastError, QueryError

from .faults import DAMAGED_HINT, fault
from .guard import Guard
from .home import Row
from .joint import is_joint, without_hints
from .query import Answer, explained

__all__ = ["Connected", "Readers"]

_LONG_S: Final = 10.0
"""A query that holds back the log for longer than this is ended when the log has grown too long."""
_ALL_FROM: Final = 3
"""A log so many times too long ends them all: what a fast writer writes in that time must not be without a bound."""
_ROOM_S: Final = 3.0
"""So long after the last such query was ended the log has begun anew."""
_AGAIN_S: Final = 0.02
_LOOKED_EVERY: Final = 10_000
"""Instructions of SQLite, a millisecond or less, after which whatever is read looks whether the pool is closed."""
_KEPT: Final = 8
"""Idle connections that stay open."""


class Connected:
    """One read-only connection with its guard."""

    __slots__ = ("connection", "generation", "guard", "joint")

    def __init__(self, connection: apsw.Connection, generation: int) -> None:
        self.connection = connection
        self.generation = generation
        self.guard = Guard()
        self.joint = is_joint(connection)
        connection.authorizer = self.guard


class Readers:
    """The pool. `connect` opens one more connection, ready but for the guard. `crowded`: is the log too long, and a writer there?"""

    def __init__(self, connect: Callable[[], apsw.Connection], path: str, crowded: Callable[[int], bool]) -> None:
        self._connect = connect
        self._path = path
        self._crowded = crowded
        self._idle: list[Connected] = []
        self._all: set[Connected] = set()
        self._answers: weakref.WeakSet[Answer] = weakref.WeakSet()
        self._lock = threading.Lock()
        self._closed = False
        self._generation = 0

    def renew(self) -> None:
        """Open connections anew from now on; those in use end with what they are used for."""
        self._generation += 1
        self._drop_idle()

    def fetch(self, sql: str, args: Sequence[Any] = ()) -> list[Row]:
        one = self._take()
        try:
            return one.connection.execute(sql, tuple(args)).fetchall()
        except (apsw.Error, UnicodeDecodeError) as error:
            raise self._fault(error, sql, one) from None
        finally:
            self._give(one)

    @contextmanager
    def snapshot(self) -> Iterator[Connected]:
        """A connection inside a read transaction."""
        one = self._take()
        try:
            self._control(one, "BEGIN")
            try:
                yield one
            finally:
                if one.connection.in_transaction:
                    self._control(one, "ROLLBACK")
        except apsw.Error as error:
            raise self._fault(error, "", one) from None
        finally:
            self._give(one)

    def fetch_from(self, one: Connected, sql: str, args: Sequence[Any] = ()) -> list[Row]:
        """Read through a snapshot."""
        try:
            return one.connection.execute(without_hints(sql) if one.joint else sql, tuple(args)).fetchall()
        except (apsw.Error, UnicodeDecodeError) as error:
            raise self._fault(error, sql, one) from None

    def query(
        self,
        sql: str,
        args: Sequence[Any],
        timeout_s: float | None,
        limit: int | None,
        prepare: Callable[[apsw.Connection], None] | None = None,
    ) -> Answer:
        """prepare: what is done before with a connection that is the query's own, in the transaction that it reads in."""
        began = self._admitted()
        one, done = (self._take(), self._give) if prepare is None else (self._apart(prepare), self._drop)

        def answered(answer: Answer) -> None:
            with self._lock:
                self._answers.discard(answer)
            done(one)

        answer = Answer(one.connection, one.guard, answered, self._path, sql, timeout_s, limit)
        answer.began = min(answer.began, began)
        with self._lock:
            self._answers.add(answer)
            closed = self._closed
        if closed:  # between the taking and the adding: nobody has ended it
            answer.end(self._ended())
            raise self._ended()
        answer.start(args)
        return answer

    def _admitted(self) -> float:
        """Wait until the log is not too long; since when the query counts as begun.

        Slow readers that are ended one after the other and begin again at once would else hold a mark in the log between them all
        the time. Nobody waits longer than others may read: who is left then cannot be ended, and waiting on would not help.
        A query inside the loop over another one's rows would wait for itself: it begins, and is as old as that one.
        """
        now = time.monotonic()
        if not self._crowded(1):
            return now
        around = [one.began for one in self._open() if one.thread == threading.get_ident()]
        if around:
            return min(around)
        while self._crowded(1) and time.monotonic() - now < _LONG_S + _ROOM_S:
            if self._closed:
                raise self._ended()
            time.sleep(_AGAIN_S)
        return time.monotonic()

    def _apart(self, prepare: Callable[[apsw.Connection], None]) -> Connected:
        one = self._new()
        one.guard.trusted = True
        try:
            one.connection.execute("BEGIN")
            prepare(one.connection)
        except apsw.Error as error:
            self._drop(one)
            raise fault(error, self._path) from None
        except BaseException:
            self._drop(one)
            raise
        one.guard.trusted = False
        return one

    def _open(self) -> list[Answer]:
        with self._lock:
            return list(self._answers)  # all are held until the lock is free: one that goes while it is taken would wait for it

    def relieve(self) -> None:
        """End queries that have been open for long: the log cannot begin anew while they read an old revision."""
        before = time.monotonic() - (0.0 if self._crowded(_ALL_FROM) else _LONG_S)
        for one in [one for one in self._open() if one.began < before]:
            one.end(QueryError("the query was ended: it held back the database's log for too long", hint="read its rows sooner, or fewer"))

    def close(self) -> None:
        """End all that is being read, close all connections. Those in use are closed when they come back."""
        with self._lock:
            self._closed = True
            answers, everyone = list(self._answers), list(self._all)
        for answer in answers:
            answer.end(self._ended())
        for one in everyone:
            with contextlib.suppress(apsw.ConnectionClosedError):
                one.connection.interrupt()
        self._drop_idle()

    def _take(self) -> Connected:
        if self._closed:
            raise self._ended()
        try:
            return self._idle.pop()  # one step for the interpreter, so no lock
        except IndexError:
            return self._new()

    def _new(self) -> Connected:
        if self._closed:
            raise self._ended()
        generation = self._generation
        try:
            one = Connected(self._connect(), generation)
            # what begins in the moment of `close` comes after its interrupt
            one.connection.set_progress_handler(lambda: self._closed, _LOOKED_EVERY, id=self)
        except apsw.Error as error:
            raise fault(error, self._path) from None
        with self._lock:
            self._all.add(one)
        return one

    def _give(self, one: Connected) -> None:
        if len(self._idle) >= _KEPT:
            self._drop(one)
            return
        self._idle.append(one)
        if self._closed or one.generation != self._generation:  # after the append: who closes may have emptied the stack before it
            self._drop_idle()

    def _drop_idle(self) -> None:
        with contextlib.suppress(IndexError):
            while True:
                self._drop(self._idle.pop())

    def _drop(self, one: Connected) -> None:
        with self._lock:
            self._all.discard(one)
        one.connection.close(True)

    def _control(self, one: Connected, sql: str) -> None:
        one.guard.trusted = True
        try:
            one.connection.execute(sql)
        finally:
            one.guard.trusted = False

    def _fault(self, error: apsw.Error | UnicodeDecodeError, sql: str, one: Connected) -> HoldfastError:
        if isinstance(error, UnicodeDecodeError):  # of our own queries: what we write is text
            return Corrupt(f"database {self._path}: text in it is damaged ({error})", hint=DAMAGED_HINT)
        if self._closed:
            return self._ended()
        return explained(error, sql, one.connection, self._path, one.guard.refused)

    def _ended(self) -> HoldfastError:
        return Closed(f"database {self._path} is closed")
