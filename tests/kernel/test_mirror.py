"""Does the mirror follow a live namespace: load, events, what is not announced, watches, the comings and goings of sources?

(Long stories against iproute2's word are in `truth`; here each step is one rule.)
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from holdfast.database.sqlite import Database
from holdfast.errors import AlreadyExists, Closed, NotFound
from holdfast.mirror.mirror import Mirror
from holdfast.mirror.status import State
from holdfast.mirror.supervisor import Settings
from holdfast.mirror.watch import wait_until, watch
from holdfast.model import TABLES
from holdfast.sources.kinds import make
from holdfast.testing.netns import Namespace

QUIET = Settings(audit_s=0, retry_first_s=0.05, retry_most_s=0.2)


@asynccontextmanager
async def mirrored(*namespaces: Namespace, settings: Settings = QUIET, **spec: Any) -> AsyncIterator[Mirror]:
    """A mirror of these namespaces, loaded; each one's target is its name."""
    with Database() as database:
        async with Mirror(database, settings) as mirror:
            for one in namespaces:
                mirror.add(make(one.name, "netns", netns=one.path, **spec))
            for one in namespaces:
                status = await mirror.ready(one.name, 10)
                assert status.state is State.RUNNING, status
            yield mirror


async def ip(netns: Namespace, *commands: str) -> None:
    for command in commands:
        await asyncio.to_thread(netns.ip, command)


def column(mirror: Mirror, sql: str, *args: Any) -> list[Any]:
    return [row[0] for row in mirror.database.fetch(sql, args)]


async def pair(netns: Namespace, name: str = "v0", peer: str = "v1", address: str = "10.0.0.1/24") -> None:
    await ip(
        netns, f"link add {name} type veth peer name {peer}", f"link set {peer} up", f"link set {name} up", f"addr add {address} dev {name}"
    )


GATEWAYS = "SELECT gateway FROM routes WHERE dst = ? ORDER BY gateway"


# -- load and events


async def test_what_is_there_is_loaded(netns: Namespace) -> None:
    await pair(netns)
    async with mirrored(netns) as mirror:
        assert column(mirror, "SELECT ifname FROM interfaces ORDER BY ifindex") == ["lo", "v1", "v0"]
        assert column(mirror, "SELECT DISTINCT target FROM routes") == [netns.name]
        counters = mirror.status(netns.name).counters
        assert counters.load_s > 0
        assert (counters.undecoded, counters.lost, counters.failures) == (0, 0, 0)


async def test_only_the_tables_that_are_wanted(netns: Namespace) -> None:
    await pair(netns)
    async with mirrored(netns, tables=["addresses"]) as mirror:
        await ip(netns, "addr add 10.0.0.9/24 dev v0", "link set v0 down")
        await mirror.settled()
        assert "10.0.0.9" in column(mirror, "SELECT local FROM addresses")
        assert not column(mirror, "SELECT 1 FROM interfaces UNION ALL SELECT 1 FROM routes")


async def test_events_become_rows(netns: Namespace) -> None:
    async with mirrored(netns) as mirror:
        await pair(netns)
        await ip(netns, "route add 10.1.0.0/16 via 10.0.0.2")
        await mirror.settled(timeout_s=5)
        assert column(mirror, GATEWAYS, "10.1.0.0") == ["10.0.0.2"]
        await ip(netns, "route del 10.1.0.0/16")
        await mirror.settled(timeout_s=5)
        assert column(mirror, GATEWAYS, "10.1.0.0") == []


async def test_each_end_of_a_pair_tells_of_the_other(netns: Namespace) -> None:
    async with mirrored(netns) as mirror:
        await ip(netns, "link add v0 type veth peer name v1")
        await mirror.settled(timeout_s=5)
        links = dict(mirror.database.fetch("SELECT ifindex, link FROM interfaces WHERE kind = 'veth'"))
        assert len(links) == 2
        assert all(links[link] == ifindex for ifindex, link in links.items())


# -- what is not announced


async def test_a_replaced_route_leaves_nothing_behind(netns: Namespace) -> None:
    async with mirrored(netns) as mirror:
        await pair(netns)
        await ip(netns, "route add 10.1.0.0/16 via 10.0.0.2")
        await mirror.settled(timeout_s=5)
        rereads = mirror.status(netns.name).counters.rereads
        await ip(netns, "route replace 10.1.0.0/16 via 10.0.0.3")
        await mirror.settled(timeout_s=5)
        assert column(mirror, GATEWAYS, "10.1.0.0") == ["10.0.0.3"]
        [past] = mirror.database.fetch("SELECT gateway, until FROM routes_history WHERE dst = '10.1.0.0'")
        assert past[0] == "10.0.0.2"
        assert mirror.status(netns.name).counters.rereads <= rereads + 1, "one alternative is no question"


async def test_which_of_several_alternatives_was_replaced_is_asked(netns: Namespace) -> None:
    async with mirrored(netns) as mirror:
        await pair(netns)
        await ip(netns, *(f"route append 10.1.0.0/16 via 10.0.0.{last}" for last in (2, 3, 4)))
        await ip(netns, "route replace 10.1.0.0/16 via 10.0.0.9")
        await mirror.settled(timeout_s=5)
        assert column(mirror, GATEWAYS, "10.1.0.0") == ["10.0.0.3", "10.0.0.4", "10.0.0.9"]


async def test_legs_of_an_ipv6_route_come_and_go(netns: Namespace) -> None:
    async with mirrored(netns) as mirror:
        await pair(netns)
        await ip(netns, "addr add 2001:db8::1/64 dev v0 nodad")
        await ip(netns, *(f"route append 2001:db8:a::/48 via 2001:db8::{last}" for last in (2, 3, 4)))
        await mirror.settled(timeout_s=5)
        legs = "SELECT value ->> '$.gateway' FROM routes, json_each(multipath) WHERE dst = '2001:db8:a::'"
        assert column(mirror, legs) == ["2001:db8::2", "2001:db8::3", "2001:db8::4"]
        await ip(netns, "route del 2001:db8:a::/48 via 2001:db8::3")
        await mirror.settled(timeout_s=5)
        assert column(mirror, legs) == ["2001:db8::2", "2001:db8::4"]
        await ip(netns, "route del 2001:db8:a::/48 via 2001:db8::2")
        await mirror.settled(timeout_s=5)
        assert column(mirror, GATEWAYS, "2001:db8:a::") == ["2001:db8::4"]


async def test_routes_that_go_with_a_link_going_down(netns: Namespace) -> None:
    async with mirrored(netns) as mirror:
        await pair(netns)
        await asyncio.to_thread(netns.batch, [f"route add 10.{n >> 8}.{n & 255}.0/24 via 10.0.0.2" for n in range(256, 2256)])
        await mirror.settled(timeout_s=10)
        assert column(mirror, "SELECT count(*) FROM routes WHERE gateway = '10.0.0.2'") == [2000]
        await ip(netns, "link set v0 down")
        await mirror.settled(timeout_s=10)
        assert column(mirror, "SELECT count(*) FROM routes WHERE gateway = '10.0.0.2'") == [0]


async def test_nexthop_objects_go_with_their_link_and_groups_shrink(netns: Namespace) -> None:
    async with mirrored(netns) as mirror:
        await pair(netns)
        await pair(netns, "w0", "w1", "10.9.0.1/24")
        await ip(netns, "nexthop add id 1 via 10.0.0.2 dev v0", "nexthop add id 2 via 10.9.0.2 dev w0", "nexthop add id 3 group 1/2")
        await ip(netns, "route add 10.1.0.0/16 nhid 1", "route add 10.2.0.0/16 nhid 3")
        await ip(netns, "link set v0 down")
        await mirror.settled(timeout_s=5)
        assert column(mirror, "SELECT id FROM nexthops ORDER BY id") == [2, 3]
        assert column(mirror, GATEWAYS, "10.1.0.0") == []
        assert column(mirror, GATEWAYS, "10.2.0.0") == ["10.9.0.2"]


async def test_routes_of_a_deleted_nexthop_object(netns: Namespace) -> None:
    async with mirrored(netns) as mirror:
        await pair(netns)
        await ip(netns, "nexthop add id 1 via 10.0.0.2 dev v0", "route add 10.1.0.0/16 nhid 1", "nexthop del id 1")
        await mirror.settled(timeout_s=5)
        assert column(mirror, GATEWAYS, "10.1.0.0") == []


async def test_everything_of_a_deleted_link_goes(netns: Namespace) -> None:
    async with mirrored(netns) as mirror:
        await pair(netns)
        await ip(netns, "neigh add 10.0.0.7 lladdr 02:00:00:00:00:07 dev v0")
        await ip(netns, "route add 10.1.0.0/16 via 10.0.0.2", "rule add iif v0 table 9")
        await mirror.settled(timeout_s=5)
        [ifindex] = column(mirror, "SELECT ifindex FROM interfaces WHERE ifname = 'v0'")
        await ip(netns, "link del v0")
        await mirror.settled(timeout_s=5)
        for name in ("interfaces", "addresses", "neighbours", "fdb", "vlans", "qdiscs", "classes", "filters"):
            assert not column(mirror, f"SELECT 1 FROM {name} WHERE ifindex = ?", ifindex), name
        assert not column(mirror, "SELECT 1 FROM routes WHERE oif = ?", ifindex)
        assert column(mirror, "SELECT flags & 8 FROM rules WHERE iifname = 'v0'") == [8], "the rule stays, detached"


async def test_proxy_entries_are_never_announced(netns: Namespace) -> None:
    async with mirrored(netns) as mirror:
        await pair(netns)
        await mirror.settled(timeout_s=5)
        started = time.monotonic()
        await ip(netns, "neigh add proxy 10.0.0.77 dev v0")
        await until(mirror, "neighbours", "SELECT 1 FROM neighbours WHERE proxy AND dst = '10.0.0.77'")
        assert time.monotonic() - started < 2.0, "looked for twice a second"
        await ip(netns, "neigh del proxy 10.0.0.77 dev v0")
        await until(mirror, "neighbours", "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM neighbours WHERE proxy)")


@pytest.mark.requires("filter-u32", "qdisc-clsact")
async def test_the_age_of_an_action_is_no_change(netns: Namespace) -> None:
    async with mirrored(netns) as mirror:
        await pair(netns)
        await asyncio.to_thread(netns.tc, "qdisc add dev v0 clsact")
        action = "action mirred egress redirect dev v1"
        await asyncio.to_thread(netns.tc, f"filter add dev v0 ingress protocol ip prio 5 u32 match u32 0 0 {action}")
        await mirror.settled(timeout_s=5)
        before = column(mirror, "SELECT max(since) FROM filters")
        await asyncio.sleep(0.1)
        mirror.resync(netns.name)
        await mirror.settled(timeout_s=5)
        assert column(mirror, "SELECT max(since) FROM filters") == before


async def test_a_bridge_port_as_its_bridge_sees_it(netns: Namespace) -> None:
    async with mirrored(netns) as mirror:
        await pair(netns)
        await ip(netns, "link add br0 type bridge", "link set br0 up", "link set v0 master br0")
        await asyncio.to_thread(netns.bridge, "link set dev v0 learning off")
        await asyncio.to_thread(netns.bridge, "fdb add 02:00:00:00:00:11 dev v0 master static")
        await mirror.settled(timeout_s=5)
        assert column(mirror, "SELECT port_data ->> '$.brport_learning' FROM interfaces WHERE ifname = 'v0'") == [0]
        assert column(mirror, "SELECT 1 FROM fdb WHERE lladdr = '02:00:00:00:00:11' AND coalesce(vlan, 0) = 0") == [1]
        await ip(netns, "link set v0 nomaster")
        await mirror.settled(timeout_s=5)
        assert column(mirror, "SELECT ifname FROM interfaces WHERE ifname = 'v0' AND master IS NULL") == ["v0"], "leaving is not deletion"
        assert not column(mirror, "SELECT 1 FROM fdb WHERE lladdr = '02:00:00:00:00:11'")


async def test_the_root_queue_stands_in_the_interface_s_row(netns: Namespace) -> None:
    async with mirrored(netns) as mirror:
        await pair(netns)
        await asyncio.to_thread(netns.tc, "qdisc add dev v0 root handle 1: pfifo limit 50")
        await mirror.settled(timeout_s=5)
        assert column(mirror, "SELECT qdisc FROM interfaces WHERE ifname = 'v0'") == ["pfifo"]
        await asyncio.to_thread(netns.tc, "qdisc del dev v0 root")
        await mirror.settled(timeout_s=5)
        assert column(mirror, "SELECT qdisc FROM interfaces WHERE ifname = 'v0'") == ["noqueue"]


# -- the periodic check


async def test_the_periodic_check_finds_nothing_to_do(netns: Namespace) -> None:
    async with mirrored(netns, settings=Settings(audit_s=0.1)) as mirror:
        await pair(netns)
        await ip(netns, "route add 10.1.0.0/16 via 10.0.0.2", "link set v1 down", "link add br0 type bridge", "link set v0 master br0")
        await checked(mirror, netns)
        await asyncio.sleep(1.6)  # as long as the kernel may be late
        assert mirror.status(netns.name).counters.drift == 0


async def test_the_periodic_check_repairs_and_counts(netns: Namespace) -> None:
    netns.sysctl("net.ipv6.conf.default.disable_ipv6", 1)  # no addresses that come a second later
    await pair(netns)
    await ip(netns, "route add 10.1.0.0/16 via 10.0.0.2")
    async with mirrored(netns, settings=Settings(audit_s=0.3)) as mirror:
        await asyncio.sleep(2.6)  # until nothing of what was just made is still to be told
        await asyncio.wrap_future(mirror.database.write(lambda tx: tx.delete_where(TABLES["routes"], netns.name, "dst = '10.1.0.0'")))
        await checked(mirror, netns)
        assert column(mirror, GATEWAYS, "10.1.0.0") == ["10.0.0.2"]
        await soon(lambda: mirror.status(netns.name).counters.drift == 1)


async def checked(mirror: Mirror, netns: Namespace) -> None:
    """Two whole checks from now on."""
    counters = mirror.status(netns.name).counters
    wanted = counters.audits + 2
    await soon(lambda: counters.audits >= wanted)


async def soon(condition: Callable[[], bool], timeout_s: float = 10) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - seen from outside, as anybody would
            await asyncio.sleep(0.01)


# -- sources that come, fail and go


async def test_a_deleted_namespace_is_reported_and_its_rows_go(make_netns: Callable[..., Namespace]) -> None:
    stays, goes = make_netns("stays"), make_netns("goes")
    async with mirrored(stays, goes) as mirror:
        assert column(mirror, "SELECT 1 FROM interfaces WHERE target = ?", goes.name)
        await asyncio.to_thread(goes.delete)
        await soon(lambda: mirror.status(goes.name).state is State.ENDED, 2)
        assert "deleted" in mirror.status(goes.name).error
        for table in TABLES:
            assert not column(mirror, f"SELECT 1 FROM {table} WHERE target = ?", goes.name)
        assert mirror.status(stays.name).state is State.RUNNING
        await ip(stays, "link add br7 type bridge")
        await mirror.settled(stays.name, timeout_s=5)
        assert column(mirror, "SELECT ifname FROM interfaces WHERE kind = 'bridge'") == ["br7"]


async def test_a_source_that_cannot_be_opened_is_tried_again(make_netns: Callable[..., Namespace]) -> None:
    there = make_netns("there")
    later = Namespace("later")
    async with mirrored(there) as mirror:
        mirror.add(make(later.name, "netns", netns=later.path))
        status = await mirror.ready(later.name, 5)
        assert status.state is State.FAILED and status.retry_in_s is not None and later.name in status.error
        with later:
            await until(mirror, "interfaces", "SELECT 1 FROM interfaces WHERE target = ?", later.name)
            assert mirror.status(later.name).counters.failures >= 1
            await mirror.remove(later.name)
        assert mirror.status(there.name).counters.failures == 0


async def test_a_source_that_goes_on_failing_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    async with mirrored() as mirror:
        often = asyncio.Event()
        mirror.on_state(lambda status: often.set() if status.counters.failures > 3 else None)
        mirror.add(make("nowhere", "netns"))
        async with asyncio.timeout(5):
            await often.wait()
    assert [one.levelname for one in caplog.records if one.getMessage().startswith("nowhere: ")] == ["WARNING"]


async def test_removing_takes_exactly_its_rows(make_netns: Callable[..., Namespace]) -> None:
    one, other = make_netns("one"), make_netns("other")
    async with mirrored(one, other) as mirror:
        before = {table: mirror.database.fetch(f"SELECT * FROM {table} WHERE target = ?", (other.name,)) for table in TABLES}
        await mirror.remove(one.name)
        for table in TABLES:
            assert not column(mirror, f"SELECT 1 FROM {table} WHERE target = ?", one.name)
            assert mirror.database.fetch(f"SELECT * FROM {table} WHERE target = ?", (other.name,)) == before[table]
        assert column(mirror, "SELECT count(*) FROM interfaces_history WHERE target = ?", one.name) == [1]
        assert mirror.targets == [other.name]
        with pytest.raises(NotFound, match=f"there are {other.name}"):
            mirror.status(one.name)


async def test_a_restarted_source_has_its_rows_unchanged(netns: Namespace) -> None:
    await pair(netns)
    async with mirrored(netns) as mirror:
        since = mirror.database.fetch("SELECT ifindex, since FROM interfaces")
        mirror.restart(netns.name)
        await asyncio.sleep(0)
        await mirror.ready(netns.name, 5)
        await ip(netns, "route add 10.1.0.0/16 via 10.0.0.2")
        await mirror.settled(timeout_s=5)
        assert mirror.database.fetch("SELECT ifindex, since FROM interfaces") == since
        assert column(mirror, GATEWAYS, "10.1.0.0") == ["10.0.0.2"]


async def test_what_changed_while_nobody_looked_is_found_at_the_next_start(netns: Namespace, tmp_path: Any) -> None:
    await pair(netns)
    await ip(netns, "route add 10.1.0.0/16 via 10.0.0.2")
    for step in range(2):
        with Database(tmp_path / "h.db") as database:
            async with Mirror(database, QUIET) as mirror:
                mirror.add(make(netns.name, "netns", netns=netns.path))
                await mirror.ready(netns.name, 5)
                if step:
                    assert column(mirror, GATEWAYS, "10.1.0.0") == []
                    assert column(mirror, "SELECT gateway FROM routes_history WHERE dst = '10.1.0.0'") == ["10.0.0.2"]
        await ip(netns, "route flush 10.1.0.0/16")


async def test_a_target_is_taken_once(netns: Namespace) -> None:
    async with mirrored(netns) as mirror:
        with pytest.raises(AlreadyExists):
            mirror.add(make(netns.name, "netns", netns=netns.path))
    with pytest.raises(Closed):
        mirror.add(make("x", "netns", netns=netns.path))


async def test_namespaces_are_followed(make_netns: Callable[..., Namespace]) -> None:
    first = make_netns("follow")

    def wanted(one: Any) -> Any:
        return make(one.name, "netns", netns=one.path) if "-follow-" in one.name and str(first.name.split("-")[2]) in one.name else None

    with Database() as database:
        async with Mirror(database, QUIET) as mirror:
            await mirror.follow_namespaces("localhost", wanted)
            assert mirror.targets == [first.name]
            assert column(mirror, "SELECT path FROM netns WHERE target = 'localhost' AND name = ?", first.name) == [first.path]
            with Namespace("follow") as second:
                await until(mirror, "interfaces", "SELECT 1 FROM interfaces WHERE target = ?", second.name)
                await until(mirror, "netns", "SELECT 1 FROM netns WHERE name = ?", second.name)
                await asyncio.to_thread(second.delete)
                await until(mirror, "netns", "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM netns WHERE name = ?)", second.name)
                await soon(lambda: mirror.targets == [first.name])
            assert not column(mirror, "SELECT 1 FROM interfaces WHERE target = ?", second.name)


# -- watches


async def until(mirror: Mirror, table: str, sql: str, *args: Any) -> None:
    await wait_until(mirror.database, mirror.bell, [table], lambda: mirror.database.fetchone(sql, args), 5, sql)


async def test_a_watch_sees_changes_as_they_come(netns: Namespace) -> None:
    async with mirrored(netns) as mirror:
        await pair(netns)
        await mirror.settled(timeout_s=5)
        seen = watch(mirror.database, mirror.bell, ["routes"], mirror.database.revision, {"dst": "10.1.0.0"})
        await ip(netns, "route add 10.1.0.0/16 via 10.0.0.2", "route add 10.2.0.0/16 via 10.0.0.2")
        async with asyncio.timeout(5):
            came = await anext(seen)
            await ip(netns, "route del 10.1.0.0/16")
            went = await anext(seen)
        assert (came.op, came.row["gateway"], came.old) == ("put", "10.0.0.2", None)
        assert (went.op, went.row["gateway"]) == ("delete", "10.0.0.2")
        assert came.revision < went.revision
