"""How a source is doing: its state, what went through, what went wrong. A value; the counters behind it live here too."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

__all__ = ["Counters", "State", "Status"]


class State(StrEnum):
    """Where a source is in its life.

    connecting ─► loading ─► running ◄─► resyncing        removed: taken away by the user
         ▲            │          │           │            ended: what it stood for is gone
         └── failed ◄─┴──────────┴───────────┘
    """

    CONNECTING = "connecting"
    LOADING = "loading"
    RUNNING = "running"
    RESYNCING = "resyncing"
    FAILED = "failed"
    ENDED = "ended"
    REMOVED = "removed"


@dataclass(slots=True)
class Counters:
    """Since the source was added. Each is written by one thread only (the writer, or the loop) and read by any.

    events      rows told by events.
    batches     read cycles that found something: transactions.
    bytes       of events.
    undecoded   messages that could not be decoded; each is logged with its bytes.
    lost        times that the kernel dropped events.
    resyncs     whole states read again, after a loss or a failed write.
    rereads     parts read again because an event does not tell all.
    drift       rows that a periodic check found different though no event was lost: each one is a fault of ours.
    audits      periodic checks.
    failures    times that the source failed and was tried again.
    lag_ms      the last read cycle: from readable to committed.
    load_s      the last load: from opening to queryable.
    """

    events: int = 0
    batches: int = 0
    bytes: int = 0
    undecoded: int = 0
    lost: int = 0
    resyncs: int = 0
    rereads: int = 0
    drift: int = 0
    audits: int = 0
    failures: int = 0
    lag_ms: float = 0.0
    load_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Status:
    """A source at a moment. `since`: when it came into this state, seconds since the epoch. `missing`: what its kernel
    does not have, table or family → reason."""

    target: str
    kind: str
    state: State
    since: float
    error: str = ""
    retry_in_s: float | None = None
    counters: Counters = field(default_factory=Counters)
    missing: dict[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """JSON values only, counters beside the rest."""
        shape: dict[str, Any] = {"target": self.target, "kind": self.kind, "state": str(self.state), "since": self.since}
        if self.error:
            shape["error"] = self.error
        if self.retry_in_s is not None:
            shape["retry_in_s"] = round(self.retry_in_s, 3)
        if self.missing:
            shape["missing"] = dict(self.missing)
        return shape | {one.name: getattr(self.counters, one.name) for one in fields(Counters)}
