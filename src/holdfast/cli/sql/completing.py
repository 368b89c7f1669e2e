"""What could follow what was typed. Pure: text and a schema in, words out.

Tables behind FROM and JOIN; else the columns of the tables that the statement names, wherever it names them, then functions
and keywords. Behind `alias.` the columns of that table only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from .schema import KEYWORDS, Schema

__all__ = ["Offer", "offers"]

_WORD: Final = re.compile(r"[\w.]*$")
_NO_ALIAS: Final = "ON|USING|WHERE|JOIN|LEFT|INNER|CROSS|NATURAL|GROUP|ORDER|LIMIT|UNION|EXCEPT|INTERSECT"
_ALIASED: Final = rf"(\w+)(?:\s+(?:AS\s+)?(?!(?:{_NO_ALIAS})\b)(\w+))?"
_NAMED: Final = re.compile(rf"(?:\b(?:FROM|JOIN)\s+|,\s*){_ALIASED}", re.IGNORECASE)
_TABLE_NEXT: Final = re.compile(r"\b(?:FROM|JOIN)\s+(?:\w+(?:\s+(?:AS\s+)?\w+)?\s*,\s*)*\w*$", re.IGNORECASE)
_STRING: Final = re.compile(r"'(?:[^']|'')*'")
_DOTTED: Final = (".tables", ".schema", ".mode", ".rows", ".help", ".quit")


class Offer(NamedTuple):
    """`word` replaces the last `length` characters before the cursor."""

    word: str
    length: int
    kind: str
    doc: str = ""


def offers(before: str, after: str, schema: Schema) -> list[Offer]:
    """Words for the place between the two texts."""
    if before.startswith("."):
        return list(_commands(before, schema))
    bare = _STRING.sub("''", before)
    if bare.count("'") % 2:
        return []
    begun = (_WORD.search(bare) or [""])[0]
    qualifier, dot, rest = begun.rpartition(".")
    tables = _tables(f"{bare}{after}", schema)
    if dot:
        columns = schema.tables.get(tables.get(qualifier.lower(), ""), ())
        return _starting(((one.name, one.type.lower() or "column", one.doc) for one in columns), rest)
    if _TABLE_NEXT.search(bare):
        return _starting(_table_offers(schema), begun)
    if not begun and bare.strip() and not bare.rstrip().endswith((",", "(", "=", "<", ">", "+", "-", "||")) and not tables:
        return _starting(((word, "keyword", "") for word in KEYWORDS), "")
    return _starting(_anything(tables, schema, begun), begun)


def _anything(tables: dict[str, str], schema: Schema, begun: str) -> Iterator[tuple[str, str, str]]:
    seen = set()
    for table in dict.fromkeys(tables.values()):
        for column in schema.tables[table]:
            if column.name not in seen:
                seen.add(column.name)
                yield column.name, table, column.doc
    if begun and not tables:  # people write the columns first
        yield from _all_columns(schema)
    upper = not begun or begun[0].isupper()
    yield from ((word if upper else word.lower(), "keyword", "") for word in KEYWORDS)
    if begun:
        yield from ((f"{name}(", "function", "") for name in schema.functions)
        yield from _table_offers(schema)


def _all_columns(schema: Schema) -> Iterator[tuple[str, str, str]]:
    """Of tables as they are now; the views of link kinds have those of `interfaces`, too."""
    owners: dict[str, list[str]] = {}
    for table, columns in schema.tables.items():
        if schema.kinds[table] == "table" and not table.endswith("_history"):
            for column in columns:
                owners.setdefault(column.name, []).append(table)
    yield from ((name, ", ".join(tables), "") for name, tables in owners.items())


def _table_offers(schema: Schema) -> Iterator[tuple[str, str, str]]:
    """Tables, then their views, then what was."""
    for name in sorted(schema.tables, key=lambda name: (name.endswith("_history"), schema.kinds[name] == "view", name)):
        yield name, schema.kinds[name], schema.docs[name]


def _tables(text: str, schema: Schema) -> dict[str, str]:
    """Names by which columns can be qualified → tables."""
    found = {}
    for match in _NAMED.finditer(text):
        name, alias = match.groups()
        if name.lower() in schema.tables:
            found[name.lower()] = name.lower()
            if alias:
                found[alias.lower()] = name.lower()
    return found


def _starting(words: Iterable[tuple[str, str, str]], begun: str) -> list[Offer]:
    low = begun.lower()
    return [Offer(word, len(begun), kind, doc) for word, kind, doc in words if word.lower().startswith(low)]


def _commands(before: str, schema: Schema) -> Iterator[Offer]:
    command, blank, rest = before.partition(" ")
    if not blank:
        yield from _starting(((word, "command", "") for word in _DOTTED), command)
    elif command in (".schema", ".tables"):
        yield from _starting(_table_offers(schema), rest)
    elif command == ".mode":
        yield from _starting(((word, "mode", "") for word in ("table", "json", "csv")), rest)
