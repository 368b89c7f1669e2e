"""What a source answered, as raw bytes, and which rows that is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from holdfast.model import TABLES
from holdfast.model.field import Table

from .consequence import EVERYTHING, Reread, Where
from .rules import ROUTE_FAMILIES, through

__all__ = ["Answers", "Part", "covered", "family_number", "part_of"]


@dataclass(frozen=True, slots=True)
class Part:
    """What a dump told about one part of a table: every row of `where` that exists is in it. `torn`: it may be incomplete."""

    table: Table
    where: Where
    chunks: list[bytes]
    family: int = 0  # rows of other families are not wanted: some kernels answer with all they have
    torn: bool = False
    question: Reread | None = None


@dataclass(slots=True)
class Answers:
    """`links`: interfaces asked for one by one, as the message that would announce them; None: there is no such interface."""

    parts: list[Part] = field(default_factory=list)
    links: dict[int, bytes | None] = field(default_factory=dict)

    @property
    def torn(self) -> list[Reread]:
        """What should be asked again in a while."""
        return [part.question or Reread(part.table.name, reason="its dump was torn") for part in self.parts if part.torn]


def part_of(one: Reread) -> Where:
    """The rows that a question is about."""
    return covered(TABLES[one.table], one.family, dict(one.filters)) if one.scope is None else one.scope


def covered(table: Table, family: str, filters: Mapping[str, Any]) -> Where:
    """The rows that a dump with these filters would show for sure, if they still existed."""
    where = EVERYTHING
    if number := family_number(table, family):
        where &= Where("family = ?", (number,))
    for name, value in filters.items():
        where &= through(value) if (table.name, name) == ("routes", "oif") else Where(f"{name} = ?", (value,))
    return where


def family_number(table: Table, word: str) -> int:
    """0: all rows of the table are of one family, or all families are meant."""
    return ROUTE_FAMILIES.get(word, 0) if "family" in table.columns else 0
