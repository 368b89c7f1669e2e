"""Interfaces through objects: kinds, ports, names, moves; read back through `ip`."""

import errno

import pytest

from holdfast.errors import AlreadyExists, InvalidValue, KernelError


def shown(ns, name):
    found = [one for one in ns.ip_json("link show") if one["ifname"] == name or name in one.get("altnames", ())]
    return found[0] if found else None


def test_an_interface_is_made_changed_and_removed(ns, ndb):
    link = ndb.interfaces.create(ifname="br0", kind="bridge", state="up", mtu=1400, address="02:00:00:00:00:10").commit()
    there = shown(ns, "br0")
    assert (there["linkinfo"]["info_kind"], there["mtu"], there["address"]) == ("bridge", 1400, "02:00:00:00:00:10")
    assert "UP" in there["flags"]
    assert link.state == "system" and link["index"] == there["ifindex"] and ndb.interfaces["br0"] is link
    with link:
        link["state"] = "down"
        link["mtu"] = 1300
        link.set(txqlen=50, ifalias="a bridge")
    there = shown(ns, "br0")
    assert ("UP" not in there["flags"], there["mtu"], there["txqlen"], there["ifalias"]) == (True, 1300, 50, "a bridge")
    link.remove().commit()
    assert shown(ns, "br0") is None and link.state == "invalid" and link["ifname"] == "br0"


def test_attributes_of_a_kind(ns, ndb):
    link = ndb.interfaces.create(ifname="br0", kind="bridge", br_stp_state=0, br_forward_delay=400, br_ageing_time="10000").commit()
    data = shown(ns, "br0")["linkinfo"]["info_data"]
    assert (data["forward_delay"], data["ageing_time"]) == (400, 10000)
    link.set(br_stp_state=1, br_priority=4096).commit()
    data = shown(ns, "br0")["linkinfo"]["info_data"]
    assert (data["stp_state"], data["priority"], data["forward_delay"]) == (1, 4096, 400) and link["br_priority"] == 4096


def test_a_refused_interface(ns, ndb):
    link = ndb.interfaces.create(ifname="x0", kind="nosuchkind")
    with pytest.raises(KernelError) as caught:
        link.commit()
    assert caught.value.code in (errno.EOPNOTSUPP, errno.ENOTSUP) and link.state == "invalid" and link["ifname"] == "x0"
    with pytest.raises(KeyError):
        ndb.interfaces.create(ifname="v0", kind="bridge")
    with pytest.raises(InvalidValue, match="name"):
        ndb.interfaces.create(kind="bridge").commit()
    with pytest.raises(KernelError) as caught:
        ndb.interfaces["v0"].set(mtu=10**6).commit()
    assert caught.value.code == errno.EINVAL
    assert ndb.interfaces["v0"]["mtu"] == 1500 and ndb.interfaces["v0"].set(mtu=1400).commit()["mtu"] == 1400


def test_a_veth_pair_and_its_peer(ns, ndb):
    link = ndb.interfaces.create(ifname="a0", kind="veth", peer="a1").commit()
    other = ndb.interfaces["a1"]
    assert link["link"] == other["index"] and other["link"] == link["index"]
    mac = {"ifname": "b1", "address": "02:00:00:00:00:b1"}
    ndb.interfaces.create(ifname="b0", kind="veth", peer=mac, address="02:00:00:00:00:b0").commit()
    assert (shown(ns, "b0")["address"], shown(ns, "b1")["address"]) == ("02:00:00:00:00:b0", "02:00:00:00:00:b1")
    link.remove().commit()
    assert shown(ns, "a1") is None and not ndb.interfaces.exists("a1") and other.state == "invalid"


@pytest.mark.parametrize("word", ["target", "net_ns_fd"])
def test_a_peer_is_born_in_another_namespace(both, ns, word):
    ndb, other = both
    peer = {"ifname": "c1", "address": "02:00:00:00:00:c1", word: "blue"}
    link = ndb.interfaces.create(ifname="c0", kind="veth", peer=peer, state="up").commit()
    there = ndb.interfaces[{"target": "blue", "ifname": "c1"}]
    assert shown(other, "c1")["address"] == "02:00:00:00:00:c1" and shown(ns, "c0")["link_netnsid"] >= 0
    assert there["link"] == link["index"] and link["link"] == there["index"]
    link.remove().commit()
    assert shown(other, "c1") is None and not ndb.interfaces.exists({"target": "blue", "ifname": "c1"})


def test_an_interface_is_made_in_another_namespace(both):
    ndb, other = both
    link = ndb.interfaces.create(target="blue", ifname="br0", kind="bridge", state="up").add_ip("10.7.0.1/24").commit()
    assert shown(other, "br0")["ifindex"] == link["index"] and link["target"] == "blue"
    assert [one.local for one in link.ipaddr.dump() if one.family == 2] == ["10.7.0.1"]
    with pytest.raises(AlreadyExists):
        ndb.interfaces.create(target="blue", ifname="br0", kind="bridge")
    ndb.interfaces.create(ifname="br0", kind="bridge").commit()


@pytest.mark.parametrize("word", ["target", "net_ns_fd"])
def test_an_interface_moves_to_another_namespace_and_back(both, ns, word):
    ndb, other = both
    link = ndb.interfaces["v1"].add_altname("wan").set(ifalias="to the world").commit()
    link.set(**{word: "blue"})
    assert link.state == "setns"
    link.commit()
    assert shown(ns, "v1") is None and shown(other, "v1")["altnames"] == ["wan"] and shown(other, "v1")["ifalias"] == "to the world"
    assert (link.state, link["target"], link["index"]) == ("system", "blue", shown(other, "v1")["ifindex"])
    assert ndb.interfaces[{"target": "blue", "ifname": "wan"}] is link
    link.set(**{word: "localhost"}).commit()
    assert shown(ns, "v1") and shown(other, "v1") is None and link["target"] == "localhost"


def test_a_snapshot_brings_an_interface_back_from_another_namespace(both, ns):
    ndb, other = both
    link = ndb.interfaces["v1"].add_ip("10.7.0.1/24").set(mtu=1400).commit()
    ndb.routes.create(dst="10.70.0.0/16", gateway="10.7.0.2").commit()
    before = link.snapshot()
    link.set(target="blue").commit()
    link.set(mtu=1300).commit()
    link.rollback(before)
    assert shown(other, "v1") is None and shown(ns, "v1")["mtu"] == 1400 and "UP" in shown(ns, "v1")["flags"]
    assert link["target"] == "localhost" and link.ipaddr.exists("10.7.0.1/24") and ns.ip_json("route show 10.70.0.0/16")


def test_a_moved_interface_gets_another_index_where_its_own_is_taken(both, ns):
    ndb, other = both
    index = ndb.interfaces["v1"]["index"]
    other.ip(f"link add taken index {index} type bridge")
    ndb.wait(5)
    link = ndb.interfaces["v1"].set(target="blue").commit()
    assert link["index"] == shown(other, "v1")["ifindex"] != index and link["ifname"] == "v1"
    link.set(mtu=1400).commit()
    assert shown(other, "v1")["mtu"] == 1400 and shown(other, "taken")["mtu"] == 1500


def test_a_move_by_path_and_to_a_namespace_that_is_no_source(both, ns, make_netns):
    ndb, other = both
    ndb.interfaces["v1"].set(net_ns_fd=other.path).commit()
    assert shown(other, "v1") and ndb.interfaces.exists({"target": "blue", "ifname": "v1"})
    far = make_netns("far")
    link = ndb.interfaces["v0"].set(net_ns_fd=far.name).commit()
    assert shown(far, "v0") and link.state == "invalid" and not ndb.interfaces.exists("v0")


def test_ports_come_and_go_and_come_back(ns, ndb):
    bridge = ndb.interfaces.create(ifname="br0", kind="bridge", state="up").add_port("v0").add_port("v1").commit()
    assert shown(ns, "v0")["master"] == "br0" and {port.ifname for port in bridge.ports.summary()} == {"v0", "v1"}
    bridge.del_port("v0").commit()
    assert "master" not in shown(ns, "v0") and [port.ifname for port in bridge.ports.summary()] == ["v1"]
    ndb.interfaces["v0"].set(master="br0").commit()
    assert shown(ns, "v0")["master"] == "br0" and ndb.interfaces["v0"]["master"] == bridge["index"]
    ndb.interfaces["v0"].set(master=0).commit()
    assert "master" not in shown(ns, "v0") and ndb.interfaces["v0"]["master"] is None
    with pytest.raises(ValueError, match="no port"):
        bridge.del_port("v0").commit()
    with pytest.raises(KeyError):
        bridge.set(mtu=1280).add_port("nothing").commit()
    assert shown(ns, "br0")["mtu"] == 1500


def test_attributes_of_a_port(ns, ndb):
    ndb.interfaces.create(ifname="br0", kind="bridge", state="up").add_port("v0").commit()
    port = ndb.interfaces["v0"].set(brport_cost=77, brport_learning=0).commit()
    data = shown(ns, "v0")["linkinfo"]["info_slave_data"]
    assert data["cost"] == 77 and not data["learning"] and port["brport_cost"] == 77


def test_a_bridge_its_ports_and_addresses_in_one_commit(ns, ndb):
    with ndb.interfaces.create(ifname="br0", kind="bridge") as bridge:
        bridge.add_port("v0")
        bridge.add_ip("10.8.0.1/24").add_ip(address="10.8.0.2", prefixlen=24)
        bridge["state"] = "up"
    assert shown(ns, "v0")["master"] == "br0" and bridge.ipaddr.exists("10.8.0.2/24")
    with pytest.raises(KernelError) as caught:
        ndb.interfaces.create(ifname="br1", kind="bridge").add_port("v1").add_ip("10.8.1.1/24").add_ip("10.8.1.1/24").commit()
    assert caught.value.code == errno.EEXIST
    assert shown(ns, "br1") is None and "master" not in shown(ns, "v1")


@pytest.mark.requires("live-rename")
def test_rename(ns, ndb):
    link = ndb.interfaces["v0"].set(ifname="lan0").commit()
    assert shown(ns, "lan0") and not shown(ns, "v0") and ndb.interfaces["lan0"] is link and not ndb.interfaces.exists("v0")
    link.add_altname("uplink").commit()
    link.set(ifname="uplink").commit()
    assert shown(ns, "uplink")["ifname"] == "uplink" and not shown(ns, "uplink").get("altnames")


@pytest.mark.requires("altname")
def test_alternative_names(ns, ndb):
    link = ndb.interfaces["v0"].add_altname("one").add_altname("two").commit()
    assert sorted(shown(ns, "v0")["altnames"]) == ["one", "two"] and ndb.interfaces["two"] is link
    link.del_altname("one").commit()
    assert shown(ns, "v0")["altnames"] == ["two"]
    link.set(alt_ifname_list=["three"]).commit()
    assert shown(ns, "v0")["altnames"] == ["three"] and link["alt_ifname_list"] == ["three"]


@pytest.mark.requires("vlan")
def test_a_vlan(ns, ndb):
    link = ndb.interfaces.create(ifname="v0.10", kind="vlan", link="v0", vlan_id=10, vlan_flags=["gvrp"], state="up").commit()
    assert shown(ns, "v0.10")["linkinfo"]["info_data"]["id"] == 10 and link["link"] == ndb.interfaces["v0"]["index"]


@pytest.mark.requires("macvlan")
def test_a_macvlan(ns, ndb):
    link = ndb.interfaces.create(ifname="m0", kind="macvlan", link="v0", macvlan_mode="bridge", state="up").commit()
    assert shown(ns, "m0")["linkinfo"]["info_data"]["mode"] == "bridge" and shown(ns, "m0")["link"] == "v0"
    assert link["macvlan_mode"] == 4
    other = ndb.interfaces.create(ifname="m1", kind="macvlan", link={"ifname": "v0"}, mode="private").commit()
    assert shown(ns, "m1")["linkinfo"]["info_data"]["mode"] == "private"
    other.remove().commit()
    assert shown(ns, "m1") is None


@pytest.mark.requires("vxlan")
def test_a_vxlan(ns, ndb):
    link = ndb.interfaces.create(
        ifname="x0", kind="vxlan", vxlan_id=100, vxlan_link="v0", vxlan_group="239.1.1.1", vxlan_ttl=16, vxlan_local="10.0.0.1"
    ).commit()
    data = shown(ns, "x0")["linkinfo"]["info_data"]
    assert (data["id"], data["group"], data["link"], data["ttl"], data["local"]) == (100, "239.1.1.1", "v0", 16, "10.0.0.1")
    assert link["vxlan_link"] == ndb.interfaces["v0"]["index"]


@pytest.mark.requires("tun")
@pytest.mark.parametrize(
    "given",
    [{"kind": "tuntap", "mode": "tap", "uid": 0}, {"kind": "tun", "tun_type": "tap"}, {"kind": "tun", "mode": "tap"}],
)  # fmt: skip
def test_a_tap(ns, ndb, given):
    link = ndb.interfaces.create(ifname="t0", **given).commit()
    assert shown(ns, "t0")["linkinfo"]["info_data"]["type"] == "tap" and link.state == "system"
    link.remove().commit()
    assert shown(ns, "t0") is None


@pytest.mark.requires("bond")
def test_a_bond(ns, ndb):
    ndb.interfaces["v0"].set(state="down").commit()
    ndb.interfaces.create(ifname="bond0", kind="bond", bond_mode="active-backup", bond_miimon=100).add_port("v0").set(state="up").commit()
    assert shown(ns, "bond0")["linkinfo"]["info_data"]["mode"] == "active-backup" and shown(ns, "v0")["master"] == "bond0"


def test_ensure_over_absent_down_and_up(ns, ndb):
    want = {"ifname": "br0", "kind": "bridge", "state": "up"}
    link = ndb.interfaces.ensure(**want).commit()
    assert "UP" in shown(ns, "br0")["flags"]
    ns.ip("link set br0 down")
    ndb.wait(5)
    ndb.interfaces.ensure(**want).commit()
    assert "UP" in shown(ns, "br0")["flags"]
    revision = ndb.db.revision
    assert ndb.interfaces.ensure(**want).commit() is link and ndb.db.revision == revision


def test_rollback_after_removing_a_bridge(ns, ndb):
    bridge = ndb.interfaces.create(ifname="br0", kind="bridge", state="up", address="02:00:00:00:00:bb", br_forward_delay=400)
    bridge.add_port("v1").add_ip("10.8.0.1/24").commit()
    ndb.routes.create(dst="10.80.0.0/16", gateway="10.8.0.2").commit()
    bridge.remove().commit()
    assert shown(ns, "br0") is None and "master" not in shown(ns, "v1") and not ndb.routes.exists("10.80.0.0/16")
    bridge.rollback()
    there = shown(ns, "br0")
    assert there["address"] == "02:00:00:00:00:bb" and "UP" in there["flags"] and there["linkinfo"]["info_data"]["forward_delay"] == 400
    assert shown(ns, "v1")["master"] == "br0"
    assert [one["local"] for one in ns.ip_json("addr show dev br0")[0]["addr_info"] if one["family"] == "inet"] == ["10.8.0.1"]
    assert [one["gateway"] for one in ns.ip_json("route show 10.80.0.0/16")] == ["10.8.0.2"]
    assert bridge.state == "system" and bridge["index"] == there["ifindex"]


@pytest.mark.requires("live-rename")
def test_a_snapshot_comes_back_after_much_has_changed(ns, ndb):
    link = ndb.interfaces.create(ifname="br0", kind="bridge", state="up").add_port("v1").add_ip("10.8.0.1/24").commit()
    ndb.routes.create(dst="10.80.0.0/16", gateway="10.8.0.2").commit()
    before = link.snapshot()
    link.set(mtu=1300, ifname="br9").del_ip("10.8.0.1/24").commit()
    link.del_port("v1").commit()
    link.rollback(before)
    assert (link["ifname"], link["mtu"], shown(ns, "v1")["master"]) == ("br0", 1500, "br0")
    assert link.ipaddr.exists("10.8.0.1/24") and ndb.routes.exists("10.80.0.0/16")
    link.remove().commit()
    link.rollback(before)
    assert shown(ns, "v1")["master"] == "br0" and link.ipaddr.exists("10.8.0.1/24") and ndb.routes.exists("10.80.0.0/16")
    assert link.state == "system"


@pytest.mark.requires("macvlan")
def test_rollback_after_removing_what_others_stand_on(ns, ndb):
    ndb.interfaces.create(ifname="br0", kind="bridge", state="up").commit()
    upper = ndb.interfaces.create(ifname="m0", kind="macvlan", link="br0", address="02:00:00:00:00:aa", state="up")
    upper.add_ip("10.9.0.1/24").commit()
    lower = ndb.interfaces["br0"].remove().commit()
    assert shown(ns, "m0") is None and upper.state == "invalid"
    lower.rollback()
    assert shown(ns, "m0")["link"] == "br0" and shown(ns, "m0")["address"] == "02:00:00:00:00:aa" and ndb.addresses.exists("10.9.0.1/24")


def test_apply_and_save_context(ns, ndb):
    link = ndb.interfaces["v0"].save_context()
    link.set(mtu=1400).apply()
    link.set(mtu=1300).apply()
    link.rollback()
    assert shown(ns, "v0")["mtu"] == 1500 and link["mtu"] == 1500
    link.set(mtu=10**6)
    with pytest.raises(KernelError):
        link.apply()
    assert link["mtu"] == 10**6
    link.set(mtu=1350).apply(req_filter=lambda fields: {**fields, "txqlen": 33})
    assert (shown(ns, "v0")["mtu"], shown(ns, "v0")["txqlen"]) == (1350, 33)
    link.set(mtu=1250).apply(rollback=True)
    assert shown(ns, "v0")["mtu"] == 1350


def test_what_goes_while_a_change_waits(ns, ndb):
    link = ndb.interfaces.create(ifname="br0", kind="bridge").commit().set(mtu=1400)
    ns.ip("link del br0")
    ndb.wait(5)
    assert link.state == "invalid"
    link.commit()
    assert shown(ns, "br0")["mtu"] == 1400 and link.state == "system"


def test_rollback_after_removing_a_pair_across_namespaces(both, ns):
    ndb, other = both
    peer = {"ifname": "c1", "address": "02:00:00:00:00:c1", "target": "blue"}
    near = ndb.interfaces.create(ifname="c0", kind="veth", peer=peer, address="02:00:00:00:00:c0", state="up")
    near.add_ip("10.7.0.1/24").commit()
    far = ndb.interfaces[{"target": "blue", "ifname": "c1"}].set(state="up").add_ip("10.7.0.2/24").commit()
    ndb.routes.create(target="blue", dst="10.70.0.0/16", gateway="10.7.0.1").commit()
    before = near.snapshot()
    near.remove().commit()
    assert shown(other, "c1") is None and far.state == "invalid"
    near.rollback()
    assert (shown(ns, "c0")["address"], shown(other, "c1")["address"]) == ("02:00:00:00:00:c0", "02:00:00:00:00:c1")
    assert other.ip_json("route show 10.70.0.0/16") and "UP" in shown(other, "c1")["flags"]
    assert near.ipaddr.exists("10.7.0.1/24") and ndb.addresses.exists({"target": "blue", "address": "10.7.0.2"})
    near.remove().commit()
    near.rollback(before)
    assert other.ip_json("route show 10.70.0.0/16") and shown(other, "c1")["address"] == "02:00:00:00:00:c1"
    assert near.ipaddr.exists("10.7.0.1/24") and near.state == "system"
