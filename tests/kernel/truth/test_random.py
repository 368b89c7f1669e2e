"""Does the mirror stay equal to the kernel, whatever happens? Random commands on two namespaces, compared after each burst.

    pytest tests/kernel/truth/test_random.py                         a few runs from a random seed, which is printed
    HOLDFAST_SEED=123 pytest tests/kernel/truth/test_random.py       the same again
    pytest --long tests/kernel/truth/test_random.py                  hours of a clumsy administrator in minutes

A failure is shortened to the fewest commands that show it, and printed as a shell script that does the same to namespaces left and right.
"""

from __future__ import annotations

import os
import random

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from .judge import Drift, Judge
from .live import LiveMirror
from .mirrors import FreshDump, MakeMirror
from .operations import bursts, setup
from .shorten import Play, shorten
from .stage import staged

SEED = int(os.environ.get("HOLDFAST_SEED") or random.SystemRandom().randrange(1 << 32))
SHORTEN_S = 240

pytestmark = [pytest.mark.kernel, pytest.mark.timeout(1800)]


def _rehearse(make_mirror: MakeMirror, play: Play) -> None:
    """Raises: Drift."""
    with staged() as stage:
        stage.play_all(setup())
        with make_mirror([one.name for one in stage.namespaces.values()]) as mirror, Judge(stage, mirror) as judge:
            judge.equal()
            for burst in play:
                for command in burst:
                    stage.play(command)
                judge.equal()
            judge.settled()


def _run(make_mirror: MakeMirror, *, runs: int, most: int, number: int) -> None:
    print(f"\nHOLDFAST_SEED={number}")

    def drifts(play: Play) -> Drift | None:
        try:
            _rehearse(make_mirror, play)
        except Drift as drift:
            return drift
        return None

    # Hypothesis draws; it does not shrink, for that takes it many runs of seconds each where leaving out commands does.
    @seed(number)
    @settings(max_examples=runs, deadline=None, database=None, phases=(Phase.generate,), suppress_health_check=list(HealthCheck))
    @given(bursts(most=most))
    def rehearse(play: Play) -> None:
        drift = drifts(play)
        if drift is not None:
            _, shortest = shorten(play, drift, drifts, within_s=SHORTEN_S)
            raise Drift(f"HOLDFAST_SEED={number}: {shortest}") from None

    rehearse()


def test_mirror_stays_equal():
    _run(LiveMirror, runs=8, most=25, number=SEED)


@pytest.mark.long
@pytest.mark.parametrize("number", [SEED + index for index in range(1, 11)])
def test_mirror_stays_equal_for_long(number):
    _run(LiveMirror, runs=25, most=40, number=number)


@pytest.mark.long
def test_two_looks_at_the_kernel_agree():
    """The same commands with a dump in place of the mirror: what fails here is no fault of the mirror."""
    _run(FreshDump, runs=60, most=40, number=SEED)
