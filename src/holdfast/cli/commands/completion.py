"""`holdfast completion`: the script for the shell, printed or put where the shell looks."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import click
from click.shell_completion import get_completion_class

from holdfast.cli.declaring.command import Command, option
from holdfast.errors import InvalidValue

__all__ = ["completion"]


@click.command(
    cls=Command,
    section="The program itself",
    examples="""
        holdfast completion --install
        eval "$(holdfast completion bash)"             for this shell only
        holdfast completion zsh > "${fpath[1]}/_holdfast"
    """,
)
@click.argument("shell", metavar="[SHELL]", default="", help="bash, zsh or fish; without it the one of $SHELL.")
@option("--install", is_flag=True, help="Write it where the shell looks, and say where.")
@click.pass_context
def completion(ctx: click.Context, shell: str, install: bool) -> None:
    """Complete commands, nouns, filters and interfaces in the shell.

    Prints the script that makes the shell ask this program what could follow: commands, options, nouns, words of the
    filter, their values, and the interfaces that are there now.
    """
    completion_script(ctx.find_root().command, shell, install=install)


_PLACES: Final = {
    "bash": "bash-completion/completions/holdfast",
    "fish": "fish/vendor_completions.d/holdfast.fish",
    "zsh": "zsh/site-functions/_holdfast",
}
"""Below XDG_DATA_HOME. bash-completion and fish look there by themselves, zsh where fpath says so."""


def completion_script(app: click.Command, shell: str, *, install: bool) -> None:
    """Print or install it. Raises: InvalidValue - a shell that there is no script for."""
    name = shell or os.path.basename(os.environ.get("SHELL", "bash"))
    found = get_completion_class(name)
    if found is None or name not in _PLACES:
        raise InvalidValue(f"expected bash, zsh or fish, got `{name}`")
    source = found(app, {}, "holdfast", "_HOLDFAST_COMPLETE").source()
    if not install:
        click.echo(source)
        return
    home = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share")
    path = home / _PLACES[name]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source + "\n", encoding="utf-8")
    click.echo(f"written: {path}; new shells complete `holdfast`")
    if name == "zsh":
        click.echo(f"add to ~/.zshrc before compinit, if it is not there: fpath=({path.parent} $fpath)")
