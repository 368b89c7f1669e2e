"""`holdfast watch`: what changes, while it changes."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import datetime
from time import time as clock
from typing import TYPE_CHECKING, Any

import click
import msgspec

from holdfast.cli.asking.following import Following, open_following
from holdfast.cli.asking.loop import on_loop
from holdfast.cli.asking.requests import WatchRequest
from holdfast.cli.declaring import complete
from holdfast.cli.declaring.command import Command, option
from holdfast.cli.declaring.options import Common, printing, reading
from holdfast.cli.language.conditions import All, Condition, Either
from holdfast.cli.language.filters import find_look, parse
from holdfast.cli.language.looks import LOOKS, Look
from holdfast.cli.presentation.pace import MOST, Pace, Sum, Sums, told_sum
from holdfast.cli.presentation.rows import plain_values
from holdfast.cli.presentation.style import style_for
from holdfast.cli.presentation.telling import Teller, changed_fields
from holdfast.cli.show.table import target_condition
from holdfast.cli.tree.paths import say_other_meaning, tree_path
from holdfast.errors import NotFound

if TYPE_CHECKING:
    from holdfast.database.home import Change

__all__ = ["watch"]


@click.command(
    cls=Command,
    section="Look at the network",
    examples="""
        holdfast watch
        holdfast watch routes root 10.0.0.0/8
        holdfast watch interfaces dev eth0
        holdfast watch addr --json | jq .row.local
        holdfast watch routes --since 1200
        holdfast watch routes --since "5 minutes ago"
        holdfast watch nodes.r1                  commits of the tree, at a path or below it
    """,
)
@click.argument(
    "noun", metavar="[NOUN|PATH]", default="", shell_complete=complete.nouns_and_paths,
    help="What to watch: a table, or a path of the tree; without it every table.",
)  # fmt: skip
@click.argument("filters", metavar="[FILTER]...", nargs=-1, shell_complete=complete.filters, help="As for `show`.")
@option("--since", metavar="T", default="", help="Begin with what changed after this point in time, a revision or as for `log`.")
@option("--limit", "-l", metavar="N", type=int, default=0, help="End after so many changes.")
@option("--all", "-a", "each", is_flag=True, help="On a terminal, too, a line for each change, however many there are.")
@printing
@reading(target=True)
def watch(noun: str, filters: tuple[str, ...], since: str, limit: int, each: bool, **common: Any) -> None:
    """Print what changes, as it changes.

    A line per change: + new, - gone, ~ changed from → to. Nothing is lost, however much happens: changes are read from the
    database's history. Counters, ages and probe states are no changes. Ctrl-C ends it.

    On a terminal more than 20 changes a second are told as sums, `+ 1 214 routes: …`, which leave none out.
    """
    request = WatchRequest(noun, filters, since, limit, each)
    path = tree_path(noun)
    if path is None:
        watch_changes(request, Common(**common))
        return
    from holdfast.cli.tree.past import watch_path

    watch_path(path, request, Common(**common))


def watch_changes(request: WatchRequest, common: Common) -> None:
    """Print changes until interrupted. Raises: UnknownName, InvalidValue, NotFound, Compacted; what opening raises."""
    on_loop(_watch(request, common))


async def _watch(request: WatchRequest, common: Common) -> None:
    look = find_look(request.noun) if request.noun else None
    tables = [look.table.name] if look else list(LOOKS)
    async with open_following(common, {*tables, "interfaces"}) as following:
        if look is not None:
            say_other_meaning(request.noun, look, following.reading)
        since = following.moment(request.since).revision if request.since else following.revision
        printer = _Printer(look, request, common, following)
        try:
            async for changes in following.changes({*tables, "interfaces"}, since):
                if printer.print(changes, tables):
                    return
        finally:
            printer.close()


class _Printer:
    """Chooses and prints. Interfaces are learned from all changes, also from those that are not printed."""

    def __init__(self, look: Look | None, request: WatchRequest, common: Common, following: Following) -> None:
        self._look, self._request, self._common = look, request, common
        self._reading = following.reading
        self._teller = Teller(self._reading.spelling(), style_for(sys.stdout, common.colour), wide=common.wide)
        self._left = request.limit
        self._with_target = len(self._reading.targets()) > 1
        self._wanted = self._condition()
        each = request.each or common.json or not sys.stdout.isatty()
        self._pace = None if each else Pace()
        self._width = 0  # of revisions
        self._explained = False

    def print(self, changes: list[Change], tables: list[str]) -> bool:
        """Print those that match; True when the limit is reached."""
        times = self._times(changes) if changes else {}
        wanted = self._learn(changes)
        for change in changes:
            if change.table in tables and _matches(wanted, change):
                time = times.get(change.revision, datetime.now().astimezone())
                self._tell(self._pace.take(change, time) if self._pace else [(change, time)])
                self._left -= 1
                if self._left == 0:
                    return True
        if self._pace and not changes:
            self._tell(self._pace.over(clock()))
        sys.stdout.flush()
        return False

    def close(self) -> None:
        """Tell what is held."""
        if self._pace:
            self._tell(self._pace.end())
        sys.stdout.flush()

    def _tell(self, told: Iterable[tuple[Change, datetime] | Sums]) -> None:
        for one in told:
            if isinstance(one, Sums):
                self._write_sums(one)
            else:
                self._write(*one)

    def _learn(self, changes: list[Change]) -> Condition:
        """A new interface may have the name that was asked for, an old one may lose it: both count for these changes."""
        self._teller.learn(changes)
        targets = {change.row["target"] for change in changes if change.table == "interfaces"}
        if not targets:
            return self._wanted
        self._with_target = self._with_target or not targets <= set(self._reading.targets())
        before, self._wanted = self._wanted, self._condition()
        return Either((before, self._wanted))

    def _condition(self) -> Condition:
        parts: list[Condition] = []
        if self._look is not None:
            parts += self._filter(self._look)
        if self._common.target:
            parts.append(target_condition(self._common.target, self._reading))
        return All(tuple(parts))

    def _filter(self, look: Look) -> tuple[Condition, ...]:
        spelling = self._teller.spelling
        try:
            return parse(look, self._request.filters, spelling).conditions
        except NotFound as missing:
            print(f"holdfast: {missing.message}: waiting for it", file=sys.stderr)
            spelling.strict = False
            return parse(look, self._request.filters, spelling).conditions

    def _times(self, changes: list[Change]) -> dict[int, datetime]:
        first, last = changes[0].revision if changes else 0, changes[-1].revision if changes else 0
        rows = self._reading.fetch("SELECT revision, time_ns FROM log WHERE revision BETWEEN ? AND ?", (first, last))
        return {revision: datetime.fromtimestamp(time_ns / 1e9).astimezone() for revision, time_ns in rows}

    def _write(self, change: Change, time: datetime) -> None:
        if self._common.json:
            sys.stdout.write(_json(change, time) + "\n")
            return
        stamp = self._stamp(f"{_second(time)}.{time.microsecond // 1000:03d}", f"r{change.revision}")
        sys.stdout.write(f"{stamp} {self._teller.line(change, with_target=self._with_target)}\n")

    def _write_sums(self, sums: Sums) -> None:
        stamp = self._stamp(f"{_second(sums.time)}    ", f"r{sums.revision}")
        for one in sums:
            if isinstance(one, Sum):
                sys.stdout.write(f"{stamp} {told_sum(one, self._teller, with_target=self._with_target)}\n")
            else:
                self._write(*one)
        if not self._explained:
            self._explained = True
            sys.stdout.flush()
            style = style_for(sys.stderr, self._common.colour)
            print(style("dim", f"(more than {MOST} changes a second are told as sums; --all tells each)"), file=sys.stderr)

    def _stamp(self, time: str, revision: str) -> str:
        """Revisions are padded to the widest so far, so that what follows stays in line."""
        self._width = max(self._width, len(revision))
        return self._teller.style("dim", f"{time} {revision:{self._width}}")


def _second(time: datetime) -> str:
    date = "" if time.date() == datetime.now().astimezone().date() else f"{time:%Y-%m-%d} "
    return f"{date}{time:%H:%M:%S}"


def _matches(wanted: Condition, change: Change) -> bool:
    """Before or after: a row that leaves what is asked for is news as well."""
    return wanted.holds(change.row) or (change.old is not None and wanted.holds(change.old))


def _json(change: Change, time: datetime) -> str:
    shape: dict[str, Any] = {
        "revision": change.revision,
        "time": time.isoformat(timespec="milliseconds"),
        "table": change.table,
        "op": change.op,
        "row": plain_values(change.row),
    }
    if change.old is not None:
        shape |= {"changed": changed_fields(change), "old": plain_values(change.old)}
    return msgspec.json.encode(shape).decode()
