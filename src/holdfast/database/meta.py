"""Facts about a database file, one row each in `meta`.

id          UUID of the database                    reserved    revisions up to this one may have been given
created_ns  when it was made                        clean       1: closed properly by the last that had it
boot_id     of the system that wrote it last        holes       runs of revisions that were told and lost, JSON
model       fingerprint of the DDL from the model   oldest_<table>  its history is whole after this revision
closed_ns   when it was closed, if that was proper;  gone while somebody has it
clock_back  revisions at which the clock had gone back, JSON
"""

from __future__ import annotations

from typing import Any

import apsw

__all__ = ["drop", "last_revision", "read", "write"]


def read(connection: apsw.Connection, name: str, default: Any = None) -> Any:
    found = connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return default if found is None else found[0]


def write(connection: apsw.Connection, name: str, value: Any) -> None:
    connection.execute("INSERT INTO meta(name, value) VALUES (?, ?) ON CONFLICT(name) DO UPDATE SET value = excluded.value", (name, value))


def drop(connection: apsw.Connection, name: str) -> None:
    connection.execute("DELETE FROM meta WHERE name = ?", (name,))


def last_revision(connection: apsw.Connection) -> int:
    """The last one that is in the file: every revision has a line in the log, in the transaction that made it."""
    found: Any = connection.execute("SELECT revision FROM log ORDER BY revision DESC LIMIT 1").fetchone()
    return int(found[0]) if found else 0
