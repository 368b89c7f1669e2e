"""What was, who made it so, and the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdfast.api.bridge import in_worker, settled
from holdfast.tree.commit import Change, Commit, changes_of
from holdfast.tree.looking import Info
from holdfast.tree.paths import PathLike, parse

if TYPE_CHECKING:
    from holdfast.api.aio.tree.tree import Tree
    from holdfast.tree.core import Point
    from holdfast.tree.past import Entry
    from holdfast.tree.telling import Blame

__all__ = ["History"]


class History:
    """What was, and going back to it: `tree.history`.

    A point in time is a revision, a time, so long ago, or one of these in words: 1200, "2026-11-20T14:03", "10 minutes ago".
    """

    def __init__(self, tree: Tree) -> None:
        self._tree = tree

    async def get(self, path: PathLike = "", at: Point | None = None, *, back: int = 0) -> Any:
        """The value as it was at a point in time, or `back` changes of its first segment (or of a longer path's subtree) ago.

        Raises: NotFound - nothing was there, or it has not so many changes;  Compacted - it is not kept any more;  InvalidValue.
        """
        return (await self.node(path, at, back=back)).value

    async def node(self, path: PathLike = "", at: Point | None = None, *, back: int = 0) -> Info:
        """The same with what was known of it. Raises: as `get`."""
        return await in_worker(self._tree._place.core.info_at, parse(path), at, back)

    async def log(self, path: PathLike = "", *, since: Point = 0, until: Point | None = None, limit: int = 100) -> list[Entry]:
        """Commits that changed something at a path or below it, newest first; after `since`, up to `until`. Raises: InvalidValue."""
        return await in_worker(self._tree._place.core.log, parse(path), since, until, limit)

    async def diff(self, before: Point, after: Point | None = None, path: PathLike = "") -> list[Change]:
        """What differs between two points in time, of which either may be the earlier one. Raises: Compacted, InvalidValue."""
        return changes_of(await in_worker(self._tree._place.core.differences, before, after, parse(path)))

    async def blame(self, path: PathLike = "") -> list[Blame]:
        """For each leaf: the commit that last changed it. Raises: NotFound."""
        return await in_worker(self._tree._place.core.blame, parse(path))

    async def rollback(
        self, path: PathLike, to: Point | None = None, *, back: int = 0, author: str | None = None, message: str = ""
    ) -> Commit:
        """Bring a first segment or a subtree back to a point, or by `back` of its changes, as a new commit.

        Raises: NotFound - it has not so many changes: nothing is changed;  Compacted;  Conflict - it changed in this moment.
        """
        author = self._tree.author if author is None else author
        core = self._tree._place.core
        proposal = await in_worker(core.rollback, parse(path), to, back, author, message, self._tree.id)
        return await settled(core.commit(proposal))

    async def redo(self, path: PathLike, *, author: str | None = None, message: str = "") -> Commit:
        """Take a rollback back, if that was the last change there. Raises: NotFound - it was not."""
        author = self._tree.author if author is None else author
        core = self._tree._place.core
        proposal = await in_worker(core.redo, parse(path), author, message, self._tree.id)
        return await settled(core.commit(proposal))

    async def revert(self, revision: int, *, author: str | None = None, message: str = "") -> Commit:
        """Undo one commit and nothing else. Raises: Conflict - what it changed has changed since;  NotFound, Compacted."""
        author = self._tree.author if author is None else author
        core = self._tree._place.core
        proposal = await in_worker(core.revert, revision, author, message, self._tree.id)
        return await settled(core.commit(proposal))

    async def revision(self, point: Point) -> int:
        """The revision that a point in time means. Raises: InvalidValue;  Compacted - the log begins later."""
        return await in_worker(self._tree._place.core.revision_of, point)

    async def text(self, since: int = 0, until: int | None = None) -> str:
        """The log for people to read: each commit with its changes. Raises: Compacted."""
        return await in_worker(self._tree._place.core.log_text, since, until)
