"""What a watch reads from: changes in order, from a revision on, of rows that fit."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from holdfast.errors import Closed, Compacted, UnknownName
from holdfast.model import TABLES
from holdfast.objects.spec import KIND_ATTRIBUTES, holds, spelling

if TYPE_CHECKING:
    from holdfast.api.core import Core
    from holdfast.database.home import Change, Point

__all__ = ["Stream"]

_STRIDE: Final = 1000
"""Revisions read at once by who has to catch up."""


class Stream:
    """The changes of some tables after a point in time; None: from now, which is when it is made, not when it is first read.

    ready  changes that were read and not yet taken, in order. For one reader at a time.
    The database is the queue: nothing is held back for a slow reader, and nothing lost. Whoever is interrupted while he waits
    (a cancelled task, Ctrl-C) goes on where he stopped.
    """

    def __init__(self, core: Core, tables: Sequence[str], since: Point | None, fields: Mapping[str, Any]) -> None:
        """Raises: UnknownName - a table, or a field that not all of them have;  NotFound - an interface that is named;
        InvalidValue - no point in time;  Compacted - one before the log begins, or behind its end.
        """
        self.ready: deque[Change] = deque()
        self._core = core
        self._tables = tuple(tables)
        self._since = core.revision if since is None else core.database.moment(since).revision
        self._wanted: dict[str, Any] = {}
        self._ended = False
        self._limit: asyncio.Timeout | None = None
        if self._since > core.revision:
            sentence = f"revision {self._since} is not one of this database, which is at {core.revision}"
            raise Compacted(sentence, oldest=core.revision, hint="watch from now on")
        for table in tables:
            if table not in TABLES:
                raise UnknownName(f"no table `{table}`; there are {', '.join(TABLES)}")
            if fields:
                wanted = next(spelling(table).normalise(dict(fields), core, None))
                self._wanted |= wanted.columns | wanted.inner | ({} if wanted.target is None else {"target": wanted.target})

    async def fill(self) -> None:
        """Wait until something is ready, or there will be nothing, because this or the NDB was closed. Raises: Compacted."""
        while not self._ended and not self.ready:
            try:
                async with self._core.while_open() as self._limit:
                    last = await self._core.mirror.bell.beyond(self._tables, self._since)
                    until = min(last, self._since + _STRIDE)
                    found = await asyncio.to_thread(self._read, until)
            except Closed:
                return
            finally:
                self._limit = None
            self._since = until
            self.ready.extend(found)
            self._core.moved(self._tables)

    def _read(self, until: int) -> list[Change]:
        found = [change for table in self._tables for change in self._core.database.changes(table, self._since, until)]
        if len(self._tables) > 1:
            found.sort(key=lambda change: change.revision)
        return [change for change in found if self._fits(change.row) or (change.old is not None and self._fits(change.old))]

    def _fits(self, row: Mapping[str, Any]) -> bool:
        return all(holds(value, _field(row, name)) for name, value in self._wanted.items())

    async def close(self) -> None:
        """Nothing more is read, and nobody waits any more. On the loop."""
        self._ended = True
        if self._limit is not None:
            self._core.interrupt(self._limit)


def _field(row: Mapping[str, Any], name: str) -> Any:
    """A field, or an attribute of the kind, which is inside one."""
    return (row.get(KIND_ATTRIBUTES[name]) or {}).get(name) if name in KIND_ATTRIBUTES else row.get(name)
