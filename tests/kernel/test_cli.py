"""The program as a person runs it: processes of its own, in namespaces of their own, held against iproute2."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from holdfast.testing.netns import Namespace, without_rights

PROGRAM = [sys.executable, "-m", "holdfast.cli"]
PATIENCE_S = 15.0


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOLDFAST_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("HOLDFAST_DEBUG", raising=False)
    return tmp_path / "home"


@pytest.fixture
def net(make_netns: Callable[..., Namespace], home: Path) -> Namespace:
    """Two ends of a veth, up, with addresses and routes."""
    ns = make_netns("cli")
    for command in (
        "link add d0 type veth peer name d1", "link set d0 up", "link set d1 up", "addr add 10.0.0.1/24 dev d0",
        "route add 10.1.0.0/16 via 10.0.0.2 proto static metric 100", "route add blackhole 10.3.0.0/16",
    ):  # fmt: skip
        ns.ip(command)
    return ns


def holdfast(*words: str, check: bool = True, prefix: tuple[str, ...] = (), **options: Any) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([*prefix, *PROGRAM, *words], capture_output=True, text=True, timeout=60, check=False, **options)
    assert not check or done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done


class Running:
    """A process that goes on: its lines are gathered, and can be waited for."""

    def __init__(self, *words: str) -> None:
        environment = os.environ | {"PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(
            [*PROGRAM, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def wait_for(self, text: str) -> str:
        """The first line with this text."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            for line in list(self.lines):
                if text in line:
                    return line
            time.sleep(0.02)
        raise AssertionError(f"no line with `{text}` within {PATIENCE_S} s; there are:\n" + "\n".join(self.lines))

    def stop(self, number: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            code = self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            self._reader.join()
        assert self.process.stdout
        self.process.stdout.close()
        return code


@contextlib.contextmanager
def running(*words: str) -> Iterator[Running]:
    one = Running(*words)
    try:
        yield one
    finally:
        one.stop()


@contextlib.contextmanager
def node(net: Namespace, *words: str) -> Iterator[Running]:
    with running("run", "--no-local", "--netns", net.name, *words) as one:
        one.wait_for("follows")
        yield one


def wait_until(check: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + PATIENCE_S
    while not (found := check()):
        assert time.monotonic() < deadline, "it did not become true"
        time.sleep(0.05)
    return found


# ------------------------------------------------------------------------------------------------------- without a node


def test_interfaces_are_those_of_ip(net: Namespace) -> None:
    rows = json.loads(holdfast("show", "interfaces", "--netns", net.name, "--json").stdout)
    told = net.ip_json("link show")
    assert {(row["ifindex"], row["ifname"], row["mtu"], row["address"], row["operstate"]) for row in rows} == {
        (one["ifindex"], one["ifname"], one["mtu"], one["address"], one["operstate"]) for one in told
    }
    assert {row["target"] for row in rows} == {net.name}


def test_a_listing_of_routes(net: Namespace) -> None:
    lines = holdfast("show", "route", "-4", "-n", net.name).stdout.splitlines()
    assert [line.split() for line in lines] == [
        ["DST", "VIA", "DEV", "TABLE", "TYPE", "PROTO", "SCOPE", "METRIC", "SRC"],
        ["10.0.0.0/24", "d0", "main", "kernel", "link", "10.0.0.1"],
        ["10.1.0.0/16", "10.0.0.2", "d0", "main", "static", "100"],
        ["10.3.0.0/16", "main", "blackhole", "boot"],
    ]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["-4"], ["10.0.0.0/24", "10.1.0.0/16", "10.3.0.0/16"]),
        (["dev", "d0", "-4"], ["10.0.0.0/24", "10.1.0.0/16"]),
        (["via", "10.0.0.2"], ["10.1.0.0/16"]),
        (["via=10.0.0.2"], ["10.1.0.0/16"]),
        (["10.3.0.0/16"], ["10.3.0.0/16"]),
        (["match", "10.1.2.3"], ["10.1.0.0/16"]),
        (["root", "10.0.0.0/15"], ["10.0.0.0/24", "10.1.0.0/16"]),
        (["root", "10.0.0.0/15", "all"], ["10.0.0.0/24", "10.1.0.0/16", "10.0.0.1/32", "10.0.0.255/32"]),
    ],
)
def test_filters_reach_what_ip_shows(net: Namespace, words: list[str], found: list[str]) -> None:
    lines = holdfast("show", "routes", *words, "--columns", "dst", "-n", net.name).stdout.splitlines()
    assert lines == ["DST", *found]


def test_sql_asks_the_kernel_when_no_node_runs(net: Namespace) -> None:
    query = "SELECT ifname, local FROM addresses JOIN interfaces USING (target, ifindex) WHERE family = 2 ORDER BY ifindex"
    assert holdfast("sql", query, "-n", net.name).stdout == "ifname  local\nlo      127.0.0.1\nd0      10.0.0.1\n"
    assert holdfast("sql", "--csv", "-n", net.name, input=query).stdout == "ifname,local\nlo,127.0.0.1\nd0,10.0.0.1\n"
    assert json.loads(holdfast("sql", query, "--json", "-n", net.name).stdout)[1] == {"ifname": "d0", "local": "10.0.0.1"}


def test_sql_of_lookups(net: Namespace) -> None:
    assert (
        holdfast("sql", "SELECT dst, dst_len FROM route_lookup('10.1.2.3')", "-n", net.name).stdout
        == "dst       dst_len\n10.1.0.0       16\n"
    )


def test_names_of_namespaces(net: Namespace) -> None:
    rows = json.loads(holdfast("show", "netns", net.name, "--json").stdout)
    assert [(row["name"], row["path"], row["inode"]) for row in rows] == [(net.name, net.path, os.stat(net.path).st_ino)]


def test_a_watch_without_a_node_sees_what_happens(net: Namespace) -> None:
    with running("watch", "-n", net.name, "--since", "0") as watch:
        watch.wait_for("interface d0")
        net.ip("route add 10.77.0.0/16 via 10.0.0.2")
        assert watch.wait_for("10.77.0.0/16").endswith("+ route 10.77.0.0/16 table main via 10.0.0.2 dev d0 proto boot")
        net.ip("link set d1 down")
        assert "interface d1: flags -UP -LOWER_UP, state up → down, oper UP → DOWN" in watch.wait_for("~ interface d1")
        net.ip("link add late type veth peer name later")
        watch.wait_for("+ interface late ")
        net.ip("link set late name better")
        assert watch.wait_for("interface better:").endswith("~ interface better: name late → better")


def test_a_namespace_that_is_not_there(home: Path) -> None:
    done = holdfast("show", "interfaces", "-n", "hft-none", check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("holdfast: ")
    assert "hft-none" in done.stderr


# ----------------------------------------------------------------------------------------------------------- with a node


def test_commands_ask_the_running_node(net: Namespace, home: Path) -> None:
    with node(net) as run:
        done = holdfast("show", "addresses", "dev", "d0", "-4", "--columns", "dev,address", "-v")
        assert done.stdout == "DEV  ADDRESS\nd0   10.0.0.1/24\n"
        assert done.stderr == f"holdfast: asking the running node (process {run.process.pid}), file {home}/holdfast.db\n"
        net.ip("addr add 10.9.0.1/24 dev d1")
        wait_until(lambda: "10.9.0.1" in holdfast("sql", "SELECT local FROM addresses").stdout)
    assert run.stop() == 0
    assert run.lines[-2].endswith(" stopping")
    assert "stopped at revision " in run.lines[-1]


def test_a_watch_of_the_node_loses_nothing(net: Namespace) -> None:
    with node(net):
        now = holdfast("sql", "SELECT max(revision) AS now FROM log", "--csv").stdout.split()[1]
        with running("watch", "routes", "root", "10.77.0.0/16", "--json", "--limit", "40", "--since", now) as watch:
            net.batch(f"route add 10.77.{number}.0/24 dev d0" for number in range(20))
            # what comes and goes within one read of the kernel's events has not changed
            wait_until(lambda: "\n20\n" in holdfast("sql", "SELECT count(*) FROM routes WHERE dst LIKE '10.77.%'", "--csv").stdout)
            net.batch(f"route del 10.77.{number}.0/24" for number in range(20))
            assert watch.process.wait(PATIENCE_S) == 0
        told = [json.loads(line) for line in watch.lines]
        expected = {(op, f"10.77.{number}.0") for op in ("put", "delete") for number in range(20)}
        assert {(one["op"], one["row"]["dst"]) for one in told} == expected
        assert [one["op"] for one in told] == ["put"] * 20 + ["delete"] * 20
        assert all(one["revision"] > int(now) and one["time"] for one in told)


def test_two_nodes_do_not_share_a_file(net: Namespace, home: Path) -> None:
    with node(net) as run:
        done = holdfast("run", "--no-local", "--netns", net.name, check=False)
        assert done.returncode == 1
        first, hint = done.stderr.splitlines()
        assert first.startswith(f"holdfast: database {home}/holdfast.db is held by process {run.process.pid} (")
        assert hint == "  one process writes a database: ask that one, stop it, or choose another file"


def test_namespaces_are_followed_as_they_come_and_go(net: Namespace, make_netns: Callable[..., Namespace]) -> None:
    with running("run", "--all-netns", "--tables", "interfaces") as run:
        run.wait_for("follows")
        late = make_netns("late")
        run.wait_for(f"network namespace {late.name} is there")
        wait_until(lambda: holdfast("show", "link", "lo", "-t", late.name, check=False).stdout)
        assert json.loads(holdfast("show", "netns", late.name, "--json").stdout)[0]["path"] == late.path
        late.delete()
        run.wait_for(f"network namespace {late.name} was deleted")
        wait_until(lambda: not holdfast("sql", f"SELECT 1 FROM interfaces WHERE target = '{late.name}'", "--csv").stdout.splitlines()[1:])
        assert holdfast("sql", f"SELECT name FROM netns WHERE name = '{late.name}'", "--csv").stdout == "name\n"


def test_another_run_forgets_sources_that_it_does_not_have(net: Namespace, make_netns: Callable[..., Namespace]) -> None:
    other = make_netns("other")
    with node(net, "--netns", other.name):
        targets = holdfast("sql", "SELECT DISTINCT target FROM interfaces", "--csv").stdout.split()[1:]
        assert sorted(targets) == sorted([net.name, other.name])
    with node(net):
        assert holdfast("sql", "SELECT DISTINCT target FROM interfaces", "--csv").stdout.split()[1:] == [net.name]


def test_the_file_of_a_stopped_node_can_be_read(net: Namespace, home: Path) -> None:
    with node(net):
        pass
    done = holdfast("show", "link", "d0", "--columns", "name", "--db", f"{home}/holdfast.db")
    assert done.stdout == "NAME\nd0\n"
    assert done.stderr == f"holdfast: no node is running on {home}/holdfast.db: this is what it saw last\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_stop_a_node_in_order(net: Namespace, number: int) -> None:
    with node(net) as run:
        assert run.stop(number) == 0


def test_log_lines_as_json(net: Namespace) -> None:
    with node(net, "--log", "json") as run:
        run.stop()
        lines = [json.loads(line) for line in run.lines]
    assert {"time", "level", "from", "message"} <= lines[0].keys()
    assert any("follows" in line["message"] for line in lines)


# --------------------------------------------------------------------------------------------------------------- manners


def test_a_closed_pipe_is_no_news(net: Namespace) -> None:
    words = " ".join([*PROGRAM, "show", "routes", "all", "-n", net.name])
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {words} | true"], capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""


def test_users_without_rights_see_what_the_kernel_shows_them(net: Namespace, home: Path) -> None:
    prefix = tuple(without_rights([]))
    done = holdfast("show", "link", "lo", "--columns", "name", prefix=prefix)
    assert done.stdout == "NAME\nlo\n"
    refused = holdfast("show", "link", "-n", net.name, prefix=prefix, check=False)
    assert refused.returncode == 1
    assert refused.stderr.startswith("holdfast: ")


def test_a_watch_says_when_the_node_stops_and_when_there_is_one_again(net: Namespace) -> None:
    with node(net) as first, running("watch", "addresses", "--verbose") as watch:
        watch.wait_for("asking the running node")
        time.sleep(0.5)
        net.ip("addr add 10.9.0.1/24 dev d0")
        watch.wait_for("10.9.0.1/24")
        assert first.stop() == 0
        assert f"(process {first.process.pid})" in watch.wait_for("has stopped")
        net.ip("addr add 10.9.0.2/24 dev d0")
        with node(net):
            watch.wait_for("a node is running again")
            watch.wait_for("10.9.0.2/24")


# ------------------------------------------------------------------------------------------------------------- topology


def test_topology_of_namespaces_that_have_names(net: Namespace, make_netns: Callable[..., Namespace], home: Path) -> None:
    """The ends of a pair in two namespaces, neither of which is this one, find each other."""
    other = make_netns("far")
    net.ip(f"link add x0 type veth peer name y0 netns {other.name}")
    net.ip("link add br7 type bridge")
    net.ip("link set x0 master br7")
    graph = json.loads(holdfast("show", "topology", "dev", "x0", "--json").stdout)
    ends = {(edge["kind"], edge["lower"]["target"], edge["lower"]["ifname"], edge["upper"]["ifname"]) for edge in graph["edges"]}
    assert ("port", net.name, "x0", "br7") in ends
    assert ends & {("pair", net.name, "x0", "y0"), ("pair", other.name, "y0", "x0")}
    text = holdfast("show", "topology", "dev", "x0").stdout
    assert f"⇄ {other.name}/y0" in text and f"⇄ {net.name}/x0" in text
    assert "d0" not in text  # not connected with it


def test_topology_knows_its_formats(net: Namespace) -> None:
    assert holdfast("show", "topology", "--format", "svg", "--netns", net.name).stdout.startswith("<svg ")
    assert holdfast("show", "topo", "--format", "dot", "--netns", net.name).stdout.startswith("digraph ")
    wrong = holdfast("show", "topology", "--format", "png", check=False)
    assert wrong.returncode == 2
    assert "expected text, dot, svg or json, got `png`" in wrong.stderr
    assert holdfast("show", "routes", "--format", "svg", check=False).returncode == 2


def test_topology_asks_the_namespaces_where_rows_leave_it_open(make_netns: Callable[..., Namespace], home: Path) -> None:
    """Two hosts behind two leaves with the same indexes everywhere: only the namespaces themselves can tell them apart."""
    leaves, hosts = [make_netns(f"leaf{n}") for n in (1, 2)], [make_netns(f"host{n}") for n in (1, 2)]
    for leaf, far in zip(leaves, reversed(hosts), strict=True):
        leaf.ip(f"link add p0 type veth peer name e0 netns {far.name}")
    text = holdfast("show", "topology").stdout
    for leaf, far in zip(leaves, reversed(hosts), strict=True):
        assert re.search(rf"^{leaf.name}\n(?:[├└].*\n)*[├└]─ p0 .* ⇄ {far.name}/e0$", text, re.MULTILINE), text
