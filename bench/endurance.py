"""Months in minutes: what a million route flaps leave behind, with the retention that a node has by default.

    .venv/bin/python bench/endurance.py [FLAPS [ROUTES]]

1 000 routes; each flap is one route deleted and put back, in transactions of its own: as separate events do. Every 200 000 flaps a
line: seconds, file and log on the disk, resident memory, rows in the history, lines in the log. Nothing sleeps, so that letting
go has to keep pace. Target: after 1 000 000 flaps a file of at most 1.5× and memory of at most 1.1× of those after 200 000.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from concurrent.futures import Future
from typing import Any

import scene

from holdfast.database.sqlite import Database
from holdfast.model import ROUTES

COLUMNS = ("family", "dst", "dst_len", "table_id", "type", "proto", "scope", "gateway", "oif", "priority")
EVERY = 200_000
AT_ONCE = 500
"""Jobs given before the first is waited for."""


def route(number: int) -> list[list[Any]]:
    dst = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    return [[2], [dst], [32], [254], [1], [16], [0], [f"192.168.0.{2 + number % 200}"], [2], [20]]


def flap(database: Database, count: int, first: int, routes: int) -> None:
    waiting: list[Future[None]] = []
    for number in range(first, first + count):
        row = route(number % routes)
        waiting.append(database.write(lambda tx, row=row: (tx.delete(ROUTES, "here", COLUMNS, row), None)[1]))  # type: ignore[misc]
        waiting.append(database.write(lambda tx, row=row: tx.put(ROUTES, "here", COLUMNS, row)))  # type: ignore[misc]
        if len(waiting) >= AT_ONCE:
            for one in waiting:
                one.result()
            waiting.clear()
    for one in waiting:
        one.result()


def measured(database: Database, path: str, began: float) -> dict[str, float]:
    rows = int(database.fetch("SELECT count(*) FROM routes_history")[0][0])
    lines = int(database.fetch("SELECT count(*) FROM log")[0][0])
    wal = os.path.getsize(path + "-wal") if os.path.exists(path + "-wal") else 0
    return {"s": time.perf_counter() - began, "file MB": os.path.getsize(path) / 1e6, "log MB": wal / 1e6,
            "resident MB": scene.resident_mb(), "history rows": rows, "log lines": lines}  # fmt: skip


def run(path: str, flaps: int, routes: int) -> list[dict[str, float]]:
    found = []
    with Database(path) as database:
        rows = [[cell for (cell,) in column] for column in zip(*map(route, range(routes)), strict=True)]
        database.write(lambda tx: tx.load(ROUTES, "here", [(COLUMNS, rows)])).result()
        began = time.perf_counter()
        for first in range(0, flaps, EVERY):
            flap(database, EVERY, first, routes)
            found.append(measured(database, path, began))
    return found


def main(flaps: int, routes: int) -> None:
    print(scene.machine())
    with tempfile.TemporaryDirectory() as place:
        found = run(os.path.join(place, "endurance.db"), flaps, routes)
    lines: list[list[object]] = [[f"{(number + 1) * EVERY} flaps", *one.values()] for number, one in enumerate(found)]
    scene.table(["", *found[0]], lines)
    missed = 0
    for name, limit in (("file MB", 1.5), ("resident MB", 1.1)):
        ratio = max(one[name] for one in found[1:] or found) / found[0][name]
        missed += ratio > limit
        print(f"{name}: the most after {EVERY} is {ratio:.2f}× (≤ {limit}×)")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main(*(int(given) for given in (*sys.argv[1:], *("1000000", "1000")[len(sys.argv) - 1 :])))
