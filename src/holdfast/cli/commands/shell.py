"""The command `holdfast shell`."""

from __future__ import annotations

import sys

import click

from holdfast.cli.declaring.command import Command, Group, option

__all__ = ["shell"]


@click.command(
    cls=Command,
    section="The program itself",
    examples="""
        holdfast shell
        holdfast shell < commands.txt                  a line each; the exit code is that of the last that failed
        echo "log nodes.r1" | holdfast shell
    """,
)
@option("--color", "colour", metavar="WHEN", default="auto", help="auto, always or never; auto obeys NO_COLOR.")
@option("--db", metavar="FILE", default="", help="The tree and tables of this file, or of the node that keeps it.")
@click.pass_context
def shell(ctx: click.Context, colour: str, db: str) -> None:
    """All commands at one prompt, with completion from what is there.

    Every command of the program is a line without `holdfast`; beside them are begin, cand, commit and cancel for drafts, sub
    for what happens meanwhile, old, roots, pute and more: `help` lists them. A value may stand on the lines behind its path.
    """
    app = ctx.find_root().command
    assert isinstance(app, Group)
    if sys.stdin.isatty() and sys.stdout.isatty():
        from holdfast.cli.shell.prompt import run_prompt

        ctx.exit(run_prompt(app, db, colour))
    from holdfast.cli.shell.script import run_script

    ctx.exit(run_script(app, db, colour))
