"""Writing in the calling thread: one writer at a time all the same, and everything else that is due is done."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from holdfast.database import checkpoint
from holdfast.database.sqlite import Database
from holdfast.errors import Closed
from holdfast.model.field import TEXT, U32, Field, Table

FIELDS = (Field("name", TEXT, default=""), Field("size", U32))
THINGS = Table("things", "thing", "Things.", FIELDS, key=("name",))


@pytest.fixture
def database() -> Iterator[Database]:
    with Database(tables=[THINGS]) as opened:
        yield opened


def naming(name: str, size: int = 1) -> Any:
    def job(tx: Any) -> tuple[int, int]:
        tx.put(THINGS, "here", ("name", "size"), [[name], [size]])
        return int(tx.revision), threading.get_ident()

    return job


def names(database: Database) -> set[str]:
    return {row[0] for row in database.fetch("SELECT name FROM things")}


def test_it_is_done_when_it_returns(database: Database) -> None:
    told: list[tuple[int, int]] = []
    database.on_commit(lambda revision, tables: told.append((revision, threading.get_ident())))
    done = database.write_here(naming("a"))
    assert done is not None
    assert done.done()
    revision, thread = done.result()
    assert thread == threading.get_ident()
    assert told == [(revision, thread)]
    assert database.revision == revision
    assert names(database) == {"a"}


def test_what_a_job_raises_is_in_the_future_and_nothing_of_it_stays(database: Database) -> None:
    def job(tx: Any) -> None:
        tx.put(THINGS, "here", ("name",), [["half"]])
        raise KeyError("no")

    done = database.write_here(job)
    assert done is not None
    with pytest.raises(KeyError):
        done.result()
    assert names(database) == set()
    assert database.write_here(naming("b")) is not None
    assert database.write(naming("c")).result()
    assert names(database) == {"b", "c"}


def test_nothing_happens_while_somebody_writes_or_waits_to(database: Database) -> None:
    gate, begun = threading.Event(), threading.Event()
    writing = database.write(lambda tx: (begun.set(), gate.wait(10)))
    begun.wait(5)
    assert database.write_here(naming("a")) is None
    waiting = database.write(naming("b"))
    gate.set()
    writing.result()
    waiting.result()
    assert names(database) == {"b"}


def test_a_thread_that_writes_here_without_a_pause_keeps_nobody_from_writing(database: Database) -> None:
    ended = threading.Event()
    counts = [0, 0]

    def work(place: int) -> None:
        while not ended.is_set():
            counts[place] += database.write_here(naming(f"t{place}", counts[place])) is not None

    workers = [threading.Thread(target=work, args=(place,)) for place in range(2)]
    for one in workers:
        one.start()
    try:
        slowest_s = 0.0
        for number in range(40):
            began = time.monotonic()
            database.write(naming(f"q{number}")).result(10)
            slowest_s = max(slowest_s, time.monotonic() - began)
    finally:
        ended.set()
        for one in workers:
            one.join()
    assert min(counts) > 0
    assert slowest_s < 1
    assert names(database) == {"t0", "t1", *(f"q{number}" for number in range(40))}
    revisions = [row[0] for row in database.fetch("SELECT revision FROM log WHERE kind = 'live' ORDER BY revision")]
    assert len(revisions) == len(set(revisions))


def test_a_closed_one_refuses(database: Database) -> None:
    database.close()
    assert database.write_here(naming("a")) is None
    with pytest.raises(Closed):
        database.write(naming("a"))


def test_a_job_cannot_close_its_database(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    done = database.write_here(lambda tx: database.close())
    assert done is not None
    done.result()
    assert "by one of its own jobs" in caplog.text


def test_closing_waits_for_who_writes_here(tmp_path: Path) -> None:
    database = Database(tmp_path / "x.db", [THINGS])
    begun = threading.Event()

    def job(tx: Any) -> None:
        begun.set()
        time.sleep(0.2)
        naming("a")(tx)

    worker = threading.Thread(target=lambda: database.write_here(job))
    worker.start()
    begun.wait(5)
    database.close()
    worker.join()
    with Database(tmp_path / "x.db", [THINGS]) as again:
        assert again.clean
        assert names(again) == {"a"}


def test_what_breaks_in_from_outside_leaves_no_transaction_open(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyThreadState_SetAsyncExc raises anywhere, in any thread."""

    def broken(name: str) -> None:
        if name == "commit.written":
            raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr("holdfast.database.writer.reach", broken)
        with pytest.raises(SystemExit):
            database.write_here(naming("a"))
    again = database.write_here(naming("b")) or database.write(naming("b"))
    again.result(5)
    database.write(naming("c")).result(5)
    assert names(database) == {"b", "c"}


def test_a_full_disk_is_told_and_everything_goes_on_in_memory(tmp_path: Path) -> None:
    with Database(tmp_path / "x.db", [THINGS]) as database:
        assert database.write_here(naming("before")) is not None

        def job(tx: Any) -> None:
            naming("lost")(tx)
            raise apsw.FullError("FullError: database or disk is full")

        done = database.write_here(job)
        assert done is not None
        assert isinstance(done.exception(), Exception)
        again = database.write_here(naming("after")) or database.write(naming("after"))
        again.result()
        assert names(database) == {"before", "after"}


def test_the_log_is_cut_afterwards_though_the_thread_slept_before(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "STEP", 50)
    time.sleep(0.05)  # the thread has gone to sleep, for a minute
    here = 0
    for number in range(60):
        job = naming(f"n{number}" + "x" * 4000)
        if database.write_here(job) is None:  # the thread looks around just now
            database.write(job).result()
        else:
            here += 1
    assert here > 30
    assert os.path.getsize(database.path + "-wal")
    deadline = time.monotonic() + 10
    while os.path.getsize(database.path + "-wal") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert os.path.getsize(database.path + "-wal") == 0
