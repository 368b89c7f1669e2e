"""The filter language: what a person types, and which rows it means. Each condition must say the same in SQL and of a row."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from holdfast.cli.language.conditions import All, Condition, where
from holdfast.cli.language.filters import find_look, parse, vocabulary
from holdfast.cli.language.looks import LOOKS
from holdfast.cli.language.spelling import Spelling
from holdfast.database.sqlite import Database
from holdfast.errors import InvalidValue, NotFound, UnknownName
from holdfast.model import TABLES
from holdfast.model.names import BUILTIN

LINKS = [
    ("localhost", 1, "lo", None, None),
    ("localhost", 2, "eth0", '["uplink"]', None),
    ("localhost", 3, "br0", None, None),
    ("localhost", 4, "blue", None, 100),
    ("red", 2, "eth7", None, None),
]


def row(table: str, **fields: Any) -> dict[str, Any]:
    return {"target": "localhost"} | {field.name: field.default for field in TABLES[table].fields} | fields


ROUTES = [
    row("routes", family=2, dst="default", dst_len=0, table_id=254, oif=2, gateway="10.0.0.254", proto=3, type=1),
    row("routes", family=2, dst="10.0.0.0", dst_len=24, table_id=254, oif=2, prefsrc="10.0.0.1", proto=2, scope=253, type=1),
    row("routes", family=2, dst="10.0.0.0", dst_len=8, table_id=100, oif=4, proto=4, type=1, priority=20, metrics={"mtu": 1400}),
    row(
        "routes", family=2, dst="10.1.0.0", dst_len=16, table_id=254, proto=4, type=1,
        multipath=[{"gateway": "10.0.0.2", "oif": 2, "weight": 1}, {"gateway": "10.0.0.3", "oif": 3, "weight": 1}], hops="x",
    ),
    row("routes", family=2, dst="10.3.0.0", dst_len=16, table_id=254, proto=4, type=6),
    row("routes", family=10, dst="2001:db8::", dst_len=32, table_id=254, oif=2, gateway="fe80::1", proto=186, type=1, flags=16),
    row("routes", family=10, dst="default", dst_len=0, table_id=254, oif=2, proto=9, type=1),
    row("routes", family=2, dst="10.9.0.0", dst_len=16, table_id=255, oif=2, proto=2, type=2, target="red"),
]  # fmt: skip
INTERFACES = [
    row("interfaces", ifindex=1, ifname="lo", state="up", ifi_type=772, flags=0x10049, mtu=65536, operstate="UNKNOWN"),
    row(
        "interfaces",
        ifindex=2,
        ifname="eth0",
        state="up",
        ifi_type=1,
        master=3,
        slave_kind="bridge",
        altnames=["uplink"],
        operstate="UP",
        mtu=1500,
    ),
    row(
        "interfaces",
        ifindex=3,
        ifname="br0",
        state="down",
        ifi_type=1,
        kind="bridge",
        kind_data={"br_stp_state": 1},
        operstate="DOWN",
        mtu=1500,
    ),
    row(
        "interfaces", ifindex=4, ifname="blue", state="up", ifi_type=1, kind="vrf", kind_data={"vrf_table": 100}, operstate="UP", mtu=65575
    ),
    row(
        "interfaces", ifindex=2, ifname="eth7", state="up", ifi_type=1, address="02:00:00:00:00:07", operstate="UP", target="red", mtu=9000
    ),
]
ADDRESSES = [
    row("addresses", family=2, ifindex=1, local="127.0.0.1", address="127.0.0.1", prefixlen=8, scope=254, flags=0x80),
    row("addresses", family=2, ifindex=2, local="10.0.0.1", address="10.0.0.1", prefixlen=24, flags=0x80),
    row("addresses", family=2, ifindex=2, local="10.0.0.9", address="10.0.1.9", prefixlen=32, flags=0x81, ipv4_peer="10.0.1.9"),
    row("addresses", family=10, ifindex=2, local="fe80::1", address="fe80::1", prefixlen=64, scope=253, flags=0),
]
NEIGHBOURS = [
    row("neighbours", family=2, ifindex=2, dst="10.0.0.2", lladdr="02:00:00:00:00:02", state=0x02),
    row("neighbours", family=2, ifindex=2, dst="10.0.0.3", state=0x20),
    row("neighbours", family=2, ifindex=2, dst="10.0.0.4", flags=0x08, proxy=1),
]
RULES = [
    row("rules", family=2, priority=0, action=1, table_id=255),
    row("rules", family=2, priority=100, action=1, table_id=100, src="10.0.0.0", src_len=8, iifname="eth0"),
]
ROWS = {"routes": ROUTES, "interfaces": INTERFACES, "addresses": ADDRESSES, "neighbours": NEIGHBOURS, "rules": RULES}


@pytest.fixture(scope="module")
def database() -> Any:
    def fill(tx: Any) -> None:
        for table, rows in ROWS.items():
            for one in rows:
                columns = tuple(name for name in one if name != "target")
                tx.put(TABLES[table], one["target"], columns, [[one[name]] for name in columns])

    with Database(":memory:") as home:
        home.write(fill).result()
        yield home


def spelling() -> Spelling:
    return Spelling(BUILTIN, LINKS)


def found(database: Any, table: str, text: str) -> list[int]:
    """The numbers of the rows that match, found in SQL; found row by row they must be the same."""
    condition: Condition = All(parse(LOOKS[table], text.split(), spelling()).conditions)
    rows = ROWS[table]
    by_row = [number for number, one in enumerate(rows) if condition.holds(one)]
    stored = [
        {name: msgspec.json.encode(part).decode() if isinstance(part, list | dict) else part for name, part in one.items()} for one in rows
    ]
    assert [number for number, one in enumerate(stored) if condition.holds(one)] == by_row, "JSON as text and as objects differ"
    names = (*TABLES[table].key, "target")
    text_sql, arguments = where([condition])
    answers = database.fetch(f"SELECT {', '.join('t.' + name for name in names)} FROM {table} AS t{text_sql}", arguments)
    keys = {tuple(one[name] for name in names): number for number, one in enumerate(rows)}
    assert sorted(keys[answer] for answer in answers) == by_row, "SQL and Python differ"
    return by_row


@pytest.mark.parametrize(
    ("word", "table"),
    [
        ("interfaces", "interfaces"),
        ("interface", "interfaces"),
        ("link", "interfaces"),
        ("links", "interfaces"),
        ("l", "interfaces"),
        ("int", "interfaces"),
        ("a", "addresses"),
        ("addr", "addresses"),
        ("address", "addresses"),
        ("r", "routes"),
        ("ro", "routes"),
        ("route", "routes"),
        ("ru", "rules"),
        ("n", "neighbours"),
        ("neigh", "neighbours"),
        ("neighbors", "neighbours"),
        ("nh", "nexthops"),
        ("nexthop", "nexthops"),
        ("net", "netns"),
        ("fdb", "fdb"),
        ("vlan", "vlans"),
        ("q", "qdiscs"),
        ("class", "classes"),
        ("filter", "filters"),
        ("Routes", "routes"),
    ],
)
def test_nouns_are_found_as_ip_finds_them(word: str, table: str) -> None:
    assert find_look(word).table.name == table


def test_an_unknown_noun_names_what_there_is() -> None:
    with pytest.raises(UnknownName) as caught:
        find_look("intrefaces")
    assert caught.value.message == "there is nothing called `intrefaces`"
    assert caught.value.hint.startswith("did you mean `interfaces`? there are interfaces, addresses, routes, ")


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("", [0, 1, 2, 3, 4, 5, 6, 7]),
        ("table main", [0, 1, 3, 4, 5, 6]),
        ("table 100", [2]),
        ("table_id=100", [2]),
        ("table main,100 proto static", [2, 3, 4]),
        ("table all", [0, 1, 2, 3, 4, 5, 6, 7]),
        ("not table main", [2, 7]),
        ("not proto kernel,static table main", [0, 5, 6]),
        ("dev eth0", [0, 1, 3, 5, 6]),
        ("dev uplink", [0, 1, 3, 5, 6]),
        ("oif=3", [3]),
        ("dev br0", [3]),
        ("dev eth*", [0, 1, 3, 5, 6, 7]),
        ("dev eth0,blue", [0, 1, 2, 3, 5, 6]),
        ("dev none", [3, 4]),
        ("via 10.0.0.254", [0]),
        ("via 10.0.0.3", [3]),
        ("gateway fe80:0::1", [5]),
        ("via 10.0.0.0/24", [0]),
        ("10.0.0.0/8", [2]),
        ("dst 10.0.0.0/24", [1]),
        ("root 10.0.0.0/8", [1, 2, 3, 4, 7]),
        ("match 10.0.0.77", [0, 1, 2]),
        ("match 2001:db8::1", [5, 6]),
        ("root 2001::/16", [5]),
        ("default", [0, 6]),
        ("default proto ra", [6]),
        ("src 10.0.0.1", [1]),
        ("type blackhole", [4]),
        ("scope link", [1]),
        ("metric 20", [2]),
        ("priority=0x14", [2]),
        ("flags linkdown", [5]),
        ("metrics.mtu 1400", [2]),
        ("vrf blue", [2]),
        ("proto 186", [5]),
        ("family inet6", [5, 6]),
    ],
)
def test_routes(database: Any, text: str, rows: list[int]) -> None:
    assert found(database, "routes", text) == rows


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("eth0", [1]),
        ("uplink", [1]),
        ("dev eth0,lo", [0, 1]),
        ("lo,eth0", [0, 1]),
        ("eth*", [1, 4]),
        ("up", [0, 1, 3, 4]),
        ("down", [2]),
        ("not up", [2]),
        ("type bridge", [2]),
        ("type bridge,vrf", [2, 3]),
        ("type bridge_slave", [1]),
        ("type loopback", [0]),
        ("type ether", [1, 4]),
        ("master br0", [1]),
        ("nomaster", [0, 2, 3, 4]),
        ("mtu 1500", [1, 2]),
        ("index 2", [1, 4]),
        ("oper up", [1, 3, 4]),
        ("operstate UP", [1, 3, 4]),
        ("address 02-00-00-00-00-07", [4]),
        ("02:00:00:00:00:07", [4]),
        ("altname uplink", [1]),
        ("altname up*", [1]),
        ("kind_data.br_stp_state 1", [2]),
        ("br_stp_state 1", [2]),
        ("vrf_table=100", [3]),
        ("flags LOOPBACK", [0]),
        ("flags lower_up", [0]),
        ("name e*", [1, 4]),
    ],
)
def test_interfaces(database: Any, text: str, rows: list[int]) -> None:
    assert found(database, "interfaces", text) == rows


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("dev eth0", [1, 2, 3]),
        ("10.0.0.1", [1]),
        ("10.0.0.1/24", [1]),
        ("10.0.0.1/16", []),
        ("to 10.0.0.0/24", [1, 2]),
        ("10.0.0.0/8", [1, 2]),
        ("peer 10.0.1.9", [2]),
        ("secondary", [2]),
        ("primary", [0, 1, 3]),
        ("dynamic", [3]),
        ("scope host,link", [0, 3]),
    ],
)
def test_addresses(database: Any, text: str, rows: list[int]) -> None:
    assert found(database, "addresses", text) == rows


@pytest.mark.parametrize(
    ("table", "text", "rows"),
    [
        ("neighbours", "nud reachable", [0]),
        ("neighbours", "nud failed,reachable", [0, 1]),
        ("neighbours", "proxy", [2]),
        ("neighbours", "proxy 0", [0, 1]),
        ("neighbours", "10.0.0.2", [0]),
        ("neighbours", "lladdr none", [1, 2]),
        ("rules", "100", [1]),
        ("rules", "from 10.0.0.0/8", [1]),
        ("rules", "from all", [0]),
        ("rules", "lookup local", [0]),
        ("rules", "iif eth*", [1]),
    ],
)
def test_other_tables(database: Any, table: str, text: str, rows: list[int]) -> None:
    assert found(database, table, text) == rows


@pytest.mark.parametrize(
    ("table", "text", "error", "message", "hint"),
    [
        (
            "routes",
            "tabel 100",
            UnknownName,
            "`tabel` is neither a word of the filter nor an interface – in the filter of routes",
            "did you mean `table`? `holdfast show route help` lists the words",
        ),
        ("routes", "dev eth9", NotFound, "there is no interface `eth9`", "did you mean `eth7`?"),
        ("routes", "dev", InvalidValue, "expected a value behind `dev` – in the filter of routes", ""),
        (
            "routes",
            "dst 10.0.0.1/24",
            InvalidValue,
            "expected a prefix, got `10.0.0.1/24`: it has host bits – at `dst`",
            "the prefix is 10.0.0.0/24",
        ),
        (
            "routes",
            "via gateway",
            InvalidValue,
            "expected an address or a prefix, got `gateway` – at `via`",
            "for example 10.0.0.0/24, 2001:db8::1 or default",
        ),
        ("routes", "metric low", InvalidValue, "expected a number, got `low` – at `metric`", ""),
        ("routes", "vrf eth0", InvalidValue, "expected a VRF, got the interface `eth0` – at `vrf`", ""),
        (
            "rules",
            "nonsense",
            UnknownName,
            "`nonsense` is no word of the filter – in the filter of rules",
            "`holdfast show rule help` lists the words",
        ),
    ],
)
def test_what_is_wrong_is_said(table: str, text: str, error: type[Exception], message: str, hint: str) -> None:
    with pytest.raises(error) as caught:
        parse(LOOKS[table], text.split(), spelling())
    assert (caught.value.message, caught.value.hint) == (message, hint)  # type: ignore[attr-defined]


def test_a_name_without_a_number_names_those_that_have_one() -> None:
    with pytest.raises(UnknownName, match="no routing protocol named `statik`"):
        parse(LOOKS["routes"], ["proto", "statik"], spelling())


@pytest.mark.parametrize(
    ("text", "everything"),
    [("", False), ("all", True), ("dev eth0", False), ("table all", True), ("not table main", True), ("type local", True)],
)
def test_what_a_listing_hides_is_shown_when_it_is_asked_for(text: str, everything: bool) -> None:
    assert parse(LOOKS["routes"], text.split(), spelling()).everything is everything


@pytest.mark.parametrize("table", LOOKS)
def test_looks_name_fields_that_exist(table: str) -> None:
    look = LOOKS[table]
    columns = set(look.table.columns)
    used = {name for view in look.views for name in view.fields} | {name for names in look.words.values() for name in names}
    used |= set(look.prefixes) | set(look.prefixes.values()) | set(look.order) | set(look.beneath[0] if look.beneath else ())
    assert used <= columns
    assert set(look.bare.values()) <= vocabulary(look).keys()
    assert any(view.label for view in look.views)


def test_every_table_can_be_shown() -> None:
    assert set(LOOKS) == set(TABLES)
