"""A hundred namespaces as sources of one database: time, memory, threads, descriptors.

    sudo .venv/bin/python bench/sources.py [NAMESPACES] [--peer]

With --peer pyroute2's NDB does the same beside us (it takes minutes). Target: 1 000 interfaces in 200 namespaces within 5 s and
150 MB (`bench/sources.py 200`).
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time

import scene

PREFIX = "hfb-many-"


def names(count: int) -> list[str]:
    return [f"{PREFIX}{index}" for index in range(count)]


def make(count: int) -> None:
    """Namespaces with two veth pairs each: five interfaces with the loopback."""
    for name in names(count):
        subprocess.run(["ip", "netns", "add", name], check=True)
        commands = ["link set lo up"]
        for pair in "ab":
            commands += [f"link add {pair}0 type veth peer name {pair}1", f"link set {pair}0 up", f"link set {pair}1 up"]
        scene.batch(name, [*commands, "addr add 10.0.0.1/24 dev a0", "route add default via 10.0.0.2"])


def remove() -> None:
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir("/run/netns"):
            if name.startswith(PREFIX):
                subprocess.run(["ip", "netns", "delete", name], check=False)


def attach(library: str, count: int) -> dict[str, float]:
    if library == "holdfast":
        from holdfast import NDB
    else:
        from pyroute2 import NDB
    sources = [{"target": name, "kind": "netns", "netns": name} for name in names(count)]
    start = time.perf_counter()
    with NDB(sources=sources) as ndb:
        loaded = time.perf_counter() - start
        interfaces = ndb.interfaces.count()
        assert interfaces == 5 * count, f"expected {5 * count} interfaces, found {interfaces}"
        descriptors = len(os.listdir("/proc/self/fd"))
        return {"seconds": loaded, "mb": scene.resident_mb(), "threads": threading.active_count(), "descriptors": descriptors}


def main(count: int, peer: bool) -> None:
    print(scene.machine())
    remove()
    try:
        make(count)
        lines: list[list[object]] = []
        for library in ["holdfast", *(["pyroute2"] if peer else [])]:
            got = scene.child(__file__, library, count)
            lines.append([library, got["seconds"], got["mb"], got["threads"], got["descriptors"]])
        scene.table([f"{count} namespaces, {5 * count} interfaces", "s", "MB", "threads", "descriptors"], lines)
    finally:
        remove()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        print(json.dumps(attach(sys.argv[2], int(sys.argv[3]))))
    else:
        numbers = [int(one) for one in sys.argv[1:] if one.isdigit()]
        main(numbers[0] if numbers else 100, "--peer" in sys.argv)
