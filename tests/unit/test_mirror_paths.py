"""Which rows of a prefix does a route event change?"""

from __future__ import annotations

from typing import Any

from holdfast.mirror.paths import Outcome, deleted, may_hide, replaced
from holdfast.model import ROUTES

Hop = tuple[str, int]


def route(*hops: Hop, family: int = 10, **fields: Any) -> dict[str, Any]:
    row = {field.name: field.default for field in ROUTES.fields}
    row |= {"family": family, "dst": "2001:db8::", "dst_len": 64, "table_id": 254, "type": 1, "proto": 4, "priority": 1024} | fields
    if len(hops) == 1:
        row["gateway"], row["oif"] = hops[0]
    elif hops:
        row["multipath"] = [{"gateway": gateway, "oif": oif, "weight": 1, "flags": 0} for gateway, oif in hops]
    derive = ROUTES["hops"].derive
    assert derive
    row["hops"] = derive[1](*[row[name] for name in derive[0]])
    return row


A, B, C = ("fe80::a", 2), ("fe80::b", 3), ("fe80::c", 4)


def test_a_replaced_route_is_the_only_one_of_its_prefix() -> None:
    old, new = route(A, family=2), route(B, family=2)
    assert replaced(new, [old], replace=True) == Outcome(gone=(old,), now=(new,))


def test_replaced_by_itself_with_other_plain_columns_is_an_update() -> None:
    old, new = route(A, family=2), route(A, family=2, flags=16)
    assert replaced(new, [old], replace=True) == Outcome(now=(new,))


def test_replaced_among_several_is_not_certain() -> None:
    new = route(C, family=2)
    assert replaced(new, [route(A, family=2), route(B, family=2)], replace=True) == Outcome(now=(new,), certain=False)


def test_replaced_by_one_that_is_there_among_several_is_not_certain() -> None:
    new = route(A, family=2)
    assert not replaced(new, [route(A, family=2), route(B, family=2)], replace=True).certain


def test_a_leg_joins_at_the_end_whatever_the_order_of_the_event() -> None:
    old = route(A, B)
    assert replaced(route(C, A, B), [old], replace=False) == Outcome(gone=(old,), now=(route(A, B, C),), kept=True)


def test_a_plain_route_becomes_a_multipath_one() -> None:
    old = route(A)
    assert replaced(route(B, A), [old], replace=False) == Outcome(gone=(old,), now=(route(A, B),), kept=True)


def test_a_new_multipath_route_beside_one_without_a_gateway() -> None:
    on_link = route(oif=9)
    new = route(A, B)
    assert replaced(new, [on_link], replace=False) == Outcome(now=(new,))


def test_legs_of_another_maker_leave_the_row_as_its_first_leg_made_it() -> None:
    old = route(A)
    assert replaced(route(B, A, proto=186), [old], replace=False) == Outcome(gone=(old,), now=(route(A, B),), kept=True)


def test_a_replaced_nexthop_object_tells_its_route_among_others() -> None:
    old, other = route(A, family=2, nh_id=7), route(B, family=2)
    new = route(C, family=2, nh_id=7)
    assert replaced(new, [other, old], replace=True) == Outcome(gone=(old,), now=(new,))


def test_routes_without_a_gateway_may_hide_behind_others() -> None:
    assert not may_hide(route(B), [])
    assert not may_hide(route(B, A), [route(A)])
    assert may_hide(route(A, B), [route(oif=9)])
    assert may_hide(route(oif=9), [route(A, B)])
    assert may_hide(route(A, nh_id=7), [route(A, B)])
    assert not may_hide(route(oif=9), [route(oif=8), route(A)]), "one gateway is no multipath route"


def test_the_state_of_a_way_is_that_of_the_route_or_of_its_leg() -> None:
    down = route(A, flags=16)
    both = route(A, B)
    both["multipath"][0]["flags"] = 16
    assert replaced(both, [down], replace=False).now[0] == both
    assert deleted(route(B), [both]).now == (down,)


def test_a_leg_leaves() -> None:
    old = route(A, B, C)
    assert deleted(route(B), [old]) == Outcome(gone=(old,), now=(route(A, C),), kept=True)


def test_the_last_but_one_leg_leaves_a_plain_route() -> None:
    old = route(A, B)
    assert deleted(route(B), [old]) == Outcome(gone=(old,), now=(route(A),), kept=True)


def test_without_its_first_leg_a_route_may_show_another_maker() -> None:
    old = route(A, B)
    assert deleted(route(A), [old]) == Outcome(gone=(old,), now=(route(B),), certain=False, kept=True)


def test_all_legs_leave_in_another_order() -> None:
    old = route(A, B)
    assert deleted(route(B, A), [old]) == Outcome(gone=(old,))


def test_nothing_left_of_the_prefix_is_nothing_to_do() -> None:
    assert deleted(route(A), []) == Outcome()


def test_what_fits_no_row_is_not_certain() -> None:
    assert not deleted(route(C), [route(A, B)]).certain
    assert not deleted(route(A, family=2), [route(B, family=2)]).certain


def test_a_leg_that_cannot_be_a_plain_route_is_not_certain() -> None:
    old = route(A, B)
    old["multipath"][0]["encap"] = {"labels": [100]}
    assert deleted(route(B), [old]) == Outcome(certain=False)
