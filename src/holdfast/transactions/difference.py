"""What turns the rows that are there into those that are wanted: only what differs is asked for. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from holdfast.mirror.batches import parsed
from holdfast.model.field import Table

from .cells import LOCATORS, picking
from .compare import differences
from .contract import Change, Create, Delete, Request

__all__ = ["difference"]

_SAMPLE: Final = 1000

Cells = tuple[Any, ...]


def difference(
    target: str, table: Table, columns: Sequence[str], present: Iterable[Cells], asked: list[dict[str, Any]]
) -> list[Request]:
    """The requests that make `present`, whole rows as the database has them, be what is asked for: rows, completed (`complete.completed`).

    columns  what stands in the rows of `present`: all of the table's, in any order, and perhaps others.
    Order: as wanted, deletions last. Rows are the same object where what they are looked up by is equal (of routes: prefix, table,
    tos, priority); several such are told apart by the rest. Cost: O(rows), little of it for those that are as they should be.
    """
    left, rows = _without_equals(table, columns, list(present), asked)
    names = LOCATORS[table.name]
    key_of = picking(names)
    there: dict[Cells, list[dict[str, Any]]] = {}
    for row in rows:
        there.setdefault(key_of(row), []).append(row)
    requests: list[Request] = []
    unmatched: list[tuple[Cells, dict[str, Any]]] = []
    for one in left:
        key = tuple([one.get(name, table.defaults[name]) for name in names])
        found = there.get(key)
        same = next((row for row in found if not differences(table, one, row)), None) if found else None
        if same is None or found is None:
            unmatched.append((key, one))
        else:
            found.remove(same)
    for key, one in unmatched:
        found = there.get(key)
        if found and len(found) == 1:
            row = found.pop()
            fields = {name: value for name, value in one.items() if row.get(name) != value}
            requests.append(Change(target, table, row, fields))
        else:
            requests.append(Create(target, table, one, beside=bool(found) and table.name == "routes"))
    requests += [Delete(target, table, row) for rows in there.values() for row in rows]
    return requests


def _without_equals(
    table: Table, columns: Sequence[str], present: list[Cells], asked: list[dict[str, Any]]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What is left of both, when each row that has exactly what is asked for is taken away with it.

    Those that ask for the same fields are compared at once, cell by cell, without a dictionary per row.
    """
    [(names, _)] = Counter(map(tuple, asked[:_SAMPLE])).most_common(1) or [((), 0)]
    left = present
    if names and table.json.isdisjoint(names) and set(names) <= set(columns):
        cells = picking([columns.index(name) for name in names])
        there = dict(zip(map(cells, present), present, strict=True))
        doubles = _doubles(present, cells) if len(there) < len(present) else []
        asked = [one for one in asked if tuple(one) != names or there.pop(tuple(one.values()), None) is None]
        left = [*there.values(), *doubles]
    whole = picking([columns.index(name) for name in table.columns])
    return asked, [parsed(table, dict(zip(table.columns, whole(row), strict=True))) for row in left]


def _doubles(rows: Iterable[Cells], cells: Callable[[Cells], Cells]) -> list[Cells]:
    """All but one of those that have the same cells."""
    alike: dict[Cells, list[Cells]] = {}
    for row in rows:
        alike.setdefault(cells(row), []).append(row)
    return [row for some in alike.values() for row in some[:-1]]

