"""The tree as its users see it: reading, writing, conflicts, transactions, drafts. The cases are those of design and experience."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import holdfast
from holdfast import Tree
from holdfast.aio import Tree as AsyncTree
from holdfast.errors import AlreadyExists, Closed, Compacted, Conflict, InvalidValue, NotFound, UsageError
from holdfast.tree.wide import NARROW


@pytest.fixture
def tree() -> Iterator[Tree]:
    with Tree(author="anna") as opened:
        yield opened


def reopened(path: Path) -> Tree:
    return Tree(str(path), author="anna")


# -- put and delete ------------------------------------------------------------------------------------------------------


def test_a_put_replaces_the_subtree(tree: Tree) -> None:
    tree.put("a.b", {"x": 1, "y": {"z": [1, 2]}})
    assert tree.get("a") == {"b": {"x": 1, "y": {"z": [1, 2]}}}
    tree.put("a.b", {"y": None})
    assert tree.get("a") == {"b": {"y": None}}
    tree.put("a.b", [{"k": 1}])
    assert tree.get("") == {"a": {"b": [{"k": 1}]}}


@pytest.mark.parametrize("value", [None, True, False, 0, -1, 2.5, "", "text", [], [1, {"a": {}}], {}])
def test_every_json_value_is_kept(tree: Tree, value: Any, tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with reopened(path) as one:
        one.put("a.b", value)
    with reopened(path) as two:
        assert two.get("a.b") == value
        assert type(two.get("a.b")) is type(value)
        assert "a.b" in two


def test_what_is_read_is_the_readers_own(tree: Tree) -> None:
    given = {"list": [1, {"a": 2}]}
    tree.put("a", given)
    given["list"].append(3)
    tree.get("a")["list"][1]["a"] = 9
    tree.get("a.list").clear()
    assert tree.get("a") == {"list": [1, {"a": 2}]}


def test_a_delete_prunes_emptied_containers_but_not_the_first_segment(tree: Tree) -> None:
    tree.put("a.b.c.d", 1)
    tree.put("a.x", 1)
    tree.delete("a.b.c.d")
    assert tree.get("a") == {"x": 1}
    tree.delete("a.x")
    assert tree.get("") == {"a": {}}
    tree.delete("a")
    assert tree.get("") == {}


def test_a_delete_prunes_what_had_once_been_put_as_empty(tree: Tree) -> None:
    tree.put("a.b", {})
    assert tree.get("a") == {"b": {}}
    tree.put("a.b.c", 1)
    tree.put("a.x", 1)
    tree.delete("a.b.c")
    assert tree.get("a") == {"x": 1}


def test_an_empty_object_is_a_presence(tree: Tree, tmp_path: Path) -> None:
    with reopened(tmp_path / "x.db") as one:
        one.put("a.b", {})
        one.put("a.c.d", {"e": {}})
        one.put("a.f.g", 1)
        one.put("a.f", {})
        expected = {"b": {}, "c": {"d": {"e": {}}}, "f": {}}
        assert one.get("a") == expected
    with reopened(tmp_path / "x.db") as two:
        assert two.get("a") == expected


def test_equal_values_are_no_change(tree: Tree) -> None:
    first = tree.put("a", {"x": 1, "y": 2})
    assert first and first.revision
    second = tree.put("a", {"y": 2, "x": 1})
    assert not second and second.revision == first.revision
    third = tree.put("a", {"x": 1, "y": 3})
    assert [change.path for change in third.changes] == ["a.y"]
    assert tree.node("a.x").version == first.revision
    assert tree.node("a.y").version == tree.node("a").version == third.revision
    for value in (True, 1.0, "1"):
        assert tree.put("a.x", value)


def test_every_node_knows_the_revision_that_last_changed_it_also_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with reopened(path) as tree:
        tree.put("a.b", {"x": 1, "y": 2, "deep": {"z": 1}})
        tree.put("c.d", 1)
        tree.delete("a.b.y")
        tree.put("a.e.f", 1)
        tree.delete("a.e.f")
        tree.put("c.d", 2)
        tree.put("g", {"h": {"i": 1, "j": 2}, "k": {}})
        tree.put("g.h", {"i": 1})
        paths = ["", "a", "a.b", "a.b.x", "a.b.deep", "a.b.deep.z", "c", "c.d", "g", "g.h", "g.h.i", "g.k"]
        before = {one: tree.node(one).version for one in paths}
        assert before["a"] > before["a.b"] > before["a.b.x"]
        assert before["g.h"] > before["g.h.i"]
    with reopened(path) as tree:
        assert {one: tree.node(one).version for one in paths} == before


def test_a_put_below_a_leaf_is_refused_and_says_where(tree: Tree) -> None:
    tree.put("a.b", 5)
    with pytest.raises(InvalidValue, match=r"`a.b` is a leaf, so nothing can stand at `a.b.c.d`"):
        tree.put("a.b.c.d", 1)
    assert tree.get("a") == {"b": 5}
    tree.put("a.b", {"c": 1})
    assert tree.get("a") == {"b": {"c": 1}}


def test_the_whole_tree_is_not_cleared_at_once(tree: Tree) -> None:
    tree.put("a", 1)
    for wrong in (lambda: tree.delete(""), lambda: tree.put("", {}), lambda: tree.merge("", {"a": None})):
        with pytest.raises(InvalidValue, match="the whole tree cannot be"):
            wrong()
    assert tree.get() == {"a": 1}


@pytest.mark.parametrize(
    "wrong",
    [
        lambda tree: tree.put("a..b", 1),
        lambda tree: tree.put("a", float("nan")),
        lambda tree: tree.put("a", {"b": object()}),
        lambda tree: tree.put("a", {"b": {2: 3}}),
        lambda tree: tree.put("a", "x" * (2 << 20)),
        lambda tree: tree.put(".".join("x" * 65), 1),
        lambda tree: tree.merge("a", {"b": float("inf")}),
        lambda tree: tree.get('a."'),
        lambda tree: tree.delete("a. b"),
    ],
)
def test_what_cannot_be_is_an_error_and_nothing_is_changed(tree: Tree, wrong: Any) -> None:
    tree.put("kept", 1)
    revision = tree.revision
    with pytest.raises(InvalidValue):
        wrong(tree)
    assert tree.get() == {"kept": 1} and tree.revision == revision


def test_a_commit_that_is_too_big_is_refused_as_a_whole(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holdfast.tree.store.MAX_COMMIT", 4000)
    monkeypatch.setattr("holdfast.tree.store.MAX_LEAF", 1000)
    revision = tree.revision
    with pytest.raises(InvalidValue, match=r"at most 4000 bytes in one commit, got 5010 in 10 leaves; commit it in parts"):
        tree.put("a", {f"k{number}": "x" * 499 for number in range(10)})
    assert tree.get() == {} and tree.revision == revision
    tree.put("a", {f"k{number}": "x" for number in range(10)})


def test_what_is_not_there_is_said_not_to_be(tree: Tree) -> None:
    with pytest.raises(NotFound, match=r"nothing is at `a.b`"):
        tree.get("a.b")
    with pytest.raises(NotFound, match=r"nothing is at `a.b`"):
        tree.delete("a.b")
    assert tree.get("a.b", 7) == 7
    assert not tree.delete("a.b", missing_ok=True)
    with pytest.raises(KeyError):
        tree["a"]


def test_keys_with_dots_and_slashes_can_be_addressed(tree: Tree) -> None:
    tree.put('nodes.r1.routes."10.0.0.0/24".metric', 10)
    tree.put(("nodes", "r1", "routes", "a b", "metric"), 20)
    assert tree.keys("nodes.r1.routes") == ["10.0.0.0/24", "a b"]
    assert tree.get('nodes.r1.routes."a b".metric') == 20
    assert [one.path for one in tree.find("nodes.*.routes.*.metric")] == [
        'nodes.r1.routes."10.0.0.0/24".metric', 'nodes.r1.routes."a b".metric',
    ]  # fmt: skip


def test_merge_as_rfc_7396_says(tree: Tree) -> None:
    # the examples of the RFC's appendix: original, patch, result
    for original, patch, result in [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ]:
        tree.put("doc", original)
        tree.merge("doc", patch)
        assert tree.get("doc") == result, (original, patch)


# -- versions ------------------------------------------------------------------------------------------------------------


def test_an_expected_version_that_is_another_is_a_conflict_that_says_who(tree: Tree) -> None:
    first = tree.put("a.b", 1)
    tree.put("a.b", 2, expected=first.revision)
    with pytest.raises(Conflict) as raised:
        tree.put("a.b", 3, expected=first.revision, author="bert")
    version = tree.node("a.b").version
    assert str(raised.value).startswith(f"`a.b` is at version {version}, changed at revision {version} by anna; expected version ")
    [conflict] = raised.value.details["conflicts"]
    assert (conflict["path"], conflict["version"], conflict["expected"], conflict["author"]) == ("a.b", version, first.revision, "anna")
    with pytest.raises(Conflict):
        tree.delete("a.b", expected=first.revision)
    assert tree.get("a.b") == 2


def test_version_0_means_that_nothing_is_there(tree: Tree) -> None:
    tree.put("a.b", 1, expected=0)
    with pytest.raises(Conflict, match="expected version 0"):
        tree.put("a.b", 2, expected=0)
    tree.delete("a.b")
    tree.put("a.b", 3, expected=0)
    assert tree.get("a.b") == 3


# -- transactions --------------------------------------------------------------------------------------------------------


def test_a_transaction_is_all_or_nothing_over_several_first_segments(tree: Tree) -> None:
    tree.put("a", {"x": 1})
    with tree.transaction("both") as tx:
        tx.put("a.x", 2)
        tx.put("b.y", tx.get("a.x") + 1)
        tx.delete("a.x")
        tx.merge("c", {"d": {"e": 1}})
        assert (tx.get("b.y"), tx.get("a"), tx.keys()) == (3, {}, ["a", "b", "c"])
        assert tree.get() == {"a": {"x": 1}}, "nobody sees it yet"
        assert [(one.op, one.path) for one in tx.diff()] == [("put", "a"), ("delete", "a.x"), ("put", "b.y"), ("put", "c.d.e")]
    assert tree.get() == {"a": {}, "b": {"y": 3}, "c": {"d": {"e": 1}}}
    assert tree.history.log()[0].roots == ("a", "b", "c")
    assert tree.history.log()[0].message == "both"


def test_an_exception_or_a_cancel_drops_it(tree: Tree) -> None:
    with pytest.raises(ZeroDivisionError), tree.transaction() as tx:
        tx.put("a", 1 / len(tx.keys()))
    tx = tree.transaction()
    tx.put("b", 1)
    tx.cancel()
    with pytest.raises(Closed, match="this transaction has ended"):
        tx.put("c", 1)
    with pytest.raises(Closed):
        tx.commit()
    assert tree.get() == {}


def test_two_begins_are_two_transactions(tree: Tree) -> None:
    one, other = tree.transaction(), tree.transaction()
    one.put("a", 1)
    other.put("b", 2)
    one.commit()
    other.commit()
    assert tree.get() == {"a": 1, "b": 2}


def test_a_transaction_conflicts_with_what_it_read_and_wrote_and_nothing_else(tree: Tree) -> None:
    tree.put("a", {"x": 1, "y": 1, "z": 1})
    cases = [
        (lambda tx: (tx.get("a.x"), tx.put("b", 1)), "a.x", True),
        (lambda tx: (tx.get("a"), tx.put("b", 1)), "a.x", True),
        (lambda tx: (tx.get("a.new", None), tx.put("b", 1)), "a.new", True),
        (lambda tx: tx.put("a.x", 5), "a.x", True),
        (lambda tx: tx.put("a.x", 5), "a.y", False),
        (lambda tx: (tx.get("a.z"), tx.put("a.x", 5)), "a.y", False),
        (lambda tx: tx.merge("a", {"x": 5}), "a.y", False),
        (lambda tx: tx.merge("a", {"x": 5}), "a.x", True),
    ]
    for number, (work, changed, conflicts) in enumerate(cases):
        tree.put("a", {"x": 1, "y": 1, "z": 1})
        tx = tree.transaction()
        work(tx)
        tree.put(changed, f"other {number}", author="bert")
        if not conflicts:
            tx.commit()
            continue
        with pytest.raises(Conflict) as raised:
            tx.commit()
        assert "by bert" in str(raised.value)
        assert {one["author"] for one in raised.value.details["conflicts"]} == {"bert"}


def test_a_conflict_lists_every_path_also_those_that_went(tree: Tree) -> None:
    tree.put("a", {"x": 1, "y": 1})
    tx = tree.transaction()
    tx.put("a.x", 2)
    tx.put("a.y", 2)
    tree.delete("a.x", author="bert")
    tree.put("a.y", 9, author="carl")
    with pytest.raises(Conflict) as raised:
        tx.commit()
    assert [(one["path"], one["version"] > 0, one["author"]) for one in raised.value.details["conflicts"]] == [
        ("a.x", False, "bert"), ("a.y", True, "carl"),
    ]  # fmt: skip
    assert "`a.x` is not there, changed at revision" in str(raised.value)


def test_what_is_changed_there_and_back_in_one_transaction_is_no_change(tree: Tree) -> None:
    tree.put("a", {"x": 1, "y": {"z": 1}})
    versions = {path: tree.node(path).version for path in ("a", "a.x", "a.y", "a.y.z")}
    with tree.transaction() as tx:
        tx.put("a.x", 2)
        tx.delete("a.y")
        tx.put("a.y.z", 1)
        tx.put("a.x", 1)
        tx.put("b", 1)
        tx.delete("b")
    assert {path: tree.node(path).version for path in versions} == versions
    with tree.transaction() as tx:
        tx.delete("a.y")
        tx.put("a.y.z", 1)
        tx.put("a.x", 7)
    assert tree.node("a.y").version == versions["a.y"] < tree.node("a.x").version


def test_expect_in_a_transaction(tree: Tree) -> None:
    first = tree.put("a", 1)
    tx = tree.transaction()
    tx.expect("a", first.revision)
    tx.expect("b", 0)
    tx.put("c", 1)
    tree.put("b", 1)
    with pytest.raises(Conflict, match=r"`b` is at version"):
        tx.commit()


# -- drafts --------------------------------------------------------------------------------------------------------------


def test_a_draft_outlives_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with reopened(path) as tree:
        tree.put("a", {"x": 1, "y": 1})
        draft = tree.drafts.begin("night", message="tonight")
        draft.put("a.x", 2)
        draft.delete("a.y")
        draft.merge("b", {"c": 1})
        base = draft.base
        tree.put("z", 1)
    with reopened(path) as tree:
        assert [(one["name"], one["base"], one["message"]) for one in tree.drafts.list()] == [("night", base, "tonight")]
        draft = tree.drafts.open("night")
        assert draft.get() == {"a": {"x": 2}, "b": {"c": 1}}, "on its base, where z was not"
        assert [(one.op, one.path) for one in draft.diff()] == [("put", "a.x"), ("delete", "a.y"), ("put", "b.c")]
        commit = draft.commit()
        assert commit.details == {"draft": "night"} and commit.message == "tonight"
        assert tree.get() == {"a": {"x": 2}, "b": {"c": 1}, "z": 1}
        assert tree.drafts.list() == []
        with pytest.raises(Closed):
            draft.put("a", 1)
        with pytest.raises(NotFound, match="no draft `night`"):
            tree.drafts.open("night")


def test_a_draft_conflicts_with_what_changed_since_its_base_also_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with reopened(path) as tree:
        tree.put("a", {"x": 1, "y": 1})
        tree.drafts.begin("one").put("a.x", 2)
        tree.drafts.begin("two").put("a.y", 2)
        tree.put("a.x", 5)
    with reopened(path) as tree:
        tree.drafts.open("two").commit()
        with pytest.raises(Conflict, match=r"`a.x` is at version"):
            tree.drafts.open("one").commit()
        assert [one["name"] for one in tree.drafts.list()] == ["one"], "it stays"
        tree.drafts.open("one").drop()
        assert tree.drafts.list() == []
        assert tree.get("a") == {"x": 5, "y": 2}


def test_drafts_are_told_apart_and_forgotten_ones_expire(tree: Tree) -> None:
    one, other = tree.drafts.begin(ttl=30), tree.drafts.begin(ttl=30)
    assert one.name != other.name
    with pytest.raises(AlreadyExists):
        tree.drafts.begin(one.name)
    short = tree.drafts.begin("short", ttl=0.2)
    short.put("a", 1)
    time.sleep(0.3)
    with pytest.raises(Closed, match="draft `short` has ended"):
        short.commit()
    gone = tree.drafts.begin("gone", ttl=0.05)
    deadline = time.monotonic() + 5
    while any(one["name"] == gone.name for one in tree.drafts.list()):
        assert time.monotonic() < deadline, "nobody dropped it"
        time.sleep(0.05)
    assert tree.get() == {}


def test_what_a_draft_refuses_it_does_not_keep(tree: Tree) -> None:
    draft = tree.drafts.begin("d")
    draft.put("a", 1)
    with pytest.raises(InvalidValue):
        draft.put("a.b", 1)
    with pytest.raises(NotFound):
        draft.delete("x")
    draft.commit()
    assert tree.get() == {"a": 1}


# -- keys, patterns, wide containers -------------------------------------------------------------------------------------


def test_wide_containers_page_by_page(tree: Tree) -> None:
    names = [f"k{number:05}" for number in range(3 * NARROW)]
    tree.put("wide", dict.fromkeys(names, 0))
    found: list[str] = []
    while page := tree.keys("wide", after=found[-1] if found else None, limit=100):
        assert len(page) <= 100
        found += page
    assert found == names
    tree.put("wide.k00000x", 1)
    assert tree.keys("wide", after="k00000", limit=1) == ["k00000x"]
    with pytest.raises(InvalidValue, match="at least 1"):
        tree.keys("wide", limit=0)


def test_a_container_that_grows_wide_and_narrow_again(tree: Tree) -> None:
    names = [f"k{number}" for number in range(NARROW + 50)]
    with tree.transaction() as tx:
        for name in names:
            tx.put(("w", name), {"n": name})
    assert tree.get("w") == {name: {"n": name} for name in names}
    with tree.transaction() as tx:
        for name in names[3:]:
            tx.delete(("w", name))
    assert tree.get("w") == {name: {"n": name} for name in names[:3]}


def test_find_gives_groups_and_values(tree: Tree) -> None:
    tree.put("router-a", {"ip": "10.0.0.1", "zip": 1})
    tree.put("router-b.ip", "10.0.0.2")
    assert [(one.path, one.groups, one.value) for one in tree.find(regex=r"router-(.*)\.ip")] == [
        ("router-a.ip", ("a",), "10.0.0.1"), ("router-b.ip", ("b",), "10.0.0.2"),
    ]  # fmt: skip
    assert [one.path for one in tree.find("router-*.zip")] == ["router-a.zip"]
    assert tree.find("nothing.*") == []


def test_edges_are_the_tree_as_a_graph(tree: Tree) -> None:
    tree.put("a", {"b": {"c": 1}, "x.y": 2})
    assert tree.edges() == [("", "a"), ("a", "a.b"), ("a.b", "a.b.c"), ("a", 'a."x.y"')]


# -- threads, tasks, forks, ends -----------------------------------------------------------------------------------------


def test_commits_from_many_threads_are_all_there_in_one_order(tree: Tree) -> None:
    def work(name: str) -> None:
        for number in range(30):
            tree.put(f"t.{name}.k{number}", number)
            while True:
                tx = tree.transaction()
                tx.put("t.sum", tx.get("t.sum", 0) + 1)
                try:
                    tx.commit()
                    break
                except Conflict:
                    continue

    threads = [threading.Thread(target=work, args=(f"w{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tree.get("t.sum") == 120, "no update is lost"
    assert all(len(tree.get(f"t.w{number}")) == 30 for number in range(4))
    revisions = [entry.revision for entry in tree.history.log(limit=1000)]
    assert len(revisions) == 240 and revisions == sorted(revisions, reverse=True)


async def failing(transaction: Any) -> None:
    async with transaction as tx:
        tx.put("a", 2)
        raise ZeroDivisionError


async def test_commits_from_many_tasks() -> None:
    async with AsyncTree() as tree:
        await asyncio.gather(*(tree.put(f"t.k{number}", number) for number in range(200)))
        assert tree.get("t") == {f"k{number}": number for number in range(200)}
        async with tree.transaction() as tx:
            tx.put("a", 1)
        tx = tree.transaction()
        with pytest.raises(ZeroDivisionError):
            await failing(tx)
        with pytest.raises(Closed):
            tx.put("a", 3)
        assert tree.get("a") == 1


def test_a_closed_tree_says_so() -> None:
    tree = Tree()
    tree.put("a", 1)
    tx = tree.transaction()
    tree.close()
    tree.close()
    for wrong in (lambda: tree.get("a"), lambda: tree.put("a", 2), tree.history.log, lambda: tree.watch("a")):
        with pytest.raises(Closed, match="closed"):
            wrong()
    tx.put("a", 2)
    with pytest.raises(Closed):
        tx.commit()


def test_a_synchronous_call_on_the_loop_is_refused_at_once(tree: Tree) -> None:
    answers: list[str] = []

    async def wrong(_: object) -> None:
        try:
            tree.put("b", 1)
        except UsageError as error:
            answers.append(str(error))

    tree.hooks.before("a", wrong)
    tree.put("a", 1)
    assert len(answers) == 1 and "use holdfast.aio there" in answers[0]


def test_one_process_per_file(tmp_path: Path) -> None:
    with reopened(tmp_path / "x.db"), pytest.raises(holdfast.HoldfastError, match="is held by process"):
        reopened(tmp_path / "x.db")


# -- what cannot be meant --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda tree: tree.put({"a": 1}, 1), "expected a path such as `nodes.r1.mtu`, got `{'a': 1}`"),
        (lambda tree: tree.put(("a", ["b"]), 1), r"expected a path such as `nodes.r1.mtu`, got `\('a', \['b'\]\)`"),
        (lambda tree: tree.put("a", 1, expected="2"), "expected a version, got `'2'`"),
        (lambda tree: tree.put("a", 1, expected=-1), "expected a version, got `-1`"),
        (lambda tree: tree.put("a", 1, author=5), "expected text as author, got `5`"),
        (lambda tree: tree.put("a", 1, message="half \ud800"), "expected text in Unicode as message, got half a surrogate pair"),
        (lambda tree: tree.find("a", regex="b"), "expected a pattern or a regular expression, got both"),
        (lambda tree: tree.find(5), "expected a pattern such as"),
        (lambda tree: tree.watch(pattern="a", regex="b"), "expected a pattern or a regular expression, got both"),
        (lambda tree: tree.watch(since="a while"), "expected a revision to begin behind, got `'a while'`"),
        (lambda tree: tree.session(ttl=-1), "expected a number of seconds above 0 as ttl, got `-1`"),
        (lambda tree: tree.session("\ud800"), "expected text in Unicode as name"),
        (lambda tree: tree.drafts.begin(ttl="x"), "expected a number of seconds above 0 as ttl, got `'x'`"),
        (lambda tree: tree.functions.add("f", 3), "expected a function, got `3` – at `f`"),
        (lambda tree: tree.hooks.before("b", 3), "expected a function, got `3` – at `b`"),
        (lambda tree: tree.channels.publish("", 1), "expected the name of a channel, got `''`"),
        (lambda tree: tree.compact("x"), "expected a revision, got `'x'`"),
        (lambda tree: tree.history.rollback("a"), "expected where to roll `a` back to, got nothing"),
        (lambda tree: tree.history.log(limit=-1), "expected a number of entries, 0 for all, got -1"),
        (lambda tree: tree.merge("", {"a": 1, "b": None}), "the whole tree cannot be cleared by a merge: `b` is null"),
        (lambda tree: tree.merge("", 5), "expected an object to be merged into the whole tree"),
    ],
)
def test_what_cannot_be_meant_is_said_and_changes_nothing(tree: Tree, wrong: Any, said: str) -> None:
    tree.put("b", 1)
    before = tree.revision
    with pytest.raises(InvalidValue, match=said):
        wrong(tree)
    assert (tree.revision, tree.get()) == (before, {"b": 1})


async def test_an_author_that_cannot_be_written_fails_nobody_elses_commit() -> None:
    async with AsyncTree() as tree:
        puts = [tree.put(("a", f"k{n}"), n, author="\ud800" if n == 3 else "bert") for n in range(8)]
        found = await asyncio.gather(*puts, return_exceptions=True)
        assert [n for n, one in enumerate(found) if isinstance(one, InvalidValue)] == [3]
        assert tree.keys("a") == [f"k{n}" for n in range(8) if n != 3]


def test_a_path_may_be_a_list_of_keys(tree: Tree) -> None:
    tree.put(["a", "b.c"], 1)
    assert tree.get('a."b.c"') == tree.get(["a", "b.c"]) == 1


def test_a_merge_into_the_whole_tree_is_one_commit(tree: Tree) -> None:
    tree.put("a", {"x": 1, "y": 1})
    version = tree.revision
    commit = tree.merge("", {"a": {"x": None, "z": 2}, "b": {"c": 3}}, expected=version)
    assert [(one.op, one.path) for one in commit.changes] == [("delete", "a.x"), ("put", "a.z"), ("put", "b.c")]
    assert tree.get() == {"a": {"y": 1, "z": 2}, "b": {"c": 3}}
    assert not tree.merge("", {})
    with pytest.raises(Conflict):
        tree.merge("", {"c": 1}, expected=version)


# -- drafts, further -------------------------------------------------------------------------------------------------------


def test_find_in_a_draft_and_in_a_transaction_sees_what_would_be(tree: Tree) -> None:
    tree.put("nodes", {"r1": {"mtu": 1500}, "r2": {"mtu": 1400}})
    draft = tree.drafts.begin("d")
    draft.put("nodes.r3.mtu", 9000)
    draft.delete("nodes.r1")
    assert [(one.path, one.value) for one in draft.find("nodes.*.mtu")] == [("nodes.r2.mtu", 1400), ("nodes.r3.mtu", 9000)]
    assert [one.groups for one in draft.find(regex=r"nodes\.(\w+)\.mtu")] == [("r2",), ("r3",)]
    with tree.transaction() as tx:
        tx.put("nodes.r4.mtu", 1)
        assert [one.path for one in tx.find("nodes.*.mtu")] == ["nodes.r1.mtu", "nodes.r2.mtu", "nodes.r4.mtu"]


def test_what_a_transaction_found_must_not_have_changed(tree: Tree) -> None:
    tree.put("nodes.r1.mtu", 1500)
    transaction = tree.transaction()
    assert len(transaction.find("nodes.*.mtu")) == 1
    tree.put("zones.z", 1)
    tree.put("nodes.r2.mtu", 1500)
    transaction.put("count", 1)
    with pytest.raises(Conflict, match="`nodes`"):
        transaction.commit()


def test_a_draft_that_conflicts_can_be_put_onto_the_tree_as_it_is_now(tmp_path: Path) -> None:
    with Tree(str(tmp_path / "c.db"), author="anna") as tree:
        tree.put("a", {"x": 1, "y": 1})
        draft = tree.drafts.begin("d")
        draft.put("a.x", 2)
        draft.put("b", 2)
        tree.put("a.x", 3, author="bert")
        tree.put("a.y", 4, author="bert")
        with pytest.raises(Conflict):
            draft.commit()
        assert draft.rebase() == ["a.x"]
        assert [(one.path, one.old, one.value) for one in draft.diff()] == [("a.x", 3, 2), ("b", None, 2)]
        base = draft.base
    with Tree(str(tmp_path / "c.db"), author="anna") as tree:
        draft = tree.drafts.open("d")
        assert draft.base == base
        draft.commit()
        assert tree.get() == {"a": {"x": 2, "y": 4}, "b": 2}


def test_a_draft_that_does_not_fit_any_more_stays_as_it_is(tree: Tree) -> None:
    tree.put("a", {"x": 1, "y": 1})
    draft = tree.drafts.begin("d")
    draft.delete("a.x")
    tree.delete("a.x")
    base = draft.base
    with pytest.raises(NotFound):
        draft.rebase()
    assert draft.base == base and [one.op for one in draft.diff()] == ["delete"]


def test_a_draft_whose_base_is_not_kept_can_be_dropped(tmp_path: Path) -> None:
    with Tree(str(tmp_path / "c.db")) as tree:
        tree.put("a", 1)
        tree.drafts.begin("d").put("a", 2)
        tree.put("a", 3)
        tree.put("a", 4)
        tree.compact(tree.revision)
    with Tree(str(tmp_path / "c.db")) as tree:
        with pytest.raises(Compacted, match=r"draft `d`: the tree at revision .*; it can only be dropped"):
            tree.drafts.open("d")
        tree.drafts.drop("d")
        assert tree.drafts.list() == []
        with pytest.raises(NotFound, match="no draft `d`"):
            tree.drafts.drop("d")
