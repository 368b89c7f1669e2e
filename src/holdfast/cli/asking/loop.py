"""Where a command's asynchronous part runs, and how Ctrl-C breaks it off."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
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
    """As asyncio.run; and Ctrl-C that comes before it has begun, or behind its end, leaves no complaint of what was half done.

    asyncio's own handler would raise within a finalizer as well, and Python's, which stands there a moment before and behind it.
    """
    running: list[asyncio.Task[Any]] = []
    came = cancelled = False

    async def noted() -> T:
        running.append(asyncio.current_task())  # type: ignore[arg-type]  # there is one
        if came:
            raise asyncio.CancelledError
        return await coroutine

    def cancel(number: int, frame: FrameType | None) -> None:
        """What runs, the first time. What comes before that or behind it waits: a loop must not be left half made, or half closed."""
        nonlocal came, cancelled
        if cancelled:
            break_off(number, frame)
        elif not running or running[0].done():
            came = True
        else:
            cancelled = True
            running[0].cancel()
            running[0].get_loop().call_soon_threadsafe(lambda: None)  # it may wait for something else

    whole = noted()
    try:
        with _handled_by(cancel), asyncio.Runner(loop_factory=_made_whole) as runner:
            result = runner.run(whole)
    except asyncio.CancelledError:  # nobody else cancels it
        raise KeyboardInterrupt from None
    finally:
        whole.close()  # one that never began would say so
        coroutine.close()
    if came:
        raise KeyboardInterrupt
    return result


@contextlib.contextmanager
def _handled_by(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Ctrl-C that would break off does something else meanwhile."""
    ours = signal.getsignal(signal.SIGINT) is break_off and threading.current_thread() is threading.main_thread()
    if ours:
        signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        if ours:
            signal.signal(signal.SIGINT, break_off)


def _made_whole() -> asyncio.AbstractEventLoop:
    """In another thread: there Python's own handler of Ctrl-C, which stands here a moment before and behind ours, leaves none half made."""
    made: list[asyncio.AbstractEventLoop] = []
    maker = threading.Thread(target=lambda: made.append(asyncio.new_event_loop()))
    maker.start()
    maker.join()
    return made[0]
