"""Whatever jobs do to a table: what is live, what was at any revision, and what changed since then agree with a plain dictionary."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from holdfast.database.home import Transaction
from holdfast.database.sqlite import Database
from holdfast.model.field import TEXT, U32, Field, Packed, Table

THINGS = Table(
    name="things",
    noun="thing",
    doc="A table with everything that matters here: NULL in the key, defaults, JSON, a volatile field.",
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
LASTING = ("size", "tags")

Key = tuple[str, str, int | None]
State = dict[Key, dict[str, Any]]

names = st.sampled_from(["a", "b", "c"])
zones = st.sampled_from([None, 0, 1])
rows = st.fixed_dictionaries(
    {"name": names, "zone": zones},
    optional={
        "size": st.sampled_from([None, 0, 7, 8]),
        "tags": st.sampled_from([None, [], ["x"], {"b": 1, "a": [2]}, {"a": [2], "b": 1}]),
        "age": st.sampled_from([None, 1, 2]),
    },
)
targets = st.sampled_from(["here", "there"])


def batches(some: list[dict[str, Any]]) -> Iterator[tuple[tuple[str, ...], list[list[Any]]]]:
    """Rows as runs with equal columns, as the codec hands them over."""
    start = 0
    while start < len(some):
        columns = tuple(some[start])
        stop = start
        while stop < len(some) and tuple(some[stop]) == columns:
            stop += 1
        yield columns, [[row[name] for row in some[start:stop]] for name in columns]
        start = stop


@dataclass
class Model:
    """The tables as a dictionary, and what they were at each revision."""

    live: State = field(default_factory=dict)
    past: dict[int, State] = field(default_factory=dict)

    def put(self, target: str, row: dict[str, Any]) -> None:
        whole = {"size": row.get("size"), "tags": row.get("tags"), "age": row.get("age")}
        whole["size"] = 7 if whole["size"] is None else whole["size"]
        self.live[target, row["name"], row["zone"]] = whole

    def keep(self, revision: int) -> None:
        self.past[revision] = lasting(self.live)


def lasting(state: State) -> State:
    return {key: {name: row[name] for name in LASTING} for key, row in state.items()}


put = st.tuples(st.just("put"), targets, st.lists(rows, min_size=1, max_size=5))
delete = st.tuples(st.just("delete"), targets, st.lists(st.tuples(names, zones), min_size=1, max_size=4, unique=True))
delete_where = st.tuples(st.just("where"), targets, st.integers(0, 8))
sweep = st.tuples(st.just("sweep"), targets, st.tuples(names, st.lists(rows, max_size=5)))
load = st.tuples(st.just("load"), targets, st.lists(rows, max_size=5))
fail = st.tuples(st.just("fail"), targets, st.lists(rows, min_size=1, max_size=3))
operations = st.one_of(put, put, delete, delete_where, sweep, load)
jobs = st.lists(st.lists(operations, min_size=1, max_size=3) | st.tuples(fail), min_size=1, max_size=12)


class Refusal(Exception):
    pass


def run(tx: Transaction, kind: str, target: str, what: Any, model: Model) -> None:
    """One operation, on the database and on the model; their answers agree."""
    match kind:
        case "put" | "load" | "fail":
            if kind == "load":
                assert tx.load(THINGS, target, batches(what)) == len(what)
            else:
                for columns, values in batches(what):
                    tx.put(THINGS, target, columns, values)
            if kind == "fail":
                raise Refusal
            for row in what:
                model.put(target, row)
        case "delete":
            values = [[zone for _, zone in what], [0] * len(what), [name for name, _ in what]]
            missed = tx.delete(THINGS, target, ("zone", "size", "name"), values)
            assert [(name, zone) for zone, _, name in missed] == [one for one in what if (target, *one) not in model.live]
            for one in what:
                model.live.pop((target, *one), None)
        case "where":
            gone = [key for key, row in model.live.items() if key[0] == target and row["size"] > what]
            assert tx.delete_where(THINGS, target, "size > ?", (what,)) == len(gone)
            for key in gone:
                del model.live[key]
        case "sweep":
            name, told = what
            before = dict(model.live)
            with tx.sweep(THINGS, target) as stage:
                for columns, values in batches(told):
                    stage.add(columns, values)
                swept = stage.finish("name = ?", (name,))
            keys = {(target, row["name"], row["zone"]) for row in told}
            gone = [key for key in model.live if key[:2] == (target, name) and key not in keys]
            for key in gone:
                del model.live[key]
            for row in told:
                model.put(target, row)
            assert swept.deleted == len(gone)
            assert swept.added == len(keys - set(before))


def live_rows(database: Database) -> State:
    found = database.fetch("SELECT target, name, zone, size, tags, age FROM things")
    return {row[:3]: {"size": row[3], "tags": None if row[4] is None else json.loads(row[4]), "age": row[5]} for row in found}


def at(database: Database, revision: int) -> State:
    """The rows at a revision, in both ways to ask for them."""
    found = list(database.query("SELECT target, name, zone, size, tags FROM things", at=revision))
    assert found == list(database.query("SELECT target, name, zone, size, tags FROM things_at(?)", (revision,)))
    state = {row[:3]: {"size": row[3], "tags": None if row[4] is None else json.loads(row[4])} for row in found}
    assert len(state) == len(found), f"a key twice at revision {revision}"
    return state


def replayed(database: Database, state: State, since: int, until: int | None = None) -> State:
    """A state with the changes after its revision; each must fit what is there."""
    last = since
    state = dict(state)
    for change in database.changes("things", since, until):
        assert change.revision >= last
        last = change.revision
        row = change.row
        key = (row["target"], row["name"], row["zone"])
        if change.op == "delete":
            assert state.pop(key) == {name: row[name] for name in LASTING}
            assert change.old is None
        else:
            assert state.get(key) == (None if change.old is None else {name: change.old[name] for name in LASTING})
            state[key] = {name: row[name] for name in LASTING}
            assert change.old is None or lasting({key: row}) != lasting({key: change.old}), "a change that changes nothing"
    return state


def differing(database: Database, first: int, second: int) -> dict[Key, tuple[Any, Any]]:
    """What the database says is different between two revisions: key to what was and what is."""
    with database.reader() as reader:
        changes = reader.differences("things", first, second)
    found: dict[Key, tuple[Any, Any]] = {}
    for change in changes:
        row, old = (None, change.row) if change.op == "delete" else (change.row, change.old)
        which = change.row["target"], change.row["name"], change.row["zone"]
        assert which not in found
        found[which] = tuple(one and {name: one[name] for name in LASTING} for one in (old, row))  # type: ignore[assignment]
    return found


def difference(one: State, other: State) -> dict[Key, tuple[Any, Any]]:
    return {key: (one.get(key), other.get(key)) for key in one.keys() | other.keys() if one.get(key) != other.get(key)}


@given(jobs)
def test_tables_history_and_changes_agree_with_a_dictionary(plan: list[list[tuple[str, str, Any]]]) -> None:
    with Database(tables=[THINGS]) as database:
        model = Model()
        model.keep(database.revision)
        for operations in plan:
            before, live = database.revision, dict(model.live)

            def job(tx: Transaction, operations: list[tuple[str, str, Any]] = operations) -> None:
                for kind, target, what in operations:
                    run(tx, kind, target, what, model)

            with contextlib.suppress(Refusal):
                database.write(job).result()
            assert live_rows(database) == model.live
            if lasting(model.live) != lasting(live):
                assert database.revision > before  # not always the next: a job that failed keeps its number
            elif database.revision == before:
                assert database.fetch("SELECT count(*) FROM things WHERE since > ?", (before,)) == [(0,)]
            else:
                # a row of several operations may end where it began; one alone, with each key once, may not
                kind, _, what = operations[0]
                keys = [(row["name"], row["zone"]) for row in what] if kind in ("put", "load") else []
                assert len(operations) > 1 or kind == "sweep" or len(set(keys)) < len(keys), "nothing changed, yet a revision was taken"
            model.keep(database.revision)
        assert database.fetch("SELECT count(*) FROM things_history WHERE since >= until") == [(0,)]
        for revision, state in model.past.items():
            assert at(database, revision) == state
            assert replayed(database, state, revision) == lasting(model.live)
            for until, later in model.past.items():
                if until > revision:
                    assert replayed(database, state, revision, until) == later
                    assert differing(database, revision, until) == difference(state, later)


@given(jobs)
def test_jobs_that_share_a_commit_are_as_good_as_alone(plan: list[list[tuple[str, str, Any]]]) -> None:
    with Database(tables=[THINGS]) as database:
        model = Model()
        futures = []

        def job(operations: list[tuple[str, str, Any]]) -> Callable[[Transaction], None]:
            def run_all(tx: Transaction) -> None:
                for kind, target, what in operations:
                    run(tx, kind, target, what, model)

            return run_all

        with paused(database):
            futures = [database.write(job(operations)) for operations in plan]
        for one in futures:
            with contextlib.suppress(Refusal):
                one.result()
        assert live_rows(database) == model.live
        assert replayed(database, {}, 0) == lasting(model.live)


@contextlib.contextmanager
def paused(database: Database) -> Iterator[None]:
    """Keep the writer busy, so that what is given meanwhile waits together."""
    gate = threading.Event()
    held = database.write(lambda tx: gate.wait(10))
    yield
    gate.set()
    held.result()
