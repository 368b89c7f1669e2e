"""Asking a source: dumps and single requests, in a worker thread; their answers go to the writer as raw bytes.

    Questions ──ask (worker)──► Answers ──settle (writer, one transaction or steps)──► rows

The bytes of a dump are gathered first and decoded by the writer: two threads that are busy in Python at once hinder each
other more than they help. 100 000 routes are 6 MB.
"""

from __future__ import annotations

import contextlib
import errno
import logging
from typing import TYPE_CHECKING, Final

from holdfast.errors import InvalidValue, KernelError, NotSupported
from holdfast.model import TABLES
from holdfast.model.field import Table

from .agenda import Questions
from .answers import Answers, Part, family_number, part_of
from .consequence import EVERYTHING, Ask, Reread
from .looking import Fetch, Looks

if TYPE_CHECKING:
    from holdfast.sources.contract import Source

__all__ = ["Reading"]

logger = logging.getLogger("holdfast.mirror")

_TRIES: Final = 3
_BARRIER_IFINDEX: Final = 1


class Reading:
    """Asks one source. All methods block: for a worker thread."""

    def __init__(self, source: Source, fetch: Fetch) -> None:
        self._source = source
        self._fetch = fetch
        self._looks = Looks(source, fetch)

    def ask(self, questions: Questions) -> Answers:
        """Ask everything in `questions`; what has become pointless (no rows match `only_if`) is left out.

        Raises: what the source raises; nothing is partly answered then.
        """
        answers = Answers()
        self.barrier()
        if questions.everything:
            answers.parts = [part for table in self._source.tables if (part := self._whole(table)) is not None]
            self._looks.remember(answers)
            return answers
        for ifindex in self._wanted_links(questions):
            answers.links[ifindex] = self._link(ifindex)
        for one in questions.rereads:
            if self._matches(one):
                table = TABLES[one.table]
                chunks, torn = self._dump(table, one.family, dict(one.filters))
                answers.parts.append(Part(table, part_of(one), chunks, family_number(table, one.family), torn, one))
        self._looks.remember(answers)
        return answers

    def barrier(self) -> None:
        """Wait until the kernel has finished what it was doing when it sent the event.

        A link's event leaves before its routes are flushed, some milliseconds when there are many, and route dumps do not
        wait for that: they take no lock. A request for one interface takes the lock under which all of it happens.
        """
        with contextlib.suppress(NotSupported):  # a recording does not change while it is read
            self._link(_BARRIER_IFINDEX)

    def look(self) -> list[Ask | Reread]:
        """What to ask because something is different that no event tells."""
        return self._looks.questions()

    def _whole(self, table: Table) -> Part | None:
        """All of a table; None: a recording that does not have it."""
        try:
            chunks, torn = self._dump(table, "", {})
        except NotSupported:
            if self._source.passive:
                return None
            raise
        return Part(table, EVERYTHING, chunks, torn=torn)

    def _dump(self, table: Table, family: str, filters: dict[str, int]) -> tuple[list[bytes], bool]:
        for _ in range(_TRIES):
            chunks = self._dump_once(table, family, filters)
            if not self._source.interrupted:
                return chunks, False
        target = self._source.target
        logger.info("%s: %d dumps of %s were torn by changes; the last is taken as it is, and a new one later", target, _TRIES, table.name)
        return chunks, True

    def _dump_once(self, table: Table, family: str, filters: dict[str, int]) -> list[bytes]:
        try:
            return list(self._source.dump(table, family, **filters))
        except (KernelError, InvalidValue) as refusal:
            if not filters or (isinstance(refusal, KernelError) and refusal.code not in (errno.EINVAL, errno.EOPNOTSUPP)):
                raise
            # a kernel that cannot filter by this: all of the table has the part in it as well
            return list(self._source.dump(table, family))

    def _wanted_links(self, questions: Questions) -> list[int]:
        wanted = dict.fromkeys(questions.ifindexes)
        for where in questions.links:
            sql = f"SELECT ifindex FROM interfaces WHERE target = ? AND ({where.sql})"
            wanted |= dict.fromkeys(int(row[0]) for row in self._fetch(sql, (self._source.target, *where.args)))  # type: ignore[call-overload]
        return list(wanted)

    def _link(self, ifindex: int) -> bytes | None:
        try:
            return self._source.get(TABLES["interfaces"], {"ifindex": ifindex})
        except KernelError as refusal:
            if refusal.code in (errno.ENODEV, errno.ENOENT):
                return None
            raise

    def _matches(self, one: Reread) -> bool:
        """Is there a row that makes the question worth asking? The reader sees what is committed: no less than the asker saw."""
        if one.only_if is None:
            return True
        sql = f"SELECT 1 FROM {one.table} WHERE target = ? AND ({one.only_if.sql}) LIMIT 1"
        return bool(self._fetch(sql, (self._source.target, *one.only_if.args)))
