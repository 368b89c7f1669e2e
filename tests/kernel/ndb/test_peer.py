"""Scripts that change the network, written for pyroute2's NDB: each runs there and here, but for the import, and does the same.

What they leave behind is read through `ip`, in a namespace of each library's own.
"""

import contextlib
import json
import subprocess
import sys

import pytest

from holdfast.testing.netns import Namespace, unavailable

SCENE = """
ip link add v0 address 02:00:00:00:00:a0 type veth peer name v1 address 02:00:00:00:00:a1
ip link set v0 up
ip link set v1 up
ip addr add 10.0.0.1/24 dev v0
"""

SCRIPTS = {
    "an interface is created and changed": """
        link = ndb.interfaces.create(ifname="br0", kind="bridge")
        states = [link.state.get()]
        link.set("br_stp_state", 1)
        link["state"] = "up"
        link.commit()
        states.append(link.state.get())
        link.set(mtu=1400).set("txqlen", 77).commit()
        result = [states, link["mtu"], link["br_stp_state"], link["ifname"], ndb.interfaces["br0"]["state"]]
    """,
    "a context manager commits": """
        with ndb.interfaces.create(ifname="br0", kind="bridge") as link:
            link["state"] = "up"
            link["mtu"] = 1300
        with ndb.interfaces["br0"] as link:
            link.set("mtu", 1200)
        result = [ndb.interfaces["br0"]["mtu"], ndb.interfaces["br0"]["state"]]
    """,
    "addresses of an interface": """
        link = ndb.interfaces["v0"]
        link.add_ip("10.1.0.1/24").add_ip(address="10.1.0.2", prefixlen=24).commit()
        link.ipaddr.create(address="10.1.0.3", prefixlen=24).commit()
        link.del_ip("10.1.0.2/24").commit()
        result = sorted(r.address for r in link.ipaddr.dump() if r.family == 2)
    """,
    "addresses are removed by family": """
        ndb.interfaces["v0"].add_ip("10.1.0.1/24").commit()
        ndb.interfaces["v0"].del_ip(family=2).commit()
        result = [r.address for r in ndb.interfaces["v0"].ipaddr.dump() if r.family == 2]
    """,
    "what is not there cannot be removed": """
        try:
            ndb.interfaces["v0"].del_ip("10.99.0.1/24").commit()
            result = "nothing"
        except KeyError:
            result = "KeyError"
    """,
    "ports of a bridge": """
        (ndb.interfaces.create(ifname="br0", kind="bridge").add_port("v0").add_port("v1").set(state="up").commit())
        index = ndb.interfaces["br0"]["index"]
        result = [ndb.interfaces["v0"]["master"] == index, ndb.interfaces["v1"]["master"] == index]
        ndb.interfaces["br0"].del_port("v0").commit()
        result += [ndb.interfaces["v0"]["master"] in (None, 0), ndb.interfaces["br0"].ports.count()]
    """,
    "a chain of creations": """
        link = ndb.interfaces["v0"].set(mtu=1400)
        link.ipaddr.create(address="10.1.0.1", prefixlen=24).create(address="10.1.0.2", prefixlen=24).commit()
        result = [ndb.interfaces["v0"]["mtu"], sorted(r.address for r in ndb.interfaces["v0"].ipaddr.dump() if r.family == 2)]
    """,
    "a route is created, changed and removed": """
        route = ndb.routes.create(dst="10.5.0.0/24", gateway="10.0.0.2")
        result = [route.state.get(), route["dst"], route["dst_len"], route["gateway"]]
        route.commit()
        result += [route.state.get(), route["oif"] == ndb.interfaces["v0"]["index"], route["table"], route["proto"]]
        route.set("gateway", "10.0.0.3").commit()
        result.append(ndb.routes["10.5.0.0/24"]["gateway"])
        route.remove()
        result.append(route.state.get())
        route.commit()
        result += [route.state.get(), ndb.routes.exists("10.5.0.0/24")]
    """,
    "routes of many kinds": """
        ndb.routes.create(dst="10.5.0.0/24", oif=ndb.interfaces["v0"]["index"], table=100).commit()
        ndb.routes.create(dst="10.6.0.0", dst_len=24, gateway="10.0.0.2", priority=200).commit()
        ndb.routes.create(dst="10.7.0.0/24", multipath=[{"gateway": "10.0.0.2"}, {"gateway": "10.0.0.3"}]).commit()
        ndb.routes.create(dst="10.8.0.0/24", gateway="10.0.0.2", metrics={"mtu": 1300}).commit()
        ndb.routes.create(dst="default", gateway="10.0.0.9").commit()
        result = [ndb.routes["10.8.0.0/24"]["metrics"]["mtu"], len(ndb.routes["10.7.0.0/24"]["multipath"])]
        result.append(ndb.routes["10.5.0.0/24"]["table"])
    """,
    "a refused route": """
        route = ndb.routes.create(dst="10.5.0.0/24", gateway="10.77.0.1")
        try:
            route.commit()
        except NetlinkError as error:
            result = [error.code, route.state.get(), route["dst"], route["gateway"]]
    """,
    "what exists cannot be created": """
        try:
            ndb.interfaces.create(ifname="v0", kind="bridge")
            result = "created"
        except KeyError:
            result = "KeyError"
    """,
    "ensure": """
        ndb.interfaces.ensure(ifname="br0", kind="bridge", state="up").commit()
        ndb.interfaces.ensure(ifname="br0", kind="bridge", state="down").commit()
        result = ndb.interfaces["br0"]["state"]
    """,
    "a rename": """
        ndb.interfaces["v1"].set(state="down").commit()
        ndb.interfaces["v1"].set(ifname="lan0").commit()
        result = [ndb.interfaces["lan0"]["ifname"], ndb.interfaces.exists("v1")]
    """,
    "a veth pair": """
        ndb.interfaces.create(ifname="a0", kind="veth", peer="a1").commit()
        a0, a1 = ndb.interfaces["a0"], ndb.interfaces["a1"]
        result = [a0["link"] == a1["index"], a1["link"] == a0["index"]]
    """,
    "a rule": """
        rule = ndb.rules.create(src="10.9.0.0", src_len=16, table=100, priority=500)
        rule.commit()
        result = [rule.state.get(), ndb.rules[{"priority": 500}]["table"]]
    """,
    "a neighbour": """
        index = ndb.interfaces["v0"]["index"]
        ndb.neighbours.create(ifindex=index, dst="10.0.0.77", lladdr="02:00:00:00:00:77").commit()
        result = [ndb.neighbours[{"dst": "10.0.0.77"}]["state"], ndb.neighbours[{"dst": "10.0.0.77"}]["lladdr"]]
    """,
    "a transaction": """
        with ndb.begin() as ctx:
            ctx.push(ndb.interfaces["v0"].set(mtu=1400), ndb.routes.create(dst="10.5.0.0/24", gateway="10.0.0.2"))
        result = [ndb.interfaces["v0"]["mtu"], ndb.routes["10.5.0.0/24"]["gateway"]]
    """,
    "a transaction that fails": """
        ctx = ndb.begin()
        ctx.push(ndb.interfaces["v0"].set(mtu=1400), ndb.routes.create(dst="10.5.0.0/24", gateway="10.77.0.1"))
        try:
            ctx.commit()
        except NetlinkError as error:
            result = [error.code, ndb.interfaces["v0"]["mtu"]]
    """,
    "a check that fails": """
        ctx = ndb.begin()
        ctx.push(ndb.interfaces["v0"].set(mtu=1400), CheckProcess("false"))
        try:
            ctx.commit()
        except CheckProcessException:
            result = ndb.interfaces["v0"]["mtu"]
    """,
    "removal and rollback": """
        link = ndb.interfaces.create(ifname="br0", kind="bridge").set(state="up").add_ip("10.3.0.1/24").commit()
        link.remove().commit()
        gone = ndb.interfaces.exists("br0")
        link.rollback()
        result = [gone, ndb.interfaces["br0"]["state"], [r.address for r in ndb.interfaces["br0"].ipaddr.dump() if r.family == 2]]
    """,
    "alternative names": """
        ndb.interfaces["v0"].add_altname("uplink").commit()
        result = list(ndb.interfaces["v0"]["alt_ifname_list"])
    """,
}

RUNNER = """
import ctypes, json, os, sys, textwrap
{imports}
libc = ctypes.CDLL(None, use_errno=True)
said = {{}}
for name, (script, namespace) in json.load(sys.stdin).items():
    {enter}
    with NDB({sources}) as ndb:
        scope = dict(globals())
        try:
            exec(textwrap.dedent(script), scope)
            said[name] = scope["result"]
        except Exception as error:
            said[name] = f"{{type(error).__name__}}: {{error}}"
print(json.dumps(said, default=str))
"""
"""Scripts one after another, each in a namespace of its own: the library that is not ours is moved there."""

WAYS = {
    "pyroute2": {
        "imports": "from pyroute2 import NDB, NetlinkError\nfrom pyroute2.ndb.transaction import CheckProcess, CheckProcessException",
        "enter": "fd = os.open(f'/run/netns/{namespace}', os.O_RDONLY); assert not libc.setns(fd, 0x40000000); os.close(fd)",
        "sources": "",
    },
    "holdfast": {
        "imports": "from holdfast import NDB, CheckProcess, CheckProcessException, NetlinkError",
        "enter": "pass",
        "sources": "sources=[{'target': 'localhost', 'kind': 'netns', 'netns': namespace}]",
    },
}


def left(namespace):
    """What a script left behind, without numbers that the kernel chose. NDB makes on-link routes global, where `ip` says link."""
    names = ("ifname", "mtu", "master", "operstate", "txqlen", "linkinfo", "altnames")
    links = [{name: one.get(name) for name in names} for one in namespace.ip_json("link show")]
    for link in links:
        link["linkinfo"] = (link["linkinfo"] or {}).get("info_kind")
        link["operstate"] = link["operstate"] in ("UP", "UNKNOWN", "LOWERLAYERDOWN", "DOWN")
    addresses = [
        (one["ifname"], info["local"]) for one in namespace.ip_json("addr show") for info in one["addr_info"] if info["family"] == "inet"
    ]
    routes = [
        {name: value for name, value in one.items() if name not in ("nexthops", "flags", "scope")} | {"hops": len(one.get("nexthops", ()))}
        for one in namespace.ip_json("route show table all")
        if one.get("table") != "local"
    ]
    found = {"links": links, "addresses": addresses, "routes": routes, "rules": namespace.ip_json("rule show")}
    return {name: sorted(rows, key=str) for name, rows in found.items()}


def run(library):
    """What each script says and leaves."""
    with contextlib.ExitStack() as stack:
        namespaces = {name: stack.enter_context(Namespace("hfa-peer")) for name in SCRIPTS}
        for namespace in namespaces.values():
            namespace.run(["sh", "-ec", SCENE])
        given = {name: (SCRIPTS[name], namespaces[name].name) for name in SCRIPTS}
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", RUNNER.format(**WAYS[library])],
            input=json.dumps(given), capture_output=True, text=True, timeout=110, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        said = json.loads(done.stdout)
        return {name: (said[name], left(namespace)) for name, namespace in namespaces.items()}


@pytest.fixture(scope="module")
def answers():
    pytest.importorskip("pyroute2")
    if unavailable():
        pytest.skip(unavailable())
    return run("pyroute2"), run("holdfast")


@pytest.mark.long
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_does_the_same(answers, name):
    theirs, ours = answers
    assert ours[name][0] == theirs[name][0]
    assert ours[name][1] == theirs[name][1]
