"""Where the changes of a watch come from: the running node's file, looked at often, a node of its own in memory, or a recording.

The database is the queue in all cases: a change is read from its rows and history, so none is lost, however slowly they
are printed.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

from holdfast.cli.declaring.options import Common
from holdfast.errors import WorldError
from holdfast.model.names import Names

from .file import node_of, say_away
from .opening import log_to_stderr, source_spec
from .reading import Reading
from .state import RunningNode, holder

if TYPE_CHECKING:
    from holdfast.database.home import Change, Database
    from holdfast.database.moments import Moment
    from holdfast.database.sqlite import FileReader

__all__ = ["PLAYED", "Following", "open_following"]

_LOOK_EVERY_S: Final = 0.05
_HOLDER_EVERY_S: Final = 0.5
_STRIDE: Final = 500
"""Revisions read at once."""


class Following:
    """Changes of some tables, in order. `reading` reads the same database.

    begun  the revision after which what comes is news; None: the one that it is at.
    over   says that nothing more comes.
    """

    def __init__(
        self,
        database: Database | FileReader,
        names: Names,
        node: Presence | None = None,
        *,
        begun: int | None = None,
        over: Callable[[], bool] = lambda: False,
    ) -> None:
        self.reading = Reading(database, names)
        self._database = database
        self._node = node
        self._begun = begun
        self._over = over

    @property
    def revision(self) -> int:
        return self._database.revision if self._begun is None else self._begun

    def moment(self, point: str) -> Moment:
        """Raises: InvalidValue, Compacted."""
        return self._database.moment(point)

    async def changes(self, tables: Collection[str], since: int) -> AsyncIterator[list[Change]]:
        """The changes after a revision, for ever or until nothing more comes; each list holds whole revisions, oldest first. Empty
        when there was nothing for a moment, for readers who wait for time to pass.

        Raises: Compacted - the history does not reach back to `since`.
        """
        cursor = since
        while True:
            over = self._over()  # before the revision is read, so that what came until then is told
            last = min(self._database.revision, cursor + _STRIDE)
            if last <= cursor:
                if over:
                    return
                if self._node is not None:
                    self._node.look()
                await asyncio.sleep(_LOOK_EVERY_S)
                yield []
                continue
            yield sorted(self._read(tables, cursor, last), key=lambda change: change.revision)
            cursor = last

    def _read(self, tables: Iterable[str], since: int, until: int) -> list[Change]:
        """Interfaces come first at each revision, for the others speak of them."""
        order = sorted(tables, key=lambda table: table != "interfaces")
        return [change for table in order for change in self._database.changes(table, since, until)]


class Presence:
    """Follows the node behind a file: to memory while its disk is full, and back. Says on stderr when it stops, when there is one
    again, and when it goes to memory: why nothing changes, or what may get lost."""

    def __init__(self, node: RunningNode, reader: FileReader) -> None:
        self._path = node.path
        self._reader = reader
        self._pid = holder(node.path)
        self._looked = time.monotonic()

    def look(self) -> None:
        """At most twice a second."""
        now = time.monotonic()
        if now - self._looked < _HOLDER_EVERY_S:
            return
        self._looked = now
        if self._reader.follow():
            say_away(self._reader)
        before, self._pid = self._pid, holder(self._path)
        if self._pid == before:
            return
        if self._pid is None:
            text = f"the node{_process(before)} has stopped: nothing more is seen until one runs on {self._path} again"
        else:
            text = f"a node is running again{_process(self._pid)}: what changed while there was none follows"
        print(f"holdfast: {text}", file=sys.stderr, flush=True)


def _process(pid: int | None) -> str:
    return f" (process {pid})" if pid else ""


PLAYED: ContextVar[Callable[[], AbstractAsyncContextManager[Following]] | None] = ContextVar("PLAYED", default=None)
"""Where a recording is watched: what opens it."""


@asynccontextmanager
async def open_following(common: Common, tables: Collection[str]) -> AsyncIterator[Following]:
    """Open what the options name. Raises: what opening raises; WorldError - the source could not be loaded."""
    played = PLAYED.get()
    if played is not None:
        async with played() as following:
            yield following
        return
    node = None if common.netns else node_of(common)
    if node is not None:
        from holdfast.database.sqlite import open_reader
        from holdfast.sources.name_files import read_name_files

        with open_reader(node.path) as reader:
            say_away(reader)
            yield Following(reader, Names.parse(read_name_files()), Presence(node, reader))
        return
    from holdfast.node import Node

    log_to_stderr()
    spec = source_spec(common.netns)
    wanted = [table for table in tables if table != "netns"]
    async with Node(":memory:", [spec], tables=wanted) as own:
        status = own.mirror.status(spec["target"])
        if status.error:
            raise WorldError(status.error)
        yield Following(own.database, own.mirror.source(spec["target"]).names())
