"""Network namespaces for tests: each has a name of its own, is driven through iproute2, and goes without a trace.

    with Namespace() as ns:
        ns.ip("link add d0 up type veth peer name d1")
        ns.ip("addr add 10.0.0.1/24 dev d0")
        assert ns.ip_json("addr show dev d0")[0]["addr_info"][0]["local"] == "10.0.0.1"

At the end `close` deletes the namespace and looks for what would keep it alive: processes and threads in it, sockets
and descriptors of this process. Anything found is a LeftOver: a namespace that lives on is a leak in the tested code.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import itertools
import json
import os
import shlex
import stat
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from holdfast.errors import HoldfastError
from holdfast.netlink.namespace import open_in

__all__ = ["PREFIX", "CommandFailed", "LeftOver", "Namespace", "unavailable", "whole_json", "without_rights"]

T = TypeVar("T")

PREFIX: Final = "hft-"
"""Every namespace made here is called so; nothing else should be."""

_FOLDER: Final = Path("/run/netns")
_SIOCGSKNS: Final = 0x894C  # include/uapi/linux/sockios.h: a descriptor of the namespace that a socket is in
_NUMBERS: Final = itertools.count(1)


class CommandFailed(HoldfastError):
    """A command in a test ended with an error; the message holds what it said."""

    code = "command-failed"


class LeftOver(HoldfastError):
    """Something still lives in a namespace that a test is done with."""

    code = "left-over"


class Namespace:
    """A network namespace that is made on entering and deleted on leaving. Its loopback is up unless `loopback=False`.

    name    what `ip netns` calls it: hft-<label>-<pid>-<number>; unique among processes that test at the same time
    path    the file below /run/netns; what to give to a source
    Raises: CommandFailed - a command that failed, or no right to make namespaces (`unavailable` says so beforehand)
    """

    def __init__(self, label: str = "ns", *, loopback: bool = True) -> None:
        self.name = f"{PREFIX}{label}-{os.getpid()}-{next(_NUMBERS)}"
        self.path = str(_FOLDER / self.name)
        self._loopback = loopback
        self._inode = 0

    def __repr__(self) -> str:
        return f"Namespace({self.name})"

    # ------------------------------------------------------------------------------------------------ life

    def open(self) -> Self:
        _run(["ip", "netns", "add", self.name])
        self._inode = os.stat(self.path).st_ino
        if self._loopback:
            self.ip("link set lo up")
        return self

    def delete(self) -> None:
        """Delete it now, as somebody else would do it under a running program. Later calls do nothing."""
        if os.path.exists(self.path):
            self._remove_proxies()
            _run(["ip", "netns", "delete", self.name])

    def _remove_proxies(self) -> None:
        """One without an interface outlives its namespace (pneigh_ifdown), and shows in a later one at the same place in memory."""
        for line in _run(["ip", "-netns", self.name, "neigh", "show", "proxy"], check=False).stdout.splitlines():
            if " dev " not in f"{line} ":
                _run(["ip", "-netns", self.name, "neigh", "del", "proxy", line.split()[0]], check=False)

    def close(self, *, patience_s: float = 2.0) -> None:
        """Delete it if it is still there, and make sure that nothing keeps it alive. Raises: LeftOver."""
        self.delete()
        deadline = time.monotonic() + patience_s
        while left := leftovers(self._inode):
            if time.monotonic() >= deadline:
                raise LeftOver(f"network namespace {self.name} was deleted and still lives: {'; '.join(left)}", left=left)
            time.sleep(0.02)

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is None:
            self.close()
            return
        # A failing test leaves things open; its own failure is the one to show.
        with contextlib.suppress(LeftOver):
            self.close(patience_s=0)

    # -------------------------------------------------------------------------------------------- commands

    def run(self, argv: Sequence[str], *, check: bool = True, timeout_s: float = 30, input: str | None = None,
            env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:  # fmt: skip
        """Run any program inside the namespace; its output is text. With `check` a failure raises CommandFailed."""
        return _run(self.inside(argv), check=check, timeout_s=timeout_s, input=input, env=env)

    def start(self, argv: Sequence[str], **options: Any) -> subprocess.Popen[str]:
        """Start a program inside the namespace and leave it running: the test ends it. Output is piped, as text."""
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | options
        return subprocess.Popen(self.inside(argv), **options)

    def inside(self, argv: Sequence[str]) -> list[str]:
        """The command line that runs `argv` inside; nsenter replaces itself, so the process is that program's own."""
        return ["nsenter", f"--net={self.path}", "--", *argv]

    def call(self, function: Callable[[], T]) -> T:
        """Call a function in a thread that is inside, and return what it returns: to open sockets there."""
        return open_in(self.path, function)

    def ip(self, command: str, *, check: bool = True) -> str:
        """`ns.ip("link add d0 type bridge")`: what it prints. One string as one would type it."""
        return self._tool("ip", [], command, check)

    def bridge(self, command: str, *, check: bool = True) -> str:
        return self._tool("bridge", [], command, check)

    def tc(self, command: str, *, check: bool = True) -> str:
        return self._tool("tc", [], command, check)

    def ip_json(self, command: str) -> list[dict[str, Any]]:
        """`ns.ip_json("route show table all")`: what `ip -j -d` says, as Python. Nothing printed is an empty list.

        So is a routing table that does not exist: the kernel makes one with its first route, and refuses to show it before.
        """
        try:
            return _parsed(self._tool("ip", ["-j", "-d"], command, True))
        except CommandFailed as failure:
            if "FIB table does not exist" in failure.details["said"]:
                return []
            raise

    def bridge_json(self, command: str) -> list[dict[str, Any]]:
        return _parsed(self._tool("bridge", ["-j", "-d"], command, True))

    def tc_json(self, command: str) -> list[dict[str, Any]]:
        return _parsed(self._tool("tc", ["-j", "-d"], command, True))

    def batch(self, commands: Iterable[str], *, tool: str = "ip", timeout_s: float = 60) -> None:
        """Many commands through one `ip -batch`, the fast way: 100 000 routes in about a second. Stops at the first error."""
        argv = [tool, *self._where(tool), "-batch", "-"]
        _run(argv, input="\n".join(commands) + "\n", timeout_s=timeout_s)

    def sysctl(self, name: str, value: int | str) -> None:
        """Set a net.* sysctl of this namespace: `ns.sysctl("net.ipv4.ip_forward", 1)`; dots inside a device's name as `/`."""
        path = "/proc/sys/" + "/".join(part.replace("/", ".") for part in name.split("."))
        self.call(lambda: Path(path).write_text(f"{value}\n"))

    def veth(self, name: str, peer: str, other: Namespace | None = None) -> None:
        """A pair of interfaces, both up: `name` here and `peer` in the other namespace (default: here as well)."""
        other = other or self
        self.ip(f"link add {name} type veth peer name {peer} netns {other.name}")
        self.ip(f"link set {name} up")
        other.ip(f"link set {peer} up")

    def _tool(self, tool: str, options: list[str], command: str, check: bool) -> str:
        return _run([tool, *self._where(tool), *options, *shlex.split(command)], check=check).stdout

    def _where(self, tool: str) -> list[str]:
        return ["-netns", self.name] if tool in ("ip", "bridge", "tc") else []


def leftovers(inode: int) -> list[str]:
    """What keeps the network namespace with this inode alive, one phrase each: processes, threads, sockets, descriptors."""
    mine, nsfs = os.getpid(), os.stat("/proc/self/ns/net").st_dev
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != mine and _inode(process / "ns/net") == inode:
            with contextlib.suppress(OSError):  # it may end while we look
                words = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
                found.append(f"process {process.name} ({words or 'ended, waits for its parent'})")
    found += [f"thread {task.name} of this process" for task in Path("/proc/self/task").iterdir() if _inode(task / "ns/net") == inode]
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            fd, status = int(entry.name), os.stat(entry)
            if status.st_ino == inode and status.st_dev == nsfs:
                found.append(f"descriptor {fd} of this process")
            elif stat.S_ISSOCK(status.st_mode) and _socket_inode(fd) == inode:
                found.append(f"socket {fd} of this process")
    return found


def _inode(path: Path) -> int:
    """The inode of a /proc/…/ns/net link, 0 where the process is gone or not ours to look at."""
    try:
        return os.stat(path).st_ino
    except OSError:
        return 0


def _socket_inode(fd: int) -> int:
    there = fcntl.ioctl(fd, _SIOCGSKNS)
    try:
        return os.fstat(there).st_ino
    finally:
        os.close(there)


@functools.cache
def unavailable() -> str:
    """Why namespaces cannot be made here; empty when they can. Asked once."""
    try:
        with Namespace("probe"):
            return ""
    except (HoldfastError, OSError) as why:
        return f"{why}; `scripts/test`, or `scripts/private COMMAND`, gives the command a network of its own"


def without_rights(argv: Sequence[str]) -> list[str]:
    """The command line that runs `argv` with no capability at all: to the kernel an ordinary user, whoever starts it.

    The user id stays, because a private user namespace has no other; so files remain readable, and the network is not.
    """
    return ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--", *argv]


def _run(argv: Sequence[str], *, check: bool = True, timeout_s: float = 30, input: str | None = None,
         env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:  # fmt: skip
    stdin = {"stdin": subprocess.DEVNULL} if input is None else {"input": input}
    done: subprocess.CompletedProcess[str] = subprocess.run(
        argv, capture_output=True, text=True, timeout=timeout_s, check=False, env=env, **stdin
    )
    if check and done.returncode != 0:
        said = (done.stderr or done.stdout).strip()
        raise CommandFailed(f"`{shlex.join(argv)}` ended with {done.returncode}: {said}", status=done.returncode, said=said)
    return done


def _parsed(text: str) -> list[dict[str, Any]]:
    # iproute2 prints nothing, or `[{},{…}]` with empty objects, for what it leaves out.
    return [one for one in json.loads(whole_json(text)) if one] if text.strip() else []


def whole_json(text: str) -> str:
    """Ubuntu's iproute2 prints a word of its own into the JSON of VXLAN devices: `"group":"239.1.1.1"fan-map ,`, `"id":7fan-map ,`."""
    return text.replace("fan-map ,", ",")
