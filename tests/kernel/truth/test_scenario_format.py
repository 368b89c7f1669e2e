"""Are scenario files read as written, and mistakes in them told?"""

from __future__ import annotations

import pytest

from tests.kernel.truth.scenario import Expectation, ScenarioError, Step, load
from tests.kernel.truth.shorten import shorten
from tests.kernel.truth.stage import Command


def _load(tmp_path, text):
    path = tmp_path / "story.txt"
    path.write_text(text)
    return load(path)


def test_all_that_a_file_may_hold(tmp_path):
    scenario = _load(
        tmp_path,
        """# why
requires: bridge vxlan
setup:
    ip link add v0 type veth peer name v1 netns right
    right: ip link set v1 up

# because
ip link set v0 up
right: ip link set v1 down
fails: ip link del nobody
try: right: ip route flush table main
wait 0.5
expect 2 routes dst=10.1.0.0 oif=v0
right: expect no interfaces ifalias='two words'
expect addresses
""",
    )
    assert scenario.requires == ["bridge", "vxlan"]
    assert scenario.steps == [
        Step(3, (Command("ip link add v0 type veth peer name v1 netns right"), Command("ip link set v1 up", "right"))),
        Step(8, (Command("ip link set v0 up"),)),
        Step(9, (Command("ip link set v1 down", "right"),)),
        Step(10, (Command("ip link del nobody"),), must="fail"),
        Step(11, (Command("ip route flush table main", "right"),), must=""),
        Step(12, wait_s=0.5),
        Step(13, expectation=Expectation("left", "routes", 2, (("dst", "10.1.0.0"), ("oif", "v0")))),
        Step(14, expectation=Expectation("right", "interfaces", 0, (("ifalias", "two words"),))),
        Step(15, expectation=Expectation("left", "addresses", None, ())),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ip link set v0 up\n    ip link set v0 down", "story.txt:2: expected a block (`setup:`, `at once:`) before indented lines"),
        ("expect 1 route", "story.txt:1: expected `expect [no|N] TABLE [column=value …]`"),
        ("expect 1 routes colour=red", "story.txt:1: routes has no column colour"),
    ],
)
def test_mistakes_are_told(tmp_path, text, said):
    with pytest.raises(ScenarioError) as caught:
        _load(tmp_path, text)
    assert str(caught.value).startswith(said)


def test_a_failing_play_is_shortened_to_what_it_needs():
    from tests.kernel.truth.judge import Drift

    play = [[Command(word) for word in burst.split()] for burst in ("a b c", "d", "e f", "g h i j")]

    def drifts(part):
        words = [command.text for burst in part for command in burst]
        return Drift("".join(words)) if {"b", "f"} <= set(words) else None

    shortest, drift = shorten(play, Drift("abcdefghij"), drifts, within_s=5)
    assert shortest == [[Command("b")], [Command("f")]]
    assert str(drift) == "bf"
