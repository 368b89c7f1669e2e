"""What turns the rows that are there into those that are wanted: only what differs is asked for. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from operator import itemgetter
from typing import Any

from holdfast.model.field import Table

from .compare import differences
from .complete import completed
from .contract import Change, Create, Delete, Request
from .present import LOCATORS

__all__ = ["difference"]

Row = Mapping[str, Any]


def difference(target: str, table: Table, present: Iterable[dict[str, Any]], wanted: Iterable[Row]) -> list[Request]:
    """The requests that make `present`, whole rows, be `wanted`, rows as they are asked for. Order: as wanted, deletions last.

    Rows are the same object where what they are looked up by is equal (of routes: prefix, table, tos, priority); several such
    are told apart by the rest. Cost: O(rows).
    """
    names = tuple((name, table.defaults[name]) for name in LOCATORS[table.name])
    there: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    key_of = _key_of(LOCATORS[table.name])
    for row in present:
        there.setdefault(key_of(row), []).append(row)
    requests: list[Request] = []
    unmatched: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
    for one in wanted:
        asked = completed(table, one)
        key = tuple([asked.get(name, default) for name, default in names])
        found = there.get(key)
        same = next((row for row in found if not differences(table, asked, row)), None) if found else None
        if same is None or found is None:
            unmatched.append((key, asked))
        else:
            found.remove(same)
    for key, asked in unmatched:
        found = there.get(key)
        if found and len(found) == 1:
            row = found.pop()
            fields = {name: value for name, value in asked.items() if row.get(name) != value}
            requests.append(Change(target, table, row, fields))
        else:
            requests.append(Create(target, table, asked, beside=bool(found) and table.name == "routes"))
    requests += [Delete(target, table, row) for rows in there.values() for row in rows]
    return requests


def _key_of(names: tuple[str, ...]) -> Callable[[Row], tuple[Any, ...]]:
    """Several values of a row at once; `itemgetter` gives a single one bare."""
    if len(names) == 1:
        [name] = names
        return lambda row: (row[name],)
    return itemgetter(*names)
