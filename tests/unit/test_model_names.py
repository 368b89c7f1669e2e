"""Do numbers get the words that `ip` prints, and words their numbers?"""

from __future__ import annotations

import pytest

from holdfast.errors import InvalidValue, UnknownName
from holdfast.model.names import BUILTIN, FILES, NAME_TABLES, Names
from holdfast.model.words import ALIASES, BITS, DEFAULTS, ENUMS
from holdfast.netlink.uapi import number

RT_TABLES = """
# reserved values
255\tlocal
254\tmain
0\tunspec
100 blue   # ours
0x65 green
nonsense
-5 below
12
"""


def test_files_are_read_as_ip_reads_them() -> None:
    names = Names.parse({"rt_tables": RT_TABLES})
    assert names.name_of("rt_tables", 100) == "blue"
    assert names.name_of("rt_tables", 101) == "green"
    assert names.name_of("rt_tables", 253) == "default"  # built in
    assert names.name_of("rt_tables", 12) == "12"
    assert names.number_of("rt_tables", "green") == 101
    assert "below" not in names.table("rt_tables").values()


def test_later_files_win_and_directories_add() -> None:
    names = Names.parse(
        {
            "/usr/share/iproute2/rt_tables": "100 red\n101 green",
            "/etc/iproute2/rt_tables": "100 blue",
            "/etc/iproute2/rt_tables.d/ours.conf": "102 yellow",
            "/etc/iproute2/rt_tables.d/README": "",
            "/etc/iproute2/nl_protos": "0 rtnl",
        }
    )
    assert [names.name_of("rt_tables", one) for one in (100, 101, 102)] == ["blue", "green", "yellow"]


def test_names_are_those_of_one_host() -> None:
    here, there = Names.parse({"group": "7 here"}), Names.parse({"group": "7 there"})
    assert (here.name_of("group", 7), there.name_of("group", 7), BUILTIN.name_of("group", 7)) == ("here", "there", "7")


def test_numbers_are_always_understood() -> None:
    assert BUILTIN.number_of("rt_tables", "254") == 254
    assert BUILTIN.number_of("rt_tables", "0xfe") == 254
    assert BUILTIN.number_of("rt_tables", 254) == 254
    assert BUILTIN.number_of("rt_protos", "08") == 8


def test_words_are_understood_in_any_case() -> None:
    assert BUILTIN.number_of("rt_scopes", "Link") == 253
    assert BUILTIN.number_of("rt_scopes", "universe") == 0
    assert BUILTIN.number_of("nud", "permanent") == 0x80


def test_a_word_that_is_none_names_those_that_are() -> None:
    with pytest.raises(UnknownName, match="no scope named `far`; there are: global, site, link, host, nowhere"):
        BUILTIN.number_of("rt_scopes", "far")
    with pytest.raises(UnknownName, match="no table of names `colours`; there are"):
        BUILTIN.name_of("colours", 1)
    with pytest.raises(UnknownName, match="no rt_dsfield named `fast`; there are: numbers only"):
        BUILTIN.number_of("rt_dsfield", "fast")


def test_what_has_no_name_is_shown_as_ip_shows_it() -> None:
    assert BUILTIN.name_of("rt_dsfield", 0x10) == "0x10"
    assert BUILTIN.name_of("rt_tables", 1000) == "1000"
    assert BUILTIN.name_of("ifindex", 3) == "3"
    assert BUILTIN.name_of("ethertype", 0x8100) == "802.1Q"


def test_bits() -> None:
    assert BUILTIN.words_of("rt_flags", 0x11) == ["dead", "linkdown"]
    assert BUILTIN.words_of("rt_flags", 0) == []
    assert BUILTIN.words_of("nud", 0) == ["NONE"]
    assert BUILTIN.words_of("rt_flags", 0x80000001) == ["dead", "0x80000000"]
    assert BUILTIN.name_of("nud", 0x42) == "REACHABLE,NOARP"
    assert BUILTIN.bits_of("rt_flags", ["onlink", 0x10, "0x1"]) == 0x15
    assert BUILTIN.bits_of("rt_flags", "onlink, linkdown") == 0x14
    assert BUILTIN.number_of("rt_flags", "onlink") == 4
    assert BUILTIN.bits_of("nud", "none") == 0
    assert BUILTIN.bits_of("nud", 5) == 5
    with pytest.raises(UnknownName):
        BUILTIN.bits_of("rt_flags", "on-link")


def test_link_flags_are_those_of_ip() -> None:
    assert BUILTIN.words_of("iff", 0x11043) == ["BROADCAST", "MULTICAST", "UP", "LOWER_UP"]
    assert BUILTIN.words_of("iff", 0x1003) == ["NO-CARRIER", "BROADCAST", "MULTICAST", "UP"]
    assert BUILTIN.words_of("iff", 0x1002) == ["BROADCAST", "MULTICAST"]
    assert BUILTIN.bits_of("iff", ["NO-CARRIER", "UP", "broadcast"]) == 0x3


@pytest.mark.parametrize(
    ("handle", "text"), [(0x10010, "1:10"), (0x80010000, "8001:"), (0xFFFFFFFF, "root"), (0xFFFFFFF1, "ingress"), (1, ":1"), (0, "none")]
)
def test_handles(handle: int, text: str) -> None:
    assert BUILTIN.name_of("tc_handle", handle) == text
    assert BUILTIN.number_of("tc_handle", text) == handle


@pytest.mark.parametrize("text", ["1:2:3", "x", "fffff:1", "1:-1"])
def test_no_handle(text: str) -> None:
    with pytest.raises(InvalidValue, match="expected a traffic control handle"):
        BUILTIN.number_of("tc_handle", text)


def test_every_word_leads_back_to_its_number() -> None:
    for name in (*ENUMS, *DEFAULTS):
        for value, word in BUILTIN.table(name).items():
            assert BUILTIN.number_of(name, word) == value, (name, word)
    for name, table in BITS.items():
        for bit, word in table.items():
            assert BUILTIN.bits_of(name, [word]) == bit
            assert bit & bit - 1 == 0
    assert set(ALIASES) <= NAME_TABLES
    assert set(FILES) <= NAME_TABLES


def test_words_have_the_kernels_numbers() -> None:
    """Where word and kernel's word are spelt alike they must have one number."""
    prefixes = {
        "rtn_type": "RTN", "rt_protos": "RTPROT", "rt_flags": "RTNH_F", "ifa_flags": "IFA_F", "nud": "NUD", "iff": "IFF",
        "fr_act": "FR_ACT",
        "ntf": "NTF", "br_state": "BR_STATE", "macvlan_mode": "MACVLAN_MODE", "ipvlan_mode": "IPVLAN_MODE", "lwtunnel": "LWTUNNEL_ENCAP",
        "rt_scopes": "RT_SCOPE", "rt_tables": "RT_TABLE", "family": "AF", "linkmode": "IF_LINK_MODE", "ifi_type": "ARPHRD",
        "bridge_vlan_flags": "BRIDGE_VLAN_INFO", "fib_rule_flags": "FIB_RULE", "tunnel_encap": "TUNNEL_ENCAP",
    }  # fmt: skip
    compared = 0
    for table, prefix in prefixes.items():
        for value, word in BUILTIN.table(table).items():
            try:
                kernels = number(f"{prefix}_{word.upper()}")
            except KeyError:
                continue
            assert kernels == value, (table, word)
            compared += 1
    assert compared > 100
