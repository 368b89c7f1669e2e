"""A source is closed after it was opened, however it is taken away: what is opened late would stay open for ever."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from holdfast.database.sqlite import Database
from holdfast.errors import WorldError
from holdfast.mirror.mirror import Mirror
from holdfast.sources.contract import Events, Source


class Slow(Source):
    """Opening it takes until it is let go, and then fails if it is told to."""

    kind = "slow"

    def __init__(self, *, fails: bool) -> None:
        super().__init__("slow", {})
        self.story: list[str] = []
        self.opening, self.go = threading.Event(), threading.Event()
        self._fails = fails

    async def begun(self) -> None:
        await asyncio.to_thread(self.opening.wait, 10)

    def open(self) -> None:
        self.story.append("opening")
        self.opening.set()
        assert self.go.wait(10)
        self.story.append("opened")
        if self._fails:
            raise WorldError("no")

    def close(self) -> None:
        self.story.append("closed")

    @property
    def events(self) -> Events:
        raise AssertionError

    def dump(self, *args: Any, **filters: Any) -> Iterator[bytes]:
        raise AssertionError

    get = alive = name_files = dump  # type: ignore[assignment]


@pytest.mark.parametrize("fails", [False, True])
async def test_a_source_that_is_removed_while_it_opens_is_closed_after_that(fails: bool) -> None:
    source = Slow(fails=fails)
    with Database() as database:
        async with Mirror(database) as mirror:
            mirror.add(source)
            await source.begun()
            removing = asyncio.create_task(mirror.remove("slow"))
            await asyncio.sleep(0.05)
            source.go.set()
            await removing
    assert source.story == ["opening", "opened", "closed"]


async def test_a_source_that_is_removed_while_its_closing_waits_for_a_worker_is_closed() -> None:
    source = Slow(fails=True)
    with Database() as database:
        async with Mirror(database) as mirror:
            mirror.add(source)
            await source.begun()
            for _ in range(4):  # all workers are busy when it fails, so that closing has to wait for one
                mirror.workers.submit(time.sleep, 0.3)
            source.go.set()
            await asyncio.sleep(0.1)
            await mirror.remove("slow")
    assert source.story[-2:] == ["opened", "closed"]
