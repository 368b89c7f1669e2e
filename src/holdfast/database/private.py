"""`:memory:` – a file of this process alone, in memory where the system has a place for that, gone with its process.

SQLite's own in-memory databases have no concurrent readers. What a killed process left behind is removed by the next one that
makes such a file: its lock is free.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
import tempfile

from holdfast.errors import Busy, Denied, Unavailable

from .lock import Lock

__all__ = ["make", "remove", "remove_left"]

_SUFFIXES = ("", "-wal", "-shm")


def make(directory: str | None = None) -> tuple[str, Lock]:
    """A new private file: its path and its lock, held."""
    where = directory or _directory()
    _remove_stale(where)
    while True:
        path = os.path.join(where, f"holdfast-{os.getuid()}-{secrets.token_hex(8)}.db")
        try:
            lock = Lock(path + ".lock")
        except Busy:  # somebody looked for stale files in the moment between its making and its locking
            continue
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        return path, lock


def remove(path: str, lock: Lock) -> None:
    """Remove the file with all that belongs to it."""
    _unlink(path)
    lock.release(remove=True)


def remove_left(path: str) -> None:
    """Remove the private file at this path, if it is one of ours that nobody holds any more: its process was killed."""
    name = os.path.basename(path)
    if re.fullmatch(rf"holdfast-{os.getuid()}-[0-9a-f]{{16}}\.db", name) and _is_ours(path + ".lock"):
        with contextlib.suppress(Busy, Denied, Unavailable, OSError):
            remove(path, Lock(path + ".lock", patience_s=0))


def _directory() -> str:
    try:
        found = os.stat("/dev/shm")
    except OSError:
        return tempfile.gettempdir()
    usable = stat.S_ISDIR(found.st_mode) and os.access("/dev/shm", os.W_OK | os.X_OK)
    return "/dev/shm" if usable else tempfile.gettempdir()


def _remove_stale(where: str) -> None:
    """What dead processes of this user left. The folder is everybody's: a file of somebody else may have such a name too."""
    ours = re.compile(rf"holdfast-{os.getuid()}-[0-9a-f]{{16}}\.db\.lock")
    for name in os.listdir(where):
        path = os.path.join(where, name)
        if ours.fullmatch(name) and _is_ours(path):
            with contextlib.suppress(Busy, Denied, Unavailable, OSError):
                remove(path.removesuffix(".lock"), Lock(path, patience_s=0))


def _is_ours(path: str) -> bool:
    try:
        found = os.lstat(path)
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid()


def _unlink(path: str) -> None:
    for suffix in _SUFFIXES:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path + suffix)
