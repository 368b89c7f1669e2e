"""A reader of another process's file keeps its log from beginning anew, and the writer cannot end it: so it ends itself."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from .checkpoint import too_long

__all__ = ["Patience"]

_LOOK_EVERY_S: Final = 0.5


class Patience:
    """A thread that looks at the log of a file from time to time, and calls `relieve` when it has become too long.

    A pager behind `holdfast sql` would else let the log grow for as long as somebody reads the first page.
    """

    def __init__(self, path: Callable[[], str], relieve: Callable[[], None]) -> None:
        self._path = path
        self._relieve = relieve
        self._ended = threading.Event()
        threading.Thread(target=self._run, name="holdfast-patience", daemon=True).start()

    def _run(self) -> None:
        while not self._ended.wait(_LOOK_EVERY_S):
            if too_long(self._path()):
                self._relieve()

    def end(self) -> None:
        self._ended.set()
