"""The config tree on the command line: words in, text out, and what is said when something is wrong."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from holdfast import Tree
from holdfast.api.config import Config
from holdfast.api.services import SERVICES
from holdfast.api.verb import verbs_of
from holdfast.cli.main import main
from holdfast.cli.tree.verbs import tree_group


class Program:
    """The program with a home of its own and no node: each command opens the file."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def run(self, *words: str, code: int = 0) -> str:
        """What it printed; of a failure what it said."""
        assert main(list(words)) == code
        said = self._capsys.readouterr()
        return said.err if code else said.out

    def said(self) -> str:
        return self._capsys.readouterr().out

    def value(self, *words: str) -> Any:
        return json.loads(self.run(*words, "--json"))


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Program:
    monkeypatch.setenv("HOLDFAST_HOME", str(tmp_path))
    return Program(capsys)


def test_put_get_and_go_back(program: Program) -> None:
    assert program.run("put", "nodes.r1", "{name: r1, mtu: 1500}", "-m", "first").splitlines()[:2] == [
        "+ nodes.r1.mtu: 1500",
        '+ nodes.r1.name: "r1"',
    ]
    assert "~ nodes.r1.mtu: 1500 → 1400" in program.run("put", "nodes.r1.mtu", "1400")
    assert program.run("get", "nodes.r1") == "mtu: 1400\nname: r1\n"
    assert program.run("get", "nodes.r1.name") == "r1\n"
    assert program.value("get", "nodes.r1.mtu", "--back", "1") == 1500
    assert program.value("get", "nodes.r1.mtu", "--meta")["kind"] == "leaf"
    assert "~ nodes.r1.mtu: 1400 → 1500" in program.run("rollback", "nodes", "--back", "1")
    assert "~ nodes.r1.mtu: 1500 → 1400" in program.run("redo", "nodes")
    assert program.run("put", "nodes.r1.mtu", "1400") == "nothing to do: it is so already\n"


def test_who_did_what_is_told(program: Program) -> None:
    revision = program.value("put", "a.b", "1", "-m", "why")["revision"]
    [blamed] = program.value("blame", "a")
    assert (blamed["path"], blamed["revision"], blamed["message"]) == ("a.b", revision, "why")
    assert "why" in program.run("tree", "log", "a")
    program.run("revert", str(revision))
    assert "nothing is at `a.b`" in program.run("get", "a.b", code=1)


def test_keys_patterns_and_expressions(program: Program) -> None:
    program.run("put", "nodes", '{r1: {mtu: 1500}, r2: {mtu: 9000}, "10.0.0.0/24": {}}')
    assert program.run("keys", "nodes") == "10.0.0.0/24\nr1\nr2\n"
    assert program.run("find", "nodes.*.mtu") == "nodes.r1.mtu: 1500\nnodes.r2.mtu: 9000\n"
    found = program.value("find", r"nodes\.(r\d)\.mtu", "--regex")
    assert [one["groups"] for one in found] == [["r1"], ["r2"]]
    assert program.value("get", 'nodes."10.0.0.0/24"') == {}


def test_log_and_diff_take_a_path(program: Program) -> None:
    first = program.value("put", "nodes.r1", "{mtu: 1500}", "-m", "first")["revision"]
    program.run("put", "nodes.r1.mtu", "1400", "-m", "lower")
    program.run("put", "routes.x", "1")
    program.run("put", "routes.x", "1")
    log = program.run("log", "nodes.r1").splitlines()
    assert log[0].endswith(": lower") and log[1] == "    ~ nodes.r1.mtu: 1500 → 1400"
    assert log[2].endswith(": first") and log[3] == "    + nodes.r1.mtu: 1500"
    assert program.value("get", ".routes.x") == 1 and set(program.value("get", ".")) == {"nodes", "routes"}
    assert program.run("log", ".routes").splitlines()[1] == "    + routes.x: 1"
    assert len(program.run("log", ".", "--limit", "2").splitlines()) == 4
    assert program.run("log", "nodes", "--author", "nobody") == ""
    assert program.run("log", "nodes", "--until", str(first)).count("commit by") == 1
    assert program.run("diff", "nodes", str(first)) == "~ nodes.r1.mtu: 1500 → 1400\n"
    assert program.run("diff", ".routes", "nodes", str(first), str(first)) == ""
    assert "+ routes.x: 1" in program.run("diff", ".", str(first))
    assert program.run("watch", "nodes", "--since", str(first), "--limit", "1").splitlines()[1] == "  ~ nodes.r1.mtu: 1500 → 1400"


def test_a_short_word_for_a_table_says_where_the_path_is(program: Program, capsys: pytest.CaptureFixture[str]) -> None:
    program.run("put", "a.b", "1")
    said = "holdfast: `a` means addresses here; `.a` is the path in the tree\n"
    for words in (["log", "a"], ["diff", "a", "1"]):
        assert main(words) == 0 and said in capsys.readouterr().err
    for words in (["log", ".a"], ["log", "addresses"], ["log", "n"]):
        assert main(words) == 0 and said not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("log", "rotues"), 1, "did you mean `routes`?"),
        (("log", "rotues", "via", "10.0.0.1"), 2, "expected nothing behind a path of the tree"),
        (("log", "a..b"), 2, "there is nothing called `a..b`"),
        (("log", "nodes", "--target", "blue"), 2, "the tree has no sources – at `--target`"),
        (("diff", "nodse", "1"), 1, "nothing is or was at `nodse` in the tree"),
        (("watch", "nodes"), 1, "no node is running"),
    ],
)
def test_what_is_neither_table_nor_path_is_said(program: Program, words: tuple[str, ...], code: int, said: str) -> None:
    program.run("put", "nodes.r1", "1")
    assert said in program.run(*words, code=code)


def test_negative_numbers_are_values_and_steps(program: Program) -> None:
    program.run("put", "a.b", "-5")
    program.run("put", "a.b", "7")
    assert program.value("get", "a.b", "--at", "-1") == -5
    program.run("rollback", "a", "-1")
    assert program.value("get", "a.b") == -5
    assert "steps back" in program.run("get", "a", "--at", "-9", code=1)


def test_a_draft_waits_until_it_is_committed(program: Program) -> None:
    program.run("put", "a", "{x: 1, y: 2}")
    assert program.run("tree", "begin", "lab") == "lab\n"
    program.run("tree", "draft-put", "lab", "a.x", "5")
    program.run("tree", "draft-rm", "lab", "a.y")
    assert program.value("get", "a") == {"x": 1, "y": 2}
    assert program.value("tree", "cand", "lab", "a") == {"x": 5}
    assert program.run("tree", "draft-keys", "lab", "a") == "x\n"
    assert program.run("tree", "draft-find", "lab", "a.*") == "a.x: 5\n"
    assert "~ a.x: 1 → 5" in program.run("tree", "draft-diff", "lab")
    assert "- a.y: 2" in program.run("tree", "commit", "lab")
    assert program.value("get", "a") == {"x": 5}
    assert program.run("tree", "drafts") == "there are no drafts\n"


def test_values_come_from_files_and_schemas_hold(program: Program, tmp_path: Path) -> None:
    (tmp_path / "v.yaml").write_text("mtu: 1500\nname: é\n", encoding="utf-8")
    program.run("put", "n", f"@{tmp_path}/v.yaml")
    assert program.value("get", "n") == {"mtu": 1500, "name": "é"}
    program.run("tree", "attach", "n.mtu", "{type: integer}")
    assert 'n.mtu' in program.run("put", "n.mtu", "many", code=2)
    assert program.value("get", "n.mtu") == 1500
    program.run("tree", "import", '{"m": {"x": 1}}')
    assert program.value("get", "m") == {"x": 1}
    assert program.run("tree", "export", "m", "--form", "yaml") == "x: 1\n"


def test_a_file_is_imported(program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in (("b.yaml", "n: {mtu: 1500}\n"), ("c.json", '{"c": 1}'), ("d.txt", "d: 1\n"), ("x.json", b"\xff")):
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    assert "+ n.mtu: 1500" in program.run("tree", "import", "b.yaml")
    assert "+ deep.n.mtu: 1500" in program.run("tree", "import", "b.yaml", "deep")
    assert "+ c: 1" in program.run("tree", "import", "@c.json")
    assert "+ d: 1" in program.run("tree", "import", "d.txt", "--form", "yaml")
    monkeypatch.setattr("sys.stdin", StringIO('{"s": 1}'))
    assert "+ s: 1" in program.run("tree", "import", "-")
    assert "+ m.x: 1" in program.run("tree", "import", "m:\n  x: 1\n", "--form", "yaml")
    assert "cannot read `nofile`: No such file" in program.run("tree", "import", "nofile", code=2)
    assert "cannot read `x.json`: it is no UTF-8" in program.run("tree", "import", "x.json", code=2)
    assert "this is no JSON" in program.run("tree", "import", "b.yaml", "--form", "json", code=2)


def test_the_check_looks_at_the_tree_too(program: Program, tmp_path: Path) -> None:
    program.run("put", "a", "{x: 1, y: 2}")
    program.run("tree", "begin", "lab")
    program.run("tree", "draft-put", "lab", "a.x", "5")
    assert "ok       tree        2 rows" in program.run("check")
    with closing(sqlite3.connect(tmp_path / "holdfast.db")) as file, file:
        file.execute("UPDATE tree_work SET operation = 'x'")
    assert main(["check"]) == 1
    assert "of draft `lab` is damaged: drop the draft" in program.said()


def test_reading_leaves_the_file_as_it_is(program: Program, tmp_path: Path) -> None:
    revision = program.value("put", "a", "{x: 1, y: 2}")["revision"]
    program.run("tree", "begin", "lab")
    program.run("tree", "begin", "gone", "--ttl", "0.001")
    before = {name: (tmp_path / name).read_bytes() for name in ("holdfast.db", "holdfast.db.seal")}
    for words in (
        ("get", "a"), ("get", "a", "--meta"), ("get", "a", "--at", str(revision)), ("keys",), ("find", "a.*"), ("blame", "a"),
        ("log", ".a"), ("diff", ".a", str(revision)), ("tree", "log"), ("tree", "diff", str(revision)), ("tree", "graph"),
        ("tree", "export"), ("tree", "schemas"), ("tree", "functions"), ("tree", "channels"), ("tree", "drafts"), ("tree", "cand", "lab"),
        ("tree", "draft-diff", "lab"), ("tree", "draft-keys", "lab"), ("tree", "draft-find", "lab", "a.*"),
    ):  # fmt: skip
        program.run(*words)
    assert "draft `gone` has ended" in program.run("tree", "cand", "gone", code=1)
    assert {name: (tmp_path / name).read_bytes() for name in before} == before


def test_reading_goes_on_beside_who_has_the_file(program: Program, tmp_path: Path) -> None:
    program.run("put", "a", "1")
    with Tree(str(tmp_path / "holdfast.db")) as tree:
        tree.put("a", 2)
        assert program.value("get", "a") == 2
        assert "is held by process" in program.run("put", "a", "3", code=1)
        assert program.run("log", ".a").count("commit by") == 2


def test_after_a_crash_reading_takes_the_file_first(program: Program, tmp_path: Path) -> None:
    program.run("put", "a", "1")
    with closing(sqlite3.connect(tmp_path / "holdfast.db")) as file, file:
        file.execute("UPDATE meta SET value = 0 WHERE name = 'clean'")
        [(lines,)] = file.execute("SELECT count(*) FROM log WHERE kind = 'start'")
    assert program.value("get", "a") == 1 and program.value("get", "a") == 1
    with closing(sqlite3.connect(tmp_path / "holdfast.db")) as file:
        assert file.execute("SELECT count(*) FROM log WHERE kind = 'start'").fetchall() == [(lines + 1,)]


def test_an_editor_commits_what_was_saved(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    program.run("put", "n.mtu", "1500")
    monkeypatch.setenv("EDITOR", "sed -i s/1500/1400/")
    assert "~ n.mtu: 1500 → 1400" in program.run("edit", "n")
    monkeypatch.setenv("EDITOR", "true")
    assert program.run("edit", "n") == "nothing was changed\n"
    monkeypatch.setenv("EDITOR", "sed -i 's/mtu: 1400/mtu: [/'")
    said = program.run("edit", "n", code=2)
    assert "what you wrote is kept in /" in said
    kept = Path(said.rpartition(" ")[2].strip())
    assert "mtu: [" in kept.read_text()
    kept.unlink()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("get", "a..b"), 2, "in the path `a..b`"),
        (("get", "nothing"), 1, "nothing is at `nothing`"),
        (("put", "a", "{x"), 2, "expected"),
        (("put", "a"), 2, "missing argument `VALUE`"),
        (("rm",), 2, "missing argument `PATH`"),
        (("put", "a", "@/nowhere"), 2, "cannot read `/nowhere`"),
        (("put", "a", "1", "--expected", "7"), 1, "expected version 7"),
        (("call", "a.f"), 1, "no function is at `a.f`"),
        (("rollback", "a", "--back", "3"), 1, "steps back"),
        (("tree", "commit", "nope"), 1, "nope"),
    ],
)
def test_what_is_wrong_is_said(program: Program, words: tuple[str, ...], code: int, said: str) -> None:
    assert said in program.run(*words, code=code)


def test_every_verb_has_a_command_whose_help_fits() -> None:
    names = {command.name for command in tree_group().commands.values()}  # type: ignore[attr-defined]
    assert len(names) == len(verbs_of(Config)) - 1, "all but `session`, which is for programs"
    for service in SERVICES.values():
        for verb in verbs_of(service).values():
            assert verb.doc, verb.name
            assert len(verb.doc.splitlines()[0]) <= 110, verb.name
