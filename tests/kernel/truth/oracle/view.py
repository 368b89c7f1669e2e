"""What a view of one table is: the columns that iproute2 shows, the others with the reason, and the way there for both sides."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from holdfast.model.field import Table

from .read import Answers

__all__ = ["DERIVED", "UNKNOWN", "VOLATILE", "Row", "View", "same", "without_empty"]

Row = dict[str, Any]

DERIVED: Final = "derived from columns that are compared"
VOLATILE: Final = "moves by itself"
UNKNOWN: Final = "attributes that this version does not know; iproute2 does not show them either"


def same(row: Row) -> Row | None:
    return row


@dataclass(frozen=True, slots=True)
class View:
    """How one table is compared.

    read     rows as iproute2 shows them, with the columns of `shown`.
    hidden   columns that are not compared, with the reason. Together with `shown` these are all columns of the table.
    ours     a row of the mirror, with its JSON read, as iproute2 would show it; None: a row that it would not show.
    pending  rows of iproute2 that are not compared, in this state: their identity, that is `same_object`, is left out on both sides.
    key      columns that say "the same object" in a report; no part of the comparison.
    """

    table: Table
    shown: tuple[str, ...]
    hidden: Mapping[str, str]
    read: Callable[[Answers], Iterator[Row]]
    key: tuple[str, ...]
    ours: Callable[[Row], Row | None] = same
    pending: Callable[[Row], bool] | None = None

    def theirs(self, answers: Answers) -> tuple[list[Row], list[Row]]:
        """iproute2's rows: those to be compared, and the pending ones."""
        rows = [{name: row.get(name, self.table[name].default) for name in self.shown} for row in self.read(answers)]
        if self.pending is None:
            return rows, []
        return [row for row in rows if not self.pending(row)], [row for row in rows if self.pending(row)]

    def mirrored(self, rows: Sequence[Mapping[str, Any]], pending: Sequence[Row]) -> list[Row]:
        """The mirror's rows in the same shape, without those that are pending in the kernel."""
        left_out = {self.same_object(row) for row in pending}
        made = []
        for row in rows:
            seen = self._seen(row)
            if seen is not None:
                shown = {name: seen.get(name) for name in self.shown}
                if self.same_object(shown) not in left_out:
                    made.append(shown)
        return made

    def shows(self, row: Mapping[str, Any]) -> bool:
        """Would iproute2 show this row of the mirror?"""
        return self._seen(row) is not None

    def _seen(self, row: Mapping[str, Any]) -> Row | None:
        return self.ours({name: self.plain(name, row.get(name)) for name in self.table.columns})

    def same_object(self, row: Row) -> str:
        return json.dumps([row[name] for name in self.key], sort_keys=True)

    def plain(self, name: str, value: Any) -> Any:
        """JSON columns come as text from SQL, and as Python from a decoder; flags may be bool or number."""
        if isinstance(value, str) and self.table[name].json:
            return json.loads(value)
        return int(value) if isinstance(value, bool) else value


def without_empty(row: Row) -> Row:
    """Absent and null are the same."""
    return {name: value for name, value in row.items() if value is not None}
