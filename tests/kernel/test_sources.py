"""Sources against Linux: what they open, tell, ask and miss. What is there is said by iproute2, not by us."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from holdfast.errors import InvalidValue, KernelError, NotFound, NotSupported, SourceEnded
from holdfast.model import TABLES
from holdfast.netlink.batch import Batch
from holdfast.netlink.codec import decode
from holdfast.netlink.uapi import number
from holdfast.netlink.wire import HEADER
from holdfast.sources import Namespaces, Source, make
from holdfast.sources.kernel import KernelSource
from holdfast.sources.recorder import Recorder
from holdfast.testing.kinds import requires
from holdfast.testing.netns import Namespace, without_rights

MakeNetns = Callable[..., Namespace]


@pytest.fixture
def source(netns: Namespace) -> Iterator[Source]:
    """The namespace of the test as a source, open."""
    one = make("here", "netns", netns=netns.name)
    one.open()
    yield one
    one.close()


def messages(data: bytes) -> list[int]:
    """The types of the messages, one after another."""
    types, at = [], 0
    while at < len(data):
        length, kind = struct.unpack_from("=IH", data, at)
        types.append(kind)
        at += (length + 3) & ~3
    assert at == len(data), "whole messages only"
    return types


def rows(chunks: Iterator[bytes]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for chunk in chunks:
        for batch in decode(chunk):
            assert isinstance(batch, Batch), batch
            found += batch.dicts()
    return found


def ask(source: Source, table: str, family: str = "", **filters: Any) -> list[dict[str, Any]]:
    return rows(source.dump(TABLES[table], family, **filters))


# -- opening -----------------------------------------------------------------------------------------------------------


def test_events_are_those_of_the_namespace(netns: Namespace, make_netns: MakeNetns, source: Source) -> None:
    other = make_netns("other")
    other.ip("link add x0 type bridge")
    assert source.events.drain() == b""
    netns.ip("link add d0 type bridge")
    netns.ip("route add 10.9.0.0/16 dev lo")
    types = messages(source.events.drain())
    assert types[-1] == number("RTM_NEWROUTE")
    assert number("RTM_NEWLINK") in types
    assert source.events.drain() == b""


def test_by_path_by_process_and_by_name(netns: Namespace) -> None:
    netns.ip("link add d0 type bridge")
    process = netns.start(["sleep", "60"])
    try:
        wait_until_inside(process.pid, netns)
        for wish in (netns.name, netns.path, process.pid, str(process.pid), f"/proc/{process.pid}/ns/net"):
            one = make("x", "netns", netns=wish)
            one.open()
            assert [row["ifname"] for row in ask(one, "interfaces")] == ["lo", "d0"]
            assert one.alive()
            one.close()
            one.close()
    finally:
        end(process)


def wait_until_inside(pid: int, netns: Namespace) -> None:
    deadline = time.monotonic() + 5
    while os.stat(f"/proc/{pid}/ns/net").st_ino != os.stat(netns.path).st_ino:
        assert time.monotonic() < deadline
        time.sleep(0.005)


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no network namespace at `/run/netns/hft-nosuch`; `ip netns list` shows which there are"):
        make("hft-nosuch", "netns").open()
    plain = tmp_path / "plain"
    plain.write_text("")
    with pytest.raises(InvalidValue, match="expected a network namespace, got another kind of file"):
        make("x", "netns", netns=str(plain)).open()
    with pytest.raises(InvalidValue, match="expected a network namespace"):
        make("x", "netns", netns="/proc/self/ns/uts").open()
    ended = subprocess.Popen(["true"])
    ended.wait()
    with pytest.raises(NotFound, match=f"no process {ended.pid}"):
        make("x", "netns", netns=ended.pid).open()


def test_a_name_that_is_there_before_its_namespace(tmp_path: Path, netns: Namespace) -> None:
    """`ip netns add` makes the file, then mounts: opened in between, the source waits for the mount."""
    path = tmp_path / "late"
    path.write_text("")
    mounter = threading.Timer(0.05, subprocess.run, [["mount", "--bind", netns.path, str(path)]], {"check": True})
    mounter.start()
    one = make("x", "netns", netns=str(path))
    try:
        one.open()
        assert one.alive()
    finally:
        mounter.join()
        one.close()
        subprocess.run(["umount", str(path)], check=True)


def test_no_thread_and_two_descriptors_stay(netns: Namespace) -> None:
    one = make("x", "netns", netns=netns.name)
    threads, before = os.listdir("/proc/self/task"), len(os.listdir("/proc/self/fd"))
    for _ in range(3):  # opening anew closes what was open
        one.open()
        assert len(os.listdir("/proc/self/fd")) == before + 2
    one.close()
    deadline = time.monotonic() + 5
    while os.listdir("/proc/self/task") != threads:  # a joined thread takes the kernel a moment more
        assert time.monotonic() < deadline
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.long
def test_two_hundred_namespaces_open_in_two_seconds(make_netns: MakeNetns) -> None:
    sources = [make(ns.name, "netns") for ns in [make_netns("many") for _ in range(200)]]
    before = time.monotonic()
    for one in sources:
        one.open()
    took_s = time.monotonic() - before
    for one in sources:
        one.close()
    assert took_s < 2


def test_the_receive_buffer_is_as_large_as_asked_for(netns: Namespace) -> None:
    one = make("x", "netns", netns=netns.name, rcvbuf=64 << 20)
    assert isinstance(one, KernelSource)
    one.open()
    wanted, granted = one.rcvbuf
    one.close()
    assert wanted == 64 << 20
    if Path("/proc/self/uid_map").read_text().split() == ["0", "0", "4294967295"]:
        assert granted == wanted
    else:  # CAP_NET_ADMIN in a user namespace of one's own does not count for this
        assert granted == min(wanted, int(Path("/proc/sys/net/core/rmem_max").read_text()))


# -- dumps -------------------------------------------------------------------------------------------------------------


def test_every_table_can_be_dumped(netns: Namespace, source: Source) -> None:
    netns.veth("d0", "d1")
    netns.ip("addr add 10.0.0.1/24 dev d0")
    netns.ip("neigh add 10.0.0.2 lladdr 02:00:00:00:00:02 dev d0")
    netns.ip("neigh add proxy 10.0.0.9 dev d0")
    netns.ip("nexthop add id 5 via 10.0.0.2 dev d0")
    netns.ip("route add 10.9.0.0/16 nhid 5")
    found = {table.name: ask(source, table.name) for table in source.tables if not missing(source, table.name)}
    assert {row["ifname"] for row in found["interfaces"]} == {"lo", "d0", "d1"}
    assert "10.0.0.1" in {row["local"] for row in found["addresses"]}
    assert {(row["dst"], row["proxy"]) for row in found["neighbours"]} >= {("10.0.0.2", 0), ("10.0.0.9", 1)}
    assert ("10.9.0.0", 5) in {(row["dst"], row["nh_id"]) for row in found["routes"]}
    assert [row["id"] for row in found["nexthops"]] == [5]
    assert len(found["rules"]) == len(netns.ip_json("rule show")) + len(netns.ip_json("-6 rule show"))
    assert len(found["fdb"]) == len(netns.bridge_json("fdb show"))
    assert len(found["qdiscs"]) == len(netns.tc_json("qdisc show"))
    assert not source.interrupted


def missing(source: Source, table: str) -> bool:
    families = TABLES[table].message.families if TABLES[table].message else ()
    return all(f"{table}/{family}" in source.missing for family in families)


def test_filters(netns: Namespace, source: Source) -> None:
    netns.veth("d0", "d1")
    netns.ip("link add br0 type bridge")
    netns.ip("link set d1 master br0")
    for device, address in (("d0", 1), ("lo", 2)):
        netns.ip(f"addr add 10.0.{address}.1/24 dev {device}")
        netns.ip(f"neigh add 10.0.{address}.2 lladdr 02:00:00:00:00:02 dev {device}")
        netns.ip(f"neigh add proxy 10.0.{address}.9 dev {device}")
        netns.ip(f"route add 10.9.{address}.0/24 dev {device} table 9 proto static")
    netns.ip("route add blackhole 10.8.0.0/16 table 9")
    netns.bridge("fdb add 02:00:00:00:00:05 dev d1 master static")
    index = {row["ifname"]: row["ifindex"] for row in ask(source, "interfaces")}
    d0, d1, bridge = index["d0"], index["d1"], index["br0"]
    assert {row["local"] for row in ask(source, "addresses", "AF_INET", ifindex=d0)} == {"10.0.1.1"}
    assert {row["ifindex"] for row in ask(source, "addresses", ifindex=d0)} == {d0}
    assert {row["dst"] for row in ask(source, "neighbours", "AF_INET", ifindex=d0, proxy=0)} == {"10.0.1.2"}
    assert {row["dst"] for row in ask(source, "neighbours", "AF_INET", proxy=1)} == {"10.0.1.9", "10.0.2.9"}
    assert {row["ifname"] for row in ask(source, "interfaces", master=bridge)} == {"d1"}
    assert {row["ifname"] for row in ask(source, "interfaces", kind="bridge")} == {"br0"}
    assert {row["ifname"] for row in ask(source, "interfaces", ifindex=d0)} == {"d0"}
    assert {row["dst"] for row in ask(source, "routes", "AF_INET", table_id=9)} == {"10.9.1.0", "10.9.2.0", "10.8.0.0"}
    assert {row["dst"] for row in ask(source, "routes", "AF_INET", table_id=9, oif=d0)} == {"10.9.1.0"}
    assert {row["dst"] for row in ask(source, "routes", "AF_INET", type=6)} == {"10.8.0.0"}
    assert {row["dst"] for row in ask(source, "routes", "AF_INET", proto=4)} == {"10.9.1.0", "10.9.2.0"}
    assert {row["ifindex"] for row in ask(source, "fdb", ifindex=d1)} == {d1}
    assert "02:00:00:00:00:05" in {row["lladdr"] for row in ask(source, "fdb", master=bridge)}
    assert {row["ifindex"] for row in ask(source, "qdiscs", ifindex=d0)} == {d0}
    assert {row["ifindex"] for row in ask(source, "qdiscs", ifindex=[d0, 1])} == {d0, 1}


def test_what_is_gone_matches_nothing(source: Source) -> None:
    assert ask(source, "routes", "AF_INET", oif=4711) == []
    assert ask(source, "routes", "AF_INET", table_id=4711) == []
    assert ask(source, "routes", "AF_INET6", table_id=4711) == []
    for table in ("interfaces", "addresses", "neighbours", "fdb", "vlans", "qdiscs", "classes", "filters"):
        assert ask(source, table, ifindex=4711) == [], table
    assert ask(source, "fdb", master=4711) == []
    assert ask(source, "interfaces", master=4711) == []


def test_what_the_kernel_cannot_filter_by_is_refused_in_its_words(source: Source) -> None:
    with pytest.raises(KernelError, match=r"kernel refused the dump of routes AF_INET: EINVAL \(Invalid values in header for FIB dump"):
        ask(source, "routes", "AF_INET", tos=4)
    assert ask(source, "interfaces"), "the socket is as good as before"


@requires("class-htb", "filter-u32")
def test_traffic_control_is_found_wherever_it_hangs(netns: Namespace, source: Source) -> None:
    netns.veth("d0", "d1")
    netns.tc("qdisc add dev d0 root handle 1: htb default 16")
    netns.tc("class add dev d0 parent 1: classid 1:10 htb rate 1mbit")
    netns.tc("class add dev d0 parent 1:10 classid 1:11 htb rate 1mbit")
    netns.tc("qdisc add dev d0 parent 1:11 handle 2: htb")
    netns.tc("class add dev d0 parent 2: classid 2:1 htb rate 1mbit")
    netns.tc("qdisc add dev d0 clsact")
    netns.tc("qdisc add dev d1 ingress")
    places = ("d0 parent 1:", "d0 parent 1:10", "d0 parent 2:", "d0 ingress", "d0 egress", "d1 ingress")
    for place in places:
        netns.tc(f"filter add dev {place} protocol ip prio 5 u32 match ip dst 10.0.0.0/8")
    d0, d1 = (netns.ip_json(f"link show {name}")[0]["ifindex"] for name in ("d0", "d1"))
    classes = ask(source, "classes")
    assert {(row["ifindex"], row["handle"]) for row in classes} == {(d0, 0x10010), (d0, 0x10011), (d0, 0x20001)}
    assert ask(source, "classes", ifindex=d0) == classes
    assert ask(source, "classes", ifindex=d1) == []
    filters = ask(source, "filters")
    assert {(row["ifindex"], row["parent"]) for row in filters} == {
        (d0, 0x10000), (d0, 0x10010), (d0, 0x20000), (d0, 0xFFFFFFF2), (d0, 0xFFFFFFF3), (d1, 0xFFFFFFF2),
    }  # fmt: skip
    shown = {place: netns.tc(f"filter show dev {place}").count("filter ") for place in places}
    assert len(filters) == sum(shown.values())
    assert {row["ifindex"] for row in ask(source, "filters", ifindex=d1)} == {d1}
    assert len(ask(source, "filters", ifindex=d0, parent=0x10010)) == shown["d0 parent 1:10"]


@requires("filter-u32")
def test_a_shared_block_is_told_once(netns: Namespace, source: Source) -> None:
    netns.veth("d0", "d1")
    for device in ("d0", "d1"):
        netns.tc(f"qdisc add dev {device} ingress_block 7 ingress")
    netns.tc("filter add block 7 protocol ip prio 5 u32 match ip dst 10.0.0.0/8")
    types = [kind for chunk in source.dump(TABLES["filters"]) for kind in messages(chunk)]
    assert types == [number("RTM_NEWTFILTER")] * 3


def test_what_the_kernel_does_not_have_is_missing(netns: Namespace, source: Source) -> None:
    netns.ip("route add 10.9.0.0/16 dev lo")
    kernel_has_mpls = os.path.exists("/proc/sys/net/mpls")
    assert ("routes/AF_MPLS" in source.missing) != kernel_has_mpls
    if not kernel_has_mpls:
        assert source.missing["routes/AF_MPLS"] == "the kernel has no MPLS routing (module mpls_router)"
    assert ask(source, "routes", "AF_MPLS") == [], "not the routes of all families"


def test_large_dumps_come_in_chunks_of_whole_messages(netns: Namespace, source: Source) -> None:
    netns.batch(f"route add 10.{n >> 8}.{n & 255}.0/24 dev lo" for n in range(20_000))
    whole = list(source.dump(TABLES["routes"], "AF_INET"))
    assert sum(len(messages(chunk)) for chunk in whole) >= 20_000
    received = source.counters()["dumps_received"]
    assert received >= sum(map(len, whole))


def test_a_dump_that_is_given_up_does_not_disturb_the_next(netns: Namespace, source: Source) -> None:
    netns.batch(f"route add 10.{n >> 8}.{n & 255}.0/24 dev lo" for n in range(5_000))
    asks = source._asks  # type: ignore[attr-defined]
    chunks = asks.dump(HEADER.pack(28, number("RTM_GETROUTE"), 0, 0, 0) + bytes([2]) + bytes(11), 4096)
    assert len(next(chunks)) < 100_000
    del chunks
    assert len(ask(source, "interfaces")) == 1
    assert len(ask(source, "routes", "AF_INET", table_id=254)) == 5_000


def test_dumps_take_turns(netns: Namespace, source: Source) -> None:
    netns.batch(f"route add 10.{n >> 8}.{n & 255}.0/24 dev lo" for n in range(2_000))
    counts: list[int] = []

    def read() -> None:
        counts.append(len(ask(source, "routes", "AF_INET", table_id=254)))
        counts.append(len(ask(source, "interfaces")))

    threads = [threading.Thread(target=read) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(counts) == [1] * 4 + [2_000] * 4


# -- single objects ----------------------------------------------------------------------------------------------------


def test_single_objects(netns: Namespace, source: Source) -> None:
    netns.veth("d0", "d1")
    netns.ip("link property add dev d0 altname a-name-of-more-than-fifteen")
    netns.ip("addr add 10.0.0.1/24 dev d0")
    netns.ip("neigh add 10.0.0.2 lladdr 02:00:00:00:00:02 dev d0")
    netns.ip("neigh add proxy 10.0.0.9 dev d0")
    netns.ip("nexthop add id 5 via 10.0.0.2 dev d0")
    d0 = netns.ip_json("link show d0")[0]["ifindex"]

    def get(table: str, **key: Any) -> dict[str, Any]:
        [row] = rows(iter([source.get(TABLES[table], key)]))
        return row

    assert get("interfaces", ifindex=d0)["ifname"] == "d0"
    assert get("interfaces", ifname="d0")["ifindex"] == d0
    assert get("interfaces", ifname="a-name-of-more-than-fifteen")["ifindex"] == d0
    assert get("nexthops", id=5)["gateway"] == "10.0.0.2"
    assert get("neighbours", ifindex=d0, dst="10.0.0.2")["lladdr"] == "02:00:00:00:00:02"
    assert get("neighbours", ifindex=d0, dst="10.0.0.9", proxy=1)["proxy"] == 1
    with pytest.raises(KernelError, match="the question about interface ifindex 4711: ENODEV") as caught:
        get("interfaces", ifindex=4711)
    assert caught.value.code == 19
    with pytest.raises(NotSupported):
        get("routes", dst="10.0.0.0")


def test_the_sentence_of_the_kernel_arrives(source: Source) -> None:
    asks = source._asks  # type: ignore[attr-defined]
    with pytest.raises(KernelError) as caught:
        asks.request(HEADER.pack(24, number("RTM_GETNEXTHOP"), 0, 0, 0) + bytes(8))
    assert str(caught.value) == "kernel refused: EINVAL (Nexthop id is missing)"


# -- rights ------------------------------------------------------------------------------------------------------------

_UNPRIVILEGED = """
from holdfast.errors import HoldfastError
from holdfast.model import TABLES
from holdfast.sources import make
local = make("localhost")
local.open()
print(sum(map(len, local.dump(TABLES["interfaces"]))) > 0, local.rcvbuf[1] < local.rcvbuf[0], local.events.drain())
local.close()
try:
    make({name!r}, "netns").open()
except HoldfastError as error:
    print(type(error).__name__, error)
"""


def test_without_rights_one_sees_and_is_told(netns: Namespace) -> None:
    code = _UNPRIVILEGED.format(name=netns.name)
    done = netns.run(without_rights([sys.executable, "-c", code]))
    seen, told = done.stdout.splitlines()
    assert seen == "True True b''"
    assert told == (
        f"Denied not allowed to enter network namespace `{netns.name}`: the kernel asks for CAP_SYS_ADMIN; run as root, or give the "
        "program CAP_SYS_ADMIN and CAP_NET_ADMIN (systemd: AmbientCapabilities=)"
    )


# -- names under /run/netns --------------------------------------------------------------------------------------------


def test_names_that_come_and_go(make_netns: MakeNetns) -> None:
    namespaces = Namespaces()
    try:
        before = {one.name for one in namespaces.now()}
        ns = make_netns("seen")
        assert ns.name not in before
        assert ns.name in {one.name for one in namespaces.now()}
        [added] = [one for one in namespaces.changes().added if one.name == ns.name]
        assert (added.path, added.inode, added.nsid) == (ns.path, os.stat(ns.path).st_ino, None)
        ns.delete()
        assert added in namespaces.changes().removed
        assert ns.name not in {one.name for one in namespaces.now()}
    finally:
        namespaces.close()


def test_names_in_another_directory(netns: Namespace, tmp_path: Path) -> None:
    """A file is no namespace before the mount, and another one after another mount."""
    here = Path(tmp_path / "mounts")
    namespaces = Namespaces(str(here))
    assert namespaces.now() == []
    here.mkdir()
    (here / "blue").write_text("")
    assert not namespaces.changes()
    with Namespace("second") as second:
        try:
            subprocess.run(["mount", "--bind", netns.path, str(here / "blue")], check=True)
            [first] = namespaces.changes().added
            subprocess.run(["umount", str(here / "blue")], check=True)
            subprocess.run(["mount", "--bind", second.path, str(here / "blue")], check=True)
            change = namespaces.changes()
            assert change.removed == (first,)
            assert [one.inode for one in change.added] == [os.stat(second.path).st_ino]
            assert not namespaces.changes()
        finally:
            subprocess.run(["umount", str(here / "blue")], check=False)
            namespaces.close()


def test_the_number_of_a_namespace_is_seen_when_it_gets_one(netns: Namespace, make_netns: MakeNetns) -> None:
    other = make_netns("numbered")
    namespaces = netns.call(Namespaces)

    def look() -> dict[str, int | None]:
        return {one.name: one.nsid for one in namespaces.now()}

    try:
        assert netns.call(namespaces.changes).added
        assert netns.call(look)[other.name] is None
        netns.ip(f"netns set {other.name} 77")
        [renumbered] = [one for one in netns.call(namespaces.changes).renumbered if one.name == other.name]
        assert renumbered.nsid == 77
    finally:
        namespaces.close()


# -- recordings --------------------------------------------------------------------------------------------------------


def test_a_recording_of_the_kernel_says_the_same_again(netns: Namespace, tmp_path: Path) -> None:
    recorder = Recorder(make("here", "netns", netns=netns.name), str(tmp_path / "r"))
    recorder.open()
    said = {table.name: ask(recorder, table.name) for table in recorder.tables}
    netns.veth("d0", "d1")
    netns.ip("addr add 10.0.0.1/24 dev d0")
    events = recorder.events.drain()
    assert events
    index = netns.ip_json("link show d0")[0]["ifindex"]
    link = recorder.get(TABLES["interfaces"], {"ifindex": index})
    recorder.close()
    recorder.stop()
    again = make("again", "replay", file=recorder.path)
    again.open()
    assert again.missing == recorder.missing
    assert {table.name: ask(again, table.name) for table in again.tables} == said
    assert again.events.drain() == events
    assert again.get(TABLES["interfaces"], {"ifindex": index}) == link
    assert again.events.drain() == b""
    assert again.finished
    again.close()


def test_an_ended_source_says_why(netns: Namespace) -> None:
    one = make("x", "netns", netns=netns.name)
    one.open()
    netns.delete()
    with pytest.raises(SourceEnded, match=f"network namespace `{netns.name}` was deleted"):
        one.alive()
    one.close()
