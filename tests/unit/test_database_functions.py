"""What SQL learns about networks: functions, the collation, lookup by longest prefix, views."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.database import addresses
from holdfast.database.sqlite import Database
from holdfast.errors import InvalidValue, UnknownName
from holdfast.model import ADDRESSES, INTERFACES, KINDS, NEIGHBOURS, ROUTES
from holdfast.model.names import NAME_TABLES, Names


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    with Database(tables=[ROUTES, INTERFACES, ADDRESSES, NEIGHBOURS]) as opened:
        yield opened


def value(database: Database, expression: str, *args: object) -> Any:
    found = database.fetchone(f"SELECT {expression}", args)
    assert found is not None
    return found[0]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("ip_contains('10.0.0.0/8', '10.1.2.3')", 1),
        ("ip_contains('10.0.0.0/8', '10.1.0.0/16')", 1),
        ("ip_contains('10.1.0.0/16', '10.0.0.0/8')", 0),
        ("ip_contains('10.0.0.0/8', '11.0.0.0')", 0),
        ("ip_contains('10.9.9.9/8', '10.1.2.3')", 1),
        ("ip_contains('10.0.0.0', 8, '10.1.2.3')", 1),
        ("ip_contains('default', '10.1.2.3')", 1),
        ("ip_contains('default', 0, 'fe80::1')", 1),
        ("ip_contains('0.0.0.0/0', 'fe80::1')", 0),
        ("ip_contains('10.0.0.0/8', 'default')", 0),
        ("ip_contains('fe80::/10', 'fe80::1%eth0')", 1),
        ("ip_contains('10.0.0.0/33', '10.1.2.3')", None),
        ("ip_contains(NULL, '10.1.2.3')", None),
        ("ip_contains('10.0.0.0/8', 'eth0')", None),
        ("ip_contains(5, 7)", None),
        ("ip_compare('10.0.0.9', '10.0.0.10')", -1),
        ("ip_compare('::1', '255.0.0.0')", 1),
        ("ip_compare('10.0.0.0/8', '10.0.0.0/16')", -1),
        ("ip_compare('FE80::1', 'fe80:0::1')", 0),
        ("ip_compare('x', '10.0.0.1')", None),
        ("ip_network('10.1.2.3/8')", "10.0.0.0/8"),
        ("ip_network('10.1.2.3', 16)", "10.1.0.0/16"),
        ("ip_network('2001:db8:1::1/33')", "2001:db8::/33"),
        ("ip_network('10.1.2.3', 33)", None),
        ("ip_network('default')", "default"),
        ("ip_host('10.1.2.3/8')", "10.1.2.3"),
        ("ip_masklen('10.1.2.3/8')", 8),
        ("ip_masklen('::')", 128),
        ("ip_netmask('10.1.2.3/20')", "255.255.240.0"),
        ("ip_broadcast('10.1.2.3/20')", "10.1.15.255"),
        ("ip_broadcast('fe80::/64')", None),
        ("ip_family('10.1.2.3')", 2),
        ("ip_family('::')", 10),
        ("ip_family('default')", None),
        ("ip_text('2001:DB8:0:0::1/64')", "2001:db8::1/64"),
        ("ip_text('no')", None),
        ("rt_table_name(254)", "main"),
        ("name_of('rt_protos', 4)", "static"),
        ("number_of('rt_tables', 'local')", 255),
        ("number_of('rt_tables', NULL)", None),
        ("family_name(10)", "inet6"),
        ("rt_table_name(NULL)", None),
        ("rt_table_name(4711)", "4711"),
    ],
)
def test_functions(database: Database, expression: str, expected: object) -> None:
    assert value(database, expression) == expected


@given(st.ip_addresses(), st.integers(0, 128), st.ip_addresses(), st.integers(0, 128))
def test_addresses_agree_with_the_standard_library(one: Any, one_length: int, other: Any, other_length: int) -> None:
    a = ipaddress.ip_interface((one, one_length % (one.max_prefixlen + 1)))
    b = ipaddress.ip_interface((other, other_length % (other.max_prefixlen + 1)))
    # not as text: Python's ::ffff:0:0 is ::ffff:0.0.0.0 for the C library
    assert ipaddress.ip_network(str(addresses.ip_network(str(a)))) == a.network
    assert addresses.ip_netmask(str(a)) == str(a.netmask)
    contains = a.version == b.version and b.network.subnet_of(a.network)  # type: ignore[arg-type]
    assert addresses.ip_contains(str(a), str(b)) == int(contains)
    assert addresses.ip_contains(str(one), a.network.prefixlen, str(b)) == int(contains)
    order = ((a.version, a.ip, a.network.prefixlen) > (b.version, b.ip, b.network.prefixlen)) - (
        (a.version, a.ip, a.network.prefixlen) < (b.version, b.ip, b.network.prefixlen)
    )
    assert addresses.ip_compare(str(a), str(b)) == order


def test_the_collation_sorts_addresses_by_value(database: Database) -> None:
    given_ = ["10.0.0.10", "::1", "10.0.0.9", "eth0", "default", "fe80::", "10.0.0.9/24", "abc"]
    marks = ", ".join("(?)" for _ in given_)
    found = database.fetch(f"WITH a(x) AS (VALUES {marks}) SELECT x FROM a ORDER BY x COLLATE ip", given_)
    assert [row[0] for row in found] == ["default", "10.0.0.9/24", "10.0.0.9", "10.0.0.10", "::1", "fe80::", "abc", "eth0"]


def test_every_table_of_names_has_its_function(database: Database) -> None:
    known = {row[0] for row in database.fetch("SELECT DISTINCT name FROM pragma_function_list")}
    assert {f"{name.removesuffix('s')}_name" for name in NAME_TABLES} <= known


def test_names_of_a_host_can_be_set(database: Database) -> None:
    before = database.names
    database.names = Names.parse({"rt_tables": "100 blue"})
    assert value(database, "rt_table_name(100)") == "blue"
    assert value(database, "number_of('rt_tables', 'blue')") == 100
    with pytest.raises(UnknownName, match="no routing table named `green`"):
        value(database, "number_of('rt_tables', 'green')")
    database.names = before


# -- lookup --------------------------------------------------------------------------------------------------------------

COLUMNS = ("dst", "dst_len", "family", "table_id", "priority", "oif", "type", "tos", "flags")


def routes(database: Database, *rows: tuple[Any, ...], target: str = "here") -> None:
    filled = [(*row, *(254, 0, 1, 1, 0, 0)[len(row) - 3 :]) for row in rows]
    database.write(lambda tx: tx.put(ROUTES, target, COLUMNS, list(zip(*filled, strict=True)))).result()


@pytest.fixture
def empty(database: Database) -> Database:
    for target in ("here", "there"):
        database.write(lambda tx, target=target: tx.delete_where(ROUTES, target)).result()
    return database


def looked_up(database: Database, *args: object) -> list[tuple[Any, ...]]:
    marks = ", ".join("?" * len(args))
    return database.fetch(f"SELECT target, dst, dst_len, table_id, oif FROM route_lookup({marks}) ORDER BY target, oif", args)


def test_the_longest_prefix_wins_then_the_lowest_metric(empty: Database) -> None:
    routes(
        empty,
        ("default", 0, 2), ("10.0.0.0", 8, 2), ("10.1.0.0", 16, 2, 254, 20, 5), ("10.1.0.0", 16, 2, 254, 10, 6),
        ("10.1.0.0", 16, 2, 254, 10, 7), ("10.1.2.3", 32, 2, 254, 0, 8, 1, 4),
        ("default", 0, 10, 254, 1024, 9), ("fe80::", 64, 10, 254, 256, 3),
    )  # fmt: skip
    assert looked_up(empty, "10.1.2.3") == [("here", "10.1.0.0", 16, 254, 6), ("here", "10.1.0.0", 16, 254, 7)]
    assert looked_up(empty, "10.2.0.0/16") == [("here", "10.0.0.0", 8, 254, 1)]
    assert looked_up(empty, "11.0.0.1") == [("here", "default", 0, 254, 1)]
    assert looked_up(empty, "fe80::1") == [("here", "fe80::", 64, 254, 3)]
    assert looked_up(empty, "2001::") == [("here", "default", 0, 254, 9)]


def test_tables_are_asked_as_the_usual_rules_do(empty: Database) -> None:
    routes(empty, ("10.0.0.1", 32, 2, 255, 0, 1), ("10.0.0.0", 8, 2, 254, 0, 2), ("default", 0, 2, 253, 0, 3), ("default", 0, 2, 77, 0, 4))
    routes(empty, ("172.16.0.0", 12, 2, 254, 0, 5, 9), ("192.168.0.0", 16, 2, 254, 0, 6, 1, 0, 1))
    assert [row[4] for row in looked_up(empty, "10.0.0.1")] == [1]
    assert [row[4] for row in looked_up(empty, "10.0.0.2")] == [2]
    assert [row[4] for row in looked_up(empty, "11.0.0.2")] == [3]
    assert [row[4] for row in looked_up(empty, "172.16.0.1")] == [3], "a throw route sends on"
    assert [row[4] for row in looked_up(empty, "192.168.0.1")] == [3], "a dead route is none"
    assert [row[4] for row in looked_up(empty, "10.0.0.1", 77)] == [4]
    assert looked_up(empty, "10.0.0.1", 78) == []


def test_each_target_has_its_answer(empty: Database) -> None:
    routes(empty, ("10.0.0.0", 8, 2))
    routes(empty, ("10.1.0.0", 16, 2), target="there")
    assert [row[:2] for row in looked_up(empty, "10.1.0.1")] == [("here", "10.0.0.0"), ("there", "10.1.0.0")]
    assert [row[:2] for row in looked_up(empty, "10.1.0.1", None, "here")] == [("here", "10.0.0.0")]
    empty.write(lambda tx: tx.put(NEIGHBOURS, "there", ("dst", "ifindex"), [["10.1.0.9", "10.2.0.9"], [1, 1]])).result()
    sql = """SELECT n.dst, r.dst FROM neighbours n
        LEFT JOIN route_lookup r ON r.asked_address = n.dst AND r.asked_target = n.target ORDER BY 1"""
    assert empty.fetch(sql) == [("10.1.0.9", "10.1.0.0"), ("10.2.0.9", None)]


def test_lookup_of_what_is_no_address_is_an_error(database: Database) -> None:
    assert looked_up(database, None) == []
    with pytest.raises(InvalidValue, match=r"expected an IPv4 or IPv6 address, got `10\.0\.0`"):
        looked_up(database, "10.0.0")


def test_lookup_is_quick_among_many(empty: Database) -> None:
    prefixes = [f"10.{place >> 8 & 255}.{place & 255}.0" for place in range(65536)]
    rest = [2] * 65536, [254] * 65536
    empty.write(lambda tx: tx.load(ROUTES, "here", [(("dst", "dst_len", "family", "table_id"), (prefixes, [24] * 65536, *rest))])).result()
    times = []
    for place in range(200):
        started = time.perf_counter()
        assert looked_up(empty, f"10.1.{place}.7")[0][:3] == ("here", f"10.1.{place}.0", 24)
        times.append(time.perf_counter() - started)
    assert min(times) < 0.001


# -- views ---------------------------------------------------------------------------------------------------------------


def test_each_link_kind_has_a_view_with_its_fields(database: Database) -> None:
    data = {"vlan_id": 7, "vlan_flags": {"flags": 1, "mask": 255}}
    columns = ("ifindex", "ifname", "kind", "kind_data")
    database.write(lambda tx: tx.put(INTERFACES, "here", columns, [[1, 2], ["v7", "d0"], ["vlan", "dummy"], [data, None]])).result()
    assert database.fetch("SELECT ifname, vlan_id, vlan_flags FROM interfaces_vlan") == [("v7", 7, '{"flags":1,"mask":255}')]
    assert database.fetch("SELECT ifname FROM interfaces_dummy") == [("d0",)]
    for kind in KINDS:
        assert database.fetch(f"SELECT count(*) FROM interfaces_{kind}")


def test_route_hops_has_a_row_for_each_way_out(empty: Database) -> None:
    hops = [{"gateway": "192.0.2.1", "oif": 3, "weight": 1, "flags": 0}, {"oif": 4, "weight": 2, "flags": 16, "encap": {"labels": [7]}}]
    columns = ("dst", "dst_len", "gateway", "oif", "multipath")
    empty.write(
        lambda tx: tx.put(ROUTES, "here", columns, [["10.0.0.0", "default"], [8, 0], ["192.0.2.9", None], [5, None], [None, hops]])
    ).result()
    assert empty.fetch("SELECT dst, hop, gateway, oif, weight, flags, encap FROM route_hops ORDER BY dst, hop") == [
        ("10.0.0.0", 0, "192.0.2.9", 5, 1, 0, None),
        ("default", 0, "192.0.2.1", 3, 1, 0, None),
        ("default", 1, None, 4, 2, 16, '{"labels":[7]}'),
    ]
