"""Where a node keeps its file, and whether one is running on it.

/var/lib/holdfast for root, ~/.local/state/holdfast for a user, HOLDFAST_HOME for who says so. A user without a node of
his own is answered by root's, where the file may be read.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from holdfast.errors import NotFound

__all__ = ["RunningNode", "database_file", "database_files", "existing_file", "find_node", "holder", "socket_of"]

_SYSTEM: Final = Path("/var/lib/holdfast")
_FILE: Final = "holdfast.db"


@dataclass(frozen=True, slots=True)
class RunningNode:
    """A node and its file. `pid` is 0 where the lock does not say."""

    path: str
    pid: int = 0


def database_file() -> str:
    """The file of this user's node; its directory may not be there yet."""
    return str(next(_homes()) / _FILE)


def database_files() -> list[str]:
    """Where nodes that this user may ask keep their files, the own one first; they may not be there."""
    return [str(home / _FILE) for home in _homes()]


def find_node() -> RunningNode | None:
    """The running node whose file this user may read; the own one first."""
    for home in _homes():
        path = str(home / _FILE)
        pid = holder(path)
        if pid is not None and os.access(path, os.R_OK):
            return RunningNode(path, pid)
    return None


def existing_file(db: str) -> str:
    """The named file, else the running node's, else the one of this user's stopped node. Raises: NotFound."""
    node = None if db else find_node()
    path = db or (node.path if node else database_file())
    if not os.path.exists(path):
        raise NotFound(f"there is no database `{path}`", hint="`holdfast run` makes one; `--db FILE` names another")
    return path


def socket_of(path: str) -> str:
    """Where the node that keeps this file listens."""
    return f"{path.removesuffix('.db')}.sock"


def holder(path: str) -> int | None:
    """The process that mirrors into a database file; 0 if it is unknown which, None if there is none or nobody can tell.

    One that has the file only for its config tree (a `Tree`, a shell without a node) is no node: the network is not in there.
    """
    if not os.path.exists(f"{path}.lock"):
        return None
    from holdfast.database.lock import holder_of

    try:
        found = holder_of(f"{path}.lock")
    except OSError:
        return None
    return None if found is None or found.get("purpose") == "tree" else found.get("pid", 0)


def _homes() -> Iterator[Path]:
    if home := os.environ.get("HOLDFAST_HOME"):
        yield Path(home)
        return
    if os.geteuid() != 0:
        yield Path.home() / ".local/state/holdfast"
    yield _SYSTEM
