"""What no event tells and what is cheap to look at, a few times a second: proxy neighbours, and interfaces that are down.

The kernel announces most changes of an interface only while it is up (netif_state_change, net/core/dev.c): alias, group,
alternative names, settings of its kind and carrier of one that is down change in silence. Some of them are looked at each
time, in turn. A look only says that there is something to ask; what the tables get is the answer.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Final

from holdfast.errors import KernelError
from holdfast.model import TABLES
from holdfast.model.neighbour import NTF_PROXY
from holdfast.netlink.wire import HEADER, HEADER_SIZE

from .answers import Answers, part_of
from .consequence import EVERYTHING, Ask, Reread
from .rules import DOWN, POLLED, ROUTE_FAMILIES

if TYPE_CHECKING:
    from holdfast.sources.contract import Source

__all__ = ["Fetch", "Looks"]

_AT_ONCE: Final = 16
"""Interfaces that a look asks for, 40 µs each."""
_NDM_FLAGS: Final = 10

Fetch = Callable[[str, tuple[object, ...]], list[tuple[object, ...]]]
"""Reads the database: SQL and arguments."""


class Looks:
    """Compares one source with what it told last. For worker threads, one at a time: all methods block."""

    def __init__(self, source: Source, fetch: Fetch) -> None:
        self._source = source
        self._fetch = fetch
        self._proxies: dict[str, list[bytes]] = {}  # by family: their messages, as last answered
        self._down: dict[int, tuple[int, object]] = {}  # by ifindex: what was answered (a hash), and of when the row was then
        self._position = 0

    def questions(self) -> list[Ask | Reread]:
        """What to ask, because it is different from what was last answered."""
        if self._source.passive:
            return []
        questions: list[Ask | Reread] = []
        if any(self._proxies_now(one) != self._proxies[one.family] for one in POLLED if one.family in self._proxies):
            questions += POLLED
        if TABLES["interfaces"] in self._source.tables and (changed := tuple(self._down_and_changed())):
            questions.append(Ask(changed, reason="it is down, and changed in silence"))
        return questions

    def remember(self, answers: Answers) -> None:
        """Keep what the tables will show of it. A look that remembered what it saw itself would miss what came and went between
        the look and the answer, or between the answer and the next look."""
        for part in answers.parts:
            for one in POLLED:
                if part.table.name == one.table and part.where in (EVERYTHING, part_of(one)):
                    self._proxies[one.family] = _proxies(part.chunks, one.family)
        for ifindex, message in answers.links.items():
            self._down.pop(ifindex, None)
            if message is not None:
                for _, since in self._rows("ifindex = ?", ifindex):
                    self._down[ifindex] = _hash(message), since

    def _proxies_now(self, one: Reread) -> list[bytes]:
        return _proxies(self._source.unrecorded.dump(TABLES[one.table], one.family, **dict(one.filters)), one.family)

    def _down_and_changed(self) -> Iterator[int]:
        """The next few that are down. A row that an event wrote since the answer is asked for again: it may have become what was
        answered in the meantime, and something else before that."""
        rows = self._rows("ifindex > ?", self._position)
        self._position = rows[-1][0] if len(rows) == _AT_ONCE else 0
        for ifindex, since in rows:
            with contextlib.suppress(KernelError):  # it is gone, and an event says so
                message = self._source.unrecorded.get(TABLES["interfaces"], {"ifindex": ifindex})
                if self._down.get(ifindex) != (_hash(message), since):
                    yield ifindex

    def _rows(self, condition: str, number: int) -> list[tuple[int, object]]:
        """Index and revision of interfaces that are down."""
        sql = f"SELECT ifindex, since FROM interfaces WHERE target = ? AND {condition} AND {DOWN.sql} ORDER BY ifindex LIMIT {_AT_ONCE}"
        return self._fetch(sql, (self._source.target, number))  # type: ignore[return-value]


def _proxies(chunks: Iterable[bytes], family: str) -> list[bytes]:
    """The messages of a dump that are about proxy entries of the family (struct ndmsg, linux/neighbour.h)."""
    wanted = ROUTE_FAMILIES[family]
    return [body for chunk in chunks for body in _bodies(chunk) if body[0] == wanted and body[_NDM_FLAGS] & NTF_PROXY]


def _hash(chunk: bytes) -> int:
    return hash(tuple(_bodies(chunk)))


def _bodies(chunk: bytes) -> list[bytes]:
    """The messages of a chunk without their headers, which differ each time."""
    bodies, at = [], 0
    while at + HEADER_SIZE <= len(chunk):
        length = HEADER.unpack_from(chunk, at)[0]
        bodies.append(chunk[at + HEADER_SIZE : at + length])
        at += (length + 3) & ~3
    return bodies
