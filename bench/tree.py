"""The config tree: commits, siblings, restart, deliveries, memory. `python bench/tree.py [--folder DIR] [--count N]`

Beside it a bare SQLite commit with the same sync, in turns with ours, on the same disk; and, when `etcd` is on the PATH and the client
`aetcd` can be imported, etcd on loopback, started here: put and watch through its Python client.

Caveats: a sync costs what the disk makes of it, so the folder matters; /dev/shm syncs for nothing and shows what Python costs.
One process does everything, client and server together. Medians of single commits; rates over whole runs, the best of three.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import apsw
import scene

from holdfast import Tree
from holdfast.aio import Tree as AsyncTree

TASKS = 8
SUBSCRIBERS = 32


class Bare:
    """SQLite by itself: one row, synced."""

    def __init__(self, path: str) -> None:
        self._connection = apsw.Connection(path)
        self._connection.execute("PRAGMA journal_mode = WAL").fetchall()
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute("CREATE TABLE pairs(key TEXT PRIMARY KEY, value) WITHOUT ROWID")

    def put(self, number: int) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.execute("INSERT INTO pairs VALUES (?, ?)", (f"key{number}", number))
        self._connection.execute("COMMIT")


def median_us(times: list[float]) -> float:
    return sorted(times)[len(times) // 2] * 1e6


def timed(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def one_writer(folder: str, count: int) -> dict[str, float]:
    """Single commits in turns with bare ones, so that both have the same moments of the disk. µs, medians."""
    bare = Bare(f"{folder}/bare.db")
    with Tree(f"{folder}/one.db") as tree:
        ours, theirs = [], []
        for number in range(count):
            theirs.append(timed(lambda number=number: bare.put(number)))  # type: ignore[misc]
            ours.append(timed(lambda number=number: tree.put(("n", f"key{number}"), number)))  # type: ignore[misc]
    return {"ours_us": median_us(ours), "bare_us": median_us(theirs), "ratio": median_us(theirs) / median_us(ours)}


async def many_tasks(folder: str, count: int) -> dict[str, float]:
    """Commits per second of eight tasks that each wait for their own."""

    async def write(tree: AsyncTree, name: str) -> None:
        for number in range(count):
            await tree.put(("t", name, f"key{number % 100}"), number)

    async with AsyncTree(f"{folder}/many.db") as tree:
        best = 0.0
        for turn in range(3):
            start = time.perf_counter()
            await asyncio.gather(*(write(tree, f"w{turn}.{task}") for task in range(TASKS)))
            best = max(best, TASKS * count / (time.perf_counter() - start))
    return {"per_s": best}


def siblings(folder: str, count: int) -> dict[str, float]:
    """A commit among 10 siblings and among 100 000, in turns. µs, medians."""
    with Tree(f"{folder}/siblings.db") as tree:
        tree.put("few", {f"key{number}": 0 for number in range(10)})
        tree.put("many", {f"key{number}": 0 for number in range(100_000)})
        few, many = [], []
        for number in range(count):
            few.append(timed(lambda number=number: tree.put(("few", f"key{number % 10}"), number)))  # type: ignore[misc]
            many.append(timed(lambda number=number: tree.put(("many", f"key{number * 37 % 100_000}"), number)))  # type: ignore[misc]
    return {"few_us": median_us(few), "many_us": median_us(many), "ratio": median_us(many) / median_us(few)}


async def unconcerned(folder: str, count: int) -> dict[str, float]:
    """A commit while 1 000 watches follow other paths, and while nobody follows. µs, medians, in turns."""
    async with AsyncTree(f"{folder}/others.db") as tree:
        alone, crowded = [], []
        for _ in range(4):
            for times, others in ((alone, 0), (crowded, 500)):
                some = [tree.watch(f"other.k{number}") for number in range(others)]
                some += [tree.watch(regex=rf"other\.k{number}\.(.*)") for number in range(others)]
                waiting = [asyncio.create_task(anext(watch, None)) for watch in some]
                await asyncio.sleep(0.1)
                for number in range(count // 4):
                    start = time.perf_counter()
                    await tree.put(("mine", f"k{number % 50}"), time.perf_counter())
                    times.append(time.perf_counter() - start)
                for watch in some:
                    await watch.close()
                await asyncio.gather(*waiting)
    return {"alone_us": median_us(alone), "crowded_us": median_us(crowded), "ratio": median_us(crowded) / median_us(alone)}


def fill(folder: str, commits: int) -> None:
    """So many commits, each of one leaf; half of them change one that is there."""

    async def write() -> None:
        async with AsyncTree(f"{folder}/restart.db") as tree:
            for start in range(0, commits, 2000):
                await asyncio.gather(*(tree.put(("r", f"k{n % 500}", f"leaf{n % (commits // 2)}"), n) for n in range(start, start + 2000)))

    asyncio.run(write())


def restart(folder: str) -> dict[str, float]:
    """Seconds to open a file with 100 000 commits, and to read a leaf, in a fresh process; the best of three."""
    return min((scene.child(__file__, "restart", folder) for _ in range(3)), key=lambda one: float(one["seconds"]))


def restart_child(folder: str) -> dict[str, float]:
    start = time.perf_counter()
    with Tree(f"{folder}/restart.db") as tree:
        tree.get("r.k1")
        return {"seconds": time.perf_counter() - start, "commits": len(tree.history.log(limit=10**7))}


async def deliveries(folder: str, count: int) -> dict[str, float]:
    """Deliveries per second to 32 subscribers, from the first put until the last one has been read by all."""

    async def read(watch: Any) -> None:
        for _ in range(count):
            await anext(watch)

    async def write(tree: AsyncTree, task: int) -> None:
        for number in range(count // TASKS):
            await tree.put(("s", f"t{task}"), number)

    best, latencies = 0.0, []
    async with AsyncTree(f"{folder}/watch.db") as tree:
        for _ in range(3):
            reading = [asyncio.create_task(read(tree.watch("s", queue=count))) for _ in range(SUBSCRIBERS)]
            await asyncio.sleep(0.1)
            start = time.perf_counter()
            await asyncio.gather(*(write(tree, task) for task in range(TASKS)))
            await asyncio.gather(*reading)
            best = max(best, SUBSCRIBERS * count / (time.perf_counter() - start))
            await tree.delete("s")
        watch = tree.watch("p")
        for number in range(300):
            start = time.perf_counter()
            waiting = asyncio.create_task(anext(watch))
            await tree.put("p.x", number)
            await waiting
            latencies.append(time.perf_counter() - start)
    return {"per_s": best, "put_to_told_us": median_us(latencies)}


def memory(shape: str) -> dict[str, float]:
    """Resident bytes per leaf of 100 000, in a fresh process."""
    return scene.child(__file__, "memory", shape)


def memory_child(shape: str) -> dict[str, float]:
    from holdfast.database.sqlite import Database
    from holdfast.tree.store import Store

    with tempfile.TemporaryDirectory() as folder:
        with Tree(f"{folder}/m.db") as tree:
            if shape == "flat":
                tree.put("m", {f"key{number:06}": number for number in range(100_000)})
            else:
                tree.put("m", {f"r{n:05}": {f"attribute{k}": n * k for k in range(10)} for n in range(10_000)})
        warm = Tree(f"{folder}/warm.db")  # what the library itself takes is not the leaves'
        warm.put("a", {f"k{n}": n for n in range(1000)})
        warm.close()
        database = Database(f"{folder}/m.db")
        gc.collect()
        before = scene.resident_mb()
        store = Store(database)
        gc.collect()
        found = (scene.resident_mb() - before) * 1e6 / store.head.size
        database.close()
    return {"bytes_per_leaf": found}


def node(folder: str) -> dict[str, float]:
    """A node with an empty tree, in this network: seconds until it listens, and MB two seconds later. The best of three."""
    found = []
    for turn in range(3):
        home = f"{folder}/node{turn}"
        os.mkdir(home)
        start = time.perf_counter()
        process = subprocess.Popen([sys.executable, "-m", "holdfast.cli", "run"], env={**os.environ, "HOLDFAST_HOME": home},
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        try:
            while not listens(f"{home}/holdfast.sock") and time.perf_counter() - start < 60:
                time.sleep(0.005)
            seconds = time.perf_counter() - start
            time.sleep(2)
            found.append((seconds, scene.resident_mb(process.pid)))
        finally:
            process.terminate()
            process.wait()
    return {"seconds": min(one for one, _ in found), "mb": min(one for _, one in found)}


def listens(path: str) -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
        probe.connect(path)
        return True
    return False


# -- etcd ----------------------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def etcd(folder: str) -> AsyncIterator[Any]:
    """A server of its own on loopback, and a client."""
    import aetcd

    client_port, peer_port = free_port(), free_port()
    client, peer = f"http://127.0.0.1:{client_port}", f"http://127.0.0.1:{peer_port}"
    command = [
        "etcd", "--data-dir", f"{folder}/etcd", "--listen-client-urls", client, "--advertise-client-urls", client,
        "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}", "--log-level", "error",
    ]  # fmt: skip
    server = await asyncio.create_subprocess_exec(*command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", client_port), 0.1):
                break
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)
        async with aetcd.Client(port=client_port) as opened:
            yield opened
    finally:
        server.terminate()
        await server.wait()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


async def beside_etcd(folder: str, count: int) -> dict[str, float]:
    """The same work through etcd's client: one writer, eight tasks, put to told, deliveries to 32 watches."""
    async with etcd(folder) as client:
        single = []
        for number in range(count):
            start = time.perf_counter()
            await client.put(f"n/key{number}".encode(), str(number).encode())
            single.append(time.perf_counter() - start)

        async def write(task: int) -> None:
            for number in range(count):
                await client.put(f"t/{task}/{number % 100}".encode(), str(number).encode())

        start = time.perf_counter()
        await asyncio.gather(*(write(task) for task in range(TASKS)))
        many = TASKS * count / (time.perf_counter() - start)

        async def read(watch: Any, wanted: int) -> None:
            seen = 0
            async for _ in watch:
                seen += 1
                if seen == wanted:
                    return

        told = min(count, 200)
        watches = [await client.watch_prefix(b"s/") for _ in range(SUBSCRIBERS)]
        reading = [asyncio.create_task(read(watch, told)) for watch in watches]
        start = time.perf_counter()
        for number in range(told):
            await client.put(b"s/x", str(number).encode())
        await asyncio.wait_for(asyncio.gather(*reading), 120)
        spread = SUBSCRIBERS * told / (time.perf_counter() - start)
    return {"one_us": median_us(single), "many_per_s": many, "deliveries_per_s": spread}


def has_etcd() -> str:
    """Why not, or nothing."""
    if shutil.which("etcd") is None:
        return "no `etcd` on the PATH (Debian: etcd-server)"
    try:
        import aetcd  # noqa: F401
    except ImportError as error:
        return f"no client: {error}"
    return ""


# -- all of it -----------------------------------------------------------------------------------------------------------


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folder", default=None, help="where the files lie; default: a new folder beside this one's temporary ones")
    parser.add_argument("--count", type=int, default=2000, help="commits per measurement")
    parser.add_argument("--commits", type=int, default=100_000, help="commits before the restart")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="holdfast-bench-") as folder:
        print(scene.machine())
        print(f"files in {Path(folder).parent}, load {os.getloadavg()[0]:.1f}\n")
        lines: list[list[object]] = []
        one = one_writer(folder, options.count)
        lines.append(["durable commit of a leaf, one writer", f"{one['ours_us']:.0f} µs", f"bare SQLite {one['bare_us']:.0f} µs",
                      f"{one['ratio']:.2f}× (to reach 0.5×)"])  # fmt: skip
        many = asyncio.run(many_tasks(folder, options.count))
        lines.append(["durable commits, 8 tasks", f"{many['per_s']:.0f}/s", "", "to reach 10 000/s"])
        near = siblings(folder, options.count)
        lines.append(["among 100 000 siblings", f"{near['many_us']:.0f} µs", f"among 10: {near['few_us']:.0f} µs",
                      f"{near['ratio']:.2f}× (at most 3×)"])  # fmt: skip
        crowd = asyncio.run(unconcerned(folder, options.count))
        lines.append(["with 1 000 watches elsewhere", f"{crowd['crowded_us']:.0f} µs", f"with none: {crowd['alone_us']:.0f} µs",
                      f"{crowd['ratio']:.2f}×"])  # fmt: skip
        fill(folder, options.commits)
        again = restart(folder)
        lines.append([f"restart with {again['commits']:.0f} commits", f"{again['seconds']:.2f} s", "", "at most 1 s"])
        told = asyncio.run(deliveries(folder, options.count))
        lines.append(["deliveries to 32 subscribers", f"{told['per_s']:.0f}/s", "", "to reach 80 000/s"])
        lines.append(["put to told, one writer", f"{told['put_to_told_us']:.0f} µs", "", ""])
        lines += [
            [f"100 000 leaves, {shape}", f"{memory(shape)['bytes_per_leaf']:.0f} bytes each", "", "at most 400"]
            for shape in ("flat", "ten in each of 10 000")
        ]
        empty = node(folder)
        lines.append(["node with an empty tree", f"{empty['seconds']:.2f} s", f"{empty['mb']:.1f} MB", "at most 1 s, 60 MB"])
        lacking = has_etcd()
        if lacking:
            print(f"without etcd: {lacking}\n")
        else:
            peer = asyncio.run(beside_etcd(folder, options.count))
            lines.append(["etcd: put, one writer", f"{peer['one_us']:.0f} µs", "", f"ours {peer['one_us'] / one['ours_us']:.1f}× as fast"])
            lines.append(["etcd: puts, 8 tasks", f"{peer['many_per_s']:.0f}/s", "", f"ours {many['per_s'] / peer['many_per_s']:.1f}×"])
            ratio = told["per_s"] / peer["deliveries_per_s"]
            lines.append(["etcd: deliveries to 32 watches", f"{peer['deliveries_per_s']:.0f}/s", "", f"ours {ratio:.1f}×"])
        scene.table(["work", "holdfast", "beside it", "ratio"], lines)


if __name__ == "__main__":
    import json

    if sys.argv[1:2] == ["--child"]:
        work, argument = sys.argv[2:4]
        print(json.dumps(restart_child(argument) if work == "restart" else memory_child(argument)))
    else:
        main()
