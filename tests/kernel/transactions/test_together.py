"""Do requests arrive in the kernel, and are they taken back whole?"""

from __future__ import annotations

import pytest

from holdfast.errors import KernelError
from holdfast.testing.netns import Namespace

from .stage import staged


async def test_a_link_its_address_and_a_route_are_made_in_one_transaction_in_any_order() -> None:
    with Namespace("tx") as netns:
        async with staged(netns) as stage:
            from holdfast.transactions.contract import Named

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
            assert str(caught.value) == (
                "kernel refused route 10.9.0.0/24 via 198.51.100.1: ENETUNREACH (Nexthop has invalid gateway); 1 earlier change undone"
            )
            assert netns.ip("addr show") == before
