"""One process per file: an OS lock beside it that tells who holds it.

flock, not a file that is there or not: the system lets go of it when the process ends, however it ends.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import shlex
import sys
import time
import weakref
from typing import Any

from holdfast.client.holder import holder_of, told_in
from holdfast.errors import Busy, Denied, Unavailable

__all__ = ["Lock", "holder_of"]

_SHOWN: int = 200
"""Characters of the holder's command that are written down."""
_SIZE: int = 2048
_AGAIN_S: float = 0.005


class Lock:
    """Holds `path` (made if it is missing) until `release`, or the end of the process.

    left     what the one before told last (see `tell`); what it says of numbers (`reserved`) is told on until somebody tells anew.
    purpose  what the file is held for, where that is not everything: "tree". Told with all else.

    Raises: Busy - somebody holds it, named in the message;  Denied, Unavailable - the file cannot be opened.
    """

    __slots__ = ("__weakref__", "_fd", "left", "path", "purpose")

    def __init__(self, path: str, patience_s: float = 0.1) -> None:
        """patience_s: so long it is tried. Who asks who the holder is (`holder_of`) is one himself for a moment."""
        self.path = path
        self.purpose = ""
        self._fd: int = _locked(path, patience_s)
        self.left = told_in(self._fd)
        with contextlib.suppress(OSError):  # a full disk: then a conflict's message lacks the name
            self.tell(**({"reserved": self.left["reserved"]} if "reserved" in self.left else {}))
        _held.add(self)

    def tell(self, **facts: Any) -> None:
        """Write down who holds the lock, and these facts, synced. The file always has the same size, so that it needs no new space.

        Raises: OSError.
        """
        purpose = {"purpose": self.purpose} if self.purpose else {}
        told = {"pid": os.getpid(), "command": shlex.join(sys.orig_argv)[:_SHOWN], **purpose, **facts}
        os.pwrite(self._fd, json.dumps(told).encode().ljust(_SIZE), 0)
        os.ftruncate(self._fd, _SIZE)
        if facts:
            os.fdatasync(self._fd)

    def release(self, *, remove: bool = False) -> None:
        """Let go. remove: for files that have this one user only; else the lock's file stays, so that all lock the same one."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            _held.discard(self)
            if remove:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(self.path)
            fcntl.flock(fd, fcntl.LOCK_UN)  # closing is not enough while a child of a fork has the descriptor too
            os.close(fd)

    def forget(self) -> None:
        """In the child of a fork: close the descriptor, which is no unlocking, so that the lock ends with the parent."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


def _locked(path: str, patience_s: float) -> int:
    deadline = time.monotonic() + patience_s
    while True:
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except PermissionError as error:
            raise Denied(f"lock {path}: {error.strerror}", hint="look at the owner and the mode of the directory") from error
        except OSError as error:
            raise Unavailable(f"lock {path}: {error.strerror}", hint="look at the directory and the space left") from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # the one who held it may have removed the file between our opening and locking: then we hold a lock nobody sees
            if os.fstat(fd).st_ino == os.stat(path).st_ino:
                return fd
        except FileNotFoundError:
            pass
        except OSError as error:
            holder = told_in(fd)
            os.close(fd)
            if error.errno == errno.EWOULDBLOCK and time.monotonic() < deadline:
                time.sleep(_AGAIN_S)
                continue
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                raise Unavailable(f"lock {path}: {error.strerror}") from error
            who = f"process {holder['pid']} ({holder['command']})" if holder else "another process"
            raise Busy(
                f"database {path.removesuffix('.lock')} is held by {who}",
                hint="one process writes a database: ask that one, stop it, or choose another file",
                **holder,
            ) from None
        os.close(fd)


_held: weakref.WeakSet[Lock] = weakref.WeakSet()


def _after_fork() -> None:
    for lock in list(_held):
        lock.forget()


os.register_at_fork(after_in_child=_after_fork)
