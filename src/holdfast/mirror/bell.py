"""Wakes tasks of the loop when the database has committed something that they wait for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from holdfast.database.home import Database

__all__ = ["Bell"]


class Bell:
    """One per database and loop. `ring` runs in the writer; it costs a call into the loop only if somebody waits.

    Nothing is queued: who is woken reads the database from where he stopped. So a slow reader loses nothing and fills nothing.
    """

    def __init__(self, database: Database, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._revisions: dict[str, int] = {}
        self._waiters: set[asyncio.Future[None]] = set()
        self._called = False
        self._floor = database.revision
        self.close = database.on_commit(self._ring)

    def _ring(self, revision: int, tables: frozenset[str]) -> None:
        for table in tables:
            self._revisions[table] = revision
        if self._waiters and not self._called:
            self._called = True
            try:
                self._loop.call_soon_threadsafe(self._wake)
            except RuntimeError:  # the loop is closed; nobody is left to wake
                self._waiters.clear()

    def _wake(self) -> None:
        self._called = False
        waiters, self._waiters = self._waiters, set()
        for one in waiters:
            if not one.done():
                one.set_result(None)

    def revision_of(self, tables: Iterable[str]) -> int:
        """The last revision that changed one of these tables, at least the one at which the bell was hung."""
        return max((self._revisions.get(table, self._floor) for table in tables), default=self._floor)

    async def beyond(self, tables: tuple[str, ...], revision: int) -> int:
        """Wait until one of the tables has changed after `revision`; returns the last revision that changed one."""
        while (last := self.revision_of(tables)) <= revision:
            waiter = self._loop.create_future()
            self._waiters.add(waiter)
            try:
                # looked at again after the waiter is known: a commit in between would have rung for nobody
                if self.revision_of(tables) <= revision:
                    await waiter
            finally:
                self._waiters.discard(waiter)
        return last
