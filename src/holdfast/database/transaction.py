"""What a job does to the tables (the contract: home.Transaction)."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from typing import Any, Final

import msgspec

from holdfast.errors import Bug, Closed
from holdfast.model.field import Table

from .home import Columns, Row, Settler, Values
from .insertion import Insertion
from .load import load
from .seen import Seen
from .session import Session
from .statements import Statements, length_of, row_at
from .sweep import Sweep, delete_unseen

__all__ = ["NUMBERS", "Transaction"]

NUMBERS: Final = 64
"""Revisions that one job may take."""

_LOG = "INSERT INTO log(revision, n, time_ns, kind, target, author, message, details) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"


class Transaction:
    """One job's writing. It has a number from the start, and takes it when something that lasts changes.

    tables    names of those that changed.
    settlers  whom the writer tells what became of it.
    """

    __slots__ = ("_ended", "_lines", "_notes", "_number", "_passed", "_session", "_taken", "_targets", "settlers", "tables")

    def __init__(self, session: Session, number: int) -> None:
        self.tables: set[str] = set()
        self.settlers: list[Settler] = []
        self._session = session
        self._number = number
        self._passed = 0
        self._taken = False
        self._targets: set[str] = set()
        self._notes = 0
        self._lines: list[tuple[Any, ...]] = []
        self._ended = False

    # -- for the writer --------------------------------------------------------------------------------------------

    @property
    def taken(self) -> bool:
        """Has it taken its number?"""
        return self._taken

    @property
    def numbers(self) -> int:
        """How many it has taken."""
        return self._passed + self._taken

    def finish(self) -> None:
        """Log what has no entry yet: each revision has one, for its time and its targets."""
        if self._taken and not self._notes:
            self.note("live", target=next(iter(self._targets)) if len(self._targets) == 1 else None)
        if self._lines:
            self._write_lines()

    def another(self) -> None:
        self._check()
        if self._taken and not self._notes:
            self.finish()
        if self._taken:
            self._passed += 1
            if self._passed == NUMBERS:
                raise Bug(f"a job takes more than {NUMBERS} revisions")
            self._number += 1
        self._taken, self._notes = False, 0
        self._targets.clear()

    def end(self) -> None:
        """After this, using it raises Closed: it would write into somebody else's transaction."""
        self._ended = True

    # -- the contract ----------------------------------------------------------------------------------------------

    @property
    def revision(self) -> int:
        self._taken = True
        return self._number

    def put(self, table: Table, target: str, columns: Columns, values: Values) -> None:
        statements = self.statements(table)
        self.insert(statements, statements.put(columns), target, columns, values)

    def load(self, table: Table, target: str, batches: Iterable[tuple[Columns, Values]]) -> int:
        return load(self, table, target, batches)

    def delete(self, table: Table, target: str, columns: Columns, values: Values) -> list[Row]:
        statements = self.statements(table)
        plan = statements.delete(columns)
        count = length_of(columns, values)
        self._session.mark(self._number)
        connection = self._session.connection
        execute, changes = connection.execute, connection.changes
        missed = []
        # one by one: whether a row was there is known only then, and executemany would not be faster
        for place, key in enumerate(plan.keys(values, count)):
            execute(plan.sql, (target, *key))
            if not changes():
                missed.append(row_at(values, place))
        if len(missed) < count:
            self.changed(statements, target, lasting=True)
        return missed

    def replace(self, table: Table, target: str, keys: Sequence[Row], columns: Columns, values: Values) -> None:
        statements = self.statements(table)
        if length_of(columns, values) != len(keys):
            raise Bug(f"{len(keys)} keys of {table.name} for {length_of(columns, values)} rows")
        connection = self._session.connection
        for place, old in enumerate(keys):
            row = row_at(values, place)
            new = dict(zip(columns, row, strict=True))
            moved = tuple([name for name, one in zip(table.key, old, strict=True) if new.get(name) != one])
            plan = statements.exchange(columns, moved)
            connection.execute(plan.sql, (target, self._number, *old, *plan.values(row)))
            if connection.changes():
                self.changed(statements, target, lasting=True)
            else:
                self.insert(statements, statements.put(columns), target, columns, [[one] for one in row])

    def delete_where(self, table: Table, target: str, condition: str = "", args: Sequence[Any] = ()) -> int:
        statements = self.statements(table)
        sql = f"DELETE FROM {table.name} WHERE target = ? AND ({condition or 'true'})"
        return self.delete_rows(statements, target, sql, (target, *args))

    def sweep(self, table: Table, target: str) -> Sweep:
        return Sweep(self, self.statements(table), target)

    def seen(self) -> Seen:
        return Seen()

    def delete_unseen(
        self, table: Table, target: str, seen: Seen, spared: Container[Row], position: int, condition: str = "", args: Sequence[Any] = ()
    ) -> tuple[int, int | None]:
        return delete_unseen(self, self.statements(table), target, seen, spared, position, condition, args)

    def fetch(self, sql: str, args: Sequence[Any] = ()) -> list[Row]:
        self._check()
        if self._lines:
            self._write_lines()
        return self._session.fetch(sql, args)

    def change(self, name: str, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        self._check()
        connection = self._session.connection
        if len(rows) == 1:
            connection.execute(sql, rows[0])
        else:
            connection.executemany(sql, rows)
        self.tables.add(name)

    def note(
        self, kind: str, *, target: str | None = None, author: str | None = None, message: str | None = None, text: str = "", **details: Any
    ) -> int:
        self._check()
        if details:
            text = msgspec.json.encode(details).decode()
        now = self._session.stamp(self._number)
        self._lines.append((self.revision, self._notes, now, kind, target, author, message, text or None))
        self._notes += 1
        return now

    def _write_lines(self) -> None:
        """Those of all revisions of a job at once: 10 µs less for each."""
        lines, self._lines = self._lines, []
        self._session.connection.executemany(_LOG, lines)

    def settle(self, settler: Settler) -> None:
        self._check()
        self.settlers.append(settler)

    # -- for load and sweep ----------------------------------------------------------------------------------------

    @property
    def session(self) -> Session:
        self._check()
        return self._session

    @property
    def number(self) -> int:
        """The number, without taking it."""
        return self._number

    def statements(self, table: Table) -> Statements:
        self._check()
        return self._session.of(table)

    def insert(
        self, statements: Statements, plan: Insertion, target: str, columns: Columns, values: Values, *, lasting: bool = False
    ) -> int:
        """Run an insertion for all rows; returns how many were given. lasting: all of them are new."""
        count = length_of(columns, values)
        if count:
            connection = self._session.connection
            before = connection.total_changes()
            plan.run(connection, (target, self._number), values)
            if connection.total_changes() != before:
                self.changed(statements, target, lasting=lasting)
        return count

    def delete_rows(self, statements: Statements, target: str, sql: str, args: Row) -> int:
        """Run a DELETE of several rows; returns how many went."""
        self._session.mark(self._number)
        self._session.connection.execute(sql, args)
        gone = self._session.connection.changes()
        if gone:
            self.changed(statements, target, lasting=True)
        return gone

    def changed(self, statements: Statements, target: str, *, lasting: bool = False) -> None:
        """Remember that rows of a table changed. If it may be that only volatile fields did, look."""
        self.tables.add(statements.table.name)
        self._targets.add(target)
        if not self._taken and (lasting or not statements.volatile or self._session.fetch(statements.live_since, (target, self._number))):
            self._taken = True

    def _check(self) -> None:
        if self._ended:
            raise Closed("this transaction has ended: use it only inside the job that it was given to")
