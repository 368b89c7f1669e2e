"""SQL that users write: it reads, is bounded, and its errors say what is wrong. And reading in general."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from holdfast.database import readers
from holdfast.database.migrate import VERSION
from holdfast.database.readers import Readers
from holdfast.database.sqlite import Database
from holdfast.errors import Closed, QueryError
from holdfast.model import INTERFACES, ROUTES

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT {} FROM n"


@pytest.fixture
def database() -> Iterator[Database]:
    with Database(tables=[ROUTES, INTERFACES]) as opened:
        names = [f"eth{place}" for place in range(1000)]
        opened.write(lambda tx: tx.put(INTERFACES, "here", ("ifindex", "ifname"), [list(range(1000)), names])).result()
        yield opened


def refused(database: Database, sql: str, *args: object) -> QueryError:
    with pytest.raises(QueryError) as caught:
        list(database.query(sql, args))
    assert caught.value.details["sql"] == sql if caught.value.details else True
    return caught.value


def test_a_result_has_columns_and_rows(database: Database) -> None:
    with database.query("SELECT ifindex AS number, ifname FROM interfaces WHERE ifindex < ? ORDER BY 1", (2,)) as result:
        assert result.columns == ("number", "ifname")
        assert list(result) == [(0, "eth0"), (1, "eth1")]
    assert not result.truncated
    assert database.query("SELECT 1 AS one WHERE 0").columns == ("one",)
    assert list(database.query("EXPLAIN QUERY PLAN SELECT 1"))
    assert list(database.query("SELECT 1; -- and that was it")) == [(1,)]


def test_a_limit_cuts_and_says_so(database: Database) -> None:
    for limit, got, truncated in ((0, 0, True), (300, 300, True), (1000, 1000, False), (1001, 1000, False)):
        result = database.query("SELECT * FROM interfaces", limit=limit)
        assert (len(list(result)), result.truncated) == (got, truncated)


def test_an_abandoned_result_gives_its_connection_back(database: Database) -> None:
    for _ in range(50):
        with database.query("SELECT * FROM interfaces") as result:
            next(result)
    assert len(database._readers._all) == 1
    assert not database._readers._answers


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        ("DELETE FROM interfaces", "DELETE interfaces"),
        ("UPDATE interfaces SET mtu = 1", "UPDATE interfaces"),
        ("INSERT INTO interfaces(ifindex) VALUES (1)", "INSERT interfaces"),
        ("DROP TABLE interfaces", "D"),
        ("CREATE TABLE t(a)", "INSERT"),
        ("CREATE TEMP TABLE t(a)", "INSERT"),
        ("ATTACH '/etc/passwd' AS p", "ATTACH"),
        ("BEGIN", "a transaction of its own"),
        ("SAVEPOINT s", "a savepoint"),
        ("ROLLBACK", "a transaction of its own"),
        ("VACUUM INTO '/tmp/copy.db'", "ATTACH"),
        ("REINDEX", "REINDEX"),
        ("PRAGMA journal_mode = DELETE", "PRAGMA journal_mode = DELETE"),
        ("PRAGMA user_version = 9", "PRAGMA user_version = 9"),
        ("PRAGMA writable_schema = 1", "PRAGMA writable_schema = 1"),
        ("PRAGMA wal_checkpoint", "PRAGMA wal_checkpoint"),
        ("SELECT load_extension('/lib/evil.so')", "load_extension()"),
    ],
)
def test_only_reading_is_allowed(database: Database, sql: str, what: str) -> None:
    error = refused(database, sql)
    assert error.message.startswith(f"refused: {what}")
    assert "only reading is allowed" in error.hint
    assert database.fetch("SELECT count(*) FROM interfaces") == [(1000,)]


def test_what_describes_the_schema_is_allowed(database: Database) -> None:
    assert ("ifname",) in list(database.query("SELECT name FROM pragma_table_info('interfaces')"))
    assert list(database.query("PRAGMA user_version")) == [(VERSION,)]
    assert list(database.query("PRAGMA table_info(log)"))


def test_a_wrong_name_is_answered_with_those_there_are(database: Database) -> None:
    error = refused(database, "SELECT * FROM interface")
    assert error.message == "no such table: interface"
    assert error.hint.startswith("did you mean `interfaces`? tables: interfaces, log, routes, ")
    error = refused(database, "SELECT ifnam FROM interfaces")
    assert error.message == "no such column: ifnam – at `ifnam FROM interfaces`"
    assert error.hint.startswith("did you mean `ifname`? columns of interfaces: target, ifindex, ifname")
    assert refused(database, "SELECT ip_contain('10.0.0.0/8', 1)").hint == "did you mean `ip_contains`?"


def test_what_is_not_one_statement_is_refused(database: Database) -> None:
    assert str(refused(database, "SELECT 1; SELECT 2")) == "expected one SQL statement, got several; run them one by one"
    assert str(refused(database, "-- nothing")) == "expected an SQL statement, got none"
    assert refused(database, "SELEC 1").message == 'near "SELEC": syntax error – at `SELEC 1`'
    assert "one argument for each ?" in str(refused(database, "SELECT ?"))
    assert "one argument for each ?" in str(refused(database, "SELECT 1", 2))


def test_an_endless_query_ends(database: Database) -> None:
    started = time.monotonic()
    with pytest.raises(QueryError, match=r"longer than 0\.1 s"):
        list(database.query(ENDLESS.format("count(*)"), timeout_s=0.1))
    with pytest.raises(QueryError, match=r"longer than 0\.1 s"):
        for _row in database.query(ENDLESS.format("i"), timeout_s=0.1):
            pass
    assert time.monotonic() - started < 2
    assert database.fetchone("SELECT 1") == (1,)


def test_time_between_rows_does_not_count(database: Database) -> None:
    result = database.query("SELECT * FROM interfaces", timeout_s=0.2)
    next(result)
    time.sleep(0.3)
    assert len(list(result)) == 999


def test_a_query_under_way_ends_when_the_database_closes(database: Database) -> None:
    caught: list[Exception] = []

    def read() -> None:
        try:
            list(database.query(ENDLESS.format("count(*)"), timeout_s=None))
        except Closed as error:
            caught.append(error)

    def fetch() -> None:
        try:
            database.fetch(ENDLESS.format("count(*)"))
        except Closed as error:
            caught.append(error)

    threads = [threading.Thread(target=each) for each in (read, fetch)]
    for thread in threads:
        thread.start()
    time.sleep(0.1)
    half_read = database.query("SELECT * FROM interfaces")
    next(half_read)
    database.close()
    for thread in threads:
        thread.join(5)
    assert len(caught) == 2
    with pytest.raises(Closed):
        list(half_read)
    for use in (lambda: database.fetch("SELECT 1"), lambda: database.query("SELECT 1"), lambda: database.changes("routes", 1)):
        with pytest.raises(Closed):
            use()


@pytest.mark.parametrize("way", ["fetch", "query", "changes"])
def test_what_begins_in_the_moment_of_close_ends_as_well(way: str, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has its connection and runs nothing yet when all that runs is interrupted."""
    taken, closed = threading.Event(), threading.Event()
    take = Readers._take

    def slowly(self: Readers) -> Any:
        one = take(self)
        taken.set()
        closed.wait(5)
        return one

    def begin() -> None:
        if way == "fetch":
            database.fetch(ENDLESS.format("count(*)"))
        elif way == "query":
            list(database.query(ENDLESS.format("count(*)"), timeout_s=30))
        else:
            with database.reader() as reader:
                reader.fetch(ENDLESS.format("count(*)"))

    monkeypatch.setattr(Readers, "_take", slowly)
    with ThreadPoolExecutor(1) as threads:
        beginning = threads.submit(begin)
        assert taken.wait(5)
        database.close()
        closed.set()
        with pytest.raises(Closed):
            beginning.result(5)


def test_a_query_that_holds_back_the_log_is_ended(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    result = database.query("SELECT * FROM interfaces")
    next(result)
    database._readers.relieve()
    next(result)  # not open for long yet
    monkeypatch.setattr(readers, "_LONG_S", 0.0)
    database._readers.relieve()
    with pytest.raises(QueryError, match="held back the database's log"):
        list(result)
    assert not database._readers._answers


def test_a_reader_sees_one_revision(database: Database) -> None:
    with database.reader() as reader:
        revision = reader.revision
        database.write(lambda tx: tx.put(INTERFACES, "here", ("ifindex", "ifname"), [[7], ["new"]])).result()
        assert reader.revision == revision
        assert reader.fetchone("SELECT ifname FROM interfaces WHERE ifindex = 7") == ("eth7",)
        assert reader.changes("interfaces", revision) == []
        assert reader.fetchone("SELECT 1 WHERE 0") is None
        with pytest.raises(QueryError, match="no such table"):
            reader.fetch("SELECT * FROM absent")
    assert database.revision == revision + 1
    assert database.fetchone("SELECT ifname FROM interfaces WHERE ifindex = 7") == ("new",)


def test_readers_and_the_writer_do_not_wait_for_each_other(database: Database) -> None:
    stop = threading.Event()
    faults: list[Exception] = []

    def read() -> None:
        while not stop.is_set():
            try:
                with database.reader() as reader:
                    assert reader.fetchone("SELECT count(DISTINCT mtu) FROM interfaces") in ((0,), (1,))
            except Exception as error:  # noqa: BLE001 - shown by the test
                faults.append(error)
                return

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for mtu in range(30):
        database.write(lambda tx, mtu=mtu: tx.put(INTERFACES, "here", ("ifindex", "mtu"), [list(range(1000)), [mtu] * 1000])).result()
    stop.set()
    for thread in threads:
        thread.join()
    assert faults == []


def test_usual_questions_use_their_indexes(database: Database) -> None:
    for sql, index in (
        ("SELECT * FROM interfaces WHERE target = 'here' AND ifname = 'eth0'", "interfaces_by_ifname"),
        ("SELECT * FROM interfaces WHERE target = 'here' AND ifindex = 3", "interfaces_key"),
        ("SELECT * FROM routes WHERE target = 'here' AND dst = '10.0.0.0' AND dst_len = 8 AND gateway IS NULL", "routes_key"),
        ("SELECT * FROM routes WHERE dst = '10.0.0.0'", "routes_key"),
        ("SELECT * FROM routes WHERE target = 'here' AND oif = 3", "routes_by_oif"),
        ("SELECT * FROM routes WHERE target = 'here'", "routes_since"),
        ("SELECT * FROM routes_history WHERE target = 'here' AND dst = '10.0.0.0' AND dst_len = 8 ORDER BY until", "routes_history_key"),
        ("SELECT since FROM routes_history WHERE until > 5", "routes_history_until"),
    ):
        plan = [row[3] for row in database.fetch(f"EXPLAIN QUERY PLAN {sql}")]
        assert len(plan) == 1 and f"{index} (" in plan[0], (sql, plan)


@pytest.mark.parametrize("value", [(1,), {}, object()], ids=["tuple", "dict", "object"])
def test_an_argument_that_sql_does_not_know_is_named(database: Database, value: object) -> None:
    error = refused(database, "SELECT ?, ?", 1, value)
    assert error.message == f"expected a number, text, bytes or None as argument 2, got {type(value).__name__}"
    assert database.fetch("SELECT 1") == [(1,)], "its connection was given back"
