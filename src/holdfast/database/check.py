"""Is a file whole, and is what it says possible?  Reading only; beside a running node, as of one revision.

    bytes      the seal, where there is one (see seal.py)
    structure  SQLite's own check of pages and indexes
    ours       identity, model, revisions reserved and lost, the log
    history    per table: no row begins in the future or ends before it begins, the lives of one object do not overlap, JSON is JSON

What layers above keep in the file they look at themselves, through the same connection (`further`; see holdfast.api.check).
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import apsw

from holdfast.errors import Corrupt, HoldfastError, NotFound
from holdfast.model import TABLES
from holdfast.model.field import Table
from holdfast.model.names import BUILTIN

from . import history, meta, migrate
from .connections import has_log
from .faults import DAMAGED_HINT, fault
from .lock import holder_of
from .reading import Connector
from .revisions import read_holes
from .schema import key_terms
from .seal import broken

__all__ = ["Finding", "Part", "check", "worst"]

Level = Literal["ok", "note", "problem"]

_MOST: Final = 100
_RESTORE: Final = "restore a backup (`holdfast restore`), or move the file away and start again: the live state is read anew"
_UNCLEAN: Final = "it was not closed properly, or is in use: SQLite's structure is checked, single values cannot be"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at and how it is. `about`: a word or two; `text`: what was found, where; `todo`: how to mend it, "" if nothing."""

    level: Level
    about: str
    text: str
    todo: str = ""

    def as_dict(self) -> dict[str, str]:
        """JSON values only."""
        shape = {"level": self.level, "about": self.about, "text": self.text}
        return shape | ({"todo": self.todo} if self.todo else {})


Part = Callable[[apsw.Connection], Iterator[Finding]]
"""Looks at a part of what is in the file."""


def check(path: str, further: Sequence[Part] = ()) -> list[Finding]:
    """Look at everything. What is wrong is in the findings; only a file that is not there, or not readable, is an error.

    Cost: some seconds per GB. Raises: NotFound, Denied, Unavailable;  NotSupported - of a newer version.
    """
    path = os.path.realpath(path)
    if not os.path.exists(path):
        raise NotFound(f"no database {path}")
    found = list(_bytes(path))
    damaged = any(one.level == "problem" for one in found)
    try:
        found += _inside(path, further)
    except (HoldfastError, apsw.Error) as error:
        mapped = fault(error, path) if isinstance(error, apsw.Error) else error
        # a damaged byte may pass for a newer version, or for what cannot be opened
        if not damaged and not isinstance(mapped, Corrupt):
            raise mapped from error
        found.append(_problem("structure", mapped.message))
    return found


def _problem(about: str, text: str, todo: str = _RESTORE) -> Finding:
    return Finding("problem", about, text, todo)


def _bytes(path: str) -> Iterator[Finding]:
    if has_log(path):
        yield Finding("note", "bytes", f"not compared with a seal: {_UNCLEAN}")
        return
    try:
        wrong = broken(path)
    except Corrupt as error:
        yield Finding("note", "bytes", f"{error.message}; values cannot be compared")
        return
    if wrong is None:
        held = holder_of(path + ".lock") is not None
        yield Finding("note", "bytes", "not compared with a seal: " + ("a node has the file open" if held else _UNCLEAN))
    elif wrong:
        yield _problem("bytes", wrong)
    else:
        yield Finding("ok", "bytes", "every byte is what was written when it was closed")


def _inside(path: str, further: Sequence[Part]) -> Iterator[Finding]:
    connection = _opened(path)
    try:
        migrate.examine(connection, path)
        connection.execute("BEGIN")
        yield from _structure(connection)
        for part in (_identity, _revisions, _model, *map(_rows_of, TABLES.values()), *further):
            yield from _guarded(part, connection)
    finally:
        connection.close(True)


def _opened(path: str) -> apsw.Connection:
    """Nothing is made beside a file that nobody uses."""
    still = holder_of(path + ".lock") is None and not has_log(path)
    try:
        connection = Connector(path, BUILTIN, tuple(TABLES.values()), immutable=still)()
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
    except (apsw.CantOpenError, apsw.ReadOnlyError):
        connection = Connector(path, BUILTIN, tuple(TABLES.values()), immutable=True)()
    return connection


def _guarded(part: Part, connection: apsw.Connection) -> Iterator[Finding]:
    """A page that cannot be read, or a value of an impossible kind, is a finding, not the end of looking."""
    try:
        yield from part(connection)
    except apsw.InterruptError:
        raise
    except (apsw.Error, ValueError, TypeError, OverflowError) as error:
        yield _problem("reading", f"{type(error).__name__}: {error}")


def _structure(connection: apsw.Connection) -> Iterator[Finding]:
    wrong = [str(row[0]) for row in connection.execute(f"PRAGMA integrity_check({_MOST})")]
    if wrong == ["ok"]:
        yield Finding("ok", "structure", "all pages and indexes agree")
    for text in wrong if wrong != ["ok"] else ():
        yield _problem("structure", text.replace("\n", "; "))


def _identity(connection: apsw.Connection) -> Iterator[Finding]:
    found = str(meta.read(connection, "id", ""))
    try:
        if str(uuid.UUID(found)) != found:
            raise ValueError
    except ValueError:
        yield _problem("identity", f"the database has no valid id: `{found}`")


def _revisions(connection: apsw.Connection) -> Iterator[Finding]:
    """Numbers: what is reserved, what is lost, and that the log goes on with growing revisions."""
    last = meta.last_revision(connection)
    reserved, clean = int(meta.read(connection, "reserved", 0)), int(meta.read(connection, "clean", 1))
    if reserved < last:
        yield _problem("revisions", f"revision {last} is in the log, but only {reserved} are reserved: numbers could be given twice")
    holes = read_holes(connection)
    for before, upto in holes:
        if not 0 <= before < upto <= reserved:
            yield _problem("revisions", f"an impossible run of lost revisions: {before + 1} to {upto} of {reserved}")
        elif inside := _one(connection, "SELECT count(*) FROM log WHERE revision > ? AND revision <= ?", (before, upto)):
            yield _problem("revisions", f"revisions {before + 1} to {upto} count as lost, but {inside} lines of the log are in them")
    if bad := _one(connection, "SELECT count(*) FROM log WHERE time_ns <= 0 OR kind = '' OR NOT json_valid(coalesce(details, '{}'))"):
        yield _problem("log", f"{bad} lines cannot be what was written")
    lost = f", {len(holes)} run{'s' if len(holes) > 1 else ''} of revisions lost by unclean stops" if holes else ""
    ended = "closed properly" if clean else "in use, or not closed properly"
    yield Finding("ok", "revisions", f"last {last}, reserved up to {reserved}{lost}; {ended}")


def _model(connection: apsw.Connection) -> Iterator[Finding]:
    there = {str(row[0]) for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    missing = [name for table in TABLES for name in (table, f"{table}_history") if name not in there]
    if len(missing) % 2:
        yield _problem("model", f"a table without its history, or the other way round: {', '.join(missing)} missing")
    elif migrate.is_current(connection, TABLES.values()):
        yield Finding("ok", "model", "tables and indexes are those of this version")
    else:
        yield Finding("note", "model", "tables are those of another version", "the next `holdfast run` brings them up to date")


def _rows_of(table: Table) -> Callable[[apsw.Connection], Iterator[Finding]]:
    def look(connection: apsw.Connection) -> Iterator[Finding]:
        there = {str(row[1]) for row in connection.execute(f"PRAGMA table_info({table.name}_history)")}
        if not there or not set(table.columns) <= there:
            return
        wrong = [f"{text}: {count}" for text, count in _faults(connection, table) if count]
        for text in wrong:
            yield _problem(table.name, text)
        if not wrong:
            rows, past = (_one(connection, f"SELECT count(*) FROM {name}") for name in (table.name, f"{table.name}_history"))
            yield Finding("ok", table.name, f"{rows} rows, {past} in the history")

    return look


def _faults(connection: apsw.Connection, table: Table) -> Iterator[tuple[str, int]]:
    """What must not be, and how often it is."""
    name, past = table.name, f"{table.name}_history"
    last, kept = meta.last_revision(connection), history.oldest(connection, name)
    if kept > last:
        yield f"its history is said to begin after revision {kept}, which is still to come", 1
    for which in (name, past):
        sql = f"SELECT count(*) FROM {which} WHERE target IS NULL OR typeof(since) <> 'integer' OR since < 1 OR since > ?"
        yield f"{which}: rows without a source, or that begin at no revision there was", _one(connection, sql, (last,))
        for field in table.fields:
            if field.json:
                sql = f"SELECT count(*) FROM {which} WHERE NOT json_valid({field.name})"
                yield f"{which}: {field.name} is not JSON", _one(connection, sql)
    sql = f"SELECT count(*) FROM {past} WHERE typeof(until) <> 'integer' OR until <= since OR until > ?"
    yield f"{past}: rows that end before they begin, or at no revision there was", _one(connection, sql, (last,))
    for which, column in ((name, "since"), (past, "until")):
        told = f"SELECT DISTINCT {column} AS r FROM {which} WHERE {column} > ?"
        sql = f"SELECT count(*) FROM ({told}) WHERE r NOT IN (SELECT revision FROM log)"
        yield f"{which}: revisions ({column}) without a line in the log", _one(connection, sql, (kept,))
    yield f"{past}: lives of one object that overlap", _one(connection, _overlaps(table))


def _overlaps(table: Table) -> str:
    key = ", ".join(f"{term} AS k{place}" for place, term in enumerate(key_terms(table)))
    places = ", ".join(f"k{place}" for place in range(len(table.key) + 1))
    return f"""
        WITH lives AS (
          SELECT {key}, since, until FROM {table.name}_history
          UNION ALL SELECT {key}, since, 9223372036854775807 FROM {table.name}),
        named AS (SELECT since, lag(until) OVER (PARTITION BY {places} ORDER BY since, until) AS before FROM lives)
        SELECT count(*) FROM named WHERE before > since"""


def _one(connection: apsw.Connection, sql: str, args: tuple[Any, ...] = ()) -> int:
    found: Any = connection.execute(sql, args).fetchall()
    return int(found[0][0])


def worst(findings: list[Finding]) -> HoldfastError | None:
    """The error to raise for a file that must be whole; None if nothing is wrong."""
    wrong = [one for one in findings if one.level == "problem"]
    if not wrong:
        return None
    more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
    return Corrupt(f"{wrong[0].about}: {wrong[0].text}{more}", hint=DAMAGED_HINT)

