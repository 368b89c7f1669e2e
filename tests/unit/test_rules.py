"""Does each event have the consequences that the kernel does not tell?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from holdfast.mirror import rules
from holdfast.mirror.consequence import Ask, Consequence, Drop, Reread
from holdfast.model import TABLES
from holdfast.netlink.batch import Batch
from holdfast.netlink.codec import BRIDGE_VIEW

UP = 0x1 | 0x40 | 0x10000
LINK = {"ifindex": 5, "ifname": "eth0", "flags": UP, "operstate": "UP", "master": None, "mtu": 1500, "link": None,
        "link_netnsid": None, "kind": None, "address": "02:00:00:00:00:01", "broadcast": "ff:ff:ff:ff:ff:ff",
        "kind_data": None, "carrier_changes": 2}  # fmt: skip


def batch(name: str, op: str, flags: int = 0, **columns: list[Any]) -> Batch:
    table = BRIDGE_VIEW if name == "bridge_view" else TABLES[name]
    return Batch(table, op, flags, tuple(columns), tuple(columns.values()))  # type: ignore[arg-type]


def told(name: str, op: str, flags: int = 0, **columns: list[Any]) -> list[Consequence]:
    return list(rules.RULES[name, op](batch(name, op, flags, **columns)))


def rereads(consequences: Iterable[Consequence]) -> set[tuple[str, str, tuple[tuple[str, int], ...]]]:
    return {(one.table, one.family, one.filters) for one in consequences if isinstance(one, Reread)}


def dropped(consequences: Iterable[Consequence]) -> set[str]:
    return {one.table for one in consequences if isinstance(one, Drop)}


def asked(consequences: Iterable[Consequence]) -> set[int]:
    return {ifindex for one in consequences if isinstance(one, Ask) for ifindex in one.ifindexes}


# -- noise


def test_a_run_of_plain_routes_passes_untouched() -> None:
    run = Batch(TABLES["routes"], "put", 0, ("dst", "flags"), (["10.0.0.0", "10.0.1.0"], [0, 0x10]))
    assert rules.sift(run) is run


def test_cached_routes_are_left_out() -> None:
    run = Batch(TABLES["routes"], "put", 0, ("dst", "flags"), (["10.0.0.0", "10.0.1.0"], [0x200, 0]))
    sifted = rules.sift(run)
    assert sifted is not None and list(sifted.rows()) == [("10.0.1.0", 0)]
    assert rules.sift(Batch(TABLES["routes"], "put", 0, ("dst", "flags"), (["10.0.0.0"], [0x200]))) is None


def test_a_link_message_without_an_mtu_is_about_something_else() -> None:
    assert rules.sift(batch("interfaces", "put", ifindex=[5], ifname=["wlan0"])) is None
    assert rules.sift(batch("interfaces", "put", ifindex=[5], mtu=[1500])) is not None


@pytest.mark.parametrize(
    ("state", "lladdr", "proxy", "stays"),
    [
        (0x40, "33:33:00:00:00:01", 0, False),
        (0x40, None, 0, False),
        (0x40, "02:00:00:00:00:01", 0, True),
        (0x80, "33:33:00:00:00:01", 0, True),
        (0x00, None, 0, False),
        (0x00, None, 1, True),
        (0x02, "02:00:00:00:00:01", 0, True),
    ],
)
def test_neighbours_that_are_made_silently(state: int, lladdr: str | None, proxy: int, stays: bool) -> None:
    one = batch("neighbours", "put", state=[state], lladdr=[lladdr], proxy=[proxy])
    assert (rules.sift(one) is not None) is stays


# -- interfaces


def test_a_new_interface_may_be_what_others_stand_on_that_stood_in_another_namespace() -> None:
    questions = [one for one in rules.link_changed(None, LINK) if isinstance(one, Ask) and one.where is not None]
    assert [one.where.sql for one in questions if one.where] == ["link_netnsid IS NOT NULL AND coalesce(kind, '') NOT IN (?, ?, ?)"]


def test_an_interface_told_again_without_a_change_has_no_consequence() -> None:
    assert list(rules.link_changed(LINK, LINK)) == []
    assert list(rules.link_changed(LINK, LINK | {"flags": UP | 0x100})) == []


@pytest.mark.parametrize("change", [{"flags": UP & ~1}, {"flags": UP & ~0x10000}, {"operstate": "LOWERLAYERDOWN"}])
def test_routes_follow_the_carrier(change: dict[str, Any]) -> None:
    consequences = list(rules.link_changed(LINK, LINK | change))
    found = rereads(consequences)
    for family in ("AF_INET", "AF_INET6", "AF_MPLS"):
        assert ("routes", family, (("oif", 5),)) in found
        assert ("routes", family, ()) in found
    assert ("nexthops", "", ()) in found
    assert asked(consequences) == {5}


def test_routes_follow_a_carrier_that_went_and_came_back_before_it_was_told() -> None:
    assert ("routes", "AF_INET6", (("oif", 5),)) in rereads(rules.link_changed(LINK, LINK | {"carrier_changes": 4}))


def test_a_new_name_concerns_the_rules_that_use_the_old_or_the_new_one() -> None:
    named = [one.only_if for one in rules.link_changed(LINK, LINK | {"ifname": "wan"}) if isinstance(one, Reread) and one.table == "rules"]
    assert [one.args for one in named if one] == [("eth0", "eth0"), ("wan", "wan")]


def test_a_new_master_concerns_forwarding_entries_and_vlans() -> None:
    found = rereads(rules.link_changed(LINK, LINK | {"master": 9}))
    assert {("fdb", "AF_BRIDGE", (("ifindex", 5),)), ("vlans", "AF_BRIDGE", (("ifindex", 5),))} <= found


def test_an_end_of_a_pair_concerns_the_other_end() -> None:
    assert asked(rules.link_changed(None, LINK | {"kind": "veth", "link": 6})) == {5, 6}
    assert asked(rules.link_changed(None, LINK | {"kind": "veth", "link": 6, "link_netnsid": 0})) == {5}
    assert asked(rules.link_gone(LINK | {"kind": "veth", "link": 6})) == {6}


def test_what_stands_on_an_interface_changes_its_address_list() -> None:
    upper = LINK | {"kind": "macvlan", "link": 6}
    assert ("fdb", "AF_BRIDGE", (("ifindex", 6),)) in rereads(rules.link_changed(upper, upper | {"address": "02:00:00:00:00:09"}))
    assert not rereads(rules.link_changed(upper, upper | {"kind_data": {}}))


def test_a_bridge_with_another_root_concerns_its_ports() -> None:
    bridge = LINK | {"kind": "bridge", "kind_data": {"br_root_id": "8000.02:00:00:00:00:01"}}
    told = list(rules.link_changed(bridge, bridge | {"kind_data": {"br_root_id": "8000.02:00:00:00:00:02"}}))
    [ask] = [one for one in told if isinstance(one, Ask)]
    assert ask.where is not None and ask.where.args == (5,)
    assert list(rules.link_changed(LINK, LINK)) == []


def test_an_address_that_was_set_to_what_it_is_may_have_moved_entries_of_the_forwarding_table() -> None:
    port = LINK | {"master": 7}
    for old, new in ((port, port), (port, port | {"broadcast": "ff:ff:ff:ff:ff:fe"}), (port, port | {"address": "02:00:00:00:00:09"})):
        asked = [one.filters for one in rules.link_changed(old, new) if isinstance(one, Reread) and one.table == "fdb"]
        assert asked == [(("ifindex", 5),), (("ifindex", 7),)]
    bridge = LINK | {"kind": "bridge"}
    assert [one.filters for one in rules.link_changed(bridge, bridge) if isinstance(one, Reread)] == [(("master", 5),)]
    assert not [one for one in rules.link_changed(port, port | {"mtu": 1400}) if isinstance(one, Reread) and one.table == "fdb"]


def test_a_new_tun_device_is_asked_again_later() -> None:
    late = [one for one in rules.link_changed(None, LINK | {"kind": "tun"}) if isinstance(one, Ask) and one.later]
    assert [one.ifindexes for one in late] == [(5,)]


def test_what_goes_with_an_interface() -> None:
    consequences = list(rules.link_gone(LINK))
    assert dropped(consequences) == {*rules.CAPTIVE, "routes", "nexthops"}
    assert ("routes", "AF_INET6", ()) in rereads(consequences)
    assert all(not one.filters for one in consequences if isinstance(one, Reread)), "the kernel cannot filter by what is gone"
    [ask] = [one.where for one in consequences if isinstance(one, Ask) and one.where]
    assert ask.args == (5, 5)


def test_every_table_with_an_ifindex_is_captive() -> None:
    having = {name for name, table in TABLES.items() if table.message and "ifindex" in table.columns and name != "interfaces"}
    assert having == set(rules.CAPTIVE)


# -- the rest


def test_another_view_of_an_interface_is_a_reason_to_ask() -> None:
    assert asked(told("bridge_view", "put", ifindex=[5, 6, 5])) == {5, 6}
    gone = told("bridge_view", "delete", ifindex=[5])
    assert asked(gone) == {5}
    assert rereads(gone) == {("fdb", "AF_BRIDGE", (("ifindex", 5),)), ("vlans", "AF_BRIDGE", (("ifindex", 5),))}


def test_an_ipv4_address_goes() -> None:
    gone = told("addresses", "delete", family=[2], ifindex=[5], local=["10.0.0.1"])
    through = ("routes", "AF_INET", (("oif", 5),))
    assert rereads(gone) == {("addresses", "AF_INET", (("ifindex", 5),)), ("routes", "AF_INET", ()), through}
    [preferring] = [one.only_if for one in gone if isinstance(one, Reread) and one.table == "routes" and not one.filters]
    assert preferring is not None and preferring.args == (2, "10.0.0.1")


def test_an_ipv6_address_goes() -> None:
    gone = told("addresses", "delete", family=[10], ifindex=[5], local=["2001:db8::1"])
    assert rereads(gone) == {("routes", "AF_INET6", ()), ("routes", "AF_INET6", (("oif", 5),))}


def test_an_address_comes() -> None:
    assert rereads(told("addresses", "put", family=[2], ifindex=[5])) == {("routes", "AF_INET", (("oif", 5),))}


def test_a_nexthop_goes() -> None:
    assert dropped(told("nexthops", "delete", id=[7])) == {"routes", "fdb"}


def test_a_group_that_lost_a_member_is_told_without_flags() -> None:
    assert rereads(told("nexthops", "put", id=[7])) == {("routes", "AF_INET", ()), ("routes", "AF_INET6", ())}


def test_routes_by_a_replaced_nexthop_are_asked_for_if_they_do_not_show_whether_it_drops_packets() -> None:
    asked = told("nexthops", "put", 0x400, id=[7], blackhole=[1])
    assert [one.only_if.args for one in asked if isinstance(one, Reread) and one.only_if] == [(2, 7, 6, True), (10, 7, 6, True)]


def test_a_root_queue_stands_in_the_row_of_its_interface() -> None:
    changed = told("qdiscs", "put", ifindex=[5, 6], parent=[0xFFFFFFFF, 0x10000])
    assert asked(changed) == {5}
    assert ("classes", "", (("ifindex", 6),)) in rereads(changed)


def test_a_device_s_own_forwarding_entries_hang_together() -> None:
    own = told("fdb", "put", ifindex=[5], master=[None])
    assert rereads(own) == {("fdb", "AF_BRIDGE", (("ifindex", 5),))} and asked(own) == {5}
    assert told("fdb", "put", ifindex=[5], master=[9]) == []


def test_filters_of_a_shared_block_have_no_interface() -> None:
    assert rereads(told("filters", "delete", ifindex=[-1])) == {("filters", "", ())}


def test_rules_concern_goto_rules() -> None:
    assert rereads(told("rules", "put", priority=[10])) == {("rules", "", ())}


def test_every_condition_is_sql_that_the_tables_have() -> None:
    import apsw

    connection = apsw.Connection(":memory:")
    for name, table in TABLES.items():
        connection.execute(f"CREATE TABLE {name} (target, {', '.join(chr(34) + column + chr(34) for column in table.columns)})")
    other = LINK | {"flags": 0, "ifname": "x", "master": 1, "mtu": 1, "link": 3, "kind": "macvlan"}
    everything: list[Consequence] = [*rules.link_gone(LINK), *rules.link_changed(LINK, other)]
    for (name, op), rule in rules.RULES.items():
        columns = {"ifindex": [5], "family": [10], "local": ["::1"], "id": [1], "parent": [0xFFFFFFFF], "priority": [1]}
        everything += rule(batch(name, op, **columns))
    for one in everything:
        conditions = [one.where] if isinstance(one, Drop | Ask) else [one.scope, one.only_if]
        for where in conditions:
            if where is not None and where.sql:
                table_name = "interfaces" if isinstance(one, Ask) else one.table
                connection.execute(f"SELECT 1 FROM {table_name} WHERE target = ? AND ({where.sql})", ("x", *where.args))


# -- drift


@pytest.mark.parametrize(
    ("flags", "column", "value", "expected"),
    [
        (UP, "ifalias", "told by an event", True),
        (0, "ifalias", "told by nothing", False),
        (0, "mtu", 1400, True),
        (UP, "headroom", 64, False),
        (UP, "promiscuity", 1, False),
    ],
)
def test_only_what_an_event_should_have_told_is_drift(flags: int, column: str, value: object, expected: bool) -> None:
    old = {field.name: None for field in TABLES["interfaces"].fields} | LINK | {"flags": flags}
    assert rules.is_drift("interfaces", old | {column: value}, old) is expected


@pytest.mark.parametrize(
    ("table", "row", "deleted", "expected"),
    [
        ("fdb", {"lladdr": "33:33:00:00:00:01"}, False, False),
        ("fdb", {"lladdr": "01:00:5e:00:00:01"}, True, False),
        ("fdb", {"lladdr": "02:00:00:00:00:01"}, False, True),
        ("neighbours", {"state": 1, "proxy": 0}, False, False),
        ("neighbours", {"state": 2, "proxy": 0}, False, True),
        ("addresses", {"flags": 0x40}, False, False),
        ("addresses", {"flags": 0x80}, False, True),
        ("addresses", {"flags": 0x40}, True, True),
    ],
)
def test_what_the_kernel_makes_by_itself_is_no_drift(table: str, row: dict[str, Any], deleted: bool, expected: bool) -> None:
    assert rules.is_drift(table, row, None, deleted=deleted) is expected
