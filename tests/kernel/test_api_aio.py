"""The asynchronous NDB: the same, awaited, and never in the way of the loop."""

import asyncio

import pytest

from holdfast.aio import NDB
from holdfast.errors import Closed, NotFound


def here(namespace):
    return {"target": "localhost", "kind": "netns", "netns": namespace.name}


@pytest.fixture
def ns(netns):
    netns.ip("link add v0 type veth peer name v1")
    netns.ip("link set v0 up")
    netns.ip("link set v1 up")
    netns.ip("addr add 10.0.0.1/24 dev v0")
    return netns


async def test_reading_is_plain_and_waiting_is_awaited(ns, make_netns):
    async with NDB(sources=[here(ns)]) as ndb:
        link = ndb.interfaces["v0"]
        assert link["state"] == "up" and link.ipaddr["10.0.0.1/24"].chain is link
        await asyncio.to_thread(ns.ip, "link set v0 mtu 1400")
        assert (await ndb.interfaces.wait(ifname="v0", mtu=1400, timeout=5)) is link
        other = make_netns("other")
        source = await ndb.sources.add(netns=other.name)
        await source.restart()
        assert ndb.interfaces.exists(target=other.name, ifname="lo")
        await ndb.sources.remove(other.name)
        with pytest.raises(TimeoutError):
            await link.ipaddr.wait("10.9.9.9", timeout=0.05)
        assert (await ndb.sql("SELECT count(*) AS n FROM interfaces"))[0].n == ndb.interfaces.count()
        assert await ndb.db.fetchone("SELECT 1") == (1,)
        await ndb.wait(5)
    with pytest.raises(Closed):
        _ = link["mtu"]


async def test_it_can_be_awaited_and_is_not_open_before(ns):
    ndb = NDB(sources=[here(ns)])
    with pytest.raises(Closed, match="this NDB is not open"):
        _ = ndb.interfaces["v0"]
    assert (await ndb) is ndb and ndb.interfaces["v0"]["state"] == "up"
    await ndb.close()
    await ndb.close()
    with pytest.raises(NotFound, match="hfa-nowhere"):
        await NDB(sources=[{"netns": "hfa-nowhere", "create": False}])


async def test_a_watch_is_an_asynchronous_iterator_that_ends_with_the_ndb(ns):
    ndb = await NDB(sources=[here(ns)])
    seen, both = [], asyncio.Event()

    async def follow():
        async for change in ndb.watch("routes", since=0, table=254):
            seen.append(change.row["dst"])
            if {"10.0.0.0", "10.9.0.0"} <= set(seen):
                both.set()

    async with asyncio.TaskGroup() as group:
        group.create_task(follow())
        waiting = group.create_task(ndb.interfaces.wait(ifname="never"))
        await asyncio.to_thread(ns.ip, "route add 10.9.0.0/16 via 10.0.0.2")
        await ndb.routes.wait("10.9.0.0/16", timeout=5)
        await both.wait()
        waiting.cancel()
        await ndb.close()


async def test_an_interrupted_watch_goes_on_where_it_stopped(ns):
    async with NDB(sources=[here(ns)]) as ndb:
        watch, seen = ndb.watch("routes", table=254), []
        for number in range(1, 6):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(watch), 0.02)
            await asyncio.to_thread(ns.ip, f"route add 10.{number}.0.0/16 via 10.0.0.2")
            seen.append((await anext(watch)).row["dst"])
        assert seen == [f"10.{number}.0.0" for number in range(1, 6)]
        waiting = asyncio.create_task(anext(watch, None))
        await asyncio.sleep(0.02)
        await watch.close()
        assert await waiting is None
        with pytest.raises(StopAsyncIteration):
            await anext(watch)


async def test_a_watch_of_attributes_of_a_kind(ns):
    async with NDB(sources=[here(ns)]) as ndb:
        watch = ndb.watch("interfaces", kind="bridge", br_stp_state=1)
        await asyncio.to_thread(ns.ip, "link add br0 type bridge")
        await asyncio.to_thread(ns.ip, "link add br1 type bridge stp_state 1")
        assert (await asyncio.wait_for(anext(watch), 5)).row["ifname"] == "br1"


async def test_large_tables_are_read_beside_the_loop(ns):
    await asyncio.to_thread(ns.batch, [f"route add 10.{number >> 8}.{number & 255}.0/24 via 10.0.0.2" for number in range(256, 5256)])
    async with NDB(sources=[here(ns)]) as ndb:
        turns = 0

        async def turn():
            nonlocal turns
            while True:
                await asyncio.sleep(0)
                turns += 1

        turning = asyncio.create_task(turn())
        assert len([record async for record in ndb.routes.dump() if record.gateway]) == 5000
        assert len([record async for record in ndb.routes.summary().select_records(gateway="10.0.0.2")]) == 5000
        turning.cancel()
        assert turns > 10


async def test_many_ask_for_the_tree_at_once_and_get_the_same(ns):
    async with NDB(sources=[here(ns)]) as ndb:
        trees = await asyncio.gather(*(ndb.tree(author=name) for name in "abc"))
        await trees[0].put("x", 1)
        assert [tree.get("x") for tree in trees] == [1, 1, 1]
        assert (await trees[1].put("x", 2)).author == "b"
    with pytest.raises(Closed):
        trees[2].get("x")
