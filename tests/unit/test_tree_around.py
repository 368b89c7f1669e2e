"""What lives around the tree: sessions, functions, hooks, schemas, plugins, text."""

from __future__ import annotations

import asyncio
import importlib.metadata
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from holdfast import Tree
from holdfast.aio import Tree as AsyncTree
from holdfast.errors import (
    AlreadyExists,
    Closed,
    Conflict,
    Denied,
    FunctionError,
    InvalidValue,
    NotFound,
    NotSupported,
    Timeout,
)
from holdfast.tree.core import Core


@pytest.fixture
def tree() -> Iterator[Tree]:
    with Tree(author="anna") as opened:
        yield opened


# -- ephemeral nodes -----------------------------------------------------------------------------------------------------


def test_ephemeral_nodes_go_with_their_session_with_events(tree: Tree) -> None:
    tree.put("a.kept", 1)
    since = tree.revision
    with tree.session("link") as session:
        session.put("a.up", True)
        session.put("b.c.d", 1)
        assert tree.get() == {"a": {"kept": 1, "up": True}, "b": {"c": {"d": 1}}}
        node = tree.node("a.up")
        assert node.ephemeral and node.owner == session.id and session.id.startswith("link-")
        assert not tree.node("a.kept").ephemeral
    assert tree.get() == {"a": {"kept": 1}}, "containers that only it needed went too"
    told = [[(change.op, change.path, change.ephemeral) for change in commit.changes] for commit in taken(tree, since, 3)]
    assert told == [[("put", "a.up", True)], [("put", "b.c.d", True)], [("delete", "a.up", True), ("delete", "b.c.d", True)]]


def taken(tree: Tree, since: int, count: int) -> list[Any]:
    watch = tree.watch(since=since)
    return [next(watch) for _ in range(count)]


def test_ephemeral_nodes_never_replace_persistent_ones(tree: Tree) -> None:
    tree.put("a", {"x": 1, "y": {"z": 1}, "empty": {}})
    session, other = tree.session(), tree.session()
    for path in ("a.x", "a.y", "a.empty"):
        with pytest.raises(AlreadyExists, match="is persistent: an ephemeral node does not replace it"):
            session.put(path, 2)
    with pytest.raises(InvalidValue, match=r"`a.x` is a leaf"):
        session.put("a.x.below", 2)
    with pytest.raises(InvalidValue, match="expected a leaf, got an object"):
        session.put("a.n", {"b": 1})
    session.put("a.n", 1)
    session.put("a.n", 2)
    with pytest.raises(Conflict, match="an ephemeral node of another session"):
        other.put("a.n", 3)
    other.delete("a.n")
    assert tree.get("a.n") == 2
    session.put("a.empty.e", 1)
    session.end()
    session.end()
    with pytest.raises(Closed):
        session.put("a.n", 1)
    assert tree.get("a") == {"x": 1, "y": {"z": 1}, "empty": {}}, "the presence is still there"


def test_a_presence_keeps_its_row_while_ephemeral_nodes_come_and_go_below_it(tmp_path: Path) -> None:
    path = str(tmp_path / "x.db")
    with Tree(path) as tree:
        tree.put("a.here", {})
        with tree.session() as session:
            session.put("a.here.up", 1)
        assert tree.get() == {"a": {"here": {}}}
        tree.put("a.here.x", 1)
        assert tree.check() == []
    with Tree(path) as tree:
        assert tree.get() == {"a": {"here": {"x": 1}}}
        tree.put("b.x", 1)
        session = tree.session()
        session.put("b.up", 1)
        tree.delete("b.x")
        session.end()
        assert tree.get("b") == {}, "a first segment that was persistent stays"


def test_a_persistent_put_takes_an_ephemeral_node_over(tree: Tree) -> None:
    with tree.session() as session:
        session.put("a.n", 1)
        tree.put("a.n", 1)
        assert not tree.node("a.n").ephemeral
    assert tree.get() == {"a": {"n": 1}}


def test_a_session_that_is_not_heard_of_ends(tree: Tree) -> None:
    session, alive = tree.session("probe", ttl=0.3), tree.session(ttl=0.3)
    session.put("a", 1)
    alive.put("b", 1)
    deadline = time.monotonic() + 10
    while "a" in tree:
        assert time.monotonic() < deadline
        alive.renew()
        time.sleep(0.05)
    assert tree.get() == {"b": 1}
    assert "was not heard of for 0.3 s" in tree.history.log()[0].message
    with pytest.raises(Closed):
        session.renew()


def test_what_a_killed_node_left_is_taken_away_at_the_next_start(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with Tree(str(path)) as tree:
        tree.put("a.kept", 1)
        tree.session().put("a.up", 1)
        tree.session().put("b.up", 1)
        copy = tmp_path / "copy.db"
        tree.backup(str(copy))
    with Tree(str(path)) as tree:
        assert tree.get() == {"a": {"kept": 1}}
    with Tree(str(copy)) as tree:
        assert tree.get() == {"a": {"kept": 1}}
        [entry] = tree.history.log(limit=1)
        assert (entry.author, entry.message, entry.changes) == ("holdfast", "sessions ended with the node", 2)
        assert tree.check() == []


def test_rolling_back_leaves_ephemeral_nodes_alone(tree: Tree) -> None:
    tree.put("a", {"x": 1})
    session = tree.session()
    session.put("a.up", 1)
    tree.put("a.x", 2)
    tree.history.rollback("a", back=1)
    assert tree.get("a") == {"x": 1, "up": 1}
    session.end()
    tree.history.rollback("a", back=2)
    assert tree.get("a") == {"x": 2}, "and does not bring them back"


# -- functions -----------------------------------------------------------------------------------------------------------


def test_functions_are_leaves_that_can_be_called(tree: Tree) -> None:
    tree.functions.add("inventory.ne1.f6", lambda device, *, x=0: {"device": device, "x": x})
    assert tree.call("inventory.ne1.f6", 1, x=2) == {"device": 1, "x": 2}
    assert tree.get("inventory") == {"ne1": {"f6": "(device, *, x=0)"}}
    assert tree.node("inventory.ne1.f6").ephemeral
    assert tree.functions.paths() == ["inventory.ne1.f6"]
    with pytest.raises(AlreadyExists):
        tree.functions.add("inventory.ne1.f6", print)
    tree.functions.remove("inventory.ne1.f6")
    assert tree.get() == {}
    with pytest.raises(NotFound, match=r"no function is at `inventory.ne1.f6`"):
        tree.call("inventory.ne1.f6", 1)


@pytest.mark.parametrize("result", [0, "", [], None, False, {}])
def test_a_falsy_result_comes_back_as_it_is(tree: Tree, result: Any) -> None:
    tree.functions.add("f", lambda: result)
    assert tree.call("f") == result
    assert type(tree.call("f")) is type(result)


def test_a_function_does_not_replace_what_is_persistent(tree: Tree) -> None:
    tree.put("a", 1)
    with pytest.raises(AlreadyExists):
        tree.functions.add("a", print)
    assert tree.functions.paths() == []


def test_what_a_function_raises_reaches_the_caller_as_what_it_is(tree: Tree) -> None:
    def broken() -> None:
        raise ZeroDivisionError("by zero")

    def ours() -> None:
        raise NotFound("no such device")

    def late() -> None:
        raise TimeoutError("its own")

    for path, function in (("broken", broken), ("ours", ours), ("late", late)):
        tree.functions.add(path, function)
    with pytest.raises(FunctionError, match=r"`broken` raised ZeroDivisionError: by zero") as raised:
        tree.call("broken")
    assert (raised.value.error, raised.value.path) == ("ZeroDivisionError", "broken")
    with pytest.raises(NotFound, match="no such device"):
        tree.call("ours")
    with pytest.raises(FunctionError, match="TimeoutError: its own"):
        tree.call("late")
    with pytest.raises(FunctionError, match="TypeError"):
        tree.call("broken", 1, 2, 3)


async def test_a_slow_function_blocks_nobody_and_times_out() -> None:
    async with AsyncTree() as tree:

        async def on_loop(name: str) -> str:
            await asyncio.sleep(0.01)
            return name

        await tree.functions.add("slow", lambda: time.sleep(0.4), timeout=0.1)
        await tree.functions.add("quick", on_loop)
        started = time.monotonic()
        waiting = asyncio.create_task(tree.call("slow"))
        assert await asyncio.gather(*(tree.call("quick", str(number)) for number in range(20))) == [str(n) for n in range(20)]
        assert time.monotonic() - started < 0.3
        with pytest.raises(Timeout, match=r"`slow` did not answer within 0.1 s"):
            await waiting
        assert await tree.functions.call("slow", timeout=5) is None


# -- hooks ---------------------------------------------------------------------------------------------------------------


def test_a_hook_sees_the_candidate_and_may_veto_it(tree: Tree) -> None:
    seen: list[Any] = []

    def limit(candidate: Any) -> None:
        seen.append((candidate.author, candidate.now("a.mtu"), candidate.get("a.mtu"), [one.path for one in candidate.changes]))
        if candidate.get("a.mtu", 0) > 9000:
            raise ValueError("no such MTU")

    hook = tree.hooks.before("a.mtu", limit)
    tree.put("a.mtu", 1500)
    with pytest.raises(Denied, match=r"the hook at `a.mtu` refused this commit: no such MTU"):
        tree.put("a", {"mtu": 10000, "x": 1})
    assert tree.get() == {"a": {"mtu": 1500}}
    tree.put("a.other", 1)
    tree.delete("a")
    assert seen == [
        ("anna", None, 1500, ["a.mtu"]), ("anna", 1500, 10000, ["a.mtu", "a.x"]), ("anna", 1500, None, ["a.mtu", "a.other"]),
    ]  # fmt: skip
    tree.hooks.remove(hook)
    tree.put("a.mtu", 10000)
    with pytest.raises(NotFound):
        tree.hooks.remove(hook)


def test_a_hook_that_hangs_or_raises_one_of_ours(tree: Tree) -> None:
    async def hang(candidate: Any) -> None:
        await asyncio.sleep(60)

    def ours(candidate: Any) -> None:
        raise Conflict("not now")

    hook = tree.hooks.before("a", hang, timeout=0.05)
    with pytest.raises(Timeout, match=r"the hook at `a` took longer than 0.05 s"):
        tree.put("a", 1)
    tree.hooks.remove(hook)
    tree.hooks.before("a", ours)
    with pytest.raises(Conflict, match="not now"):
        tree.put("a", 1)
    assert tree.get() == {}


async def test_hooks_look_again_when_the_ground_moves() -> None:
    async with AsyncTree() as tree:
        seen = []

        async def slow(candidate: Any) -> None:
            seen.append(candidate.get("a"))
            if len(seen) == 1:
                tree.hooks.remove(hook)  # so that the other one is not seen
                await tree.put("a.y", 2)
                tree.hooks.before("a", slow)
                await tree.put("b.z", 1)
            await asyncio.sleep(0)

        hook = tree.hooks.before("a", slow)
        await tree.put("a.x", 1)
        assert seen == [{"x": 1}, {"x": 1, "y": 2}]


def test_after_hooks_follow_and_their_failure_is_nobodys_trouble(tree: Tree, caplog: pytest.LogCaptureFixture) -> None:
    seen: list[Any] = []

    def failing(commit: Any) -> None:
        raise ZeroDivisionError

    async def following(commit: Any) -> None:
        seen.append((commit.revision, [one.path for one in commit.changes]))

    tree.hooks.after("a", failing)
    tree.hooks.after("a", following)
    one = tree.put("a", 1)
    tree.put("b", 1)
    two = tree.put("a", 2)
    deadline = time.monotonic() + 5
    while len(seen) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert seen == [(one.revision, ["a"]), (two.revision, ["a"])]
    assert "the commit" in caplog.text and "stands" in caplog.text


# -- schemas -------------------------------------------------------------------------------------------------------------

SCHEMA = {
    "type": "object",
    "properties": {"mtu": {"type": "integer", "minimum": 68}, "name": {"type": "string", "pattern": "^[a-z]+$"}},
    "required": ["mtu"],
}


def test_a_commit_that_does_not_fit_the_schema_is_refused(tmp_path: Path) -> None:
    path = str(tmp_path / "x.db")
    with Tree(path) as tree:
        tree.schemas.attach("nodes.r1", SCHEMA)
        tree.put("nodes.r1", {"mtu": 1500})
        for wrong, said in [
            (lambda: tree.put("nodes.r1.mtu", "big"), '"big" is not of type "integer" – at `nodes.r1.mtu`, by the schema of `nodes.r1`'),
            (lambda: tree.put("nodes", {"r1": {"mtu": 1}}), "at `nodes.r1.mtu`"),
            (lambda: tree.merge("nodes.r1", {"mtu": None}), '"mtu" is a required property – at `nodes.r1`'),
            (lambda: tree.put("nodes.r1.name", "A"), "at `nodes.r1.name`"),
        ]:
            with pytest.raises(InvalidValue) as raised:
                wrong()
            assert said in str(raised.value)
        tree.put("nodes.r2", "anything")
        tree.delete("nodes.r1")
        assert tree.schemas.all() == {"nodes.r1": SCHEMA}
    with Tree(path) as tree:
        with pytest.raises(InvalidValue, match=r"required property"):
            tree.put("nodes.r1", {})
        tree.schemas.detach("nodes.r1")
        tree.put("nodes.r1", {})
        with pytest.raises(NotFound):
            tree.schemas.detach("nodes.r1")


def test_what_is_no_schema_or_does_not_fit_what_is_there_is_not_attached(tree: Tree) -> None:
    tree.put("a", {"mtu": 1})
    for schema in (SCHEMA, {"type": "nonsense"}, {"$ref": "https://example.com/schema"}, 7, {"pattern": "("}):
        with pytest.raises(InvalidValue):
            tree.schemas.attach("a", schema)
    assert tree.schemas.all() == {}
    tree.put("a", 1)


# -- plugins -------------------------------------------------------------------------------------------------------------

GOOD = """
async def start(tree):
    await tree.put("plugin.good", 1)
    tree.hooks.before("forbidden", veto)
    async def stop():
        await tree.put("plugin.stopped", 1)
    return stop

def veto(candidate):
    raise ValueError("forbidden")
"""


def test_plugins_from_a_directory_have_the_clients_api(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "plugins"
    folder.mkdir()
    (folder / "good.py").write_text(GOOD)
    (folder / "broken.py").write_text("import nothing_of_this_name\n")
    (folder / "raising.py").write_text("async def start(tree):\n    raise ZeroDivisionError('no')\n")
    (folder / "_hidden.py").write_text("raise SystemExit\n")
    path = str(tmp_path / "x.db")
    with Tree(path, author="anna") as tree:
        tree.plugins.load(str(folder), packages=False)
        assert [(one.name, one.state, one.error) for one in tree.plugins.all()] == [
            ("broken", "failed", "ModuleNotFoundError: No module named 'nothing_of_this_name'"),
            ("good", "running", ""),
            ("raising", "failed", "ZeroDivisionError: no"),
        ]
        assert tree.get() == {"plugin": {"good": 1}}
        with pytest.raises(Denied, match="forbidden"):
            tree.put("forbidden", 1)
        with pytest.raises(NotFound, match="no directory"):
            tree.plugins.load(str(folder / "none"))
    with Tree(path) as tree:
        assert tree.get() == {"plugin": {"good": 1, "stopped": 1}}, "it stopped with the tree"
    assert "plugin raising" in caplog.text
    sys.modules.pop("holdfast_plugin_good", None)
    sys.modules.pop("holdfast_plugin_raising", None)


def test_plugins_of_packages_are_entry_points(tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "some_plugin.py").write_text("async def start(tree):\n    await tree.put('from', 'package')\n")
    info = tmp_path / "some-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: some\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[holdfast.plugins]\nsome = some_plugin\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert [one.name for one in importlib.metadata.entry_points(group="holdfast.plugins")] == ["some"]
    [plugin] = tree.plugins.load()
    assert (plugin.name, plugin.where, plugin.state) == ("some", "some_plugin", "running")
    assert tree.get("from") == "package"


# -- text ----------------------------------------------------------------------------------------------------------------

VALUE = {
    "a": {"no": "no", "time": "12:30:00", "date": "2026-01-01", "n": None, "f": 1.5, "i": -3, "b": True, "list": [1, {"x": []}]},
    "ü": {},
}


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_text_out_and_in_again(tree: Tree, form: str) -> None:
    for key, value in VALUE.items():
        tree.put((key,), value)
    text = tree.export("", form)
    with Tree() as other:
        commit = other.import_text(text, form=form)
        assert other.get() == VALUE
        assert commit.message == f"import {form}" and other.history.log()[0].roots == ("a", "ü"), "one commit"
        assert not other.import_text(text, form=form), "again is no change"
        assert other.export("", form) == text
        other.import_text(text, "below.here", form)
        assert other.get("below.here") == VALUE


def test_yaml_is_read_as_its_core_schema_has_it(tree: Tree) -> None:
    text = "no: no\non: on\nmac: 12:30:45\noct: 010\ndate: 2026-01-01\nnull_: ~\nf: 1e3\nt: True\nempty:\nq: 'NaN'\ni: Infinity 1\n"
    tree.import_text(text, "y", "yaml")
    assert tree.get("y") == {
        "no": "no", "on": "on", "mac": "12:30:45", "oct": "010", "date": "2026-01-01", "null_": None, "f": 1000.0, "t": True, "empty": None,
        "q": "NaN", "i": "Infinity 1",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "form", "said"),
    [
        ("{", "json", "this is no JSON"),
        ("[1]", "json", "expected an object whose members are first segments"),
        ("a: [", "yaml", "this is no YAML"),
        ("a: &x [1]\nb: *x\n", "yaml", "anchors are not read: `*x` in line 2"),
        ("b: !!python/object:os.system x\n", "yaml", "this is no YAML"),
        ("b: 1\na: .nan\n", "yaml", "got .nan, which JSON does not have – in line 2; if text is meant it stands in quotes"),
        ('{"a": [NaN]}', "yaml", "got NaN"),
        ("a: -Infinity", "yaml", "got -Infinity"),
        ("a: +.inf", "yaml", "got +.inf"),
        ('{"a": {"b": 1e999}}', "json", ""),
        ("a: !!binary aGk=\n", "yaml", "got a Python bytes"),
    ],
)
def test_text_that_cannot_be_read_changes_nothing(tree: Tree, text: str, form: str, said: str) -> None:
    with pytest.raises(InvalidValue) as raised:
        tree.import_text(text, form=form)
    assert said in str(raised.value)
    assert tree.get() == {}


def test_import_may_merge_and_knows_its_formats(tree: Tree) -> None:
    tree.put("a", {"x": 1, "y": 1})
    tree.import_text('{"x": null, "z": 2}', "a", merge=True)
    assert tree.get("a") == {"y": 1, "z": 2}
    with pytest.raises(NotSupported, match="no format `toml`; there is json, yaml"):
        tree.export("a", "toml")


# -- ends ----------------------------------------------------------------------------------------------------------------


async def test_a_core_can_share_its_database_with_the_live_side() -> None:
    from holdfast.database.sqlite import Database

    database = Database()
    core = Core(database)
    await core.start()
    await core.close()
    await core.close()
    assert database.revision
    database.close()
