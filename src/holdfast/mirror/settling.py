"""Answers to rows: what a dump told is compared with the rows that are there, and only what differs is written.

Runs in the writer thread. Rows that an event touched since the round began are left alone: the event is newer than the dump, or
at least not older. What is small is settled in one transaction per round. A large part is settled in steps, each a transaction
of some 20 ms, so that events of this and other sources come in between:

    put what differs, 1 000 rows at a time, and note which rows they are ──► all told ──► delete the others, a stretch at a time

Nothing is deleted before all of the dump is told, and nothing any more once events were lost: then all is asked again anyway.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from holdfast.collector import held_back
from holdfast.model import ROUTES
from holdfast.model.field import Table
from holdfast.netlink.batch import Batch, Undecoded
from holdfast.netlink.codec import decode

from . import rules
from .answers import Part
from .batches import Key, batch_of, keep, keys_of, parsed, pieces
from .consequence import Ask, Reread
from .journal import Journal, Touched

if TYPE_CHECKING:
    from holdfast.database.home import Seen, Stage, Swept, Transaction

__all__ = ["Difference", "Settled", "Steps", "settle_part"]

Report = Callable[[Undecoded], None]

LARGE: Final = 384 << 10
"""Bytes of a dump from which on it is settled in steps: some 4 000 routes, 50 ms."""
AT_ONCE: Final = 10 << 20
"""Bytes of a first load that is done in one job, whoever waits: 130 000 routes, 0.6 s. More only where nobody else waits."""
_STEP_S: Final = 0.02
_ROWS: Final = 1000
"""Rows merged at once: 10 ms."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What a dump made different in a table."""

    added: int = 0
    changed: int = 0
    deleted: int = 0

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.deleted)

    def __str__(self) -> str:
        return f"+{self.added} ~{self.changed} -{self.deleted}"


@dataclass(slots=True)
class Settled:
    """The outcome of a round: table → difference, and what it leaves to ask."""

    tables: dict[str, Difference] = field(default_factory=dict)
    questions: list[Ask | Reread] = field(default_factory=list)
    revisions: list[int] = field(default_factory=list)  # at which something that lasts was written

    def add(self, table: str, new: Difference) -> None:
        old = self.tables.get(table, Difference())
        self.tables[table] = Difference(old.added + new.added, old.changed + new.changed, old.deleted + new.deleted)

    @property
    def rows(self) -> int:
        return sum(one.added + one.changed + one.deleted for one in self.tables.values())

    def __str__(self) -> str:
        return ", ".join(f"{table} {one}" for table, one in self.tables.items() if one) or "nothing differs"


def settle_part(tx: Transaction, target: str, part: Part, journal: Journal | None, report: Report) -> Difference:
    """Bring the rows of a part to what its dump told. A table without rows of the target is loaded in bulk instead."""
    name = part.table.name
    if _is_first(tx, target, part, journal):
        with held_back():
            return Difference(tx.load(part.table, target, ((batch.columns, batch.values) for batch in _batches(part, report))))
    touched = journal.touched(name) if journal is not None else Touched()
    with tx.sweep(part.table, target) as stage:
        for batch in _batches(part, report):
            _ask_about_strangers(tx, target, batch, touched, journal)
            kept = _untouched(batch, touched)
            if kept is not None:
                stage.add(kept.columns, kept.values)
        _add_present(tx, stage, part.table, target, touched.keys)
        _add_present(tx, stage, part.table, target, touched.beginnings)
        swept = stage.finish(part.where.sql, part.where.args)
    went = _drop_again(tx, target, part.table, journal)
    return Difference(swept.added, swept.changed, swept.deleted + went)


def _is_first(tx: Transaction, target: str, part: Part, journal: Journal | None) -> bool:
    """Is it all of a table that has no row of the target yet?"""
    name = part.table.name
    return not part.where.sql and journal is None and not tx.fetch(f"SELECT 1 FROM {name} WHERE target = ? LIMIT 1", (target,))


class Steps:
    """One large part, settled in many jobs of the writer. `difference`: what has been made different so far."""

    def __init__(self, target: str, part: Part, journal: Journal | None, report: Report, *, others_wait: bool) -> None:
        self.table = part.table.name
        self.difference = Difference()
        self.revisions: list[int] = []
        self._target = target
        self._part = part
        self._journal = journal
        self._report = report
        self._in_one_job = not others_wait or sum(map(len, part.chunks)) <= AT_ONCE
        self._pieces: Iterator[Batch] | None = None
        self._seen: Seen
        self._position: int | None = 0

    def step(self, tx: Transaction) -> bool:
        """Go on for a while; True when all is done. After an error the round is to be given up."""
        if self._journal is not None and self._journal.lost:
            return True
        if self._pieces is None:
            if self._in_one_job and _is_first(tx, self._target, self._part, self._journal):
                self._made(tx, settle_part(tx, self._target, self._part, None, self._report))
                return True
            self._seen = tx.seen()
            self._pieces = (piece for batch in _batches(self._part, self._report) for piece in pieces(batch, _ROWS))
        touched = self._journal.touched(self.table) if self._journal is not None else Touched()
        until = time.monotonic() + _STEP_S
        while True:
            piece = next(self._pieces, None)
            if piece is not None:
                self._merge(tx, piece, touched)
            elif self._delete(tx, touched):
                return True
            if time.monotonic() >= until:
                return False

    def _merge(self, tx: Transaction, piece: Batch, touched: Touched) -> None:
        _ask_about_strangers(tx, self._target, piece, touched, self._journal)
        kept = _untouched(piece, touched)
        if kept is not None:
            with tx.sweep(self._part.table, self._target) as stage:
                stage.add(kept.columns, kept.values)
                self._made(tx, stage.merge(self._seen))

    def _delete(self, tx: Transaction, touched: Touched) -> bool:
        """True at the end of the table."""
        if self._position is not None:
            where = self._part.where
            table, target, at = self._part.table, self._target, self._position
            gone, self._position = tx.delete_unseen(table, target, self._seen, touched, at, where.sql, where.args)
            if self._position is None:
                gone += _drop_again(tx, target, table, self._journal)
            self._made(tx, Difference(deleted=gone))
        return self._position is None

    def _made(self, tx: Transaction, new: Difference | Swept) -> None:
        if new:
            old = self.difference
            self.difference = Difference(old.added + new.added, old.changed + new.changed, old.deleted + new.deleted)
            if tx.revision not in self.revisions[-1:]:
                self.revisions.append(tx.revision)


def _batches(part: Part, report: Report) -> Iterator[Batch]:
    """The rows of a dump; chunks are let go as they are read."""
    chunks = part.chunks[::-1]
    part.chunks.clear()
    while chunks:
        for one in decode(chunks.pop()):
            if isinstance(one, Undecoded):
                report(one)
                continue
            batch = rules.sift(one)
            if batch is not None and batch.table is part.table and batch.op == "put":
                batch = _of_family(batch, part.family)
                if batch is not None:
                    yield batch


def _of_family(batch: Batch, family: int) -> Batch | None:
    """A dump for a family that the kernel does not have may answer with the rows of all."""
    if not family or set(batch.column("family")) == {family}:
        return batch
    return keep(batch, [one == family for one in batch.column("family")])


def _untouched(batch: Batch, touched: Touched) -> Batch | None:
    return keep(batch, [key not in touched for key in keys_of(batch)]) if touched else batch


def _ask_about_strangers(tx: Transaction, target: str, batch: Batch, touched: Touched, journal: Journal | None) -> None:
    """Routes of a prefix of which one was replaced meanwhile. If the dump shows several, or one that we never had: which of them was
    it? (After a loss we may have taken the wrong one away, knowing of no other.)"""
    if journal is None or not touched.beginnings:
        return
    sql = f"SELECT 1 FROM routes WHERE target = ? AND {' AND '.join(f'{name} IS ?' for name in ROUTES.key)}"
    last = None
    for key in keys_of(batch):
        beginning = touched.beginning(key)
        if beginning is not None and (beginning == last or (key not in touched.keys and not tx.fetch(sql, (target, *key)))):
            at = dict(zip(ROUTES.key, key, strict=True))
            journal.questions.append(rules.routing_table(at["family"], at["table_id"], "a route was replaced while it was asked for"))
        last = beginning


def _add_present(tx: Transaction, stage: Stage, table: Table, target: str, keys: set[Key]) -> None:
    """Put the rows with these keys, or beginnings of keys, on the stage as they are: so the comparison finds them unchanged."""
    condition = " AND ".join(f"{name} IS ?" for name in table.key[: len(next(iter(keys), ()))])
    sql = f"SELECT {', '.join(table.columns)} FROM {table.name} WHERE target = ? AND {condition}"
    found = (row for key in keys for row in tx.fetch(sql, (target, *key)))
    rows = [parsed(table, dict(zip(table.columns, row, strict=True))) for row in found]
    if rows:
        present = batch_of(table, "put", rows)
        stage.add(present.columns, present.values)


def _drop_again(tx: Transaction, target: str, table: Table, journal: Journal | None) -> int:
    """What went in silence since the dump, and came in with it: not what events told after that. Returns how many rows."""
    if journal is None:
        return 0
    gone, touched = 0, journal.touched(table.name).keys
    for where in journal.gone(table.name):
        sql = f"SELECT {', '.join(table.key)} FROM {table.name} WHERE target = ? AND ({where.sql})"
        for key in tx.fetch(sql, (target, *where.args)):
            if key not in touched:
                gone += tx.delete_where(table, target, " AND ".join(f"{name} IS ?" for name in table.key), key)
    return gone
