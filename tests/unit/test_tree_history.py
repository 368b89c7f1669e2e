"""What was, who did it, and going back: history of the tree."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import apsw
import pytest

from holdfast import Retention, Tree, restore
from holdfast.api.check import check as check_file
from holdfast.errors import AlreadyExists, Compacted, Conflict, Corrupt, InvalidValue, NotFound


@pytest.fixture
def tree() -> Iterator[Tree]:
    with Tree(author="anna") as opened:
        yield opened


def test_get_at_a_revision_at_a_time_and_steps_back(tree: Tree) -> None:
    first = tree.put("a", {"x": 1, "y": {"z": 1}})
    time.sleep(0.01)
    between = datetime.now(UTC)
    time.sleep(0.01)
    tree.put("b", 1)
    second = tree.put("a.x", 2)
    tree.delete("a.y.z")
    history = tree.history
    assert history.get("a", first.revision) == {"x": 1, "y": {"z": 1}}
    assert history.get("a", second.revision) == {"x": 2, "y": {"z": 1}}
    assert history.get("a") == {"x": 2}
    assert history.get("", first.revision) == {"a": {"x": 1, "y": {"z": 1}}}
    assert history.get("a", between) == {"x": 1, "y": {"z": 1}}
    assert history.get("a", "0s ago") == {"x": 2}
    assert [history.get("a", back=back) for back in (0, 1, 2)] == [{"x": 2}, {"x": 2, "y": {"z": 1}}, {"x": 1, "y": {"z": 1}}]
    assert history.get("a.y", back=1) == {"z": 1}, "of the subtree's own changes"
    with pytest.raises(NotFound, match="nothing was at `a` at revision"):
        history.get("a", back=3)
    with pytest.raises(NotFound, match=r"`a` has 3 changes, 4 steps back are asked for"):
        history.get("a", back=4)
    with pytest.raises(NotFound, match="nothing was at `a` at revision 1"):
        history.get("a", 1)
    with pytest.raises(InvalidValue):
        history.get("a", "the day before")
    with pytest.raises(InvalidValue):
        history.get("a", back=-1)


def test_a_node_as_it_was_knows_its_version_then(tree: Tree) -> None:
    first = tree.put("a", {"x": 1, "y": 1})
    second = tree.put("a.x", 2)
    third = tree.delete("a.y")
    assert [tree.history.node("a", one.revision).version for one in (first, second, third)] == [
        first.revision, second.revision, third.revision,
    ]  # fmt: skip
    assert tree.history.node("a.x", third.revision).version == second.revision


def test_diff_between_any_two_points(tree: Tree) -> None:
    one = tree.put("a", {"x": 1, "y": 1, "same": 0}).revision
    tree.put("a.x", 7)
    tree.put("a.x", 2)
    tree.delete("a.y")
    two = tree.put("b.c", [1]).revision
    found = [(change.op, change.path, change.old, change.value, change.created) for change in tree.history.diff(one, two)]
    assert found == [("put", "a.x", 1, 2, False), ("delete", "a.y", 1, None, False), ("put", "b.c", None, [1], True)]
    back = [(change.op, change.path, change.old, change.value) for change in tree.history.diff(two, one)]
    assert back == [("put", "a.x", 2, 1), ("put", "a.y", None, 1), ("delete", "b.c", [1], None)]
    assert [change.path for change in tree.history.diff(one, path="a.y")] == ["a.y"]
    assert tree.history.diff(one, one) == []
    tree.put("a.x", 1)
    assert "a.x" not in [change.path for change in tree.history.diff(one)], "there and back is no difference"


def test_a_presence_in_a_diff(tree: Tree) -> None:
    one = tree.put("a.b", {}).revision
    two = tree.put("a.b.c", 1).revision
    three = tree.delete("a.b.c").revision
    assert [(change.op, change.path, change.value) for change in tree.history.diff(one, two)] == [("put", "a.b.c", 1)]
    assert [(change.op, change.path, change.value) for change in tree.history.diff(two, one)] == [
        ("put", "a.b", {}), ("delete", "a.b.c", None),
    ]  # fmt: skip
    assert [(change.op, change.path) for change in tree.history.diff(two, three)] == [("put", "a"), ("delete", "a.b.c")]


def test_the_log_says_who_when_why_and_what(tree: Tree) -> None:
    before = time.time_ns()
    tree.put("a.x", 1, message="first", author="bert")
    tree.put("b", 1)
    tree.put("a.y", 1, message="second")
    log = tree.history.log()
    assert [(one.author, one.message, one.roots, one.changes) for one in log] == [
        ("anna", "second", ("a",), 1), ("anna", "", ("b",), 1), ("bert", "first", ("a",), 1),
    ]  # fmt: skip
    assert all(before <= one.time_ns <= time.time_ns() for one in log)
    assert [one.message for one in tree.history.log("a")] == ["second", "first"]
    assert [one.message for one in tree.history.log("a.x")] == ["first"]
    assert [one.message for one in tree.history.log(limit=1)] == ["second"]
    assert tree.history.log("a", since=log[2].revision, until=log[1].revision) == []
    text = tree.history.text()
    assert "bert  first\n     + a.x = 1\n" in text
    assert text.startswith(f"r{log[2].revision}  20")


def test_blame_says_for_each_leaf_who_changed_it_last(tree: Tree) -> None:
    tree.put("a", {"x": 1, "y": {"z": 1}}, author="bert", message="all")
    last = tree.put("a.x", 2)
    assert [(one.path, one.value, one.author, one.message) for one in tree.history.blame("a")] == [
        ("a.x", 2, "anna", ""), ("a.y.z", 1, "bert", "all"),
    ]  # fmt: skip
    assert tree.history.blame("a.x")[0].revision == last.revision
    with pytest.raises(NotFound):
        tree.history.blame("c")


# -- going back ----------------------------------------------------------------------------------------------------------


def test_a_rollback_is_a_new_commit_and_can_be_redone(tree: Tree) -> None:
    for value in (1, 2, 3):
        tree.put("a", {"x": value, f"only{value}": 0})
    tree.put("b", 1)
    commit = tree.history.rollback("a", back=2)
    assert tree.get() == {"a": {"x": 1, "only1": 0}, "b": 1}
    assert commit.details["rollback"]["path"] == "a"
    assert tree.history.log("a")[0].message.startswith("roll back a to revision")
    tree.history.redo("a")
    assert tree.get("a") == {"x": 3, "only3": 0}
    tree.history.redo("a")
    assert tree.get("a") == {"x": 1, "only1": 0}, "a redo is a rollback too, and can be taken back"
    tree.put("a.x", 9)
    with pytest.raises(NotFound, match="the last change of `a` is no rollback"):
        tree.history.redo("a")


def test_rolling_back_too_far_changes_nothing_and_says_so(tree: Tree) -> None:
    tree.put("a", 1)
    tree.put("a", 2)
    revision = tree.revision
    with pytest.raises(NotFound, match=r"`a` has 2 changes, 3 steps back are asked for; nothing was changed"):
        tree.history.rollback("a", back=3)
    with pytest.raises(NotFound):
        tree.history.rollback("never", back=1)
    assert tree.revision == revision and tree.get() == {"a": 2}
    tree.history.rollback("a", back=2)
    assert tree.get() == {}, "before its first change it was not there"
    tree.history.redo("a")
    assert tree.get() == {"a": 2}


def test_a_subtree_goes_back_alone_and_to_a_revision(tree: Tree) -> None:
    first = tree.put("a", {"x": {"k": 1}, "y": 1})
    tree.put("a", {"x": {"k": 2, "l": {}}, "y": 2})
    tree.history.rollback("a.x", first.revision)
    assert tree.get("a") == {"x": {"k": 1}, "y": 2}
    tree.history.rollback("a.x", back=1)
    assert tree.get("a") == {"x": {"k": 2, "l": {}}, "y": 2}
    with pytest.raises(InvalidValue, match="the whole tree cannot be rolled back"):
        tree.history.rollback("", first.revision)


def test_a_rollback_right_after_a_restart_and_a_restart_right_after_it(tmp_path: Path) -> None:
    path = str(tmp_path / "x.db")
    with Tree(path) as tree:
        tree.put("a", {"x": 1})
        tree.put("a", {"y": 2})
    with Tree(path) as tree:
        tree.history.rollback("a", back=1)
    with Tree(path) as tree:
        assert tree.get("a") == {"x": 1}
        assert tree.check() == []


def test_a_deleted_node_stays_deleted_after_a_restart(tmp_path: Path) -> None:
    path = str(tmp_path / "x.db")
    with Tree(path) as tree:
        tree.put("a", {"x": 1, "y": 2})
        tree.delete("a.x")
        tree.put("b", 1)
        tree.delete("b")
    for _ in range(2):
        with Tree(path) as tree:
            assert tree.get() == {"a": {"y": 2}}


def test_revert_undoes_one_commit_and_nothing_else(tree: Tree) -> None:
    tree.put("a", {"x": 1, "y": 1})
    wrong = tree.merge("a", {"x": 2, "new": {"deep": 1}, "y": None})
    tree.put("b", 1)
    tree.put("a.z", 1)
    commit = tree.history.revert(wrong.revision)
    assert tree.get() == {"a": {"x": 1, "y": 1, "z": 1}, "b": 1}
    assert commit.details == {"revert": wrong.revision}
    with pytest.raises(Conflict, match=r"`a.new.deep`, `a.x`, `a.y` changed after revision"):
        tree.history.revert(wrong.revision)
    with pytest.raises(NotFound, match="revision 1 is not a commit of the tree"):
        tree.history.revert(1)


# -- letting go ----------------------------------------------------------------------------------------------------------


def test_compaction_lets_go_of_what_is_older_and_says_so(tree: Tree) -> None:
    for value in range(6):
        tree.put("a", {"x": value, "y": value // 3}, message=f"m{value}")
    tree.put("gone", 1)
    tree.delete("gone")
    kept = tree.history.log(limit=100)[4].revision
    assert tree.compact(kept) > 0
    assert tree.compact(kept) == 0
    assert tree.history.get("a", kept) == {"x": 3, "y": 1}
    with pytest.raises(Compacted) as raised:
        tree.history.get("a", kept - 1)
    assert raised.value.oldest == kept
    with pytest.raises(Compacted):
        tree.history.diff(kept - 1)
    assert [tree.history.get("a", back=back)["x"] for back in range(3)] == [5, 4, 3]
    with pytest.raises(Compacted, match="3 steps back are asked for"):
        tree.history.rollback("a", back=3)
    assert tree.get() == {"a": {"x": 5, "y": 1}}
    assert {one.message for one in tree.history.log()} >= {"m5", "m4", "m3"}
    assert tree.history.blame("a.y")[0].message == "m3"
    assert tree.check() == []
    with pytest.raises(InvalidValue, match="expected a revision up to"):
        tree.compact(tree.revision + 10**6)


def test_a_policy_says_what_is_kept(tmp_path: Path) -> None:
    path = str(tmp_path / "x.db")
    with Tree(path, retention=Retention(commits=3)) as tree:
        for value in range(10):
            tree.put("a", value)
        assert tree.compact() == 6
        assert [tree.history.get("a", back=back) for back in range(4)] == [9, 8, 7, 6]
        with pytest.raises(Compacted):
            tree.history.get("a", back=4)
    with Tree(path, retention=Retention(commits=1, age=timedelta(days=1))) as tree:
        assert tree.compact() == 0, "what either allows is kept"
        assert tree.check() == []
    with Tree(path) as tree:
        assert tree.compact() == 0
        assert tree.get("a") == 9


def test_letting_go_of_the_live_history_does_not_touch_the_lines_of_commits(tmp_path: Path) -> None:
    from holdfast.database.retention import Keep
    from holdfast.database.retention import Retention as Live
    from holdfast.database.sqlite import Database
    from holdfast.model.field import TEXT, Field, Table

    things = Table("things", "thing", "Things.", (Field("name", TEXT, default=""), Field("size", TEXT)), key=("name",))
    path = tmp_path / "x.db"
    with Tree(str(path)) as tree:
        tree.put("a", 1, message="old")
        tree.put("a", 2)
    with Database(path, [things], retention=Live(Keep(rows=10, age=timedelta(0)))) as database:
        for size in range(3000):
            database.write(lambda tx, size=size: tx.put(things, "here", ("name", "size"), [["n"], [str(size)]]))
        database.write(lambda tx: None).result()
    with Tree(str(path)) as tree:
        assert [one.message for one in tree.history.log()] == ["", "old"]
        assert tree.check() == []


# -- copies --------------------------------------------------------------------------------------------------------------


def test_backup_while_running_and_restore(tmp_path: Path) -> None:
    with Tree(str(tmp_path / "x.db")) as tree:
        tree.put("a", 1)
        tree.backup(str(tmp_path / "copy"))
        tree.put("a", 2)
        with pytest.raises(AlreadyExists):
            tree.backup(str(tmp_path / "copy"))
        old_id = tree._place.core.database.id  # type: ignore[attr-defined]
    restore(str(tmp_path / "copy"), str(tmp_path / "y.db"))
    with Tree(str(tmp_path / "y.db")) as tree:
        assert tree.get() == {"a": 1} and tree.check() == []
        assert tree._place.core.database.id != old_id, "its revisions go their own way"  # type: ignore[attr-defined]
    with pytest.raises((NotFound, Corrupt)):
        restore(str(tmp_path / "nothing"), str(tmp_path / "z.db"))


def test_the_log_of_the_database_has_commits_and_network_changes_in_one_sequence(tmp_path: Path) -> None:
    from holdfast.database.sqlite import Database

    path = tmp_path / "x.db"
    with Tree(str(path), author="anna") as tree:
        tree.put("a", 1, message="config")
        database = tree._place.core.database
        assert isinstance(database, Database)
        routes = database.tables["routes"]
        database.write(lambda tx: tx.put(routes, "here", ("family", "dst", "dst_len"), [[2], ["10.0.0.0"], [8]])).result()
        tree.put("a", 2)
        kinds = database.fetch("SELECT kind, author, message, target FROM log ORDER BY revision, n")
        assert kinds == [
            ("start", None, None, None), ("config", "anna", "config", "a"), ("live", None, None, "here"), ("config", "anna", "", "a"),
        ]  # fmt: skip
        assert tree.revision == database.revision


def test_a_watch_from_before_the_begin_of_history_says_where_that_is(tree: Tree) -> None:
    tree.put("a", 1)
    tree.put("a", 2)
    last = tree.put("a", 3).revision
    tree.compact(last)
    with pytest.raises(Compacted, match=f"the tree at revision 2 is asked for, and is kept from {last} on"):
        next(tree.watch("a", since=2))


# -- a file that is damaged ------------------------------------------------------------------------------------------------


def test_a_check_of_the_file_tells_of_the_tree_also_when_it_cannot_be_opened(tmp_path: Path) -> None:
    path = str(tmp_path / "c.db")
    with Tree(path) as tree:
        tree.put("a.b", 1)
        second = tree.put("a.b", 2)
        third = tree.put("a.c", 3)
        tree.drafts.begin("d").put("a.d", 4)
    assert [(one.level, one.text) for one in check_file(path) if one.about == "tree"] == [
        ("ok", "2 rows, 1 in the history, each as it was written")
    ]
    damage(path, "UPDATE tree SET value = '5' WHERE path = 'a.b'")
    damage(path, "UPDATE tree_work SET operation = 'x'")
    with pytest.raises(Corrupt):
        Tree(path).open()
    found = [one for one in check_file(path) if one.about == "tree"]
    assert all(one.level == "problem" and "restore" in one.todo for one in found)
    assert [one.text.partition(" is damaged")[0] for one in found] == [
        "the row of `a.b` since revision 2", f"the row of `a.b` since revision {second.revision}", "operation 1 of draft `d`",
    ]  # fmt: skip
    damage(path, "DELETE FROM log WHERE revision = ?", third.revision)
    assert {one.about for one in check_file(path) if one.level == "problem"} >= {"tree", "bytes"}


def damage(path: str, sql: str, *args: Any) -> None:
    with contextlib.closing(apsw.Connection(path)) as connection:
        connection.execute(sql, args)
