"""A node is killed (SIGKILL) while it loads and while routes churn: nothing committed is lost, and the next start is right."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import pytest

from holdfast import NDB
from holdfast.database.sqlite import Database, open_reader
from holdfast.errors import HoldfastError
from holdfast.testing.netns import Namespace

pytestmark = [pytest.mark.kernel, pytest.mark.timeout(300)]

HISTORY = "SELECT since, dst FROM routes WHERE since <= ? UNION ALL SELECT since, dst FROM routes_history WHERE since <= ?"
MANY = [f"route add 10.{i >> 8}.{i & 255}.0/24 via 192.168.0.2 dev v0" for i in range(4000)]


def node(path: Path, netns: Namespace) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "holdfast.cli", "run", "--db", str(path), "--no-local", "--netns", netns.name, "--log", "text"]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def seen_until(path: Path, until: float) -> tuple[int, set[tuple[int, str]]]:
    """What another process could read before `until`: the last revision, and the routes with the revision they came at."""
    revision, routes = 0, set[tuple[int, str]]()
    while time.monotonic() < until:
        with contextlib.suppress(HoldfastError), open_reader(str(path)) as database, database.reader() as reader:
            revision, routes = reader.revision, set(reader.fetch("SELECT since, dst FROM routes"))
        time.sleep(0.005)
    return revision, routes


def kernel_routes(netns: Namespace) -> set[str]:
    return {route["dst"].partition("/")[0] for route in netns.ip_json("-4 route show table main")}


def kill_and_look(path: Path, netns: Namespace, alive_s: float, rng: random.Random) -> int:
    """Returns how many routes were seen before the kill."""
    with node(path, netns) as process:
        churn = "\n".join(line for i in rng.sample(range(4000), 300) for line in (MANY[i].replace(" add ", " del "), MANY[i]))
        command = ["ip", "-netns", netns.name, "-force", "-batch", "-"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as ip:
            assert ip.stdin is not None
            ip.stdin.write(churn.encode())
            ip.stdin.close()
            revision, routes = seen_until(path, time.monotonic() + alive_s)
            process.send_signal(signal.SIGKILL)
    if not path.exists():
        return 0
    with Database(str(path)) as database:
        assert database.fetch("PRAGMA quick_check") == [("ok",)]
        assert database.revision >= revision, "a revision that was read is gone"
        there = set(database.fetch(HISTORY, (revision, revision)))
        assert routes <= there, "a row that was read is neither there nor in the history"
    with NDB(sources=[{"target": netns.name, "kind": "netns", "netns": netns.name}], db_spec=str(path)) as ndb:
        ours = {record[0] for record in ndb.sql("SELECT dst FROM routes WHERE family = 2 AND table_id = 254")}
        assert ours == kernel_routes(netns), json.dumps(sorted(ours ^ kernel_routes(netns)))[:500]
    return len(routes)


def test_the_state_is_right_within_a_second_of_the_next_start(netns: Namespace, tmp_path: Path) -> None:
    """From the making of the process until the tables are the kernel's, which changed meanwhile; and that comes before the socket."""
    netns.veth("v0", "v1")
    netns.batch(["link set v0 up", "link set v1 up"])
    netns.batch([f"route add 10.{i >> 8}.{i & 255}.0/24 dev v0" for i in range(2000)])
    path = tmp_path / "node.db"
    took: list[float] = []
    for life in range(4):
        netns.batch([f"route {'del' if life % 2 else 'add'} 11.{i >> 8}.{i & 255}.0/24 dev v0" for i in range(300)])
        wanted = kernel_routes(netns)
        began = time.monotonic()
        with node(path, netns) as process:
            try:
                listening = False
                while routes_in(path) != wanted:
                    assert time.monotonic() < began + 30
                    listening = listening or path.with_suffix(".sock").exists()
                    time.sleep(0.005)
                took.append(time.monotonic() - began)
                while not path.with_suffix(".sock").exists():
                    assert time.monotonic() < began + 30
                    time.sleep(0.01)
            finally:
                process.send_signal(signal.SIGKILL)
        path.with_suffix(".sock").unlink(missing_ok=True)
    assert not listening or took[-1] > 0.5, "the socket's libraries are imported before the state is right"
    again = sorted(took[1:])[1]
    print(f"right after {again:.2f} s")
    assert again < max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def routes_in(path: Path) -> set[str]:
    with contextlib.suppress(HoldfastError), open_reader(str(path)) as database:
        return {row[0] for row in database.fetch("SELECT dst FROM routes WHERE family = 2 AND table_id = 254")}
    return set()


def test_killed_while_loading_and_under_churn(netns: Namespace, tmp_path: Path, rng: random.Random) -> None:
    netns.ip("link add v0 type veth peer name v1")
    for command in ("link set v0 up", "link set v1 up", "addr add 192.168.0.1/24 dev v0"):
        netns.ip(command)
    subprocess.run(["ip", "-netns", netns.name, "-batch", "-"], input="\n".join(MANY).encode(), check=True)
    moments = (0.3, 0.45, 0.6, 0.8, 1.2, rng.uniform(0.3, 1.5))
    seen = [kill_and_look(tmp_path / "node.db", netns, alive_s, rng) for alive_s in moments]
    assert any(seen), "no node lived long enough to show a route: the test looked at nothing"


def test_of_a_time_without_a_node_show_says_so(netns: Namespace, tmp_path: Path) -> None:
    path = tmp_path / "node.db"
    spec = {"target": netns.name, "kind": "netns", "netns": netns.name}
    for _ in range(2):
        with NDB(sources=[spec], db_spec=str(path)) as ndb:
            assert ndb.gap("now") is None
            loaded = time.time()
        time.sleep(1.2)

    def shown(at: float) -> str:
        when = datetime.fromtimestamp(at).astimezone().isoformat()
        command = [sys.executable, "-m", "holdfast.cli", "show", "interfaces", "--db", str(path), "--at", when]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stderr

    assert "holdfast: nobody looked from " in shown(time.time() - 0.1)
    assert "nobody looked" not in shown(loaded)
    with NDB(sources=[spec], db_spec=str(path)) as ndb:
        gap = ndb.gap(datetime.fromtimestamp(loaded + 1).astimezone())
        assert gap is not None and gap.since_ns / 1e9 > loaded
