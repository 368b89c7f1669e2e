"""docs/reference/tables.md, from the model: every table, field by field, and what each link kind adds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from holdfast.model import TABLES
from holdfast.model.field import Field, ListOf, Nest, Packed, Shape, Struct, Table
from holdfast.model.links import KINDS, LinkKind

PAGE = "docs/reference/tables.md"

HEAD = """<!-- made by scripts/generators/tables.py from src/holdfast/model; scripts/generate writes it anew -->

# Tables

Each table mirrors one kind of kernel object. Beside its own columns every table has:

- `target`: the name of the source that the row comes from; `localhost` unless you name others
- `since`: the revision of the row's last change

and each has a history table, `<table>_history`, with the rows that were: `since` and `until` are the revisions between which
they stood. Columns marked *volatile* move by themselves (ages, counters, states of probes): they are kept up to date, and make
neither history nor watch events. *Key* columns, with `target`, say which object a row is.

A column of type JSON is queried with SQLite's `->>`: `SELECT metrics ->> 'mtu' FROM routes`. Objects in Python know the names
in parentheses as well. `unknown` keeps what the kernel sent and this version has no name for.
"""


def files() -> dict[str, str]:
    return {PAGE: "\n".join([HEAD, *_contents(), *(line for table in TABLES.values() for line in _table(table)), *_kinds()])}


def _contents() -> Iterator[str]:
    yield "| table | holds |\n|---|---|"
    for table in TABLES.values():
        yield f"| [`{table.name}`](#{table.name}) | {_cell(table.doc)} |"
    yield ""


def _table(table: Table) -> Iterator[str]:
    yield f"## {table.name}\n\n{table.doc} `holdfast show {table.name}`\n"
    if table.aliases:
        yield f"Also called {_words(table.aliases)} in Python.\n"
    yield f"Key: {_words(table.key)}.\n"
    yield from _fields(table.fields, table.key)
    if table.silent:
        yield "Not kept, on purpose: " + "; ".join(f"`{name}` ({why})" for name, why in table.silent.items()) + ".\n"


def _kinds() -> Iterator[str]:
    yield "## Link kinds\n"
    yield (
        "What a kind of link adds to its row in `interfaces`: its own settings are in the JSON column `kind_data`, the settings of a\n"
        "port of such a link in `port_data`. The view `interfaces_<kind>` has the former as columns.\n"
    )
    for kind in KINDS.values():
        yield from _kind(kind)


def _kind(kind: LinkKind) -> Iterator[str]:
    yield f"### {kind.kind}\n\n{kind.doc}\n"
    if kind.data:
        yield from _fields(kind.data)
    if kind.port:
        yield "Of a port:\n"
        yield from _fields(kind.port)


def _fields(fields: Iterable[Field], key: tuple[str, ...] = ()) -> Iterator[str]:
    yield "| column | type | is |\n|---|---|---|"
    for path, field in _unfolded(fields, ""):
        name = f"`{path}`" + (f" ({_words(field.aliases)})" if field.aliases else "")
        yield f"| {name} | {_type(field.shape)} | {_cell(_meaning(field, key if path == field.name else ()))} |"
    yield ""


def _unfolded(fields: Iterable[Field], above: str) -> Iterator[tuple[str, Field]]:
    """The fields, each followed by those inside it: `metrics`, `metrics.mtu` …"""
    for field in fields:
        yield above + field.name, field
        inner, mark = field.shape, "."
        while isinstance(inner, ListOf):
            inner, mark = inner.item, "[]" + mark
        if isinstance(inner, Nest):
            yield from _unfolded(inner.fields, above + field.name + mark)


def _meaning(field: Field, key: tuple[str, ...]) -> str:
    marks = [
        *(["*key*"] if field.name in key else []),
        *(["*volatile*"] if field.volatile else []),
        *(["*secret: never stored*"] if field.secret else []),
    ]
    sentence = field.doc
    if field.unit and field.unit not in sentence:
        sentence += f" ({field.unit})"
    if field.names:
        sentence += f"; names: {field.names}"
    kernel = ", ".join(f"`{attr}`" for attr in field.attrs)
    return "; ".join(part for part in (*marks, sentence, kernel) if part)


def _type(shape: Shape) -> str:
    match shape:
        case Nest():
            return "JSON object"
        case Struct(members=members):
            return f"JSON object: {_words(members)}"
        case ListOf(item=item):
            return f"JSON array of {_type(item).removeprefix('JSON ')}"
        case Packed() if shape.sql == "JSON":
            return "JSON"
    return shape.sql


def _words(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
