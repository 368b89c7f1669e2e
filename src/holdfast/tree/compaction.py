"""Letting go of history: rows that ended at or before a revision, and the log lines of which nothing speaks any more.

The tree at that revision, and at every later one, stays whole. That history begins later is written before anything goes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from holdfast.database.home import Database, Transaction
from holdfast.errors import Compacted
from holdfast.undisturbed import waited

from . import past, rows

__all__ = ["Retention", "compact", "due"]

_STEP: Final = 500
"""Rows that one transaction lets go: others are not kept waiting."""


@dataclass(frozen=True, slots=True)
class Retention:
    """How much of the history is kept; what either allows is kept. None: is not looked at; both None: all of it."""

    commits: int | None = None
    age: timedelta | None = None


def due(database: Database, keep: Retention) -> int:
    """The revision from which on history is to be kept; 0: nothing is to go. Blocks."""
    limits = []
    if keep.commits is not None:
        sql = "SELECT revision FROM log WHERE kind = ? ORDER BY revision DESC LIMIT 1 OFFSET ?"
        found = database.fetchone(sql, (rows.KIND, keep.commits))
        limits.append(found[0] if found else 0)
    if keep.age is not None:
        try:
            limits.append(database.moment(keep.age).revision)
        except Compacted:
            limits.append(0)
    return min(limits, default=0)


def compact(database: Database, before: int) -> int:
    """Let go of what ended at or before this revision; returns the number of rows. Blocks, in many short transactions."""
    with past.reading(database) as reader:
        if before <= past.oldest(reader.fetch):
            return 0

    def begin(tx: Transaction) -> None:
        sql = "INSERT INTO meta(name, value) VALUES ('oldest_tree', ?) ON CONFLICT(name) DO UPDATE SET value = excluded.value"
        tx.change("tree", sql, [(before,)])

    waited(database.write(begin, durable=True))
    gone = 0
    while step := waited(database.write(lambda tx: _step(tx, before), durable=True)):
        gone += step
    waited(database.write(lambda tx: _lines(tx, before), durable=True))
    return gone


def _step(tx: Transaction, before: int) -> int:
    ended = tx.fetch("SELECT path, since FROM tree INDEXED BY tree_until WHERE until <= ? LIMIT ?", (before, _STEP))
    if ended:
        tx.change("tree", "DELETE FROM tree WHERE path = ? AND since = ?", ended)
    return len(ended)


def _lines(tx: Transaction, before: int) -> None:
    """Of each first segment the last change up to the begin stays, so that what was then is a step that can be asked for."""
    roots = """DELETE FROM tree_roots WHERE revision < ? AND revision < (
        SELECT max(later.revision) FROM tree_roots later WHERE later.root = tree_roots.root AND later.revision <= ?)"""
    tx.change("tree", roots, [(before, before)])
    last = "(SELECT max(revision) FROM log WHERE kind = 'config')"
    lines = f"""DELETE FROM log WHERE kind = 'config' AND revision < ? AND revision < {last}
        AND revision NOT IN (SELECT since FROM tree INDEXED BY tree_since WHERE since < ?)"""
    tx.change("tree", lines, [(before, before)])
