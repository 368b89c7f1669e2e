"""The collector is held back as long as somebody asks for it, and is afterwards as it was before."""

from __future__ import annotations

import gc
import threading

import pytest

from holdfast.collector import held_back


def test_it_runs_again_when_the_last_one_is_done() -> None:
    inside, leave = threading.Event(), threading.Event()

    def other() -> None:
        with held_back():
            inside.set()
            leave.wait(5)

    thread = threading.Thread(target=other)
    with held_back():
        assert not gc.isenabled()
        thread.start()
        assert inside.wait(5)
    assert not gc.isenabled(), "another one holds it"
    leave.set()
    thread.join()
    assert gc.isenabled()


def test_it_runs_again_after_an_error() -> None:
    with pytest.raises(ValueError, match="no"), held_back():
        raise ValueError("no")
    assert gc.isenabled()


def test_who_switched_it_off_has_it_off() -> None:
    gc.disable()
    try:
        with held_back():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
