"""holdfast.api.doctor: each finding says how it is, what would be lost, and what to do."""

from __future__ import annotations

import json
import shutil
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest

from holdfast.api import doctor
from holdfast.cli.main import main
from holdfast.database.sqlite import Database
from holdfast.errors import Unavailable
from holdfast.sources.local import Local

SOURCE = {"state": "running", "events": 7, "lost": 0, "resyncs": 0, "drift": 0, "failures": 0, "undecoded": 0}


def about(findings: list[doctor.Finding], word: str) -> list[doctor.Finding]:
    return [one for one in findings if one.about == word]


def node(**source: Any) -> list[doctor.Finding]:
    status = {"database": {}, "sources": {"blue": SOURCE | source}}
    return about(doctor.examine("/nowhere/node.db", lambda: status), "source")


def test_every_note_and_problem_that_can_be_mended_says_how(tmp_path: Path) -> None:
    findings = doctor.examine(str(tmp_path / "none.db"))
    assert {one.about for one in findings} >= {"kernel", "versions", "rights", "buffer", "netlink", "features", "disk", "file"}
    assert all(one.text for one in findings)


@pytest.mark.parametrize(
    ("source", "level", "said", "todo"),
    [
        ({}, "ok", "7 events, lost 0×", ""),
        ({"lost": 2, "resyncs": 2}, "note", "lost 2×, read again 2×", "larger receive buffer"),
        ({"drift": 1}, "note", "drift 1", "holdfast record"),
        ({"undecoded": 3}, "note", "3 messages not decoded", "holdfast record"),
        ({"state": "failed", "error": "no such namespace"}, "problem", "is failed: no such namespace", "by itself"),
        ({"state": "ended", "error": "deleted"}, "problem", "is ended: deleted", "holdfast source restart blue"),
    ],
)
def test_the_sources_of_the_running_node(source: dict[str, Any], level: str, said: str, todo: str) -> None:
    (finding,) = node(**source)
    assert finding.level == level
    assert said in finding.text
    assert todo in finding.todo


def test_a_node_with_a_full_disk_is_a_problem() -> None:
    status = {"database": {"disk_full": {"since": 1e9, "why": "database or disk is full", "revision": 5}}, "sources": {}}
    (finding,) = about(doctor.examine("/nowhere/node.db", lambda: status), "disk")
    assert (finding.level, "the node is in memory" in finding.text) == ("problem", True)


def test_a_node_that_does_not_answer_is_a_finding() -> None:
    def refuse() -> dict[str, Any]:
        raise Unavailable("the node does not answer")

    assert about(doctor.examine("/nowhere/node.db", refuse), "doctor")[0].text == "could not look further: the node does not answer"


def test_a_small_buffer_says_what_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Local, "rcvbuf", property(lambda self: (1 << 28, 212992)))
    (finding,) = about(doctor.examine("/nowhere/node.db"), "buffer")
    assert finding.level == "note"
    assert finding.text.startswith("208 KiB of 256.0 MiB asked for; net.core.rmem_max ")
    assert "sysctl -w net.core.rmem_max=268435456" in finding.todo


def test_little_room_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")  # noqa: PYI024 - the shape of shutil's answer
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(1 << 30, 1 << 30, 5 << 20))
    (finding,) = about(doctor.examine(str(tmp_path / "node.db")), "disk")
    assert (finding.level, "5.0 MiB are free" in finding.text) == ("problem", True)


def test_a_file_tells_its_past(tmp_path: Path) -> None:
    path = str(tmp_path / "node.db")
    with Database(path) as database:
        database.write(lambda tx: tx.note("gap", message="routes +1 ~0 -0")).result()
    findings = doctor.examine(path)
    assert "could not be written, 1×" in about(findings, "gaps")[0].text
    assert "none is running" in about(findings, "node")[0].text
    assert not about(findings, "stops")
    with Database(path):
        assert "process" in about(doctor.examine(path), "node")[0].text


def test_the_command_prints_aligned_lines_and_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(tmp_path / "none.db")
    assert main(["doctor", "--db", path]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("ok       kernel    Linux ")
    assert main(["doctor", "--db", path, "--json"]) == 0
    assert {one["level"] for one in json.loads(capsys.readouterr().out)} <= {"ok", "note"}
