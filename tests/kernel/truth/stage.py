"""The stage: two namespaces, `left` and `right`, on which commands are played and which a mirror watches.

A command is written as one would type it inside of the namespace, with the other side's name where a namespace is asked for:

    left: ip link add v0 type veth peer name v1 netns right
    right: ip link set v1 up
    sysctl net.ipv4.conf.all.promote_secondaries=1      (no side: left)
"""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Final

from holdfast.testing.netns import CommandFailed, Namespace

__all__ = ["SIDES", "Command", "Stage", "staged"]

SIDES: Final = ("left", "right")
_TOOLS: Final = ("ip", "bridge", "tc")
_NETNS: Final = re.compile(r"\bnetns (left|right)\b")


@dataclass(frozen=True, slots=True)
class Command:
    """One command on one side."""

    text: str
    side: str = "left"

    @classmethod
    def parse(cls, line: str) -> Command:
        side, colon, rest = line.partition(": ")
        return cls(rest.strip(), side) if colon and side in SIDES else cls(line.strip())

    def __str__(self) -> str:
        return self.text if self.side == "left" else f"{self.side}: {self.text}"

    def shell(self) -> str:
        """For a script in which the namespaces are called left and right."""
        tool, _, rest = self.text.partition(" ")
        if tool in _TOOLS:
            return f"{tool} -n {self.side} {rest}"
        return f"ip netns exec {self.side} sysctl -qw {rest}"


@dataclass(slots=True)
class Stage:
    """Both namespaces, and what was played on them so far."""

    namespaces: dict[str, Namespace]
    played: list[Command] = field(default_factory=list)

    def play(self, command: Command) -> str:
        """Run a command; what it complained about, "" when it did not."""
        self.played.append(command)
        tool, _, rest = command.text.partition(" ")
        if tool == "sysctl":
            return self._sysctl(command.side, rest)
        if tool not in _TOOLS:
            raise ValueError(f"expected ip, bridge, tc or sysctl, got `{command.text}`")
        here = self.namespaces[command.side]
        words = shlex.split(_NETNS.sub(lambda found: f"netns {self.namespaces[found[1]].name}", rest))
        done = subprocess.run([tool, "-netns", here.name, *words], capture_output=True, text=True, check=False, timeout=60)
        return "" if done.returncode == 0 else (done.stderr or done.stdout or f"status {done.returncode}").strip()

    def play_all(self, commands: Sequence[Command]) -> None:
        """Raises: CommandFailed - one of them complained."""
        for command in commands:
            if said := self.play(command):
                raise CommandFailed(f"`{command}` failed: {said}", said=said)

    def _sysctl(self, side: str, rest: str) -> str:
        name, _, value = rest.partition("=")
        try:
            self.namespaces[side].sysctl(name, value)
        except OSError as why:
            return str(why)
        return ""

    def script(self) -> str:
        """What was played, as a shell script."""
        head = ["#!/bin/sh -x", "# Replays on namespaces `left` and `right`; commands may fail, as they did.", "ip netns add left"]
        head += ["ip netns add right", "ip -n left link set lo up", "ip -n right link set lo up"]
        return "\n".join([*head, *(command.shell() for command in self.played)])


@contextmanager
def staged() -> Iterator[Stage]:
    """Two fresh namespaces with their loopback up. Addresses are usable at once: no duplicate address detection, no solicitations."""
    with ExitStack() as stack:
        stage = Stage({side: stack.enter_context(Namespace("truth")) for side in SIDES})
        for side in SIDES:
            for name, value in (("accept_dad", 0), ("router_solicitations", 0)):
                stage.namespaces[side].sysctl(f"net.ipv6.conf.default.{name}", value)
                stage.namespaces[side].sysctl(f"net.ipv6.conf.all.{name}", value)
        yield stage
