"""Each verb on each noun, read back through iproute2."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from holdfast.errors import KernelError, NotFound, NotSupported
from holdfast.model import TABLES
from holdfast.testing.netns import Namespace
from holdfast.transactions.contract import Named

from .stage import Stage, staged


@asynccontextmanager
async def pair(**options: Any) -> AsyncIterator[tuple[Stage, Namespace]]:
    """A namespace with v0 and v1, both up, 10.0.0.1/24 on v0."""
    with Namespace("noun") as netns:
        netns.veth("v0", "v1")
        netns.ip("addr add 10.0.0.1/24 dev v0")
        async with staged(netns, **options) as stage:
            yield stage, netns


def link(netns: Namespace, name: str) -> dict[str, Any]:
    [found] = netns.ip_json(f"link show dev {name}")
    return found


# -- interfaces --------------------------------------------------------------------------------------------------------


async def test_interface_made_changed_renamed_and_removed() -> None:
    async with pair() as (stage, netns):
        made = await stage.create(
            "interfaces", ifname="br0", kind="bridge", state="up", mtu=1400, address="02:00:00:00:00:05", ifalias="the bridge",
            altnames=["bridge-zero", "bz"], kind_data={"br_ageing_time": 20000, "br_priority": 100},
        )  # fmt: skip
        found = link(netns, "br0")
        assert (found["mtu"], found["address"], found["ifalias"]) == (1400, "02:00:00:00:00:05", "the bridge")
        assert "UP" in found["flags"] and found["altnames"] == ["bridge-zero", "bz"]
        data = found["linkinfo"]["info_data"]
        assert (data["ageing_time"], data["priority"]) == (20000, 100)

        outcome = await stage.commit(
            stage.change("interfaces", made, mtu=1300, state="down", ifname="br7", altnames=["bz", "seven"], kind_data={"br_priority": 7})
        )
        found = link(netns, "br7")
        assert (found["mtu"], sorted(found["altnames"]), found["linkinfo"]["info_data"]["priority"]) == (1300, ["bz", "seven"], 7)
        assert "UP" not in found["flags"]
        assert outcome.rows[0] is not None and outcome.rows[0]["ifname"] == "br7"

        await stage.commit(*outcome.undo)
        found = link(netns, "br0")
        assert (found["mtu"], sorted(found["altnames"]), found["linkinfo"]["info_data"]["priority"]) == (1400, ["bridge-zero", "bz"], 100)
        assert "UP" in found["flags"]

        await stage.commit(stage.gone("interfaces", **made))
        assert "br0" not in {one["ifname"] for one in netns.ip_json("link show")}


async def test_changes_of_an_interface_that_is_down_are_asked_for_as_no_event_tells_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holdfast.mirror.mirror._LOOK_EVERY_S", 60.0)
    async with pair() as (stage, netns):
        netns.ip("link set v0 down")
        await stage.mirror.settled(timeout_s=5)
        for ifalias in ("one", "two"):
            outcome = await stage.commit(stage.change("interfaces", stage.row("interfaces", ifname="v0"), ifalias=ifalias))
            assert outcome.rows[0] is not None and outcome.rows[0]["ifalias"] == ifalias
            assert stage.row("interfaces", ifname="v0")["ifalias"] == ifalias == link(netns, "v0")["ifalias"]


async def test_port_gets_its_master_and_its_own_settings_and_leaves() -> None:
    async with pair() as (stage, netns):
        await stage.create("interfaces", ifname="br0", kind="bridge", state="up")
        v1 = stage.row("interfaces", ifname="v1")
        outcome = await stage.commit(
            stage.change("interfaces", v1, master=Named("br0"), port_data={"brport_cost": 77, "brport_isolated": 1}),
        )
        found = link(netns, "v1")
        assert found["master"] == "br0"
        slave = found["linkinfo"]["info_slave_data"]
        assert (slave["cost"], slave["isolated"]) == (77, True)
        left = await stage.commit(stage.change("interfaces", dict(outcome.rows[0] or {}), master=None))
        assert "master" not in link(netns, "v1")
        await stage.commit(*left.undo)
        slave = link(netns, "v1")["linkinfo"]["info_slave_data"]
        assert (slave["cost"], slave["isolated"]) == (77, True)


@pytest.mark.parametrize("taken", [False, True])
async def test_interface_is_moved_to_another_namespace_and_back_with_what_was_on_it(taken: bool) -> None:
    """taken: its index is another's there, so it comes with one that is another's here."""
    with Namespace("from") as one, Namespace("to") as two:
        one.veth("v0", "v1")
        index = one.ip_json("link show v0")[0]["ifindex"]
        if taken:
            two.ip(f"link add i0 index {index} type ifb")
        one.ip("addr add 10.0.0.1/24 dev v0")
        one.ip("route add 10.9.0.0/24 via 10.0.0.2")
        async with staged(one, two) as stage:
            row = stage.row("interfaces", ifname="v0")
            outcome = await stage.commit(stage.change("interfaces", row, target=two.name, ifname="w0"))
            assert link(two, "w0")["flags"].count("UP")
            assert "v0" not in {link["ifname"] for link in one.ip_json("link show")}
            assert outcome.rows[0] is not None and outcome.rows[0]["ifname"] == "w0"
            await stage.commit(*outcome.undo)
            assert "w0" not in {link["ifname"] for link in two.ip_json("link show")}
            assert one.ip_json("link show v0")[0]["ifindex"] == index
            assert one.ip_json("addr show dev v0")[0]["addr_info"][0]["local"] == "10.0.0.1"
            assert one.ip_json("route show 10.9.0.0/24")[0]["gateway"] == "10.0.0.2"


async def test_veth_is_born_with_its_other_end_in_another_namespace_and_comes_back_so() -> None:
    with Namespace("from") as one, Namespace("to") as two:
        async with staged(one, two) as stage:
            outcome = await stage.commit(
                stage.new("interfaces", ifname="v0", kind="veth", state="up", peer={"ifname": "w0", "target": two.name,
                                                                                 "address": "02:00:00:00:00:09"}),
                stage.new("interfaces", two.name, ifname="w0", state="up", ensure=True),
                stage.new("addresses", two.name, ifindex=Named("w0"), local="10.0.0.2", prefixlen=24),
            )  # fmt: skip
            assert link(two, "w0")["address"] == "02:00:00:00:00:09"
            assert link(one, "v0")["operstate"] == "UP"
            assert outcome.rows[2] is not None
            gone = await stage.commit(stage.gone("interfaces", **stage.row("interfaces", ifname="v0")))
            assert [link["ifname"] for link in two.ip_json("link show")] == ["lo"]
            await stage.commit(*gone.undo)
            found = two.ip_json("addr show dev w0")[0]
            assert (found["address"], found["addr_info"][0]["local"]) == ("02:00:00:00:00:09", "10.0.0.2")
            for _ in range(100):  # the kernel looks at the carrier a moment later
                if link(two, "w0")["operstate"] == "UP":
                    break
                await asyncio.sleep(0.05)
            assert link(two, "w0")["operstate"] == "UP"


async def test_macvlan_in_one_namespace_upon_an_interface_of_another() -> None:
    with Namespace("from") as one, Namespace("to") as two:
        one.veth("v0", "v1")
        async with staged(one, two) as stage:
            await stage.create("interfaces", target=two.name, ifname="m0", kind="macvlan", link=Named("v0", one.name))
            assert link(two, "m0")["linkinfo"]["info_kind"] == "macvlan"


# -- addresses ---------------------------------------------------------------------------------------------------------


async def test_address_with_lifetimes_and_label_changed_in_place_moved_and_removed() -> None:
    async with pair() as (stage, netns):
        v0 = stage.index("v0")
        row = await stage.create("addresses", ifindex=v0, local="10.1.0.1", prefixlen=24, label="v0:one", valid_lft=1000,
                                 preferred_lft=500, broadcast="10.1.0.255")  # fmt: skip
        [found] = [one for one in netns.ip_json("addr show dev v0")[0]["addr_info"] if one["local"] == "10.1.0.1"]
        assert found["label"] == "v0:one" and found["broadcast"] == "10.1.0.255"
        assert 990 <= found["valid_life_time"] <= 1000 and 490 <= found["preferred_life_time"] <= 500

        row = dict((await stage.commit(stage.change("addresses", row, valid_lft=2000, preferred_lft=2000))).rows[0] or {})
        [found] = [one for one in netns.ip_json("addr show dev v0")[0]["addr_info"] if one["local"] == "10.1.0.1"]
        assert 1990 <= found["valid_life_time"] <= 2000

        moved = await stage.commit(stage.change("addresses", row, ifindex=stage.index("v1")))
        assert "10.1.0.1" in {one.get("local") for one in netns.ip_json("addr show dev v1")[0]["addr_info"]}
        await stage.commit(*moved.undo)
        assert "10.1.0.1" in {one.get("local") for one in netns.ip_json("addr show dev v0")[0]["addr_info"]}
        await stage.commit(stage.gone("addresses", ifindex=v0, local="10.1.0.1", prefixlen=24))
        assert "10.1.0.1" not in netns.ip("addr show dev v0")


async def test_ipv6_address_is_there_when_commit_returns_and_known_to_be_unique() -> None:
    async with pair() as (stage, netns):
        row = await stage.create("addresses", ifindex=stage.index("v0"), local="2001:db8::1", prefixlen=64)
        assert not row["flags"] & 0x40
        [found] = [one for one in netns.ip_json("addr show dev v0")[0]["addr_info"] if one["local"] == "2001:db8::1"]
        assert not found.get("tentative")
        await stage.commit(stage.gone("addresses", **row))
        assert "2001:db8::1" not in netns.ip("addr show dev v0")


async def test_address_of_a_point_to_point_link() -> None:
    async with pair() as (stage, netns):
        row = await stage.create("addresses", ifindex=stage.index("v0"), local="10.5.0.1", address="10.5.0.2", prefixlen=32)
        [found] = [one for one in netns.ip_json("addr show dev v0")[0]["addr_info"] if one["local"] == "10.5.0.1"]
        assert found["address"] == "10.5.0.2"
        await stage.commit(stage.gone("addresses", **row))
        assert "10.5.0.1" not in netns.ip("addr show dev v0")


async def test_last_address_takes_routes_along_and_undo_brings_them_back() -> None:
    async with pair() as (stage, netns):
        netns.ip("route add 10.9.0.0/24 via 10.0.0.2")
        netns.ip("route add 10.8.0.0/24 dev v0 src 10.0.0.1")
        before = netns.ip("route show")
        await stage.mirror.settled()
        outcome = await stage.commit(stage.gone("addresses", ifindex=stage.index("v0"), local="10.0.0.1", prefixlen=24))
        assert netns.ip("route show") == ""
        await stage.commit(*outcome.undo)
        assert sorted(netns.ip("route show").splitlines()) == sorted(before.splitlines())


# -- routes ------------------------------------------------------------------------------------------------------------

ROUTES: list[tuple[dict[str, Any], str, dict[str, Any]]] = [
    ({"dst": "10.9.0.0", "dst_len": 24, "gateway": "10.0.0.2", "priority": 5, "proto": 186}, "10.9.0.0/24", {"gateway": "10.0.0.2"}),
    ({"dst": "10.9.0.0", "dst_len": 24, "oif": Named("v0")}, "10.9.0.0/24", {"scope": "link"}),
    ({"gateway": "10.0.0.2"}, "default", {"gateway": "10.0.0.2"}),
    ({"dst": "10.9.0.0", "dst_len": 24, "type": 6}, "type blackhole", {"type": "blackhole"}),
    ({"dst": "10.9.0.0", "dst_len": 24, "gateway": "10.0.0.2", "metrics": {"mtu": 1300, "advmss": 1200}}, "10.9.0.0/24",
     {"metrics": [{"mtu": 1300, "advmss": 1200}]}),
    ({"dst": "10.9.0.0", "dst_len": 24, "multipath": [{"gateway": "10.0.0.2", "weight": 2}, {"gateway": "10.0.0.3", "oif": Named("v0")}]},
     "10.9.0.0/24", {}),
    ({"dst": "10.9.0.0", "dst_len": 24, "gateway": "198.51.100.1", "oif": Named("v0"), "flags": 4}, "10.9.0.0/24",
     {"gateway": "198.51.100.1"}),
    ({"dst": "10.9.0.0", "dst_len": 24, "gateway": "10.0.0.2", "table_id": 1000}, "table 1000", {"gateway": "10.0.0.2"}),
    ({"dst": "10.9.0.0", "dst_len": 24, "oif": Named("v0"), "encap_type": 2, "encap": {"id": 5, "dst": "10.0.0.9", "ttl": 7}},
     "10.9.0.0/24", {"encap": "ip"}),
    ({"dst": "10.9.0.0", "dst_len": 24, "via": {"family": 10, "addr": "fe80::1"}, "oif": Named("v0")}, "10.9.0.0/24", {}),
    ({"dst": "2001:db8:9::", "dst_len": 48, "oif": Named("v0")}, "-6 2001:db8:9::/48", {"metric": 1024}),
    ({"dst": "2001:db8:9::", "dst_len": 48, "gateway": "fe80::2", "oif": Named("v0"), "priority": 7}, "-6 2001:db8:9::/48", {"metric": 7}),
    ({"dst": "2001:db8:9::", "dst_len": 48, "multipath": [{"gateway": "fe80::2", "oif": Named("v0")},
                                                         {"gateway": "fe80::3", "oif": Named("v0")}]}, "-6 2001:db8:9::/48", {}),
]  # fmt: skip


def _word(shown: Any) -> Any:
    """Since 6.8 iproute2 shows an encapsulation as an object, before it was a word with the rest beside it."""
    return shown["encap_type"] if isinstance(shown, dict) and "encap_type" in shown else shown


@pytest.mark.parametrize(("fields", "where", "expected"), ROUTES)
async def test_route_is_made_removed_and_brought_back(fields: dict[str, Any], where: str, expected: dict[str, Any]) -> None:
    async with pair() as (stage, netns):
        command = f"{'-6 ' if where.startswith('-6') else ''}route show {where.removeprefix('-6 ')}"
        row = await stage.create("routes", **fields)
        before = netns.ip_json(command)
        assert before, command
        assert {name: _word(before[0].get(name)) for name in expected} == expected
        outcome = await stage.commit(stage.gone("routes", **row))
        assert not netns.ip_json(command)
        await stage.commit(*outcome.undo)
        assert sorted_hops(netns.ip_json(command)) == sorted_hops(before)


def sorted_hops(routes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """IPv6 has no order of hops that could be asked for."""
    return [{**route, "nexthops": sorted(route.get("nexthops", ()), key=str)} for route in routes]


async def test_route_is_replaced_in_place_and_by_key() -> None:
    async with pair() as (stage, netns):
        row = await stage.create("routes", dst="10.9.0.0", dst_len=24, gateway="10.0.0.2")
        outcome = await stage.commit(stage.change("routes", row, gateway="10.0.0.3", metrics={"mtu": 1200}))
        [found] = netns.ip_json("route show 10.9.0.0/24")
        assert (found["gateway"], found["metrics"]) == ("10.0.0.3", [{"mtu": 1200}])
        new = dict(outcome.rows[0] or {})
        outcome = await stage.commit(stage.change("routes", new, priority=50, table_id=200))
        assert not netns.ip_json("route show 10.9.0.0/24")
        [found] = netns.ip_json("route show table 200")
        assert (found["gateway"], found["metric"]) == ("10.0.0.3", 50)
        await stage.commit(*outcome.undo)
        [found] = netns.ip_json("route show 10.9.0.0/24")
        assert (found["gateway"], found["metrics"]) == ("10.0.0.3", [{"mtu": 1200}])


async def test_routes_beside_each_other_and_the_right_one_goes() -> None:
    async with pair() as (stage, netns):
        await stage.create("routes", dst="10.9.0.0", dst_len=24, gateway="10.0.0.2")
        with pytest.raises(KernelError) as caught:
            await stage.create("routes", dst="10.9.0.0", dst_len=24, gateway="10.0.0.3")
        assert caught.value.code == 17
        row = await stage.create("routes", dst="10.9.0.0", dst_len=24, gateway="10.0.0.3", beside=True)
        assert [one["gateway"] for one in netns.ip_json("route show 10.9.0.0/24")] == ["10.0.0.2", "10.0.0.3"]
        await stage.commit(stage.gone("routes", **row))
        assert [one["gateway"] for one in netns.ip_json("route show 10.9.0.0/24")] == ["10.0.0.2"]


# -- the rest ----------------------------------------------------------------------------------------------------------


async def test_neighbour_made_changed_and_removed_also_as_proxy() -> None:
    async with pair() as (stage, netns):
        v0 = stage.index("v0")
        row = await stage.create("neighbours", ifindex=v0, dst="10.0.0.9", lladdr="02:00:00:00:00:01")
        [found] = netns.ip_json("neigh show 10.0.0.9")
        assert (found["lladdr"], found["state"]) == ("02:00:00:00:00:01", ["PERMANENT"])
        outcome = await stage.commit(stage.change("neighbours", row, lladdr="02:00:00:00:00:02"))
        assert netns.ip_json("neigh show 10.0.0.9")[0]["lladdr"] == "02:00:00:00:00:02"
        await stage.commit(*outcome.undo)
        assert netns.ip_json("neigh show 10.0.0.9")[0]["lladdr"] == "02:00:00:00:00:01"
        await stage.commit(stage.gone("neighbours", ifindex=v0, dst="10.0.0.9"))
        assert not netns.ip_json("neigh show 10.0.0.9")

        row = await stage.create("neighbours", ifindex=v0, dst="10.0.0.7", proxy=1)
        assert "10.0.0.7" in {one["dst"] for one in netns.ip_json("neigh show proxy")}
        await stage.commit(stage.gone("neighbours", **row))
        assert "10.0.0.7" not in {one["dst"] for one in netns.ip_json("neigh show proxy")}


RULES: list[dict[str, Any]] = [
    {"priority": 100, "src": "10.3.0.0", "src_len": 16, "table_id": 500},
    {"priority": 101, "dst": "2001:db8::", "dst_len": 32, "table_id": 501},
    {"priority": 102, "fwmark": 7, "fwmask": 255, "table_id": 500, "iifname": "v0"},
    {"priority": 103, "goto": 32766},
    {"priority": 104, "action": 6, "ip_proto": 6, "dport_range": {"start": 80, "end": 90}},
    {"priority": 105, "inverted": 1, "src": "10.3.0.0", "src_len": 16, "table_id": 500},
    {"priority": 106, "table_id": 254, "suppress_prefixlen": 0},
]


@pytest.mark.parametrize("fields", RULES)
async def test_rule_made_removed_and_brought_back(fields: dict[str, Any]) -> None:
    async with pair() as (stage, netns):
        command = f"{'-6 ' if ':' in str(fields.get('dst')) else ''}rule show priority {fields['priority']}"
        row = await stage.create("rules", **fields)
        before = netns.ip_json(command)
        assert len(before) == 1
        outcome = await stage.commit(stage.gone("rules", **row))
        assert not netns.ip_json(command)
        await stage.commit(*outcome.undo)
        assert netns.ip_json(command) == before


async def test_rule_is_changed_by_being_made_anew() -> None:
    async with pair() as (stage, netns):
        row = await stage.create("rules", priority=100, src="10.3.0.0", src_len=16, table_id=500)
        await stage.commit(stage.change("rules", row, table_id=600))
        [found] = netns.ip_json("rule show priority 100")
        assert found["table"] == "600"


async def test_nexthops_groups_and_routes_by_them_go_and_come_back_together() -> None:
    async with pair() as (stage, netns):
        await stage.commit(
            stage.new("routes", dst="10.9.0.0", dst_len=24, nh_id=10),
            stage.new("nexthops", id=10, group_members=[{"id": 1, "weight": 3}, {"id": 2, "weight": 1}]),
            stage.new("nexthops", id=1, gateway="10.0.0.2", oif=Named("v0")),
            stage.new("nexthops", id=2, gateway="10.0.0.3", oif=Named("v0")),
            stage.new("nexthops", id=3, blackhole=1),
        )
        before = sorted(netns.ip("nexthop show").splitlines()), netns.ip_json("route show 10.9.0.0/24")
        assert len(before[0]) == 4 and before[1][0]["nhid"] == 10
        changed = await stage.commit(stage.change("nexthops", stage.row("nexthops", id=2), gateway="10.0.0.4"))
        assert "via 10.0.0.4" in netns.ip("nexthop show id 2")
        await stage.commit(*changed.undo)
        outcome = await stage.commit(stage.gone("nexthops", id=1), stage.gone("nexthops", id=2))
        assert not netns.ip_json("route show 10.9.0.0/24")
        await stage.commit(*outcome.undo)
        assert (sorted(netns.ip("nexthop show").splitlines()), netns.ip_json("route show 10.9.0.0/24")) == before


@pytest.mark.parametrize("first", [{"gateway": "10.0.0.2", "oif": 0}, {"oif": 0}, {"blackhole": 1}])
@pytest.mark.parametrize("then", [{"gateway": "10.0.0.3", "oif": 0}, {"gateway": None, "oif": 0}, {"blackhole": 1}])
async def test_a_nexthop_leads_elsewhere_and_back(first: dict[str, Any], then: dict[str, Any]) -> None:
    with Namespace("tx") as netns:
        netns.veth("v0", "v1")
        netns.ip("link set lo up")
        netns.ip("addr add 10.0.0.1/24 dev v0")
        async with staged(netns) as stage:
            v0 = stage.index("v0")
            first, then = ({**way, "oif": v0} if "oif" in way else way for way in (first, then))
            row = await stage.create("nexthops", id=5, **first)
            before = netns.ip("nexthop show")
            outcome = await stage.commit(stage.change("nexthops", row, **then))
            [found] = netns.ip_json("nexthop show")
            assert (found.get("gateway"), found.get("dev"), "blackhole" in found) == (
                then.get("gateway"), "v0" if "oif" in then else None, "blackhole" in then
            )  # fmt: skip
            await stage.commit(*outcome.undo)
            assert netns.ip("nexthop show") == before


async def test_a_route_by_a_nexthop_that_is_a_blackhole_is_told_to_be_one() -> None:
    with Namespace("tx") as netns:
        netns.veth("v0", "v1")
        netns.ip("link set lo up")
        netns.ip("addr add 10.0.0.1/24 dev v0")
        async with staged(netns) as stage:
            nexthop = await stage.create("nexthops", id=2, blackhole=1)
            made = await stage.commit(stage.new("routes", dst="10.9.0.0", dst_len=24, nh_id=2))
            assert made.rows[0] is not None and made.rows[0]["type"] == 6
            before = netns.ip("route show 10.9.0.0/24")
            assert before.startswith("blackhole 10.9.0.0/24 nhid 2")
            elsewhere = stage.change("nexthops", nexthop, gateway="10.0.0.2", oif=stage.index("v0"))
            for request in (stage.gone("routes", **made.rows[0]), stage.gone("nexthops", **nexthop), elsewhere):
                outcome = await stage.commit(request)
                assert "blackhole" not in netns.ip("route show 10.9.0.0/24")
                await stage.commit(*outcome.undo)
                assert netns.ip("route show 10.9.0.0/24") == before
            await stage.commit(*made.undo)
            assert not netns.ip("route show 10.9.0.0/24")


async def test_fdb_of_a_bridge_and_of_a_vxlan() -> None:
    async with pair() as (stage, netns):
        await stage.commit(
            stage.new("interfaces", ifname="br0", kind="bridge", state="up"),
            stage.new("interfaces", ifname="vx0", kind="vxlan", state="up", kind_data={"vxlan_id": 5, "vxlan_port": 4789}),
            stage.change("interfaces", stage.row("interfaces", ifname="v1"), master=Named("br0")),
        )
        v1, br0, vx0 = (stage.index(name) for name in ("v1", "br0", "vx0"))
        row = await stage.create("fdb", ifindex=v1, master=br0, lladdr="02:00:00:00:00:31", state=0x40)
        assert "02:00:00:00:00:31" in netns.bridge("fdb show dev v1")
        assert "static" in next(line for line in netns.bridge("fdb show dev v1").splitlines() if "00:31" in line)
        await stage.commit(stage.gone("fdb", **row))
        assert "02:00:00:00:00:31" not in netns.bridge("fdb show dev v1")
        row = await stage.create("fdb", ifindex=vx0, lladdr="02:00:00:00:00:32", dst="10.0.0.77")
        assert "dst 10.0.0.77" in netns.bridge("fdb show dev vx0")
        outcome = await stage.commit(stage.gone("fdb", **row))
        assert "10.0.0.77" not in netns.bridge("fdb show dev vx0")
        await stage.commit(*outcome.undo)
        assert "dst 10.0.0.77" in netns.bridge("fdb show dev vx0")


async def test_namespace_made_removed_and_brought_back_with_all_that_is_in_it() -> None:
    name = f"hft-named-{os.getpid()}-0"
    async with pair() as (stage, netns):
        await stage.mirror.follow_namespaces("localhost")
        outcome = await stage.commit(stage.new("netns", "localhost", name=name))
        try:
            other = Namespace()
            other.name, other.path = name, f"/run/netns/{name}"
            assert link(other, "lo")["ifname"] == "lo"
            other.ip("link add b0 type bridge")
            row = stage.row("netns", "localhost", name=name)
            assert row["path"] == other.path
            with pytest.raises(KernelError):
                await stage.commit(
                    stage.gone("netns", "localhost", **row),
                    stage.new("netns", "localhost", name=netns.name),  # is there: refused, after the other is gone
                )
            assert link(other, "b0")["ifname"] == "b0"
            await stage.commit(stage.gone("netns", "localhost", **row))
            assert name not in os.listdir("/run/netns")
            assert not stage.rows("netns", "localhost", name=name)
        finally:
            await asyncio.to_thread(other.delete)
        assert outcome.rows[0] is not None


async def test_what_is_not_there_and_what_cannot_be_changed_is_said() -> None:
    async with pair() as (stage, _):
        with pytest.raises(NotFound, match=r"route 10.9.9.0/24 .*is not there"):
            await stage.commit(stage.gone("routes", dst="10.9.9.0", dst_len=24))
        assert (await stage.commit(stage.gone("routes", dst="10.9.9.0", dst_len=24, missing_ok=True))).rows == (None,)
        with pytest.raises(NotSupported, match="qdiscs can only be read"):
            await stage.create("qdiscs", ifindex=1, kind="fq")
        with pytest.raises(NotFound, match="no interface `nope`"):
            await stage.create("routes", dst="10.9.9.0", dst_len=24, oif=Named("nope"))
        assert TABLES["qdiscs"].noun == "qdisc"
