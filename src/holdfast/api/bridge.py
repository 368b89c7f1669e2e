"""From synchronous calls into the background loop: one daemon thread per process, started at the first call.

    run(coroutine)            waits in the calling thread while the loop runs it; Ctrl-C cancels it there
    in_worker(f, *args)       asynchronous code lets a worker thread do what blocks; its synchronous twin just calls f
    settled(future)           asynchronous code waits for what another thread does; its synchronous twin is `answer(future)`

Before the interpreter ends all NDBs that are still open are closed, while threads can still be used. A forked child has
no such thread: it starts its own when it opens an NDB of its own.
"""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import os
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Final, Generic, ParamSpec, Protocol, TypeVar

from holdfast.errors import UsageError
from holdfast.undisturbed import waited

__all__ = ["answer", "closed_at_exit", "in_worker", "on_loop", "run", "settled"]

P = ParamSpec("P")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_CLOSING_S: Final = 5.0
"""How long an NDB that was left open may take to close when the interpreter ends."""


class Closable(Protocol):
    """What has to be ended on the loop that it runs on."""

    running: bool

    async def close(self) -> None: ...


class _Loop:
    """A loop in a daemon thread, which makes it too: one that Ctrl-C leaves half made complains when it goes."""

    loop: asyncio.AbstractEventLoop

    def __init__(self) -> None:
        self._made = threading.Event()
        self.thread = threading.Thread(target=self._run, name="holdfast-loop", daemon=True)
        self.thread.start()
        self._made.wait()

    def _run(self) -> None:
        self.loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self.loop)
        self._made.set()
        self.loop.run_forever()
        left = asyncio.all_tasks(self.loop)  # of calls that were given up just before
        for task in left:
            task.cancel()
        # A round of its own even where none is left: what ended in the last one has not told it yet.
        self.loop.run_until_complete(asyncio.gather(asyncio.sleep(0), *left, return_exceptions=True))
        self.loop.close()

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(_CLOSING_S)


class _Background:
    """The loop of this process, if there is one, and the NDBs that are open on it."""

    def __init__(self) -> None:
        self.open: list[Closable] = []
        self._lock = threading.Lock()
        self._loop: _Loop | None = None

    def loop(self) -> _Loop:
        with self._lock:
            self._loop = self._loop or _Loop()
            return self._loop

    def is_here(self) -> bool:
        """Is this the loop's own thread?"""
        return self._loop is not None and self._loop.thread is threading.current_thread()

    def end(self) -> None:
        """Close what is open, all at once, and stop the loop."""
        with self._lock:
            loop, self._loop = self._loop, None
        if loop is None:
            return
        closing = [asyncio.run_coroutine_threadsafe(one.close(), loop.loop) for one in self.open if one.running]
        concurrent.futures.wait(closing, _CLOSING_S)
        loop.stop()

    def forget(self) -> None:
        """Behind a fork: the thread is not here, and the lock may have been held by it."""
        self.__init__()  # type: ignore[misc]


_background: Final = _Background()


_HEARD_WITHIN_S: Final = 0.2


class _Call(Generic[T]):
    """One coroutine on the loop, and a thread that waits for it.

    A lock where run_coroutine_threadsafe has two futures and a condition: 26 µs of processor time instead of 44, of which every
    synchronous commit has one.
    """

    __slots__ = ("_begun", "_coroutine", "_error", "_loop", "_result", "_running", "_task")

    def __init__(self, coroutine: Coroutine[Any, Any, T], loop: asyncio.AbstractEventLoop) -> None:
        self._coroutine = coroutine
        self._loop = loop
        self._running = threading.Lock()
        self._begun = False
        self._task: asyncio.Task[T] | None = None
        self._result: T
        self._error: BaseException | None = None

    def result(self) -> T:
        """Start it and wait. Ctrl-C cancels it, and is raised without waiting for that."""
        try:
            self._running.acquire()
            self._loop.call_soon_threadsafe(self._start)
            # A signal that comes just before this waits would be heard when it ends; so it ends now and then.
            while not self._running.acquire(timeout=_HEARD_WITHIN_S):
                pass
        except BaseException:
            try:
                self._loop.call_soon_threadsafe(self._give_up)
            except RuntimeError:  # the loop is closed: it was never started
                self._coroutine.close()
            raise
        if self._error is None:
            return self._result
        error, self._error = self._error, None
        try:
            raise error
        finally:
            del error  # its traceback has this frame

    def _start(self) -> None:
        self._begun = True
        self._task = self._loop.create_task(self._coroutine)
        self._task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[T]) -> None:
        """Here on the loop the task is asked, so that nobody has to who gave up, and let go: Ctrl-C that came in the callbacks of
        its end would be lost, which Python reports as an `Exception ignored`."""
        self._task = None
        self._error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if self._error is None:
            self._result = task.result()
        self._running.release()

    def _give_up(self) -> None:
        """Behind `_start` in the loop's queue, if that is there at all."""
        if not self._begun:
            self._coroutine.close()
        elif self._task is not None:
            self._task.cancel()


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run it on the background loop and wait for its result in this thread.

    Raises: UsageError - called on the loop's own thread, which would wait for itself;  what the coroutine raises.
    """
    background = _background.loop()
    if threading.current_thread() is background.thread:
        coroutine.close()
        raise UsageError(
            "a synchronous call inside the loop's own thread would wait for itself for ever",
            hint="use holdfast.aio there, or hand the call to another thread",
        )
    return _Call(coroutine, background.loop).result()


async def in_worker(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call what blocks for a moment in a worker thread."""
    return await asyncio.to_thread(function, *args, **kwargs)


class Coming(Protocol[T_co]):
    """What a thread waits for, and a loop: a commit of the tree."""

    def result(self) -> T_co: ...
    async def wait(self) -> T_co: ...


async def settled(future: concurrent.futures.Future[T] | Coming[T]) -> T:
    """Wait for what another thread does. Cancelling ends the waiting; what was asked for may happen all the same."""
    if isinstance(future, concurrent.futures.Future):
        return await asyncio.wrap_future(future)
    return await future.wait()


def on_loop() -> bool:
    """Is this the background loop's own thread, on which nobody may wait?"""
    return _background.is_here()


def answer(future: concurrent.futures.Future[T] | Coming[T]) -> T:
    """Wait for it in this thread. Raises: UsageError - on the loop's own thread;  what the future raises."""
    if _background.is_here():
        raise UsageError(
            "a synchronous call inside the loop's own thread would hold up everything",
            hint="use holdfast.aio there, or hand the call to another thread",
        )
    return waited(future) if isinstance(future, concurrent.futures.Future) else future.result()


def closed_at_exit(one: Closable) -> None:
    """Close it when the interpreter ends, if it still runs then."""
    _background.open = [*(other for other in _background.open if other.running), one]


os.register_at_fork(after_in_child=_background.forget)
# Plain atexit runs after the thread pools were told to refuse work, and closing needs them. The hook has no public name
# (Python 3.9 … 3.14); without it closing may be cut short, which costs a stale file that the next start removes.
getattr(threading, "_register_atexit", atexit.register)(_background.end)
