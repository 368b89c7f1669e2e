"""The README's first command does what it says, again and again."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(not list((PROJECT / ".venv").glob(".has-cli")), reason="no .venv yet: scripts/test and scripts/run make it"),
]


def run(*argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PROJECT / "scripts/private", *argv], cwd="/", capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=50
    )


def test_run_once_shows_the_network_and_ends() -> None:
    for _ in range(2):
        done = run(str(PROJECT / "scripts/run"), "--once")
        assert done.returncode == 0, done.stderr
        assert "lo" in done.stdout
        assert "127.0.0.1/8" in done.stdout


def test_run_without_a_terminal_ends_after_the_tables() -> None:
    done = run(str(PROJECT / "scripts/run"))
    assert done.returncode == 0, done.stderr
    assert "not on a terminal" in done.stderr


def test_help_needs_nothing() -> None:
    for script in ("run", "test"):
        assert f"scripts/{script}" in run(str(PROJECT / f"scripts/{script}"), "--help").stdout


def test_private_hides_the_machines_network() -> None:
    done = run("bash", "-c", "ip -br link; ip netns list; ip netns add blue && ip netns list")
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["lo", "blue"]
    assert not Path("/run/netns/blue").exists()
