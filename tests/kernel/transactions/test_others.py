"""Others change things, too: before a commit, during it, and from another process. Nobody's change is lost unnoticed."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from holdfast.errors import Bug, Conflict, Denied, HoldfastError, KernelError, NotFound, NotSupported, Timeout
from holdfast.netlink.ack import Ack
from holdfast.netlink.requests import RequestSocket
from holdfast.sources.kinds import make
from holdfast.testing.netns import Namespace, without_rights
from holdfast.transactions import deadline
from holdfast.transactions.commit import Commit
from holdfast.transactions.seeing import Seeing
from holdfast.transactions.sending import Sender

from .stage import Stage, staged
from .states import difference, state_of


@contextlib.asynccontextmanager
async def one_pair() -> Any:
    with Namespace("others") as netns:
        netns.veth("v0", "v1")
        netns.ip("addr add 10.0.0.1/24 dev v0")
        async with staged(netns) as stage:
            yield stage, netns


async def test_a_field_that_changed_since_it_was_loaded_is_a_conflict_unless_forced() -> None:
    async with one_pair() as (stage, netns):
        loaded = stage.row("interfaces", ifname="v0")
        netns.ip("link set v0 mtu 1400")
        with pytest.raises(Conflict, match="mtu was `1500` when it was loaded, and is `1400` now"):
            await stage.commit(stage.change("interfaces", loaded, mtu=1300))
        await stage.commit(stage.change("interfaces", loaded, ifalias="another field"))
        await stage.commit(stage.change("interfaces", loaded, mtu=1300), force=True)
        assert netns.ip_json("link show v0")[0]["mtu"] == 1300


async def test_a_route_that_got_another_way_since_it_was_loaded_is_in_conflict() -> None:
    async with one_pair() as (stage, netns):
        loaded = await stage.create("routes", dst="10.9.0.0", dst_len=24, gateway="10.0.0.2", proto=4)
        netns.ip("route replace 10.9.0.0/24 via 10.0.0.3 proto static")
        with pytest.raises(Conflict, match=r"gateway was `10\.0\.0\.2` when it was loaded, and is `10\.0\.0\.3` now"):
            await stage.commit(stage.change("routes", loaded, gateway="10.0.0.4"))
        with pytest.raises(Conflict, match=r"gateway was `10\.0\.0\.2`"):
            await stage.commit(stage.change("routes", loaded, metrics={"mtu": 1400}))
        row = stage.row("routes", dst="10.9.0.0")
        with pytest.raises(Conflict, match=r"gateway was `10\.0\.0\.3` when it was loaded, and is `10\.0\.0\.77` now"):
            await stage.commit(stage.change("routes", row, gateway="10.0.0.77"), stage.change("routes", row, priority=3))
        assert [one["gateway"] for one in netns.ip_json("route show proto static")] == ["10.0.0.3"]
        await stage.commit(stage.change("routes", loaded, gateway="10.0.0.4"), force=True)
        netns.ip("route append 10.9.0.0/24 via 10.0.0.5 proto static")
        with pytest.raises(NotFound, match="is not there any more"):  # there are two, and neither is it
            await stage.commit(stage.change("routes", loaded, gateway="10.0.0.6"))
        assert [one["gateway"] for one in netns.ip_json("route show proto static")] == ["10.0.0.4", "10.0.0.5"]


@pytest.mark.parametrize("more", [0, 1])
async def test_who_changes_it_between_the_undo_list_and_the_ack_wins(more: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the short way (one message), and on the long one."""
    async with one_pair() as (stage, netns):
        row = await stage.create("neighbours", ifindex=stage.index("v0"), dst="10.0.0.9", lladdr="02:00:00:00:00:01")
        send = Sender.send

        def late(self: Sender, phase: Any) -> None:
            if phase[0].table.name == "neighbours" and not self.lenient:
                netns.ip("neigh replace 10.0.0.9 dev v0 lladdr 02:00:00:00:00:77 nud permanent")
            send(self, phase)

        monkeypatch.setattr(Sender, "send", late)
        others = [stage.new("rules", priority=100 + n, table_id=500) for n in range(more)]
        with pytest.raises(Conflict, match="somebody else changed it"):
            await stage.commit(stage.change("neighbours", row, lladdr="02:00:00:00:00:02"), *others)
        assert netns.ip_json("neigh show 10.0.0.9")[0]["lladdr"] == "02:00:00:00:00:77"
        assert not netns.ip_json("rule show priority 100")


@pytest.mark.parametrize("verb", ["create", "change", "remove"])
@pytest.mark.parametrize("moment", ["before", "behind"])
@pytest.mark.parametrize(
    "other",
    [
        "route replace 10.9.0.0/24 via 10.0.0.77 proto static",
        "route append 10.9.0.0/24 via 10.0.0.78 proto static",
        "route prepend 10.9.0.0/24 via 10.0.0.79 proto static",
        "route del 10.9.0.0/24",
        "route add 10.8.0.0/24 via 10.0.0.77 proto static",
        "addr del 10.0.0.1/24 dev v0",
    ],
)
async def test_who_comes_around_the_only_message_is_seen(verb: str, moment: str, other: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever becomes of it, what the commit says is so, and the tables are as the kernel."""
    async with one_pair() as (stage, netns):
        netns.ip("link set v0 up")
        netns.ip("link set v1 up")
        asked = stage.new("routes", dst="10.9.0.0", dst_len=24, gateway="10.0.0.2", proto=4)
        request: Any = asked
        if verb != "create":
            row = (await stage.commit(asked)).rows[0]
            request = stage.change("routes", row, gateway="10.0.0.3") if verb == "change" else stage.gone("routes", **row)
        send = Sender.send

        def disturbed(self: Sender, phase: Any) -> None:
            if moment == "before" and not self.lenient:
                netns.ip(other, check=False)
            send(self, phase)
            if moment == "behind" and not self.lenient:
                netns.ip(other, check=False)

        with monkeypatch.context() as patch:
            patch.setattr(Sender, "send", disturbed)
            failure = None
            try:
                await stage.commit(request)
            except HoldfastError as error:
                failure = error
        await stage.mirror.settled(stage.target, timeout_s=10)
        there = sorted((one["dst"], one["gateway"]) for one in netns.ip_json("route show proto static"))
        assert sorted((f"{one['dst']}/24", one["gateway"]) for one in stage.rows("routes", proto=4)) == there
        wanted = {"create": "10.0.0.2", "change": "10.0.0.3", "remove": "10.0.0.2"}[verb]
        if failure is None:
            assert (("10.9.0.0/24", wanted) in there) == (verb != "remove"), there
        elif "addr del" not in other:
            assert isinstance(failure, Conflict | KernelError)
            assert ("10.9.0.0/24", wanted) not in there or verb == "remove", there
        if "10.8.0.0" in other or "append" in other:
            assert failure is None or (verb, moment) == ("create", "before")
        if verb == "change" and moment == "before" and (" replace " in other or "prepend" in other):  # theirs is what the kernel replaced
            assert isinstance(failure, Conflict)
            theirs = ["10.0.0.77"] if " replace " in other else ["10.0.0.2", "10.0.0.79"]
            assert there == [("10.9.0.0/24", gateway) for gateway in theirs]
        if verb == "change" and moment == "behind" and "prepend" in other:
            assert failure is None
            assert there == [("10.9.0.0/24", "10.0.0.3"), ("10.9.0.0/24", "10.0.0.79")]


async def test_commits_of_many_tasks_are_all_carried_out() -> None:
    async with one_pair() as (stage, netns):
        await asyncio.gather(*(stage.create("routes", dst=f"10.9.{n}.0", dst_len=24, gateway="10.0.0.2") for n in range(40)))
        assert len(netns.ip_json("route show proto static")) == 40


async def test_what_is_cancelled_leaves_nothing() -> None:
    async with one_pair() as (stage, netns):
        before = state_of(netns)
        begun = asyncio.Event()
        requests = [stage.new("routes", dst=f"10.{n >> 8}.{n & 255}.0", dst_len=24, gateway="10.0.0.2") for n in range(256, 6256)]
        work = asyncio.create_task(stage.commit(*requests, progress=lambda done, of: begun.set()))
        await begun.wait()
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        assert difference(before, state_of(netns)) == []


async def test_what_is_not_done_in_time_leaves_nothing() -> None:
    async with one_pair() as (stage, netns):
        before = state_of(netns)
        requests = [stage.new("routes", dst=f"10.{n >> 8}.{n & 255}.0", dst_len=24, gateway="10.0.0.2") for n in range(256, 6256)]
        with pytest.raises(Timeout, match=r"not done within 0.01 s"):
            await stage.commit(*requests, timeout_s=0.01)
        assert difference(before, state_of(netns)) == []


async def test_what_takes_back_is_not_bound_by_a_short_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each exchange takes a minute, by the clock that deadlines go by: longer than all of it was given."""
    exchange, now = RequestSocket.exchange, time.monotonic
    minutes = 0

    def slow(self: RequestSocket, messages: Sequence[bytes], timeout_s: float) -> list[tuple[int, Ack]]:
        nonlocal minutes
        minutes += 1
        return exchange(self, messages, timeout_s)

    async with one_pair() as (stage, netns):
        before = state_of(netns)
        requests = [stage.new("routes", dst=f"10.{n >> 8}.{n & 255}.0", dst_len=24, gateway="10.0.0.2") for n in range(256, 6256)]
        monkeypatch.setattr(RequestSocket, "exchange", slow)
        monkeypatch.setattr(deadline, "time", SimpleNamespace(monotonic=lambda: now() + 60 * minutes))
        with pytest.raises(Timeout) as refused:
            await stage.commit(*requests, timeout_s=40)
        assert minutes > 1 and refused.value.details["undone"] > 0 and not refused.value.details.get("not_undone")
        assert difference(before, state_of(netns)) == []


async def test_the_log_names_who_asked_and_what_came_of_it() -> None:
    async with one_pair() as (stage, _):
        outcome = await stage.commit(
            stage.new("interfaces", ifname="br0", kind="bridge"), author="ada", message="a bridge for the lab"
        )
        fetch = stage.mirror.database.fetch
        [(kind, author, message)] = fetch("SELECT kind, author, message FROM log WHERE revision = ?", (outcome.intent,))
        assert (kind, author, message) == ("intent", "ada", "a bridge for the lab")
        since = stage.row("interfaces", ifname="br0")
        assert since
        caused = fetch("SELECT count(*) FROM log WHERE kind = 'live' AND json_extract(details, '$.intent') = ?", (outcome.intent,))
        assert caused[0][0] >= 1
        [(result,)] = fetch("SELECT json_extract(details, '$.result') FROM log WHERE kind = 'result'")
        assert result == "done"


async def test_a_part_of_a_table_is_replaced_by_its_difference() -> None:
    async with one_pair() as (stage, netns):
        rows = [{"dst": f"10.9.{n}.0", "dst_len": 24, "gateway": "10.0.0.2"} for n in range(20)]
        part = {"table_id": 100}
        from holdfast.model import ROUTES

        first = await stage.engine.replace(stage.target, ROUTES, part, rows)
        assert first.sent == 20
        rows[3]["gateway"] = "10.0.0.3"
        second = await stage.engine.replace(stage.target, ROUTES, part, [*rows[1:], {"dst": "10.8.0.0", "dst_len": 24, "type": 6}])
        assert second.sent == 3
        found = {one["dst"]: one.get("gateway") for one in netns.ip_json("route show table 100")}
        assert len(found) == 20 and found["10.9.3.0/24"] == "10.0.0.3" and "10.9.0.0/24" not in found
        again = await stage.engine.replace(stage.target, ROUTES, part, [*rows[1:], {"dst": "10.8.0.0", "dst_len": 24, "type": 6}])
        assert again.sent == 0
        await stage.commit(*second.undo)
        assert {one["dst"] for one in netns.ip_json("route show table 100")} == {f"10.9.{n}.0/24" for n in range(20)}


def test_a_recording_cannot_be_changed(tmp_path: Any) -> None:
    source = make("old", "replay", file=str(tmp_path / "none"))
    with pytest.raises(NotSupported, match="can only be read"):
        source.requests()


def test_without_the_right_to_it_is_denied() -> None:
    code = """
import asyncio, sys
from holdfast.errors import Denied
from holdfast.model import TABLES
from holdfast.node import Node
from holdfast.transactions.contract import Create

async def main():
    async with Node(":memory:") as node:
        try:
            await node.transactions.commit([Create("localhost", TABLES["rules"], {"priority": 77, "table_id": 500})])
        except Denied as error:
            print(error)

asyncio.run(main())
"""
    with Namespace("denied") as netns:
        done = netns.run(without_rights([sys.executable, "-c", code]))
        assert "not allowed to change rule 77" in done.stdout and "CAP_NET_ADMIN" in done.stdout
        assert Denied


async def test_a_fault_of_ours_on_the_short_way_costs_no_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the job had taken from the socket is not written when it raises: everything is read again."""
    async with one_pair() as (stage, netns):
        def broken(self: Commit, place: Any) -> Any:
            raise ZeroDivisionError("a fault")

        netns.ip("route add 10.77.0.0/24 via 10.0.0.2")
        whole = Commit._planned_now
        monkeypatch.setattr(Commit, "_planned_now", broken)
        with pytest.raises(ZeroDivisionError):
            await stage.create("routes", dst="10.9.0.0", dst_len=24, gateway="10.0.0.2")
        monkeypatch.setattr(Commit, "_planned_now", whole)
        await stage.mirror.settled(timeout_s=10)
        assert stage.rows("routes", dst="10.77.0.0") and stage.mirror.status(stage.target).state == "running"
        await stage.create("routes", dst="10.9.0.0", dst_len=24, gateway="10.0.0.2")


async def test_a_fault_of_ours_on_the_long_way_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async with one_pair() as (stage, netns):
        before = state_of(netns)

        def broken(self: Seeing, *_: Any) -> Any:
            raise ZeroDivisionError("a fault")

        monkeypatch.setattr(Seeing, "read_back", broken)
        with pytest.raises(Bug, match="ZeroDivisionError"):
            await stage.commit(stage.new("rules", priority=100, table_id=500), stage.new("rules", priority=101, table_id=500))
        assert difference(before, state_of(netns)) == []


async def test_a_table_that_is_not_mirrored_is_not_changed() -> None:
    with Namespace("part") as netns:
        async with staged(netns) as stage:
            stage.mirror.add(make("part", "netns", netns=netns.path, tables=["interfaces"]))
            await stage.mirror.ready("part", 10)
            with pytest.raises(NotSupported, match="does not show rules; it shows interfaces"):
                await stage.commit(stage.new("rules", "part", priority=100, table_id=500))


# -- two processes -----------------------------------------------------------------------------------------------------

CHILD = """
import asyncio, sys
from tests.kernel.transactions.test_others import wander
asyncio.run(wander(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
"""


async def wander(name: str, seed: int, count: int) -> Counter[str]:
    """Random commits; every failure must be one of ours."""
    from .test_any_sequence import Dice

    netns = Namespace()
    netns.name, netns.path = name, f"/run/netns/{name}"
    rng = random.Random(seed)
    seen: Counter[str] = Counter()
    async with staged(netns) as stage:
        dice = Dice(stage, rng)
        for _ in range(count):
            try:
                await stage.commit(*dice.requests(), timeout_s=10)
                seen["done"] += 1
            except HoldfastError as failure:
                seen[type(failure).__name__] += 1
        await _agrees(stage, netns)
    print(dict(seen))
    return seen


async def _agrees(stage: Stage, netns: Namespace) -> None:
    """The mirror shows what iproute2 shows, once all is quiet."""
    for _ in range(40):
        await stage.mirror.settled(timeout_s=20)
        told = await asyncio.to_thread(_told, netns)
        shown = _shown(stage)
        if told == shown:
            return
        await asyncio.sleep(0.25)
    raise AssertionError({name: (told[name] ^ shown[name]) for name in told if told[name] != shown[name]})


def _told(netns: Namespace) -> dict[str, set[Any]]:
    routes = netns.ip_json("route show table main")
    return {
        "interfaces": {(one["ifname"], one["mtu"], "UP" in one["flags"]) for one in netns.ip_json("link show")},
        "addresses": {(one["ifname"], part["local"], part["prefixlen"]) for one in netns.ip_json("addr show") for part in one["addr_info"]},
        "routes": {(one["dst"], one.get("gateway"), one.get("metric", 0), one.get("nhid")) for one in routes},
        "rules": {one["priority"] for one in netns.ip_json("rule show")},
        "nexthops": {one["id"] for one in netns.ip_json("nexthop show")},
    }


def _shown(stage: Stage) -> dict[str, set[Any]]:
    fetch, target = stage.mirror.database.fetch, (stage.target,)
    prefix = "CASE dst WHEN 'default' THEN dst ELSE dst || iif(dst_len = 32, '', '/' || dst_len) END"
    nothing = "nh_id IS NULL"
    named = "SELECT i.ifname, local, prefixlen FROM addresses a JOIN interfaces i USING (target, ifindex) WHERE a.target = ?"
    return {
        "interfaces": {(n, m, s == "up") for n, m, s in fetch("SELECT ifname, mtu, state FROM interfaces WHERE target = ?", target)},
        "addresses": set(fetch(named, target)),
        "routes": set(fetch(f"SELECT {prefix}, iif({nothing}, gateway, NULL), priority, nh_id FROM routes"
                            " WHERE target = ? AND family = 2 AND table_id = 254", target)),
        "rules": {row[0] for row in fetch("SELECT priority FROM rules WHERE target = ? AND family = 2", target)},
        "nexthops": {row[0] for row in fetch("SELECT id FROM nexthops WHERE target = ?", target)},
    }  # fmt: skip


async def _two(count: int, rng: random.Random) -> None:
    with Namespace("two") as netns:
        netns.veth("v0", "v1")
        netns.ip("addr add 10.0.0.1/24 dev v0")
        command = [sys.executable, "-c", CHILD, netns.name, str(rng.randint(0, 1 << 30)), str(count)]
        child = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
        mine = await wander(netns.name, rng.randint(0, 1 << 30), count)
        out, err = await child.communicate()
        assert child.returncode == 0, err.decode()[-2000:]
        assert mine["done"] and b"done" in out
        assert not mine["Bug"]


async def test_two_processes_change_one_namespace(rng: random.Random) -> None:
    await _two(25, rng)


@pytest.mark.long
async def test_two_processes_make_a_thousand_commits_each(rng: random.Random) -> None:
    await _two(1000, rng)


async def test_a_refusal_of_the_kernel_names_the_request() -> None:
    async with one_pair() as (stage, _):
        bad = stage.new("nexthops", id=9, gateway="10.99.0.1", oif=stage.index("v0"))
        with pytest.raises(KernelError) as caught:
            await stage.commit(stage.new("rules", priority=7, table_id=9), bad)
        assert caught.value.details["index"] == 1
        assert caught.value.code == 101
