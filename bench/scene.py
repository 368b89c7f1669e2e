"""What the benchmarks share: the machine in words, namespaces with many routes, children that are measured.

Each measured thing runs in a process of its own (`child`), so that memory and imports of one do not count for another.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Any

DEVICE = "v0"
"""The interface in the namespaces that the routes go out of; 192.168.0.0/16 is on-link."""


def machine() -> str:
    """One line: what ran where."""
    with open("/proc/cpuinfo") as file:
        model = next((line.partition(":")[2].strip() for line in file if line.startswith("model name")), platform.machine())
    iproute = subprocess.run(["ip", "-V"], capture_output=True, text=True, check=True).stdout.split("iproute2-")[-1].split(",")[0].strip()
    names = ", ".join(f"{name} {version(name)}" for name in ("apsw", "pyroute2") if _installed(name))
    return f"{os.cpu_count()} × {model}, Linux {platform.release()}, Python {platform.python_version()}, iproute2 {iproute}, {names}"


def _installed(name: str) -> bool:
    with contextlib.suppress(Exception):
        return bool(version(name))
    return False


@contextlib.contextmanager
def namespace(name: str) -> Iterator[str]:
    """A private namespace with a veth pair that is up and 192.168.0.1/16 on it."""
    subprocess.run(["ip", "netns", "delete", name], stderr=subprocess.DEVNULL, check=False)
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        batch(name, ["link set lo up", f"link add {DEVICE} type veth peer name v1", f"addr add 192.168.0.1/16 dev {DEVICE}",
                     f"link set {DEVICE} up", "link set v1 up"])  # fmt: skip
        yield name
    finally:
        subprocess.run(["ip", "netns", "delete", name], check=False)


def batch(name: str, commands: list[str]) -> float:
    """Run commands through one `ip -batch`; seconds it took."""
    with tempfile.NamedTemporaryFile("w", suffix=".batch") as file:
        file.write("\n".join(commands) + "\n")
        file.flush()
        start = time.perf_counter()
        subprocess.run(["ip", "-n", name, "-batch", file.name], check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - start


def routes(count: int, verb: str = "add", first: int = 0) -> list[str]:
    """`ip route` commands for `count` distinct /32 routes with 128 gateways."""
    return [
        f"route {verb} 10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}/32 via 192.168.{i >> 8 & 1}.{2 + (i & 127)} dev {DEVICE}"
        for i in range(first, first + count)
    ]


def median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def timed(work: Callable[[], Any], runs: int = 3) -> float:
    """The median of `runs` times, in seconds."""
    spent = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        spent.append(time.perf_counter() - start)
    return median(spent)


def piped(command: list[str]) -> int:
    """Run a command and read all of its output through a pipe; the bytes."""
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        return sum(map(len, iter(lambda: process.stdout.read(1 << 16), b"")))  # type: ignore[union-attr]


def resident_mb(process: int | str = "self") -> float:
    """Resident memory of a process now, MB."""
    with open(f"/proc/{process}/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 1e6


def child(script: str, *args: object, timeout_s: float = 900) -> dict[str, Any]:
    """Run `python script --child args…` and read the JSON object that it prints last."""
    command = [sys.executable, script, "--child", *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def table(head: list[str], lines: list[list[object]]) -> None:
    """Print aligned columns."""
    cells = [head, *[[f"{one:.3g}" if isinstance(one, float) else str(one) for one in line] for line in lines]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    for first, *rest in cells:
        print("  ".join([first.ljust(widths[0]), *(one.rjust(width) for one, width in zip(rest, widths[1:], strict=True))]))
