"""Do requests that are written by one struct have the bytes that the general way writes?"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.errors import InvalidValue
from holdfast.model import TABLES
from holdfast.netlink.codec import encode
from holdfast.netlink.layouts import encode_alike, encode_columns

ROWS: list[tuple[str, dict[str, Any]]] = [
    ("routes", {"family": 2, "dst": "10.0.0.0", "dst_len": 24, "table_id": 254, "type": 1, "proto": 4, "gateway": "10.0.0.1", "oif": 3}),
    ("routes", {"family": 2, "dst": "10.0.0.0", "dst_len": 24, "table_id": 1000, "type": 1, "priority": 0, "tos": 4}),
    ("routes", {"family": 10, "dst": "2001:db8::", "dst_len": 32, "table_id": 254, "priority": 1024, "prefsrc": "2001:db8::1"}),
    ("routes", {"family": 2, "dst": "default", "dst_len": 0, "gateway": "10.0.0.1", "table_id": 254}),
    ("routes", {"family": 28, "dst": "100", "dst_len": 20, "table_id": 254, "type": 1}),
    ("addresses", {"family": 2, "local": "10.0.0.1", "address": "10.0.0.1", "prefixlen": 24, "ifindex": 7, "label": "v0", "flags": 512}),
    ("neighbours", {"family": 2, "dst": "10.0.0.1", "ifindex": 7, "lladdr": "02:00:00:00:00:01", "state": 128}),
    ("nexthops", {"id": 5, "gateway": "10.0.0.1", "oif": 3, "family": 2}),
]


@pytest.mark.parametrize(("table", "row"), ROWS)
def test_the_bytes_are_the_same(table: str, row: dict[str, Any]) -> None:
    for op in ("put", "delete"):
        assert encode_alike(TABLES[table], row, op, 0x600) == encode(TABLES[table], row, op, 0x600)  # type: ignore[arg-type]


def test_what_is_inside_of_something_is_left_to_the_general_way() -> None:
    assert encode_alike(TABLES["routes"], {"family": 2, "metrics": {"mtu": 1300}}, "put", 0) is None
    assert encode_alike(TABLES["interfaces"], {"ifname": "b0", "kind": "bridge"}, "put", 0) is None
    assert encode_alike(TABLES["vlans"], {"ifindex": 1, "vid": 5}, "put", 0) is None


# -- column by column --------------------------------------------------------------------------------------------------


def columns_of(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in rows[0]}


@pytest.mark.parametrize("count", [1, 2, 9])
@pytest.mark.parametrize(("table", "row"), ROWS)
def test_many_at_once_are_the_same_bytes(table: str, row: dict[str, Any], count: int) -> None:
    for op in ("put", "delete"):
        found = encode_columns(TABLES[table], columns_of([row] * count), op, 0x600)  # type: ignore[arg-type]
        assert found == [encode(TABLES[table], row, op, 0x600)] * count  # type: ignore[arg-type]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.ip_addresses(v=4), st.integers(0, 32), st.integers(1, 600), st.sampled_from(["10.0.0.1", "10.0.0.2"]),
                          st.integers(0, 3)), min_size=1, max_size=40))  # fmt: skip
def test_any_routes_with_the_same_fields(values: list[tuple[Any, int, int, str, int]]) -> None:
    rows = [
        {"family": 2, "dst": str(dst), "dst_len": length, "table_id": table, "gateway": gateway, "priority": metric}
        for dst, length, table, gateway, metric in values
    ]
    each = [encode(TABLES["routes"], row, "put", 0) for row in rows]
    found = encode_columns(TABLES["routes"], columns_of(rows), "put", 0)
    metrics = {row["priority"] for row in rows}
    if 0 in metrics and len(metrics) > 1:  # some have the attribute, some have not
        assert found is None
    else:
        assert found == each


def test_values_of_different_length_are_left_to_one_by_one() -> None:
    rows = [{"family": 2, "ifindex": 7, "local": "10.0.0.1", "label": label} for label in ("v0", "v0:1")]
    assert encode_columns(TABLES["addresses"], columns_of(rows), "put", 0) is None
    assert encode_columns(TABLES["routes"], {"family": [2], "metrics": [{"mtu": 1300}]}, "put", 0) is None


@pytest.mark.parametrize("bad", ["10.0.0.256", 7, ["10.0.0.1"], {}])
def test_a_value_that_cannot_be_sent_is_left_to_the_general_way_which_says_so(bad: Any) -> None:
    rows = [{"family": 2, "dst": dst, "dst_len": 32} for dst in ("10.0.0.1", bad)]
    assert encode_columns(TABLES["routes"], columns_of(rows), "put", 0) is None
    with pytest.raises(InvalidValue):
        encode(TABLES["routes"], rows[1], "put", 0)
