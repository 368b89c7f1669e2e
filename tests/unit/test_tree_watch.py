"""Watches and messages: who is told of what, once, in order, and what happens to the slow."""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
from typing import Any

import pytest

from holdfast import Tree as SyncTree
from holdfast.aio import Tree
from holdfast.errors import Compacted, InvalidValue, Lagged, Lost


async def batches(watch: Any, count: int) -> list[Any]:
    """So many commits."""
    return [await asyncio.wait_for(anext(watch), 5) for _ in range(count)]


async def live(*watches: Any) -> None:
    """Wait until somebody reads each of them, and it has caught up."""
    for _ in range(5000):
        if all(watch._made.live and watch._made._entered for watch in watches):
            return
        await asyncio.sleep(0.001)
    raise AssertionError("a watch does not catch up")


async def nothing(watch: Any) -> bool:
    """Does nothing come?"""
    try:
        await asyncio.wait_for(anext(watch), 0.05)
    except TimeoutError:
        return True
    return False


async def test_writes_at_below_and_above_the_watched_path_are_told() -> None:
    async with Tree() as tree:
        above, at, below = tree.watch("b"), tree.watch("b.x"), tree.watch("b.y.deep")
        everything, other = tree.watch(), tree.watch("other")
        await tree.put("b", {"x": 1, "y": {"deep": {"er": 2}}, "z": 3})
        assert [change.path for change in (await batches(above, 1))[0].changes] == ["b.x", "b.y.deep.er", "b.z"]
        assert [change.path for change in (await batches(at, 1))[0].changes] == ["b.x"]
        assert [change.path for change in (await batches(below, 1))[0].changes] == ["b.y.deep.er"]
        await tree.delete("b")
        assert [(one.op, one.path, one.old) for one in (await batches(at, 1))[0].changes] == [("delete", "b.x", 1)]
        assert len((await batches(everything, 2))[1].changes) == 3
        assert await nothing(other)
        assert tree.get() == {}, "the record was written whole, whoever watches"


async def test_a_batch_is_a_commit_with_its_author_and_origin() -> None:
    async with Tree(author="anna") as tree:
        other = tree.as_author("bert")
        watch = tree.watch("a")
        made = await other.put("a", {"x": 1, "y": 2}, message="why")
        [commit] = await batches(watch, 1)
        assert (commit.revision, commit.author, commit.message, commit.time_ns) == (made.revision, "bert", "why", made.time_ns)
        assert commit.origin == other.id != tree.id
        await tree.put("a.x", 5)
        [own] = await batches(watch, 1)
        assert own.origin == tree.id, "a writer is told of its own writes, and can tell"
        assert (own.changes[0].old, own.changes[0].value, own.changes[0].created) == (1, 5, False)


async def test_rollbacks_drafts_and_sessions_are_told_like_everything_else() -> None:
    async with Tree() as tree:
        await tree.put("a", {"x": {"k": 1}})
        await tree.put("a", {"x": {"k": 2}})
        watch = tree.watch("a.x.k")
        await tree.history.rollback("a", back=1)
        draft = await tree.drafts.begin()
        await draft.put("a.x.k", 3)
        await draft.commit()
        found = await batches(watch, 2)
        assert [commit.changes[0].value for commit in found] == [1, 3]


async def test_patterns_and_expressions_with_groups() -> None:
    async with Tree() as tree:
        failed: list[dict[str, object]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: failed.append(context))
        stars, expression = tree.watch(pattern="nodes.*.mtu"), tree.watch(regex=r"nodes\.(.*)\.ip")
        await tree.put("nodes", {"r1": {"mtu": 1, "ip": "a"}, "r2": {"mtu": 2, "zip": "b"}})
        assert [change.path for change in (await batches(stars, 1))[0].changes] == ["nodes.r1.mtu", "nodes.r2.mtu"]
        [commit] = await batches(expression, 1)
        assert [(change.path, change.groups) for change in commit.changes] == [("nodes.r1.ip", ("r1",))]
        await tree.put("nodes.r2.zip", "c")
        assert await nothing(stars) and await nothing(expression)
        for wrong in ({"regex": "("}, {"pattern": "a..b"}, {"path": "a..b"}, {"queue": 0}):
            with pytest.raises(InvalidValue):
                tree.watch(**wrong)
        await tree.put("nodes.r1.mtu", 9)
        assert len(await batches(stars, 1)) == 1, "a bad subscription is nobody else's trouble"
        assert not failed, "what matches nothing is no fault"


@pytest.mark.parametrize("memory", [64 << 20, 1 << 14])
async def test_many_expressions_are_looked_at_together_also_when_memory_is_short(memory: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holdfast.tree.watch._MEMORY", memory)
    failed: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failed.append(context))
    async with Tree() as tree:
        watches = [tree.watch(regex=rf"node{number}\.(\w+)\.ip") for number in range(300)]
        last = tree.watch()
        reading = [asyncio.create_task(anext(watch)) for watch in (*watches, last)]
        await live(*watches, last)
        await tree.put("else.x", 1)
        await tree.put("node7.eth0.ip", 1)
        await asyncio.wait_for(reading[-1], 5)
        commit = await asyncio.wait_for(reading[7], 5)
        assert [(change.path, change.groups) for change in commit.changes] == [("node7.eth0.ip", ("eth0",))]
        assert sum(task.done() for task in reading) == 2 and not failed
        for task in reading:
            task.cancel()


async def test_from_a_revision_on_and_then_live_without_a_gap() -> None:
    async with Tree() as tree:
        first = await tree.put("a.k0", 0)
        for number in range(1, 30):
            await tree.put(f"a.k{number}", number)
        watch = tree.watch("a", since=first.revision)

        async def write() -> None:
            for number in range(30, 60):
                await tree.put(f"a.k{number}", number)

        writing = asyncio.create_task(write())
        found = await batches(watch, 59)
        await writing
        assert [commit.changes[0].value for commit in found] == list(range(1, 60))
        assert [commit.revision for commit in found] == sorted({commit.revision for commit in found})
        assert found[0].author == tree.author and found[0].time_ns


async def test_a_revision_that_is_not_kept_or_not_ours_is_refused() -> None:
    async with Tree() as tree:
        for number in range(5):
            await tree.put("a", number)
        await tree.compact(tree.revision - 1)
        with pytest.raises(Compacted):
            await anext(tree.watch("a", since=1))
        with pytest.raises(Compacted, match="is not one of this database"):
            await anext(tree.watch("a", since=10**9))


async def test_a_slow_reader_is_told_that_it_lagged_and_where_to_go_on() -> None:
    async with Tree() as tree:
        slow = tree.watch("a", queue=3, catch_up=False)
        starting = asyncio.create_task(batches(slow, 1))
        await live(slow)
        for number in range(10):
            await tree.put("a", number)
        found = [(await starting)[0].changes[0].value]
        while slow._made.ready:
            found.append((await batches(slow, 1))[0].changes[0].value)
        with pytest.raises(Lagged) as raised:
            await batches(slow, 1)
        assert raised.value.resume == slow.seen
        assert found == list(range(len(found))) and 3 <= len(found) < 10
        resumed = tree.watch("a", since=raised.value.resume)
        assert [one.changes[0].value for one in await batches(resumed, 10 - len(found))] == list(range(len(found), 10))
        assert [one.changes[0].value for one in await batches(slow, 10 - len(found))] == list(range(len(found), 10)), "or just read on"


async def test_a_slow_reader_that_prefers_it_reads_the_file() -> None:
    async with Tree() as tree:
        slow = tree.watch("a", queue=2)
        starting = asyncio.create_task(batches(slow, 1))
        await live(slow)
        for number in range(50):
            await tree.put("a", number)
        found = [*await starting, *await batches(slow, 49)]
        assert [one.changes[0].value for one in found] == list(range(50))
        await tree.put("a", "live")
        assert (await batches(slow, 1))[0].changes[0].value == "live"


async def test_a_thousand_watchers_of_which_ten_are_slow() -> None:
    async with Tree() as tree:
        told: list[int] = []

        async def quick(watch: Any) -> None:
            for _ in range(20):
                await anext(watch)
            told.append(1)

        watches = [tree.watch(f"a.k{number % 20}" if number % 2 else "a", queue=5) for number in range(990)]
        slow = [tree.watch("a", queue=5, catch_up=False) for _ in range(10)]
        tasks = [asyncio.create_task(quick(watch)) for number, watch in enumerate(watches) if not number % 2]
        starting = [asyncio.create_task(batches(watch, 1)) for watch in slow]
        await live(*watches[::2], *slow)
        for number in range(20):
            await tree.put(f"a.k{number}", number)
        await asyncio.wait_for(asyncio.gather(*tasks), 20)
        assert len(told) == 495
        await asyncio.gather(*starting)
        for watch in slow:
            with pytest.raises(Lagged):
                await batches(watch, 20)


async def test_one_that_goes_and_comes_sees_every_commit_once(rng: random.Random) -> None:
    async with Tree() as tree:
        revisions: list[int] = []

        async def write() -> None:
            for number in range(150):
                revisions.append((await tree.put("a.k", number)).revision)
                if rng.random() < 0.2:
                    await asyncio.sleep(0.002)

        seen: list[int] = []
        since = tree.revision
        writing = asyncio.create_task(write())
        while not writing.done() or since < revisions[-1]:
            watch = tree.watch("a", since=since, queue=rng.choice([1, 5, 100]), catch_up=rng.random() < 0.5)
            with contextlib.suppress(Lagged, TimeoutError):
                for _ in range(rng.randrange(1, 40)):
                    commit = await asyncio.wait_for(anext(watch), 1)
                    seen.append(commit.revision)
                    since = commit.revision
            await watch.close()
        await writing
        assert seen == revisions


async def test_watches_end_with_the_tree_and_can_be_closed() -> None:
    tree = await Tree().open()
    watch, closed = tree.watch("a"), tree.watch("a")
    waiting = asyncio.create_task(anext(watch, None))
    ending = asyncio.create_task(anext(closed, None))
    await asyncio.sleep(0.02)
    await closed.close()
    assert await asyncio.wait_for(ending, 1) is None
    await tree.close()
    assert await asyncio.wait_for(waiting, 1) is None


async def test_an_interrupted_watch_goes_on_where_it_stopped() -> None:
    async with Tree() as tree:
        watch = tree.watch("a")
        assert await nothing(watch)
        await tree.put("a", 1)
        assert (await batches(watch, 1))[0].changes[0].value == 1


def test_a_watch_in_threads() -> None:
    with SyncTree() as tree:
        found: list[int] = []

        def read(watch: Any) -> None:
            for commit in watch:
                found.append(commit.changes[0].value)
                if len(found) == 20:
                    return

        thread = threading.Thread(target=read, args=(tree.watch("a"),))
        thread.start()
        for number in range(20):
            tree.put("a", number)
        thread.join(10)
        assert found == list(range(20))


async def test_a_failing_reader_disturbs_neither_commits_nor_other_readers() -> None:
    async with Tree() as tree:
        other = tree.watch("a")

        async def fail(watch: Any) -> None:
            async for _ in watch:
                raise ZeroDivisionError

        failing = asyncio.create_task(fail(tree.watch("a")))
        await asyncio.sleep(0)
        assert await tree.put("a", 1)
        with pytest.raises(ZeroDivisionError):
            await failing
        assert await tree.put("a", 2)
        assert len(await batches(other, 2)) == 2


# -- messages ------------------------------------------------------------------------------------------------------------


async def test_messages_reach_who_listens_and_nobody_listening_is_no_error() -> None:
    async with Tree() as tree:
        assert tree.channels.publish("news", 1) == 0
        one, other = tree.channels.subscribe("news"), tree.channels.subscribe("news")
        third = tree.channels.subscribe("else")
        assert tree.channels.names() == {"else": 1, "news": 2}
        assert tree.channels.publish("news", {"a": [None, "ü"]}) == 2
        for subscription in (one, other):
            [message] = await batches(subscription, 1)
            assert (message.channel, message.value, message.origin) == ("news", {"a": [None, "ü"]}, tree.id)
        assert await nothing(third)
        await third.close()
        assert tree.channels.names() == {"news": 2}
        with pytest.raises(InvalidValue):
            tree.channels.publish("news", object())
        with pytest.raises(InvalidValue):
            tree.channels.subscribe("")


async def test_messages_that_do_not_fit_are_counted() -> None:
    async with Tree() as tree:
        slow = tree.channels.subscribe("news", queue=2)
        for number in range(5):
            tree.channels.publish("news", number)
        await asyncio.sleep(0.05)
        assert [one.value for one in await batches(slow, 2)] == [0, 1]
        with pytest.raises(Lost, match="3 messages on `news` did not fit"):
            await anext(slow)
        tree.channels.publish("news", 9)
        assert (await batches(slow, 1))[0].value == 9


async def test_a_path_and_a_pattern_are_both_asked_for() -> None:
    async with Tree() as tree:
        both = tree.watch("nodes", pattern="**.mtu")
        coming = asyncio.create_task(anext(both))
        await live(both)
        await tree.put("zones.z.mtu", 1)
        await tree.put("nodes.r1.mtu", 2)
        assert [one.path for one in (await coming).changes] == ["nodes.r1.mtu"]
