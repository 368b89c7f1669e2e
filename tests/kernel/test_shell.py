"""The shell of a running node, as scripts use it: lines in, text out; and once as a person does, on a terminal."""

from __future__ import annotations

import stat
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from holdfast.testing.netns import Namespace

from .test_cli import PROGRAM, Running, holdfast
from .test_cli_terminal import Terminal

SHELL = [*PROGRAM, "shell"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOLDFAST_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("HOLDFAST_DEBUG", raising=False)
    return tmp_path / "home"


@pytest.fixture
def node(make_netns: Callable[..., Namespace], home: Path) -> Iterator[Running]:
    ns = make_netns("shell")
    ns.ip("link add d0 type veth peer name d1")
    running = Running("run", "--no-local", "--netns", ns.name)
    try:
        running.wait_for("loaded")
        deadline = time.monotonic() + 20
        while not (home / "holdfast.sock").exists():
            assert time.monotonic() < deadline, running.lines
            time.sleep(0.02)
        yield running
    finally:
        running.stop()


def script(*lines: str, code: int = 0) -> str:
    """What the shell printed."""
    done = subprocess.run(SHELL, input="\n".join(lines), capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in done.stderr
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def test_lines_reach_the_running_node(node: Running) -> None:
    in_draft = ("begin lab", "put nodes.r1.mtu 9000", "commit -m why")
    said = script("put nodes.r1 {mtu: 1500}", *in_draft, "show interfaces d0 -c name", "log nodes.r1")
    assert "~ nodes.r1.mtu: 1500 → 9000" in said and "d0" in said and ": why" in said
    assert holdfast("get", "nodes.r1.mtu").stdout == "9000\n"
    assert holdfast("log", "nodes.r1", "--limit", "1").stdout.splitlines()[1] == "    ~ nodes.r1.mtu: 1500 → 9000"
    assert holdfast("diff", "nodes", "1").stdout == "+ nodes.r1.mtu: 9000\n"


def test_the_exit_code_is_of_the_last_line_that_failed(node: Running) -> None:
    assert "line 2: nothing is at `x`" in script("put a.b 1", "get x", "get a.b", code=1)
    assert "line 1: no such command" in script("nonsense", "get .", "exit", "get y", code=2)
    assert script("# nothing", "", "exit") == ""


def test_what_others_do_is_told_and_ephemeral_nodes_go(node: Running) -> None:
    process = subprocess.Popen(SHELL, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
    assert process.stdin and process.stdout
    lines: list[str] = []
    reader = threading.Thread(target=lambda: lines.extend(process.stdout or ()))
    reader.start()
    process.stdin.write("sub nodes\npute nodes.r1.up true\nget nodes.r1.up\n")
    process.stdin.flush()
    Running.wait_for(_Lines(lines), "[1] telling")  # type: ignore[arg-type]
    Running.wait_for(_Lines(lines), "true")  # type: ignore[arg-type]
    assert holdfast("get", "nodes.r1.up").stdout == "true\n"
    holdfast("put", "nodes.r2", "5", "-m", "from elsewhere")
    Running.wait_for(_Lines(lines), "from elsewhere")  # type: ignore[arg-type]
    process.stdin.close()
    assert process.wait(30) == 0
    reader.join()
    process.stdout.close()
    assert any("+ nodes.r2: 5" in line for line in lines)
    assert "nothing is at" in holdfast("get", "nodes.r1.up", check=False).stderr


class _Lines:
    def __init__(self, lines: list[str]) -> None:
        self.lines = lines


def test_the_end_of_the_node_is_said_and_the_shell_goes_on_without(node: Running, home: Path) -> None:
    process = subprocess.Popen(SHELL, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1)
    assert process.stdin and process.stdout
    process.stdin.write("put a.b 1\nsub a\n")
    process.stdin.flush()
    assert [process.stdout.readline() for _ in range(3)][2].startswith("[1] telling")
    node.stop()
    process.stdin.write("get a.b\nput a.b 2\n")
    process.stdin.close()
    rest = process.stdout.read()
    process.stdout.close()
    assert process.wait(30) == 0, rest
    assert "[1] ended: " in rest and "~ a.b: 1 → 2" in rest


def test_without_a_node_the_file_is_held_and_others_are_told_who(home: Path) -> None:
    process = subprocess.Popen(SHELL, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
    assert process.stdin and process.stdout
    process.stdin.write("put a.b 1\n")
    process.stdin.flush()
    assert process.stdout.readline() == "+ a.b: 1\n"
    assert holdfast("get", "a.b").stdout == "1\n", "who only reads needs not have the file"
    refused = holdfast("put", "a.b", "2", check=False)
    assert refused.returncode == 1 and f"is held by process {process.pid}" in refused.stderr
    assert "lo" in holdfast("show", "interfaces").stdout, "a shell's file is not taken for a node's, which would have no tables"
    process.stdin.close()
    process.wait(30)
    process.stdout.close()
    assert holdfast("get", "a.b").stdout == "1\n"


def test_on_a_terminal(node: Running, home: Path) -> None:
    terminal = Terminal("shell", columns=80)
    try:
        terminal.wait_for("holdfast>")
        for keys, answer in (
            ("put nodes.r1 {mtu: 1500}\r", "+ nodes.r1.mtu: 1500"),
            ("get no\t", "get nodes"),
            (".\t", ".r1"),
            (".m\t", "mtu"),
            ("\r", "1500"),
            ("begin lab\r", "holdfast lab>"),
            ("nonsense\r", "no such command `nonsense`"),
            ("watch nodes\r", "watch nodes"),
        ):
            before = len(terminal.text)
            terminal.type(keys)
            terminal.wait_for(answer, after=before)
        holdfast("put", "nodes.r1.mtu", "7")
        terminal.wait_for("~ nodes.r1.mtu: 1500 → 7")
        terminal.type("\x03")
        before = len(terminal.text)
        terminal.wait_for("holdfast lab>", after=before)
        terminal.type("\x04")
        assert terminal.wait_for_end() == 0
        terminal.wait_for("draft lab is kept")
        history = home / "shell_history"
        assert stat.S_IMODE(history.stat().st_mode) == 0o600 and "begin lab" in history.read_text()
        assert "Traceback" not in terminal.text
    finally:
        terminal.close()


def test_ctrl_c_ends_what_runs_and_no_more(home: Path) -> None:
    terminal = Terminal("shell", columns=80)
    try:
        terminal.wait_for("holdfast>")
        for keys, answer in (
            ("sub nodes\r", "[1] telling of nodes"),
            ("watch nodes\r", "nothing is at nodes in the tree yet"),
            ("\x03", "holdfast>"),
            ("put nodes.a\r", "...>"),
            ("\x03", "stopped"),
            ("half a line\x03", "holdfast>"),
            ("put nodes.b 1\r", "+ nodes.b: 1"),
        ):
            before = len(terminal.text)
            terminal.type(keys)
            terminal.wait_for(answer, after=before)
        terminal.wait_for(lambda text: text.count("+ nodes.b: 1") == 2)
        terminal.type("exit\r")
        assert terminal.wait_for_end() == 0
        assert "Traceback" not in terminal.text
    finally:
        terminal.close()


ENDLESS = "with recursive a(n) as (select 1 union all select n + 1 from a) select max(n) from a"
WAITING = ("watch nodes", "watch routes", "put nodes.a", f"sql {ENDLESS}")


@pytest.mark.parametrize("rounds", [15, pytest.param(150, marks=[pytest.mark.long, pytest.mark.timeout(900)])])
@pytest.mark.parametrize("with_node", [False, True])
def test_ctrl_c_is_heard_whenever_it_comes(rounds: int, with_node: bool, home: Path, request: pytest.FixtureRequest, rng: Random) -> None:
    """Before Enter is read, while the editor puts the terminal back, before the command waits, while it waits; and where nothing runs.

    Whether it was heard the next line shows: a command that still waits would not answer it.
    """
    if with_node:
        request.getfixturevalue("node")
    terminal = Terminal("shell", columns=100)
    try:
        terminal.wait_for("holdfast>")
        for number in range(rounds):
            for line in (*WAITING, ""):
                terminal.type(f"{line}\r" if line else "")
                time.sleep(rng.choice((0.0, rng.uniform(0, 0.005), rng.uniform(0, 0.05))))
                terminal.type("\x03")
                _still_answers(terminal, f"get heard.{len(line)}.n{number}")
        assert "Traceback" not in terminal.text and "Exception ignored" not in terminal.text
        terminal.type("exit\r")
        assert terminal.wait_for_end() == 0
    finally:
        terminal.close()


def test_ctrl_c_while_the_file_is_opened_leaves_it_to_who_comes_next(home: Path, rng: Random) -> None:
    terminal = Terminal("shell", columns=100)
    try:
        terminal.wait_for("holdfast>")
        for number in range(20):
            seen = len(terminal.text)
            terminal.type("add nothing\r")  # it would open the file itself, so the shell lets it go
            terminal.wait_for("there is nothing called", after=seen)
            terminal.type("get a.b\r")
            time.sleep(rng.uniform(0.001, 0.03))
            terminal.type("\x03")
            _still_answers(terminal, f"get heard.n{number}")
    finally:
        terminal.close()


def _still_answers(terminal: Terminal, line: str) -> None:
    """The line is typed without a look at what there is."""
    seen = len(terminal.text)
    terminal.type(f"{line}\r")
    terminal.wait_for(f"nothing is at `{line.removeprefix('get ')}`", after=seen)
