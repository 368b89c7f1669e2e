"""Is the oracle right, and is anything left out of it?"""

from __future__ import annotations

import pytest

from holdfast.testing.kinds import probe
from tests.kernel.truth.compare import compare_all
from tests.kernel.truth.mirrors import FreshDump
from tests.kernel.truth.oracle import VIEWS, look
from tests.kernel.truth.oracle.read import _json
from tests.kernel.truth.oracle.words import bridge_id, handle, number, prefix
from tests.kernel.truth.stage import Command, staged

TABLES_WITHOUT_VIEW = {"netns"}


def test_every_table_has_a_view():
    from holdfast.model import TABLES

    assert TABLES.keys() - VIEWS.keys() == TABLES_WITHOUT_VIEW


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_every_column_is_compared_or_has_a_reason(view):
    shown, hidden = set(view.shown), set(view.hidden)
    assert not shown & hidden
    assert shown | hidden == set(view.table.columns)
    assert all(view.hidden.values())
    assert set(view.key) <= shown


RICH = [
    ("veth", "ip link add v0 up type veth peer name v1 netns right"),
    ("veth", "right: ip link set v1 up"),
    ("veth", "ip link add w0 up type veth peer name w1"),
    ("veth", "ip link set w1 up"),
    ("veth", "ip addr add 10.0.0.1/24 brd + dev v0"),
    ("veth", "ip addr add 10.0.0.2/24 dev v0 label v0:x valid_lft 500 preferred_lft 100"),
    ("veth", "ip addr add 10.5.0.1 peer 10.6.0.0/16 dev v0 metric 77"),
    ("veth", "ip addr add 10.9.0.1/24 dev w0"),
    ("ipv6", "ip addr add 2001:db8::1/64 dev v0"),
    ("ipv6", "ip addr add 2001:db8::4 peer 2001:db8:1::4/64 dev v0"),
    ("ipv6", "ip addr add 2001:db9::1/64 dev w0 noprefixroute home"),
    ("bridge", "ip link add br0 up type bridge"),
    ("bridge", "ip link set w1 master br0"),
    ("bond", "ip link add bond0 type bond"),
    ("vlan", "ip link add vlan5 link v0 type vlan id 5"),
    ("vrf", "ip link add vrf0 type vrf table 10"),
    ("vxlan", "ip link add vx up type vxlan id 5 dstport 4789 remote 10.0.0.2 dev v0"),
    ("vxlan", "ip link add vx6 type vxlan id 6 dstport 4790 group ff05::100 dev v0 local 2001:db8::1 ttl 5 tos 4"),
    ("vxlan", "ip link add vxe type vxlan dstport 4791 external"),
    ("macvlan", "ip link add m0 up link v0 type macvlan mode bridge"),
    ("macvtap", "ip link add m1 link v0 type macvtap"),
    ("tun", "ip tuntap add t0 mode tun user 5"),
    ("tun", "ip link set t0 up"),
    ("tun", "ip neigh replace 10.0.0.10 lladdr 02:00:00:00:00:02 dev t0"),
    ("tun", "ip tuntap add t1 mode tap"),
    ("ifb", "ip link add i0 up type ifb"),
    ("altname", "ip link property add dev v0 altname aa altname bb"),
    ("veth", "ip link set v0 alias \"hello 'w\""),
    ("veth", "ip route add 10.1.0.0/16 via 10.0.0.2"),
    ("veth", "ip route append 10.1.0.0/16 via 10.0.0.3"),
    ("multipath", "ip route add 10.2.0.0/16 nexthop via 10.0.0.2 nexthop via 10.9.0.2 weight 3"),
    ("route-via-ipv6", "ip route add 10.3.0.0/16 via inet6 2001:db8::9"),
    ("route-via-ipv6", "ip route add 10.4.0.0/16 nexthop via 10.0.0.2 nexthop via inet6 2001:db8::7 dev v0"),
    ("veth", "ip route add blackhole 10.7.0.0/16"),
    ("veth", "ip route add unreachable default metric 7"),
    ("veth", "ip route add throw 10.8.0.0/16 table 77"),
    ("encap-ip", "ip route add 10.11.0.0/16 via 10.0.0.2 encap ip id 5 dst 1.1.1.1 ttl 4 tos 3"),
    ("encap-ip", "ip route add 10.11.0.0/16 via 10.0.0.2 tos 4 encap ip id 5 dst 1.1.1.1"),
    ("encap-ip", "ip route add 10.12.0.0/16 via 10.0.0.2 encap ip6 id 5 dst fc00::1"),
    ("encap-ip", "ip route add 10.21.0.0/16 nexthop via 10.0.0.2 encap ip id 5 dst 1.1.1.1 dev v0 nexthop via 10.0.0.3 dev v0"),
    ("encap-seg6", "ip route add 10.18.0.0/16 encap seg6 mode encap segs fc00::1,fc00::2 dev v0"),
    ("veth", "ip route add 10.13.0.0/16 via 10.0.0.2 mtu lock 1400 rtt 3ms realm 3/4 advmss 1000 initcwnd 5 quickack 1"),
    ("veth", "ip route add 10.14.0.0/16 dev v0 tos 4 src 10.0.0.1 proto 99 scope link table 1000"),
    ("veth", "ip route add local 10.16.0.0/16 dev lo"),
    ("veth", "ip route add multicast 239.0.0.0/8 dev v0"),
    ("ipv6", "ip -6 route add fc00:1::/64 via 2001:db8::2"),
    ("multipath6", "ip -6 route add fc00:2::/64 nexthop via 2001:db8::2 nexthop via 2001:db8::3 weight 3"),
    ("ipv6", "ip -6 route add blackhole fc00:3::/64"),
    ("ipv6", "ip -6 route add default via fe80::1 dev v0 pref high"),
    ("ipv6", "ip -6 route add fc00:4::/64 from fc00:5::/64 via 2001:db8::2 metric 5 expires 500"),
    ("ipv6", "ip -6 route add fc00:6::/64 dev v0 mtu 1300 hoplimit 3"),
    ("encap-seg6", "ip -6 route add fc00:7::/64 encap seg6 mode inline segs fc00::1 dev v0"),
    ("encap-ip", "ip -6 route add fc00:8::/64 encap ip6 id 4 dst fc00::1 tc 3 dev v0"),
    ("encap-seg6local", "ip -6 route add fc00:9::/64 encap seg6local action End.X nh6 fc00::1 dev v0"),
    ("nexthop", "ip nexthop add id 1 via 10.0.0.2 dev v0 proto 99"),
    ("nexthop", "ip nexthop add id 2 via 10.9.0.2 dev w0"),
    ("nexthop-group", "ip nexthop add id 3 group 1/2,5"),
    ("nexthop", "ip nexthop add id 4 blackhole"),
    ("nexthop-resilient", "ip nexthop add id 5 group 1 type resilient buckets 4 idle_timer 7 unbalanced_timer 5"),
    ("nexthop", "ip nexthop add id 6 via 2001:db8::2 dev v0"),
    ("encap-ip", "ip nexthop add id 7 via 10.0.0.2 encap ip id 3 dst 1.1.1.1 dev v0"),
    ("nexthop", "ip nexthop add id 8 dev v0"),
    ("nexthop", "ip nexthop add id 9 via 10.0.0.77 dev v0 onlink"),
    ("vxlan", "ip nexthop add id 100 via 1.2.3.5 fdb"),
    ("vxlan", "ip nexthop add id 101 group 100 fdb"),
    ("nexthop", "ip route add 10.30.0.0/16 nhid 1"),
    ("nexthop-group", "ip route add 10.31.0.0/16 nhid 3"),
    ("nexthop", "ip route add 10.32.0.0/16 nhid 4"),
    ("nexthop", "ip -6 route add fc00:b::/64 nhid 6"),
    ("nexthop", "ip route add 10.33.0.0/16 nhid 6"),
    ("rule", "ip rule add from 1.0.0.0/8 lookup 5"),
    ("rule", "ip rule add fwmark 1/3 lookup 5"),
    ("rule", "ip rule add fwmark 7 lookup 5"),
    ("rule", "ip rule add iif v0 lookup 5"),
    ("rule", "ip rule add oif zz lookup 5"),
    ("rule-ports", "ip rule add ipproto tcp sport 1-5 dport 7 lookup 5"),
    ("rule-uidrange", "ip rule add uidrange 1-5 lookup 5"),
    ("rule", "ip rule add goto 32767 pref 5"),
    ("rule", "ip rule add goto 32765 pref 6"),
    ("rule", "ip rule add lookup 5 suppress_prefixlength 0"),
    ("rule", "ip rule add lookup 5 suppress_ifgroup 3"),
    ("rule", "ip rule add tos 4 lookup 5"),
    ("rule", "ip rule add not from 2.0.0.0/8 to 3.0.0.0/9 lookup 500"),
    ("rule", "ip rule add from all lookup 5 realms 3/4"),
    ("rule", "ip rule add blackhole pref 8"),
    ("rule", "ip rule add nop pref 10"),
    ("rule", "ip rule add protocol 5 from 9.0.0.1 lookup 77"),
    ("rule", "ip rule add tun_id 77 lookup 9"),
    ("ipv6", "ip -6 rule add from fc00::/8 lookup 5"),
    ("veth", "ip neigh add 10.0.0.9 lladdr 02:00:00:00:00:09 dev v0"),
    ("veth", "ip neigh add 10.0.0.14 dev v0 extern_learn lladdr 02:00:00:00:00:11"),
    ("veth", "ip neigh add 10.0.0.16 lladdr 02:00:00:00:00:11 dev v0 nud reachable router protocol 55"),
    ("neighbour-proxy", "ip neigh add proxy 10.0.0.50 dev v0"),
    ("neighbour-proxy", "ip neigh add proxy 10.0.0.51 protocol 7"),
    ("neighbour-proxy", "ip neigh add proxy fc00::1 dev v0"),
    ("bridge", "bridge fdb add 00:11:22:33:44:55 dev w1 master static"),
    ("bridge", "bridge fdb add 00:11:22:33:44:56 dev v0 self"),
    ("bridge", "bridge fdb add 00:11:22:33:44:58 dev br0 self"),
    ("bridge", "bridge fdb add 00:11:22:33:44:5a dev w1 master static sticky"),
    ("bridge", "bridge fdb add 00:11:22:33:44:5b dev w1 master dynamic extern_learn"),
    ("vxlan", "bridge fdb append 00:00:00:00:00:00 dev vx dst 10.0.0.4 port 5 vni 9 via v0"),
    ("vxlan", "bridge fdb add 00:11:22:33:44:66 dev vx nhid 101"),
    ("vxlan", "bridge fdb add 00:11:22:33:44:77 dev vx dst 10.0.0.3 dynamic"),
    ("class-htb", "tc qdisc add dev v0 root handle 1: htb default 10"),
    ("class-htb", "tc class add dev v0 parent 1: classid 1:1 htb rate 10mbit"),
    ("class-htb", "tc class add dev v0 parent 1:1 classid 1:10 htb rate 1mbit"),
    ("qdisc-tbf", "tc qdisc add dev v0 parent 1:10 handle 20: tbf rate 1mbit burst 10k latency 50ms"),
    ("filter-u32", "tc filter add dev v0 parent 1: protocol ip prio 10 u32 match ip dst 1.2.3.4 flowid 1:10"),
    ("filter-u32", "tc filter add dev v0 parent 1: protocol ipv6 prio 11 u32 match u32 0 0 flowid 1:1"),
    ("qdisc-clsact", "tc qdisc add dev v0 clsact"),
    ("qdisc-clsact", "tc filter add dev v0 egress protocol ip prio 5 u32 match u32 0 0 action mirred egress redirect dev w0"),
    ("qdisc-ingress", "tc qdisc add dev w0 ingress"),
]
"""One of everything, with the feature that it needs."""


def test_rich_state_is_the_same_through_iproute2_and_through_the_codec():
    with staged() as stage:
        stage.play_all([Command.parse(line) for feature, line in RICH if probe(feature).works])
        here = stage.namespaces["left"].name
        with FreshDump([here]) as dump:
            found = compare_all({table: dump.rows(table, here) for table in VIEWS}, look(here))
    assert not found, "\n".join(map(str, found))


def test_numbers_in_all_spellings():
    assert [number(text) for text in ("254", "0x04", "[772]", "ipproto-6", 7)] == [254, 4, 772, 6, 7]
    assert [handle(text) for text in ("1:10", "ffff:fff1", ":1", "8001:")] == [0x10010, 0xFFFFFFF1, 1, 0x80010000]
    assert [prefix(text, 2) for text in ("10.0.0.0/8", "10.0.0.1", "default")] == [("10.0.0.0", 8), ("10.0.0.1", 32), ("default", 0)]
    assert bridge_id("8000.6:1c:91:77:18:f6") == "8000.06:1c:91:77:18:f6"


def test_words_that_stand_twice_are_kept():
    assert _json('[{"id":7,"encap":"ip","id":3}]\n[]', 2) == [[{"id": 7, "encap": "ip", "id#2": 3}], []]


def test_a_missing_answer_is_an_error():
    with pytest.raises(ValueError, match="1 of 2 commands"):
        _json("[{}]", 2)
