"""Do pauses grow, and do storms leave room?"""

from __future__ import annotations

import random

import pytest

from holdfast.mirror.pauses import Backoff, Pace


def test_pauses_grow_to_the_most_and_begin_anew() -> None:
    backoff = Backoff(0.5, 60.0, random.Random(1))
    pauses = [backoff.pause_s() for _ in range(12)]
    for expected, got in zip([0.5, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60], pauses, strict=True):
        assert expected * 0.8 <= got <= expected * 1.2
    backoff.reset()
    assert backoff.pause_s() <= 0.6


def test_pauses_are_not_in_step() -> None:
    assert Backoff(dice=random.Random(1)).pause_s() != Backoff(dice=random.Random(2)).pause_s()


def test_cheap_work_is_never_delayed() -> None:
    pace = Pace(free_s=0.02)
    pace.done(100.0, 0.01)
    assert pace.delay_s(100.0) == 0.0


def test_costly_work_rests_as_long_as_it_took_and_not_longer_than_the_most() -> None:
    pace = Pace(share=1.0, most_s=0.4)
    pace.done(100.0, 0.1)
    assert pace.delay_s(100.0) == pytest.approx(0.1)
    assert pace.delay_s(100.2) == 0.0
    pace.done(200.0, 5.0)
    assert pace.delay_s(200.0) == pytest.approx(0.4)
