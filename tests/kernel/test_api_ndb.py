"""Scripts written for pyroute2's NDB: each runs there and here, but for the import, and says the same."""

import json
import subprocess
import sys

import pytest

SCENE = """
ip link add v0 type veth peer name v1
ip link add br0 type bridge stp_state 1
ip link set v1 master br0
ip addr add 10.0.0.1/24 dev v0
ip addr add 10.0.1.1 peer 10.0.1.2/32 dev v0
ip addr add 2001:db8::1/64 dev v0 nodad
ip link set v0 up alias uplink
ip link set v1 up
ip link set br0 up addrgenmode none
ip link property add dev v0 altname longname0
ip route add 10.1.0.0/24 via 10.0.0.2
ip route add default via 10.0.0.254 metric 50
ip route add 10.2.0.0/24 via 10.0.0.3 table 100
ip route add 10.3.0.0/24 nexthop via 10.0.0.4 weight 2 nexthop via 10.0.0.5
ip route add 10.4.0.0/24 via 10.0.0.2 mtu 1400
ip route add blackhole 10.5.0.0/16
ip -6 route add 2001:db8:1::/48 via 2001:db8::2
ip neigh add 10.0.0.77 lladdr 02:00:00:00:00:77 dev v0
ip rule add from 10.9.0.0/16 table 100 priority 500
"""

SCRIPTS = {
    "fields of an interface": """
        with NDB() as ndb:
            link = ndb.interfaces["v0"]
            names = ("target index ifname mtu state kind address broadcast flags link master operstate qdisc txqlen ifalias group ifi_type "
                     "num_tx_queues carrier alt_ifname_list").split()
            result = [link[name] for name in names]
    """,
    "an interface by index and by spec": """
        ndb = NDB()
        index = ndb.interfaces["v1"]["index"]
        result = [ndb.interfaces[index]["ifname"], ndb.interfaces[{"index": index}]["ifname"],
                  ndb.interfaces[{"target": "localhost", "ifname": "v1"}]["index"] == index,
                  ndb.interfaces["v1"]["master"] == ndb.interfaces["br0"]["index"]]
        ndb.close()
    """,
    "attributes of a kind": """
        with NDB() as ndb:
            bridge = ndb.interfaces["br0"]
            result = [bridge[name] for name in "br_stp_state br_forward_delay br_hello_time br_max_age br_ageing_time br_priority".split()]
    """,
    "state and key": """
        with NDB() as ndb:
            link = ndb.interfaces["v0"]
            result = [link.state == "system", link.state.get(), link.key["index"] == link["index"], link.key["target"], link.table,
                      link.exists("v0"), link.exists("eth9"), link.get("nothing", 7)]
    """,
    "routes in every spelling": """
        with NDB() as ndb:
            keys = ["10.1.0.0/24", {"dst": "10.1.0.0/24"}, {"dst": "10.1.0.0", "dst_len": 24}, {"dst": "10.1.0.0/24", "table": 254},
                    "2001:db8:1::/48", "2001:0db8:0001::/48", "10.2.0.0/24", {"dst": "10.2.0.0/24", "table": 100}, "10.4.0.0/24"]
            names = "dst dst_len gateway table family scope type proto priority tos".split()
            result = [[ndb.routes[key][name] for name in names] for key in keys]
    """,
    "the default route": """
        with NDB() as ndb:
            result = [ndb.routes["default"][name] for name in "gateway priority dst_len oif table".split()]
    """,
    "metrics and hops of a route": """
        with NDB() as ndb:
            hops = ndb.routes["10.3.0.0/24"]["multipath"]
            result = [ndb.routes["10.4.0.0/24"]["metrics"]["mtu"], sorted(hop["gateway"] for hop in hops),
                      len(ndb.routes["10.1.0.0/24"]["multipath"])]
    """,
    "what is not there": """
        with NDB() as ndb:
            result = []
            for view, key in ((ndb.routes, "10.99.0.0/24"), (ndb.interfaces, "eth9"), (ndb.addresses, "10.99.0.1/24")):
                try:
                    view[key]
                except KeyError:
                    result.append("KeyError")
                result.append([view.get(key), view.exists(key)])
    """,
    "what is there": """
        with NDB() as ndb:
            result = [ndb.interfaces.exists("v0"), ndb.addresses.exists("10.0.0.1/24"), ndb.routes.exists("10.1.0.0/24"),
                      ndb.routes.exists({"dst": "10.1.0.0/24", "table": 100}), "v0" in ndb.interfaces]
    """,
    "an address": """
        with NDB() as ndb:
            names = "address prefixlen local family scope label index".split()
            result = [[ndb.addresses[key][name] for name in names] for key in ("10.0.0.1/24", "10.0.1.2/32", "10.0.0.1")]
    """,
    "a summary of addresses": """
        with NDB() as ndb:
            report = ndb.addresses.summary().select_records(address=lambda address: not address.startswith("fe80"))
            result = sorted((r.target, r.ifname, r.address, r.prefixlen) for r in report)
    """,
    "a summary of interfaces": """
        with NDB() as ndb:
            result = sorted((r.target, r.index, r.ifname, r.address, r.flags, r.kind) for r in ndb.interfaces.summary())
    """,
    "a summary of routes": """
        with NDB() as ndb:
            report = ndb.routes.summary().select_records(lambda r: r.gateway is not None and r.dst not in ("", "default", "10.3.0.0"))
            result = sorted((r.target, r.table, r.ifname, r.dst, r.dst_len, r.gateway) for r in report)
    """,
    "a summary of neighbours": """
        with NDB() as ndb:
            report = ndb.neighbours.summary().select_records(dst="10.0.0.77")
            result = [(r.target, r.ifname, r.lladdr, r.dst) for r in report]
    """,
    "a neighbour": """
        with NDB() as ndb:
            neighbour = ndb.neighbours[{"dst": "10.0.0.77"}]
            result = [neighbour[name] for name in "dst lladdr state family ifindex".split()]
    """,
    "rules": """
        with NDB() as ndb:
            result = [[ndb.rules[{"priority": 500}][name] for name in "priority src src_len table action family".split()],
                      sorted((r.family, r.priority, r.action, r.table) for r in ndb.rules.summary())]
    """,
    "selecting fields as csv": """
        with NDB() as ndb:
            report = ndb.interfaces.dump()
            report.select_fields("index", "ifname", "address", "state")
            report.transform_fields(address=lambda r: "%s%s.%s%s.%s%s" % tuple(r.address.split(":")))
            lines = list(report.format("csv"))
            result = [lines[0], sorted(lines[1:])]
    """,
    "selecting records as json": """
        import json
        with NDB() as ndb:
            report = ndb.addresses.summary()
            report.select_records(ifname="v0", prefixlen=lambda x: x > 24)
            report.select_fields("ifname", "address")
            told = json.loads("\\n".join(report.format("json")))
            result = sorted((r["ifname"], r["address"]) for r in told if not r["address"].startswith("fe80"))
    """,
    "records": """
        with NDB() as ndb:
            record = [r for r in ndb.interfaces.dump() if r.ifname == "v0"][0]
            names = [r.ifname for r in ndb.interfaces.dump()]
            result = [record["ifname"], record.mtu, record._as_dict()["kind"], "ifname" in record._names,
                      ndb.interfaces[record]["ifname"], names[0:2] == [r.ifname for r in ndb.interfaces.dump()[0:2]]]
    """,
    "counting": """
        with NDB() as ndb:
            result = [ndb.addresses.count(), len(ndb.addresses), ndb.interfaces.dump().count(), ndb.rules.count(),
                      ndb.addresses.dump().count(), len(list(ndb.interfaces.keys())), len(list(ndb.interfaces.items()))]
    """,
    "views of an interface": """
        with NDB() as ndb:
            v0, br0 = ndb.interfaces["v0"], ndb.interfaces["br0"]
            result = [v0.ipaddr.count(), sorted(r.address for r in v0.ipaddr.dump() if r.family == 2),
                      [r.ifname for r in br0.ports.summary()], v0.ipaddr["10.0.0.1/24"]["prefixlen"],
                      sorted(r.dst for r in v0.routes.dump() if r.table == 100),
                      [r.dst for r in v0.neighbours.dump() if r.state == 128],
                      v0.ipaddr.exists("10.0.0.1/24"), br0.ipaddr.exists("10.0.0.1/24")]
    """,
    "locating": """
        with NDB() as ndb:
            result = [ndb.interfaces.locate(ifname="v0")["ifname"], ndb.interfaces.locate({"ifname": "v0", "mtu": 3})["mtu"]]
    """,
    "waiting": """
        with NDB() as ndb:
            result = [ndb.interfaces.wait(ifname="v0", timeout=2)["ifname"]]
            try:
                ndb.interfaces.wait(ifname="nope", timeout=0.2)
            except TimeoutError:
                result.append("TimeoutError")
    """,
    "showing an object": """
        import json
        with NDB() as ndb:
            shown = json.loads(ndb.interfaces["v0"].show("json"))
            result = [shown[name] for name in ("target", "ifname", "index", "mtu", "state", "kind", "link", "master")]
    """,
    "sources": """
        with NDB(sources=[{"target": "localhost", "kind": "local"}]) as ndb:
            result = [list(ndb.sources), ndb.sources["localhost"].state == "running", ndb.localhost]
    """,
    "a namespace as a source": """
        with NDB() as ndb:
            ndb.sources.add(netns=OTHER)
            lo = ndb.interfaces[{"target": OTHER, "ifname": "lo"}]
            result = [lo["state"], lo["target"] == OTHER, ndb.addresses.dump().select_records(target=OTHER).count(),
                      ndb.interfaces["lo"]["target"]]
            ndb.sources.remove(OTHER)
            result += [list(ndb.sources), ndb.interfaces.dump().select_records(target=OTHER).count()]
    """,
    "a source makes its namespace": """
        import os, subprocess
        with NDB(db_cleanup=False) as ndb:
            ndb.sources.add(netns=OTHER + "-new")
            result = [os.path.exists(f"/run/netns/{OTHER}-new"), ndb.interfaces[{"target": OTHER + "-new", "ifname": "lo"}]["index"]]
            ndb.sources.remove(OTHER + "-new")
        subprocess.run(["ip", "netns", "delete", OTHER + "-new"], check=True)
    """,
    "a source that is given first makes its namespace": """
        import subprocess
        with NDB(sources=[{"target": "localhost", "kind": "netns", "netns": OTHER + "-new"}]) as ndb:
            result = [[r.ifname for r in ndb.interfaces.dump()], ndb.interfaces["lo"]["state"]]
        subprocess.run(["ip", "netns", "delete", OTHER + "-new"], check=True)
    """,
    "another localhost": """
        with NDB() as ndb:
            ndb.sources.add(netns=OTHER)
            ndb.localhost = OTHER
            result = [ndb.interfaces["lo"]["target"] == OTHER, "v0" in [r.ifname for r in ndb.interfaces.dump()]]
            try:
                ndb.interfaces["v0"]
            except KeyError:
                result.append("KeyError")
    """,
    "groups": """
        with NDB(sources=[{"target": "localhost", "kind": "local", "groups": 0x11}]) as ndb:  # RTMGRP_LINK | RTMGRP_IPV4_IFADDR
            result = [ndb.addresses["10.0.0.1/24"]["prefixlen"], "v0" in ndb.interfaces, ndb.routes.count(), ndb.neighbours.count()]
    """,
    "a view by a short name": """
        with NDB() as ndb:
            with ndb.interfaces as links:
                result = [links["v0"]["ifname"], "v0" in links]
    """,
    "restart for a reason": """
        with NDB() as ndb:
            ndb.sources["localhost"].restart(reason="test")
            result = [ndb.interfaces["v0"]["ifname"], ndb.sources["localhost"].state == "running"]
    """,
    "a link by its address": """
        with NDB() as ndb:
            result = [ndb.interfaces["v0"]["address"] in ndb.interfaces, "02:00:00:00:99:99" in ndb.interfaces]
    """,
}

RUNNER = """
import json, sys, textwrap
from {library} import NDB
said = {{}}
for name, script in json.load(sys.stdin).items():
    scope = {{"NDB": NDB, "OTHER": sys.argv[1]}}
    try:
        exec(textwrap.dedent(script), scope)
        said[name] = scope["result"]
    except Exception as error:
        said[name] = f"{{type(error).__name__}}: {{error}}"
print(json.dumps(said, default=str))
"""

NDBS_OWN = {
    "tflags",  # marks of its own garbage collection
    "family", "change", "net_ns_pid", "ext_mask", "event", "new_netnsid", "if_netnsid", "new_ifindex",  # of messages, not of interfaces
    "alt_ifname",  # one of a list, which `altnames` holds
    "xdp_attached", "xdp_flags", "xdp_prog_id", "xdp_drv_prog_id", "xdp_skb_prog_id", "xdp_hw_prog_id",  # inside `xdp`
    "target_netnsid", "protoinfo", "mark", "res1", "res2", "ndm_state_mask", "ndm_flags_mask",  # never told by the kernel
    "probes", "vlan", "port", "vni", "master", "link_netnsid", "src_vni", "nh_id",  # of neighbours: those of fdb
}  # fmt: skip
"""Fields of NDB's records that have no place here, besides those of hops (nh_…), which are in `multipath`."""


@pytest.fixture(scope="module")
def answers(request):
    """What all scripts say: pyroute2's NDB first, then ours, in one and the same namespace."""
    pytest.importorskip("pyroute2")
    from holdfast.testing.netns import Namespace, unavailable

    if unavailable():
        pytest.skip(unavailable())
    with Namespace("hfa-api") as here, Namespace("hfa-other") as other:
        here.run(["sh", "-ec", SCENE])
        yield {library: run(here, library, SCRIPTS, other.name) for library in ("pyroute2", "holdfast")}, here


def run(namespace, library, scripts, other):
    process = namespace.start([sys.executable, "-W", "ignore", "-c", RUNNER.format(library=library), other], stdin=subprocess.PIPE)
    out, errors = process.communicate(json.dumps(scripts), timeout=50)
    assert process.returncode == 0, errors
    return json.loads(out)


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_says_the_same(answers, name):
    said = answers[0]
    assert said["holdfast"][name] == said["pyroute2"][name]


@pytest.mark.parametrize("view", ["interfaces", "addresses", "routes", "neighbours", "rules"])
def test_records_have_the_fields_that_scripts_know(answers, view):
    names = f"{{name for r in ndb.{view}.dump() for name in r._names if not name.startswith('nh_')}}"
    script = {"names": f"with NDB() as ndb: result = sorted({names})"}
    theirs, ours = (set(run(answers[1], library, script, "")["names"]) for library in ("pyroute2", "holdfast"))
    with_aliases = ours | {alias for alias in theirs if has_alias(view, alias)}
    assert theirs - with_aliases - NDBS_OWN == set()


def has_alias(view, name):
    from holdfast.model import TABLES

    return any(name in (field.name, *field.aliases) for field in TABLES[view])
