"""What begins with a dot: about the tables, and how answers are printed."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from fnmatch import fnmatchcase
from io import StringIO
from typing import Final

from holdfast.cli.presentation.layout import Column, terminal_width, wrapped, write_table
from holdfast.cli.presentation.style import Style
from holdfast.errors import InvalidValue, NotFound, UnknownName, did_you_mean

from .schema import Schema

__all__ = ["MODES", "ROWS", "Settings", "obey"]

MODES: Final = ("table", "json", "csv")
ROWS: Final = 500
"""Rows that are shown of an answer."""
_HELP: Final = (
    (".tables [PATTERN]", "tables and views; `.tables inter*` some of them"),
    (".schema TABLE", "its columns, and what they hold"),
    (".mode table|json|csv", "how answers are printed"),
    (".rows N", f"show at most so many rows of an answer ({ROWS}); 0: all"),
    (".help", "this"),
    (".quit", "leave; Ctrl-D does, too"),
)


@dataclass(slots=True)
class Settings:
    """`mode`: one of MODES. `rows`: shown of an answer, 0: all."""

    mode: str = "table"
    rows: int = ROWS


def obey(line: str, settings: Settings, schema: Schema, style: Style) -> str | None:
    """What the command has to say, its newline included; None: leave.

    Raises: UnknownName, InvalidValue, NotFound - the command, its argument, the table.
    """
    word, _, argument = line.strip().rstrip(";").partition(" ")
    argument = argument.strip()
    if word in (".quit", ".exit", ".q"):
        return None
    if word == ".help":
        return _help(style)
    if word == ".tables":
        return _tables(argument, schema, style)
    if word == ".schema":
        return _schema(argument, schema, style)
    if word == ".mode":
        return _mode(argument, settings)
    if word == ".rows":
        return _rows(argument, settings)
    raise UnknownName(f"there is no command `{word}`", hint="`.help` lists them")


def _help(style: Style) -> str:
    lines = [f"  {style('title', f'{command:21}')}  {what}" for command, what in _HELP]
    keys = "A statement ends with a semicolon. Tab completes, Up goes back, Ctrl-R searches; Ctrl-C drops a line or ends a query."
    return "\n".join([*lines, style("dim", keys)]) + "\n"


def _tables(pattern: str, schema: Schema, style: Style) -> str:
    """Without a pattern each view is a word only, and no past is listed: there are many of both."""
    names = [name for name in schema.tables if fnmatchcase(name, pattern or "*")]
    if not names:
        raise NotFound(f"no table matches `{pattern}`", hint="`.tables` lists them")
    if pattern:
        return _lines([(name, schema.kinds[name], schema.docs[name]) for name in names], style)
    tables = [name for name in names if schema.kinds[name] == "table" and not name.endswith("_history")]
    views = wrapped([name for name in names if schema.kinds[name] == "view"], "  ", terminal_width(sys.stdout) or 100, style)
    past = style("dim", "What was before is in TABLE_history.\n")
    return _lines([(name, "", schema.docs[name]) for name in tables], style) + f"Views:\n{views}{past}"


def _schema(table: str, schema: Schema, style: Style) -> str:
    found = schema.tables.get(table.lower())
    if found is None:
        hint = did_you_mean(table, schema.tables, otherwise="`.tables` lists them")
        raise NotFound(f"there is no table `{table}`" if table else "expected a table behind `.schema`", hint=hint)
    return _lines([(one.name, one.type, one.doc) for one in found], style)


def _lines(rows: list[tuple[str, str, str]], style: Style) -> str:
    """Name, kind and text, in columns; the text is cut to the terminal."""
    out = StringIO()
    names, kinds, docs = zip(*rows, strict=True)
    columns = [Column("", names, role="ifname"), Column("", kinds), Column("", docs, role="dim", elastic=True)]
    write_table(columns, out, style, width=terminal_width(sys.stdout), heading=False)
    return out.getvalue()


def _mode(argument: str, settings: Settings) -> str:
    if argument and argument not in MODES:
        raise InvalidValue(f"expected {', '.join(MODES[:-1])} or {MODES[-1]}, got `{argument}` – at `.mode`")
    settings.mode = argument or settings.mode
    return "" if argument else f"{settings.mode}\n"


def _rows(argument: str, settings: Settings) -> str:
    if argument and not argument.isdecimal():
        raise InvalidValue(f"expected a number, got `{argument}` – at `.rows`")
    settings.rows = int(argument) if argument else settings.rows
    return "" if argument else f"{settings.rows}\n"
