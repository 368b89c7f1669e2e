"""Numbers that are given once: revisions, reserved in blocks by a synced write before the first of a block is told to anyone.

A commit of live rows is not synced, so a power cut may take back what watchers have seen. The block is on the disk; behind it
the numbering goes on, and who comes back with a revision that was lost is told so (see `holes`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import apsw
import msgspec

from . import meta

__all__ = ["BLOCK", "Hole", "Revisions", "read_holes", "write_holes"]

BLOCK: Final = 1 << 16
"""Numbers per synced write, which takes 30 ms when much waits to be written out. An unclean stop skips at most so many."""

Hole = tuple[int, int]
"""(a, b): revisions after a up to b may have been told and are not in the file."""


class Revisions:
    """The writer's counter. `last` is the last number taken, whether or not its transaction was committed."""

    def __init__(self, connection: apsw.Connection, last: int, reserved: int) -> None:
        self.last = last
        self._connection = connection
        self._reserved = reserved
        self._keep: Callable[[int], None] | None = None

    def elsewhere(self, keep: Callable[[int], None] | None, connection: apsw.Connection | None = None) -> None:
        """Write reservations down with `keep` from now on; None: in the file again, through this connection."""
        self._keep = keep
        self._connection = connection or self._connection

    @property
    def reserved(self) -> int:
        return self._reserved

    @property
    def next(self) -> int:
        """The number that `take` will give. Only within what `ensure` reserved."""
        return self.last + 1

    def take(self) -> int:
        self.last += 1
        return self.last

    def ensure(self, count: int) -> bool:
        """Are so many numbers reserved? If not they are to be reserved, by `reserve`, outside of a transaction."""
        return self.last + count <= self._reserved

    def reserve(self, count: int) -> None:
        """Reserve so many numbers and a block more. The caller has switched the connection to full syncs.

        Raises: apsw.Error - nothing is reserved.
        """
        upper = self.last + count + BLOCK
        if self._keep is not None:
            self._keep(upper)
        else:
            self._write(upper)
        self._reserved = upper

    def _write(self, upper: int) -> None:
        with self._connection:
            meta.write(self._connection, "reserved", upper)

    def give_back(self) -> None:
        """At a clean stop, within the last transaction: the next run goes on right behind."""
        meta.write(self._connection, "reserved", self.last)


def read_holes(connection: apsw.Connection) -> list[Hole]:
    return [(int(a), int(b)) for a, b in msgspec.json.decode(meta.read(connection, "holes") or "[]")]


def write_holes(connection: apsw.Connection, holes: list[Hole]) -> None:
    meta.write(connection, "holes", msgspec.json.encode(holes).decode())
