"""What a file must be before it is used: ours, of a version we know, with the tables of the model as it is now.

Two things change with time. The layout of our own tables and of the history has a number (VERSION, in the file's header) and a
step written by hand for each number. The fields of the nouns come from the model: columns and indexes that are missing are
added, at every opening at which the model is not the one the file was last opened with.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Callable, Collection, Mapping
from typing import Final

import apsw

from holdfast.errors import Corrupt, NotSupported
from holdfast.model.field import Table

from . import meta
from .faults import DAMAGED_HINT, fault
from .schema import COMMON, JOURNAL, TREE, column_ddl, history_indexes, indexes, statistics, table_ddl
from .views import views

__all__ = ["APPLICATION", "MIGRATIONS", "VERSION", "adapt", "believe", "examine", "is_current", "upgrade"]

APPLICATION: Final = 0x48464442
""""HFDB" in the file's header: what tells our files from other people's."""
VERSION: Final = 4

Migration = Callable[[apsw.Connection], None]
_OPEN_INTENTS: Final = """INSERT INTO open_intents SELECT revision FROM log WHERE kind = 'intent'
    AND json_extract(details, '$.result') IS NULL
    AND revision NOT IN (SELECT json_extract(details, '$.intent') FROM log WHERE kind = 'result')"""
MIGRATIONS: Final[dict[int, Migration]] = {
    1: lambda connection: _run(connection, TREE),
    2: lambda connection: _run(connection, (*JOURNAL, _OPEN_INTENTS)),
    3: lambda connection: _run(connection, ("DROP INDEX IF EXISTS log_time",)),
}
"""Version → what makes the next one of it. Each runs inside the opening transaction."""


def examine(connection: apsw.Connection, path: str, version: int = VERSION, schema: str = "main") -> int:
    """The version of the file, 0 if there is nothing in it. Reads only. schema: where on the connection the file is.

    Raises: Corrupt - damaged, or not ours;  NotSupported - written by a newer Holdfast.
    """
    try:
        application = connection.pragma("application_id", schema=schema)
        found = int(connection.pragma("user_version", schema=schema))
        empty = not connection.execute(f"SELECT count(*) FROM {schema}.sqlite_schema").fetchall()[0][0]
    except apsw.Error as error:
        raise fault(error, path) from error
    if empty and not application:
        return 0
    if application != APPLICATION or found < 1:
        raise Corrupt(f"database {path}: an SQLite file, but not one of Holdfast", hint="choose another file; this one is not touched")
    if found > version:
        sentence = f"database {path}: written by a newer Holdfast (schema {found}), this one knows schemas up to {version}"
        raise NotSupported(sentence, hint="use the newer version, or another file; this one is not touched", schema=found)
    return found


def upgrade(
    connection: apsw.Connection, path: str, found: int, version: int = VERSION, migrations: Mapping[int, Migration] = MIGRATIONS
) -> None:
    """Bring the layout from one version to another; within a transaction. Raises: NotSupported - a step is missing."""
    if found == version:
        return
    if not found:
        _run(connection, (*COMMON, *TREE, *JOURNAL))
        meta.write(connection, "id", str(uuid.uuid4()))
        meta.write(connection, "created_ns", time.time_ns())
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        found = version
    while found < version:
        step = migrations.get(found)
        if step is None:
            sentence = f"database {path}: schema {found} is too old for this Holdfast, which knows {version}"
            raise NotSupported(sentence, hint="open it once with a version between, or choose another file", schema=found)
        step(connection)
        found += 1
    connection.execute(f"PRAGMA user_version = {version}")


def _run(connection: apsw.Connection, statements: Collection[str]) -> None:
    connection.execute("; ".join(statements))


def adapt(connection: apsw.Connection, path: str, tables: Collection[Table], revision: int) -> bool:
    """Make the tables those of the model; within a transaction. Says whether anything had to be done.

    Columns that the model no longer has stay, empty from now on. Rows of a table whose key is another one now end at
    `revision`: they may be double under the new key, and their sources tell them anew.
    Raises: Corrupt - the file lacks what it must have.
    """
    believed = list(statistics(tables))
    print_now = _fingerprint(tables)
    if meta.read(connection, "model") == print_now:
        return False
    there = {str(name): str(ddl) for name, ddl in connection.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL")}
    for (view,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'view'").fetchall():
        connection.execute(f"DROP VIEW {view}")
    for table in tables:
        if table.name not in there:
            for ddl in table_ddl(table):
                connection.execute(ddl)
        else:
            if f"{table.name}_history" not in there:
                raise Corrupt(f"database {path}: {table.name} has no history table", hint=DAMAGED_HINT)
            _grow(connection, table, there, revision)
    for _, ddl in views(tables):
        connection.execute(ddl)
    believe(connection, believed)
    meta.write(connection, "model", print_now)
    return True


def is_current(connection: apsw.Connection, tables: Collection[Table]) -> bool:
    """Was the file last opened with exactly these tables?"""
    return bool(meta.read(connection, "model") == _fingerprint(tables))


def _fingerprint(tables: Collection[Table]) -> str:
    plan = [ddl for table in tables for ddl in table_ddl(table)] + [ddl for _, ddl in views(tables)]
    return hashlib.sha256(repr((plan, list(statistics(tables)))).encode()).hexdigest()


def _grow(connection: apsw.Connection, table: Table, there: Mapping[str, str], revision: int) -> None:
    for name in (table.name, f"{table.name}_history"):
        known = {row[1] for row in connection.execute(f"PRAGMA table_info({name})")}
        for field in table.fields:
            if field.name not in known:
                connection.execute(f"ALTER TABLE {name} ADD COLUMN {column_ddl(field)}")
    wanted = indexes(table) | history_indexes(table)
    key = f"{table.name}_key"
    if there.get(key) != wanted[key]:
        columns = ", ".join(("target", *table.columns, "since"))
        connection.execute(f"INSERT INTO {table.name}_history({columns}, until) SELECT {columns}, ? FROM {table.name}", (revision,))
        connection.execute(f"DELETE FROM {table.name}")
    for index, ddl in there.items():
        if _is_index_of(table, index, ddl) and ddl != wanted.get(index):
            connection.execute(f"DROP INDEX {index}")
    for index, ddl in wanted.items():
        if there.get(index) != ddl:
            connection.execute(ddl)


def _is_index_of(table: Table, name: str, ddl: str) -> bool:
    known = ddl.startswith((f"CREATE INDEX {name} ON {table.name}(", f"CREATE INDEX {name} ON {table.name}_history("))
    return known or ddl.startswith(f"CREATE UNIQUE INDEX {name} ON {table.name}(")


def believe(connection: apsw.Connection, rows: Collection[tuple[str, str, str]]) -> None:
    """Give the planner these statistics, whatever the tables hold."""
    connection.execute("ANALYZE meta")  # makes the tables of statistics
    for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE name LIKE 'sqlite_stat%' AND type = 'table'").fetchall():
        connection.execute(f"DELETE FROM {name}")
    connection.executemany("INSERT INTO sqlite_stat1(tbl, idx, stat) VALUES (?, ?, ?)", rows)
    connection.execute("ANALYZE sqlite_schema")  # and this reads them
