"""`holdfast log`: what happened, newest first.

14:03:22.123 r1204 ~ route 203.0.113.0/24 table main: via 192.0.2.1 → 192.0.2.2
14:03:21.870 r1203 - route 198.51.100.0/24 table main via 192.0.2.1 dev eth0 proto boot
                   ~ interface eth0: state up → down
14:01:07.002 r1190 = gap blue: events were lost
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import msgspec

from holdfast.errors import NotFound

from .conditions import All, Condition
from .looks import LOOKS, Look
from .options import Common
from .past import open_past, spelling_of_all_times, stamp
from .reading import Reading
from .spelling import Spelling
from .style import printable, style_for
from .telling import Teller
from .tree.showing import change_line as config_line
from .words import find_look, parse

if TYPE_CHECKING:
    from holdfast.story.log import Asked, Entry

__all__ = ["LogRequest", "plain_values", "print_log"]

ON_TERMINAL: Final = 100
"""Entries that a terminal gets unless it asks for more."""
_LINES: Final = 10
"""Changes of an entry that are told, where everything is asked for."""
_KINDS: Final = {"intent": "change", "config": "commit"}
"""What people call a line's kind, where it has another name."""
_ESCAPES: Final = re.compile("\x1b\\[[0-9;]*m")


@dataclass(frozen=True, slots=True)
class LogRequest:
    """noun "": everything. limit: entries, 0: all, None: what suits the output. each: every change, however many at a time."""

    noun: str = ""
    filters: tuple[str, ...] = ()
    since: str = ""
    until: str = ""
    author: str = ""
    limit: int | None = None
    each: bool = False


def print_log(request: LogRequest, common: Common) -> None:
    """Raises: UnknownName, InvalidValue, NotFound - the noun, a word, a value, a point in time; what opening raises."""
    from holdfast.story.log import entries

    look = find_look(request.noun) if request.noun else None
    with open_past(common) as reading:
        spelling = spelling_of_all_times(reading)
        asked = _asked(look, request, common, reading, spelling)
        limit = (ON_TERMINAL if sys.stdout.isatty() else 0) if request.limit is None else request.limit
        found = entries(reading.database, asked)
        most = None if request.each or look is not None else _LINES
        printer = _Printer(Teller(spelling, style_for(sys.stdout, common.colour), wide=common.wide), common, reading, most)
        for entry in islice(found, limit) if limit else found:
            printer.write(entry)
        if limit and next(found, None) is not None and request.limit is None:
            sys.stdout.flush()
            print(printer.style("dim", f"(the last {limit}: --limit says how many, 0 all of them)"), file=sys.stderr)


def _asked(look: Look | None, request: LogRequest, common: Common, reading: Reading, spelling: Spelling) -> Asked:
    from holdfast.database.home import Condition as OfRows
    from holdfast.story.log import Asked

    _check_target(common.target, reading)
    asked = Asked(since=request.since or None, until=request.until or None, author=request.author or None, target=common.target or None)
    if look is None:
        return asked
    conditions: tuple[Condition, ...] = parse(look, request.filters, spelling).conditions
    asked = replace(asked, tables=(look.table.name,))
    if not conditions:
        return asked
    wanted = All(conditions)
    text, arguments = wanted.sql()
    return replace(asked, condition=OfRows(text, arguments), fits=wanted.holds)


def _check_target(target: str, reading: Reading) -> None:
    """Raises: NotFound - nothing in the log or the tables is of this source."""
    if target and target not in reading.targets():
        known = [row[0] for row in reading.fetch("SELECT DISTINCT target FROM log WHERE target IS NOT NULL ORDER BY 1")]
        if target not in known:
            raise NotFound(f"there is no source `{target}`", hint=f"there were {', '.join(known)}" if known else "there was none at all")


class _Printer:
    """Entries as lines. most: changes of an entry that are told, None: all."""

    def __init__(self, teller: Teller, common: Common, reading: Reading, most: int | None) -> None:
        self.style = teller.style
        self._teller = teller
        self._json = common.json
        self._most = most
        self._with_target = len(reading.targets()) > 1
        self._today = datetime.now().astimezone()

    def write(self, entry: Entry) -> None:
        if self._json:
            sys.stdout.write(msgspec.json.encode(plain_values(entry.as_dict())).decode() + "\n")
            return
        head = stamp(entry.time, entry.revision, self.style, self._today)
        blank = " " * len(_ESCAPES.sub("", head))
        for line in self._lines(entry):
            sys.stdout.write(f"{head} {line}\n")
            head = blank

    def _lines(self, entry: Entry) -> Iterator[str]:
        if entry.kind != "live" or entry.author or entry.message:
            yield self._note(entry)
        for one in entry.config:
            yield config_line({"path": one.path, "op": one.op, "created": one.created, "value": one.value, "old": one.old}, self.style)
        changes = [one.change for one in entry.changes]
        self._teller.learn(changes)
        for change in changes[: self._most]:
            yield self._teller.line(change, with_target=self._with_target)
        self._teller.learn(replace(one, row=one.old) for one in changes if one.old is not None)  # older entries speak of it so
        left = len(changes) - len(changes[: self._most])
        if left:
            yield self.style("dim", f"… and {left} more changes: --all tells each")
        for table, counts in entry.many.items():
            noun = LOOKS[table].table.name
            parts = [f"{sign}{count}" for sign, count in (("+", counts.came), ("-", counts.went)) if count]
            yield f"{self.style('changed', '~')} {' '.join(parts)} {noun}, too many to tell"

    def _note(self, entry: Entry) -> str:
        """What is said beside the changes: by whom, what for."""
        if entry.kind == "compacted":
            return self.style("dim", f"= {entry.message}")
        words = [self.style("title", _KINDS.get(entry.kind, entry.kind))] if entry.kind != "live" else []
        words += [f"by {printable(entry.author)}"] if entry.author else []
        words += [self.style("dim", f"(change {entry.cause})")] if entry.cause else []
        if entry.target and self._with_target:
            words.append(f"[{printable(entry.target)}]")
        text = " ".join(words)
        message = printable(entry.message or "")
        return f"{self.style('dim', '=')} {text}{': ' if text and message else ''}{message}"


def plain_values(value: Any) -> Any:
    """Bytes become hex."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {name: plain_values(one) for name, one in value.items()}
    return [plain_values(one) for one in value] if isinstance(value, Sequence) and not isinstance(value, str) else value
