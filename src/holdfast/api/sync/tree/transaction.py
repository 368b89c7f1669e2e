# made from api/aio/tree/transaction.py by scripts/generators/sync.py; scripts/generate writes it anew
"""Many changes of the tree as one commit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from holdfast.api.bridge import answer
from holdfast.errors import Closed
from holdfast.tree.commit import Change, Commit
from holdfast.tree.commit import version as checked_version
from holdfast.tree.looking import RAISE, Match
from holdfast.tree.paths import PathLike, parse
from holdfast.tree.workspace import Workspace

if TYPE_CHECKING:
    from holdfast.api.sync.tree.tree import Tree

__all__ = ["Transaction"]


class Transaction:
    """Changes in private, with their own reads; `commit` or leaving the `with` makes them, all or none; an exception drops them."""

    def __init__(self, tree: Tree, work: Workspace, author: str, message: str) -> None:
        self.author = author
        self.message = message
        self._tree = tree
        self._work = work
        self._ended = False

    @property
    def base(self) -> int:
        """The revision that it sees."""
        return self._work.base.revision

    def get(self, path: PathLike = "", default: Any = RAISE) -> Any:
        """As it would become. Raises: NotFound."""
        keys = parse(path)
        node = self._work.node(keys)
        return self._work.value(keys) if node is not None or default is RAISE else default

    def keys(self, path: PathLike = "") -> list[str]:
        """Raises: NotFound."""
        return self._work.keys(parse(path))

    def find(self, pattern: str | None = None, *, regex: str | None = None) -> list[Match]:
        """What a pattern or a regular expression matches, as it would become. Raises: InvalidValue."""
        return self._work.find(pattern, regex)

    def put(self, path: PathLike, value: Any) -> None:
        """Raises: InvalidValue;  Closed."""
        self._open().put(path, value)

    def delete(self, path: PathLike, *, missing_ok: bool = False) -> None:
        """Raises: NotFound, InvalidValue, Closed."""
        self._open().delete(path, missing_ok=missing_ok)

    def merge(self, path: PathLike, patch: Any) -> None:
        """Raises: InvalidValue, Closed."""
        self._open().merge(path, patch)

    def expect(self, path: PathLike, version: int) -> None:
        """Commit only if this path is at this version then; 0: nothing is there."""
        self._open().expected[parse(path)] = checked_version(version)

    def diff(self) -> list[Change]:
        """What it would change."""
        return self._work.changes()

    def commit(self) -> Commit:
        """Raises: Conflict - something that it read or wrote has changed since; `details["conflicts"]` says each, and by whom;
        Denied, InvalidValue. It has ended in any case.
        """
        work = self._open()
        self._ended = True
        return answer(self._tree._place.commit(work.proposal(self.author, self.message, self._tree.id)))

    def cancel(self) -> None:
        """Drop it."""
        self._ended = True

    def _open(self) -> Workspace:
        if self._ended:
            raise Closed("this transaction has ended", hint="begin a new one")
        return self._work

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._ended = True
        elif not self._ended:
            self.commit()
