"""What happened, told: entries of the log with what they changed, and the differences between two points in time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from holdfast.database import history
from holdfast.database.home import Condition
from holdfast.database.sqlite import Database
from holdfast.errors import Compacted, InvalidValue
from holdfast.model import INTERFACES, ROUTES, RULES
from holdfast.story import log, page
from holdfast.story.diff import differences
from holdfast.story.log import Asked, Counts, Entry, entries

LINK = ("ifindex", "ifname", "mtu", "flags", "kind_data")
WAY = ("family", "dst", "dst_len", "table_id", "gateway", "oif")


def link(database: Database, name: str = "eth0", mtu: int = 1500, target: str = "here", **note: Any) -> int:
    def job(tx: Any) -> None:
        tx.put(INTERFACES, target, LINK, [[2], [name], [mtu], [1], [{"a": mtu}]])
        if note:
            tx.note("change", **note)

    database.write(job).result()
    return database.revision


def way(*gateways: str, dst: str = "10.0.0.0") -> list[list[Any]]:
    count = len(gateways)
    return [[2] * count, [dst] * count, [8] * count, [254] * count, list(gateways), [2] * count]


def reroute(database: Database, old: str, new: str, dst: str = "10.0.0.0") -> int:
    def job(tx: Any) -> None:
        if old:
            tx.delete(ROUTES, "here", WAY, way(old, dst=dst))
        if new:
            tx.put(ROUTES, "here", WAY, way(new, dst=dst))

    database.write(job).result()
    return database.revision


@pytest.fixture
def database() -> Iterator[Database]:
    with Database() as opened:
        yield opened


def told(entry: Entry) -> list[str]:
    found = []
    for one in entry.changes:
        fields = ", ".join(f"{field.field} {field.old} → {field.new}" for field in one.fields)
        found.append(f"{one.op} {one.table} {one.key}{': ' if fields else ''}{fields}")
    return found


def test_entries_come_newest_first_with_what_they_changed(database: Database) -> None:
    link(database)
    reroute(database, "", "192.0.2.1")
    reroute(database, "192.0.2.1", "192.0.2.2")
    link(database, mtu=1400, author="ann", message="a smaller one")
    reroute(database, "192.0.2.2", "")
    found = list(entries(database, Asked()))
    assert [(one.revision, one.kind, one.target, told(one)) for one in found] == [
        (6, "live", "here", ["gone routes 10.0.0.0/8"]),
        (5, "change", None, ["changed interfaces eth0: mtu 1500 → 1400, kind_data {'a': 1500} → {'a': 1400}"]),
        (4, "live", "here", ["changed routes 10.0.0.0/8: gateway 192.0.2.1 → 192.0.2.2"]),
        (3, "live", "here", ["new routes 10.0.0.0/8"]),
        (2, "live", "here", ["new interfaces eth0"]),
        (1, "start", None, []),
    ]
    assert (found[1].author, found[1].message) == ("ann", "a smaller one")
    assert found[0].time > found[-1].time and found[0].time.tzinfo is not None
    assert json.loads(json.dumps(found[1].as_dict()))["changes"][0]["fields"][0] == {"field": "mtu", "old": 1500, "new": 1400}


def test_two_ways_of_one_prefix_are_two_routes(database: Database) -> None:
    reroute(database, "", "192.0.2.1")

    def job(tx: Any) -> None:
        tx.delete(ROUTES, "here", WAY, way("192.0.2.1"))
        tx.put(ROUTES, "here", WAY, way("192.0.2.2", "192.0.2.3"))

    database.write(job).result()
    newest = next(entries(database, Asked()))
    assert sorted(told(newest)) == ["gone routes 10.0.0.0/8", "new routes 10.0.0.0/8", "new routes 10.0.0.0/8"]


def test_filters(database: Database) -> None:
    link(database, author="ann")
    link(database, "far0", target="there")
    link(database, mtu=1400)
    database.write(lambda tx: tx.note("gap", target="there", message="lost")).result()
    reroute(database, "", "192.0.2.1")

    def revisions(**asked: Any) -> list[int]:
        return [one.revision for one in entries(database, Asked(**asked))]

    assert revisions() == [6, 5, 4, 3, 2, 1]
    assert revisions(tables=("interfaces",)) == [4, 3, 2]
    assert revisions(tables=("interfaces", "routes")) == [6, 4, 3, 2]
    assert revisions(target="there") == [5, 3]
    assert revisions(target="here") == [6, 4, 2]
    assert revisions(author="ann") == [2] == revisions(tables=("interfaces",), author="ann")
    assert revisions(since=2, until=5) == [5, 4, 3]
    assert revisions(tables=("interfaces",), condition=Condition("t.ifname = ? AND t.mtu > ?", ("eth0", 1000)), since=2) == [4]
    assert revisions(tables=("interfaces",), fits=lambda row: row["mtu"] == 1500 and row["target"] == "here") == [4, 2]
    assert revisions(since="1 h ago") == revisions(), "the log begins later: all of it"
    with pytest.raises(InvalidValue, match="expected a point in time"):
        revisions(since="soon")


def test_what_a_transaction_caused_is_of_its_author(database: Database) -> None:
    link(database)
    database.write(lambda tx: tx.note("intent", author="ann", message="maintenance", told=["change of eth0"], requests=1)).result()
    intent = database.revision

    def caused(tx: Any) -> None:
        tx.put(INTERFACES, "here", LINK, [[2], ["eth0"], [1400], [1], [{"a": 1}]])
        tx.note("live", target="here", intent=intent)

    database.write(caused).result()
    database.write(lambda tx: tx.note("result", intent=intent, result="done")).result()
    link(database, mtu=1300)
    assert [(one.revision, one.author) for one in entries(database, Asked())][:2] == [(6, None), (4, "ann")]
    assert [one.revision for one in entries(database, Asked(author="ann"))] == [4, intent]
    assert [one.revision for one in entries(database, Asked(("interfaces",), author="ann"))] == [4]


def test_pages_join_without_a_gap_or_a_repeat(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(20):
        link(database, mtu=1000 + number)
        reroute(database, "", "192.0.2.1", dst=f"10.{number}.0.0")
    everything = [(one.revision, told(one)) for one in entries(database, Asked())]
    routes = [(one.revision, told(one)) for one in entries(database, Asked(("routes",)))]
    for size in (2, 3, 7, 40, 41, 42):
        monkeypatch.setattr(log, "_PAGE", size)
        assert [(one.revision, told(one)) for one in entries(database, Asked())] == everything
        assert [(one.revision, told(one)) for one in entries(database, Asked(("routes",)))] == routes
    assert [one[0] for one in everything] == list(range(41, 0, -1)) and len(routes) == 20


def test_what_is_too_much_is_counted(database: Database) -> None:
    before = link(database)
    hosts = [f"10.0.{n // 256}.{n % 256}" for n in range(2000)]
    columns = [[2] * 2000, hosts, [32] * 2000, [254] * 2000, ["192.0.2.1"] * 2000, [2] * 2000]
    database.write(lambda tx: tx.put(ROUTES, "here", WAY, columns)).result()
    database.write(lambda tx: tx.delete_where(ROUTES, "here", "dst_len = 32 AND dst < '10.0.6'")).result()
    after = link(database, mtu=1400)
    found = list(entries(database, Asked()))
    assert [one.revision for one in found] == [after, after - 1, after - 2, before, 1]
    assert found[1].changes == () and found[1].many == {"routes": Counts(0, 1536)}
    assert found[2].many == {"routes": Counts(2000, 0)} and found[2].as_dict()["many"] == {"routes": {"came": 2000, "went": 0}}
    assert told(found[0]) and told(found[3])


def test_where_the_history_of_a_table_begins_is_an_entry(database: Database) -> None:
    link(database)
    for number in range(1, 5):
        reroute(database, f"192.0.2.{number - 1}" if number > 1 else "", f"192.0.2.{number}")
    last = link(database, mtu=1400)
    database.write(lambda tx: history.forget(tx.session.connection, "routes", 4, 100)).result()
    assert [(one.revision, one.kind, told(one)) for one in entries(database, Asked())] == [
        (last, "live", ["changed interfaces eth0: mtu 1500 → 1400, kind_data {'a': 1500} → {'a': 1400}"]),
        (6, "live", ["changed routes 10.0.0.0/8: gateway 192.0.2.3 → 192.0.2.4"]),
        (5, "live", ["changed routes 10.0.0.0/8: gateway 192.0.2.2 → 192.0.2.3"]),
        (4, "compacted", []),
        (2, "live", ["new interfaces eth0"]),
        (1, "start", []),
    ]
    kinds = [(one.revision, one.kind) for one in entries(database, Asked(("routes",)))]
    assert kinds == [(6, "live"), (5, "live"), (4, "compacted")]
    assert [one.kind for one in entries(database, Asked(("routes",), since=4))] == ["live", "live"]
    assert [one.kind for one in entries(database, Asked(("interfaces",)))] == ["live", "live"]


def test_entries_are_made_as_they_are_asked_for(database: Database) -> None:
    for number in range(300):
        link(database, mtu=1000 + number)
    asked = entries(database, Asked())
    newest = next(asked)
    link(database, mtu=9000)
    assert newest.revision == 301 and [one.revision for one in asked] == list(range(300, 0, -1)), "what comes later is not told"


def test_an_object_that_leaves_what_is_asked_for_has_changed_and_is_not_gone(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    link(database)
    link(database, mtu=1400)
    link(database, mtu=1500)
    hosts = [f"10.0.0.{number}" for number in range(50)]
    for gateway in ("192.0.2.1", "192.0.2.2", "192.0.2.1"):

        def job(tx: Any, gateway: str = gateway) -> None:
            tx.delete_where(ROUTES, "here")
            tx.put(ROUTES, "here", WAY, [[2] * 50, hosts, [32] * 50, [254] * 50, [gateway] * 50, [2] * 50])

        database.write(job).result()
    large = Asked(("interfaces",), Condition("t.mtu > ?", (1400,)), lambda row: row["mtu"] > 1400)
    assert [[one.op for one in entry.changes] for entry in entries(database, large)] == [["changed"], ["changed"], ["new"]]
    via = Asked(("routes",), Condition("t.gateway = ?", ("192.0.2.1",)), lambda row: row["gateway"] == "192.0.2.1")
    for few in (20, 100):  # 50 objects: by their keys, or all that happened there
        monkeypatch.setattr(page, "_FEW", few)
        assert [{one.op for one in entry.changes} for entry in entries(database, via)] == [{"changed"}, {"changed"}, {"new"}]
        assert [len(entry.changes) for entry in entries(database, via)] == [50, 50, 50]


def test_rules_with_ranges_in_their_key(database: Database) -> None:
    names = ("family", "priority", "sport_range", "table_id")
    for table in (100, 200):

        def job(tx: Any, table: int = table) -> None:
            tx.delete_where(RULES, "here")
            tx.put(RULES, "here", names, [[2], [500], [{"start": 1, "end": 9}], [table]])

        database.write(job).result()
    asked = Asked(("rules",), Condition("t.table_id = ?", (100,)), lambda row: row["table_id"] == 100)
    assert [sorted(one.op for one in entry.changes) for entry in entries(database, asked)] == [["gone"], ["new"]]
    assert [one.key for one in next(entries(database, Asked())).changes] == ["500", "500"]


# -- differences ---------------------------------------------------------------------------------------------------------


def different(database: Database, *points: Any, **more: Any) -> list[str]:
    return [
        f"{one.op} {one.table} {one.key}" + "".join(f" {field.field} {field.old} → {field.new}" for field in one.fields)
        for one in differences(database, ("interfaces", "routes"), *points, **more)
    ]


def test_the_difference_is_what_is_different_at_the_end(database: Database) -> None:
    first = link(database)
    reroute(database, "", "192.0.2.1")
    second = reroute(database, "", "192.0.2.9", dst="11.0.0.0")
    link(database, mtu=1400)
    link(database, mtu=1500)
    reroute(database, "192.0.2.1", "192.0.2.2")
    reroute(database, "192.0.2.9", "", dst="11.0.0.0")
    third = reroute(database, "", "192.0.2.7", dst="12.0.0.0")
    reroute(database, "192.0.2.7", "", dst="12.0.0.0")
    assert different(database, first, second) == ["new routes 10.0.0.0/8", "new routes 11.0.0.0/8"]
    assert different(database, second) == ["changed routes 10.0.0.0/8 gateway 192.0.2.1 → 192.0.2.2", "gone routes 11.0.0.0/8"]
    assert different(database, second, third)[-1] == "new routes 12.0.0.0/8"
    assert different(database, second, target="there") == []
    assert different(database, "now") == [] == different(database, third, third)
    with pytest.raises(InvalidValue, match=r"expected the earlier point in time first, got revision 9 .* and revision 3 .*put them"):
        different(database, 9, 3)
    database.write(lambda tx: history.forget(tx.session.connection, "routes", 3, 100)).result()
    with pytest.raises(Compacted, match="routes at revision 2"):
        different(database, first)


def test_volatile_fields_are_no_difference(database: Database) -> None:
    first = link(database)
    database.write(
        lambda tx: tx.put(INTERFACES, "here", (*LINK, "stats"), [[2], ["eth0"], [1500], [1], [{"a": 1500}], [{"rx_packets": 5}]])
    ).result()
    assert different(database, first) == []
