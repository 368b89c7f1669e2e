"""Addresses through objects and through their interface; read back through `ip`."""

import errno

import pytest

from holdfast.errors import InvalidValue, KernelError


def shown(ns, dev="v0"):
    return {one["local"]: one for one in ns.ip_json(f"addr show dev {dev}")[0]["addr_info"]}


def test_an_address_is_made_changed_and_removed(ns, ndb):
    address = ndb.addresses.create(address="10.1.0.1", prefixlen=24, index=ndb.interfaces["v0"]["index"]).commit()
    assert shown(ns)["10.1.0.1"]["prefixlen"] == 24 and address.state == "system" and ndb.addresses["10.1.0.1/24"] is address
    address.set(prefixlen=25)
    assert address.state == "replace"
    address.commit()
    assert shown(ns)["10.1.0.1"]["prefixlen"] == 25 and address["prefixlen"] == 25
    address.remove().commit()
    assert "10.1.0.1" not in shown(ns) and address.state == "invalid"
    address.rollback()
    assert shown(ns)["10.1.0.1"]["prefixlen"] == 25


@pytest.mark.parametrize(
    ("given", "local", "told"),
    [
        ({"address": "10.1.0.1/24"}, "10.1.0.1", {"prefixlen": 24}),
        ({"address": "10.1.0.1", "mask": "255.255.0.0"}, "10.1.0.1", {"prefixlen": 16}),
        ({"address": "10.1.0.1"}, "10.1.0.1", {"prefixlen": 32}),
        ({"local": "10.1.0.1", "address": "10.1.0.2", "prefixlen": 32}, "10.1.0.1", {"address": "10.1.0.2", "prefixlen": 32}),
        ({"local": "10.1.0.1", "peer": "10.1.0.2/32"}, "10.1.0.1", {"address": "10.1.0.2"}),
        ({"address": "10.1.0.1/24", "broadcast": True}, "10.1.0.1", {"broadcast": "10.1.0.255"}),
        ({"address": "10.1.0.1/24", "label": "v0:one", "scope": "link"}, "10.1.0.1", {"label": "v0:one", "scope": "link"}),
        ({"address": "2001:0DB8:0009::0001/64"}, "2001:db8:9::1", {"prefixlen": 64}),
        ({"address": "2001:db8:9::1"}, "2001:db8:9::1", {"prefixlen": 128}),
        ({"address": "10.1.0.1/24", "flags": ["noprefixroute"]}, "10.1.0.1", {"noprefixroute": True}),
        ({"address": "10.1.0.1/24", "rt_priority": 77}, "10.1.0.1", {"metric": 77}),
        ({"address": "10.1.0.1/24", "proto": 5}, "10.1.0.1", {}),
    ],
)  # fmt: skip
def test_what_an_address_can_be(ns, ndb, given, local, told):
    address = ndb.addresses.create(index="v0", **given).commit()
    there = shown(ns)[local]
    assert {name: there.get(name) for name in told} == told and address.state == "system"
    assert ndb.addresses.ensure(index="v0", **given).clean
    address.remove().commit()
    assert local not in shown(ns)


def test_lifetimes(ns, ndb):
    address = ndb.addresses.create(address="10.1.0.1/24", index="v0", preferred_lft=500, valid_lft=1000).commit()
    there = shown(ns)["10.1.0.1"]
    assert 490 < there["preferred_life_time"] <= 500 and 990 < there["valid_life_time"] <= 1000
    address.set(valid_lft=3000, preferred_lft=2000).commit()
    there = shown(ns)["10.1.0.1"]
    assert 1990 < there["preferred_life_time"] <= 2000 and 2990 < there["valid_life_time"] <= 3000
    ndb.addresses.create(address="2001:db8:9::1/64", index="v0", valid=600, preferred=0).commit()
    assert 590 < shown(ns)["2001:db8:9::1"]["valid_life_time"] <= 600
    with pytest.raises(InvalidValue, match="preferred lifetime of at most 5 s"):
        ndb.addresses.create(address="10.1.0.2/24", index="v0", preferred_lft=9, valid_lft=5).commit()


def test_through_the_interface(ns, ndb):
    link = ndb.interfaces["v0"]
    link.ipaddr.create(address="10.1.0.1", prefixlen=24).create("10.1.0.2/24").commit()
    link.ipaddr.create("10.1.0.3/24").commit()
    assert {"10.1.0.1", "10.1.0.2", "10.1.0.3"} <= shown(ns).keys()
    link.ipaddr["10.1.0.2/24"].remove().commit()
    link.add_ip("10.2.0.1/24").add_ip(address="10.2.0.2", prefixlen=24).commit()
    assert {"10.2.0.1", "10.2.0.2"} <= shown(ns).keys() and "10.1.0.2" not in shown(ns)


def test_ensure_ip_adds_only_what_is_missing(ns, ndb):
    link = ndb.interfaces["v0"].ensure_ip("10.1.0.1/24").commit()
    revision = ndb.db.revision
    link.ensure_ip("10.1.0.1/24").commit()
    assert ndb.db.revision == revision
    link.ensure_ip("10.1.0.1/24").ensure_ip("10.1.0.2/24").commit()
    assert {"10.1.0.1", "10.1.0.2"} <= shown(ns).keys()
    with pytest.raises(KernelError) as caught:
        link.add_ip("10.1.0.3/24").add_ip("10.1.0.2/24").commit()
    assert caught.value.code == errno.EEXIST and "10.1.0.3" not in shown(ns)


@pytest.mark.parametrize(
    ("how", "left"),
    [
        (lambda link: link.del_ip("10.1.0.1/24"), {"10.0.0.1", "10.2.0.1", "2001:db8::1"}),
        (lambda link: link.del_ip(family=2), {"2001:db8::1"}),
        (lambda link: link.del_ip(family=10), {"10.0.0.1", "10.1.0.1", "10.2.0.1"}),
        (lambda link: link.del_ip(prefixlen=25), {"10.0.0.1", "10.1.0.1", "2001:db8::1"}),
        (lambda link: link.del_ip(lambda record: record.address == "10.2.0.1"), {"10.0.0.1", "10.1.0.1", "2001:db8::1"}),
        (lambda link: link.del_ip({"address": "10.1.0.1", "prefixlen": 24}), {"10.0.0.1", "10.2.0.1", "2001:db8::1"}),
    ],
)
def test_addresses_are_removed_by_what_they_are(ns, ndb, how, left):
    link = ndb.interfaces["v0"].add_ip("10.1.0.1/24").add_ip("10.2.0.1/25").commit()
    how(link).commit()
    assert {local for local in shown(ns) if not local.startswith("fe80")} - {"fe80"} == left


def test_removing_what_is_not_there_loses_nothing(ns, ndb):
    before = shown(ns).keys()
    with pytest.raises(KeyError):
        ndb.interfaces["v0"].del_ip("10.99.0.1/24").commit()
    with pytest.raises(KeyError):
        ndb.interfaces["v0"].add_ip("10.1.0.1/24").del_ip(prefixlen=9).commit()
    assert shown(ns).keys() == before
    ndb.interfaces["v0"].add_ip("10.1.0.1/24").commit()


def test_secondary_addresses_survive_a_rollback(ns, ndb):
    link = ndb.interfaces["v0"].add_ip("10.1.0.1/24").add_ip("10.1.0.2/24").add_ip("10.1.0.3/24").commit()
    first = link.ipaddr["10.1.0.1/24"].remove().commit()
    first.rollback()
    assert {"10.1.0.1", "10.1.0.2", "10.1.0.3"} <= shown(ns).keys()


def test_an_address_of_a_record_is_made_again(ns, ndb):
    record = next(one for one in ndb.addresses.dump() if one.local == "10.0.0.1")
    ndb.addresses[record].remove().commit()
    ndb.addresses.create(**record._as_dict()).commit()
    assert shown(ns)["10.0.0.1"]["prefixlen"] == 24
