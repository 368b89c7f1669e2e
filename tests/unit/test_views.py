"""Views and objects over a database filled by hand: which row a key finds, and how an object follows it."""

import pickle
import threading
from types import MappingProxyType

import pytest

from holdfast.database.sqlite import Database
from holdfast.errors import Closed, InvalidValue, NotFound, UnknownName
from holdfast.model import TABLES
from holdfast.model.names import BUILTIN
from holdfast.objects import settings
from holdfast.objects.interface import Interface
from holdfast.objects.reading import Reading
from holdfast.objects.view import View as PlainView


class View(PlainView):
    object_types = MappingProxyType({"interfaces": Interface})


class Home:
    """A database that tests write rows to, and the views of it."""

    def __init__(self, database):
        self.database = database
        self.reading = Reading("localhost", lambda target: BUILTIN, lambda: ["localhost", "blue"])
        self.reading.attach(database)
        self.views = {}

    def put(self, table, *rows, target="localhost"):
        def job(tx):
            for row in rows:
                tx.put(TABLES[table], target, tuple(row), [[value] for value in row.values()])

        self.database.write(job).result(10)

    def delete(self, table, *rows, target="localhost"):
        def job(tx):
            for row in rows:
                key = {name: row.get(name) for name in TABLES[table].key}
                assert not tx.delete(TABLES[table], target, tuple(key), [[value] for value in key.values()])

        self.database.write(job).result(10)

    def __getattr__(self, table):
        return self.views.setdefault(table, View(self.reading, table))


def link(index, name, **more):
    return {"ifindex": index, "ifname": name, "flags": 1, "state": "up", "mtu": 1500, "kind": None} | more


def route(dst, **more):
    address, _, bits = dst.partition("/")
    family = 10 if ":" in dst else 2
    return {"dst": address, "dst_len": int(bits or 0), "family": family, "table_id": 254, "type": 1, "proto": 3, "oif": 2} | more


@pytest.fixture
def home():
    with Database(":memory:") as database:
        home = Home(database)
        home.put(
            "interfaces",
            link(1, "lo"),
            link(2, "eth0", altnames=["wan", "uplink0"], kind="veth"),
            link(3, "br0", kind="bridge", kind_data={"br_stp_state": 1, "br_priority": 32768}),
            link(4, "port", master=3, slave_kind="bridge", port_data={"brport_cost": 2}),
            link(5, "eth0.10", kind="vlan", link=2, kind_data={"vlan_id": 10}),
        )
        home.put("interfaces", link(1, "lo"), link(7, "eth0", mtu=9000), target="blue")
        home.put(
            "addresses",
            {"local": "10.0.0.1", "address": "10.0.0.1", "prefixlen": 24, "family": 2, "ifindex": 2},
            {"local": "10.1.0.1", "address": "10.1.0.2", "prefixlen": 32, "family": 2, "ifindex": 2, "ipv4_peer": "10.1.0.2"},
            {"local": "fe80::1", "address": "fe80::1", "prefixlen": 64, "family": 10, "ifindex": 3},
        )
        home.put(
            "routes",
            route("10.0.0.0/24", scope=253, proto=2),
            route("10.2.0.0/16", gateway="10.0.0.9", priority=200),
            route("10.2.0.0/16", gateway="10.0.0.8", priority=100),
            route("10.2.0.0/24", gateway="10.0.0.7"),
            route("10.3.0.0/24", gateway="10.0.0.3", table_id=100),
            route("10.3.0.0/24", gateway="10.0.0.4", table_id=50),
            route("default", gateway="10.0.0.254"),
            route("default", family=10, gateway="fe80::2", priority=1024),
            route("10.4.0.0/24", oif=None, multipath=[{"oif": 2, "gateway": "10.0.0.1"}, {"oif": 3}], metrics={"mtu": 1400}),
        )
        yield home


# -------------------------------------------------------------------------------------------------------- which row


def test_an_interface_by_name_index_alternative_name_and_spec(home):
    specs = {"ifname": "eth0"}, {"ifname": "wan"}, {"index": 2}, {"ifname": "eth0", "mtu": 1500}, {"altnames": ["wan"]}
    for key in ("eth0", 2, "wan", "uplink0", *specs):
        assert home.interfaces[key]["index"] == 2, key
    assert home.interfaces[{"target": "blue", "ifname": "eth0"}]["mtu"] == 9000
    assert home.interfaces[home.interfaces["eth0"]]["ifname"] == "eth0"
    assert home.interfaces[{"kind": "vlan", "vlan_id": 10}]["ifname"] == "eth0.10"
    assert home.interfaces[{"br_stp_state": 1}]["ifname"] == "br0"


def test_which_route_when_several_fit(home):
    routes = home.routes
    assert routes["10.2.0.0/16"]["gateway"] == "10.0.0.8"  # the lowest priority
    assert routes["10.2.0.0"]["dst_len"] == 24  # the longest prefix
    assert routes["10.3.0.0/24"]["table"] == 50  # not in main: the lowest table
    assert routes[{"dst": "10.3.0.0/24", "table": 100}]["gateway"] == "10.0.0.3"
    assert routes["default"]["family"] == 2
    assert routes["::/0"]["gateway"] == "fe80::2"
    assert routes[{"dst": "::/0", "priority": 0}]["priority"] == 1024
    home.put("routes", route("10.3.0.0/24", gateway="10.0.0.5"))
    assert routes["10.3.0.0/24"]["table"] == 254


def test_a_route_by_its_way_out_and_by_parts_of_its_json(home):
    assert home.routes[{"dst": "10.2.0.0/16", "gateway": "10.0.0.9"}]["priority"] == 200
    assert home.routes[{"oif": "eth0", "proto": "kernel"}]["dst"] == "10.0.0.0"
    assert home.routes[{"metrics": {"mtu": 1400}}]["dst"] == home.routes[{"multipath": [{"oif": 3}]}]["dst"] == "10.4.0.0"


def test_an_address_by_ours_or_the_peers(home):
    specs = {"address": "10.0.0.1/24"}, {"address": "10.0.0.1", "prefixlen": 24}, {"local": "10.0.0.1", "ifname": "eth0"}
    for key in ("10.0.0.1/24", "10.0.0.1", *specs):
        assert home.addresses[key]["local"] == "10.0.0.1"
    assert home.addresses["10.1.0.1"]["address"] == home.addresses["10.1.0.2"]["address"] == "10.1.0.2"
    assert home.addresses["FE80::0001/64"]["index"] == 3


def test_what_is_not_there(home):
    with pytest.raises(NotFound, match=r"no route `10\.99\.0\.0/24` in localhost$"):
        home.routes["10.99.0.0/24"]
    with pytest.raises(KeyError):
        home.interfaces["eth9"]
    with pytest.raises(NotFound, match="no interface `eth0` in green; there is no source `green`, but localhost, blue"):
        home.interfaces[{"target": "green", "ifname": "eth0"}]
    assert home.routes.get("10.99.0.0/24") is None
    assert home.routes.get("10.99.0.0/24", 5) == 5
    assert not home.routes.exists("10.99.0.0/24") and "10.99.0.0/24" not in home.routes
    assert not home.routes.exists({"oif": "eth9"})
    assert home.routes.getone(dst="10.99.0.0/24") is None
    with pytest.raises(UnknownName):
        home.routes.get({"bogus": 1})
    with pytest.raises(InvalidValue):
        home.interfaces[None]


def test_exists_in_and_locate(home):
    assert home.interfaces.exists("eth0") and "wan" in home.interfaces and home.interfaces.exists(ifname="br0")
    assert home.interfaces.locate(ifname="eth0", mtu=1, state="down")["index"] == 2
    assert home.routes.locate({"dst": "10.2.0.0/24", "gateway": "1.1.1.1"})["gateway"] == "10.0.0.7"
    assert home.interfaces.locate("wan")["index"] == 2
    with pytest.raises(NotFound):
        home.interfaces.locate(ifname="eth9", mtu=1500)
    with pytest.raises(KeyError):
        home.interfaces[{"ifname": "eth0", "mtu": 1}]


def test_getmany_and_getone_look_at_all_sources(home):
    assert [row["target"] for row in home.interfaces.getmany({"ifname": "eth0"})] == ["localhost", "blue"]
    assert [row["index"] for row in home.interfaces.getmany(ifname="eth0", target="blue")] == [7]
    assert home.interfaces.getone(kind="vlan")["vlan_id"] == 10
    assert home.interfaces.getone(ifname="wan")["altnames"] == ["wan", "uplink0"]


# ---------------------------------------------------------------------------------------------------------- objects


def test_an_object_is_a_dictionary(home):
    bridge = home.interfaces["br0"]
    assert (bridge["index"], bridge["ifindex"], bridge["br_stp_state"], bridge["altnames"], bridge["alt_ifname_list"]) == (3, 3, 1, [], [])
    fields = dict(bridge)
    assert fields["target"] == "localhost" and fields["index"] == 3 and fields["br_priority"] == 32768 and "ifindex" not in fields
    assert len(bridge) == len(fields) and "br_priority" in bridge and "ifindex" in bridge and "vlan_id" not in bridge
    assert bridge == home.interfaces["br0"] and bridge is home.interfaces["br0"]
    assert bridge.get("vlan_id", 5) == 5
    assert home.interfaces["port"]["brport_cost"] == 2
    with pytest.raises(NotFound, match="interface br0 of kind bridge has no `vlan_id`"):
        bridge["vlan_id"]
    with pytest.raises(UnknownName, match="interfaces have no field `bogus`; they have target, index, ifname"):
        bridge["bogus"]
    assert eval(repr(bridge)) == fields


def test_absent_json_is_empty_and_present_json_is_python(home):
    route = home.routes["10.4.0.0/24"]
    assert route["metrics"] == {"mtu": 1400} and [hop.get("gateway") for hop in route["multipath"]] == ["10.0.0.1", None]
    assert home.routes["default"]["multipath"] == [] and home.routes["default"]["metrics"] == {}
    assert home.routes["default"]["dst"] == "default"


def test_key_state_and_other_ways_to_look_at_an_object(home):
    eth0 = home.interfaces["eth0"]
    assert eth0.key == {"target": "localhost", "index": 2} and eth0.key_repr() == "localhost/eth0"
    assert eth0.state == "system" and eth0.state.get() == "system" and eth0.exists() and eth0.clean and eth0.chain is None
    assert (eth0.table, eth0.etable) == ("interfaces", "interfaces")
    assert tuple(eth0.fields("ifname", "index", "mtu")) == ("eth0", 2, 1500) and eth0.fields("mtu").mtu == 1500
    assert eth0.fields()._as_dict() == dict(eth0) == eth0.show()
    assert '"ifname": "eth0"' in eth0.show("json") and eth0.show("csv").startswith("'target','index','ifname'")
    assert home.interfaces["br0"].complete_key({"ifname": "eth0"}) == {"ifname": "eth0", "target": "localhost", "index": 2}
    assert home.routes["10.2.0.0/24"].key["table"] == 254 and home.addresses["10.0.0.1"].key["local"] == "10.0.0.1"
    assert eth0.load_sql().mtu == 1500
    with pytest.raises(InvalidValue):
        eth0.show("xml")


def test_an_object_follows_its_row(home):
    eth0 = home.interfaces["eth0"]
    before = eth0.since
    home.put("interfaces", link(2, "wan0", mtu=9000, kind="veth"))
    assert (eth0["ifname"], eth0["mtu"]) == ("wan0", 9000) and eth0.since > before
    assert home.interfaces["wan0"]["index"] == 2 and home.interfaces.get("eth0") is None
    home.put("interfaces", link(2, "wan0", mtu=9000, kind="veth", carrier_changes=5))  # volatile: no revision
    assert eth0["carrier_changes"] == 5


def test_an_object_that_is_gone_can_be_read_and_comes_back(home):
    bridge = home.interfaces["br0"]
    home.delete("interfaces", {"ifindex": 3})
    assert bridge.state == "invalid" and not bridge.exists() and bridge["br_stp_state"] == 1 and bridge.load_sql() is None
    home.put("interfaces", link(3, "br1", kind="bridge"))
    assert bridge.state == "system" and bridge["ifname"] == "br1"


def test_a_replaced_route_is_the_same_object(home):
    wanted = home.routes["10.2.0.0/24"]
    old = route("10.2.0.0/24", gateway="10.0.0.7")
    home.database.write(
        lambda tx: (
            tx.delete(TABLES["routes"], "localhost", TABLES["routes"].key, [[old.get(name)] for name in TABLES["routes"].key]),
            tx.put(TABLES["routes"], "localhost", tuple(old), [[value] for value in (old | {"gateway": "10.0.0.77"}).values()]),
        )
    ).result(10)
    assert wanted["gateway"] == "10.0.0.77" and wanted.state == "system"


def test_a_deleted_route_does_not_become_its_sibling(home):
    home.put("routes", route("10.2.0.0/24", gateway="10.0.0.66"))  # as `ip route append` does
    wanted = home.routes[{"dst": "10.2.0.0/24", "gateway": "10.0.0.7"}]
    home.delete("routes", route("10.2.0.0/24", gateway="10.0.0.7"))
    assert wanted.state == "invalid" and wanted["gateway"] == "10.0.0.7"


def test_many_threads_read_one_object(home):
    eth0, seen = home.interfaces["eth0"], []

    def read():
        seen.extend(eth0["mtu"] for _ in range(200))

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for mtu in range(2000, 2020):
        home.put("interfaces", link(2, "eth0", mtu=mtu))
    for thread in threads:
        thread.join()
    assert set(seen) <= {1500, *range(2000, 2020)} and eth0["mtu"] == 2019


def test_the_cache_forgets_what_is_idle_and_stays_bounded(home, monkeypatch):
    views = home.interfaces
    first = views["eth0"]
    assert views["eth0"] is first and len(views.cache) == 1
    monkeypatch.setattr(settings, "cache_expire", -1.0)
    assert views["lo"]["ifname"] == "lo" and [key[1] for key in views.cache] == [1]
    assert views["eth0"] is not first and first["mtu"] == 1500
    monkeypatch.setattr(settings, "cache_expire", 60.0)
    monkeypatch.setattr(settings, "cache_size", 2)
    assert {one["index"] for one in views.values()} == {1, 2, 3, 4, 5, 7} and len(views.cache) <= 3


# --------------------------------------------------------------------------------------------------------- contexts


def test_views_through_an_object_work_in_its_context(home):
    eth0 = home.interfaces["eth0"]
    assert {record.local for record in eth0.ipaddr.dump()} == {"10.0.0.1", "10.1.0.1"} and eth0.ipaddr.count() == 2
    assert eth0.ipaddr["10.0.0.1/24"].chain is eth0
    assert home.interfaces["br0"].ipaddr.get("10.0.0.1/24") is None
    assert [record.ifname for record in home.interfaces["br0"].ports.dump()] == ["port"]
    assert home.interfaces["br0"].ports["port"]["master"] == 3
    assert home.interfaces["br0"].routes.count() == 1 and home.interfaces["br0"].routes["10.4.0.0/24"]["metrics"] == {"mtu": 1400}
    assert home.interfaces[{"target": "blue", "ifname": "lo"}].ipaddr.count() == 0
    with pytest.raises(NotFound, match=r"no address `10\.9\.9\.9` on localhost/eth0"):
        eth0.ipaddr["10.9.9.9"]


def test_counts_of_sub_views_are_those_of_filtered_dumps(home):
    for interface in home.interfaces.values():
        target, index = interface["target"], interface["index"]
        assert interface.ipaddr.count() == home.addresses.dump().select_records(target=target, index=index).count()
        assert len(interface.ports) == home.interfaces.dump().select_records(target=target, master=index).count()


def test_a_sub_view_follows_its_interface(home):
    addresses = home.interfaces["eth0"].ipaddr
    home.put("interfaces", link(2, "wan0"))
    home.put("addresses", {"local": "10.7.0.1", "address": "10.7.0.1", "prefixlen": 24, "family": 2, "ifindex": 2})
    assert addresses.count() == 3 and "wan0" in repr(addresses)


# ---------------------------------------------------------------------------------------------------------- records


def test_dumps_have_every_field_by_ndbs_names(home):
    record = home.interfaces.dump()[1]
    assert record._names[:3] == ("target", "index", "ifname") and record.ifindex == record.index == 2
    assert record.altnames == ["wan", "uplink0"]
    assert pickle.loads(pickle.dumps(record)) == record
    assert home.routes.dump().select_records(dst="default", family=10)[0].table == 254
    home.put("interfaces", link(2, "eth0", mtu=9000))
    assert home.interfaces[record]["mtu"] == 9000 and record in home.interfaces
    for view in (home.interfaces, home.addresses, home.routes):
        for key, one in view.items():
            assert view[key].key == one.key == view[one].key


def test_summaries_show_interfaces_by_name(home):
    first = {"target": "localhost", "tflags": 0, "ifname": "eth0", "address": "10.0.0.1", "prefixlen": 24}
    assert home.addresses.summary()[0]._as_dict() == first
    assert home.routes.summary().select_records(dst="10.2.0.0", dst_len=24)[0].ifname == "eth0"
    for view in (home.interfaces, home.addresses, home.routes):
        for record in view.summary():
            assert view.exists(record), record


def test_keys_values_items_and_iteration(home):
    names = [record.ifname for record in home.interfaces]
    assert names == [record.ifname for record in home.interfaces.keys()]  # noqa: SIM118 - it is no dict
    assert names == [one["ifname"] for one in home.interfaces.values()] == ["lo", "eth0", "br0", "port", "eth0.10", "lo", "eth0"]
    assert all(record.index == one["index"] for record, one in home.interfaces.items())
    assert len(home.interfaces) == home.interfaces.count() == 7


@pytest.mark.parametrize("target", [5, ["blue"], {"a": 1}, 2.5])
def test_a_target_is_a_name(home, target):
    with pytest.raises(InvalidValue, match=r"expected the name of a source, got .* – at target"):
        home.routes.create(dst="10.9.0.0/24", gateway="10.0.0.2", target=target)


def test_a_view_describes_its_fields(home):
    described = {record.name: record for record in home.interfaces.describe()}
    assert described["index"].key and described["index"].sql_name == "ifindex" and described["mtu"].unit == "bytes"
    assert "interfaces: 7 objects" in repr(home.interfaces)


def test_reading_after_the_end_says_so(home):
    eth0 = home.interfaces["eth0"]
    home.reading.end(Closed("this NDB is closed"))
    for call in (lambda: eth0["mtu"], lambda: home.interfaces["eth0"], home.interfaces.count, lambda: list(home.routes.dump())):
        with pytest.raises(Closed, match="this NDB is closed"):
            call()
