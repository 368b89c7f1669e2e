"""`begin()`: several objects and checks, all or none; probes; concurrent commits."""

import asyncio
import errno
import threading

import pytest

from holdfast import CheckProcess, CheckProcessException, NetlinkError, Not, PingAddress
from holdfast.aio import NDB as AsyncNDB
from holdfast.errors import InvalidValue, KernelError, NotFound
from tests.kernel.ndb.conftest import spec


def routes(ns, prefix="10.9.0.0/16"):
    return {one["dst"] for one in ns.ip_json(f"route show root {prefix}")}


def test_objects_are_committed_together_or_not_at_all(ns, ndb):
    tx = ndb.begin()
    tx.push(
        ndb.interfaces.create(ifname="br0", kind="bridge").add_port("v1").set(state="up").add_ip("10.8.0.1/24"),
        ndb.routes.create(dst="10.9.0.0/24", gateway="10.8.0.2"),
    )
    assert not tx.done() and not tx.wait(0.01)
    tx.commit()
    assert tx.done() and tx.wait(1) and routes(ns) == {"10.9.0.0/24"}
    tx = ndb.begin().push(ndb.interfaces["br0"].set(mtu=1300), ndb.routes.create(dst="10.9.1.0/24", gateway="10.8.0.3"))
    tx.append(ndb.routes.create(dst="10.9.2.0/24", gateway="10.77.0.1"))
    with pytest.raises(KernelError):
        tx.commit()
    assert ns.ip_json("link show br0")[0]["mtu"] == 1500 and routes(ns) == {"10.9.0.0/24"}


def test_an_exception_in_the_block_commits_nothing(ns, ndb):
    with pytest.raises(ZeroDivisionError), ndb.begin() as tx:  # noqa: PT012
        tx.push(ndb.interfaces["v0"].set(mtu=1300))
        _ = 1 / 0
    assert ns.ip_json("link show v0")[0]["mtu"] == 1500
    with pytest.raises(ZeroDivisionError), ndb.interfaces["v1"] as link:  # noqa: PT012
        link["mtu"] = 1300
        _ = 1 / 0
    assert ns.ip_json("link show v1")[0]["mtu"] == 1500 and ndb.interfaces["v1"].clean


def test_a_check_that_fails_takes_all_back_in_reverse(ns, ndb):
    link, route = ndb.interfaces["v0"].set(mtu=1400), ndb.routes.create(dst="10.9.0.0/24", gateway="10.0.0.2")
    tx = ndb.begin().push(link, CheckProcess("true"), route, CheckProcess("false"), ndb.routes.create(dst="10.9.5.0/24", oif="v0"))
    with pytest.raises(CheckProcessException):
        tx.commit()
    assert ns.ip_json("link show v0")[0]["mtu"] == 1500 and not routes(ns) and not tx.done()
    assert route.state == "invalid" and route["gateway"] == "10.0.0.2"
    tx.pop(3)
    tx.commit()
    assert routes(ns) == {"10.9.0.0/24", "10.9.5.0/24"}


def test_a_check_sees_what_was_committed_before_it(ns, ndb):
    check = CheckProcess(f"ip -netns {ns.name} route get 10.9.0.7")
    with ndb.begin() as tx:
        tx.push(ndb.routes.create(dst="10.9.0.0/24", gateway="10.0.0.2"), check)
    assert b"10.0.0.2" in check.out


def test_a_large_transaction_is_undone_when_a_check_behind_it_fails(ns, ndb):
    objects = [ndb.routes.create(dst=f"10.9.{i >> 8}.{i & 255}/32", gateway="10.0.0.2") for i in range(1500)]
    with pytest.raises(CheckProcessException):
        ndb.begin().push(*objects, CheckProcess("false")).commit()
    assert not routes(ns) and objects[7].state == "invalid" and objects[7]["dst"] == "10.9.0.7"
    ndb.begin().push(*objects, CheckProcess("true")).commit()
    assert len(routes(ns)) == 1500 and objects[7].state == "system" and objects[7]["oif"] == ndb.interfaces["v0"]["index"]
    assert ndb.routes["10.9.0.7/32"] is objects[7]
    ndb.begin().push(*(one.remove() for one in objects)).commit()
    assert not routes(ns) and {one.state for one in objects} == {"invalid"}


def test_checks_inverted_and_missing(ns, ndb):
    with ndb.begin() as tx:
        tx.push(Not(CheckProcess("false")), ndb.routes.create(dst="10.9.0.0/24", oif="v0"))
    with pytest.raises(CheckProcessException):
        ndb.begin().push(Not(CheckProcess("true")), ndb.routes.create(dst="10.9.1.0/24", oif="v0")).commit()
    with pytest.raises(FileNotFoundError):
        ndb.begin().push(ndb.routes.create(dst="10.9.2.0/24", oif="v0"), CheckProcess("/nonexistent")).commit()
    assert routes(ns) == {"10.9.0.0/24"}
    with pytest.raises(CheckProcessException):
        ndb.begin().push(ndb.routes.create(dst="10.9.3.0/24", oif="v0"), PingAddress("198.51.100.1", timeout=0.1)).commit()
    assert routes(ns) == {"10.9.0.0/24"}


def test_probes_run_inside_of_their_source(both, ns):
    ndb, other = both
    ndb.interfaces.create(ifname="p0", kind="veth", peer={"ifname": "p1", "target": "blue"}).commit()
    near, far = ndb.interfaces["p0"], ndb.interfaces[{"target": "blue", "ifname": "p1"}]
    with ndb.begin() as tx:
        tx.push(
            near.set(state="up").add_ip("10.7.0.1/24"),
            far.set(state="up").add_ip("10.7.0.2/24"),
            ndb.probes.create(kind="ping", dst="10.7.0.2", num=20, timeout=0.5),
            ndb.probes.create(target="blue", kind="ping", dst="10.7.0.1", num=5),
        )
    assert {"10.7.0.2"} == {one["local"] for one in other.ip_json("addr show dev p1")[0]["addr_info"] if one["family"] == "inet"}
    ndb.probes.create(target="blue", kind="ping", dst="10.7.0.1").commit()
    with pytest.raises(CheckProcessException), ndb.begin() as tx:
        tx.push(far.del_ip("10.7.0.2/24"), ndb.probes.create(dst="10.7.0.2", timeout=0.2))
    assert ndb.addresses.exists({"target": "blue", "address": "10.7.0.2"})
    late, away = ("ping", "10.7.0.3", errno.ETIMEDOUT), ("ping", "192.0.2.1", errno.EHOSTUNREACH)
    for kind, dst, number in (late, away, ("tcp", "10.7.0.2", errno.ECONNREFUSED)):
        with pytest.raises(NetlinkError) as failed:
            ndb.probes.create(kind=kind, dst=dst, port=9, timeout=0.3).commit()
        assert failed.value.code == number and isinstance(failed.value, CheckProcessException)
    with pytest.raises(NotFound):
        ndb.probes.create(target="nowhere", dst="10.7.0.2").commit()


def test_one_thing_in_the_place_of_another(ns, ndb):
    old = ndb.interfaces.create(ifname="br0", kind="bridge", state="up").add_ip("10.8.0.1/24").commit()
    route = ndb.routes.create(dst="10.9.0.0/24", gateway="10.8.0.2").commit()
    new = [
        old.remove(),
        ndb.interfaces.create(ifname="br0", kind="veth", peer="br1", state="up").add_ip("10.8.0.1/24"),
        ndb.routes.create(dst="10.9.0.0/24", gateway="10.8.0.3"),
    ]
    with pytest.raises(CheckProcessException):
        ndb.begin().push(*new, CheckProcess("false")).commit()
    assert ns.ip_json("link show br0")[0]["linkinfo"]["info_kind"] == "bridge" and route["gateway"] == "10.8.0.2"
    new[0].remove()
    ndb.begin().push(*new).commit()
    assert ns.ip_json("link show br0")[0]["linkinfo"]["info_kind"] == "veth"
    assert [one["gateway"] for one in ns.ip_json("route show 10.9.0.0/24")] == ["10.8.0.3"]


def test_the_queue(ns, ndb):
    one, other = ndb.interfaces["v0"].set(mtu=1400), ndb.interfaces["v1"].set(mtu=1400)
    tx = ndb.begin().append(one)
    tx.insert(0, other)
    assert tx.queue == [other, one]
    tx.cancel().commit()
    assert ns.ip_json("link show v0")[0]["mtu"] == 1500
    with pytest.raises(InvalidValue):
        tx.push(5)
    with pytest.raises(PermissionError):
        ndb.readonly().begin()


def test_an_error_in_a_chain_names_its_link(ns, ndb):
    chain = ndb.interfaces["v0"].set(mtu=1400).ipaddr.create("10.5.0.1/24").create("10.0.0.1/24")
    with pytest.raises(KernelError, match="of the chain") as caught:
        chain.commit()
    assert "10.0.0.1" in caught.value.details["chain"] and ns.ip_json("link show v0")[0]["mtu"] == 1500
    assert not ndb.addresses.exists("10.5.0.1/24")


def test_concurrent_commits_from_threads(ns, ndb):
    errors = []

    def work(number):
        try:
            for i in range(20):
                ndb.routes.create(dst=f"10.9.{number}.{i}/32", gateway="10.0.0.2").commit()
                if i % 2:
                    ndb.routes[f"10.9.{number}.{i}/32"].remove().commit()
        except Exception as error:  # noqa: BLE001 - shown by the assertion
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors and len(routes(ns)) == 40 and len(list(ndb.routes.getmany(gateway="10.0.0.2"))) == 40


async def test_the_same_awaited(ns, make_netns):
    other = make_netns("other")
    async with AsyncNDB(sources=[spec(ns), spec(other, "blue")]) as ndb:
        link = await ndb.interfaces.create(ifname="br0", kind="bridge", state="up").add_port("v1").add_ip("10.8.0.1/24").commit()
        async with ndb.interfaces["br0"] as same:
            same["mtu"] = 1400
        assert same is link and link["mtu"] == 1400
        created = [ndb.routes.create(dst=f"10.9.0.{i}/32", gateway="10.8.0.2").commit() for i in range(20)]
        await asyncio.gather(*created)
        assert len(routes(ns)) == 20
        with pytest.raises(CheckProcessException):
            async with ndb.begin() as tx:
                tx.push(link.set(mtu=1300), CheckProcess("false"))
        assert link["mtu"] == 1400
        assert await ndb.routes.create_many([f"10.9.1.{i}/32" for i in range(10)], gateway="10.8.0.2") == 10
        counts = await ndb.routes.replace_all([{"dst": "10.9.2.0/24", "oif": "br0"}], proto="static")
        assert (counts.created, counts.removed) == (1, 30) and routes(ns) == {"10.9.2.0/24"}
        await link.remove().commit()
        await link.rollback()
        assert routes(ns) == {"10.9.2.0/24"} and link.state == "system"
        with pytest.raises(KernelError):
            await ndb.routes.create(dst="10.9.3.0/24", gateway="10.77.0.1").commit()
        await ndb.netns.wait(name=other.name, timeout=5)
