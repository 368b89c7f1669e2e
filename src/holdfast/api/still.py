"""A tree that is only read: no revision is taken, nothing is locked, and another process may have the file and write it meanwhile."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, cast

from holdfast.database.lock import holder_of
from holdfast.database.sqlite import open_reader

if TYPE_CHECKING:
    from holdfast.api.aio.tree.tree import Tree
    from holdfast.database.home import Database
    from holdfast.database.sqlite import FileReader

__all__ = ["open_still", "still_tree"]

_TREE = "SELECT count(*) FROM sqlite_schema WHERE name IN ('tree', 'open_intents')"
_CLEAN = "SELECT value FROM meta WHERE name = 'clean'"


def open_still(path: str) -> FileReader | None:
    """A file to read its tree as it stands; None: somebody has to take it first.

    That is so of one that is not there, of one of an older layout, and of one that nobody has and that was not closed properly:
    what sessions of its last run left is still in there.
    Blocks. Raises: Corrupt, NotSupported, Denied, Unavailable.
    """
    if not os.path.exists(path):
        return None
    reader = open_reader(path)
    try:
        if reader.fetchone(_TREE) == (2,) and (reader.fetchone(_CLEAN) == (1,) or _is_held(reader.path)):
            return reader
    except BaseException:
        reader.close()
        raise
    reader.close()
    return None


def _is_held(path: str) -> bool:
    try:
        return holder_of(f"{path}.lock") is not None
    except OSError:  # not for us to know; then it cannot be taken either
        return True


@asynccontextmanager
async def still_tree(reader: FileReader) -> AsyncIterator[Tree]:
    """The tree of a file as it was at this moment; the file is closed at the end. What would change it is refused: Denied."""
    from holdfast.api.aio.tree.tree import Tree
    from holdfast.tree.core import Core

    try:
        core = await asyncio.to_thread(Core, cast("Database", reader))  # of a database it needs what a reader has
        await core.start(still=True)
        try:
            yield Tree.beside(core)
        finally:
            await core.close()
    finally:
        reader.close()
