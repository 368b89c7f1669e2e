"""Scenarios: stories told in commands, with what the tables hold in between.

    # Why this story is told; the first lines are its title.
    requires: nexthop vxlan                     features of holdfast.testing.kinds, else it is skipped
    setup:                                      commands that must work, compared once
        ip link add v0 type veth peer name v1 netns right
        right: ip link set v1 up

    # Why this step is taken.
    ip route append 10.1.0.0/16 via 10.0.0.3    a command on the left, must work; then all tables are compared
    right: ip link set v1 down                  the same on the right
    fails: ip route add 10.1.0.0/16 via 9.9.9.9 it must not work
    try: ip route flush table main              it may or may not: kernels and iproute2 differ
    at once:                                    several, compared after the last one
        ip link set v0 down
        ip link set v0 up
    wait 2.5                                    seconds, for what happens by itself
    expect 2 routes dst=10.1.0.0                rows of that table that the mirror has on the left, without what no oracle shows
    right: expect no addresses local=10.0.0.1

Everything is compared after every step anyway; `expect` says what the reader should see, and that the kernel does it.
"""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from .judge import Drift, Judge
from .oracle import VIEWS
from .stage import Command

__all__ = ["Scenario", "ScenarioError", "Step", "load", "play"]

_EXPECT: Final = re.compile(r"expect (?:(no|\d+) )?(\w+)((?: \w+=.+)?)$")


class ScenarioError(ValueError):
    """A line that is no scenario."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """So many rows of a table match; None: at least one."""

    side: str
    table: str
    count: int | None
    where: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Step:
    """What happens between two comparisons. `must`: "work", "fail", or "" when both is right."""

    line: int
    commands: tuple[Command, ...] = ()
    must: str = "work"
    wait_s: float = 0.0
    expectation: Expectation | None = None


@dataclass(slots=True)
class Scenario:
    name: str
    requires: list[str] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)


def load(path: Path) -> Scenario:
    """Read a scenario file. Raises: ScenarioError - with file and line."""
    scenario = Scenario(path.stem)
    lines = [(number, line) for number, line in enumerate(path.read_text().splitlines(), 1) if line.split("#")[0].strip()]
    while lines:
        number, line = lines.pop(0)
        text = line.strip()
        try:
            if line[0].isspace():
                raise ScenarioError("expected a block (`setup:`, `at once:`) before indented lines")
            if text.startswith("requires:"):
                scenario.requires += text.partition(":")[2].split()
            elif text in ("setup:", "at once:"):
                block = []
                while lines and lines[0][1][0].isspace():
                    block.append(Command.parse(lines.pop(0)[1].strip()))
                scenario.steps.append(Step(number, tuple(block)))
            else:
                scenario.steps.append(_step(number, text))
        except ScenarioError as error:
            raise ScenarioError(f"{path.name}:{number}: {error}: `{text}`") from None
    return scenario


def _step(line: int, text: str) -> Step:
    command = Command.parse(text)
    if command.text.startswith("expect "):
        return Step(line, expectation=_expectation(command.side, command.text))
    if text.startswith("wait "):
        return Step(line, wait_s=float(text.split()[1]))
    for word, must in (("fails: ", "fail"), ("try: ", "")):
        if text.startswith(word):
            return Step(line, (Command.parse(text.removeprefix(word)),), must)
    return Step(line, (command,))


def _expectation(side: str, text: str) -> Expectation:
    found = _EXPECT.match(text)
    if found is None or found[2] not in VIEWS:
        raise ScenarioError("expected `expect [no|N] TABLE [column=value …]`")
    table = VIEWS[found[2]].table
    where = tuple((name, value) for name, _, value in (word.partition("=") for word in shlex.split(found[3])))
    if unknown := [name for name, _ in where if name not in table.columns]:
        raise ScenarioError(f"{table.name} has no column {unknown[0]}")
    return Expectation(side, table.name, None if found[1] is None else 0 if found[1] == "no" else int(found[1]), where)


def play(scenario: Scenario, judge: Judge) -> None:
    """Step through it.

    Raises: Drift - the mirror differs, or an expectation is not met;  AssertionError - a command did what it must not.
    """
    for step in scenario.steps:
        for command in step.commands:
            said = judge.stage.play(command)
            if step.must and bool(said) != (step.must == "fail"):
                raise AssertionError(f"{scenario.name}:{step.line}: `{command}` {f'failed: {said}' if said else 'worked, and must not'}")
        time.sleep(step.wait_s)
        try:
            judge.equal()
            if step.expectation:
                _expect(step.expectation, judge)
        except Drift as drift:
            raise Drift(f"{scenario.name}, line {step.line}: {drift}") from None
    judge.settled()


def _expect(expected: Expectation, judge: Judge) -> None:
    view = VIEWS[expected.table]
    rows = [row for row in judge.mirror.rows(expected.table, judge.stage.namespaces[expected.side].name) if view.shows(row)]
    names = dict(_names(judge, expected.side))
    matching = [row for row in rows if all(_text(row[name], name, names) == value for name, value in expected.where)]
    if (len(matching) != expected.count) if expected.count is not None else not matching:
        said = f"{'some' if expected.count is None else expected.count} {expected.table} with {dict(expected.where)}"
        raise Drift(f"expected {said}, got {len(matching)} of {len(rows)}:\n" + "\n".join(map(str, rows)))


def _names(judge: Judge, side: str) -> Iterator[tuple[int, str]]:
    for row in judge.mirror.rows("interfaces", judge.stage.namespaces[side].name):
        yield row["ifindex"], row["ifname"]


def _text(value: Any, column: str, names: dict[int, str]) -> str:
    """As it is written after `=`: interfaces by name, nothing as `-`."""
    if value is None:
        return "-"
    return names.get(value, str(value)) if column in ("oif", "ifindex", "master", "link", "via_ifindex") else str(value)
