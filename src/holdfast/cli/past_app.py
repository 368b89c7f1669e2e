"""The commands that look back."""

from __future__ import annotations

from typing import Any, Final

import click

from . import complete
from .command import Command, option
from .options import Common, printing, reading

__all__ = ["add_to"]

_LOOK: Final = "Look at the network"
_POINTS: Final = (
    'A point in time is a revision (1200), a time (2026-11-20T14:03, 14:03, "yesterday 14:03"; of this machine\'s zone unless it says '
    'another), or a while ago ("10 minutes ago", 2h).'
)


@click.command(
    cls=Command,
    section=_LOOK,
    examples="""
        holdfast log
        holdfast log interfaces eth0                       the life of one object
        holdfast log routes 10.0.0.0/24 --since 2h
        holdfast log routes via 10.0.0.1 --until "yesterday 14:03"
        holdfast log --target blue --limit 20
        holdfast log neighbours --json | jq .changes
    """,
    epilog=_POINTS,
)
@click.argument("noun", metavar="[NOUN]", default="", shell_complete=complete.nouns, help="Changes of this noun; without it everything.")
@click.argument("filters", metavar="[FILTER]...", nargs=-1, shell_complete=complete.filters, help="An object, or filters as for `show`.")
@option("--since", metavar="T", default="", help="What came after this point in time.")
@option("--until", metavar="T", default="", help="What was at this point in time, and before.")
@option("--author", metavar="NAME", default="", help="What somebody did.")
@option("--limit", "-l", metavar="N", type=int, default=None, help="So many entries; 0: all. Default: all, on a terminal 100.")
@option("--all", "-a", "each", is_flag=True, help="Each change, however many at a time.")
@printing
@reading(target=True)
def log(noun: str, filters: tuple[str, ...], since: str, until: str, author: str, limit: int | None, each: bool, **common: Any) -> None:
    """What happened, newest first: what changed, from what to what.

    A stamp per revision, a line per change: + new, - gone, ~ changed from → to, = what else the log says: starts, gaps, who did
    it. Counters, ages and probe states are no changes. It reads the running node's file, or that of a stopped one.
    """
    from .log import LogRequest, print_log

    print_log(LogRequest(noun, filters, since, until, author, limit, each), Common(**common))


@click.command(
    cls=Command,
    section=_LOOK,
    examples="""
        holdfast diff "10 minutes ago"                     all tables, until now
        holdfast diff routes 14:03 14:10
        holdfast diff interfaces addresses 1200 1300
        holdfast diff routes 2026-11-20T14:03 --json
    """,
    epilog=_POINTS,
)
@click.argument(
    "words", metavar="[NOUN]... T1 [T2]", nargs=-1, shell_complete=complete.nouns, help="Which tables, from when, until when (now)."
)
@printing
@reading(target=True)
def diff(words: tuple[str, ...], **common: Any) -> None:
    """What is different between two points in time.

    A line per object: + new, - gone, ~ changed from → to. What was changed and changed back is no difference.
    """
    from .diff import print_diff

    print_diff(words, Common(**common))


def add_to(app: click.Group) -> None:
    app.add_command(log)
    app.add_command(diff)
