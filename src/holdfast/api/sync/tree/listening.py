# made from api/aio/tree/listening.py by scripts/generators/sync.py; scripts/generate writes it anew
"""Watches of the tree, and messages on channels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from holdfast.api.bridge import run
from holdfast.tree.commit import Commit
from holdfast.tree.watch import QUEUE

if TYPE_CHECKING:
    from holdfast.api.sync.tree.tree import Tree
    from holdfast.tree import messages
    from holdfast.tree import watch as watches
    from holdfast.tree.messages import Message

__all__ = ["Channels", "Subscription", "Watch"]


class Watch:
    """Commits in order, each once. Iterate it; it ends when the tree is closed, or the watch is."""

    def __init__(self, made: watches.Watch) -> None:
        self._made = made

    @property
    def seen(self) -> int:
        """The revision up to which everything has been taken or waits to be."""
        return self._made.seen

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Commit:
        """The next commit; waits for it. Raises: Lagged, Compacted; it can be iterated further then."""
        if not self._made.ready:
            run(self._made.fill())
        if not self._made.ready:
            raise StopIteration
        return self._made.ready.popleft()

    def close(self) -> None:
        """It ends behind what has been read already."""
        run(self._made.close())


class Subscription:
    """Messages of a channel, for one reader. Iterate it."""

    def __init__(self, made: messages.Subscription) -> None:
        self._made = made

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Message:
        """The next message; waits for it. Raises: Lost - some did not fit into its queue; it can be iterated further."""
        if not self._made.ready:
            run(self._made.fill())
        if not self._made.ready:
            raise StopIteration
        return self._made.ready.popleft()

    def close(self) -> None:
        run(self._made.close())


class Channels:
    """Messages to whoever listens now: `tree.channels`."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree

    def publish(self, name: str, value: Any) -> int:
        """Tell those who listen; returns how many they are, which may be none. Raises: InvalidValue - not JSON."""
        return self._tree._place.core.channels.publish(name, value, self._tree.id)

    def subscribe(self, name: str, *, queue: int = QUEUE) -> Subscription:
        """From now on."""
        return Subscription(self._tree._place.core.channels.subscribe(name, queue))

    def names(self) -> dict[str, int]:
        """Channels, and how many listen to each."""
        return self._tree._place.core.channels.names()
