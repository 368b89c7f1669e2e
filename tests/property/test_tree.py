"""Always: whatever is done to the tree, with a crash at any moment of any commit, it is what a plain dictionary says.

A crash is the file with its write-ahead log as they are at a named fail point, opened again elsewhere: what a process that was
killed there would have left.
"""

from __future__ import annotations

import contextlib
import copy
import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from holdfast import Tree
from holdfast.database import failpoint
from holdfast.errors import AlreadyExists, InvalidValue, NotFound

KEYS = ("a", "b", "x.y")
POINTS = ("commit.begun", "tree.rows", "commit.written", "commit.synced", "commit.told")

Keys = tuple[str, ...]

keys = st.sampled_from(KEYS)
paths = st.lists(keys, min_size=1, max_size=4).map(tuple)
leaves = st.sampled_from([None, True, 1, 1.0, "", "text", [], [1, {"k": [2]}]])
values = st.recursive(leaves, lambda inner: st.dictionaries(keys, inner, max_size=3), max_leaves=6)
patches = st.dictionaries(keys, st.none() | values, max_size=3)
points = st.none() | st.sampled_from(POINTS)


class Model:
    """The tree as a dictionary: what the words of the design mean, written down plainly."""

    def __init__(self, root: dict[str, Any] | None = None) -> None:
        self.root: dict[str, Any] = root or {}

    def copy(self) -> Model:
        return Model(copy.deepcopy(self.root))

    def put(self, path: Keys, value: Any) -> None:
        node = self.root
        for key in path[:-1]:
            if not isinstance(node, dict):
                raise InvalidValue("below a leaf")
            node = node.setdefault(key, {})
        if not isinstance(node, dict):
            raise InvalidValue("below a leaf")
        node[path[-1]] = copy.deepcopy(value)

    def delete(self, path: Keys) -> None:
        chain: list[Any] = [self.root]
        for key in path:
            if not isinstance(chain[-1], dict) or key not in chain[-1]:
                raise NotFound("nothing there")
            chain.append(chain[-1][key])
        for depth in range(len(path) - 1, -1, -1):
            del chain[depth][path[depth]]
            if chain[depth] or depth <= 1:
                return

    def merge(self, path: Keys, patch: Any) -> None:
        node: Any = self.root
        for key in path[:-1]:
            node = node.get(key, {}) if isinstance(node, dict) else node
            if not isinstance(node, dict):
                raise InvalidValue("below a leaf")
        self.put(path, merged(node.get(path[-1]), patch))


def merged(target: Any, patch: Any) -> Any:
    """RFC 7396, section 2, word for word."""
    if not isinstance(patch, dict):
        return patch
    target = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            target.pop(key, None)
        else:
            target[key] = merged(target.get(key), value)
    return target


def same(one: Any, other: Any) -> bool:
    """Equal as JSON is: 1, 1.0 and true differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and bool(one == other)


def below(node: Any, path: Keys = ()) -> Iterator[Keys]:
    """Every path where something is."""
    if isinstance(node, dict):
        for key, child in node.items():
            yield (*path, key)
            yield from below(child, (*path, key))


class TreeMachine(RuleBasedStateMachine):
    """Commits, transactions, restarts, crashes, looks into the past."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.mkdtemp(prefix="holdfast-machine-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
        self.file = 0
        self.model = Model()
        self.past: dict[int, dict[str, Any]] = {}
        self.steps_unclear = False  # ephemeral leaves are steps too, which the model does not count
        self.tree = self.opened()

    def opened(self) -> Tree:
        return Tree(self.path, author="machine")

    @property
    def path(self) -> str:
        return os.path.join(self.folder, f"{self.file}.db")

    def teardown(self) -> None:
        try:
            self.is_undamaged_and_remembers()
            self.is_what_a_watch_was_told()
        finally:
            self.tree.close()
        shutil.rmtree(self.folder)

    @initialize()
    def begin(self) -> None:
        self.tree.put("a", {"b": 1, "c": {"a": {}}})
        self.model.put(("a",), {"b": 1, "c": {"a": {}}})
        self.remember()

    def remember(self) -> None:
        if not self.past or not same(self.past[max(self.past)], self.model.root):
            self.past[self.tree.revision] = copy.deepcopy(self.model.root)

    def attempt(self, real: Any, plain: Any) -> None:
        """Both do it, or both refuse."""
        before = self.tree.revision
        model = self.model.copy()
        try:
            plain(model)
        except (InvalidValue, NotFound) as refusal:
            try:
                real()
            except type(refusal):
                assert self.tree.revision == before
                return
            raise AssertionError(f"expected {refusal!r}, and it was done") from refusal
        real()
        self.model = model
        self.remember()

    @rule(path=paths, value=values)
    def put(self, path: Keys, value: Any) -> None:
        self.attempt(lambda: self.tree.put(path, value), lambda model: model.put(path, value))

    def place(self, data: st.DataObject) -> Keys:
        """A path: mostly one where something is."""
        there = list(below(self.model.root))
        return data.draw(st.sampled_from(there) if there and data.draw(st.integers(0, 3)) else paths)

    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        path = self.place(data)
        self.attempt(lambda: self.tree.delete(path), lambda model: model.delete(path))

    @rule(patch=patches, data=st.data())
    def merge(self, patch: Any, data: st.DataObject) -> None:
        path = self.place(data)
        self.attempt(lambda: self.tree.merge(path, patch), lambda model: model.merge(path, patch))

    @rule(work=st.lists(st.just("delete") | values, min_size=1, max_size=5), data=st.data())
    def transaction(self, work: list[Any], data: st.DataObject) -> None:
        tx = self.tree.transaction()
        model = self.model.copy()
        for value in work:
            path = self.place(data)
            with contextlib.suppress(InvalidValue, NotFound):
                if isinstance(value, str) and value == "delete":
                    tx.delete(path)
                    model.delete(path)
                else:
                    tx.put(path, value)
                    model.put(path, value)
            assert same(tx.get(), model.root)
        tx.commit()
        self.model = model
        self.remember()

    @rule(name=st.sampled_from(["one", "two"]), path=paths, value=values)
    def draft(self, name: str, path: Keys, value: Any) -> None:
        draft = self.tree.drafts.begin(name)
        model = self.model.copy()
        try:
            draft.put(path, value)
            model.put(path, value)
        except InvalidValue:
            draft.drop()
            return
        self.restart()
        self.tree.drafts.open(name).commit()
        self.model = model
        self.remember()

    @precondition(lambda self: not self.steps_unclear)
    @rule(back=st.integers(1, 4), data=st.data())
    def rollback(self, back: int, data: st.DataObject) -> None:
        root = data.draw(keys)
        then = [state for _, state in sorted(self.past.items())]
        states = [object(), *(state.get(root, ...) for state in then)]
        own = [state for before, state in itertools.pairwise(states) if not _equal(before, state)]
        own = own[1:] if own and own[0] is ... else own
        if back > len(own):
            try:
                self.tree.history.rollback((root,), back=back)
            except NotFound:
                return
            raise AssertionError("rolled back further than there is anything")
        wanted = own[-1 - back] if back < len(own) else ...
        self.tree.history.rollback((root,), back=back)
        if wanted is ...:
            self.model.root.pop(root, None)
        else:
            self.model.root[root] = copy.deepcopy(wanted)
        self.remember()

    @rule(work=st.lists(st.just("delete") | values, max_size=3), data=st.data())
    def session(self, work: list[Any], data: st.DataObject) -> None:
        """Ephemeral leaves come, persistent ones change around them, they go: as if they had never been there."""
        session = self.tree.session()
        for path in data.draw(st.lists(paths, min_size=1, max_size=3)):
            with contextlib.suppress(InvalidValue, AlreadyExists):
                session.put(path, "ephemeral")
                assert self.tree.get(path) == "ephemeral"
        model = self.model.copy()
        for value in work:
            path = self.place(data)
            try:
                if isinstance(value, str) and value == "delete":
                    model.copy().delete(path)
                    self.tree.delete(path)
                    model.delete(path)
                else:
                    self.tree.put(path, value)
                    model.put(path, value)
            except (InvalidValue, NotFound):  # also of a put below an ephemeral leaf, which is a leaf
                continue
        if data.draw(st.booleans()):
            session.end()
        else:
            self.restart()
        self.model = model
        assert same(self.tree.get(), model.root)
        self.past[self.tree.revision] = copy.deepcopy(model.root)
        self.steps_unclear = True

    @rule()
    def restart(self) -> None:
        self.tree.close()
        self.tree = self.opened()

    @rule(point=st.sampled_from(POINTS), path=paths, value=values)
    def crash(self, point: str, path: Keys, value: Any) -> None:
        """In the middle of a commit. What was acknowledged is there; what was not is there as a whole, or not at all."""
        after = self.model.copy()
        try:
            after.put(path, value)
        except InvalidValue:
            return
        left = os.path.join(self.folder, f"{self.file + 1}.db")
        failpoint.armed[point] = lambda: self.leave(left)
        try:
            self.tree.put(path, value)
        finally:
            failpoint.armed.clear()
        self.tree.close()
        self.file += 1
        if not os.path.exists(left):  # nothing had to be changed, so that the place was not reached
            self.file -= 1
        self.tree = self.opened()
        found = self.tree.get()
        if point in ("commit.synced", "commit.told"):
            assert same(found, after.root)
        assert same(found, self.model.root) or same(found, after.root)
        if same(found, after.root):
            self.model = after
        self.remember()
        self.is_undamaged_and_remembers()

    def leave(self, left: str) -> None:
        if not os.path.exists(left):
            for suffix in ("-wal", ""):  # without -shm: it is made anew, as after a crash of the machine
                if os.path.exists(self.path + suffix):
                    shutil.copyfile(self.path + suffix, left + suffix)

    @invariant()
    def is_what_the_dictionary_says(self) -> None:
        assert same(self.tree.get(), self.model.root)

    def is_undamaged_and_remembers(self) -> None:
        assert self.tree.check() == [], self.tree.check()
        for revision, state in self.past.items():
            assert same(self.tree.history.get("", revision), state), revision


    def is_what_a_watch_was_told(self) -> None:
        """All commits, one after the other, applied to nothing. A presence stays while only ephemeral leaves come and go below it."""
        watch = self.tree.watch(since=1)
        told: dict[str, Any] = {}
        present: set[Keys] = set()
        last = 0
        while last < self.tree.revision:
            commit = next(watch)
            assert commit.revision > last and commit.changes
            last = commit.revision
            for change in reversed(commit.changes):  # what is below goes before what is above
                if change.op == "delete":
                    present.discard(change.keys)
                    forget(told, change.keys, present)
            for change in commit.changes:
                if change.op == "put":
                    node = told
                    for key in change.keys[:-1]:
                        node = node.setdefault(key, {})
                    if change.value != {} or not isinstance(node.get(change.keys[-1]), dict):
                        node[change.keys[-1]] = change.value
                    if not change.ephemeral:
                        present -= {change.keys[:depth] for depth in range(len(change.keys))}
                    if change.value == {}:
                        present.add(change.keys)
        assert same(told, self.model.root)


def forget(root: dict[str, Any], path: Keys, present: set[Keys]) -> None:
    """Take a leaf away, and the containers that this leaves empty, but for those that are there by themselves."""
    chain = [root]
    for key in path[:-1]:
        chain.append(chain[-1][key])
    for depth in range(len(path) - 1, -1, -1):
        del chain[depth][path[depth]]
        if chain[depth] or path[:depth] in present:
            return


def _equal(one: Any, other: Any) -> bool:
    return one is other or (type(one) is not object and one is not ... and other is not ... and same(one, other))


TestTree = TreeMachine.TestCase
TestTree.settings = settings(max_examples=(settings.default or settings()).max_examples // 5, stateful_step_count=20)
