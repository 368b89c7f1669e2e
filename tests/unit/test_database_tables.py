"""Rows going in: put, load, delete, sweep, their revisions and what they leave in the history."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from holdfast.database.home import Swept, Transaction
from holdfast.database.sqlite import Database
from holdfast.database.statements import Statements
from holdfast.errors import Bug, Closed, HoldfastError
from holdfast.model import ROUTES, RULES, TABLES
from holdfast.model.field import TEXT, U32, Field, Packed, Table

THINGS = Table(
    name="things",
    noun="thing",
    doc="Things.",
    fields=(
        Field("name", TEXT, default=""),
        Field("zone", U32),
        Field("size", U32, default=7),
        Field("tags", Packed("tags")),
        Field("age", U32, volatile=True),
    ),
    key=("name", "zone"),
    indexes=(("size",),),
)
OTHERS = Table("others", "other", "Nothing of it is volatile.", (Field("name", TEXT, default=""), Field("size", U32)), key=("name",))
ALL = ("name", "zone", "size", "tags", "age")


@pytest.fixture
def database() -> Iterator[Database]:
    with Database(tables=[THINGS, OTHERS]) as opened:
        yield opened


def put(database: Database, *rows: tuple[Any, ...], columns: tuple[str, ...] = ALL, target: str = "here") -> None:
    database.write(lambda tx: tx.put(THINGS, target, columns, list(zip(*rows, strict=True)))).result()


def things(database: Database, columns: str = "name, zone, size, tags, age, since") -> list[tuple[Any, ...]]:
    return database.fetch(f"SELECT {columns} FROM things ORDER BY name, zone")


def past(database: Database) -> list[tuple[Any, ...]]:
    return database.fetch("SELECT name, zone, size, age, since, until FROM things_history ORDER BY until, name")


# -- put -----------------------------------------------------------------------------------------------------------------


def test_absent_columns_and_none_become_null_or_the_default(database: Database) -> None:
    put(database, ("a",), ("b",), columns=("name",))
    put(database, ("c", None, None), columns=("name", "zone", "size"))
    assert things(database, "name, zone, size, tags, age") == [(name, None, 7, None, None) for name in "abc"]


def test_an_absent_column_of_a_row_that_is_there_is_reset(database: Database) -> None:
    put(database, ("a", 1, 9, ["x"], 3))
    put(database, ("a", 1), columns=("name", "zone"))
    assert things(database, "name, zone, size, tags, age") == [("a", 1, 7, None, None)]


def test_an_equal_row_is_not_written_and_takes_no_revision(database: Database) -> None:
    put(database, ("a", None, 1, {"x": 1, "y": 2}, 5))
    before = database.revision, things(database)
    called = []
    database.on_commit(lambda revision, tables: called.append(revision))
    put(database, ("a", None, 1, {"y": 2, "x": 1}, 5))
    assert (database.revision, things(database)) == before
    assert past(database) == []
    assert called == []


def test_a_volatile_change_is_made_in_place_without_history_or_revision(database: Database) -> None:
    put(database, ("a", None, 1, None, 5))
    before = database.revision
    called = []
    database.on_commit(lambda revision, tables: called.append((revision, tables)))
    put(database, ("a", None, 1, None, 6))
    assert things(database) == [("a", None, 1, None, 6, before)]
    assert past(database) == []
    assert called == [(before, frozenset({"things"}))]


def test_a_lasting_change_moves_the_old_row_to_the_history(database: Database) -> None:
    put(database, ("a", None, 1, None, 5))
    born = database.revision
    put(database, ("a", None, 2, None, 6))
    assert database.revision == born + 1
    assert things(database) == [("a", None, 2, None, 6, born + 1)]
    assert past(database) == [("a", None, 1, 5, born, born + 1)]


def test_null_in_the_key_is_a_value_of_its_own(database: Database) -> None:
    put(database, ("a", None, 1, None, None), ("a", 0, 2, None, None))
    put(database, ("a", None, 3, None, None))
    assert things(database, "zone, size") == [(None, 3), (0, 2)]


def test_targets_are_apart(database: Database) -> None:
    put(database, ("a", None, 1, None, None), target="here")
    put(database, ("a", None, 2, None, None), target="there")
    assert database.fetch("SELECT target, size FROM things ORDER BY target") == [("here", 1), ("there", 2)]


def test_of_one_key_twice_the_later_row_wins_and_nobody_saw_the_first(database: Database) -> None:
    put(database, ("a", None, 1, None, None), ("a", None, 2, None, None))
    assert things(database, "name, size") == [("a", 2)]
    assert past(database) == []


def test_json_is_stored_with_members_in_order_and_booleans_as_numbers(database: Database) -> None:
    put(database, ("a", True, 1, {"b": [1, {"d": None, "c": "ü"}], "a": False}, None))
    assert things(database, "zone, tags") == [(1, '{"a":false,"b":[1,{"c":"ü","d":null}]}')]


@pytest.mark.parametrize("way", ["put", "load", "sweep"])
@pytest.mark.parametrize("count", [127, 128, 129, 131, 1000, 2600])
@pytest.mark.parametrize("varied", [(), ("zone",), ("size", "tags"), ("zone", "size", "tags", "age")])
def test_rows_that_go_in_blocks_are_all_there_as_told(database: Database, way: str, count: int, varied: tuple[str, ...]) -> None:
    """Columns that are the same in all rows are bound once, also where only the ends are the same, or all is None or JSON."""
    values: dict[str, list[Any]] = {"name": [f"n{place:05}" for place in range(count)]}
    values["zone"] = [(None, 5, 0)[place * place % 3] if "zone" in varied else None for place in range(count)]
    values["size"] = [1 if place in {0, count - 1} else place if place % 2 else None for place in range(count)]
    values["tags"] = [{"b": place, "a": [None]} if "tags" in varied else {"b": 1, "a": 2} for place in range(count)]
    values["age"] = [place if "age" in varied else 3 for place in range(count)]
    if "size" not in varied:
        values["size"] = [4] * count
    columns = tuple(values[name] for name in ALL)

    def write(tx: Transaction) -> None:
        if way == "put":
            tx.put(THINGS, "here", ALL, columns)
        elif way == "load":
            assert tx.load(THINGS, "here", [(ALL, columns)]) == count
        else:
            with tx.sweep(THINGS, "here") as stage:
                stage.add(ALL, columns)
                assert stage.finish() == Swept(added=count)

    database.write(write).result()
    expected = [
        (name, zone, 7 if size is None else size, json.dumps(tags, sort_keys=True, separators=(",", ":")), age, database.revision)
        for name, zone, size, tags, age in zip(*columns, strict=True)
    ]
    assert database.fetch("SELECT name, zone, size, tags, age, since FROM things ORDER BY name") == expected


@pytest.mark.parametrize("varied", [0, 10, 99], ids="{}-varied".format)
@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_no_block_of_rows_is_longer_than_what_apsw_keeps(table: Table, varied: int) -> None:
    """A statement of more than 16 KiB it prepares anew each time that it is run."""
    ran: list[tuple[str, int]] = []

    class Recorder:
        def executemany(self, sql: str, rows: Any) -> None:
            ran.append((sql, len(list(rows))))

    count = 500
    values = [[place if at < varied else 0 for place in range(count)] for at, _ in enumerate(table.columns)]
    for insertion in (Statements(table).insert(table.columns), Statements(table).put(table.columns)):
        ran.clear()
        insertion.run(Recorder(), ("here", 1), values)  # type: ignore[arg-type]
        assert sum(sql.count("),(") * times + times for sql, times in ran) == count
        assert max(len(sql.encode()) for sql, _ in ran) < 16 << 10
        assert sum(times for _, times in ran) < count, "some in blocks"


def test_wrong_columns_are_a_bug_and_write_nothing(database: Database) -> None:
    for columns, values in (
        (("name", "colour"), [["a"], ["red"]]),
        (("name", "name"), [["a"], ["b"]]),
        (("name", "size"), [["a", "b"], [1]]),
        (("name", "size"), [["a"]]),
    ):
        with pytest.raises(Bug):
            database.write(lambda tx, columns=columns, values=values: tx.put(THINGS, "here", columns, values)).result()
    with pytest.raises(Bug, match="no table routes"):
        database.write(lambda tx: tx.put(ROUTES, "here", ("dst",), [["10.0.0.0"]])).result()
    assert things(database) == []


def test_no_rows_are_no_change(database: Database) -> None:
    before = database.revision
    database.write(lambda tx: tx.put(THINGS, "here", ("name",), [[]])).result()
    database.write(lambda tx: tx.delete(THINGS, "here", ("name",), [[]])).result()
    assert database.revision == before


# -- delete --------------------------------------------------------------------------------------------------------------


def test_delete_goes_by_key_and_returns_the_rows_that_were_not_there(database: Database) -> None:
    put(database, ("a", None, 1, None, None), ("a", 1, 2, None, None), ("b", None, 3, None, None))
    born = database.revision
    missed = database.write(
        lambda tx: tx.delete(THINGS, "here", ("size", "name", "zone"), [[99, 98, 97], ["a", "a", "c"], [None, 2, None]])
    ).result()
    assert missed == [(98, "a", 2), (97, "c", None)]
    assert things(database, "name, zone") == [("a", 1), ("b", None)]
    assert past(database) == [("a", None, 1, None, born, born + 1)]


def test_delete_without_a_key_column_means_its_default(database: Database) -> None:
    put(database, ("a", None, 1, None, None), ("", None, 1, None, None))
    assert database.write(lambda tx: tx.delete(THINGS, "here", ("zone",), [[None]])).result() == []
    assert things(database, "name") == [("a",)]


def test_a_key_may_hold_json() -> None:
    columns, values = ("priority", "sport_range"), [[1, 1, 1], [None, {"start": 1, "end": 2}, {"start": 1, "end": 3}]]
    with Database(tables=[RULES]) as database:
        database.write(lambda tx: tx.put(RULES, "here", columns, values)).result()
        assert database.fetch("SELECT count(*) FROM rules") == [(3,)]
        gone = [[1, 1], [{"end": 2, "start": 1}, {"end": 9, "start": 1}]]
        assert database.write(lambda tx: tx.delete(RULES, "here", columns, gone)).result() == [(1, {"end": 9, "start": 1})]
        assert database.fetch("SELECT sport_range FROM rules ORDER BY 1") == [(None,), ('{"end":3,"start":1}',)]


def test_deleting_nothing_takes_no_revision(database: Database) -> None:
    before = database.revision
    assert database.write(lambda tx: tx.delete(THINGS, "here", ("name",), [["a"]])).result() == [("a",)]
    assert database.write(lambda tx: tx.delete_where(THINGS, "here", "size > ?", (0,))).result() == 0
    assert database.revision == before


# -- replace -------------------------------------------------------------------------------------------------------------


def test_replacing_is_deleting_and_putting(rng: random.Random) -> None:
    """The same rows and the same past, whatever of the key moves, wherever columns are missing, and if there was no row."""

    def taken_and_put(tx: Transaction, old: list[Any], columns: tuple[str, ...], values: list[Any]) -> None:
        tx.delete(THINGS, "here", THINGS.key, list(zip(*old, strict=True)))
        tx.put(THINGS, "here", columns, values)

    with Database(tables=[THINGS]) as one, Database(tables=[THINGS]) as other:
        for database in (one, other):
            put(database, *((name, zone, 1, None, None) for name in "abc" for zone in (None, 1)))
        for _ in range(60):
            keys = [*one.fetch("SELECT name, zone FROM things"), ("z", 9)]
            old = rng.sample(keys, 2)
            columns = rng.choice((ALL, ("size", "zone", "name"), ("name", "tags"), ("zone",)))
            made = {"name": "abcdef", "zone": (None, 1, 2), "size": range(9), "tags": (None, ["x"]), "age": range(9)}
            values = [rng.choices(made[name], k=len(old)) for name in columns]
            given = dict(zip(columns, values, strict=True))
            new = list(zip(given.get("name", ["", ""]), given.get("zone", [None, None]), strict=True))
            if len({*new, *keys}) < len(new) + len(keys):  # no row of another key may be in the way
                continue

            one.write(lambda tx, old=old, columns=columns, values=values: tx.replace(THINGS, "here", old, columns, values)).result()
            other.write(lambda tx, old=old, columns=columns, values=values: taken_and_put(tx, old, columns, values)).result()
            assert things(one) == things(other)
            assert past(one) == past(other)
        assert len(past(one)) > 9


def test_a_row_that_came_and_was_replaced_in_one_transaction_leaves_one(database: Database) -> None:
    def job(tx: Any) -> None:
        tx.put(THINGS, "here", ("name",), [["a"]])
        tx.replace(THINGS, "here", [("a", None)], ("name",), [["b"]])

    database.write(job).result()
    assert (things(database, "name"), past(database)) == ([("b",)], [])


def test_a_row_that_is_in_the_way_of_another_one_is_not_overwritten(database: Database) -> None:
    put(database, ("a", None, 1, None, None), ("b", None, 2, None, None))
    before = things(database)
    with pytest.raises(HoldfastError, match="UNIQUE"):
        database.write(lambda tx: tx.replace(THINGS, "here", [("a", None)], ("name",), [["b"]])).result()
    with pytest.raises(Bug, match="1 keys of things for 2 rows"):
        database.write(lambda tx: tx.replace(THINGS, "here", [("a", None)], ("name",), [["c", "d"]])).result()
    assert (things(database), past(database)) == (before, [])


def test_delete_where_keeps_to_its_target(database: Database) -> None:
    for target in ("here", "there"):
        put(database, ("a", None, 1, None, None), ("b", None, 2, None, None), target=target)
    assert database.write(lambda tx: tx.delete_where(THINGS, "here", "size = 1 OR size = 2")).result() == 2
    assert database.fetch("SELECT target, name FROM things ORDER BY name") == [("there", "a"), ("there", "b")]
    assert database.write(lambda tx: tx.delete_where(THINGS, "there")).result() == 2
    assert len(past(database)) == 4


def test_a_row_that_came_and_went_in_one_transaction_leaves_nothing(database: Database) -> None:
    def job(tx: Any) -> None:
        tx.put(THINGS, "here", ("name",), [["a"]])
        tx.delete(THINGS, "here", ("name",), [["a"]])

    database.write(job).result()
    assert things(database) == []
    assert past(database) == []


def test_the_mark_of_deletes_is_right_after_a_job_that_failed(database: Database) -> None:
    put(database, ("a", None, 1, None, None))

    def failing(tx: Any) -> None:
        tx.delete(THINGS, "here", ("name",), [["a"]])
        raise ValueError

    with pytest.raises(ValueError):
        database.write(failing).result()
    database.write(lambda tx: tx.delete(THINGS, "here", ("name",), [["a"]])).result()
    assert past(database)[-1][-1] == database.revision


# -- load ----------------------------------------------------------------------------------------------------------------


def many(count: int, start: int = 0, size: int = 1) -> tuple[tuple[str, ...], list[list[Any]]]:
    return ("name", "size"), [[f"n{place}" for place in range(start, start + count)], [size] * count]


def test_a_load_of_many_rows_leaves_the_table_as_puts_would(database: Database) -> None:
    indexes = database.fetch("SELECT name, sql FROM sqlite_schema WHERE type = 'index' ORDER BY name")
    given = database.write(lambda tx: tx.load(THINGS, "here", iter([many(10), ((), []), many(3000, 10), many(2000, 3010)]))).result()
    assert given == 5010
    assert database.fetch("SELECT count(*), count(DISTINCT name), min(since), max(since) FROM things") == [(5010, 5010, 2, 2)]
    assert database.fetch("SELECT name, sql FROM sqlite_schema WHERE type = 'index' ORDER BY name") == indexes
    assert database.fetch("PRAGMA quick_check") == [("ok",)]
    assert past(database) == []
    database.write(lambda tx: tx.put(THINGS, "here", *many(5010))).result()
    assert database.revision == 2


def test_a_dump_that_tells_a_row_twice_loads_the_later_one(database: Database) -> None:
    database.write(lambda tx: tx.load(THINGS, "here", [many(3000), many(5, 100, size=2)])).result()
    assert database.fetch("SELECT count(*), sum(size) FROM things") == [(3000, 3005)]
    assert past(database) == []


def test_loading_over_rows_that_are_there_is_putting(database: Database) -> None:
    database.write(lambda tx: tx.load(THINGS, "here", [many(2500)])).result()
    database.write(lambda tx: tx.load(THINGS, "there", [many(2500)])).result()
    database.write(lambda tx: tx.load(THINGS, "here", [many(3000, 2000, size=2)])).result()
    counts = database.fetch("SELECT target, count(*), sum(size) FROM things GROUP BY 1 ORDER BY 1")
    assert counts == [("here", 5000, 8000), ("there", 2500, 2500)]
    assert len(past(database)) == 500


def test_a_second_target_that_is_much_larger_loads_in_bulk_too(database: Database) -> None:
    put(database, ("a", None, 1, None, None))
    database.write(lambda tx: tx.load(THINGS, "there", [many(3000)])).result()
    assert database.fetch("SELECT count(*) FROM things INDEXED BY things_key WHERE name >= ''") == [(3001,)]


def test_a_load_that_fails_leaves_the_indexes(database: Database) -> None:
    def batches() -> Iterator[Any]:
        yield many(3000)
        raise ValueError("the source broke")

    with pytest.raises(ValueError):
        database.write(lambda tx: tx.load(THINGS, "here", batches())).result()
    put(database, ("a", None, 1, None, None), ("a", None, 2, None, None))
    assert things(database, "name, size") == [("a", 2)]


# -- sweep ---------------------------------------------------------------------------------------------------------------


def sweep(database: Database, rows: list[tuple[Any, ...]], condition: str = "", args: tuple[Any, ...] = ()) -> Swept:
    def job(tx: Any) -> Swept:
        with tx.sweep(THINGS, "here") as stage:
            for row in rows:
                stage.add(("name", "size"), [[row[0]], [row[1]]])
            return stage.finish(condition, args)

    return database.write(job).result()


def test_a_sweep_writes_only_what_differs(database: Database) -> None:
    put(database, ("kept", None, 1, None, None), ("changed", None, 1, None, None), ("gone", None, 1, None, None))
    put(database, ("gone", None, 1, None, None), target="there")
    before = database.revision
    assert sweep(database, [("kept", 1), ("changed", 2), ("new", 1)]) == Swept(added=1, changed=1, deleted=1)
    assert database.revision == before + 1
    rows = database.fetch("SELECT target, name, size, since > ? FROM things ORDER BY target, name", (before,))
    assert rows == [("here", "changed", 2, 1), ("here", "kept", 1, 0), ("here", "new", 1, 1), ("there", "gone", 1, 0)]
    assert [row[0] for row in past(database)] == ["changed", "gone"]


def test_a_sweep_that_finds_nothing_different_takes_no_revision(database: Database) -> None:
    put(database, ("a", None, 1, None, None))
    before = database.revision
    assert not sweep(database, [("a", 1)])
    assert database.revision == before


def test_a_sweep_deletes_inside_its_condition_only(database: Database) -> None:
    put(database, ("a", None, 1, None, None), ("b", None, 2, None, None), ("c", None, 2, None, None))
    assert sweep(database, [("b", 2)], "size = ?", (2,)) == Swept(deleted=1)
    assert things(database, "name") == [("a",), ("b",)]


def test_an_empty_sweep_empties(database: Database) -> None:
    put(database, ("a", None, 1, None, None))
    assert sweep(database, []) == Swept(deleted=1)


def test_sweeps_follow_each_other_and_do_not_nest(database: Database) -> None:
    def nested(tx: Any) -> None:
        with tx.sweep(THINGS, "here"), tx.sweep(THINGS, "there"):
            pass

    with pytest.raises(Bug, match="under way"):
        database.write(nested).result()
    assert sweep(database, [("a", 1)]) == Swept(added=1)
    assert sweep(database, [("a", 1), ("a", 2)]) == Swept(changed=1)


# -- transactions --------------------------------------------------------------------------------------------------------


def test_asking_for_the_revision_takes_it(database: Database) -> None:
    before = database.revision
    assert database.write(lambda tx: tx.revision).result() == before + 1
    assert database.revision == before + 1


def test_a_job_reads_what_it_wrote(database: Database) -> None:
    def job(tx: Any) -> Any:
        tx.put(THINGS, "here", ("name",), [["a"]])
        return tx.fetch("SELECT name FROM things WHERE target = ?", ("here",))

    assert database.write(job).result() == [("a",)]


def test_each_revision_has_its_line_in_the_log(database: Database) -> None:
    put(database, ("a", None, 1, None, None))

    def noted(tx: Any) -> None:
        tx.note("gap", target="here", author="me", message="some were lost", lost=3, tables=["things"])
        tx.note("live")
        tx.put(OTHERS, "here", ("name",), [["b"]])

    database.write(noted).result()
    log = database.fetch("SELECT revision, n, kind, target, author, message, details FROM log WHERE revision > 1")
    assert [(*row[:6], row[6] and json.loads(row[6])) for row in log] == [
        (2, 0, "live", "here", None, None, None),
        (3, 0, "gap", "here", "me", "some were lost", {"lost": 3, "tables": ["things"]}),
        (3, 1, "live", None, None, None, None),
    ]


def test_a_transaction_is_of_no_use_after_its_job(database: Database) -> None:
    kept: list[Any] = []
    database.write(kept.append).result()
    for use in (
        lambda tx: tx.put(THINGS, "here", ("name",), [["a"]]),
        lambda tx: tx.delete_where(THINGS, "here"),
        lambda tx: tx.fetch("SELECT 1"),
        lambda tx: tx.note("live"),
        lambda tx: tx.sweep(THINGS, "here"),
    ):
        with pytest.raises(Closed):
            use(kept[0])


def test_without_history_old_rows_are_not_kept() -> None:
    with Database(tables=[THINGS], history=False) as database:
        put(database, ("a", None, 1, None, None))
        put(database, ("a", None, 2, None, 3))
        put(database, ("a", None, 2, None, 4))
        assert database.revision == 3
        assert database.write(lambda tx: tx.delete(THINGS, "here", ("name",), [["a"]])).result() == []
        assert sweep(database, [("b", 1)]) == Swept(added=1)
        assert past(database) == []


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_every_table_of_the_model_takes_and_gives_back_a_row(table: Table) -> None:
    columns, values = table.columns, [[field.default] for field in table.fields]
    with Database() as database:
        database.write(lambda tx: tx.put(table, "here", columns, values)).result()
        assert database.fetch(f"SELECT count(*) FROM {table.name} INDEXED BY {table.name}_key WHERE target = 'here'") == [(1,)]
        assert [change.op for change in database.changes(table.name, 1)] == ["put"]
        assert database.write(lambda tx: tx.delete(table, "here", columns, values)).result() == []
        assert [change.op for change in database.changes(table.name, 1)] == ["put", "delete"]
