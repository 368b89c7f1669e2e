# made from api/aio/tree/drafts.py by scripts/generators/sync.py; scripts/generate writes it anew
"""Drafts: named, durable, committed when they are ready."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdfast.api.bridge import answer
from holdfast.tree.commit import Change, Commit
from holdfast.tree.edit import Delete, Put, merging
from holdfast.tree.looking import RAISE, Match
from holdfast.tree.paths import PathLike, parse
from holdfast.tree.values import checked

if TYPE_CHECKING:
    from holdfast.api.sync.tree.tree import Tree
    from holdfast.tree import draft

__all__ = ["Draft", "Drafts"]


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

    def drop(self, name: str) -> None:
        """Forget one, also one that cannot be opened any more. Raises: NotFound."""
        answer(self._tree._place.core.drafts.drop_named(name))

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

    def find(self, pattern: str | None = None, *, regex: str | None = None) -> list[Match]:
        """What a pattern or a regular expression matches, as it would become. Raises: InvalidValue."""
        return self._made.find(pattern, regex)

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
        for one in merging(keys, checked(patch, keys)):
            answer(self._made.write(one))

    def rebase(self) -> list[str]:
        """Put it onto the tree as it is now, so that its commit can follow what others have done since its base.

        Returns the paths that it writes and others have changed meanwhile: look at `diff`, its commit would change them again.
        Raises: NotFound, InvalidValue - what it does cannot be done any more: it stays as it is;  Closed.
        """
        changed, kept = self._made.rebase()
        answer(kept)
        return changed

    def commit(self, *, author: str | None = None, message: str = "") -> Commit:
        """Make it real; it ends with that. Raises: Conflict - it stays, to be rebased or dropped;  Closed, Denied, InvalidValue."""
        proposal = self._made.propose(self._made.author if author is None else author, message, self._tree.id)
        commit = answer(self._tree._place.commit(proposal))
        self._tree._place.core.drafts.forget(self._made)
        return commit

    def drop(self) -> None:
        """Forget it. Raises: Closed."""
        self._made.check()
        answer(self._tree._place.core.drafts.drop(self._made))
