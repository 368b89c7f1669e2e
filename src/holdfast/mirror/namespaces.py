"""The named network namespaces of this host: rows of `netns`, and, where wanted, a source for each that comes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from holdfast.errors import AlreadyExists, HoldfastError
from holdfast.model import NETNS
from holdfast.sources.discovery import Change, Namespace, Namespaces

if TYPE_CHECKING:
    from holdfast.database.home import Transaction
    from holdfast.sources.contract import Source

    from .mirror import Mirror

__all__ = ["Following", "Make"]

logger = logging.getLogger("holdfast.mirror")

_LOOK_EVERY_S: Final = 0.25
_COLUMNS: Final = ("name", "path", "inode", "nsid")

Make = Callable[[Namespace], "Source | None"]
"""The source for a namespace that came; None: this one is not wanted."""


class Following:
    """Keeps the rows of `netns` under `target`, and the sources that `make` makes, in step with the names.

    A name that comes to stand for another namespace is another source of the same target: the old one's rows go first.
    """

    def __init__(self, mirror: Mirror, target: str, namespaces: Namespaces, make: Make | None) -> None:
        self._mirror = mirror
        self._target = target
        self._namespaces = namespaces
        self._make = make
        self._followed: dict[str, str] = {}  # path -> target
        self._written = False

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        try:
            while True:
                await asyncio.sleep(_LOOK_EVERY_S)
                try:
                    await self.look()
                except (HoldfastError, OSError) as failure:
                    logger.warning("looking for network namespaces failed and is tried again: %s", failure)
        finally:
            self._namespaces.close()

    async def look(self) -> None:
        """What is different since the last look, into the table and the mirror."""
        loop = asyncio.get_running_loop()
        change = await loop.run_in_executor(self._mirror.workers, self._namespaces.changes)
        if change or not self._written:
            await self._write(await loop.run_in_executor(self._mirror.workers, self._namespaces.now))
            self._written = True
        if change and self._make is not None:
            await self._follow(change, self._make)

    async def _write(self, present: list[Namespace]) -> None:
        def job(tx: Transaction) -> None:
            with tx.sweep(NETNS, self._target) as stage:
                stage.add(_COLUMNS, [[getattr(one, name) for one in present] for name in _COLUMNS])
                stage.finish()

        await asyncio.wrap_future(self._mirror.database.write(job))

    async def _follow(self, change: Change, make: Make) -> None:
        for one in change.removed:
            target = self._followed.pop(one.path, None)
            if target in self._mirror.targets:
                await self._mirror.remove(target)
        for one in change.added:
            source = make(one)
            if source is None:
                continue
            try:
                self._mirror.add(source)
            except AlreadyExists as there:
                logger.info("network namespace %s is not followed: %s", one.name, there)
            else:
                self._followed[one.path] = source.target
