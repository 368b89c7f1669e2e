"""Two sets of rows of one table: what is missing, what is surplus, what is different in which column."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .oracle import VIEWS, Answers, Row, View

__all__ = ["Difference", "compare", "compare_all"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One object that is not the same on both sides: `ours` is what the mirror has, `theirs` what iproute2 shows."""

    table: str
    ours: Row | None
    theirs: Row | None

    def __str__(self) -> str:
        if self.ours is None:
            return f"{self.table}: MISSING  {_brief(self.theirs)}"
        if self.theirs is None:
            return f"{self.table}: SURPLUS  {_brief(self.ours)}"
        lines = [f"{self.table}: DIFFERS  {_brief({name: self.theirs[name] for name in VIEWS[self.table].key})}"]
        lines += [f"    {name}: mirror {ours!r}, kernel {theirs!r}" for name, ours, theirs in self._columns()]
        return "\n".join(lines)

    def _columns(self) -> list[tuple[str, Any, Any]]:
        assert self.ours is not None
        assert self.theirs is not None
        found = []
        for name, theirs in self.theirs.items():
            ours = self.ours[name]
            if ours != theirs:
                if isinstance(ours, dict) and isinstance(theirs, dict):
                    inside = sorted(ours.keys() | theirs.keys())
                    found += [(f"{name}.{part}", ours.get(part), theirs.get(part)) for part in inside if ours.get(part) != theirs.get(part)]
                else:
                    found.append((name, ours, theirs))
        return found


def compare(view: View, ours: Sequence[Row], theirs: Sequence[Row]) -> list[Difference]:
    """Rows count once: the kernel can hold two IPv6 routes that are equal in all that it tells, and our tables have keys."""
    mine, real = {_frozen(row): row for row in ours}, {_frozen(row): row for row in theirs}
    surplus = [row for text, row in mine.items() if text not in real]
    missing = [row for text, row in real.items() if text not in mine]
    # Only when both sides have one row left of an object they are shown side by side.
    left = Counter(map(view.same_object, surplus))
    right = Counter(map(view.same_object, missing))
    pairs = {key for key in left if left[key] == right[key] == 1}
    by_key = {view.same_object(row): row for row in surplus}
    found = []
    for row in missing:
        key = view.same_object(row)
        found.append(Difference(view.table.name, by_key[key] if key in pairs else None, row))
    found += [Difference(view.table.name, row, None) for row in surplus if view.same_object(row) not in pairs]
    return sorted(found, key=str)


def compare_all(mirror: Mapping[str, Sequence[Mapping[str, Any]]], answers: Answers) -> list[Difference]:
    """All tables of one target. `mirror`: rows by table, as they come from SQL."""
    found = []
    for name, view in VIEWS.items():
        theirs, pending = view.theirs(answers)
        found += compare(view, view.mirrored(mirror[name], pending), theirs)
    return found


def _frozen(row: Row) -> str:
    return json.dumps(row, sort_keys=True)


def _brief(row: Row | None) -> str:
    return " ".join(f"{name}={value}" for name, value in (row or {}).items() if value not in (None, "", [], {}))
