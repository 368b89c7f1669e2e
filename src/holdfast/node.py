"""A node: database, mirror, sources, and the namespaces that come and go. Wiring, and the order of starting and stopping.

    start:  database (lock, file) ─► mirror, transactions ─► sources, all at once ─► namespaces
    loaded: every source has its rows, or has failed ─► rows of sources that are no more go
    stop:   tree ─► transactions ─► mirror (sockets, namespaces) ─► database (file, lock)

The API's Core is the same for a program that works with objects; a node is what keeps running.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Self

from holdfast.errors import NotFound
from holdfast.model import NETNS, TABLES

if TYPE_CHECKING:
    from holdfast.database.home import Transaction
    from holdfast.database.retention import Retention
    from holdfast.database.sqlite import Database
    from holdfast.mirror.mirror import Mirror
    from holdfast.mirror.supervisor import Settings
    from holdfast.sources import Namespace, Source
    from holdfast.transactions.engine import Transactions
    from holdfast.tree.core import Core as Tree

__all__ = ["LOCALHOST", "Node"]

logger = logging.getLogger("holdfast.node")

LOCALHOST: Final = "localhost"


class Node:
    """Mirrors sources into a database, from `start` (or `async with`) until `stop`. All methods are for one loop.

    path      the file, or :memory:
    sources   as `sources.make` takes them: target, kind, options
    follow    also mirror every named network namespace, from when it appears until it is deleted
    tables    which to mirror; None: all
    retention how much history the database keeps; None: as usual
    """

    database: Database
    mirror: Mirror
    transactions: Transactions
    tree: Tree | None = None

    def __init__(
        self,
        path: str,
        sources: Sequence[Mapping[str, Any]] = ({"target": LOCALHOST, "kind": "local"},),
        *,
        follow: bool = False,
        tables: Sequence[str] | None = None,
        settings: Settings | None = None,
        retention: Retention | None = None,
    ) -> None:
        self.path = path
        self.follow = follow
        self._specs = [dict(spec) for spec in sources]
        self._options: dict[str, Any] = {} if tables is None else {"tables": list(tables)}
        self._settings = settings
        self._retention = retention
        self._running = False
        self._opening = asyncio.Lock()

    async def __aenter__(self) -> Self:
        await self.start()
        try:
            await self.loaded()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Open the file and begin to mirror. Returns at once; what becomes of each source is in `mirror.status`.

        Raises: Busy - another process has the file; Corrupt, Denied, Unavailable - the file;  InvalidValue, UnknownName,
          NotSupported - a source that cannot be. Nothing is left open then.
        """
        from holdfast.database.sqlite import Database
        from holdfast.mirror.mirror import Mirror
        from holdfast.sources import make

        sources = [make(**spec, **self._options) for spec in self._specs]
        self.database = await asyncio.to_thread(Database, self.path, retention=self._retention)
        self._running = True
        try:
            self.mirror = Mirror(self.database, self._settings)
            await self.mirror.start()
            for source in sources:
                self.mirror.add(source)
            await asyncio.sleep(0)  # they begin to ask their kernels, and what takes 60 ms to import is imported meanwhile
            from holdfast.transactions.engine import Transactions

            self.transactions = Transactions(self.mirror)
            await self.mirror.follow_namespaces(LOCALHOST, self._source_in if self.follow else None)
        except BaseException:
            await self.stop()
            raise

    async def loaded(self) -> None:
        """Wait until every source is loaded, or has failed: failed ones are tried again."""
        await asyncio.gather(*(self._settled(target) for target in self.mirror.targets))
        await self._write(self._forget_others)
        await self._tell_unfinished()

    async def _tell_unfinished(self) -> None:
        """What a run that was killed left half done; nothing is done about it by itself."""
        for one in await asyncio.to_thread(self.transactions.unfinished):
            if one.same_boot:
                what = f"{', '.join(one.told[:3])}{' …' if one.requests > 3 else ''}"
                logger.warning("transaction %d was left half done, it can be taken back: %s", one.intent, what)
            else:
                logger.warning("transaction %d was left half done before the last boot, which has ended it", one.intent)
                await self.transactions.forget(one)

    async def _settled(self, target: str) -> None:
        with contextlib.suppress(NotFound):  # a namespace that came and went meanwhile
            await self.mirror.ready(target)

    async def open_tree(self) -> Tree:
        """The config tree of this node's database, loaded at the first call. Raises: Corrupt."""
        from holdfast.tree.core import Core

        async with self._opening:
            if self.tree is None:
                tree = await asyncio.to_thread(Core, self.database)
                await tree.start()
                self.tree = tree
            return self.tree

    async def stop(self) -> None:
        """Rows stay in a database that is a file. Idempotent."""
        if not self._running:
            return
        self._running = False
        try:
            if self.tree is not None:
                await self.tree.close()
            if hasattr(self, "transactions"):
                await self.transactions.close()
            if hasattr(self, "mirror"):
                await self.mirror.close()
        finally:
            await asyncio.to_thread(self.database.close)

    def _source_in(self, namespace: Namespace) -> Source:
        from holdfast.sources import make

        return make(namespace.name, "netns", netns=namespace.path, **self._options)

    # -- rows ------------------------------------------------------------------------------------------------------

    def _forget_others(self, tx: Transaction) -> None:
        """A file may hold rows of sources that this run does not have."""
        here = {*self.mirror.targets, LOCALHOST}
        for table in reversed(list(TABLES.values())):
            for (target,) in tx.fetch(f"SELECT DISTINCT target FROM {table.name}"):
                if target not in here:
                    count = tx.delete_where(table, target)
                    logger.info("%s is no source of this run: %d rows of %s are deleted", target, count, table.name)
        if LOCALHOST not in self.mirror.targets:
            for table in TABLES.values():
                if table is not NETNS:
                    tx.delete_where(table, LOCALHOST)

    async def _write(self, job: Any) -> Any:
        return await asyncio.wrap_future(self.database.write(job))

