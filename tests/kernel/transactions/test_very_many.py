"""Very many creations in one transaction: all or none, whatever they are, in little memory."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import Any

import pytest

from holdfast.errors import Conflict, InvalidValue, KernelError, NotFound
from holdfast.testing.netns import Namespace
from holdfast.transactions.commit import Commit
from holdfast.transactions.contract import Named, Request
from holdfast.transactions.creations import Creations, kept

from .stage import Stage, staged
from .states import difference, state_of

MANY = 400
BAD = {"dst": "10.255.255.0", "dst_len": 24, "gateway": "198.51.100.1"}


def prefix(first: int, number: int) -> dict[str, Any]:
    return {"dst": f"{first}.1.{number >> 8}.{number & 255}", "dst_len": 32}


def hop(host: int, weight: int) -> dict[str, Any]:
    return {"gateway": f"10.0.0.{host}", "weight": weight}


def scene(netns: Namespace) -> None:
    netns.veth("v0", "v1")
    netns.ip("addr add 10.0.0.1/24 dev v0")
    netns.ip("addr add 2001:db8::1/64 dev v0 nodad")
    netns.ip("link add x0 up type vxlan id 7 dstport 4789 local 10.0.0.1")
    netns.ip("route add 10.0.7.0/24 via 10.0.0.7 proto static")


def of_every_kind(stage: Stage) -> list[Request]:
    """In an order in which the kernel would refuse half of them."""
    v0, x0 = stage.index("v0"), stage.index("x0")
    found: list[Request] = []
    for at in range(MANY):
        lladdr = f"02:00:00:00:{at >> 8:02x}:{at & 255:02x}"
        found += [
            stage.new("routes", **prefix(20, at), gateway="10.50.0.2"),  # is reached by the last one
            stage.new("routes", **prefix(21, at), nh_id=900),
            stage.new("routes", **prefix(22, at), multipath=[hop(2, 1), hop(3, 1 + at % 9)]),
            stage.new("routes", **prefix(23, at), gateway="10.0.0.2", metrics={"mtu": 1300 + at % 100}),
            stage.new("routes", dst=f"2001:db8:1:{at + 1:x}::", dst_len=64, gateway="2001:db8::2", oif=v0),
            stage.new("neighbours", dst=f"10.0.0.{at % 100 + 100}", ifindex=v0, **({"lladdr": lladdr} if at < 100 else {"proxy": 1}))
            if at < 200 else stage.new("rules", priority=1000 + at, src=f"10.3.0.{at & 255}", src_len=32, table_id=100),
            stage.new("fdb", lladdr=lladdr, ifindex=x0, dst="10.0.0.9"),
            stage.new("nexthops", id=1000 + at, gateway="10.0.0.4", oif=v0),
        ]  # fmt: skip
    found += [
        stage.new("nexthops", id=900, group_members=[{"id": 1000, "weight": 1}, {"id": 1001, "weight": 1}]),
        stage.new("routes", dst="10.50.0.0", dst_len=24, oif=v0),
    ]
    return found


async def test_of_every_kind_all_are_made_and_taken_back_or_none() -> None:
    with Namespace("tx") as netns:
        scene(netns)
        async with staged(netns) as stage:
            before = state_of(netns)
            requests = of_every_kind(stage)
            assert isinstance(kept(requests), Creations)
            outcome = await stage.commit(*requests)
            assert outcome.sent == len(requests) and outcome.rows == ()
            there = {one["dst"]: one for one in netns.ip_json("-d route show proto static")}
            for first in (20, 21, 22, 23):
                assert sum(dst.startswith(f"{first}.1.") for dst in there) == MANY
            assert there["21.1.0.7"]["nhid"] == 900 and len(there["22.1.0.7"]["nexthops"]) == 2
            assert there["23.1.0.7"]["metrics"] == [{"mtu": 1307}]
            assert len(netns.ip_json("nexthop show")) == MANY + 1
            counts = {name: len(stage.rows(name)) for name in ("routes", "fdb", "nexthops", "rules", "neighbours")}
            assert counts["nexthops"] == MANY + 1 and counts["rules"] >= 200 and counts["neighbours"] >= 200
            assert outcome.undo[0].table.name == "rules"
            await stage.commit(*outcome.undo, timeout_s=60)
            assert not difference(before, state_of(netns))
            with pytest.raises(KernelError) as caught:
                await stage.commit(*requests, stage.new("routes", **BAD), timeout_s=60)
            assert caught.value.details["index"] == len(requests) and not caught.value.details["not_undone"]
            assert not difference(before, state_of(netns))


@pytest.mark.parametrize("waiting", [200_000, 5_000], ids="{}-wait".format)
async def test_others_may_come_between_and_nobody_may_take_one_away(waiting: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holdfast.transactions.commit._WAITING_MOST", waiting)
    in_parts, all_told = Commit._in_parts, threading.Event()

    def and_wait(self: Commit, many: Creations) -> None:
        """Progress is told on the loop, and may be late: what it does here is to be done before the last look."""
        in_parts(self, many)
        assert all_told.wait(20)
        self._seeing.drain()

    monkeypatch.setattr(Commit, "_in_parts", and_wait)
    with Namespace("tx") as netns:
        scene(netns)
        async with staged(netns) as stage:
            requests = [stage.new("routes", **prefix(20, at), gateway="10.0.0.2") for at in range(12_000)]
            foreign = [f"route add 30.1.{at >> 8}.{at & 255} via 10.0.0.2" for at in range(1500)]
            told: list[int] = []

            def meanwhile(done: int, of: int) -> None:
                if not told:
                    netns.batch(foreign)
                if done == of and taken:
                    netns.ip("route del 20.1.7.7/32")
                told.append(done)
                if done == of:
                    all_told.set()

            taken = False
            outcome = await stage.commit(*requests, timeout_s=60, progress=meanwhile)
            assert len(told) > 2 and outcome.sent == 12_000
            await stage.commit(*outcome.undo, timeout_s=60)
            before, taken, told = state_of(netns), True, []
            all_told.clear()
            foreign = ["route replace 30.1.0.0 via 10.0.0.3"]
            with pytest.raises(Conflict, match=r"20\.1\.7\.7/32 via 10\.0\.0\.2 is not as asked after it: it is not there") as caught:
                await stage.commit(*requests, timeout_s=60, progress=meanwhile)
            assert caught.value.details["index"] == 7 * 256 + 7 and not caught.value.details["not_undone"]
            [gone, new] = difference(before, state_of(netns))
            assert "30.1.0.0" in gone and "10.0.0.3" in new, "what others made stays, and nothing else"


async def test_what_came_back_after_the_undo_is_found_and_removed() -> None:
    """Somebody makes again what was undone: what is left of it is looked for in the tables, not in what was sent."""
    with Namespace("tx") as netns:
        scene(netns)
        async with staged(netns) as stage:
            before = state_of(netns)
            requests = [stage.new("routes", **prefix(20, at), gateway="10.0.0.2") for at in range(5_000)]
            drain, rounds = stage.mirror.hand(stage.target).__class__.caught_up, []

            def caught_up(hand: Any, timeout_s: float) -> None:
                if not rounds:
                    netns.ip("route add 20.1.0.9/32 via 10.0.0.2 proto static")
                rounds.append(timeout_s)
                drain(hand, timeout_s)

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("holdfast.mirror.hand.Hand.caught_up", caught_up)
                with pytest.raises(KernelError) as caught:
                    await stage.commit(*requests, stage.new("routes", **BAD), timeout_s=60)
            assert len(rounds) == 2 and not caught.value.details["not_undone"]
            assert not difference(before, state_of(netns))


async def test_of_very_many_that_go_one_that_somebody_makes_again_is_told() -> None:
    """Who removes them looks at all of the table at once afterwards."""
    with Namespace("tx") as netns:
        scene(netns)
        async with staged(netns) as stage:
            await stage.commit(*[stage.new("routes", **prefix(20, at), gateway="10.0.0.2") for at in range(3_000)], timeout_s=60)
            rows = [row for row in stage.rows("routes") if row["dst"].startswith("20.1.")]
            going = [stage.gone("routes", **row) for row in rows]
            before = state_of(netns)

            def meanwhile(done: int, of: int) -> None:
                if done == of and again:
                    netns.ip(f"route add {rows[2000]['dst']}/32 via 10.0.0.2 proto static")

            again = True
            with pytest.raises(Conflict, match=r"20\.1\..* is not as asked after it: it is still there") as caught:
                await stage.commit(*going, timeout_s=60, progress=meanwhile)
            assert caught.value.details["index"] == 2000 and not caught.value.details["not_undone"]
            assert not difference(before, state_of(netns))
            again = False
            outcome = await stage.commit(*going, timeout_s=60, progress=meanwhile)
            assert not [row for row in stage.rows("routes") if row["dst"].startswith("20.1.")]
            assert outcome.sent == 3_000
            await stage.commit(*outcome.undo, timeout_s=60)
            assert not difference(before, state_of(netns))


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"dst": "20.1.300.1", "dst_len": 32, "gateway": "10.0.0.2"}, InvalidValue),
        ({"dst": "20.2.0.0", "dst_len": 16, "gateway": "10.0.0.2", "oif": Named("nowhere")}, NotFound),
        ({"dst": "20.1.7.7", "dst_len": 32, "gateway": "10.0.0.3"}, KernelError),  # is there since a moment ago
    ],
    ids=["no address", "no interface", "there already"],
)
async def test_among_very_many_that_are_alike_the_wrong_one_is_named(wrong: dict[str, Any], error: type[Exception]) -> None:
    with Namespace("tx") as netns:
        scene(netns)
        async with staged(netns) as stage:
            before = state_of(netns)
            requests = [stage.new("routes", **prefix(20, at), gateway="10.0.0.2") for at in range(5_000)]
            requests[4_500] = stage.new("routes", **wrong)
            with pytest.raises(error) as caught:
                await stage.commit(*requests, timeout_s=60)
            details = caught.value.details  # type: ignore[attr-defined]
            assert details["index"] == 4_500
            assert not details["not_undone"]
            assert not difference(before, state_of(netns))


async def test_what_others_took_away_or_changed_is_no_failure_of_the_undo() -> None:
    with Namespace("tx") as netns:
        scene(netns)
        async with staged(netns) as stage:
            requests = [stage.new("routes", **prefix(20, at), gateway="10.0.0.2") for at in range(5_000)]
            before = state_of(netns)

            def meanwhile(done: int, of: int) -> None:
                if done > 4_500:
                    netns.batch(["route del 20.1.7.7/32", "route replace 20.1.8.8/32 via 10.0.0.3"])

            with pytest.raises(KernelError) as caught:
                await stage.commit(*requests, stage.new("routes", **BAD), timeout_s=60, progress=meanwhile)
            assert not caught.value.details["not_undone"]
            [new] = difference(before, state_of(netns))
            assert "20.1.8.8" in new
            assert "10.0.0.3" in new, "what somebody else made of it"


def test_one_that_is_no_plain_creation_makes_them_a_list() -> None:
    stage = Stage(None, None, Namespace("unused"))  # type: ignore[arg-type]
    plain = [stage.new("routes", **prefix(20, at)) for at in range(1500)]
    assert isinstance(kept(plain), Creations) and list(kept(plain)) == plain and kept(plain)[1400:] == plain[1400:]
    ensured = stage.new("routes", **prefix(20, 0), ensure=True)
    for other in (stage.gone("routes", **prefix(20, 0)), ensured, stage.new("addresses", ifindex=1)):
        for at in (0, 700, 1500):
            mixed = [*plain[:at], other, *plain[at:]]
            assert kept(iter(mixed)) == mixed
    assert kept(plain[:1000]) == plain[:1000] and kept([]) == []


_GROWTH = """
import resource, sys
from holdfast import NDB
count = int(sys.argv[2])
with NDB(sources=[{"target": "localhost", "kind": "netns", "netns": sys.argv[1]}]) as ndb:
    specs = lambda: ({"dst": f"20.{i >> 16}.{i >> 8 & 255}.{i & 255}/32", "gateway": "10.0.0.2"} for i in range(count))
    ndb.routes.create_many(specs(), table=100)
    try:
        ndb.routes.create_many([*specs(), {"dst": "10.255.255.0/24", "gateway": "198.51.100.1"}], table=101)
    except Exception as refused:
        assert refused.details["undone"] == count and not refused.details["not_undone"], refused
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_memory_does_not_grow_by_what_is_made_of_the_requests_on_the_way() -> None:
    with Namespace("tx") as netns:
        scene(netns)
        peaks = []
        for count in (5_000, 45_000):
            done = subprocess.run([sys.executable, "-c", _GROWTH, netns.name, str(count)], capture_output=True, text=True, check=True)
            peaks.append(int(done.stdout))
            netns.ip("route flush table 100")
        assert (peaks[1] - peaks[0]) * 1024 / 40_000 < 1500, peaks
