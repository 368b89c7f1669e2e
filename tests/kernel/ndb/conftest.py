"""A namespace with two links that are up, as this program's own host, and an NDB on it."""

import pytest

from holdfast import NDB


def spec(namespace, target="localhost"):
    return {"target": target, "kind": "netns", "netns": namespace.name}


@pytest.fixture
def ns(netns):
    netns.sysctl("net.ipv6.conf.default.accept_dad", 0)
    netns.ip("link add v0 type veth peer name v1")
    netns.ip("link set v0 up")
    netns.ip("link set v1 up")
    netns.ip("addr add 10.0.0.1/24 dev v0")
    netns.ip("addr add 2001:db8::1/64 dev v0 nodad")
    return netns


@pytest.fixture
def ndb(ns):
    with NDB(sources=[spec(ns)]) as ndb:
        yield ndb


@pytest.fixture
def both(ns, make_netns):
    """An NDB with two sources; the other namespace."""
    other = make_netns("other")
    with NDB(sources=[spec(ns), spec(other, "blue")]) as ndb:
        yield ndb, other
