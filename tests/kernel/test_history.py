"""The past of a namespace: what was changed with iproute2 is told, and found again as it was."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest

from holdfast import NDB, Keep
from holdfast.database import retention
from holdfast.errors import Compacted, InvalidValue, UnknownName
from holdfast.testing.netns import Namespace


@pytest.fixture
def net(make_netns: Callable[..., Namespace]) -> Namespace:
    ns = make_netns("history")
    for command in ("link add d0 type veth peer name d1", "link set d0 up", "link set d1 up", "addr add 192.0.2.1/24 dev d0"):
        ns.ip(command)
    return ns


@pytest.fixture
def ndb(net: Namespace) -> Iterator[Any]:
    with NDB([{"target": "localhost", "kind": "netns", "netns": net.name}]) as opened:
        yield opened


def told(entries: Any) -> list[tuple[str, str, list[tuple[Any, ...]]]]:
    """Of each change: op, key, fields; flags and operstate left out."""
    quiet = {"flags", "operstate", "carrier"}
    return [
        (change.op, change.key, [tuple(field) for field in change.fields if field.field not in quiet])
        for entry in entries
        for change in entry.changes
    ]


def step(net: Namespace, ndb: Any, command: str) -> int:
    """Run it, and wait until it is told, in a revision of its own."""
    net.ip(command)
    ndb.wait()
    time.sleep(0.05)
    return int(ndb.db.revision)


def test_the_life_of_an_interface_goes_on_when_it_is_renamed(net: Namespace, ndb: Any) -> None:
    step(net, ndb, "link set d0 mtu 1400")
    step(net, ndb, "link set d0 down")
    step(net, ndb, "link set d0 name wan0")
    step(net, ndb, "link set wan0 mtu 1300")
    assert told(ndb.history("interfaces", "d0")) == [
        ("changed", "wan0", [("ifname", "d0", "wan0")]),
        ("changed", "d0", [("state", "up", "down")]),
        ("changed", "d0", [("mtu", 1500, 1400)]),
        ("new", "d0", []),
    ]
    assert told(ndb.interfaces.history("wan0"))[0] == ("changed", "wan0", [("mtu", 1400, 1300)])
    assert told(ndb.interfaces.history(ifname="d0")) == told(ndb.history("interfaces", "d0"))


def test_a_route_that_is_sent_another_way_is_told_as_a_change(net: Namespace, ndb: Any) -> None:
    first = step(net, ndb, "route add 203.0.113.0/24 via 192.0.2.2")
    second = step(net, ndb, "route replace 203.0.113.0/24 via 192.0.2.3")
    third = step(net, ndb, "route del 203.0.113.0/24")
    entries = list(ndb.routes.history("203.0.113.0/24"))
    assert [one.revision for one in entries] == [third, second, first]
    assert told(entries) == [
        ("gone", "203.0.113.0/24", []),
        ("changed", "203.0.113.0/24", [("gateway", "192.0.2.2", "192.0.2.3")]),
        ("new", "203.0.113.0/24", []),
    ]
    sql = "SELECT gateway FROM routes WHERE dst = '203.0.113.0'"
    assert [list(ndb.sql(sql, at=one)) for one in (first - 1, first, second, third)] == [[], [("192.0.2.2",)], [("192.0.2.3",)], []]
    assert [one for one in told(ndb.history("routes")) if one[1] == "203.0.113.0/24"] == told(entries)
    assert [(one.op, one.key) for one in ndb.diff(first, second, table="routes")] == [("changed", "203.0.113.0/24")]
    assert [(one.op, one.key) for one in ndb.diff(first - 1, third, "routes")] == []


def test_views_show_what_was(net: Namespace, ndb: Any) -> None:
    then = datetime.now().astimezone()
    before = ndb.interfaces.dump().select_records(ifname="d0")[0]
    step(net, ndb, "link set d0 mtu 1400")
    step(net, ndb, "link add d2 type veth peer name d3")
    for point in (then, then.isoformat()):
        assert ndb.interfaces.dump(at=point).select_records(ifname="d0")[0] == before
        assert {one.ifname for one in ndb.interfaces.summary(at=point)} == {"lo", "d0", "d1"}
    assert (
        ndb.interfaces["d0"].routes.dump(at=then).count()
        == ndb.sql("SELECT count(*) FROM routes WHERE oif = ?", before.index, at=then)[0][0]
    )
    with pytest.raises(Compacted, match="the log of this database begins at revision 1"):
        ndb.sql("SELECT 1 FROM routes", at="1 week ago")
    with pytest.raises(InvalidValue, match="expected a point in time"):
        list(ndb.routes.dump(at="some time"))


def test_a_watch_from_the_past_goes_on_into_the_present(net: Namespace, ndb: Any) -> None:
    begin = ndb.db.revision
    for mtu in range(1400, 1410):
        step(net, ndb, f"link set d0 mtu {mtu}")
    changes = iter(ndb.watch("interfaces", since=begin, ifname="d0"))
    seen = [next(changes).row["mtu"] for _ in range(5)]
    for mtu in range(1410, 1415):
        step(net, ndb, f"link set d0 mtu {mtu}")
    seen += [next(changes).row["mtu"] for _ in range(10)]
    assert seen == list(range(1400, 1415))
    with pytest.raises(Compacted, match="revision 99999 is not one of this database"):
        ndb.watch("interfaces", since=99999)


def test_how_much_is_kept_can_be_said(net: Namespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "_LOOK_EVERY", 1)
    source = [{"target": "localhost", "kind": "netns", "netns": net.name}]
    with NDB(source, keep={"interfaces": Keep(rows=2)}) as ndb:
        begin = ndb.db.revision
        for mtu in range(1400, 1410):
            step(net, ndb, f"link set d0 mtu {mtu}")
        ndb.wait()
        with pytest.raises(Compacted, match="interfaces at revision"):
            ndb.sql("SELECT 1 FROM interfaces", at=begin)
        assert list(ndb.sql("SELECT 1 FROM routes LIMIT 1", at=begin)) == [(1,)]
    with pytest.raises(UnknownName, match="no table `things` – at keep"):
        NDB(source, keep={"things": Keep()})


def test_what_is_asked_wrongly_is_said(ndb: Any) -> None:
    with pytest.raises(UnknownName, match="no table `things`; there are interfaces"):
        list(ndb.history("things"))
    with pytest.raises(UnknownName, match="no table `things`"):
        list(ndb.diff(1, table="things"))
    with pytest.raises(InvalidValue, match="expected a table with the object"):
        list(ndb.history(ifname="d0"))
    with pytest.raises(UnknownName, match="interfaces have no field `colour`"):
        list(ndb.history("interfaces", colour="red"))
    assert list(ndb.history("interfaces", "nothing0")) == []
