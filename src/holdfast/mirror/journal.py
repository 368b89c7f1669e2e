"""Which rows events touched while a dump was on its way.

A dump is older than the events that arrive after it began: for a row that an event touched meanwhile the event is right and
the dump may be stale. The sweep leaves those rows as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from holdfast.netlink.batch import Batch

from .batches import Key, keys_of

__all__ = ["Journal"]


class Journal:
    """Collects cheaply (a reference per batch), and works keys out only when asked.

    lost   events went missing meanwhile: which rows they touched is not known, so nothing more is to be swept.
    """

    def __init__(self) -> None:
        self.lost = False
        self._batches: dict[str, list[Batch]] = {}
        self._keys: dict[str, set[Key]] = {}

    def touch(self, batch: Batch) -> None:
        self._batches.setdefault(batch.table.name, []).append(batch)

    def touch_keys(self, table: str, keys: Iterable[Sequence[Any]]) -> None:
        self._keys.setdefault(table, set()).update(tuple(key) for key in keys)

    def touched(self, table: str) -> set[Key]:
        """The keys, in the order of the table's key columns; the set grows with later events."""
        keys = self._keys.setdefault(table, set())
        for batch in self._batches.pop(table, ()):
            keys.update(keys_of(batch))
        return keys
