"""Route events into rows: a burst, latency at paced rates, the highest rate held without a resynchronisation, the price of history.

    sudo .venv/bin/python bench/events.py [--peer]

burst    100 000 `ip route add` by `ip -batch` while mirroring: time until all are visible, beside the batch alone; lost must be 0.
latency  routes added at 1 000 and 10 000/s by another process: from the moment a group is handed to the kernel until the commit
         after which its rows are visible. Targets: p50 ≤ 1 ms, p99 ≤ 20 ms at 10 000/s.
rate     the same at growing rates, 3 s each: the highest at which all rows came without a loss or a resynchronisation. The
         kernel and `pace.py` run beside us on the same processors, so their own limit is printed too.
history  100 000 routes added, replaced and deleted, as the kernel told it, decoded and written with and without history: processor
         time per event, in reads of 100 events and in one read of all. Target: 1.5×.

The first three with the database in memory and in a file in TMPDIR, which should be on a disk.

With --peer pyroute2's NDB takes 5 000 routes at 1 000/s and at 2 000/s beside us.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from bisect import bisect_left
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import scene

NAME = "hfb-events"
PACE = str(Path(__file__).with_name("pace.py"))
ROUTES = "SELECT count(*) FROM routes WHERE target = ? AND dst LIKE '10.%'"


def pace(count: int, rate: float, verb: str = "add") -> dict:
    """Run pace.py to its end."""
    command = [sys.executable, PACE, NAME, str(count), str(rate), verb]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


async def visible(ndb, count: int, limit_s: float = 60) -> float:
    """Wait until so many routes are rows; the time at which it was seen."""
    give_up = time.monotonic() + limit_s
    while (await ndb.sql(ROUTES, NAME))[0][0] != count:
        if time.monotonic() > give_up:
            raise SystemExit(f"expected {count} routes, have {(await ndb.sql(ROUTES, NAME))[0][0]} after {limit_s} s")
        await asyncio.sleep(0.005)
    return time.monotonic()


def troubles(ndb) -> dict[str, int]:
    """Losses and resynchronisations of the source so far."""
    counters = ndb._core.mirror.status(NAME).counters
    return {"lost": counters.lost, "resyncs": counters.resyncs, "undecoded": counters.undecoded}


async def burst(ndb, count: int) -> dict:
    start = time.monotonic()
    spent = await asyncio.to_thread(scene.batch, NAME, scene.routes(count))
    took = await visible(ndb, count) - start
    await asyncio.to_thread(scene.batch, NAME, ["route flush root 10.0.0.0/8"])
    await visible(ndb, 0)
    return {"batch_s": spent, "visible_s": took, **troubles(ndb)}


async def paced(ndb, count: int, rate: float) -> dict:
    """Latencies in ms of every route of a paced run."""
    commits: list[tuple[int, int]] = []
    end = ndb._core.database.on_commit(lambda revision, tables: commits.append((revision, time.monotonic_ns())))
    before = troubles(ndb)
    sender = await asyncio.to_thread(pace, count, rate)
    await visible(ndb, count)
    end()
    after = troubles(ndb)
    commits.sort()
    revisions = [revision for revision, _ in commits]
    sql = "SELECT dst, since FROM routes WHERE target = ? AND dst LIKE '10.%'"
    since = {record[0]: record[1] for record in await ndb.sql(sql, NAME)}
    latencies = []
    groups = [*sender["sent"], (count, 0)]
    for (first, sent), (following, _) in pairwise(groups):
        for i in range(first, following):
            revision = since[f"10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}"]
            told = commits[bisect_left(revisions, revision)][1]  # several revisions may share a commit, which names the last
            latencies.append((told - sent) / 1e6)
    await asyncio.to_thread(pace, count, 1e6, "delete")
    await visible(ndb, 0)
    latencies.sort()
    held = {name: after[name] - before[name] for name in after}
    rates = {"asked": rate, "sent": count / sender["seconds"]}
    return {**rates, "p50": latencies[count // 2], "p99": latencies[count * 99 // 100], "max": latencies[-1], **held}


async def ours(path: str, rates: tuple[int, ...]) -> None:
    from holdfast.aio import NDB

    print(f"\ndatabase {path}")
    async with NDB(sources=[{"target": NAME, "kind": "netns", "netns": NAME}], db_spec=path) as ndb:
        got = await burst(ndb, 100_000)
        print(f"burst of 100 000: batch {got['batch_s']:.2f} s, all visible after {got['visible_s']:.2f} s, "
              f"lost {got['lost']}, resyncs {got['resyncs']}, undecoded {got['undecoded']}")  # fmt: skip
        lines: list[list[object]] = []
        for rate in rates:
            run = await paced(ndb, int(rate * 3), rate)
            lines.append([f"{rate}/s", int(run["sent"]), run["p50"], run["p99"], run["max"], run["lost"], run["resyncs"]])
        scene.table(["asked", "sent/s", "p50 ms", "p99 ms", "max ms", "lost", "resyncs"], lines)


def told(count: int) -> dict[str, bytes]:
    """What the kernel tells when routes are added, replaced and deleted."""
    from holdfast.netlink.namespace import open_in
    from holdfast.netlink.socket import EVENTS_RCVBUF, Socket

    events = open_in(f"/run/netns/{NAME}", lambda: Socket([7], rcvbuf=EVENTS_RCVBUF))  # RTNLGRP_IPV4_ROUTE
    data = {}
    for verb in ("add", "replace", "delete"):
        pace(count, 1e6, verb)
        data[verb] = events.drain(1 << 30)
    events.close()
    return data


def applied(data: dict[str, bytes], count: int, at_once: int, history: bool) -> dict[str, float]:
    """Processor time in µs per event."""
    from holdfast.database.sqlite import Database
    from holdfast.mirror.line import Line
    from holdfast.mirror.status import Counters
    from holdfast.model import TABLES

    spent = {}
    with Database(history=history) as database:
        for verb, whole in data.items():
            size = len(whole) // count * at_once  # they are of one length
            pieces = [whole[start : start + size] for start in range(0, len(whole), size)][::-1]
            events = SimpleNamespace(drain=lambda limit, pieces=pieces: pieces.pop() if pieces else b"")
            line = Line(SimpleNamespace(target="t", tables=tuple(TABLES.values()), events=events, passive=False), Counters())
            start = time.process_time()
            while pieces:
                database.write(line.cycle).result()
            spent[verb] = (time.process_time() - start) / count * 1e6
        assert database.fetch("SELECT count(*) FROM routes") == [(0,)]
    return spent


def price_of_history(count: int, runs: int = 3) -> None:
    data = told(count)
    lines: list[list[object]] = []
    for at_once in (100, count):
        best: dict[bool, dict[str, float]] = {}
        for _ in range(runs):
            for history in (False, True):
                got = applied(data, count, at_once, history)
                best[history] = {verb: min(spent, best.get(history, got)[verb]) for verb, spent in got.items()}
        sums = {history: {**spent, "all": sum(spent.values())} for history, spent in best.items()}
        for word, spent in (("off", sums[False]), ("on", sums[True])):
            lines += [[f"{at_once} at once, history {word}", *spent.values()]]
        lines.append(["  on / off", *(sums[True][verb] / sums[False][verb] for verb in sums[True])])
    print()
    scene.table(["µs of processor time per event", "add", "replace", "delete", "all three"], lines)


def peer() -> None:
    from pyroute2 import NDB

    with NDB(sources=[{"target": NAME, "kind": "netns", "netns": NAME}]) as ndb:
        for rate in (1_000, 2_000):
            before = ndb.routes.count()
            start = time.monotonic()
            pace(5_000, rate)
            while ndb.routes.count() < before + 5_000 and time.monotonic() < start + 60:
                time.sleep(0.02)
            spent = time.monotonic() - start
            print(f"pyroute2's NDB: 5 000 routes at {rate}/s, visible after {spent:.1f} s: {ndb.routes.count() - before}")
            pace(5_000, 1e6, "delete")
            while ndb.routes.count() > before and time.monotonic() < start + 120:
                time.sleep(0.02)


def main() -> None:
    print(scene.machine())
    with scene.namespace(NAME):
        alone = 100_000 / pace(100_000, 1e6)["seconds"]
        pace(100_000, 1e6, "delete")
        print(f"the kernel alone takes {alone:.0f} routes/s from pace.py")
        with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as folder:
            asyncio.run(ours(":memory:", (1_000, 10_000, 20_000, 30_000, 60_000)))
            asyncio.run(ours(f"{folder}/events.db", (1_000, 10_000, 30_000)))
        price_of_history(100_000)
        if "--peer" in sys.argv:
            peer()


if __name__ == "__main__":
    main()
