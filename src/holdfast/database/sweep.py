"""Mark and sweep: what a dump told becomes what the table holds, and only the differences are written.

The rows are staged in a temporary table and compared there, in three statements: nothing is read into Python, and rows that
are as they were are not written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

from holdfast.errors import Bug

from .home import Columns, Swept, Values
from .statements import Statements, length_of

if TYPE_CHECKING:
    from .transaction import Transaction

__all__ = ["Sweep"]


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
            plan = self._statements.stage(columns)
            self._tx.session.connection.executemany(plan.sql, zip(*plan.encoded(values), strict=True))

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

    def _counts(self) -> tuple[int, int]:
        """Rows of the target, and those of them that began at this revision."""
        fetch, target = self._tx.fetch, self._target
        rows = fetch(self._statements.count, (target,))[0][0]
        return rows, fetch(self._statements.count_since, (target, self._tx.number))[0][0]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        name = self._statements.table.name
        if name in self._session.stages:
            self._session.stages.discard(name)
            self._session.connection.execute(f"DELETE FROM {self._statements.stage_name}")
