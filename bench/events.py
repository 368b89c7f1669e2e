"""Route events into rows: a burst, latency at paced rates, the highest rate held without a resynchronisation.

    sudo .venv/bin/python bench/events.py [--peer]

burst    100 000 `ip route add` by `ip -batch` while mirroring: time until all are visible, beside the batch alone; lost must be 0.
latency  routes added at 1 000 and 10 000/s by another process: from the moment a group is handed to the kernel until the commit
         after which its rows are visible. Targets: p50 ≤ 1 ms, p99 ≤ 20 ms at 10 000/s.
rate     the same at growing rates, 3 s each: the highest at which all rows came without a loss or a resynchronisation. The
         kernel and `pace.py` run beside us on the same processors, so their own limit is printed too.

With --peer pyroute2's NDB takes 5 000 routes at 1 000/s and at 2 000/s beside us.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from bisect import bisect_left
from itertools import pairwise
from pathlib import Path

import scene

NAME = "hfb-events"
PACE = str(Path(__file__).with_name("pace.py"))
ROUTES = "SELECT count(*) FROM routes WHERE dst LIKE '10.%'"


def pace(count: int, rate: float, verb: str = "add") -> dict:
    """Run pace.py to its end."""
    command = [sys.executable, PACE, NAME, str(count), str(rate), verb]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


async def visible(ndb, count: int, limit_s: float = 60) -> float:
    """Wait until so many routes are rows; the time at which it was seen."""
    give_up = time.monotonic() + limit_s
    while (await ndb.sql(ROUTES))[0][0] != count:
        if time.monotonic() > give_up:
            raise SystemExit(f"expected {count} routes, have {(await ndb.sql(ROUTES))[0][0]} after {limit_s} s")
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
    since = {record[0]: record[1] for record in await ndb.sql("SELECT dst, since FROM routes WHERE dst LIKE '10.%'")}
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


async def ours() -> None:
    from holdfast.aio import NDB

    async with NDB(sources=[{"target": NAME, "kind": "netns", "netns": NAME}]) as ndb:
        got = await burst(ndb, 100_000)
        print(f"burst of 100 000: batch {got['batch_s']:.2f} s, all visible after {got['visible_s']:.2f} s, "
              f"lost {got['lost']}, resyncs {got['resyncs']}, undecoded {got['undecoded']}")  # fmt: skip
        lines: list[list[object]] = []
        for rate in (1_000, 10_000, 20_000, 30_000, 40_000, 60_000):
            run = await paced(ndb, int(rate * 3), rate)
            lines.append([f"{rate}/s", int(run["sent"]), run["p50"], run["p99"], run["max"], run["lost"], run["resyncs"]])
        scene.table(["asked", "sent/s", "p50 ms", "p99 ms", "max ms", "lost", "resyncs"], lines)


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
        asyncio.run(ours())
        if "--peer" in sys.argv:
            peer()


if __name__ == "__main__":
    main()
