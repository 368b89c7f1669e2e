"""Does the story hold? Each file here is one; the format is told in tests/kernel/truth/scenario.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.testing.kinds import probe
from tests.kernel.truth.judge import Judge
from tests.kernel.truth.live import LiveMirror
from tests.kernel.truth.mirrors import FreshDump
from tests.kernel.truth.scenario import Scenario, load, play
from tests.kernel.truth.stage import staged

HERE = Path(__file__).parent
FILES = sorted(HERE.glob("*.txt"))


def _played(path: Path, make_mirror) -> Scenario:
    scenario = load(path)
    for feature in scenario.requires:
        if not probe(feature).works:
            pytest.skip(probe(feature).reason)
    with staged() as stage, make_mirror([one.name for one in stage.namespaces.values()]) as mirror, Judge(stage, mirror) as judge:
        play(scenario, judge)
    return scenario


@pytest.mark.kernel
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_mirror_equals_kernel(path):
    """The mirror, following events only, equals iproute2 within a second of each step."""
    _played(path, LiveMirror)


@pytest.mark.kernel
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_fresh_dump_equals_iproute2(path):
    """Two looks at the kernel agree at every step: kernel, iproute2, codec and comparison are sound."""
    _played(path, FreshDump)
