"""NDB on real namespaces, synchronous: sources, following, waiting, watching, SQL, and how it ends."""

import itertools
import json
import os
import queue
import sys
import threading
import time

import pytest

from holdfast import NDB, Tree
from holdfast.api import bridge
from holdfast.errors import (
    AlreadyExists,
    Closed,
    Denied,
    HoldfastError,
    InvalidValue,
    NotFound,
    NotSupported,
    QueryError,
    UnknownName,
    UsageError,
)  # fmt: skip


def here(namespace, **more):
    """A namespace as this program's own host."""
    return {"target": "localhost", "kind": "netns", "netns": namespace.name} | more


@pytest.fixture
def ns(netns):
    netns.ip("link add v0 type veth peer name v1")
    netns.ip("link set v0 up")
    netns.ip("link set v1 up")
    netns.ip("addr add 10.0.0.1/24 dev v0")
    return netns


@pytest.fixture
def ndb(ns):
    with NDB(sources=[here(ns)]) as ndb:
        yield ndb


# -------------------------------------------------------------------------------------------------------- following


def test_without_a_word_it_is_this_machine():
    with NDB() as ndb:
        assert ndb.interfaces["lo"]["index"] == 1
        assert list(ndb.sources) == ["localhost"] and ndb.sources["localhost"].kind == "local"
        assert ndb.sources["localhost"].state == "running" and ndb.localhost == "localhost"


def test_objects_follow_the_system(ns, ndb):
    link = ndb.interfaces["v0"]
    ns.ip("link set v0 mtu 1400")
    ndb.wait(5)
    assert link["mtu"] == 1400
    ns.ip("link property add dev v0 altname uplink-to-the-world")
    ns.ip("link set v0 down")
    ns.ip("link set v0 name wan")
    ndb.wait(5)
    assert (link["ifname"], link["state"]) == ("wan", "down") and ndb.interfaces["uplink-to-the-world"] is link
    ns.ip("link del wan")
    ndb.wait(5)
    assert link.state == "invalid" and link["ifname"] == "wan" and ndb.interfaces.get("v1") is None


def test_waiting_answers_at_once(ns, ndb):
    assert ndb.interfaces.wait(ifname="v0", timeout=5)["ifname"] == "v0"
    threading.Timer(0.2, ns.ip, ["link add later type bridge"]).start()
    assert ndb.interfaces.wait(ifname="later", timeout=5)["kind"] == "bridge"
    threading.Timer(0.2, ns.ip, ["link del later"]).start()
    assert ndb.interfaces.wait(ifname="later", action="remove", timeout=5) is None
    threading.Timer(0.2, ns.ip, ["route add 10.9.0.0/16 via 10.0.0.2"]).start()
    assert ndb.routes.wait({"dst": "10.9.0.0/16", "oif": "v0"}, timeout=5)["gateway"] == "10.0.0.2"
    with pytest.raises(TimeoutError, match=r"interface \{'ifname': 'never'\} to be there did not become true within 0\.05 s"):
        ndb.interfaces.wait(ifname="never", timeout=0.05)


def test_waiting_for_what_moves_by_itself(ns, ndb):
    """States of neighbours are volatile: they take no revision, and are waited for all the same."""
    ns.ip("neigh add 10.0.0.7 dev v0 lladdr 02:00:00:00:00:07 nud stale")
    assert ndb.neighbours.wait(dst="10.0.0.7", state="stale", timeout=5)["fixed"] == 0
    threading.Timer(0.2, ns.ip, ["neigh change 10.0.0.7 dev v0 lladdr 02:00:00:00:00:07 nud reachable"]).start()
    assert ndb.neighbours.wait(dst="10.0.0.7", state="reachable", timeout=5)["lladdr"] == "02:00:00:00:00:07"


def test_views_of_an_interface(ns, ndb):
    ns.ip("link add br0 type bridge")
    ns.ip("link set v1 master br0")
    ndb.wait(5)
    assert ndb.interfaces["br0"].ports["v1"]["master"] == ndb.interfaces["br0"]["index"]
    assert ndb.interfaces["v0"].ipaddr["10.0.0.1/24"]["label"] == "v0"
    assert ndb.interfaces["v0"].ipaddr.wait("10.0.0.1/24", timeout=1).chain is ndb.interfaces["v0"]
    assert ndb.interfaces["v0"].routes["10.0.0.0/24"]["proto"] == 2
    assert {record.lladdr for record in ndb.interfaces["v1"].fdb.dump()} >= {ndb.interfaces["v1"]["address"]}


# ---------------------------------------------------------------------------------------------------------- sources


def test_namespaces_come_and_go_as_sources(ns, ndb, make_netns):
    other = make_netns("other")
    other.ip("addr add 127.9.9.9/8 dev lo")
    source = ndb.sources.add(netns=other.name)
    assert (source.target, source.kind, source.state) == (other.name, "netns", "running")
    assert ndb.addresses[{"target": other.name, "address": "127.9.9.9/8"}]["target"] == other.name
    assert ndb.addresses.get("127.9.9.9/8") is None
    assert {record.name for record in ndb.sources.dump()} == {"localhost", other.name} and len(ndb.sources) == 2
    assert ndb.sources.summary()[0].state == "running"
    source.restart()
    assert ndb.interfaces.exists(target=other.name, ifname="lo")
    with pytest.raises(AlreadyExists):
        ndb.sources.add(netns=other.name)
    ndb.sources.remove(other.name)
    assert source.state == "removed" and other.name not in ndb.sources
    assert ndb.interfaces.dump().select_records(target=other.name).count() == 0 and ndb.interfaces.exists("v0")
    with pytest.raises(NotFound, match=f"no source `{other.name}`; there are localhost"):
        ndb.sources[other.name]
    ndb.sources.add(target="again", kind="netns", netns=other.path).wait(5)
    assert ndb.interfaces[{"target": "again", "ifname": "lo"}]["index"] == 1


def test_a_process_is_a_source(ns, ndb, make_netns):
    other = make_netns("other")
    process = other.start(["sleep", "60"])
    try:
        time.sleep(0.1)  # nsenter becomes the program
        ndb.sources.add(target="container", netns=process.pid)
        assert ndb.interfaces[{"target": "container", "ifname": "lo"}]["state"] == "up"
    finally:
        process.kill()
        process.communicate()


def test_a_deleted_namespace_ends_with_its_rows_and_stops_nobody(ns, ndb, make_netns):
    other = make_netns("other")
    ndb.sources.add(target="blue", netns=other.name)
    lo = ndb.interfaces[{"target": "blue", "ifname": "lo"}]
    other.delete()
    ndb.interfaces.wait({"target": "blue", "ifname": "lo"}, action="remove", timeout=5)
    assert lo.state == "invalid"
    deadline = time.monotonic() + 5
    while ndb.sources["blue"].state != "ended" and time.monotonic() < deadline:
        time.sleep(0.01)
    assert ndb.sources["blue"].state == "ended" and "deleted" in ndb.sources["blue"].status()["error"]
    ns.ip("link set v0 mtu 1300")
    assert ndb.interfaces.wait(ifname="v0", mtu=1300, timeout=5)
    ndb.sources["blue"].remove()
    assert list(ndb.sources) == ["localhost"]


def test_a_source_that_cannot_be_added_says_why_and_is_not_kept(ndb):
    for spec, error, sentence in (
        ({"netns": "hfa-nowhere", "create": False}, NotFound, "hfa-nowhere"),
        ({"target": "far", "kind": "remote"}, NotSupported, "there are local, netns, replay"),
        ({"hostname": "far.example"}, NotSupported, "`ssh`"),
        ({"target": "x", "kind": "carrier-pigeon"}, UnknownName, "carrier-pigeon"),
        ({"target": "x", "kind": "netns", "netns": "y", "colour": "blue"}, InvalidValue, "colour"),
    ):
        with pytest.raises(error, match=sentence):
            ndb.sources.add(**spec)
    assert list(ndb.sources) == ["localhost"]


def test_opening_fails_if_no_source_at_all_can_be_loaded(ns):
    with pytest.raises(NotFound, match="hfa-nowhere"):
        NDB(sources=[{"netns": "hfa-nowhere", "create": False}])
    with NDB(sources=[here(ns), {"netns": "hfa-nowhere", "create": False}]) as ndb:
        assert ndb.interfaces["v0"]["state"] == "up"
        assert ndb.sources["hfa-nowhere"].state == "failed" and "hfa-nowhere" in ndb.sources["hfa-nowhere"].status()["error"]
        assert ndb.status()["sources"]["hfa-nowhere"]["retry_in_s"] >= 0
        ndb.sources.remove("hfa-nowhere")


def test_localhost_can_have_another_name_or_be_missing(ns):
    with NDB(sources=[{"target": "router", "netns": ns.name}], localhost="router") as ndb:
        assert ndb.interfaces["v0"]["target"] == "router" and ndb.localhost == "router"
    with NDB(sources=[{"target": "router", "netns": ns.name}]) as ndb:
        assert ndb.interfaces[{"target": "router", "ifname": "v0"}]["state"] == "up"
        with pytest.raises(NotFound, match="no interface `v0` in localhost; there is no source `localhost`, but router"):
            ndb.interfaces["v0"]
    with NDB(sources=[]) as ndb:
        assert len(ndb.interfaces) == 0 and repr(ndb.sources) == "<sources: none>"


FOLLOWING = """
import os, subprocess
from holdfast import NDB, Tree
ip = lambda command: subprocess.run(["ip", *command.split()], check=True)
with NDB(auto_netns=True) as ndb:
    assert ndb.netns.count() == 0 and list(ndb.sources) == ["localhost"]
    ip("netns add blue")
    assert ndb.netns.wait("blue", timeout=10)["inode"] == os.stat("/run/netns/blue").st_ino
    assert ndb.netns["/run/netns/blue"]["name"] == ndb.netns["blue"]["netns"] == "blue"
    lo = ndb.interfaces.wait({"target": "blue", "ifname": "lo"}, timeout=10)
    ip("-n blue link set lo up")
    ndb.interfaces.wait({"target": "blue", "ifname": "lo", "state": "up"}, timeout=10)
    assert lo["state"] == "up" and ndb.sources["blue"].state == "running"
    ip("netns del blue")
    assert ndb.interfaces.wait({"target": "blue", "ifname": "lo"}, action="remove", timeout=10) is None
    assert ndb.netns.wait("blue", action="remove", timeout=10) is None and lo.state == "invalid"
"""


def test_named_namespaces_are_a_table_and_can_be_followed(ns):
    """With names of its own: a mount namespace in which nobody else makes any."""
    command = 'mount -t tmpfs none /run/netns && exec "$0" -c "$1"'
    done = ns.run(["unshare", "--mount", "sh", "-c", command, sys.executable, FOLLOWING], check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({"db_provider": "postgres"}, NotSupported, "no database provider `postgres` in this build; there is sqlite3"),
        ({"db_spec": {"host": "x"}}, InvalidValue, "expected a path or :memory:"),
        ({"log": 5}, InvalidValue, "at log"),
    ],
)
def test_options_that_cannot_be(options, error, sentence):
    with pytest.raises(error, match=sentence):
        NDB(**options)


# ---------------------------------------------------------------------------------------------------- watch and SQL


def test_a_watch_sees_every_change_in_order(ns, ndb):
    since = ndb.db.revision
    for number in range(1, 21):
        ns.ip(f"route add 10.{number}.0.0/24 via 10.0.0.2")
    ns.ip("route del 10.7.0.0/24")
    watch = ndb.watch("routes", since=since, table=254)
    changes = list(itertools.islice(watch, 21))
    watch.close()
    assert [change.row["dst"] for change in changes[:20]] == [f"10.{number}.0.0" for number in range(1, 21)]
    assert (changes[20].op, changes[20].row["dst"]) == ("delete", "10.7.0.0")
    assert [change.revision for change in changes] == sorted(change.revision for change in changes)
    assert next(ndb.watch("routes", since=since, dst="10.3.0.0/24")).row["gateway"] == "10.0.0.2"
    with pytest.raises(UnknownName, match="no table `colours`; there are interfaces"):
        ndb.watch("colours")
    with pytest.raises(UnknownName):
        ndb.watch("routes", bogus=1)


def test_what_a_watch_tells_is_seen(ns, ndb):
    link = ndb.interfaces["v0"]
    watch = ndb.watch("interfaces", ifname="v0")
    for mtu in range(1300, 1330):
        ns.ip(f"link set v0 mtu {mtu}")
        assert next(watch).row["mtu"] <= link["mtu"]


def test_handlers_are_called_with_each_change(ns, ndb):
    told: queue.Queue[tuple[str, str, str, bool]] = queue.Queue()

    def handler(target, row):
        told.put((target, row["event"], row["dst"], ndb.routes.exists("10.2.0.0/16")))
        if row["event"] == "RTM_NEWROUTE":
            raise RuntimeError("a fault of the handler's own ends nothing")

    ndb.task_manager.register_handler("routes", handler)
    ns.ip("route add 10.2.0.0/16 via 10.0.0.2")
    assert told.get(timeout=5) == ("localhost", "RTM_NEWROUTE", "10.2.0.0", True)
    ns.ip("route del 10.2.0.0/16 via 10.0.0.2")
    assert told.get(timeout=5) == ("localhost", "RTM_DELROUTE", "10.2.0.0", False)
    ndb.task_manager.unregister_handler("routes", handler)
    ns.ip("route add 10.3.0.0/16 via 10.0.0.2")
    ndb.wait(5)
    assert told.empty()
    with pytest.raises(NotFound):
        ndb.task_manager.unregister_handler("routes", handler)


def test_closing_ends_those_who_wait(ns):
    ndb = NDB(sources=[here(ns)])
    ended = []

    def follow():
        ended.append(list(ndb.watch("routes")))

    def wait():
        try:
            ndb.interfaces.wait(ifname="never")
        except Closed as closed:
            ended.append(str(closed))

    threads = [threading.Thread(target=follow), threading.Thread(target=wait)]
    for thread in threads:
        thread.start()
    time.sleep(0.2)
    link = ndb.interfaces["v0"]
    ndb.close()
    ndb.close()
    for thread in threads:
        thread.join(5)
    assert sorted(map(str, ended)) == ["[]", "this NDB was closed"]
    reads = lambda: link["mtu"], lambda: ndb.interfaces["v0"], lambda: ndb.sql("SELECT 1")
    for call in (*reads, lambda: ndb.wait(1), lambda: ndb.sources.add(netns="x")):
        with pytest.raises(Closed):
            call()


def test_sql_reads_from_any_thread(ns, ndb):
    [record] = ndb.sql("SELECT ifname, mtu FROM interfaces WHERE ifname = ? AND target = ?", "v0", "localhost")
    assert (record.ifname, record._names) == ("v0", ("ifname", "mtu"))
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(ndb.sql("SELECT count(*) AS n FROM routes")[0].n)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [ndb.routes.count()] * 4
    for bad in ("SELECT nonsense FROM interfaces", "DELETE FROM interfaces", "SELEC 1"):
        with pytest.raises(QueryError):
            ndb.sql(bad)
    assert ndb.db is ndb.schema and ndb.db.fetchone("SELECT ifname FROM interfaces WHERE ifindex = 1") == ("lo",)
    assert ("v0",) in ndb.db.fetch("SELECT ifname FROM interfaces") and ndb.db.fetchone("SELECT 1 WHERE 0") is None


def test_backup_and_export(ns, ndb, tmp_path, capsys):
    ndb.backup(str(tmp_path / "copy.db"))
    with pytest.raises(AlreadyExists):
        ndb.db.backup(str(tmp_path / "copy.db"))
    with NDB(sources=[], db_spec=str(tmp_path / "copy.db"), localhost="localhost") as copy:
        assert copy.db.revision > 0
    ndb.schema.export(str(tmp_path / "all.txt"))
    lines = (tmp_path / "all.txt").read_text().splitlines()
    assert lines[0] == "interfaces" and json.loads(lines[1])["target"] == "localhost"
    ndb.db.export()
    assert "addresses" in capsys.readouterr().out.splitlines()


def test_a_file_keeps_rows_and_is_for_one_process(ns, tmp_path):
    path = str(tmp_path / "network.db")
    with NDB(sources=[here(ns)], db_spec=path) as ndb:
        first = ndb.db.revision
        assert ndb.status()["database"]["path"] == path
        with pytest.raises(HoldfastError, match=r"network\.db"):
            NDB(sources=[here(ns)], db_spec=path)
    ns.ip("link set v0 mtu 1280")
    with NDB(sources=[here(ns)], db_spec=path) as ndb:
        assert ndb.interfaces["v0"]["mtu"] == 1280 and ndb.db.revision > first


# -------------------------------------------------------------------------------------------------- rights and ends


def test_readonly_refuses_with_permission_error(ndb):
    reader = ndb.readonly()
    assert reader.interfaces["v0"]["state"] == "up" and reader.sql("SELECT 1 AS one")[0].one == 1
    for call in (
        lambda: reader.sources.add(netns="x"),
        lambda: reader.sources.remove("localhost"),
        reader.sources["localhost"].restart,
        lambda: reader.interfaces.create(ifname="x", kind="dummy"),
        lambda: reader.interfaces["v0"].set("mtu", 1400),
        lambda: reader.interfaces["v0"].ipaddr.create(address="10.0.0.9/24"),
        reader.begin,
    ):
        with pytest.raises(PermissionError):
            call()
    reader.close()
    assert ndb.interfaces["v0"]["state"] == "up"
    with pytest.raises(Denied):
        reader.interfaces["v0"].commit()


def test_a_call_on_the_loops_own_thread_raises_at_once(ndb):
    async def call():
        ndb.interfaces.wait(ifname="v0", timeout=5)

    with pytest.raises(UsageError, match="inside the loop's own thread would wait for itself"):
        bridge.run(call())


def test_behind_a_fork_it_raises_and_a_new_one_works(ns, ndb):
    link = ndb.interfaces["v0"]
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            waits = lambda: ndb.wait(1), lambda: ndb.interfaces.wait(ifname="v0", timeout=1)
            for call in (lambda: link["mtu"], lambda: ndb.interfaces["v0"], *waits):
                with pytest.raises(UsageError, match="before a fork"):
                    call()
            with NDB(sources=[here(ns)]) as own:
                code = 0 if own.interfaces["v0"]["state"] == "up" else 3
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert link["mtu"] == 1500 and ndb.interfaces.wait(ifname="v0", timeout=1)


@pytest.mark.parametrize(
    "ending", ["pass", "raise SystemExit(0)", "import threading; threading.Thread(target=lambda: ndb.interfaces['lo']).start()"]
)
def test_an_ndb_left_open_is_closed_when_the_interpreter_ends(ns, ending):
    code = f"from holdfast import NDB; ndb = NDB(); print(ndb.status()['database']['path'], flush=True); {ending}"
    done = ns.run([sys.executable, "-c", code])
    assert done.stderr == ""
    assert not os.path.exists(done.stdout.strip())


def test_ctrl_c_ends_a_wait(ns):
    code = "from holdfast import NDB\nwith NDB() as ndb:\n  print('ready', flush=True)\n  ndb.interfaces.wait(ifname='never')"
    process = ns.start([sys.executable, "-c", code])
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.2)
    process.send_signal(2)
    _, errors = process.communicate(timeout=10)
    assert errors.rstrip().endswith("KeyboardInterrupt") and process.returncode != 0


def test_the_log_goes_where_it_is_told_to(ns, tmp_path):
    path = tmp_path / "log.txt"
    with NDB(sources=[here(ns)], log=(str(path), "DEBUG")) as ndb:
        ndb.log.channel("mine").info("a word of mine")
        ndb.log.warning("and %s", "another")
    lines = path.read_text().splitlines()
    assert any("localhost: loaded in" in line for line in lines) and any("holdfast.mine: a word of mine" in line for line in lines)
    assert any(line.endswith("WARNING holdfast: and another") for line in lines)


def test_many_threads_use_one_ndb(ns, ndb):
    failures = []

    def work(number):
        try:
            for _ in range(30):
                assert ndb.interfaces["v0"]["ifname"] == "v0"
                assert ndb.interfaces.wait(ifname="v0", timeout=5)
                assert ndb.routes.dump().count() >= 1
                assert ndb.sql("SELECT ? AS n", number)[0].n == number
        except Exception as failure:  # noqa: BLE001 - reported below
            failures.append(failure)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_the_tree_of_an_ndb_is_in_its_own_file_and_log(ns, tmp_path):
    path = str(tmp_path / "both.db")
    with NDB(sources=[here(ns)], db_spec=path) as ndb:
        tree = ndb.tree(author="anna")
        before = ndb.db.revision
        commit = tree.put("nodes.r1.mtu", ndb.interfaces["v0"]["mtu"], message="as it is")
        assert before < commit.revision <= ndb.db.revision
        assert ndb.tree().get("nodes.r1") == {"mtu": 1500}, "every call gives the same tree"
        watch = tree.watch("nodes", since=before)
        assert [change.path for change in next(watch).changes] == ["nodes.r1.mtu"]
        ndb.interfaces["v0"].set(mtu=1400).commit()
        assert [entry.message for entry in ndb.history(author="anna")] == ["as it is"]
        with pytest.raises(Denied):
            ndb.readonly().tree()
    with pytest.raises(Closed):
        tree.get("nodes")
    with pytest.raises(Closed):
        ndb.tree()
    with Tree(path) as alone:
        assert alone.get("nodes.r1.mtu") == 1500
