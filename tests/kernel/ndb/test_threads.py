"""Commits from threads, which need no loop for what is simple: the same promises as everywhere."""

import asyncio
import json
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import apsw
import pytest

from holdfast import NDB
from holdfast.aio import NDB as AsyncNDB
from holdfast.database import failpoint
from holdfast.errors import Conflict, HoldfastError, KernelError, NotFound, Unavailable, UsageError
from holdfast.transactions.engine import Transactions
from tests.kernel.ndb.conftest import spec


def gateways(ns, prefix="10.9.0.0/16"):
    return {one["dst"]: one["gateway"] for one in ns.ip_json(f"route show root {prefix}")}


@pytest.fixture
def here(monkeypatch):
    """How many commits were done without the loop."""
    done = []
    commit_here = Transactions.commit_here

    def counted(self, *args, **options):
        outcome = commit_here(self, *args, **options)
        done.append(outcome is not None)
        return outcome

    monkeypatch.setattr(Transactions, "commit_here", counted)
    return done


def test_what_is_simple_needs_no_loop_and_what_is_not_takes_it(ns, ndb, here):
    route = ndb.routes.create(dst="10.9.1.0/24", gateway="10.0.0.2").commit()
    route.set(gateway="10.0.0.3").commit()
    assert gateways(ns) == {"10.9.1.0/24": "10.0.0.3"} and here == [True, True]
    route.rollback()
    assert gateways(ns) == {"10.9.1.0/24": "10.0.0.2"}
    route.remove().commit()
    assert gateways(ns) == {} and here == [True] * 3
    ndb.interfaces["v0"].set(mtu=1400).commit()
    assert ns.ip_json("link show v0")[0]["mtu"] == 1400 and not here[-1]


def test_a_refusal_is_the_same_one(ns, ndb, here):
    with pytest.raises(KernelError, match="Nexthop has invalid gateway") as caught:
        ndb.routes.create(dst="10.9.1.0/24", gateway="10.77.0.1").commit()
    assert caught.value.details["target"] == "localhost" and "10.9.1.0" in str(caught.value.details["object"])
    route = ndb.routes.create(dst="10.9.2.0/24", gateway="10.0.0.2").commit()
    route.set(gateway="10.0.0.3")
    ns.ip("route replace 10.9.2.0/24 via 10.0.0.4")
    with pytest.raises(HoldfastError):
        route.commit()
    assert gateways(ns) == {"10.9.2.0/24": "10.0.0.4"} and here.count(True) == 1


def test_many_threads_with_objects_of_their_own(ns, ndb, here):
    def work(number):
        for at in range(50):
            route = ndb.routes.create(dst=f"10.9.{number}.{at}/32", gateway="10.0.0.2").commit()
            route.set(gateway="10.0.0.3").commit()
            if at % 2:
                route.remove().commit()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    assert gateways(ns) == {f"10.9.{number}.{at}": "10.0.0.3" for number in range(6) for at in range(0, 50, 2)}
    assert any(here)


def test_threads_and_the_same_object(ns, ndb):
    """Each sets and commits; whatever comes together is committed together, and what it ends as is what the kernel has."""
    route = ndb.routes.create(dst="10.9.1.0/24", gateway="10.0.0.2").commit()
    failures = []

    def work(number):
        for at in range(40):
            try:
                route.set(gateway=f"10.0.0.{2 + (number * 40 + at) % 200}").commit()
            except Conflict as error:
                failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert gateways(ns)["10.9.1.0/24"] == route["gateway"] and route.clean and not failures


async def test_a_thread_and_tasks_of_the_loop_at_one_target(ns):
    """The loop's transactions wait for the thread's turn, and it takes theirs where it finds it taken."""
    async with AsyncNDB(sources=[spec(ns)]) as ndb:
        core = ndb._core

        def work():
            from holdfast.objects.commit import How, commit_here

            for at in range(150):
                route = ndb.routes.create(dst=f"10.9.1.{at}/32", gateway="10.0.0.2")
                while not commit_here(core.engine, route, How(again=True)):
                    time.sleep(0.0005)

        thread = asyncio.create_task(asyncio.to_thread(work))
        for at in range(40):
            await ndb.routes.create(dst=f"10.9.2.{at}/32", gateway="10.0.0.2").commit()
            await ndb.interfaces["v1"].set(mtu=1400 + at).commit()
        await thread
    assert len(gateways(ns, "10.9.2.0/24")) == 40 and len(gateways(ns, "10.9.1.0/24")) == 150


def test_others_are_seen_while_somebody_commits_in_a_row_and_after_it(ns, ndb):
    ending = threading.Event()

    def work():
        at = 0
        while not ending.is_set():
            ndb.routes.create(dst=f"10.9.1.{at % 250}/32", gateway="10.0.0.2").commit().remove().commit()
            at += 1

    worker = threading.Thread(target=work)
    worker.start()
    try:
        for at in range(30):
            ns.ip(f"route add 10.9.2.{at}/32 via 10.0.0.2")
            ndb.routes.wait(dst=f"10.9.2.{at}/32", timeout=1)
    finally:
        ending.set()
        worker.join(20)
    ns.ip("route add 10.9.3.0/24 via 10.0.0.2")
    ndb.routes.wait(dst="10.9.3.0/24", timeout=1)


INTERRUPTED = """
import signal, sys, threading, time
from holdfast import NDB
from holdfast.transactions.sending import Sender
send = Sender.send
def slow(self, phase):
    send(self, phase)
    if phase[0].row.get("dst") == "10.9.1.0" and not self.lenient:
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        time.sleep(0.5)
Sender.send = slow
with NDB(sources=[{"target": "localhost", "kind": "netns", "netns": sys.argv[1]}]) as ndb:
    try:
        ndb.routes.create(dst="10.9.1.0/24", gateway="10.0.0.2").commit()
    except KeyboardInterrupt:
        print("interrupted")
    ndb.routes.create(dst="10.9.2.0/24", gateway="10.0.0.2").commit()
"""


def test_ctrl_c_takes_back_what_was_sent_and_leaves_the_next_its_turn(ns):
    process = ns.start([sys.executable, "-c", INTERRUPTED, ns.name])
    printed, errors = process.communicate(timeout=30)
    assert (printed, process.returncode) == ("interrupted\n", 0), errors
    assert gateways(ns) == {"10.9.2.0/24": "10.0.0.2"}


STORM = """
import json, os, random, signal, sys, time
from holdfast import NDB
from holdfast.errors import HoldfastError

class Out(Exception):
    pass

def out(number, frame):
    raise Out

signal.signal(signal.SIGALRM, out)
random.seed(int(sys.argv[2]))
whole = broken = refused = 0
with NDB(sources=[{"target": "localhost", "kind": "netns", "netns": sys.argv[1]}]) as ndb:
    objects = [ndb.routes.create(dst=f"10.9.1.{at}/32", gateway="10.0.0.2").commit() for at in range(20)]
    until = time.monotonic() + float(sys.argv[3])
    while time.monotonic() < until:
        at = random.randrange(20)
        route = ndb.routes[f"10.9.1.{at}/32"]
        route.set(gateway="10.0.0.3" if route["gateway"] == "10.0.0.2" else "10.0.0.2")
        try:
            signal.setitimer(signal.ITIMER_REAL, random.uniform(5e-6, 1e-3))
            route.commit()
            signal.setitimer(signal.ITIMER_REAL, 0)
            whole += 1
        except Out:
            broken += 1
        except HoldfastError:  # what the one before is taken back by is under way
            signal.setitimer(signal.ITIMER_REAL, 0)
            refused += 1
    signal.setitimer(signal.ITIMER_REAL, 0)
    # whatever was broken off: everybody gets his turn, and the next one is carried out
    ndb.routes.create(dst="10.9.2.0/24", gateway="10.0.0.2").commit()
    shown = {one["dst"]: one["gateway"] for one in ndb.routes.dump() if one["dst"].startswith("10.9.")}
    print(json.dumps({"whole": whole, "broken": broken, "refused": refused, "shown": shown}))
"""


def test_signals_that_raise_anywhere_leave_no_half_and_no_turn_that_is_never_given(ns):
    process = ns.start([sys.executable, "-c", STORM, ns.name, "4", "4"])
    printed, errors = process.communicate(timeout=40)
    assert process.returncode == 0, errors
    found = json.loads(printed)
    assert found["whole"] > 100
    assert found["broken"] > 100
    there = gateways(ns)
    assert {dst.removesuffix("/24"): gateway for dst, gateway in there.items()} == found["shown"]
    assert len(there) == 21


def test_closing_waits_for_the_commit_of_a_thread(ns, monkeypatch):
    from holdfast.transactions.sending import Sender

    send, begun = Sender.send, threading.Event()

    def slow(self, phase):
        begun.set()
        time.sleep(0.3)
        send(self, phase)

    monkeypatch.setattr(Sender, "send", slow)
    ndb = NDB(sources=[spec(ns)])
    route = ndb.routes.create(dst="10.9.1.0/24", gateway="10.0.0.2")
    worker = threading.Thread(target=route.commit)
    worker.start()
    begun.wait(5)
    ndb.close()
    worker.join(5)
    assert gateways(ns) == {"10.9.1.0/24": "10.0.0.2"}


def test_not_on_the_loop_itself(ndb):
    route = ndb.routes.create(dst="10.9.1.0/24", gateway="10.0.0.2")

    async def wrong():
        route.commit()

    from holdfast.api.bridge import run

    with pytest.raises(UsageError, match="own thread"):
        run(wrong())


def test_what_the_database_could_not_write_down_is_read_again(ns, ndb, monkeypatch):
    """The kernel has done it, and its event is taken: nothing but the source itself can still tell."""

    def full():
        monkeypatch.delitem(failpoint.armed, "commit.written")
        raise apsw.FullError("no room")

    monkeypatch.setitem(failpoint.armed, "commit.written", full)
    with pytest.raises(Unavailable, match="no room"):
        ndb.routes.create(dst="10.9.1.0/24", gateway="10.0.0.2").commit()
    assert gateways(ns) == {"10.9.1.0/24": "10.0.0.2"}
    ndb.routes.wait(dst="10.9.1.0/24", timeout=5)
    ndb.routes.create(dst="10.9.2.0/24", gateway="10.0.0.2").commit()


def test_a_source_that_is_none_is_told_so(ndb):
    with pytest.raises(NotFound, match="nowhere"):
        ndb.routes.create(target="nowhere", dst="10.9.1.0/24", gateway="10.0.0.2").commit()


@pytest.mark.requires("live-rename")
def test_the_log_names_interfaces_as_they_are_called_now(ns, ndb):
    """Names are kept between commits, as long as no interface has changed."""

    def told():
        [(details,)] = ndb.sql("SELECT details FROM log WHERE kind = 'intent' ORDER BY revision DESC LIMIT 1")
        return json.loads(details)["told"]

    link = next(one for one in ns.ip_json("address show") if any(address["local"] == "10.0.0.1" for address in one["addr_info"]))
    ndb.routes.create(dst="10.9.1.0/24", gateway="10.0.0.2").commit()
    route = ndb.routes["10.9.1.0/24"]
    for _ in range(2):
        route.set(priority=route["priority"] + 1).commit()
        assert f"dev {link['ifname']}" in told()[0]
    ns.ip(f"link property add dev {link['ifname']} altname other")
    ns.ip(f"link set {link['ifname']} down name renamed up")
    ns.ip("route replace 10.9.1.0/24 via 10.0.0.2")
    ndb.interfaces.wait(ifname="renamed", state="up", timeout=10)
    again = ndb.routes.wait(dst="10.9.1.0/24", priority=0, timeout=10)  # the one with a priority went with the link
    ndb.routes[{"dst": "10.9.1.0/24", "priority": again["priority"]}].set(gateway="10.0.0.3").commit()
    assert "dev renamed" in told()[0]
    ns.ip("link set renamed name back")  # not waited for: what is told is taken in the same transaction
    ndb.routes[{"dst": "10.9.1.0/24", "priority": again["priority"]}].remove().commit()
    assert "dev back" in told()[0]
