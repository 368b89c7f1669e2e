"""The fake clock of holdfast.testing: timers run in order, at their moments, without real time passing."""

from __future__ import annotations

import asyncio
import time

import pytest

from holdfast.testing.clock import FakeClock


def test_timers_run_in_order_and_at_their_moment(clock: FakeClock) -> None:
    seen: list[tuple[str, float]] = []

    async def sleeper(name: str, *pauses: float) -> None:
        for pause in pauses:
            await asyncio.sleep(pause)
            seen.append((name, clock.monotonic() - 1000))

    async def story() -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(sleeper("a", 1, 2, 4))
            tasks.create_task(sleeper("b", 2, 3600))
            await clock.advance(3)
            assert seen == [("a", 1), ("b", 2), ("a", 3)]
            await clock.advance(3600)

    start = time.monotonic()
    clock.run(story())
    assert seen[3:] == [("a", 7), ("b", 3602)]
    assert clock.monotonic() == 4603
    assert time.monotonic() - start < 1


def test_timeouts_obey_the_clock(clock: FakeClock) -> None:
    async def story() -> bool:
        task = asyncio.create_task(asyncio.wait_for(asyncio.Event().wait(), 60))
        await clock.advance(59.9)
        assert not task.done()
        await clock.advance(0.2)
        with pytest.raises(TimeoutError):
            task.result()
        return True

    assert clock.run(story())


def test_the_three_readings_differ_as_the_systems_do(clock: FakeClock) -> None:
    monotonic, boottime, date = clock.monotonic(), clock.boottime(), clock.time_ns()
    clock.move(2)
    clock.suspend(10)
    assert (clock.monotonic() - monotonic, clock.boottime() - boottime, clock.time_ns() - date) == (2, 12, 12_000_000_000)
    clock.set_date(5)
    assert (clock.time_ns(), clock.monotonic() - monotonic) == (5, 2)
    with pytest.raises(ValueError, match="forward only"):
        clock.move(-1)


def test_advance_without_its_loop_says_what_to_do(clock: FakeClock) -> None:
    with pytest.raises(RuntimeError, match="move"):
        asyncio.run(clock.advance(1))
