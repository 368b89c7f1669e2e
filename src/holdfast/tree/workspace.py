"""A private candidate: the tree as somebody saw it, and his operations on it. What transactions and drafts have in common."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from holdfast.errors import NotFound

from .commit import Change, Proposal, changes_of
from .edit import Delete, Editor, Operation, Put, merging
from .head import Branch, Head, Node, find, value_of
from .looking import Match, matches
from .paths import Path, PathLike, parse, show
from .patterns import chosen
from .values import checked

__all__ = ["Workspace"]


class Workspace:
    """Reads see its own writes; every path that is read is remembered, so that the commit can be refused if it changes."""

    def __init__(self, base: Head, operations: Iterable[Operation] = ()) -> None:
        """Raises: as `run` of an Editor."""
        self.base = base
        self.operations: list[Operation] = []
        self.reads: set[Path] = set()
        self.expected: dict[Path, int] = {}
        self.root = base.root
        for one in operations:
            self.add(one)

    # -- reading ---------------------------------------------------------------------------------------------------

    def node(self, path: Path) -> Node | None:
        self.reads.add(path)
        return find(self.root, path)

    def value(self, path: Path) -> Any:
        """Raises: NotFound."""
        node = self.node(path)
        if node is None:
            raise NotFound(f"nothing is at `{show(path)}`", path=show(path))
        return value_of(node)

    def keys(self, path: Path) -> list[str]:
        """Raises: NotFound."""
        node = self.node(path)
        if node is None:
            raise NotFound(f"nothing is at `{show(path)}`", path=show(path))
        return sorted(node.children) if type(node) is Branch else []

    def find(self, stars: str | None, expression: str | None) -> list[Match]:
        """What a pattern or a regular expression matches. Counts as reading all that it could match. Raises: InvalidValue."""
        wanted = chosen(stars, expression)
        self.reads.add(wanted.prefix if wanted else ())
        return matches(self.root, stars, expression)

    # -- writing ---------------------------------------------------------------------------------------------------

    def put(self, path: PathLike, value: Any) -> None:
        keys = parse(path)
        self.add(Put(keys, checked(value, keys)))

    def delete(self, path: PathLike, *, missing_ok: bool = False) -> None:
        self.add(Delete(parse(path), missing_ok))

    def merge(self, path: PathLike, patch: Any) -> None:
        keys = parse(path)
        for one in merging(keys, checked(patch, keys)):
            self.add(one)

    def add(self, operation: Operation) -> None:
        """Do it here; nothing is changed when it cannot be done. Raises: InvalidValue, NotFound."""
        editor = Editor(self.root, self.base.revision + 1)
        editor.run([operation])
        self.root = editor.root
        self.operations.append(operation)

    def changes(self) -> list[Change]:
        """How it differs from its base."""
        editor = Editor(self.base.root, self.base.revision + 1)
        editor.run(self.operations)
        return changes_of(editor.finish())

    def proposal(self, author: str, message: str, origin: str, details: Mapping[str, Any] | None = None) -> Proposal:
        operations: Sequence[Operation] = tuple(self.operations)
        reads, expected = tuple(self.reads), dict(self.expected)
        return Proposal(operations, author, message, origin, self.base, reads, expected, details=details or {})
