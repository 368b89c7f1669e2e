"""Every kind of interface: removed and brought back, changed in one attribute and changed back, read through iproute2.

Most kernels lack some of them; `scripts/test --long` runs this on an emulated one, that has nearly all.
"""

from __future__ import annotations

from typing import Any

import pytest

from holdfast.model import KINDS
from holdfast.testing.kinds import LINK_KINDS, probe
from holdfast.testing.netns import Namespace

from .stage import staged

_V4 = "local 10.0.0.1 remote 10.0.0.2"
_V6 = "local 2001:db8::1 remote 2001:db8::2"
_OUTER4 = "ttl 64 tos 0x10 dev v0"
_OUTER6 = "hoplimit 77 encaplimit 5 tclass 0x10 flowlabel 0x00005 dev v0"

TRIED: list[tuple[str, str, dict[str, Any]]] = [
    ("bond", "k0 type bond mode active-backup miimon 100 updelay 200 num_grat_arp 3", {"bond_resend_igmp": 2}),
    ("bond", "k0 type bond mode 802.3ad lacp_rate fast xmit_hash_policy layer3+4 ad_actor_sys_prio 7", {"bond_min_links": 2}),
    ("bond", "k0 type bond mode active-backup arp_interval 100 arp_ip_target 10.0.0.7", {"bond_arp_ip_target": ["10.0.0.8", "10.0.0.9"]}),
    ("bond", "k0 type bond mode balance-rr packets_per_slave 7", {"bond_arp_ip_target": ["10.0.0.8"]}),
    ("bridge", "k0 type bridge forward_delay 400 mcast_snooping 0", {"br_ageing_time": 2000}),
    ("bridge", "k0 type bridge stp_state 0 priority 7 group_fwd_mask 8", {"br_multi_boolopt": {"optval": 1, "optmask": 1}}),
    ("dummy", "k0 type dummy", {}),
    ("erspan", f"k0 type erspan {_V4} seq key 5 erspan_ver 1 erspan 9 ttl 64", {"gre_erspan_index": 10}),
    ("geneve", "k0 type geneve id 5 remote 10.0.0.2 ttl 9 dstport 6082 noudpcsum", {"geneve_ttl": 10}),
    ("geneve", "k0 type geneve external dstport 6083", {}),
    ("gre", f"k0 type gre {_V4} ikey 5 okey 6 iseq ocsum {_OUTER4}", {"gre_ttl": 32}),
    ("gre", f"k0 type gre {_V4} ttl 64", {"gre_local": "10.0.0.9"}),
    ("gre", "k0 type gre local 10.0.0.1 remote 10.0.0.2", {"gre_ignore_df": 0, "gre_pmtudisc": 0}),
    ("gre", "k0 type gre external", {}),
    ("gretap", f"k0 type gretap {_V4} key 5 {_OUTER4}", {"gre_remote": "10.0.0.9"}),
    ("ifb", "k0 type ifb", {}),
    ("ip6gre", f"k0 type ip6gre {_V6} key 5 {_OUTER6}", {"ip6gre_ttl": 32}),
    ("ip6gretap", f"k0 type ip6gretap {_V6} seq {_OUTER6}", {"ip6gre_local": "2001:db8::9"}),
    ("ip6tnl", f"k0 type ip6tnl {_V6} mode ipip6 {_OUTER6}", {"ip6tnl_ttl": 32}),
    ("ip6tnl", f"k0 type ip6tnl {_V6} mode any encaplimit none", {"ip6tnl_remote": "2001:db8::9"}),
    ("ipip", f"k0 type ipip {_V4} {_OUTER4}", {"ipip_local": "10.0.0.9"}),
    ("ipip", f"k0 type ipip {_V4} nopmtudisc", {"ipip_tos": 16}),
    ("ipvlan", "k0 link v0 type ipvlan mode l3 private", {"ipvlan_mode": 0}),
    ("ipvtap", "k0 link v0 type ipvtap mode l2 vepa", {}),
    ("macvlan", "k0 link v0 type macvlan mode bridge bcqueuelen 500", {"macvlan_mode": 1}),
    ("macvlan", "k0 link v0 type macvlan mode source macaddr set 02:00:00:00:00:77 02:00:00:00:00:78", {}),
    ("macvtap", "k0 link v0 type macvtap mode private", {"macvtap_mode": 2}),
    ("sit", f"k0 type sit {_V4} {_OUTER4}", {"sit_local": "10.0.0.9"}),
    ("sit", f"k0 type sit {_V4} mode ip6ip ttl 64", {"sit_ttl": 32}),
    ("tun", "tuntap k0 mode tap multi_queue", {}),
    ("veth", "k0 type veth peer name p0", {}),
    ("vlan", "k0 link v0 type vlan id 5 gvrp on loose_binding on", {"vlan_flags": {"flags": 0, "mask": 0x2}}),
    ("vlan", "k0 link v0 type vlan proto 802.1ad id 6 reorder_hdr off ingress-qos-map 1:2 3:4 egress-qos-map 5:6",
     {"vlan_flags": {"flags": 1, "mask": 1}}),
    ("vrf", "k0 type vrf table 10", {}),
    ("vti", f"k0 type vti {_V4} ikey 5 okey 6 dev v0", {"vti_remote": "10.0.0.9"}),
    ("vti6", f"k0 type vti6 {_V6} key 5 dev v0", {"vti_local": "2001:db8::9"}),
    ("vxlan", "k0 type vxlan id 42 dstport 4790 local 10.0.0.1 ttl 9 nolearning", {"vxlan_ttl": 10}),
    ("vxlan", "k0 type vxlan id 43 dstport 4791 group 239.1.1.1 dev v0 ttl inherit ageing 77 maxaddress 9", {"vxlan_learning": 0}),
    ("wireguard", "k0 type wireguard", {}),
    ("xfrm", "k0 type xfrm dev v0 if_id 5", {}),
]  # fmt: skip

_LATE = ("carrier_changes", "operstate", "flags", "permaddr")
_MOVING = ("gc_timer", "hello_timer", "tcn_timer", "topology_change_timer", "bridge_id", "root_id", "ad_info", "active_slave")


def shown(netns: Namespace) -> dict[str, Any]:
    [found] = netns.ip_json("link show dev k0")
    data = found.get("linkinfo", {}).get("info_data", {})
    for one, moving in ((found, _LATE), (data, _MOVING)):
        for name in moving:
            one.pop(name, None)
    return found  # type: ignore[no-any-return]


def data_of(found: dict[str, Any]) -> dict[str, Any]:
    return dict(found.get("linkinfo", {}).get("info_data", {}))


def test_every_kind_of_the_model_is_tried() -> None:
    assert {kind for kind, _, _ in TRIED} >= set(KINDS) - {"ip6erspan"}, "ip6erspan: another name of erspan's attributes"


@pytest.mark.parametrize(("kind", "words", "change"), TRIED, ids=[words.replace("k0 ", "").replace("type ", "") for _, words, _ in TRIED])
async def test_a_kind_comes_back_as_it_was_and_changes_in_what_it_is_told(kind: str, words: str, change: dict[str, Any]) -> None:
    if kind in LINK_KINDS and not probe(kind).works:
        pytest.skip(probe(kind).reason)
    with Namespace("kind") as netns:
        netns.veth("v0", "v1")
        netns.ip("addr add 10.0.0.1/24 dev v0")
        netns.ip("addr add 2001:db8::1/64 dev v0 nodad")
        netns.ip(words.replace("tuntap k0", "tuntap add k0") if words.startswith("tuntap") else f"link add {words}")
        netns.ip("link set k0 mtu 1300")
        before = shown(netns)
        async with staged(netns) as stage:
            gone = await stage.commit(stage.gone("interfaces", ifname="k0"))
            assert "k0" not in {one["ifname"] for one in netns.ip_json("link show")}
            await stage.commit(*gone.undo)
            assert shown(netns) == before

            if change:
                changed = await stage.commit(stage.change("interfaces", {"ifname": "k0"}, kind_data=change))
                now = shown(netns)
                different = {name for name in data_of(before) if data_of(before)[name] != data_of(now).get(name)}
                assert len(different | (data_of(now).keys() - data_of(before).keys())) == 1, "one attribute was to change"
                await stage.commit(*changed.undo)
                assert shown(netns) == before
