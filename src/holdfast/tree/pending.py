"""Waiting for a commit: in a thread or on a loop, at the price of a lock or a loop's future, and one call into a loop per batch.

concurrent.futures would cost 40 µs per commit here: a condition for each, and a call into the loop for each.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterable
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

__all__ = ["Answer", "Pending", "answered", "tell"]

T = TypeVar("T")


class Pending(Generic[T]):
    """An answer that comes later, for one who waits. `tell` gives it; whoever cancels his waiting does not cancel the commit."""

    __slots__ = ("_lock", "_waiter", "done", "error", "value")

    def __init__(self) -> None:
        self.done = False
        self.value: Any = None
        self.error: BaseException | None = None
        self._lock: Any = None
        self._waiter: tuple[asyncio.AbstractEventLoop, asyncio.Future[None]] | None = None

    @classmethod
    def of(cls, value: T) -> Pending[T]:
        """One that has its answer."""
        pending = cls()
        pending.value, pending.done = value, True
        return pending

    def result(self) -> T:
        """Wait in this thread. Raises: what it failed with."""
        if not self.done:
            lock = threading.Lock()
            lock.acquire()
            self._lock = lock
            if not self.done:  # looked at after the lock is known: who tells looks the other way round
                lock.acquire()
        return self._answer()

    async def wait(self) -> T:
        """Wait on the running loop. Raises: what it failed with."""
        if not self.done:
            loop = asyncio.get_running_loop()
            future: asyncio.Future[None] = loop.create_future()
            self._waiter = (loop, future)
            if not self.done:
                await future
        return self._answer()

    def _answer(self) -> T:
        if self.error is not None:
            raise self.error
        found: T = self.value
        return found

    def finish(self) -> tuple[asyncio.AbstractEventLoop, asyncio.Future[None]] | None:
        """It has its answer: wake a thread that waits; a loop that waits is the caller's to wake."""
        self.done = True
        if self._lock is not None:
            self._lock.release()
        return self._waiter


Answer = Pending[T] | Future[T]


async def answered(answer: Answer[T]) -> T:
    """Wait for either."""
    if isinstance(answer, Pending):
        return await answer.wait()
    return await asyncio.wrap_future(answer)


def tell(all_of: Iterable[Pending[Any]]) -> None:
    """Their answers are there: tell whoever waits. Any thread."""
    loops: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
    for pending in all_of:
        waiter = pending.finish()
        if waiter is not None:
            loops.setdefault(waiter[0], []).append(waiter[1])
    for loop, futures in loops.items():
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits there
            loop.call_soon_threadsafe(_wake, futures)


def _wake(futures: list[asyncio.Future[None]]) -> None:
    for future in futures:
        if not future.done():
            future.set_result(None)
