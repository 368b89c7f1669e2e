# made from api/aio/tree/extending.py by scripts/generators/sync.py; scripts/generate writes it anew
"""Functions, hooks, schemas and plugins."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from holdfast.api.bridge import answer, run
from holdfast.tree.commit import Commit
from holdfast.tree.functions import signature
from holdfast.tree.paths import PathLike, show

if TYPE_CHECKING:
    from holdfast.api.sync.tree.session import Session
    from holdfast.api.sync.tree.tree import Tree
    from holdfast.tree.hooks import Candidate, Hook
    from holdfast.tree.plugins import Plugin

__all__ = ["Functions", "Hooks", "Plugins", "Schemas"]


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
