"""Watches: who is told of which commits, from which revision on, and what happens when he is slow.

    writer ─ commit ─► Hub (one call into the loop for all that waits) ─► queue of each watch that it concerns ─► reader
    a watch from an earlier revision reads the file until it has caught up, then it is told by the hub

A watch is told of a commit as a whole, once, in order, with the part of its changes that it asked for. Its queue is bounded: what does
not fit is dropped, and read from the file again later, after the watch has been told so (`Lagged`), or at once if it prefers.
Cost of a commit: O(changes · depth) to find the watches by path, whatever their number, and one pass of re2 for all expressions.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import msgspec

from holdfast.database.home import Database
from holdfast.errors import Lagged

from . import past
from .commit import Change, Commit
from .paths import Path
from .patterns import Pattern
from .store import Store

__all__ = ["QUEUE", "Hub", "Watch"]

QUEUE: Final = 1000
"""Commits that wait for a slow reader, unless he says another number."""
_MEMORY: Final = 64 << 20
"""Bytes that the states of all expressions together may take."""
_STRIDE: Final = 1000
"""Revisions read from the file at once."""


class Watch:
    """One subscription; made in any thread, used on the hub's loop; `ready` may be emptied from any one thread.

    It begins behind `since`, or, when that is None, behind `now`.

    ready  commits that wait to be taken
    seen   the last revision of which this watch has been told, or that had nothing for it
    """

    def __init__(
        self, hub: Hub, prefix: Path, pattern: Pattern | None, since: int | None, now: int, queue: int, *, catch_up: bool
    ) -> None:
        self.prefix = prefix
        self.pattern = pattern
        self.ready: deque[Commit] = deque()
        self.seen = now if since is None else since
        self.queue = queue
        self.live = False
        self.ended = False
        self.lagged = False
        self._known = since is None
        self._entered = False
        self._hub = hub
        self._catch_up = catch_up
        self._waiting: asyncio.Future[None] | None = None

    async def fill(self) -> None:
        """Wait until something is ready, or the watch has ended.

        Raises: Lagged - the queue was full; call again to go on from the file;  Compacted - the file does not reach back.
        """
        if not self._entered:
            self._entered = True
            self._hub.enter(self)
        while not self.ready and not self.ended:
            if self.lagged:
                self.lagged = False
                if not self._catch_up:
                    raise Lagged(f"this watch was too slow for its queue of {self.queue} commits", resume=self.seen)
            if not self.live:
                await self._read_on()
                continue
            self._waiting = asyncio.get_running_loop().create_future()
            try:
                await self._waiting
            finally:
                self._waiting = None

    async def _read_on(self) -> None:
        """Read the next stride from the file; the watch is live when there was none."""
        if not self._known:
            await asyncio.to_thread(self._hub.check, self.seen)
            self._known = True
        until = min(self._hub.told, self.seen + _STRIDE)
        if until <= self.seen:
            self.live = True
            return
        for commit in await asyncio.to_thread(self._hub.read, self.seen, until):
            part = self.part(commit)
            if part is not None:
                self.ready.append(part)
        self.seen = until

    def part(self, commit: Commit) -> Commit | None:
        """What this watch is told of a commit; None: nothing."""
        depth = len(self.prefix)
        changes = [one for one in commit.changes if one.keys[:depth] == self.prefix]
        if self.pattern is not None:
            changes = _matching(changes, self.pattern)
        return _part(commit, changes) if changes else None

    def tell(self, commit: Commit) -> None:
        """On the loop, by the hub."""
        if commit.revision <= self.seen:
            return
        if len(self.ready) >= self.queue:
            self.live = False
            self.lagged = True
            self.wake()
            return
        self.ready.append(commit)
        self.seen = commit.revision
        if self._waiting is not None:
            self.wake()

    def wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    async def close(self) -> None:
        """As `end`, on the loop."""
        self.end()

    def end(self) -> None:
        """Nothing more comes; what is ready can still be taken."""
        self.ended = True
        self._hub.forget(self)
        self.wake()


def _part(commit: Commit, changes: list[Change]) -> Commit:
    if len(changes) == len(commit.changes) and not changes[0].groups:
        return commit
    part = msgspec.structs.replace(commit)
    vars(part)["changes"] = tuple(changes)
    return part


def _matching(changes: Iterable[Change], pattern: Pattern) -> list[Change]:
    found = []
    for one in changes:
        groups = pattern.match(one.path)
        if groups is not None:
            found.append(msgspec.structs.replace(one, groups=groups) if groups else one)
    return found


class Hub:
    """The watches of one store, on one loop. `told`: up to this revision everything is in the file, and told to those who are live."""

    def __init__(self, store: Store, loop: asyncio.AbstractEventLoop) -> None:
        self.told = store.head.revision
        self._database: Database = store.database
        self._loop = loop
        self._outbox: deque[Commit] = deque()
        self._calling = False
        self._by_prefix: dict[Path, dict[Watch, None]] = {}
        self._patterns: dict[Watch, None] = {}
        self._callbacks: list[tuple[Callable[[Commit], None], Callable[[], bool]]] = []
        self._set = _Expressions()
        self._unfollow = store.follow(self._committed)

    def enter(self, watch: Watch) -> None:
        """From now on it is told, as soon as it is live."""
        if watch.pattern is None:
            self._by_prefix.setdefault(watch.prefix, {})[watch] = None
        else:
            self._patterns[watch] = None
            self._set.changed()

    def forget(self, watch: Watch) -> None:
        if watch.pattern is not None:
            self._patterns.pop(watch, None)
            self._set.changed()
            return
        among = self._by_prefix.get(watch.prefix)
        if among is not None:
            among.pop(watch, None)
            if not among:
                del self._by_prefix[watch.prefix]

    def on_commit(self, callback: Callable[[Commit], None], wanted: Callable[[], bool]) -> None:
        """Call back on the loop with each commit, before the watches are told, as long as it is wanted."""
        self._callbacks.append((callback, wanted))

    @property
    def watches(self) -> list[Watch]:
        return [*(watch for among in self._by_prefix.values() for watch in among), *self._patterns]

    def close(self) -> None:
        """All watches end."""
        self._unfollow()
        for watch in self.watches:
            watch.end()

    def check(self, since: int) -> None:
        """Can a watch begin behind this revision? Blocks. Raises: Compacted - it is unknown, lost, or too long ago."""
        with past.reading(self._database) as reader:
            past.whole_at(reader.fetch, since)
            reader.whole_since("tree", since)

    def read(self, since: int, until: int) -> list[Commit]:
        """Commits from the file. Blocks. Raises: Compacted, Corrupt."""
        with past.reading(self._database) as reader:
            return past.commits(reader.fetch, since, until)

    # -- from the writer to the loop -------------------------------------------------------------------------------

    def _committed(self, commits: Sequence[Commit]) -> None:
        """In the writer. One call into the loop serves all commits that come before it runs, and none if nobody listens."""
        # in this order: a watch that comes in this moment is either seen here, or sees that it has to read these commits
        self.told = commits[-1].revision
        if not (self._by_prefix or self._patterns or any(wanted() for _, wanted in self._callbacks)):
            return
        self._outbox.extend(commits)
        if not self._calling:
            self._calling = True
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to be told
                self._loop.call_soon_threadsafe(self._distribute)

    def _distribute(self) -> None:
        self._calling = False  # before the outbox is read, so that what comes now is either seen here or calls again
        while self._outbox:
            commit = self._outbox.popleft()
            for callback, wanted in self._callbacks:
                if wanted():
                    callback(commit)
            if self._by_prefix:
                self._tell_by_path(commit)
            if self._patterns:
                self._tell_by_pattern(commit)

    def _tell_by_path(self, commit: Commit) -> None:
        found: dict[Path, list[Change]] = {}
        by_prefix = self._by_prefix
        for change in commit.changes:
            keys = change.keys
            for depth in range(len(keys) + 1):
                if keys[:depth] in by_prefix:
                    found.setdefault(keys[:depth], []).append(change)
        for prefix, changes in found.items():
            part = _part(commit, changes)
            for watch in by_prefix[prefix]:
                if watch.live:
                    watch.tell(part)

    def _tell_by_pattern(self, commit: Commit) -> None:
        found: dict[Watch, list[Change]] = {}
        for change in commit.changes:
            for pattern, watches in self._set.matching(self._patterns, change.path):
                for matched in _matching([change], pattern):
                    for watch in watches:
                        if change.keys[: len(watch.prefix)] != watch.prefix:
                            continue
                        found.setdefault(watch, []).append(matched)
        for watch, changes in found.items():
            if watch.live:
                watch.tell(_part(commit, changes))


class _Expressions:
    """All expressions of the watches as one set, so that a path is looked at once. Built when it is first needed.

    re2 says "nothing matches" also when its memory does not suffice. So the set has one more expression that matches always:
    when that is missing, each is asked by itself.
    """

    def __init__(self) -> None:
        self._set: Any = None
        self._members: list[tuple[Pattern, list[Watch]]] = []

    def changed(self) -> None:
        self._set = None

    def matching(self, watches: Iterable[Watch], path: str) -> list[tuple[Pattern, list[Watch]]]:
        if self._set is None:
            self._build(watches)
        places = self._set.Match(path) if self._set else None
        if places is None:
            return [member for member in self._members if member[0].match(path) is not None]
        return [self._members[place] for place in places if place < len(self._members)]

    def _build(self, watches: Iterable[Watch]) -> None:
        import re2

        members: dict[str, tuple[Pattern, list[Watch]]] = {}
        for watch in watches:
            assert watch.pattern is not None
            members.setdefault(watch.pattern.expression.pattern, (watch.pattern, []))[1].append(watch)
        self._members = list(members.values())
        options = re2.Options()
        options.max_mem, options.log_errors = _MEMORY, False
        together = re2.Set.FullMatchSet(options)
        try:
            for pattern, _ in self._members:
                together.Add(pattern.expression.pattern)
            together.Add("(?s).*")
            together.Compile()
        except re2.error:  # too much for its memory
            together = False
        self._set = together
