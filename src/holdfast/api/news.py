"""Waking those who wait for a condition on the tables, at each commit that could have made it true."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from typing import TypeVar

__all__ = ["News"]

T = TypeVar("T")


class News:
    """One per open NDB, for its loop. Unlike a watch it also knows of volatile changes, which take no revision."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[asyncio.Future[None], frozenset[str]] = {}

    def tell(self, tables: Iterable[str]) -> None:
        """These tables have changed. Any thread; costs a call into the loop only if somebody waits for one of them."""
        changed = frozenset(tables)
        # a copy, in one step: the loop may add and remove meanwhile
        if any(not changed.isdisjoint(wanted) for wanted in list(self._waiting.values())):
            with contextlib.suppress(RuntimeError):  # the loop is closed; nobody is left to wake
                self._loop.call_soon_threadsafe(self._wake, changed)

    def _wake(self, changed: frozenset[str]) -> None:
        for waiter, wanted in self._waiting.items():
            if not waiter.done() and not changed.isdisjoint(wanted):
                waiter.set_result(None)

    async def first(self, tables: Iterable[str], look: Callable[[], T | None]) -> T:
        """The first answer of `look` that is not None: asked now, and after each change of one of the tables.

        It is called in a worker thread: it may read the database.
        """
        wanted = frozenset(tables)
        while True:
            # Before looking, so that a change behind the look's back wakes us.
            waiter = self._loop.create_future()
            self._waiting[waiter] = wanted
            try:
                answer = await asyncio.to_thread(look)
                if answer is not None:
                    return answer
                await waiter
            finally:
                del self._waiting[waiter]
