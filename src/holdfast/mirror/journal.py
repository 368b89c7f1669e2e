"""Which rows events touched while a dump was on its way.

A dump is older than the events that arrive after it began: for a row that an event touched meanwhile the event is right and
the dump may be stale. The sweep leaves those rows as they are. A route that replaced another one touched all rows of its prefix:
the dump may still show what was replaced, as a row that we never had. And what went in silence with an event (the queues of an
interface) may stand in the dump without having been a row: the conditions are kept, and hold for what the dump brings as well.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from holdfast.netlink.batch import Batch

from .batches import Key, keys_of
from .consequence import Ask, Reread, Where

__all__ = ["Journal", "Touched"]


class Touched:
    """Keys, whole ones and beginnings of some; grows with later events. `in`: was the row with this key touched?"""

    def __init__(self) -> None:
        self.keys: set[Key] = set()
        self.beginnings: set[Key] = set()
        self._length = 0

    def begin(self, beginnings: Iterable[Key]) -> None:
        """All rows whose key begins so; all of one length."""
        self.beginnings.update(beginnings)
        self._length = len(next(iter(self.beginnings), ()))

    def beginning(self, key: Key) -> Key | None:
        """The beginning that was touched, if it was."""
        begun = key[: self._length]
        return begun if begun in self.beginnings else None

    def __contains__(self, key: object) -> bool:
        return key in self.keys or (bool(self.beginnings) and isinstance(key, tuple) and key[: self._length] in self.beginnings)

    def __bool__(self) -> bool:
        return bool(self.keys or self.beginnings)


class Journal:
    """Collects cheaply (a reference per batch), and works keys out only when asked.

    lost       events went missing meanwhile: which rows they touched is not known, so nothing more is to be swept.
    questions  what the round leaves open.
    """

    def __init__(self) -> None:
        self.lost = False
        self.questions: list[Ask | Reread] = []
        self._batches: dict[str, list[Batch]] = {}
        self._touched: defaultdict[str, Touched] = defaultdict(Touched)
        self._gone: defaultdict[str, dict[Where, None]] = defaultdict(dict)

    def touch(self, batch: Batch) -> None:
        self._batches.setdefault(batch.table.name, []).append(batch)

    def touch_keys(self, table: str, keys: Iterable[Sequence[Any]]) -> None:
        self._touched[table].keys.update(tuple(key) for key in keys)

    def touch_beginnings(self, table: str, beginnings: Iterable[Key]) -> None:
        self._touched[table].begin(beginnings)

    def drop(self, table: str, where: Where, keys: Iterable[Sequence[Any]]) -> None:
        """These rows went, and any other of which the condition is true."""
        self.touch_keys(table, keys)
        self._gone[table][where] = None

    def gone(self, table: str) -> list[Where]:
        return list(self._gone.get(table, ()))

    def touched(self, table: str) -> Touched:
        """The keys, in the order of the table's key columns."""
        touched = self._touched[table]
        for batch in self._batches.pop(table, ()):
            touched.keys.update(keys_of(batch))
        return touched
