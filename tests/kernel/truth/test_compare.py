"""Does a difference read well, and is none overlooked?"""

from __future__ import annotations

from typing import Any

from tests.kernel.truth.compare import compare
from tests.kernel.truth.oracle import VIEWS

NEXTHOPS = VIEWS["nexthops"]


def _nexthop(**more: Any) -> dict[str, Any]:
    return {name: NEXTHOPS.table[name].default for name in NEXTHOPS.shown} | {"id": 1, "gateway": "10.0.0.2", "oif": 2} | more


def _said(ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> list[str]:
    return [str(one) for one in compare(NEXTHOPS, ours, theirs)]


def test_equal_rows_are_no_difference():
    assert not _said([_nexthop(), _nexthop(id=2)], [_nexthop(id=2), _nexthop()])


def test_missing_surplus_and_different():
    ours = [_nexthop(), _nexthop(id=2), _nexthop(id=4)]
    theirs = [_nexthop(gateway="10.0.0.3"), _nexthop(id=3), _nexthop(id=4)]
    assert _said(ours, theirs) == [
        "nexthops: DIFFERS  id=1\n    gateway: mirror '10.0.0.2', kernel '10.0.0.3'",
        "nexthops: MISSING  id=3 gateway=10.0.0.2 oif=2 scope=0 protocol=0 flags=0",
        "nexthops: SURPLUS  id=2 gateway=10.0.0.2 oif=2 scope=0 protocol=0 flags=0",
    ]


def test_objects_inside_are_compared_part_by_part():
    ours, theirs = [_nexthop(res_group={"buckets": 4, "idle_timer": 7})], [_nexthop(res_group={"buckets": 4, "idle_timer": 8})]
    assert _said(ours, theirs) == ["nexthops: DIFFERS  id=1\n    res_group.idle_timer: mirror 7, kernel 8"]


def test_several_rows_of_one_object_are_not_paired():
    """Two against one: which of them was meant nobody knows."""
    assert [text[:17] for text in _said([_nexthop(), _nexthop(oif=3)], [_nexthop(oif=4)])] == [
        "nexthops: MISSING", "nexthops: SURPLUS", "nexthops: SURPLUS",
    ]  # fmt: skip


def test_json_text_of_sql_is_read():
    row = _nexthop() | {"group_members": '[{"id": 1, "weight": 1}]', "fdb": None, "family": 2, "hw_stats_enable": None, "unknown": None}
    (seen,) = NEXTHOPS.mirrored([row], [])
    assert seen["group_members"] == [{"id": 1, "weight": 1}]


def test_tentative_addresses_are_left_out_on_both_sides():
    view = VIEWS["addresses"]
    row = {name: view.table[name].default for name in view.table.columns}
    row |= {"family": 10, "ifindex": 2, "local": "fe80::1", "address": "fe80::1"}
    pending = [{name: row[name] for name in view.shown}]
    assert not view.mirrored([row | {"flags": 0xC0}], pending)
    assert view.mirrored([row | {"flags": 0xC0, "local": "fe80::2", "address": "fe80::2"}], pending)
