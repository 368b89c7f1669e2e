"""Times at which nobody looked: what a database says of them is what was seen last.

no node ran     between the end of one run and the start of the next. A clean end notes its time, and the next start's line keeps
                it (`down_ns`); of any other end only the last line before it is known
lost            revisions were told and are not in the file (`holes`): a run ended uncleanly, or too much happened on a full disk

Asked by the two lines of the log around a time, so that it costs as much as finding the time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from .home import Point, Row
from .moments import read, resolve, spoken

__all__ = ["Gap", "gap_at"]

Fetch = Callable[[str, Sequence[Any]], list[Row]]

_NEXT: Final = "SELECT revision, time_ns, kind, details FROM log WHERE revision > ? ORDER BY revision LIMIT 1"
_FACTS: Final = "SELECT name, value FROM meta WHERE name IN ('clean', 'closed_ns', 'holes')"


@dataclass(frozen=True, slots=True)
class Gap:
    """Nobody looked from then until then, ns since 1970; until 0: nobody has since."""

    since_ns: int
    until_ns: int

    def __str__(self) -> str:
        end = f" until {spoken(self.until_ns)}" if self.until_ns else ""
        return f"nobody looked from {spoken(self.since_ns)}{end}: what is told of then is what was seen last"


def gap_at(fetch: Fetch, point: Point) -> Gap | None:
    """The gap that a time lies in. A revision lies in none: what it is, is known.

    Raises: as `moments.resolve`.
    """
    now_ns = time.time_ns()
    wanted = read(point, datetime.fromtimestamp(now_ns / 1e9).astimezone())
    if not isinstance(wanted, datetime):
        return None
    before = resolve(fetch, wanted, now_ns)
    facts: dict[str, Any] = dict(fetch(_FACTS, ()))
    following = fetch(_NEXT, (before.revision,))
    if following:
        revision, until_ns, kind, text = following[0]
        details = msgspec.json.decode(text) if text else {}
        lost = any(before.revision <= first < revision for first, _ in msgspec.json.decode(facts.get("holes") or "[]"))
        if not lost and not (kind == "start" and "boot_id" in details):
            return None
        found = Gap(before.time_ns if lost else int(details.get("down_ns", before.time_ns)), int(until_ns))
    elif facts.get("clean") and "closed_ns" in facts:
        found = Gap(int(facts["closed_ns"]), 0)
    else:
        return None
    return found if found.since_ns < wanted.timestamp() * 1e9 else None
