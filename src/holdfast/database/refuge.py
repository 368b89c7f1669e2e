"""A full disk: the database goes on in memory, and comes back, with all that happened meanwhile, when there is room.

    file ──(a write fails)──► rows, and the last of the history, are copied to a private file in memory; everybody reads there
         ◄──(there is room)── what differs, history and log are merged back in one transaction, with a line of kind `gap`

Nothing is invented: what the failed write would have told is told again by the sources, since their reading failed with it.
Revisions go on. Those beyond what the file has reserved are written, synced, into the lock's file, which needs no new space; where
even that fails, writing fails. Of a process that ends meanwhile (killed, power cut) the next start knows which revisions were lost.
Jobs that must be on the disk fail with Unavailable: memory is none.
Who reads sees the whole past, what is in the file and what is in memory, as one (joint.py).
A start on a disk that is full already goes to memory at once, from what is in the file; but a file that is new, or of another
Holdfast, must be written before it can be used, and then there is an error.
History in memory is bounded. If more happens than it holds, the oldest goes, and what is merged is, up to there, the net
difference at one revision; the line in the log then says which revisions are missing, and they count as lost.
"""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import apsw
import msgspec

from holdfast.errors import Unavailable
from holdfast.model.field import Table

from . import history, meta, migrate, private
from .connections import attach_home, make_writing, open_plain
from .joint import Behind
from .lock import Lock
from .retention import Keep, Retention
from .revisions import read_holes, write_holes
from .schema import key_terms, statistics
from .seat import Seat, Seats

__all__ = ["KEPT_AWAY", "Away", "Redirect", "Refuge"]

T = TypeVar("T")

logger = logging.getLogger("holdfast.database")

_TAIL: Final = 2000
"""Revisions of history that go along, for watches that are a little behind."""
_TAIL_ROWS: Final = 50_000
KEPT_AWAY: Final = Retention(Keep(rows=50_000, bytes=16 << 20, age=None))
"""What happens in memory."""
_FIRST_S: Final = 0.5
_MOST_S: Final = 10.0
_REST_S: Final = 10.0
"""So long after coming back the file itself is left as it was: who reads it as one that does not change may be at it still."""
_OF_A_START: Final = "('boot_id', 'clean', 'clock_back', 'holes')"
"""What the start of a run writes into `meta`; it may have been in memory."""
_ROOM: Final = "make room, and start again: nothing was written"
_REST: Final = 20
"""So many times as long as an attempt took nothing is tried. The free space tells nothing: the file's own log may be what fills
the disk, and can be used again; and a file system may keep some for root."""


@dataclass(frozen=True, slots=True)
class Away:
    """That a database is in memory: since when (ns since 1970), after which revision of its file, and why."""

    since_ns: int
    revision: int
    why: str

    def as_dict(self) -> dict[str, Any]:
        """JSON values only."""
        return {"since": self.since_ns / 1e9, "revision": self.revision, "why": self.why}


Redirect = Callable[[str, Behind | None], None]
"""Told which file everybody is to read, and which one is behind it."""


class Refuge:
    """Of one database that is a file; for the writer, but for `away`. `redirect` has everybody read another file."""

    def __init__(self, home: str, seats: Seats, retention: Retention, lock: Lock, redirect: Redirect) -> None:
        self.away: Away | None = None
        self._home = home
        self._seats = seats
        self._retention = retention
        self._lock = lock
        self._redirect = redirect
        self._going: Away | None = None
        self._place: tuple[str, Lock] | None = None
        self._reserved = 0
        self._next_try = 0.0
        self._pause_s = _FIRST_S

    # -- going -----------------------------------------------------------------------------------------------------

    def enter(self, why: str, revision: int) -> Seat:
        """Copy what there is to memory. `revision`: the last that was committed. Raises: apsw.Error, HoldfastError, OSError."""

        def sit(path: str) -> Seat:
            connection = open_plain(path)
            try:
                make_writing(connection, synced=False)
                return self._seats.take(connection, path, KEPT_AWAY, synced=False)
            except BaseException:
                connection.close()
                raise

        return self._move(why, revision, 0, sit)

    def begin(self, why: str, opening: Callable[[str], T]) -> T:
        """At the start: copy what is in the file to memory, and open that. `opening` calls `reserve` before anybody is told a number.

        Raises: Unavailable - the file must be written before it can be used, or it cannot even be read, or there is no memory;  Corrupt.
        """
        try:
            revision = self._last_if_usable()
            result = self._move(why, revision, int(self._lock.left.get("reserved", 0)), opening)
        except (apsw.Error, OSError) as error:
            raise Unavailable(f"database {self._home}: {why}; it cannot go on in memory: {error}", hint=_ROOM) from error
        logger.error("database %s: %s: begun in memory after revision %d, until there is room", self._home, why, revision)
        return result

    def _last_if_usable(self) -> int:
        """The last revision in the file, if it can be used as it is."""
        connection = open_plain(":memory:", uri=True)
        try:
            attach_home(connection, self._home)
            version = migrate.examine(connection, self._home, schema="home")
            if version != migrate.VERSION or not migrate.is_current(connection, self._seats.tables):
                what = "a database that is new, or of another version of Holdfast, must be written before it can be used"
                raise Unavailable(f"database {self._home}: the disk is full, and {what}", hint=_ROOM)
            return meta.last_revision(connection)
        finally:
            connection.close()

    def _move(self, why: str, revision: int, reserved: int, then: Callable[[str], T]) -> T:
        path, lock = private.make()
        self._place, self._going, self._reserved = (path, lock), Away(time.time_ns(), revision, why), reserved
        try:
            os.chmod(path, os.stat(self._home).st_mode & 0o777)  # who may read the file may read on
            self._fill(path, revision)
            result = then(path)
        except BaseException:
            self._place = self._going = None
            private.remove(path, lock)
            raise
        self._pause_s = _FIRST_S
        self._next_try = time.monotonic() + self._pause_s
        self._redirect(path, Behind(self._home, revision))
        with contextlib.suppress(OSError):  # then others read the file, which is old, and are told nothing
            self._tell(self._reserved)
        self.away = self._going
        return result

    def _tell(self, reserved: int) -> None:
        assert self._going is not None
        assert self._place is not None
        told = {"refuge": self._place[0], "full_since": self._going.since_ns, "full_after": self._going.revision}
        self._lock.tell(**told, **({"reserved": reserved} if reserved else {}))

    def _fill(self, path: str, revision: int) -> None:
        connection = open_plain(path, uri=True)
        try:
            make_writing(connection, synced=False)
            self._copy(connection, revision)
        finally:
            connection.close()

    def _copy(self, connection: apsw.Connection, revision: int) -> None:
        attach_home(connection, self._home)
        with connection:
            ours = {f"{table.name}_history": table for table in self._seats.tables}
            objects: Any = connection.execute("SELECT type, name, sql FROM home.sqlite_schema WHERE sql IS NOT NULL").fetchall()
            for _, name, sql in (one for one in objects if one[0] == "table" and not one[1].startswith("sqlite_")):
                connection.execute(sql)
                if name not in ours and name != "log":
                    copy_rows(connection, name)
            tail = self._tail(connection, revision)
            connection.execute("INSERT INTO main.log SELECT * FROM home.log WHERE revision >= ?", (tail,))
            for name, table in ours.items():
                columns = ", ".join(("target", *table.columns, "since", "until"))
                some = f"SELECT {columns} FROM home.{name} WHERE until > ? ORDER BY rowid"
                connection.execute(f"INSERT INTO main.{name}({columns}) {some}", (tail,))
                history.begin_at(connection, table.name, tail)
            for _, _, sql in (one for one in objects if one[0] in ("index", "view")):
                connection.execute(sql)
            migrate.believe(connection, list(statistics(self._seats.tables)))
            for name in ("application_id", "user_version"):
                connection.execute(f"PRAGMA main.{name} = {connection.execute(f'PRAGMA home.{name}').fetchall()[0][0]}")
        connection.execute("DETACH home")

    def _tail(self, connection: apsw.Connection, revision: int) -> int:
        """After which revision the history goes along."""
        tail = max(revision - _TAIL, 0)
        for table in self._seats.tables:
            sql = f"SELECT count(*) FROM (SELECT 1 FROM home.{table.name}_history WHERE until > ? LIMIT {_TAIL_ROWS})"
            found: Any = connection.execute(sql, (tail,)).fetchall()
            if found[0][0] >= _TAIL_ROWS:
                return revision
        return tail

    def reserve(self, upper: int) -> None:
        """Note that numbers up to this one may be given. Raises: apsw.FullError - that could not be written down."""
        try:
            self._tell(upper)
        except OSError as error:
            raise apsw.FullError(f"not even the lock's file can be written: {error.strerror}") from error
        self._reserved = upper

    # -- coming back -----------------------------------------------------------------------------------------------

    @property
    def due(self) -> bool:
        """Is it time for an attempt?"""
        return self.away is not None and time.monotonic() >= self._next_try

    def postpone(self, took_s: float) -> None:
        """An attempt failed: the next one later, and much later if it was costly, since it reads all rows."""
        self._next_try = time.monotonic() + max(self._pause_s, took_s * _REST)
        self._pause_s = min(self._pause_s * 2, _MOST_S)

    @property
    def wait_s(self) -> float:
        """Until the next attempt."""
        return max(0.0, self._next_try - time.monotonic())

    def leave(self, revision: int, reserved: int) -> Seat:
        """Merge everything back. `revision`: a number for the line in the log. Nothing is changed if it raises.

        Raises: apsw.Error, OSError.
        """
        assert self.away is not None
        assert self._place is not None
        connection = open_plain(self._home)
        try:
            make_writing(connection, synced=True)
            connection.execute("ATTACH ? AS away", (self._place[0],))
            with connection:
                said = self._merge(connection, revision, max(reserved, self._reserved))
            connection.execute("DETACH away")
            seat = self._seats.take(connection, self._home, self._retention, synced=True)
        except BaseException:
            connection.close()
            raise
        self._redirect(self._home, None)
        seat.checkpoint.rest(_REST_S)
        self.away = None
        with contextlib.suppress(OSError):
            self._lock.tell()
        logger.warning("database %s: there is room again; %s", self._home, said)
        return seat

    def forget(self) -> None:
        """After `leave`, or when there is no coming back: the file in memory goes."""
        if self._place is not None:
            private.remove(*self._place)
            self._place = None

    def _merge(self, connection: apsw.Connection, revision: int, reserved: int) -> str:
        assert self.away is not None
        before = self.away.revision
        kept = [_oldest(connection, table) for table in self._seats.tables]
        floor = max((one for one in kept if one > before), default=before)
        for table in self._seats.tables:
            _merge_table(connection, table, before, floor)
        for name in _others(connection, self._seats.tables):
            merge_rows(connection, name)
        facts: Any = connection.execute(f"SELECT name, value FROM away.meta WHERE name IN {_OF_A_START}").fetchall()
        for name, value in facts:
            meta.write(connection, name, value)
        meta.drop(connection, "closed_ns")
        connection.execute("INSERT INTO main.log SELECT * FROM away.log WHERE revision > ? AND revision >= ?", (before, floor))
        if floor > before:
            sql = "INSERT OR IGNORE INTO log(revision, n, time_ns, kind, message) VALUES (?, 0, ?, 'gap', ?)"
            connection.execute(sql, (floor, self.away.since_ns, f"all that was different since revision {before}"))
        if floor > before + 1:
            write_holes(connection, [*read_holes(connection), (before, floor - 1)])
        meta.write(connection, "reserved", max(reserved, int(meta.read(connection, "reserved", 0)), revision))
        lost = f", but for revisions {before + 1} to {floor - 1}, which were more than memory holds" if floor > before + 1 else ""
        seconds = (time.time_ns() - self.away.since_ns) / 1e9
        said = f"the disk could not be written for {seconds:.0f} s: what happened was kept in memory and is here{lost}"
        details = {
            "from": before,
            "until": revision,
            "from_ns": self.away.since_ns,
            "until_ns": time.time_ns(),
            "why": self.away.why,
            "missing": [before + 1, floor - 1] if lost else None,
        }
        connection.execute(
            "INSERT INTO log(revision, n, time_ns, kind, message, details) VALUES (?, 0, ?, 'gap', ?, ?)",
            (revision, time.time_ns(), said, msgspec.json.encode(details).decode()),
        )
        return said


def _oldest(connection: apsw.Connection, table: Table) -> int:
    found: Any = connection.execute("SELECT value FROM away.meta WHERE name = ?", (f"oldest_{table.name}",)).fetchall()
    return int(found[0][0]) if found else 0


def _merge_table(connection: apsw.Connection, table: Table, before: int, floor: int) -> None:
    """History and rows of one table. Up to `floor`, if that is later than `before`, only the net difference is known."""
    name, past = table.name, f"{table.name}_history"
    columns = ", ".join(("target", *table.columns))
    since = f"CASE WHEN since > {before} AND since < {floor} THEN {floor} ELSE since END"
    if floor > before:
        same = " AND ".join(f"{ours} = {theirs}" for ours, theirs in zip(key_terms(table, "m."), key_terms(table, "a."), strict=True))
        still = f"EXISTS (SELECT 1 FROM away.{name} a WHERE {same} AND a.since = m.since)"
        ended = f"EXISTS (SELECT 1 FROM away.{past} a WHERE {same} AND a.since = m.since AND a.until > {floor})"
        connection.execute(
            f"INSERT INTO main.{past}({columns}, since, until) "
            f"SELECT {columns}, since, {floor} FROM main.{name} m WHERE NOT {still} AND NOT {ended}"
        )
    # in the order in which they ended, as retention expects it
    connection.execute(
        f"INSERT INTO main.{past}({columns}, since, until) "
        f"SELECT {columns}, {since}, until FROM away.{past} WHERE until > {floor} ORDER BY rowid"
    )
    theirs = f"SELECT rowid, {columns}, {since} AS since FROM away.{name}"
    _replace(connection, name, ("rowid", "target", *table.columns, "since"), theirs)


def _others(connection: apsw.Connection, tables: tuple[Table, ...]) -> Iterator[str]:
    """Tables that are not the model's, without the log and the facts about the file."""
    ours = {name for table in tables for name in (table.name, f"{table.name}_history")} | {"log", "meta"}
    found: Any = connection.execute("SELECT name FROM away.sqlite_schema WHERE type = 'table'").fetchall()
    for (name,) in found:
        if name not in ours and not name.startswith("sqlite_"):
            yield name


def copy_rows(connection: apsw.Connection, name: str) -> None:
    """All rows of a table from `home`, under their own rowid where it has one."""
    columns = ", ".join(_columns(connection, "home", name))
    connection.execute(f"INSERT INTO main.{name}({columns}) SELECT {columns} FROM home.{name}")


def merge_rows(connection: apsw.Connection, name: str) -> None:
    columns = _columns(connection, "away", name)
    _replace(connection, name, columns, f"SELECT {', '.join(columns)} FROM away.{name}")


def _replace(connection: apsw.Connection, name: str, columns: tuple[str, ...], theirs: str) -> None:
    """Make the rows of a table equal to those that `theirs` selects; what is equal is not written."""
    ours = f"SELECT {', '.join(columns)} FROM main.{name}"
    key = ("rowid",) if columns[0] == "rowid" else _primary(connection, name)
    differing = f"SELECT {', '.join(key)} FROM ({ours} EXCEPT {theirs})"
    connection.execute(f"DELETE FROM main.{name} WHERE ({', '.join(key)}) IN ({differing})")
    connection.execute(f"INSERT INTO main.{name}({', '.join(columns)}) {theirs} EXCEPT {ours}")


def _columns(connection: apsw.Connection, schema: str, name: str) -> tuple[str, ...]:
    info: Any = connection.execute(f"PRAGMA {schema}.table_info({name})").fetchall()
    bare: Any = connection.execute(f"SELECT wr FROM pragma_table_list('{name}') WHERE schema = '{schema}'").fetchall()
    names = tuple(str(row[1]) for row in info)
    return names if bare[0][0] else ("rowid", *names)


def _primary(connection: apsw.Connection, name: str) -> tuple[str, ...]:
    info: Any = connection.execute(f"PRAGMA main.table_info({name})").fetchall()
    return tuple(str(row[1]) for row in sorted((row for row in info if row[5]), key=lambda row: row[5]))



