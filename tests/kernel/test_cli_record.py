"""`holdfast record` on a live namespace, beside a node, and `replay` of what it wrote."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from holdfast.testing.netns import Namespace

PROGRAM = [sys.executable, "-m", "holdfast.cli"]


@contextmanager
def process(*words: str, until: str) -> Iterator[subprocess.Popen[str]]:
    """A process of the program, from when it has said `until` on stderr; ended however the block ends."""
    with subprocess.Popen([*PROGRAM, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as one:
        try:
            assert one.stderr is not None
            assert any(until in line for line in iter(one.stderr.readline, ""))
            yield one
        finally:
            one.terminate()


def test_what_was_recorded_shows_the_state_at_its_end(netns: Namespace, tmp_path: Path) -> None:
    netns.veth("v0", "v1")
    netns.ip("link set v0 up")
    file = tmp_path / "r.hfrec"
    with process("run", "--db", str(tmp_path / "node.db"), "--no-local", "--netns", netns.name, until="follows") as node:
        with process("record", str(file), "--netns", netns.name, "--json", until="recording to") as record:
            netns.batch([f"route add 10.0.{n}.0/24 dev v0" for n in range(200)] + ["link set v1 up", "addr add 192.0.2.1/24 dev v0"])
            time.sleep(0.3)
            record.send_signal(signal.SIGINT)
            (told,) = json.loads(record.communicate(timeout=15)[0])
        assert record.returncode == 0
        assert node.poll() is None, "the node goes on"
    assert (told["target"], told["lost"]) == (netns.name, 0)
    assert told["events"] >= 200
    shown = subprocess.run([*PROGRAM, "replay", str(file), "show", "routes", "table", "main", "-4", "--json"],
                           capture_output=True, text=True, check=True)  # fmt: skip
    there = {route["dst"] for route in netns.ip_json("-4 route show table main")}
    assert {f"{row['dst']}/{row['dst_len']}" for row in json.loads(shown.stdout)} == there


def test_several_sources_have_a_file_each(netns: Namespace, tmp_path: Path) -> None:
    words = ["record", str(tmp_path / "r.hfrec"), "--all-netns", "--seconds", "0.5", "--tables", "interfaces,addresses"]
    done = subprocess.run([*PROGRAM, *words], capture_output=True, text=True, check=True)
    assert sorted(one.name for one in tmp_path.iterdir()) == sorted(["r.localhost.hfrec", f"r.{netns.name}.hfrec"])
    assert len(done.stdout.splitlines()) == 2
    again = subprocess.run([*PROGRAM, *words], capture_output=True, text=True, check=False)
    assert (again.returncode, "never written over" in again.stderr) == (2, True)


def test_a_namespace_that_is_not_there_makes_no_file(tmp_path: Path) -> None:
    done = subprocess.run([*PROGRAM, "record", str(tmp_path / "r"), "--netns", "no-such"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "no-such" in done.stderr and "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []
