"""`holdfast replay`: recordings of another machine, looked at as if they were here."""

from __future__ import annotations

import json
import shutil
import time
from datetime import datetime
from pathlib import Path

import pytest

from holdfast.cli.main import main

LINK = "tests/golden/recordings/link-goes-down.hfrec"
ECMP = "tests/golden/recordings/ecmp.hfrec"


def test_a_summary(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", LINK]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{LINK}: netns source a\nrecorded 2026-")
    assert "eth1 goes down, comes back, and eth0 leaves" in out
    assert [line.split() for line in out.splitlines() if line.startswith("addresses")] == [["addresses", "2", "10"]]
    assert f"holdfast replay {LINK} show NOUN" in out


def test_options_may_stand_behind_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", LINK, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["target"], told["lost"], told["undecoded"], told["rows"]["interfaces"]) == ("a", 0, 0, 1)


def test_a_command_looks_at_the_result_and_its_options_are_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", ECMP, "show", "routes", "203.0.113.0/24", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["target"], row["gateway"]) == ("b", "10.0.1.2")


def test_until_a_moment(capsys: pytest.CaptureFixture[str]) -> None:
    query = "SELECT count(*) AS links FROM interfaces WHERE ifname LIKE 'eth%'"
    assert main(["replay", LINK, "--until", "+2.0", "sql", query, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"links": 2}]
    assert main(["replay", LINK, "sql", query, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"links": 0}]


def test_the_log_has_the_times_of_the_recording(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", LINK, "sql", "SELECT min(time_ns) AS a, max(time_ns) AS b FROM log", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    main(["replay", LINK, "--json"])
    told = json.loads(capsys.readouterr().out)
    assert told["began_ns"] <= row["a"] < row["b"] <= told["ended_ns"]


def test_a_watch_tells_what_happened_and_ends_with_the_recording(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", LINK, "watch", "interfaces", "--json"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    main(["replay", LINK, "sql", "SELECT max(revision) AS last FROM log WHERE kind = 'start' AND message IS NOT NULL", "--json"])
    loaded = json.loads(capsys.readouterr().out)[0]["last"]
    assert told and all(one["revision"] > loaded for one in told), "the state at the beginning is no news"
    states = [one["row"]["state"] for one in told if one["row"]["ifname"] == "eth1"]
    assert states[0] == "down" and "up" in states
    assert [one["op"] for one in told if one["row"]["ifname"] == "eth0"][-1] == "delete"
    assert all(one["time"].startswith("2026-") for one in told)


def test_a_watch_from_the_beginning_and_up_to_a_number(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", LINK, "watch", "interfaces", "--since", "r1", "--json"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {one["row"]["ifname"] for one in told} >= {"eth0", "eth1"} and told[0]["op"] == "put"
    assert main(["replay", LINK, "watch", "--limit", "2", "--json"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_a_watch_has_the_pace_of_the_recording(capsys: pytest.CaptureFixture[str]) -> None:
    began = time.monotonic()
    assert main(["replay", "--speed", "4", LINK, "watch", "--json"]) == 0
    took = time.monotonic() - began
    times = [datetime.fromisoformat(json.loads(line)["time"]) for line in capsys.readouterr().out.splitlines()]
    seconds = (times[-1] - times[0]).total_seconds()
    assert seconds > 1 and seconds / 4 < took < seconds / 4 + 5


def test_a_file_keeps_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(tmp_path / "out.db")
    assert main(["replay", ECMP, "--db", path]) == 0
    assert f"--db {path}" in capsys.readouterr().out
    assert main(["show", "rules", "pref", "500", "--db", path, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["table_id"] == 100
    assert main(["replay", ECMP, "--db", path]) == 1
    assert "is there already" in capsys.readouterr().err


def test_a_torn_recording_is_shown_and_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torn = tmp_path / "torn.hfrec"
    torn.write_bytes(Path(LINK).read_bytes()[:-100])
    assert main(["replay", str(torn), "show", "interfaces"]) == 0
    assert "are an unfinished frame, left out" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["nothing.hfrec"], 1, "no recording at `nothing.hfrec`"),
        (["README.md"], 1, "`README.md` is not a recording"),
        ([LINK, "record"], 2, "expected a command to look with (show, sql"),
        ([LINK, "--until", "noon"], 2, "expected a time like +12.5, "),
        ([LINK, "--until", "2001-01-01T00:00:00"], 2, "the recording begins at 2026-"),
        ([LINK, "--until", "+0.0001"], 2, "ends before a first reading of the state"),
        ([LINK, "show", "nonsense"], 2, "nonsense"),
    ],
)
def test_what_cannot_be_is_said(words: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", *words]) == code
    assert said in capsys.readouterr().err


def test_a_damaged_recording_is_not_taken_for_the_truth(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    damaged = tmp_path / "damaged.hfrec"
    shutil.copy(LINK, damaged)
    data = bytearray(damaged.read_bytes())
    data[20000] ^= 4
    damaged.write_bytes(data)
    assert main(["replay", str(damaged), "show", "interfaces"]) == 1
    assert "checksum is wrong" in capsys.readouterr().err
