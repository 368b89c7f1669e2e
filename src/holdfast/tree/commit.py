"""What a commit is asked for, what it answers, and what watchers are told of it: values only."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Literal

import msgspec

from holdfast.errors import InvalidValue

from .edit import Edit, Operation
from .head import Branch, Head, Node, owner_of, value_of
from .paths import Path, show

__all__ = ["Change", "Commit", "Proposal", "changes_of", "check_words", "user", "version"]


class Change(msgspec.Struct, frozen=True):
    """One leaf, or an empty container, that a commit changed.

    value      the new one; None when it is deleted
    old        the one before; None when there was none
    created    nothing stood there before
    ephemeral  it belongs to a session
    groups     what the groups of a watch's regular expression matched
    """

    path: str
    op: Literal["put", "delete"]
    value: Any = None
    old: Any = None
    created: bool = False
    ephemeral: bool = False
    keys: Path = ()
    groups: tuple[str | None, ...] = ()


class Commit(msgspec.Struct, frozen=True, eq=False, dict=True):
    """A commit, as it answers whoever made it, and as watchers see it; one that changed nothing has no changes and no number of its own.

    revision  its own, or the last one
    origin    the id of the handle that made it: a writer knows his own commits by it
    details   what else the log says: `rollback`, `revert`, `draft` …
    """

    revision: int
    time_ns: int = 0
    author: str = ""
    message: str = ""
    origin: str = ""
    edits: Sequence[Edit] = ()
    details: Mapping[str, Any] = {}

    @cached_property
    def changes(self) -> tuple[Change, ...]:
        """What is different, by path."""
        return tuple(changes_of(self.edits))

    @property
    def time(self) -> datetime:
        return datetime.fromtimestamp(self.time_ns / 1e9, UTC)

    def __bool__(self) -> bool:
        """Did it change anything?"""
        return bool(self.edits)

    def __repr__(self) -> str:
        return f"<commit {self.revision} by {self.author}: {len(self.edits)} changes{' – ' + self.message if self.message else ''}>"


class Proposal(msgspec.Struct, frozen=True, eq=False):
    """What somebody wants to be committed.

    base      the tree that he saw: what he read or wrote must not have changed since; None: whatever is there now
    reads     paths of which he read the value, or that nothing is there
    expected  version by path: the node's `since`, 0 for "nothing is there"
    owner     an ephemeral commit of this session
    draft     it is this draft, which ends with the commit
    checked   the tree on which hooks and schemas have seen this proposal; None: nobody has to see it
    """

    operations: Sequence[Operation]
    author: str
    message: str = ""
    origin: str = ""
    base: Head | None = None
    reads: Iterable[Path] = ()
    expected: Mapping[Path, int] = {}
    owner: str | None = None
    details: Mapping[str, Any] = {}
    draft: str | None = None
    checked: Head | None = None


def changes_of(edits: Iterable[Edit]) -> list[Change]:
    """Edits as users see them, by path. A presence that ends because something came below it is no change: the container stays."""
    edits = list(edits)
    came = {edit.path[:depth] for edit in edits if edit.new is not None for depth in range(1, len(edit.path))}
    found = [_change(edit) for edit in edits if not (edit.new is None and type(edit.old) is Branch and edit.path in came)]
    found.sort(key=lambda one: one.keys)
    return found


def _change(edit: Edit) -> Change:
    old = None if edit.old is None else _plain(edit.old)
    if edit.new is None:
        return Change(show(edit.path), "delete", None, old, False, owner_of(edit.old) is not None, edit.path)
    return Change(show(edit.path), "put", _plain(edit.new), old, edit.old is None, owner_of(edit.new) is not None, edit.path)


def _plain(node: Node) -> Any:
    return {} if type(node) is Branch else value_of(node)


def check_words(**words: object) -> None:
    """What goes into the log: author, message. Raises: InvalidValue - not text, or text that is not Unicode."""
    for name, word in words.items():
        if type(word) is str and word.isascii():
            continue
        if not isinstance(word, str):
            raise InvalidValue(f"expected text as {name}, got `{word!r}`")
        try:
            word.encode()
        except UnicodeEncodeError:
            raise InvalidValue(f"expected text in Unicode as {name}, got half a surrogate pair") from None


def version(expected: object) -> int:
    """A version that a caller expects. Raises: InvalidValue - it cannot be one."""
    if type(expected) is not int or expected < 0:
        hint = "the version of a node is the revision that last changed it; 0: nothing is there"
        raise InvalidValue(f"expected a version, got `{expected!r}`", hint=hint)
    return expected


def user() -> str:
    """Who runs this process: the author where none is named."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
