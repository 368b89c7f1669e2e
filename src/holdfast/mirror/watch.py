"""Following tables: what changed since a revision, in order, without loss, for as long as one listens.

The database is the queue: a watch is a cursor over its live rows and history, woken by commits. It holds nothing back, so it
cannot overflow, and a listener that pauses for an hour goes on where it stopped, as long as the history reaches back.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar

from holdfast.errors import Timeout

from .bell import Bell

if TYPE_CHECKING:
    from holdfast.database.home import Change, Database

__all__ = ["wait_until", "watch"]

T = TypeVar("T")

_STRIDE: Final = 1000
"""Revisions read at once when a watch has to catch up."""


async def watch(
    database: Database, bell: Bell, tables: Iterable[str], since: int | None = None, matching: Mapping[str, Any] | None = None
) -> AsyncIterator[Change]:
    """Yield every change of `tables` after revision `since` (default: now) whose row has the values in `matching`.

    A change matches when its row does, or the row before it. Changes come by revision; those of one revision follow
    each other without a pause. Values are compared as the tables hold them.
    Raises: Compacted - the history does not reach back to `since`.
    Cancellation, or closing the iterator, leaves nothing behind.
    """
    names = tuple(tables)
    wanted = dict(matching or {})
    cursor = database.revision if since is None else since
    while True:
        last = max(await bell.beyond(names, cursor), cursor)
        while cursor < last:
            until = min(cursor + _STRIDE, last)
            for change in await asyncio.to_thread(_changes, database, names, cursor, until):
                if not wanted or _matches(change, wanted):
                    yield change
            cursor = until


def _changes(database: Database, tables: tuple[str, ...], since: int, until: int) -> list[Change]:
    found = [change for table in tables for change in database.changes(table, since, until)]
    if len(tables) > 1:
        found.sort(key=lambda change: change.revision)
    return found


def _matches(change: Change, wanted: Mapping[str, Any]) -> bool:
    return any(row is not None and all(row.get(name) == value for name, value in wanted.items()) for row in (change.row, change.old))


async def wait_until(
    database: Database,
    bell: Bell,
    tables: Iterable[str],
    check: Callable[[], T | None],
    timeout_s: float | None,
    what: str = "the condition",
) -> T:
    """Call `check` (in a worker thread: it may read the database) now and after each commit that changes one of `tables`;
    return its first answer that is not None.

    Raises: Timeout - none within `timeout_s`.
    """
    names = tuple(tables)
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                seen = database.revision
                answer = await asyncio.to_thread(check)
                if answer is not None:
                    return answer
                await bell.beyond(names, seen)
    except TimeoutError:
        raise Timeout(f"{what} did not become true within {timeout_s} s") from None
