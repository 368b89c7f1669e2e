"""The named network namespaces of this host: rows of `netns`, and, where wanted, a source for each that comes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from holdfast.errors import AlreadyExists, HoldfastError
from holdfast.model import NETNS
from holdfast.sources.discovery import Namespace, Namespaces

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
        self._written: list[Namespace] | None = None
        self._known: dict[Namespace, str | None] = {}  # without its nsid → target, if it is followed

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
        """What is different since the last look, into the table and the mirror. What fails is done by a later look."""
        present = await asyncio.get_running_loop().run_in_executor(self._mirror.workers, self._namespaces.now)
        if present != self._written:
            await self._write(present)
            self._written = present
        if self._make is not None:
            await self._follow({replace(one, nsid=None) for one in present}, self._make)

    async def _write(self, present: list[Namespace]) -> None:
        def job(tx: Transaction) -> None:
            with tx.sweep(NETNS, self._target) as stage:
                stage.add(_COLUMNS, [[getattr(one, name) for one in present] for name in _COLUMNS])
                stage.finish()

        await asyncio.wrap_future(self._mirror.database.write(job))

    async def _follow(self, present: set[Namespace], make: Make) -> None:
        for one in [one for one in self._known if one not in present]:
            target = self._known[one]
            if target in self._mirror.targets:
                logger.info("network namespace %s was deleted", one.name)
                await self._mirror.remove(target)
            del self._known[one]
        for one in sorted(present - self._known.keys(), key=lambda one: one.path):
            source = make(one)
            self._known[one] = None if source is None else self._add(one, source)

    def _add(self, one: Namespace, source: Source) -> str | None:
        try:
            self._mirror.add(source)
        except AlreadyExists as there:
            logger.info("network namespace %s is not followed: %s", one.name, there)
            return None
        logger.info("network namespace %s is there", one.name)
        return source.target
