"""The database in one SQLite file: opening, wiring, closing (the contract: home.Database)."""

from __future__ import annotations

import contextlib
import logging
import os
import time
import weakref
from collections.abc import Callable, Collection
from concurrent.futures import Future
from typing import TYPE_CHECKING, Self, TypeVar

import apsw
import msgspec

from holdfast.errors import HoldfastError, Unavailable
from holdfast.model import TABLES
from holdfast.model.field import Table
from holdfast.model.names import BUILTIN, Names

from . import meta, migrate, private
from .connections import make_room, make_writing, open_plain, want_of_room
from .faults import fault
from .home import OnCommit, Transaction, Written
from .joint import Behind
from .lock import Lock
from .moments import note_step, time_of
from .readers import Readers
from .reading import Connector, FileReader, Reading, open_reader
from .refuge import KEPT_AWAY, Away, Refuge
from .retention import Retention
from .revisions import BLOCK, Revisions, read_holes, write_holes
from .seal import seal, unseal
from .seat import Seats
from .writer import Writer

if TYPE_CHECKING:
    from .backup import Copied

__all__ = ["MEMORY", "Database", "FileReader", "open_reader"]

T = TypeVar("T")

MEMORY = ":memory:"

logger = logging.getLogger("holdfast.database")


class Database(Reading):
    """Open `path`, made if it is missing; `:memory:` is a private file that goes with this process.

    tables    those of the model; rows of others stay in the file untouched.
    history   False: changed and deleted rows are not kept; watches then show rows that are new or changed, without the old.
    names     the words for SQL's name functions.
    retention how much history is kept.
    clock     ns since 1970: the times of the log. A replay has the recording's.
    purpose   told to others who ask for the file's holder: "tree" - no network is mirrored here.
    clean     was it closed properly the last time? True for a new one.

    Raises: Busy - another process has it, named in the message;  Corrupt;  NotSupported - of a newer version;
    Denied, Unavailable - the file or its directory cannot be used.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] = MEMORY,
        tables: Collection[Table] | None = None,
        *,
        history: bool = True,
        names: Names = BUILTIN,
        retention: Retention | None = None,
        clock: Callable[[], int] = time.time_ns,
        purpose: str = "",
    ) -> None:
        tables = tuple(TABLES.values() if tables is None else tables)
        memory = os.fspath(path) == MEMORY
        place, lock = private.make() if memory else _claim(os.fspath(path))
        connector = Connector(place, names, tables)
        super().__init__(connector)
        retention = retention or Retention()
        seats = Seats(tables, connector.equip, self._readers.relieve, history, clock)
        self._refuge = None if memory else Refuge(place, seats, retention, lock, _Redirect(connector, self._readers))
        left = int(lock.left.get("reserved", 0))
        try:
            lock.purpose = purpose
            opened = _open(place, self._refuge, lambda path, synced: _Opening(path, tables, clock, left, synced=synced))
            away = self.away is not None
            with contextlib.suppress(OSError):
                private.remove_left(str(lock.left.get("refuge", "")))
                if not away:
                    lock.tell()
        except BaseException:
            _let_go(place, lock, memory=memory)
            raise
        self.id = opened.id
        self.boot_id = opened.boot_id
        self.previous_boot_id = opened.previous_boot_id
        self.clean = opened.clean
        seat = seats.take(opened.connection, opened.path, KEPT_AWAY if away else retention, synced=not memory and not away)
        self._writer = Writer(seat, opened.revisions, self._refuge, away_from=place if away else None)
        # also when it is dropped without `close`, and when the interpreter ends; it must not refer to self
        self._close = weakref.finalize(self, _close, self._writer, self._readers, place, lock, memory)

    @property
    def revision(self) -> int:
        """The last committed revision."""
        return self._writer.revision

    @property
    def away(self) -> Away | None:
        """That the file cannot be written, and everything goes on in memory until it can; None: all is well."""
        return self._refuge.away if self._refuge else None

    def write(self, job: Callable[[Transaction], T], *, durable: bool = False) -> Future[T]:
        return self._writer.write(job, durable=durable)

    def write_here(self, job: Callable[[Transaction], T]) -> Written[T] | None:
        return self._writer.write_here(job)

    def on_commit(self, callback: OnCommit) -> Callable[[], None]:
        return self._writer.on_commit(callback)

    def backup(self, path: str) -> Copied:
        """Copy the database as it is now to a new file, and check the copy (see backup.py). Blocks; writing goes on."""
        from .backup import backup

        return backup(self.path, path)

    def close(self) -> None:
        self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Redirect:
    """Has everybody read another file; it must not hold the database itself."""

    def __init__(self, connector: Connector, readers: Readers) -> None:
        self._connector, self._readers = connector, readers

    def __call__(self, path: str, behind: Behind | None) -> None:
        # who opens a connection in between reads the file with itself behind it, which is the same
        if behind is not None:
            self._connector.behind = behind
        self._connector.path = path
        self._connector.behind = behind
        self._readers.renew()


def _open(path: str, refuge: Refuge | None, opening: Callable[[str, bool], _Opening]) -> _Opening:
    """Open the file; if its disk is full, what is in it in memory. `opening` takes the path, and whether there is something to sync."""
    if refuge is None:
        return opening(path, False)
    try:
        return opening(path, True)
    except Unavailable as error:
        if not want_of_room(error.__cause__):
            raise
    make_room(path)
    try:
        return opening(path, True)
    except Unavailable as error:
        if not want_of_room(error.__cause__):
            raise
        return refuge.begin(str(error.__cause__), lambda place: _reserved(opening(place, False), refuge))


def _reserved(opened: _Opening, refuge: Refuge) -> _Opening:
    """The start of a run in memory: its numbers are written down beside the file, before anybody is told one."""
    opened.revisions.elsewhere(refuge.reserve)
    try:
        refuge.reserve(opened.revisions.reserved)
    except BaseException:
        opened.connection.close()
        raise
    return opened


class _Opening:
    """The first transaction on a file: it is made ours, brought up to date, and its next revisions are reserved."""

    def __init__(self, path: str, tables: Collection[Table], clock: Callable[[], int], left: int, *, synced: bool) -> None:
        """`left`: up to this number the one before may have given some, as he told beside the file (see refuge.py)."""
        self.path = path
        self._clock = clock
        try:
            self.connection = open_plain(path)
        except apsw.Error as error:
            raise fault(error, path) from error
        try:
            version = migrate.examine(self.connection, path)
            unseal(path)
            make_writing(self.connection, synced=synced)
            with self.connection:
                self._begin(path, tables, version, left)
        except BaseException as error:
            self.connection.close()
            if isinstance(error, apsw.Error):
                raise fault(error, path) from error
            raise

    def _begin(self, path: str, tables: Collection[Table], version: int, left: int) -> None:
        connection = self.connection
        migrate.upgrade(connection, path, version)
        self.id = str(meta.read(connection, "id"))
        self.boot_id = _boot_id()
        self.previous_boot_id: str | None = meta.read(connection, "boot_id")
        reserved = int(meta.read(connection, "reserved", 0))
        self.clean = bool(meta.read(connection, "clean", 1)) and left <= reserved
        reserved = max(reserved, left)
        revision = reserved + 1
        written = meta.last_revision(connection)
        if not self.clean and reserved > written:
            write_holes(connection, [*read_holes(connection), (written, reserved)])
        migrate.adapt(connection, path, tables, revision)
        meta.write(connection, "boot_id", self.boot_id)
        meta.write(connection, "clean", 0)
        meta.write(connection, "reserved", revision + BLOCK)
        closed_ns = meta.read(connection, "closed_ns")
        meta.drop(connection, "closed_ns")
        down = {"down_ns": closed_ns} if self.clean and closed_ns is not None else {}
        details = msgspec.json.encode({"boot_id": self.boot_id, "clean": self.clean, "pid": os.getpid(), **down}).decode()
        now_ns = self._clock()
        if now_ns < time_of(lambda sql, args: connection.execute(sql, tuple(args)).fetchall(), revision):
            note_step(connection, revision)
        connection.execute("INSERT INTO log(revision, n, time_ns, kind, details) VALUES (?, 0, ?, 'start', ?)", (revision, now_ns, details))
        self.revisions = Revisions(connection, revision, revision + BLOCK)


def _claim(path: str) -> tuple[str, Lock]:
    place = os.path.realpath(path)
    return place, Lock(place + ".lock")


def _let_go(place: str, lock: Lock, *, memory: bool) -> None:
    if memory:
        private.remove(place, lock)
    else:
        lock.release()


def _close(writer: Writer, readers: Readers, place: str, lock: Lock, memory: bool) -> None:
    """Readers last: a job's future may wake somebody who reads."""
    try:
        writer.close()
    except HoldfastError:
        logger.exception("database %s: closing failed", place)
        return
    readers.close()
    if not memory:
        seal(place)
    _let_go(place, lock, memory=memory)


def _boot_id() -> str:
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:  # not Linux: no two runs share a boot
        return f"unknown-{time.time_ns()}"
