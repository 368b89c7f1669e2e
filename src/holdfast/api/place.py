"""What is behind one Tree: a database, its own or one that an NDB has open, and the tree in it."""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING

from holdfast.errors import Closed, InvalidValue

if TYPE_CHECKING:
    from holdfast.database.sqlite import Database
    from holdfast.tree.commit import Commit, Proposal
    from holdfast.tree.compaction import Retention
    from holdfast.tree.core import Core
    from holdfast.tree.pending import Answer
    from holdfast.tree.plugins import Plugin

__all__ = ["Place"]


class Place:
    """The core of a tree, from `open` until `close`. Raises, at any call before and after: Closed."""

    def __init__(self, path: str, retention: Retention | None = None) -> None:
        """Raises: InvalidValue."""
        if not isinstance(path, str):
            raise InvalidValue(f"expected a path or :memory:, got `{path!r}`")
        self.running = False
        self._path = path
        self._retention = retention
        self._database: Database | None = None
        self._core: Core | None = None

    @classmethod
    def beside(cls, core: Core) -> Place:
        """The place of a tree that runs in somebody else's database, who also ends it."""
        place = cls(":memory:")
        place._core = core
        return place

    @property
    def core(self) -> Core:
        """Raises: Closed."""
        if self._core is None or not self._core.running:
            raise Closed("this tree is closed", hint="open it: `with Tree(path) as tree`")
        return self._core

    async def open(self) -> None:
        """Raises: Busy - another process has the file;  Corrupt;  NotSupported, Denied, Unavailable. Idempotent."""
        if self.running or self._core is not None:
            return
        from holdfast.database.sqlite import Database
        from holdfast.tree.core import Core

        self._database = await asyncio.to_thread(Database, self._path, purpose="tree")
        try:
            self._core = await asyncio.to_thread(Core, self._database, self._retention)
            await self._core.start()
        except BaseException:
            self._core = None
            await asyncio.to_thread(self._database.close)
            raise
        self.running = True

    async def close(self) -> None:
        """Sessions, watches, plugins end; the file is closed. Idempotent."""
        if not self.running:
            return
        self.running = False
        assert self._core is not None and self._database is not None
        try:
            await self._core.close()
        finally:
            await asyncio.to_thread(self._database.close)

    async def load_plugins(self, author: str, directory: str | None, *, packages: bool) -> list[Plugin]:
        """They are given the asynchronous Tree, on the loop of this one. Raises: NotFound - no such directory."""
        from holdfast.api.aio.tree.tree import Tree

        tree = object.__new__(Tree)
        tree._share(self, author)
        return await self.core.plugins.load(tree, directory, packages=packages)

    def backup(self, path: str) -> None:
        """Blocks."""
        from holdfast.database.backup import backup

        backup(self.core.path, path)

    def commit(self, proposal: Proposal) -> Answer[Commit]:
        return self.core.commit(proposal)

    @staticmethod
    def new_id() -> str:
        return uuid.uuid4().hex[:16]
