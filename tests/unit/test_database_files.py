"""The file: who may have it, what it must be, how it is brought up to date, what is left when it is closed."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from holdfast.database import migrate, private
from holdfast.database.lock import Lock, holder_of
from holdfast.database.sqlite import Database, open_reader
from holdfast.errors import Busy, Closed, Compacted, Corrupt, NotFound, NotSupported, Unavailable
from holdfast.model import INTERFACES
from holdfast.model.field import TEXT, U32, Field, Table
from holdfast.testing.netns import without_rights
from holdfast.transactions.journal import UNFINISHED, note_intent, note_result, unfinished

THINGS = Table("things", "thing", "Things.", (Field("name", TEXT, default=""), Field("size", U32)), key=("name",), indexes=(("size",),))


def put(database: Database, name: str = "a", size: int = 1, table: Table = THINGS) -> int:
    database.write(lambda tx: tx.put(table, "here", ("name", "size"), [[name], [size]]), durable=True).result()
    return database.revision


# -- opening again -------------------------------------------------------------------------------------------------------


def test_a_file_has_its_rows_history_and_numbers_when_it_is_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "holdfast.db"
    with Database(path, [THINGS]) as database:
        assert database.previous_boot_id is None
        assert database.clean
        put(database)
        last = put(database, size=2)
        name = database.id
    assert sorted(os.listdir(tmp_path)) == ["holdfast.db", "holdfast.db.lock", "holdfast.db.seal"], "the log went into the file"
    with Database(path, [THINGS]) as database:
        assert (database.id, database.clean, database.previous_boot_id) == (name, True, database.boot_id)
        assert database.revision == last + 1, "opening is a revision of its own, right behind the last"
        assert database.fetch("SELECT name, size FROM things") == [("a", 2)]
        assert [change.op for change in database.changes("things", 1)] == ["put", "put"]
        assert [row[0] for row in database.fetch("SELECT kind FROM log ORDER BY revision")] == ["start", "live", "live", "start"]


def test_closing_is_idempotent_finishes_what_was_given_and_refuses_more(tmp_path: Path) -> None:
    database = Database(tmp_path / "x.db", [THINGS])
    futures = [database.write(lambda tx: tx.revision) for _ in range(50)]
    database.close()
    database.close()
    assert [future.result() for future in futures] == list(range(2, 52))
    with pytest.raises(Closed):
        database.write(lambda tx: None)


def test_a_database_that_is_dropped_is_closed(tmp_path: Path) -> None:
    database = Database(tmp_path / "x.db", [THINGS])
    put(database)
    del database
    with Database(tmp_path / "x.db", [THINGS]) as database:
        assert database.clean


def test_numbers_go_on_behind_the_reserved_block_and_what_was_lost_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with Database(path, [THINGS]) as database:
        last = put(database)
    plain = apsw.Connection(str(path))
    plain.execute("UPDATE meta SET value = 0 WHERE name = 'clean'; UPDATE meta SET value = 500 WHERE name = 'reserved'")
    plain.close()
    with Database(path, [THINGS]) as database:
        assert not database.clean
        assert database.revision == 501
        assert len(database.changes("things", 1)) == 1
        assert database.changes("things", last) == []
        with pytest.raises(Compacted, match=rf"revision 499 was lost when the system stopped: the file has none of {last + 1} to 500"):
            database.changes("things", 499)
        with pytest.raises(Compacted, match="revision 502 is not one of this database, which is at 501"):
            database.changes("things", 502)


# -- one process per file ------------------------------------------------------------------------------------------------


def test_a_second_process_is_told_who_has_the_file(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with Database(path, [THINGS]):
        with pytest.raises(Busy, match=rf"database {path} is held by process {os.getpid()} \(") as caught:
            Database(path, [THINGS])
        assert caught.value.details["pid"] == os.getpid()
        (tmp_path / "link.db").symlink_to(path)
        with pytest.raises(Busy):
            Database(tmp_path / "link.db", [THINGS])
        code = f"from holdfast.database.sqlite import Database; Database({str(path)!r})"
        other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert f"Busy: database {path} is held by process {os.getpid()}" in other.stderr
    Database(path, [THINGS]).close()


def test_the_lock_ends_with_its_holder_and_not_with_a_child(tmp_path: Path) -> None:
    path = str(tmp_path / "x.lock")
    assert holder_of(path) is None
    lock = Lock(path)
    child = os.fork()
    if not child:
        os.execvp("sleep", ["sleep", "30"])
    try:
        assert holder_of(path) == {"pid": os.getpid(), "command": holder_of(path)["command"]}  # type: ignore[index]
        lock.release()
        assert holder_of(path) is None
        Lock(path).release(remove=True)
        assert not os.path.exists(path)
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)


def test_a_place_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="No such file or directory"):
        Database(tmp_path / "missing" / "x.db", [THINGS])
    (tmp_path / "dir.db").mkdir()
    with pytest.raises(Unavailable):
        Database(tmp_path / "dir.db", [THINGS])
    Lock(str(tmp_path / "dir.db.lock")).release()  # a failed opening has let go of its lock


# -- in memory -----------------------------------------------------------------------------------------------------------


def test_in_memory_is_a_private_file_that_goes() -> None:
    with Database(tables=[THINGS]) as database:
        assert os.stat(database.path).st_mode & 0o777 == 0o600
        put(database)
        beside = [name for name in os.listdir(os.path.dirname(database.path)) if name.startswith(os.path.basename(database.path))]
        assert len(beside) == 4
    assert not [name for name in os.listdir(os.path.dirname(database.path)) if name in beside]


def test_what_a_killed_process_left_is_removed_and_what_lives_is_not(tmp_path: Path) -> None:
    living, held = private.make(str(tmp_path))
    dead, lock = private.make(str(tmp_path))
    Path(dead + "-wal").touch()
    lock.release()
    (tmp_path / "holdfast-mine.db.lock").touch()
    new, other = private.make(str(tmp_path))
    found = {str(tmp_path / name) for name in os.listdir(tmp_path)}
    assert found == {living, living + ".lock", new, new + ".lock", str(tmp_path / "holdfast-mine.db.lock")}
    private.remove(living, held)
    private.remove(new, other)


# -- reading beside ------------------------------------------------------------------------------------------------------


def test_another_process_can_read_while_one_writes(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with Database(path) as database, open_reader(str(path)) as reader:
        assert reader.id == database.id
        row = [[1], ["eth0"]]
        database.write(lambda tx: tx.put(INTERFACES, "here", ("ifindex", "ifname"), row)).result()
        assert reader.revision == database.revision
        assert reader.fetch("SELECT ifname FROM interfaces") == [("eth0",)]
        assert [change.row["ifname"] for change in reader.changes("interfaces", 1)] == ["eth0"]
    with open_reader(str(path)) as reader:
        assert reader.fetchone("SELECT ifname FROM interfaces") == ("eth0",)
    with pytest.raises(NotFound, match="no database"):
        open_reader(str(tmp_path / "none.db"))


_ONLY_READS = """
import sys
from holdfast.database.sqlite import Database, open_reader
from holdfast.errors import Denied

with open_reader(sys.argv[1]) as reader:
    print(reader.immutable, reader.fetchone("SELECT count(*) FROM interfaces"))
try:
    Database(sys.argv[1])
except Denied:
    print("Denied")
"""


def test_a_user_who_may_not_write_can_read(tmp_path: Path) -> None:
    """Root without capabilities is bound by the file's mode, like anybody. (In a user namespace there is no other user to become.)"""
    path = tmp_path / "x.db"
    with Database(path):
        pass
    for one in tmp_path.iterdir():
        one.chmod(0o444)
    tmp_path.chmod(0o555)
    try:
        argv = [sys.executable, "-c", _ONLY_READS, str(path)]
        argv = argv if os.geteuid() else without_rights(argv)
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
    finally:
        tmp_path.chmod(0o755)
    assert (done.stdout.splitlines(), done.stderr) == (["True (0,)", "Denied"], "")


# -- what a file must be -------------------------------------------------------------------------------------------------


def test_files_that_are_not_ours_are_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    foreign = apsw.Connection(str(path))
    foreign.execute("CREATE TABLE t(a); INSERT INTO t VALUES (1)")
    foreign.close()
    before = path.read_bytes()
    with pytest.raises(Corrupt, match="an SQLite file, but not one of Holdfast"):
        Database(path, [THINGS])
    with pytest.raises(Corrupt):
        open_reader(str(path))
    assert path.read_bytes() == before
    path.write_bytes(b"Dear diary, " * 500)
    with pytest.raises(Corrupt, match=r"not a database .*; move the file away"):
        Database(path, [THINGS])
    path.write_bytes(b"")
    Database(path, [THINGS]).close()


def damage_cut(path: Path) -> None:
    os.truncate(path, os.path.getsize(path) // 2)


def damage_schema(path: Path) -> None:
    with open(path, "r+b") as file:
        file.seek(100)
        file.write(b"\xa5" * 3000)


@pytest.mark.parametrize("damage", [damage_cut, damage_schema])
def test_a_damaged_file_is_said_to_be_one(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    path = tmp_path / "x.db"
    with Database(path, [THINGS]) as database:
        names = [f"n{place}" for place in range(5000)]
        database.write(lambda tx: tx.put(THINGS, "here", ("name",), [names])).result()
    damage(path)
    with pytest.raises(Corrupt, match=r"the file is damaged .*; move the file away, with its -wal and -shm, and start again"):
        Database(path, [THINGS])


def test_damage_that_is_met_later_fails_the_job_and_the_query(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    names = [f"n{place}" for place in range(20000)]
    with Database(path, [THINGS]) as database:
        database.write(lambda tx: tx.put(THINGS, "here", ("name",), [names])).result()
    pages = os.path.getsize(path) // 4096
    with open(path, "r+b") as file:  # behind the schema: rows and indexes
        file.seek(4096 * (pages // 2))
        file.write(b"\xa5" * 4096 * (pages // 3))
    with Database(path, [THINGS]) as database:
        with pytest.raises(Corrupt, match="move the file away"):
            database.fetch("SELECT count(size), count(name) FROM things NOT INDEXED")
        with pytest.raises(Corrupt):
            database.write(lambda tx: tx.put(THINGS, "here", ("name", "size"), [names, [3] * len(names)])).result()
        assert database.write(lambda tx: 7).result() == 7


def test_a_newer_files_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    Database(path, [THINGS]).close()
    plain = apsw.Connection(str(path))
    plain.execute("PRAGMA user_version = 9")
    plain.close()
    known = f"this one knows schemas up to {migrate.VERSION}; use the newer version"
    with pytest.raises(NotSupported, match=rf"newer Holdfast \(schema 9\), {known}"):
        Database(path, [THINGS])
    with pytest.raises(NotSupported):
        open_reader(str(path))


def test_a_file_from_before_the_tree_gets_its_tables(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    Database(path, [THINGS]).close()
    plain = apsw.Connection(str(path))
    later = "type = 'table' AND (name LIKE 'tree%' OR name = 'open_intents')"
    for (name,) in plain.execute(f"SELECT name FROM sqlite_schema WHERE {later}").fetchall():
        plain.execute(f"DROP TABLE {name}")
    plain.execute("CREATE INDEX log_time ON log(time_ns); PRAGMA user_version = 1")
    plain.close()
    with Database(path, [THINGS]) as database:
        assert database.fetch("SELECT count(*) FROM tree") == [(0,)]
        assert not database.fetch("SELECT 1 FROM sqlite_schema WHERE name = 'log_time'"), "a page more in every commit, and nobody asks it"
        assert database.fetch("PRAGMA user_version") == [(migrate.VERSION,)]


def test_transactions_without_an_end_are_found_in_a_file_that_was_not_asked_for_them(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with Database(path, [THINGS]) as database:
        left = database.write(lambda tx: note_intent(tx, "boot", ["add it"], 1, [], "anna", "half")).result()
        for result in ({}, {"result": "done"}):
            intent = database.write(lambda tx, more=result: note_intent(tx, "boot", ["add it"], 1, [], "anna", "whole", **more)).result()
            database.write(lambda tx, intent=intent: note_result(tx, intent, "done")).result()
        assert [(one.intent, one.message) for one in unfinished(database)] == [(left, "half")]
    plain = apsw.Connection(str(path))
    plain.execute("DROP TABLE open_intents; PRAGMA user_version = 2")
    plain.close()
    with Database(path, [THINGS]) as database:
        assert [(one.intent, one.message, one.told) for one in unfinished(database)] == [(left, "half", ("add it",))]
        for statement in plan_of(database, UNFINISHED):
            assert "SCAN log" not in statement, "the log is searched"
        database.write(lambda tx: note_result(tx, left, "undone")).result()
        assert unfinished(database) == []


def plan_of(database: Database, sql: str) -> list[str]:
    return [row[3] for row in database.fetch(f"EXPLAIN QUERY PLAN {sql}")]


def test_migrations_run_one_after_the_other_or_not_at_all() -> None:
    connection = apsw.Connection(":memory:")
    migrate.upgrade(connection, "x", 0)
    assert migrate.examine(connection, "x") == migrate.VERSION == connection.pragma("user_version")
    steps: list[int] = []
    migrations = {1: lambda connection: steps.append(1), 2: lambda connection: steps.append(2)}
    migrate.upgrade(connection, "x", 1, 3, migrations)
    assert steps == [1, 2]
    assert connection.pragma("user_version") == 3
    with pytest.raises(NotSupported, match="schema 3 is too old"):
        migrate.upgrade(connection, "x", 3, 5, migrations)


# -- another model -------------------------------------------------------------------------------------------------------


def schema(database: Database) -> list[Any]:
    return database.fetch("SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY 1, 2")


def test_a_model_with_more_fields_and_other_indexes_is_taken_on(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with Database(path, [THINGS]) as database:
        put(database)
        put(database, size=2)
        put(database, "b")
    fields = (*THINGS.fields, Field("colour", TEXT, default="red"), Field("age", U32))
    grown = dataclasses.replace(THINGS, fields=fields, indexes=(("colour",),))
    more = dataclasses.replace(THINGS, name="more", noun="more")
    for _ in range(2):
        with Database(path, [grown, more]) as database:
            rows = database.fetch("SELECT name, size, colour, age FROM things ORDER BY name")
            assert rows == [("a", 2, "red", None), ("b", 1, "red", None)]
            assert database.fetch("SELECT count(*) FROM things_history") == [(1,)]
            assert [name for _, name, _ in schema(database) if "_by_" in name] == ["more_by_size", "things_by_colour"]
            put(database, "a", 2, grown)
            assert len(database.fetch("SELECT * FROM things_history")) == 1, "the new columns have their defaults: nothing changed"


def test_rows_under_another_key_end_and_are_told_anew(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with Database(path, [THINGS]) as database:
        put(database, "a", 1)
        last = put(database, "b", 1)
    other = dataclasses.replace(THINGS, key=("size",))
    with Database(path, [other]) as database:
        assert database.fetch("SELECT * FROM things") == []
        assert [(change.op, change.row["name"]) for change in database.changes("things", last)] == [("delete", "a"), ("delete", "b")]
        put(database, "a", 1, other)
        put(database, "b", 1, other)
        assert database.fetch("SELECT name, size FROM things") == [("b", 1)]


def test_no_table_of_the_model_has_a_constraint_that_would_slow_its_triggers(tmp_path: Path) -> None:
    with Database(tmp_path / "x.db") as database:
        for kind, name, sql in schema(database):
            ours = name in ("log", "meta", "open_intents") or name.startswith("tree")
            assert kind != "table" or ours or not re.search(r"NOT NULL|CHECK|UNIQUE|PRIMARY", sql), sql
    plain = apsw.Connection(str(tmp_path / "x.db"))
    assert (plain.pragma("journal_mode"), plain.pragma("auto_vacuum")) == ("wal", 2)
    plain.close()


def test_a_stranger_s_file_with_our_name_stops_nobody(tmp_path):
    """The folder of private files is everybody's: whatever lies there, opening goes on, and what is not ours is left alone."""
    number = os.getuid()
    folder = tmp_path / f"holdfast-{number}-{'a' * 16}.db.lock"
    folder.mkdir()
    link = tmp_path / f"holdfast-{number}-{'b' * 16}.db.lock"
    link.symlink_to(tmp_path / "precious")
    (tmp_path / "precious").write_text("kept")
    path, lock = private.make(str(tmp_path))
    private.remove(path, lock)
    assert folder.is_dir()
    assert link.is_symlink()
    assert (tmp_path / "precious").read_text() == "kept"
