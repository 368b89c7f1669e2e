"""Changing routes: one at a time through the synchronous API, and very many in one transaction.

    sudo .venv/bin/python bench/apply.py [--large]

One at a time: create, change, remove, each a commit that returns when the tables show it, with 0 and with 100 k routes present
(--large: 1 M), through the synchronous API and, by a task that awaits each, through the asynchronous one; beside it pyroute2's NDB, with
few. In one transaction: 100 k routes by create_many, seen and verified, beside `ip -batch`; 100 k of which the last is refused, so that
all are undone; a table of 100 k replaced by one that differs in 10, by replace_all; 1 000 veth pairs. Targets: ≥ 2 000/s each through the
synchronous API; ≤ 3× ip -batch; replaced in ≤ 1 s; memory bounded.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Callable
from itertools import chain
from typing import Any

import scene

NAME = "hfb-apply"
HERE = {"target": "localhost", "kind": "netns", "netns": NAME}
ONE_BY_ONE = 2000
VETHS = 1000
OF_NDB = 20


def address(number: int) -> str:
    return f"172.{16 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"


def one_by_one(library: str, count: int) -> dict[str, float]:
    """Routes per second, for each verb: of the best run, and, as `create_quick` …, at the pace of the quickest tenth of all calls, which
    is what others on the same processors leave undisturbed."""
    if library == "holdfast":
        from holdfast import NDB
    else:
        from pyroute2 import NDB
    with NDB(sources=[HERE]) as ndb:
        keys = [f"{address(i)}/32" for i in range(count)]
        works: dict[str, Callable[[str], object]] = {
            "create": lambda key: ndb.routes.create(dst=key, gateway="192.168.0.2").commit(),
            "change": lambda key: ndb.routes[key].set(gateway="192.168.0.3").commit(),
            "remove": lambda key: ndb.routes[key].remove().commit(),
        }
        calls: dict[str, list[list[float]]] = {verb: [] for verb in works}
        for _ in range(3 if library == "holdfast" else 1):
            for verb, work in works.items():
                calls[verb].append([spent(lambda key=key, work=work: work(key)) for key in keys])
        best = {verb: count / min(map(sum, runs)) for verb, runs in calls.items()}
        quick = {f"{verb}_quick": 1 / statistics.quantiles(chain.from_iterable(runs), n=10)[0] for verb, runs in calls.items()}
        return best | quick | {"mb": scene.resident_mb()}


async def by_a_task(count: int) -> dict[str, float]:
    """The same by one task that awaits each commit."""
    from holdfast.aio import NDB

    async with NDB(sources=[HERE]) as ndb:
        keys = [f"{address(i)}/32" for i in range(count)]
        times = {}
        start = time.perf_counter()
        for key in keys:
            await ndb.routes.create(dst=key, gateway="192.168.0.2").commit()
        times["create"] = time.perf_counter() - start
        start = time.perf_counter()
        for key in keys:
            await ndb.routes[key].set(gateway="192.168.0.3").commit()
        times["change"] = time.perf_counter() - start
        start = time.perf_counter()
        for key in keys:
            await ndb.routes[key].remove().commit()
        times["remove"] = time.perf_counter() - start
        return {verb: count / spent for verb, spent in times.items()} | {"mb": scene.resident_mb()}


def spent(work: Any) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def at_once(count: int) -> dict[str, float]:
    """Seconds for one transaction of `count` routes, for one that is refused, for a difference of 10, for none, and for taking all away."""
    from holdfast import NDB, KernelError

    def specs(other: int) -> list[dict[str, Any]]:
        return [{"dst": f"{address(i)}/32", "gateway": "192.168.0.3" if i < other else "192.168.0.2"} for i in range(count)]

    def refused() -> None:
        try:
            ndb.routes.create_many([*specs(0), {"dst": "10.9.0.0/24", "gateway": "203.0.113.1"}], table=101)
        except KernelError as error:
            if error.details["undone"] != count or error.details["not_undone"]:
                raise
        else:
            raise SystemExit("what cannot be was taken")
        if left := ndb.sql("SELECT count(*) AS count FROM routes WHERE table_id = 101")[0].count:
            raise SystemExit(f"{left} are left")

    with NDB(sources=[HERE]) as ndb:
        before = scene.resident_mb()
        create = spent(lambda: ndb.routes.create_many(specs(0), table=100))
        grown = scene.resident_mb() - before
        one, other = specs(10), specs(0)
        rolled = spent(refused)
        difference = min(spent(lambda rows=rows: ndb.routes.replace_all(rows, table=100)) for rows in (one, other, one))
        nothing = spent(lambda: ndb.routes.replace_all(one, table=100))
        remove = spent(lambda: ndb.routes.replace_all([], table=100))
        return {"create": create, "difference": difference, "nothing": nothing, "remove": remove, "rolled": rolled, "mb": grown}


def veths(count: int) -> dict[str, float]:
    """Seconds for pairs of veths in one transaction, up, and for taking it back."""
    from holdfast import NDB

    with NDB(sources=[HERE]) as ndb:
        pairs = [ndb.interfaces.create(ifname=f"a{i}", kind="veth", peer=f"b{i}", state="up") for i in range(count)]
        create = spent(lambda: ndb.begin().push(*pairs).commit())
        remove = spent(lambda: ndb.begin().push(*[one.remove() for one in pairs]).commit())
        return {"create": create, "remove": remove}


def main(large: bool) -> None:
    print(scene.machine())
    print(f"\none at a time, per second{'':13}{'create':>8}{'change':>8}{'remove':>8}{'MB':>6}")
    for present in (0, 100_000, *([1_000_000] if large else [])):
        with scene.namespace(NAME):
            if present:
                scene.batch(NAME, scene.routes(present))
            ours = scene.child(__file__, "one", "holdfast", str(ONE_BY_ONE))
            line("holdfast", present, ours)
            line("  a tenth", present, ours, "_quick")
            line("a task", present, scene.child(__file__, "task", str(ONE_BY_ONE)))
            if present <= 100_000:
                line("NDB", present, scene.child(__file__, "one", "pyroute2", str(OF_NDB if present == 0 else 3)))
    count = 1_000_000 if large else 100_000
    with scene.namespace(NAME):
        ip = [f"route add {address(i)}/32 via 192.168.0.2 table 100" for i in range(count)]
        batch = scene.batch(NAME, ip)
    with scene.namespace(NAME):
        ours = scene.child(__file__, "many", str(count))
    print(f"\n{count} routes in one transaction, seen and verified: {ours['create']:.2f} s, {ours['create'] / batch:.1f}× ip -batch "
          f"({batch:.2f} s); memory grows by {ours['mb']:.0f} MB")  # fmt: skip
    print(f"as many, the last one refused, all undone: {ours['rolled']:.2f} s")
    print(f"the table replaced by one that differs in 10: {ours['difference']:.2f} s; nothing other: {ours['nothing']:.2f} s; "
          f"emptied: {ours['remove']:.2f} s")  # fmt: skip
    with scene.namespace(NAME):
        pairs = [f"link add a{i} up type veth peer name b{i}" for i in range(VETHS)]
        batch, emptied = scene.batch(NAME, pairs), scene.batch(NAME, [f"link del a{i}" for i in range(VETHS)])
    with scene.namespace(NAME):
        ours = scene.child(__file__, "veths", str(VETHS))
    print(f"{VETHS} pairs of veths in one transaction: {ours['create']:.2f} s, {ours['create'] / batch:.1f}× ip -batch ({batch:.2f} s); "
          f"removed: {ours['remove']:.2f} s, {ours['remove'] / emptied:.1f}× ({emptied:.2f} s)")  # fmt: skip


def line(who: str, present: int, rates: dict[str, float], of: str = "") -> None:
    shown = [rates[verb + of] for verb in ("create", "change", "remove")]
    numbers = "".join(f"{rate:8.{0 if rate >= 10 else 1}f}" for rate in shown)
    print(f"{who:10} {present:>10} routes there {'':12}{numbers}{rates['mb']:6.0f}")


if __name__ == "__main__":
    if sys.argv[1:3] == ["--child", "one"]:
        print(json.dumps(one_by_one(sys.argv[3], int(sys.argv[4]))))
    elif sys.argv[1:3] == ["--child", "task"]:
        print(json.dumps(asyncio.run(by_a_task(int(sys.argv[3])))))
    elif sys.argv[1:3] == ["--child", "many"]:
        print(json.dumps(at_once(int(sys.argv[3]))))
    elif sys.argv[1:3] == ["--child", "veths"]:
        print(json.dumps(veths(int(sys.argv[3]))))
    else:
        main("--large" in sys.argv)
