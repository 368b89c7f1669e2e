"""The shell without a node: lines into words, what its own commands do, what is completed, and that nothing typed ends it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast.cli.app import app
from holdfast.cli.presentation.style import plain
from holdfast.cli.shell.completing import offers
from holdfast.cli.shell.shell import Shell
from holdfast.cli.shell.words import split
from holdfast.errors import InvalidValue


class Typing:
    """A shell on a file of its own, and somebody who types."""

    def __init__(self, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._rest: list[str] = []
        self._capsys = capsys
        self.seen = ""
        self.shell = Shell(app, str(path), plain, lambda: self._rest.pop(0) if self._rest else None)

    def type(self, text: str) -> str:
        """Lines one after another; what they printed."""
        self._rest = text.split("\n")
        while self._rest:
            assert self.shell.obey(self._rest.pop(0))
        said = self._capsys.readouterr()
        self.seen += said.out
        assert "Traceback" not in said.err + said.out
        return said.out + said.err

    def wait_for(self, text: str) -> str:
        """All that was printed up to now, once this is in it."""
        deadline = time.monotonic() + 10
        while text not in self.seen:
            assert time.monotonic() < deadline, f"{text!r} did not come, but {self.seen!r}"
            self.seen += self._capsys.readouterr().out
            time.sleep(0.01)
        return self.seen

    def offered(self, before: str) -> list[str]:
        return [one.word for one in offers(before, "", self.shell.group, _no_schema)]


def _no_schema() -> None:
    raise AssertionError("nothing of SQL was typed")


@pytest.fixture
def typing(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Typing]:
    monkeypatch.setenv("HOLDFAST_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)  # what is typed at random may name a file to make
    typing = Typing(tmp_path / "holdfast.db", capsys)
    with typing.shell.open():
        yield typing


# ------------------------------------------------------------------------------------------------------------ words


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", []),
        ("  # a remark", []),
        ("get a.b   # why", ["get", "a.b"]),
        ('get r."10.0.0.0/24".metric', ["get", 'r."10.0.0.0/24".metric']),
        ('get "a b".c', ["get", '"a b".c']),
        ('show routes --at "10 minutes ago"', ["show", "routes", "--at", "10 minutes ago"]),
        ("put a {name: r1, tags: [x, 'y z']} -m 'it is'", ["put", "a", "{name: r1, tags: [x, 'y z']}", "-m", "it is"]),
        ('put a {"x": "}"}', ["put", "a", '{"x": "}"}']),
        (r"getr nodes\.(r\d)\.mtu", ["getr", r"nodes\.(r\d)\.mtu"]),
        ('set interface eth0 alias="to the lab"', ["set", "interface", "eth0", "alias=to the lab"]),
        (r'pub c "a \"b\" c"', ["pub", "c", 'a "b" c']),
    ],
)
def test_a_line_becomes_words(line: str, words: list[str]) -> None:
    assert split(line) == words


@pytest.mark.parametrize("line", ['put a "x', "put a 'x", "put a {x: 1", "put a [1, {x: 2]"])
def test_what_is_not_closed_is_said(line: str) -> None:
    with pytest.raises(InvalidValue, match="got the end of the line"):
        split(line)
    assert split(line, unfinished=True)[:2] == ["put", "a"]


# ------------------------------------------------------------------------------------------------------------ commands


def test_values_stand_in_the_line_or_on_the_next_ones(typing: Typing) -> None:
    typing.type("put nodes.r1 {name: r1, mtu: 1500} -m first")
    typing.type("put nodes.r2\nname: r2\ntags:\n- core\n- lab\n\nput a \"0042\"\nput b '{x: -1}'\nput c -5")
    assert typing.type("get nodes.r2.tags --json") == '["core", "lab"]\n'
    assert [typing.type(f"get {path} --json") for path in "abc"] == ['"0042"\n', '{"x": -1}\n', "-5\n"]
    typing.type('put nodes.r1.routes."10.0.0.0/24".metric 20\nput "x.y" 1\nput l -\n- 1\n- 2\n')
    assert typing.type('get nodes.r1.routes."10.0.0.0/24"') == "metric: 20\n"
    assert typing.type('get "x.y"') == "1\n"
    assert typing.type("get l --json") == "[1, 2]\n"
    assert "expected a value, got nothing" in typing.type("put d\n\n")
    assert typing.shell.code == 2


def test_the_predecessors_words_are_there(typing: Typing) -> None:
    typing.type("put nodes.r1.mtu 1500\nput nodes.r1.mtu 1400")
    assert typing.type("roots") == "nodes\n"
    assert typing.type("old nodes.r1.mtu") == "1500\n"
    assert "steps back" in typing.type("old nodes.r1.mtu 7")
    assert "kind: leaf" in typing.type("geta nodes.r1.mtu")
    assert typing.type(r"getr nodes\.(r\d)\.mtu") == "nodes.r1.mtu: 1400 ('r1',)\n"
    assert "~ nodes.r1.mtu: 1400 → 1500" in typing.type("rollback nodes -1")
    assert "- nodes.r1.mtu: 1500" in typing.type("del nodes.r1.mtu")
    assert "nothing is at `interface`" in typing.type("del interface")
    assert typing.type("pub news {a: 1}") == "nobody listens\n"
    assert "holdfast-" in typing.type("snapshot")
    assert "commit by" in typing.type("holdfast log nodes")
    for name in ("begin", "cand", "cancel", "commit", "sub", "subr", "unsub", "channels", "subscribers", "call", "diff"):
        assert f"Usage: {name}" in typing.type(f"help {name}")


def test_a_draft_is_worked_on_until_it_is_committed(typing: Typing) -> None:
    typing.type("put a {x: 1, y: 2}\nbegin lab")
    assert typing.type("put a.x 5") == "draft lab: 1 change by now\n"
    assert typing.type("rm a.y\nmerge a {z: {k: 3}}").endswith("draft lab: 3 changes by now\n")
    assert typing.type("get a.z.k") == "3\n" and typing.type("keys a") == "x\nz\n"
    assert typing.type("cand a.x").splitlines()[:2] == ["5", "~ a.x: 1 → 5"]
    assert "its message is that of" in typing.type("put a.x 6 -m why")
    assert "`draft lab` goes on" in typing.type("draft")
    assert typing.type("get a.x") == "1\n"
    assert "`draft lab` goes on with it" in typing.type("begin lab")
    assert "- a.y: 2" in typing.type("draft lab\ncommit -m 'as ordered'")
    assert typing.shell.keeper.draft == ""
    assert "as ordered" in typing.type("log .a")
    assert "there is no current draft" in typing.type("cand") and "expected tables or paths" in typing.type("diff")
    assert "draft draft1 is dropped" in typing.type("begin\ncancel")
    assert "no draft `nope`" in typing.type("draft nope")


def test_what_looks_sees_the_draft_and_what_tells_of_commits_says_that_it_does_not(typing: Typing, tmp_path: Path) -> None:
    (tmp_path / "more.yaml").write_text("r4: {mtu: 4}\n", encoding="utf-8")
    typing.type("put nodes {r1: {mtu: 1}, r2: {mtu: 2}}\nbegin lab\nput nodes.r3.mtu 3\nrm nodes.r1")
    assert typing.type("find nodes.*.mtu") == "nodes.r2.mtu: 2\nnodes.r3.mtu: 3\n"
    assert typing.type(r"getr nodes\.(r\d)\.mtu") == "nodes.r2.mtu: 2 ('r2',)\nnodes.r3.mtu: 3 ('r3',)\n"
    assert typing.type("export nodes --form yaml") == "r2:\n  mtu: 2\nr3:\n  mtu: 3\n"
    graph = [line for key in ("nodes.r2", "nodes.r3") for line in (f"nodes → {key}", f"{key} → {key}.mtu")]
    assert typing.type("graph nodes").splitlines() == graph
    assert typing.type("graph").splitlines() == ["(root) → nodes", *graph]
    assert typing.type("keys nodes --after r2") == "r3\n" and typing.type("keys nodes --limit 1") == "r2\n"
    assert "at least 1" in typing.type("keys nodes --limit -1") and typing.type("keys nodes.r2.mtu") == ""
    for line in ("log nodes", "blame nodes", "get nodes.r1 --at -1", "diff nodes 1", "rollback nodes -7"):
        assert typing.type(line).count("draft lab is no part of it)\n") == 1, line
    assert typing.type(f"import {tmp_path}/more.yaml").endswith("draft lab: 3 changes by now\n")
    assert typing.type('import {"r5": 5} nodes --merge').endswith("draft lab: 4 changes by now\n")
    assert "its message is that of" in typing.type("import {} -m why") and "expected an object" in typing.type("import [1]")
    typing.type("draft")
    assert typing.type("find nodes.*.mtu") == "nodes.r1.mtu: 1\nnodes.r2.mtu: 2\n"
    assert "draft" not in typing.type("log nodes\nblame nodes")


def test_a_draft_is_put_onto_what_others_did(typing: Typing) -> None:
    typing.type("put a.x 1\nbegin lab\nput a.x 2\ndraft\nput a.x 3\ndraft lab")
    refused = typing.type("commit")
    assert "`a.x` is at version" in refused and "`rebase` puts the draft onto the tree" in refused
    told = typing.type("rebase").splitlines()
    assert told[0].startswith("draft lab stands on revision") and told[-1] == "  a.x"
    assert len(typing.type("rebase").splitlines()) == 1, "nothing has changed since"
    assert typing.type("cand") == typing.type("diff") == "~ a.x: 3 → 2\n"
    assert "~ a.x: 3 → 2" in typing.type("commit")
    assert "there is no current draft" in typing.type("rebase")
    assert "no draft `nope`" in typing.type("rebase nope")


def test_an_editor_works_on_the_draft(typing: Typing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDITOR", "sed -i s/1500/1400/")
    typing.type("put n.mtu 1500\nbegin lab\nedit n")
    assert typing.type("get n.mtu") == "1400\n"
    assert typing.type("cancel\nget n.mtu").endswith("1500\n")


def test_subscriptions_tell_in_the_background(typing: Typing) -> None:
    assert typing.type("sub nodes").startswith("[1] telling of nodes")
    typing.type(r"subr nodes\.(r\d)\.mtu")
    typing.type("put other 1\nput nodes.r1 {mtu: 5}")
    for number in (1, 2):
        mark = f"[{number}] {datetime.now().astimezone():%H:}"
        told = typing.wait_for(mark).partition(mark)[2]
        assert told.splitlines()[1] == "    + nodes.r1.mtu: 5"
    assert "open for its subscriptions" in typing.type("undo")
    assert typing.type("unsub 1").startswith("[1] nodes: ended; it told of 1 commit\n")
    assert "there is no subscription 1" in typing.type("unsub 1")
    assert "this shell has no subscriptions" in typing.type("unsub\nsub")
    assert "expected" in typing.type("sub a..b") and "error" in typing.type("subr (")


def test_ephemeral_nodes_go_with_the_shell(typing: Typing) -> None:
    typing.type("pute nodes.r1.up true")
    assert "ephemeral: true" in typing.type("geta nodes.r1.up")
    typing.shell.keeper.close()
    assert "nothing is at" in typing.type("get nodes.r1.up")


def test_sql_needs_no_quotes(typing: Typing) -> None:
    typing.type("put a 1")
    assert typing.type("SELECT 'a b' AS x, 2 AS y --json").startswith('[\n{"x":"a b","y":2}\n]\n')
    for line in ("sql --csv select 1 AS x", 'sql "select 1 AS x" --csv', "sql --csv\nselect 1\n AS x\n"):
        assert typing.type(line).startswith("x\n1\n")


def test_help_lists_and_teaches(typing: Typing) -> None:
    listed = typing.type("help")
    assert max(map(len, listed.splitlines())) <= 100
    assert listed.index("The config tree") < listed.index("A draft") < listed.index("Change the network")
    for word in ("The config tree", "Look at the network", "begin", "pute", "show", "`help paths`"):
        assert word in listed
    assert "holdfast" not in typing.type("help put").partition("Examples")[2].partition("Options")[0]
    for topic in ("paths", "values", "drafts", "time"):
        assert len(typing.type(f"help {topic}").splitlines()) >= 4
    assert "did you mean `blame`?" in typing.type("help blmae")


def test_only_exit_leaves(typing: Typing) -> None:
    assert not typing.shell.obey("exit") and not typing.shell.obey(" quit ")
    assert all(typing.shell.obey(line) for line in ("exit now", "shell", ".quit", "q"))


# ------------------------------------------------------------------------------------------------------------ completion


def test_completion_knows_commands_options_keys_and_words(typing: Typing) -> None:
    typing.type('put nodes.r1 {mtu: 1, routes: {"10.0.0.0/24": {metric: 1}}}\nput nodes.r2.mtu 2\nput netmap 1')
    assert set(typing.offered("pu")) == {"put", "pute", "pub", "publish"}
    assert typing.offered("get n") == ["netmap", "nodes"]
    assert typing.offered("get nodes") == ["nodes", "nodes.r1", "nodes.r2"]
    assert typing.offered("get nodes.r1.r") == ["nodes.r1.routes"]
    assert typing.offered("get nodes.r1.routes.") == ['nodes.r1.routes."10.0.0.0/24"']
    assert typing.offered('get nodes.r1.routes."10') == ['nodes.r1.routes."10.0.0.0/24"']
    assert typing.offered("log .n") == [".netmap", ".nodes"]
    assert {"netns", "neighbours", "nodes"} <= set(typing.offered("watch n"))
    assert typing.offered("put nodes --m") == ["--message"]
    assert typing.offered("show routes pro") == ["proto"]
    assert set(typing.offered("help dra")) == {"draft", "drafts"}
    typing.type("begin lab")
    assert typing.offered("commit l") == ["lab"]
    typing.type("put nodes.r9.x 1")
    assert typing.offered("get nodes.r9") == ["nodes.r9", "nodes.r9.x"]


# ------------------------------------------------------------------------------------------------------------ anything

_TYPED = """
get put rm del merge begin cand commit cancel draft old rollback redo revert find geta getr roots pub call diff log blame help sub unsub
subr subscribers drafts export import attach detach pute tree schemas keys graph sql SELECT a a.b 1 -1 { [ " ' --json -m why --at --back
@nowhere - -- --help --db # null
"""
_WORDS = [*_TYPED.split(), 'a."x y"', "{x: 1}", "[1, 2]", "exit now", "1 FROM"]
_LINES = st.lists(st.sampled_from(_WORDS), max_size=6).map(" ".join) | st.text(max_size=30)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
@given(line=_LINES)
def test_nothing_that_is_typed_ends_it(line: str, typing: Typing) -> None:
    if line.split()[:1] not in (["exit"], ["quit"], ["watch"]):  # these end it, and this waits; hypothesis finds such words in the code
        said = typing.type(line)
        assert "fault in Holdfast" not in said and "HOLDFAST_DEBUG" not in said, said
    typing.type("unsub")


def test_what_breaks_inside_is_told_and_it_goes_on(typing: Typing, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: str = "") -> None:
        raise ZeroDivisionError("by nothing")

    monkeypatch.setattr(typing.shell.keeper, "caller", broken)
    assert "ZeroDivisionError: by nothing" in typing.type("roots")

    def interrupted(_: str) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(typing.shell, "_carry_out", interrupted)
    assert "stopped" in typing.type("get a")
    assert typing.shell.code == 130
