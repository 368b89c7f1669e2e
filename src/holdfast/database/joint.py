"""Reading a database that has gone to memory (see refuge.py) together with its file, as if they were one.

In memory are all rows, and the last of history and log; the file has all that was up to the revision at which it could not be
written any more. On a reader's connection temporary views stand before the tables that are split:

    log, <table>_history   what is in the file up to that revision, what is in memory behind it
    meta                   that of memory; a history begins where it does in the file

If so much has happened in memory that history behind that revision had to go, the history of that table begins there, as in memory.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import apsw

from holdfast.model.field import Table

from .connections import attach_home

__all__ = ["Behind", "is_joint", "join", "without_hints"]

_HINT: Final = re.compile(r" INDEXED BY \w+_history_\w+")


@dataclass(frozen=True, slots=True)
class Behind:
    """The file behind a database in memory, and the last revision that is in it."""

    path: str
    revision: int


def join(connection: apsw.Connection, behind: Behind, tables: Collection[Table]) -> None:
    """Put the views before the tables of a connection that was opened with `uri`. Raises: apsw.Error - the file cannot be read.

    The `+` leaves the index to what is asked: of a log with a million lines a time is found in 0.2 ms instead of 1 s.
    """
    attach_home(connection, behind.path)
    last = behind.revision
    views = {"log": "revision", **{f"{table.name}_history": "until" for table in tables}}
    for name, place in views.items():
        columns = ", ".join(str(row[1]) for row in connection.execute(f"PRAGMA main.table_info({name})"))
        connection.execute(
            f"CREATE TEMP VIEW {name} AS SELECT {columns} FROM home.{name} WHERE +{place} <= {last} "
            f"UNION ALL SELECT {columns} FROM main.{name} WHERE +{place} > {last}"
        )
    begins = "coalesce((SELECT value FROM home.meta WHERE home.meta.name = here.name), 0)"
    early = f"here.name GLOB 'oldest_*' AND here.value <= {last}"
    connection.execute(f"CREATE TEMP VIEW meta AS SELECT name, CASE WHEN {early} THEN {begins} ELSE value END AS value FROM main.meta here")


def is_joint(connection: apsw.Connection) -> bool:
    return "home" in connection.db_names()


def without_hints(sql: str) -> str:
    """A view has no index that could be named: SQLite chooses in both halves."""
    return _HINT.sub("", sql)
