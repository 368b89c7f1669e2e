"""Copies, and putting them back: nothing is taken for what it is not, nothing is lost on the way, no number means two things."""

from __future__ import annotations

import os
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from holdfast.database.backup import backup, restore
from holdfast.database.check import check, worst
from holdfast.database.sqlite import Database, open_reader
from holdfast.errors import AlreadyExists, Busy, Compacted, Corrupt, HoldfastError, NotFound, Unavailable
from holdfast.model import RULES


def put(database: Database, *priorities: int) -> None:
    values = [[2] * len(priorities), list(priorities)]
    database.write(lambda tx: tx.put(RULES, "here", ("family", "priority"), values)).result()


def priorities(path: Path | str) -> list[int]:
    with open_reader(str(path)) as reader:
        return [row[0] for row in reader.fetch("SELECT priority FROM rules ORDER BY priority")]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "node.db"
    with Database(path) as database:
        put(database, 1, 2)
        database.write(lambda tx: tx.delete_where(RULES, "here", "priority = 1")).result()
        put(database, 3)
    return path


def test_a_copy_beside_the_writer_is_whole_and_as_of_one_revision(tmp_path: Path) -> None:
    with Database(tmp_path / "node.db") as database:
        stop = threading.Event()

        def churn() -> None:
            number = 0
            while not stop.is_set():
                number += 2
                put(database, number, number + 1)  # two of one revision

        thread = threading.Thread(target=churn)
        thread.start()
        try:
            copies = [database.backup(str(tmp_path / f"copy{n}.db")) for n in range(3)]
        finally:
            stop.set()
            thread.join()
    names = {f"copy{n}.db{suffix}" for n in range(3) for suffix in ("", ".seal")} | {"node.db", "node.db.lock", "node.db.seal"}
    assert {one.name for one in tmp_path.iterdir()} == names
    assert [one.revision for one in copies] == sorted(one.revision for one in copies)
    for copied in copies:
        assert worst(check(copied.path)) is None
        there = priorities(copied.path)
        assert len(there) % 2 == 0, "half of a revision"


def test_a_copy_of_a_file_without_a_node(path: Path, tmp_path: Path) -> None:
    copied = backup(str(path), str(tmp_path / "copy.db"))
    assert priorities(copied.path) == [2, 3]
    with pytest.raises(AlreadyExists, match="goes to a new file"):
        backup(str(path), copied.path)
    with pytest.raises(NotFound):
        backup(str(tmp_path / "nothing.db"), str(tmp_path / "copy2.db"))
    with pytest.raises(Unavailable):
        backup(str(path), str(tmp_path / "no" / "such" / "place.db"))


def test_a_damaged_source_gives_no_copy(path: Path, tmp_path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[4096 * 3 : 4096 * 3 + 64] = os.urandom(64)
    path.write_bytes(data)
    with pytest.raises(Corrupt):
        backup(str(path), str(tmp_path / "copy.db"))
    assert not list(tmp_path.glob("copy.db*"))


def test_a_restored_database_goes_on_behind_all_numbers_and_is_another_one(path: Path, tmp_path: Path) -> None:
    copied = backup(str(path), str(tmp_path / "copy.db"))
    with Database(path) as database:
        put(database, 4)
        put(database, 5)
        later, id_before = database.revision, database.id
    restored = restore(copied.path, str(path))
    assert priorities(path) == [2, 3]
    assert (restored.id != id_before, restored.revision > later, restored.backup_revision) == (True, True, copied.revision)
    with Database(path) as database:
        assert database.id == restored.id
        for lost in range(copied.revision + 1, restored.revision):
            with pytest.raises(Compacted, match="was lost"):
                database.changes("rules", lost)
        assert database.changes("rules", copied.revision) == []
        put(database, 6)
        assert database.revision > later, "a number that was given before means something else now"
        [[said, details]] = database.fetch("SELECT message, details FROM log WHERE kind = 'restore'")
        assert f"after revision {copied.revision} is not here" in said
        assert id_before in details
    assert worst(check(str(path))) is None
    assert priorities(restored.aside) == [2, 3, 4, 5], "what was replaced is kept"


def test_restoring_where_nothing_is(path: Path, tmp_path: Path) -> None:
    restored = restore(str(path), str(tmp_path / "elsewhere.db"))
    assert restored.aside == ""
    assert priorities(tmp_path / "elsewhere.db") == [2, 3]


def test_a_file_that_somebody_has_is_not_replaced(path: Path, tmp_path: Path) -> None:
    copied = backup(str(path), str(tmp_path / "copy.db"))
    with Database(path) as database:
        put(database, 9)
        with pytest.raises(Busy, match="is held by process"):
            restore(copied.path, str(path))
        put(database, 10)
    assert priorities(path) == [2, 3, 9, 10]


def test_a_damaged_backup_changes_nothing(path: Path, tmp_path: Path) -> None:
    copied = backup(str(path), str(tmp_path / "copy.db"))
    data = bytearray(Path(copied.path).read_bytes())
    data[-5000] ^= 1
    Path(copied.path).write_bytes(data)
    before = path.read_bytes()
    with pytest.raises(Corrupt, match=r"the backup .* is not whole"):
        restore(copied.path, str(path))
    assert path.read_bytes() == before


def test_a_damaged_file_is_replaced_and_kept(path: Path, tmp_path: Path) -> None:
    copied = backup(str(path), str(tmp_path / "copy.db"))
    path.write_bytes(b"rubbish" * 1000)
    restored = restore(copied.path, str(path))
    assert Path(restored.aside).read_bytes() == b"rubbish" * 1000
    assert priorities(path) == [2, 3]


# ------------------------------------------------------------------------------------------------------------- check


def damage(path: Path, sql: str) -> None:
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(sql)
    connection.close()
    (path.parent / (path.name + ".seal")).unlink(missing_ok=True)


def test_a_whole_file_has_nothing_but_good_findings(path: Path) -> None:
    assert {one.level for one in check(str(path))} == {"ok"}


def test_beside_a_writer_only_the_bytes_are_not_compared(path: Path) -> None:
    with Database(path) as database:
        put(database, 7)
        levels = {one.about: one.level for one in check(str(path))}
    assert [about for about, level in levels.items() if level != "ok"] == ["bytes"]


@pytest.mark.parametrize(
    ("sql", "about", "said"),
    [
        ("UPDATE rules SET since = 99999", "rules", "begin at no revision there was"),
        ("UPDATE rules_history SET until = since", "rules", "end before they begin"),
        ("INSERT INTO rules_history SELECT * FROM rules_history", "rules", "overlap"),
        ("DELETE FROM log WHERE revision = (SELECT max(since) FROM rules)", "rules", "without a line in the log"),
        ("UPDATE meta SET value = 1 WHERE name = 'reserved'", "revisions", "numbers could be given twice"),
        ("INSERT INTO meta VALUES ('holes', '[[1, 2]]')", "revisions", "count as lost"),
        ("UPDATE meta SET value = 'me' WHERE name = 'id'", "identity", "no valid id"),
        ("UPDATE log SET details = '{'", "log", "cannot be what was written"),
        ("INSERT INTO routes(target, metrics, since) VALUES ('here', '{', 2)", "routes", "metrics is not JSON"),
        ("UPDATE meta SET value = 'of another version' WHERE name = 'model'", "model", "another version"),
        ("DROP TABLE fdb_history", "model", "without its history"),
    ],
)
def test_what_cannot_be_is_found(path: Path, sql: str, about: str, said: str) -> None:
    damage(path, sql)
    assert any(one.about == about and said in one.text and one.level != "ok" for one in check(str(path))), check(str(path))


def test_a_flipped_bit_is_found_wherever_it_is(path: Path, rng: Any) -> None:
    whole = path.read_bytes()
    places = {rng.randrange(len(whole) * 8) for _ in range(25)} | set(range(0, 100 * 8, 101))
    for place in sorted(places):
        data = bytearray(whole)
        data[place // 8] ^= 1 << (place % 8)
        path.write_bytes(data)
        assert worst(check(str(path))) is not None, f"bit {place} was flipped, and nobody noticed"


def test_without_a_seal_a_flipped_bit_is_found_or_said_to_be_unknowable(path: Path, rng: Any) -> None:
    (path.parent / "node.db.seal").unlink()
    whole = path.read_bytes()
    found = 0
    for place in sorted({rng.randrange(len(whole) * 8) for _ in range(20)} | set(range(0, 100 * 8, 97))):
        data = bytearray(whole)
        data[place // 8] ^= 1 << (place % 8)
        path.write_bytes(data)
        try:
            findings = check(str(path))
        except HoldfastError:
            found += 1
            continue
        assert any(one.about == "bytes" and one.level == "note" for one in findings)
        found += worst(findings) is not None
    assert found


def test_a_seal_is_broken_by_who_writes(path: Path) -> None:
    seal = path.parent / "node.db.seal"
    assert seal.exists()
    database = Database(path)
    assert not seal.exists()
    database.close()
    assert seal.exists()
