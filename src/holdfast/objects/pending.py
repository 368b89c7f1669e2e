"""What waits in an object to be committed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from holdfast.objects.batch import Batch

__all__ = ["Pending", "Step", "same"]

Step = Callable[["Batch"], None]
"""What is to be done beside the object's own fields, such as an address of an interface: adds its requests to the batch."""


class Pending:
    """new      the object is to be made, or was to be and could not.
    removed  … is to go.
    fields   field or attribute of the kind → the value wanted.
    base     … → its value when it was first set: what a conflict is measured by.
    steps    in the order given, after the object's own fields.
    """

    __slots__ = ("base", "fields", "new", "removed", "steps")

    def __init__(self, *, new: bool = False) -> None:
        self.new = new
        self.removed = False
        self.fields: dict[str, Any] = {}
        self.base: dict[str, Any] = {}
        self.steps: list[Step] = []

    def __bool__(self) -> bool:
        return bool(self.new or self.removed or self.fields or self.steps)

    def put(self, name: str, value: Any, now: Any) -> None:
        """Want a field to have a value; `now`: what it has. What is as wanted already does not wait."""
        if self.new:
            self.fields[name] = value
        elif same(name, value, now):
            self.fields.pop(name, None)
            self.base.pop(name, None)
        else:
            self.fields[name] = value
            self.base.setdefault(name, now)


_UNORDERED = frozenset({"altnames", "group_members"})


def same(name: str, wanted: Any, found: Any) -> bool:
    """Is the value as wanted? Nothing and an empty object are alike; of hops only what was asked for counts, but their flags."""
    if name == "multipath":
        return len(wanted or ()) == len(found or ()) and all(map(_hop, wanted or (), found or ()))
    if name in _UNORDERED:
        return sorted(map(str, wanted or ())) == sorted(map(str, found or ()))
    if isinstance(wanted, Mapping | list) or isinstance(found, Mapping | list):
        return (wanted or None) == (found or None)
    return bool(wanted == found)


def _hop(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    return all(part == found.get(name) for name, part in wanted.items() if name != "flags")
