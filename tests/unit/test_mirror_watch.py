"""Does a watch tell everything once, in order, from where one asks for it?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from holdfast.database.home import Change
from holdfast.database.sqlite import Database
from holdfast.errors import Timeout
from holdfast.mirror.bell import Bell
from holdfast.mirror.watch import wait_until, watch
from holdfast.model import TABLES


def put(database: Database, *names: str, mtu: int = 1500) -> int:
    """Interfaces with these names, in one transaction; returns its revision."""
    columns = ("ifindex", "ifname", "mtu")
    values = [[sum(name.encode()) for name in names], list(names), [mtu] * len(names)]
    return database.write(lambda tx: (tx.put(TABLES["interfaces"], "t", columns, values), tx.revision)[1]).result(5)


async def take(changes: AsyncIterator[Change], count: int) -> list[tuple[str, Any]]:
    async with asyncio.timeout(5):
        return [(change.op, change.row["ifname"]) for change in [await anext(changes) for _ in range(count)]]


async def test_it_begins_now_unless_told_otherwise() -> None:
    with Database() as database:
        bell = Bell(database, asyncio.get_running_loop())
        before = put(database, "a")
        put(database, "b")
        late, early = watch(database, bell, ["interfaces"]), watch(database, bell, ["interfaces"], before - 1)
        coming = asyncio.create_task(take(late, 1))
        assert await take(early, 2) == [("put", "a"), ("put", "b")]
        await asyncio.sleep(0)
        put(database, "c")
        assert await coming == [("put", "c")]
        assert await take(early, 1) == [("put", "c")]


async def test_changes_of_one_revision_come_together() -> None:
    with Database() as database:
        bell = Bell(database, asyncio.get_running_loop())
        start = database.revision
        revision = put(database, "a", "b", "c")
        put(database, "d")
        changes = watch(database, bell, ["interfaces"], start)
        async with asyncio.timeout(5):
            found = [(await anext(changes)).revision for _ in range(4)]
        assert found == [revision, revision, revision, revision + 1]


async def test_only_what_matches_before_or_after() -> None:
    with Database() as database:
        bell = Bell(database, asyncio.get_running_loop())
        start = database.revision
        put(database, "a", "b")
        put(database, "a", mtu=9000)
        changes = watch(database, bell, ["interfaces"], start, {"mtu": 1500, "ifname": "a"})
        assert await take(changes, 2) == [("put", "a"), ("put", "a")], "the second one no longer matches, but did"


async def test_several_tables_in_one_order() -> None:
    with Database() as database:
        bell = Bell(database, asyncio.get_running_loop())
        start = database.revision
        put(database, "a")
        database.write(lambda tx: tx.put(TABLES["netns"], "t", ("name", "path"), [["n"], ["/n"]])).result(5)
        put(database, "b")
        changes = watch(database, bell, ["interfaces", "netns"], start)
        async with asyncio.timeout(5):
            assert [(await anext(changes)).table for _ in range(3)] == ["interfaces", "netns", "interfaces"]


async def test_a_slow_listener_loses_nothing() -> None:
    with Database() as database:
        bell = Bell(database, asyncio.get_running_loop())
        changes = watch(database, bell, ["interfaces"], database.revision)
        for number in range(2500):  # more than is read at once
            database.write(lambda tx, number=number: tx.put(TABLES["interfaces"], "t", ("ifindex", "mtu"), [[1], [number]]))
        async with asyncio.timeout(20):
            assert [(await anext(changes)).row["mtu"] for _ in range(2500)] == list(range(2500))


async def test_closing_it_leaves_nobody_waiting() -> None:
    with Database() as database:
        bell = Bell(database, asyncio.get_running_loop())
        waiting = asyncio.create_task(anext(watch(database, bell, ["interfaces"])))
        await asyncio.sleep(0.01)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        put(database, "a")
        assert not bell._waiters


async def test_waiting_for_a_condition() -> None:
    with Database() as database:
        bell = Bell(database, asyncio.get_running_loop())

        def check() -> Any:
            return database.fetchone("SELECT mtu FROM interfaces WHERE ifname = 'a'")

        waiting = asyncio.create_task(wait_until(database, bell, ["interfaces"], check, 5))
        await asyncio.sleep(0.01)
        put(database, "b")
        put(database, "a")
        assert await waiting == (1500,)
        with pytest.raises(Timeout, match="a nothing did not become true"):
            await wait_until(database, bell, ["interfaces"], lambda: None, 0.01, "a nothing")
