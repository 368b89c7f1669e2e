"""Keeps the write-ahead log short: what it holds is copied into the file, then it begins anew.

After LIMIT pages a passive checkpoint runs, which waits for nobody. In memory the writer does it itself (2 ms per 1 000
pages). On a disk, where it syncs (40 ms), a thread of its own copies, and the writer only the few pages that came meanwhile:
the log begins anew only when all of it has been copied, and under steady writing a second thread would never see that moment.
When the thread falls behind, which is from PATIENCE pages on, the writer does it all and so writes no faster than the disk.
A reader that stays in an old revision keeps the log from beginning anew; it may do so up to MOST pages, then it is ended.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final

import apsw

from .connections import BUSY_MS

__all__ = ["Checkpoint"]

logger = logging.getLogger("holdfast.database")

LIMIT: Final = 4000
"""Pages of 4 KiB."""
STEP: Final = 2000
"""Grown by so much, another attempt; and what the writer copies itself."""
PATIENCE: Final = 16000
MOST: Final = 65536
"""256 MiB."""
_LOOSE: Final = 2000
"""Unused pages in the file that are worth giving back, if they are also a quarter of it."""


class Checkpoint:
    """Of one database; for the writer thread. `relieve` ends long readers."""

    def __init__(self, connection: apsw.Connection, path: str, relieve: Callable[[], None], *, synced: bool) -> None:
        self._connection = connection
        self._path = path
        self._relieve = relieve
        self._synced = synced
        self._pages = 0
        self._due = LIMIT
        self._copied = 0
        self._loose = False
        self._thread: threading.Thread | None = None
        connection.set_wal_hook(self._committed)

    @property
    def wants_idle(self) -> bool:
        """Is there something to do when nobody writes? A log of less than STEP pages (8 MiB) is left as it is."""
        return self._pages >= STEP or self._loose

    def after_commit(self) -> None:
        if self._pages < self._due:
            return
        behind = self._pages >= PATIENCE
        if self._thread is not None and self._thread.is_alive():
            if not behind:
                return
            self._thread.join()
        self._due = self._pages + STEP
        if not self._synced or behind or self._pages - self._copied <= STEP:
            self._copy(self._connection)
        else:
            self._thread = threading.Thread(target=self._copy_apart, name="holdfast-checkpoint", daemon=True)
            self._thread.start()
        if self._pages >= MOST:
            self._relieve()

    def idle(self) -> None:
        """Cut the log to nothing, and give unused pages back a few at a time."""
        self._truncate()
        try:
            total = self._connection.pragma("page_count")
            free = self._connection.pragma("freelist_count")
            self._loose = free > _LOOSE and free > total // 4
            if self._loose:
                self._connection.execute(f"PRAGMA incremental_vacuum({_LOOSE})").fetchall()
        except apsw.Error as error:
            logger.warning("database %s: giving back space failed: %s", self._path, error)
            self._loose = False

    def make_room(self) -> None:
        """The disk is full: the log holds pages many times over, so copying it may help."""
        self._truncate()

    def close(self) -> None:
        if self._thread is not None:
            self._thread.join()
        self._truncate()
        self._connection.set_wal_hook(None)

    def _committed(self, _connection: apsw.Connection, _name: str, pages: int) -> int:
        if pages < self._pages:  # it began anew
            self._due, self._copied = LIMIT, 0
        self._pages = pages
        return apsw.SQLITE_OK

    def _copy(self, connection: apsw.Connection) -> None:
        try:
            _, self._copied = connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except apsw.BusyError:  # another one is at it
            pass
        except apsw.Error as error:
            logger.warning("database %s: a checkpoint failed and is tried again: %s", self._path, error)

    def _copy_apart(self) -> None:
        try:
            connection = apsw.Connection(self._path, flags=apsw.SQLITE_OPEN_READWRITE)
        except apsw.Error as error:
            logger.warning("database %s: no checkpoint: %s", self._path, error)
            return
        try:
            self._copy(connection)
        finally:
            connection.close()

    def _truncate(self) -> None:
        if not self._pages:
            return
        self._connection.set_busy_timeout(0)  # readers are not waited for: there will be another quiet moment
        try:
            self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        except apsw.BusyError:
            pass
        except apsw.Error as error:
            logger.warning("database %s: a checkpoint failed and is tried again: %s", self._path, error)
        else:
            self._pages, self._copied, self._due = 0, 0, LIMIT
        finally:
            self._connection.set_busy_timeout(BUSY_MS)
