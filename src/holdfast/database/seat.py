"""Where the writer sits: one connection with what belongs to it. There is one on the file, and while that is full one in memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

import apsw

from holdfast.model.field import Table

from .checkpoint import Checkpoint
from .retention import Compaction, Retention
from .session import Session

__all__ = ["Seat", "Seats"]


@dataclass(frozen=True, slots=True)
class Seat:
    """`path`: of the file behind it. `synced`: it is on a disk, so that syncs mean something."""

    path: str
    synced: bool
    session: Session
    checkpoint: Checkpoint
    compaction: Compaction

    @property
    def connection(self) -> apsw.Connection:
        return self.session.connection

    def close(self) -> None:
        """Of a file that stays: what is in the log goes into it, if there is room."""
        self.checkpoint.close()
        self.connection.close()


@dataclass(frozen=True, slots=True)
class Seats:
    """What all seats of one database have in common. `equip` makes our SQL functions known to a connection."""

    tables: tuple[Table, ...]
    equip: Callable[[apsw.Connection], None]
    relieve: Callable[[], None]
    keeps_history: bool = True
    clock: Callable[[], int] = time.time_ns

    def take(self, connection: apsw.Connection, path: str, retention: Retention, *, synced: bool) -> Seat:
        """Sit down on a connection that is open for writing. Raises: apsw.Error."""
        self.equip(connection)
        session = Session(connection, self.tables, keeps_history=self.keeps_history, clock=self.clock)
        checkpoint = Checkpoint(connection, path, self.relieve, synced=synced)
        kept: Collection[Table] = self.tables if self.keeps_history else ()
        return Seat(path, synced, session, checkpoint, Compaction(connection, kept, retention, self.clock))
