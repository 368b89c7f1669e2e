"""`holdfast sql`: any query, as an aligned table, JSON or CSV."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final

import click

from holdfast.cli.asking.opening import open_query, open_reading
from holdfast.cli.declaring.command import Command, option
from holdfast.cli.declaring.options import Common, printing, reading
from holdfast.cli.presentation.layout import Column, fits, terminal_width, write_records, write_table
from holdfast.cli.presentation.rows import write_json
from holdfast.cli.presentation.style import style_for
from holdfast.errors import InvalidValue

__all__ = ["sql"]


@click.command(
    cls=Command,
    section="Look at the network",
    examples="""
        holdfast sql "SELECT ifname, mtu FROM interfaces WHERE state = 'up'"
        holdfast sql "SELECT ifname, local FROM addresses JOIN interfaces USING (target, ifindex)"
        holdfast sql "SELECT dst FROM routes WHERE ip_contains('10.0.0.0/8', dst)" --json
        holdfast sql "SELECT * FROM route_lookup('10.1.2.3')"
        holdfast sql --at "10 minutes ago" "SELECT count(*) FROM routes"
        holdfast sql --csv < report.sql > report.csv
    """,
)
@click.argument("query", metavar="[QUERY]", default="", help="One SELECT. Without it: standard input, or a prompt on a terminal.")
@option("--csv", "as_csv", is_flag=True, help="Print CSV with a heading.")
@option("--limit", "-l", metavar="N", type=int, default=0, help="At most so many rows.")
@option("--timeout", "timeout_s", metavar="SECONDS", type=float, default=60.0, help="Give up after so long (60); 0: never.")
@printing
@reading(target=False, at=True)
def sql(query: str, as_csv: bool, limit: int, timeout_s: float, **common: Any) -> None:
    """Ask anything in SQL, reading only.

    Tables are the nouns of `show`, columns their fields, with `target` (the source) and `since` (the revision of the last
    change); what was before is in TABLE_history, a table as it was is TABLE_at('14:03'). Columns with structure are JSON.
    There are functions for addresses: ip_contains, ip_network, ip_masklen, route_lookup …
    """
    run_sql(query, Common(**common), as_csv=as_csv, limit=limit, timeout_s=timeout_s)


_AT_ONCE: Final = 2000
"""Rows that are aligned together: the widths of the first ones are kept, and grow when a later one needs it."""


def run_sql(query: str, common: Common, *, as_csv: bool, limit: int, timeout_s: float) -> None:
    """Run the query given, the one on standard input, or those that are typed on a terminal.

    Raises: QueryError; InvalidValue - nothing was asked; what reading raises.
    """
    if common.json and as_csv:
        raise InvalidValue("expected one of `--json` and `--csv`, got both")
    form = "json" if common.json else "csv" if as_csv else "table"
    if not query and sys.stdin.isatty() and sys.stdout.isatty():
        _interactive(common, form, limit, timeout_s)
        return
    text = query or sys.stdin.read()
    if not text.strip():
        raise InvalidValue("expected a query, got nothing", hint='for example: holdfast sql "SELECT ifname, mtu FROM interfaces"')
    _answer(text, common, form, limit=limit, timeout_s=timeout_s)


def _answer(text: str, common: Common, form: str, *, limit: int, timeout_s: float) -> int:
    """Print the answer as `form`: table, json or csv; returns how many rows were printed."""
    with (
        open_query(common, text) as reading,
        reading.query(text, timeout_s=timeout_s or None, limit=limit or None) as result,
    ):
        rows = _Counted(result)
        if form == "json":
            write_json(sys.stdout, result.columns, rows, None)
        elif form == "csv":
            writer = csv.writer(sys.stdout, lineterminator="\n")
            writer.writerow(result.columns)
            writer.writerows([_plain(value) for value in row] for row in rows)
        else:
            _aligned(result.columns, rows, common)
        if result.truncated:
            sys.stdout.flush()
            print(f"holdfast: there are more than {limit} rows", file=sys.stderr)
        return rows.count


class _Counted:
    """Rows that are counted as they pass."""

    def __init__(self, rows: Iterator[Sequence[Any]]) -> None:
        self._rows = rows
        self.count = 0

    def __iter__(self) -> Iterator[Sequence[Any]]:
        return self

    def __next__(self) -> Sequence[Any]:
        row = next(self._rows)
        self.count += 1
        return row


def _plain(value: Any) -> Any:
    return value.hex() if isinstance(value, bytes) else value


def _aligned(names: Sequence[str], rows: Iterator[Sequence[Any]], common: Common) -> None:
    """A table; where one line has no room for a row, records one below the other."""
    style, width = style_for(sys.stdout, common.colour), None if common.wide else terminal_width(sys.stdout)
    widths = [0] * len(names)
    first, cut, number = True, False, 0
    while (block := list(islice(rows, _AT_ONCE))) or first:
        columns = [
            _column(name, cells) for name, cells in zip(names, zip(*block, strict=True) if block else [()] * len(names), strict=True)
        ]
        if width is not None and (number or not fits(columns, width)):
            write_records(columns, sys.stdout, style, width=width, first=number + 1)
            number += len(block)
            first = False
            continue
        for column, known in zip(columns, widths, strict=True):
            column.width = max(known, column.width)
        cut |= write_table(columns, sys.stdout, style, width=width, heading=first)
        widths = [column.width for column in columns]
        first = False
    if cut and sys.stdout.isatty():
        sys.stdout.flush()
        print(style_for(sys.stderr)("dim", "(some cells are cut to the terminal's width: --wide shows them whole)"), file=sys.stderr)


def _column(name: str, values: Sequence[Any]) -> Column:
    numbers = all(value is None or isinstance(value, int | float) for value in values) and any(value is not None for value in values)
    return Column(name, ["" if value is None else str(_plain(value)) for value in values], right=numbers, elastic=True, keep=True)


def _interactive(common: Common, form: str, limit: int, timeout_s: float) -> None:
    """Statements from a person, one after another. Each one reads anew."""
    from holdfast.cli.sql.commands import ROWS, Settings
    from holdfast.cli.sql.prompt import run_prompt
    from holdfast.cli.sql.schema import read_schema

    with open_reading(common, ()) as reading:
        schema = read_schema(reading)

    def answer(text: str, settings: Settings) -> int:
        return _answer(text, common, settings.mode, limit=settings.rows, timeout_s=timeout_s)

    run_prompt(answer, schema, Settings(form, limit or ROWS), style_for(sys.stdout, common.colour))
