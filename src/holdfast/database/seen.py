"""Which rows a dump has told, one byte each: what is kept of a mark-and-sweep between its steps.

Rows are known by their rowid. One that is deleted and given to another row meanwhile is of no harm: both were events', and
rows of events are not swept.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

__all__ = ["Seen"]

_BITS: Final = 12
_PAGE: Final = 1 << _BITS


class Seen:
    """What one step of a mark-and-sweep leaves to the next. 1 MB per million rows, wherever their numbers are dense."""

    def __init__(self) -> None:
        self._pages: defaultdict[int, bytearray] = defaultdict(lambda: bytearray(_PAGE))

    def add(self, rowids: Iterable[int]) -> None:
        pages = self._pages
        for one in rowids:
            pages[one >> _BITS][one & (_PAGE - 1)] = 1

    def missing(self, rowids: Iterable[int]) -> list[int]:
        """Those that are not in it."""
        pages = self._pages
        return [one for one in rowids if (one >> _BITS) not in pages or not pages[one >> _BITS][one & (_PAGE - 1)]]
