"""Answers to rows: what a dump told is compared with the rows that are there, and only what differs is written.

Runs in the writer thread, in one transaction per round. Rows that an event touched since the round began are left alone: the
event is newer than the dump, or at least not older.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from holdfast.model.field import Table
from holdfast.netlink.batch import Batch, Undecoded
from holdfast.netlink.codec import decode

from . import rules
from .batches import Key, batch_of, keep, keys_of, parsed
from .consequence import Ask, Reread
from .journal import Journal
from .reading import Part

if TYPE_CHECKING:
    from holdfast.database.home import Stage, Transaction

__all__ = ["Difference", "Settled", "settle_part"]

Report = Callable[[Undecoded], None]


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
    revision: int = 0  # at which it was written; 0: nothing that lasts was

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
    whole = not part.where.sql
    if whole and journal is None and not tx.fetch(f"SELECT 1 FROM {name} WHERE target = ? LIMIT 1", (target,)):
        count = tx.load(part.table, target, ((batch.columns, batch.values) for batch in _batches(part, report)))
        return Difference(added=count)
    touched = journal.touched(name) if journal is not None else set()
    with tx.sweep(part.table, target) as stage:
        for batch in _batches(part, report):
            kept = _untouched(batch, touched)
            if kept is not None:
                stage.add(kept.columns, kept.values)
        _add_present(tx, stage, part.table, target, touched)
        swept = stage.finish(part.where.sql, part.where.args)
    return Difference(swept.added, swept.changed, swept.deleted)


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


def _untouched(batch: Batch, touched: set[Key]) -> Batch | None:
    return keep(batch, [key not in touched for key in keys_of(batch)]) if touched else batch


def _add_present(tx: Transaction, stage: Stage, table: Table, target: str, keys: set[Key]) -> None:
    """Put the rows with these keys on the stage as they are: so the comparison finds them unchanged."""
    condition = " AND ".join(f"{name} IS ?" for name in table.key)
    sql = f"SELECT {', '.join(table.columns)} FROM {table.name} WHERE target = ? AND {condition}"
    found = (row for key in keys for row in tx.fetch(sql, (target, *key)))
    rows = [parsed(table, dict(zip(table.columns, row, strict=True))) for row in found]
    if rows:
        present = batch_of(table, "put", rows)
        stage.add(present.columns, present.values)
