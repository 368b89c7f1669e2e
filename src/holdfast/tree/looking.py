"""Looking at the head: values, nodes with what is known of them, keys page by page, what matches a pattern. Plain, in any thread."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import Any, Final, Literal

from holdfast.errors import InvalidValue, NotFound

from .head import Branch, Head, Node, find, owner_of, value_of
from .paths import Path, PathLike, parse, show
from .patterns import chosen, found, pattern

__all__ = ["RAISE", "Info", "Match", "Pages", "info", "matches", "node", "value"]



class _Raise:
    """Shown as what happens."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "RAISE"


RAISE: Final[Any] = _Raise()
"""The default of a `default`: nothing there is an error."""

_WIDE: Final = 1000
_KEPT: Final = 8


@dataclass(frozen=True, slots=True)
class Info:
    """A node, with what is known of it.

    version    the revision that last changed it, or something below it: what `expected` is compared with
    kind       leaf or container; size: how many keys a container has
    ephemeral  it belongs to the session `owner`
    """

    path: str
    value: Any
    version: int
    kind: Literal["leaf", "container"]
    size: int = 0
    ephemeral: bool = False
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """What a pattern found; groups: of a regular expression."""

    path: str
    value: Any
    groups: tuple[str | None, ...] = ()


def node(head: Head, path: PathLike) -> Node:
    """Raises: NotFound, InvalidValue."""
    keys = parse(path)
    there = find(head.root, keys)
    if there is None:
        raise NotFound(f"nothing is at `{show(keys)}`", path=show(keys), revision=head.revision)
    return there


def value(head: Head, path: PathLike) -> Any:
    """Raises: NotFound, InvalidValue."""
    return value_of(node(head, path))


def info(there: Node, path: Path, version: int | None = None) -> Info:
    owner = owner_of(there)
    kind: Literal["leaf", "container"] = "container" if type(there) is Branch else "leaf"
    size = len(there.children) if type(there) is Branch else 0
    return Info(show(path), value_of(there), there.since if version is None else version, kind, size, owner is not None, owner)


def matches(root: Branch, stars: str | None, expression: str | None) -> list[Match]:
    """What one of both matches, in the order of keys; all if neither is given. Raises: InvalidValue."""
    wanted = chosen(stars, expression) or pattern("**")
    return [Match(show(path), value_of(there), groups) for path, there, groups in found(root, wanted)]


class Pages:
    """Keys in order, page by page. The sorted keys of the last few wide containers are kept, so that a page costs its length."""

    def __init__(self) -> None:
        self._sorted: dict[int, tuple[Branch, list[str]]] = {}

    def keys(self, head: Head, path: PathLike, after: str | None, limit: int | None) -> list[str]:
        """The keys behind `after`, at most `limit`. A leaf has none. Raises: NotFound, InvalidValue."""
        if limit is not None and limit < 1:
            raise InvalidValue(f"expected a limit of at least 1, got {limit}")
        there = node(head, path)
        if type(there) is not Branch:
            return []
        keys = self._of(there)
        start = 0 if after is None else bisect_right(keys, after)
        return keys[start : None if limit is None else start + limit]

    def _of(self, branch: Branch) -> list[str]:
        if len(branch.children) < _WIDE:
            return sorted(branch.children)
        known = self._sorted.get(id(branch))
        if known is not None and known[0] is branch:
            return known[1]
        keys = sorted(branch.children)
        self._sorted = dict([*self._sorted.items()][1 - _KEPT :]) | {id(branch): (branch, keys)}
        return keys
