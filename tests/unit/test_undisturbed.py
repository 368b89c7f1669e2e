"""Signals within `Undisturbed`: none is handled there, none is lost, and afterwards all is as it was."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType

import pytest

from holdfast.undisturbed import Undisturbed


class Alarm(BaseException):
    pass


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Those of the tests' own time-outs come back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def raise_alarm(number: int, frame: FrameType | None) -> None:
    raise Alarm(number)


def kill(number: int) -> None:
    os.kill(os.getpid(), number)


def test_what_comes_within_is_handled_at_the_end() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - when it comes is the question
        with Undisturbed():
            kill(signal.SIGINT)
            done += range(1000)
        done.append("not reached")
    assert len(done) == 1000
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_that_does_not_raise_is_called_once_however_often_it_came() -> None:
    seen: list[tuple[int, FrameType | None]] = []
    signal.signal(signal.SIGUSR1, lambda *arguments: seen.append(arguments))
    with Undisturbed():
        for _ in range(3):
            kill(signal.SIGUSR1)
        assert seen == []
    [(number, frame)] = seen
    assert number == signal.SIGUSR1
    assert frame is not None
    kill(signal.SIGUSR1)
    assert len(seen) == 2


def test_of_several_that_raise_none_is_lost() -> None:
    signal.signal(signal.SIGUSR1, raise_alarm)
    signal.signal(signal.SIGUSR2, raise_alarm)
    caught = set[int]()
    try:
        try:
            with Undisturbed():
                kill(signal.SIGUSR1)
                kill(signal.SIGUSR2)
        finally:  # the second one runs behind the first, or while it is on its way
            for _ in range(1000):
                pass
    except Alarm as alarm:
        told: BaseException | None = alarm
        while told is not None:
            caught |= set(told.args)
            told = told.__context__
    assert caught == {signal.SIGUSR1, signal.SIGUSR2}
    assert {signal.getsignal(one) for one in (signal.SIGUSR1, signal.SIGUSR2)} == {raise_alarm}


def test_while_it_waits_a_handler_may_raise_and_afterwards_it_is_calm_again() -> None:
    with pytest.raises(KeyboardInterrupt), Undisturbed() as calm:  # noqa: PT012
        with pytest.raises(KeyboardInterrupt):
            calm.wait(lambda: (kill(signal.SIGINT), time.sleep(5)))
        assert calm.wait(lambda: 5) == 5
        kill(signal.SIGINT)
        time.sleep(0.001)


def test_a_look_handles_what_has_come() -> None:
    with Undisturbed() as calm:
        calm.look()
        kill(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            calm.look()
        calm.look()


def test_one_within_another() -> None:
    steps = []
    with pytest.raises(KeyboardInterrupt), Undisturbed():  # noqa: PT012
        with Undisturbed():
            kill(signal.SIGINT)
            steps.append("inner")
        steps.append("outer")
    assert steps == ["inner", "outer"]


def test_the_collector_waits() -> None:
    was = gc.isenabled()
    gc.enable()
    try:
        with Undisturbed() as calm:
            assert not gc.isenabled()
            assert calm.wait(gc.isenabled)
            assert not gc.isenabled()
        assert gc.isenabled()
    finally:
        (gc.enable if was else gc.disable)()


def test_in_another_thread_the_handlers_stay_as_they_are() -> None:
    seen = []

    def work() -> None:
        with Undisturbed():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.default_int_handler]


def test_storm_of_signals_that_raise_leaves_the_handlers_as_they_were() -> None:
    """A timer that fires anywhere: also while handlers are exchanged."""
    before = signal.getsignal(signal.SIGALRM)
    left_s = signal.setitimer(signal.ITIMER_REAL, 0)[0]
    broken = raised = 0
    signal.signal(signal.SIGALRM, raise_alarm)
    try:
        for turn in range(5000):
            whole = True
            try:
                signal.setitimer(signal.ITIMER_REAL, (3 + turn % 60) / 1e6)
                with Undisturbed():
                    whole = False
                    sum(range(200))
                    whole = True
                time.sleep(0.001)
            except Alarm:
                raised += 1
            broken += not whole
            assert signal.getsignal(signal.SIGALRM) is raise_alarm
            assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, left_s)
    assert raised == 5000
    assert broken == 0


def test_who_ends_a_future_is_not_held_up_by_who_was_broken_off_in_waiting_for_it() -> None:
    """With `Future.result()` this hangs within some 400 rounds."""
    code = """if True:
        import os, random, signal, time
        from concurrent.futures import Future, ThreadPoolExecutor
        from holdfast.undisturbed import waited

        class Out(Exception):
            pass

        def out(*_):
            raise Out

        def end(future):
            time.sleep(0.0001)
            future.set_result(7)

        signal.signal(signal.SIGALRM, out)
        moments, pool, broken, whole = random.Random(1), ThreadPoolExecutor(1), 0, 0
        for number in range(3000):
            future = Future()
            ending = pool.submit(end, future)
            try:
                try:
                    signal.setitimer(signal.ITIMER_REAL, moments.uniform(1e-5, 4e-4))
                    whole += waited(future) == 7
                finally:
                    signal.setitimer(signal.ITIMER_REAL, 0)
            except Out:
                broken += 1
            until = time.monotonic() + 10
            while not ending.done():
                assert time.monotonic() < until, f"held up in round {number}"
                time.sleep(0.0001)
        print("both" if broken > 100 and whole > 100 else (broken, whole), flush=True)
        os._exit(0)
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=50, check=False)
    assert (done.stdout, done.stderr) == ("both\n", "")
