"""One tree at work: the store, and all that lives around it on a loop. Wiring, and the order of starting and stopping.

    commit(proposal) ─► nobody has to see it: the store at once
                     └► schemas, before hooks (on the loop) ─► the store, on condition that what they saw is still so
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from datetime import datetime, timedelta
from typing import Final

import msgspec

from holdfast.database.home import Database
from holdfast.errors import Closed, Conflict, HoldfastError, InvalidValue, NotFound, Unavailable

from . import compaction, past, rows
from .check import Damage, check
from .commit import Commit, Proposal
from .compaction import Retention
from .draft import Drafts
from .edit import Delete, Edit, Operation, Put
from .functions import Functions
from .head import Branch, Head, Node, find, owner_of, value_of
from .hooks import Hooks
from .looking import Info, info, node
from .messages import Channels
from .past import Entry, reading
from .paths import Path, show
from .patterns import Pattern
from .pending import Answer, answered
from .plugins import Plugins
from .schema import Schemas
from .sessions import Sessions
from .store import Stale, Store
from .telling import Blame, blame
from .text import log_lines
from .watch import Hub, Watch

__all__ = ["Core", "Point"]

logger = logging.getLogger("holdfast.tree")

Point = int | str | datetime | timedelta
"""A revision, a time, or so long ago; a text is one of these in words: `1200`, `2026-11-20T14:03`, `10 minutes ago`."""

_ATTEMPTS: Final = 16
"""How often hooks and schemas are shown a commit whose ground moves under it."""
_TICK_S: Final = 1.0
_COMPACT_EVERY_S: Final = 60.0
NODE: Final = "holdfast"
"""The author of what nobody asked for: ended sessions."""


class Core:
    """The tree of one database, from `start` until `close`. Reading and `commit` may be called from any thread, all else on the loop."""

    hub: Hub
    channels: Channels

    def __init__(self, database: Database, retention: Retention | None = None) -> None:
        """Blocks. Raises: Corrupt."""
        self.database = database
        self.retention = retention or Retention()
        self.store = Store(database)
        self.schemas = Schemas(database)
        self.hooks = Hooks()
        self.functions = Functions()
        self.drafts = Drafts(database, lambda: self.store.head)
        self.sessions = Sessions(self.commit, self.store.propose, time.monotonic)
        self.plugins = Plugins()
        self.running = False
        self.loop: asyncio.AbstractEventLoop | None = None
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def path(self) -> str:
        """Of the file."""
        return str(self.database.path)  # type: ignore[attr-defined]

    @property
    def head(self) -> Head:
        return self.store.head

    @property
    def root(self) -> Branch:
        return self.store.head.root

    # -- life ------------------------------------------------------------------------------------------------------

    async def start(self, *, still: bool = False) -> None:
        """What sessions of an earlier run left is taken away before anybody sees it. still: the database can only be read."""
        self.loop = asyncio.get_running_loop()
        swept = None if still else self.sessions.sweep(self.database, NODE)
        if swept is not None:
            try:
                await answered(swept)
            except Unavailable as error:  # begun on a full disk; the next start does it
                logger.warning("what sessions of an earlier run left stays for now: %s", error)
        self.hub = Hub(self.store, self.loop)
        self.channels = Channels(self.loop)
        self.hub.on_commit(self.hooks.committed, lambda: self.hooks.follows)
        self.running = True
        if still:
            return
        self._tasks = [
            asyncio.create_task(self.hooks.follow(), name="holdfast-tree-hooks"),
            asyncio.create_task(self._housekeeping(), name="holdfast-tree-housekeeping"),
        ]

    async def close(self) -> None:
        """Plugins stop, sessions end, watches end. The database is the caller's. Idempotent."""
        if not self.running:
            return
        await self.plugins.close()
        self.running = False
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        for session in self.sessions.all():
            with contextlib.suppress(HoldfastError):
                await answered(session.end(NODE))
        self.functions.close()
        self.channels.close()
        self.hub.close()

    async def _housekeeping(self) -> None:
        compacted = time.monotonic()
        while True:
            await asyncio.sleep(_TICK_S)
            try:
                self.sessions.expire(NODE)
                await asyncio.to_thread(self.drafts.expire)
                if time.monotonic() - compacted >= _COMPACT_EVERY_S:
                    compacted = time.monotonic()
                    await asyncio.to_thread(self.compact)
            except Closed:
                return
            except Exception:
                logger.exception("housekeeping of the tree failed; tried again")

    def compact(self, before: int | None = None) -> int:
        """Let history go: what ended at or before this revision, or by the policy. Returns the number of rows. Blocks."""
        if before is not None and type(before) is not int:
            raise InvalidValue(f"expected a revision, got `{before!r}`")
        if before is None:
            before = compaction.due(self.database, self.retention)
        if before > self.database.revision:
            raise InvalidValue(f"expected a revision up to {self.database.revision}, got {before}")
        return compaction.compact(self.database, before)

    # -- writing ---------------------------------------------------------------------------------------------------

    def commit(self, proposal: Proposal) -> Answer[Commit]:
        """Commit it, or nothing. Any thread. Raises, in the future: what the store does, what hooks and schemas do."""
        paths = [one.path for one in proposal.operations]
        if not (self.hooks.concern(paths) or self.schemas.concern(paths)):
            return self.store.propose(proposal)
        if not self.running or self.loop is None:
            raise Closed("this tree is closed")
        return asyncio.run_coroutine_threadsafe(self._seen(proposal), self.loop)

    async def _seen(self, proposal: Proposal) -> Commit:
        """Show it to schemas and hooks, then propose it on condition that nothing of it has changed; again if it has."""
        for _ in range(_ATTEMPTS):
            head = self.head
            root, edits = self.store.candidate(proposal, head)
            if edits:
                await asyncio.to_thread(self.schemas.check, edits, root)
                await self.hooks.before(proposal, edits, root, head)
            with contextlib.suppress(Stale):
                return await self.store.propose(msgspec.structs.replace(proposal, checked=head)).wait()
        roots = ", ".join(sorted({show(one.path[:1]) for one in proposal.operations}))
        raise Conflict(f"{roots} changed {_ATTEMPTS} times while hooks and schemas looked at this commit", hint="try again")

    # -- the past --------------------------------------------------------------------------------------------------

    def revision_of(self, point: Point | None, path: Path = (), back: int = 0) -> int:
        """The revision of a point, or `back` of the path's own changes before it. Blocks. Raises: InvalidValue, NotFound, Compacted."""
        revision = self.head.revision if point is None else self.database.moment(point).revision
        if back < 0:
            raise InvalidValue(f"expected a number of steps, got {back}")
        if back:
            with reading(self.database) as reader:
                revision = past.steps(reader.fetch, path, back, revision)
        return revision

    def info_at(self, path: Path, at: Point | None, back: int) -> Info:
        """A node as it was, with its version then. Blocks. Raises: NotFound, Compacted, InvalidValue."""
        revision = self.revision_of(at, path, back)
        with reading(self.database) as reader:
            past.whole_at(reader.fetch, revision)
            reader.whole_since("tree", revision)
            there = past.node_at(reader.fetch, path, revision)
            version = past.changed_at(reader.fetch, path, revision)
        if there is None:
            raise NotFound(f"nothing was at `{show(path)}` at revision {revision}", path=show(path), revision=revision)
        return info(there, path, version)

    def log(self, path: Path, since: Point, until: Point | None, limit: int) -> list[Entry]:
        """Blocks. limit 0: all. Raises: InvalidValue, Compacted - a point in time."""
        if limit < 0:
            raise InvalidValue(f"expected a number of entries, 0 for all, got {limit}")
        begin = 0 if since == 0 else self.revision_of(since)
        end = self.database.revision if until is None else self.revision_of(until)
        with reading(self.database) as reader:
            return past.entries(reader.fetch, path, begin, end, limit or -1)

    def log_text(self, since: int, until: int | None) -> str:
        """Blocks. Raises: Compacted."""
        with reading(self.database) as reader:
            since = since or past.oldest(reader.fetch)
            found = past.commits(reader.fetch, since, self.database.revision if until is None else until)
        return "".join(f"{line}\n" for line in log_lines(found))

    def differences(self, before: Point, after: Point | None, path: Path) -> list[Edit]:
        """Blocks. Raises: Compacted, InvalidValue."""
        one, other = self.revision_of(before), self.revision_of(after)
        with reading(self.database) as reader:
            return past.differences(reader.fetch, one, other, path)

    def blame(self, path: Path) -> list[Blame]:
        """Blocks. Raises: NotFound."""
        there = node(self.head, path)
        with reading(self.database) as reader:
            return blame(reader.fetch, there, path)

    def check(self) -> list[Damage]:
        """Blocks."""
        with reading(self.database) as reader:
            return check(reader.fetch)

    def restored(self, head: Head, path: Path, revision: int) -> list[Operation]:
        """The operations that bring a subtree back to what it was; ephemeral nodes are left alone. Blocks. Raises: Compacted."""
        with reading(self.database) as reader:
            there = past.node_at(reader.fetch, path, revision, ephemeral=False)
            edits = past.differences(reader.fetch, head.revision, revision, path)
        if there is None:
            return [Delete(path, missing_ok=True)]
        return _operations(edits)

    def rollback(self, path: Path, to: Point | None, back: int, author: str, message: str, origin: str) -> Proposal:
        """The commit that brings a subtree back. Blocks. Raises: InvalidValue, NotFound - it has not so many changes;  Compacted."""
        if not path:
            raise InvalidValue("the whole tree cannot be rolled back at once", hint="name a first segment")
        if to is None and not back:
            hint = "a revision, a time, or how many of its changes back"
            raise InvalidValue(f"expected where to roll `{show(path)}` back to, got nothing", hint=hint)
        head = self.head
        revision = self.revision_of(to, path, back)
        details = {"rollback": {"path": show(path), "to": revision}}
        message = message or f"roll back {show(path)} to revision {revision}"
        return Proposal(self.restored(head, path, revision), author, message, origin, base=head, details=details)

    def redo(self, path: Path, author: str, message: str, origin: str) -> Proposal:
        """The commit that takes a rollback back, if that was the last change. Blocks. Raises: NotFound."""
        with reading(self.database) as reader:
            found = past.entries(reader.fetch, path, 0, self.head.revision, 1)
        if not found or "rollback" not in found[0].details:
            raise NotFound(f"the last change of `{show(path)}` is no rollback", hint="there is nothing to redo; nothing was changed")
        message = message or f"redo what revision {found[0].revision} rolled back"
        return self.rollback(path, found[0].revision - 1, 0, author, message, origin)

    def revert(self, revision: int, author: str, message: str, origin: str) -> Proposal:
        """The commit that undoes one commit. Blocks. Raises: NotFound;  Compacted;  Conflict - what it changed has changed since."""
        head = self.head
        with reading(self.database) as reader:
            entry = past.entry(reader.fetch, revision)
            found = past.commits(reader.fetch, revision - 1, revision)
        edits = sorted((edit for commit in found for edit in commit.edits), key=lambda edit: edit.path)
        changed = [
            {"path": show(edit.path), "version": 0 if (node := find(head.root, edit.path)) is None else node.since}
            for edit in edits
            if not _still(find(head.root, edit.path), edit.new)
        ]
        if changed:
            names = ", ".join(f"`{one['path']}`" for one in changed[:3])
            hint = "roll back to before it, or put what you want"
            raise Conflict(f"{names} changed after revision {revision}", hint=hint, conflicts=changed)
        message = message or f"revert revision {revision}" + (f": {entry.message}" if entry.message else "")
        back = [Edit(edit.path, edit.new, edit.old) for edit in edits]
        return Proposal(_operations(back), author, message, origin, base=head, details={"revert": revision})

    # -- watching --------------------------------------------------------------------------------------------------

    def watch(self, prefix: Path, pattern: Pattern | None, since: int | None, queue: int, *, catch_up: bool) -> Watch:
        """Any thread. since: None - from now on. Raises: Closed, InvalidValue."""
        if not self.running:
            raise Closed("this tree is closed")
        if queue < 1:
            raise InvalidValue(f"expected a queue of at least one commit, got {queue}")
        if since is not None and (type(since) is not int or since < 0):
            raise InvalidValue(f"expected a revision to begin behind, got `{since!r}`", hint="`history.revision` tells that of a time")
        return Watch(self.hub, prefix, pattern, since, self.head.revision, queue, catch_up=catch_up)


def _operations(edits: list[Edit]) -> list[Operation]:
    """What makes these edits of persistent rows: first what goes, then what comes."""
    lasting = [edit for edit in edits if owner_of(edit.old) is None and owner_of(edit.new) is None]
    gone: list[Operation] = [Delete(edit.path, missing_ok=True) for edit in lasting if edit.new is None]
    return gone + [Put(edit.path, value_of(edit.new)) for edit in lasting if edit.new is not None]


def _still(now: Node | None, then: Node | None) -> bool:
    """Is there what a commit left there?"""
    if now is None or then is None or type(now) is Branch or type(then) is Branch:
        return type(now) is type(then) or (then is None and type(now) is Branch)
    return rows.text_of(now) == rows.text_of(then)
