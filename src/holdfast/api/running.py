"""The verbs of a running node: how it is doing, and its sources."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from holdfast.api.verb import verb
from holdfast.api.wanted import source_spec

if TYPE_CHECKING:
    from holdfast.node import Node

__all__ = ["Running"]


class Running:
    """One node, as others in this host may ask and steer it. All methods are for the node's loop."""

    def __init__(self, node: Node) -> None:
        self._node = node

    @verb()
    def status(self) -> dict[str, Any]:
        """The process, its database and revision, and how each source is doing."""
        node = self._node
        away = node.database.away
        database = {"id": node.database.id, "path": node.database.path, "revision": node.database.revision}
        return {
            "pid": os.getpid(),
            "database": database if away is None else database | {"disk_full": away.as_dict()},
            "sources": {target: node.mirror.status(target).as_dict() for target in node.mirror.targets},
        }

    @verb(writes=True)
    async def add_source(self, spec: dict[str, Any], timeout_s: float = 30.0) -> dict[str, Any]:
        """Follow one more source until the node stops; its status when it is loaded.

        spec: `{"netns": "blue"}`, or target, kind and options. It stays, and is tried again, when it cannot be loaded yet.
        Raises: AlreadyExists, UnknownName, InvalidValue, NotSupported;  Timeout.
        """
        from holdfast.node import LOCALHOST
        from holdfast.sources import make

        source = make(**source_spec(spec, LOCALHOST))
        self._node.mirror.add(source)
        return (await self._node.mirror.ready(source.target, timeout_s)).as_dict()

    @verb(writes=True)
    async def remove_source(self, target: str) -> None:
        """Follow it no more; its rows go, their history stays. Raises: NotFound."""
        await self._node.mirror.remove(target)

    @verb(writes=True)
    async def restart_source(self, target: str, timeout_s: float = 30.0) -> dict[str, Any]:
        """Close and open it again, and read all of it; its status then. Raises: NotFound, Timeout."""
        self._node.mirror.restart(target)
        return (await self._node.mirror.ready(target, timeout_s)).as_dict()

    @verb(writes=True)
    async def resync(self, target: str, timeout_s: float = 30.0) -> dict[str, Any]:
        """Read all of a source again and write what differs; its status then. Raises: NotFound, Timeout."""
        self._node.mirror.resync(target)
        await self._node.mirror.settled(target, timeout_s=timeout_s)
        return self._node.mirror.status(target).as_dict()
