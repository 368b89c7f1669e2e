"""A program is killed (SIGKILL) in the middle of a transaction: the next start says what was half done, and can undo it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from holdfast.errors import NotSupported
from holdfast.node import Node
from holdfast.testing.netns import Namespace
from holdfast.transactions.contract import Named
from tests.kernel.transactions.stage import Stage, staged
from tests.kernel.transactions.states import difference, state_of

pytestmark = [pytest.mark.kernel, pytest.mark.timeout(120)]

CHILD = """
import asyncio, sys
from tests.fault.test_transaction_killed import die
asyncio.run(die(sys.argv[1], sys.argv[2], sys.argv[3]))
"""


def requests(stage: Stage, story: str) -> list[Any]:
    routes = [stage.new("routes", dst=f"10.{i >> 8 & 255}.{i & 255}.0", dst_len=24, gateway="192.168.7.2") for i in range(3000)]
    if story == "made":
        return [
            stage.new("interfaces", ifname="w0", kind="veth", peer={"ifname": "w1"}, state="up"),
            stage.new("addresses", ifindex=Named("w0"), local="192.168.7.1", prefixlen=24),
            *routes,
        ]
    v0 = stage.row("interfaces", ifname="v0")
    route = stage.row("routes", dst="10.99.0.0")
    return [
        stage.change("interfaces", v0, mtu=1400, ifalias="changed"),
        stage.change("routes", route, gateway="192.168.0.3"),
        stage.gone("interfaces", **stage.row("interfaces", ifname="br0")),
        stage.new("addresses", ifindex=Named("v0"), local="192.168.7.1", prefixlen=24),
        *routes,
    ]


async def die(path: str, netns: str, story: str) -> None:
    """Runs in a child: it kills itself when the kernel has acknowledged a part."""
    place = Namespace()
    place.name, place.path = netns, f"/run/netns/{netns}"

    async with staged(place, path=path) as stage:
        def progress(done: int, of: int) -> None:
            if done > 500:
                os.kill(os.getpid(), signal.SIGKILL)

        await stage.commit(*requests(stage, story), author="ada", message="half", progress=progress)


@pytest.mark.parametrize("story", ["made", "changed"])
async def test_what_was_half_done_is_told_and_undone(story: str, tmp_path: Path) -> None:
    path = str(tmp_path / "holdfast.db")
    with Namespace("killed") as netns:
        netns.veth("v0", "v1")
        netns.ip("addr add 192.168.0.1/24 dev v0")
        netns.ip("route add 10.99.0.0/24 via 192.168.0.2")
        netns.ip("link add br0 type bridge")
        netns.ip("link set v1 master br0")
        netns.ip("link set br0 up")
        netns.ip("addr add 192.168.9.1/24 dev br0")
        before = state_of(netns)
        child = await asyncio.create_subprocess_exec(sys.executable, "-c", CHILD, path, netns.name, story)
        assert await child.wait() == -signal.SIGKILL
        half = state_of(netns)
        assert half != before
        async with staged(netns, path=path) as stage:
            [one] = await asyncio.to_thread(stage.engine.unfinished)
            assert (one.author, one.message, one.same_boot) == ("ada", "half", True)
            assert one.requests == (3002 if story == "made" else 3004)
            assert any("w0" in words or "v0" in words for words in one.told)
            assert state_of(netns)["routes"] == half["routes"], "nothing is done by itself"
            await stage.engine.take_back(one)
            assert await asyncio.to_thread(stage.engine.unfinished) == []
            assert difference(before, state_of(netns)) == []


async def test_a_node_tells_it_when_it_starts(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = str(tmp_path / "holdfast.db")
    with Namespace("killed") as netns:
        child = await asyncio.create_subprocess_exec(sys.executable, "-c", CHILD, path, netns.name, "made")
        assert await child.wait() == -signal.SIGKILL
        async with Node(path, [{"target": netns.name, "kind": "netns", "netns": netns.path}]):
            pass
        assert "was left half done, it can be taken back: interface w0, address 192.168.7.1/24 dev w0, route 10.0.0.0/24" in caplog.text


async def test_what_was_before_the_last_boot_is_only_told(tmp_path: Path) -> None:
    path = str(tmp_path / "holdfast.db")
    with Namespace("killed") as netns:
        child = await asyncio.create_subprocess_exec(sys.executable, "-c", CHILD, path, netns.name, "made")
        assert await child.wait() == -signal.SIGKILL
        async with staged(netns, path=path) as stage:
            stage.mirror.database.boot_id = "another"
            [one] = await asyncio.to_thread(stage.engine.unfinished)
            assert not one.same_boot
            with pytest.raises(NotSupported, match="before the last boot"):
                await stage.engine.take_back(one)
            await stage.engine.forget(one)
            assert await asyncio.to_thread(stage.engine.unfinished) == []
