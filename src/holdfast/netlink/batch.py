"""What the codec hands upwards: rows of one table, column by column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from holdfast.model.field import Table

__all__ = ["Batch", "Undecoded"]


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """A run of decoded messages of the same kind, in the order they came.

    op       "put": the object is as its row says; "delete": it is gone (key columns count, the rest is what it was).
    flags    nlmsg_flags that all of them carry: NLM_F_REPLACE, NLM_F_APPEND, NLM_F_DUMP_INTR … matter above.
    columns  names of the fields that are present; a column that is absent is NULL, or the field's default.
    values   one sequence per column, all of equal length. JSON fields hold Python objects, addresses hold text.
    """

    table: Table
    op: Literal["put", "delete"]
    flags: int
    columns: tuple[str, ...]
    values: tuple[Sequence[Any], ...]

    def __len__(self) -> int:
        return len(self.values[0]) if self.values else 0

    def rows(self) -> Iterator[tuple[Any, ...]]:
        return zip(*self.values, strict=True)

    def dicts(self) -> Iterator[dict[str, Any]]:
        """Whole rows: absent fields are filled with their defaults."""
        blank = self.table.defaults
        for row in self.rows():
            yield blank | dict(zip(self.columns, row, strict=True))

    def column(self, name: str) -> Sequence[Any]:
        if name in self.columns:
            return self.values[self.columns.index(name)]
        return [self.table.defaults[name]] * len(self)


@dataclass(frozen=True, slots=True)
class Undecoded:
    """A message that could not be decoded: its bytes, and why. It is counted and logged; the rest goes on."""

    message: bytes
    reason: str
