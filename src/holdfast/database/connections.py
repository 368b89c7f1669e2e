"""Opening connections: what each kind is set to, and why."""

from __future__ import annotations

import contextlib
import os
from typing import Final

import apsw

__all__ = ["BUSY_MS", "attach_home", "has_log", "make_room", "make_writing", "open_plain", "open_reading", "want_of_room"]

BUSY_MS: Final = 5000
"""How long to wait for a lock of somebody who should not be there: another program's transaction on our file."""
_WRITER_CACHE_KIB: Final = 64 << 10
"""Holds the indexes of 300 000 routes. Memory is taken as pages are used."""
_READER_CACHE_KIB: Final = 4 << 10
_LOG_KEPT: Final = 96 << 20
"""Bytes that a log keeps on the disk when it begins anew: more than its usual length, for cutting and growing again takes 20 ms."""
_STATEMENTS: Final = 256


def open_plain(path: str, *, uri: bool = False) -> apsw.Connection:
    """A connection that may write and has not touched the file yet. uri: `attach_home` will be asked. Raises: apsw.Error."""
    flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE | (apsw.SQLITE_OPEN_URI if uri else 0)
    connection = apsw.Connection(path, flags=flags, statementcachesize=_STATEMENTS)
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


def open_reading(path: str, *, immutable: bool = False, uri: bool = False) -> apsw.Connection:
    """A connection that cannot write. immutable: nobody writes the file meanwhile, and no file is made beside it; uri: as above.

    Raises: apsw.Error.
    """
    if immutable:
        name, flags = _unchanging(path), apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    else:
        name, flags = path, apsw.SQLITE_OPEN_READONLY | (apsw.SQLITE_OPEN_URI if uri else 0)
    connection = apsw.Connection(name, flags=flags, statementcachesize=_STATEMENTS)
    connection.set_busy_timeout(BUSY_MS)
    _pragma(connection, "cache_size", -_READER_CACHE_KIB)
    return connection


def attach_home(connection: apsw.Connection, path: str) -> None:
    """Attach a database file, to read from it, as `home`; the path is absolute. Raises: apsw.Error.

    WAL mode wants a file of shared memory beside it. Where that cannot be made, on a full disk, it is read as a file that does not
    change, if nothing is in its log: who is in memory does not write it, and coming back leaves the file alone for a while
    (see Checkpoint.rest).
    """
    try:
        _attach(connection, path)
    except apsw.Error as error:
        if not (want_of_room(error) or isinstance(error, apsw.CantOpenError)) or has_log(path):
            raise
        _attach(connection, _unchanging(path))


def want_of_room(error: BaseException | None) -> bool:
    """May this come from a full disk? Where the file of shared memory cannot grow, SQLite calls it an I/O error."""
    return isinstance(error, apsw.FullError | apsw.IOError)


def make_room(path: str) -> None:
    """Put what is in the log into the file, and remove the log: it may be what fills the disk. For who alone has the file.

    Exclusively, which needs no file of shared memory. What fails, fails.
    """
    with contextlib.suppress(apsw.Error), contextlib.closing(open_plain(path)) as connection:
        _pragma(connection, "locking_mode", "EXCLUSIVE")
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)


def has_log(path: str) -> bool:
    """Is there something in the write-ahead log beside the file?"""
    try:
        return os.path.getsize(path + "-wal") > 0
    except FileNotFoundError:
        return False


def _attach(connection: apsw.Connection, name: str) -> None:
    connection.execute("ATTACH ? AS home", (name,))
    try:
        connection.execute("SELECT count(*) FROM home.sqlite_schema").fetchall()
    except apsw.Error:
        connection.execute("DETACH home")
        raise


def _unchanging(path: str) -> str:
    return f"file:{_quoted(os.path.abspath(path))}?immutable=1"


def _pragma(connection: apsw.Connection, name: str, value: object) -> None:
    connection.execute(f"PRAGMA {name} = {value}").fetchall()


def _quoted(path: str) -> str:
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
