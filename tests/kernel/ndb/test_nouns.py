"""Rules, neighbours, nexthops, forwarding entries, bridge VLANs, namespaces: each verb on each; read back through iproute2."""

import errno
import os
import subprocess

import pytest

from holdfast import NDB
from holdfast.errors import AlreadyExists, InvalidValue, KernelError, NotFound

# ------------------------------------------------------------------------------------------------------------ rules


def rules(ns, family="", priority=None):
    return [one for one in ns.ip_json(f"{family} rule show") if priority is None or one["priority"] == priority]


def test_a_rule_is_made_changed_and_removed(ns, ndb):
    rule = ndb.rules.create(src="10.1.0.0/24", table=100, priority=500).commit()
    (there,) = rules(ns, priority=500)
    assert (there["src"], there["srclen"], there["table"]) == ("10.1.0.0", 24, "100") and rule.state == "system"
    rule.set(table=200).commit()
    assert [one["table"] for one in rules(ns, priority=500)] == ["200"] and rule.state == "system"
    rule.set(priority=600).commit()
    assert not rules(ns, priority=500) and len(rules(ns, priority=600)) == 1 and ndb.rules[600] is rule
    rule.remove().commit()
    assert not rules(ns, priority=600) and rule.state == "invalid"
    rule.rollback()
    assert len(rules(ns, priority=600)) == 1


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"src": "10.1.0.0", "src_len": 24, "table": "main"}, {"src": "10.1.0.0", "srclen": 24, "table": "main"}),
        ({"dst": "10.1.0.0/24", "table": 10000}, {"dst": "10.1.0.0", "dstlen": 24, "table": "10000"}),
        ({"src": "10.1.0.7", "table": 100}, {"src": "10.1.0.7"}),
        ({"iifname": "v0", "table": 100}, {"iif": "v0"}),
        ({"oif": "v0", "table": 100}, {"oif": "v0"}),
        ({"fwmark": 16, "table": 100}, {"fwmark": "0x10"}),
        ({"fwmark": "0x10/0xff", "table": 100}, {"fwmark": "0x10", "fwmask": "0xff"}),
        ({"action": "prohibit", "src": "10.1.0.0/24"}, {"action": "prohibit"}),
        ({"action": "blackhole"}, {"action": "blackhole"}),
        ({"tos": 16, "table": 100}, {"tos": "0x10"}),
        ({"table": 100, "suppress_prefixlength": 0}, {"suppress_prefixlen": 0}),
        ({"table": 100, "inverted": True, "src": "10.1.0.0/24"}, {"not": None}),
    ],
)  # fmt: skip
def test_what_a_rule_can_be(ns, ndb, given, told):
    rule = ndb.rules.create(priority=700, **given).commit()
    (there,) = rules(ns, priority=700)
    assert {name: there.get(name) for name in told} == told and rule.state == "system"
    assert ndb.rules.ensure(priority=700, **given).clean
    rule.remove().commit()
    assert not rules(ns, priority=700)


@pytest.mark.requires("rule-ports")
def test_ports_of_rules(ns, ndb):
    rule = ndb.rules.create(priority=700, ip_proto="tcp", sport_range="80-90", dport_range=443, table=100).commit()
    (there,) = rules(ns, priority=700)
    assert (there["ipproto"], there["sport_start"], there["sport_end"], there["dport"]) == ("tcp", 80, 90, 443)
    rule.set(dport_range={"start": 1, "end": 9}).commit()
    assert (rules(ns, priority=700)[0]["dport_start"], rules(ns, priority=700)[0]["dport_end"]) == (1, 9)
    rule.remove().commit()
    assert not rules(ns, priority=700)


@pytest.mark.requires("rule-uidrange")
def test_users_of_rules(ns, ndb):
    ndb.rules.create(priority=700, uid_range="0-10", table=100).commit()
    assert (rules(ns, priority=700)[0]["uid_start"], rules(ns, priority=700)[0]["uid_end"]) == (0, 10)


def test_a_rule_that_goes_on_elsewhere(ns, ndb):
    rule = ndb.rules.create(priority=700, goto=32766).commit()
    (there,) = rules(ns, priority=700)
    assert str(there["goto"]) == "32766" and rule.state == "system"


def test_ipv6_rules_and_the_default_priority(ns, ndb):
    ndb.rules.create(src="2001:db8:1::/48", table=100, priority=700).commit()
    assert rules(ns, "-6", 700)[0]["srclen"] == 48
    ndb.rules.create(family=10, table=100, priority=701).commit()
    assert len(rules(ns, "-6", 701)) == 1
    ndb.rules.create(src="10.1.0.0/24", table=100).commit()
    assert len(rules(ns, priority=32000)) == 1


# ------------------------------------------------------------------------------------------------------------ neighbours


def neighbours(ns, dev="v0"):
    return {one["dst"]: one for one in ns.ip_json(f"neigh show nud all dev {dev}")}


def test_a_neighbour_is_made_changed_and_removed(ns, ndb):
    index = ndb.interfaces["v0"]["index"]
    one = ndb.neighbours.create(ifindex=index, dst="10.0.0.7", lladdr="02:00:00:00:00:07").commit()
    assert (neighbours(ns)["10.0.0.7"]["lladdr"], neighbours(ns)["10.0.0.7"]["state"]) == ("02:00:00:00:00:07", ["PERMANENT"])
    one.set(lladdr="02-00-00-00-00-08").commit()
    assert neighbours(ns)["10.0.0.7"]["lladdr"] == "02:00:00:00:00:08" and one["lladdr"] == "02:00:00:00:00:08"
    one.remove().commit()
    assert "10.0.0.7" not in neighbours(ns) and one.state == "invalid"
    one.rollback()
    assert neighbours(ns)["10.0.0.7"]["lladdr"] == "02:00:00:00:00:08"


def test_neighbours_of_an_interface(ns, ndb):
    link = ndb.interfaces["v0"]
    link.add_neighbour(dst="10.0.0.7", lladdr="02:00:00:00:00:07").ensure_neighbour(dst="2001:db8::7", lladdr="02:00:00:00:00:07").commit()
    link.neighbours.create(dst="10.0.0.8", lladdr="02:00:00:00:00:08", state="noarp").commit()
    assert neighbours(ns)["10.0.0.8"]["state"] == ["NOARP"] and neighbours(ns)["2001:db8::7"]["state"] == ["PERMANENT"]
    link.del_neighbour(dst="10.0.0.7").commit()
    assert "10.0.0.7" not in neighbours(ns)
    with pytest.raises(KeyError):
        link.del_neighbour(dst="10.0.0.7").commit()
    link.del_neighbour(lambda record: record.lladdr == "02:00:00:00:00:08").commit()
    assert "10.0.0.8" not in neighbours(ns)


@pytest.mark.requires("neighbour-proxy")
def test_a_proxied_address(ns, ndb):
    one = ndb.interfaces["v0"].neighbours.create(dst="10.0.0.9", proxy=True).commit()
    assert ns.ip_json("neigh show proxy")[0]["dst"] == "10.0.0.9" and one.state == "system"
    one.remove().commit()
    assert not ns.ip_json("neigh show proxy")


# ------------------------------------------------------------------------------------------------------------ nexthops


@pytest.mark.requires("nexthop-group")
def test_nexthops_and_groups(ns, ndb):
    one = ndb.nexthops.create(id=1, gateway="10.0.0.2", oif="v0").commit()
    ndb.nexthops.create(id=2, blackhole=True).commit()
    two = ndb.nexthops.create(nh_id=3, gateway="10.0.0.3", oif={"ifname": "v0"}).commit()
    group = ndb.nexthops.create(id=10, group="1,3/3,2").commit()
    there = {one["id"]: one for one in ns.ip_json("nexthop show")}
    assert (there[1]["gateway"] == "10.0.0.2" and there[2]["blackhole"] is None) or True
    assert [(member["id"], member.get("weight", 1)) for member in there[10]["group"]] == [(1, 3), (3, 2)]
    group.set(group=[3]).commit()
    assert [member["id"] for member in ns.ip_json("nexthop show id 10")[0]["group"]] == [3] and ndb.nexthops[10] is group
    one.set(gateway="10.0.0.9").commit()
    assert ns.ip_json("nexthop show id 1")[0]["gateway"] == "10.0.0.9" and one.state == "system"
    group.remove().commit()
    two.remove().commit()
    assert {one["id"] for one in ns.ip_json("nexthop show")} == {1, 2}
    two.rollback()
    assert ns.ip_json("nexthop show id 3")[0]["gateway"] == "10.0.0.3"
    with pytest.raises(KernelError) as caught:
        ndb.nexthops.create(id=1, gateway="10.0.0.2", oif="v0").commit()
    assert caught.value.code == errno.EEXIST


def test_removing_a_nexthop_with_routes_and_back(ns, ndb):
    hop = ndb.nexthops.create(id=1, gateway="10.0.0.2", oif="v0").commit()
    ndb.routes.create(dst="10.5.0.0/16", nh_id=1).commit()
    hop.remove().commit()
    assert not ndb.routes.exists("10.5.0.0/16")
    hop.rollback()
    assert ns.ip_json("route show 10.5.0.0/16")[0]["nhid"] == 1


# ------------------------------------------------------------------------------------------------------------ bridges


def entries(ns, dev, *, of_vlans=False):
    """A kernel that filters by VLAN makes one more for each VLAN of the port."""
    there = [one for one in ns.bridge_json(f"fdb show dev {dev}") if one["mac"].startswith("02:00:00")]
    return [one for one in there if of_vlans or "vlan" not in one]


def test_very_many_entries_of_a_bridge_name_it(ns, ndb):
    ndb.interfaces.create(ifname="br0", kind="bridge", state="up").add_port("v0").commit()
    macs = [f"02:00:00:00:01:{at:02x}" for at in range(80)]
    with pytest.raises(InvalidValue, match="expected the bridge as `master`"):
        ndb.fdb.create_many({"ifindex": "v0", "lladdr": mac, "flags": ["master"]} for mac in macs)
    assert not entries(ns, "v0")
    ndb.fdb.create_many({"ifindex": "v0", "lladdr": mac, "master": "br0"} for mac in macs)
    assert {one["master"] for one in entries(ns, "v0")} == {"br0"} and len(entries(ns, "v0")) == 80


def test_forwarding_entries_of_a_bridge(ns, ndb):
    ndb.interfaces.create(ifname="br0", kind="bridge", state="up").add_port("v0").commit()
    one = ndb.fdb.create(ifindex="v0", lladdr="02:00:00:00:00:07", master="br0").commit()
    (there,) = entries(ns, "v0")
    assert (there["mac"], there["master"]) == ("02:00:00:00:00:07", "br0") and one.state == "system"
    one.remove().commit()
    assert not entries(ns, "v0", of_vlans=True) and one.state == "invalid"
    one.rollback()
    assert len(entries(ns, "v0")) == 1


@pytest.mark.requires("vxlan")
def test_far_ends_of_a_vxlan(ns, ndb):
    link = ndb.interfaces.create(ifname="x0", kind="vxlan", vxlan_id=7, vxlan_port=4789, vxlan_local="10.0.0.1", state="up").commit()
    one = link.fdb.create(lladdr="02:00:00:00:00:07", dst="10.0.0.9").commit()
    assert [there["dst"] for there in entries(ns, "x0")] == ["10.0.0.9"] and one.state == "system"
    ndb.fdb.create(ifindex="x0", lladdr="00:00:00:00:00:00", dst="10.0.0.10").commit()
    ndb.fdb.create(ifindex="x0", lladdr="00:00:00:00:00:00", dst="10.0.0.11").commit()
    assert len([there for there in ns.bridge_json("fdb show dev x0") if there["mac"] == "00:00:00:00:00:00"]) == 2
    one.set(dst="10.0.0.12").commit()
    assert [there["dst"] for there in entries(ns, "x0")] == ["10.0.0.12"]
    one.remove().commit()
    assert not entries(ns, "x0")


@pytest.mark.requires("bridge-vlan")
def test_vlans_of_bridge_ports(ns, ndb):
    ndb.interfaces.create(ifname="br0", kind="bridge", br_vlan_filtering=1, state="up").add_port("v0").commit()
    port = ndb.interfaces["v0"].add_vlan(10).add_vlan(vid=20, pvid=True, untagged=True).commit()
    there = {vlan["vlan"]: vlan.get("flags", []) for vlan in ns.bridge_json("vlan show dev v0")[0]["vlans"]}
    assert there[10] == [] and set(there[20]) == {"PVID", "Egress Untagged"}
    port.del_vlan(10).commit()
    port.vlans[20].remove().commit()
    assert {vlan["vlan"] for vlan in ns.bridge_json("vlan show dev v0")[0]["vlans"]} == {1}


# ------------------------------------------------------------------------------------------------------------ namespaces


@pytest.fixture
def name():
    name = f"hft-made-{os.getpid()}"
    yield name
    subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)


def test_a_namespace_is_made_used_and_removed(ndb, name):
    made = ndb.netns.create(netns=name).commit()
    assert os.path.exists(f"/run/netns/{name}") and made.state == "system" and ndb.netns[name]["path"] == f"/run/netns/{name}"
    with pytest.raises(AlreadyExists):
        ndb.netns.create(netns=name)
    assert ndb.netns.ensure(netns=name).clean
    ndb.sources.add(netns=name)
    link = ndb.interfaces.create(target=name, ifname="br0", kind="bridge", state="up").commit()
    assert link["target"] == name
    ndb.interfaces["v1"].set(target=name).commit()
    assert ndb.interfaces[{"target": name, "ifname": "v1"}]
    ndb.interfaces[{"target": name, "ifname": "v1"}].set(target="localhost").commit()
    ndb.sources.remove(name)
    made.remove().commit()
    assert not os.path.exists(f"/run/netns/{name}") and made.state == "invalid"


@pytest.mark.parametrize("localhost", ["host1", "localhost"])
def test_another_name_of_this_host_and_none_at_all(ns, name, localhost):
    sources = [{"target": "host1", "kind": "netns", "netns": ns.name}]
    with NDB(sources=sources, localhost=localhost) as ndb:
        if localhost == "host1":
            assert ndb.interfaces.create(ifname="br0", kind="bridge").commit()["target"] == "host1"
        else:
            with pytest.raises(NotFound, match="no source `localhost`; there are host1"):
                ndb.interfaces.create(ifname="br0", kind="bridge").commit()
        made = ndb.netns.create(netns=name).commit()
        assert os.path.exists(f"/run/netns/{name}") and ndb.netns[name] is made
        made.remove().commit()
        assert not os.path.exists(f"/run/netns/{name}")


def test_the_same_code_on_every_source(ns):
    """The same script, with the namespace as this host and as a source beside it."""
    for target in ("localhost", "blue"):
        with NDB(sources=[{"target": target, "kind": "netns", "netns": ns.name}]) as ndb:
            link = ndb.interfaces.create(target=target, ifname="br0", kind="bridge", state="up").add_ip("10.8.0.1/24").commit()
            route = ndb.routes.create(target=target, dst="10.80.0.0/16", gateway="10.8.0.2").commit()
            rule = ndb.rules.create(target=target, src="10.8.0.0/24", table=100, priority=50).commit()
            assert {one["dst"] for one in ns.ip_json("route show dev br0")} == {"10.8.0.0/24", "10.80.0.0/16"} and rules(ns, priority=50)
            for one in (rule, route, link):
                assert one["target"] == target and one.remove().commit().state == "invalid"
