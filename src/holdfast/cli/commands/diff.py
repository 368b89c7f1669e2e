"""`holdfast diff`: what is different between two points in time."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import click
import msgspec

from holdfast.cli.asking.past import open_past, spelling_of_all_times
from holdfast.cli.declaring import complete
from holdfast.cli.declaring.command import Command
from holdfast.cli.declaring.options import POINTS, Common, printing, reading
from holdfast.cli.language.filters import find_look
from holdfast.cli.language.looks import LOOKS
from holdfast.cli.presentation.rows import plain_values
from holdfast.cli.presentation.style import style_for
from holdfast.cli.presentation.telling import Teller
from holdfast.errors import InvalidValue

__all__ = ["diff"]


@click.command(
    cls=Command,
    section="Look at the network",
    examples="""
        holdfast diff "10 minutes ago"                     all tables, until now
        holdfast diff routes 14:03 14:10
        holdfast diff interfaces addresses 1200 1300
        holdfast diff routes 2026-11-20T14:03 --json
        holdfast diff nodes.r1 1200                        a path of the tree; `.` is all of it
    """,
    epilog=POINTS,
)
@click.argument(
    "words", metavar="[NOUN|PATH]... T1 [T2]", nargs=-1, shell_complete=complete.nouns_and_paths,
    help="Which tables or paths of the tree, from when, until when (now).",
)  # fmt: skip
@printing
@reading(target=True)
def diff(words: tuple[str, ...], **common: Any) -> None:
    """What is different between two points in time.

    A line per object: + new, - gone, ~ changed from → to. What was changed and changed back is no difference.
    """
    print_diff(words, Common(**common))


_HINT: Final = 'for example: holdfast diff routes "10 minutes ago", holdfast diff 14:03 14:10, holdfast diff interfaces 1200 1300'


def print_diff(words: Sequence[str], common: Common) -> None:
    """`[TABLE or PATH…] T1 [T2]`. Raises: InvalidValue, UnknownName - a word; Compacted; what opening raises."""
    from holdfast.cli.tree.past import print_path_diff
    from holdfast.cli.tree.paths import tree_path

    nouns, points = _parted(words)
    paths = [path for noun in nouns if (path := tree_path(noun)) is not None]
    tables = [noun for noun in nouns if tree_path(noun) is None]
    found = False
    for path in paths:
        found |= print_path_diff(path, points, common)
    if tables or not nouns:
        found |= _print_tables(tables or list(LOOKS), points, common)
    if not found and sys.stdout.isatty():
        print(style_for(sys.stderr)("dim", "(no difference)"), file=sys.stderr)


def _print_tables(nouns: Sequence[str], points: Sequence[str], common: Common) -> bool:
    """False: nothing is different."""
    from holdfast.cli.tree.paths import say_other_meaning
    from holdfast.story.diff import differences

    looks = [find_look(noun) for noun in nouns]
    tables = [look.table.name for look in looks]
    with open_past(common) as reading:
        for noun, look in zip(nouns, looks, strict=True):
            say_other_meaning(noun, look, reading)
        teller = Teller(spelling_of_all_times(reading), style_for(sys.stdout, common.colour), wide=common.wide)
        with_target = len(reading.targets()) > 1
        found = False
        for one in differences(reading.database, tables, *points, target=common.target or None):
            found = True
            if common.json:
                sys.stdout.write(msgspec.json.encode(plain_values(one.as_dict())).decode() + "\n")
            else:
                sys.stdout.write(teller.line(one.change, with_target=with_target) + "\n")
    return found


def _parted(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Nouns, and behind them one or two points in time. Raises: InvalidValue - no point."""
    nouns = list(words)
    points: list[str] = []
    while nouns and len(points) < 2 and _is_point(nouns[-1]):
        points.insert(0, nouns.pop())
    if not points:
        got = f"`{' '.join(words)}`" if words else "nothing"
        raise InvalidValue(f"expected tables or paths, and one or two points in time, got {got}", hint=_HINT)
    return nouns, points


def _is_point(word: str) -> bool:
    from holdfast.database.moments import read

    try:
        read(word, datetime.now().astimezone())
    except InvalidValue:
        return False
    return True
