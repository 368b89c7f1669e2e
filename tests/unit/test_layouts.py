"""Do requests that are written by one struct have the bytes that the general way writes?"""

from __future__ import annotations

from typing import Any

import pytest

from holdfast.model import TABLES
from holdfast.netlink.codec import encode
from holdfast.netlink.layouts import encode_alike

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
