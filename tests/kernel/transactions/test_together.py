"""Do requests arrive in the kernel, and are they taken back whole?"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from holdfast.errors import KernelError
from holdfast.model import ROUTES
from holdfast.testing.netns import Namespace
from holdfast.transactions.contract import Named, Request
from holdfast.transactions.present import Present

from .stage import Stage, staged
from .states import difference, state_of


async def test_a_link_its_address_and_a_route_are_made_in_one_transaction_in_any_order() -> None:
    with Namespace("tx") as netns:
        async with staged(netns) as stage:
            outcome = await stage.commit(
                stage.new("routes", dst="10.9.0.0", dst_len=24, gateway="10.0.0.2"),
                stage.new("addresses", ifindex=Named("v0"), local="10.0.0.1", prefixlen=24),
                stage.new("interfaces", ifname="v0", kind="veth", peer={"ifname": "v1"}, state="up"),
            )
            assert [row is not None for row in outcome.rows] == [True, True, True]
            [route] = netns.ip_json("route show 10.9.0.0/24")
            assert (route["gateway"], route["dev"]) == ("10.0.0.2", "v0")
            assert netns.ip_json("addr show dev v0")[0]["addr_info"][0]["local"] == "10.0.0.1"

            await stage.commit(*outcome.undo)
            assert [one["ifname"] for one in netns.ip_json("link show")] == ["lo"]


async def test_a_refused_route_takes_the_link_and_the_address_back() -> None:
    with Namespace("tx") as netns:
        async with staged(netns) as stage:
            before = netns.ip("addr show")
            with pytest.raises(KernelError) as caught:
                await stage.commit(
                    stage.new("interfaces", ifname="br0", kind="bridge", state="up"),
                    stage.new("routes", dst="10.9.0.0", dst_len=24, gateway="198.51.100.1"),
                )
            assert caught.value.code == 101
            assert caught.value.hint.startswith("no interface that is up has an address in the gateway's network")
            assert caught.value.message == (
                "kernel refused route 10.9.0.0/24 via 198.51.100.1: ENETUNREACH (Nexthop has invalid gateway); 1 earlier change undone"
            )
            assert netns.ip("addr show") == before


async def test_what_no_way_leads_to_any_more_comes_back_too() -> None:
    """Of a route the gateway may no longer be reachable: the kernel keeps such a one, and takes no new one."""
    with Namespace("tx") as netns:
        netns.veth("v0", "v1")
        for command in (
            "addr add 10.1.0.1/24 dev v0", "addr add 10.0.0.1/24 dev v0", "addr add 2001:db8::1/64 dev v0 nodad",
            "nexthop add id 5 via 10.0.0.2 dev v0", "route add 10.7.0.0/24 nhid 5 proto static",
            "route add 10.8.0.0/24 proto static nexthop via 10.0.0.2 nexthop via 10.0.0.3 weight 3",
            "route add 10.9.0.0/24 via 10.0.0.2 proto static", "route add 2001:db8:9::/48 via 2001:db8::2 proto static",
            "addr del 10.0.0.1/24 dev v0", "addr del 2001:db8::1/64 dev v0",
        ):  # fmt: skip
            netns.ip(command)
        async with staged(netns) as stage:
            before = state_of(netns)
            rows = await asyncio.to_thread(Present(stage.mirror.database.fetch).rows, ROUTES, stage.target, "proto = 4")
            assert len(rows) == 4
            with pytest.raises(KernelError) as caught:
                await stage.commit(
                    *(stage.gone("routes", **row) for row in rows),
                    stage.gone("nexthops", id=5),
                    stage.new("interfaces", ifname="v0", kind="bridge"),
                )
            assert not caught.value.details.get("not_undone"), caught.value
            assert not difference(before, state_of(netns))


async def test_what_no_way_leads_to_any_more_can_be_changed_and_changed_back() -> None:
    with Namespace("tx") as netns:
        netns.veth("v0", "v1")
        for command in (
            "addr add 10.1.0.1/24 dev v0", "addr add 10.0.0.1/24 dev v0", "nexthop add id 5 via 10.0.0.2 dev v0",
            "route add 10.9.0.0/24 via 10.0.0.2 proto static", "addr del 10.0.0.1/24 dev v0",
        ):  # fmt: skip
            netns.ip(command)
        async with staged(netns) as stage:
            before = state_of(netns)
            route, nexthop = stage.row("routes", dst="10.9.0.0"), stage.row("nexthops", id=5)
            changes = [stage.change("routes", route, gateway="10.1.0.2"), stage.change("nexthops", nexthop, gateway="10.1.0.2")]
            there = await stage.commit(*changes)
            assert difference(before, state_of(netns))
            await stage.commit(*there.undo)
            assert not difference(before, state_of(netns))


async def test_what_was_removed_and_made_again_is_there_after_the_undo() -> None:
    with Namespace("tx") as netns:
        async with staged(netns) as stage:
            asked = {"src": "10.3.0.0", "src_len": 16, "table_id": 100}
            await stage.create("rules", priority=101, **asked)
            old = await stage.create("rules", priority=102, **asked)
            before = state_of(netns)
            with pytest.raises(KernelError) as caught:
                await stage.commit(
                    stage.new("rules", priority=102, **asked), stage.new("rules", priority=101, **asked), stage.gone("rules", **old)
                )
            assert not caught.value.details.get("not_undone"), caught.value
            assert not difference(before, state_of(netns))


@pytest.mark.parametrize("taken_back", ["refused", "afterwards"])
async def test_a_rule_that_a_later_stage_makes_again_is_there_after_the_undo(taken_back: str) -> None:
    with Namespace("tx") as netns:
        netns.veth("v0", "v1")
        async with staged(netns) as stage:
            old = await stage.create("rules", priority=103, src="10.3.0.0", src_len=16, table_id=100)
            link = stage.row("interfaces", ifname="v1")
            await _there_and_back(stage, netns, [
                stage.gone("rules", **old),
                stage.change("interfaces", link, ifalias="a"), stage.change("interfaces", link, mtu=1400),  # not in one stage
                stage.new("rules", priority=103, src="10.3.0.0", src_len=16, table_id=100),
            ], taken_back)  # fmt: skip


@pytest.mark.parametrize("taken_back", ["refused", "afterwards"])
async def test_a_route_that_is_changed_and_then_goes_with_its_interface_comes_back_as_it_was(taken_back: str) -> None:
    with Namespace("tx") as netns:
        netns.veth("v0", "v1")
        netns.ip("addr add 10.0.0.1/24 dev v0")
        async with staged(netns) as stage:
            route = await stage.create("routes", dst="10.9.1.0", dst_len=24, oif=Named("v0"))
            await _there_and_back(stage, netns, [
                stage.change("routes", route, gateway="10.0.0.77"),
                stage.change("interfaces", stage.row("interfaces", ifname="v0"), mtu=1400),
                stage.gone("interfaces", ifname="v0"),
            ], taken_back)  # fmt: skip


@pytest.mark.parametrize("taken_back", ["refused", "afterwards", ""])
@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("going", ["deleted", "down", "without address"])
async def test_what_is_led_elsewhere_does_not_go_with_what_it_left(going: str, order: int, taken_back: str) -> None:
    with Namespace("tx") as netns:
        netns.veth("v0", "w0")
        netns.veth("v1", "w1")
        for command in (
            "addr add 10.0.0.1/24 dev v0", "addr add 10.1.0.1/24 dev v1", "nexthop add id 5 via 10.0.0.2 dev v0",
            "nexthop add id 6 dev v1", "route add 10.7.0.0/24 nhid 5", "route add 10.8.0.0/24 metric 9 via 10.0.0.3",
            "route add 10.9.0.0/24 nexthop via 10.0.0.2 nexthop via 10.0.0.3",
            "neigh add 10.0.0.9 dev v0 lladdr 02:00:00:00:00:09",
        ):  # fmt: skip
            netns.ip(command)
        async with staged(netns) as stage:
            link = stage.row("interfaces", ifname="v0")
            leaving = {
                "deleted": stage.gone("interfaces", **link),
                "down": stage.change("interfaces", link, state="down"),
                "without address": stage.gone("addresses", **stage.row("addresses", local="10.0.0.1")),
            }[going]
            by_object, one_way, two_ways = (stage.row("routes", dst=f"10.{number}.0.0") for number in (7, 8, 9))
            requests = [
                stage.change("routes", by_object, nh_id=6), stage.change("routes", one_way, gateway="10.1.0.3"),
                stage.change("routes", two_ways, gateway="10.1.0.3"), leaving,
            ][::order]  # fmt: skip
            if taken_back:
                await _there_and_back(stage, netns, requests, taken_back)
                return
            await stage.commit(*requests)
            assert [one.get("nhid") for one in netns.ip_json("route show 10.7.0.0/24")] == [6]
            for prefix in ("10.8.0.0/24", "10.9.0.0/24"):
                assert [(one["gateway"], one["dev"]) for one in netns.ip_json(f"route show {prefix}")] == [("10.1.0.3", "v1")]


@pytest.mark.parametrize("taken_back", ["refused", "afterwards"])
@pytest.mark.parametrize("last", [{"gateway": "10.0.0.3"}, {"metrics": {"mtu": 1300}}, {"priority": 7}])
async def test_one_route_may_be_changed_several_times(last: dict[str, Any], taken_back: str) -> None:
    with Namespace("tx") as netns:
        netns.veth("v0", "v1")
        netns.ip("addr add 10.0.0.1/24 dev v0")
        async with staged(netns) as stage:
            route = await stage.create("routes", dst="10.9.1.0", dst_len=24, oif=Named("v0"))
            changes = [stage.change("routes", route, gateway="10.0.0.2"), stage.change("routes", route, metrics={"mtu": 1400})]
            await _there_and_back(stage, netns, [*changes, stage.change("routes", route, **last)], taken_back, force=True)


async def _there_and_back(stage: Stage, netns: Namespace, requests: list[Request], taken_back: str, **options: Any) -> None:
    before = state_of(netns)
    if taken_back == "refused":
        with pytest.raises(KernelError, match="Backward goto") as caught:
            await stage.commit(*requests, stage.new("rules", priority=999, goto=50), **options)
        assert not caught.value.details.get("not_undone"), caught.value
    else:
        outcome = await stage.commit(*requests, **options)
        assert difference(before, state_of(netns)) or len(requests) == 4, "something was done, or made again"
        await stage.commit(*outcome.undo, force=True)
    assert not difference(before, state_of(netns))


def flushed(netns: Namespace) -> bool:
    """Does one of the two nexthops go, as late as the carrier is noticed?"""
    for _ in range(100):
        if not {1, 2} <= {one["id"] for one in netns.ip_json("nexthop show")}:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize(
    ("ifname", "fields"), [("v1", {"state": "down"}), ("a0", {"state": "down"}), ("a0", {"master": None}), ("v1", None), ("a0", None)]
)
async def test_what_goes_with_the_carrier_of_another_interface_comes_back(ifname: str, fields: dict[str, Any] | None) -> None:
    """The kernel flushes nexthops without a carrier: at the other end of a veth, at a bridge without a port that has one."""
    with Namespace("tx") as netns:
        netns.veth("v0", "v1")
        netns.veth("a0", "a1")
        for command in (
            "addr add 10.0.0.1/24 dev v0", "link add br0 up type bridge", "link set a0 master br0", "addr add 10.1.0.1/24 dev br0",
            "nexthop add id 1 via 10.0.0.2 dev v0", "nexthop add id 2 via 10.1.0.2 dev br0", "nexthop add id 3 group 1/2",
            "route add 10.7.0.0/24 nhid 1 proto static", "route add 10.8.0.0/24 nhid 2 proto static",
            "route add 10.9.0.0/24 nhid 3 proto static",
        ):  # fmt: skip
            netns.ip(command)
        async with staged(netns) as stage:
            before = state_of(netns)
            row = stage.row("interfaces", ifname=ifname)
            change = stage.gone("interfaces", **row) if fields is None else stage.change("interfaces", row, **fields)
            outcome = await stage.commit(change)
            assert await asyncio.to_thread(flushed, netns), "the kernel keeps them: this test proves nothing"
            await stage.commit(*outcome.undo)
            assert not difference(before, state_of(netns))


async def test_what_stands_on_an_interface_gets_its_mtu_back() -> None:
    with Namespace("tx") as netns:
        netns.veth("v0", "v1")
        netns.ip("link add m0 link v0 up mtu 1450 type macvlan mode bridge")
        netns.ip("link add m1 link v0 mtu 1300 type macvlan mode bridge")
        async with staged(netns) as stage:
            before = state_of(netns)
            outcome = await stage.commit(stage.change("interfaces", stage.row("interfaces", ifname="v0"), mtu=1400))
            assert [one["mtu"] for name in ("m0", "m1") for one in netns.ip_json(f"link show {name}")] == [1400, 1300]
            await stage.commit(*outcome.undo)
            assert not difference(before, state_of(netns))


async def test_an_address_of_a_link_that_was_down_is_there_after_it_was_up_for_a_while() -> None:
    with Namespace("tx") as netns:
        netns.ip("link add v0 type veth peer name v1")
        netns.ip("addr add 2001:db8::3/64 dev v0 nodad")
        async with staged(netns) as stage:
            before = state_of(netns)
            outcome = await stage.commit(stage.change("interfaces", stage.row("interfaces", ifname="v0"), state="up"))
            await stage.commit(*outcome.undo)
            assert not difference(before, state_of(netns))


async def test_a_route_whose_new_way_the_kernel_completed_gets_its_old_one_back() -> None:
    with Namespace("tx") as netns:
        netns.veth("v0", "v1")
        for command in ("addr add 10.0.0.1/24 dev v0", "link add br0 up type bridge", "route add 10.9.0.0/24 dev br0 proto static"):
            netns.ip(command)
        async with staged(netns) as stage:
            before = state_of(netns)
            row = stage.row("routes", dst="10.9.0.0")
            outcome = await stage.commit(stage.change("routes", row, gateway="10.0.0.77"))
            [route] = netns.ip_json("route show 10.9.0.0/24")
            assert (route["dev"], route["gateway"]) == ("v0", "10.0.0.77")
            await stage.commit(*outcome.undo)
            assert not difference(before, state_of(netns))
            bad = stage.new("routes", dst="10.99.0.0", dst_len=24, gateway="198.51.100.1")
            with pytest.raises(KernelError):
                await stage.commit(stage.change("routes", row, gateway="10.0.0.77"), bad)
            assert not difference(before, state_of(netns))


@pytest.mark.parametrize("order", [1, -1])
async def test_routes_stay_where_the_new_address_comes_before_the_last_one_goes(order: int) -> None:
    """The kernel takes them along with an interface's last address, and tells nobody."""
    with Namespace("tx") as netns:
        netns.veth("v0", "v1")
        netns.ip("addr add 10.0.0.1/24 dev v0")
        netns.ip("route add 10.9.0.0/24 dev v0 proto static")
        async with staged(netns) as stage:
            old = stage.row("addresses", local="10.0.0.1")
            new = stage.new("addresses", ifindex=old["ifindex"], local="10.1.0.1", prefixlen=24)
            await stage.commit(*[new, stage.gone("addresses", **old)][::order])
            await stage.mirror.settled(timeout_s=10)
            there = netns.ip_json("route show proto static")
            assert [one["dst"] for one in there] == (["10.9.0.0/24"] if order == 1 else [])
            assert len(stage.rows("routes", proto=4)) == len(there)


async def test_a_secondary_address_stays_secondary() -> None:
    with Namespace("tx") as netns:
        netns.veth("v0", "v1")
        for command in ("addr add 10.0.0.1/24 dev v0", "addr add 10.0.0.2/24 dev v0", "addr add 10.1.0.1/24 dev v0"):
            netns.ip(command)
        async with staged(netns) as stage:
            before = state_of(netns)
            gone = stage.row("addresses", local="10.1.0.1"), stage.row("addresses", local="10.0.0.2")
            link = stage.gone("interfaces", **stage.row("interfaces", ifname="v1"))
            outcome = await stage.commit(link, *(stage.gone("addresses", missing_ok=True, **one) for one in gone))
            await stage.commit(*outcome.undo)
            assert not difference(before, state_of(netns))


async def test_what_goes_with_the_last_addresses_of_an_interface_together_comes_back() -> None:
    with Namespace("tx") as netns:
        netns.veth("v0", "v1")
        for command in (
            "addr add 10.0.0.1/24 dev v0", "addr add 10.1.0.1/24 dev v0", "route add 10.9.0.0/24 dev v0 proto static",
            "neigh add 10.0.0.9 lladdr 02:00:00:00:00:09 dev v0", "neigh add 10.0.0.9 lladdr 02:00:00:00:00:09 dev v1",
        ):  # fmt: skip
            netns.ip(command)
        async with staged(netns) as stage:
            before = state_of(netns)
            bad = stage.new("routes", dst="10.99.0.0", dst_len=24, gateway="198.51.100.1")
            gone = [stage.gone("addresses", **stage.row("addresses", local=f"10.{n}.0.1")) for n in (0, 1)]
            made = [stage.new("addresses", ifindex=stage.index("v1"), local=f"10.{n}.0.2", prefixlen=24) for n in (2, 3)]
            for changes in (gone, made):
                with pytest.raises(KernelError):
                    await stage.commit(*changes, bad)
                assert not difference(before, state_of(netns))
                outcome = await stage.commit(*changes)
                await stage.commit(*outcome.undo)
                assert not difference(before, state_of(netns))


async def test_an_address_that_is_removed_and_made_again_stays_before_its_secondary_one() -> None:
    with Namespace("tx") as netns:
        netns.veth("v0", "v1")
        for command in ("addr add 10.0.0.1/24 dev v0", "addr add 10.0.0.2/24 dev v0"):
            netns.ip(command)
        async with staged(netns) as stage:
            before = state_of(netns)
            bad = stage.new("routes", dst="10.99.0.0", dst_len=24, gateway="198.51.100.1")
            made = stage.new("addresses", ifindex=Named("v0"), local="10.0.0.1", prefixlen=24)
            with pytest.raises(KernelError):
                await stage.commit(made, stage.gone("addresses", **stage.row("addresses", local="10.0.0.1")), bad)
            assert not difference(before, state_of(netns))


async def test_a_bridge_whose_last_port_left_and_an_entry_of_the_address_of_none_come_back() -> None:
    """Such a bridge has no address, and the kernel gives it none when it is asked for that; of a VXLAN it is the default's entry."""
    with Namespace("tx") as netns:
        netns.veth("v0", "v1")
        for command in (
            "link add br0 up type bridge", "link set v0 master br0", "link set v0 nomaster", "addr add 10.0.0.1/24 dev br0",
            "link add x0 up type vxlan id 7 dstport 4789 remote 10.0.0.9",
        ):  # fmt: skip
            netns.ip(command)
        async with staged(netns) as stage:
            assert stage.row("interfaces", ifname="br0")["address"] == "00:00:00:00:00:00"
            before = state_of(netns)
            row, vxlan = stage.row("interfaces", ifname="br0"), stage.row("interfaces", ifname="x0")
            entry = stage.row("fdb", lladdr="00:00:00:00:00:00", ifindex=vxlan["ifindex"])
            outcome = await stage.commit(stage.gone("interfaces", **row), stage.gone("fdb", **entry))
            await stage.commit(*outcome.undo)
            assert not difference(before, state_of(netns))
            row = stage.row("interfaces", ifname="br0")
            with pytest.raises(KernelError) as caught:
                await stage.commit(stage.gone("interfaces", **row), stage.new("rules", table_id=100, goto=7))
            assert not caught.value.details.get("not_undone"), caught.value
            assert not difference(before, state_of(netns))
            assert "00:00:00:00:00:00 dst 10.0.0.9" in netns.bridge("fdb show dev x0")


async def test_the_address_that_a_bridge_has_from_a_port_comes_back_with_its_neighbours() -> None:
    with Namespace("tx") as netns:
        netns.veth("v0", "v1")
        for command in (
            "link add br0 up type bridge", "link set v0 master br0", "addr add 10.0.0.1/24 dev br0",
            "neigh add 10.0.0.9 lladdr 02:00:00:00:00:09 dev br0",
        ):  # fmt: skip
            netns.ip(command)
        async with staged(netns) as stage:
            before = state_of(netns)
            row = stage.row("interfaces", ifname="v0")
            change = stage.change("interfaces", row, address="02:00:00:00:01:01")
            outcome = await stage.commit(change)
            assert stage.row("interfaces", ifname="br0")["address"] == "02:00:00:00:01:01"
            assert all(one.table.name != "interfaces" or one.row["ifname"] == "v0" for one in outcome.undo), "it follows by itself"
            await stage.commit(*outcome.undo)
            assert not difference(before, state_of(netns))
            with pytest.raises(KernelError) as caught:
                await stage.commit(change, stage.gone("interfaces", **row), stage.new("rules", table_id=100, goto=7))
            assert not caught.value.details.get("not_undone"), caught.value
            assert not difference(before, state_of(netns))
