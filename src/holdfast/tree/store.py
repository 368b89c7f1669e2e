"""The store: the tree of one database. Proposals go to the writer, commits come out, in order, to those who follow.

    propose ─► writer thread: look at `tip`, check, edit, rows + log line ─ COMMIT, synced ─► head = new ─► followers ─► answer
    reading: `head`, in any thread, without a lock

`tip` is the tree with the commits that are under way in the same transaction; `head` is what is on the disk. The writer alone moves
both. The order at the end matters: head first, then followers, then whoever waits, so that nobody is told of what he cannot read.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from holdfast.database.failpoint import reach
from holdfast.database.home import Database, Transaction
from holdfast.errors import Conflict

from . import draft, rows
from .commit import Commit, Proposal
from .edit import Edit, Editor, written_paths
from .head import Branch, Head, find
from .paths import Path, show

__all__ = ["Follower", "Stale", "Store"]

Follower = Callable[[Commit], None]
"""Called in the writer thread with each commit, in order. It must be quick and must not raise."""


class Stale(Exception):
    """Hooks or schemas have seen the proposal on a tree that is no more: show them the new one, and propose again."""


class Store:
    """Raises, when it is made: Corrupt - the rows are not those that were written."""

    def __init__(self, database: Database) -> None:
        self.database = database
        with database.reader() as reader:
            self.head = rows.load(reader.fetch)
        self._tip = self.head
        self._followers: tuple[Follower, ...] = ()

    def propose(self, proposal: Proposal) -> Future[Commit]:
        """Commit it, or nothing. Any thread; the future has its answer when the commit is on the disk and `head` shows it.

        Raises, in the future: Conflict - what was read or written has changed since the base, or an expected version is another;
          InvalidValue, NotFound, AlreadyExists - an operation;  Stale;  Unavailable, Closed - the database.
        """
        return self.database.write(lambda tx: self._commit(tx, proposal), durable=proposal.durable)

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

    # -- in the writer thread --------------------------------------------------------------------------------------

    def _commit(self, tx: Transaction, proposal: Proposal) -> Commit:
        tip = self._tip
        if proposal.checked is not None and _moved(tip, proposal.checked, proposal):
            raise Stale
        if proposal.base is not None or proposal.expected:
            self._check(tx, tip, proposal)
        editor = Editor(tip.root, tx.number, proposal.owner)
        editor.run(proposal.operations)
        edits = editor.finish()
        if proposal.draft is not None:
            draft.remove(tx, proposal.draft)
        if not edits:
            return Commit(tip.revision, author=proposal.author, message=proposal.message, origin=proposal.origin)
        return self._write(tx, tip, editor.root, edits, proposal)

    def _write(self, tx: Transaction, tip: Head, root: Branch, edits: list[Edit], proposal: Proposal) -> Commit:
        revision = tx.revision
        written = rows.write(tx, tip, root, revision, edits)
        reach("tree.rows")
        details: dict[str, Any] = {
            **proposal.details, "roots": written.roots, "changes": len(edits),
            "content": written.content, "digest": written.digest, "size": written.size,
        }  # fmt: skip
        if proposal.origin:
            details["origin"] = proposal.origin
        if proposal.owner is not None:
            details["owner"] = proposal.owner
        target = written.roots[0] if len(written.roots) == 1 else None
        details["sum"] = rows.line_sum(proposal.author, proposal.message, details)
        now = tx.note(rows.KIND, target=target, author=proposal.author, message=proposal.message, **details)
        commit = Commit(revision, now, proposal.author, proposal.message, proposal.origin, edits, proposal.details)
        after = Head(root, revision, written.digest, written.size)
        self._tip = after

        def settle(committed: bool) -> None:
            if not committed:
                self._tip = tip
                return
            self.head = after
            for follower in self._followers:
                follower(commit)

        tx.settle(settle)
        return commit

    def _check(self, tx: Transaction, tip: Head, proposal: Proposal) -> None:
        """Raises: Conflict, with every path that differs."""
        conflicts = []
        for path, version in proposal.expected.items():
            node = find(tip.root, path)
            now = 0 if node is None else node.since
            if now != version:
                conflicts.append(self._conflict(tx, path, now, expected=version))
        base = proposal.base
        if base is not None and base is not tip:
            written = {path for one in proposal.operations for path in written_paths(one)}
            conflicts += [
                self._conflict(tx, path, 0 if node is None else node.since, base=base.revision)
                for path in sorted({*proposal.reads, *written})
                if (node := find(tip.root, path)) is not find(base.root, path)
            ]
        if conflicts:
            raise Conflict(_told(conflicts), hint="read them again, and decide anew", conflicts=conflicts, revision=tip.revision)

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
