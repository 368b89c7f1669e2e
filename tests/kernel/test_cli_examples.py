"""Is every example of `--help` and the guide carried out, and is all as before when it is taken back?"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from holdfast.cli.commands.change import add, delete, replace, set_
from holdfast.cli.declaring.command import Command
from holdfast.testing.kinds import probe
from holdfast.testing.netns import Namespace

from .transactions.states import difference, state_of

PROJECT = Path(__file__).resolve().parents[2]
PROGRAM = PROJECT / ".venv/bin/holdfast"
GUIDE = PROJECT / "docs/how-to/change-in-the-shell.md"


def _in_help(command: Command) -> list[str]:
    return [line.removeprefix("holdfast ") for line in command.examples]


def _in_the_guide() -> list[str]:
    rows = re.findall(r"^\| `\w+` \| (.*) \|$", GUIDE.read_text().partition("\n## Words\n")[2], re.MULTILINE)
    return [words for row in rows for words in re.findall(r"`((?:add|set|replace|del) [^`]+)`", row)]


PORT = ["link add eth0 type veth peer name eth1", "link set eth0 up", "link set eth1 up"]
BRIDGE = ["link add br0 address 02:00:00:00:00:b0 type bridge", "link add p0 type veth peer name p1", "link set p0 master br0 up",
          "link set p1 up", "link set br0 up"]  # fmt: skip
ADDRESS = ["addr add 192.0.2.1/24 dev br0"]
PAIR = ["link add v0 type veth peer name v1"]
SCENES: dict[str, tuple[list[str], bool, list[str]]] = {
    "add": ([*PORT, "link add br9 type bridge", "link set eth0 master br9"], False, _in_help(add)),
    "set": (
        [*PORT, *BRIDGE, *ADDRESS, *PAIR, "route add default via 192.0.2.9", "neigh add 192.0.2.7 lladdr 02:00:00:00:00:01 dev br0"],
        False, _in_help(set_),
    ),
    "replace": ([*PORT, *BRIDGE, *ADDRESS], False, _in_help(replace)),
    "del": (
        [*BRIDGE, *ADDRESS, "route add 10.0.0.0/8 via 192.0.2.9 table 100", "rule add pref 500 from 10.0.0.0/8 lookup 100"],
        True, _in_help(delete),
    ),
    "guide": (
        [*PORT, *BRIDGE, "link set eth0 master br0", "addr add 192.0.2.2/24 dev eth0", "tuntap add tun0 mode tun", "link set tun0 up",
         "link add vx0 type vxlan id 5 dstport 4789", "nexthop add id 1 dev eth0", "nexthop add id 2 dev eth0"],
        True, _in_the_guide(),
    ),
}  # fmt: skip
"""Of each: what is there before, whether every example begins there (the one before is undone), the examples."""


@pytest.mark.kernel
@pytest.mark.parametrize("scene", SCENES)
def test_every_example_is_carried_out(scene: str, make_netns: Callable[[str], Namespace], tmp_path: Path) -> None:
    commands, undone, examples = SCENES[scene]
    netns, blue = make_netns("examples"), make_netns("blue")
    for command in commands:
        netns.ip(command)

    def run(line: str) -> str:
        name = f"{blue.name}-new" if line.startswith("add netns") else blue.name
        words = [str(PROGRAM), *shlex.split(line.replace(" netns blue", f" netns {name}"))]
        within = ["nsenter", f"--net={netns.path}", *words]
        done = subprocess.run(within, capture_output=True, text=True, env={**os.environ, "HOLDFAST_HOME": str(tmp_path)}, check=False)
        assert done.returncode == 0, (line, done.stderr)
        return done.stdout

    before, undos = state_of(netns), []
    assert len(examples) >= 3
    for line in examples:
        if line.startswith("add vlan") and not probe("bridge-vlan").works:
            continue
        undos.append(run(line).splitlines()[-1].removeprefix("undo: holdfast "))
        assert re.fullmatch(r"undo \d+", undos[-1]), line
        if undone:
            run(undos.pop())
    for undo in reversed(undos):
        run(undo)
    assert not difference(before, state_of(netns))
