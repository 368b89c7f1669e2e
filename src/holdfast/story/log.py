"""The log: what happened, newest first, each entry with what it changed from what to what.

Entries are made page by page as they are asked for, each page at one revision of the database. Of everything, pages are lines of
the log; of one table, or of some of its objects, they are the revisions at which those rows began or ended, found through the
history's indexes: what else happened costs nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from holdfast.database.moments import time_of
from holdfast.errors import Compacted
from holdfast.tree.past import commits
from holdfast.tree.rows import KIND

from .page import Asked, Counts, read_page
from .told import Told, told

if TYPE_CHECKING:
    from holdfast.database.home import Database, Reader, Row
    from holdfast.database.sqlite import FileReader
    from holdfast.tree.commit import Change as TreeChange

__all__ = ["Asked", "Counts", "Entry", "entries"]

_PAGE: Final = 100
_COLUMNS: Final = "revision, n, time_ns, kind, target, author, message, details"
_BY: Final = "(author = ? OR details ->> 'intent' IN (SELECT revision FROM log WHERE kind = 'intent' AND author = ?))"
_SILENT: Final = frozenset({"live", "stage"})
"""Kinds of lines that say nothing without changes."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the log.

    kind     live: it was seen at a source;  start, load, gap, stop …;  compacted: the history of a table begins here.
    target   whose rows it changed, if they were those of one.
    changes  what it changed, as far as it was asked for.
    many     by table, what was too much for that (see page.MOST).
    """

    revision: int
    time: datetime
    kind: str
    target: str | None = None
    author: str | None = None
    message: str | None = None
    changes: tuple[Told, ...] = ()
    many: Mapping[str, Counts] = field(default_factory=dict)
    cause: int | None = None
    config: tuple[TreeChange, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """JSON values only; what is not there is left out."""
        shape: dict[str, Any] = {"revision": self.revision, "time": self.time.isoformat(timespec="milliseconds"), "kind": self.kind}
        shape |= {name: value for name in ("target", "author", "message", "cause") if (value := getattr(self, name)) is not None}
        shape["changes"] = [one.as_dict() for one in self.changes]
        if self.config:
            shape["config"] = [{"path": one.path, "op": one.op, "value": one.value, "old": one.old} for one in self.config]
        if self.many:
            shape["many"] = {table: {"came": counts.came, "went": counts.went} for table, counts in self.many.items()}
        return shape


def entries(database: Database | FileReader, asked: Asked) -> Iterator[Entry]:
    """The entries, newest first, as they are asked for. Raises: InvalidValue - not a point in time;  UnknownName - a table.

    Where the history of a table begins later than what is asked for, an entry of the kind `compacted` says so in its place.
    """
    since = 0
    if asked.since is not None:
        with contextlib.suppress(Compacted):  # before the log begins: the entries show where that is
            since = database.moment(asked.since).revision
    last = database.revision if asked.until is None else database.moment(asked.until).revision
    return _Telling(database, asked, since).entries(last)


class _Telling:
    """One pass over the log."""

    def __init__(self, database: Database | FileReader, asked: Asked, since: int) -> None:
        self._database = database
        self._asked = asked
        self._since = since
        self._ended: set[str] = set()

    def entries(self, last: int) -> Iterator[Entry]:
        pages = self._lines if self._asked.everything else self._of_rows
        yield from pages(last)
        with self._database.reader() as reader:
            yield from self._begins(reader, self._oldest(reader), self._since + 1)

    # -- pages -----------------------------------------------------------------------------------------------------

    def _lines(self, last: int) -> Iterator[Entry]:
        """Pages of the log itself."""
        asked, (terms, args) = self._asked, self._written()
        if asked.target is not None:
            terms, args = f"{terms} AND (target = ? OR target IS NULL)", [*args, asked.target]
        sql = f"SELECT {_COLUMNS} FROM log WHERE revision > ? AND revision <= ?{terms} ORDER BY revision DESC, n DESC LIMIT {_PAGE}"
        while True:
            with self._database.reader() as reader:
                lines = reader.fetch(sql, (self._since, last, *args))
                if len(lines) == _PAGE and lines[0][0] != lines[-1][0]:  # the last revision may have more lines
                    lines = [line for line in lines if line[0] != lines[-1][0]]
                found = list(self._page(reader, lines))
            yield from found
            if not lines:
                return
            last = lines[-1][0] - 1

    def _of_rows(self, last: int) -> Iterator[Entry]:
        """Pages of the revisions at which the rows that are meant changed."""
        asked, (terms, args) = self._asked, self._written()
        with self._database.reader() as reader:
            each = [reader.revisions(table, self._since, last, asked.condition) for table in asked.tables]
        revisions = each[0] if len(each) == 1 else sorted({one for some in each for one in some}, reverse=True)
        for start in range(0, len(revisions), _PAGE):
            page = revisions[start : start + _PAGE]
            with self._database.reader() as reader:
                here = ", ".join(map(str, page))
                sql = f"SELECT {_COLUMNS} FROM log WHERE revision IN ({here}){terms} ORDER BY revision DESC, n DESC"
                found = list(self._page(reader, reader.fetch(sql, args)))
            yield from found

    def _written(self) -> tuple[str, list[Any]]:
        """The condition on lines, and its arguments, if an author is asked for: they are his, or he caused them."""
        author = self._asked.author
        return ("", []) if author is None else (f" AND {_BY}", [author, author])

    # -- entries of a page -----------------------------------------------------------------------------------------

    def _page(self, reader: Reader, lines: Sequence[Row]) -> Iterator[Entry]:
        if not lines:
            return
        first = {line[0]: line[1] for line in lines}  # of a revision's lines the first, which comes last
        changes, many = read_page(reader, self._asked, first.keys())
        causes = _causes(reader, lines)
        oldest = self._oldest(reader)
        for line in lines:
            yield from self._begins(reader, oldest, line[0])
            told_here, many_here = (changes.get(line[0], []), many.get(line[0], {})) if line[1] == first[line[0]] else ([], {})
            if told_here or many_here or self._is_news(line):
                when = datetime.fromtimestamp(line[2] / 1e9).astimezone()
                kind, target, author, message = line[3:7]
                cause = causes.get(line[0]) if kind == "live" else None
                if cause is not None:
                    author, message = cause.author, cause.message
                entry = Entry(line[0], when, kind, target, author, message, tuple(map(told, told_here)), many_here)
                yield replace(entry, cause=None if cause is None else cause.intent, config=_config(reader, line))

    def _is_news(self, line: Row) -> bool:
        """Is a line of interest without changes? A start, a gap; not the changes of others, nor that all went well."""
        if not self._asked.everything or line[3] in _SILENT or self._asked.target not in (None, line[4]):
            return False
        return line[3] != "result" or _details(line).get("result") != "done"

    def _oldest(self, reader: Reader) -> dict[str, int]:
        """Where the histories begin; of those of which that was not told."""
        return {table: reader.oldest(table) for table in self._asked.tables if table not in self._ended}

    def _begins(self, reader: Reader, oldest: Mapping[str, int], revision: int) -> Iterator[Entry]:
        """What to say of tables before the entry of this revision: whose history begins behind it."""
        for table, begin in oldest.items():
            if begin and begin >= revision and table not in self._ended:
                self._ended.add(table)
                when = datetime.fromtimestamp(time_of(reader.fetch, begin) / 1e9).astimezone()
                yield Entry(begin, when, "compacted", message=f"the history of {table} begins here: what was before is not kept")


class _Cause(NamedTuple):
    intent: int
    author: str | None
    message: str | None


def _details(line: Row) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(line[7]) if line[7] else {}
    return found


def _causes(reader: Reader, lines: Sequence[Row]) -> dict[int, _Cause]:
    """By revision, which change of ours caused what was seen at it."""
    intents = {line[0]: intent for line in lines if line[3] == "live" and (intent := _details(line).get("intent"))}
    if not intents:
        return {}
    wanted = ", ".join(str(int(one)) for one in set(intents.values()))
    sql = f"SELECT revision, author, message FROM log WHERE kind = 'intent' AND revision IN ({wanted})"
    known = {row[0]: _Cause(*row) for row in reader.fetch(sql)}
    return {revision: known[intent] for revision, intent in intents.items() if intent in known}


def _config(reader: Reader, line: Row) -> tuple[TreeChange, ...]:
    """What a commit of the tree changed, as far as that is still kept."""
    if line[3] != KIND:
        return ()
    with contextlib.suppress(Compacted):
        for commit in commits(reader.fetch, line[0] - 1, line[0]):
            return tuple(commit.changes)
    return ()
