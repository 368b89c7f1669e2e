"""The writer thread: jobs that share a commit, jobs that fail, who is told what and when, the log that must not grow."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import apsw
import pytest

from holdfast.database import checkpoint, failpoint, revisions
from holdfast.database.sqlite import Database
from holdfast.errors import Bug, Compacted, QueryError, Unavailable, UnknownName
from holdfast.model.field import TEXT, U32, Field, Table

FIELDS = (Field("name", TEXT, default=""), Field("size", U32), Field("age", U32, volatile=True))
THINGS = Table("things", "thing", "Things.", FIELDS, key=("name",))


@pytest.fixture
def database() -> Iterator[Database]:
    with Database(tables=[THINGS]) as opened:
        yield opened


def naming(name: str, size: int = 1) -> Any:
    """A job that puts one thing and returns its revision."""

    def job(tx: Any) -> int:
        tx.put(THINGS, "here", ("name", "size"), [[name], [size]])
        return int(tx.revision)

    return job


@contextlib.contextmanager
def together(database: Database) -> Iterator[None]:
    """What is given inside waits in the queue together."""
    gate = threading.Event()
    held = database.write(lambda tx: gate.wait(10))
    yield
    gate.set()
    held.result()


def commits(database: Database) -> list[tuple[int, frozenset[str]]]:
    seen: list[tuple[int, frozenset[str]]] = []
    database.on_commit(lambda revision, tables: seen.append((revision, tables)))
    return seen


def test_jobs_that_wait_together_share_a_commit_and_have_revisions_of_their_own(database: Database) -> None:
    seen = commits(database)
    with together(database):
        futures = [database.write(naming(f"n{place}")) for place in range(5)]
    assert [future.result() for future in futures] == [2, 3, 4, 5, 6]
    assert seen == [(6, frozenset({"things"}))]
    assert [row[0] for row in database.fetch("SELECT since FROM things ORDER BY 1")] == [2, 3, 4, 5, 6]


def test_a_job_that_raises_undoes_itself_alone(database: Database) -> None:
    def broken(tx: Any) -> None:
        tx.put(THINGS, "here", ("name",), [["broken"]])
        raise ValueError("no")

    for place in range(3):
        with together(database):
            futures = [database.write(broken if turn == place else naming(f"n{place}{turn}")) for turn in range(3)]
        for turn, future in enumerate(futures):
            if turn == place:
                with pytest.raises(ValueError, match="no"):
                    future.result()
            else:
                future.result()
    assert database.fetch("SELECT name FROM things ORDER BY name") == [("n01",), ("n02",), ("n10",), ("n12",), ("n20",), ("n21",)]
    numbers = [row[0] for row in database.fetch("SELECT since FROM things ORDER BY 1")]
    assert len(set(numbers)) == 6


def test_sql_that_is_wrong_fails_its_job(database: Database) -> None:
    with pytest.raises(QueryError, match="no such column: colour"):
        database.write(lambda tx: tx.delete_where(THINGS, "here", "colour = 1")).result()
    assert database.write(naming("a")).result() == 2


def test_a_result_is_told_after_the_commit_and_its_callbacks(database: Database) -> None:
    order: list[str] = []
    database.on_commit(lambda revision, tables: order.append(f"commit {revision} {database.fetch('SELECT count(*) FROM things')}"))
    future = database.write(naming("a"))
    future.add_done_callback(lambda future: order.append(f"result {future.result()} {database.revision}"))
    future.result()
    database.write(lambda tx: None).result()
    assert order == ["commit 2 [(1,)]", "result 2 2"]


def settling(name: str, told: list[str], *, fail: bool = False) -> Any:
    """A job that says what becomes of it."""

    def job(tx: Any) -> int:
        tx.settle(lambda committed: told.append(f"{name} {committed}"))
        tx.change("things", "INSERT INTO things(target, name, since) VALUES (?, ?, ?)", [("here", name, tx.revision)])
        if fail:
            raise ValueError(name)
        return int(tx.number)

    return job


def test_who_settles_is_told_what_became_of_his_transaction_before_anybody_else(database: Database) -> None:
    told: list[str] = []
    database.on_commit(lambda revision, tables: told.append(f"callback {revision} {sorted(tables)}"))
    with together(database):
        futures = [database.write(settling(name, told, fail=name == "b")) for name in "abc"]
    assert futures[0].result() == 2 and futures[2].result() == 4
    with pytest.raises(ValueError, match="b"):
        futures[1].result()
    assert told == ["b False", "a True", "c True", "callback 4 ['things']"]
    assert database.fetch("SELECT name FROM things ORDER BY 1") == [("a",), ("c",)]


def test_a_job_may_take_several_revisions_each_with_its_line_all_or_none(database: Database) -> None:
    def many(tx: Any, count: int, *, fail: bool = False) -> list[int]:
        found = []
        for place in range(count):
            if place != 1:
                tx.change("things", "INSERT INTO things(target, name, since) VALUES (?, ?, ?)", [("here", f"n{tx.number}", tx.revision)])
                tx.note("some", message=str(place))
            found.append(int(tx.number))
            assert tx.fetch("SELECT max(revision) FROM log") == [(max(found) if place != 1 else max(found) - 1,)], "a line is there at once"
            tx.another()
        if fail:
            raise ValueError("no")
        return found

    before = database.revision
    assert database.write(lambda tx: many(tx, 4)).result() == [before + 1, before + 2, before + 2, before + 3]
    assert database.revision == before + 3
    lines = database.fetch("SELECT revision, kind, message FROM log WHERE revision > ?", (before,))
    assert lines == [(before + 1, "some", "0"), (before + 2, "some", "2"), (before + 3, "some", "3")]
    with pytest.raises(ValueError, match="no"):
        database.write(lambda tx: many(tx, 3, fail=True)).result()
    after = database.write(naming("z")).result()
    assert after > before + 3 and database.fetch("SELECT count(*) FROM log WHERE revision > ?", (before + 3,)) == [(1,)]
    with pytest.raises(Bug, match="more than 64 revisions"):
        database.write(lambda tx: many(tx, 70)).result()


def test_a_lost_transaction_settles_from_the_last_to_the_first(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []

    def full() -> None:
        raise apsw.FullError("no room")

    def job(tx: Any) -> int:
        tx.settle(lambda committed: told.append(f"first {committed}"))
        return int(settling("second", told)(tx))

    monkeypatch.setitem(failpoint.armed, "commit.written", full)
    with pytest.raises(Unavailable, match="no room"):
        database.write(job).result()
    monkeypatch.undo()
    assert told == ["second False", "first False"]
    assert database.write(settling("c", told)).result() > 2
    assert database.fetch("SELECT name FROM things") == [("c",)]


def test_a_callback_that_fails_stops_nothing_and_one_can_be_removed(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    remove = database.on_commit(lambda revision, tables: 1 / 0)  # type: ignore[arg-type, return-value]
    seen = commits(database)
    database.write(naming("a")).result()
    assert seen == [(2, frozenset({"things"}))]
    assert "a commit callback failed" in caplog.text
    caplog.clear()
    remove()
    database.write(naming("b")).result()
    assert not caplog.records


def test_a_cancelled_job_does_not_run(database: Database) -> None:
    with together(database):
        future = database.write(naming("a"))
        assert future.cancel()
    database.write(lambda tx: None).result()
    assert database.fetch("SELECT * FROM things") == []


def test_a_job_may_give_another_one_but_not_close(database: Database) -> None:
    later = database.write(lambda tx: database.write(naming("a"))).result()
    assert later.result() == 2
    with pytest.raises(Bug, match="closed by one of its own jobs"):
        database.write(lambda tx: database._writer.close()).result()


def test_a_short_job_does_not_wait_for_a_long_one_behind_it(database: Database) -> None:
    release = threading.Event()
    with together(database):
        first = database.write(lambda tx: time.sleep(0.02))
        second = database.write(lambda tx: release.wait(10))
    first.result(timeout=5)
    assert not second.done()
    release.set()
    second.result()


def test_after_a_fork_the_child_is_told(database: Database) -> None:
    child = os.fork()
    if not child:  # pragma: no cover - the other process
        try:
            database.write(lambda tx: None)
        except Bug:
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    database.write(naming("a")).result()


def test_blocks_of_revisions_follow_each_other(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revisions, "BLOCK", 3)
    database._writer._revisions._reserved = database.revision
    got = [database.write(naming("a", size)).result() for size in range(10)]
    assert got == list(range(2, 12))
    assert database.fetchone("SELECT value >= 11 FROM meta WHERE name = 'reserved'") == (1,)


# -- changes -------------------------------------------------------------------------------------------------------------


def test_changes_tell_new_changed_and_gone_rows_in_order(database: Database) -> None:
    for size in (1, 2):
        database.write(naming("a", size)).result()
    database.write(lambda tx: tx.put(THINGS, "here", ("name", "size", "age"), [["a"], [2], [9]])).result()

    def replace(tx: Any) -> None:
        tx.put(THINGS, "here", ("name",), [["b"]])
        tx.delete(THINGS, "here", ("name",), [["a"]])

    database.write(replace).result()
    row = {"target": "here", "name": "a", "size": 1, "age": None}
    found = database.changes("things", 1)
    assert [(change.revision, change.op, change.row, change.old) for change in found] == [
        (2, "put", row, None),
        (3, "put", row | {"size": 2, "age": 9}, row),
        (4, "delete", row | {"size": 2, "age": 9}, None),
        (4, "put", row | {"name": "b", "size": None}, None),
    ]
    assert database.changes("things", 2, 3) == found[1:2]
    assert database.changes("things", 4) == database.changes("things", 3, 3) == []
    with pytest.raises(UnknownName, match="no table `thing`"):
        database.changes("thing", 1)


def test_a_row_that_is_as_before_at_the_end_of_its_revision_has_not_changed(database: Database) -> None:
    database.write(naming("a")).result()

    def away_and_back(tx: Any) -> None:
        tx.delete(THINGS, "here", ("name",), [["a"]])
        tx.put(THINGS, "here", ("name", "size", "age"), [["a"], [1], [5]])

    database.write(away_and_back).result()
    assert database.changes("things", 2) == []


def test_history_that_was_let_go_is_said_to_be(database: Database) -> None:
    from holdfast.database import history

    for size in range(10):
        database.write(naming("a", size)).result()

    def job(tx: Any) -> int:
        return history.forget(tx.session.connection, "things", 5, 2)

    assert [database.write(job).result() for _ in range(3)] == [2, 1, 0]
    with pytest.raises(Compacted, match=r"things at revision 4 are asked for, .* kept from revision 5 \(\d{4}-.*\) on") as caught:
        database.changes("things", 4)
    assert caught.value.oldest == 5
    assert [change.revision for change in database.changes("things", 5)] == [6, 7, 8, 9, 10, 11]


# -- the log -------------------------------------------------------------------------------------------------------------


def wide(place: int, count: int = 500) -> Any:
    names = [f"{number:06}" + "x" * 500 for number in range(count)]
    return lambda tx: tx.put(THINGS, "here", ("name", "size"), [names, [place] * count])


@pytest.mark.parametrize("kind", ["memory", "disk"])
def test_the_log_stays_short_under_steady_writing(kind: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "LIMIT", 200)
    monkeypatch.setattr(checkpoint, "STEP", 100)
    monkeypatch.setattr(checkpoint, "ANEW", 300)
    monkeypatch.setattr(checkpoint, "PATIENCE", 500)
    with Database(":memory:" if kind == "memory" else tmp_path / "x.db", [THINGS], history=False) as database:
        sizes = []
        for place in range(60):
            database.write(wide(place)).result()
            sizes.append(os.path.getsize(database.path + "-wal") >> 12)
        assert max(sizes) < 1000, sizes


def test_the_log_of_synced_commits_begins_anew_in_its_place(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "IN_PLACE", 50)
    with Database(tmp_path / "x.db", [THINGS]) as database:
        sizes = {True: 0, False: 0}
        for durable in (True, False):
            for number in range(200):
                put = lambda tx, number=number: tx.put(THINGS, "here", ("name",), [[f"n{number}"]])  # noqa: E731
                database.write(put, durable=durable).result()
                sizes[durable] = max(sizes[durable], os.path.getsize(database.path + "-wal") >> 12)
                database.write(lambda tx: tx.delete_where(THINGS, "here"), durable=durable).result()
        assert sizes[True] < 80 < 400 < sizes[False], sizes
        for number in range(200):  # among many others a synced one does not stop them for the copying
            put = lambda tx, number=number: tx.put(THINGS, "here", ("name",), [[f"o{number}"]])  # noqa: E731
            database.write(put, durable=number % 10 == 0).result()
        assert os.path.getsize(database.path + "-wal") >> 12 > 400
        with database.reader():  # who reads keeps it from beginning anew, and is not waited for
            for number in range(100):
                database.write(lambda tx, number=number: tx.put(THINGS, "here", ("name",), [[f"m{number}"]]), durable=True).result(1)
        assert database.fetch("SELECT count(*) FROM things") == [(300,)]


def test_in_memory_a_thread_copies_what_one_commit_made_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for a first load waits for the next job as well, and should not for the copying."""
    monkeypatch.setattr(checkpoint, "LIMIT", 200)
    copying: list[str] = []
    copy = checkpoint.Checkpoint._copy

    def noted(self: Any, connection: Any) -> int:
        copying.append(threading.current_thread().name)
        return copy(self, connection)

    monkeypatch.setattr(checkpoint.Checkpoint, "_copy", noted)
    with Database(tables=[THINGS]) as database:
        database.write(wide(0, 5000)).result()
        deadline = time.monotonic() + 10
        while os.path.getsize(database.path) < 2 << 20 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert os.path.getsize(database.path) >= 2 << 20, "without another commit"
        assert set(copying) == {"holdfast-checkpoint"}
        for place in range(1, 40):  # and then the writer goes on with short ones
            database.write(wide(place, 20)).result()
        assert database.fetch("SELECT count(*), max(size) FROM things") == [(5000, 39)]


def test_on_a_disk_a_thread_copies_the_log_and_the_writer_only_the_rest(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "LIMIT", 200)
    monkeypatch.setattr(checkpoint, "STEP", 100)
    monkeypatch.setattr(checkpoint, "ANEW", 600)
    monkeypatch.setattr(checkpoint, "REST", 200)
    with Database(tmp_path / "x.db", [THINGS], history=False) as database:
        here: list[int] = []
        copy = checkpoint.Checkpoint._copy

        def watched(self: Any, connection: Any) -> int:
            if threading.current_thread().name == "holdfast-writer":
                here.append(self._pages - self._copied)
            return copy(self, connection)

        monkeypatch.setattr(checkpoint.Checkpoint, "_copy", watched)
        commits, deadline = 0, time.monotonic() + 40
        while commits < 300 or os.path.getsize(database.path + "-wal") >> 12 >= commits * 15:
            assert time.monotonic() < deadline, f"it never began anew: {commits} commits of 15 pages and more"
            database.write(wide(commits, 100)).result()
            commits += 1
        assert max(here, default=0) <= 200, here


@pytest.mark.parametrize("kind", ["memory", "disk"])
def test_short_reads_that_overlap_all_the_time_let_the_log_begin_anew(kind: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "LIMIT", 200)
    monkeypatch.setattr(checkpoint, "STEP", 100)
    monkeypatch.setattr(checkpoint, "ANEW", 300)
    monkeypatch.setattr(checkpoint, "PATIENCE", 500)
    monkeypatch.setattr(checkpoint, "_SHARE", 1)  # a busy machine may let a read last longer than it is waited for
    ended = threading.Event()

    def read(place: int) -> None:
        while not ended.is_set():
            with database.reader() as reader:
                reader.fetchone("SELECT max(size) FROM things")
                ended.wait(0.005 + 0.001 * place)

    with (
        Database(":memory:" if kind == "memory" else tmp_path / "x.db", [THINGS], history=False) as database,
        ThreadPoolExecutor(4) as threads,
    ):
        for place in range(4):
            threads.submit(read, place)
        sizes = []
        for place in range(100):
            database.write(wide(place)).result()
            sizes.append(os.path.getsize(database.path + "-wal") >> 12)
        ended.set()
        assert max(sizes) < 2000, sizes


def test_a_reader_that_stays_stops_nobody_and_the_log_is_cut_after_it(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "LIMIT", 200)
    monkeypatch.setattr(checkpoint, "STEP", 100)
    database.write(wide(0)).result()
    with database.reader() as reader:
        assert reader.fetchone("SELECT max(size) FROM things") == (0,)
        for place in range(1, 20):
            database.write(wide(place)).result()
        assert reader.fetchone("SELECT max(size) FROM things") == (0,)
    assert os.path.getsize(database.path + "-wal") > 1 << 20
    deadline = time.monotonic() + 10
    while os.path.getsize(database.path + "-wal") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert os.path.getsize(database.path + "-wal") == 0, "cut to nothing when nobody writes"


def test_queries_that_hold_back_too_long_a_log_are_ended(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    from holdfast.database import readers

    monkeypatch.setattr(checkpoint, "LIMIT", 200)
    monkeypatch.setattr(checkpoint, "MOST", 400)
    monkeypatch.setattr(readers, "_LONG_S", 0.0)
    database.write(wide(0)).result()
    query = database.query("SELECT * FROM things")
    next(query)
    for place in range(1, 20):
        database.write(wide(place)).result()
    with pytest.raises(QueryError, match="held back the database's log"):
        list(query)


def test_space_of_deleted_rows_is_given_back_when_nobody_writes(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "_LOOSE", 100)
    monkeypatch.setattr(checkpoint, "STEP", 100)
    database.write(wide(0, 5000)).result()
    database.write(lambda tx: tx.delete_where(THINGS, "here")).result()
    database.write(lambda tx: [tx.session.connection.execute("DELETE FROM things_history"), tx.revision]).result()
    grown = database.fetchone("PRAGMA page_count")
    deadline = time.monotonic() + 20
    while database.fetchone("PRAGMA page_count") == grown and time.monotonic() < deadline:
        time.sleep(0.1)
    assert database.fetchone("PRAGMA page_count") < grown  # type: ignore[operator]
