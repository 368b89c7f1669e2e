"""Mark and sweep: what a dump told becomes what the table holds, and only the differences are written.

The rows are staged in a temporary table and compared there, in three statements: nothing is read into Python, and rows that
are as they were are not written. In steps, each a transaction, the stage holds a part of the rows at a time, and `Seen` keeps
which rows of the table they are until all have been told.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import TYPE_CHECKING, Any, Final, Self

from holdfast.errors import Bug

from .home import Columns, Row, Swept, Values
from .seen import Seen
from .statements import Statements, length_of

if TYPE_CHECKING:
    from .transaction import Transaction

__all__ = ["Sweep", "delete_unseen"]

_LOOKED_AT: Final = 10_000
"""Rows of the table, of any target, that one step of deleting looks at: 5 ms when none is to go."""
_GONE: Final = 1000
"""Rows that one step deletes at most: 15 ms with their history."""


class Sweep:
    """The contract: home.Stage. One at a time per table."""

    def __init__(self, tx: Transaction, statements: Statements, target: str) -> None:
        self._tx = tx
        self._statements = statements
        self._target = target
        self._session = tx.session
        name = statements.table.name
        if name in self._session.stages:
            raise Bug(f"a sweep of {name} is under way")
        self._session.connection.execute(statements.make_stage)
        self._session.stages.add(name)

    def add(self, columns: Columns, values: Values) -> None:
        if length_of(columns, values):
            self._statements.stage(columns).run(self._tx.session.connection, (), values)

    def finish(self, condition: str = "", args: Sequence[Any] = ()) -> Swept:
        tx, statements, target = self._tx, self._statements, self._target
        # deletes first: so a watch sees a thing go before it sees what took its place
        gone = tx.delete_rows(statements, target, statements.unstaged(condition), (target, *args, target))
        rows, now = self._counts()
        connection = tx.session.connection
        before = connection.total_changes()
        connection.execute(statements.merge_stage, (target, tx.number))
        if connection.total_changes() == before:
            return Swept(deleted=gone)
        tx.changed(statements, target)
        rows_then, now_then = self._counts()
        added = rows_then - rows
        return Swept(added, now_then - now - added, gone)

    def merge(self, seen: Seen) -> Swept:
        tx, statements, target = self._tx, self._statements, self._target
        connection = tx.session.connection
        before = self._staged()
        began, changes = self._began(), connection.total_changes()
        connection.execute(statements.merge_stage, (target, tx.number))
        if connection.total_changes() == changes:
            seen.add(before)
            return Swept()
        after = self._staged()
        seen.add(after)
        tx.changed(statements, target)
        added = len(after - before)
        return Swept(added, self._began() - began - added)

    def _staged(self) -> set[int]:
        """The rowids of the rows of the table that are staged."""
        return {row[0] for row in self._tx.fetch(self._statements.staged, (self._target,))}

    def _began(self) -> int:
        """How many of the target's rows began at this revision?"""
        return int(self._tx.fetch(self._statements.count_since, (self._target, self._tx.number))[0][0])

    def _counts(self) -> tuple[int, int]:
        """Rows of the target, and those of them that began at this revision."""
        return self._tx.fetch(self._statements.count, (self._target,))[0][0], self._began()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        name = self._statements.table.name
        if name in self._session.stages:
            self._session.stages.discard(name)
            self._session.connection.execute(f"DELETE FROM {self._statements.stage_name}")


def delete_unseen(
    tx: Transaction, statements: Statements, target: str, seen: Seen, spared: Container[Row], position: int,
    condition: str, args: Sequence[Any],
) -> tuple[int, int | None]:  # fmt: skip
    """The contract: home.Transaction.delete_unseen. A position is a rowid; the table is gone through in their order."""
    table, name = statements.table, statements.table.name
    last = tx.fetch(f"SELECT rowid FROM {name} WHERE rowid > ? ORDER BY rowid LIMIT 1 OFFSET {_LOOKED_AT - 1}", (position,))
    upper = last[0][0] if last else None
    within = "rowid > ? AND rowid <= ifnull(?, 9223372036854775807)"
    sql = f"SELECT rowid FROM {name} NOT INDEXED WHERE {within} AND target = ? AND ({condition or 'true'}) ORDER BY rowid"
    unseen = seen.missing(row[0] for row in tx.fetch(sql, (position, upper, target, *args)))
    if len(unseen) > _GONE:
        unseen = unseen[:_GONE]
        upper = unseen[-1]
    if spared:  # an empty one costs nothing
        unseen = [one for one in unseen if tx.fetch(f"SELECT {', '.join(table.key)} FROM {name} WHERE rowid = ?", (one,))[0] not in spared]
    gone = 0
    for one in unseen:
        gone += tx.delete_rows(statements, target, f"DELETE FROM {name} WHERE rowid = ?", (one,))
    return gone, upper
