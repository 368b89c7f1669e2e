"""`holdfast show interface NAME`: one interface with all that belongs to it, held against what `ip` was told to make."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from holdfast.testing.netns import Namespace


@pytest.fixture
def net(make_netns: Callable[..., Namespace], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Namespace:
    """A bridge with an address, routes, a rule and a neighbour; its port is a veth, whose other end has a VLAN's address."""
    monkeypatch.setenv("HOLDFAST_HOME", str(tmp_path / "home"))
    ns = make_netns("page")
    for command in (
        "link add br0 type bridge", "link add p0 type veth peer name eth0", "link set p0 master br0", "link set br0 up",
        "link set p0 up", "link set eth0 up", "addr add 192.0.2.1/24 dev br0", "link property add dev br0 altname lan",
        "neigh add 192.0.2.7 lladdr 02:00:00:00:00:07 dev br0 nud permanent", "rule add iif br0 table 100",
        "route add 198.51.100.0/24 nexthop via 192.0.2.3 weight 1 nexthop via 192.0.2.4 weight 2",
    ):  # fmt: skip
        ns.ip(command)
    routes = "".join(f"route add 10.0.{n}.0/24 via 192.0.2.2 proto bgp\n" for n in range(20))
    subprocess.run(["ip", "-n", ns.name, "-batch", "-"], input=routes, text=True, check=True)
    return ns


def show(*words: str) -> str:
    done = subprocess.run([sys.executable, "-m", "holdfast.cli", "show", *words], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_bridge_on_one_page(net: Namespace) -> None:
    text = show("interface", "br0", "--netns", net.name)
    first = text.splitlines()[0]
    assert first.startswith("br0  bridge  up  mtu 1500  ")
    assert "also called lan" in text
    assert "192.0.2.1/24" in text
    assert "\nPorts\n  p0 " in text
    assert "192.0.2.7 lladdr 02:00:00:00:00:07 state permanent" in text
    assert "iif br0 lookup 100" in text
    assert f"\nRoutes ({20 + 2 + _ipv6_routes(net)})\n" in text  # and those of the kernel
    assert "more: `holdfast show routes dev br0`" in text
    assert "10.0.19.0" not in text
    order = [text.index(f"\n{title}") for title in ("Addresses", "Ports", "Routes", "Neighbours", "Rules", "Queueing")]
    assert order == sorted(order)


def _ipv6_routes(net: Namespace) -> int:
    done = subprocess.run(["ip", "-n", net.name, "-6", "-j", "route", "show", "dev", "br0"], capture_output=True, text=True, check=True)
    return len(json.loads(done.stdout or "[]"))


def test_wide_leaves_nothing_out(net: Namespace) -> None:
    text = show("interface", "br0", "--netns", net.name, "--wide")
    assert "10.0.19.0/24" in text
    assert "nexthop via 192.0.2.4 dev br0" in text
    assert "more:" not in text


def test_a_port_knows_its_bridge_and_its_other_end(net: Namespace) -> None:
    text = show("interface", "p0", "--netns", net.name)
    assert "peer eth0" in text and "port of br0 (bridge)" in text


def test_the_same_as_one_object(net: Namespace) -> None:
    page = json.loads(show("interface", "dev", "lan", "--netns", net.name, "--json"))
    assert page["interface"]["ifname"] == "br0"
    assert [one["ifname"] for one in page["ports"]] == ["p0"]
    assert "192.0.2.1" in {one["local"] for one in page["addresses"]}
    assert len([one for one in page["routes"] if one["proto"] == 186]) == 20
    assert [len(one["multipath"]) for one in page["routes"] if one["multipath"]] == [2]
    assert [one["iifname"] for one in page["rules"]] == ["br0"]
    assert page["master"] is None
    port = json.loads(show("interface", "p0", "--netns", net.name, "--json"))
    assert (port["master"]["ifname"], port["peer"]["ifname"]) == ("br0", "eth0")


def test_lists_stay_lists(net: Namespace) -> None:
    assert show("interfaces", "br0", "--netns", net.name).startswith("INDEX")
    assert show("interface", "up", "--netns", net.name).startswith("INDEX")
    assert show("link", "br0", "--netns", net.name).startswith("INDEX")


def refused(*words: str) -> str:
    done = subprocess.run([sys.executable, "-m", "holdfast.cli", "show", *words], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in (1, 2)
    return done.stderr


def test_without_a_node_other_namespaces_are_named(net: Namespace) -> None:
    """Of them only the interfaces are read: a page about one would be silent about the rest."""
    said = refused("interface", "br0")
    assert f"there is no interface `br0` in localhost, but in {net.name}" in said
    assert f"`--netns {net.name}` looks there" in said
    assert "[localhost]  loopback" in show("interface", "lo")
    assert "there is no interface `nowhere`" in refused("interface", "nowhere")


def test_of_a_node_with_several_sources_one_is_chosen_by_target(
    make_netns: Callable[..., Namespace], net: Namespace, tmp_path: Path
) -> None:
    other = make_netns("other")
    other.ip("link add br0 type bridge")
    file = str(tmp_path / "two.db")
    program = [sys.executable, "-m", "holdfast.cli", "run", "--no-local", "--netns", net.name, "--netns", other.name, "--db", file]
    with subprocess.Popen(program, stderr=subprocess.PIPE, text=True) as node:
        assert node.stderr
        for line in node.stderr:
            if "follows" in line:
                break
        assert "expected one interface, got `br0` of several sources" in refused("interface", "br0", "--db", file)
        text = show("interface", "br0", "--db", file, "--target", net.name)
        assert f"[{net.name}]" in text.splitlines()[0]
        assert f"holdfast show routes dev br0 -t {net.name}" in text
        assert "peer eth0" in show("interface", "p0", "--db", file)
        node.terminate()
