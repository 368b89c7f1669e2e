"""Does the mirror stay equal to the kernel, whatever happens? Random commands on two namespaces, compared after each burst.

    pytest tests/kernel/truth/test_random.py                         a few runs, the same each time
    HOLDFAST_SEED=123 pytest tests/kernel/truth/test_random.py       others; a failure prints its seed
    pytest --long tests/kernel/truth/test_random.py                  hours of a clumsy administrator in minutes

A failure is shortened to the fewest commands that show it, and printed as a shell script that does the same to namespaces left and right.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from .judge import Drift, Judge
from .live import LiveMirror, LossyMirror
from .mirrors import FreshDump, MakeMirror
from .operations import bursts, setup
from .shorten import Play, shorten
from .stage import staged

SEED = int(os.environ["HOLDFAST_SEED"])
SHORTEN_S = 240
STREAMS = 3

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


def _storm(make_mirror: MakeMirror, play: Play) -> None:
    """A third of the commands at a time, in several streams, so that events come while others are answered. Raises: Drift."""
    commands = [command for burst in play for command in burst]
    with staged() as stage:
        stage.play_all(setup())
        with make_mirror([one.name for one in stage.namespaces.values()]) as mirror, Judge(stage, mirror) as judge:
            third = max(1, len(commands) // 3)
            for start in range(0, len(commands), third):
                with ThreadPoolExecutor(STREAMS) as streams:
                    list(streams.map(stage.play, commands[start : start + third]))
                judge.equal()
            judge.settled()


def _run(
    make_mirror: MakeMirror, *, runs: int, most: int, number: int, rehearsal: Callable[[MakeMirror, Play], None] = _rehearse
) -> None:
    print(f"\nHOLDFAST_SEED={number}")

    def drifts(play: Play) -> Drift | None:
        try:
            rehearsal(make_mirror, play)
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
            if rehearsal is _rehearse:  # a storm never comes twice
                _, drift = shorten(play, drift, drifts, within_s=SHORTEN_S)
            raise Drift(f"HOLDFAST_SEED={number}: {drift}") from None

    rehearse()


def test_mirror_stays_equal():
    _run(LiveMirror, runs=8, most=25, number=SEED)


@pytest.mark.long
@pytest.mark.parametrize("number", [SEED + index for index in range(1, 11)])
def test_mirror_stays_equal_for_long(number):
    _run(LiveMirror, runs=20, most=40, number=number)


def test_mirror_is_equal_after_a_storm():
    _run(LiveMirror, runs=2, most=40, number=SEED, rehearsal=_storm)


def test_losses_in_a_storm_are_made_good():
    _run(LossyMirror, runs=1, most=40, number=SEED, rehearsal=_storm)


@pytest.mark.long
@pytest.mark.parametrize("make_mirror", [LiveMirror, LossyMirror])
def test_storms_for_long(make_mirror):
    _run(make_mirror, runs=80, most=60, number=SEED + 11, rehearsal=_storm)


@pytest.mark.long
def test_two_looks_at_the_kernel_agree():
    """The same commands with a dump in place of the mirror: what fails here is no fault of the mirror."""
    _run(FreshDump, runs=25, most=40, number=SEED)
