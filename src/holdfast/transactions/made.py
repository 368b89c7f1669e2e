"""What a transaction found, and what it made of it, by what rows are looked up by: who made this row, was there one like that? Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from holdfast.model.field import Table

from .cells import LOCATORS, locator_of
from .compare import differences, lost
from .plan import Plan

__all__ = ["Found", "Known", "Makers", "Resolved"]

Row = Mapping[str, Any]
Resolved = Callable[[str, Table, Row], Row]
"""What was asked for at a target, with the indexes of interfaces for their names."""

Known = tuple[str, Table, Row | None, Row, str]
"""An object that may have become different: where, what, how it was (None: not there), what was asked, where it may be now."""


def _shelf(where: str, table: Table, row: Row) -> tuple[Any, ...]:
    return where, table.name, *locator_of(table, row)


def _asked_shelf(where: str, table: Table, asked: Row) -> tuple[Any, ...]:
    """Of what was asked for the kernel may have chosen a part: the priority of a rule."""
    chosen = any(name not in asked and (table.defaults[name] is None or name == "priority") for name in LOCATORS[table.name])
    return (where, table.name) if chosen and table.name != "routes" else _shelf(where, table, asked)


class Makers:
    """Plans by the rows that they are to make."""

    def __init__(self, resolved: Resolved, plans: Iterable[Plan] = ()) -> None:
        self._resolved = resolved
        self._shelves: dict[tuple[Any, ...], list[tuple[Plan, Row]]] = {}
        self.add(plans)

    def add(self, plans: Iterable[Plan]) -> None:
        for one in plans:
            if one.asked is not None:
                table = one.request.table
                asked = self._resolved(one.where, table, one.asked)
                self._shelves.setdefault(_asked_shelf(one.where, table, asked), []).append((one, asked))

    def of(self, where: str, table: Table, row: Row) -> Plan | None:
        """The last one that was to make this row, and found none like it."""
        for shelf in (_shelf(where, table, row), (where, table.name)):
            for one, asked in reversed(self._shelves.get(shelf, ())):
                if (one.before is None or lost(table, one.before, row)) and not differences(table, asked, row):
                    return one
        return None


class Found:
    """How things were, each as it was first known, in the order in which that came out."""

    def __init__(self, resolved: Resolved) -> None:
        self._resolved = resolved
        self._entries: dict[tuple[Any, ...], Known] = {}
        self._shelves: dict[tuple[Any, ...], list[Row]] = {}

    def __iter__(self) -> Iterator[Known]:
        return iter(self._entries.values())

    def add(self, thing: tuple[Any, ...], entry: Known) -> None:
        if thing in self._entries:
            return
        self._entries[thing] = entry
        _, table, before, _, where = entry
        if before is not None:
            for shelf in (_shelf(where, table, before), (where, table.name)):
                self._shelves.setdefault(shelf, []).append(before)

    def has_like(self, where: str, table: Table, asked: Row) -> bool:
        """Was there a row that shows what was asked for?"""
        asked = self._resolved(where, table, asked)
        return any(not differences(table, asked, row) for row in self._shelves.get(_asked_shelf(where, table, asked), ()))
