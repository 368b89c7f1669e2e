"""`holdfast show`, `sql` and the lines of `watch`, over rows that are put into a database by hand."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from holdfast.cli.asking.opening import mentioned
from holdfast.cli.asking.reading import Reading
from holdfast.cli.commands import sql
from holdfast.cli.declaring.options import Common
from holdfast.cli.presentation.style import plain
from holdfast.cli.presentation.telling import Teller
from holdfast.cli.show import table as show
from holdfast.cli.show.table import Request, show_rows
from holdfast.database.home import Change
from holdfast.database.sqlite import Database
from holdfast.errors import InvalidValue, NotFound, QueryError, UnknownName
from holdfast.model import TABLES
from holdfast.model.names import BUILTIN

ROWS: dict[str, list[dict[str, Any]]] = {
    "interfaces": [
        {
            "ifindex": 1,
            "ifname": "lo",
            "state": "up",
            "flags": 0x10049,
            "ifi_type": 772,
            "operstate": "UNKNOWN",
            "mtu": 65536,
            "address": "00:00:00:00:00:00",
        },
        {
            "ifindex": 2,
            "ifname": "eth0",
            "state": "up",
            "flags": 0x11043,
            "ifi_type": 1,
            "operstate": "UP",
            "mtu": 1500,
            "address": "02:00:00:00:00:02",
            "kind": "veth",
            "link": 7,
            "link_netnsid": 0,
            "master": 3,
            "slave_kind": "bridge",
            "port_data": {"brport_state": 3},
            "altnames": ["uplink"],
        },
        {
            "ifindex": 3,
            "ifname": "br0",
            "state": "down",
            "flags": 0x1002,
            "ifi_type": 1,
            "operstate": "DOWN",
            "mtu": 1500,
            "address": "02:00:00:00:00:02",
            "kind": "bridge",
            "kind_data": {"br_stp_state": 0, "br_ageing_time": 30000},
            "txqlen": 1000,
        },
    ],
    "addresses": [
        {
            "family": 2,
            "ifindex": 1,
            "local": "127.0.0.1",
            "address": "127.0.0.1",
            "prefixlen": 8,
            "scope": 254,
            "flags": 0x80,
            "label": "lo",
        },
        {
            "family": 2,
            "ifindex": 2,
            "local": "10.0.0.1",
            "address": "10.0.0.2",
            "prefixlen": 32,
            "flags": 0x80,
            "label": "eth0:1",
            "ipv4_peer": "10.0.0.2",
        },
        {"family": 10, "ifindex": 2, "local": "2001:db8::1", "address": "2001:db8::1", "prefixlen": 64, "flags": 0, "valid_lft": 600},
    ],
    "routes": [
        {
            "family": 2,
            "dst": "10.1.0.0",
            "dst_len": 16,
            "table_id": 254,
            "type": 1,
            "proto": 4,
            "gateway": "10.0.0.2",
            "oif": 2,
            "priority": 100,
        },
        {
            "family": 2,
            "dst": "default",
            "dst_len": 0,
            "table_id": 254,
            "type": 1,
            "proto": 3,
            "hops": "x",
            "multipath": [
                {"gateway": "10.0.0.2", "oif": 2, "weight": 2, "flags": 0},
                {"gateway": "10.0.0.3", "oif": 2, "weight": 1, "flags": 16},
            ],
        },
        {"family": 2, "dst": "9.0.0.0", "dst_len": 8, "table_id": 254, "type": 6, "proto": 4},
        {
            "family": 2,
            "dst": "10.0.0.1",
            "dst_len": 32,
            "table_id": 255,
            "type": 2,
            "proto": 2,
            "scope": 254,
            "oif": 2,
            "prefsrc": "10.0.0.1",
        },
    ],
}


def fill(database: Database, target: str = "localhost") -> None:
    def job(tx: Any) -> None:
        for table, rows in ROWS.items():
            for row in rows:
                tx.put(TABLES[table], target, tuple(row), [[value] for value in row.values()])

    database.write(job).result()


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., str]]:
    with Database(":memory:") as database:
        fill(database)

        @contextmanager
        def reading(common: Common, tables: Any) -> Iterator[Reading]:
            yield Reading(database, BUILTIN)

        monkeypatch.setattr(show, "open_reading", reading)
        monkeypatch.setattr(sql, "open_query", reading)

        def call(text: str, *, common: Common | None = None, **options: Any) -> str:
            noun, *filters = text.split()
            show_rows(Request(noun, tuple(filters), **options), common or Common())
            return capsys.readouterr().out

        call.database = database  # type: ignore[attr-defined]
        yield call


def test_interfaces(shown: Callable[..., str]) -> None:
    assert shown("link") == (
        "INDEX  NAME  STATE  OPER       MTU  TYPE      MASTER  LINK        ADDRESS\n"
        "    1  lo    up     unknown  65536  loopback                      00:00:00:00:00:00\n"
        "    2  eth0  up     up        1500  veth      br0     if7@netns0  02:00:00:00:00:02\n"
        "    3  br0   down   down      1500  bridge                        02:00:00:00:00:02\n"
    )


def test_the_other_end_in_another_namespace_has_its_name_where_a_source_looks(shown: Callable[..., str]) -> None:
    def ends(found: str) -> list[list[str]]:
        return [line.split() for line in found.splitlines()]

    end = {"ifi_type": 1, "state": "up", "kind": "veth", "link_netnsid": 0}
    rows = [{**end, "ifindex": 7, "ifname": "host0", "link": 2}, {**end, "ifindex": 9, "ifname": "out0", "link": 4}]

    def job(tx: Any) -> None:
        for row in rows:
            tx.put(TABLES["interfaces"], "blue", tuple(row), [[value] for value in row.values()])

    shown.database.write(job).result()  # type: ignore[attr-defined]
    assert ends(shown("link type veth", columns="name,link")) == [
        ["TARGET", "NAME", "LINK"],
        ["blue", "host0", "eth0@localhost"],
        ["blue", "out0", "if4@netns0"],
        ["localhost", "eth0", "host0@blue"],
    ]


def test_details_stand_below_their_row(shown: Callable[..., str]) -> None:
    assert shown("link br0", details=True).splitlines()[1:] == [
        "    3  br0   down   down  1500  bridge  02:00:00:00:00:02",
        "    flags BROADCAST,MULTICAST  br_ageing_time 30000  br_stp_state 0  txqlen 1000",
    ]


def test_addresses(shown: Callable[..., str]) -> None:
    assert shown("addr") == (
        "DEV   ADDRESS         PEER         SCOPE   LABEL   FLAGS    VALID\n"
        "lo    127.0.0.1/8                  host\n"
        "eth0  10.0.0.1        10.0.0.2/32  global  eth0:1\n"
        "eth0  2001:db8::1/64               global          dynamic   600s\n"
    )


def test_routes_with_their_hops_and_without_table_local(shown: Callable[..., str]) -> None:
    assert shown("routes") == (
        "DST          VIA       DEV   TABLE  TYPE       PROTO   METRIC\n"
        "default                      main              boot\n"
        "    nexthop via 10.0.0.2 dev eth0 weight 2\n"
        "    nexthop via 10.0.0.3 dev eth0 weight 1 linkdown\n"
        "9.0.0.0/8                    main   blackhole  static\n"
        "10.1.0.0/16  10.0.0.2  eth0  main              static     100\n"
    )
    assert shown("routes all").splitlines()[-1] == "10.0.0.1/32            eth0  local  local      kernel  host           10.0.0.1"
    assert shown("routes table local").splitlines()[1:] == ["10.0.0.1/32  eth0  local  local  kernel  host   10.0.0.1"]


def test_chosen_columns(shown: Callable[..., str]) -> None:
    assert shown("routes", columns="dst,oif,metric") == "DST          OIF   METRIC\ndefault\n9.0.0.0/8\n10.1.0.0/16  eth0     100\n"
    with pytest.raises(UnknownName, match="routes have no column `oiff`; did you mean `oif`"):
        shown("routes", columns="oiff")


def test_all_columns_are_the_fields(shown: Callable[..., str]) -> None:
    heading = shown("addresses", all_columns=True).splitlines()[0].split()
    assert heading == [field.name.upper() for field in TABLES["addresses"].fields]


def test_limit_and_family(shown: Callable[..., str]) -> None:
    assert len(shown("addresses", limit=1).splitlines()) == 2
    assert shown("addresses", family="inet6", columns="address").splitlines() == ["ADDRESS", "2001:db8::1/64"]
    with pytest.raises(InvalidValue, match="interfaces have no address family – at `-4`"):
        shown("interfaces", family="inet")


def test_json_has_whole_rows_with_structure(shown: Callable[..., str]) -> None:
    rows = json.loads(shown("link eth0", common=Common(json=True)))
    assert len(rows) == 1
    assert set(rows[0]) == {"target", "since", *TABLES["interfaces"].columns}
    assert (rows[0]["target"], rows[0]["master"], rows[0]["altnames"]) == ("localhost", 3, ["uplink"])
    assert rows[0]["port_data"] == {"brport_state": 3}
    assert rows[0]["xdp"] is None


def test_json_hides_nothing_and_is_one_row_per_line(shown: Callable[..., str]) -> None:
    text = shown("routes", common=Common(json=True))
    assert len(json.loads(text)) == 4
    assert [line[:1] for line in text.splitlines()] == ["[", "{", "{", "{", "{", "]"]
    assert shown("neighbours", common=Common(json=True)) == "[]\n"


def test_several_targets_get_a_column(shown: Any) -> None:
    fill(shown.database, "red")
    lines = shown("addresses dev lo").splitlines()
    assert [line.split() for line in lines] == [
        ["TARGET", "DEV", "ADDRESS", "SCOPE"],
        ["localhost", "lo", "127.0.0.1/8", "host"],
        ["red", "lo", "127.0.0.1/8", "host"],
    ]
    assert len(shown("addresses dev lo", common=Common(target="red")).splitlines()) == 2
    assert len(shown("addresses dev lo", common=Common(target="r*,x")).splitlines()) == 0
    with pytest.raises(NotFound, match="there is no source `green`; there are localhost, red"):
        shown("addresses", common=Common(target="green"))


def test_nothing_to_show_prints_nothing(shown: Callable[..., str]) -> None:
    assert shown("neighbours") == ""


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    return lambda width: monkeypatch.setattr(show, "terminal_width", lambda stream: width)


def test_what_does_not_fit_the_terminal_is_shown_otherwise(shown: Callable[..., str], narrow: Callable[[int], None]) -> None:
    wide = shown("addresses")
    narrow(70)
    assert shown("addresses") == wide
    narrow(60)  # a table per family
    assert shown("addresses") == (
        "DEV   ADDRESS      PEER         SCOPE   LABEL\n"
        "lo    127.0.0.1/8               host\n"
        "eth0  10.0.0.1     10.0.0.2/32  global  eth0:1\n"
        "\n"
        "DEV   ADDRESS         SCOPE   FLAGS    VALID\n"
        "eth0  2001:db8::1/64  global  dynamic   600s\n"
    )
    narrow(40)  # sentences
    assert shown("routes") == (
        "default proto boot\n"
        "    nexthop via 10.0.0.2 dev eth0 weight 2\n"
        "    nexthop via 10.0.0.3 dev eth0 weight 1 linkdown\n"
        "9.0.0.0/8 type blackhole proto static\n"
        "10.1.0.0/16 via 10.0.0.2 dev eth0\n"
        "    proto static metric 100\n"
    )
    assert shown("addresses", common=Common(wide=True)) == wide


def test_a_column_that_says_nothing_goes_first(shown: Callable[..., str], narrow: Callable[[int], None]) -> None:
    narrow(55)
    assert shown("routes").splitlines()[0] == "DST          VIA       DEV   TYPE       PROTO   METRIC"


def test_help_of_a_noun(shown: Callable[..., str]) -> None:
    text = shown("route help")
    assert text.startswith("holdfast show routes | route | r [FILTER]...\n  The forwarding tables.\n")
    assert "  table_id/table   routing table (names: rt_tables)\n" in text
    assert text.rstrip().endswith("Left out unless asked for: what `table local` shows. `all` leaves nothing out.")
    assert max(map(len, text.splitlines())) <= 80


# ------------------------------------------------------------------------------------------------------------------- sql


def ask(capsys: pytest.CaptureFixture[str], query: str, common: Common | None = None, **options: Any) -> str:
    sql.run_sql(query, common or Common(), **({"as_csv": False, "limit": 0, "timeout_s": 10.0} | options))
    return capsys.readouterr().out


def test_sql_is_aligned(shown: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(capsys, "SELECT ifname, mtu, kind FROM interfaces ORDER BY ifindex") == (
        "ifname    mtu  kind\nlo      65536\neth0     1500  veth\nbr0      1500  bridge\n"
    )


def test_sql_without_rows_shows_the_heading(shown: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(capsys, "SELECT dst FROM neighbours") == "dst\n"


def test_sql_as_json_and_csv(shown: Any, capsys: pytest.CaptureFixture[str]) -> None:
    query = "SELECT ifname, altnames, '[x' AS odd, x'0102' AS raw FROM interfaces WHERE ifindex = 2"
    assert json.loads(ask(capsys, query, Common(json=True))) == [{"ifname": "eth0", "altnames": ["uplink"], "odd": "[x", "raw": "0102"}]
    assert ask(capsys, query, as_csv=True) == 'ifname,altnames,odd,raw\neth0,"[""uplink""]",[x,0102\n'
    with pytest.raises(InvalidValue, match="expected one of `--json` and `--csv`, got both"):
        ask(capsys, query, Common(json=True), as_csv=True)


def test_sql_from_standard_input(shown: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("SELECT count(*) AS n\nFROM routes\n"))
    assert ask(capsys, "") == "n\n4\n"
    monkeypatch.setattr("sys.stdin", io.StringIO("  \n"))
    with pytest.raises(InvalidValue, match="expected a query, got nothing"):
        ask(capsys, "")


def test_wrong_sql_is_a_query_error(shown: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(QueryError):
        ask(capsys, "SELECT nam FROM interfaces")
    with pytest.raises(QueryError):
        ask(capsys, "DELETE FROM routes")


@pytest.mark.parametrize(
    ("query", "tables"),
    [
        ("SELECT 1", set()),
        ("SELECT * FROM Routes", {"routes"}),
        ("SELECT * FROM interfaces_bridge", {"interfaces"}),
        ("SELECT * FROM route_hops JOIN interfaces USING (ifindex)", {"routes", "interfaces"}),
        ("SELECT * FROM route_lookup('10.0.0.1')", {"routes"}),
        ("SELECT * FROM fdb, neighbours", {"fdb", "neighbours"}),
    ],
)
def test_only_tables_that_are_mentioned_are_read(query: str, tables: set[str]) -> None:
    assert mentioned(query) == tables


# ----------------------------------------------------------------------------------------------------------------- watch


def told(change: Change) -> str:
    with Database(":memory:") as database:
        fill(database)
        return Teller(Reading(database, BUILTIN).spelling(), plain).line(change)


def whole(table: str, number: int, **fields: Any) -> dict[str, Any]:
    return {"target": "localhost"} | {field.name: field.default for field in TABLES[table].fields} | ROWS[table][number] | fields


def test_what_is_new_and_what_is_gone_is_told_in_words_of_ip() -> None:
    route = whole("routes", 0)
    line = "route 10.1.0.0/16 table main metric 100 via 10.0.0.2 dev eth0 proto static"
    assert told(Change("routes", 5, "put", route)) == f"+ {line}"
    assert told(Change("routes", 5, "delete", route)) == f"- {line}"
    assert told(Change("routes", 5, "put", whole("routes", 1))) == (
        "+ route default table main proto boot nexthop via 10.0.0.2 dev eth0 weight 2 nexthop via 10.0.0.3 dev eth0 weight 1 linkdown"
    )


def test_a_change_says_from_what_to_what() -> None:
    before = whole("interfaces", 1)
    after = whole("interfaces", 1, state="down", operstate="DOWN", flags=0x1002, master=None, mtu=9000, stats={"rx_packets": 5})
    assert told(Change("interfaces", 5, "put", after, before)) == (
        "~ interface eth0: flags -UP -LOWER_UP, state up → down, oper UP → DOWN, mtu 1500 → 9000, master br0 → none"
    )


def test_a_change_inside_of_json_says_where() -> None:
    before, after = whole("interfaces", 2), whole("interfaces", 2, kind_data={"br_stp_state": 1, "br_ageing_time": 30000})
    assert told(Change("interfaces", 5, "put", after, before)) == "~ interface br0: br_stp_state 0 → 1"
    bare = whole("interfaces", 2, kind_data=None)
    assert told(Change("interfaces", 5, "put", before, bare)).startswith("~ interface br0: kind_data none → br_")


def test_a_new_interface_is_known_by_name_from_then_on() -> None:
    with Database(":memory:") as database:
        teller = Teller(Reading(database, BUILTIN).spelling(), plain)
        address = Change("addresses", 2, "put", whole("addresses", 2))
        assert teller.line(address, with_target=True) == "+ [localhost] address 2001:db8::1/64 dev if2 scope global dynamic valid 600s"
        teller.line(Change("interfaces", 1, "put", whole("interfaces", 1)))
        assert teller.line(address) == "+ address 2001:db8::1/64 dev eth0 scope global dynamic valid 600s"
