"""Several objects and checks that are committed together, or not at all.

    ctx = ndb.begin()
    ctx.push(ndb.interfaces["eth0"].set(state="up"), ndb.routes.create(dst="default", gateway="10.0.0.1"), PingAddress("10.0.0.1"))
    ctx.commit()

Objects that stand together are one transaction of the engine. A check runs when everything before it is in the system; when it
fails, or what comes behind it, all that went before is undone, last first.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Iterator
from typing import Any, Self

from holdfast.errors import InvalidValue
from holdfast.objects.commit import How, commit, time_for
from holdfast.objects.object import Object
from holdfast.objects.pending import Pending
from holdfast.transactions.contract import Engine, Outcome

__all__ = ["Queue", "carry_out"]

logger = logging.getLogger("holdfast.objects")


class Queue:
    """What a transaction is made of, in order."""

    def __init__(self) -> None:
        self.queue: list[Any] = []

    def push(self, *objects: Any) -> Self:
        """At the end. Raises: InvalidValue - nothing that can be committed."""
        for one in objects:
            self._checked(one)
        self.queue += objects
        return self

    def append(self, one: Any) -> Self:
        """At the end, one."""
        return self.push(one)

    def insert(self, index: int, one: Any) -> Self:
        """Before the one at this place."""
        self._checked(one)
        self.queue.insert(index, one)
        return self

    def pop(self, index: int = -1) -> Self:
        """Take one out, the last. Raises: IndexError."""
        self.queue.pop(index)
        return self

    def cancel(self) -> Self:
        """Take all out."""
        self.queue = []
        return self

    def _checked(self, one: Any) -> None:
        if not (isinstance(one, Object | Queue) or hasattr(one, "run") or hasattr(one, "commit")):
            raise InvalidValue(f"expected objects and checks, got `{one!r}`")


async def carry_out(engine: Engine, queue: list[Any], how: How) -> None:
    """All of it; when something fails, nothing of it stays, and that is raised.

    Raises: what objects and checks raise; a note tells if something could not be undone.
    """
    done: list[tuple[Outcome, list[tuple[Object[Any], Pending]]] | Any] = []
    try:
        for objects, items in itertools.groupby(_flat(queue), lambda one: isinstance(one, Object)):
            if objects:
                group = list(items)
                given = [(one, one.given()) for one in group]
                done.append((await commit(engine, group, how), given))
            else:
                for check in items:
                    await asyncio.to_thread(check.run if hasattr(check, "run") else check.commit)
                    done.append(check)
    except BaseException as error:
        for one in reversed(done):
            try:
                await _undo(engine, one, how)
            except Exception as failure:  # the first error is the one to tell; what stays behind is told with it
                logger.exception("a failed transaction could not be undone completely")
                error.add_note(f"not undone: {failure}")
        raise


async def _undo(engine: Engine, one: Any, how: How) -> None:
    if not isinstance(one, tuple):
        if hasattr(one, "rollback"):
            await asyncio.to_thread(one.rollback)
        return
    outcome, given = one
    if outcome.undo:
        limit_s = time_for(len(outcome.undo))
        await engine.commit(outcome.undo, force=True, timeout_s=limit_s, author=how.author, message=how.message)
    for each, pending in given:
        each.undone(pending)


def _flat(queue: list[Any]) -> Iterator[Any]:
    """A transaction in a transaction is as if its parts stood there."""
    for one in queue:
        if isinstance(one, Queue):
            yield from _flat(one.queue)
        else:
            yield one

