"""Asking a source: dumps and single requests, in a worker thread; their answers go to the writer as raw bytes.

    Questions ──ask (worker)──► Answers ──settle (writer, one transaction or steps)──► rows

The bytes of a dump are gathered first and decoded by the writer: two threads that are busy in Python at once hinder each
other more than they help. 100 000 routes are 6 MB.
"""

from __future__ import annotations

import contextlib
import errno
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from holdfast.errors import InvalidValue, KernelError, NotSupported
from holdfast.model import TABLES
from holdfast.model.field import Table
from holdfast.model.neighbour import NTF_PROXY
from holdfast.netlink.wire import HEADER, HEADER_SIZE

from .agenda import Questions
from .consequence import EVERYTHING, Reread, Where
from .rules import POLLED, ROUTE_FAMILIES, through

if TYPE_CHECKING:
    from holdfast.sources.contract import Source

__all__ = ["Answers", "Part", "Reading", "covered", "family_number", "part_of"]

logger = logging.getLogger("holdfast.mirror")

_TRIES: Final = 3
_BARRIER_IFINDEX: Final = 1
_NDM_FLAGS: Final = 10

Fetch = Callable[[str, tuple[object, ...]], list[tuple[object, ...]]]
"""Reads the database: SQL and arguments."""


@dataclass(frozen=True, slots=True)
class Part:
    """What a dump told about one part of a table: every row of `where` that exists is in it. `torn`: it may be incomplete."""

    table: Table
    where: Where
    chunks: list[bytes]
    family: int = 0  # rows of other families are not wanted: some kernels answer with all they have
    torn: bool = False
    question: Reread | None = None


@dataclass(slots=True)
class Answers:
    """`links`: interfaces asked for one by one, as the message that would announce them; None: there is no such interface."""

    parts: list[Part] = field(default_factory=list)
    links: dict[int, bytes | None] = field(default_factory=dict)

    @property
    def torn(self) -> list[Reread]:
        """What should be asked again in a while."""
        return [part.question or Reread(part.table.name, reason="its dump was torn") for part in self.parts if part.torn]


def part_of(one: Reread) -> Where:
    """The rows that a question is about."""
    return covered(TABLES[one.table], one.family, dict(one.filters)) if one.scope is None else one.scope


def covered(table: Table, family: str, filters: Mapping[str, Any]) -> Where:
    """The rows that a dump with these filters would show for sure, if they still existed."""
    where = EVERYTHING
    if number := family_number(table, family):
        where &= Where("family = ?", (number,))
    for name, value in filters.items():
        where &= through(value) if (table.name, name) == ("routes", "oif") else Where(f"{name} = ?", (value,))
    return where


def family_number(table: Table, word: str) -> int:
    """0: all rows of the table are of one family, or all families are meant."""
    return ROUTE_FAMILIES.get(word, 0) if "family" in table.columns else 0


def _bodies(chunk: bytes) -> list[bytes]:
    """The messages of a chunk without their headers, which differ each time."""
    bodies, at = [], 0
    while at + HEADER_SIZE <= len(chunk):
        length = HEADER.unpack_from(chunk, at)[0]
        bodies.append(chunk[at + HEADER_SIZE : at + length])
        at += (length + 3) & ~3
    return bodies


def _proxies(chunks: Iterable[bytes], family: str) -> list[bytes]:
    """The messages of a dump that are about proxy entries of the family (struct ndmsg, linux/neighbour.h)."""
    wanted = ROUTE_FAMILIES[family]
    return [body for chunk in chunks for body in _bodies(chunk) if body[0] == wanted and body[_NDM_FLAGS] & NTF_PROXY]


class Reading:
    """Asks one source. All methods block: for a worker thread."""

    def __init__(self, source: Source, fetch: Fetch) -> None:
        self._source = source
        self._fetch = fetch
        self._told: dict[str, list[bytes]] = {}  # by family: the messages about what is never announced, as last answered

    def ask(self, questions: Questions) -> Answers:
        """Ask everything in `questions`; what has become pointless (no rows match `only_if`) is left out.

        Raises: what the source raises; nothing is partly answered then.
        """
        answers = Answers()
        self.barrier()
        if questions.everything:
            answers.parts = [part for table in self._source.tables if (part := self._whole(table)) is not None]
            self._remember(answers)
            return answers
        for ifindex in self._wanted_links(questions):
            answers.links[ifindex] = self._link(ifindex)
        for one in questions.rereads:
            if self._matches(one):
                table = TABLES[one.table]
                chunks, torn = self._dump(table, one.family, dict(one.filters))
                answers.parts.append(Part(table, part_of(one), chunks, family_number(table, one.family), torn, one))
        self._remember(answers)
        return answers

    def barrier(self) -> None:
        """Wait until the kernel has finished what it was doing when it sent the event.

        A link's event leaves before its routes are flushed, some milliseconds when there are many, and route dumps do not
        wait for that: they take no lock. A request for one interface takes the lock under which all of it happens.
        """
        with contextlib.suppress(NotSupported):  # a recording does not change while it is read
            self._link(_BARRIER_IFINDEX)

    def poll(self) -> bool:
        """Is anything that is never announced different from what was last told to the tables?"""
        if self._source.passive:
            return False
        wanted = [one for one in POLLED if one.family in self._told]
        return any(_proxies(self._dump_of(one), one.family) != self._told[one.family] for one in wanted)

    def _remember(self, answers: Answers) -> None:
        """Keep what the tables will show of it. A look that remembered its own dumps would miss what came and went between
        the look and the answer, or between the answer and the next look."""
        for part in answers.parts:
            for one in POLLED:
                if part.table.name == one.table and part.where in (EVERYTHING, part_of(one)):
                    self._told[one.family] = _proxies(part.chunks, one.family)

    def _dump_of(self, one: Reread) -> Iterator[bytes]:
        return self._source.dump(TABLES[one.table], one.family, **dict(one.filters))

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
