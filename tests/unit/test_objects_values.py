"""What people write becomes what tables hold, and what follows when something is made."""

import pytest

from holdfast.errors import InvalidValue, NotFound, UnknownName
from holdfast.model import TABLES
from holdfast.model.names import Names
from holdfast.objects import values
from holdfast.objects.batch import nested
from holdfast.objects.defaults import complete
from holdfast.objects.pending import Pending, same
from holdfast.objects.values import Place, writer
from holdfast.transactions.contract import Named

INTERFACES = {("localhost", "eth0"): 2, ("blue", "eth0"): 7}


class Scene:
    def names(self, target):
        return Names.parse({"rt_tables": "100 blue\n254 main\n", "rt_protos": "186 bgp\n"})

    def index_of(self, target, ifname):
        try:
            return INTERFACES[target, ifname]
        except KeyError:
            raise NotFound(f"no interface `{ifname}`") from None


def read(table, given, target="localhost"):
    return writer(table).read(given, Place(Scene(), target, given))


@pytest.mark.parametrize(
    ("table", "given", "wanted"),
    [
        # routes
        ("routes", {"dst": "10.0.0.0/24", "oif": "eth0"}, {"dst": "10.0.0.0", "dst_len": 24, "oif": 2}),
        ("routes", {"dst": "::/0"}, {"dst": "default", "dst_len": 0, "family": 10}),
        ("routes", {"dst": "2001:DB8::/32", "priority": 0}, {"dst": "2001:db8::", "dst_len": 32, "priority": 1024}),
        ("routes", {"table": "blue", "proto": "bgp", "scope": "link", "type": "blackhole", "flags": ["onlink"]},
         {"table_id": 100, "proto": 186, "scope": 253, "type": 6, "flags": 4}),
        ("routes", {"oif": "later0"}, {"oif": Named("later0")}),
        ("routes", {"oif": {"target": "blue", "ifname": "eth0"}}, {"oif": 7}),
        ("routes", {"oif": {"target": "blue", "ifname": "later0"}}, {"oif": Named("later0", "blue")}),
        ("routes", {"oif": 0}, {"oif": None}),
        ("routes", {"RTA_GATEWAY": "10.0.0.1"}, {"gateway": "10.0.0.1"}),
        ("routes", {"metrics": {"mtu": "1400", "hoplimit": None}}, {"metrics": {"mtu": 1400}}),
        ("routes", {"metrics": {"attrs": [["RTAX_MTU", 1400]]}}, {"metrics": {"mtu": 1400}}),
        ("routes", {"via": "2001:DB8::1"}, {"via": {"family": 10, "addr": "2001:db8::1"}}),
        ("routes", {"via": {"family": "inet", "addr": "10.0.0.1"}}, {"via": {"family": 2, "addr": "10.0.0.1"}}),
        ("routes", {"newdst": "200/300"}, {"newdst": [200, 300]}),
        ("routes", {"newdst": {"label": 200, "bos": 1}}, {"newdst": [200]}),
        ("routes", {"newdst": [{"label": 200, "ttl": 64}]}, {"newdst": [{"label": 200, "tc": 0, "bos": 1, "ttl": 64}]}),
        ("routes", {"multipath": [{"gateway": "10.0.0.1", "hops": 2}, {"oif": "eth0", "weight": 4}]},
         {"multipath": [{"weight": 3, "gateway": "10.0.0.1"}, {"weight": 4, "oif": 2}]}),
        ("routes", {"multipath": [{"gateway": "10.0.0.1", "encap": {"type": "mpls", "labels": 20}}]},
         {"multipath": [{"weight": 1, "gateway": "10.0.0.1", "encap_type": 1, "encap": {"labels": [20]}}]}),
        ("routes", {"encap": {"type": "mpls", "labels": "200/300"}}, {"encap_type": 1, "encap": {"labels": [200, 300]}}),
        ("routes", {"encap": [200, 300], "encap_type": "mpls"}, {"encap_type": 1, "encap": {"labels": [200, 300]}}),
        ("routes", {"encap": {"type": "seg6", "mode": "encap", "segs": "2001:db8:0::1,2001:db8::2"}},
         {"encap_type": 5,
         "encap": {"srh": {"mode": 1, "segs": ["2001:db8::1", "2001:db8::2"], "segments_left": 1, "flags": 0, "tag": 0}}}),
        ("routes", {"encap": {"type": "seg6local", "action": "End.DT4", "vrf_table": "blue"}},
         {"encap_type": 7, "encap": {"action": 8, "vrftable": 100}}),
        ("routes", {"encap": {"dst": "192.0.2.1", "id": "5"}, "encap_type": "ip"},
         {"encap_type": 2, "encap": {"dst": "192.0.2.1", "id": 5}}),
        # addresses
        ("addresses", {"address": "10.0.0.1/24", "index": "eth0"}, {"address": "10.0.0.1", "prefixlen": 24, "ifindex": 2}),
        ("addresses", {"address": "10.0.0.1", "mask": "255.255.255.128"}, {"address": "10.0.0.1", "prefixlen": 25}),
        ("addresses", {"valid": 3600, "preferred_lft": "forever"}, {"valid_lft": 3600, "preferred_lft": None}),
        ("addresses", {"valid_lft": 0xFFFFFFFF, "flags": ["nodad"]}, {"valid_lft": None, "flags": 2}),
        ("addresses", {"ipv4_peer": "10.0.0.2", "tflags": 0, "target": "localhost"}, {}),
        # rules
        ("rules", {"src": "10.0.0.0/8", "fwmark": "0x10/0xff", "action": "prohibit"},
         {"src": "10.0.0.0", "src_len": 8, "fwmark": 16, "fwmask": 255, "action": 8}),
        ("rules", {"sport_range": "80-90"}, {"sport_range": {"start": 80, "end": 90}, "sport_mask": None}),
        ("rules", {"dport_range": 443}, {"dport_range": {"start": 443, "end": 443}}),
        ("rules", {"dport_range": [1, 2], "uid_range": "5"},
         {"dport_range": {"start": 1, "end": 2}, "dport_mask": None, "uid_range": {"start": 5, "end": 5}}),
        ("rules", {"iif": "eth0", "inverted": True, "ip_proto": "tcp"}, {"iifname": "eth0", "flags": 2, "ip_proto": 6}),
        # the others
        ("neighbours", {"nud": "permanent", "lladdr": "02-00-00-00-00-0A", "proxy": False},
         {"state": 128, "lladdr": "02:00:00:00:00:0a", "flags": 0}),
        ("neighbours", {"state": ["noarp", "permanent"]}, {"state": 192}),
        ("nexthops", {"nh_id": 5, "group": "1,3/2"}, {"id": 5, "group_members": [{"id": 1, "weight": 3}, {"id": 2, "weight": 1}]}),
        ("nexthops", {"group": [2, {"id": 1, "weight": 9}]}, {"group_members": [{"id": 1, "weight": 9}, {"id": 2, "weight": 1}]}),
        ("nexthops", {"blackhole": True}, {"blackhole": 1}),
        ("vlans", {"vid": "10", "pvid": True, "untagged": True}, {"vid": 10, "flags": 6}),
        ("netns", {"netns": "blue"}, {"name": "blue"}),
        # interfaces
        ("interfaces", {"ifname": "b0", "kind": "bond", "mode": "802.3ad", "bond_primary": "eth0"},
         {"ifname": "b0", "kind": "bond", "bond_mode": 4, "bond_primary": 2}),
        ("interfaces", {"ifname": "t0", "kind": "tuntap", "mode": "tap", "uid": 7},
         {"ifname": "t0", "kind": "tun", "tun_type": 2, "tun_owner": 7}),
        ("interfaces", {"vlan_flags": ["gvrp", "mvrp"], "vlan_egress_qos": {1: 2}},
         {"vlan_flags": {"flags": 10, "mask": 10}, "vlan_egress_qos": [{"from": 1, "to": 2}]}),
        ("interfaces", {"peer": "v1"}, {"peer": {"ifname": "v1"}}),
        ("interfaces", {"peer": {"ifname": "v1", "mtu": "1400", "net_ns_fd": "blue"}},
         {"peer": {"ifname": "v1", "mtu": 1400, "target": "blue"}}),
        ("interfaces", {"net_ns_pid": 17}, {"target": "/proc/17/ns/net"}),
        ("interfaces", {"group": "default", "altname": "uplink", "master": 0}, {"group_id": 0, "altnames": ["uplink"], "master": None}),
        ("interfaces", {"kind_data": {"br_stp_state": "1"}, "af_spec": {"inet6": {"addr_gen_mode": "none"}}},
         {"br_stp_state": 1, "af_spec": {"inet6": {"addr_gen_mode": 1}}}),
    ],
)  # fmt: skip
def test_every_spelling_is_read(table, given, wanted):
    assert read(table, given) == wanted


@pytest.mark.parametrize(
    ("table", "given", "error"),
    [
        ("routes", {"colour": 1}, "have no field `colour`"),
        ("routes", {"dst": "10.0.0.0/33"}, "expected a prefix"),
        ("routes", {"gateway": "10.0.0"}, "expected an IP address"),
        ("routes", {"metrics": {"colour": 1}}, "metrics has no part `colour`"),
        ("routes", {"metrics": 5}, "expected an object with lock, mtu"),
        ("routes", {"newdst": 1 << 20}, "expected an MPLS label"),
        ("routes", {"multipath": [{"weight": 300}]}, "expected a weight from 1 to 256"),
        ("routes", {"multipath": [{"colour": 1}]}, "a hop has no `colour`"),
        ("routes", {"encap": {"labels": 5}}, "expected an encapsulation with its type"),
        ("routes", {"encap": {"type": "seg6", "mode": "sideways", "segs": "::1"}}, "expected one of inline, encap"),
        ("routes", {"encap": {"type": "seg6", "mode": "encap", "segs": []}}, "expected segments"),
        ("routes", {"oif": {"mtu": 5}}, "expected an interface as index, name or spec"),
        ("routes", {"proto": "nothing"}, "named `nothing`"),
        ("addresses", {"mask": "255.0.255.0"}, "bits stand together"),
        ("rules", {"sport_range": [1, 2, 3]}, "expected start, end"),
        ("rules", {"sport_range": {"from": 1}}, "has no part `from`"),
        ("interfaces", {"state": "UP"}, "expected `up` or `down`"),
        ("interfaces", {"kind": "bridge", "mode": 1}, "interfaces of kind bridge have no mode"),
        ("interfaces", {"mtu": "big"}, "expected a number, got `big`"),
        ("interfaces", {"bond_mode": "best"}, "named `best`"),
    ],
)
def test_what_cannot_be_is_said(table, given, error):
    with pytest.raises((InvalidValue, UnknownName), match=error):
        read(table, given)


def test_an_empty_text_is_no_number_also_where_nothing_was_read_before():
    put, row = values._put_value("goto", TABLES["rules"]["goto"]), {}
    for given in ("", "5", ""):
        if given:
            put(given, None, row)
            continue
        with pytest.raises(InvalidValue, match="expected a number, got ``"):
            put(given, None, row)
    assert row == {"goto": 5}


@pytest.mark.parametrize(
    ("table", "given", "wanted"),
    [
        ("addresses", {"address": "10.0.0.1"}, {"address": "10.0.0.1", "local": "10.0.0.1", "family": 2, "prefixlen": 32}),
        ("addresses", {"address": "10.0.0.1/30", "broadcast": True},
         {"address": "10.0.0.1", "local": "10.0.0.1", "family": 2, "prefixlen": 30, "broadcast": "10.0.0.3"}),
        ("addresses", {"peer": "10.0.0.2/32", "local": "10.0.0.1"},
         {"address": "10.0.0.2", "local": "10.0.0.1", "family": 2, "prefixlen": 32}),
        ("neighbours", {"dst": "10.0.0.2"}, {"dst": "10.0.0.2"}),
        ("routes", {"dst": "10.0.0.0/24", "gateway": "::1"},
         {"dst": "10.0.0.0", "dst_len": 24, "family": 2, "via": {"family": 10, "addr": "::1"}}),
        ("rules", {"src": "0.0.0.0/0"}, {"src": None, "src_len": 0, "family": 2, "priority": 32000}),
        ("netns", {"netns": "blue"}, {"name": "blue", "path": "/run/netns/blue"}),
        ("netns", {"path": "/run/netns/red"}, {"name": "red", "path": "/run/netns/red"}),
    ],
)  # fmt: skip
def test_what_follows_when_it_is_made(table, given, wanted):
    where = {} if table in ("routes", "rules", "netns") else {"ifindex": 3}
    assert complete(table, read(table, given | where)) == wanted | where
    if where:
        with pytest.raises(InvalidValue, match="expected an interface"):
            complete(table, read(table, given))


@pytest.mark.parametrize("table", ["interfaces", "addresses", "neighbours", "fdb", "vlans", "nexthops", "netns"])
def test_without_its_name_nothing_is_made(table):
    with pytest.raises(InvalidValue, match="expected"):
        complete(table, {})


def test_attributes_go_into_their_columns():
    assert nested({"mtu": 5, "br_priority": 1, "brport_cost": 2}, {"kind_data": {"br_stp_state": 1}}) == {
        "mtu": 5, "kind_data": {"br_stp_state": 1, "br_priority": 1}, "port_data": {"brport_cost": 2},
    }  # fmt: skip


def test_values_are_the_same_as_they_mean():
    assert same("multipath", [{"gateway": "10.0.0.1", "weight": 1}], [{"gateway": "10.0.0.1", "weight": 1, "flags": 16, "oif": 3}])
    assert not same("multipath", [{"gateway": "10.0.0.1", "oif": 4}], [{"gateway": "10.0.0.1", "oif": 3}])
    assert same("altnames", ["b", "a"], ["a", "b"]) and same("altnames", [], None) and not same("altnames", ["a"], None)
    assert same("metrics", {}, None) and same("mtu", 5, 5) and not same("mtu", 5, None)


def test_what_is_set_back_does_not_wait():
    pending = Pending()
    pending.put("mtu", 1400, 1500)
    pending.put("mtu", 1300, 1400)
    assert pending.fields == {"mtu": 1300} and pending.base == {"mtu": 1500} and pending
    pending.put("mtu", 1500, 1500)
    assert not pending and not pending.base
