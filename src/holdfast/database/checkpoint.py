"""Keeps the write-ahead log short: what it holds is copied into the file, then it begins anew.

Copying waits for nobody (a passive checkpoint). In memory the writer does it itself, every STEP pages from LIMIT on: 1 ms for
4 000 pages; what one commit made longer than that (a first load: 16 ms for 100 000 routes, 0.3 s for 1 000 000) a thread of its
own copies, for somebody waits. So it does on a disk, where copying syncs (50 ms for 4 000 scattered pages). But the log begins anew
only when all of it has been copied, and under steady writing another thread never sees that moment. So from ANEW pages on, when
the thread has left no more than REST, the writer copies the rest itself (a few ms). Beyond PATIENCE pages it does so however
much there is, and writes no faster than the disk.

A sync is dearest where it makes the log longer: a commit of the config tree took 0.45 ms, and takes 0.28 in a log that begins anew
in its place. So where commits are synced and few the writer copies the log itself every IN_PLACE pages, 2 ms each 340 commits.

A reader that stays in an old revision keeps the log from beginning anew; it may do so up to MOST pages. Then three things together
bound the log, however fast the writer is and however the readers follow each other:

    what has been read for long is ended             of others' processes by themselves (see patience); so old marks go. From three
                                                     times MOST on all that is being read
    a query begins only when the log has begun anew  (see readers); so none comes in their place, when one is ended after the other
    the writer keeps commits back for a moment       from PATIENCE pages on; so the short reads end, of which else one would always
                                                     be under way. Once all is copied, who begins reads the file alone
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Final

import apsw

from .connections import BUSY_MS

__all__ = ["Checkpoint", "too_long"]

logger = logging.getLogger("holdfast.database")

LIMIT: Final = 4000
"""Pages of 4 KiB. Each commit of a few route events writes some twelve."""
IN_PLACE: Final = 2000
"""Where others than synced commits wrote less than half of that (`_others`): what is written without a sync does not wait for one."""
STEP: Final = 2000
"""Grown by so much, another attempt."""
ANEW: Final = 16000
"""64 MiB: at 10 000 events/s the writer's own part comes every second. With 4 000 it was a quarter of all latencies."""
REST: Final = 1000
PATIENCE: Final = 40000
MOST: Final = 65536
"""256 MiB."""
_WAIT_S: Final = 0.1
"""For reads of up to 50 ms: those of before the last commit, then those since."""
_PIECE_MS: Final = 10
_LAST_WAIT_S: Final = 0.5
"""From twice MOST on."""
_SHARE: Final = 10
"""Of the time, one part in so many is waited at most: a long read must not stop the writer."""
_FRAME: Final = 24 + 4096
_PASSES: Final = 4
_LOOSE: Final = 2000
"""Unused pages in the file that are worth giving back, if they are also a quarter of it."""


def too_long(path: str, times: int = 1) -> bool:
    """Has the log of a file more than MOST pages, or so many times that? For any thread and process: it is cut when it begins anew."""
    try:
        return os.path.getsize(f"{path}-wal") >= times * MOST * _FRAME
    except OSError:  # no node has it
        return False


class Checkpoint:
    """Of one database; for the writer. `relieve` ends long readers."""

    def __init__(self, connection: apsw.Connection, path: str, relieve: Callable[[], None], *, synced: bool) -> None:
        self._connection = connection
        self._path = path
        self._relieve = relieve
        self._synced = synced
        self._pages = 0
        self._seen = 0
        self._copied = 0
        self._due = LIMIT
        self._near = IN_PLACE
        self._others = 0
        self._loose = False
        self._rests_until = 0.0
        self._waits_from = 0.0
        self._thread: threading.Thread | None = None
        self._apart: apsw.Connection | None = None
        connection.set_wal_hook(self._committed)

    @property
    def wants_idle(self) -> bool:
        """Is there something to do when nobody writes? A log of less than STEP pages (8 MiB) is left as it is."""
        return (self._pages >= STEP or self._loose) and not self._rests

    def rest(self, seconds: float) -> None:
        """Leave the file as it is for a while, unless the log gets much too long."""
        self._rests_until = time.monotonic() + seconds

    @property
    def _rests(self) -> bool:
        return self._pages < MOST and time.monotonic() < self._rests_until

    def after_commit(self, *, durable: bool = False) -> None:
        self._seen, grown = self._pages, self._pages - self._seen
        if not durable:
            self._others += grown
        elif self._synced and self._near <= self._pages < LIMIT and self._others < IN_PLACE // 2 and not self._rests:
            self._near = self._pages + IN_PLACE
            self._copied = self._copy(self._connection)
        if self._pages < LIMIT or self._rests:
            return
        if self._synced or grown > LIMIT or self._copying:
            self._share()
        elif self._pages >= self._due:
            self._copy_here()
        if self._pages >= MOST:
            self._relieve()

    @property
    def _copying(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _share(self) -> None:
        """The writer finishes what the thread has just left, or does all when the thread is too slow."""
        patience = PATIENCE if self._synced else MOST
        if self._thread is not None:
            if self._copying and self._pages < patience:
                return
            self._thread.join()
            self._thread = None
            if self._pages >= ANEW and self._pages - self._copied <= REST:
                self._copy_here()
                return
        if self._pages < self._due:
            return
        if self._pages >= patience:
            self._copy_here()
            return
        self._due = self._pages + STEP
        self._thread = threading.Thread(target=self._copy_apart, name="holdfast-checkpoint", daemon=True)
        self._thread.start()

    def idle(self) -> None:
        """Cut the log to nothing, and give unused pages back a few at a time."""
        self._truncate()
        if self._pages >= MOST:
            self._relieve()
        try:
            total = self._connection.pragma("page_count")
            free = self._connection.pragma("freelist_count")
            self._loose = free > _LOOSE and free > total // 4
            if self._loose:
                self._connection.execute(f"PRAGMA incremental_vacuum({_LOOSE})").fetchall()
        except apsw.Error as error:
            logger.warning("database %s: giving back space failed: %s", self._path, error)
            self._loose = False

    def freed(self) -> None:
        """Much was deleted: in the next quiet moment it is worth looking at what is unused."""
        self._loose = True

    def make_room(self) -> None:
        """The disk is full: the log holds pages many times over, so copying it may help."""
        self._truncate()

    def close(self) -> None:
        if self._thread is not None:
            self._thread.join()
        if self._apart is not None:
            self._apart.close()
        self._truncate()
        self._connection.set_wal_hook(None)

    def _committed(self, _connection: apsw.Connection, _name: str, pages: int) -> int:
        if pages < self._pages:
            self._began_anew()
        self._pages = pages
        return apsw.SQLITE_OK

    def _began_anew(self) -> None:
        self._pages = self._seen = self._copied = 0
        self._due, self._near = LIMIT, IN_PLACE
        self._others = 0

    def _copy_here(self) -> None:
        self._due = self._pages + STEP
        self._copied = self._copy(self._connection)
        if self._pages >= PATIENCE and (self._copied >= self._pages or time.monotonic() >= self._waits_from):
            self._begin_anew()

    def _begin_anew(self) -> None:
        """Wait for a moment for those who read the log. Its length stays as told until the next commit, which cuts it.

        In pieces: an attempt notes the marks of old readers when it begins, and waits for one even when a new reader has taken its
        place, then one after the other, without an end. The next attempt sees that this place is a new one.
        """
        wait_s = _WAIT_S if self._pages < 2 * MOST else _LAST_WAIT_S
        deadline = time.monotonic() + wait_s
        self._connection.set_busy_timeout(_PIECE_MS)
        try:
            while not self._is_free():
                if time.monotonic() > deadline:
                    self._waits_from = deadline + _SHARE * wait_s
                    return
        except apsw.Error as error:
            logger.warning("database %s: a checkpoint failed and is tried again: %s", self._path, error)
        finally:
            self._connection.set_busy_timeout(BUSY_MS)

    def _is_free(self) -> bool:
        """Is all copied, and does nobody read the log? Then the next commit begins it anew."""
        try:
            self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_RESTART)
        except apsw.BusyError:
            return False
        return True

    def _copy(self, connection: apsw.Connection) -> int:
        """Copy what no reader holds back; how many pages of the log are in the file then."""
        try:
            return connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)[1]
        except apsw.BusyError:  # another one is at it
            pass
        except apsw.Error as error:
            logger.warning("database %s: a checkpoint failed and is tried again: %s", self._path, error)
        return 0

    def _copy_apart(self) -> None:
        """In the thread; the writer goes on meanwhile. Each pass leaves less, so a few come close to the end."""
        connection = self._connected()
        if connection is None:
            return
        for _ in range(_PASSES):
            before, self._copied = self._copied, self._copy(connection)
            if self._pages < ANEW or self._pages - self._copied <= REST // 2 or self._copied <= before:
                return

    def _connected(self) -> apsw.Connection | None:
        if self._apart is None:
            try:
                connection = apsw.Connection(self._path, flags=apsw.SQLITE_OPEN_READWRITE)
                # one that has read nothing does not know of the log, and a checkpoint by it does nothing without a word
                connection.execute("SELECT 1 FROM sqlite_schema").fetchall()
                self._apart = connection
            except apsw.Error as error:
                logger.warning("database %s: no checkpoint: %s", self._path, error)
        return self._apart

    def _truncate(self) -> None:
        if not self._pages:
            return
        self._connection.set_busy_timeout(0)  # readers are not waited for: there will be another quiet moment
        try:
            self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        except apsw.BusyError:
            pass
        except apsw.Error as error:
            level = logging.DEBUG if isinstance(error, apsw.FullError) else logging.WARNING  # of a full disk the writer speaks
            logger.log(level, "database %s: a checkpoint failed and is tried again: %s", self._path, error)
        else:
            self._began_anew()
        finally:
            self._connection.set_busy_timeout(BUSY_MS)
