"""What one source feels of another: 1 000 route events/s here, while a large source is loaded, checked, and read again there.

    sudo .venv/bin/python bench/beside.py [ROUTES]

ROUTES (default 200 000) are those of the large source. For each of its doings: how long it took, and the latencies of the other
source's events meanwhile. Target: no latency beyond 100 ms on an idle machine, except for a first load below 130 000 routes,
which is one job.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable

import events
import scene

LARGE, SMALL = "hfb-large", "hfb-small"


async def feel(ndb, what: str, doing: Awaitable[object], lines: list[list[object]]) -> None:
    """Latencies at the small source from now until `doing` has ended."""

    async def timed() -> float:
        start = time.monotonic()
        await doing
        return time.monotonic() - start

    task, worst = asyncio.ensure_future(timed()), []
    while not worst or not task.done():
        worst.append(await events.paced(ndb, 500, 1_000))
    middle = sorted(run["p50"] for run in worst)[len(worst) // 2]
    lines.append([what, await task, middle, max(run["p99"] for run in worst), max(run["max"] for run in worst), worst[-1]["lost"]])


async def main(count: int) -> None:
    from holdfast.aio import NDB

    events.NAME = SMALL
    lines: list[list[object]] = []
    async with NDB(sources=[{"target": SMALL, "kind": "netns", "netns": SMALL}]) as ndb:
        await feel(ndb, "nothing", asyncio.sleep(1), lines)
        await feel(ndb, "first load", ndb.sources.add(target=LARGE, kind="netns", netns=LARGE), lines)
        mirror = ndb._core.mirror
        large = mirror._supervisors[LARGE]
        await feel(ndb, "periodic check", large._audit(large._line), lines)
        mirror.resync(LARGE)
        await feel(ndb, "reading again", mirror.settled(LARGE), lines)
        await feel(ndb, "removal", ndb.sources.remove(LARGE), lines)
    scene.table([f"meanwhile, with {count} routes", "s", "p50 ms", "p99 ms", "max ms", "lost"], lines)


if __name__ == "__main__":
    print(scene.machine())
    number = int(sys.argv[1]) if sys.argv[1:] else 200_000
    with scene.namespace(LARGE), scene.namespace(SMALL):
        scene.batch(LARGE, scene.routes(number))
        asyncio.run(main(number))
