"""Signals wait while something runs that must not be broken off in its middle.

Python runs handlers in the main thread, between any two instructions, and many raise: KeyboardInterrupt, SystemExit, a test's time-out.
A transaction that they break off would be half done. So who carries one out in a caller's thread has the handlers held back for the
fraction of a millisecond that it takes, and says where they may raise. The collector of cycles is held back as well: what it finalizes
may be anybody's, and may ask for what is under way.

Python 3.13 runs them at the end of a loop's round as well, and takes that for outside of a `try` around the loop: so in a `try` here
are calls, and no loops.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # signal's own functions wrap numbers into enumerations, which takes 2 µs each
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from .collector import hold

if TYPE_CHECKING:
    from concurrent.futures import Future

__all__ = ["Undisturbed", "waited"]

T = TypeVar("T")
Handler = Callable[[int, FrameType | None], Any]

_HEARD_WITHIN_S: Final = 0.2
_SIGNALS: Final = tuple(int(one) for one in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})


class Undisturbed:
    """`with Undisturbed() as calm:` signals that come meanwhile are handled at its end, and within `calm.wait`. 3 µs.

    Each signal once, however often it came, as the kernel does with those that are blocked. In other threads than the main one
    no handler runs, so that nothing has to wait there.
    """

    __slots__ = ("_came", "_handlers", "_holds")

    def __init__(self) -> None:
        self._came: dict[int, Handler] = {}
        self._handlers: list[tuple[int, Handler]] = []
        self._holds = False

    def __enter__(self) -> Self:
        self._begin()
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def wait(self, call: Callable[[], T]) -> T:
        """What takes long, and may be broken off: as outside. Raises: what it raises, what a handler raises."""
        try:
            self._end()
            return call()
        finally:
            self._begin()

    def ended(self, future: Future[Any]) -> None:
        """Wait until it is done, with a lock of our own. A handler that raises as a Future's own one has just been taken leaves that
        taken, and who ends the Future waits for ever. Raises: what a handler raises.
        """
        running = threading.Lock()
        running.acquire()
        future.add_done_callback(lambda _: running.release())
        self.wait(lambda: _taken(running))

    def look(self) -> None:
        """Handle what has come up to now. Raises: what a handler raises."""
        if self._came:
            self.wait(lambda: None)

    def _begin(self) -> None:
        if threading.get_ident() == threading.main_thread().ident:
            handlers = [(number, handler) for number, handler in zip(_SIGNALS, map(_signal.getsignal, _SIGNALS), strict=True)
                        if handler.__class__ is not int and callable(handler)]  # fmt: skip
            try:
                self._take_over(handlers)
            except BaseException:
                self._end()
                raise
        hold.take()
        self._holds = True

    def _take_over(self, handlers: list[tuple[int, Handler]]) -> None:
        self._handlers = handlers
        for number, _ in handlers:
            _signal.signal(number, self._keep)

    def _end(self) -> None:
        if self._holds:
            self._holds = False
            hold.give()
        try:
            self._restore()
        finally:
            self._handle()

    def _handle(self) -> None:
        """As always when a handler raises, the next one runs all the same."""
        if self._came:
            number, handler = self._came.popitem()
            try:
                handler(number, sys._getframe())
            finally:
                self._handle()

    def _keep(self, number: int, _frame: FrameType | None) -> None:
        self._came[number] = next(handler for one, handler in self._handlers if one == number)

    def _restore(self) -> None:
        """A handler that is back may raise at once: the others come back all the same."""
        try:
            self._give_back()
        except BaseException:
            self._restore()
            raise

    def _give_back(self) -> None:
        while self._handlers:
            _signal.signal(*self._handlers[-1])
            self._handlers.pop()


def waited(future: Future[T]) -> T:
    """Its result, for any thread: as `result()`, which in the main thread may leave its lock taken (see `Undisturbed.ended`)."""
    with Undisturbed() as calm:
        calm.ended(future)
        return future.result()


def _taken(lock: threading.Lock) -> None:
    """A signal that comes just before this waits would be heard when it ends; so it ends now and then."""
    while not lock.acquire(timeout=_HEARD_WITHIN_S):
        pass
