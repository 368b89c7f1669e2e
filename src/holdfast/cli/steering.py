"""Calls to the running node, for commands that steer it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast.errors import Unavailable

from .state import find_node, holder, socket_of

if TYPE_CHECKING:
    from holdfast.client.unix import UnixClient

__all__ = ["running_node"]


def running_node(db: str = "") -> UnixClient:
    """The node that keeps this file, or this user's. Raises: Unavailable - none is running."""
    from holdfast.client.unix import UnixClient

    if db:
        if holder(db) is None:
            raise Unavailable(f"no node is running on `{db}`", hint=f"`holdfast run --db {db}` starts one")
        return UnixClient(socket_of(db))
    node = find_node()
    if node is None:
        raise Unavailable("no node is running", hint="`holdfast run` starts one")
    return UnixClient(socket_of(node.path))
