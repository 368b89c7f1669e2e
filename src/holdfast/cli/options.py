"""What several commands take: one spelling and one help text each. And what they have in common once given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

__all__ = ["Colour", "Common", "Db", "Json", "NetNs", "Target", "Verbose", "Wide"]

_WHERE = "Where from"

Json = Annotated[bool, typer.Option("--json", "-j", help="Print JSON: whole rows, numbers as the kernel has them.")]
Wide = Annotated[bool, typer.Option("--wide", "-w", help="Do not cut long cells to the width of the terminal.")]
Colour = Annotated[str, typer.Option("--color", metavar="WHEN", help="auto, always or never; auto obeys NO_COLOR.")]
Target = Annotated[
    str, typer.Option("--target", "-t", metavar="T", help="Rows of this source only; with commas or * of several.", rich_help_panel=_WHERE)
]
NetNs = Annotated[
    str,
    typer.Option(
        "--netns",
        "-n",
        metavar="NAME",
        help="Look into a network namespace: its name, path, or the PID of a process in it.",
        rich_help_panel=_WHERE,
    ),
]
Db = Annotated[str, typer.Option("--db", metavar="FILE", help="Read this file instead of the running node's.", rich_help_panel=_WHERE)]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Say on stderr where the answer comes from.", rich_help_panel=_WHERE)]


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
