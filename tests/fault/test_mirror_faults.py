"""The worst days of a mirror: events lost, a torn dump, a dead socket, garbage, a database that refuses. Nothing goes unseen."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from holdfast.database.home import Transaction
from holdfast.database.sqlite import Database
from holdfast.errors import Unavailable
from holdfast.mirror.applier import Applier
from holdfast.mirror.mirror import Mirror
from holdfast.mirror.status import Counters, State, Status
from holdfast.mirror.supervisor import Settings
from holdfast.model.field import Table
from holdfast.netlink.batch import Batch
from holdfast.sources.netns import Netns
from holdfast.testing.netns import Namespace

pytestmark = pytest.mark.kernel

SOON = Settings(audit_s=0, retry_first_s=0.05, retry_most_s=0.2)
MANY = 4000


class Spoiled(Netns):
    """A namespace whose dumps can be told to be torn, and to whose events garbage can be added."""

    torn = 0  # so many of the next route dumps
    dumps = 0
    garbage = b""

    def dump(self, table: Table, family: str = "", **filters: Any) -> Iterator[bytes]:
        yield from super().dump(table, family, **filters)
        if table.name == "routes":
            self.dumps += 1
            if self.torn:
                self.torn -= 1
                self.interrupted = True

    @property
    def events(self) -> Any:
        return _Garbled(self, super().events) if self.garbage else super().events


class _Garbled:
    def __init__(self, source: Spoiled, events: Any) -> None:
        self._source, self._events = source, events

    def fileno(self) -> int:
        return int(self._events.fileno())

    def drain(self, limit: int) -> bytes:
        data = self._events.drain(limit)
        if data:
            data, self._source.garbage = self._source.garbage + data, b""
        return bytes(data)


@asynccontextmanager
async def mirrored(netns: Namespace, **spec: Any) -> AsyncIterator[tuple[Mirror, Spoiled, Counters]]:
    with Database() as database:
        async with Mirror(database, SOON) as mirror:
            source = Spoiled(netns.name, {"netns": netns.path} | spec)
            mirror.add(source)
            await mirror.ready(netns.name, 5)
            yield mirror, source, mirror.status(netns.name).counters


async def soon(condition: Callable[[], bool], timeout_s: float = 10) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - seen from outside, as anybody would
            await asyncio.sleep(0.01)


def routes(mirror: Mirror) -> int:
    row = mirror.database.fetchone("SELECT count(*) FROM routes WHERE dst LIKE '10.%'")
    assert row is not None
    return int(row[0])


def lines(verb: str, count: int = MANY) -> list[str]:
    return [f"route {verb} 10.{n >> 8}.{n & 255}.0/24 dev lo" for n in range(count)]


async def test_lost_events_are_noticed_and_made_good(netns: Namespace) -> None:
    async with mirrored(netns, rcvbuf=65536) as (mirror, _, counters):
        held = mirror.database.write(lambda _: time.sleep(0.7))  # the writer is busy elsewhere
        await asyncio.to_thread(netns.batch, lines("add"))
        await asyncio.wrap_future(held)
        await soon(lambda: routes(mirror) == MANY)
        assert counters.lost >= 1
        await soon(lambda: counters.resyncs >= 1)
        await mirror.settled(timeout_s=5)
        assert mirror.status(netns.name).state is State.RUNNING
        [said] = mirror.database.fetch("SELECT message FROM log WHERE kind = 'gap' LIMIT 1")
        assert "routes +" in said[0], "the repair is in the log"
        watched = mirror.database.changes("routes", 0)
        assert sum(change.op == "put" and change.row["dst"].startswith("10.") for change in watched) == MANY, "as ordinary changes"


async def test_a_storm_with_a_small_buffer_ends_right(netns: Namespace) -> None:
    async with mirrored(netns, rcvbuf=65536) as (mirror, _, counters):
        for verb in ("add", "del", "add"):
            await asyncio.to_thread(netns.batch, lines(verb))
        await soon(lambda: routes(mirror) == MANY and mirror.status(netns.name).state is State.RUNNING)
        await mirror.settled(timeout_s=5)
        assert routes(mirror) == MANY
        assert counters.failures == 0


async def test_a_torn_dump_is_taken_again(netns: Namespace) -> None:
    async with mirrored(netns) as (mirror, source, _):
        source.torn, before = 2, source.dumps
        mirror.resync(netns.name)
        await mirror.settled(timeout_s=5)
        assert source.dumps == before + 3
        assert mirror.status(netns.name).state is State.RUNNING


async def test_a_dump_torn_again_and_again_is_accepted_and_repeated_later(netns: Namespace) -> None:
    async with mirrored(netns) as (mirror, source, counters):
        source.torn, before, rereads = 3, source.dumps, counters.rereads
        mirror.resync(netns.name)
        await mirror.settled(timeout_s=5)
        assert source.dumps == before + 3
        await soon(lambda: source.dumps == before + 4 and counters.rereads > rereads, 3)


async def test_a_dead_socket_is_replaced(netns: Namespace) -> None:
    async with mirrored(netns) as (mirror, source, counters):
        source.events.close()
        await asyncio.to_thread(netns.batch, lines("add", 10))  # nobody hears of it
        await soon(lambda: counters.failures == 1 and mirror.status(netns.name).state is State.RUNNING)
        assert routes(mirror) == 10


async def test_garbage_is_counted_logged_and_skipped(netns: Namespace, caplog: pytest.LogCaptureFixture) -> None:
    bad = b"\x18\0\0\0" + b"\x18\0" + bytes(10) + b"\x02\xff" + bytes(6)  # RTM_NEWROUTE that ends inside its header
    async with mirrored(netns) as (mirror, source, counters):
        source.garbage = bad
        with caplog.at_level(logging.WARNING, "holdfast.mirror"):
            await asyncio.to_thread(netns.batch, lines("add", 10))
            await mirror.settled(timeout_s=5)
        assert routes(mirror) == 10
        assert counters.undecoded == 1
        assert counters.failures == 0
        assert bad.hex() in caplog.text


async def test_what_a_refusing_database_did_not_take_is_read_again(netns: Namespace, monkeypatch: pytest.MonkeyPatch) -> None:
    refusals = iter([True, True])

    def refuse(self: Applier, tx: Transaction, batch: Batch, *, asked: bool = False) -> Any:
        if batch.table.name == "routes" and next(refusals, False):
            raise Unavailable("the disk is full")
        return apply(self, tx, batch, asked=asked)

    apply = Applier.apply
    monkeypatch.setattr(Applier, "apply", refuse)
    async with mirrored(netns) as (mirror, _, counters):
        seen: list[Status] = []
        mirror.on_state(seen.append)
        await asyncio.to_thread(netns.batch, lines("add", 50))
        await soon(lambda: routes(mirror) == 50)
        await soon(lambda: mirror.status(netns.name).state is State.RUNNING)
        assert counters.failures >= 1
        failed = [status for status in seen if status.state is State.FAILED]
        assert failed and failed[0].error == "the disk is full"


async def test_a_namespace_that_ends_during_its_load(make_netns: Callable[..., Namespace], monkeypatch: pytest.MonkeyPatch) -> None:
    netns = make_netns("short")
    with Database() as database:
        async with Mirror(database, SOON) as mirror:
            source = Spoiled(netns.name, {"netns": netns.path})
            opened = source.open

            def open_and_delete() -> None:
                opened()
                netns.delete()

            monkeypatch.setattr(source, "open", open_and_delete)
            mirror.add(source)
            await soon(lambda: mirror.status(netns.name).state in (State.ENDED, State.FAILED))
            assert not database.fetch("SELECT 1 FROM interfaces WHERE target = ?", (netns.name,))


async def test_while_the_writer_stands_events_are_kept_elsewhere_and_none_is_lost(netns: Namespace) -> None:
    """Many times what the receive buffer holds, while one job holds the writer for as long as it takes."""
    async with mirrored(netns, rcvbuf=1 << 20) as (mirror, source, counters):
        go_on = threading.Event()
        held = mirror.database.write(lambda _: go_on.wait(20))
        fits = 2 * (1 << 20) // 832
        for start in range(0, 4 * fits, fits // 5):
            commands = [f"route add 10.{n >> 8}.{n & 255}.0/24 dev lo" for n in range(start, start + fits // 5)]
            await asyncio.to_thread(netns.batch, commands)
            await soon(lambda: source.events.pressure() < 0.2)
        go_on.set()
        await asyncio.wrap_future(held)
        await soon(lambda: routes(mirror) == len(range(0, 4 * fits, fits // 5)) * (fits // 5))
        assert (counters.lost, counters.resyncs) == (0, 0)
