"""The program on a terminal: a pseudo-terminal of 100 columns, keys in, text out."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from holdfast.testing.netns import Namespace

PATIENCE_S = 20.0
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\x1b\][^\x07]*\x07|\r")


class Terminal:
    """A process on a terminal of its own. `text` is what it wrote so far, without control sequences."""

    def __init__(self, *words: str, columns: int = 100) -> None:
        self._here, there = pty.openpty()
        fcntl.ioctl(there, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
        program = ["setsid", "--ctty", sys.executable, "-m", "holdfast.cli", *words]  # its session's terminal: Ctrl-C is a signal
        environment |= {"TERM": "xterm-256color", "PROMPT_TOOLKIT_NO_CPR": "1"}
        self.process = subprocess.Popen(program, stdin=there, stdout=there, stderr=there, env=environment)
        os.close(there)
        self.raw = ""

    @property
    def text(self) -> str:
        return CONTROL.sub("", self.raw)

    def type(self, keys: str) -> None:
        os.write(self._here, keys.encode())

    def wait_for(self, what: str | Callable[[str], bool], *, after: int = 0) -> str:
        """The text behind `after` once it has `what`."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            text = self.text[after:]
            if what in text if isinstance(what, str) else what(text):
                return text
            assert time.monotonic() < deadline, f"{what!r} did not come; there is:\n{text}"
            self._read(0.05)

    def wait_for_end(self) -> int:
        deadline = time.monotonic() + PATIENCE_S
        while self.process.poll() is None and time.monotonic() < deadline:
            self._read(0.05)
        return self.process.wait(0)

    def _read(self, seconds: float) -> None:
        if select.select([self._here], [], [], seconds)[0]:
            try:
                self.raw += os.read(self._here, 65536).decode(errors="replace")
            except OSError:  # the other side is closed
                time.sleep(seconds)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._here)


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Terminal]]:
    monkeypatch.setenv("HOLDFAST_HOME", str(tmp_path / "home"))
    opened: list[Terminal] = []

    def run(*words: str, columns: int = 100) -> Terminal:
        opened.append(Terminal(*words, columns=columns))
        return opened[-1]

    yield run
    for one in opened:
        one.close()


def ask(one: Terminal, keys: str, what: str | Callable[[str], bool]) -> None:
    """Type behind a prompt, wait for the answer, and for the next prompt: between the two the terminal is not ours."""
    seen = len(one.text)
    one.type(keys)
    one.wait_for(what, after=seen)
    one.wait_for(lambda text: text.rstrip().endswith("holdfast>"), after=seen)


def test_sql_is_typed_completed_answered_and_left(
    make_netns: Callable[..., Namespace], terminal: Callable[..., Terminal], tmp_path: Path
) -> None:
    one = terminal("sql", "--netns", make_netns("sql").name)
    one.wait_for("holdfast>")
    one.type("select ifname, 40 + 2 as n\r")
    one.wait_for("...>")
    one.type("from interfa\t")  # completes to interfaces, and shows the views that begin so
    one.wait_for("interfaces_bond")
    ask(one, " where ifindex = 1;\r", lambda text: bool(re.search(r"ifname +n\n.*lo +42\n.*\(1 row, ", text, re.DOTALL)))
    ask(one, ".mode csv\r", ".mode csv")
    ask(one, "select 'x' as a, 7 as b;\r", "a,b\nx,7\n")
    ask(one, "select missing from routes;\r", "error: no such column: missing – at `missing from routes;`")
    one.type("\x04")
    assert one.wait_for_end() == 0
    history = tmp_path / "home" / "sql_history"
    assert history.stat().st_mode & 0o777 == 0o600
    assert "select missing from routes;" in history.read_text()


def test_ctrl_c_ends_the_query_and_not_the_session(terminal: Callable[..., Terminal]) -> None:
    one = terminal("sql")
    one.wait_for("holdfast>")
    for pause_s, answer in ((0.0, "holdfast>"), (0.5, "stopped")):  # at once it may come before the query begins
        one.type("with recursive a(n) as (select 1 union all select n+1 from a) select sum(n) from a;\r")
        time.sleep(pause_s)
        ask(one, "\x03", answer)
    ask(one, "select 6*7 as answer;\r", lambda text: bool(re.search(r"\b42\n", text)))
    one.type("\x04")
    assert one.wait_for_end() == 0


def test_what_is_too_wide_is_told_in_records(terminal: Callable[..., Terminal]) -> None:
    one = terminal("sql", "select * from interfaces where ifindex = 1", columns=80)
    assert one.wait_for_end() == 0
    one.wait_for("── 1 ───")
    assert re.search(r"^ifname +lo$", one.text, re.MULTILINE)
    assert max(map(len, one.text.splitlines())) <= 80


def test_a_watch_of_a_busy_table_tells_sums(make_netns: Callable[..., Namespace], terminal: Callable[..., Terminal]) -> None:
    net = make_netns("busy")
    for command in ("link add d0 type veth peer name d1", "link set d0 up", "link set d1 up", "addr add 192.0.2.1/24 dev d0"):
        net.ip(command)
    one = terminal("watch", "routes", "proto", "bgp", "--netns", net.name)
    time.sleep(2.0)
    batch = "".join(f"route add 10.{n // 200}.{n % 200}.0/24 via 192.0.2.2 proto bgp\n" for n in range(1000))
    subprocess.run(["ip", "-n", net.name, "-batch", "-"], input=batch, text=True, check=True)
    one.wait_for(lambda text: _told(text) == 1000)
    assert "routes: 10.0." in one.text and " via 192.0.2.2 dev d0 proto bgp" in one.text
    assert one.text.count("\n") < 60
    one.wait_for("--all tells each")


def _told(text: str) -> int:
    """Routes in lines of their own, and in sums."""
    sums = [int(count.replace(" ", "")) for count in re.findall(r"\+ ([\d ]+) routes:", text)]
    return text.count("+ route 10.") + sum(sums)
