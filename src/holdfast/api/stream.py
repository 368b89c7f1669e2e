"""What a watch reads from: changes in order, from a revision on, of rows that fit."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from holdfast.errors import Closed, UnknownName
from holdfast.model import TABLES
from holdfast.objects.spec import KIND_ATTRIBUTES, holds, spelling

if TYPE_CHECKING:
    from holdfast.api.core import Core
    from holdfast.database.home import Change

__all__ = ["Stream"]


class Stream:
    """The changes of some tables after revision `since`; None: from now, which is when it is made, not when it is first read.

    For one reader at a time. Interrupted while it waits (a cancelled task, Ctrl-C) it goes on where it stopped.
    """

    def __init__(self, core: Core, tables: Sequence[str], since: int | None, fields: Mapping[str, Any]) -> None:
        """Raises: UnknownName - a table, or a field that not all of them have;  NotFound - an interface that is named."""
        self._core = core
        self._tables = tuple(tables)
        self._since = core.revision if since is None else since
        self._columns: dict[str, Any] = {}
        self._inner: dict[str, Any] = {}
        self._running: AsyncGenerator[Change] | None = None
        self._ended = False
        for table in tables:
            if table not in TABLES:
                raise UnknownName(f"no table `{table}`; there are {', '.join(TABLES)}")
            if fields:
                wanted = next(spelling(table).normalise(dict(fields), core, None))
                self._columns |= wanted.columns | ({} if wanted.target is None else {"target": wanted.target})
                self._inner |= wanted.inner

    async def next(self) -> Change | None:
        """The next change; None when there will be none, because it or the NDB was closed. Raises: Compacted."""
        while not self._ended:
            try:
                change = await self._following()
            except Closed:
                return None
            if not self._inner or any(row is not None and self._fits(row) for row in (change.row, change.old)):
                return change
        return None

    async def _following(self) -> Change:
        from holdfast.mirror.watch import watch

        core = self._core
        async with core.while_open():
            if self._running is None:
                changes = watch(core.database, core.mirror.bell, self._tables, self._since, self._columns)
                self._running = cast("AsyncGenerator[Change]", changes)
            try:
                change = await anext(self._running)
            except BaseException:
                # An interrupted generator is over. It waits only behind the last change of a revision, so nothing is skipped.
                self._running = None
                raise
        self._since = change.revision
        core.moved((change.table,))
        return change

    def _fits(self, row: Mapping[str, Any]) -> bool:
        """Do the parts of JSON and the attributes of kinds that are wanted hold?"""
        return all(holds(value, (row.get(KIND_ATTRIBUTES[name]) or {}).get(name) if name in KIND_ATTRIBUTES else row.get(name))
                   for name, value in self._inner.items())  # fmt: skip

    async def close(self) -> None:
        """No more changes. Not while somebody waits for one."""
        self._ended = True
        if self._running is not None:
            await self._running.aclose()
            self._running = None
