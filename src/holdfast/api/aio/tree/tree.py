"""A versioned JSON tree: `from holdfast.aio import Tree`.

    async with Tree("config.db") as tree:
        await tree.put("nodes.r1.mtu", 1500, message="as ordered")
        print(tree.get("nodes.r1"))
        async with tree.transaction("raise") as tx:
            tx.put("nodes.r1.mtu", tx.get("nodes.r1.mtu") * 2)
        async for commit in tree.watch("nodes"):
            …
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any, Self

from holdfast.api.aio.tree.drafts import Drafts
from holdfast.api.aio.tree.extending import Functions, Hooks, Plugins, Schemas
from holdfast.api.aio.tree.history import History
from holdfast.api.aio.tree.listening import Channels, Watch
from holdfast.api.aio.tree.session import Session
from holdfast.api.aio.tree.transaction import Transaction
from holdfast.api.bridge import in_worker, settled
from holdfast.api.place import Place
from holdfast.tree import looking, text
from holdfast.tree.commit import Commit, Proposal, user, version
from holdfast.tree.edit import Delete, Merge, Operation, Put, merging
from holdfast.tree.head import find, value_of
from holdfast.tree.looking import RAISE, Info, Match
from holdfast.tree.paths import Path, PathLike, parse
from holdfast.tree.patterns import chosen
from holdfast.tree.values import checked
from holdfast.tree.watch import QUEUE
from holdfast.tree.workspace import Workspace

if TYPE_CHECKING:
    from holdfast.tree.check import Damage
    from holdfast.tree.compaction import Retention
    from holdfast.tree.core import Core

__all__ = ["Tree"]


class Tree:
    """A versioned JSON tree in one file, with its whole history.

    path       of the file, or ":memory:": private, gone with this object. One process writes a file; it is the one of an NDB, too.
    author     who commits, where a call does not say it; default: the user of this process.
    retention  how much history is kept; default: all of it.

    Every commit is on the disk before its call returns, and has a revision; a failed one has changed nothing.
    Raises: Busy - another process has the file;  Corrupt - the tree is not what was written;  NotSupported - of a newer version.
    """

    def __init__(self, path: str = ":memory:", *, author: str | None = None, retention: Retention | None = None) -> None:
        self._share(Place(path, retention), user() if author is None else author)

    def _share(self, place: Place, author: str) -> None:
        self._place = self._core = place
        self.id = Place.new_id()
        self.author = author
        self._pages = looking.Pages()
        self.history = History(self)
        self.drafts = Drafts(self)
        self.hooks = Hooks(self)
        self.schemas = Schemas(self)
        self.functions = Functions(self)
        self.channels = Channels(self)
        self.plugins = Plugins(self)

    @classmethod
    def beside(cls, core: Core, author: str | None = None) -> Tree:
        """The tree of a database that somebody else has open, and will close."""
        tree = object.__new__(cls)
        tree._share(Place.beside(core), user() if author is None else author)
        return tree

    def as_author(self, author: str) -> Tree:
        """The same tree for somebody else: another author, another origin."""
        other = object.__new__(type(self))
        other._share(self._place, author)
        return other

    async def open(self) -> Self:
        """Load the tree; `async with` and `await Tree()` do it. Idempotent."""
        await self._place.open()
        return self

    def __await__(self) -> Generator[Any, None, Self]:
        return self.open().__await__()

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """End everything: sessions, watches, plugins, the file. Idempotent. Afterwards: Closed."""
        await self._place.close()

    # ------------------------------------------------------------------------------------------------ reading

    @property
    def revision(self) -> int:
        """The last commit of the tree."""
        return self._place.core.head.revision

    def get(self, path: PathLike = "", default: Any = RAISE) -> Any:
        """The value at a path now: a leaf's, or a container as a dictionary; the caller's to change.

        Raises: NotFound - nothing is there, and no default given;  InvalidValue - the path cannot be parsed.
        """
        keys = parse(path)
        node = find(self._place.core.root, keys)
        if node is not None:
            return value_of(node)
        if default is not RAISE:
            return default
        return looking.value(self._place.core.head, keys)

    def __getitem__(self, path: PathLike) -> Any:
        return self.get(path)

    def __contains__(self, path: PathLike) -> bool:
        return find(self._place.core.root, parse(path)) is not None

    def node(self, path: PathLike) -> Info:
        """The value with what is known of it: version, kind, owner. Raises: NotFound."""
        return looking.info(looking.node(self._place.core.head, path), parse(path))

    def keys(self, path: PathLike = "", *, after: str | None = None, limit: int | None = None) -> list[str]:
        """The keys of a container in order, behind `after`, at most `limit`: page by page. Raises: NotFound."""
        return self._pages.keys(self._place.core.head, path, after, limit)

    def find(self, pattern: str | None = None, *, regex: str | None = None) -> list[Match]:
        """What a pattern matches, in order: `nodes.*.mtu`, `**` for any number of keys; or a regular expression over whole paths.

        Raises: InvalidValue - the pattern or the expression.
        """
        return looking.matches(self._place.core.head.root, pattern, regex)

    def edges(self, path: PathLike = "") -> list[tuple[str, str]]:
        """(parent, child) for all below a path: the tree as a graph."""
        return list(text.edges(looking.node(self._place.core.head, path), parse(path)))

    # ------------------------------------------------------------------------------------------------ writing

    async def put(
        self, path: PathLike, value: Any, *, expected: int | None = None, author: str | None = None, message: str = ""
    ) -> Commit:
        """Make the subtree at a path equal to a value: objects are containers, {} is a presence, an array is one value.

        expected: the version that is to be replaced, 0 for "nothing is there".
        Raises: InvalidValue - not a path, not JSON, too deep, too big, below a leaf, not by the schema;  Conflict - the version is
          another: which, and who changed it;  Denied - a hook's veto. Nothing is changed then.
        """
        keys = parse(path)
        return await settled(self._place.commit(self._proposal(keys, [Put(keys, checked(value, keys))], expected, author, message)))

    async def delete(
        self, path: PathLike, *, expected: int | None = None, missing_ok: bool = False, author: str | None = None, message: str = ""
    ) -> Commit:
        """Remove a subtree, and the containers above that this leaves empty, but for the first segment.

        Raises: NotFound, unless missing_ok;  Conflict, Denied, InvalidValue.
        """
        keys = parse(path)
        return await settled(self._place.commit(self._proposal(keys, [Delete(keys, missing_ok)], expected, author, message)))

    async def merge(
        self, path: PathLike, patch: Any, *, expected: int | None = None, author: str | None = None, message: str = ""
    ) -> Commit:
        """Merge a patch (RFC 7396): members that are null go, objects are merged, all else is put.

        Into the whole tree, "", it merges each member into its first segment, of which none goes by it. Raises: as `put`.
        """
        keys = parse(path)
        return await settled(self._place.commit(self._proposal(keys, merging(keys, checked(patch, keys)), expected, author, message)))

    def _proposal(
        self, path: Path, operations: Sequence[Operation], expected: int | None, author: str | None, message: str
    ) -> Proposal:
        wanted = {} if expected is None else {path: version(expected)}
        return Proposal(operations, self.author if author is None else author, message, self.id, expected=wanted)

    def transaction(self, message: str = "", *, author: str | None = None) -> Transaction:
        """Several changes, committed together or not at all, on condition that what it read and wrote is still as it was."""
        return Transaction(self, Workspace(self._place.core.head), self.author if author is None else author, message)

    def session(self, name: str = "", *, ttl: float | None = None) -> Session:
        """An owner of ephemeral nodes, which go with it. ttl: seconds after which it ends when nothing is heard of it."""
        return Session(self, self._place.core.sessions.begin(name, ttl))

    # ------------------------------------------------------------------------------------------------ following

    def watch(
        self,
        path: PathLike | None = None,
        *,
        pattern: str | None = None,
        regex: str | None = None,
        since: int | None = None,
        queue: int = QUEUE,
        catch_up: bool = True,
    ) -> Watch:
        """Commits that change something at a path or below it, or at paths that match; each with the changes that fit.

        since     after this revision; None: from now on
        queue     how many commits may wait for a slow reader
        catch_up  what did not fit is read from the file; False: the reader gets Lagged, and can go on from there himself

            async for commit in tree.watch("nodes"):
                print(commit.revision, commit.author, [change.path for change in commit.changes])

        Raises: InvalidValue;  and while it is read: Compacted - history does not reach back;  Lagged.
        """
        prefix = parse("" if path is None else path)
        return Watch(self._place.core.watch(prefix, chosen(pattern, regex), since, queue, catch_up=catch_up))

    async def call(self, path: PathLike, *args: Any, **kwargs: Any) -> Any:
        """Call a function of the tree; its result as it is. Raises: NotFound, Timeout, FunctionError."""
        return await self.functions.call(path, args, kwargs)

    # ------------------------------------------------------------------------------------------------ text, care

    def export(self, path: PathLike = "", form: str = "json") -> str:
        """A subtree as text: json or yaml. Raises: NotFound, NotSupported."""
        return text.write(self.get(path), form)

    async def import_text(
        self, source: str, path: PathLike = "", form: str = "json", *, merge: bool = False, author: str | None = None, message: str = ""
    ) -> Commit:
        """Put (or merge) a text at a path, in one commit; without a path its members become first segments.

        Raises: InvalidValue - where and what is wrong in it;  as `put`.
        """
        value = text.read(source, form)
        keys = parse(path)
        pieces = [(keys, value)] if keys else [((key,), one) for key, one in text.members(value)]
        operations = [Merge(at, checked(one, at)) if merge else Put(at, checked(one, at)) for at, one in pieces]
        proposal = Proposal(operations, self.author if author is None else author, message or f"import {form}", self.id)
        return await settled(self._place.commit(proposal))

    async def compact(self, before: int | None = None) -> int:
        """Let history go: what ended at or before this revision, or what the retention says. Returns how many rows went."""
        return await in_worker(self._place.core.compact, before)

    async def check(self) -> list[Damage]:
        """Compare every row with its checksum and every commit with its line in the log; what is damaged, with its revision."""
        return await in_worker(self._place.core.check)

    async def backup(self, path: str) -> None:
        """Write a copy of the whole file to a new one; writing goes on meanwhile. Raises: AlreadyExists, Denied, Unavailable."""
        await in_worker(self._place.backup, path)

    def __repr__(self) -> str:
        return f"<Tree {self._place!r}>"
