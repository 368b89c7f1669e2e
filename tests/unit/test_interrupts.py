"""Ctrl-C within a finalizer is heard behind it; there it would be told on the terminal, and forgotten."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from holdfast.cli.asking import loop
from holdfast.cli.asking.loop import break_off


class Finalized:
    def __del__(self) -> None:
        interrupted()


class Watched:
    pass


def interrupted() -> None:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.001)


@pytest.fixture
def complaints(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """What was told of exceptions that could not go on."""
    told: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", told.append)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGALRM)}
    left_s = signal.setitimer(signal.ITIMER_REAL, 0)[0]
    signal.signal(signal.SIGINT, break_off)
    signal.signal(signal.SIGALRM, lambda number, frame: signal.getsignal(signal.SIGINT)(signal.SIGINT, frame))  # type: ignore[operator,misc]
    yield told
    for number, handler in before.items():
        signal.signal(number, handler)
    signal.setitimer(signal.ITIMER_REAL, left_s)


def test_in_a_method_that_finalizes(complaints: list[Any]) -> None:
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - when it comes is the question
        Finalized()
        time.sleep(1)
    assert not complaints


def test_in_a_finalizer(complaints: list[Any]) -> None:
    watched = Watched()
    weakref.finalize(watched, interrupted)
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012
        del watched
        time.sleep(1)
    assert not complaints


def test_elsewhere_at_once(complaints: list[Any]) -> None:
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert time.monotonic() - started < 0.5
    assert not complaints


def test_in_a_finalizer_on_a_loop(complaints: list[Any]) -> None:
    async def finalizing() -> None:
        Finalized()
        await asyncio.sleep(5)

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        loop.on_loop(finalizing())
    assert time.monotonic() - started < 2
    assert not complaints
    assert signal.getsignal(signal.SIGINT) is break_off


def test_in_a_finalizer_before_a_loop_runs(complaints: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    made = loop._made_whole

    def finalizing() -> asyncio.AbstractEventLoop:
        Finalized()
        return made()

    monkeypatch.setattr(loop, "_made_whole", finalizing)
    with pytest.raises(KeyboardInterrupt):
        loop.on_loop(asyncio.sleep(5))
    assert not complaints
