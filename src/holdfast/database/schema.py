"""DDL from the model: for every table its live rows, its history, and the indexes that the usual questions need.

    routes(target, <fields>, since)                 routes_history(target, <fields>, since, until)
    routes_key     one row per key                  routes_history_until  what ended after a revision; rows at a revision
    routes_since   what changed after a revision;   routes_history_since  what began
                   rows of one target               routes_history_key    the life of one object
    routes_by_…    the model's own indexes

A row in the history was there from revision `since` until the moment before revision `until`.

No column is NOT NULL, though fields with a default never hold NULL: the statements see to that (`ifnull`). With a constraint
that can abort, SQLite copies every page that a statement is about to touch, as soon as triggers are in play: 18 µs per new
row instead of 6 (measured with 3.54).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from holdfast.model.field import Field, Table

__all__ = [
    "COMMON", "JOURNAL", "TREE", "column_ddl", "history_indexes", "indexes", "key_terms", "literal", "sentinel", "statistics", "table_ddl",
]  # fmt: skip

COMMON: Final = (
    "CREATE TABLE meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID",
    """CREATE TABLE log(revision INTEGER NOT NULL, n INTEGER NOT NULL, time_ns INTEGER NOT NULL, kind TEXT NOT NULL,
    target TEXT, author TEXT, message TEXT, details TEXT, PRIMARY KEY(revision, n)) WITHOUT ROWID""",
)
"""Tables beside the model's: facts about this file, and the log: who did what at which revision. Times are ns since 1970.

A time is found by halving the log (moments.py): an index of times would be one more page in every commit.
"""

TREE: Final = (
    """CREATE TABLE tree(path TEXT NOT NULL, since INTEGER NOT NULL, until INTEGER, value TEXT, owner TEXT, sum INTEGER NOT NULL,
    PRIMARY KEY(path, since)) WITHOUT ROWID""",
    "CREATE INDEX tree_until ON tree(until, path)",  # those that are there, in order; what ended after a revision
    "CREATE INDEX tree_since ON tree(since)",
    "CREATE TABLE tree_roots(root TEXT NOT NULL, revision INTEGER NOT NULL, PRIMARY KEY(root, revision)) WITHOUT ROWID",
    "CREATE TABLE tree_pruned(path TEXT PRIMARY KEY, revision INTEGER NOT NULL) WITHOUT ROWID",
    """CREATE TABLE tree_drafts(name TEXT PRIMARY KEY, base INTEGER NOT NULL, author TEXT, message TEXT, made_ns INTEGER NOT NULL,
    ttl_s REAL, ends_ns INTEGER) WITHOUT ROWID""",
    "CREATE TABLE tree_work(name TEXT NOT NULL, n INTEGER NOT NULL, operation TEXT, sum INTEGER, PRIMARY KEY(name, n)) WITHOUT ROWID",
    "CREATE TABLE tree_schemas(path TEXT PRIMARY KEY, schema TEXT NOT NULL) WITHOUT ROWID",
)
"""The versioned tree: what each column means stands in holdfast.tree.rows, .draft and .schema."""

JOURNAL: Final = ("CREATE TABLE open_intents(revision INTEGER PRIMARY KEY)",)
"""The lines of the log that tell of a transaction whose end no line tells: see holdfast.transactions.journal."""


def table_ddl(table: Table) -> Iterator[str]:
    """Everything of one table."""
    fields = ", ".join(column_ddl(field) for field in table.fields)
    yield f"CREATE TABLE {table.name}(target TEXT, {fields}, since INTEGER)"
    yield f"CREATE TABLE {table.name}_history(target TEXT, {fields}, since INTEGER, until INTEGER)"
    yield from indexes(table).values()
    yield from history_indexes(table).values()


def indexes(table: Table) -> dict[str, str]:
    """Name to DDL of the indexes of the live rows, in the order in which they are made."""
    name = table.name
    found = {f"{name}_key": f"CREATE UNIQUE INDEX {name}_key ON {name}({', '.join(key_terms(table))})"}
    # led by target, which two questions share: what changed (per target, of which there are few) and which rows a target has
    found[f"{name}_since"] = f"CREATE INDEX {name}_since ON {name}(target, since)"
    for columns in table.indexes:
        index = f"{name}_by_{'_'.join(columns)}"
        found[index] = f"CREATE INDEX {index} ON {name}({', '.join(columns)})"
    return found


def history_indexes(table: Table) -> dict[str, str]:
    """The same of the history."""
    history = f"{table.name}_history"
    # two columns of the key find one object well enough, and what happened to it comes in order
    first, *more = table.key
    columns = {"until": "until, since", "since": "since", "key": ", ".join((first, "target", *more[:1], "until"))}
    return {f"{history}_{name}": f"CREATE INDEX {history}_{name} ON {history}({of})" for name, of in columns.items()}


def key_terms(table: Table, prefix: str = "") -> list[str]:
    """What identifies a row, as index terms: the key in its order, target behind the first. NULL counts as a value of its own."""
    terms = [_key_term(table[name], f"{prefix}{name}") for name in table.key]
    return [terms[0], f"{prefix}target", *terms[1:]]


def _key_term(field: Field, column: str) -> str:
    return column if field.default is not None else f"coalesce({column}, {sentinel(field)})"


def sentinel(field: Field) -> str:
    """Stands for NULL in the key's index: a value that the field cannot have."""
    return "-1" if field.shape.sql == "INTEGER" else "''"


def literal(value: Any) -> str:
    """A default as SQL."""
    if value is None:
        return "NULL"
    if isinstance(value, int):
        return str(int(value))
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return "'" + text.replace("'", "''") + "'"


def column_ddl(field: Field) -> str:
    """A column. JSON is kept as text: the type JSON would have SQLite turn `5` into a number."""
    default = "" if field.default is None else f" DEFAULT {literal(field.default)}"
    kind = "TEXT" if field.json else field.shape.sql
    return f"{field.name} {kind}{default}"


def statistics(tables: Iterable[Table]) -> Iterator[tuple[str, str, str]]:
    """Rows of sqlite_stat1: what the planner is to believe of each index, whatever the tables hold now.

    Without them it takes every index for equally selective, and might read all rows of a target to find one interface.
    """
    for table in tables:
        yield table.name, f"{table.name}_key", " ".join(["1000000", "4", *["2"] * (len(table.key) - 1), "1"])
        yield table.name, f"{table.name}_since", "1000000 500000 50"
        for columns in table.indexes:
            yield table.name, f"{table.name}_by_{'_'.join(columns)}", "1000000 " + " ".join(["1000"] + ["100"] * (len(columns) - 1))
