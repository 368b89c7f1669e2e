"""`holdfast check` and `doctor`: the file, and all that a node depends on, looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from holdfast.cli.asking.state import database_file, existing_file, find_node, holder
from holdfast.cli.declaring.command import Command, option
from holdfast.cli.presentation.findings import print_findings

__all__ = ["check", "doctor"]


@click.command(
    cls=Command,
    section="Take care of it",
    examples="""
        holdfast check
        holdfast check /backup/holdfast-2026-11-20.db && echo whole
    """,
)
@click.argument("file", metavar="[FILE]", type=click.Path(), default="", help="This file, such as a backup; the same as --db.")
@option("--db", metavar="FILE", default="", help="This file; without it the running node's, or that of the stopped one.")
@option("--json", "-j", is_flag=True, help="Print JSON.")
@option("--color", "colour", metavar="WHEN", default="auto", help="auto, always or never; auto obeys NO_COLOR.")
@click.pass_context
def check(ctx: click.Context, file: str, db: str, json: bool, colour: str) -> None:
    """Check the file: bytes, structure, history, the tree and its drafts.

    Reads all of it and changes nothing; a node may run meanwhile. The exit code is 1 if something is wrong. Of a file that was
    closed properly every byte is compared; of one in use, or after a crash, structure and sense.
    """
    ctx.exit(check_file(file or db, as_json=json, colour=colour))


@click.command(
    cls=Command,
    section="Take care of it",
    examples="""
        holdfast doctor
        holdfast doctor --db /srv/holdfast/other.db --json
    """,
)
@option("--db", metavar="FILE", default="", help="This file; without it the running node's, or that of the stopped one.")
@option("--json", "-j", is_flag=True, help="Print JSON.")
@option("--color", "colour", metavar="WHEN", default="auto", help="auto, always or never; auto obeys NO_COLOR.")
@click.pass_context
def doctor(ctx: click.Context, db: str, json: bool, colour: str) -> None:
    """What keeps Holdfast from seeing everything, and how to mend it.

    Rights, kernel, receive buffer, versions; file, space and lock; and, of the running node, what it lost and what it had to
    correct. Changes nothing. The exit code is 1 if there is a problem; notes are no problems.
    """
    ctx.exit(see_doctor(db, as_json=json, colour=colour))


def check_file(db: str, *, as_json: bool, colour: str) -> int:
    """Print what was found; returns the exit code. Raises: NotFound, Denied, Unavailable, NotSupported."""
    from holdfast.api.check import check

    path = existing_file(db)
    if not as_json:
        print(path)
    return print_findings(check(path), as_json=as_json, colour=colour)


def see_doctor(db: str, *, as_json: bool, colour: str) -> int:
    """Print what was found; returns the exit code."""
    from holdfast.api.doctor import examine

    node = None if db else find_node()
    path = db or (node.path if node else database_file())
    status = _status_of(path) if holder(path) is not None else None
    return print_findings(examine(path, status), as_json=as_json, colour=colour)


def _status_of(path: str) -> Callable[[], dict[str, Any]]:
    """Asks the node; one that does not answer is a finding."""
    from holdfast.cli.asking.steering import running_node

    return lambda: running_node(path).call("node.status")
