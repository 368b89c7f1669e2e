"""`holdfast edit PATH`: a subtree in an editor; what was saved is committed, if nobody changed it meanwhile."""

from __future__ import annotations

import getpass
import os
import sys
import tempfile
from typing import Any, Final

import click

from holdfast.cli.asking.steering import Caller, caller_of_tree
from holdfast.cli.declaring.command import Command, Option
from holdfast.cli.presentation.style import style_for
from holdfast.errors import Conflict, InvalidValue, NotFound

from .showing import show
from .values import read_path

__all__ = ["edit", "edit_path"]

_HEAD: Final = "# {path}: save and leave to commit; an empty file, or no change, leaves it as it is.\n"


@click.command(
    cls=Command,
    section="The config tree",
    examples="""
        holdfast edit nodes.r1
        EDITOR=nano holdfast edit nodes -m "new uplink"
    """,
    params=[
        click.Argument(["path"], metavar="PATH", help="For example nodes.r1; what is not there yet begins empty."),
        Option(["--message", "-m"], metavar="TEXT", default="", help="Why: kept in the log, with who you are."),
        Option(["--color", "colour"], metavar="WHEN", default="auto", help="auto, always or never; auto obeys NO_COLOR."),
        Option(["--db"], metavar="FILE", default="", help="The tree in this file, or of the node that keeps it."),
    ],
)
def edit(path: str, message: str, colour: str, db: str) -> None:
    """Edit a subtree as YAML in $EDITOR, and commit what became of it.

    If somebody else changed it meanwhile nothing is committed, and what you wrote is kept in a file.
    """
    with caller_of_tree(db) as caller:
        edit_path(caller, read_path(path), message, colour)


def edit_path(caller: Caller, path: str, message: str, colour: str) -> None:
    """Raises: Conflict - it was changed meanwhile;  InvalidValue - what was saved is no YAML. The text is kept: the hint says where."""
    from holdfast.tree.text import read, write

    value, version = _there(caller, path)
    before = _HEAD.format(path=path) + ("" if value is None else write(value, "yaml"))
    after = click.edit(before, extension=".yaml", require_save=True)
    if after is None or not after.strip() or after == before:
        print("nothing was changed")
        return
    try:
        wanted = read(after, "yaml")
        result = caller.call("tree.put", path=path, value=wanted, expected=version, author=getpass.getuser(), message=message)
    except (Conflict, InvalidValue) as error:
        error.hint = f"what you wrote is kept in {_kept(after)}"
        raise
    show("put", result, style_for(sys.stdout, colour))


def _there(caller: Caller, path: str) -> tuple[Any, int]:
    try:
        found = caller.call("tree.get", path=path, meta=True)
    except NotFound:
        return None, 0
    return found["value"], found["version"]


def _kept(text: str) -> str:
    """Save the text where it is not lost, for its owner's eyes only; its path."""
    handle, path = tempfile.mkstemp(prefix="holdfast-edit-", suffix=".yaml")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    return path
