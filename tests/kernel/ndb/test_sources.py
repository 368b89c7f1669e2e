"""Sources through the API: the namespaces that they make."""

import logging
import os
import subprocess

import pytest

from holdfast import NDB
from holdfast.errors import Denied, InvalidValue, NotFound, UnknownName
from holdfast.transactions import namespaces


@pytest.fixture
def name(netns):
    """Of a namespace that is not there; taken away afterwards if somebody made it."""
    name = f"{netns.name}-new"
    yield name
    subprocess.run(["ip", "netns", "delete", name], check=False, stderr=subprocess.DEVNULL)


def there(name):
    return name in subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout.split()


@pytest.mark.parametrize("spelt", ["{}", "/run/netns/{}"])
def test_a_source_makes_the_namespace_that_it_names(ndb, name, spelt):
    ndb.sources.add(netns=spelt.format(name), target="new")
    assert there(name)
    assert [record.ifname for record in ndb.interfaces.dump().select_records(target="new")] == ["lo"]
    ndb.interfaces.create(target="new", ifname="br0", kind="bridge").commit()
    links = subprocess.run(["ip", "-n", name, "-o", "link"], capture_output=True, text=True, check=True).stdout
    assert "br0" in links
    ndb.sources.remove("new")
    assert there(name)


@pytest.mark.parametrize("wish", [{"create": False}, {"flags": 0}])
def test_but_not_against_ones_will(ndb, name, wish):
    with pytest.raises(NotFound, match="no network namespace"):
        ndb.sources.add(netns=name, **wish)
    assert not there(name) and list(ndb.sources) == ["localhost"]


def test_nothing_is_made_that_has_no_name(ndb, tmp_path):
    for netns in (str(tmp_path / "new"), 2**22 + 1):
        with pytest.raises(NotFound):
            ndb.sources.add(netns=netns, target="new")
    assert not os.path.exists(tmp_path / "new")


def test_what_was_made_for_a_source_that_fails_goes_again(ns, ndb, name, monkeypatch):
    with pytest.raises(UnknownName):
        ndb.sources.add(netns=name, tables=["nosuch"])
    assert not there(name)

    async def fails(*_):
        raise InvalidValue("it does not load")

    with monkeypatch.context() as patch:
        patch.setattr(type(ndb._core), "loaded", fails)
        with pytest.raises(InvalidValue, match="it does not load"):
            ndb.sources.add(netns=name)
    assert not there(name) and list(ndb.sources) == ["localhost"]
    with pytest.raises(InvalidValue, match="takes no `wrong`"):
        NDB(sources=[{"target": "localhost", "kind": "netns", "netns": name, "wrong": 1}])
    assert not there(name)


def test_one_that_cannot_be_made(ns, name, monkeypatch):
    def refused(_):
        raise Denied("not allowed")

    monkeypatch.setattr(namespaces, "make", refused)
    spec = {"target": "new", "kind": "netns", "netns": name}
    with pytest.raises(Denied, match="not allowed"):
        NDB(sources=[spec])
    with NDB(sources=[{"target": "localhost", "kind": "netns", "netns": ns.name}, spec]) as ndb:
        assert ndb.interfaces["v0"]["state"] == "up"
        assert ndb.sources["new"].state == "failed" and "no network namespace" in ndb.sources["new"].status()["error"]


def test_groups_as_ndb_has_them(ns):
    spec = {"target": "localhost", "kind": "netns", "netns": ns.name}
    with NDB(sources=[spec | {"groups": 0x1 | 0x10}]) as ndb:
        ns.ip("addr add 10.0.0.9/24 dev v0")
        ns.ip("addr add 2001:db8::9/64 dev v0 nodad")
        ndb.addresses.wait(address="2001:db8::9", timeout=5)  # of a table that is loaded all is told
        assert ndb.addresses["10.0.0.9/24"]["prefixlen"] == 24
        assert (ndb.routes.count(), ndb.rules.count(), ndb.neighbours.count()) == (0, 0, 0)
    with pytest.raises(InvalidValue, match="expected RTMGRP_LINK"):
        NDB(sources=[spec | {"groups": 0x2}])


def test_another_localhost_and_a_restart_with_a_reason(both, caplog):
    ndb, other = both
    other.ip("link add far0 type bridge")
    ndb.interfaces.wait(target="blue", ifname="far0", timeout=5)
    ndb.localhost = "blue"
    assert ndb.interfaces["far0"]["target"] == "blue" and "v0" not in ndb.interfaces
    ndb.interfaces.create(ifname="far1", kind="bridge").commit()
    assert other.ip_json("link show far1")
    with pytest.raises(Denied):
        ndb.readonly().localhost = "localhost"
    with caplog.at_level(logging.INFO, "holdfast"):
        ndb.sources["blue"].restart(reason="a cable was moved")
    assert "blue: to be opened again: a cable was moved" in caplog.text


def test_a_link_by_its_address(ns, ndb):
    ns.ip("link set v1 address 02:00:00:00:00:11")
    ndb.interfaces.wait(ifname="v1", address="02:00:00:00:00:11", timeout=5)
    assert ndb.interfaces["02:00:00:00:00:11"] is ndb.interfaces["v1"]
    assert "02:00:00:00:00:12" not in ndb.interfaces
    with pytest.raises(NotFound, match="no interface `02:00:00:00:00:12`"):
        ndb.interfaces["02:00:00:00:00:12"]
