"""The synchronous Tree: `from holdfast import Tree`. Made from aio_tree.py by scripts/generators/sync.py.

    with Tree("config.db") as tree:
        tree.put("nodes.r1.mtu", 1500, message="as ordered")
        print(tree.get("nodes.r1"))
        for commit in tree.watch("nodes"):
            …

Reading is plain and takes no lock; a commit is waited for in the calling thread. Any thread may call anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from holdfast.api.bridge import answer, closed_at_exit, run
from holdfast.api.place import Place
from holdfast.errors import Closed
from holdfast.tree import looking, text
from holdfast.tree.commit import Change, Commit, Proposal, changes_of, user
from holdfast.tree.edit import Delete, Merge, Put
from holdfast.tree.functions import signature
from holdfast.tree.head import find, value_of
from holdfast.tree.looking import RAISE, Info, Match
from holdfast.tree.paths import PathLike, parse, show
from holdfast.tree.patterns import pattern as star_pattern
from holdfast.tree.patterns import regex as regular_expression
from holdfast.tree.values import checked
from holdfast.tree.watch import QUEUE
from holdfast.tree.workspace import Workspace

if TYPE_CHECKING:
    from holdfast.tree import draft, messages, sessions
    from holdfast.tree import watch as watches
    from holdfast.tree.check import Damage
    from holdfast.tree.compaction import Retention
    from holdfast.tree.core import Core, Point
    from holdfast.tree.hooks import Candidate, Hook
    from holdfast.tree.messages import Message
    from holdfast.tree.past import Entry
    from holdfast.tree.plugins import Plugin
    from holdfast.tree.telling import Blame

__all__ = [
    "Channels", "Draft", "Drafts", "Functions", "History", "Hooks", "Plugins", "Schemas", "Session", "Subscription", "Transaction", "Tree",
    "Watch",
]  # fmt: skip


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
        self.open()
        closed_at_exit(self._core)

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

    def open(self) -> Self:
        """Load the tree; `with` and `Tree()` do it. Idempotent."""
        run(self._place.open())
        return self

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End everything: sessions, watches, plugins, the file. Idempotent. Afterwards: Closed."""
        run(self._place.close())

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
        wanted = regular_expression(regex) if regex is not None else star_pattern("**" if pattern is None else pattern)
        return list(looking.matches(self._place.core.head, wanted))

    def edges(self, path: PathLike = "") -> list[tuple[str, str]]:
        """(parent, child) for all below a path: the tree as a graph."""
        return list(text.edges(looking.node(self._place.core.head, path), parse(path)))

    # ------------------------------------------------------------------------------------------------ writing

    def put(
        self, path: PathLike, value: Any, *, expected: int | None = None, author: str | None = None, message: str = ""
    ) -> Commit:
        """Make the subtree at a path equal to a value: objects are containers, {} is a presence, an array is one value.

        expected: the version that is to be replaced, 0 for "nothing is there".
        Raises: InvalidValue - not a path, not JSON, too deep, too big, below a leaf, not by the schema;  Conflict - the version is
          another: which, and who changed it;  Denied - a hook's veto. Nothing is changed then.
        """
        keys = parse(path)
        return answer(self._place.commit(self._proposal(Put(keys, checked(value, keys)), expected, author, message)))

    def delete(
        self, path: PathLike, *, expected: int | None = None, missing_ok: bool = False, author: str | None = None, message: str = ""
    ) -> Commit:
        """Remove a subtree, and the containers above that this leaves empty, but for the first segment.

        Raises: NotFound, unless missing_ok;  Conflict, Denied, InvalidValue.
        """
        return answer(self._place.commit(self._proposal(Delete(parse(path), missing_ok), expected, author, message)))

    def merge(
        self, path: PathLike, patch: Any, *, expected: int | None = None, author: str | None = None, message: str = ""
    ) -> Commit:
        """Merge a patch (RFC 7396): members that are null go, objects are merged, all else is put. Raises: as `put`."""
        keys = parse(path)
        return answer(self._place.commit(self._proposal(Merge(keys, checked(patch, keys)), expected, author, message)))

    def _proposal(self, operation: Put | Delete | Merge, expected: int | None, author: str | None, message: str) -> Proposal:
        wanted = {} if expected is None else {operation.path: expected}
        return Proposal((operation,), self.author if author is None else author, message, self.id, expected=wanted)

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

            for commit in tree.watch("nodes"):
                print(commit.revision, commit.author, [change.path for change in commit.changes])

        Raises: InvalidValue;  and while it is read: Compacted - history does not reach back;  Lagged.
        """
        prefix = parse("" if path is None else path)
        wanted = regular_expression(regex) if regex is not None else None if pattern is None else star_pattern(pattern)
        return Watch(self._place.core.watch(prefix, wanted, since, queue, catch_up=catch_up))

    def call(self, path: PathLike, *args: Any, **kwargs: Any) -> Any:
        """Call a function of the tree; its result as it is. Raises: NotFound, Timeout, FunctionError."""
        return self.functions.call(path, args, kwargs)

    # ------------------------------------------------------------------------------------------------ text, care

    def export(self, path: PathLike = "", form: str = "json") -> str:
        """A subtree as text: json or yaml. Raises: NotFound, NotSupported."""
        return text.write(self.get(path), form)

    def import_text(
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
        return answer(self._place.commit(proposal))

    def compact(self, before: int | None = None) -> int:
        """Let history go: what ended at or before this revision, or what the retention says. Returns how many rows went."""
        return self._place.core.compact(before)

    def check(self) -> list[Damage]:
        """Compare every row with its checksum and every commit with its line in the log; what is damaged, with its revision."""
        return self._place.core.check()

    def backup(self, path: str) -> None:
        """Write a copy of the whole file to a new one; writing goes on meanwhile. Raises: AlreadyExists, Denied, Unavailable."""
        self._place.backup(path)

    def __repr__(self) -> str:
        return f"<Tree {self._place!r}>"


class Transaction:
    """Changes in private, with their own reads; `commit` or leaving the `with` makes them, all or none; an exception drops them."""

    def __init__(self, tree: Tree, work: Workspace, author: str, message: str) -> None:
        self.author = author
        self.message = message
        self._tree = tree
        self._work = work
        self._ended = False

    @property
    def base(self) -> int:
        """The revision that it sees."""
        return self._work.base.revision

    def get(self, path: PathLike = "", default: Any = RAISE) -> Any:
        """As it would become. Raises: NotFound."""
        keys = parse(path)
        node = self._work.node(keys)
        return self._work.value(keys) if node is not None or default is RAISE else default

    def keys(self, path: PathLike = "") -> list[str]:
        """Raises: NotFound."""
        return self._work.keys(parse(path))

    def put(self, path: PathLike, value: Any) -> None:
        """Raises: InvalidValue;  Closed."""
        self._open().put(path, value)

    def delete(self, path: PathLike, *, missing_ok: bool = False) -> None:
        """Raises: NotFound, InvalidValue, Closed."""
        self._open().delete(path, missing_ok=missing_ok)

    def merge(self, path: PathLike, patch: Any) -> None:
        """Raises: InvalidValue, Closed."""
        self._open().merge(path, patch)

    def expect(self, path: PathLike, version: int) -> None:
        """Commit only if this path is at this version then; 0: nothing is there."""
        self._open().expected[parse(path)] = version

    def diff(self) -> list[Change]:
        """What it would change."""
        return self._work.changes()

    def commit(self) -> Commit:
        """Raises: Conflict - something that it read or wrote has changed since; `details["conflicts"]` says each, and by whom;
        Denied, InvalidValue. It has ended in any case.
        """
        work = self._open()
        self._ended = True
        return answer(self._tree._place.commit(work.proposal(self.author, self.message, self._tree.id)))

    def cancel(self) -> None:
        """Drop it."""
        self._ended = True

    def _open(self) -> Workspace:
        if self._ended:
            raise Closed("this transaction has ended", hint="begin a new one")
        return self._work

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._ended = True
        elif not self._ended:
            self.commit()


class Drafts:
    """Candidates with a name that outlive a restart: `tree.drafts`."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree

    def begin(self, name: str | None = None, *, message: str = "", ttl: float | None = None, author: str | None = None) -> Draft:
        """A new one, on the tree as it is now; each call without a name begins another one.

        ttl: seconds after which it is dropped when nobody touches it. Raises: AlreadyExists.
        """
        author = self._tree.author if author is None else author
        made, kept = self._tree._place.core.drafts.make(name, author, message, ttl)
        answer(kept)
        return Draft(self._tree, made)

    def open(self, name: str) -> Draft:
        """Raises: NotFound;  Compacted - the tree that it was begun on is not kept any more."""
        return Draft(self._tree, self._tree._place.core.drafts.open(name))

    def list(self) -> list[dict[str, Any]]:
        """name, base, author, message, made_ns, ttl_s, ends_ns of each."""
        return self._tree._place.core.drafts.all()


class Draft:
    """A named candidate: base revision and changes. What is written to it is on the disk when the call returns.

    Its commit is refused if something that it writes has changed since its base; what was read in it does not matter.
    """

    def __init__(self, tree: Tree, made: draft.Draft) -> None:
        self._tree = tree
        self._made = made

    @property
    def name(self) -> str:
        return self._made.name

    @property
    def base(self) -> int:
        """The revision that it was begun on."""
        return self._made.base.revision

    def get(self, path: PathLike = "", default: Any = RAISE) -> Any:
        """As it would become. Raises: NotFound."""
        keys = parse(path)
        node = self._made.node(keys)
        return self._made.value(keys) if node is not None or default is RAISE else default

    def keys(self, path: PathLike = "") -> list[str]:
        """Raises: NotFound."""
        return self._made.keys(parse(path))

    def diff(self) -> list[Change]:
        """What it would change."""
        return self._made.changes()

    def put(self, path: PathLike, value: Any) -> None:
        """Raises: InvalidValue, Closed."""
        keys = parse(path)
        answer(self._made.write(Put(keys, checked(value, keys))))

    def delete(self, path: PathLike, *, missing_ok: bool = False) -> None:
        """Raises: NotFound, Closed."""
        answer(self._made.write(Delete(parse(path), missing_ok)))

    def merge(self, path: PathLike, patch: Any) -> None:
        """Raises: InvalidValue, Closed."""
        keys = parse(path)
        answer(self._made.write(Merge(keys, checked(patch, keys))))

    def commit(self, *, author: str | None = None, message: str = "") -> Commit:
        """Make it real; it ends with that. Raises: Conflict - it stays, to be dropped or begun anew;  Closed, Denied, InvalidValue."""
        proposal = self._made.propose(self._made.author if author is None else author, message, self._tree.id)
        commit = answer(self._tree._place.commit(proposal))
        self._tree._place.core.drafts.forget(self._made)
        return commit

    def drop(self) -> None:
        """Forget it. Raises: Closed."""
        self._made.check()
        answer(self._tree._place.core.drafts.drop(self._made))


class Session:
    """The owner of ephemeral nodes. They never replace persistent ones, and go, with events, when it ends."""

    def __init__(self, tree: Tree, made: sessions.Session) -> None:
        self._tree = tree
        self._made = made
        self.id = made.id

    def put(self, path: PathLike, value: Any, *, message: str = "") -> Commit:
        """Put a leaf that goes with this session. Raises: AlreadyExists - something persistent is there;  Conflict - another
        session's;  Closed, InvalidValue.
        """
        return answer(self._made.put(path, value, self._tree.author, message, self._tree.id))

    def delete(self, path: PathLike, *, message: str = "") -> Commit:
        """Take away a leaf of its own. Raises: Closed."""
        return answer(self._made.delete(path, self._tree.author, message, self._tree.id))

    def renew(self) -> None:
        """It is alive. Raises: Closed - it has ended."""
        self._made.renew()

    def end(self) -> Commit:
        """Its nodes go, in one commit. Idempotent."""
        return answer(self._made.end(self._tree.author))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


class History:
    """What was, and going back to it: `tree.history`.

    A point in time is a revision, a time, so long ago, or one of these in words: 1200, "2026-11-20T14:03", "10 minutes ago".
    """

    def __init__(self, tree: Tree) -> None:
        self._tree = tree

    def get(self, path: PathLike = "", at: Point | None = None, *, back: int = 0) -> Any:
        """The value as it was at a point in time, or `back` changes of its first segment (or of a longer path's subtree) ago.

        Raises: NotFound - nothing was there, or it has not so many changes;  Compacted - it is not kept any more;  InvalidValue.
        """
        return (self.node(path, at, back=back)).value

    def node(self, path: PathLike = "", at: Point | None = None, *, back: int = 0) -> Info:
        """The same with what was known of it. Raises: as `get`."""
        return self._tree._place.core.info_at(parse(path), at, back)

    def log(self, path: PathLike = "", *, since: Point = 0, until: Point | None = None, limit: int = 100) -> list[Entry]:
        """Commits that changed something at a path or below it, newest first; after `since`, up to `until`. Raises: InvalidValue."""
        return self._tree._place.core.log(parse(path), since, until, limit)

    def diff(self, before: Point, after: Point | None = None, path: PathLike = "") -> list[Change]:
        """What differs between two points in time, of which either may be the earlier one. Raises: Compacted, InvalidValue."""
        return changes_of(self._tree._place.core.differences(before, after, parse(path)))

    def blame(self, path: PathLike = "") -> list[Blame]:
        """For each leaf: the commit that last changed it. Raises: NotFound."""
        return self._tree._place.core.blame(parse(path))

    def rollback(
        self, path: PathLike, to: Point | None = None, *, back: int = 0, author: str | None = None, message: str = ""
    ) -> Commit:
        """Bring a first segment or a subtree back to a point, or by `back` of its changes, as a new commit.

        Raises: NotFound - it has not so many changes: nothing is changed;  Compacted;  Conflict - it changed in this moment.
        """
        author = self._tree.author if author is None else author
        core = self._tree._place.core
        proposal = core.rollback(parse(path), to, back, author, message, self._tree.id)
        return answer(core.commit(proposal))

    def redo(self, path: PathLike, *, author: str | None = None, message: str = "") -> Commit:
        """Take a rollback back, if that was the last change there. Raises: NotFound - it was not."""
        author = self._tree.author if author is None else author
        core = self._tree._place.core
        proposal = core.redo(parse(path), author, message, self._tree.id)
        return answer(core.commit(proposal))

    def revert(self, revision: int, *, author: str | None = None, message: str = "") -> Commit:
        """Undo one commit and nothing else. Raises: Conflict - what it changed has changed since;  NotFound, Compacted."""
        author = self._tree.author if author is None else author
        core = self._tree._place.core
        proposal = core.revert(revision, author, message, self._tree.id)
        return answer(core.commit(proposal))

    def revision(self, point: Point) -> int:
        """The revision that a point in time means. Raises: InvalidValue;  Compacted - the log begins later."""
        return self._tree._place.core.revision_of(point)

    def text(self, since: int = 0, until: int | None = None) -> str:
        """The log for people to read: each commit with its changes. Raises: Compacted."""
        return self._tree._place.core.log_text(since, until)


class Watch:
    """Commits in order, each once. Iterate it; it ends when the tree is closed, or the watch is."""

    def __init__(self, made: watches.Watch) -> None:
        self._made = made

    @property
    def seen(self) -> int:
        """The revision up to which everything has been taken or waits to be."""
        return self._made.seen

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Commit:
        """The next commit; waits for it. Raises: Lagged, Compacted; it can be iterated further then."""
        if not self._made.ready:
            run(self._made.fill())
        if not self._made.ready:
            raise StopIteration
        return self._made.ready.popleft()

    def close(self) -> None:
        """It ends behind what has been read already."""
        run(self._made.close())


class Subscription:
    """Messages of a channel, for one reader. Iterate it."""

    def __init__(self, made: messages.Subscription) -> None:
        self._made = made

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Message:
        """The next message; waits for it. Raises: Lost - some did not fit into its queue; it can be iterated further."""
        if not self._made.ready:
            run(self._made.fill())
        if not self._made.ready:
            raise StopIteration
        return self._made.ready.popleft()

    def close(self) -> None:
        run(self._made.close())


class Channels:
    """Messages to whoever listens now: `tree.channels`."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree

    def publish(self, name: str, value: Any) -> int:
        """Tell those who listen; returns how many they are, which may be none. Raises: InvalidValue - not JSON."""
        return self._tree._place.core.channels.publish(name, value, self._tree.id)

    def subscribe(self, name: str, *, queue: int = QUEUE) -> Subscription:
        """From now on."""
        return Subscription(self._tree._place.core.channels.subscribe(name, queue))

    def names(self) -> dict[str, int]:
        """Channels, and how many listen to each."""
        return self._tree._place.core.channels.names()


class Functions:
    """Functions that can be called through the tree: `tree.functions`."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._sessions: dict[str, Session] = {}

    def add(self, path: PathLike, function: Callable[..., Any], *, timeout: float = 10.0) -> None:
        """Make it callable at a path, where an ephemeral leaf shows its signature. Plain functions run in threads.

        Raises: AlreadyExists - a function or something persistent is there;  InvalidValue.
        """
        core = self._tree._place.core
        keys = core.functions.add(path, function, timeout)
        session = self._tree.session("function")
        try:
            answer(session._made.put(keys, signature(function), self._tree.author, "", self._tree.id))
        except BaseException:
            core.functions.remove(keys)
            raise
        self._sessions[show(keys)] = session

    def remove(self, path: PathLike) -> None:
        """Raises: NotFound."""
        keys = self._tree._place.core.functions.remove(path)
        session = self._sessions.pop(show(keys), None)
        if session is not None:
            answer(session._made.end(self._tree.author))

    def call(
        self,
        path: PathLike,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        timeout: float | None = None,
    ) -> Any:
        """Its result as it is. Raises: NotFound - at once;  Timeout;  FunctionError - what it raised."""
        return run(self._tree._place.core.functions.call(path, tuple(args), dict(kwargs or {}), timeout))

    def paths(self) -> list[str]:
        return self._tree._place.core.functions.paths()


class Hooks:
    """Functions that see commits: `tree.hooks`."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree

    def before(self, path: PathLike, call: Callable[[Candidate], Any], *, timeout: float = 10.0) -> Hook:
        """Call it before each commit that changes something at a path or below; what it raises is a veto (Denied)."""
        return self._tree._place.core.hooks.add("before", path, call, timeout)

    def after(self, path: PathLike, call: Callable[[Commit], Any], *, timeout: float = 10.0) -> Hook:
        """Call it after each such commit, one after the other; what it raises is logged."""
        return self._tree._place.core.hooks.add("after", path, call, timeout)

    def remove(self, hook: Hook) -> None:
        """Raises: NotFound."""
        self._tree._place.core.hooks.remove(hook)


class Schemas:
    """JSON Schemas of paths: `tree.schemas`. A commit that would make a value other than its schema says is refused."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree

    def attach(self, path: PathLike, schema: Any, *, author: str | None = None) -> None:
        """From now on, also after a restart. Raises: InvalidValue - no schema, or what is there does not fit;  NotSupported."""
        author = self._tree.author if author is None else author
        core = self._tree._place.core
        core.schemas.attach(path, schema, core.root, author)

    def detach(self, path: PathLike, *, author: str | None = None) -> None:
        """Raises: NotFound."""
        self._tree._place.core.schemas.detach(path, self._tree.author if author is None else author)

    def all(self) -> dict[str, Any]:
        """Path to schema."""
        return self._tree._place.core.schemas.all()


class Plugins:
    """Code of others that is given this tree: `tree.plugins`. See holdfast.tree.plugins."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree

    def load(self, directory: str | None = None, *, packages: bool = True) -> list[Plugin]:
        """Start those of a directory, and those that packages bring along. One that fails is shown as failed, and no more."""
        return run(self._tree._place.load_plugins(self._tree.author, directory, packages=packages))

    def all(self) -> list[Plugin]:
        return list(self._tree._place.core.plugins.all)
