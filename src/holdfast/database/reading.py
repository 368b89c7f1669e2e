"""Reading a database file, by the process that writes it or by another one."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self, TypeVar

import apsw

from holdfast.errors import Denied, HoldfastError, NotFound, UnknownName
from holdfast.model import TABLES
from holdfast.model.field import Table
from holdfast.model.names import BUILTIN, Names

from . import addresses, asof, history, lookup, meta, migrate, words
from .checkpoint import too_long
from .connections import open_reading
from .faults import fault
from .gaps import Gap, gap_at
from .home import Change, Condition, Point, Row, Transaction, Written
from .joint import Behind, join
from .lock import holder_of
from .moments import Moment, resolve
from .patience import Patience
from .query import Answer
from .readers import Connected, Readers

__all__ = ["Connector", "FileReader", "Reading", "open_reader"]

logger = logging.getLogger("holdfast.database")

T = TypeVar("T")


class Connector:
    """Opens reading connections, with our SQL functions. `names`: the words that they use; `behind`: a file to read along."""

    def __init__(self, path: str, names: Names, tables: Collection[Table], *, immutable: bool = False) -> None:
        self.path = path
        self.names = names
        self.tables = tables
        self.immutable = immutable
        self.behind: Behind | None = None

    def crowded(self, times: int = 1) -> bool:
        """Is the log too long, or so many times that, and somebody there who could let it begin anew?"""
        return not self.immutable and too_long(self.path, times) and _is_held(self.path)

    def __call__(self) -> apsw.Connection:
        behind = self.behind
        connection = open_reading(self.path, immutable=self.immutable, uri=behind is not None)
        if behind is not None:
            try:
                join(connection, behind, self.tables)
            except apsw.Error as error:  # then the past begins with what is in memory
                logger.debug("database %s: the file cannot be read, only what is in memory: %s", behind.path, error)
                connection.close()
                connection = open_reading(self.path)
        self.equip(connection)
        return connection

    def equip(self, connection: apsw.Connection) -> None:
        """Make our functions known to a connection."""
        addresses.register(connection)
        words.register(connection, lambda: self.names)
        lookup.register(connection)
        asof.register(connection, self.tables)


class Reading:
    """What can be read of a database (the contract: home.Database)."""

    def __init__(self, connector: Connector) -> None:
        tables = connector.tables
        self.path = connector.path
        self.tables = {table.name: table for table in tables}
        self._connector = connector
        self._pasts = {table.name: history.Past(table) for table in tables}
        self._readers = Readers(connector, connector.path, connector.crowded)

    @property
    def names(self) -> Names:
        """The words that SQL's name functions use; can be set."""
        return self._connector.names

    @names.setter
    def names(self, names: Names) -> None:
        self._connector.names = names

    def fetch(self, sql: str, args: Sequence[Any] = ()) -> list[Row]:
        return self._readers.fetch(sql, args)

    def fetchone(self, sql: str, args: Sequence[Any] = ()) -> Row | None:
        found = self._readers.fetch(sql, args)
        return found[0] if found else None

    @contextmanager
    def reader(self) -> Iterator[Snapshot]:
        with self._readers.snapshot() as connected:
            yield Snapshot(self._readers, connected, self._pasts)

    def query(
        self, sql: str, args: Sequence[Any] = (), *, timeout_s: float | None = 10.0, limit: int | None = None, at: Point | None = None
    ) -> Answer:
        if at is None:
            return self._readers.query(sql, args, timeout_s, limit)
        return self._readers.query(sql, args, timeout_s, limit, lambda connection: asof.shadow(connection, sql, self.tables.values(), at))

    def moment(self, point: Point) -> Moment:
        return resolve(self.fetch, point)

    def gap(self, point: Point) -> Gap | None:
        return gap_at(self.fetch, point)

    def changes(self, table: str, since: int, until: int | None = None) -> list[Change]:
        with self.reader() as reader:
            return reader.changes(table, since, until)


class Snapshot:
    """The contract: home.Reader."""

    def __init__(self, readers: Readers, connected: Connected, pasts: dict[str, history.Past]) -> None:
        self._readers = readers
        self._connected = connected
        self._pasts = pasts

    @property
    def revision(self) -> int:
        return meta.last_revision(self._connected.connection)

    def fetch(self, sql: str, args: Sequence[Any] = ()) -> list[Row]:
        return self._readers.fetch_from(self._connected, sql, args)

    def fetchone(self, sql: str, args: Sequence[Any] = ()) -> Row | None:
        found = self.fetch(sql, args)
        return found[0] if found else None

    def changes(self, table: str, since: int, until: int | None = None) -> list[Change]:
        past, now = self._past(table), self.revision
        history.whole_since(self._connected.connection, table, since, now)
        return past.changes(self.fetch, since, now if until is None else min(until, now))

    def differences(self, table: str, first: int, second: int) -> list[Change]:
        past, now = self._past(table), self.revision
        for revision in (first, second):
            history.whole_since(self._connected.connection, table, revision, now, history.FOR_QUESTIONS)
        return past.between(self.fetch, first, second)

    def oldest(self, table: str) -> int:
        return history.oldest(self._connected.connection, table)

    def told(self, table: str, since: int, until: int, condition: Condition | None = None) -> list[Change]:
        return self._past(table).changes(self.fetch, since, until, condition)

    def touched(self, table: str, since: int, until: int, condition: Condition | None = None) -> dict[int, tuple[int, int]]:
        return self._past(table).touched(self.fetch, since, until, condition)

    def revisions(self, table: str, since: int, until: int, condition: Condition | None = None) -> Sequence[int]:
        return self._past(table).revisions(self.fetch, since, until, condition)

    def _past(self, table: str) -> history.Past:
        past = self._pasts.get(table)
        if past is None:
            raise UnknownName(f"no table `{table}`", hint=f"there are {', '.join(self._pasts)}")
        return past

    def whole_since(self, table: str, since: int) -> None:
        history.whole_since(self._connected.connection, table, since, self.revision)


class FileReader(Reading):
    """A file that another process may be writing, or none. Reading only; `close` it or use `with`.

    immutable: nobody held the file when it was opened and it could not be opened but as a file that does not change.
    away_ns    since when (ns since 1970) who writes it has been in memory, because the disk is full: that is read then; 0: it is not.
    """

    def __init__(self, path: str, place: _Place, tables: Collection[Table], names: Names, *, immutable: bool) -> None:
        connector = Connector(place.path, names, tables, immutable=immutable)
        connector.behind = place.behind
        super().__init__(connector)
        self.path = path
        self.immutable = immutable
        self.away_ns = place.away_ns
        self._patience: Patience | None = None
        self.id = str(self.fetch("SELECT value FROM meta WHERE name = 'id'")[0][0])

    @property
    def revision(self) -> int:
        """The last one committed, read anew each time."""
        with self.reader() as reader:
            return reader.revision

    def write(self, job: Callable[[Transaction], T], *, durable: bool = False) -> Future[T]:
        """Refused, as the contract has it: in the future. Raises, there: Denied."""
        del job, durable
        refused: Future[T] = Future()
        refused.set_exception(Denied(f"database {self.path} is open for reading only"))
        return refused

    def write_here(self, job: Callable[[Transaction], T]) -> Written[T] | None:
        """Refused: `write` says why."""
        del job
        return None

    def follow(self) -> bool:
        """Read where the writer is now: he goes to memory when the disk is full, and comes back. Says whether he has moved."""
        place = _place_of(self.path)
        if place.path == self._connector.path:
            return False
        self._connector.path, self._connector.behind, self.away_ns = place.path, place.behind, place.away_ns
        self._readers.renew()
        return True

    def query(
        self, sql: str, args: Sequence[Any] = (), *, timeout_s: float | None = 10.0, limit: int | None = None, at: Point | None = None
    ) -> Answer:
        if self._patience is None and not self.immutable:
            self._patience = Patience(lambda: self._connector.path, self._readers.relieve)
        return super().query(sql, args, timeout_s=timeout_s, limit=limit, at=at)

    def close(self) -> None:
        if self._patience is not None:
            self._patience.end()
        self._readers.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_reader(path: str, *, names: Names = BUILTIN) -> FileReader:
    """Open a database file for reading, whether or not a node is writing it.

    Raises: NotFound - no such file;  Corrupt, NotSupported - see migrate.examine;  Denied, Unavailable - not readable here.
    """
    path = os.path.realpath(path)
    if not os.path.exists(path):
        raise NotFound(f"no database {path}", hint="`holdfast run` makes one")
    place = _place_of(path)
    try:
        connection, immutable = _open(place.path)
    except HoldfastError:
        if place.path == path:
            raise
        place = _Place(path)  # he came back in this very moment, or his memory is closed to us: then the file is what there is
        connection, immutable = _open(path)
    try:
        migrate.examine(connection, path)
        there = {row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    finally:
        connection.close()
    return FileReader(path, place, [table for table in TABLES.values() if table.name in there], names, immutable=immutable)


@dataclass(frozen=True, slots=True)
class _Place:
    """The file to read. `away_ns`: see FileReader."""

    path: str
    away_ns: int = 0
    behind: Behind | None = None


def _is_held(path: str) -> bool:
    try:
        return holder_of(path + ".lock") is not None
    except OSError:  # not for us to know
        return True


def _place_of(path: str) -> _Place:
    try:
        told = holder_of(path + ".lock") or {}
    except OSError:  # not for us to know
        told = {}
    refuge = str(told.get("refuge", ""))
    if not refuge or not os.path.exists(refuge):
        return _Place(path)
    return _Place(refuge, int(told.get("full_since", 0)), Behind(path, int(told.get("full_after", 0))))


def _open(path: str) -> tuple[apsw.Connection, bool]:
    """WAL mode wants a file of shared memory beside the database; where we may not make it, and nobody needs it, do without."""
    for immutable in (False, True):
        try:
            connection = open_reading(path, immutable=immutable)
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
        except (apsw.CantOpenError, apsw.ReadOnlyError) as error:
            if immutable or os.path.exists(path + "-wal") or holder_of(path + ".lock") is not None:
                raise fault(error, path) from error
        except apsw.Error as error:
            raise fault(error, path) from error
        else:
            return connection, immutable
    raise AssertionError("unreachable")
