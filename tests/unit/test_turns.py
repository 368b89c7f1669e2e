"""One at a time per target: tasks wait in order, a thread only tries, and nobody's going away leaves the turn behind."""

import asyncio
import threading

from holdfast.transactions.turns import Turns


async def test_who_comes_later_waits_and_each_target_has_its_own_turn():
    turns, order = Turns(), []
    await turns.take("a")
    await turns.take("b")

    async def late(name):
        await turns.take("a")
        order.append(name)
        turns.give("a")

    waiting = [asyncio.create_task(late(name)) for name in "xyz"]
    await asyncio.sleep(0)
    assert not turns.try_take("a") and order == []
    turns.give("a")
    await asyncio.gather(*waiting)
    assert order == ["x", "y", "z"]
    assert turns.try_take("a") and not turns.try_take("b")


async def test_a_thread_gives_its_turn_to_a_task():
    turns = Turns()
    assert await asyncio.to_thread(turns.try_take, "a")
    waiting = asyncio.create_task(turns.take("a"))
    await asyncio.sleep(0)
    await asyncio.to_thread(turns.give, "a")
    await asyncio.wait_for(waiting, 5)
    assert not turns.try_take("a")


async def test_who_no_longer_waits_does_not_keep_it():
    turns = Turns()
    await turns.take("a")
    first, second = asyncio.create_task(turns.take("a")), asyncio.create_task(turns.take("a"))
    await asyncio.sleep(0)
    first.cancel()
    turns.give("a")  # to the first, who goes
    await asyncio.wait_for(second, 5)
    turns.give("a")
    assert turns.try_take("a")


async def test_who_is_cancelled_with_the_turn_in_hand_gives_it_on():
    turns = Turns()
    await turns.take("a")
    first = asyncio.create_task(turns.take("a"))
    await asyncio.sleep(0)
    turns.give("a")
    await asyncio.sleep(0)  # it has been given, and the task has not run yet
    first.cancel()
    await asyncio.wait([first])
    assert turns.try_take("a")


async def test_all_given_waits_for_those_who_have_one():
    turns = Turns()
    turns.try_take("a")
    closing = asyncio.create_task(turns.all_given())
    await asyncio.sleep(0.01)
    assert not closing.done()
    turns.give("a")
    await asyncio.wait_for(closing, 5)
    assert turns.try_take("a")


async def test_threads_and_tasks_never_have_it_together():
    turns, inside, most, loop = Turns(), 0, 0, asyncio.get_running_loop()
    gate = threading.Lock()

    def enter():
        nonlocal inside, most
        with gate:
            inside += 1
            most = max(most, inside)

    def leave():
        nonlocal inside
        with gate:
            inside -= 1
        turns.give("a")

    def thread():
        done = 0
        while done < 300:
            if turns.try_take("a"):
                enter()
                leave()
                done += 1

    async def task():
        for _ in range(300):
            await turns.take("a")
            enter()
            await asyncio.sleep(0)
            leave()

    await asyncio.gather(task(), task(), *(loop.run_in_executor(None, thread) for _ in range(2)))
    assert most == 1 and turns.try_take("a")
