"""Routes told by NLM_F_REPLACE, in runs: which rows go and which are there now, where that is plain.

Plain is a prefix with one row at most: the route takes its place (`paths.replaced` says the same, for any number of rows). Routing
daemons replace by the thousand. A run ends where a prefix comes again, for its row is not written yet, and where a prefix has
alternatives; such a route is left to be looked at alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from holdfast.model import ROUTES
from holdfast.netlink.batch import Batch

from .batches import Key, keep, keys_of
from .paths import PREFIX

if TYPE_CHECKING:
    from holdfast.database.home import Transaction

__all__ = ["Replacement"]

_LENGTH: Final = len(PREFIX)
assert ROUTES.key[:_LENGTH] == PREFIX
_PRESENT: Final = (
    f"SELECT {', '.join(ROUTES.key)} FROM routes WHERE target = ? AND "
    + " AND ".join(f"{name} IS ?" for name in PREFIX)
    + " LIMIT 2"
)


class Replacement:
    """Goes through one batch. `run` and `other` in turns, as long as there is `more`; what they give is to be written at once."""

    def __init__(self, tx: Transaction, target: str, batch: Batch) -> None:
        self._tx = tx
        self._target = target
        self._batch = batch
        self._keys = list(keys_of(batch))
        self._at = 0

    @property
    def more(self) -> bool:
        return self._at < len(self._keys)

    def run(self) -> tuple[list[Key], Batch | None, Batch | None]:
        """From here on up to the next route that is not plain: keys of rows that go, the rows that take their places, and the others."""
        start, gone = self._at, list[Key]()
        moves = list[bool]()
        seen = set[tuple[Any, ...]]()
        for key in self._keys[start:]:
            prefix = key[:_LENGTH]
            if prefix in seen:
                break
            present = self._present(prefix)
            if len(present) > 1:
                break
            seen.add(prefix)
            moves.append(bool(present) and present[0] != key)
            if moves[-1]:
                gone += present
            self._at += 1
        rows = self._rows(start, self._at)
        if rows is None:
            return [], None, None
        return gone, keep(rows, moves), keep(rows, [not one for one in moves])

    def other(self) -> Batch | None:
        """The route at which the last run ended, if it is to be looked at alone."""
        if not self.more or len(self._present(self._keys[self._at][:_LENGTH])) < 2:
            return None
        self._at += 1
        return self._rows(self._at - 1, self._at)

    def _present(self, prefix: tuple[Any, ...]) -> list[Key]:
        return self._tx.fetch(_PRESENT, (self._target, *prefix))

    def _rows(self, start: int, end: int) -> Batch | None:
        batch = self._batch
        if start == end:
            return None
        if end - start == len(self._keys):
            return batch
        return Batch(batch.table, batch.op, batch.flags, batch.columns, tuple(column[start:end] for column in batch.values))
