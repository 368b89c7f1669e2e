"""Hooks: functions that see a commit before it is made, and may veto it, or after.

    before(candidate)   raises to veto: the committer gets what it raised      after(commit)   what it raises is logged, and that is all

A plain function runs in a worker thread, a coroutine function on the loop; the commit waits for it at most `timeout_s`. Before hooks
see the tree as it would become. If the first segments in question change meanwhile, they are asked again.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from holdfast.errors import Denied, HoldfastError, InvalidValue, NotFound, Timeout

from .commit import Change, Commit, Proposal, changes_of
from .edit import Edit
from .head import Branch, Head, find, value_of
from .paths import Path, PathLike, parse, show
from .values import check_seconds

__all__ = ["Candidate", "Hook", "Hooks"]

logger = logging.getLogger("holdfast.tree")

_TIMEOUT_S: Final = 10.0


@dataclass(frozen=True, eq=False)
class Candidate:
    """A commit that is about to be made."""

    author: str
    message: str
    edits: Sequence[Edit]
    root: Branch
    head: Head

    @cached_property
    def changes(self) -> tuple[Change, ...]:
        """What would be different."""
        return tuple(changes_of(self.edits))

    def get(self, path: PathLike, default: Any = None) -> Any:
        """The value as it would become."""
        node = find(self.root, parse(path))
        return default if node is None else value_of(node)

    def now(self, path: PathLike, default: Any = None) -> Any:
        """The value as it is."""
        node = find(self.head.root, parse(path))
        return default if node is None else value_of(node)


@dataclass(frozen=True, slots=True, eq=False)
class Hook:
    """A function and the subtree that it is for."""

    when: str
    prefix: Path
    call: Callable[[Any], Any]
    timeout_s: float

    def concerns(self, path: Path) -> bool:
        """Could an operation at this path change something of it?"""
        depth = min(len(path), len(self.prefix))
        return path[:depth] == self.prefix[:depth]

    async def run(self, subject: Any) -> None:
        """Raises: what it raises;  Timeout."""
        try:
            if inspect.iscoroutinefunction(self.call):
                await asyncio.wait_for(self.call(subject), self.timeout_s)
            else:
                await asyncio.wait_for(asyncio.to_thread(self.call, subject), self.timeout_s)
        except TimeoutError as error:
            if isinstance(error, HoldfastError):
                raise
            raise Timeout(f"the hook at `{show(self.prefix)}` took longer than {self.timeout_s:g} s") from error


class Hooks:
    """All of one tree."""

    def __init__(self) -> None:
        self._before: list[Hook] = []
        self._after: list[Hook] = []
        self._queue: asyncio.Queue[Commit] = asyncio.Queue()

    def add(self, when: str, prefix: PathLike, call: Callable[[Any], Any], timeout_s: float = _TIMEOUT_S) -> Hook:
        """Raises: InvalidValue - the path, or what cannot be called."""
        if not callable(call):
            raise InvalidValue(f"expected a function, got `{call!r}` – at `{show(parse(prefix))}`")
        check_seconds("timeout", timeout_s)
        hook = Hook(when, parse(prefix), call, timeout_s)
        (self._before if when == "before" else self._after).append(hook)
        return hook

    def remove(self, hook: Hook) -> None:
        """Raises: NotFound."""
        for among in (self._before, self._after):
            if hook in among:
                among.remove(hook)
                return
        raise NotFound("this hook is not there", hint="it was removed before")

    def concern(self, paths: Iterable[Path]) -> bool:
        """Has a before hook to see a proposal that writes at these paths?"""
        return bool(self._before) and any(hook.concerns(path) for hook in self._before for path in paths)

    async def before(self, proposal: Proposal, edits: Sequence[Edit], root: Branch, head: Head) -> None:
        """Raises: Denied, or the error of ours that a hook raised."""
        candidate = Candidate(proposal.author, proposal.message, edits, root, head)
        for hook in list(self._before):
            if any(edit.path[: len(hook.prefix)] == hook.prefix for edit in edits):
                try:
                    await hook.run(candidate)
                except HoldfastError:
                    raise
                except Exception as error:
                    sentence = f"the hook at `{show(hook.prefix)}` refused this commit: {error or type(error).__name__}"
                    raise Denied(sentence, hook=show(hook.prefix)) from error

    @property
    def follows(self) -> bool:
        """Is there a hook behind commits?"""
        return bool(self._after)

    def committed(self, commit: Commit) -> None:
        """On the loop: hand it to the after hooks."""
        self._queue.put_nowait(commit)

    async def follow(self) -> None:
        """Run the after hooks, one commit after the other, until cancelled."""
        while True:
            commit = await self._queue.get()
            for hook in list(self._after):
                if any(change.keys[: len(hook.prefix)] == hook.prefix for change in commit.changes):
                    try:
                        await hook.run(commit)
                    except Exception:
                        logger.exception("a hook behind commits at `%s` failed; the commit %d stands", show(hook.prefix), commit.revision)
