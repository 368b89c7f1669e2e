"""The mirror: sources in, rows out, for as long as it runs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, Self

from holdfast.errors import AlreadyExists, Closed, HoldfastError, NotFound, Timeout
from holdfast.model import TABLES
from holdfast.sources.discovery import DIRECTORY, Namespaces

from .bell import Bell
from .consequence import Ask, Reread
from .hand import Hand
from .namespaces import Following, Make
from .status import State, Status
from .supervisor import Settings, Supervisor

if TYPE_CHECKING:
    from holdfast.database.home import Database, Transaction
    from holdfast.sources.contract import Source

__all__ = ["Mirror"]

logger = logging.getLogger("holdfast.mirror")

_WORKERS: Final = 4
_LOOK_EVERY_S: Final = 0.4
"""So that the end of a namespace and what is never announced show within half a second; 200 namespaces cost 20 ms each time."""
_RELIEVED_EVERY_S: Final = 0.1
_REMOVED_AT_ONCE: Final = 1000
_FAILED_LONG: Final = (State.FAILED, State.ENDED, State.REMOVED)


class Mirror:
    """Keeps the tables of `database` equal to the state of any number of sources.

    `async with Mirror(database) as mirror`, or `start` and `close`. All methods are for the loop that started it.
    One failing source never stops another; what happens to each is in `status`. Closing leaves the rows where they are.
    """

    def __init__(self, database: Database, settings: Settings | None = None) -> None:
        self.database = database
        self.settings = settings or Settings()
        self._loop: asyncio.AbstractEventLoop
        self._supervisors: dict[str, Supervisor] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._helpers: list[asyncio.Task[None]] = []
        self._followings: list[Following] = []
        self._listeners: list[Callable[[Status], None]] = []
        self._changed: asyncio.Event = asyncio.Event()
        self.workers = ThreadPoolExecutor(_WORKERS, "holdfast-worker")
        self._reliever = ThreadPoolExecutor(1, "holdfast-relief")
        self._keeper: asyncio.Task[None] | None = None
        self._group: asyncio.TaskGroup | None = None
        self._closing = asyncio.Event()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def start(self) -> None:
        """Begin: from here on sources can be added."""
        self._loop = asyncio.get_running_loop()
        self.bell = Bell(self.database, self._loop)
        begun = self._loop.create_future()
        self._keeper = asyncio.create_task(self._keep(begun), name="holdfast-mirror")
        await begun

    async def _keep(self, begun: asyncio.Future[None]) -> None:
        """Owns the task group: start and close may be called from different tasks, which a group does not allow."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            self._helpers = [
                group.create_task(self._look_around(), name="holdfast-look"),
                group.create_task(self._relieve(), name="holdfast-relief"),
            ]
            begun.set_result(None)
            await self._closing.wait()
            for task in (*self._helpers, *self._tasks.values()):
                task.cancel()
        self._group = None

    async def close(self) -> None:
        """Stop all sources; returns when their tasks have ended and their sockets are closed. Idempotent."""
        if self._keeper is None:
            return
        self._closing.set()
        await self._keeper
        self._keeper = None
        self.bell.close()
        await asyncio.to_thread(self.workers.shutdown)
        await asyncio.to_thread(self._reliever.shutdown)

    # -- sources ---------------------------------------------------------------------------------------------------

    def add(self, source: Source) -> None:
        """Begin to mirror a source; `ready` waits for its first load.

        Raises: AlreadyExists - a source of this target is there;  Closed.
        """
        if self._group is None or self._closing.is_set():
            raise Closed("the mirror is not running")
        if source.target in self._supervisors:
            raise AlreadyExists(f"a source `{source.target}` is already there", target=source.target)
        supervisor = Supervisor(source, self.database, self.workers, self.settings, self._told, self._remove_rows, self._is_alone)
        self._supervisors[source.target] = supervisor
        self._tasks[source.target] = self._group.create_task(supervisor.run(), name=f"holdfast-source-{source.target}")

    async def remove(self, target: str) -> None:
        """Stop mirroring a source and delete its rows (they stay in the history).

        Raises: NotFound - there is no such source.
        """
        supervisor = self._one(target)
        task = self._tasks[target]
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait([task])
        await self._remove_rows(target, "removed")  # refused by a full disk: it is still a source, and can be removed later
        if self._supervisors.pop(target, None) is not None:
            del self._tasks[target]
            supervisor.leave()

    def restart(self, target: str, reason: str = "") -> None:
        """Close and open a source again; its rows stay and are compared. Also for one that ended. reason: for the log."""
        supervisor = self._one(target)
        logger.info("%s: to be opened again%s", target, f": {reason}" if reason else "")
        if self._tasks[target].done():
            if self._group is None:
                raise Closed("the mirror is not running")
            self._tasks[target] = self._group.create_task(supervisor.run(), name=f"holdfast-source-{target}")
        else:
            supervisor.restart()

    def resync(self, target: str) -> None:
        """Read all of a source again and write what differs."""
        self._one(target).resync()

    async def follow_namespaces(self, target: str, make: Make | None = None, directory: str = DIRECTORY) -> None:
        """Fill the table `netns` under `target` with the namespaces named in `directory`, and keep it so; with `make`, add and
        remove a source for each of them as they come and go.

        Returns after the first look: the rows are there, the sources are added.  Raises: Closed.
        """
        if self._group is None or self._closing.is_set():
            raise Closed("the mirror is not running")
        following = Following(self, target, Namespaces(directory), make)
        await following.look()
        self._followings.append(following)
        self._helpers.append(self._group.create_task(following.run(), name="holdfast-namespaces"))

    async def look_for_namespaces(self) -> None:
        """Look now, not when it is time to: somebody has made or removed one."""
        for following in self._followings:
            await following.look()

    @property
    def targets(self) -> list[str]:
        return list(self._supervisors)

    def status(self, target: str) -> Status:
        """Raises: NotFound."""
        return self._one(target).status

    def source(self, target: str) -> Source:
        """Raises: NotFound."""
        return self._one(target).source

    def _one(self, target: str) -> Supervisor:
        if target not in self._supervisors:
            there = ", ".join(self._supervisors) or "none"
            raise NotFound(f"no source `{target}`; there are {there}", target=target)
        return self._supervisors[target]

    async def ready(self, target: str, timeout_s: float | None = None) -> Status:
        """Wait until a source is loaded, or has failed, or ended; returns its status.

        Raises: NotFound;  Timeout.
        """
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    changed = self._changed
                    status = self.status(target)
                    if status.state is State.RUNNING or status.state in _FAILED_LONG:
                        return status
                    await changed.wait()
        except TimeoutError:
            raise Timeout(f"source `{target}` was not loaded within {timeout_s} s", target=target) from None

    async def settled(self, *targets: str, timeout_s: float | None = None) -> None:
        """Wait until the tables show all that has happened at these sources (default: all) up to now. Raises: Timeout."""
        try:
            async with asyncio.timeout(timeout_s):
                for target in targets or self.targets:
                    await self._one(target).settled()
        except TimeoutError:
            raise Timeout(f"not settled within {timeout_s} s") from None

    def hand(self, target: str) -> Hand:
        """What a thread that changes a source needs of us; any thread may ask. Raises: NotFound."""
        return Hand(self._one(target), self.database, self._loop)

    async def drained(self, target: str) -> None:
        """Wait until the events that are queued at a source now are in its tables: what a request caused, once its
        acknowledgement is there. Cheaper than `settled`, and without what is not announced."""
        await self._one(target).drained()

    def on_state(self, listener: Callable[[Status], None]) -> None:
        """Call `listener` in the loop whenever a source's state changes. It must be quick."""
        self._listeners.append(listener)

    def _is_alone(self, target: str) -> bool:
        return not any(one.state in (State.RUNNING, State.RESYNCING) for other, one in self._supervisors.items() if other != target)

    def _told(self, status: Status) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
        for listener in self._listeners:
            listener(status)

    # -- work ------------------------------------------------------------------------------------------------------

    async def _look_around(self) -> None:
        """A deleted namespace says nothing on a socket inside it, and the socket keeps it: only looking tells."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            running = [one for one in self._supervisors.values() if one.state in (State.RUNNING, State.RESYNCING)]
            if running:
                for supervisor, finding in await loop.run_in_executor(self.workers, _look_at, running):
                    if isinstance(finding, HoldfastError):
                        supervisor.fail(finding)
                    else:
                        supervisor.ask(finding)

    async def _relieve(self) -> None:
        """The writer reads the events. While it is at something else for long (another source's first load, a slow disk) they are
        taken out of the kernel's buffers, by a thread that does nothing else, so that none is lost."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_RELIEVED_EVERY_S)
            for one in [one.source for one in self._supervisors.values() if one.pressed]:
                await loop.run_in_executor(self._reliever, one.relieve)

    async def _remove_rows(self, target: str, reason: str) -> None:
        """Delete a target's rows, in transactions of bounded size, so that others go on in between."""
        await asyncio.wrap_future(self.database.write(lambda tx: tx.note("stop", target=target, message=reason)))
        for table in reversed(list(TABLES.values())):
            def job(tx: Transaction, table: str = table.name) -> int:
                where = f"rowid IN (SELECT rowid FROM {table} WHERE target = ? LIMIT {_REMOVED_AT_ONCE})"
                return tx.delete_where(TABLES[table], target, where, (target,))

            while await asyncio.wrap_future(self.database.write(job)) >= _REMOVED_AT_ONCE:
                pass
        logger.info("%s: its rows are deleted: %s", target, reason)


def _look_at(supervisors: list[Supervisor]) -> list[tuple[Supervisor, HoldfastError | list[Ask | Reread]]]:
    found: list[tuple[Supervisor, HoldfastError | list[Ask | Reread]]] = []
    for one in supervisors:
        try:
            if questions := one.look():
                found.append((one, questions))
        except HoldfastError as failure:
            found.append((one, failure))
    return found
