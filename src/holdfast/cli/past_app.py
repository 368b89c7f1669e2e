"""The commands that look back."""

from __future__ import annotations

from typing import Any, Final

import click

from . import complete
from .command import Command, option
from .options import Common, printing, reading

__all__ = ["add_to", "tree_path"]

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
        holdfast log nodes.r1                              commits of the tree, at a path or below it
        holdfast log .routes                               a dot in front: the tree, not the table
    """,
    epilog=_POINTS,
)
@click.argument(
    "noun", metavar="[NOUN|PATH]", default="", shell_complete=complete.nouns_and_paths,
    help="Changes of this noun, or of this path of the tree; without it everything.",
)  # fmt: skip
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

    request = LogRequest(noun, filters, since, until, author, limit, each)
    path = tree_path(noun)
    if path is None:
        print_log(request, Common(**common))
        return
    from .tree.past import print_path_log

    print_path_log(path, request, Common(**common))


@click.command(
    cls=Command,
    section=_LOOK,
    examples="""
        holdfast diff "10 minutes ago"                     all tables, until now
        holdfast diff routes 14:03 14:10
        holdfast diff interfaces addresses 1200 1300
        holdfast diff routes 2026-11-20T14:03 --json
        holdfast diff nodes.r1 1200                        a path of the tree; `.` is all of it
    """,
    epilog=_POINTS,
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
    from .diff import print_diff

    print_diff(words, Common(**common))


def tree_path(word: str) -> str | None:
    """Of a word that is no noun. Raises: UnknownName - neither."""
    if not word:
        return None
    from .tree import paths

    return paths.tree_path(word)


def add_to(app: click.Group) -> None:
    app.add_command(log)
    app.add_command(diff)
