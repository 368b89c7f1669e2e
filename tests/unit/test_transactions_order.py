"""Is what others need made first, and removed last; and is what is given in order kept in order?"""

from __future__ import annotations

from typing import Any

import pytest

from holdfast.model import ADDRESSES, INTERFACES, NEXTHOPS, ROUTES, RULES, TABLES
from holdfast.model.field import Table
from holdfast.transactions.contract import Change, Create, Delete, Named
from holdfast.transactions.links import change_link, create_link
from holdfast.transactions.order import Phase, Step, Verb, in_order, phase_of
from holdfast.transactions.stages import stages


def step(table: str, verb: Verb = Verb.CREATE, **row: Any) -> Step:
    phase = phase_of(TABLES[table], row)
    return Step(0, "here", -phase if verb is Verb.DELETE else phase, verb, TABLES[table], row)


def names(phases: list[list[Step]]) -> list[str]:
    return [one.table.name for phase in phases for one in phase]


def test_deletions_come_first_and_backwards() -> None:
    made = [step("rules"), step("routes", gateway="10.0.0.1"), step("routes"), step("addresses"), step("interfaces", ifname="a")]
    gone = [step(one.table.name, Verb.DELETE, **one.row) for one in made]
    phases = in_order([*made, *gone[::-1]])
    assert names(phases) == [
        "rules", "routes", "routes", "addresses", "interfaces",
        "interfaces", "addresses", "routes", "routes", "rules",
    ]  # fmt: skip
    assert [one.row for phase in phases for one in phase if one.table is ROUTES] == [
        {"gateway": "10.0.0.1"}, {}, {}, {"gateway": "10.0.0.1"},
    ]  # fmt: skip


def test_a_group_follows_its_members_and_routes_by_it_follow_the_group() -> None:
    group = step("nexthops", id=9, group_members=[{"id": 1}])
    phases = in_order([step("routes", nh_id=9), group, step("nexthops", id=1)])
    assert [one.row.get("id") for phase in phases for one in phase] == [1, 9, None]


def test_interfaces_follow_those_they_stand_on_by_name_or_number_and_go_before_them() -> None:
    vlan = step("interfaces", ifname="v0.5", link=Named("v0"))
    upper = step("interfaces", ifname="m0", link=7)
    lower = step("interfaces", ifname="v0", ifindex=7)
    [made] = in_order([vlan, upper, lower])
    assert made[0] is lower and {one.row["ifname"] for one in made} == {"v0", "v0.5", "m0"}
    [gone] = in_order([one._replace(phase=-one.phase) for one in (lower, upper, vlan)])
    assert gone[-1].row["ifname"] == "v0"


def test_interfaces_that_stand_on_each_other_stay_as_given() -> None:
    one, two = step("interfaces", ifname="a", link=Named("b")), step("interfaces", ifname="b", link=Named("a"))
    [made] = in_order([one, two])
    assert len(made) == 2


def test_an_interface_is_made_then_set_then_given_to_its_master_then_brought_up() -> None:
    steps = create_link(0, "here", {"ifname": "a", "kind": "ifb", "master": 4, "ifalias": "x", "altnames": ["y"], "state": "up"})
    assert [one.phase for one in steps] == [Phase.LINK, Phase.SETTING, Phase.SETTING, Phase.MASTER, Phase.UP]


def test_an_interface_goes_down_before_it_is_changed_and_up_after() -> None:
    row = {"ifindex": 3, "ifname": "a", "flags": 0x1003, "altnames": None, "slave_kind": None, "kind": None}
    down, _ = change_link(0, "here", row, {"state": "down", "mtu": 1400, "master": 5})
    assert [one.phase for one in down] == [Phase.DOWN, Phase.SETTING, Phase.MASTER]
    assert down[0].row == {"ifindex": 3, "flags": 0, "change": 1}
    up, _ = change_link(0, "here", {**row, "flags": 0x1002}, {"state": "up", "mtu": 1400})
    assert [one.phase for one in up] == [Phase.SETTING, Phase.UP]


def test_after_a_move_steps_go_to_the_new_place_by_name() -> None:
    row = {"ifindex": 3, "ifname": "a", "flags": 0x1003, "altnames": None, "slave_kind": None, "kind": None}
    steps, _ = change_link(0, "here", row, {"target": "there", "ifname": "b", "mtu": 1400})
    assert [(one.phase, one.target) for one in steps] == [(Phase.MOVE, "here"), (Phase.SETTING, "there"), (Phase.UP, "there")]
    assert steps[0].row == {"ifindex": 3, "net_ns": "there", "ifname": "b"}
    assert steps[1].row == {"ifindex": Named("b"), "mtu": 1400}


# -- stages ------------------------------------------------------------------------------------------------------------


def places(requests: list[Any]) -> list[list[int]]:
    return [[place for place, _ in stage] for stage in stages(requests)]


LINK = {"ifname": "a", "ifindex": 5}


def test_most_transactions_are_one_stage() -> None:
    requests = [Create("here", INTERFACES, {"ifname": "a"}), Create("here", ADDRESSES, {"local": "10.0.0.1", "ifindex": Named("a")}),
                Delete("here", RULES, {"priority": 5}), Create("here", RULES, {"priority": 5})]  # fmt: skip
    assert places(requests) == [[0, 1, 2, 3]]


def test_a_thing_that_is_made_and_changed_takes_two_stages() -> None:
    assert places([Create("here", INTERFACES, LINK), Change("here", INTERFACES, LINK, {"mtu": 1400})]) == [[0], [1]]
    assert places([Create("here", NEXTHOPS, {"id": 1}), Delete("here", NEXTHOPS, {"id": 1})]) == [[0], [1]]


def test_both_ends_of_a_veth_are_concerned_where_they_are() -> None:
    made = Create("here", INTERFACES, {"ifname": "a", "kind": "veth", "peer": {"ifname": "b", "target": "there"}})
    assert places([made, Create("there", INTERFACES, {"ifname": "b"}, ensure=True)]) == [[0], [1]]
    assert places([made, Create("here", INTERFACES, {"ifname": "b"}, ensure=True)]) == [[0, 1]]


ROUTE = {"dst": "10.9.0.0", "dst_len": 24, "oif": 5}
GROUP = {"id": 9, "group_members": [{"id": 3}]}


@pytest.mark.parametrize(("table", "row", "gone", "of"), [
    (ROUTES, ROUTE, INTERFACES, LINK),
    (ROUTES, {"multipath": [{"oif": 4}, {"oif": 5}]}, INTERFACES, LINK),
    (ROUTES, ROUTE, ADDRESSES, {"local": "10.0.0.1", "ifindex": 5}),
    (ROUTES, {**ROUTE, "nh_id": 3}, NEXTHOPS, {"id": 3}),
    (NEXTHOPS, GROUP, NEXTHOPS, {"id": 3}),
    (ADDRESSES, {"local": "10.0.0.1", "ifindex": 5}, INTERFACES, LINK),
])  # fmt: skip
def test_something_is_led_elsewhere_before_what_it_hangs_on_is_deleted(table: Table, row: Any, gone: Table, of: Any) -> None:
    changed, deleted = Change("here", table, row, {}), Delete("here", gone, of)
    assert places([changed, deleted]) == [[0], [1]]
    assert places([deleted, changed]) == [[0, 1]], "it went along, and is made again"
    assert places([changed, Delete("there", gone, of)]) == [[0, 1]]


@pytest.mark.parametrize(("table", "row", "gone", "of"), [
    (ROUTES, {**ROUTE, "oif": 3}, NEXTHOPS, {"id": 3}),
    (ROUTES, ROUTE, ROUTES, {**ROUTE, "dst": "10.8.0.0"}),
    (ADDRESSES, {"local": "10.0.0.1", "ifindex": 5}, ADDRESSES, {"local": "10.0.0.2", "ifindex": 5}),
])  # fmt: skip
def test_what_does_not_hang_on_what_is_deleted_takes_no_stage_of_its_own(table: Table, row: Any, gone: Table, of: Any) -> None:
    assert places([Change("here", table, row, {}), Delete("here", gone, of)]) == [[0, 1]]


def test_a_new_address_comes_before_the_last_one_goes_unless_it_would_go_along() -> None:
    old = Delete("here", ADDRESSES, {"local": "10.0.0.1", "ifindex": 5, "prefixlen": 24})

    def made(local: str, ifindex: int = 5) -> Create:
        return Create("here", ADDRESSES, {"local": local, "ifindex": ifindex, "prefixlen": 24})

    assert places([made("10.1.0.1"), old]) == [[0], [1]]
    assert places([old, made("10.1.0.1")]) == [[0, 1]]
    for other in (made("10.0.0.2"), made("10.1.0.1", 6), made("2001:db8::1"), made("nonsense")):
        assert places([other, old]) == [[0, 1]]
    assert places([made("10.1.0.1"), Delete("here", INTERFACES, LINK)]) == [[0, 1]]
    assert places([made("2001:db8::1"), Delete("here", ADDRESSES, {"local": "2001:db8::2", "ifindex": 5, "prefixlen": 64})]) == [[0, 1]]
