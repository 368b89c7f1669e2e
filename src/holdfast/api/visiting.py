"""Namespaces that are no sources, followed for as long as something is done in them.

A change may name any namespace of this host, and so does what takes it back: an interface that moved away comes from where it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from typing import Any, Final

from holdfast.api.core import Core
from holdfast.errors import Closed, InvalidValue, NotFound
from holdfast.sources import Place, place_of

__all__ = ["Visits"]

_NAMED_MOST: Final = 1000


class Visits:
    """What is followed for a while, by who needs it. On the node's loop."""

    def __init__(self, core: Core, *, stay: bool = False) -> None:
        """stay: what was followed once is followed until the node stops, and its rows stay in the file."""
        self._core = core
        self._stay = stay
        self._guests: Counter[str] = Counter()
        self._coming_or_going = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def to(self, targets: Iterable[str], *, by_process: bool = True) -> AsyncIterator[list[str]]:
        """Follow those of these targets that name a namespace and are no source, each by `place_of` its name; yields them.

        by_process: also the namespace of a process; not where it may be another one's by now.
        Raises: NotFound, KernelError … - what opening it raises.
        """
        guests: list[str] = []
        try:
            async with self._coming_or_going:
                for target in dict.fromkeys(targets):
                    if self._is_guest(target, by_process):
                        await self._follow(target)
                        guests.append(target)
            yield guests
        finally:
            async with self._coming_or_going:
                for target in guests:
                    await self._leave(target)

    async def _follow(self, target: str) -> None:
        if target not in self._core.sources:
            await self._core.add({"target": target, "kind": "netns", "netns": place_of(target).path})
        self._guests[target] += 1

    async def _leave(self, target: str) -> None:
        self._guests[target] -= 1
        if not self._guests[target] and not self._stay:
            del self._guests[target]
            with contextlib.suppress(NotFound, Closed):
                await self._core.remove(target)

    def _is_guest(self, target: str, by_process: bool) -> bool:
        if target in self._core.sources:
            return target in self._guests
        place = _place(target)
        return place is not None and (by_process or not place.pid) and os.path.exists(place.path)

    def names(self, guests: Iterable[str]) -> list[tuple[Any, ...]]:
        """Target, index and name of their interfaces, for who speaks of them afterwards."""
        sql = f"SELECT target, ifindex, ifname FROM interfaces WHERE target = ? LIMIT {_NAMED_MOST}"
        return [link for target in guests for link in self._core.fetch(sql, (target,))]


def _place(target: str) -> Place | None:
    try:
        return place_of(target)
    except InvalidValue:
        return None
