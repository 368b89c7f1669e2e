"""Points in time: what people write for one, and the revision that it means.

    1200, r1200                        a revision, as `watch` and `log` print it
    2026-11-20T14:03, 2026-11-20       ISO 8601; in this machine's zone, unless it says one: 2026-11-20T14:03+01:00, …Z
    14:03, today 14:03, yesterday 14:03:30
    10 minutes ago, 90s, 1h 30m ago    so long before now
    now                                the last revision

A time means the last revision whose line in the log is not later than it. But clocks are set: where one goes back, its revision is
noted (`clock_back`), and the log falls into runs in which time only grows. Then a time means the place in the log that leaves the
fewest revisions on the wrong side: minutes in the year 1970 after a start without a clock do not stand before all that was, and a
minute in a year to come does not end time. What a revision is depends on no clock: who doubts the clock names revisions.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final

import apsw
import msgspec

from holdfast.errors import Compacted, InvalidValue

from . import meta
from .home import Point, Row

__all__ = ["UNDERSTOOD", "Moment", "duration", "note_step", "read", "resolve", "spoken", "time_of"]

UNDERSTOOD: Final = (
    "a point in time is a revision (1200), a time (2026-11-20T14:03, 14:03, yesterday 14:03; of this machine's zone unless it says "
    "another) or a while ago (10 minutes ago, 2h)"
)
_SECONDS: Final = {("s", "sec", "second"): 1, ("m", "min", "minute"): 60, ("h", "hour"): 3600, ("d", "day"): 86400, ("w", "week"): 604800}
_UNITS: Final = {word: seconds for words, seconds in _SECONDS.items() for word in words}
_PART: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]+)")
_CLOCK: Final = re.compile(r"(?:(today|yesterday)\s+(?:at\s+)?)?(\d{1,2}):(\d\d)(?::(\d\d(?:\.\d{1,6})?))?")
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d([T ]|$)")
_AHEAD_S: Final = 1.0
"""Clocks of two processes agree better than that."""

Fetch = Callable[[str, Sequence[Any]], list[Row]]


@dataclass(frozen=True, slots=True)
class Moment:
    """A revision, and when it was, ns since 1970; 0 where the log does not say."""

    revision: int
    time_ns: int = 0

    def __str__(self) -> str:
        return f"revision {self.revision}{f' ({spoken(self.time_ns)})' if self.time_ns else ''}"


def spoken(time_ns: int) -> str:
    """In this machine's zone, to the second."""
    return f"{datetime.fromtimestamp(time_ns / 1e9).astimezone():%Y-%m-%d %H:%M:%S}"


def duration(text: str) -> timedelta:
    """`30d`, `10 minutes`, `1h 30m`. Months and years are not of one length. Raises: InvalidValue."""
    found = _duration(text.strip().lower())
    if found is None:
        raise InvalidValue(f"expected a duration, got `{text}`", hint="for example 90s, 10 minutes, 1h 30m, 30d, 2 weeks")
    return found


def _duration(text: str) -> timedelta | None:
    seconds, at = 0.0, 0
    while at < len(text):
        part = _PART.match(text, at)
        unit = part and (_UNITS.get(part[2]) or _UNITS.get(part[2].removesuffix("s")))
        if not part or not unit:
            return None
        seconds += float(part[1]) * unit
        at = part.end()
    try:
        return timedelta(seconds=seconds) if at else None
    except OverflowError:
        return None


def read(point: Point, now: datetime) -> int | datetime | None:
    """A revision, a time with its zone, or None for `now`. Raises: InvalidValue - none of what is understood."""
    found: int | datetime | None
    if isinstance(point, str):
        found = _read_text(point.strip().lower(), point, now)
    elif isinstance(point, timedelta):
        found = now - abs(point)
    else:
        found = point
    if isinstance(found, datetime):
        return found.astimezone()  # a time without a zone is this machine's
    if isinstance(found, bool) or not isinstance(found, int | None) or (found is not None and found < 0):
        raise _not_understood(point)
    return found


def _read_text(text: str, original: str, now: datetime) -> int | datetime | None:
    if text == "now":
        return None
    if text.removeprefix("r").isascii() and text.removeprefix("r").isdecimal():
        return int(text.removeprefix("r"))
    try:
        if _DATE.match(text.upper()):
            return datetime.fromisoformat(text.upper())
        if clock := _CLOCK.fullmatch(text):
            return _at_clock(clock, now)
        ago = _duration(text.removesuffix("ago").rstrip())
        if ago is not None:
            return now - ago
    except (ValueError, OverflowError):
        pass
    raise _not_understood(original)


def _at_clock(clock: re.Match[str], now: datetime) -> datetime:
    seconds = float(clock[4] or 0)
    day = now.astimezone().replace(tzinfo=None) - timedelta(days=clock[1] == "yesterday")
    return day.replace(hour=int(clock[2]), minute=int(clock[3]), second=int(seconds), microsecond=round(seconds % 1 * 1e6))


def _not_understood(point: object) -> InvalidValue:
    return InvalidValue(f"expected a point in time, got `{point}`", hint=UNDERSTOOD)


# ------------------------------------------------------------------------------------------------------------ in the log

_LAST: Final = "SELECT revision, time_ns FROM log ORDER BY revision DESC LIMIT 1"
_FIRST: Final = "SELECT revision, time_ns FROM log ORDER BY revision LIMIT 1"
_UP_TO: Final = "SELECT revision, time_ns FROM log WHERE revision <= ? ORDER BY revision DESC LIMIT 1"
_STEPS: Final = "SELECT value FROM meta WHERE name = 'clock_back'"
_STEPS_KEPT: Final = 64


def note_step(connection: apsw.Connection, revision: int) -> None:
    """The clock shows less at this revision than at the one before it; within its transaction."""
    steps = msgspec.json.decode(meta.read(connection, "clock_back") or "[]")
    meta.write(connection, "clock_back", msgspec.json.encode([*steps, revision][-_STEPS_KEPT:]).decode())


def resolve(fetch: Fetch, point: Point, now_ns: int | None = None) -> Moment:
    """The revision of a point in time; `fetch` reads the database. Cost: O(log rows) for each time that the clock went back.

    A revision is given back as it is: whether the history reaches back to it is asked table by table.
    Raises: InvalidValue - not understood, or yet to come;  Compacted - the log begins later.
    """
    now_ns = time.time_ns() if now_ns is None else now_ns
    wanted = read(point, datetime.fromtimestamp(now_ns / 1e9).astimezone())
    if wanted is None:
        return Moment(*fetch(_LAST, ())[0])
    if isinstance(wanted, int):
        return Moment(wanted, time_of(fetch, wanted))
    wanted_ns = round(wanted.timestamp() * 1e6) * 1000 + 999
    if wanted_ns > now_ns + _AHEAD_S * 1e9:
        raise InvalidValue(f"expected a time that has been, got `{point}`, which is {spoken(wanted_ns)}", hint=UNDERSTOOD)
    found = _last_at(fetch, wanted_ns)
    if found is None:
        first = Moment(*fetch(_FIRST, ())[0])
        sentence = f"{spoken(wanted_ns)} is asked for, and the log of this database begins at {first}"
        raise Compacted(sentence, oldest=first.revision, oldest_time_ns=first.time_ns, hint="ask for a time from there on")
    return found


def _last_at(fetch: Fetch, wanted_ns: int) -> Moment | None:
    """Run by run: how many more revisions are on the right side of a place than on the wrong one, compared with the log's begin."""
    (first, _), (last, _) = fetch(_FIRST, ())[0], fetch(_LAST, ())[0]
    found = fetch(_STEPS, ())
    steps = msgspec.json.decode(found[0][0]) if found else []
    starts = [first, *(step for step in steps if step > first), last + 1]
    best, best_gain, gain = None, 0, 0
    for start, end in pairwise(starts):
        place = _last_in_run(fetch, start, end, wanted_ns)
        if place is not None:
            gain += place.revision - start + 1
            if gain >= best_gain:
                best, best_gain = place, gain
        gain -= end - 1 - (start - 1 if place is None else place.revision)
    return best


def _last_in_run(fetch: Fetch, start: int, end: int, wanted_ns: int) -> Moment | None:
    """The last line from `start` up to before `end` that is not later; lines between grow in time."""
    found = None
    low, high = start, end - 1
    while low <= high:
        revision, time_ns = fetch(_UP_TO, ((low + high) // 2,))[0]
        if revision >= start and time_ns <= wanted_ns:
            found = Moment(revision, time_ns)
            low = (low + high) // 2 + 1
        elif revision < low:  # no line from `low` to the middle
            low = (low + high) // 2 + 1
        else:
            high = revision - 1
    return found


def time_of(fetch: Fetch, revision: int) -> int:
    """When a revision was, ns since 1970: its line in the log, or the last one before it; 0 where there is none."""
    found = fetch(_UP_TO, (revision,))
    return int(found[0][1]) if found else 0
