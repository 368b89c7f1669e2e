"""Opening connections: what each kind is set to, and why."""

from __future__ import annotations

import os
from typing import Final

import apsw

__all__ = ["BUSY_MS", "make_writing", "open_plain", "open_reading"]

BUSY_MS: Final = 5000
"""How long to wait for a lock of somebody who should not be there: another program's transaction on our file."""
_WRITER_CACHE_KIB: Final = 64 << 10
"""Holds the indexes of 300 000 routes. Memory is taken as pages are used."""
_READER_CACHE_KIB: Final = 4 << 10
_LOG_KEPT: Final = 96 << 20
"""Bytes that a log keeps on the disk when it begins anew: more than its usual length, for cutting and growing again takes 20 ms."""
_STATEMENTS: Final = 256


def open_plain(path: str) -> apsw.Connection:
    """A connection that may write and has not touched the file yet. Raises: apsw.Error."""
    connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE, statementcachesize=_STATEMENTS)
    connection.set_busy_timeout(BUSY_MS)
    return connection


def make_writing(connection: apsw.Connection, *, synced: bool) -> None:
    """Make it the write connection, and the file one in WAL mode. Raises: apsw.Error."""
    # in the file's header, so before anything else; pages of dropped rows can then be given back in small steps
    _pragma(connection, "auto_vacuum", "INCREMENTAL")
    _pragma(connection, "journal_mode", "WAL")
    _pragma(connection, "synchronous", "FULL" if synced else "OFF")
    _pragma(connection, "cache_size", -_WRITER_CACHE_KIB)
    _pragma(connection, "temp_store", "MEMORY")
    _pragma(connection, "journal_size_limit", _LOG_KEPT)


def open_reading(path: str, *, immutable: bool = False) -> apsw.Connection:
    """A connection that cannot write. immutable: nobody writes the file meanwhile, and no file is made beside it.

    Raises: apsw.Error.
    """
    if immutable:
        name, flags = f"file:{_quoted(os.path.abspath(path))}?immutable=1", apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    else:
        name, flags = path, apsw.SQLITE_OPEN_READONLY
    connection = apsw.Connection(name, flags=flags, statementcachesize=_STATEMENTS)
    connection.set_busy_timeout(BUSY_MS)
    _pragma(connection, "cache_size", -_READER_CACHE_KIB)
    return connection


def _pragma(connection: apsw.Connection, name: str, value: object) -> None:
    connection.execute(f"PRAGMA {name} = {value}").fetchall()


def _quoted(path: str) -> str:
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
