"""The engine of transactions: 100 000 routes in one, beside `ip -batch`.

    sudo .venv/bin/python bench/transactions.py [--count N]

In one run, each in a process of its own: `ip -batch` (without undo, without looking), then ours until the last ack, until mirrored and
verified, refused at its end and all undone, replaced by a set that differs in 10. (apply.py goes through the objects.)
Targets: ≤ 2× ip until the last ack, ≤ 3× until verified, replace ≤ 1 s.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import threading
import time
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any, Self

import scene

NAME = "hfb-transactions"


class Ours:
    """An engine upon a mirror, on a loop of its own, called from this thread: as the synchronous API does."""

    def __enter__(self) -> Self:
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.stack = AsyncExitStack()
        self.wait(self._open())
        return self

    async def _open(self) -> None:
        from holdfast.node import Node

        self.node = await self.stack.enter_async_context(Node(":memory:", [{"target": NAME, "kind": "netns", "netns": NAME}]))

    def __exit__(self, *_: object) -> None:
        self.wait(self.stack.aclose())

    def wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    def commit(self, *requests: Any, **options: Any) -> Any:
        return self.wait(self.node.transactions.commit(requests, **options))


def row_of(number: int, first: int = 10) -> dict[str, Any]:
    dst = f"{first}.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    return {"dst": dst, "dst_len": 32, "gateway": f"192.168.{number >> 8 & 1}.{2 + (number & 127)}"}


def bulk(count: int) -> dict[str, float]:
    from holdfast.errors import KernelError
    from holdfast.model import TABLES
    from holdfast.transactions.contract import Create

    routes = TABLES["routes"]
    with Ours() as ours:
        requests = [Create(NAME, routes, row_of(number)) for number in range(count)]
        acked: list[float] = []

        def progress(done: int, of: int) -> None:
            if done == of and not acked:
                acked.append(time.perf_counter())

        bad = Create(NAME, routes, {"dst": "10.255.255.0", "dst_len": 24, "gateway": "198.51.100.1"})
        refused: dict[str, Any] = {}
        start = time.perf_counter()
        try:
            ours.commit(*requests, bad, timeout_s=300)
        except KernelError as error:
            refused = error.details
        rolled = time.perf_counter() - start
        if refused.get("undone") != count or refused.get("not_undone"):
            raise SystemExit(f"not undone: {refused}")
        begun = time.perf_counter()
        ours.commit(*requests, progress=progress, timeout_s=300)
        verified = time.perf_counter() - begun
        rows = [row_of(number + (count if number < 10 else 0)) for number in range(count)]
        start = time.perf_counter()
        outcome = ours.wait(ours.node.transactions.replace(NAME, routes, {"table_id": 254, "proto": 4}, rows))
        replaced = time.perf_counter() - start
        assert outcome.sent == 20, outcome.sent
        memory = scene.resident_mb()
    return {"to_ack": acked[0] - begun, "verified": verified, "rolled": rolled, "replaced": replaced, "mb": memory}


def main(count: int) -> None:
    print(scene.machine())
    with scene.namespace(NAME):
        ip = scene.batch(NAME, scene.routes(count))
        scene.batch(NAME, [f"route flush table main proto {proto}" for proto in ("boot",)])
        ours = scene.child(__file__, "bulk", count)
        scene.table(
            ["", "seconds", "× ip -batch"],
            [
                [f"ip -batch, {count} routes", ip, 1.0],
                ["ours, until the last ack", ours["to_ack"], ours["to_ack"] / ip],
                ["ours, mirrored and verified", ours["verified"], ours["verified"] / ip],
                ["added, refused at the end, all undone", ours["rolled"], ours["rolled"] / ip],
                ["replaced by a set that differs in 10", ours["replaced"], ours["replaced"] / ip],
            ],
        )
        print(f"resident: {ours['mb']:.0f} MB")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        print(json.dumps(bulk(int(sys.argv[3]))))
    else:
        parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
        parser.add_argument("--count", type=int, default=100_000)
        main(parser.parse_args().count)
