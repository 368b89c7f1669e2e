"""Where a command's asynchronous part runs, and how Ctrl-C breaks it off."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Coroutine, Iterator
from types import FrameType
from typing import Any, Final, TypeVar

__all__ = ["break_off", "on_loop"]

T = TypeVar("T")

_AGAIN_S: Final = 0.005
_FINALIZING: Final = ("weakref", "_weakrefset")


def break_off(number: int, frame: FrameType | None) -> None:
    """For SIGINT, as Python's own handler, but not within a finalizer: there the exception would be told on the terminal and
    forgotten. It comes again behind that, as SIGALRM, whose handler is to hand it on.
    """
    while frame is not None:
        if frame.f_code.co_name == "__del__" or frame.f_globals.get("__name__") in _FINALIZING:
            signal.setitimer(signal.ITIMER_REAL, _AGAIN_S)
            return
        frame = frame.f_back
    raise KeyboardInterrupt


def on_loop(coroutine: Coroutine[Any, Any, T]) -> T:
    """As asyncio.run; and Ctrl-C that comes before it has begun, or behind its end, leaves no complaint of what was half done."""
    try:
        with _cancelling(), asyncio.Runner(loop_factory=_made_whole) as runner:
            return runner.run(coroutine)
    except asyncio.CancelledError:  # nobody else cancels it; the runner says so itself unless it was cancelled inside as well
        raise KeyboardInterrupt from None
    finally:
        coroutine.close()  # one that never began would say so


@contextlib.contextmanager
def _cancelling() -> Iterator[None]:
    """asyncio cancels what it runs where Ctrl-C has Python's own handler, and only there."""
    ours = signal.getsignal(signal.SIGINT) is break_off and threading.current_thread() is threading.main_thread()
    if ours:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        if ours:
            signal.signal(signal.SIGINT, break_off)


def _made_whole() -> asyncio.AbstractEventLoop:
    """In another thread: Ctrl-C breaks off the waiting for it, not the making, and a loop that is half made complains when it goes."""
    made: list[asyncio.AbstractEventLoop] = []
    maker = threading.Thread(target=lambda: made.append(asyncio.new_event_loop()))
    maker.start()
    maker.join()
    return made[0]
