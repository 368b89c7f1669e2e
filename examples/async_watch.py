"""Follows several tables at once with asyncio, each in a task of its own.

    python examples/async_watch.py [SECONDS]

It adds an address to the loopback and takes it away, so that there is something to see (needs root). Default: 1 second.
"""

import asyncio
import sys

from holdfast.aio import NDB

ADDRESS = "127.77.77.77/32"


async def follow(ndb: NDB, table: str) -> None:
    async for change in ndb.watch(table):
        print(f"{table:<10} {change.op:<6} {change.row.get('dst') or change.row.get('local')}", flush=True)


async def ip(*words: str) -> None:
    process = await asyncio.create_subprocess_exec("ip", *words)
    await process.wait()


async def main(seconds: float) -> None:
    async with NDB() as ndb:
        tasks = [asyncio.create_task(follow(ndb, table)) for table in ("routes", "addresses")]
        await asyncio.sleep(0)  # so that both have begun
        await ip("address", "add", ADDRESS, "dev", "lo")
        try:
            await ndb.addresses.wait(ADDRESS, timeout=5)
            await asyncio.sleep(seconds)
        finally:
            await ip("address", "delete", ADDRESS, "dev", "lo")
        await ndb.wait(timeout=5)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


asyncio.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else 1.0))
