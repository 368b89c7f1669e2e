"""Aligned columns, and lines that wrap under an indent.

Rows are handed over column by column, because most of the work (names for numbers, widths) is per column. A column
whose cells are all empty is left out unless it is kept. On a terminal, columns that may be cut are cut to its width.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TextIO

from .style import Style, plain, printable

__all__ = ["Column", "terminal_width", "wrapped", "write_table"]

GAP: Final = "  "
_LEAST: Final = 8  # no column is cut below this


@dataclass(slots=True)
class Column:
    """A heading and its cells. `elastic`: its cells may be cut to fit the terminal; `keep`: shown even if empty."""

    heading: str
    cells: Sequence[str]
    right: bool = False
    role: str = ""
    elastic: bool = False
    keep: bool = False
    width: int = 0

    def measure(self) -> None:
        self.cells = [text if text.isprintable() else printable(text) for text in self.cells]
        self.width = max(self.width, len(self.heading), max(map(len, self.cells), default=0))


def terminal_width(stream: TextIO) -> int | None:
    """Columns of the terminal behind the stream; None where there is none and nothing needs to be cut."""
    return shutil.get_terminal_size((80, 24)).columns if stream.isatty() else None


def write_table(
    columns: Sequence[Column],
    out: TextIO,
    style: Style,
    *,
    width: int | None = None,
    heading: bool = True,
    under: Callable[[int], str] | None = None,
) -> bool:
    """Write the table; True if cells had to be cut.

    width  cut elastic columns so that lines fit; None: never.
    under  text to write below a row (its own newline included), given the row's number.
    """
    for column in columns:
        column.measure()
    shown = [column for column in columns if column.keep or any(column.cells)]
    cut = width is not None and _squeeze(shown, width)
    if heading:
        out.write(_line([(c, c.heading) for c in shown], style, "heading") + "\n")
    write = out.write
    for number, line in enumerate(_lines(shown, style)):
        write(line)
        if under is not None:
            write(under(number))
    return cut


def _squeeze(columns: list[Column], width: int) -> bool:
    """Narrow the widest elastic columns until all fit, or nothing is left to narrow."""
    excess = sum(c.width for c in columns) + len(GAP) * (len(columns) - 1) - width
    elastic = [c for c in columns if c.elastic]
    cut = False
    while excess > 0:
        widest = max(elastic, key=lambda c: c.width, default=None)
        if widest is None or widest.width <= max(_LEAST, len(widest.heading)):
            break
        rest = max((c.width for c in elastic if c is not widest), default=0)
        step = min(excess, max(1, widest.width - max(rest, _LEAST, len(widest.heading))))
        widest.width -= step
        excess -= step
        cut = True
    for column in elastic if cut else ():
        column.cells = [text if len(text) <= column.width else text[: column.width - 1] + "…" for text in column.cells]
    return cut


def _lines(columns: list[Column], style: Style) -> Iterator[str]:
    if not columns:
        return
    if not style.colour:
        # One format string for all rows: a hundred thousand rows in a tenth of a second.
        parts = [f"{{:{'>' if c.right else '<'}{c.width}}}" for c in columns]
        form = GAP.join(parts).format
        for row in zip(*(c.cells for c in columns), strict=True):
            yield form(*row).rstrip() + "\n"
        return
    for row in zip(*(c.cells for c in columns), strict=True):
        yield _line(list(zip(columns, row, strict=True)), style) + "\n"


def _line(cells: list[tuple[Column, str]], style: Style, role: str = "") -> str:
    """Padding stands outside of the colour, so that trailing blanks can be dropped."""
    parts: list[str] = []
    pending = ""
    for column, text in cells:
        blanks = " " * (column.width - len(text))
        if column.right:
            pending += blanks
            blanks = ""
        if text:
            parts.append(pending + style(role or column.role, text))
            pending = ""
        pending += blanks + GAP
    return "".join(parts)


def wrapped(words: Iterable[str], indent: str, width: int | None, style: Style = plain) -> str:
    """Words joined by two blanks, in lines of at most `width`, each behind the indent. Empty for no words."""
    lines: list[str] = []
    line = ""
    for word in words:
        if line and width is not None and len(indent) + len(line) + 2 + len(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line}  {word}" if line else word
    if line:
        lines.append(line)
    return "".join(f"{indent}{style('dim', printable(line))}\n" for line in lines)
