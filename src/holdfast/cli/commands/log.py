"""`holdfast log`: what happened, newest first.

14:03:22.123 r1204 ~ route 203.0.113.0/24 table main: via 192.0.2.1 → 192.0.2.2
14:03:21.870 r1203 - route 198.51.100.0/24 table main via 192.0.2.1 dev eth0 proto boot
                   ~ interface eth0: state up → down
14:01:07.002 r1190 = gap blue: events were lost
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec

from holdfast.cli.asking.past import open_past, spelling_of_all_times, stamp
from holdfast.cli.asking.reading import Reading
from holdfast.cli.asking.requests import ON_TERMINAL, LogRequest
from holdfast.cli.declaring import complete
from holdfast.cli.declaring.command import Command, option
from holdfast.cli.declaring.options import POINTS, Common, printing, reading
from holdfast.cli.language.conditions import All, Condition
from holdfast.cli.language.filters import find_look, parse
from holdfast.cli.language.looks import LOOKS, Look
from holdfast.cli.language.spelling import Spelling
from holdfast.cli.presentation.rows import plain_values
from holdfast.cli.presentation.style import printable, style_for
from holdfast.cli.presentation.telling import Teller
from holdfast.cli.tree.paths import say_other_meaning, tree_path
from holdfast.cli.tree.showing import change_line as config_line
from holdfast.errors import NotFound

if TYPE_CHECKING:
    from holdfast.story.log import Asked, Entry

__all__ = ["log"]


@click.command(
    cls=Command,
    section="Look at the network",
    examples="""
        holdfast log
        holdfast log interfaces eth0                       the life of one object
        holdfast log routes 10.0.0.0/24 --since 2h
        holdfast log routes via 10.0.0.1 --until "yesterday 14:03"
        holdfast log --target blue --limit 20
        holdfast log neighbours --json | jq .changes
        holdfast log nodes.r1                              commits of the tree, at a path or below it
        holdfast log .routes                               a dot in front: the tree, not the table
    """,
    epilog=POINTS,
)
@click.argument(
    "noun", metavar="[NOUN|PATH]", default="", shell_complete=complete.nouns_and_paths,
    help="Changes of this noun, or of this path of the tree; without it everything.",
)  # fmt: skip
@click.argument("filters", metavar="[FILTER]...", nargs=-1, shell_complete=complete.filters, help="An object, or filters as for `show`.")
@option("--since", metavar="T", default="", help="What came after this point in time.")
@option("--until", metavar="T", default="", help="What was at this point in time, and before.")
@option("--author", metavar="NAME", default="", help="What somebody did.")
@option("--limit", "-l", metavar="N", type=int, default=None, help="So many entries; 0: all. Default: all, on a terminal 100.")
@option("--all", "-a", "each", is_flag=True, help="Each change, however many at a time.")
@printing
@reading(target=True)
def log(noun: str, filters: tuple[str, ...], since: str, until: str, author: str, limit: int | None, each: bool, **common: Any) -> None:
    """What happened, newest first: what changed, from what to what.

    A stamp per revision, a line per change: + new, - gone, ~ changed from → to, = what else the log says: starts, gaps, who did
    it. Counters, ages and probe states are no changes. It reads the running node's file, or that of a stopped one.
    """
    request = LogRequest(noun, filters, since, until, author, limit, each)
    path = tree_path(noun)
    if path is None:
        print_log(request, Common(**common))
        return
    from holdfast.cli.tree.past import print_path_log

    print_path_log(path, request, Common(**common))


_LINES: Final = 10
"""Changes of an entry that are told, where everything is asked for."""
_KINDS: Final = {"intent": "change", "config": "commit"}
"""What people call a line's kind, where it has another name."""
_ESCAPES: Final = re.compile("\x1b\\[[0-9;]*m")


def print_log(request: LogRequest, common: Common) -> None:
    """Raises: UnknownName, InvalidValue, NotFound - the noun, a word, a value, a point in time; what opening raises."""
    from holdfast.story.log import entries

    look = find_look(request.noun) if request.noun else None
    with open_past(common) as reading:
        if look is not None:
            say_other_meaning(request.noun, look, reading)
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
