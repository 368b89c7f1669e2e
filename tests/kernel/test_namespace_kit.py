"""holdfast.testing.netns: namespaces that other tests stand on. A kit that lets a leak pass makes every test weaker."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable

import pytest

from holdfast.errors import UnknownName
from holdfast.testing.kinds import FEATURES, probe, requires
from holdfast.testing.netns import CommandFailed, LeftOver, Namespace, without_rights


def test_it_is_made_driven_read_back_and_gone() -> None:
    with Namespace("kit") as ns:
        assert os.path.exists(ns.path)
        ns.ip("link add d0 type veth peer name d1")
        ns.ip("addr add 10.0.0.1/24 dev d0")
        assert [link["ifname"] for link in ns.ip_json("link show")] == ["lo", "d1", "d0"]
        assert ns.ip_json("addr show dev d0")[0]["addr_info"][0]["local"] == "10.0.0.1"
        assert ns.ip_json("route show table 77") == []
        assert ns.bridge_json("fdb show dev d0")
        assert ns.tc_json("qdisc show dev lo")
        ns.batch(f"route add 10.9.{number}.0/24 dev lo table 9" for number in range(50))
        assert len(ns.ip_json("route show table 9")) == 50
    assert not os.path.exists(ns.path)


def test_each_is_a_world_of_its_own(make_netns: Callable[..., Namespace]) -> None:
    left, right = make_netns("left"), make_netns("right")
    left.veth("l0", "r0", right)
    assert [link["ifname"] for link in right.ip_json("link show")] == ["lo", "r0"]
    left.sysctl("net.ipv4.conf.l0.forwarding", 1)
    assert left.run(["cat", "/proc/sys/net/ipv4/conf/l0/forwarding"]).stdout == "1\n"
    names = left.call(socket.if_nameindex)
    assert [name for _, name in names] == ["lo", "l0"]


def test_a_command_that_fails_says_what_it_said(netns: Namespace) -> None:
    with pytest.raises(CommandFailed, match=r'link set nosuch up.*Cannot find device "nosuch"'):
        netns.ip("link set nosuch up")
    assert netns.ip("link set nosuch up", check=False) == ""
    with pytest.raises(CommandFailed, match="Cannot find device"):
        netns.batch(["link set lo up", "link set nosuch up"])


def test_without_rights_the_kernel_refuses(netns: Namespace) -> None:
    refused = netns.run(without_rights(["ip", "link", "add", "d0", "type", "bridge"]), check=False)
    assert "Operation not permitted" in refused.stderr
    assert "lo" in netns.run(without_rights(["ip", "link"])).stdout


def test_a_socket_left_inside_is_found() -> None:
    ns = Namespace("leak").open()
    inside = ns.call(socket.socket)
    with pytest.raises(LeftOver, match=f"socket {inside.fileno()} of this process"):
        ns.close(patience_s=0)
    inside.close()
    ns.close()


def test_a_descriptor_left_open_is_found() -> None:
    ns = Namespace("leak").open()
    with open(ns.path) as file, pytest.raises(LeftOver, match=f"descriptor {file.fileno()} of this process"):
        ns.close(patience_s=0)
    ns.close()


def test_a_process_left_inside_is_found() -> None:
    ns = Namespace("leak").open()
    with ns.start([sys.executable, "-c", "input()"], stdin=-1) as process:
        assert process.stdin
        process.stdin.flush()
        while not os.path.samefile(f"/proc/{process.pid}/ns/net", ns.path):
            pass  # nsenter has not entered yet
        with pytest.raises(LeftOver, match=f"process {process.pid}"):
            ns.close(patience_s=0)
        process.kill()
    ns.close()


def test_a_failing_test_shows_its_own_failure() -> None:
    opened = []

    def fails() -> None:
        with Namespace("leak") as ns:
            opened.append(ns.call(socket.socket))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    opened[0].close()


def test_one_deleted_under_us_is_fine(netns: Namespace) -> None:
    netns.delete()
    netns.delete()
    assert not os.path.exists(netns.path)


def test_probes_answer_with_the_kernels_words() -> None:
    assert probe("veth").works
    reasons = [answer.reason for feature in FEATURES if not (answer := probe(feature)).works]
    assert all("ended with" in reason or "No such file" in reason for reason in reasons), reasons
    with pytest.raises(UnknownName, match="no such kernel feature: `warp`"):
        requires("warp")


@requires("veth", "ipv6")
def test_what_is_there_is_not_skipped(netns: Namespace) -> None:
    netns.ip("link add d0 type veth peer name d1")
    assert netns.ip_json("link show dev d0")[0]["linkinfo"]["info_kind"] == "veth"
