"""`holdfast backup`, `restore` and `check`: the file, copied, put back, looked at."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

from holdfast.errors import NotFound

from .findings import print_findings
from .state import database_file, find_node, holder

__all__ = ["check_file", "make_backup", "put_back", "see_doctor"]


def make_backup(path: str, db: str, *, as_json: bool) -> None:
    """Raises: NotFound, AlreadyExists, Denied, Unavailable, Corrupt."""
    from holdfast.database.backup import backup

    source = _source(db)
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


def check_file(db: str, *, as_json: bool, colour: str) -> int:
    """Print what was found; returns the exit code. Raises: NotFound, Denied, Unavailable, NotSupported."""
    from holdfast.database.check import check

    path = _source(db)
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
    from .steering import running_node

    return lambda: running_node(path).call("node.status")


def _source(db: str) -> str:
    """The named file, else the running node's, else the one of this user's stopped node."""
    node = None if db else find_node()
    path = db or (node.path if node else database_file())
    if not os.path.exists(path):
        raise NotFound(f"there is no database `{path}`", hint="`holdfast run` makes one; `--db FILE` names another")
    return path
