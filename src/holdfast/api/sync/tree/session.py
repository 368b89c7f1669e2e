# made from api/aio/tree/session.py by scripts/generators/sync.py; scripts/generate writes it anew
"""What lives as long as somebody is there: ephemeral nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from holdfast.api.bridge import answer
from holdfast.tree.commit import Commit
from holdfast.tree.paths import PathLike

if TYPE_CHECKING:
    from holdfast.api.sync.tree.tree import Tree
    from holdfast.tree import sessions

__all__ = ["Session"]


class Session:
    """The owner of ephemeral nodes. They never replace persistent ones, and go, with events, when it ends."""

    def __init__(self, tree: Tree, made: sessions.Session) -> None:
        self._tree = tree
        self._made = made
        self.id = made.id

    def put(self, path: PathLike, value: Any, *, message: str = "") -> Commit:
        """Put a leaf that goes with this session. Raises: AlreadyExists - something persistent is there;  Conflict - another
        session's;  Closed, InvalidValue.
        """
        return answer(self._made.put(path, value, self._tree.author, message, self._tree.id))

    def delete(self, path: PathLike, *, message: str = "") -> Commit:
        """Take away a leaf of its own. Raises: Closed."""
        return answer(self._made.delete(path, self._tree.author, message, self._tree.id))

    def renew(self) -> None:
        """It is alive. Raises: Closed - it has ended."""
        self._made.renew()

    def end(self) -> Commit:
        """Its nodes go, in one commit. Idempotent."""
        return answer(self._made.end(self._tree.author))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
