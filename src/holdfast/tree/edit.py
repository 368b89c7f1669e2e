"""Editing the head: operations on one tree make the next one, and the list of rows that differ.

    Put(path, value)    the subtree at the path becomes this value; {} is a presence
    Delete(path)        it goes, and with it the containers above that this leaves empty, but for the first segment
    Merge(path, patch)  RFC 7396: members that are null go, objects are merged, all else is put

Equal values are left as they are, with their revision: a put changes what differs and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from holdfast.errors import AlreadyExists, Conflict, InvalidValue, NotFound

from .head import Branch, Leaf, Node, Owned, find, owner_of, rows_below
from .paths import MAX_DEPTH, Path, show
from .values import encode
from .wide import Children, children, with_child, without_child

__all__ = ["Delete", "Edit", "Editor", "Merge", "Operation", "Put", "merging", "written_paths"]


class Put(msgspec.Struct, frozen=True, tag="put"):
    """value: checked."""

    path: Path
    value: Any


class Delete(msgspec.Struct, frozen=True, tag="delete"):
    """missing_ok: nothing there is no error; owner: only if it is this session's."""

    path: Path
    missing_ok: bool = False
    owner: str | None = None


class Merge(msgspec.Struct, frozen=True, tag="merge"):
    """patch: checked."""

    path: Path
    patch: Any


Operation = Put | Delete | Merge


class Edit(msgspec.Struct, frozen=True, gc=False, eq=False):
    """A row that differs: the node before and after, None where there is none."""

    path: Path
    old: Node | None
    new: Node | None


class Editor:
    """One commit's work on a tree. `root` is the tree as it is after what was done so far.

    revision   the number that what changes gets
    owner      of an ephemeral commit: leaves belong to this session
    """

    def __init__(self, root: Branch, revision: int, owner: str | None = None) -> None:
        self.root = root
        self._before = root
        self._revision = revision
        self._owner = owner
        self._edits: dict[Path, Edit] = {}
        self._again = False  # a path was noted more than once, so that it may be as it was

    def run(self, operations: Iterable[Operation]) -> None:
        """Raises: InvalidValue - below a leaf, at the whole tree;  NotFound;  AlreadyExists, Conflict - see `put`."""
        for one in operations:
            match one:
                case Put():
                    self.put(one.path, one.value)
                case Delete():
                    if one.owner is None or owner_of(find(self.root, one.path)) == one.owner:
                        self.delete(one.path, missing_ok=one.missing_ok)
                case Merge():
                    self.merge(one.path, one.patch)

    def put(self, path: Path, value: Any) -> None:
        """Make the subtree at a path equal to a value.

        Raises: InvalidValue - a leaf stands above, or the path is the whole tree;  AlreadyExists, Conflict - an ephemeral leaf
          where something persistent is, or somebody else's.
        """
        _not_all(path, "put")
        above, old = self._walk(path)
        if self._owner is not None:
            self._may_own(old, path, value)
        new = self._made(old, value, path)
        if new is not old:
            self._place(above, path, new)

    def delete(self, path: Path, *, missing_ok: bool = False) -> None:
        """Raises: NotFound;  InvalidValue - the whole tree."""
        _not_all(path, "deleted")
        old = find(self.root, path)
        if old is None:
            if missing_ok:
                return
            raise NotFound(f"nothing is at `{show(path)}`", path=show(path))
        for where, node in rows_below(old, path):
            self._note(where, node, None)
        self._remove(path)

    def merge(self, path: Path, patch: Any) -> None:
        """Raises: InvalidValue."""
        _not_all(path, "merged into")
        above, old = self._walk(path)
        new = self._merged(old, patch, path)
        if new is not old:
            self._place(above, path, new)

    def finish(self) -> list[Edit]:
        """The rows that differ in the end. What several operations changed there and back did not change."""
        if not self._again:
            return list(self._edits.values())
        edits = [edit for edit in self._edits.values() if edit.old is not None or edit.new is not None]
        lasting = [edit for edit in edits if edit.old is None or edit.new is None or not self._same(edit.old, edit.new)]
        if len(lasting) < len(self._edits):
            root = self._settled(self._before, self.root)
            assert type(root) is Branch
            self.root = root
        return lasting

    # -- values to nodes -------------------------------------------------------------------------------------------

    def _made(self, old: Node | None, value: Any, path: Path) -> Node:
        """The node for a value; the old one itself where nothing differs."""
        if type(value) is dict:
            return self._made_branch(old, value, path)
        if type(old) is Branch:
            for where, node in rows_below(old, path):
                self._note(where, node, None)
            old = None
        new = Leaf(value, self._revision) if self._owner is None else Owned(value, self._revision, self._owner)
        if old is not None and self._same(old, new):
            return old
        self._note(path, old, new)
        return new

    def _made_branch(self, old: Node | None, value: dict[str, Any], path: Path) -> Branch:
        if type(old) is Leaf or type(old) is Owned:
            self._note(path, old, None)
        before = old.children if type(old) is Branch else None
        found = {key: self._made(before.get(key) if before is not None else None, one, (*path, key)) for key, one in value.items()}
        differs = type(old) is not Branch
        if before is not None:
            for key, child in before.items():
                if key not in value:
                    differs = True
                    for where, node in rows_below(child, (*path, key)):
                        self._note(where, node, None)
                elif found[key] is not child:
                    differs = True
            differs = differs or len(found) != len(before)
        kept = self._is_kept(old, not found, any(_is_persistent(one) for one in found.values()))
        if type(old) is Branch and not differs and kept == bool(old.kept):
            return old
        return self._branch(old, children(found), kept, path)

    def _merged(self, old: Node | None, patch: Any, path: Path) -> Node:
        if type(patch) is not dict:
            return self._made(old, patch, path)
        if type(old) is not Branch:
            return self._made_branch(old, _without_null(patch), path)
        now: Children[Node] = old.children
        for key, one in patch.items():
            child = now.get(key)
            if one is None:
                if child is not None:
                    for where, node in rows_below(child, (*path, key)):
                        self._note(where, node, None)
                    now = without_child(now, key)
                continue
            new = self._merged(child, one, (*path, key))
            if new is not child:
                now = with_child(now, key, new)
        if now is old.children:
            return old
        return self._branch(old, now, not _holds(now), path)

    def _is_kept(self, old: Node | None, empty: bool, persistent: bool) -> bool:
        """Does a container have a row? An empty one has; one with children only if those that came are ephemeral."""
        return empty or (type(old) is Branch and bool(old.kept) and not persistent)

    def _branch(self, old: Node | None, now: Children[Any], kept: bool, path: Path) -> Branch:
        was = old.kept if type(old) is Branch else 0
        new = Branch(now, self._revision, (was or self._revision) if kept else 0)
        if bool(was) != kept:
            self._note(path, old if was else None, new if kept else None)
        return new

    # -- places ----------------------------------------------------------------------------------------------------

    def _walk(self, path: Path) -> tuple[list[Branch | None], Node | None]:
        """The containers above a path, first to last, and the node at it; None where nothing is. Raises: InvalidValue - below a leaf."""
        above: list[Branch | None] = []
        node: Node | None = self.root
        for depth, key in enumerate(path):
            if type(node) is Branch:
                above.append(node)
                node = node.children.get(key)
            elif node is None:
                above.append(None)
            else:
                where = show(path[:depth])
                hint = f"delete `{where}` first, or put an object there"
                raise InvalidValue(f"`{where}` is a leaf, so nothing can stand at `{show(path)}`", hint=hint, path=where)
        return above, node

    def _place(self, above: list[Branch | None], path: Path, node: Node) -> None:
        """Put a node below the containers that `_walk` found."""
        for depth in range(len(path) - 1, -1, -1):
            old = above[depth]
            if old is None:
                node = Branch({path[depth]: node}, self._revision)
                continue
            now = with_child(old.children, path[depth], node)
            if old.kept and depth and self._owner is None:
                node = self._branch(old, now, False, path[:depth])
            else:
                node = Branch(now, self._revision, old.kept)
        assert type(node) is Branch
        self.root = node

    def _remove(self, path: Path) -> None:
        root = self._removed(self.root, path, 0)
        self.root = Branch({}, self._revision) if root is None else root

    def _removed(self, old: Branch, path: Path, depth: int) -> Branch | None:
        """The container without what is at the path; None if it goes too."""
        key = path[depth]
        if depth + 1 == len(path):
            new = None
        else:
            child = old.children.get(key)
            assert type(child) is Branch
            new = self._removed(child, path, depth + 1)
        now = without_child(old.children, key) if new is None else with_child(old.children, key, new)
        if depth == 1 and self._owner is None and not old.kept and not _holds(now):
            return self._branch(old, now, True, path[:depth])
        if len(now) or old.kept or not depth:
            return Branch(now, self._revision, old.kept)
        return None  # also a first segment, if only ephemeral nodes made it

    # -- what changed ----------------------------------------------------------------------------------------------

    def _note(self, path: Path, old: Node | None, new: Node | None) -> None:
        before = self._edits.get(path)
        if before is not None:
            self._again = True
            old = before.old
        self._edits[path] = Edit(path, old, new)

    def _same(self, one: Node, other: Node) -> bool:
        if type(one) is Branch or type(other) is Branch:  # as rows: two presences are equal
            return type(one) is type(other)
        if owner_of(one) != owner_of(other):
            return False
        a, b = one.value, other.value  # type: ignore[union-attr]
        if type(a) is not type(b):
            return False
        return a == b if type(a) in (str, int, bool) else encode(a) == encode(b)

    def _settled(self, old: Node | None, new: Node) -> Node:
        """The new node, with the old one in the place of each that is equal to it."""
        if type(old) is Branch and type(new) is Branch:
            now = new.children
            for key, child in list(now.items()):
                before = old.children.get(key)
                if before is not child and before is not None and (same := self._settled(before, child)) is not child:
                    now = with_child(now, key, same)
            unchanged = len(now) == len(old.children) and all(old.children.get(key) is child for key, child in now.items())
            if unchanged and bool(new.kept) == bool(old.kept):
                return old
            return Branch(now, new.since, (old.kept or new.kept) if new.kept else 0)
        return old if old is not None and self._same(old, new) else new

    def _may_own(self, old: Node | None, path: Path, value: Any) -> None:
        if type(value) is dict:
            raise InvalidValue(f"expected a leaf, got an object – at `{show(path)}`", hint="put each ephemeral leaf by its own path")
        if old is None or owner_of(old) == self._owner:
            return
        if type(old) is Owned:
            raise Conflict(f"`{show(path)}` is an ephemeral node of another session", path=show(path), owner=old.owner, version=old.since)
        sentence = f"`{show(path)}` is persistent: an ephemeral node does not replace it"
        raise AlreadyExists(sentence, path=show(path), version=old.since)


def merging(path: Path, patch: Any) -> list[Operation]:
    """A merge. Into the whole tree it is one of each first segment, of which none goes by it. patch: checked. Raises: InvalidValue."""
    if path:
        return [Merge(path, patch)]
    if type(patch) is not dict:
        raise InvalidValue("expected an object to be merged into the whole tree", hint="its members are first segments")
    for key, one in patch.items():
        if one is None:
            raise InvalidValue(f"the whole tree cannot be cleared by a merge: `{show((key,))}` is null", hint="delete it by its own path")
    return [Merge((key,), one) for key, one in patch.items()]


def written_paths(operation: Operation) -> Iterable[Path]:
    """Where an operation writes: a merge only at the members that it names."""
    if isinstance(operation, Merge):
        return _members(operation.patch, operation.path)
    return (operation.path,)


def _members(patch: Any, path: Path) -> Iterable[Path]:
    if type(patch) is not dict or not patch:
        yield path
        return
    for key, one in patch.items():
        yield from _members(one, (*path, key))


def _holds(children: Children[Any]) -> bool:
    """Is anything persistent among them or below?"""
    return any(_is_persistent(child) for child in children.values())


def _is_persistent(node: Node) -> bool:
    return bool(node.kept) or _holds(node.children) if type(node) is Branch else type(node) is Leaf


def _without_null(patch: dict[str, Any]) -> dict[str, Any]:
    return {key: _without_null(one) if type(one) is dict else one for key, one in patch.items() if one is not None}


def _not_all(path: Path, verb: str) -> None:
    if not path:
        raise InvalidValue(f"the whole tree cannot be {verb} at once", hint="name a first segment")
    if len(path) > MAX_DEPTH:
        raise InvalidValue(f"expected a path of at most {MAX_DEPTH} keys, got {len(path)}")
