"""Objects that wait with changes, and what a commit asks the engine for; the engine here writes into the tables itself."""

import asyncio
import threading

import pytest

from holdfast.database.sqlite import Database
from holdfast.errors import AlreadyExists, Conflict, Denied, InvalidValue, KernelError, NotFound, UnknownName
from holdfast.model import ADDRESSES, INTERFACES, TABLES
from holdfast.model.names import BUILTIN
from holdfast.objects.commit import How, commit, rollback
from holdfast.objects.interface import Interface
from holdfast.objects.object import Object
from holdfast.objects.reading import Reading
from holdfast.objects.transaction import Queue, carry_out
from holdfast.objects.view import View as PlainView
from holdfast.transactions.complete import completed
from holdfast.transactions.contract import Change, Create, Delete, Named, Outcome


class View(PlainView):
    object_types = {"interfaces": Interface}  # noqa: RUF012
    object_type = Object


class Engine:
    """Does to the tables what it is asked for, and keeps the requests. refuse: raised instead, once."""

    def __init__(self, home):
        self.home = home
        self.asked = []
        self.refuse = None
        self.pause = None

    async def commit(self, requests, *, force=False, timeout_s=30.0, author="", message="", progress=None):
        requests = list(requests)
        self.asked.append(requests)
        self.said = (force, author, message)
        if self.pause is not None:
            await self.pause.wait()
        if self.refuse is not None:
            refuse, self.refuse = self.refuse, None
            raise refuse
        rows, undo = [], []
        for request in requests:
            row, back = await asyncio.to_thread(self._do, request)
            rows.append(row)
            undo[:0] = back
        return Outcome(1, self.home.database.revision, len(requests), tuple(rows), tuple(undo))

    def _do(self, request):
        table, home = request.table, self.home
        if isinstance(request, Delete):
            home.delete(table.name, dict(request.row), target=request.target)
            return None, [Create(request.target, table, {name: request.row[name] for name in table.columns})]
        if isinstance(request, Create):
            asked = completed(table, request.row)
            row = {name: self._index(request.target, value) for name, value in asked.items() if name in table.columns}
            if table is INTERFACES:
                row = {"ifindex": 50 + len(self.asked), "state": "down"} | row
            home.put(table.name, row, target=request.target)
            whole = {field.name: field.default for field in table.fields} | row
            return {"target": request.target, **whole}, [Delete(request.target, table, whole)]
        before = {name: request.row[name] for name in table.columns}
        row = before | {name: self._index(request.target, value) for name, value in request.fields.items()}
        target = row.pop("target", request.target)
        home.delete(table.name, before, target=request.target)
        home.put(table.name, row, target=target)
        return {"target": target, **row}, [Change(target, table, row, before)]

    def _index(self, target, value):
        if not isinstance(value, Named):
            return value
        found = self.home.interfaces.get({"target": value.target or target, "ifname": value.ifname})
        return found and found["index"]


class Home:
    def __init__(self, database):
        self.database = database
        self.reading = Reading("localhost", lambda target: BUILTIN, lambda: ["localhost", "blue"])
        self.reading.attach(database)
        self.engine = Engine(self)

    def put(self, table, *rows, target="localhost"):
        def job(tx):
            for row in rows:
                tx.put(TABLES[table], target, tuple(row), [[value] for value in row.values()])

        self.database.write(job).result(10)

    def delete(self, table, *rows, target="localhost"):
        def job(tx):
            for row in rows:
                key = {name: row.get(name) for name in TABLES[table].key}
                tx.delete(TABLES[table], target, tuple(key), [[value] for value in key.values()])

        self.database.write(job).result(10)

    def __getattr__(self, table):
        view = View(self.reading, table)
        setattr(self, table, view)
        return view

    async def commit(self, *objects, **how):
        return await commit(self.engine, objects, How(**how))

    @property
    def last(self):
        """The requests of the last commit: verb, table, and what it is about."""
        return [told(one) for one in self.engine.asked[-1]]


def told(request):
    what = request.fields if isinstance(request, Change) else request.row
    if isinstance(request, Delete):
        what = {name: what[name] for name in ("ifname", "local", "dst", "vid") if name in TABLES[request.table.name].columns}
    return type(request).__name__, request.table.name, request.target, dict(what)


@pytest.fixture
def home():
    with Database(":memory:") as database:
        home = Home(database)
        home.put(
            "interfaces",
            {"ifindex": 1, "ifname": "lo", "flags": 1, "state": "up", "mtu": 65536},
            {"ifindex": 2, "ifname": "eth0", "flags": 1, "state": "up", "mtu": 1500, "altnames": ["wan"]},
            {"ifindex": 3, "ifname": "br0", "state": "down", "kind": "bridge", "kind_data": {"br_stp_state": 0, "br_priority": 32768}},
        )
        home.put("interfaces", {"ifindex": 7, "ifname": "eth0", "state": "down"}, target="blue")
        home.put(
            "addresses",
            {"local": "10.0.0.1", "address": "10.0.0.1", "prefixlen": 24, "family": 2, "ifindex": 2},
            {"local": "fe80::1", "address": "fe80::1", "prefixlen": 64, "family": 10, "ifindex": 2},
        )
        home.put("routes", {"dst": "10.1.0.0", "dst_len": 16, "family": 2, "table_id": 254, "type": 1, "proto": 4, "oif": 2,
                            "gateway": "10.0.0.2", "metrics": {"mtu": 1400}})  # fmt: skip
        yield home


# ------------------------------------------------------------------------------------------------------------ creating


async def test_what_is_made_waits_until_it_is_committed_and_follows_then(home):
    link = home.interfaces.create(ifname="d0", kind="dummy", mtu="1400", state="up")
    assert (link.state, link["ifname"], link["mtu"], link.clean, link.exists()) == ("invalid", "d0", 1400, False, False)
    assert link.changed == {"ifname", "kind", "mtu", "state"} and link.key_repr() == "localhost/d0" and not home.engine.asked
    await home.commit(link)
    assert home.last == [("Create", "interfaces", "localhost", {"ifname": "d0", "kind": "dummy", "mtu": 1400, "state": "up"})]
    assert (link.state, link.clean, link.changed, link["index"]) == ("system", True, set(), 51)
    assert home.interfaces["d0"] is link
    home.put("interfaces", {"ifindex": 51, "ifname": "d0", "kind": "dummy", "mtu": 1300})
    assert link["mtu"] == 1300


async def test_every_spelling_becomes_a_row(home):
    await home.commit(home.routes.create(dst="default", gateway="10.0.0.254", oif="eth0", table="main", metrics={"mtu": "1300"}))
    assert home.last[0][3] == {
        "dst": "default", "gateway": "10.0.0.254", "oif": 2, "table_id": 254, "metrics": {"mtu": 1300},
    }  # fmt: skip
    await home.commit(home.addresses.create(address="10.9.0.1/24", index="eth0", broadcast=True, valid_lft=3600))
    assert home.last[0][3] == {
        "address": "10.9.0.1", "prefixlen": 24, "ifindex": 2, "broadcast": "10.9.0.255", "valid_lft": 3600, "local": "10.9.0.1",
        "family": 2,
    }  # fmt: skip
    peer = {"ifname": "v1", "net_ns_fd": "blue", "address": "02-00-00-00-00-01"}
    await home.commit(home.interfaces.create(ifname="v0", kind="veth", peer=peer))
    assert home.last[0][3]["peer"] == {"ifname": "v1", "target": "blue", "address": "02:00:00:00:00:01"}
    await home.commit(home.interfaces.create(target="blue", ifname="eth0.10", kind="vlan", link="eth0", vlan_id=10))
    assert home.last[0][2:] == ("blue", {"ifname": "eth0.10", "kind": "vlan", "link": 7, "kind_data": {"vlan_id": 10}})


async def test_what_could_not_be_made_keeps_what_it_was_given(home):
    route = home.routes.create(dst="10.2.0.0/16", gateway="10.7.0.1")
    home.engine.refuse = KernelError(101, "Nexthop has invalid gateway", request="route 10.2.0.0/16")
    with pytest.raises(KernelError) as caught:
        await home.commit(route)
    assert caught.value.code == 101 and caught.value.details["object"].startswith("route localhost/10.2.0.0/16")
    assert (route.state, route["dst"], route["dst_len"], route["gateway"]) == ("invalid", "10.2.0.0", 16, "10.7.0.1")
    route["gateway"] = "10.0.0.2"
    await home.commit(route)
    assert route.state == "system" and home.last[0][3]["gateway"] == "10.0.0.2"


def test_what_is_there_cannot_be_created(home):
    with pytest.raises(KeyError):
        home.interfaces.create(ifname="eth0", kind="dummy")
    with pytest.raises(AlreadyExists, match="interface `eth0` is in blue already"):
        home.interfaces.create(target="blue", ifname="eth0", kind="dummy")
    with pytest.raises(UnknownName, match="have no field `colour`"):
        home.interfaces.create(ifname="d1", colour="red")
    with pytest.raises(InvalidValue, match="expected `up` or `down`"):
        home.interfaces["eth0"].set(state="UP")


async def test_ensure_waits_with_what_is_missing_only(home):
    assert home.interfaces.ensure(ifname="eth0", state="up", mtu=1500).clean
    link = home.interfaces.ensure(ifname="eth0", state="down", mtu=1500)
    assert link is home.interfaces["eth0"] and link.changed == {"state"}
    link.drop()
    made = home.interfaces.ensure(ifname="d9", kind="dummy")
    await home.commit(made)
    assert isinstance(home.engine.asked[-1][0], Create) and home.engine.asked[-1][0].ensure
    assert home.addresses.ensure(address="10.0.0.1/24", index="eth0").clean
    assert home.routes.ensure(dst="10.1.0.0/16", gateway="10.0.0.2", metrics={"mtu": 1400}).clean
    assert home.routes.ensure(dst="10.1.0.0/16", gateway="10.0.0.3").changed == {"gateway"}


# ------------------------------------------------------------------------------------------------------------ changing


async def test_a_change_waits_in_the_object_and_is_sent_with_what_it_was(home):
    link = home.interfaces["eth0"]
    assert link.set(mtu=1400) is link and link.set("mtu", "1400")["mtu"] == 1400 and not link.clean
    await home.commit(link, author="me", message="why")
    (change,) = home.engine.asked[-1]
    assert (dict(change.fields), change.row["mtu"], change.row["ifname"]) == ({"mtu": 1400}, 1500, "eth0")
    assert home.engine.said == (False, "me", "why")
    assert link["mtu"] == 1400 and link.clean


async def test_what_is_so_already_does_not_wait(home):
    link = home.interfaces["eth0"].set(mtu=1500, state="up", alt_ifname_list=["wan"], master=0)
    assert link.clean
    link["mtu"] = 1400
    link["mtu"] = 1500
    assert link.clean and await home.commit(link) and not home.engine.asked


async def test_attributes_of_a_kind_are_changed_alone(home):
    await home.commit(home.interfaces["br0"].set(br_stp_state=1, state="up"))
    assert home.last[0][3] == {"kind_data": {"br_stp_state": 1}, "state": "up"} or home.last[0][3]["kind_data"]["br_stp_state"] == 1
    assert home.interfaces["br0"]["br_stp_state"] == 1


async def test_a_refused_change_is_forgotten_and_the_next_commit_works(home):
    link = home.interfaces["eth0"].set(mtu=10**6)
    home.engine.refuse = KernelError(22, "mtu greater than device maximum")
    with pytest.raises(KernelError):
        await home.commit(link)
    assert link["mtu"] == 1500 and link.clean
    await home.commit(link.set(mtu=1400))
    assert link["mtu"] == 1400


async def test_apply_keeps_what_was_refused(home):
    link = home.interfaces["eth0"].set(mtu=10**6)
    home.engine.refuse = KernelError(22)
    with pytest.raises(KernelError):
        await home.commit(link, keep=True)
    assert link["mtu"] == 10**6 and link.changed == {"mtu"}


async def test_a_conflict_is_measured_by_what_was_seen_when_it_was_set(home):
    link = home.interfaces["eth0"].set(mtu=1400)
    home.put("interfaces", {"ifindex": 2, "ifname": "eth0", "flags": 1, "state": "up", "mtu": 9000, "txqlen": 5})
    await home.commit(link, force=True)
    (change,) = home.engine.asked[-1]
    assert (change.row["mtu"], change.row["txqlen"]) == (1500, 5) and home.engine.said[0] is True


async def test_nested_values_wait_as_a_whole(home):
    route = home.routes["10.1.0.0/16"]
    route["metrics"]["advmss"] = 1200
    assert route["metrics"] == {"mtu": 1400, "advmss": 1200}
    await home.commit(route)
    assert home.last[0][3] == {"metrics": {"mtu": 1400, "advmss": 1200}}


async def test_another_key_is_a_replacement(home):
    address = home.addresses["10.0.0.1/24"].set(prefixlen=25)
    assert address.state == "replace"
    await home.commit(address)
    assert address.state == "system" and address["prefixlen"] == 25
    with pytest.raises(InvalidValue, match="the index of an interface cannot be changed"):
        home.interfaces["eth0"].set(index=9)


async def test_another_target_is_a_move(home):
    link = home.interfaces["br0"].set(net_ns_fd="blue")
    assert link.state == "setns"
    await home.commit(link)
    assert home.last == [("Change", "interfaces", "localhost", {"target": "blue"})]
    with pytest.raises(InvalidValue, match="cannot move to another source"):
        home.routes["10.1.0.0/16"].set(target="blue")


async def test_what_was_removed_is_gone_and_is_made_again_by_the_next_commit(home):
    link = home.interfaces["eth0"].remove()
    assert link.state == "remove"
    await home.commit(link)
    assert home.last == [("Delete", "interfaces", "localhost", {"ifname": "eth0"})]
    assert (link.state, link["ifname"], link["mtu"]) == ("invalid", "eth0", 1500)
    await home.commit(link.remove())
    await home.commit(link)
    assert len(home.engine.asked) == 1, "a transaction that is committed again makes nothing anew"
    await home.commit(link, again=True)
    assert home.last[0][0] == "Create" and home.last[0][3]["ifname"] == "eth0"


async def test_what_is_made_and_removed_at_once_is_nothing(home):
    link = home.interfaces.create(ifname="d0", kind="bridge").remove()
    await home.commit(link)
    assert not home.engine.asked and link.state == "invalid" and link["ifname"] == "d0"
    await home.commit(link)
    assert home.last[0][0] == "Create" and link.state == "system"


def test_what_cannot_become_different(home):
    link = home.interfaces["br0"]
    for name, value in (("operstate", "UP"), ("stats", {}), ("br_bridge_id", "x"), ("peer", "x"), ("carrier_changes", 5)):
        with pytest.raises(InvalidValue, match=r"cannot be set|of its own"):
            link.set(name, value)
    with pytest.raises(InvalidValue, match="`hops` of routes follows from other fields"):
        home.routes["10.1.0.0/16"]["hops"] = ""
    assert link.clean


def test_a_read_only_view_changes_nothing(home):
    view = View(home.reading, "interfaces", readonly=True)
    for change in (
        lambda: view.create(ifname="d0"),
        lambda: view.ensure(ifname="eth0"),
        lambda: view["eth0"].set(mtu=1),
        view["eth0"].remove,
        lambda: view["eth0"].add_ip("10.0.0.9/24"),
        lambda: view["eth0"].ipaddr.create("10.0.0.9/24"),
    ):
        with pytest.raises(Denied, match="read-only"):
            change()


# ------------------------------------------------------------------------------------------------------------ chains


async def test_a_chain_is_committed_in_order_as_one(home):
    chain = (
        home.interfaces["eth0"].set(mtu=1400)
        .ipaddr.create(address="10.0.1.1", prefixlen=24)
        .create("10.0.2.1/24")
    )  # fmt: skip
    assert chain.chain["address"] == "10.0.1.1" and chain.chain.chain is home.interfaces["eth0"]
    await home.commit(chain)
    assert [one[:2] for one in home.last] == [("Change", "interfaces"), ("Create", "addresses"), ("Create", "addresses")]
    assert [one[3].get("ifindex") for one in home.last] == [None, 2, 2]
    assert chain.clean and chain.chain.clean


async def test_what_is_on_a_new_interface_refers_to_it_by_name(home):
    link = home.interfaces.create(ifname="d0", kind="dummy").add_ip("10.5.0.1/24").ensure_ip(address="10.5.0.2", prefixlen=24)
    await home.commit(link)
    assert [one[:2] for one in home.last] == [("Create", "interfaces")] + [("Create", "addresses")] * 2
    assert home.last[1][3]["ifindex"] == Named("d0") and [one.ensure for one in home.engine.asked[-1]] == [False, False, True]
    assert link.ipaddr.count() == 2
    other = home.interfaces.create(ifname="d1", kind="dummy").ipaddr.create("10.6.0.1/24")
    await home.commit(other)
    assert home.last[1][3]["ifindex"] == Named("d1")


async def test_an_error_in_a_chain_names_the_link(home):
    chain = home.interfaces["eth0"].set(mtu=1400).ipaddr.create("10.0.1.1/24")
    home.engine.refuse = KernelError(17, "Address already assigned", request="address 10.0.1.1/24", index=1)
    with pytest.raises(KernelError, match=r"at link `address localhost/10\.0\.1\.1/.*` of the chain") as caught:
        await home.commit(chain)
    assert caught.value.details["chain"].startswith("address") and home.interfaces["eth0"]["mtu"] == 1500


async def test_ports_come_and_go(home):
    await home.commit(home.interfaces["br0"].add_port("eth0"))
    assert home.last == [("Change", "interfaces", "localhost", {"master": 3})]
    assert [port.ifname for port in home.interfaces["br0"].ports.summary()] == ["eth0"]
    await home.commit(home.interfaces["br0"].del_port("eth0"))
    assert home.last == [("Change", "interfaces", "localhost", {"master": None})]
    with pytest.raises(ValueError, match="no port of"):
        await home.commit(home.interfaces["br0"].del_port("eth0"))
    with pytest.raises(ValueError, match="same source"):
        await home.commit(home.interfaces["br0"].add_port({"target": "blue", "ifname": "eth0"}))
    with pytest.raises(KeyError):
        await home.commit(home.interfaces["br0"].add_port("eth9"))
    assert home.interfaces["br0"].clean


async def test_ports_that_the_same_transaction_makes(home):
    port, bridge = home.interfaces.create(ifname="d0", kind="dummy"), home.interfaces.create(ifname="br1", kind="bridge").add_port("d0")
    await home.commit(port, bridge)
    assert [one[3] for one in home.last] == [
        {"ifname": "d0", "kind": "dummy", "master": Named("br1")}, {"ifname": "br1", "kind": "bridge"},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "gone"),
    [
        (("10.0.0.1/24",), {"10.0.0.1"}),
        (("10.0.0.1",), {"10.0.0.1"}),
        ({"family": 2}, {"10.0.0.1"}),
        ({"family": "inet6"}, {"fe80::1"}),
        ({"prefixlen": 64}, {"fe80::1"}),
        ({"prefixlen": lambda bits: bits > 8}, {"10.0.0.1", "fe80::1"}),
        ((lambda record: record.address.startswith("10."),), {"10.0.0.1"}),
        ((), {"10.0.0.1", "fe80::1"}),
    ],
)
async def test_addresses_are_removed_by_what_they_are(home, asked, gone):
    link = home.interfaces["eth0"]
    link.del_ip(**asked) if isinstance(asked, dict) else link.del_ip(*asked)
    await home.commit(link)
    assert {one[3]["local"] for one in home.last} == gone and {one[0] for one in home.last} == {"Delete"}


async def test_removing_what_is_not_there_loses_nothing(home):
    with pytest.raises(KeyError, match=r"no address `10\.7\.0\.1/24` on localhost/eth0"):
        await home.commit(home.interfaces["eth0"].set(mtu=1400).del_ip("10.7.0.1/24"))
    assert not home.engine.asked and home.addresses.count() == 2 and home.interfaces["eth0"].clean


async def test_alternative_names(home):
    link = home.interfaces["eth0"].add_altname("uplink")
    assert link["alt_ifname_list"] == ["wan", "uplink"]
    await home.commit(link.del_altname("wan"))
    assert home.last[0][3] == {"altnames": ["uplink"]}
    await home.commit(link.set(ifname="uplink"))
    assert home.last[0][3] == {"altnames": [], "ifname": "uplink"}
    with pytest.raises(KeyError):
        link.del_altname("nothing")


# ------------------------------------------------------------------------------------------------------------ going back


async def test_rollback_takes_the_last_commit_back(home):
    link = home.interfaces["eth0"].set(mtu=1400)
    await home.commit(link)
    await rollback(home.engine, link, None)
    assert link["mtu"] == 1500
    made = home.interfaces.create(ifname="d0", kind="dummy")
    await home.commit(made)
    await rollback(home.engine, made, None)
    assert made.state == "invalid" and not home.interfaces.exists("d0")


async def test_of_several_objects_each_comes_back_by_itself(home):
    link, route = home.interfaces["eth0"].set(mtu=1400), home.routes.create(dst="10.3.0.0/16", oif="eth0")
    await home.commit(link, route)
    await rollback(home.engine, route, None)
    assert not home.routes.exists("10.3.0.0/16") and link["mtu"] == 1400
    await rollback(home.engine, link, None)
    assert link["mtu"] == 1500


async def test_rollback_drops_what_waits(home):
    link = home.interfaces["eth0"].set(mtu=1400)
    await rollback(home.engine, link, None)
    assert link["mtu"] == 1500 and not home.engine.asked


async def test_a_snapshot_brings_dependents_back(home):
    port = {"ifindex": 4, "ifname": "p0", "state": "up", "master": 2}
    home.put("interfaces", port, {"ifindex": 5, "ifname": "eth0.7", "kind": "vlan", "link": 2})
    link = home.interfaces["eth0"]
    before = link.snapshot()
    assert before["mtu"] == 1500 and dict(before)["ifname"] == "eth0"
    home.delete("interfaces", {"ifindex": 2}, {"ifindex": 5})
    home.delete("addresses", *(row._as_dict() | {"ifindex": row.index} for row in home.addresses.dump()))
    home.put("interfaces", {"ifindex": 4, "ifname": "p0", "state": "up"})
    requests = before.requests(link)
    made = {(one.table.name, str(one.row.get("ifname") or one.row.get("local"))): one for one in requests}
    assert set(made) == {*(("interfaces", name) for name in ("eth0", "eth0.7", "p0")), ("addresses", "10.0.0.1"), ("addresses", "fe80::1")}
    assert made["addresses", "10.0.0.1"].row["ifindex"] == Named("eth0") and made["interfaces", "eth0.7"].row["link"] == Named("eth0")
    assert made["interfaces", "p0"].fields == {"master": Named("eth0")}


async def test_a_snapshot_sends_the_difference(home):
    link = home.interfaces["eth0"]
    before = link.snapshot()
    await home.commit(link.set(mtu=1400, txqlen=10), save=False)
    await rollback(home.engine, link, before)
    assert home.last == [("Change", "interfaces", "localhost", {"mtu": 1500, "txqlen": None})]
    absent = home.routes.create(dst="10.3.0.0/16", oif="eth0")
    nothing = absent.snapshot()
    await home.commit(absent)
    assert [type(one) for one in nothing.requests(absent)] == [Delete]


# ------------------------------------------------------------------------------------------------------------ transactions


class Check:
    def __init__(self, home, error=None):
        self.home, self.error, self.seen = home, error, None

    def run(self):
        self.seen = len(self.home.engine.asked)
        if self.error:
            raise self.error


async def test_objects_between_checks_are_one_transaction_each(home):
    first, second = Check(home), Check(home)
    queue = Queue().push(home.interfaces["eth0"].set(mtu=1400), home.routes.create(dst="10.4.0.0/16", oif="eth0"), first)
    queue.push(home.interfaces["br0"].set(state="up")).append(second)
    await carry_out(home.engine, queue.queue, How())
    assert [len(one) for one in home.engine.asked] == [2, 1] and (first.seen, second.seen) == (1, 2)


async def test_a_failed_check_takes_everything_back(home):
    route = home.routes.create(dst="10.4.0.0/16", oif="eth0")
    queue = Queue().push(home.interfaces["eth0"].set(mtu=1400), Check(home), route, Check(home, ValueError("no")))
    with pytest.raises(ValueError, match="no"):
        await carry_out(home.engine, queue.queue, How())
    assert home.interfaces["eth0"]["mtu"] == 1500 and not home.routes.exists("10.4.0.0/16")
    assert (route.state, route["dst"]) == ("invalid", "10.4.0.0")
    queue.pop()
    await carry_out(home.engine, queue.queue, How())
    assert home.routes.exists("10.4.0.0/16")


def test_a_queue_takes_what_can_be_committed(home):
    one, other = home.interfaces["eth0"], home.interfaces["br0"]
    queue = Queue().push(one)
    assert queue.insert(0, other).queue == [other, one] and queue.pop(0).queue == [one] and queue.cancel().queue == []
    with pytest.raises(InvalidValue, match="expected objects and checks"):
        queue.push("eth0")


# ------------------------------------------------------------------------------------------------------------ at once


async def test_who_comes_to_an_object_on_its_way_waits_for_it(home):
    link = home.interfaces["eth0"].set(mtu=1400)
    home.engine.pause = asyncio.Event()
    first = asyncio.create_task(home.commit(link))
    await asyncio.sleep(0)
    assert not link.clean
    link["txqlen"] = 7
    second = asyncio.create_task(home.commit(link))
    await asyncio.sleep(0.01)
    assert len(home.engine.asked) == 1
    home.engine.pause.set()
    await asyncio.gather(first, second)
    assert [list(asked[0].fields) for asked in home.engine.asked] == [["mtu"], ["txqlen"]] and link.clean


async def test_who_lost_his_change_to_a_refused_commit_hears_of_it(home):
    link = home.interfaces["eth0"].set(mtu=10**6)
    home.engine.pause, home.engine.refuse = asyncio.Event(), Conflict("changed meanwhile")
    tasks = [asyncio.create_task(home.commit(link)) for _ in range(2)]
    await asyncio.sleep(0.01)
    home.engine.pause.set()
    assert [type(one) for one in await asyncio.gather(*tasks, return_exceptions=True)] == [Conflict, Conflict]


async def test_threads_may_change_one_object(home):
    link = home.interfaces["eth0"]
    names = ["mtu", "txqlen", "ifalias", "gso_max_size"]

    def change(name):
        for value in range(100):
            link[name] = str(value) if name == "ifalias" else value

    threads = [threading.Thread(target=change, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    await home.commit(link)
    assert home.last[0][3] == {"mtu": 99, "txqlen": 99, "ifalias": "99", "gso_max_size": 99}


async def test_a_cancelled_commit_leaves_the_object_usable(home):
    link = home.interfaces["eth0"].set(mtu=1400)
    home.engine.pause = asyncio.Event()
    task = asyncio.create_task(home.commit(link))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert link.clean and link["mtu"] == 1500


async def test_what_is_set_while_the_same_field_is_on_its_way_is_compared_with_what_that_made(home):
    link = home.interfaces["eth0"].set(mtu=1400)
    home.engine.pause = asyncio.Event()
    task = asyncio.create_task(home.commit(link))
    await asyncio.sleep(0.01)
    link.set(mtu=1300, txqlen=5)
    home.engine.pause.set()
    await task
    assert link["mtu"] == 1300 and link.changed == {"mtu", "txqlen"}
    await home.commit(link)
    [asked] = home.engine.asked[-1]
    assert asked.row["mtu"] == 1400 and asked.fields == {"mtu": 1300, "txqlen": 5}


async def test_what_is_set_while_it_is_being_made_waits(home):
    link = home.interfaces.create(ifname="br9", kind="bridge", mtu=1400)
    home.engine.pause = asyncio.Event()
    task = asyncio.create_task(home.commit(link))
    await asyncio.sleep(0.01)
    link.set(mtu=1300)
    home.engine.pause.set()
    await task
    assert link.changed == {"mtu"} and link["mtu"] == 1300
    await home.commit(link)
    [asked] = home.engine.asked[-1]
    assert asked.fields == {"mtu": 1300} and link.clean


def test_not_found_is_a_key_error_and_denied_a_permission_error(home):
    assert issubclass(NotFound, KeyError) and issubclass(AlreadyExists, KeyError) and ADDRESSES.name == "addresses"
