"""Rows: how the tree lies in the file, and how it is known that they are the rows which were written.

    tree(path, since, until, value, owner, sum)     a leaf, or a presence `{}`; until NULL: it is there now
    tree_roots(root, revision)                      which commits changed a first segment
    tree_pruned(path, revision)                     a container whose last change was that something below it went

`sum` is a CRC-32 of the row; when a row ends, its sum goes on over `until`. Each commit's log line carries the sum of what began
and ended with it, and the sum of all rows that are there after it (`digest`): a row that was changed, lost or doubled is found at
the next start, not served.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, Final
from zlib import crc32

import msgspec

from holdfast.database.home import Row as SqlRow
from holdfast.database.home import Transaction
from holdfast.errors import Corrupt

from .edit import Edit
from .head import EMPTY, Branch, Head, Leaf, Node, Owned, find, owner_of
from .paths import Path, parse, show
from .values import decode, encode
from .wide import Children, children

__all__ = [
    "KIND", "PRESENCE", "Gathered", "Written", "details_of", "ended_sum", "line_sum", "line_text", "load", "node_of", "row_sum", "text_of",
    "verified",
]  # fmt: skip

Fetch = Callable[[str, Sequence[Any]], list[SqlRow]]

_encode: Final = msgspec.json.Encoder(order="deterministic").encode

KIND: Final = "config"
"""Of the log lines of commits."""
PRESENCE: Final = "{}"
_HINT: Final = "restore a backup: `restore`; `check` lists all that is damaged"

_INSERT: Final = "INSERT INTO tree(path, since, until, value, owner, sum) VALUES (?, ?, ?, ?, ?, ?)"
_END: Final = "UPDATE tree SET until = ?, sum = ? WHERE path = ? AND since = ? AND until IS NULL"
_ROOT: Final = "INSERT INTO tree_roots(root, revision) VALUES (?, ?)"
_PRUNED: Final = "INSERT INTO tree_pruned(path, revision) VALUES (?, ?) ON CONFLICT(path) DO UPDATE SET revision = excluded.revision"
_UNPRUNED: Final = "DELETE FROM tree_pruned WHERE path = ?"


def text_of(node: Node) -> str:
    """What stands in the column `value`."""
    return PRESENCE if type(node) is Branch else encode(node.value)  # type: ignore[union-attr]


def since_of(node: Node) -> int:
    """When its row began."""
    return node.kept if type(node) is Branch else node.since


def row_sum(path: str, since: int, value: str, owner: str | None) -> int:
    """The checksum of a row that is there."""
    return crc32(f"{path}\0{since}\0{value}\0{owner or ''}".encode())


def ended_sum(began: int, until: int) -> int:
    """The checksum of the row when it has ended."""
    return crc32(b"\0%d" % until, began)


def line_sum(author: str | None, message: str | None, details: dict[str, Any]) -> int:
    """The checksum of a log line, of all but the sum itself."""
    rest = {name: value for name, value in details.items() if name != "sum"}
    return _sum_over(author, message, _encode(rest))


def line_text(author: str, message: str, details: dict[str, Any]) -> str:
    """The details of a log line as they lie in the file, with the checksum."""
    text = _encode(details)
    return f'{text[:-1].decode()},"sum":{_sum_over(author, message, text)}}}'


def _sum_over(author: str | None, message: str | None, details: bytes) -> int:
    return crc32(b"]", crc32(details, _sum_of_words(author, message)))


@lru_cache(maxsize=256)
def _sum_of_words(author: str | None, message: str | None) -> int:
    """Where the checksum of `[author, message, details]` begins."""
    return crc32(_encode([author, message])[:-1] + b",")


class Written(msgspec.Struct, frozen=True):
    """What a commit is: checksum and number of rows that are there now, the sum of what began and ended, the first segments."""

    digest: int
    size: int
    content: int
    roots: list[str]


class Gathered:
    """Rows of several commits, which are written together: a statement that is run once for many rows costs half.

    A row that begins and ends in them is written once, as it is in the end.
    """

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._began: list[list[Any]] = []
        self._last: dict[str, list[Any]] = {}
        self._ended: list[tuple[int, int, str, int]] = []
        self._roots: list[tuple[str, int]] = []

    def add(self, head: Head, root: Branch, revision: int, edits: Iterable[Edit]) -> Written:
        """A commit's rows. head: before; root: after."""
        digest, size, content = head.digest, head.size, 0
        thinned: set[Path] = set()
        roots: dict[str, None] = {}
        for edit in edits:
            path = show(edit.path)
            roots[edit.path[0]] = None
            old, new = edit.old, edit.new
            if old is not None:
                since = since_of(old)
                before = row_sum(path, since, text_of(old), owner_of(old))
                after = ended_sum(before, revision)
                self._end(path, since, revision, after)
                digest, size, content = digest - before, size - 1, content + after
            if new is not None:
                value, owner = text_of(new), owner_of(new)
                now = row_sum(path, revision, value, owner)
                row = self._last[path] = [path, revision, None, value, owner, now]
                self._began.append(row)
                digest, size, content = digest + now, size + 1, content + now
            elif old is not None:
                thinned.add(edit.path)
        self._roots += [(one, revision) for one in roots]
        if thinned:
            _mark(self._tx, root, revision, thinned)
        return Written(digest, size, content, list(roots))

    def _end(self, path: str, since: int, until: int, checksum: int) -> None:
        row = self._last.get(path)
        if row is not None and row[1] == since:
            row[2], row[5] = until, checksum
        else:
            self._ended.append((until, checksum, path, since))

    def write(self) -> None:
        """Those that end first: what comes instead finds their place in the pages."""
        if self._ended:
            self._tx.change("tree", _END, self._ended)
        if self._began:
            self._tx.change("tree", _INSERT, self._began)
        if self._roots:
            self._tx.change("tree", _ROOT, self._roots)
        self._began, self._last, self._ended, self._roots = [], {}, [], []


def _mark(tx: Transaction, root: Branch, revision: int, thinned: set[Path]) -> None:
    """Remember the revision for the containers from which something went and that are still there."""
    marked: dict[Path, None] = {}
    gone: dict[Path, None] = {}
    for path in thinned:
        for depth in range(len(path) - 1, 0, -1):
            if type(find(root, path[:depth])) is Branch:
                marked[path[:depth]] = None
                break
            gone[path[:depth]] = None
    if marked:
        tx.change("tree", _PRUNED, [(show(path), revision) for path in marked])
    if gone:
        tx.change("tree", _UNPRUNED, [(show(path),) for path in gone])


def node_of(value: str, since: int, owner: str | None) -> Node:
    """The node of a row."""
    if value == PRESENCE:
        return Branch({}, since, since)
    return Leaf(decode(value), since) if owner is None else Owned(decode(value), since, owner)


def verified(path: str, since: int, until: int | None, value: str, owner: str | None, told: int) -> None:
    """Raises: Corrupt - the row is not what was written."""
    try:
        now = row_sum(path, since, value, owner)
        if until is not None:
            now = ended_sum(now, until)
    except (TypeError, UnicodeEncodeError):
        now = -1
    if now != told:
        sentence = f"the row of `{path}` since revision {since} is damaged: its checksum is {now}, expected {told}"
        raise Corrupt(sentence, hint=_HINT, path=str(path), revision=since)


# -- loading ---------------------------------------------------------------------------------------------------------------

_LIVE: Final = "SELECT path, since, value, owner, sum FROM tree INDEXED BY tree_until WHERE until IS NULL"
_LAST: Final = "SELECT revision, author, message, details FROM log WHERE kind = ? ORDER BY revision DESC LIMIT 1"


def load(fetch: Fetch) -> Head:
    """The head, from the rows that are there. Raises: Corrupt - they are not those of the last commit."""
    last = fetch(_LAST, (KIND,))
    rows = fetch(_LIVE, ())
    if not last:
        if rows:
            raise Corrupt(f"the tree has {len(rows)} rows and the log knows of no commit", hint=_HINT)
        return EMPTY
    revision, author, message, text = last[0]
    details = details_of(revision, author, message, text)
    pruned: dict[str, int] = dict(fetch("SELECT path, revision FROM tree_pruned", ()))
    builder = _Builder(pruned)
    digest = builder.add(rows)
    if digest != details["digest"] or len(rows) != details["size"]:
        sentence = (
            f"the tree is not the one of revision {revision}: its {len(rows)} rows add up to {digest}, "
            f"expected {details['size']} that add up to {details['digest']}"
        )
        raise Corrupt(sentence, hint=_HINT, revision=revision)
    return Head(builder.root(revision), revision, digest, len(rows))


def details_of(revision: int, author: str | None, message: str | None, text: str) -> dict[str, Any]:
    """What a commit's log line says. Raises: Corrupt - it is not what was written."""
    try:
        details: dict[str, Any] = msgspec.json.decode(text)
        good = line_sum(author, message, details) == details["sum"]
    except (msgspec.DecodeError, KeyError, TypeError):
        good = False
    if not good:
        raise Corrupt(f"the log line of revision {revision} is damaged", hint=_HINT, revision=revision)
    return details


class _Builder:
    """Containers under construction, by the text of their path. `pruned`: revisions that no row of theirs tells."""

    def __init__(self, pruned: dict[str, int]) -> None:
        self._pruned = pruned
        self._all: dict[str, dict[str, Any]] = {"": {}}
        self._kept: dict[str, int] = {}
        self._keys: dict[str, str] = {}

    def add(self, rows: Iterable[SqlRow]) -> int:
        """Sort the rows in; returns the sum of their checksums."""
        total = 0
        known, place = self._keys, self._all
        for path, since, value, owner, told in rows:
            if crc32(f"{path}\0{since}\0{value}\0{owner or ''}".encode()) != told:
                verified(path, since, None, value, owner, told)
            total += told
            above, _, key = path.rpartition(".")
            if path[-1:] == '"' or '"' in above:
                above, key = _split(path)
            if value == PRESENCE:
                self._kept[path] = since
                self._container(path)
                continue
            siblings = place.get(above)
            if siblings is None:
                siblings = self._container(above)
            leaf = Leaf(decode(value), since) if owner is None else Owned(decode(value), since, owner)
            siblings[known.setdefault(key, key)] = leaf
        return total

    def _container(self, path: str) -> dict[str, Any]:
        found = self._all.get(path)
        if found is None:
            found = self._all[path] = {}
            above, key = _split(path)
            self._container(above)[self._keys.setdefault(key, key)] = path
        return found

    def root(self, revision: int) -> Branch:
        return Branch(self._children("")[0], revision)

    def _children(self, path: str) -> tuple[Children[Node], int]:
        """What is in a container, and the revision of its last change."""
        items = self._all[path]
        newest = self._pruned.get(path, 0)
        for key, child in items.items():
            if type(child) is str:
                below, since = self._children(child)
                kept = self._kept.get(child, 0)
                since = max(since, kept)
                items[key] = Branch(below, since, kept)
            else:
                since = child.since
            if since > newest:
                newest = since
        return children(items), newest


def _split(path: str) -> tuple[str, str]:
    """The text of the path above, and the last key."""
    keys = parse(path)
    return show(keys[:-1]), sys.intern(keys[-1])
