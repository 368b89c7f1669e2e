"""Many rows at once into a table that has few: without indexes first, which are then built from sorted keys.

Measured with 100 000 routes: 0.15 s for the rows and 0.12 s for the indexes afterwards, against 0.55 s with indexes in place.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

import apsw

from holdfast.model.field import Table

from .home import Columns, Values
from .schema import indexes, key_terms
from .statements import Statements

if TYPE_CHECKING:
    from .transaction import Transaction

__all__ = ["load"]

MANY: Final = 2000
"""Fewer rows go in one way or the other in the same time, and dropping an index has every reader prepare its statements anew."""
_SHARE: Final = 4
"""Indexes are built anew when the table had less than this fraction (1/4) of what arrives in the first batches."""

Batches = Iterable[tuple[Columns, Values]]


def load(tx: Transaction, table: Table, target: str, batches: Batches) -> int:
    """Write the rows; returns how many were given."""
    statements = tx.statements(table)
    first, rest = _first(batches)
    arriving = sum(len(values[0]) for _, values in first)
    whole = itertools.chain(first, rest)
    if arriving >= MANY and _is_small(tx, statements, target, arriving // _SHARE):
        return _load_bare(tx, statements, target, whole)
    return sum(tx.insert(statements, statements.put(columns), target, columns, values) for columns, values in whole)


def _first(batches: Batches) -> tuple[list[tuple[Columns, Values]], Iterator[tuple[Columns, Values]]]:
    """Read on until it is clear that there are many, or that there are not."""
    rest = iter(batches)
    first: list[tuple[Columns, Values]] = []
    count = 0
    while count < MANY and (one := next(rest, None)) is not None:
        if one[1] and len(one[1][0]):
            first.append(one)
            count += len(one[1][0])
    return first, rest


def _is_small(tx: Transaction, statements: Statements, target: str, bound: int) -> bool:
    """Has the table at most so many rows, and none of this target?"""
    name = statements.table.name
    found = tx.fetch(f"SELECT count(*) FROM (SELECT 1 FROM {name} LIMIT ?)", (bound + 1,))[0][0]
    return found <= bound and not tx.fetch(f"SELECT 1 FROM {name} WHERE target = ? LIMIT 1", (target,))


def _load_bare(tx: Transaction, statements: Statements, target: str, batches: Batches) -> int:
    connection = tx.session.connection
    made = indexes(statements.table)
    for index in made:
        connection.execute(f"DROP INDEX {index}")
    count = 0
    for columns, values in batches:
        count += tx.insert(statements, statements.insert(columns), target, columns, values, lasting=True)
    for ddl in made.values():
        try:
            connection.execute(ddl)
        except apsw.ConstraintError:  # a dump may tell the same object twice
            _keep_last(tx, statements, target)
            connection.execute(ddl)
    return count


def _keep_last(tx: Transaction, statements: Statements, target: str) -> None:
    name = statements.table.name
    doubles = f"DELETE FROM {name} WHERE rowid NOT IN (SELECT max(rowid) FROM {name} GROUP BY {', '.join(key_terms(statements.table))})"
    tx.delete_rows(statements, target, doubles, ())
