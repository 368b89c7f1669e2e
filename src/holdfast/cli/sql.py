"""`holdfast sql`: any query, as an aligned table, JSON or CSV."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from holdfast.errors import HoldfastError, InvalidValue

from .layout import Column, terminal_width, write_table
from .options import Common
from .reading import mentioned, open_reading
from .rows import write_json
from .style import Style, style_for

if TYPE_CHECKING:
    from holdfast.database.home import Result

__all__ = ["run_sql"]

_AT_ONCE: Final = 2000
"""Rows that are aligned together: the widths of the first ones are kept, and grow when a later one needs it."""


def run_sql(query: str, common: Common, *, as_csv: bool, limit: int, timeout_s: float) -> None:
    """Run the query given, the one on standard input, or those that are typed on a terminal.

    Raises: QueryError; InvalidValue - nothing was asked; what reading raises.
    """
    if common.json and as_csv:
        raise InvalidValue("expected one of `--json` and `--csv`, got both")
    if not query and sys.stdin.isatty():
        _interactive(common, limit, timeout_s)
        return
    text = query or sys.stdin.read()
    if not text.strip():
        raise InvalidValue("expected a query, got nothing", hint='for example: holdfast sql "SELECT ifname, mtu FROM interfaces"')
    _answer(text, common, as_csv=as_csv, limit=limit, timeout_s=timeout_s)


def _answer(text: str, common: Common, *, as_csv: bool, limit: int, timeout_s: float) -> None:
    with (
        open_reading(common, mentioned(text)) as reading,
        reading.database.query(text, timeout_s=timeout_s or None, limit=limit or None) as result,
    ):
        if common.json:
            write_json(sys.stdout, result.columns, result, None)
        elif as_csv:
            writer = csv.writer(sys.stdout, lineterminator="\n")
            writer.writerow(result.columns)
            writer.writerows([_plain(value) for value in row] for row in result)
        else:
            _aligned(result, common)
        if result.truncated:
            print(f"holdfast: there are more than {limit} rows", file=sys.stderr)


def _plain(value: Any) -> Any:
    return value.hex() if isinstance(value, bytes) else value


def _aligned(result: Result, common: Common) -> None:
    style, width = style_for(sys.stdout, common.colour), None if common.wide else terminal_width(sys.stdout)
    widths = [0] * len(result.columns)
    first, cut = True, False
    while (rows := list(islice(result, _AT_ONCE))) or first:
        columns = [
            _column(name, cells)
            for name, cells in zip(result.columns, zip(*rows, strict=True) if rows else [()] * len(widths), strict=True)
        ]
        for column, known in zip(columns, widths, strict=True):
            column.width = known
        cut |= write_table(columns, sys.stdout, style, width=width, heading=first)
        widths = [column.width for column in columns]
        first = False
    if cut and sys.stdout.isatty():
        sys.stdout.flush()
        print(style_for(sys.stderr)("dim", "(some cells are cut to the terminal's width: --wide shows them whole)"), file=sys.stderr)


def _column(name: str, values: Sequence[Any]) -> Column:
    numbers = all(value is None or isinstance(value, int | float) for value in values) and any(value is not None for value in values)
    return Column(name, ["" if value is None else str(_plain(value)) for value in values], right=numbers, elastic=True, keep=True)


def _interactive(common: Common, limit: int, timeout_s: float) -> None:
    """Queries from a person, each up to its semicolon, until Ctrl-D. Each one reads anew."""
    from prompt_toolkit import PromptSession

    style: Style = style_for(sys.stderr, common.colour)
    print(style("dim", "queries end with a semicolon; Ctrl-C drops one, Ctrl-D leaves"), file=sys.stderr)
    session: PromptSession[str] = PromptSession()
    pending = ""
    while True:
        try:
            line = session.prompt("holdfast> " if not pending else "     ...> ")
        except KeyboardInterrupt:
            pending = ""
            continue
        except EOFError:
            return
        pending = f"{pending}\n{line}".strip()
        if not pending.endswith(";"):
            continue
        text, pending = pending, ""
        try:
            _answer(text, common, as_csv=False, limit=limit, timeout_s=timeout_s)
        except HoldfastError as error:
            print(f"{style('bad', 'error:')} {error}", file=sys.stderr)
        except KeyboardInterrupt:
            print(style("dim", "stopped"), file=sys.stderr)
