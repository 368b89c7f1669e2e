"""Sessions: what an ephemeral node belongs to. When one ends, by word, by silence or with the node, its nodes go, as a commit.

Ephemeral leaves lie in the file as others do, so that watches, diff and log know them; what a node left behind when it was killed is
taken away by a commit at the next start.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from holdfast.database.home import Database
from holdfast.errors import Closed

from .commit import Commit, Proposal, check_words
from .edit import Delete, Operation, Put
from .paths import Path, PathLike, parse
from .pending import Answer, Pending
from .values import check_seconds, checked

__all__ = ["Session", "Sessions"]

Commits = Callable[[Proposal], Answer[Commit]]


class Session:
    """One owner of ephemeral nodes. ttl_s: it ends when `renew` is not called for so long; None: by `end`, or with the tree.

    id     what `owner` of its nodes says
    paths  that it put
    """

    def __init__(self, sessions: Sessions, name: str, ttl_s: float | None) -> None:
        self.id = f"{name}-{uuid.uuid4().hex[:12]}" if name else uuid.uuid4().hex
        self.name = name
        self.ttl_s = ttl_s
        self.ended = False
        self.paths: dict[Path, None] = {}
        self.deadline: float | None = None
        self._sessions = sessions
        self.renew()

    def renew(self) -> None:
        """It is alive. Raises: Closed - it has ended."""
        if self.ended:
            raise Closed(f"session {self.id} has ended", hint="begin a new one, and put its nodes again")
        if self.ttl_s is not None:
            self.deadline = self._sessions.now() + self.ttl_s

    def put(self, path: PathLike, value: Any, author: str, message: str = "", origin: str = "") -> Answer[Commit]:
        """Put a leaf that goes with this session. Raises: InvalidValue, Closed; in the future: AlreadyExists, Conflict."""
        self.renew()
        keys = parse(path)
        self.paths[keys] = None
        return self._sessions.commit(Proposal([Put(keys, checked(value, keys))], author, message, origin, owner=self.id))

    def delete(self, path: PathLike, author: str, message: str = "", origin: str = "") -> Answer[Commit]:
        """Take away one of its leaves; one that is not its own is left alone."""
        self.renew()
        keys = parse(path)
        self.paths.pop(keys, None)
        proposal = Proposal([Delete(keys, missing_ok=True, owner=self.id)], author, message, origin, owner=self.id)
        return self._sessions.commit(proposal)

    def end(self, author: str, message: str = "") -> Answer[Commit]:
        """Its nodes go, in one commit; an empty one if there are none, or it has ended before."""
        if self.ended:
            return _nothing()
        self.ended = True
        return self._sessions.end(self, author, message or f"session {self.name or self.id} ended")


class Sessions:
    """Those that are alive. now: a clock in seconds that only goes forward."""

    def __init__(self, commit: Commits, propose: Callable[[Proposal], Pending[Commit]], now: Callable[[], float]) -> None:
        """commit: as for everybody; propose: what hooks and schemas cannot refuse, for ends."""
        self.commit = commit
        self.propose = propose
        self._ending: dict[str, tuple[Session, Pending[Commit]]] = {}
        self.now = now
        self._alive: dict[str, Session] = {}

    def begin(self, name: str = "", ttl_s: float | None = None) -> Session:
        """Raises: InvalidValue."""
        check_words(name=name)
        if ttl_s is not None:
            check_seconds("ttl", ttl_s)
        session = Session(self, name, ttl_s)
        self._alive[session.id] = session
        return session

    def end(self, session: Session, author: str, message: str) -> Answer[Commit]:
        self._alive.pop(session.id, None)
        gone: list[Operation] = [Delete(path, missing_ok=True, owner=session.id) for path in session.paths]
        if not gone:
            return _nothing()
        answer = self.propose(Proposal(gone, author, message, owner=session.id))
        self._ending[session.id] = (session, answer)
        return answer

    def expire(self, author: str) -> None:
        """End those whose time is over, and once more those whose end could not be written: the disk was full."""
        for session, answer in list(self._ending.values()):
            if answer.done:
                del self._ending[session.id]
                if answer.error is not None:
                    self.end(session, author, f"session {session.name or session.id} ended")
        over = [one for one in list(self._alive.values()) if one.deadline is not None and one.deadline <= self.now()]
        for one in over:
            one.end(author, f"session {one.name or one.id} was not heard of for {one.ttl_s:g} s")

    def all(self) -> list[Session]:
        return list(self._alive.values())

    def sweep(self, database: Database, author: str) -> Answer[Commit] | None:
        """At the start: take away what sessions of an earlier run left, if anything."""
        left = database.fetch("SELECT path, owner FROM tree INDEXED BY tree_until WHERE until IS NULL AND owner IS NOT NULL")
        if not left:
            return None
        gone: list[Operation] = [Delete(parse(path), missing_ok=True, owner=owner) for path, owner in left]
        return self.propose(Proposal(gone, author, "sessions ended with the node", owner=""))


def _nothing() -> Answer[Commit]:
    return Pending.of(Commit(0))
