"""Calling verbs: of the running node over its socket, or, where none runs, of this process in its place."""

from __future__ import annotations

import asyncio
import inspect
import os
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from holdfast.errors import Unavailable, UnknownName

from .state import database_file, find_node, holder, socket_of

if TYPE_CHECKING:
    from holdfast.client.unix import UnixClient

__all__ = ["Alone", "Caller", "caller_of_tree", "file_of", "running_node"]

Services = Mapping[str, Any]


class Caller(Protocol):
    """Who carries out verbs."""

    def call(self, verb: str, **arguments: Any) -> Any: ...

    def stream(self, verb: str, **arguments: Any) -> Generator[Any, None, None]: ...


def running_node(db: str = "") -> UnixClient:
    """The node that keeps this file, or this user's. Raises: Unavailable - none is running."""
    from holdfast.client.unix import UnixClient

    path = file_of(db)
    if path is None:
        what = f"no node is running on `{db}`" if db else "no node is running"
        raise Unavailable(what, hint=f"`holdfast run{f' --db {db}' if db else ''}` starts one")
    return UnixClient(socket_of(path))


def file_of(db: str = "") -> str | None:
    """The file of the running node: of this one if it is named. None: no node is running there."""
    if db:
        return db if holder(db) is not None else None
    node = find_node()
    return None if node is None else node.path


class Alone:
    """This process in the place of a node: opens what `services` opens, and runs verbs on a loop of its own."""

    def __init__(self, services: AbstractAsyncContextManager[Services]) -> None:
        self._runner = asyncio.Runner()
        self._opening = services
        self._services: Services = self._runner.run(services.__aenter__())

    def call(self, verb: str, **arguments: Any) -> Any:
        """As UnixClient.call: what comes back has gone through JSON there, and need not here."""

        async def calling() -> Any:
            result = self._bound(verb, arguments)()
            return await result if inspect.isawaitable(result) else result

        return self._runner.run(calling())

    def stream(self, verb: str, **arguments: Any) -> Generator[Any, None, None]:
        items = self._bound(verb, arguments)()
        try:
            while True:
                try:
                    yield self._runner.run(_next(items))
                except StopAsyncIteration:
                    return
        finally:
            self._runner.run(items.aclose())

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
        try:
            self._runner.run(self._opening.__aexit__(None, None, None))
        finally:
            self._runner.close()


async def _next(items: AsyncIterator[Any]) -> Any:
    return await anext(items)


@contextmanager
def caller_of_tree(db: str = "") -> Iterator[Caller]:
    """Who has the config tree: the running node, or this process, which takes the file then.

    Raises: what opening the file raises.
    """
    path = file_of(db)
    if path is not None:
        from holdfast.client.unix import UnixClient

        yield UnixClient(socket_of(path))
        return
    file = db or database_file()
    os.makedirs(os.path.dirname(os.path.abspath(file)), mode=0o750, exist_ok=True)
    alone = Alone(_tree(file))
    try:
        yield alone
    finally:
        alone.close()


@asynccontextmanager
async def _tree(path: str) -> AsyncIterator[Services]:
    from holdfast.api.aio_tree import Tree
    from holdfast.api.config import Config

    async with Tree(path) as tree:
        yield {"tree": Config(tree)}
