"""Holdfast for asyncio: `from holdfast.aio import NDB, Tree`. See holdfast.api.aio.

Names are loaded when they are first used: who wants an NDB need not load the tree.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from holdfast.api.aio.ndb import NDB
    from holdfast.api.aio.tree.tree import Tree

__all__ = ["NDB", "Tree"]

_HOME: Final = {"NDB": "holdfast.api.aio.ndb", "Tree": "holdfast.api.aio.tree.tree"}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module `holdfast.aio` has no `{name}`; it has {', '.join(__all__)}", name=name)
    found = globals()[name] = getattr(import_module(_HOME[name]), name)
    return found
