"""`holdfast completion`: the script for the shell, printed or put where the shell looks."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import click
from click.shell_completion import get_completion_class

from holdfast.errors import InvalidValue

__all__ = ["completion_script"]

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
