"""Calling verbs: of the running node over its socket, or, where none runs, of this process in its place."""

from __future__ import annotations

import asyncio
import inspect
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol, Self

from holdfast.errors import Unavailable, UnknownName

from .state import database_file, find_node, holder, socket_of

if TYPE_CHECKING:
    from holdfast.client.unix import UnixClient
    from holdfast.database.sqlite import FileReader

__all__ = ["KEPT", "Alone", "Caller", "Items", "caller_of_tree", "file_of", "open_alone", "running_node"]

Services = Mapping[str, Any]


class Items(Protocol):
    """What a verb streams. `close` ends it, from any thread: who waits in `next` then gets the end."""

    def __iter__(self) -> Iterator[Any]: ...

    def __next__(self) -> Any: ...

    def close(self) -> None: ...


class Caller(Protocol):
    """Who carries out verbs, for any thread."""

    def call(self, verb: str, **arguments: Any) -> Any: ...

    def stream(self, verb: str, **arguments: Any) -> Items: ...


KEPT: ContextVar[Callable[[str], Caller | None] | None] = ContextVar("KEPT", default=None)
"""Who has the tree of a file already ("": of the usual one), where commands follow one another in one process: the shell."""


def running_node(db: str = "") -> UnixClient:
    """The node that keeps this file, or this user's. Raises: Unavailable - none is running."""
    from holdfast.client.unix import UnixClient

    path = file_of(db)
    if path is None:
        what = f"no node is running on `{db}`" if db else "no node is running"
        starts = f"`holdfast run --db {db}` starts one" if db else "`holdfast run` starts one; that of a file of its own: --db FILE"
        raise Unavailable(what, hint=starts)
    return UnixClient(socket_of(path))


def file_of(db: str = "") -> str | None:
    """The file of the running node: of this one if it is named. None: no node is running there."""
    if db:
        return db if holder(db) is not None else None
    node = find_node()
    return None if node is None else node.path


class Alone:
    """This process in the place of a node: opens what `services` opens, and runs verbs on the loop behind this process's threads.

    Opening and closing are not broken off half way: a Ctrl-C would leave the file held by nobody who knows of it.
    """

    def __init__(self, services: AbstractAsyncContextManager[Services]) -> None:
        from holdfast.api.bridge import run

        self._run = run
        self._opening = services
        self._entering: asyncio.Task[Services] | None = None
        self._leaving: asyncio.Task[Any] | None = None
        try:
            self._services = run(self._enter())
        except BaseException:
            run(self._undo())
            raise

    async def _enter(self) -> Services:
        self._entering = asyncio.ensure_future(self._opening.__aenter__())
        return await asyncio.shield(self._entering)

    async def _undo(self) -> None:
        """Close what was opened, though who asked for it has given up."""
        if self._entering is not None:
            await asyncio.wait([self._entering])
            if self._entering.exception() is None:
                await self._leave()

    async def _leave(self) -> None:
        self._leaving = asyncio.ensure_future(self._opening.__aexit__(None, None, None))
        await asyncio.shield(self._leaving)

    def call(self, verb: str, **arguments: Any) -> Any:
        """As UnixClient.call: what comes back has gone through JSON there, and need not here."""

        async def calling() -> Any:
            result = self._bound(verb, arguments)()
            return await result if inspect.isawaitable(result) else result

        return self._run(calling())

    def stream(self, verb: str, **arguments: Any) -> _Items:
        return _Items(self._bound(verb, arguments)())

    def _bound(self, name: str, arguments: dict[str, Any]) -> Callable[[], Any]:
        from holdfast.api.verb import verbs_of

        service, _, verb = name.partition(".")
        owner = self._services.get(service)
        if owner is None or verb not in verbs_of(type(owner)):
            raise UnknownName(f"no verb `{name}`")
        one = verbs_of(type(owner))[verb]
        given = one.bound(arguments)
        return lambda: one.function(owner, **given)

    def close(self) -> None:
        self._run(self._leave())


class _Items:
    """Items of an asynchronous generator on the loop behind, pulled one by one. It has begun when this is made: nothing later is missed."""

    def __init__(self, items: AsyncIterator[Any]) -> None:
        from holdfast.api.bridge import run

        self._run = run
        self._items = items
        self._task: asyncio.Task[Any] | None = None
        self._ended = False
        run(self._begin())

    async def _begin(self) -> None:
        self._task = asyncio.create_task(_next(self._items))
        await asyncio.sleep(0)  # its first step, up to where it waits

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        if self._ended:
            raise StopIteration
        try:
            return self._run(self._pull())
        except StopAsyncIteration:
            raise StopIteration from None

    async def _pull(self) -> Any:
        self._task = self._task or asyncio.create_task(_next(self._items))
        try:
            return await self._task
        except asyncio.CancelledError:
            pulling = asyncio.current_task()
            given_up = pulling is not None and pulling.cancelling()  # by Ctrl-C: nobody waits for it any more
            if self._ended and not given_up:  # it was closed, by another thread
                raise StopAsyncIteration from None
            raise
        finally:
            self._task = None

    def close(self) -> None:
        if not self._ended:
            self._ended = True
            self._run(self._end())

    async def _end(self) -> None:
        if self._task is not None:
            if not self._task.cancelling():  # once: what it does on its way out is not to be interrupted
                self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._items.aclose()  # type: ignore[attr-defined]


async def _next(items: AsyncIterator[Any]) -> Any:
    return await anext(items)


@contextmanager
def caller_of_tree(db: str = "", *, reads: bool = False) -> Iterator[Caller]:
    """Who has the config tree: the shell in which this command runs, the running node, or this process, which takes the file then.

    reads: nothing but reading is wanted. Then the file is not taken, if it can be read as it stands: a process that has it is no
    hindrance, and no revision goes.
    Raises: what opening the file raises.
    """
    kept = KEPT.get()
    known = kept(db) if kept is not None else None
    if known is not None:
        yield known
        return
    path = file_of(db)
    if path is not None:
        from holdfast.client.unix import UnixClient

        yield UnixClient(socket_of(path))
        return
    alone = (_open_still(db) if reads else None) or open_alone(db)
    try:
        yield alone
    finally:
        alone.close()


def open_alone(db: str = "") -> Alone:
    """Take the file, made if it is missing. Raises: Busy - somebody has it;  what opening raises."""
    file = db or database_file()
    os.makedirs(os.path.dirname(os.path.abspath(file)), mode=0o750, exist_ok=True)
    return Alone(_tree(file))


def _open_still(db: str) -> Alone | None:
    """The file as it stands; None: it has to be taken."""
    from holdfast.api.still import open_still

    reader = open_still(db or database_file())
    return None if reader is None else Alone(_still(reader))


@asynccontextmanager
async def _still(reader: FileReader) -> AsyncIterator[Services]:
    from holdfast.api.config import Config
    from holdfast.api.still import still_tree

    async with still_tree(reader) as tree:
        yield {"tree": Config(tree)}


@asynccontextmanager
async def _tree(path: str) -> AsyncIterator[Services]:
    from holdfast.api.aio.tree.tree import Tree
    from holdfast.api.config import Config

    async with Tree(path) as tree:
        yield {"tree": Config(tree)}
