"""Errors of SQLite as errors of ours, by a table."""

from __future__ import annotations

from typing import Final

import apsw

from holdfast.errors import Bug, Busy, Corrupt, Denied, HoldfastError, QueryError, Unavailable

__all__ = ["DAMAGED_HINT", "fault"]

DAMAGED_HINT: Final = (
    "move the file away, with its -wal and -shm, and start again: the live state is read from its sources; history is only in the file"
)
_ROOM_HINT: Final = "make room: nothing of this was written, and later writes will work"

_TABLE: Final[tuple[tuple[type[apsw.Error], type[HoldfastError], str, str], ...]] = (
    (apsw.FullError, Unavailable, "the disk is full", _ROOM_HINT),
    (apsw.IOError, Unavailable, "reading or writing failed", "look at the disk and the system's log"),
    (apsw.NoMemError, Unavailable, "memory ran out", ""),
    (apsw.CantOpenError, Unavailable, "it cannot be opened", "look at the directory, its permissions and the limit of open files"),
    (apsw.PermissionsError, Denied, "not permitted", "look at the owner and the mode of the file and its directory"),
    (apsw.ReadOnlyError, Denied, "it can only be read", "look at the owner and the mode of the file and its directory"),
    (apsw.AuthError, QueryError, "refused", "only reading is allowed here"),
    (apsw.BusyError, Busy, "another process is using it", ""),
    (apsw.LockedError, Busy, "it is locked", ""),
    (apsw.CorruptError, Corrupt, "the file is damaged", DAMAGED_HINT),
    (apsw.NotADBError, Corrupt, "the file is not a database", DAMAGED_HINT),
    (apsw.BindingsError, QueryError, "the arguments do not fit", ""),
    (apsw.TooBigError, QueryError, "too big", ""),
    (apsw.SQLError, QueryError, "the SQL is wrong", ""),
)
"""SQLite's error, ours, what happened, what to do. apsw's classes have no order among them, so the first match is the match."""


def fault(error: apsw.Error, path: str) -> HoldfastError:
    """The error to raise instead; raise it `from` the original."""
    for theirs, ours, what, hint in _TABLE:
        if isinstance(error, theirs):
            return ours(f"database {path}: {what} ({error})", hint=hint)
    return Bug(f"database {path}: {type(error).__name__}: {error}")
