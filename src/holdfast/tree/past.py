"""The past of the tree, read from its rows: what was, what differs between two revisions, who did it.

`fetch` reads at one revision. Every row that is given back has been compared with its checksum; and of the whole tree, of a difference
of whole trees, and of each commit, that they are all of the rows (by `digest` and `content` of the log lines): one that cannot be
found any more, because an index or a page is damaged, is missed. Of a subtree alone that cannot be known; `check` finds it.
Costs are O(rows found · log rows); a subtree as it was costs the rows that it ever had.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from holdfast.database.home import Database, Reader
from holdfast.database.home import Row as SqlRow
from holdfast.errors import Compacted, Corrupt, NotFound

from . import rows
from .commit import Commit
from .edit import Edit
from .head import Branch, Head, Node, find, owner_of
from .paths import Path, below, parse, show
from .wide import with_child, without_child

__all__ = [
    "Entry", "Fetch", "changed_at", "commits", "differences", "entries", "entry", "node_at", "oldest", "past_head", "reading", "rebuilt",
    "steps", "whole_at",
]  # fmt: skip

Fetch = Callable[[str, Sequence[Any]], list[SqlRow]]

_COLUMNS: Final = "path, since, until, value, owner, sum"
_AT: Final = f"SELECT {_COLUMNS} FROM tree NOT INDEXED WHERE {{where}} AND since <= ? AND (until IS NULL OR until > ?)"
"""Out of the rows themselves: a damaged index would hide some."""
_BEGAN: Final = f"SELECT {_COLUMNS} FROM tree INDEXED BY tree_since WHERE since > ? AND since <= ?"
_ENDED: Final = f"SELECT {_COLUMNS} FROM tree INDEXED BY tree_until WHERE until > ? AND until <= ?"
_LINE: Final = "SELECT revision, time_ns, author, message, details FROM log WHERE kind = ?"


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the log: who committed what, when and why.

    roots    the first segments that it changed
    changes  how many leaves
    details  what else is known of it: `rollback`, `revert`, `draft` …
    """

    revision: int
    time_ns: int
    author: str
    message: str
    roots: tuple[str, ...] = ()
    changes: int = 0
    details: dict[str, Any] = field(default_factory=dict)


_OURS: Final = frozenset({"roots", "changes", "content", "digest", "size", "sum", "origin", "owner"})


def oldest(fetch: Fetch) -> int:
    """History is whole from this revision on."""
    found = fetch("SELECT value FROM meta WHERE name = 'oldest_tree'", ())
    return int(found[0][0]) if found else 0


def whole_at(fetch: Fetch, revision: int) -> None:
    """Raises: Compacted - the tree at this revision is not kept any more."""
    first = oldest(fetch)
    if revision < first:
        hint = f"ask for a revision from {first} on"
        raise Compacted(f"the tree at revision {revision} is asked for, and is kept from {first} on", oldest=first, hint=hint)


def _within(path: Path) -> tuple[str, list[str]]:
    """SQL for "at the path or below it", and its arguments."""
    if not path:
        return "true", []
    text = show(path)
    return "(path = ? OR (path >= ? AND path < ?))", [text, *below(text)]


def _checked(found: Iterable[SqlRow]) -> Iterator[SqlRow]:
    for row in found:
        rows.verified(*row)
        yield row


@contextmanager
def reading(database: Database) -> Iterator[Reader]:
    """A reader at one revision."""
    with database.reader() as reader:
        yield reader


# -- what was --------------------------------------------------------------------------------------------------------------


def node_at(fetch: Fetch, path: Path, revision: int, *, ephemeral: bool = True) -> Node | None:
    """The subtree at a path as it was. Revisions of containers are those of what is below. Raises: Compacted, Corrupt."""
    whole_at(fetch, revision)
    where, args = _within(path)
    found = list(_checked(fetch(_AT.format(where=where), (*args, revision, revision))))
    if not path:
        _complete(revision, sum(_began(row) for row in found), _digest(fetch, revision))
    found = [row for row in found if ephemeral or row[4] is None]
    root = rebuilt(Branch({}, 0), [Edit(parse(row[0]), None, rows.node_of(row[3], row[1], row[4])) for row in found])
    return find(root, path)


def _began(row: SqlRow) -> int:
    """The checksum that a row had when it began."""
    return rows.row_sum(row[0], row[1], row[3], row[4])


def _digest(fetch: Fetch, revision: int) -> int | None:
    """The sum of all rows of the tree at a revision, by the log; None: it does not say."""
    found = fetch(f"{_LINE} AND revision <= ? ORDER BY revision DESC LIMIT 1", (rows.KIND, revision))
    if not found:
        return None if oldest(fetch) else 0
    return int(rows.details_of(found[0][0], found[0][2], found[0][3], found[0][4])["digest"])


def _complete(revision: int, found: int, told: int | None) -> None:
    """Raises: Corrupt - these are not all rows."""
    if told is not None and found != told:
        sentence = f"rows of the tree at revision {revision} are missing, or are too many: they add up to {found}, expected {told}"
        raise Corrupt(sentence, hint="`check` tells more; restore a backup", revision=revision)


def changed_at(fetch: Fetch, path: Path, revision: int) -> int:
    """The last revision up to this one that changed something at a path or below it; 0: none."""
    where, args = _within(path)
    sql = (
        f"SELECT max(r) FROM (SELECT max(since) AS r FROM tree WHERE {where} AND since <= ? "
        f"UNION ALL SELECT max(until) FROM tree WHERE {where} AND until <= ?)"
    )
    return fetch(sql, (*args, revision, *args, revision))[0][0] or 0


def steps(fetch: Fetch, path: Path, count: int, revision: int) -> int:
    """The revision at which a path stood `count` of its own changes before `revision`.

    Its changes are those of its first segment, or of the subtree itself when the path is longer.
    Raises: NotFound - there are not so many;  Compacted - there were, and they are not kept.
    """
    if len(path) == 1:
        sql = "SELECT revision FROM tree_roots WHERE root = ? AND revision <= ? ORDER BY revision DESC LIMIT ?"
        found = [row[0] for row in fetch(sql, (path[0], revision, count + 1))]
    else:
        where, args = _within(path)
        sql = (
            f"SELECT since FROM tree WHERE {where} AND since <= ? UNION SELECT until FROM tree WHERE {where} AND until <= ? "
            "ORDER BY 1 DESC LIMIT ?"
        )
        found = [row[0] for row in fetch(sql, (*args, revision, *args, revision, count + 1))]
    first = oldest(fetch)
    known = [int(one) for one in found if one > first]
    name = show(path) or "the tree"
    if len(known) < len(found):  # what was at the begin of history is a step too, whichever change made it
        known.append(first)
        if count >= len(known):
            has = f"`{name}` has {len(known) - 1} changes since revision {first}, where history begins"
            sentence = f"{has}; {count} steps back are asked for"
            raise Compacted(sentence, oldest=first)
    if count < len(known):
        return known[count]
    if count == len(known):  # before its first change it was not there
        return known[-1] - 1 if known else revision
    hint = "nothing was changed"
    raise NotFound(f"`{name}` has {len(known)} changes, {count} steps back are asked for", hint=hint, steps=len(known))


# -- what differs ----------------------------------------------------------------------------------------------------------


def differences(fetch: Fetch, before: int, after: int, path: Path = ()) -> list[Edit]:
    """The rows that differ between two revisions, either of which may be the earlier one. Raises: Compacted, Corrupt."""
    if before > after:
        return [Edit(edit.path, edit.new, edit.old) for edit in differences(fetch, after, before, path)]
    whole_at(fetch, before)
    where, args = _within(path)
    old, new, change = {}, {}, 0
    for row in _checked(fetch(f"{_ENDED} AND since <= ? AND {where}", (before, after, before, *args))):
        old[row[0]] = rows.node_of(row[3], row[1], row[4])
        change -= _began(row)
    for row in _checked(fetch(f"{_BEGAN} AND (until IS NULL OR until > ?) AND {where}", (before, after, after, *args))):
        new[row[0]] = rows.node_of(row[3], row[1], row[4])
        change += _began(row)
    if not path and (first := _digest(fetch, before)) is not None and (last := _digest(fetch, after)) is not None:
        _complete(after, first + change, last)
    edits = [Edit(parse(text), old.get(text), new.get(text)) for text in {**old, **new}]
    return [edit for edit in edits if edit.old is None or edit.new is None or not _equal(edit.old, edit.new)]


def _equal(one: Node, other: Node) -> bool:
    return rows.text_of(one) == rows.text_of(other) and owner_of(one) == owner_of(other)


def commits(fetch: Fetch, since: int, until: int) -> list[Commit]:
    """The commits after `since` up to `until`, in order, as watchers see them. Raises: Compacted, Corrupt."""
    whole_at(fetch, since)
    found: dict[int, dict[str, Edit]] = {}
    content: dict[int, int] = {}
    for row in _checked(fetch(_ENDED, (since, until))):
        content[row[2]] = content.get(row[2], 0) + row[5]
        found.setdefault(row[2], {})[row[0]] = Edit(parse(row[0]), rows.node_of(row[3], row[1], row[4]), None)
    for row in _checked(fetch(_BEGAN, (since, until))):
        content[row[1]] = content.get(row[1], 0) + _began(row)
        edits = found.setdefault(row[1], {})
        before = edits.get(row[0])
        edits[row[0]] = Edit(parse(row[0]), None if before is None else before.old, rows.node_of(row[3], row[1], row[4]))
    lines = {line[0]: line for line in fetch(f"{_LINE} AND revision > ? AND revision <= ?", (rows.KIND, since, until))}
    for revision, _, author, message, text in lines.values():
        _complete(revision, content.get(revision, 0), rows.details_of(revision, author, message, text)["content"])
    return [_commit(lines.get(revision), revision, list(edits.values())) for revision, edits in sorted(found.items())]


def _commit(line: SqlRow | None, revision: int, edits: list[Edit]) -> Commit:
    if line is None:
        return Commit(revision, edits=edits)
    _, time_ns, author, message, text = line
    details = msgspec.json.decode(text or "{}")
    rest = {name: value for name, value in details.items() if name not in _OURS}
    return Commit(revision, time_ns, author or "", message or "", details.get("origin", ""), edits, rest)


# -- who did it ------------------------------------------------------------------------------------------------------------


def entry(fetch: Fetch, revision: int) -> Entry:
    """The line of a commit. Raises: NotFound - this revision is none of the tree."""
    found = fetch(f"{_LINE} AND revision = ?", (rows.KIND, revision))
    if not found:
        raise NotFound(f"revision {revision} is not a commit of the tree", hint="`log` lists them", revision=revision)
    return _entry(found[0])


def entries(fetch: Fetch, path: Path, since: int, until: int, limit: int) -> list[Entry]:
    """The last commits after `since` up to `until` that changed something at a path or below it, newest first."""
    if not path:
        sql = f"{_LINE} AND revision > ? AND revision <= ? ORDER BY revision DESC LIMIT ?"
        return [_entry(row) for row in fetch(sql, (rows.KIND, since, until, limit))]
    if len(path) == 1:
        own, args = "SELECT revision FROM tree_roots WHERE root = ? AND revision > ? AND revision <= ?", [path[0], since, until]
    else:
        where, names = _within(path)
        own = (
            f"SELECT since FROM tree WHERE {where} AND since > ? AND since <= ? "
            f"UNION SELECT until FROM tree WHERE {where} AND until > ? AND until <= ?"
        )
        args = [*names, since, until, *names, since, until]
    sql = f"{_LINE} AND revision IN ({own}) ORDER BY revision DESC LIMIT ?"
    return [_entry(row) for row in fetch(sql, (rows.KIND, *args, limit))]


def _entry(row: SqlRow) -> Entry:
    revision, time_ns, author, message, text = row
    details = msgspec.json.decode(text or "{}")
    rest = {name: value for name, value in details.items() if name not in _OURS}
    return Entry(revision, time_ns, author or "", message or "", tuple(details.get("roots", ())), details.get("changes", 0), rest)


# -- making a tree from rows -----------------------------------------------------------------------------------------------


def rebuilt(root: Branch, edits: Iterable[Edit]) -> Branch:
    """The tree with rows put and taken, by no rule but that a container without children and without a row is none."""
    edits = list(edits)
    for edit in edits:
        if edit.new is None:
            root = _taken(root, edit.path, 0) or Branch({}, root.since)
    for edit in edits:
        if edit.new is not None:
            root = _placed(root, edit.path, 0, edit.new)
    return root


def past_head(fetch: Fetch, head: Head, revision: int) -> Head:
    """The head as it was, sharing with today's what has not changed since. Cost: what has. Raises: Compacted, Corrupt."""
    if revision == head.revision:
        return head
    return Head(rebuilt(head.root, differences(fetch, head.revision, revision)), revision, 0, 0)


def _placed(old: Node | None, path: Path, depth: int, node: Node) -> Branch:
    branch = old if type(old) is Branch else Branch({}, node.since)
    since = max(branch.since, node.since)
    if depth == len(path):
        return Branch(branch.children, since, node.since)
    key = path[depth]
    if depth + 1 == len(path) and type(node) is not Branch:
        child: Node = node
    else:
        child = _placed(branch.children.get(key), path, depth + 1, node)
    return Branch(with_child(branch.children, key, child), since, branch.kept)


def _taken(old: Branch, path: Path, depth: int) -> Branch | None:
    if depth == len(path):
        return Branch(old.children, old.since) if len(old.children) else None
    key = path[depth]
    child = old.children.get(key)
    new = _taken(child, path, depth + 1) if type(child) is Branch else None
    if child is None:
        return old
    now = without_child(old.children, key) if new is None else with_child(old.children, key, new)
    return Branch(now, old.since, old.kept) if len(now) or old.kept else None
