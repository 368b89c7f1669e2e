"""A copy of the database while it is in use."""

from __future__ import annotations

import os

from holdfast.errors import AlreadyExists

__all__ = ["backup"]


def backup(source: str, path: str) -> None:
    """Copy the database at `source`, as of one revision and with its history, to a new file.

    The mirror goes on writing meanwhile. Blocks; cost: the size of the file.
    Raises: AlreadyExists - something is at `path`;  Denied, Unavailable - it cannot be written.
    """
    import apsw

    from holdfast.database.connections import open_plain, open_reading
    from holdfast.database.faults import fault

    if os.path.exists(path):
        raise AlreadyExists(f"`{path}` is there already: a backup goes to a new file", hint="choose another name, or move it away")
    try:
        original = open_reading(source)
        copy = open_plain(path)
        try:
            with copy.backup("main", original, "main") as steps:
                steps.step()
        finally:
            copy.close()
            original.close()
    except apsw.Error as error:
        raise fault(error, path) from error
