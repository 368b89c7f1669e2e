"""The writer's side of a source that is open: one read cycle, one round of answers, each a job of the writer."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from holdfast.errors import Lost
from holdfast.model import TABLES
from holdfast.netlink.batch import Batch, Undecoded
from holdfast.netlink.blank import blank
from holdfast.netlink.codec import decode

from .answers import Answers, Part, covered, family_number
from .applier import Applier
from .consequence import Ask, Reread
from .settling import LARGE, Settled, Steps, settle_part
from .status import Counters

if TYPE_CHECKING:
    from holdfast.database.home import Transaction
    from holdfast.sources.contract import Source

__all__ = ["Cycle", "Line"]

logger = logging.getLogger("holdfast.mirror")

LIMIT: Final = 256 << 10
"""Bytes that one cycle takes: some 4 400 route events, 50 ms, so that other sources get their turn."""
_FULL: Final = LIMIT // 2
"""A cycle that found this much has not seen the end of the queue."""
_LOGGED_BYTES: Final = 256


@dataclass(slots=True)
class Cycle:
    """What a read cycle found. `more`: it stopped before the queue was empty. `lost`: the kernel dropped events, and the queue
    has been emptied after it."""

    events: int = 0
    bytes: int = 0
    more: bool = False
    lost: bool = False
    questions: list[Ask | Reread] = field(default_factory=list)


class Line:
    """An open source, as the writer sees it.

    armed, closed  the loop's: the descriptor that it watches, and whether it stopped.
    intent         the revision of the transaction that is changing this source now, 0: none. What is told meanwhile names it.
    """

    def __init__(self, source: Source, counters: Counters) -> None:
        self.source = source
        self.applier = Applier(source.target, (table.name for table in source.tables))
        self.closed = False
        self.armed: int | None = None
        self.intent = 0
        self._counters = counters
        self._behind_loss = False

    def cycle(self, tx: Transaction) -> Cycle:
        """Take what is queued, apply it in order. Nothing is kept when it raises: then everything is to be read again."""
        cycle = Cycle()
        if not self.closed:
            self._drain(tx, cycle)
        if self.intent and tx.taken:
            tx.note("live", target=self.source.target, intent=self.intent)
        return cycle

    def _drain(self, tx: Transaction, cycle: Cycle) -> None:
        """A loss is told when the queue has been emptied after it: until then the kernel goes on dropping, without a word, so what
        is asked before would miss it."""
        events = self.source.events
        while cycle.bytes < LIMIT:
            try:
                data = events.drain(LIMIT)
            except Lost:
                self._behind_loss = True
                self._counters.lost += 1
                if self.applier.journal is not None:
                    self.applier.journal.lost = True
                continue
            if self.source.passive:
                self._settle_told(tx, cycle)
            if not data:
                cycle.lost, self._behind_loss = self._behind_loss, False
                return
            cycle.bytes += len(data)
            self._counters.batches += 1
            self._counters.bytes += len(data)
            self._apply(tx, data, cycle)
            if not self._behind_loss and len(data) < _FULL:
                return
        cycle.more = True

    def _apply(self, tx: Transaction, data: bytes, cycle: Cycle) -> None:
        for one in decode(data):
            if isinstance(one, Undecoded):
                self.report(one)
            else:
                cycle.events += len(one)
                self._counters.events += len(one)
                cycle.questions += self.applier.apply(tx, one)

    def _settle_told(self, tx: Transaction, cycle: Cycle) -> None:
        """A recording gives the answers that were given then: what came of them is part of the story."""
        for told in self.source.told():
            if told.verb == "get":
                if told.table.name == "interfaces":
                    cycle.questions += self._settle_link(tx, told.filters["ifindex"], b"".join(told.chunks) or None)
                continue
            where = covered(told.table, told.family, told.filters)
            part = Part(told.table, where, list(told.chunks), family_number(told.table, told.family), told.interrupted)
            settle_part(tx, self.source.target, part, None, self.report)

    def settle(self, tx: Transaction, answers: Answers) -> Settled:
        """Write a round's answers. A cycle comes right before it, so that the dumps are not ahead of the events."""
        settled = Settled()
        for ifindex, message in answers.links.items():
            settled.questions += self._settle_link(tx, ifindex, message)
        for part in answers.parts:
            settled.add(part.table.name, settle_part(tx, self.source.target, part, self.applier.journal, self.report))
        return settled

    def large(self, answers: Answers, *, others_wait: bool) -> list[Steps]:
        """Take out of the answers what is to be settled in steps. others_wait: there are sources whose events a long job would
        delay."""
        parts, answers.parts = answers.parts, []
        large = []
        for part in parts:
            if sum(map(len, part.chunks)) > LARGE:
                large.append(Steps(self.source.target, part, self.applier.journal, self.report, others_wait=others_wait))
            else:
                answers.parts.append(part)
        return large

    def _settle_link(self, tx: Transaction, ifindex: int, message: bytes | None) -> list[Ask | Reread]:
        journal = self.applier.journal
        if journal is not None and (ifindex,) in journal.touched("interfaces"):
            return [Ask((ifindex,), reason="it changed while it was asked for")]
        if message is None:
            gone = Batch(TABLES["interfaces"], "delete", 0, ("ifindex", "ifname"), ([ifindex], [None]))
            return self.applier.apply(tx, gone)
        questions: list[Ask | Reread] = []
        for one in decode(message):
            if isinstance(one, Undecoded):
                self.report(one)
            else:
                questions += self.applier.apply(tx, one, asked=True)
        return questions

    def report(self, one: Undecoded) -> None:
        """Count and log a message that did not decode."""
        self._counters.undecoded += 1
        shown = blank(one.message)[:_LOGGED_BYTES].hex() + ("…" if len(one.message) > _LOGGED_BYTES else "")
        logger.warning("%s: a message was skipped: %s: %s", self.source.target, one.reason, shown)
