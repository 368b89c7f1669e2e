"""The verbs of the config tree, for who is in another process: what `Tree` does, with JSON in and out.

Each method is the only declaration of its verb: the command line, the shell, the socket and the reference are made from it.
A point in time is a revision or a text: 1200, "2026-11-20T14:03", "10 minutes ago".
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from msgspec import to_builtins

from holdfast.api.verb import verb
from holdfast.errors import Compacted, Conflict, InvalidValue, NotFound

if TYPE_CHECKING:
    from holdfast.api.aio.tree.session import Session
    from holdfast.api.aio.tree.tree import Tree
    from holdfast.tree.commit import Change, Commit

__all__ = ["Config"]

Point = int | str


class Config:
    """One tree. On the loop that it runs on."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._sessions: dict[str, Session] = {}

    # ------------------------------------------------------------------------------------------------ reading

    @verb()
    async def get(self, path: str = "", *, at: Point | None = None, back: int = 0, meta: bool = False) -> Any:
        """The value at a path, now or as it was.

        at: at a point in time; -2: two changes ago, as back: 2.

        meta: with its version, kind and owner.
        """
        at, back = _stepped(at, back)
        if at is None and not back:
            return to_builtins(self._tree.node(path)) if meta else self._tree.get(path)
        info = await self._tree.history.node(path, at, back=back)
        return to_builtins(info) if meta else info.value

    @verb()
    def keys(self, path: str = "", *, after: str | None = None, limit: int | None = None) -> list[str]:
        """The keys of a container in order, page by page."""
        return self._tree.keys(path, after=after, limit=limit)

    @verb()
    def find(self, pattern: str, *, regex: bool = False) -> list[dict[str, Any]]:
        """What a pattern of paths matches: `nodes.*.mtu`.

        `**` stands for any number of keys; or it is a regular expression over whole paths.
        """
        found = self._tree.find(regex=pattern) if regex else self._tree.find(pattern)
        return [to_builtins(one) for one in found]

    @verb()
    async def log(
        self, path: str = "", *, since: Point = 0, until: Point | None = None, limit: int = 100, diff: bool = False
    ) -> list[dict[str, Any]]:
        """Commits that changed something at a path or below it, newest first.

        since, until: points in time.  diff: with what each changed there.
        """
        history = self._tree.history
        found: list[dict[str, Any]] = [to_builtins(one) for one in await history.log(path, since=since, until=until, limit=limit)]
        for one in found if diff else ():
            with suppress(Compacted):
                one["diff"] = _changes(await history.diff(one["revision"] - 1, one["revision"], path))
        return found

    @verb()
    async def diff(self, before: Point, after: Point | None = None, path: str = "") -> list[dict[str, Any]]:
        """What is different between two points in time (or one, and now)."""
        return _changes(await self._tree.history.diff(before, after, path))

    @verb()
    async def blame(self, path: str = "") -> list[dict[str, Any]]:
        """For each leaf the commit that last changed it."""
        return [to_builtins(one) for one in await self._tree.history.blame(path)]

    @verb()
    def graph(self, path: str = "") -> list[tuple[str, str]]:
        """The tree as a graph: parent and child of all below a path."""
        return self._tree.edges(path)

    @verb()
    def export(self, path: str = "", *, form: str = "json") -> str:
        """A subtree as text: json or yaml."""
        return self._tree.export(path, form)

    # ------------------------------------------------------------------------------------------------ writing

    @verb(writes=True)
    async def put(
        self, path: str, value: Any, *, expected: int | None = None, session: str = "", author: str | None = None, message: str = ""
    ) -> dict[str, Any]:
        """Make what is at a path equal to a value.

        expected: the version that is to be replaced, 0 for "nothing is there".  session: it goes with that session.
        """
        if session:
            return _told(await self._session(session).put(path, value, message=message))
        return _told(await self._tree.put(path, value, expected=expected, author=author, message=message))

    @verb(writes=True)
    async def merge(
        self, path: str, patch: Any, *, expected: int | None = None, author: str | None = None, message: str = ""
    ) -> dict[str, Any]:
        """Merge a patch into what is there (RFC 7396).

        Members that are null go, objects are merged, the rest is put.
        """
        return _told(await self._tree.merge(path, patch, expected=expected, author=author, message=message))

    @verb(writes=True)
    async def rm(self, path: str, *, expected: int | None = None, author: str | None = None, message: str = "") -> dict[str, Any]:
        """Remove what is at a path.

        Containers above that this leaves empty go too, but for the first segment.
        """
        return _told(await self._tree.delete(path, expected=expected, author=author, message=message))

    @verb(writes=True)
    async def rollback(
        self, path: str, to: Point | None = None, *, back: int = 0, author: str | None = None, message: str = ""
    ) -> dict[str, Any]:
        """Bring a subtree back to a point in time, or by so many changes.

        What it makes is a new commit; `redo` takes it back.
        """
        to, back = _stepped(to, back)
        return _told(await self._tree.history.rollback(path, to, back=back, author=author, message=message))

    @verb(writes=True)
    async def redo(self, path: str, *, author: str | None = None, message: str = "") -> dict[str, Any]:
        """Take the last rollback of a path back."""
        return _told(await self._tree.history.redo(path, author=author, message=message))

    @verb(writes=True)
    async def revert(self, revision: int, *, author: str | None = None, message: str = "") -> dict[str, Any]:
        """Undo one commit and nothing else: a new commit."""
        return _told(await self._tree.history.revert(revision, author=author, message=message))

    @verb(writes=True)
    async def load(
        self, text: str, path: str = "", *, form: str = "json", merge: bool = False, author: str | None = None, message: str = ""
    ) -> dict[str, Any]:
        """Put (or merge) a JSON or YAML text at a path, in one commit.

        Without a path its members become first segments.
        """
        return _told(await self._tree.import_text(text, path, form, merge=merge, author=author, message=message))

    # ------------------------------------------------------------------------------------------------ drafts

    @verb()
    async def drafts(self) -> list[dict[str, Any]]:
        """The drafts there are."""
        return await self._tree.drafts.list()

    @verb(writes=True)
    async def begin(self, name: str | None = None, *, ttl: float | None = None, author: str | None = None, message: str = "") -> str:
        """Begin a draft on the tree as it is now; its name.

        ttl: seconds after which it is dropped when nobody touches it.
        """
        return (await self._tree.drafts.begin(name, message=message, ttl=ttl, author=author)).name

    @verb()
    async def draft_get(self, name: str, path: str = "") -> Any:
        """The value at a path as the draft would make it."""
        return (await self._tree.drafts.open(name)).get(path)

    @verb()
    async def draft_keys(self, name: str, path: str = "", *, after: str | None = None, limit: int | None = None) -> list[str]:
        """The keys of a container as the draft would make it."""
        if limit is not None and limit < 1:
            raise InvalidValue(f"expected a limit of at least 1, got {limit}")
        keys = (await self._tree.drafts.open(name)).keys(path)
        return [key for key in keys if after is None or key > after][:limit]

    @verb()
    async def draft_find(self, name: str, pattern: str, *, regex: bool = False) -> list[dict[str, Any]]:
        """What a pattern of paths matches, as the draft would make it."""
        draft = await self._tree.drafts.open(name)
        return [to_builtins(one) for one in (draft.find(regex=pattern) if regex else draft.find(pattern))]

    @verb(writes=True)
    async def draft_put(self, name: str, path: str, value: Any) -> None:
        """Put a value in a draft."""
        await (await self._tree.drafts.open(name)).put(path, value)

    @verb(writes=True)
    async def draft_merge(self, name: str, path: str, patch: Any) -> None:
        """Merge a patch in a draft."""
        await (await self._tree.drafts.open(name)).merge(path, patch)

    @verb(writes=True)
    async def draft_rm(self, name: str, path: str) -> None:
        """Remove a subtree in a draft."""
        await (await self._tree.drafts.open(name)).delete(path)

    @verb()
    async def draft_diff(self, name: str) -> list[dict[str, Any]]:
        """What a draft would change."""
        return _changes((await self._tree.drafts.open(name)).diff())

    @verb(writes=True)
    async def draft_commit(self, name: str, *, author: str | None = None, message: str = "") -> dict[str, Any]:
        """Make a draft real, all or nothing.

        It ends with that; a conflict leaves it as it is.
        """
        draft = await self._tree.drafts.open(name)
        try:
            return _told(await draft.commit(author=author, message=message))
        except Conflict as error:
            error.hint = "`rebase` puts the draft onto the tree as it is now; look at it then, and commit again"
            raise

    @verb(writes=True)
    async def draft_drop(self, name: str) -> None:
        """Forget a draft."""
        await self._tree.drafts.drop(name)

    @verb(writes=True)
    async def rebase(self, name: str) -> dict[str, Any]:
        """Put a draft onto the tree as it is now, after a conflict.

        Its new base, and the paths that it writes and others have changed: its commit would change them again.
        """
        draft = await self._tree.drafts.open(name)
        changed = await draft.rebase()
        return {"draft": name, "base": draft.base, "changed": changed}

    # ------------------------------------------------------------------------------------------------ listening, calling

    @verb()
    async def watch(
        self, path: str = "", *, pattern: str | None = None, regex: str | None = None, since: Point | None = None
    ) -> AsyncIterator[dict[str, Any]]:
        """Commits as they are made, of a path, or of paths that match."""
        begin = None if since is None else await self._tree.history.revision(since)
        watch = self._tree.watch(path or None, pattern=pattern, regex=regex, since=begin)
        try:
            async for commit in watch:
                yield _told(commit)
        finally:
            await watch.close()

    @verb()
    async def subscribe(self, channel: str) -> AsyncIterator[dict[str, Any]]:
        """Messages of a channel, from now on."""
        subscription = self._tree.channels.subscribe(channel)
        try:
            async for message in subscription:
                yield to_builtins(message)
        finally:
            await subscription.close()

    @verb(writes=True)
    def publish(self, channel: str, value: Any) -> int:
        """Tell those who listen to a channel now; how many they are."""
        return self._tree.channels.publish(channel, value)

    @verb()
    def channels(self) -> dict[str, int]:
        """Channels, and how many listen to each."""
        return self._tree.channels.names()

    @verb(writes=True)
    async def session(self, name: str = "", *, ttl: float | None = None) -> AsyncIterator[str]:
        """An owner of ephemeral nodes, for as long as this is read.

        It gives its id, then nothing; its nodes go when it ends.
        """
        session = self._tree.session(name, ttl=ttl)
        self._sessions[session.id] = session
        try:
            yield session.id
            async for _ in self._tree.channels.subscribe(f"session {session.id}"):  # nobody publishes there: it waits for its end
                pass
        finally:
            del self._sessions[session.id]
            await session.end()

    def _session(self, name: str) -> Session:
        if name not in self._sessions:
            raise NotFound(f"no session `{name}`: it has ended, or it is another node's")
        return self._sessions[name]

    @verb(writes=True)
    async def call(
        self,
        path: str,
        args: list[Any] | None = None,
        *,
        kwargs: dict[str, Any] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - how long to wait
    ) -> Any:
        """Call a function of the tree; its result as it is."""
        return await self._tree.functions.call(path, args or (), kwargs, timeout)

    @verb()
    def functions(self) -> list[str]:
        """The paths at which something can be called."""
        return self._tree.functions.paths()

    # ------------------------------------------------------------------------------------------------ care

    @verb()
    def schemas(self) -> dict[str, Any]:
        """The JSON Schemas that are attached, by path."""
        return self._tree.schemas.all()

    @verb(writes=True)
    async def attach(self, path: str, schema: Any, *, author: str | None = None) -> None:
        """Attach a JSON Schema to a path.

        A commit that would make a value otherwise is refused.
        """
        await self._tree.schemas.attach(path, schema, author=author)

    @verb(writes=True)
    async def detach(self, path: str, *, author: str | None = None) -> None:
        """Take the JSON Schema from a path."""
        await self._tree.schemas.detach(path, author=author)

    @verb(writes=True)
    async def compact(self, before: int | None = None) -> int:
        """Let history go, up to a revision or as the retention says."""
        return await self._tree.compact(before)


def _stepped(point: Point | None, back: int) -> tuple[Point | None, int]:
    """A negative number is no point in time, but so many changes back."""
    if isinstance(point, int) and point < 0:
        return None, back - point
    return point, back


def _told(commit: Commit) -> dict[str, Any]:
    return {
        "revision": commit.revision,
        "time": commit.time.isoformat(timespec="milliseconds"),
        "author": commit.author,
        "message": commit.message,
        "origin": commit.origin,
        "changes": _changes(commit.changes),
        **({"details": dict(commit.details)} if commit.details else {}),
    }


def _changes(changes: list[Change] | tuple[Change, ...]) -> list[dict[str, Any]]:
    return [{name: value for name, value in to_builtins(one).items() if name != "keys"} for one in changes]
