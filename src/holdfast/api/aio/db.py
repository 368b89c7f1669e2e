"""The database, as scripts know it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TextIO

from holdfast.api.bridge import in_worker
from holdfast.api.core import Core
from holdfast.api.export import export

__all__ = ["Database"]


class Database:
    """The database behind the views: SQL that reads, copies of it. Anything may be read while the mirror writes."""

    def __init__(self, core: Core) -> None:
        self._core = core

    @property
    def revision(self) -> int:
        """The last committed one."""
        return self._core.revision

    async def fetch(self, sql: str, args: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query. Raises: QueryError."""
        return await in_worker(lambda: list(self._core.database.query(sql, args)))

    async def fetchone(self, sql: str, args: Sequence[Any] = ()) -> tuple[Any, ...] | None:
        """The first row, or None. Raises: QueryError."""
        return await in_worker(lambda: next(iter(self._core.database.query(sql, args, limit=1)), None))

    async def backup(self, path: str) -> None:
        """Write a copy of the whole database, history included, to a new file, and check it.

        Raises: AlreadyExists, Denied, Unavailable;  Corrupt - the database is damaged.
        """
        await in_worker(self._core.backup, path)

    async def export(self, f: str | TextIO = "stdout") -> None:
        """Write all tables as text to a path or an open file: a line with a table's name, then a JSON object per row."""
        await in_worker(export, self._core, f)
