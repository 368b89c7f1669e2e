"""The wall clock is set, by a day and by years, forth and back, while a mirror runs: nothing depends on it but what the log says."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from holdfast.database.check import check, worst
from holdfast.database.sqlite import Database
from holdfast.mirror.mirror import Mirror
from holdfast.mirror.supervisor import Settings
from holdfast.sources.netns import Netns
from holdfast.testing.netns import Namespace

pytestmark = pytest.mark.kernel

DAY_NS = 86400 * 10**9
JUMPS = (0, -DAY_NS, 400 * DAY_NS, -20_000 * DAY_NS, 0)


async def test_tables_history_and_numbers_do_not_care(netns: Namespace, tmp_path: Path) -> None:
    netns.veth("v0", "v1")
    await asyncio.to_thread(netns.batch, ["link set v0 up", "link set v1 up"])
    offset_ns = 0
    path = str(tmp_path / "node.db")
    with Database(path, clock=lambda: max(1, time.time_ns() + offset_ns)) as database:
        async with Mirror(database, Settings(audit_s=0.3)) as mirror:
            mirror.add(Netns(netns.name, {"netns": netns.path}))
            await mirror.ready(netns.name, 5)
            begun, revisions = database.revision, []
            for number, jump_ns in enumerate(JUMPS):
                offset_ns = jump_ns
                netns.ip(f"route add 10.{number}.0.0/16 dev v0")
                await mirror.settled(timeout_s=5)
                revisions.append(database.revision)
                await asyncio.sleep(0.4)
            for number in range(len(JUMPS)):
                netns.ip(f"route del 10.{number}.0.0/16 dev v0")
            await mirror.settled(timeout_s=5)
            status = mirror.status(netns.name)
        assert revisions == sorted(set(revisions))
        assert (status.counters.failures, status.counters.drift) == (0, 0)
        assert status.counters.audits >= 2, "the periodic check goes by another clock"
        told = [(one.op, one.row["dst"]) for one in database.changes("routes", begun) if one.row["dst"].endswith(".0.0")]
        routes = [f"10.{number}.0.0" for number in range(len(JUMPS))]
        assert told == [("put", one) for one in routes] + [("delete", one) for one in routes]
    assert worst(check(path)) is None
