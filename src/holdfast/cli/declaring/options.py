"""What several commands take: one spelling and one help text each. And what they have in common once given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from .command import option

__all__ = ["POINTS", "Common", "on_node", "printing", "reading"]

POINTS: Final = (
    'A point in time is a revision (1200), a time (2026-11-20T14:03, 14:03, "yesterday 14:03"; of this machine\'s zone unless it says '
    'another), or a while ago ("10 minutes ago", 2h).'
)
"""What a point in time is: below the help of commands that take some."""

F = TypeVar("F", bound=Callable[..., Any])

_WHERE: Final = "Where from"
_PRINTING: Final = (
    option("--json", "-j", is_flag=True, help="Print JSON: whole rows, numbers as the kernel has them."),
    option("--wide", "-w", is_flag=True, help="Do not cut long cells to the width of the terminal."),
    option("--color", "colour", metavar="WHEN", default="auto", help="auto, always or never; auto obeys NO_COLOR."),
)
_READING: Final = (
    option(
        "--netns",
        "-n",
        metavar="NAME",
        default="",
        section=_WHERE,
        help="Look into a network namespace: its name, path, or the PID of a process in it.",
    ),
    option("--db", metavar="FILE", default="", section=_WHERE, help="Read this file instead of the running node's."),
    option("--verbose", "-v", is_flag=True, section=_WHERE, help="Say on stderr where the answer comes from."),
)
_ON_NODE: Final = (
    option("--json", "-j", is_flag=True, help="Print JSON."),
    option("--color", "colour", metavar="WHEN", default="auto", help="auto, always or never; auto obeys NO_COLOR."),
    option("--db", metavar="FILE", default="", help="Ask the node that keeps this file."),
)
_AT: Final = option(
    "--at", metavar="T", default="", section=_WHERE, help='As it was: "10 minutes ago", 14:03, 2026-11-20T14:03, a revision.'
)
_TARGET: Final = option(
    "--target", "-t", metavar="T", default="", section=_WHERE, help="Rows of this source only; with commas or * of several."
)


@dataclass(frozen=True, slots=True)
class Common:
    """Where to read, and how to print."""

    json: bool = False
    wide: bool = False
    colour: str = "auto"
    target: str = ""
    netns: str = ""
    db: str = ""
    verbose: bool = False
    at: str = ""


def printing(command: F) -> F:
    """--json, --wide, --color"""
    return _with(command, _PRINTING)


def on_node(command: F) -> F:
    """--json, --color, --db: of commands that need the running node"""
    return _with(command, _ON_NODE)


def reading(*, target: bool, at: bool = False) -> Callable[[F], F]:
    """--netns, --db, --verbose; where rows of several sources may come --target; where it may be of another time --at"""
    return lambda command: _with(command, (*((_AT,) if at else ()), *((_TARGET,) if target else ()), *_READING))


def _with(command: F, options: tuple[Any, ...]) -> F:
    for one in reversed(options):
        command = one(command)
    return command
