"""What a declaration must keep to, so that everything else can be derived from it.

`check(table)` lists what is wrong: words that SQL reserves, names given twice, keys and indexes over fields that do not exist,
types that a column cannot hold. The tests call it for every table; nothing at run time does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from .field import BE64, U64, Field, ListOf, Nest, Shape, Struct, Table

__all__ = ["RESERVED", "check", "check_fields"]

OURS: Final = frozenset({"target", "since", "until"})
"""Columns that every table has beside its fields."""

_SQLITE: Final = """add all alter and as autoincrement between case check collate commit constraint create default deferrable delete
    distinct drop else escape except exists foreign from group having if in index insert intersect into is isnull join limit not
    nothing notnull null on or order primary references returning select set table then to transaction union unique update
    using values when where"""
"""Keywords that cannot stand as a column's name without quotes."""

_POSTGRESQL: Final = """all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate
    collation column concurrently constraint create cross current_catalog current_date current_role current_schema current_time
    current_timestamp current_user default deferrable desc distinct do else end except false fetch for foreign freeze from full
    grant group having ilike in initially inner intersect into is isnull join lateral leading left like limit localtime
    localtimestamp natural not notnull null offset on only or order outer overlaps placing primary references returning right
    select session_user similar some symmetric system_user table tablesample then to trailing true union unique user using
    variadic verbose when where window with"""
"""Reserved, those included that may name functions or types."""

RESERVED: Final = OURS | {"rowid", "oid"} | frozenset(f"{_SQLITE} {_POSTGRESQL}".split())


def check(table: Table) -> list[str]:
    """Everything that is wrong with a table's declaration, one sentence each; empty when it is right."""
    return list(_table(table))


def check_fields(fields: tuple[Field, ...], where: str, *, json: bool = False) -> list[str]:
    """The same for fields alone. `json`: they stand inside a JSON column; their names are columns of a view nevertheless."""
    return list(_fields(fields, where, True, json))


def _table(table: Table) -> Iterator[str]:
    yield from _fields(table.fields, table.name, True, False)
    names = set(table.columns)
    for name in (table.name, *table.aliases):
        if name in RESERVED:
            yield f"{name} is a reserved word"
    if not table.key:
        yield f"{table.name} has no key"
    for what, columns in (("key", table.key), *(("index", one) for one in table.indexes)):
        for name in columns:
            if name not in names:
                yield f"{what} of {table.name} has {name}, which is no field"
            elif what == "key" and table[name].volatile:
                yield f"key of {table.name} has {name}, which is volatile"
        if len(set(columns)) != len(columns):
            yield f"{what} of {table.name} has a field twice"
    if table.message and table.columns[-1:] != ("unknown",):
        yield f"{table.name} does not end with the field unknown"


def _fields(fields: tuple[Field, ...], where: str, columns: bool, json: bool) -> Iterator[str]:
    seen: set[str] = set()
    names = {field.name for field in fields}
    for field in fields:
        place = f"{where}.{field.name}"
        for name in (field.name, *field.aliases):
            if name in seen:
                yield f"{place}: {name} is given twice"
            seen.add(name)
        if columns and field.name in RESERVED:
            yield f"{place}: {field.name} is a reserved word"
        if not field.name.isidentifier() or field.name != field.name.lower():
            yield f"{place}: not a lower-case identifier"
        if not json and field.shape in (U64, BE64):
            yield f"{place}: 64 bits without sign do not fit a column"
        if field.secret and field.attrs:
            yield f"{place}: a secret must not be stored"
        if not field.doc:
            yield f"{place}: has no doc"
        if field.derive:
            sources = field.derive[0]
            for name in (sources,) if isinstance(sources, str) else sources:
                if name not in names:
                    yield f"{place}: derived from {name}, which is no field"
            if field.attrs:
                yield f"{place}: derived, and read from {field.attrs[0]} as well"
        yield from _shape(field.shape, place)


def _shape(shape: Shape, place: str) -> Iterator[str]:
    match shape:
        case Nest():
            yield from _fields(shape.fields, place, False, True)
        case ListOf():
            yield from _shape(shape.item, place)
        case Struct():
            if len(set(shape.members)) != len(shape.members):
                yield f"{place}: a member is given twice"
        case _:
            return
