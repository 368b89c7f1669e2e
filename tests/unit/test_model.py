"""Are the declarations right? They keep to check.py, use words that the kernel has, and carry the names that NDB's users know."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import replace

import pytest

from holdfast.model import KINDS, NOUNS, TABLES
from holdfast.model.address import ADDRESSES
from holdfast.model.check import RESERVED, check, check_fields
from holdfast.model.field import BE64, I32, TEXT, U8, U32, U64, Field, ListOf, Nest, Shape, Struct, Table
from holdfast.model.links.kind import LinkKind
from holdfast.model.names import NAME_TABLES
from holdfast.netlink.uapi import HEADERS, number

MEMBERS_OF_ENTRY = {"vid", "flags"}
"""Of `vlans`: members of struct bridge_vlan_info, not of the message's header."""


def shapes(fields: tuple[Field, ...]) -> Iterator[Shape]:
    for field in fields:
        yield from _inside(field.shape)


def _inside(shape: Shape) -> Iterator[Shape]:
    yield shape
    if isinstance(shape, Nest):
        yield from shapes(shape.fields)
    elif isinstance(shape, ListOf):
        yield from _inside(shape.item)


def all_fields(fields: tuple[Field, ...]) -> Iterator[Field]:
    yield from fields
    for shape in shapes(fields):
        if isinstance(shape, Nest):
            yield from shape.fields


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_table_keeps_to_the_rules(table: Table) -> None:
    assert check(table) == []


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.kind)
def test_kind_keeps_to_the_rules(kind: LinkKind) -> None:
    assert check_fields(kind.data, kind.kind, json=True) == []
    assert check_fields(kind.port, f"port of {kind.kind}", json=True) == []
    common = set(TABLES["interfaces"].columns)
    assert not common & {field.name for field in (*kind.data, *kind.port)}, "its view shows both"


def test_the_check_finds_what_is_wrong() -> None:
    good = ADDRESSES
    spoilt = {
        "reserved": replace(good, fields=(Field("table", U32, "IFA_FLAGS", "a word"), *good.fields)),
        "given twice": replace(good, fields=(good.fields[0], *good.fields)),
        "alias is given twice": replace(good, fields=(Field("metric", U32, "IFA_FLAGS", "an alias of another"), *good.fields)),
        "which is no field": replace(good, key=("local", "nothing")),
        "index of addresses": replace(good, indexes=(("nothing",),)),
        "which is volatile": replace(good, key=("local", "valid_lft")),
        "64 bits": replace(good, fields=(Field("counter", U64, "IFA_FLAGS", "large"), *good.fields)),
        "without sign": replace(good, fields=(Field("counter", BE64, "IFA_FLAGS", "large"), *good.fields)),
        "secret": replace(good, fields=(Field("password", TEXT, "IFA_LABEL", "hush", secret=True), *good.fields)),
        "has no doc": replace(good, fields=(Field("bare", U8, "IFA_FLAGS"), *good.fields)),
        "lower-case": replace(good, fields=(Field("Upper", U8, "IFA_FLAGS", "wrong case"), *good.fields)),
        "derived from": replace(good, fields=(Field("made", U8, doc="from nothing", derive=("nothing", int)), *good.fields)),
        "and read from": replace(good, fields=(Field("made", U8, "IFA_FLAGS", "twice", derive=("flags", int)), *good.fields)),
        "has no key": replace(good, key=()),
        "does not end": replace(good, fields=good.fields[:-1]),
        "member": replace(good, fields=(Field("pair", Struct("II", ("a", "a")), "IFA_FLAGS", "a struct"), *good.fields)),
    }
    for what, table in spoilt.items():
        assert any(what.removeprefix("alias is ") in sentence for sentence in check(table)), what


def test_sqlite_refuses_what_we_call_reserved_and_nothing_else() -> None:
    """The list is complete: each column name of the model is one to SQLite without quotes."""
    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        for table in TABLES.values():
            database.execute(f"CREATE TABLE {table.name} (target, since, {', '.join(table.columns)})")
        for kind in KINDS.values():
            if names := [field.name for field in (*kind.data, *kind.port)]:
                database.execute(f"CREATE TABLE kind_{kind.kind} ({', '.join(names)})")
        for word in ("table", "index", "group", "order", "default", "to", "from"):
            assert word in RESERVED
            with pytest.raises(sqlite3.OperationalError):
                database.execute(f"CREATE TABLE one ({word})")


@pytest.mark.parametrize("table", [table for table in TABLES.values() if table.message], ids=lambda table: table.name)
def test_words_are_the_kernels(table: Table) -> None:
    message = table.message
    assert message is not None
    members = HEADERS[message.header][1]
    for word in (message.new, message.delete, message.get, *message.families, *message.groups):
        number(word)
    for field in table.fields:
        for word in field.attrs:
            if word.islower():
                assert word in members or (table.name == "vlans" and word in MEMBERS_OF_ENTRY), (field.name, word)
            else:
                for part in word.split("."):
                    number(part)
    inside = tuple(field for field in table.fields if isinstance(field.shape, Nest | ListOf))
    for shape in shapes(inside):
        _numbers_of(shape)
    for word in table.silent:
        number(word)


def _numbers_of(shape: Shape) -> None:
    match shape:
        case Nest():
            for field in shape.fields:
                number(field.attrs[0])
            for word in shape.silent:
                number(word)
        case ListOf(attr=attr) if attr:
            number(attr)


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.kind)
def test_words_of_kinds_are_the_kernels(kind: LinkKind) -> None:
    for shape in (kind.data_nest, kind.port_nest):
        for inside in _inside(shape):
            _numbers_of(inside)


def test_no_attribute_is_both_kept_and_silent() -> None:
    for table in TABLES.values():
        kept = {word for field in table.fields for word in field.attrs}
        assert not kept & set(table.silent)
    nests = [shape for table in TABLES.values() for shape in shapes(table.fields) if isinstance(shape, Nest)]
    for kind in KINDS.values():
        nests += [one for shape in (kind.data_nest, kind.port_nest) for one in _inside(shape) if isinstance(one, Nest)]
    for nest in nests:
        assert not {word for field in nest.fields for word in field.attrs} & set(nest.silent)


def test_every_table_of_names_exists() -> None:
    fields = [field for table in TABLES.values() for field in all_fields(table.fields)]
    fields += [field for kind in KINDS.values() for field in all_fields((*kind.data, *kind.port))]
    unknown = {field.name: field.names for field in fields if field.names and field.names not in NAME_TABLES}
    assert not unknown


def test_structs_have_a_member_per_value() -> None:
    import struct

    found = [shape for table in TABLES.values() for shape in shapes(table.fields)]
    found += [shape for kind in KINDS.values() for shape in shapes((*kind.data, *kind.port))]
    for shape in found:
        if isinstance(shape, Struct):
            packer = struct.Struct(shape.order + shape.format)
            assert len(packer.unpack(bytes(packer.size))) == len(shape.members), shape


def test_nothing_secret_is_kept() -> None:
    for table in TABLES.values():
        assert not [field.name for field in all_fields(table.fields) if field.secret]


def test_fields_are_found_by_name_and_alias() -> None:
    routes = TABLES["routes"]
    assert routes["table"] is routes["table_id"]
    assert routes["metric"].name == "priority"
    with pytest.raises(KeyError, match="routes has no field 'nothing'; it has family, dst"):
        routes["nothing"]
    assert NOUNS["route"] is routes
    assert "expires" not in routes.columns
    assert "cacheinfo" not in routes.lasting and "cacheinfo" in routes.columns


def derived(table: str, field: str, *values: object) -> object:
    rule = TABLES[table][field].derive
    assert rule is not None
    return rule[1](*values)


def test_derived_fields() -> None:
    assert derived("interfaces", "state", 0x1003) == "up"
    assert derived("interfaces", "state", 0x1002) == "down"
    assert derived("neighbours", "proxy", 0x08) == 1
    assert derived("neighbours", "proxy", 0x80) == 0
    assert derived("neighbours", "fixed", 0x80) == derived("fdb", "fixed", 0x40) == 1
    assert derived("neighbours", "fixed", 0x02) == derived("fdb", "fixed", 0x04) == 0
    assert derived("rules", "inverted", 0x2) == 1
    assert derived("filters", "priority", 49152 << 16 | 0x0008) == 49152
    assert derived("filters", "protocol", 49152 << 16 | int.from_bytes(b"\x08\x00", "little")) in (0x0800, 0x0008)


def test_an_fdb_entry_belongs_to_a_bridge_or_to_its_device() -> None:
    assert derived("fdb", "device", 4, 7) == 0
    assert derived("fdb", "device", None, 7) == 7


def test_a_peer_is_part_of_an_ipv4_address_only() -> None:
    assert derived("addresses", "ipv4_peer", 2, "10.0.0.2", "10.0.0.1") == "10.0.0.2"
    assert derived("addresses", "ipv4_peer", 2, "10.0.0.1", "10.0.0.1") == ""
    assert derived("addresses", "ipv4_peer", 10, "fd00::2", "fd00::1") == ""


def test_lifetimes() -> None:
    limited = {"prefered": 60, "valid": 120, "cstamp": 1, "tstamp": 2}
    forever = dict.fromkeys(limited, 0xFFFFFFFF)
    assert (derived("addresses", "preferred_lft", limited), derived("addresses", "valid_lft", limited)) == (60, 120)
    assert (derived("addresses", "preferred_lft", forever), derived("addresses", "valid_lft", forever)) == (None, None)
    assert derived("addresses", "valid_lft", None) is None


# -- names that scripts written for NDB use ----------------------------------------------------------------------------

OUR_WAY = {
    "routes": {
        "session", "mp_algo", "protoinfo", "mark", "mfc_stats", "expires",  # requests, or unused
    },
    "interfaces": {
        "family", "change", "cost", "priority", "weight", "wireless", "map", "event", "pad",  # always zero, or twins, or noise
        "protinfo", "vf_ports", "port_self", "linkinfo", "vfinfo_list", "prop_list", "alt_ifname",  # taken apart
        "net_ns_pid", "net_ns_fd", "ext_mask", "new_netnsid", "if_netnsid", "new_ifindex",  # requests
    },
    "addresses": {"target_netnsid"},
    "neighbours": {
        "vlan", "port", "vni", "master", "link_netnsid", "src_vni", "nh_id", "fdb_ext_attrs", "ndm_state_mask", "ndm_flags_mask",  # of fdb
    },
    "fdb": {"probes", "ndm_state_mask", "ndm_flags_mask"},
    "rules": {"res1", "res2", "pad"},
}  # fmt: skip
"""Names of NDB's columns that are no fields here, by table."""

OURS_IN_KINDS = {"br_hello_timer", "br_tcn_timer", "br_topology_change_timer", "br_gc_timer", "br_pad"}


def _names(message: type) -> set[str]:
    prefix = message.prefix or ""
    nlas = message.nla_map.values() if isinstance(message.nla_map, dict) else message.nla_map
    found = {entry[-2].removeprefix(prefix).lower() for entry in nlas if entry[-1] != "none" and "UNSPEC" not in entry[-2]}
    fields = message.fields if isinstance(message.fields, tuple | list) else ()
    found |= {name for name, *_ in fields if not name.startswith("__")}
    return found - {"unused", "unused2", "unused3", "unused4", "unused5"}


def test_fields_have_ndbs_names() -> None:
    pytest.importorskip("pyroute2")
    from pyroute2.netlink.rtnl.fibmsg import fibmsg
    from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
    from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
    from pyroute2.netlink.rtnl.ndmsg import ndmsg
    from pyroute2.netlink.rtnl.rtmsg import rtmsg

    messages = {"routes": rtmsg, "interfaces": ifinfmsg, "addresses": ifaddrmsg, "neighbours": ndmsg, "fdb": ndmsg, "rules": fibmsg}
    for name, message in messages.items():
        known = {one for field in TABLES[name].fields for one in (field.name, *field.aliases)}
        assert _names(message) - known == OUR_WAY[name], name


def test_fields_of_kinds_have_ndbs_names() -> None:
    pytest.importorskip("pyroute2")
    from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg

    for name, message in ifinfmsg.ifinfo.data_map.items():
        if name not in KINDS or name == "veth" or (not message.prefix and name != "geneve"):
            continue
        known = {field.name for field in KINDS[name].data}
        theirs = {one.removeprefix("ifla_") for one in _names(message)}
        assert theirs - known <= OURS_IN_KINDS, name


def test_ports_have_ndbs_names() -> None:
    pytest.importorskip("pyroute2")
    from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg

    counters = {"message_age_timer", "forward_delay_timer", "hold_timer", "pad", "mcast_eht_hosts_cnt", "mcast_n_groups"}
    known = {field.name for field in KINDS["bridge"].port}
    assert {f"brport_{name}" for name in _names(ifinfmsg.ifinfo.bridge_slave_data) - counters} <= known


def test_shapes_say_their_column_type() -> None:
    for table in TABLES.values():
        for field in table.fields:
            assert field.shape.sql in ("INTEGER", "TEXT", "JSON"), (table.name, field.name)
            assert field.json == (field.shape.sql == "JSON")
    assert I32.sql == "INTEGER"
