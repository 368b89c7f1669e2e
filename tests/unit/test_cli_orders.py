"""Are the words of a change read as what they say, and wrong ones explained?"""

from __future__ import annotations

from typing import Any

import pytest

from holdfast.cli.language.orders import ORDERS
from holdfast.errors import HoldfastError, InvalidValue, UnknownName

SAID: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "routes": [
        ("10.0.0.0/8 via 192.0.2.1 dev eth0 table 100 metric 5 proto static",
         {"dst": "10.0.0.0/8", "gateway": "192.0.2.1", "oif": "eth0", "table_id": "100", "priority": "5", "proto": "static"}),
        ("default via 192.0.2.1 src 192.0.2.9 onlink",
         {"dst": "default", "gateway": "192.0.2.1", "prefsrc": "192.0.2.9", "flags": ["onlink"]}),
        ("10.0.0.0/8 via inet6 fe80::1 dev eth0", {"dst": "10.0.0.0/8", "via": {"family": 10, "addr": "fe80::1"}, "oif": "eth0"}),
        ("blackhole 10.9.0.0/16 table=100", {"type": "blackhole", "dst": "10.9.0.0/16", "table_id": "100"}),
        ("2001:db8::/32 dev eth0 mtu lock 1400 advmss 1300",
         {"dst": "2001:db8::/32", "oif": "eth0", "metrics": {"lock": 1 << 2, "mtu": 1400, "advmss": 1300}}),
        ("10.0.0.0/8 nexthop via 192.0.2.1 dev eth0 weight 2 nexthop via 192.0.2.2",
         {"dst": "10.0.0.0/8", "multipath": [{"gateway": "192.0.2.1", "oif": "eth0", "weight": 2}, {"gateway": "192.0.2.2"}]}),
        ("10.0.0.0/8 nexthop via 192.0.2.1 dev eth0", {"dst": "10.0.0.0/8", "gateway": "192.0.2.1", "oif": "eth0"}),
        ("10.0.0.0/8 nhid 7", {"dst": "10.0.0.0/8", "nh_id": "7"}),
        ("10.0.0.0/8 encap ip id 5 dst 198.51.100.1 via 192.0.2.1",
         {"dst": "10.0.0.0/8", "encap": {"type": "ip", "id": 5, "dst": "198.51.100.1"}, "gateway": "192.0.2.1"}),
    ],
    "addresses": [
        ("10.0.0.1/24 dev eth0", {"address": "10.0.0.1/24", "ifindex": "eth0"}),
        ("10.0.0.1 peer 10.0.0.2/32 dev eth0", {"local": "10.0.0.1", "address": "10.0.0.2/32", "ifindex": "eth0"}),
        ("2001:db8::1/64 dev eth0 nodad valid_lft 3600 preferred_lft forever",
         {"address": "2001:db8::1/64", "ifindex": "eth0", "flags": ["nodad"], "valid_lft": 3600, "preferred_lft": None}),
    ],
    "neighbours": [
        ("10.0.0.7 lladdr 02:00:00:00:00:07 dev eth0 nud permanent",
         {"dst": "10.0.0.7", "lladdr": "02:00:00:00:00:07", "ifindex": "eth0", "state": "permanent"}),
        ("proxy 10.0.0.8 dev eth0", {"proxy": 1, "dst": "10.0.0.8", "ifindex": "eth0"}),
        ("10.0.0.7 02:00:00:00:00:07 dev eth0 stale router",
         {"dst": "10.0.0.7", "lladdr": "02:00:00:00:00:07", "ifindex": "eth0", "state": "stale", "flags": ["router"]}),
    ],
    "rules": [
        ("from 10.0.0.0/8 lookup 100 pref 500", {"src": "10.0.0.0/8", "table_id": "100", "priority": 500}),
        ("not fwmark 0x10/0xff goto 300", {"flags": ["invert"], "fwmark": 16, "fwmask": 255, "action": "goto", "goto": 300}),
        ("iif eth0 ipproto tcp dport 80-90 blackhole",
         {"iifname": "eth0", "ip_proto": "tcp", "dport_range": {"start": 80, "end": 90}, "action": "blackhole"}),
        ("500 from all table main inet6", {"priority": "500", "table_id": "main", "family": 10}),
    ],
    "nexthops": [
        ("1 via 192.0.2.1 dev eth0", {"id": "1", "gateway": "192.0.2.1", "oif": "eth0"}),
        ("id 10 group 1/2,3", {"id": "10", "group_members": [{"id": 1, "weight": 1}, {"id": 2, "weight": 3}]}),
        ("5 blackhole", {"id": "5", "blackhole": 1}),
    ],
    "fdb": [
        ("02:00:00:00:00:07 dev eth0 master static",
         {"lladdr": "02:00:00:00:00:07", "ifindex": "eth0", "flags": ["master"], "state": "noarp"}),
        ("02:00:00:00:00:07 dev vx0 dst 10.0.0.2 vni 9", {"lladdr": "02:00:00:00:00:07", "ifindex": "vx0", "dst": "10.0.0.2", "vni": "9"}),
    ],
    "vlans": [("10 dev eth0 pvid untagged", {"vid": "10", "ifindex": "eth0", "flags": ["pvid", "untagged"]})],
    "netns": [("blue", {"name": "blue"})],
    "interfaces": [
        ("br0 type bridge stp_state 1 up", {"ifname": "br0", "kind": "bridge", "br_stp_state": "1", "state": "up"}),
        ("eth0 mtu 1400 master br0", {"ifname": "eth0", "mtu": "1400", "master": "br0"}),
        ("eth0 nomaster down", {"ifname": "eth0", "master": None, "state": "down"}),
        ("v0 type veth peer name v1 netns blue", {"ifname": "v0", "kind": "veth", "peer": {"ifname": "v1", "net_ns_fd": "blue"}}),
        ("eth0.10 link eth0 type vlan id 10", {"ifname": "eth0.10", "link": "eth0", "kind": "vlan", "vlan_id": "10"}),
        ("vx0 type vxlan id 5 dev eth0 remote 10.0.0.2 dstport 4789 mtu 1400",
         {"ifname": "vx0", "kind": "vxlan", "vxlan_id": "5", "vxlan_link": "eth0", "vxlan_group": "10.0.0.2", "vxlan_port": "4789",
          "mtu": "1400"}),
        ("eth0 altname uplink altname wan", {"ifname": "eth0", "add_altnames": ["uplink", "wan"]}),
        ("br0 br_stp_state 1", {"ifname": "br0", "br_stp_state": "1"}),
        ("eth0 netns blue", {"ifname": "eth0", "net_ns_fd": "blue"}),
    ],
}  # fmt: skip


@pytest.mark.parametrize(("noun", "line", "fields"), [(noun, *case) for noun, cases in SAID.items() for case in cases])
def test_words_say_fields(noun: str, line: str, fields: dict[str, Any]) -> None:
    assert ORDERS[noun].read(line.split()) == fields


@pytest.mark.parametrize(
    ("noun", "line", "kind", "message"),
    [
        ("routes", "10.0.0.0/8 vai 192.0.2.1", UnknownName, "`vai` is no word of a route; did you mean `via`?"),
        ("routes", "10.0.0.0/8 via", InvalidValue, "expected a value behind `via`"),
        ("routes", "10.0.0.0/8 mtu many", InvalidValue, "expected a number, got `many` – at `mtu`"),
        ("routes", "blackhole dev eth0", InvalidValue, "expected a prefix behind `blackhole`, got `dev`"),
        ("routes", "10.0.0.0/8 nexthop", InvalidValue, "expected `via`, `dev` or `weight` behind `nexthop`"),
        ("routes", "10.0.0.0/8 encap gue", InvalidValue, "expected mpls, ip, ip6 or seg6, got `gue`"),
        ("rules", "dport http", InvalidValue, "expected a number or a range such as 80-90, got `http` – at `dport`"),
        ("rules", "fwmark red", InvalidValue, "expected a mark"),
        ("nexthops", "1 group a,b", InvalidValue, "expected members such as 1/2,3/4"),
        ("addresses", "peer 10.0.0.1 dev eth0", InvalidValue, "expected our own address in front of `peer`"),
        ("addresses", "10.0.0.1/24 valid_lft soon", InvalidValue, "expected seconds or `forever`"),
        ("vlans", "10-20 dev eth0", InvalidValue, "expected one VLAN, got `10-20`"),
        ("routes", "10.0.0.0/33 via 192.0.2.1", InvalidValue, "expected an address or a prefix, got `10.0.0.0/33`"),
        ("routes", "10.0.0.0/8 10.1.0.0/8", UnknownName, "`10.1.0.0/8` is no word of a route"),
        ("interfaces", "eth0 mtu 1400 eth1", UnknownName, "`eth1` is no word of an interface"),
    ],
)
def test_wrong_words_are_explained(noun: str, line: str, kind: type[HoldfastError], message: str) -> None:
    with pytest.raises(kind) as caught:
        ORDERS[noun].read(line.split())
    assert message in str(caught.value)


def test_every_field_that_can_be_set_is_a_word() -> None:
    for order in ORDERS.values():
        for field in order.table.fields:
            if not (field.readonly or field.derive or field.json):
                assert field.name in order.known
