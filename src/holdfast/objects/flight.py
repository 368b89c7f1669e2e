"""A commit on its way, for those who come meanwhile."""

from __future__ import annotations

import asyncio
import threading

from holdfast.errors import HoldfastError

__all__ = ["Flight"]


class Flight:
    """Set in the objects that it carries. It may have begun in any thread, and is waited for by tasks of any loop."""

    __slots__ = ("_gate", "_landed", "_refused", "_waiting")

    def __init__(self) -> None:
        self._gate = threading.Lock()
        self._landed = False
        self._refused: HoldfastError | None = None
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []

    def land(self, refused: HoldfastError | None) -> None:
        """It is over. refused: what it failed with."""
        with self._gate:
            self._landed, self._refused = True, refused
            waiting, self._waiting = self._waiting, []
        for loop, theirs in waiting:
            loop.call_soon_threadsafe(_ring, theirs)

    async def landed(self) -> HoldfastError | None:
        """Wait for its end: what it failed with."""
        with self._gate:
            if self._landed:
                return self._refused
            loop = asyncio.get_running_loop()
            mine: asyncio.Future[None] = loop.create_future()
            self._waiting.append((loop, mine))
        await mine
        return self._refused


def _ring(theirs: asyncio.Future[None]) -> None:
    if not theirs.done():
        theirs.set_result(None)
