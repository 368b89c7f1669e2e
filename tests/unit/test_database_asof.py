"""The tables as they were: with `at`, and through `<table>_at(x)`; views over tables and route_lookup go along."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from holdfast.database import history
from holdfast.database.sqlite import Database, open_reader
from holdfast.errors import Compacted, InvalidValue, QueryError
from holdfast.model import INTERFACES, ROUTES

LINK = ("ifindex", "ifname", "kind", "kind_data", "mtu")
WAY = ("family", "dst", "dst_len", "table_id", "gateway", "oif")


@pytest.fixture
def database() -> Iterator[Database]:
    """Revision 2: eth0.5 and two routes. 3: another VLAN, another MTU. 4: the narrow route goes."""
    with Database() as opened:

        def first(tx: Any) -> None:
            tx.put(INTERFACES, "here", LINK, [[5], ["eth0.5"], ["vlan"], [{"vlan_id": 5}], [1500]])
            tx.put(ROUTES, "here", WAY, [[2, 2], ["10.0.0.0", "10.1.0.0"], [8, 16], [254, 254], ["192.0.2.1", "192.0.2.2"], [5, 5]])

        opened.write(first).result()
        opened.write(lambda tx: tx.put(INTERFACES, "here", LINK, [[5], ["eth0.5"], ["vlan"], [{"vlan_id": 6}], [1400]])).result()
        opened.write(lambda tx: tx.delete(ROUTES, "here", WAY, [[2], ["10.1.0.0"], [16], [254], ["192.0.2.2"], [5]])).result()
        assert opened.revision == 4
        yield opened


@pytest.mark.parametrize(
    ("sql", "answers"),
    [
        ("SELECT mtu FROM interfaces", {1: [], 2: [(1500,)], 3: [(1400,)], 4: [(1400,)]}),
        ("SELECT vlan_id, mtu FROM interfaces_vlan", {1: [], 2: [(5, 1500)], 3: [(6, 1400)]}),
        ("SELECT count(*) FROM route_hops", {1: [(0,)], 3: [(2,)], 4: [(1,)]}),
        ("SELECT gateway FROM route_lookup('10.1.2.3')", {1: [], 2: [("192.0.2.2",)], 4: [("192.0.2.1",)]}),
        ("SELECT mtu, count(*) FROM Interfaces JOIN routes ON oif = ifindex", {2: [(1500, 2)], 3: [(1400, 2)], 4: [(1400, 1)]}),
        ("SELECT mtu FROM main.interfaces", {2: [(1400,)]}),
        ("WITH x AS (SELECT * FROM routes) SELECT count(*) FROM x WHERE dst = '10.1.0.0'", {3: [(1,)], 4: [(0,)]}),
    ],
)  # fmt: skip
def test_at_a_revision_everything_is_as_it_was(database: Database, sql: str, answers: dict[int, list[Any]]) -> None:
    for revision, answer in answers.items():
        assert list(database.query(sql, at=revision)) == answer, revision
    assert list(database.query(sql)) == list(database.query(sql, at="now"))


def test_a_function_looks_at_two_points_at_once(database: Database) -> None:
    sql = "SELECT a.mtu, b.mtu FROM interfaces_at(?) a JOIN interfaces b USING (target, ifindex)"
    assert list(database.query(sql, (2,))) == [(1500, 1400)]
    gone = "SELECT a.dst FROM routes_at(3) a LEFT JOIN routes_at('now') b USING (target, dst, dst_len) WHERE b.dst IS NULL"
    assert list(database.query(gone)) == [("10.1.0.0",)]
    assert list(database.query("SELECT count(*) FROM routes_at(?) WHERE dst_len = 16 AND dst LIKE '10%'", ("r3",))) == [(1,)]
    assert list(database.query("SELECT * FROM interfaces_at(2)")) == list(database.query("SELECT * FROM interfaces", at=2))
    assert list(database.query("SELECT count(*) FROM routes_at(3) WHERE dst = '10.1.0.0' COLLATE ip")) == [(1,)]
    assert list(database.query("SELECT p.column1, (SELECT count(*) FROM routes_at(p.column1)) FROM (VALUES (1), (3), (4)) p")) == [
        (1, 0), (3, 2), (4, 1),
    ]  # fmt: skip


def test_a_function_has_the_columns_of_its_table(database: Database) -> None:
    for table in (ROUTES, INTERFACES):
        assert database.query(f"SELECT * FROM {table.name}_at(1)").columns == ("target", *table.columns, "since")


def test_a_function_without_a_point_says_so(database: Database) -> None:
    for sql in ("SELECT * FROM routes_at", "SELECT * FROM routes_at(NULL)"):
        with pytest.raises(InvalidValue, match=r"expected a point in time: routes_at\('10 minutes ago'\); a point in time is"):
            list(database.query(sql))
    with pytest.raises(InvalidValue, match="expected a point in time, got `soon`"):
        list(database.query("SELECT * FROM routes_at('soon')"))


def test_what_the_history_does_not_reach_back_to_is_said_table_by_table(database: Database) -> None:
    database.write(lambda tx: history.forget(tx.session.connection, "interfaces", 3, 10)).result()
    sentence = r"interfaces at revision 2 are asked for, and their history is kept from revision 3 \(\d{4}-.* on"
    for sql in ("SELECT 1 FROM interfaces", "SELECT 1 FROM interfaces_vlan"):
        with pytest.raises(Compacted, match=sentence) as caught:
            list(database.query(sql, at=2))
        assert caught.value.details["table"] == "interfaces" and caught.value.oldest == 3
    with pytest.raises(Compacted, match=sentence):
        list(database.query("SELECT 1 FROM interfaces_at(2)"))
    assert list(database.query("SELECT mtu FROM interfaces", at=3)) == [(1400,)]
    assert list(database.query("SELECT count(*) FROM routes", at=2)) == [(2,)]
    with pytest.raises(Compacted, match="revision 99 is not one of this database, which is at 4"):
        list(database.query("SELECT 1 FROM routes", at=99))


def test_a_query_of_the_past_is_guarded_and_bounded_as_any(database: Database) -> None:
    for sql in ("DELETE FROM routes", "CREATE TABLE x(y)", "DROP VIEW temp.routes", "PRAGMA temp_store = 1", "ATTACH ':memory:' AS x"):
        with pytest.raises(QueryError):
            list(database.query(sql, at=2))
    with pytest.raises(QueryError, match="took longer"):
        list(
            database.query(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n WHERE i < 0", at=2, timeout_s=0.05
            )
        )
    result = database.query("SELECT * FROM routes", at=2, limit=1)
    assert len(list(result)) == 1 and result.truncated
    with pytest.raises(InvalidValue):
        database.query("SELECT 1", at="soon")
    assert len(database._readers._all) <= 1, "connections of the past are closed, also those of queries that failed"


def test_a_row_that_came_and_went_between_is_in_neither(database: Database) -> None:
    database.write(lambda tx: tx.put(ROUTES, "here", WAY, [[2], ["10.9.0.0"], [16], [254], ["192.0.2.9"], [5]])).result()
    database.write(lambda tx: tx.delete(ROUTES, "here", WAY, [[2], ["10.9.0.0"], [16], [254], ["192.0.2.9"], [5]])).result()
    for revision, count in ((4, 0), (5, 1), (6, 0)):
        assert list(database.query("SELECT count(*) FROM routes WHERE dst = '10.9.0.0'", at=revision)) == [(count,)]


def test_another_process_reads_the_past_of_a_file(tmp_path: Any) -> None:
    with Database(tmp_path / "x.db") as database:
        for mtu in (1500, 1400):
            database.write(lambda tx, mtu=mtu: tx.put(INTERFACES, "here", LINK, [[5], ["a"], [None], [None], [mtu]])).result()
        with open_reader(str(tmp_path / "x.db")) as reader:
            assert list(reader.query("SELECT mtu FROM interfaces", at=2)) == [(1500,)]
            assert reader.moment(timedelta(0)) == reader.moment("now") == database.moment(3)
