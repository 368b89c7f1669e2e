"""Checking the tree in a file: every row against its checksum, every commit against its log line, the head against the last one.

    check(fetch)          what is damaged, of a tree that is open
    examine(connection)   the same as findings about a file, also about one that is too damaged to be opened as a tree
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final
from zlib import crc32

import apsw
import msgspec

from holdfast.database.check import Finding
from holdfast.database.home import Row
from holdfast.errors import Corrupt

from . import past, rows
from .past import Fetch

__all__ = ["Damage", "check", "examine"]

_MOST: Final = 100
_HINT: Final = "restore a backup (`holdfast restore`)"


@dataclass(frozen=True, slots=True)
class Damage:
    """Something that is not as it was written, the revision that it belongs to, and the path if it is one row."""

    what: str
    revision: int
    path: str = ""

    def __str__(self) -> str:
        return self.what


def check(fetch: Fetch) -> list[Damage]:
    """All that is damaged; empty: nothing. Cost: O(rows of the tree and its history)."""
    try:
        return _check(fetch)
    except Corrupt as error:  # so much that it cannot be read
        return [Damage(error.message, 0)]


def _check(fetch: Fetch) -> list[Damage]:
    found: list[Damage] = []
    content: defaultdict[int, int] = defaultdict(int)
    change: defaultdict[int, int] = defaultdict(int)
    for row in fetch("SELECT path, since, until, value, owner, sum FROM tree", ()):
        path, since, until, value, owner, _ = row
        try:
            rows.verified(*row)
        except Corrupt as error:
            found.append(Damage(error.message, since if isinstance(since, int) else 0, str(path)))
            continue
        began = rows.row_sum(path, since, value, owner)
        content[since] += began
        change[since] += began
        if until is not None:
            content[until] += rows.ended_sum(began, until)
            change[until] -= began
    if not found:  # a damaged row is in no sum
        found += _commits(fetch, content, change)
    return found + _indexes(fetch) + _drafts(fetch)


def _indexes(fetch: Fetch) -> list[Damage]:
    """Do the indexes tell of the same rows? They are read by themselves, which is possible because they hold what is asked for."""
    rows_there = {(row[0], row[1]) for row in fetch("SELECT path, since FROM tree NOT INDEXED", ())}
    found = []
    for index, sql in (
        ("tree_since", "SELECT path, since FROM tree INDEXED BY tree_since WHERE since > -1"),
        ("tree_until", "SELECT path, since FROM tree INDEXED BY tree_until WHERE until IS NULL OR until > -1"),
    ):
        differing = rows_there ^ {(row[0], row[1]) for row in fetch(sql, ())}
        if differing:
            path, since = min(differing, key=lambda one: one[1])
            sentence = f"the index {index} and the rows differ in {len(differing)} places, first at revision {since}"
            found.append(Damage(sentence, since, path))
    return found


def _drafts(fetch: Fetch) -> list[Damage]:
    return [
        Damage(f"operation {n} of draft `{name}` is damaged: drop the draft", base)
        for name, base, n, operation, told in fetch("SELECT name, base, n, operation, sum FROM tree_work JOIN tree_drafts USING (name)", ())
        if crc32(str(operation).encode()) != told
    ]


def examine(connection: apsw.Connection) -> Iterator[Finding]:
    """What is to be said of the tree in a file."""

    def fetch(sql: str, args: Sequence[Any]) -> list[Row]:
        return connection.execute(sql, tuple(args)).fetchall()

    damages = check(fetch)
    for one in damages[:_MOST]:
        yield Finding("problem", "tree", one.what, _HINT)
    if len(damages) > _MOST:
        yield Finding("problem", "tree", f"and {len(damages) - _MOST} more", _HINT)
    if not damages:
        [(there, ended)] = fetch("SELECT count(*) - count(until), count(until) FROM tree", ())
        yield Finding("ok", "tree", f"{there} rows, {ended} in the history, each as it was written")


def _commits(fetch: Fetch, content: dict[int, int], change: dict[int, int]) -> list[Damage]:
    first = past.oldest(fetch)
    found = []
    digest: int | None = None
    told = set()
    lines = fetch("SELECT revision, author, message, details FROM log WHERE kind = ? ORDER BY revision", (rows.KIND,))
    for revision, author, message, text in lines:
        told.add(revision)
        try:
            details = msgspec.json.decode(text)
            whole = rows.line_sum(author, message, details) == details["sum"]
        except (msgspec.DecodeError, KeyError, TypeError):
            whole = False
        if not whole:
            found.append(Damage(f"the log line of revision {revision} is damaged", revision))
            digest = None
            continue
        if revision > first:
            if content.get(revision, 0) != details["content"]:
                found.append(Damage(f"rows of revision {revision} are missing, or are too many", revision))
            elif digest is not None and digest + change.get(revision, 0) != details["digest"]:
                found.append(Damage(f"a commit between revision {revision} and the one before it is missing", revision))
        digest = details["digest"]
    found += [Damage(f"revision {one} has rows and no line in the log", one) for one in sorted(set(content) - told) if one > first]
    return found
