"""What follows from an event, said as values: rows to drop, objects to ask for again, tables to read again.

The rules (rules.py) give consequences, the applier carries the drops out at once, and the agenda keeps the questions until
they are asked. Pure: no socket, no clock, no database.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

__all__ = ["EVERYTHING", "Ask", "Consequence", "Drop", "Reread", "Where"]


@dataclass(frozen=True, slots=True)
class Where:
    """A condition on the rows of one table and target, in SQL, with its arguments. Empty: all of them."""

    sql: str = ""
    args: tuple[Any, ...] = ()

    def __and__(self, other: Where) -> Where:
        if not self.sql or not other.sql:
            return self if self.sql else other
        return Where(f"({self.sql}) AND ({other.sql})", self.args + other.args)

    def __or__(self, other: Where) -> Where:
        if not self.sql or not other.sql:
            return EVERYTHING
        return Where(f"({self.sql}) OR ({other.sql})", self.args + other.args)


EVERYTHING: Final = Where()


@dataclass(frozen=True, slots=True)
class Drop:
    """Rows that went without an event of their own."""

    table: str
    where: Where
    reason: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Ask:
    """Interfaces to be asked for one by one: those with an index in `ifindexes`, and those whose rows match `where`.

    later: not at once, but when whoever made the change has had time to finish it.
    """

    ifindexes: tuple[int, ...] = ()
    where: Where | None = None
    later: bool = field(default=False, kw_only=True)
    reason: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Reread:
    """A part of a table to be dumped again; rows of the part that the dump does not show are deleted.

    family   which dump ("AF_INET"); "" means all dumps of the table.
    filters  fields that the kernel filters the dump by, as (name, value) pairs.
    only_if  ask only if rows match this when it is asked; None: ask anyway.
    only_now  ask only if rows match this right behind the event: what later ones say does not undo it.
    scope    the part, where it is not just "of that family, with those fields": every row in it must be one that the
             dump would show if it still existed. (Filtering by `oif` also finds multipath routes.)
    """

    table: str
    family: str = ""
    filters: tuple[tuple[str, int], ...] = ()
    scope: Where | None = None
    only_if: Where | None = field(default=None, compare=False)
    only_now: Where | None = field(default=None, compare=False)
    reason: str = field(default="", compare=False)


Consequence = Drop | Ask | Reread
