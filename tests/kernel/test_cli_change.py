"""Do the commands that change the network do what they say, with and without a node, and can it be undone?"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from holdfast.testing.netns import Namespace

PROGRAM = Path(__file__).resolve().parents[2] / ".venv/bin/holdfast"


class Shell:
    """The program in a namespace, with a home of its own."""

    def __init__(self, netns: Namespace, home: Path) -> None:
        self.netns = netns
        self.home = home

    def run(self, line: str, *, given: str | None = None, code: int = 0) -> str:
        """What it printed; of a failure what it said."""
        done = self._process(line.split(), given)
        assert done.returncode == code, (line, done.stdout, done.stderr)
        return done.stdout if not code else done.stderr

    def say(self, *words: str) -> str:
        """The same for words with spaces."""
        done = self._process(list(words), None)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _process(self, words: list[str], given: str | None) -> subprocess.CompletedProcess[str]:
        command = ["nsenter", f"--net={self.netns.path}", PROGRAM, *words]
        environment = {**os.environ, "HOLDFAST_HOME": str(self.home)}
        return subprocess.run(command, capture_output=True, text=True, input=given, env=environment, timeout=40, check=False)

    def json(self, line: str) -> Any:
        return json.loads(self.run(f"{line} --json"))

    def undo_of(self, told: str) -> int:
        """The revision that an answer names for `holdfast undo`."""
        return int(told.rpartition("holdfast undo ")[2])


@pytest.fixture
def alone(netns: Namespace, tmp_path: Path) -> Shell:
    """No node runs: each command is one for a moment."""
    netns.ip("link add v0 type veth peer name v1")
    for command in ("link set v0 up", "link set v1 up", "addr add 192.0.2.1/24 dev v0"):
        netns.ip(command)
    return Shell(netns, tmp_path)


@pytest.fixture
def shell(alone: Shell) -> Iterator[Shell]:
    """A node runs, and does what the commands say."""
    with _node(alone):
        yield alone


@contextlib.contextmanager
def _node(shell: Shell) -> Iterator[None]:
    command = ["nsenter", f"--net={shell.netns.path}", PROGRAM, "run", "--log", "text"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, env={**os.environ, "HOLDFAST_HOME": str(shell.home)}) as process:
        deadline = time.monotonic() + 20
        while not (shell.home / "holdfast.sock").exists():
            assert time.monotonic() < deadline, "the node does not listen"
            time.sleep(0.05)
        yield
        process.terminate()


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A node for many tests, of which each begins anew."""
    with Namespace("cli") as netns:
        netns.veth("v0", "v1")
        shell = Shell(netns, tmp_path_factory.mktemp("home"))
        with _node(shell):
            yield shell


def destinations(netns: Namespace, table: str = "main") -> list[str]:
    return [route["dst"] for route in netns.ip_json(f"route show table {table}") if route.get("protocol") != "kernel"]


def test_a_change_and_its_undo_without_a_node(alone: Shell) -> None:
    shell = alone
    told = shell.run("add route 10.0.0.0/8 via 192.0.2.254 table 100")
    assert "added route 10.0.0.0/8 via 192.0.2.254 table 100" in told
    assert destinations(shell.netns, "100") == ["10.0.0.0/8"]
    told = shell.run(f"undo {shell.undo_of(told)}")
    assert "deleted route 10.0.0.0/8" in told
    assert destinations(shell.netns, "100") == []
    shell.run(f"undo {shell.undo_of(told)}")
    assert destinations(shell.netns, "100") == ["10.0.0.0/8"], "an undo can be undone"


def test_an_interface_comes_back_with_what_was_on_it(shell: Shell) -> None:
    netns = shell.netns
    shell.run("add interface br0 type bridge stp_state 1 up")
    shell.run("set interface v1 master br0 mtu 1400")
    shell.run("add address 198.51.100.1/24 dev br0")
    shell.run("add route 10.0.0.0/8 via 198.51.100.2")
    [bridge] = netns.ip_json("-d link show br0")
    assert bridge["linkinfo"]["info_data"]["stp_state"] == 1
    told = shell.run("del interface br0")
    assert not destinations(netns)
    shell.run(f"undo {shell.undo_of(told)}")
    [again] = netns.ip_json("-d link show br0")
    assert (again["address"], again["linkinfo"]["info_data"]["stp_state"]) == (bridge["address"], 1)
    assert netns.ip_json("link show v1")[0]["master"] == "br0"
    assert destinations(netns) == ["10.0.0.0/8"]
    assert [one["local"] for one in netns.ip_json("addr show br0")[0]["addr_info"] if one["family"] == "inet"] == ["198.51.100.1"]


def test_the_log_has_who_and_why(shell: Shell) -> None:
    told = shell.say("add", "route", "10.0.0.0/8", "via", "192.0.2.254", "-m", "to the lab")
    assert [one["gateway"] for one in shell.json("show routes 10.0.0.0/8")] == ["192.0.2.254"]
    line = _log_line(shell, shell.undo_of(told))
    assert line["message"] == "to the lab"
    assert line["author"]
    shell.run("set interface v1 name w1 altname uplink")
    assert shell.netns.ip_json("link show uplink")[0]["ifname"] == "w1"
    told = shell.run("set interface w1 altname lan altname wan noaltname uplink")
    assert "changed interface w1 altname lan altname wan noaltname uplink" in told
    assert sorted(shell.netns.ip_json("link show w1")[0]["altnames"]) == ["lan", "wan"]
    told = shell.run("set interface w1 altname home gso_max_size 32768 --dry-run")
    assert "altname home" in told and "gso_max_size 32768" in told and "ip link property add dev w1 altname home" in told
    assert sorted(shell.netns.ip_json("link show w1")[0]["altnames"]) == ["lan", "wan"]
    assert "no alternative name `uplink`" in shell.run("set interface w1 noaltname uplink", code=1)
    shell.run("del route 10.0.0.0/8")
    assert destinations(shell.netns) == []


def test_a_tap_is_made_as_ip_tuntap_makes_it(shell: Shell) -> None:
    said = "add interface tap0 type tun mode tap vnet_hdr 1 up"
    told = shell.run(f"{said} --dry-run").splitlines()
    assert [line.strip() for line in told[1:]] == ["ip tuntap add dev tap0 mode tap vnet_hdr", "ip link set tap0 up"]
    shell.run(said)
    [made] = shell.netns.ip_json("-d link show tap0")
    assert made["linkinfo"]["info_data"]["type"] == "tap" and made["linkinfo"]["info_data"]["vnet_hdr"] and "UP" in made["flags"]
    shell.run("del interface tap0")
    for line in told[1:]:  # what it says that ip would be told is so
        shell.netns.ip(line.strip().removeprefix("ip "))
    assert shell.netns.ip_json("-d link show tap0")[0]["linkinfo"] == made["linkinfo"]


def _log_line(node: Shell, revision: int) -> dict[str, Any]:
    query = f"SELECT author, message FROM log WHERE revision = {revision} AND kind = 'intent'"
    found: list[dict[str, Any]] = json.loads(node.say("sql", query, "--json"))
    return found[0]


def test_a_batch_is_all_or_nothing(shell: Shell) -> None:
    good = """
        add interface b1 type bridge        # made before what stands on it
        add address 10.9.0.1/24 dev b1
        set interface b1 up
        add route 10.10.0.0/16 via 10.9.0.2
        add rule from 10.9.0.0/24 lookup 100 pref 77
    """
    told = shell.run("batch -", given=good)
    assert told.count("added") == 4
    assert destinations(shell.netns) == ["10.10.0.0/16"]
    before = _everything(shell.netns)
    bad = "add interface b2 type bridge\n\nadd route 10.11.0.0/16 via 203.0.113.1\nadd rule pref 78 lookup 5\n"
    said = shell.run("batch -", given=bad, code=1)
    route = "route 10.11.0.0/16 via 203.0.113.1"
    why = "ENETUNREACH (Nexthop has invalid gateway); 1 earlier change undone"
    assert said.splitlines()[0] == f"holdfast: kernel refused {route}: {why} – at line 3"
    assert _everything(shell.netns) == before


def test_a_line_of_a_batch_may_be_about_what_an_earlier_one_adds(shell: Shell) -> None:
    shell.run("batch -", given="""
        add route 10.10.0.0/16 via 192.0.2.2 metric 5
        add route 10.10.0.0/16 via 192.0.2.2 metric 6
        add neighbour 192.0.2.9 lladdr 02:00:00:00:00:01 dev v0
        set route 10.10.0.0/16 metric 6 via 192.0.2.3
        set neighbour 192.0.2.9 dev v0 lladdr 02:00:00:00:00:09
    """)
    ways = {(one["metric"], one["gateway"]) for one in shell.netns.ip_json("route show 10.10.0.0/16")}
    assert ways == {(5, "192.0.2.2"), (6, "192.0.2.3")}
    assert [one["lladdr"] for one in shell.netns.ip_json("neigh show 192.0.2.9")] == ["02:00:00:00:00:09"]


def test_an_entry_is_in_the_bridges_table_or_in_the_ports_own(shell: Shell) -> None:
    shell.run("batch -", given="""
        add interface b7 type bridge up
        set interface v0 master b7
        add fdb 02:00:00:00:00:07 dev v0 master static
    """)

    def entries() -> list[tuple[str, str]]:
        shown = shell.netns.bridge_json("fdb show dev v0")
        ours = [one for one in shown if one["mac"] == "02:00:00:00:00:07" and "vlan" not in one]  # some kernels make one for each VLAN
        return [(one.get("master", "self"), one["state"]) for one in ours]

    assert entries() == [("b7", "static")]
    shell.run("add fdb 02:00:00:00:00:07 dev v0 self permanent")
    assert sorted(entries()) == [("b7", "static"), ("self", "permanent")]
    shell.run("del fdb 02:00:00:00:00:07 dev v0 master")
    assert entries() == [("self", "permanent")]
    told = shell.run("del fdb 02:00:00:00:00:07 dev v0 self")
    assert entries() == []
    shell.run(f"undo {shell.undo_of(told)}")
    assert entries() == [("self", "permanent")]
    assert "`v1`" in shell.run("add fdb 02:00:00:00:00:08 dev v1 master static", code=2)
    assert "got both" in shell.run("add fdb 02:00:00:00:00:08 dev v0 master self static", code=2)
    assert "dev eth0" in shell.run("add fdb 02:00:00:00:00:08 static", code=2)


def test_a_batch_leads_a_route_elsewhere_and_removes_what_it_left(shell: Shell) -> None:
    shell.run("batch -", given="""
        add interface b7 type bridge up
        add address 10.7.0.1/24 dev b7
        add route 10.10.0.0/16 via 10.7.0.2
    """)
    said = shell.run("batch -", given="set route 10.10.0.0/16 via 192.0.2.2\ndel interface b7\n")
    [route] = shell.netns.ip_json("route show 10.10.0.0/16")
    assert (route["gateway"], route["dev"]) == ("192.0.2.2", "v0")
    shell.run(f"undo {said.split()[-1]}")
    [route] = shell.netns.ip_json("route show 10.10.0.0/16")
    assert (route["gateway"], route["dev"]) == ("10.7.0.2", "b7")


def test_a_dry_run_changes_nothing_and_its_commands_do_the_same(shell: Shell, netns: Namespace) -> None:
    lines = [
        "add interface br0 type bridge stp_state 1 up",
        "add interface m0 link v0 type macvlan mode bridge",
        "add route 10.1.0.0/16 nexthop via 192.0.2.2 nexthop via 192.0.2.3 weight 2",
        "add route blackhole 10.2.0.0/16 metric 7",
        "add route 10.3.0.0/16 via 192.0.2.2 mtu 1400 advmss 1300",
        "add rule not from 10.0.0.0/8 fwmark 0x10/0xff ipproto tcp dport 80-90 lookup 100 pref 500",
        "add neighbour 192.0.2.7 lladdr 02:00:00:00:00:07 dev v0",
        "add neighbour proxy 192.0.2.8 dev v0",
        "add nexthop 1 via 192.0.2.2 dev v0",
        "add address 2001:db8::1/64 dev v0 nodad",
        "add fdb 02:00:00:00:00:09 dev v0 self permanent",
    ]
    before = _everything(netns)
    told = shell.run("batch - --dry-run", given="\n".join(lines))
    assert _everything(netns) == before
    for command in (line.strip() for line in told.splitlines() if line.startswith("    ")):
        program, _, words = command.partition(" ")
        (netns.ip if program == "ip" else netns.bridge)(words)
    by_iproute = _everything(netns)
    for line in reversed(lines):
        verb, noun, *words = line.split()
        del verb
        if noun == "interface":
            netns.ip(f"link del {words[0]}")
    netns.ip("addr flush dev v0")
    netns.ip("addr add 192.0.2.1/24 dev v0")
    for command in ("rule del pref 500", "neigh flush dev v0 nud permanent", "neigh del proxy 192.0.2.8 dev v0", "nexthop flush",
                    "route flush type blackhole", "route flush root 10.0.0.0/8"):  # fmt: skip
        netns.ip(command, check=False)
    netns.bridge("fdb del 02:00:00:00:00:09 dev v0 self")
    shell.run("batch -", given="\n".join(lines))
    assert _everything(netns) == by_iproute


_THERE = (
    "link add br0 type bridge", "link set br0 up", "link set v1 master br0",
    "addr add 192.0.2.3/32 dev v0", "addr add 198.51.100.1/24 dev br0",
    "route add 10.1.0.0/24 dev v0", "route add 10.2.0.0/24 via 192.0.2.9 mtu 1300", "route add 10.3.0.0/24 via 192.0.2.9 metric 7 table 50",
    "route add 10.4.0.0/24 nexthop via 192.0.2.8 nexthop via 192.0.2.9", "route add blackhole 10.5.0.0/24",
    "rule add from 10.0.0.0/8 lookup 50 pref 500", "neigh add 192.0.2.7 lladdr 02:00:00:00:00:07 dev v0 nud permanent",
    "nexthop add id 1 via 192.0.2.2 dev v0", "nexthop add id 2 via 192.0.2.3 dev v0",
)  # fmt: skip


def _there(netns: Namespace) -> None:
    """The same to begin with, whatever was done before."""
    for command in (
        "link del br0", "addr flush dev v0", "route flush table 50", "route flush type blackhole", "route flush type unreachable",
        "rule del pref 500", "neigh flush dev v0 nud permanent", "nexthop flush", 'link set v0 mtu 1500 txqueuelen 1000 alias "" up',
        "link set v0 promisc off arp on allmulticast off multicast on", "link set lo up",
    ):  # fmt: skip
        netns.ip(command, check=False)
    netns.batch(["addr add 192.0.2.1/24 dev v0", *_THERE])


@pytest.mark.parametrize(
    "line",
    [
        "set route 10.1.0.0/24 via 192.0.2.77",  # another scope
        "set route 10.2.0.0/24 via 198.51.100.2",  # out of another interface
        "set route 10.2.0.0/24 dev br0",
        "set route 10.2.0.0/24 mtu 1400 advmss 1200",
        "set route 10.4.0.0/24 via 192.0.2.77",
        "set route 10.2.0.0/24 nexthop via 192.0.2.8 nexthop via 192.0.2.9 weight 3",
        "set route 10.2.0.0/24 nhid 1",
        "set route 10.3.0.0/24 table 50 via 192.0.2.77",
        "replace route 10.5.0.0/24 via 192.0.2.77",
        "del route 10.3.0.0/24 table 50",
        "set route 10.2.0.0/24 type unreachable",
        "set neighbour 192.0.2.7 dev v0 lladdr 02:00:00:00:00:08",
        "set nexthop 1 via 192.0.2.5",
        "set nexthop 1 blackhole",
        "set interface v0 promisc on arp off allmulticast on multicast off",
        "set interface v1 type bridge_slave cost 7 hairpin on flood off",
        "set interface v0 master br0 type bridge_slave learning off",
        "set interface v0 mtu 1400 txqueuelen 500 alias up-link",
        "set interface v1 nomaster",
        "set interface br0 type bridge stp_state 1",
        "del address 192.0.2.3/32 dev v0",
        "del interface br0",
    ],
)
def test_the_commands_of_a_changes_dry_run_do_what_it_does(quiet: Shell, line: str) -> None:
    netns = quiet.netns
    _there(netns)
    commands = [one.strip() for one in quiet.run(f"{line} --dry-run").splitlines() if one.startswith("    ")]
    before = _everything(netns)
    quiet.run(line)
    changed = _everything(netns)
    assert changed != before
    _there(netns)
    for command in commands:
        netns.ip(command.removeprefix("ip "))
    assert _everything(netns) == changed, commands


def _everything(netns: Namespace) -> dict[str, Any]:
    """What iproute2 shows, but for who made it, and what moves by itself."""

    def told(command: str) -> list[dict[str, Any]]:
        return [{name: value for name, value in one.items() if name != "protocol"} for one in netns.ip_json(command)]

    routes = netns.ip_json("route show table all")
    links = netns.ip_json("-d link show")
    data = {one["ifname"]: one.get("linkinfo", {}).get("info_data", {}) for one in links}
    ports = {one["ifname"]: one.get("linkinfo", {}).get("info_slave_data", {}) for one in links}
    plain = ("mtu", "txqlen", "ifalias", "master")
    switches = ("PROMISC", "NOARP", "ALLMULTI", "MULTICAST")
    addresses = netns.ip_json("addr show v0")[0]["addr_info"]
    return {
        "routes": sorted(str(one | {"protocol": ""}) for one in routes if one.get("protocol") != "kernel"),
        "rules": told("rule show"),
        "neighbours": sorted((one["dst"], one.get("lladdr")) for one in netns.ip_json("neigh show nud permanent")),
        "proxies": told("neigh show proxy"),
        "nexthops": told("nexthop show"),
        "links": {name: found.get("stp_state", found.get("mode")) for name, found in data.items()},
        "ports": {name: [found.get(part) for part in ("cost", "hairpin", "flood", "learning")] for name, found in ports.items()},
        "switches": {one["ifname"]: [word for word in switches if word in one["flags"]] for one in links},
        "plain": {one["ifname"]: [one.get(name) for name in plain] for one in links},
        "addresses": sorted((one["local"], one["prefixlen"]) for one in addresses if one["scope"] == "global"),
    }


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("set interface nope mtu 1400", "no interface `nope` in localhost"),
        ("set route 192.0.2.0/24 metric 5 mtu 1400", "there is one with another priority than `5`; priority says which route it is"),
        ("del route 10.99.0.0/16", "no route `10.99.0.0/16` in localhost"),
        ("add route 10.1.0.0/16 via 203.0.113.1", "ENETUNREACH (Nexthop has invalid gateway)"),
        ("add qdisc dev v0 root", "qdiscs can only be read in this version"),
        ("undo 1", "the log has no transaction at revision 1"),
        ("add interface v0 type bridge", "interface `v0` is in localhost already"),
    ],
)
def test_what_cannot_be_is_explained(shell: Shell, line: str, said: str) -> None:
    assert said in shell.run(line, code=1)


def test_words_that_fit_several_delete_none(shell: Shell) -> None:
    for gateway in ("192.0.2.2", "192.0.2.3"):
        shell.netns.ip(f"route append 10.5.0.0/16 via {gateway}")
    said = shell.run("del route 10.5.0.0/16", code=2)
    assert "2 routes are meant" in said
    assert len(destinations(shell.netns)) == 2
    shell.run("del route 10.5.0.0/16 via 192.0.2.3")
    assert [one["gateway"] for one in shell.netns.ip_json("route show 10.5.0.0/16")] == ["192.0.2.2"]


def test_moving_to_a_namespace(shell: Shell, make_netns: Any) -> None:
    other = make_netns("far")
    shell.run(f"set interface v1 netns {other.path}")
    assert other.ip_json("link show v1")[0]["ifname"] == "v1"


ADVICE = {
    "add rule from 10.5.0.0/16 lookup 100 pref 50": "it is there already: `set` changes it",
    "add interface v0 type bridge": "`set` changes it",
    "add interface br1 type macvlan": "it stands on another interface: name that as its `link`",
    "add interface x0 type vxlan": "name its network: `vxlan_id`",
    "set interface v0 master v1": "only a bridge, a bond, a team or a VRF can be a master",
    "set interface v0 address 01:00:00:00:00:01": "a MAC address of one interface is neither multicast nor zero",
    "set interface loo mtu 1400": "did you mean `lo`?",
    "add route 10.9.0.0/24 via 203.0.113.1": "no interface that is up has an address in the gateway's network",
    "add route 2001:db8::/64 via 2001:db8:5::1": "no interface that is up has an address in the gateway's network",
    "add nexthop id 3 via 203.0.113.1 dev v0": "no interface that is up has an address in the gateway's network",
    "add route 10.9.0.0/24 dev br0": "set the interface up first",
    "add nexthop id 3 via 192.0.2.9 dev br0": "set the interface up first",
    "add route 10.9.0.0/24": "name its gateway (`via`) or its interface (`dev`)",
    "add route 10.9.0.1/24 via 192.0.2.9": "the bits behind the prefix length must be zero",
    "add route 10.9.0.0/24 via 192.0.2.9 src 10.7.7.7": "an interface must have the address that it is to be sent from",
    "add route 2001:db8::/64 via fe80::1": "a link-local gateway needs its interface: `dev`",
    "add route 10.9.0.0/24 nhid 55": "add the nexthop first, or in the same transaction",
    "add nexthop id 4 group 1/2": "add its nexthops first, or in the same transaction",
    "add interface x0 type vxlan idd 5": "did you mean `id`? `holdfast add interface help vxlan` lists the words",
}


def test_who_is_refused_is_told_what_to_do(shell: Shell) -> None:
    shell.netns.ip("link add br0 type bridge")
    shell.run("add rule from 10.5.0.0/16 lookup 100 pref 50")
    for line, advice in ADVICE.items():
        said = shell.run(line, code=2 if "idd" in line else 1).splitlines()
        assert len(said) == 2 and said[1].strip().startswith(advice), said
    assert [line for line in shell.run("add interface x0 type vlan link v0 id 5 --dry-run").splitlines() if "ip link" in line] == [
        "    ip link add x0 link v0 type vlan id 5"
    ]
