"""The store: the tree of one database. Proposals go to the writer, commits come out, in order, to those who follow.

    propose ─► writer thread: look at `tip`, check, edit, rows + log line ─ COMMIT, synced ─► head = new ─► followers ─► answer
    reading: `head`, in any thread, without a lock

`tip` is the tree with the commits that are under way in the same transaction; `head` is what is on the disk. The writer alone moves
both. The order at the end matters: head first, then followers, then whoever waits, so that nobody is told of what he cannot read.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, Final

from holdfast.database.failpoint import reach
from holdfast.database.home import Database, Transaction
from holdfast.errors import Conflict, HoldfastError, InvalidValue

from . import draft, rows
from .commit import Commit, Proposal, check_words
from .edit import Edit, Editor, written_paths
from .head import Branch, Head, find
from .paths import Path, show
from .pending import Pending, tell
from .values import MAX_COMMIT, MAX_LEAF

__all__ = ["Follower", "Stale", "Store"]

Follower = Callable[[Sequence[Commit]], None]
"""Called by the writer with the commits of each batch, in order. It must be quick and must not raise."""


_TOGETHER: Final = 60
"""Proposals in one job of the writer, which may take 64 revisions."""


class Stale(Exception):
    """Hooks or schemas have seen the proposal on a tree that is no more: show them the new one, and propose again."""


class _Batch:
    """What a job did: the tree before and after, and the commits between."""

    __slots__ = ("after", "before", "commits")

    def __init__(self, before: Head) -> None:
        self.before = self.after = before
        self.commits: list[Commit] = []


class Store:
    """Raises, when it is made: Corrupt - the rows are not those that were written."""

    def __init__(self, database: Database) -> None:
        self.database = database
        with database.reader() as reader:
            self.head = rows.load(reader.fetch)
        self._tip = self.head
        self._waiting: deque[tuple[Proposal, Pending[Commit]]] = deque()
        self._asked = False  # a job that will take what waits is given to the writer
        self._gate = threading.Lock()
        self._followers: tuple[Follower, ...] = ()

    def propose(self, proposal: Proposal) -> Pending[Commit]:
        """Commit it, or nothing. Any thread; the answer comes when the commit is on the disk and `head` shows it.

        Those that wait together are carried out in their order, each on its own, and share a transaction and its sync.
        Raises, with the answer: Conflict - what was read or written has changed since the base, or an expected version is another;
          InvalidValue, NotFound, AlreadyExists - an operation;  Stale;  Unavailable, Closed - the database.
        Raises, at once: InvalidValue - author or message. In the log they would fail the commits of others that share the transaction.
        """
        check_words(author=proposal.author, message=proposal.message)
        pending: Pending[Commit] = Pending()
        with self._gate:
            self._waiting.append((proposal, pending))
            if self._asked:
                return pending
            self._asked = True
        self._ask()
        return pending

    def follow(self, follower: Follower) -> Callable[[], None]:
        """Be told of each commit from now on; returns what ends it."""
        self._followers = (*self._followers, follower)

        def end() -> None:
            self._followers = tuple(one for one in self._followers if one is not follower)

        return end

    def candidate(self, proposal: Proposal, head: Head) -> tuple[Branch, list[Edit]]:
        """What the tree would become. Raises: as `propose`."""
        editor = Editor(head.root, head.revision + 1, proposal.owner)
        editor.run(proposal.operations)
        return editor.root, editor.finish()

    # -- in the writer ---------------------------------------------------------------------------------------------

    def _ask(self) -> None:
        """Give the writer a job that takes what waits."""
        batch: list[tuple[Proposal, Pending[Commit]]] = []
        try:
            future = self.database.write(lambda tx: self._run(tx, batch), durable=True)
        except HoldfastError as error:
            self._fail(error)
        else:
            future.add_done_callback(lambda future: self._finish(batch, future))

    def _run(self, tx: Transaction, batch: list[tuple[Proposal, Pending[Commit]]]) -> None:
        """One job: a batch of proposals."""
        with self._gate:
            while self._waiting and len(batch) < _TOGETHER:
                batch.append(self._waiting.popleft())
            left = self._asked = bool(self._waiting)
        if left:  # before anything can fail
            self._ask()
        done = _Batch(self._tip)
        tx.settle(lambda committed: self._settle(done, committed=committed))
        gathered = rows.Gathered(tx)
        for proposal, pending in batch:
            try:
                commit = pending.value = self._commit(tx, proposal, gathered)
            except (HoldfastError, Stale) as error:
                pending.error = error
                continue
            if commit.edits:
                done.commits.append(commit)
                tx.another()
        gathered.write()
        reach("tree.rows")
        done.after = self._tip

    def _settle(self, done: _Batch, *, committed: bool) -> None:
        if not committed:
            self._tip = done.before
            return
        self.head = done.after
        if done.commits:
            for follower in self._followers:
                follower(done.commits)

    def _finish(self, batch: list[tuple[Proposal, Pending[Commit]]], future: Future[None]) -> None:
        error = future.exception()
        if error is not None:
            if not batch:
                self._fail(error)
            for _, pending in batch:
                pending.error = pending.error or error
        tell(pending for _, pending in batch)

    def _fail(self, error: BaseException) -> None:
        """The database takes nothing: neither will those who wait be served."""
        with self._gate:
            waiting, self._asked = list(self._waiting), False
            self._waiting.clear()
        for _, pending in waiting:
            pending.error = error
        tell(pending for _, pending in waiting)

    def _commit(self, tx: Transaction, proposal: Proposal, gathered: rows.Gathered) -> Commit:
        tip = self._tip
        if proposal.checked is not None and _moved(tip, proposal.checked, proposal):
            raise Stale
        if proposal.base is not None or proposal.expected:
            self._check(tx, tip, proposal, gathered)
        editor = Editor(tip.root, tx.number, proposal.owner)
        editor.run(proposal.operations)
        edits = editor.finish()
        if proposal.draft is not None:
            draft.remove(tx, proposal.draft)
        if not edits:
            return Commit(tip.revision, 0, proposal.author, proposal.message, proposal.origin)
        _check_size(edits)
        revision = tx.revision
        written = gathered.add(tip, editor.root, revision, edits)
        now = self._note(tx, proposal, written, len(edits))
        self._tip = Head(editor.root, revision, written.digest, written.size)
        return Commit(revision, now, proposal.author, proposal.message, proposal.origin, edits, proposal.details)

    def _note(self, tx: Transaction, proposal: Proposal, written: rows.Written, changes: int) -> int:
        """The commit's line in the log; returns its time."""
        details: dict[str, Any] = {
            **proposal.details, "roots": written.roots, "changes": changes,
            "content": written.content, "digest": written.digest, "size": written.size,
        }  # fmt: skip
        if proposal.origin:
            details["origin"] = proposal.origin
        if proposal.owner is not None:
            details["owner"] = proposal.owner
        target = written.roots[0] if len(written.roots) == 1 else None
        text = rows.line_text(proposal.author, proposal.message, details)
        return tx.note(rows.KIND, target=target, author=proposal.author, message=proposal.message, text=text)

    def _check(self, tx: Transaction, tip: Head, proposal: Proposal, gathered: rows.Gathered) -> None:
        """Raises: Conflict, with every path that differs."""
        conflicts: list[tuple[Path, int, dict[str, int]]] = []
        for path, version in proposal.expected.items():
            node = find(tip.root, path)
            now = 0 if node is None else node.since
            if now != version:
                conflicts.append((path, now, {"expected": version}))
        base = proposal.base
        if base is not None and base is not tip:
            written = {path for one in proposal.operations for path in written_paths(one)}
            conflicts += [
                (path, 0 if node is None else node.since, {"base": base.revision})
                for path in sorted({*proposal.reads, *written})
                if (node := find(tip.root, path)) is not find(base.root, path)
            ]
        if conflicts:
            gathered.write()  # it may have happened a moment ago, in this very batch
            found = [self._conflict(tx, path, now, **more) for path, now, more in conflicts]
            raise Conflict(_told(found), hint="read them again, and decide anew", conflicts=found, revision=tip.revision)

    def _conflict(self, tx: Transaction, path: Path, version: int, **more: int) -> dict[str, Any]:
        """A path that is not as the proposal takes it to be: its version now, and who changed it last."""
        text = show(path)
        changed = version
        if not changed:  # it went: with which revision?
            low, high = (f"{text}.", f"{text}/")
            found = tx.fetch("SELECT max(until) FROM tree WHERE path = ? OR (path >= ? AND path < ?)", (text, low, high))
            changed = found[0][0] or 0
        who = tx.fetch("SELECT author, time_ns FROM log WHERE revision = ? AND kind = ?", (changed, rows.KIND))
        author, time_ns = who[0] if who else (None, None)
        return {"path": text, "version": version, "changed": changed, "author": author, "time_ns": time_ns, **more}


def _check_size(edits: Sequence[Edit]) -> None:
    """Raises: InvalidValue - the values of a commit are too big together."""
    if len(edits) > MAX_COMMIT // MAX_LEAF:
        size = sum(len(rows.text_of(edit.new)) for edit in edits if edit.new is not None)
        if size > MAX_COMMIT:
            sentence = f"expected values of at most {MAX_COMMIT} bytes in one commit, got {size} in {len(edits)} leaves"
            raise InvalidValue(sentence, hint="commit it in parts")


def _moved(tip: Head, checked: Head, proposal: Proposal) -> bool:
    """Has a first segment that the proposal writes to changed since hooks and schemas saw it?"""
    if tip is checked:
        return False
    roots = {one.path[:1] for one in proposal.operations}
    return any(find(tip.root, root) is not find(checked.root, root) for root in roots)


def _told(conflicts: list[dict[str, Any]]) -> str:
    parts = []
    for one in conflicts[:3]:
        now = f"is at version {one['version']}" if one["version"] else "is not there"
        wanted = f"expected version {one['expected']}" if "expected" in one else f"changed since revision {one['base']}"
        by = f", changed at revision {one['changed']} by {one['author']}" if one["changed"] and one["author"] else ""
        parts.append(f"`{one['path']}` {now}{by}; {wanted}")
    more = f"; and {len(conflicts) - 3} more" if len(conflicts) > 3 else ""
    return "; ".join(parts) + more
