"""Routes through objects: made, changed, replaced, removed, brought back; read back through `ip`."""

import errno
import gc

import pytest

from holdfast import NetlinkError
from holdfast.errors import Conflict, InvalidValue, KernelError
from holdfast.transactions.commit import Commit


def shown(ns, prefix, family="", table="all"):
    return [_flat(one) for one in ns.ip_json(f"{family} route show table {table} {prefix}")]


def _flat(one):
    """The words of an encapsulation stand among those of the route; later releases of iproute2 give them an object."""
    inside = one.get("encap")
    return one | inside | {"encap": inside["encap_type"]} if isinstance(inside, dict) else one


def test_a_route_is_made_changed_and_removed(ns, ndb):
    route = ndb.routes.create(dst="10.1.0.0/24", gateway="10.0.0.2").commit()
    (there,) = shown(ns, "10.1.0.0/24")
    assert (there["gateway"], there["dev"], there["protocol"]) == ("10.0.0.2", "v0", "static")
    assert (route.state, route["oif"], route["proto"], route["table"]) == ("system", ndb.interfaces["v0"]["index"], 4, 254)
    assert ndb.routes["10.1.0.0/24"] is route
    route.set(gateway="10.0.0.3").commit()
    assert [one["gateway"] for one in shown(ns, "10.1.0.0/24")] == ["10.0.0.3"] and route["gateway"] == "10.0.0.3"
    route.remove().commit()
    assert not shown(ns, "10.1.0.0/24") and route.state == "invalid" and not ndb.routes.exists("10.1.0.0/24")
    route.rollback()
    assert [one["gateway"] for one in shown(ns, "10.1.0.0/24")] == ["10.0.0.3"] and route.state == "system"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"dst": "10.1.0.0", "dst_len": 24, "gateway": "10.0.0.2"}, {"dst": "10.1.0.0/24"}),
        ({"dst": "10.1.0.0/24", "oif": "v0"}, {"dev": "v0", "scope": "link"}),
        ({"dst": "10.1.0.0/24", "oif": {"ifname": "v0"}, "scope": "global"}, {"scope": "global"}),
        ({"dst": "10.1.0.0/24", "gateway": "10.0.0.2", "table": 100}, {"table": "100"}),
        ({"dst": "10.1.0.0/24", "gateway": "10.0.0.2", "table": 10000, "priority": 7}, {"table": "10000", "metric": 7}),
        ({"dst": "10.1.0.0/24", "oif": "v0", "proto": "bird", "prefsrc": "10.0.0.1"}, {"protocol": "bird", "prefsrc": "10.0.0.1"}),
        ({"dst": "10.1.0.0/24", "type": "blackhole"}, {"type": "blackhole"}),
        ({"dst": "10.1.0.0/24", "type": "unreachable", "table": 100}, {"type": "unreachable", "table": "100"}),
        ({"dst": "10.1.0.0/24", "oif": "v0", "metrics": {"mtu": 1300, "hoplimit": 9}}, {"metrics": [{"mtu": 1300, "hoplimit": 9}]}),
        ({"dst": "10.1.0.0/24", "gateway": "10.0.0.2", "metrics": {"attrs": [["RTAX_ADVMSS", 1000]]}}, {"metrics": [{"advmss": 1000}]}),
        ({"dst": "10.1.0.0/24", "gateway": "10.0.0.77", "oif": "v0", "flags": ["onlink"]}, {"flags": ["onlink"]}),
        ({"dst": "10.1.0.0/24", "gateway": "10.0.0.2", "tos": 16}, {"tos": "0x10"}),
        ({"dst": "default", "gateway": "10.0.0.2"}, {"dst": "default", "gateway": "10.0.0.2"}),
        ({"dst": "0.0.0.0/0", "gateway": "10.0.0.2", "priority": 9}, {"dst": "default", "metric": 9}),
    ],
)  # fmt: skip
def test_what_a_route_can_be(ns, ndb, given, told):
    prefix = "default" if given["dst"] in ("default", "0.0.0.0/0") else "10.1.0.0/24"
    route = ndb.routes.create(**given).commit()
    (there,) = shown(ns, prefix)
    assert {name: there.get(name) for name in told} == told
    assert ndb.routes.ensure(**given).clean
    route.remove().commit()
    assert not shown(ns, prefix)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"dst": "2001:db8:1::/48", "gateway": "2001:db8::2"}, {"gateway": "2001:db8::2", "metric": 1024}),
        ({"dst": "2001:0db8:0001:0::/48", "gateway": "2001:DB8::0002", "priority": 0}, {"gateway": "2001:db8::2", "metric": 1024}),
        ({"dst": "2001:db8:1::/48", "oif": "v0", "priority": 5}, {"dev": "v0", "metric": 5}),
        ({"dst": "2001:db8:1::/48", "type": "blackhole"}, {"type": "blackhole"}),
        ({"dst": "2001:db8:1::/48", "gateway": "2001:db8::2", "metrics": {"mtu": 1300}}, {"metrics": [{"mtu": 1300}]}),
    ],
)  # fmt: skip
def test_ipv6_routes(ns, ndb, given, told):
    route = ndb.routes.create(**given).commit()
    (there,) = shown(ns, "2001:db8:1::/48", "-6")
    assert {name: there.get(name) for name in told} == told
    assert ndb.routes.ensure(**given).clean
    route.remove().commit()
    assert not shown(ns, "2001:db8:1::/48", "-6")
    route.rollback()
    assert len(shown(ns, "2001:db8:1::/48", "-6")) == 1


def test_the_ipv6_default_route(ns, ndb):
    ndb.routes.create(dst="default", family=10, gateway="2001:db8::2").commit()
    ndb.routes.create(dst="::/0", gateway="2001:db8::3", priority=2000).commit()
    assert [one["gateway"] for one in shown(ns, "default", "-6")] == ["2001:db8::2", "2001:db8::3"]


def test_multipath(ns, ndb):
    hops = [{"gateway": "10.0.0.2", "weight": 2}, {"gateway": "10.0.0.3", "oif": "v0", "hops": 4}]
    route = ndb.routes.create(dst="10.1.0.0/24", multipath=hops).commit()
    (there,) = shown(ns, "10.1.0.0/24")
    assert [(hop["gateway"], hop["weight"]) for hop in there["nexthops"]] == [("10.0.0.2", 2), ("10.0.0.3", 5)]
    assert route.state == "system" and len(route["multipath"]) == 2
    route.set(multipath=[*hops, {"gateway": "10.0.0.4"}]).commit()
    assert len(shown(ns, "10.1.0.0/24")[0]["nexthops"]) == 3 and route.state == "system"
    route.rollback()
    assert [(hop["gateway"], hop["weight"]) for hop in shown(ns, "10.1.0.0/24")[0]["nexthops"]] == [("10.0.0.2", 2), ("10.0.0.3", 5)]
    route.remove().commit()
    assert not shown(ns, "10.1.0.0/24")


def test_ipv6_multipath(ns, ndb):
    ndb.routes.create(dst="2001:db8:1::/48", multipath=[{"gateway": "2001:db8::2"}, {"gateway": "2001:db8::3", "weight": 3}]).commit()
    hops = [hop for one in shown(ns, "2001:db8:1::/48", "-6") for hop in one.get("nexthops", [one])]
    assert sorted(hop["gateway"] for hop in hops) == ["2001:db8::2", "2001:db8::3"]


@pytest.mark.requires("route-via-ipv6")
@pytest.mark.parametrize(
    "given", [{"via": {"family": 10, "addr": "2001:db8::9"}}, {"via": "2001:db8:0::9"}, {"gateway": "2001:db8::9"}]
)
def test_a_next_hop_of_the_other_family(ns, ndb, given):
    route = ndb.routes.create(dst="10.1.0.0/24", oif="v0", **given).commit()
    (there,) = shown(ns, "10.1.0.0/24")
    assert there["via"] == {"family": "inet6", "host": "2001:db8::9"} and route.state == "system"
    route.remove().commit()
    assert not shown(ns, "10.1.0.0/24")


@pytest.mark.requires("encap-seg6")
def test_seg6(ns, ndb):
    encap = {"type": "seg6", "mode": "encap", "segs": "2001:db8:5::1,2001:db8:5::2"}
    route = ndb.routes.create(dst="2001:db8:1::/48", oif="v0", encap=encap).commit()
    (there,) = shown(ns, "2001:db8:1::/48", "-6")
    assert there["encap"] == "seg6" and there["mode"] == "encap" and there["segs"] == ["2001:db8:5::1", "2001:db8:5::2"]
    assert ndb.routes.ensure(dst="2001:db8:1::/48", oif="v0", encap=encap).clean
    route.remove().commit()
    assert not shown(ns, "2001:db8:1::/48", "-6")
    inline = {"type": "seg6", "mode": "inline", "segs": ["2001:db8:5::1"]}
    ndb.routes.create(dst="2001:db8:2::/48", oif="v0", encap=inline).commit()
    assert shown(ns, "2001:db8:2::/48", "-6")[0]["mode"] == "inline"


@pytest.mark.requires("encap-seg6local")
def test_seg6local(ns, ndb):
    ndb.routes.create(dst="2001:db8:1::1/128", oif="v0", encap={"type": "seg6local", "action": "End.X", "nh6": "2001:db8::2"}).commit()
    ndb.routes.create(dst="2001:db8:1::2/128", oif="v0", encap={"type": "seg6local", "action": "End.DT6", "table": "main"}).commit()
    assert shown(ns, "2001:db8:1::1", "-6")[0]["action"] == "End.X"
    assert shown(ns, "2001:db8:1::2", "-6")[0]["action"] == "End.DT6"


@pytest.mark.requires("encap-mpls")
def test_mpls_encapsulation(ns, ndb):
    ndb.routes.create(dst="10.1.0.0/24", gateway="10.0.0.2", encap={"type": "mpls", "labels": "200/300"}).commit()
    assert shown(ns, "10.1.0.0/24")[0]["encap"] == "mpls"


@pytest.mark.requires("mpls")
def test_mpls_routes(ns, ndb):
    ns.sysctl("net.mpls.platform_labels", 1000)
    ndb.routes.create(family=28, dst=100, newdst=[200], via={"family": 2, "addr": "10.0.0.2"}, oif="v0").commit()
    assert str(ns.ip_json("-M route show")[0]["dst"]) == "100"
    ndb.routes[{"family": 28, "dst": "100"}].remove().commit()
    assert not ns.ip_json("-M route show")
    way = {"family": 28, "newdst": {"label": 200}, "via": {"family": 2, "addr": "10.0.0.2"}, "oif": "v0"}
    first = ndb.routes.create(**way).commit()
    ndb.begin().push(second := ndb.routes.create(**way), third := ndb.routes.create(**way)).commit()
    assert [one["dst"] for one in (first, second, third)] == ["16", "17", "18"]
    assert sorted(str(one["dst"]) for one in ns.ip_json("-M route show")) == ["16", "17", "18"]
    second.remove().commit()
    assert second.state == "invalid" and ndb.routes.create(**way).commit()["dst"] == "17"


@pytest.mark.requires("encap-ip")
def test_ip_encapsulation(ns, ndb):
    ndb.routes.create(dst="10.1.0.0/24", oif="v0", encap_type="ip", encap={"id": 5, "dst": "192.0.2.1", "ttl": 9}).commit()
    (there,) = shown(ns, "10.1.0.0/24")
    assert (there["encap"], there["id"], there["ttl"]) == ("ip", 5, 9)


@pytest.mark.requires("nexthop-group")
def test_routes_by_nexthop_objects(ns, ndb):
    ndb.nexthops.create(id=1, gateway="10.0.0.2", oif="v0").commit()
    ndb.nexthops.create(id=2, gateway="10.0.0.3", oif="v0").commit()
    ndb.nexthops.create(id=10, group=[1, {"id": 2, "weight": 3}]).commit()
    route = ndb.routes.create(dst="10.1.0.0/24", nh_id=10).commit()
    assert shown(ns, "10.1.0.0/24")[0]["nhid"] == 10 and route.state == "system"
    route.set(nh_id=1).commit()
    assert shown(ns, "10.1.0.0/24")[0]["nhid"] == 1 and route["nh_id"] == 1
    route.remove().commit()
    assert not shown(ns, "10.1.0.0/24")


def test_another_key_replaces_the_route(ns, ndb):
    route = ndb.routes.create(dst="10.1.0.0/24", gateway="10.0.0.2").commit()
    route.set(priority=50)
    assert route.state == "replace"
    route.commit()
    assert [one.get("metric") for one in shown(ns, "10.1.0.0/24")] == [50] and route.state == "system"
    route.set(table=100).commit()
    assert [one["table"] for one in shown(ns, "10.1.0.0/24")] == ["100"]
    route.set(dst="10.2.0.0/24").commit()
    assert not shown(ns, "10.1.0.0/24") and len(shown(ns, "10.2.0.0/24")) == 1 and ndb.routes["10.2.0.0/24"] is route
    route.rollback()
    assert len(shown(ns, "10.1.0.0/24")) == 1 and not shown(ns, "10.2.0.0/24")


def test_a_snapshot_of_a_route(ns, ndb):
    route = ndb.routes.create(dst="10.1.0.0/24", gateway="10.0.0.2", metrics={"mtu": 1300}).commit()
    before = route.snapshot()
    route.set(gateway="10.0.0.3", metrics={"mtu": 1400}).commit()
    route.set(priority=7).commit()
    route.rollback(before)
    (there,) = shown(ns, "10.1.0.0/24")
    assert (there["gateway"], there["metrics"], there.get("metric")) == ("10.0.0.2", [{"mtu": 1300}], None)
    assert route.state == "system" and ndb.routes["10.1.0.0/24"] is route
    route.remove().commit().rollback(before)
    assert [one["gateway"] for one in shown(ns, "10.1.0.0/24")] == ["10.0.0.2"] and route.state == "system"


def test_a_nested_metric(ns, ndb):
    route = ndb.routes.create(dst="10.1.0.0/24", gateway="10.0.0.2", metrics={"mtu": 1300}).commit()
    route["metrics"]["advmss"] = 1000
    route.commit()
    assert shown(ns, "10.1.0.0/24")[0]["metrics"] == [{"mtu": 1300, "advmss": 1000}]
    with ndb.routes["10.1.0.0/24"] as same:
        same["metrics"].set(mtu=1280)
    assert shown(ns, "10.1.0.0/24")[0]["metrics"][0]["mtu"] == 1280


def test_a_refused_route_keeps_its_fields_and_says_the_kernels_number(ns, ndb):
    route = ndb.routes.create(dst="10.1.0.0/24", gateway="10.77.0.1")
    with pytest.raises(NetlinkError) as caught:
        route.commit()
    assert caught.value.code == errno.ENETUNREACH and "Nexthop has invalid gateway" in str(caught.value)
    assert (route.state, route["dst"], route["dst_len"], route["gateway"]) == ("invalid", "10.1.0.0", 24, "10.77.0.1")
    route.set(gateway="10.0.0.2").commit()
    assert shown(ns, "10.1.0.0/24") and route.state == "system"
    twice = ndb.routes.create(dst="10.1.0.0/24", gateway="10.0.0.3")
    with pytest.raises(KernelError) as caught:
        twice.commit()
    assert caught.value.code == errno.EEXIST
    assert [one["gateway"] for one in shown(ns, "10.1.0.0/24")] == ["10.0.0.2"]


def test_a_refused_change_shows_the_system_again(ns, ndb):
    route = ndb.routes.create(dst="10.1.0.0/24", gateway="10.0.0.2").commit()
    with pytest.raises(KernelError):
        route.set(gateway="10.77.0.1").commit()
    assert route["gateway"] == "10.0.0.2" and route.clean and [one["gateway"] for one in shown(ns, "10.1.0.0/24")] == ["10.0.0.2"]
    route.set(gateway="10.0.0.3").commit()
    assert [one["gateway"] for one in shown(ns, "10.1.0.0/24")] == ["10.0.0.3"]


def test_ensure(ns, ndb):
    route = ndb.routes.ensure(dst="10.1.0.0/24", gateway="10.0.0.2").commit()
    assert ndb.routes.ensure(dst="10.1.0.0/24", gateway="10.0.0.2").commit() is route
    ndb.routes.ensure(dst="10.1.0.0/24", gateway="10.0.0.3").commit()
    assert [one["gateway"] for one in shown(ns, "10.1.0.0/24")] == ["10.0.0.3"]


def test_a_conflict_is_told_and_can_be_overridden(ns, ndb):
    link = ndb.interfaces["v0"].set(mtu=1400)
    ns.ip("link set v0 mtu 1300")
    ndb.wait(5)
    with pytest.raises(Conflict, match="mtu"):
        link.commit()
    assert link["mtu"] == 1300
    link.set(mtu=1400)
    ns.ip("link set v0 mtu 1350")
    ndb.wait(5)
    link.commit(force=True)
    assert ns.ip_json("link show v0")[0]["mtu"] == 1400


# ------------------------------------------------------------------------------------------------------------ many


def test_many_at_once_or_none(ns, ndb):
    told = []
    specs = ({"dst": f"10.9.{i // 256}.{i % 256}/32", "gateway": "10.0.0.2"} for i in range(2000))
    count = ndb.routes.create_many(specs, progress=lambda done, of: told.append((done, of)))
    assert count == 2000 and len(ns.ip_json("route show root 10.9.0.0/16")) == 2000 and ndb.routes.count() > 2000
    assert told and told[-1] == (2000, 2000)
    with pytest.raises(KernelError) as caught:
        ndb.routes.create_many([{"dst": "10.8.0.1/32", "gateway": "10.0.0.2"}, {"dst": "10.8.0.2/32", "gateway": "10.77.0.1"}])
    assert caught.value.details["index"] == 1 and not shown(ns, "10.8.0.1")
    with pytest.raises(InvalidValue) as wrong:
        ndb.routes.create_many(["10.8.0.3/32", {"dst": "10.8.0.300/32"}], gateway="10.0.0.2")
    assert wrong.value.details["index"] == 1 and not shown(ns, "10.8.0.3")


def test_a_table_becomes_what_is_wanted_by_its_difference(ns, ndb):
    ndb.routes.create_many([f"10.9.0.{i}/32" for i in range(100)], gateway="10.0.0.2", table=100)
    wanted = [{"dst": f"10.9.0.{i}/32", "gateway": "10.0.0.2" if i < 90 else "10.0.0.3"} for i in range(10, 120)]
    counts = ndb.routes.replace_all(wanted, table=100)
    assert (counts.created, counts.changed, counts.removed, counts.kept) == (20, 10, 10, 80)
    there = {one["dst"]: one["gateway"] for one in ns.ip_json("route show table 100")}
    assert there == {one["dst"].removesuffix("/32"): one["gateway"] for one in wanted}
    again = ndb.routes.replace_all(wanted, table=100)
    assert (again.created, again.changed, again.removed, again.kept) == (0, 0, 0, 110)
    before = shown(ns, "", table="main")
    assert ndb.routes.replace_all([], table=100).removed == 110 and not ns.ip_json("route show table 100")
    assert shown(ns, "", table="main") == before
    with pytest.raises(InvalidValue, match="which routes are to be replaced"):
        ndb.routes.replace_all([])


def test_a_route_in_another_source(both):
    ndb, other = both
    ndb.interfaces["v1"].set(target="blue").commit()
    ndb.interfaces[{"target": "blue", "ifname": "v1"}].set(state="up").add_ip("10.0.0.2/24").commit()
    ndb.routes.create(target="blue", dst="10.5.0.0/16", gateway="10.0.0.1").commit()
    assert [one["dst"] for one in other.ip_json("route show proto static")] == ["10.5.0.0/16"]
    ndb.routes[{"target": "blue", "dst": "10.5.0.0/16"}].remove().commit()
    assert not other.ip_json("route show proto static")


def test_a_commit_leaves_no_cycles_and_objects_keep_little_of_it(ns, ndb, monkeypatch):
    """Else the collector goes through all that is kept, 0.1 s at a time, again and again.

    What goes on in a thread, as on a slow machine, keeps what its undo will be made of, too.
    """
    threaded = []
    run = Commit.run
    monkeypatch.setattr(Commit, "run", lambda self, begun=None: threaded.append(1) or run(self, begun))
    specs = [{"dst": f"10.9.1.{i}/32", "gateway": "10.0.0.2"} for i in range(200)]
    ndb.routes.create(specs[0]).commit().set(gateway="10.0.0.3").commit()
    gc.collect()
    gc.disable()
    try:
        before = len(gc.get_objects())
        kept = [ndb.routes.create(one).commit() for one in specs[1:]]
        assert len(gc.get_objects()) - before < 15 * len(kept) + 10 * len(threaded)
        before = len(gc.get_objects())
        for at in range(100):
            kept[0].set(gateway=f"10.0.0.{2 + at % 2}").commit()
        assert len(gc.get_objects()) - before < 10 * 100, "45 for each commit it was; other threads make a few as well"
    finally:
        gc.enable()
