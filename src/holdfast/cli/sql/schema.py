"""What a statement can name, read once from the database that will answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from holdfast.cli.asking.reading import Reading
from holdfast.model import TABLES
from holdfast.model.links import KINDS

__all__ = ["KEYWORDS", "Column", "Schema", "read_schema"]

KEYWORDS: Final = (
    "AND", "AS", "ASC", "BETWEEN", "BY", "CASE", "CAST", "COLLATE", "CROSS", "DESC", "DISTINCT", "ELSE", "END", "EXCEPT", "EXISTS",
    "EXPLAIN QUERY PLAN", "FILTER", "FROM", "GLOB", "GROUP BY", "HAVING", "IN", "INNER", "INTERSECT", "IS", "JOIN", "LEFT", "LIKE",
    "LIMIT", "MATERIALIZED", "NATURAL", "NOT", "NULL", "OFFSET", "ON", "OR", "ORDER BY", "OUTER", "OVER", "PARTITION BY", "RECURSIVE",
    "SELECT", "THEN", "UNION", "UNION ALL", "USING", "VALUES", "WHEN", "WHERE", "WINDOW", "WITH",
)  # fmt: skip
_OURS: Final = {"log": "Revisions: when each was, and why.", "route_hops": "A row for each way out of a route."}


class Column(NamedTuple):
    name: str
    type: str
    doc: str


@dataclass(frozen=True, slots=True)
class Schema:
    """`tables`: tables and views with their columns. `kinds`: `table` or `view` of each. `docs`: what each holds."""

    tables: Mapping[str, tuple[Column, ...]]
    kinds: Mapping[str, str]
    docs: Mapping[str, str]
    functions: tuple[str, ...]


def read_schema(reading: Reading) -> Schema:
    named = reading.fetch("SELECT name, type FROM pragma_table_list WHERE schema = 'main' ORDER BY name")
    kinds = {str(name): str(kind) for name, kind in named if _is_shown(str(name))}
    columns = {name: _columns(reading, name) for name in kinds}
    # SQLite's operators and internal functions are listed among its functions, too
    functions = [str(row[0]) for row in reading.fetch("SELECT DISTINCT name FROM pragma_function_list ORDER BY name")]
    wanted = tuple(name for name in functions if name.replace("_", "").isalnum() and not name.startswith(("sqlite_", "fts", "rtree")))
    return Schema(columns, kinds, {name: _doc(name) for name in kinds}, wanted)


def _is_shown(name: str) -> bool:
    """Live tables, their past, and the views of them; not what the database keeps for itself."""
    return name in _OURS or name.removesuffix("_history") in TABLES or name.removeprefix("interfaces_") in KINDS


def _columns(reading: Reading, table: str) -> tuple[Column, ...]:
    rows = reading.fetch("SELECT name, type FROM pragma_table_xinfo(?) WHERE hidden IN (0, 2, 3)", (table,))
    docs = _field_docs(table)
    return tuple(Column(str(name), str(kind or ""), docs.get(str(name), "")) for name, kind in rows)


def _field_docs(table: str) -> dict[str, str]:
    base = TABLES.get(table.removesuffix("_history")) or TABLES.get(table.split("_")[0])
    docs = {"target": "the source that the row is from", "since": "revision of the row's last change", "until": "revision of its end"}
    for field in base.fields if base else ():
        docs[field.name] = field.doc + (f", {field.unit}" if field.unit and field.unit not in field.doc else "")
    kind = KINDS.get(table.removeprefix("interfaces_"))
    for field in kind.data if kind else ():
        docs[field.name] = field.doc
    return docs


def _doc(name: str) -> str:
    if name in TABLES:
        return TABLES[name].doc
    if name in _OURS:
        return _OURS[name]
    if (base := name.removesuffix("_history")) in TABLES and base != name:
        return f"What was: {TABLES[base].doc}"
    kind = KINDS.get(name.removeprefix("interfaces_"))
    return kind.doc if kind else ""
