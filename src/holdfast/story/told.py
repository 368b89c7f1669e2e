"""One change as people tell it: which object, what happened to it, which fields from what to what.

A key may hold more than people mean by the object: of a route also the way out. Then one row goes and another comes, at the same
time, and both are the same route to them: that is told as a change of it.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

from holdfast.database.home import Change
from holdfast.model import TABLES
from holdfast.model.field import Field
from holdfast.objects.spec import identity, shown_name, spoken_key

__all__ = ["Difference", "Told", "merged", "told"]

_OPS: Final[dict[tuple[str, bool], Literal["new", "gone", "changed"]]] = {
    ("put", False): "new",
    ("put", True): "changed",
    ("delete", False): "gone",
}


class Difference(NamedTuple):
    """A field that is another one; values as the tables hold them, JSON parsed."""

    field: str
    old: Any
    new: Any


@dataclass(frozen=True, slots=True)
class Told:
    """What happened to one object at one revision.

    key     as people name it: 10.0.0.0/24, eth0.
    fields  the lasting ones that are different; none for what is new or gone.
    change  the rows themselves.
    """

    table: str
    target: str
    key: str
    op: Literal["new", "gone", "changed"]
    fields: tuple[Difference, ...]
    change: Change

    def as_dict(self) -> dict[str, Any]:
        """JSON values only."""
        shape: dict[str, Any] = {"table": self.table, "target": self.target, "key": self.key, "op": self.op}
        if self.op == "changed":
            shape["fields"] = [one._asdict() for one in self.fields]
        else:
            shape["row"] = {name: value for name, value in self.change.row.items() if value is not None}
        return shape


def told(change: Change) -> Told:
    row, old = change.row, change.old
    fields = () if old is None else tuple(_differences(_lasting(change.table), old, row))
    return Told(change.table, row["target"], spoken_key(change.table, row), _OPS[change.op, old is not None], fields, change)


def _differences(fields: Iterable[Field], old: Mapping[str, Any], row: Mapping[str, Any]) -> Iterable[Difference]:
    for field in fields:
        if row.get(field.name) != old.get(field.name):
            yield Difference(shown_name(field), old.get(field.name), row.get(field.name))


@functools.cache
def _lasting(table: str) -> tuple[Field, ...]:
    """Without what says again, for the key, what other fields say."""
    key = TABLES[table].key
    return tuple(field for field in TABLES[table].fields if not field.volatile and not (field.derive and field.name in key))


def merged(changes: Iterable[Change]) -> list[Change]:
    """Changes with what goes and what comes of one object, if it is one each, put together. Of one revision, or of a difference."""
    changes = list(changes)
    came: dict[Any, list[int]] = {}
    went: dict[Any, list[int]] = {}
    for place, change in enumerate(changes):
        if change.op == "delete" or change.old is None:
            (went if change.op == "delete" else came).setdefault((change.table, identity(change.table, change.row)), []).append(place)
    dropped = set()
    for which, (place, *more) in came.items():
        gone = went.get(which, ())
        if len(gone) == 1 and not more:
            one = changes[place]
            changes[place] = Change(one.table, max(one.revision, changes[gone[0]].revision), "put", one.row, changes[gone[0]].row)
            dropped.add(gone[0])
    return [change for place, change in enumerate(changes) if place not in dropped]
