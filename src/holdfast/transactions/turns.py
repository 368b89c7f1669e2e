"""One transaction at a time per target, whoever comes: tasks of the loop wait, a thread only tries."""

from __future__ import annotations

import asyncio
import threading
from collections import deque

__all__ = ["Turns"]

Waiting = deque[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]]


class Turns:
    """Who has a target's turn gives it to the next. Any thread may call anything."""

    def __init__(self) -> None:
        self._gate = threading.Lock()
        self._taken: dict[str, Waiting] = {}

    def try_take(self, target: str) -> bool:
        """Take the turn if nobody has it."""
        with self._gate:
            if target in self._taken:
                return False
            self._taken[target] = deque()
            return True

    async def take(self, target: str) -> None:
        """Wait for the turn, behind those who came before."""
        loop = asyncio.get_running_loop()
        with self._gate:
            if target not in self._taken:
                self._taken[target] = deque()
                return
            mine: asyncio.Future[None] = loop.create_future()
            self._taken[target].append((loop, mine))
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():  # it was given to us, and we no longer want it
                self.give(target)
            raise

    def give(self, target: str) -> None:
        """Let the next one have it."""
        with self._gate:
            waiting = self._taken[target]
            if not waiting:
                del self._taken[target]
                return
            loop, theirs = waiting.popleft()
        loop.call_soon_threadsafe(self._given, target, theirs)

    def _given(self, target: str, theirs: asyncio.Future[None]) -> None:
        if theirs.cancelled():
            self.give(target)
        else:
            theirs.set_result(None)

    async def all_given(self) -> None:
        """Wait until nobody has a turn that was taken before."""
        for target in list(self._taken):
            await self.take(target)
            self.give(target)
