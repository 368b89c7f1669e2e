# made from api/aio/watch.py by scripts/generators/sync.py; scripts/generate writes it anew
"""What changes, as it changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from holdfast.api.bridge import run
from holdfast.api.core import Core
from holdfast.api.handlers import Handler, Handlers
from holdfast.api.stream import Stream

if TYPE_CHECKING:
    from holdfast.database.home import Change

__all__ = ["TaskManager", "Watch"]


class Watch:
    """Changes as they are committed, in order and without loss. Iterate it; it ends when the NDB is closed, or the watch is.

    One that is interrupted while it waits can be iterated further: it goes on where it stopped.
    """

    def __init__(self, changes: Stream) -> None:
        self._changes = changes

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Change:
        """The next change; waits for it. Raises: Compacted - the history does not reach back to where the watch begins."""
        if not self._changes.ready:
            run(self._changes.fill())
        if not self._changes.ready:
            raise StopIteration
        return self._changes.ready.popleft()

    def close(self) -> None:
        """It ends behind what has been read already; so does waiting for the next change."""
        run(self._changes.close())


class TaskManager:
    """Functions that are called with each change of a table."""

    def __init__(self, core: Core) -> None:
        self._handlers = Handlers(core)

    def register_handler(self, event: str, handler: Handler) -> None:
        """Call `handler(target, row)` with each change of the table `event`, from now on; `row["event"]` is the kernel's word.

        It is called in a worker thread, a coroutine function on the loop. Raises: UnknownName - no such table.
        """
        run(self._handlers.add(event, handler))

    def unregister_handler(self, event: str, handler: Handler) -> None:
        """Raises: NotFound - it is not registered."""
        run(self._handlers.remove(event, handler))
