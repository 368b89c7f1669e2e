"""Always: after a transaction the new state is exactly there, or, when something was refused, or taken back, the old one."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast.errors import HoldfastError
from holdfast.model import TABLES
from holdfast.testing.netns import Namespace
from holdfast.transactions.contract import Change, Named, Request
from holdfast.transactions.present import Present
from holdfast.transactions.text import described

from .asked import not_as_asked
from .stage import Stage, staged
from .states import difference, state_of

Kind = Callable[["Stage", random.Random], "Dice"]
LINKS = ("a0", "b0", "m0", "br0", "v0", "v1")


class Dice:
    """Draws requests that may or may not be possible; the kernel says which."""

    def __init__(self, stage: Stage, rng: random.Random) -> None:
        self.stage = stage
        self.rng = rng

    def requests(self) -> list[Request]:
        drawn = []
        for _ in range(self.rng.randint(1, 4)):
            drawn += self.rng.choice(self._makers())()
        return drawn

    def poisons(self) -> list[Request]:
        """Requests that the kernel refuses, each in another phase."""
        return [
            self.stage.new("rules", priority=999, goto=50),  # backwards
            self.stage.new("routes", dst="10.99.0.0", dst_len=24, gateway="198.51.100.1", table_id=77),
            self.stage.new("addresses", ifindex=999, local="10.98.0.1", prefixlen=24),
            self.stage.new("neighbours", ifindex=999, dst="10.98.0.1", lladdr="02:00:00:00:00:01"),
            self.stage.new("nexthops", id=77, gateway="198.51.100.1", oif=999),
        ]

    def _makers(self) -> list[Callable[[], list[Request]]]:
        return [self.new_link, self.new_address, self.new_address, self.new_route, self.new_route, self.new_rule, self.new_neighbour,
                self.new_nexthop, self.change_link, self.change_link, self.change_route, self.gone, self.gone, self.gone]  # fmt: skip

    def new_link(self) -> list[Request]:
        name = self.rng.choice(LINKS[:4])
        if name == "m0":
            return [self.stage.new("interfaces", ifname=name, kind="macvlan", link=Named("v0"), state="up")]
        kind = "bridge" if name == "br0" else "ifb"
        return [self.stage.new("interfaces", ifname=name, kind=kind, state=self.rng.choice(["up", "down"]))]

    def new_address(self) -> list[Request]:
        n = self.rng.randint(0, 3)
        if self.rng.random() < 0.3:
            return [self.stage.new("addresses", ifindex=self.name(), local=f"2001:db8::{n + 1}", prefixlen=64, flags=2)]
        return [self.stage.new("addresses", ifindex=self.name(), local=f"10.{n}.0.{self.rng.randint(1, 3)}", prefixlen=24)]

    def new_route(self) -> list[Request]:
        n = self.rng.randint(0, 3)
        way: dict[str, Any] = self.rng.choice(
            [{"gateway": f"10.{n}.0.9"}, {"oif": self.name()}, {"type": 6}, {"nh_id": self.rng.randint(1, 3)},
             {"multipath": [{"gateway": f"10.{n}.0.8"}, {"gateway": f"10.{n}.0.9"}]},
             {"gateway": f"10.{n}.0.9", "metrics": {"mtu": 1300}, "table_id": 100}]
        )  # fmt: skip
        return [self.stage.new("routes", dst=f"10.9.{self.rng.randint(0, 3)}.0", dst_len=24, **way)]

    def new_rule(self) -> list[Request]:
        return [self.stage.new("rules", priority=self.rng.randint(100, 103), src="10.3.0.0", src_len=16, table_id=100)]

    def new_neighbour(self) -> list[Request]:
        n = self.rng.randint(1, 3)
        return [self.stage.new("neighbours", ifindex=self.name(), dst=f"10.0.0.{n + 100}", lladdr=f"02:00:00:00:00:0{n}")]

    def new_nexthop(self) -> list[Request]:
        number = self.rng.randint(1, 3)
        if number == 3:
            return [self.stage.new("nexthops", id=3, group_members=[{"id": 1, "weight": 1}, {"id": 2, "weight": 2}])]
        gateway, oif = f"10.{self.rng.randint(0, 3)}.0.7", self.name()
        ports = "master IN (SELECT ifindex FROM interfaces WHERE ifname = 'br0')"
        if oif.ifname == "br0" and not self._rows("interfaces", ports):  # what no undo brings back: docs/design/transactions.md
            oif = Named("v0")
        return [self.stage.new("nexthops", id=number, gateway=gateway, oif=oif)]

    def change_link(self) -> list[Request]:
        row = self._some("interfaces")
        if row is None or row["ifname"] == "lo":
            return []
        fields: dict[str, Any] = self.rng.choice(
            [{"state": "down"}, {"state": "up"}, {"mtu": self.rng.choice([1400, 1500])}, {"master": Named("br0")}, {"master": None},
             {"ifalias": f"alias {self.rng.randint(0, 9)}"}, {"address": f"02:00:00:00:01:0{self.rng.randint(0, 9)}"},
             {"altnames": [f"alt{self.rng.randint(0, 2)}"]}]
        )  # fmt: skip
        return [self.stage.change("interfaces", row, **fields)]

    def change_route(self) -> list[Request]:
        row = self._some("routes", "proto = 4")
        if row is None or row["nh_id"] or row["multipath"]:
            return []
        fields: dict[str, Any] = self.rng.choice([{"priority": self.rng.randint(1, 4)}, {"prefsrc": None}, {"gateway": "10.0.0.77"}])
        return [self.stage.change("routes", row, **fields)]

    def gone(self) -> list[Request]:
        table = self.rng.choice(["interfaces", "addresses", "routes", "rules", "neighbours", "nexthops"])
        conditions = {"routes": "proto = 4", "rules": "priority BETWEEN 1 AND 32765", "neighbours": "fixed",
                      "interfaces": "ifname <> 'lo'", "addresses": "ifindex <> 1"}  # fmt: skip
        row = self._some(table, conditions.get(table, "true"))
        return [] if row is None else [self.stage.gone(table, **row)]

    def _some(self, table: str, condition: str = "true") -> dict[str, Any] | None:
        rows = self._rows(table, condition)
        return self.rng.choice(rows) if rows else None

    def _rows(self, table: str, condition: str) -> list[dict[str, Any]]:
        return Present(self.stage.mirror.database.fetch).rows(TABLES[table], self.stage.target, condition)

    def names(self) -> dict[int, str]:
        return {row["ifindex"]: row["ifname"] for row in self._rows("interfaces", "true")}

    def name(self) -> Named:
        return Named(self.rng.choice(("v0", "v0", "v1", "br0", "a0")))


class WideDice(Dice):
    """Draws more kinds of requests. (Stories that are told by a number need the dice that they were found with.)"""

    def _makers(self) -> list[Callable[[], list[Request]]]:
        return [*super()._makers(), self.change_nexthop, self.change_neighbour, self.change_address, self.new_entry, self.rename,
                self.change_rule, self.led_elsewhere]  # fmt: skip

    def change_nexthop(self) -> list[Request]:
        row = self._some("nexthops", "group_members IS NULL")
        if row is None:
            return []
        gateway = f"10.{self.rng.randint(0, 3)}.0.{self.rng.randint(6, 9)}"
        fields: dict[str, Any] = self.rng.choice([{"gateway": gateway}, {"blackhole": 1}, {"gateway": gateway, "oif": Named("v0")}])
        return [self.stage.change("nexthops", row, **fields)]

    def change_neighbour(self) -> list[Request]:
        row = self._some("neighbours", "fixed")
        return [] if row is None else [self.stage.change("neighbours", row, lladdr=f"02:00:00:00:00:1{self.rng.randint(0, 9)}")]

    def change_address(self) -> list[Request]:
        row = self._some("addresses", "family = 2 AND ifindex <> 1")
        return [] if row is None else [self.stage.change("addresses", row, prefixlen=self.rng.choice([24, 25]))]

    def change_rule(self) -> list[Request]:
        row = self._some("rules", "priority BETWEEN 1 AND 32765")
        return [] if row is None else [self.stage.change("rules", row, table_id=self.rng.choice([100, 101]))]

    def new_entry(self) -> list[Request]:
        port = self._some("interfaces", "master IN (SELECT ifindex FROM interfaces WHERE ifname = 'br0')")
        if port is None:
            return []
        lladdr = f"02:00:00:00:02:0{self.rng.randint(0, 5)}"
        return [self.stage.new("fdb", ifindex=port["ifindex"], master=port["master"], lladdr=lladdr, state=0x40)]

    def rename(self) -> list[Request]:
        row = self._some("interfaces", "ifname IN ('a0', 'b0')")
        return [] if row is None else [self.stage.change("interfaces", row, ifname=self.rng.choice(["a0", "b0"]))]

    def led_elsewhere(self) -> list[Request]:
        """A route gets another way, and what it left goes."""
        row = self._some("routes", "proto = 4 AND oif IS NOT NULL AND nh_id IS NULL AND multipath IS NULL")
        if row is None:
            return []
        link = self.stage.row("interfaces", ifindex=row["oif"])
        leaving = self.rng.choice([self.stage.gone("interfaces", **link), self.stage.change("interfaces", link, state="down")])
        requests = [self.stage.change("routes", row, oif=self.name(), gateway=None), leaving]
        return requests if self.rng.random() < 0.7 else requests[::-1]


def shown(request: Request) -> str:
    extra = f" {dict(request.fields)}" if isinstance(request, Change) else ""
    return f"{type(request).__name__} {described(request.table, request.row)}{extra}"


@contextlib.asynccontextmanager
async def _scene(dice: Callable[[Stage], Dice]) -> AsyncIterator[tuple[Namespace, Stage, Dice]]:
    with Namespace("any") as netns:
        netns.veth("v0", "v1")
        netns.ip("addr add 10.0.0.1/24 dev v0")
        async with staged(netns) as stage:
            yield netns, stage, dice(stage)


async def _story(seed: int, steps: int, dice_of: Kind = WideDice) -> list[str]:
    rng = random.Random(seed)
    told: list[str] = []
    async with _scene(lambda stage: dice_of(stage, rng)) as (netns, stage, dice):
        for _ in range(steps):
            requests = dice.requests()
            poisoned = rng.random() < 0.4
            if poisoned:
                requests.append(rng.choice(dice.poisons()))
            before, names = await asyncio.to_thread(state_of, netns), dice.names()
            failure: HoldfastError | None = None
            try:
                await stage.commit(*requests, timeout_s=10)
            except HoldfastError as why:
                failure = why
            after = await asyncio.to_thread(state_of, netns)
            told.append(f"{len(requests)} done" if failure is None else f"{type(failure).__name__}: {failure}")
            if failure is None:
                assert not poisoned, f"seed {seed}: what is impossible was taken: {requests}"
                wrong = not_as_asked(requests, names, before, after)
                assert not wrong, f"seed {seed}: {wrong}: {list(map(shown, requests))}"
            else:
                assert not failure.details.get("not_undone"), f"seed {seed}: {failure}: {list(map(shown, requests))}"
                different = difference(before, after)
                assert not different, f"seed {seed}: {different}: {failure}: {list(map(shown, requests))}"
        await stage.mirror.settled(timeout_s=10)
        status = stage.mirror.status(stage.target)
        assert status.counters.resyncs == status.counters.failures == 0
    return told


async def _there_and_back(seed: int, steps: int, dice_of: Kind = WideDice) -> int:
    """What is done is taken back; how often."""
    rng = random.Random(seed)
    count = 0
    async with _scene(lambda stage: dice_of(stage, rng)) as (netns, stage, dice):
        for _ in range(steps):
            requests = dice.requests()
            before = await asyncio.to_thread(state_of, netns)
            try:
                outcome = await stage.commit(*requests, timeout_s=10, force=rng.random() < 0.3)
            except HoldfastError:
                continue
            if rng.random() < 0.5:  # it stays, so that there is something
                continue
            asked = f"seed {seed}: {list(map(shown, requests))}, undo {list(map(shown, outcome.undo))}"
            try:
                await stage.commit(*outcome.undo, timeout_s=10, force=True)
            except HoldfastError as failure:
                raise AssertionError(f"{failure}: {asked}") from failure
            different = difference(before, await asyncio.to_thread(state_of, netns))
            assert not different, f"{different}: {asked}"
            count += 1
    return count


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 1 << 32))
def test_refused_transactions_leave_nothing(seed: int) -> None:
    asyncio.run(_story(seed, 8))


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 1 << 32))
def test_what_is_done_can_be_taken_back(seed: int) -> None:
    asyncio.run(_there_and_back(seed, 8))


@pytest.mark.parametrize("seed", [1025, 733849781, 1398947219, 10320])
def test_stories_that_once_failed(seed: int) -> None:
    asyncio.run(_story(seed, 20, Dice))


@pytest.mark.parametrize("seed", [1784028610, 575551473, 1677379559, 2438998702, 2156678680, 27609])
def test_wider_stories_that_once_failed(seed: int) -> None:
    asyncio.run(_story(seed, 20))


@pytest.mark.parametrize("seed", [2235181468, 937681371])
def test_wider_undos_that_once_failed(seed: int) -> None:
    assert asyncio.run(_there_and_back(seed, 20))


@pytest.mark.parametrize("seed", [1367344459, 945547989, 2372693])
def test_undos_that_once_failed(seed: int) -> None:
    assert asyncio.run(_there_and_back(seed, 20, Dice))


@pytest.mark.long
@settings(max_examples=70, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 1 << 32))
def test_refused_transactions_leave_nothing_for_long(seed: int) -> None:
    asyncio.run(_story(seed, 20))


@pytest.mark.long
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 1 << 32))
def test_what_is_done_can_be_taken_back_for_long(seed: int) -> None:
    asyncio.run(_there_and_back(seed, 20))
