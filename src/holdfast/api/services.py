"""What a node offers to other processes: objects with verbs, by the names under which they are called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from holdfast.api.changing import Changing
from holdfast.api.config import Config
from holdfast.api.core import Core
from holdfast.api.running import Running

if TYPE_CHECKING:
    from holdfast.node import Node

__all__ = ["SERVICES", "services_of"]

SERVICES: Final[dict[str, type[Any]]] = {"node": Running, "network": Changing, "tree": Config}
"""`tree.put` is `Config.put`."""


async def services_of(node: Node) -> dict[str, Any]:
    """Those of a node that runs. Raises: Corrupt - its tree."""
    from holdfast.api.aio.tree.tree import Tree

    return {"node": Running(node), "network": Changing(Core.beside(node)), "tree": Config(Tree.beside(await node.open_tree()))}
