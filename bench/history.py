"""Looking back: 100 000 routes behind 1 000 000 changes.

    .venv/bin/python bench/history.py [ROUTES [CHANGES]]

The routes are loaded, then changed in transactions of 100, all of them equally often; one is changed 100 times more, on its own.
Asked for: the whole table as it was at the beginning, in the middle, now; one route as it was; the life of that one, of one of the
others; what is different between two points; the last entries of the log; which revision a time was. The median of five, beside
the same of the table as it is now. Targets: the whole table as it was within 0.5 s, the log of one object within 20 ms.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import scene

from holdfast.database.home import Condition
from holdfast.database.retention import Keep, Retention
from holdfast.database.sqlite import Database
from holdfast.model import ROUTES
from holdfast.story.diff import differences
from holdfast.story.log import Asked, entries

COLUMNS = ("family", "dst", "dst_len", "table_id", "type", "proto", "gateway", "oif", "priority", "flow")
AT_ONCE = 100
ALL = Retention(Keep(None, None, None))


def rows(first: int, count: int, flow: int) -> list[list[Any]]:
    numbers = range(first, first + count)
    hosts = [f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}" for number in numbers]
    gateways = [f"192.168.0.{2 + number % 200}" for number in numbers]
    fixed: list[Any] = [2, 32, 254, 1, 16, 2, 20, flow]
    family, length, table, kind, proto, oif, priority, flow = ([value] * count for value in fixed)  # type: ignore[assignment]
    return [family, hosts, length, table, kind, proto, gateways, oif, priority, flow]  # type: ignore[list-item]


def fill(database: Database, routes: int, changes: int) -> list[int]:
    """Returns the revisions at the beginning, in the middle, at the end."""
    database.write(lambda tx: tx.load(ROUTES, "here", [(COLUMNS, rows(0, routes, 0))])).result()
    found = [database.revision]
    done = 0
    while done < changes:
        for first in range(0, min(routes, changes - done), AT_ONCE):
            batch = rows(first, AT_ONCE, 1 + done + first)
            database.write(lambda tx, batch=batch: tx.put(ROUTES, "here", COLUMNS, batch))  # type: ignore[misc]
        done += min(routes, changes - done)
        database.write(lambda tx: None).result()
        if len(found) == 1 and done >= changes // 2:
            found.append(database.revision)
    for flow in range(100):
        database.write(lambda tx, flow=flow: tx.put(ROUTES, "here", COLUMNS, rows(77, 1, 10**9 + flow))).result()  # type: ignore[misc]
    return [*found, database.revision]


def measured(database: Database, work: Callable[[], Any]) -> float:
    """Milliseconds; twice before, so that caches are warm."""
    for _ in range(2):
        work()
    return scene.timed(work, 5) * 1000


def life(database: Database, number: int) -> int:
    """All entries of one route; how many."""
    dst = rows(number, 1, 0)[1][0]
    condition = Condition("t.dst = ? AND t.dst_len = 32 AND t.target = 'here'", (dst,))
    return sum(1 for _ in entries(database, Asked(("routes",), condition, lambda row: row["dst"] == dst)))


def main(routes: int, changes: int) -> None:
    print(scene.machine())
    with tempfile.TemporaryDirectory() as place:
        path = os.path.join(place, "history.db")
        began = time.perf_counter()
        with Database(path, retention=ALL) as database:
            begin, middle, now = fill(database, routes, changes)
            size = os.path.getsize(path) / 1e6
            print(f"{changes} changes of {routes} routes written in {time.perf_counter() - began:.0f} s, file {size:.0f} MB")
            show(database, begin, middle, now)


def show(database: Database, begin: int, middle: int, now: int) -> None:
    few = "SELECT dst, dst_len, gateway, oif, flow FROM routes"
    one = f"{few} WHERE dst = '10.0.0.99' AND dst_len = 32"
    half = datetime.fromtimestamp(database.moment(middle).time_ns / 1e9, UTC)
    ask = lambda sql, at=None: measured(database, lambda: list(database.query(sql, at=at, timeout_s=None)))  # noqa: E731
    lines: list[list[object]] = [
        ["whole table, 5 columns", ask(few), ask(few, now), ask(few, middle), ask(few, begin), 500],
        ["whole table, all columns", *(ask("SELECT * FROM routes", at) for at in (None, now, middle, begin)), "-"],
        ["counted", *(ask("SELECT count(*) FROM routes", at) for at in (None, now, middle, begin)), "-"],
        ["one route", *(ask(one, at) for at in (None, now, middle, begin)), "-"],
        ["by routes_at(x), 5 columns", "-", *(ask(few.replace("routes", f"routes_at({at})")) for at in (now, middle, begin)), "-"],
        ["one by routes_at(x)", "-", *(ask(one.replace("routes", f"routes_at({at})")) for at in (now, middle, begin)), "-"],
    ]
    scene.table(["ms", "now", "at the end", "in the middle", "at the beginning", "target"], lines)
    often, seldom = life(database, 77), life(database, 99)
    others: list[list[object]] = [
        [f"log of a route with {often} entries", measured(database, lambda: life(database, 77)), "-"],
        [f"log of a route with {seldom} entries", measured(database, lambda: life(database, 99)), 20],
        ["the last 20 entries of all", measured(database, lambda: list(islice(entries(database, Asked()), 20))), "-"],
        ["diff of the last 10 000 changes", measured(database, lambda: list(differences(database, ["routes"], now - 200))), "-"],
        ["diff from the middle to the end", measured(database, lambda: list(differences(database, ["routes"], middle))), "-"],
        ["diff around the middle", measured(database, lambda: list(differences(database, ["routes"], middle - 10, middle + 10))), "-"],
        ["which revision a time was", measured(database, lambda: database.moment(half)), "-"],
    ]
    scene.table(["ms", "", "target"], others)


if __name__ == "__main__":
    main(*(int(given) for given in (*sys.argv[1:], *("100000", "1000000")[len(sys.argv) - 1 :])))
