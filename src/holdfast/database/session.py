"""The writer's connection and what belongs to it: statements per table, triggers, the mark that tells triggers the revision."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

import apsw

from holdfast.errors import Bug
from holdfast.model.field import Table

from . import history
from .home import Row
from .statements import Statements

__all__ = ["Session"]


class Session:
    """For the writer thread. `keeps_history`: changed and deleted rows go to the history. `clock`: ns since 1970, for the log."""

    def __init__(
        self,
        connection: apsw.Connection,
        tables: Iterable[Table],
        *,
        keeps_history: bool = True,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.clock = clock
        self.connection = connection
        self.keeps_history = keeps_history
        self.stages: set[str] = set()
        self._statements = {table.name: Statements(table) for table in tables}
        self._marked: int | None = 0
        connection.execute("CREATE TABLE temp.mark(revision INTEGER); INSERT INTO temp.mark VALUES (0)")
        for one in self._statements.values():
            connection.execute(one.make_door)
            if keeps_history:
                for trigger in history.triggers(one.table):
                    connection.execute(trigger)

    def of(self, table: Table) -> Statements:
        """The statements of a table. Raises: Bug - the database was not opened with it."""
        found = self._statements.get(table.name)
        if found is None:
            raise Bug(f"this database has no table {table.name}; it has {', '.join(self._statements)}")
        return found

    def fetch(self, sql: str, args: Sequence[object] = ()) -> list[Row]:
        return self.connection.execute(sql, tuple(args)).fetchall()

    def mark(self, revision: int) -> None:
        """Tell the triggers on deletes at which revision they run."""
        if self._marked != revision:
            self.connection.execute("UPDATE temp.mark SET revision = ?", (revision,))
            self._marked = revision

    def unmark(self) -> None:
        """After a rollback, which also took the mark back."""
        self._marked = None
