"""The writer's connection and what belongs to it: statements per table, triggers, the mark that tells triggers the revision."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import apsw

from holdfast.errors import Bug
from holdfast.model.field import Table

from . import history
from .home import Row
from .moments import note_step
from .statements import Statements

__all__ = ["Session"]


class Session:
    """For the writer. `keeps_history`: changed and deleted rows go to the history. `clock`: ns since 1970, for the log."""

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
        self._told_ns: int | None = None
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

    def fetch(self, sql: str, args: Sequence[Any] = ()) -> list[Row]:
        return self.connection.execute(sql, tuple(args)).fetchall()

    def stamp(self, revision: int) -> int:
        """The time for a line of the log at this revision; where it is less than that of the line before, this is noted."""
        now_ns = self.clock()
        if self._told_ns is None:
            self._told_ns = self.fetch("SELECT coalesce((SELECT time_ns FROM log ORDER BY revision DESC, n DESC LIMIT 1), 0)")[0][0]
        if now_ns < self._told_ns:
            note_step(self.connection, revision)
        self._told_ns = now_ns
        return now_ns

    def mark(self, revision: int) -> None:
        """Tell the triggers on deletes at which revision they run."""
        if self._marked != revision:
            self.connection.execute("UPDATE temp.mark SET revision = ?", (revision,))
            self._marked = revision

    def unmark(self) -> None:
        """After a rollback, which also took the mark back, and lines of the log."""
        self._marked = self._told_ns = None
