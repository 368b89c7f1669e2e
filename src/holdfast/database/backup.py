"""Copies of a database: taken while it is in use, and put back.

    backup   online, as of one revision; checked before it has its name
    restore  checked first; the file that is replaced is kept aside; revisions and resume tokens from before mean nothing new

A backup and the original both go on from the same revision, each with other changes. So what is restored becomes another
database: it gets a new id, which makes every token `id:revision` from before a foreign one; and its numbers go on behind those of
the backup and of the file it replaces, so that a bare number is not taken for another change either: it is one of those
that were lost.
"""

from __future__ import annotations

import contextlib
import os
import time
import uuid
from dataclasses import dataclass, replace

import apsw
import msgspec

from holdfast.errors import AlreadyExists, Corrupt, HoldfastError, NotFound, Unavailable

from . import meta, migrate
from .check import check, worst
from .connections import has_log, open_plain, open_reading
from .faults import fault
from .lock import Lock, holder_of
from .revisions import read_holes, write_holes
from .seal import SUFFIX, seal

__all__ = ["Copied", "Restored", "backup", "restore"]

_BESIDE = ("", "-wal", "-shm", SUFFIX)


@dataclass(frozen=True, slots=True)
class Copied:
    """A backup. `bytes`: its size."""

    path: str
    id: str
    revision: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did. `revision`: the first of the new life. `aside`: where the replaced file is, "" if there was none."""

    path: str
    id: str
    revision: int
    backup_revision: int
    aside: str


def backup(source: str, path: str) -> Copied:
    """Copy the database at `source`, as of one revision and with its history, to a new file, and check the copy.

    The writer goes on meanwhile; its log cannot begin anew until the copy is made. Blocks; cost: the size of the file, some times.
    Raises: NotFound; AlreadyExists - something is at `path`;  Denied, Unavailable - it cannot be written (a full disk), or the
      source is in memory because its own disk is full;
      Corrupt - the source is damaged. Nothing is left at `path` then.
    """
    if not os.path.exists(source):
        raise NotFound(f"no database {source}")
    if os.path.exists(path):
        raise AlreadyExists(f"`{path}` is there already: a backup goes to a new file", hint="choose another name, or move it away")
    if "refuge" in (holder_of(source + ".lock") or {}):
        raise Unavailable(
            f"database {source}: the disk is full, and what happens is kept in memory: a copy would lack it",
            hint="make room first: it comes back by itself",
        )
    part = f"{path}.part"
    try:
        _copy(source, part)
        wrong = worst(check(part))
        if wrong is not None:
            raise Corrupt(f"the copy of {source} is not whole: {wrong.message}", hint=f"`holdfast check --db {source}` tells more")
        copied = _copied(part, path)
        _remove(part, ("-wal", "-shm"))
        _publish(part, path)
        seal(path)
    except apsw.Error as error:
        raise fault(error, path) from error
    except OSError as error:
        raise Unavailable(f"backup {path}: {error.strerror}", hint="look at the directory and the space left") from error
    finally:
        _remove(part)
    return copied


def restore(saved: str, path: str) -> Restored:
    """Put a backup in the place of the database at `path`, which no process may have open for writing.

    Raises: NotFound; Busy - a node has the file, named;  Corrupt - the backup is damaged;  NotSupported - of a newer version;
      Denied, Unavailable. The file at `path` is as it was then.
    """
    saved, path = os.path.realpath(saved), os.path.realpath(path)
    if saved == path:
        raise AlreadyExists(f"`{saved}` is the database itself, not a backup of it")
    wrong = worst(check(saved))
    if wrong is not None:
        raise Corrupt(f"the backup {saved} is not whole: {wrong.message}", hint="nothing was changed; use another backup")
    lock = Lock(path + ".lock")
    part = f"{path}.part"
    try:
        _copy(saved, part)
        restored = _renewed(part, saved, path)
        _remove(part, ("-wal", "-shm"))
        if os.path.exists(path):
            os.chmod(part, os.stat(path).st_mode & 0o777)
        aside = _set_aside(path)
        os.rename(part, path)
        _sync_directory(path)
        seal(path)
    except apsw.Error as error:
        raise fault(error, path) from error
    except OSError as error:
        raise Unavailable(f"database {path}: {error.strerror}", hint="look at the directory and the space left") from error
    finally:
        _remove(part)
        lock.release()
    return replace(restored, aside=aside)


def _copy(source: str, path: str) -> None:
    """As of one revision; the copy is the owner's alone, has no log beside it and is on the disk."""
    _remove(path)
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    original = open_reading(source, immutable=holder_of(source + ".lock") is None and not has_log(source))
    try:
        copy = open_plain(path)
        try:
            with copy.backup("main", original, "main") as steps:
                steps.step()
            copy.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        finally:
            copy.close()
    finally:
        original.close()
    _sync(path)


def _copied(part: str, path: str) -> Copied:
    connection = open_reading(part, immutable=True)
    try:
        return Copied(path, str(meta.read(connection, "id")), meta.last_revision(connection), os.path.getsize(part))
    finally:
        connection.close()


def _renewed(part: str, saved: str, path: str) -> Restored:
    """Make the copy a database of its own: id, numbers, a line in the log."""
    connection = open_plain(part)
    try:
        version = migrate.examine(connection, part)
        connection.execute("PRAGMA journal_mode = DELETE").fetchall()
        with connection:
            migrate.upgrade(connection, part, version)
            last, before = meta.last_revision(connection), str(meta.read(connection, "id"))
            reserved = max(int(meta.read(connection, "reserved", 0)), last, _reserved_at(path))
            revision = reserved + 1
            if reserved > last:
                write_holes(connection, [*read_holes(connection), (last, reserved)])
            fresh = str(uuid.uuid4())
            meta.write(connection, "id", fresh)
            meta.write(connection, "reserved", revision)
            meta.write(connection, "clean", 1)
            details = msgspec.json.encode({"backup": saved, "id_before": before, "from": last, "until": revision}).decode()
            said = f"restored from {os.path.basename(saved)}: what happened after revision {last} is not here"
            connection.execute(
                "INSERT INTO log(revision, n, time_ns, kind, message, details) VALUES (?, 0, ?, 'restore', ?, ?)",
                (revision, time.time_ns(), said, details),
            )
    finally:
        connection.close()
    _sync(part)
    return Restored(path, fresh, revision, last, "")


def _reserved_at(path: str) -> int:
    """The highest number that the file to be replaced may have given; 0 where there is none, or it cannot be read."""
    if not os.path.exists(path):
        return 0
    with contextlib.suppress(apsw.Error, HoldfastError, ValueError, TypeError):
        connection = open_reading(path)
        try:
            migrate.examine(connection, path)
            return max(int(meta.read(connection, "reserved", 0)), meta.last_revision(connection))
        finally:
            connection.close()
    return 0


def _set_aside(path: str) -> str:
    """Rename what is at `path`, with what belongs to it; returns the new name."""
    if not os.path.exists(path):
        return ""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    number = 0
    while os.path.exists(aside := f"{path}.replaced-{stamp}{f'-{number}' if number else ''}"):
        number += 1
    for suffix in reversed(_BESIDE):  # the log before the file: a crash in between leaves a file that opens
        with contextlib.suppress(FileNotFoundError):
            os.rename(path + suffix, aside + suffix)
    return aside


def _publish(part: str, path: str) -> None:
    """Give the copy its name, unless there is something of that name by now."""
    try:
        os.link(part, path)
    except FileExistsError:
        raise AlreadyExists(f"`{path}` is there already: a backup goes to a new file") from None
    except OSError:  # a file system without links
        if os.path.exists(path):
            raise AlreadyExists(f"`{path}` is there already: a backup goes to a new file") from None
        os.rename(part, path)
    _sync_directory(path)


def _sync(path: str) -> None:
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


def _sync_directory(path: str) -> None:
    fd = os.open(os.path.dirname(os.path.abspath(path)), os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _remove(path: str, suffixes: tuple[str, ...] = _BESIDE) -> None:
    for suffix in suffixes:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path + suffix)

