"""Time and memory from opening to queryable SQL: 1 k, 10 k, 100 k routes and, with --large, 1 M.

    sudo .venv/bin/python bench/mirror.py [--large]

Beside it, in the same run: `ip -j route show` read through a pipe, a bare receive of the same dump, and, up to 10 k routes,
pyroute2's NDB. Targets: 100 k within 3× of ip, 70× of NDB (by its rate at 10 k); 1 M within 12× of 100 k and 500 MB.
"""

from __future__ import annotations

import json
import sys
import time

import scene

NAME = "hfb-mirror"


def load_holdfast(count: int) -> dict[str, float]:
    from holdfast import NDB

    begun = time.perf_counter()
    with NDB(sources=[]):  # loads the library: measured apart
        pass
    start = time.perf_counter()
    with NDB(sources=[{"target": NAME, "kind": "netns", "netns": NAME}]) as ndb:
        loaded = time.perf_counter() - start
        have = ndb.sql("SELECT count(*) FROM routes WHERE dst LIKE '10.%'")[0][0]
        assert have == count, f"expected {count} routes, found {have}"
        query = "SELECT gateway FROM routes WHERE dst = '10.0.0.77' AND dst_len = 32"
        lookup = scene.timed(lambda: ndb.db.fetchone(query), 101)
        return {"seconds": loaded, "mb": scene.resident_mb(), "lookup_us": lookup * 1e6, "import_s": start - begun}


def load_ndb(count: int) -> dict[str, float]:
    from pyroute2 import NDB

    start = time.perf_counter()
    with NDB(sources=[{"target": NAME, "kind": "netns", "netns": NAME}]) as ndb:
        while ndb.routes.count() < count:
            time.sleep(0.01)
        return {"seconds": time.perf_counter() - start, "mb": scene.resident_mb()}


def load_bare(count: int) -> dict[str, float]:
    from holdfast.model import TABLES
    from holdfast.sources import make

    source = make("bare", "netns", netns=NAME)
    source.open()
    start = time.perf_counter()
    size = sum(map(len, source.dump(TABLES["routes"], "AF_INET")))
    seconds = time.perf_counter() - start
    source.close()
    return {"seconds": seconds, "mb": scene.resident_mb(), "bytes": size}


def main(large: bool) -> None:
    print(scene.machine())
    sizes = [1_000, 10_000, 100_000] + ([1_000_000] if large else [])
    lines: list[list[object]] = []
    rate_ndb, seconds = 0.0, {}
    with scene.namespace(NAME):
        have = 0
        for count in sizes:
            scene.batch(NAME, scene.routes(count - have, first=have))
            have = count
            bare = scene.child(__file__, "bare", count)
            ips, runs = [], []
            for _ in range(3):  # in turns: so both have the same moments of the machine
                ips.append(scene.timed(lambda: scene.piped(["ip", "-n", NAME, "-j", "route", "show"]), 1))
                runs.append(scene.child(__file__, "holdfast", count))
            ip, ours = scene.median(ips), sorted(runs, key=lambda run: run["seconds"])[1]
            seconds[count] = ours["seconds"]
            line: list[object] = [f"{count} routes", ip, bare["seconds"], ours["seconds"], ours["seconds"] / ip]
            line += [ours["import_s"], ours["mb"], ours["lookup_us"]]
            if count <= 10_000:
                ndb = scene.child(__file__, "ndb", count)
                rate_ndb = count / ndb["seconds"]
                line += [ndb["seconds"], ndb["mb"]]
            else:
                line += [f"~{count / rate_ndb:.0f}", "-"]
            line.append(count / ours["seconds"] / rate_ndb)
            lines.append(line)
    scene.table(["", "ip -j s", "bare s", "ours s", "ours/ip", "import s", "ours MB", "lookup µs", "NDB s", "NDB MB", "×NDB"], lines)
    if large:
        print(f"1 M against 100 k: {seconds[1_000_000] / seconds[100_000]:.1f}×")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        print(json.dumps({"holdfast": load_holdfast, "ndb": load_ndb, "bare": load_bare}[sys.argv[2]](int(sys.argv[3]))))
    else:
        main("--large" in sys.argv)
