"""The head: the tree in memory, immutable, sharing with the tree before what did not change. Reading is following references.

    Branch(children, since, kept) ─ key ─► Branch … ─ key ─► Leaf(value, since) | Owned(value, since, owner)

`since` is the revision of the last change of a node, of a container's also that of everything below it. An unchanged subtree is
the same object before and after, so `is` says whether anything below a path changed. A container without children is a presence:
it has a row of its own, and `kept` says so. Below it ephemeral nodes may come and go, the row stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from .paths import Path
from .values import fresh
from .wide import Children

__all__ = ["EMPTY", "Branch", "Head", "Leaf", "Node", "Owned", "Row", "find", "owner_of", "rows_below", "value_of"]


# Not seen by the garbage collector: they hold no cycles, and 100 000 of them would be visited again and again.
class Leaf(msgspec.Struct, frozen=True, gc=False, eq=False):
    """A value: null, boolean, number, text or array."""

    value: Any
    since: int


class Owned(Leaf, frozen=True, gc=False, eq=False):
    """An ephemeral leaf: it goes with the session `owner`."""

    owner: str


class Branch(msgspec.Struct, frozen=True, gc=False, eq=False):
    """A container. kept: the revision of its own row, if it has one; `since` may be later, when ephemeral nodes came below it."""

    children: Children[Any]
    since: int
    kept: int = 0


Node = Leaf | Branch
Row = tuple[Path, Node]
"""What has a row in the file: a leaf, or a container that is kept."""


class Head(msgspec.Struct, frozen=True, eq=False):
    """The whole tree at a revision. digest: the sum of the checksums of its rows; size: the number of rows."""

    root: Branch
    revision: int
    digest: int
    size: int


EMPTY: Final = Head(Branch({}, 0), 0, 0, 0)


def find(root: Branch, path: Path) -> Node | None:
    """The node at a path, or None."""
    node: Node | None = root
    for key in path:
        if type(node) is not Branch:
            return None
        node = node.children.get(key)
    return node


def owner_of(node: Node | None) -> str | None:
    return node.owner if type(node) is Owned else None


def value_of(node: Node) -> Any:
    """The JSON value of a subtree, keys sorted; the caller's to change."""
    if type(node) is Branch:
        return {key: value_of(child) for key, child in sorted(node.children.items())}
    return fresh(node.value)  # type: ignore[union-attr]


def rows_below(node: Node, path: Path) -> Iterator[Row]:
    """What has a row, at a path and below it."""
    if type(node) is not Branch:
        yield path, node
        return
    if node.kept:
        yield path, node
    for key, child in node.children.items():
        yield from rows_below(child, (*path, key))
