"""Drafts: candidates that have a name and lie in the file, so that they outlive a restart and can be looked at by others.

    tree_drafts(name, base, author, message, made_ns, ttl_s, ends_ns)     the revision that it was begun on, and until when it lives
    tree_work(name, n, operation, sum)                                    its operations in order, each with its checksum

A draft with a time to live that nobody touches for so long is dropped: a transaction of a client that went away.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Final
from zlib import crc32

import msgspec

from holdfast.database.home import Database, Transaction
from holdfast.errors import AlreadyExists, Closed, Compacted, Corrupt, InvalidValue, NotFound
from holdfast.undisturbed import waited

from . import past
from .commit import Proposal, check_words
from .edit import Delete, Merge, Operation, Put, written_paths
from .head import Head, find
from .paths import show
from .values import check_seconds
from .workspace import Workspace

__all__ = ["Draft", "Drafts", "remove"]

_MAKE: Final = "INSERT INTO tree_drafts(name, base, author, message, made_ns, ttl_s, ends_ns) VALUES (?, ?, ?, ?, ?, ?, ?)"
_ADD: Final = "INSERT INTO tree_work(name, n, operation, sum) VALUES (?, ?, ?, ?)"
_MOVE: Final = "UPDATE tree_drafts SET base = ? WHERE name = ?"
_TOUCH: Final = "UPDATE tree_drafts SET ends_ns = ? WHERE name = ?"
_ALL: Final = "SELECT name, base, author, message, made_ns, ttl_s, ends_ns FROM tree_drafts"
_WORK: Final = "SELECT n, operation, sum FROM tree_work WHERE name = ? ORDER BY n"

_operation: Final = msgspec.json.Decoder(Put | Delete | Merge)


def remove(tx: Transaction, name: str) -> None:
    """Forget a draft, within a transaction."""
    tx.change("tree", "DELETE FROM tree_drafts WHERE name = ?", [(name,)])
    tx.change("tree", "DELETE FROM tree_work WHERE name = ?", [(name,)])


class Draft(Workspace):
    """One candidate. What is written to it is on the disk when the future has its answer.

    Unlike a transaction's its reads do not count at the commit: people look at a draft, from all sides, for days.
    """

    def __init__(
        self, drafts: Drafts, base: Head, name: str, author: str, message: str, made_ns: int, ttl_s: float | None, ends_ns: int | None
    ) -> None:
        super().__init__(base)
        self.name = name
        self.author = author
        self.message = message
        self.made_ns = made_ns
        self.ttl_s = ttl_s
        self.ends_ns = ends_ns
        self.ended = False
        self.lock = threading.Lock()
        self._drafts = drafts

    def write(self, operation: Operation) -> Future[None]:
        """Do it here, and keep it. Raises: InvalidValue, NotFound - nothing is kept;  Closed."""
        with self.lock:
            self.check()
            self.add(operation)
            text = msgspec.json.encode(operation).decode()
            row = (self.name, len(self.operations), text, crc32(text.encode()))
            return self._drafts.keep(self, row)

    def rebase(self) -> tuple[list[str], Future[None]]:
        """Put it onto the tree as it is now: the paths that it writes and that others have changed meanwhile.

        Raises: InvalidValue, NotFound - an operation does not fit there: it stays as it is;  Closed.
        """
        with self.lock:
            self.check()
            head = self._drafts.head()
            written = {path for one in self.operations for path in written_paths(one)}
            changed = sorted(path for path in written if find(head.root, path) is not find(self.base.root, path))
            self.root = Workspace(head, self.operations).root
            self.base = head
            return [show(path) for path in changed], self._drafts.move(self)

    def check(self) -> None:
        """Raises: Closed - it was committed, dropped, or its time is over."""
        if not self.ended and self.ends_ns is not None and self.ends_ns <= self._drafts.now_ns():
            self._drafts.drop(self)
        if self.ended:
            raise Closed(f"draft `{self.name}` has ended", hint="begin a new one")

    def propose(self, author: str, message: str, origin: str) -> Proposal:
        """What its commit is. Raises: Closed."""
        self.check()
        proposal = self.proposal(author, message or self.message, origin, {"draft": self.name})
        return msgspec.structs.replace(proposal, draft=self.name, reads=())


class Drafts:
    """All of one tree. head: the tree now."""

    def __init__(self, database: Database, head: Callable[[], Head], now_ns: Callable[[], int] = time.time_ns) -> None:
        self.now_ns = now_ns
        self._database = database
        self.head = head
        self._open: dict[str, Draft] = {}
        self._lock = threading.Lock()

    def make(self, name: str | None, author: str, message: str, ttl_s: float | None) -> tuple[Draft, Future[None]]:
        """Begin one; each call without a name begins another one. Raises: AlreadyExists, InvalidValue."""
        if name is not None and (not isinstance(name, str) or not name):
            raise InvalidValue(f"expected the name of a draft, got `{name!r}`")
        name = uuid.uuid4().hex if name is None else name
        check_words(name=name, author=author, message=message)
        if ttl_s is not None:
            check_seconds("ttl", ttl_s)
        made_ns = self.now_ns()
        ends_ns = None if ttl_s is None else made_ns + round(ttl_s * 1e9)
        with self._lock:
            if name in self._open or self._row(name) is not None:
                raise AlreadyExists(f"a draft `{name}` is there already", hint="open it, or choose another name", draft=name)
            draft = Draft(self, self.head(), name, author, message, made_ns, ttl_s, ends_ns)
            self._open[name] = draft
        row = (name, draft.base.revision, author, message, made_ns, ttl_s, ends_ns)
        return draft, self._database.write(lambda tx: tx.change("tree", _MAKE, [row]), durable=True)

    def open(self, name: str) -> Draft:
        """Blocks. Raises: NotFound;  Compacted - the tree that it was begun on is not kept;  Corrupt."""
        with self._lock:
            draft = self._open.get(name)
            if draft is None:
                row = self._row(name)
                if row is None:
                    raise NotFound(f"no draft `{name}`", draft=name)
                draft = self._load(row)
                self._open[name] = draft
        draft.check()
        return draft

    def all(self) -> list[dict[str, Any]]:
        """Name, base, author, message, made_ns, ttl_s, ends_ns of each. Blocks."""
        names = ("name", "base", "author", "message", "made_ns", "ttl_s", "ends_ns")
        return [dict(zip(names, row, strict=True)) for row in self._database.fetch(f"{_ALL} ORDER BY name")]

    def keep(self, draft: Draft, row: tuple[Any, ...]) -> Future[None]:
        """Write an operation down."""
        draft.ends_ns = None if draft.ttl_s is None else self.now_ns() + round(draft.ttl_s * 1e9)

        def job(tx: Transaction) -> None:
            tx.change("tree", _ADD, [row])
            if draft.ends_ns is not None:
                tx.change("tree", _TOUCH, [(draft.ends_ns, draft.name)])

        return self._database.write(job, durable=True)

    def move(self, draft: Draft) -> Future[None]:
        """Write down that it has another base."""
        row = (draft.base.revision, draft.name)
        return self._database.write(lambda tx: tx.change("tree", _MOVE, [row]), durable=True)

    def drop(self, draft: Draft) -> Future[None]:
        self.forget(draft)
        return self._database.write(lambda tx: remove(tx, draft.name), durable=True)

    def drop_named(self, name: str) -> Future[None]:
        """The same of one that need not be open, nor can be. Blocks. Raises: NotFound."""
        with self._lock:
            draft = self._open.pop(name, None)
            if draft is not None:
                draft.ended = True
            elif self._row(name) is None:
                raise NotFound(f"no draft `{name}`", draft=name)
        return self._database.write(lambda tx: remove(tx, name), durable=True)

    def forget(self, draft: Draft) -> None:
        """It was committed."""
        draft.ended = True
        with self._lock:
            self._open.pop(draft.name, None)

    def expire(self) -> int:
        """Drop those whose time is over; returns how many. Blocks."""
        over = self._database.fetch("SELECT name FROM tree_drafts WHERE ends_ns IS NOT NULL AND ends_ns <= ?", (self.now_ns(),))
        for (name,) in over:
            with self._lock:
                draft = self._open.pop(name, None)
            if draft is not None:
                draft.ended = True
            waited(self._database.write(lambda tx, name=name: remove(tx, name), durable=True))  # type: ignore[misc]
        return len(over)

    def _row(self, name: str) -> tuple[Any, ...] | None:
        return self._database.fetchone(f"{_ALL} WHERE name = ?", (name,))

    def _load(self, row: tuple[Any, ...]) -> Draft:
        name, base, author, message, made_ns, ttl_s, ends_ns = row
        with past.reading(self._database) as reader:
            head = self.head()
            try:
                now = past.past_head(reader.fetch, head, base)
            except Compacted as error:
                sentence = f"draft `{name}`: {error.message}"
                raise Compacted(sentence, oldest=error.oldest, hint="it can only be dropped", draft=name) from error
            work = reader.fetch(_WORK, (name,))
        draft = Draft(self, now, name, author or "", message or "", made_ns, ttl_s, ends_ns)
        for n, text, told in work:
            if crc32(text.encode()) != told:
                raise Corrupt(f"operation {n} of draft `{name}` is damaged", hint="drop the draft", draft=name)
            draft.add(_operation.decode(text))
        return draft
