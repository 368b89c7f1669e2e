"""What can be asked of `sources.make`, and how a wrong wish is answered; nothing is opened here."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.errors import Closed, InvalidValue, NotSupported, UnknownName
from holdfast.model import TABLES
from holdfast.model.names import Names
from holdfast.netlink.uapi import number
from holdfast.sources import make
from holdfast.sources.groups import group_names
from holdfast.sources.name_files import read_name_files
from holdfast.sources.netns import Netns, Place, place_of
from holdfast.sources.single import request_for


def test_local_wants_all_that_travels_in_messages() -> None:
    source = make("localhost")
    assert source.kind == "local"
    assert [table.name for table in source.tables] == [name for name, table in TABLES.items() if table.message]
    assert {"RTNLGRP_LINK", "RTNLGRP_IPV4_ROUTE", "RTNLGRP_TC", "RTNLGRP_NEXTHOP"} <= set(source.groups)
    assert source.alive()
    assert not source.finished


def test_tables_bring_the_groups_that_explain_them() -> None:
    source = make("localhost", tables=["routes"])
    assert [table.name for table in source.tables] == ["routes"]
    assert set(source.groups) == {
        "RTNLGRP_IPV4_ROUTE", "RTNLGRP_IPV6_ROUTE", "RTNLGRP_MPLS_ROUTE", "RTNLGRP_LINK", "RTNLGRP_IPV4_IFADDR", "RTNLGRP_IPV6_IFADDR",
        "RTNLGRP_NEXTHOP",
    }  # fmt: skip


def test_groups_can_be_chosen_by_name_or_number() -> None:
    assert make("localhost", groups=["LINK", "RTNLGRP_NEIGH", 7]).groups == ("RTNLGRP_LINK", "RTNLGRP_NEIGH", "7")
    assert group_names([TABLES["interfaces"]]) == ("RTNLGRP_LINK",)
    assert make("localhost", groups=[]).groups == ()


@pytest.mark.parametrize(
    ("kind", "spec", "error", "words"),
    [
        ("wormhole", {}, UnknownName, "no kind of source `wormhole`; there are local, netns, replay – at source `x`"),
        ("ssh", {}, NotSupported, "sources of kind `ssh` are not in this build; there are local, netns, replay – at source `x`"),
        ("local", {"netns": "blue"}, InvalidValue, "a local source takes no `netns`; it takes groups, rcvbuf, tables, timeout_s – at"),
        ("local", {"tables": ["paths"]}, UnknownName, "no table `paths` to read from a source"),
        ("local", {"tables": ["netns"]}, UnknownName, "no table `netns` to read from a source"),
        ("local", {"groups": ["SMOKE_SIGNALS"]}, UnknownName, "no netlink group `RTNLGRP_SMOKE_SIGNALS`"),
        ("netns", {"netns": "a/b"}, InvalidValue, "expected a network namespace's name, absolute path or PID, got `a/b`"),
        ("netns", {"netns": 0}, InvalidValue, "expected the PID of a process, got 0"),
        ("replay", {}, InvalidValue, "a replay source needs `file` – at source `x`"),
        ("replay", {"file": "x", "speed": -1}, InvalidValue, "expected a speed of 0 or more, got -1.0"),
    ],
)
def test_wrong_wishes(kind: str, spec: dict[str, object], error: type[Exception], words: str) -> None:
    with pytest.raises(error) as caught:
        make("x", kind, **spec)
    assert str(caught.value).startswith(words)


def test_what_is_not_open_says_so() -> None:
    source = make("blue", "netns")
    with pytest.raises(Closed, match="source `blue` is not open"):
        _ = source.events
    with pytest.raises(Closed, match="source `blue` is not open"):
        list(source.dump(TABLES["routes"]))
    source.close()


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ("blue", Place("/run/netns/blue", name="blue")),
        ("/run/netns/blue", Place("/run/netns/blue", name="blue")),
        ("/var/run/netns/blue", Place("/var/run/netns/blue", name="blue")),
        ("/somewhere/else", Place("/somewhere/else")),
        ("/proc/4711/ns/net", Place("/proc/4711/ns/net", pid=4711)),
        (4711, Place("/proc/4711/ns/net", pid=4711)),
        ("4711", Place("/proc/4711/ns/net", pid=4711)),
    ],
)
def test_places(given: str | int, place: Place) -> None:
    assert place_of(given) == place


def test_a_namespace_is_called_like_its_target_unless_said_otherwise() -> None:
    blue, other = make("blue", "netns"), make("blue", "netns", netns="red")
    assert isinstance(blue, Netns)
    assert isinstance(other, Netns)
    assert (str(blue.place), str(other.place), str(place_of(12))) == ("`blue`", "`red`", "process 12")


def test_name_files_are_read_as_ip_reads_them(tmp_path: Path) -> None:
    for path, text in {
        "usr/share/iproute2/rt_tables": "254 main\n100 packaged\n",
        "etc/iproute2/rt_tables": "100 mine\n",
        "etc/iproute2/rt_tables.d/more.conf": "101 more\n",
        "etc/iproute2/rt_tables.d/README": "102 no\n",
        "etc/netns/blue/iproute2/rt_tables": "101 blues\n",
    }.items():
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    here, there = (Names.parse(read_name_files(name, root=str(tmp_path))) for name in ("", "blue"))
    assert [here.name_of("rt_tables", number) for number in (254, 100, 101, 102)] == ["main", "mine", "more", "102"]
    assert there.name_of("rt_tables", 101) == "blues"
    assert read_name_files(root=str(tmp_path / "nothing")) == {}


def test_keys_that_are_incomplete() -> None:
    with pytest.raises(InvalidValue, match="expected the key of a nexthop, got nothing: id is missing"):
        request_for(TABLES["nexthops"], {})
    with pytest.raises(InvalidValue, match="expected an IP address, got `up`"):
        request_for(TABLES["neighbours"], {"ifindex": 1, "dst": "up"})
    with pytest.raises(NotSupported, match="cannot be asked for one route"):
        request_for(TABLES["routes"], {})


def test_long_names_are_asked_for_as_alternative_names() -> None:
    short, long = (request_for(TABLES["interfaces"], {"ifname": name}) for name in ("eth0", "a-name-of-more-than-fifteen"))
    assert short[34] == number("IFLA_IFNAME")
    assert long[34] == number("IFLA_ALT_IFNAME")
