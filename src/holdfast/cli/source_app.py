"""The commands of `holdfast source`."""

from __future__ import annotations

from typing import Any, Final

import click

from .command import Group
from .options import Common, on_node

__all__ = ["source"]

_SECTION: Final = "Sources"


@click.group(
    cls=Group,
    section="Keep it",
    invoke_without_command=True,
    examples="""
        holdfast source                       a line per source: state, losses, what went wrong
        holdfast source add blue              also follow this network namespace: name, path or PID
        holdfast source remove blue
        holdfast source resync localhost      read all of it again, write what differs
    """,
)
@on_node
@click.pass_context
def source(ctx: click.Context, /, **common: Any) -> None:
    """The sources of the running node: list, add, remove, restart.

    What is added here is followed until the node stops; `holdfast run --netns NAME` follows it from the start.
    """
    if ctx.invoked_subcommand is None:
        from .source import list_sources

        list_sources(Common(**common))


@source.command(section=_SECTION)
@click.argument("name", metavar="NAME", help="A network namespace: its name, path, or the PID of a process in it.")
@on_node
def add(name: str, **common: Any) -> None:
    """Follow one more network namespace."""
    from .source import add_source

    add_source(name, Common(**common))


@source.command(section=_SECTION)
@click.argument("target", metavar="SOURCE", help="As `holdfast source` lists it.")
@on_node
def remove(target: str, **common: Any) -> None:
    """Follow it no more. Its rows go, their history stays."""
    from .source import steer_source

    steer_source("remove", target, Common(**common))


@source.command(section=_SECTION)
@click.argument("target", metavar="SOURCE", help="As `holdfast source` lists it.")
@on_node
def restart(target: str, **common: Any) -> None:
    """Close it, open it, read all of it again. Also for one that ended."""
    from .source import steer_source

    steer_source("restart", target, Common(**common))


@source.command(section=_SECTION)
@click.argument("target", metavar="SOURCE", help="As `holdfast source` lists it.")
@on_node
def resync(target: str, **common: Any) -> None:
    """Read all of it again and write what differs."""
    from .source import steer_source

    steer_source("resync", target, Common(**common))
