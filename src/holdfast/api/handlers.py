"""`ndb.task_manager`: functions that are called with each change of a table, as NDB's scripts register them.

A watch is the better way: it can begin at a revision, and it is read at one's own pace.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from holdfast.api.stream import Stream
from holdfast.errors import NotFound
from holdfast.model import TABLES

if TYPE_CHECKING:
    from holdfast.api.core import Core

__all__ = ["Handler", "Handlers"]

logger = logging.getLogger("holdfast.api")

Handler = Callable[[str, dict[str, Any]], Any]
"""Called with the target and the row; `event` in it tells the kernel's word: RTM_NEWROUTE, RTM_DELROUTE …"""


class Handlers:
    """The registered functions, each followed by a task of its own: called one change at a time, in order, in a worker thread.

    A coroutine function is awaited on the loop instead. What a function raises is logged and changes nothing for others.
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self._tasks: dict[tuple[str, Handler], asyncio.Task[None]] = {}

    async def add(self, table: str, handler: Handler) -> None:
        """From the next change on. Raises: UnknownName - no such table."""
        changes = Stream(self._core, [table], None, {})
        task = asyncio.create_task(self._follow(table, handler, changes), name=f"holdfast-handler-{table}")
        self._tasks[table, handler] = task
        task.add_done_callback(lambda ended: self._ended(table, handler, ended))

    async def remove(self, table: str, handler: Handler) -> None:
        """Not called any more when this returns. Raises: NotFound - it is not registered."""
        task = self._tasks.get((table, handler))
        if task is None:
            raise NotFound(f"no such handler is registered for {table}")
        task.cancel()
        await asyncio.wait([task])

    def _ended(self, table: str, handler: Handler, task: asyncio.Task[None]) -> None:
        self._tasks.pop((table, handler), None)
        if not task.cancelled() and task.exception() is not None:
            logger.error("a handler of changes of %s is called no more: %s", table, task.exception())

    async def _follow(self, table: str, handler: Handler, changes: Stream) -> None:
        message = TABLES[table].message
        words = {"put": message.new, "delete": message.delete} if message else {"put": "put", "delete": "delete"}
        while True:
            await changes.fill()
            if not changes.ready:
                return
            change = changes.ready.popleft()
            row = {**change.row, "event": words[change.op]}
            try:
                if inspect.iscoroutinefunction(handler):
                    await handler(change.row["target"], row)
                else:
                    await asyncio.to_thread(handler, change.row["target"], row)
            except Exception:
                logger.exception("a handler of changes of %s failed", table)
