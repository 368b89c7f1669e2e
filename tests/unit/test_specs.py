"""Keys in every spelling: what they are read as."""

import pytest

from holdfast.errors import InvalidValue, NotFound, UnknownName
from holdfast.model import KINDS, TABLES
from holdfast.model.names import Names
from holdfast.objects.records import Record
from holdfast.objects.spec import KIND_ATTRIBUTES, holds, shown_name, spelling

INTERFACES = {("localhost", "eth0"): 2, ("blue", "eth0"): 7, ("localhost", "br0"): 3}


class Scene:
    """A host with two interfaces and a name table of its own."""

    def names(self, target):
        return Names.parse({"rt_protos": "186 bgp\n", "rt_tables": "100 blue\n254 main\n255 local\n"})

    def index_of(self, target, ifname):
        try:
            return INTERFACES[target or "localhost", ifname]
        except KeyError:
            raise NotFound(f"no interface `{ifname}` in {target}") from None


def read(table, key, target="localhost"):
    """The first reading of a key: columns, and what is compared later."""
    wanted = next(spelling(table).normalise(key, Scene(), target))
    return wanted.columns | wanted.inner | ({} if wanted.target == target else {"target": wanted.target})


def columns(table, key):
    return [wanted.columns | wanted.inner for wanted in spelling(table).normalise(key, Scene(), "localhost")]


ROUTE = {"dst": "10.0.0.0", "dst_len": 24, "family": 2}


@pytest.mark.parametrize(
    "key",
    [
        "10.0.0.0/24",
        {"dst": "10.0.0.0/24"},
        {"dst": "10.0.0.0", "dst_len": 24},
        {"dst": "10.0.0.0", "dst_len": "24"},
        {"dst": "10.0.0.0/24", "family": "inet"},
        {"dst": "10.0.0.0/24", "tflags": 0},
        Record(["dst", "dst_len"], ["10.0.0.0", 24]),
    ],
)
def test_all_spellings_of_a_route_are_the_same(key):
    assert read("routes", key) == ROUTE


@pytest.mark.parametrize("key", ["default", "", {"dst": "default"}, {"dst": ""}, {"dst": "", "dst_len": 0}])
def test_the_default_route_of_any_family(key):
    assert read("routes", key) == {"dst": "default", "dst_len": 0}


def test_the_default_route_of_a_family():
    assert read("routes", "0.0.0.0/0") == {"dst": "default", "dst_len": 0, "family": 2}
    assert read("routes", "::/0") == {"dst": "default", "dst_len": 0, "family": 10}
    assert read("routes", {"dst": "default", "family": 10}) == {"dst": "default", "dst_len": 0, "family": 10}


def test_ipv6_in_any_spelling_and_its_default_priority():
    wanted = {"dst": "2001:db8::", "dst_len": 32, "family": 10}
    assert read("routes", "2001:0DB8:0:0::/32") == wanted
    assert read("routes", {"dst": "2001:db8::0/32", "priority": 0}) == wanted | {"priority": 1024}
    assert read("routes", {"dst": "10.0.0.0/24", "priority": 0}) == ROUTE | {"priority": 0}
    assert read("neighbours", "FE80::0001") == {"dst": "fe80::1", "family": 10}


def test_names_and_numbers_mean_the_same():
    by_name = {"dst": "10.0.0.0/24", "table": "blue", "proto": "bgp", "scope": "link", "type": "blackhole", "flags": ["onlink", "linkdown"]}
    by_number = {"dst": "10.0.0.0/24", "table_id": 100, "proto": 186, "scope": 253, "type": 6, "flags": 20}
    wanted = ROUTE | {"table_id": 100, "proto": 186, "scope": 253, "type": 6, "flags": 20}
    assert read("routes", by_name) == read("routes", by_number) == wanted
    assert read("routes", {"table": "254"}) == read("routes", {"table": 0}) == {"table_id": 254}
    assert read("neighbours", {"state": ["permanent"]}) == {"state": 128}
    assert read("qdiscs", "1:") == {"handle": 0x10000}


def test_interfaces_are_named_by_name_index_or_spec():
    for oif in ("eth0", 2, {"ifname": "eth0"}, {"index": 2}, Record(["target", "ifname"], ["localhost", "eth0"])):
        assert read("routes", {"dst": "10.0.0.0/24", "oif": oif}) == ROUTE | {"oif": 2}
    assert read("routes", {"target": "blue", "oif": "eth0"}) == {"oif": 7, "target": "blue"}
    assert read("interfaces", {"master": "br0"}) == {"master": 3}
    with pytest.raises(NotFound, match="no interface `eth9`"):
        read("routes", {"oif": "eth9"})
    with pytest.raises(InvalidValue, match="expected an interface as index, name or spec"):
        read("routes", {"oif": {"mtu": 1500}})


def test_the_name_in_a_summary_stands_for_the_interface():
    assert read("addresses", {"ifname": "eth0", "address": "10.0.0.1", "prefixlen": 24}) == {
        "ifindex": 2, "address": "10.0.0.1", "prefixlen": 24, "family": 2,
    }  # fmt: skip
    assert read("routes", {"ifname": "eth0"}) == {"oif": 2}


def test_an_interface_is_found_by_name_then_by_alternative_name():
    assert columns("interfaces", "eth0") == [{"ifname": "eth0"}, {"altnames": ["eth0"]}]
    with_mtu = columns("interfaces", {"ifname": "eth0", "mtu": "1500"})
    assert with_mtu == [{"ifname": "eth0", "mtu": 1500}, {"mtu": 1500, "altnames": ["eth0"]}]
    assert columns("interfaces", 2) == columns("interfaces", {"index": 2}) == [{"ifindex": 2}]
    assert read("interfaces", {"group": "default"}) == {"group_id": 0}
    assert read("interfaces", {"address": "02-00-00-00-00-0A"}) == {"address": "02:00:00:00:00:0a"}


def test_an_address_is_ours_or_the_peers():
    assert columns("addresses", "10.0.0.1/24") == [
        {"local": "10.0.0.1", "prefixlen": 24, "family": 2},
        {"address": "10.0.0.1", "prefixlen": 24, "family": 2},
    ]
    assert columns("addresses", "10.0.0.1")[0] == {"local": "10.0.0.1", "family": 2}


def test_keys_of_other_tables():
    assert read("rules", {"src": "10.9.0.0/16", "table": "main"}) == {"src": "10.9.0.0", "src_len": 16, "table_id": 254, "family": 2}
    assert read("rules", 500) == {"priority": 500}
    assert read("nexthops", 7) == read("nexthops", "7") == {"id": 7}
    assert read("vlans", 5) == {"vid": 5}
    assert read("fdb", "02:00:00:00:00:01") == {"lladdr": "02:00:00:00:00:01"}
    assert columns("netns", "blue") == [{"name": "blue"}]
    assert columns("netns", "/run/netns/blue") == [{"path": "/run/netns/blue"}]
    assert read("routes", 100) == read("routes", "100") == {"dst": "100", "family": 28}


def test_none_means_that_the_field_is_not_there_or_has_its_default():
    assert read("routes", {"gateway": None, "priority": None, "multipath": None}) == {"gateway": None, "priority": 0, "multipath": None}


def test_attributes_of_kinds_and_json_are_compared_later():
    wanted = next(spelling("interfaces").normalise({"kind": "vlan", "vlan_id": 10}, Scene(), None))
    assert (wanted.target, wanted.columns, wanted.inner) == (None, {"kind": "vlan"}, {"vlan_id": 10})
    wanted = next(spelling("routes").normalise({"metrics": {"mtu": 1400}}, Scene(), None))
    assert wanted.inner == {"metrics": {"mtu": 1400}}


@pytest.mark.parametrize(
    ("wanted", "found", "answer"),
    [
        ({"mtu": 1400}, {"mtu": 1400, "advmss": 1}, True),
        ({"mtu": 1400}, {"mtu": 1500}, False),
        ({"mtu": 1400}, None, False),
        ([{"oif": 2}], [{"oif": 1}, {"oif": 2, "weight": 1}], True),
        ([{"oif": 3}], [{"oif": 1}], False),
        (["a"], ["b", "a"], True),
        (None, None, True),
        (10, 10, True),
    ],
)
def test_a_part_of_json_is_enough(wanted, found, answer):
    assert holds(wanted, found) is answer


def test_an_unknown_field_is_refused_with_those_there_are():
    with pytest.raises(UnknownName, match="neighbours have no field `mac`; they have target, family, ifindex, dst, lladdr"):
        read("neighbours", {"mac": "02:00:00:00:00:01"})
    with pytest.raises(KeyError):
        read("routes", {"bogus": 1})


@pytest.mark.parametrize(
    ("table", "key", "sentence"),
    [
        ("routes", "10.0.0.0/33", "expected a prefix, got `10.0.0.0/33`"),
        ("routes", "10.0.0.0/x", "expected a number, got `x`"),
        ("routes", "nonsense", "expected an IP address, got `nonsense`"),
        ("routes", {}, "an empty key"),
        ("addresses", 5, "a number is no key of addresses"),
        ("interfaces", 3.5, "expected a key that is a string, a dict or a record, got float"),
        ("interfaces", {"mtu": "large"}, "expected a number, got `large`"),
        ("fdb", "02:0", "expected an IP address, got `02:0`"),
    ],
)
def test_what_no_key_can_be_is_said_so(table, key, sentence):
    with pytest.raises(InvalidValue, match=sentence):
        read(table, key)


def test_locating_looks_at_what_says_which_object_is_meant():
    locate = {name: spelling(name).locator for name in TABLES}
    assert locate["interfaces"]({"ifname": "eth0", "mtu": 1400, "state": "up"}) == {"ifname": "eth0"}
    assert locate["interfaces"]({"index": 2, "ifname": "eth0"}) == {"index": 2}
    assert locate["routes"]({"dst": "10.0.0.0/24", "gateway": "10.0.0.1", "table": 100}) == {"dst": "10.0.0.0/24", "table": 100}
    assert locate["addresses"]({"address": "10.0.0.1/24", "index": 2, "scope": 0, "target": "blue"}) == {
        "address": "10.0.0.1/24", "index": 2, "target": "blue",
    }  # fmt: skip
    with pytest.raises(InvalidValue, match="nothing in this spec says which of the interfaces is meant; that is told by index"):
        locate["interfaces"]({"mtu": 1400, "vlan_id": 10})


def test_fields_are_shown_by_ndbs_names():
    assert shown_name(TABLES["interfaces"]["ifindex"]) == "index"
    assert shown_name(TABLES["neighbours"]["ifindex"]) == "ifindex"
    assert shown_name(TABLES["routes"]["table_id"]) == "table"
    assert shown_name(TABLES["routes"]["priority"]) == "priority"


def test_no_attribute_of_a_kind_hides_a_field():
    assert {name for name in KIND_ATTRIBUTES if name in {field.name for field in TABLES["interfaces"]}} == set()
    for kind in KINDS.values():
        assert {field.name for field in kind.data} & {field.name for field in kind.port} == set(), kind.kind
