"""Who has a database: what the lock beside the file tells of its holder (the lock itself: holdfast.database.lock)."""

from __future__ import annotations

import fcntl
import json
import os
from typing import Any

__all__ = ["holder_behind", "holder_of", "told_in"]


def holder_of(path: str) -> dict[str, Any] | None:
    """Who holds the lock at `path`: `pid`, `command` and what he tells, as far as it is known, or None when nobody does.

    Raises: OSError - it cannot be read.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return told_in(fd)
    finally:
        os.close(fd)
    return None


def told_in(fd: int) -> dict[str, Any]:
    """What stands in a lock's file; nothing if that makes no sense."""
    try:
        found = json.loads(os.pread(fd, 4096, 0))
        return {**found, "pid": int(found["pid"]), "command": str(found["command"])}
    except (ValueError, KeyError, TypeError, OSError):
        return {}


def holder_behind(socket: str) -> tuple[dict[str, Any], float] | None:
    """Who holds the database beside a node's socket, and when (Unix time) he last wrote into the lock, which is at the start."""
    stem = socket.removesuffix(".sock")
    for lock in (f"{stem}.db.lock", f"{stem}.lock"):
        try:
            holder = holder_of(lock)
            if holder is not None:
                return holder, os.stat(lock).st_mtime
        except OSError:  # not for us to know
            continue
    return None
