"""`holdfast backup` and `restore`: the file, copied and put back."""

from __future__ import annotations

import json
import os

import click

from holdfast.cli.asking.state import database_file, existing_file
from holdfast.cli.declaring.command import Command, option

__all__ = ["backup", "make_backup", "restore"]


@click.command(
    cls=Command,
    section="Take care of it",
    examples="""
        holdfast backup /backup/holdfast-$(date +%F).db
        holdfast backup copy.db --db /srv/holdfast/other.db
    """,
)
@click.argument("path", metavar="PATH", type=click.Path(), help="Where the copy goes; nothing must be there.")
@option("--db", metavar="FILE", default="", help="This file; without it the running node's, or that of the stopped one.")
@option("--json", "-j", is_flag=True, help="Print JSON.")
def backup(path: str, db: str, json: bool) -> None:
    """Copy the database, history included, while the node goes on.

    The copy is as of one revision. It is checked before it gets its name, so what is there is whole. It is an SQLite file that
    every command reads with `--db PATH`.
    """
    make_backup(path, db, as_json=json)


@click.command(
    cls=Command,
    section="Take care of it",
    examples="""
        holdfast restore /backup/holdfast-2026-11-20.db
    """,
)
@click.argument("path", metavar="PATH", type=click.Path(), help="A backup.")
@option("--db", metavar="FILE", default="", help="The file to replace; without it that of this user's node.")
@option("--json", "-j", is_flag=True, help="Print JSON.")
def restore(path: str, db: str, json: bool) -> None:
    """Put a backup in the place of the database of a stopped node.

    The backup is checked first; the file that was there is renamed and kept. Revisions go on behind all that were given before,
    and the database has a new id: nobody who followed the old one takes the new changes for those he missed.
    """
    put_back(path, db, as_json=json)


def make_backup(path: str, db: str, *, as_json: bool) -> None:
    """Raises: NotFound, AlreadyExists, Denied, Unavailable, Corrupt."""
    from holdfast.database.backup import backup

    source = existing_file(db)
    copied = backup(source, path)
    if as_json:
        print(json.dumps({"path": path, "id": copied.id, "revision": copied.revision, "bytes": copied.bytes, "source": source}))
    else:
        print(f"{path}: {source} up to revision {copied.revision}, {copied.bytes} bytes, checked")


def put_back(saved: str, db: str, *, as_json: bool) -> None:
    """Raises: NotFound, Busy, Denied, Unavailable, Corrupt, NotSupported."""
    from holdfast.database.backup import restore

    path = db or database_file()
    os.makedirs(os.path.dirname(os.path.abspath(path)), mode=0o750, exist_ok=True)
    done = restore(saved, path)
    if as_json:
        shape = {"path": done.path, "id": done.id, "revision": done.revision, "backup_revision": done.backup_revision}
        print(json.dumps(shape | {"replaced": done.aside or None}))
        return
    print(f"{done.path}: restored, with all up to revision {done.backup_revision}; it goes on behind revision {done.revision}")
    if done.aside:
        print(f"what was there before is kept: {done.aside}")
