"""`holdfast log`, `diff`, `show --at`, `sql --at`, `watch --since` over a file; and how much `run` is told to keep."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from holdfast.cli.main import main
from holdfast.cli.running.retention import retention_of
from holdfast.database import history
from holdfast.database.retention import Keep
from holdfast.database.sqlite import Database
from holdfast.errors import InvalidValue, UnknownName
from holdfast.model import ADDRESSES, INTERFACES, ROUTES

LINK = ("ifindex", "ifname", "mtu", "state", "ifi_type")
WAY = ("family", "dst", "dst_len", "table_id", "gateway", "oif", "type", "proto")


def link(mtu: int = 1500, state: str = "up", name: str = "eth0") -> list[list[Any]]:
    return [[2], [name], [mtu], [state], [1]]


def way(gateway: str, dst: str = "10.0.0.0") -> list[list[Any]]:
    return [[2], [dst], [8], [254], [gateway], [2], [1], [4]]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """2: eth0, a route. 3: the route goes another way. 4: eth0 goes down, by somebody. 5: it is renamed. 6: the route goes."""
    monkeypatch.setenv("HOLDFAST_HOME", str(tmp_path / "home"))
    path = tmp_path / "x.db"
    with Database(path) as database:

        def write(job: Any) -> None:
            database.write(job).result()

        def first(tx: Any) -> None:
            tx.put(INTERFACES, "here", LINK, link())
            tx.put(ROUTES, "here", WAY, way("192.0.2.1"))

        def other_way(tx: Any) -> None:
            tx.delete(ROUTES, "here", WAY, way("192.0.2.1"))
            tx.put(ROUTES, "here", WAY, way("192.0.2.2"))

        def down(tx: Any) -> None:
            tx.put(INTERFACES, "here", LINK, link(1400, "down"))
            tx.note("change", target="here", author="ann", message="maintenance")

        write(first)
        write(other_way)
        write(down)
        write(lambda tx: tx.put(INTERFACES, "here", LINK, link(1400, "down", "wan0")))
        write(lambda tx: tx.delete(ROUTES, "here", WAY, way("192.0.2.2")))
    return str(path)


def lines(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> list[str]:
    """What it prints; stamps without the time."""
    assert main(words) == code
    out = capsys.readouterr()
    return [line.partition(" ")[2] if line[:1].isdigit() else line for line in out.out.splitlines()] if code == 0 else out.err.splitlines()


def test_the_log_newest_first(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = lines(capsys, "log", "--db", file)
    assert found == [
        "r6 - route 10.0.0.0/8 table main via 192.0.2.2 dev wan0 proto static",
        "r5 ~ interface wan0: name eth0 → wan0",
        "r4 = change by ann: maintenance",
        "                ~ interface eth0: state up → down, mtu 1500 → 1400",
        "r3 ~ route 10.0.0.0/8 table main: gateway 192.0.2.1 → 192.0.2.2",
        "r2 + interface eth0 state up mtu 1500 type ether",
        "                + route 10.0.0.0/8 table main via 192.0.2.1 dev eth0 proto static",
        "r1 = start",
    ]


def test_the_life_of_one_object(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    signs = [line.split()[:3] for line in lines(capsys, "log", "routes", "10.0.0.0/8", "--db", file)]
    assert signs == [["r6", "-", "route"], ["r3", "~", "route"], ["r2", "+", "route"]]
    for name in ("eth0", "wan0"):  # one was its name once
        found = lines(capsys, "log", "interfaces", name, "--db", file)
        assert [line.split()[0] for line in found if line.startswith("r")] == ["r5", "r4", "r2"], found
    up = lines(capsys, "log", "interfaces", "up", "--db", file)
    assert up[-2:] == [
        "                ~ interface eth0: state up → down, mtu 1500 → 1400",
        "r2 + interface eth0 state up mtu 1500 type ether",
    ]


def test_filters_of_the_log(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    def revisions(*words: str) -> list[int]:
        assert main(["log", "--json", "--db", file, *words]) == 0
        return [json.loads(line)["revision"] for line in capsys.readouterr().out.splitlines()]

    assert revisions() == [6, 5, 4, 3, 2, 1]
    assert revisions("--since", "2", "--until", "5") == [5, 4, 3]
    assert revisions("--author", "ann") == [4] == revisions("interfaces", "--author", "ann")
    assert revisions("--limit", "2") == [6, 5]
    assert revisions("--target", "here") == [6, 5, 4, 3, 2]
    assert revisions("routes", "via", "192.0.2.1") == [3, 2]
    assert revisions("--since", "1 week ago") == [6, 5, 4, 3, 2, 1]
    assert revisions("addresses") == []


def test_entries_for_a_program(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["log", "interfaces", "wan0", "--json", "--limit", "1", "--db", file]) == 0
    entry = json.loads(capsys.readouterr().out)
    assert entry["kind"] == "live" and entry["target"] == "here"
    assert entry["changes"] == [
        {
            "table": "interfaces",
            "target": "here",
            "key": "wan0",
            "op": "changed",
            "fields": [{"field": "ifname", "old": "eth0", "new": "wan0"}],
        }
    ]


def test_the_log_says_where_it_begins(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    with Database(file) as database:
        database.write(lambda tx: history.forget(tx.session.connection, "routes", 3, 100)).result()
    found = lines(capsys, "log", "routes", "--db", file)
    assert found == [
        "r6 - route 10.0.0.0/8 table main via 192.0.2.2 dev wan0 proto static",
        "r3 = the history of routes begins here: what was before is not kept",
    ]
    error = lines(capsys, "show", "routes", "--at", "2", "--db", file, code=1)
    assert error[1].startswith("holdfast: routes at revision 2 are asked for, and their history is kept from revision 3 (")


def test_many_changes_at_a_time_are_cut_where_all_is_asked_for(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    with Database(file) as database:
        rows = [[2] * 30, [f"10.0.0.{n}" for n in range(30)], [24] * 30, [2] * 30]
        database.write(lambda tx: tx.put(ADDRESSES, "here", ("family", "local", "prefixlen", "ifindex"), rows)).result()
    found = lines(capsys, "log", "--limit", "1", "--db", file)
    assert len(found) == 11 and found[-1].strip() == "… and 20 more changes: --all tells each"
    assert len(lines(capsys, "log", "--limit", "1", "--all", "--db", file)) == 30
    assert len(lines(capsys, "log", "addresses", "--db", file)) == 30


def test_differences(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert lines(capsys, "diff", "2", "5", "--db", file) == [
        "~ interface wan0: name eth0 → wan0, state up → down, mtu 1500 → 1400",
        "~ route 10.0.0.0/8 table main: gateway 192.0.2.1 → 192.0.2.2",
    ]
    assert lines(capsys, "diff", "routes", "2", "--db", file) == ["- route 10.0.0.0/8 table main via 192.0.2.1 dev wan0 proto static"]
    assert lines(capsys, "diff", "interfaces", "routes", "5", "5", "--db", file) == []
    assert main(["diff", "addr", "link", "3", "4", "--json", "--db", file]) == 0
    assert [field["field"] for field in json.loads(capsys.readouterr().out)["fields"]] == ["state", "mtu"]
    assert "expected the earlier point in time first" in lines(capsys, "diff", "5", "2", "--db", file, code=2)[1]
    for words in (["diff"], ["diff", "routes"], ["diff", "routes", "10", "minutes", "ago"]):
        assert "expected tables or paths, and one or two points in time, got" in lines(capsys, *words, "--db", file, code=2)[0]


def test_rows_as_they_were(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert [line.split()[1:4] for line in lines(capsys, "show", "interfaces", "--at", "3", "--db", file)] == [
        ["NAME", "STATE", "MTU"],
        ["eth0", "up", "1500"],
    ]
    assert "eth0" in lines(capsys, "show", "routes", "via", "192.0.2.2", "--at", "r3", "--db", file)[1], "names are of that time"
    assert main(["show", "routes", "--at", "3", "--json", "--db", file]) == 0
    assert [row["gateway"] for row in json.loads(capsys.readouterr().out)] == ["192.0.2.2"]
    assert lines(capsys, "sql", "SELECT ifname, mtu FROM interfaces", "--at", "4", "--csv", "--db", file) == ["ifname,mtu", "eth0,1400"]
    assert "expected a point in time" in lines(capsys, "show", "routes", "--at", "soon", "--db", file, code=2)[1]


def test_a_watch_of_the_past(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = lines(capsys, "watch", "interfaces", "--since", "r2", "--limit", "2", "--db", file)
    assert [line.split(" ", 1)[1] for line in found] == [
        "~ interface eth0: state up → down, mtu 1500 → 1400",
        "~ interface wan0: name eth0 → wan0",
    ]


def test_without_a_history_it_is_said_what_to_do(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["log"], ["diff", "1h"], ["show", "routes", "--at", "1h"], ["sql", "SELECT 1", "--at", "1h"]):
        assert lines(capsys, *words, code=1) == [
            "holdfast: there is no history: no node is running, and none has left a file",
            "  `holdfast run` keeps one; `--db FILE` names a file",
        ]
        assert lines(capsys, *words, "--netns", "blue", code=2)[0] == "holdfast: the kernel keeps no history – at `--netns`"
    assert lines(capsys, "log", "-n", "4", code=2)[1] == "  `-n` is that of `ip`; 4 entries: `--limit 4`"
    assert lines(capsys, "log", "--target", "there", "--db", file, code=1)[1:] == [
        "holdfast: there is no source `there`",
        "  there were here",
    ]


def test_a_stopped_nodes_file_is_looked_into(file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = tmp_path / "home"
    home.mkdir()
    Path(file).rename(home / "holdfast.db")
    assert main(["log", "--limit", "1"]) == 0
    out = capsys.readouterr()
    assert "r6 - route" in out.out and out.err == f"holdfast: no node is running: {home}/holdfast.db ends where it stopped\n"


def test_a_query_about_the_past_reads_what_a_node_has_left(
    file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The kernel has no log: to say that there is none would be an answer that is not so."""
    monkeypatch.setenv("HOLDFAST_STATE", "")
    count = ["sql", "--csv", "SELECT count(*) FROM log WHERE author = 'ann'"]
    assert main(count) == 1
    assert capsys.readouterr().err.startswith("holdfast: there is no history: no node is running, and none has left a file\n")
    home = tmp_path / "home"
    home.mkdir()
    Path(file).rename(home / "holdfast.db")
    assert main(count) == 0
    out = capsys.readouterr()
    assert out.out == "count(*)\n1\n" and out.err == f"holdfast: no node is running: {home}/holdfast.db ends where it stopped\n"
    assert main(["sql", "--csv", "SELECT DISTINCT gateway FROM Routes_History ORDER BY gateway"]) == 0
    assert capsys.readouterr().out == "gateway\n192.0.2.1\n192.0.2.2\n"
    assert main([*count, "--netns", "blue"]) == 2
    assert capsys.readouterr().err.startswith("holdfast: the kernel keeps no history")


def test_how_much_is_kept() -> None:
    policy = retention_of(["30d", "routes=1d"], ["all", "link=5"], ["64M", "routes=1 GiB"])
    assert policy.default == Keep(None, 64 << 20, timedelta(days=30))
    assert policy.of("routes") == Keep(None, 1 << 30, timedelta(days=1))
    assert policy.of("interfaces") == Keep(5, 64 << 20, timedelta(days=30))
    assert retention_of([], [], []).of("rules") == Keep()
    for wrong, sentence in (
        ((["3 months"], [], []), "expected a duration, got `3 months` – at `--keep`"),
        (([], ["-1"], []), "expected a number of rows, or `all`, got `-1` – at `--keep-rows`"),
        (([], [], ["routes=much"]), "expected a size, or `all`, got `much` – at `--keep-bytes`"),
    ):
        with pytest.raises(InvalidValue, match=sentence):
            retention_of(*wrong)
    with pytest.raises(UnknownName, match="nothing called `things`"):
        retention_of(["things=1d"], [], [])
