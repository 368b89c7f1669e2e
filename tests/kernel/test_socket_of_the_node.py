"""Can another process ask and steer a running node, and is it told the truth when the node is gone?"""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from holdfast.api.running import Running
from holdfast.api.verb import verb
from holdfast.client.unix import UnixClient
from holdfast.errors import AlreadyExists, InvalidValue, NotFound, Unavailable, UnknownName
from holdfast.node import Node
from holdfast.server.unix import UnixServer
from holdfast.testing.netns import Namespace


class Numbers:
    """A service with streams, and with a fault."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()

    @verb()
    async def count(self, until: int) -> AsyncIterator[int]:
        for number in range(until):
            yield number
        if until > 3:
            raise NotFound("no more numbers")

    @verb()
    async def ticking(self) -> AsyncIterator[str]:
        try:
            yield "begun"
            await asyncio.Event().wait()
        finally:
            self.ended.set()

    @verb()
    async def broken(self) -> None:
        raise ZeroDivisionError("by nothing")


@asynccontextmanager
async def serving(path: Path, services: dict[str, Any]) -> AsyncIterator[UnixClient]:
    server = UnixServer(str(path), services)
    await server.start()
    try:
        yield UnixClient(str(path))
    finally:
        await server.stop()


async def call(client: UnixClient, name: str, **arguments: Any) -> Any:
    return await asyncio.to_thread(lambda: client.call(name, **arguments))


async def test_sources_are_added_and_removed(tmp_path: Path, make_netns: Callable[..., Namespace]) -> None:
    one, two = make_netns("one"), make_netns("two")
    spec = {"target": "one", "kind": "netns", "netns": one.path}
    async with Node(str(tmp_path / "h.db"), [spec]) as node, serving(tmp_path / "h.sock", {"node": Running(node)}) as client:
        status = await call(client, "node.status")
        assert status["pid"] == os.getpid()
        assert status["database"]["id"] == node.database.id
        assert [*status["sources"]] == ["one"]
        added = await call(client, "node.add_source", spec={"target": "two", "netns": two.path})
        assert (added["target"], added["state"]) == ("two", "running")
        assert node.database.fetchone("SELECT count(*) FROM interfaces WHERE target = 'two'") == (1,)
        with pytest.raises(AlreadyExists, match="a source `two` is already there"):
            await call(client, "node.add_source", spec={"target": "two", "netns": two.path})
        assert (await call(client, "node.resync", target="two"))["resyncs"] == 1
        assert (await call(client, "node.restart_source", target="two"))["state"] == "running"
        await call(client, "node.remove_source", target="two")
        assert node.database.fetchone("SELECT count(*) FROM interfaces WHERE target = 'two'") == (0,)
        with pytest.raises(NotFound):
            await call(client, "node.remove_source", target="two")


async def test_wrong_calls_are_explained(tmp_path: Path) -> None:
    async with serving(tmp_path / "h.sock", {"numbers": Numbers()}) as client:
        with pytest.raises(UnknownName, match="there are verbs of numbers"):
            await call(client, "letters.count")
        with pytest.raises(UnknownName, match="numbers has count, ticking, broken"):
            await call(client, "numbers.add")
        with pytest.raises(InvalidValue, match="`count` needs `until`"):
            await call(client, "numbers.count")
        with pytest.raises(Exception, match="ZeroDivisionError: by nothing") as caught:
            await call(client, "numbers.broken")
        assert caught.type.__name__ == "Bug"


async def test_a_stream_gives_its_items_and_its_error(tmp_path: Path) -> None:
    async with serving(tmp_path / "h.sock", {"numbers": Numbers()}) as client:
        assert await asyncio.to_thread(lambda: list(client.stream("numbers.count", until=3))) == [0, 1, 2]
        seen: list[int] = []

        def read() -> None:
            seen.extend(client.stream("numbers.count", until=5))

        with pytest.raises(NotFound, match="no more numbers"):
            await asyncio.to_thread(read)


async def test_a_stream_ends_with_who_listens(tmp_path: Path) -> None:
    numbers = Numbers()
    async with serving(tmp_path / "h.sock", {"numbers": numbers}) as client:
        stream = await asyncio.to_thread(client.stream, "numbers.ticking")
        assert await asyncio.to_thread(next, stream) == "begun"
        assert not numbers.ended.is_set()
        await asyncio.to_thread(stream.close)
        async with asyncio.timeout(5):
            await numbers.ended.wait()


async def test_another_thread_can_end_a_stream_that_waits(tmp_path: Path) -> None:
    numbers = Numbers()
    async with serving(tmp_path / "h.sock", {"numbers": numbers}) as client:
        stream = await asyncio.to_thread(client.stream, "numbers.ticking")
        rest = asyncio.create_task(asyncio.to_thread(list, stream))
        await asyncio.sleep(0.05)
        await asyncio.to_thread(stream.close)
        async with asyncio.timeout(5):
            assert await rest == ["begun"]
            await numbers.ended.wait()


async def test_the_socket_is_the_owners_alone_and_goes_with_the_server(tmp_path: Path) -> None:
    path = tmp_path / "h.sock"
    path.write_text("left by a killed node")
    async with serving(path, {"numbers": Numbers()}) as client:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not path.exists()
    with pytest.raises(Unavailable, match="no node listens"):
        await call(client, "numbers.count", until=1)


def test_a_path_that_is_too_long_for_a_socket_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match="at most 107 bytes"):
        UnixServer(str(tmp_path / ("x" * 120)), {})
