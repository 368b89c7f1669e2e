"""Where a command's asynchronous part runs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

__all__ = ["on_loop"]

T = TypeVar("T")


def on_loop(coroutine: Coroutine[Any, Any, T]) -> T:
    """As asyncio.run; and Ctrl-C that comes before it has begun, or behind its end, leaves no complaint of what was half done."""
    try:
        with asyncio.Runner(loop_factory=_made_whole) as runner:
            return runner.run(coroutine)
    except asyncio.CancelledError:  # nobody else cancels it; the runner says so itself unless it was cancelled inside as well
        raise KeyboardInterrupt from None
    finally:
        coroutine.close()  # one that never began would say so


def _made_whole() -> asyncio.AbstractEventLoop:
    """In another thread: Ctrl-C breaks off the waiting for it, not the making, and a loop that is half made complains when it goes."""
    made: list[asyncio.AbstractEventLoop] = []
    maker = threading.Thread(target=lambda: made.append(asyncio.new_event_loop()))
    maker.start()
    maker.join()
    return made[0]
