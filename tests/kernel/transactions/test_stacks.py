"""Interfaces that stand on each other: one of them goes, is set down or moved, and the undo brings all of it back.

Most kernels lack a part of these; `scripts/test --long` runs this on an emulated one.
"""

from __future__ import annotations

import asyncio

import pytest

from holdfast.errors import KernelError
from holdfast.testing.kinds import probe
from holdfast.testing.netns import Namespace

from .stage import staged
from .states import difference, state_of

_GROUND = (
    "link add a0 type veth peer name a1", "link add b0 type veth peer name b1", "link set a1 up", "link set b1 up",
)  # fmt: skip

STACKS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "ports of a bond": (("bond",), (
        "link add k0 type bond mode active-backup miimon 100", "link set a0 master k0", "link set b0 master k0", "link set k0 up",
        "addr add 10.0.0.1/24 dev k0", "route add 10.9.0.0/24 via 10.0.0.2",
    )),
    "a VLAN of a bond": (("bond", "vlan"), (
        "link add k0 type bond mode 802.3ad", "link set a0 master k0", "link set k0 up", "link add k0.5 link k0 type vlan id 5",
        "link set k0.5 up", "addr add 10.0.0.1/24 dev k0.5", "route add 10.9.0.0/24 via 10.0.0.2 dev k0.5",
    )),
    "members of a VRF": (("vrf",), (
        "link add k0 type vrf table 10", "link set k0 up", "link set a0 master k0", "link set a0 up", "addr add 10.0.0.1/24 dev a0",
        "route add 10.9.0.0/24 via 10.0.0.2 table 10", "route add unreachable default metric 9999 table 10",
        "-6 addr add 2001:db8::1/64 dev a0 nodad", "-6 route add 2001:db8:9::/48 via 2001:db8::2 table 10",
    )),
    "a bridge that filters by VLAN": (("bridge-vlan",), (
        "link add k0 type bridge vlan_filtering 1 vlan_default_pvid 7", "link set a0 master k0", "link set b0 master k0", "link set k0 up",
        "link set a0 up", "link set b0 up", "addr add 10.0.0.1/24 dev k0",
        "#bridge vlan add vid 20-22 dev a0", "#bridge vlan add vid 30 dev b0 pvid untagged", "#bridge vlan add vid 40 dev k0 self",
        "#bridge fdb add 02:00:00:00:00:77 dev a0 master static vlan 20", "#bridge link set dev b0 isolated on cost 9",
    )),
    "a bridge": ((), (
        "link add k0 type bridge", "link set a0 master k0", "link set b0 master k0", "link set k0 up", "link set a0 up", "link set b0 up",
        "addr add 10.0.0.1/24 dev k0", "route add 10.9.0.0/24 via 10.0.0.2", "neigh add 10.0.0.5 lladdr 02:00:00:00:00:05 dev k0",
        "#bridge fdb add 02:00:00:00:00:77 dev a0 master static", "#bridge link set dev b0 isolated on cost 9",
    )),
    "a VXLAN in a bridge": (("vxlan",), (
        "addr add 10.0.0.1/24 dev a0", "link set a0 up", "link add k0 type vxlan id 42 dstport 4790 local 10.0.0.1 dev a0 nolearning",
        "link add br0 type bridge", "link set k0 master br0", "link set k0 up", "link set br0 up",
        "#bridge fdb append 00:00:00:00:00:00 dev k0 dst 10.0.0.2", "#bridge fdb append 00:00:00:00:00:00 dev k0 dst 10.0.0.3",
        "#bridge fdb add 02:00:00:00:00:77 dev k0 dst 10.0.0.2 self", "#bridge link set dev k0 neigh_suppress on learning off",
    )),
    "a tunnel with addresses and routes": (("gre",), (
        "addr add 10.0.0.1/24 dev a0", "link set a0 up", "link add k0 type gre local 10.0.0.1 remote 10.0.0.2 ttl 64 key 7",
        "link set k0 up mtu 1400", "addr add 10.7.0.1 peer 10.7.0.2/32 dev k0", "route add 10.9.0.0/24 dev k0",
        "-6 addr add 2001:db8::1/64 dev k0 nodad", "-6 route add 2001:db8:9::/48 dev k0",
    )),
    "VLANs in a VLAN": (("vlan",), (
        "link set a0 up", "link add k0 link a0 type vlan proto 802.1ad id 5", "link add k1 link k0 type vlan id 6",
        "link add k2 link k0 type vlan id 7", "link set k0 up", "link set k1 up", "addr add 10.0.0.1/24 dev k1",
        "route add 10.9.0.0/24 via 10.0.0.2 src 10.0.0.1", "link set k1 alias customer", "link property add dev k1 altname customer-six",
    )),
    "MACVLANs": (("macvlan",), (
        "link set a0 up", "link add k0 type bridge", "link set k0 up", "link add m0 link k0 type macvlan mode bridge",
        "link add m1 link k0 type macvlan mode bridge", "link set m0 up", "addr add 10.0.0.1/24 dev m0",
        "route add 10.9.0.0/24 via 10.0.0.2", "link set m1 address 02:00:00:00:00:11",
    )),
    "nexthop objects": (("nexthop-group",), (
        "link add k0 type bridge", "link set a0 master k0", "link set a0 up", "link set k0 up", "addr add 10.0.0.1/24 dev k0",
        "nexthop add id 1 via 10.0.0.2 dev k0", "nexthop add id 2 via 10.0.0.3 dev k0", "nexthop add id 10 group 1,3/2,1",
        "route add 10.9.0.0/24 nhid 10", "route add 10.8.0.0/24 nhid 1", "rule add from 10.9.0.0/16 iif k0 table 10 priority 50",
    )),
}  # fmt: skip


@pytest.mark.parametrize("what", STACKS)
@pytest.mark.parametrize("verb", ["removed", "down", "moved"])
async def test_what_stands_on_it_comes_back(what: str, verb: str) -> None:
    features, commands = STACKS[what]
    for feature in features:
        if not probe(feature).works:
            pytest.skip(probe(feature).reason)
    with Namespace("stack") as netns, Namespace("aside") as aside:
        netns.sysctl("net.ipv6.conf.all.accept_dad", 0)
        for command in (*_GROUND, *commands):
            if command.startswith("#bridge "):
                netns.bridge(command.removeprefix("#bridge "))
            else:
                netns.ip(command)
        async with staged(netns, aside) as stage:
            await asyncio.sleep(0.3)  # carriers
            await stage.mirror.settled(timeout_s=5)
            before, tagged = state_of(netns), vlans(netns)
            request = {
                "removed": stage.gone("interfaces", ifname="k0"),
                "down": stage.change("interfaces", {"ifname": "k0"}, state="down"),
                "moved": stage.change("interfaces", {"ifname": "k0"}, target=aside.name),
            }[verb]
            try:
                outcome = await stage.commit(request)
            except KernelError as refusal:  # some kinds stay where they were made (NETIF_F_NETNS_LOCAL)
                assert verb == "moved" and difference(before, state_of(netns)) == []
                pytest.skip(f"not moved by this kernel: {refusal}")
            assert difference(before, state_of(netns))
            await stage.commit(*outcome.undo)
            await as_before(netns, before)
            assert vlans(netns) == tagged and "k0" not in {one["ifname"] for one in aside.ip_json("link show")}

            with pytest.raises(KernelError, match="invalid gateway"):  # the same within a transaction that is refused at its end
                await stage.commit(request, stage.new("routes", dst="10.77.0.0", dst_len=24, gateway="198.51.100.1"))
            await as_before(netns, before)
            assert vlans(netns) == tagged and "k0" not in {one["ifname"] for one in aside.ip_json("link show")}


async def as_before(netns: Namespace, before: dict[str, list[str]]) -> None:
    for _ in range(40):
        if not difference(before, state_of(netns)):
            return
        await asyncio.sleep(0.05)  # a carrier is told late
    assert difference(before, state_of(netns)) == []


def vlans(netns: Namespace) -> list[str]:
    return sorted(map(str, netns.bridge_json("vlan show"))) if probe("bridge-vlan").works else []
