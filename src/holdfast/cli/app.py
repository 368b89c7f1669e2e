"""The program: its commands by name. The module of one is imported when it is wanted, and all of them for the help of the program."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Final

import click

from .declaring.command import Group, option

__all__ = ["app"]

_MODULES: Final = {
    "show": ("show",),
    "sql": ("sql",),
    "watch": ("watch",),
    "log": ("log",),
    "diff": ("diff",),
    "run": ("run",),
    "change": ("add", "set", "replace", "del", "batch", "undo"),
    "tree": ("get", "put", "rm", "merge", "find", "keys", "blame", "rollback", "redo", "revert", "call", "edit", "tree"),
    "record": ("record",),
    "replay": ("replay",),
    "backup": ("backup", "restore"),
    "check": ("check", "doctor"),
    "source": ("source",),
    "shell": ("shell",),
    "completion": ("completion",),
}
"""Modules in commands/, and the commands in each, in the order in which the help lists them."""
_NAMES: Final = {"set": "set_", "del": "delete"}
"""What a command is called in its module where Python has the word."""


def _version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"holdfast {version('holdfast')}")
        ctx.exit()


@click.group(
    cls=Group,
    invoke_without_command=True,
    context_settings={"help_option_names": ["--help", "-h"], "max_content_width": 100},
    examples="""
        holdfast show interfaces                 every link, as `ip link` knows it
        holdfast show routes via 10.0.0.1        filters are the words of `ip`
        holdfast show addr dev eth0 --json       whole rows, for a program
        holdfast sql "SELECT ifname, mtu FROM interfaces WHERE mtu > 1500"
        holdfast show topology                   what is connected with what
        holdfast watch routes                    what changes, from what to what
        holdfast run                             the node, with a live summary
    """,
)
@option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Print the version.")
@click.pass_context
def app(ctx: click.Context) -> None:
    """What this machine's network is, live and queryable in SQL.

    A node (`holdfast run`) follows the kernel and keeps a database. All other commands ask the running node, or, without
    one, the kernel itself.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def _of(module: str, name: str) -> Callable[[], click.Command]:
    def command() -> click.Command:
        found = getattr(import_module(f"holdfast.cli.commands.{module}"), _NAMES.get(name, name))
        assert isinstance(found, click.Command)
        return found

    return command


for _module, _commands in _MODULES.items():
    for _name in _commands:
        app.add_later(_name, _of(_module, _name))
