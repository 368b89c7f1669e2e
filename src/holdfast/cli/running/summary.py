"""The live summary of a running node: sources, rows, events, and what changed last. Fits 80×24, uses what there is."""

from __future__ import annotations

import asyncio
import io
import os
import shutil
import time
from collections import Counter, deque
from typing import TYPE_CHECKING, Any, Final

from holdfast.cli.presentation.layout import Column, write_table
from holdfast.cli.presentation.style import Style
from holdfast.cli.presentation.telling import Teller
from holdfast.model import TABLES
from holdfast.model.names import BUILTIN

if TYPE_CHECKING:
    from holdfast.node import Node

__all__ = ["Summary", "show_summary"]

_EVERY_S: Final = 0.5
_TOO_MANY: Final = 100
"""Changes of a table at one look, above which they are counted and not told: telling them would cost the node its time."""
_KEPT: Final = 200
_HEADINGS: Final = {
    "interfaces": "LINKS",
    "addresses": "ADDRS",
    "routes": "ROUTES",
    "neighbours": "NEIGH",
    "rules": "RULES",
    "nexthops": "NH",
    "fdb": "FDB",
    "vlans": "VLANS",
    "qdiscs": "QDISCS",
}


async def show_summary(node: Node, path: str, style: Style, lines: list[str], stop: asyncio.Event) -> None:
    """Draw until `stop` is set; the terminal is left as it was found."""
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    summary = Summary(node, path, style, lines)
    console = Console()
    with Live(console=console, screen=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False) as live:
        while not stop.is_set():
            size = shutil.get_terminal_size((80, 24))
            try:
                frame = await asyncio.to_thread(summary.frame, size.columns, size.lines)
            except Exception as failure:  # noqa: BLE001 - the drawing's edge: it must not end the node; the reason is on the screen
                frame = f"the summary cannot be drawn: {type(failure).__name__}: {failure}"
            live.update(Text.from_ansi(frame, no_wrap=True, overflow="ellipsis"), refresh=True)
            try:
                async with asyncio.timeout(_EVERY_S):
                    await stop.wait()
            except TimeoutError:
                continue


class Summary:
    """Draws frames. It looks at the database only for tables that changed since the last frame."""

    def __init__(self, node: Node, path: str, style: Style, lines: list[str]) -> None:
        self._node, self._path, self._style, self._lines = node, path, style, lines
        self._started = time.monotonic()
        self._seen = node.database.revision
        self._dirty: set[str] = set(TABLES)
        self._rows: dict[str, Counter[str]] = {}
        self._changes: deque[str] = deque(maxlen=_KEPT)
        self._teller = Teller(self._spelling(), style)
        self._events = (self._started, self._count_events())
        node.database.on_commit(lambda revision, tables: self._dirty.update(tables))

    def frame(self, width: int, height: int) -> str:
        """The whole screen as text with colour codes; no line is wider than `width`, as long as names are short."""
        self._look()
        head = self._head(width)
        sources = self._sources(width, max(3, (height - len(head) - 5) // 2))
        room = height - len(head) - len(sources) - 5
        news = [*self._lines[-3:]]
        changes = list(self._changes)[-max(1, room - len(news)) :]
        body = [self._style("title", "LAST CHANGES"), *(changes or [self._style("dim", "none since the node started")])]
        notes = ["", *news] if news else []
        frame = [*head, "", *sources, "", *body, *notes]
        return "\n".join([*frame[: height - 1]])

    # -- looking ---------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        database = self._node.database
        dirty, self._dirty = self._dirty, set()
        last = database.revision
        for table in dirty:
            self._rows[table] = Counter(dict(database.fetch(f"SELECT target, count(*) FROM {table} GROUP BY target")))
        if last > self._seen:
            self._tell(dirty, last)
            self._seen = last

    def _tell(self, tables: set[str], last: int) -> None:
        many = len(self._node.mirror.targets) > 1
        stamp = self._style("dim", time.strftime("%H:%M:%S"))
        changes: list[Any] = []
        for table in sorted(tables, key=lambda name: name != "interfaces"):
            if self._number_of_changes(table) > _TOO_MANY:
                self._changes.append(f"{stamp} {self._style('changed', '~')} {table}: more than {_TOO_MANY} changes at once")
                continue
            changes += self._node.database.changes(table, self._seen, last)
        self._teller.learn(changes)
        for change in sorted(changes, key=lambda one: one.revision):
            self._changes.append(f"{stamp} {self._teller.line(change, with_target=many)}")

    def _number_of_changes(self, table: str) -> int:
        counts = [
            self._node.database.fetch(
                f"SELECT count(*) FROM (SELECT 1 FROM {name} WHERE {column} > ? LIMIT {_TOO_MANY + 1})", (self._seen,)
            )[0][0]
            for name, column in ((table, "since"), (f"{table}_history", "until"))
        ]
        return int(max(counts))

    def _spelling(self) -> Any:
        from holdfast.cli.asking.reading import Reading

        return Reading(self._node.database, BUILTIN).spelling()

    def _count_events(self) -> int:
        return sum(self._node.mirror.status(target).counters.events for target in self._node.mirror.targets)

    # -- drawing ---------------------------------------------------------------------------------------------------

    def _head(self, width: int) -> list[str]:
        now = time.monotonic()
        events, (before, seen) = self._count_events(), self._events
        self._events = (now, events)
        rate = (events - seen) / max(now - before, 0.001)
        statuses = [self._node.mirror.status(target) for target in self._node.mirror.targets]
        lost = sum(one.counters.lost for one in statuses)
        lag = max((one.counters.lag_ms for one in statuses), default=0.0)
        facts = [
            f"revision {self._node.database.revision}",
            f"{_short(rate)} events/s",
            f"lag {lag:.1f} ms",
            self._style("bad", f"lost {lost}×") if lost else "lost 0",
            f"{_resident_mb()} MB",
            self._style("dim", "Ctrl-C stops"),
        ]
        up = _duration(now - self._started)
        title = f"holdfast node {os.getpid()}  up {up}  {self._path} {_file_size(self._path)}"
        if len(title) > width:
            title = title[: width - 1] + "…"
        away = self._node.database.away
        if away is not None:
            since = time.strftime("%H:%M:%S", time.localtime(away.since_ns / 1e9))
            facts.insert(0, self._style("bad", f"disk full: in memory since {since}"))
        return [self._style("title", title), "   ".join(facts)]

    def _sources(self, width: int, most: int) -> list[str]:
        """A line per source; those in trouble first, the rest as a number when there is no room."""
        statuses = [self._node.mirror.status(target) for target in self._node.mirror.targets]
        statuses.sort(key=lambda one: (str(one.state) == "running", one.target != "localhost", one.target))
        shown, left = statuses[:most], statuses[most:]
        columns = [
            Column("SOURCE", [one.target for one in shown], role="ifname", elastic=True, keep=True),
            Column("STATE", [str(one.state) for one in shown], role="state", keep=True),
        ]
        for table, heading in _HEADINGS.items():
            rows = self._rows.get(table, Counter())
            cells = [_short(rows[one.target]) if rows[one.target] else "" for one in shown]
            columns.append(Column(heading, cells, right=True, keep=table in ("interfaces", "addresses", "routes")))
        columns.append(Column("EVENTS", [_short(one.counters.events) for one in shown], right=True, keep=True))
        columns.append(Column("WHY", [one.error for one in shown], elastic=True))
        out = io.StringIO()
        write_table(columns, out, self._style, width=width)
        lines = out.getvalue().splitlines()
        if left:
            states = Counter(str(one.state) for one in left)
            lines.append(self._style("dim", f"… and {len(left)} more: {', '.join(f'{count} {state}' for state, count in states.items())}"))
        return lines


def _short(number: float) -> str:
    """`812`, `1.2k`, `34k`, `1.1M`."""
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if number >= size * 0.9995:
            scaled = number / size
            return f"{scaled:.1f}{unit}" if scaled < 10 else f"{scaled:.0f}{unit}"
    return f"{number:.0f}"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return (f"{days}d " if days else "") + f"{hours:02d}:{minutes:02d}:{rest:02d}"


def _resident_mb() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20


def _file_size(path: str) -> str:
    try:
        return f"{_short(os.stat(path).st_size)}B"
    except OSError:
        return ""
