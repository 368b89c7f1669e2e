"""What the kernel under the tests can do: link kinds, queueing disciplines, features. Tried, never guessed.

    @requires("vxlan", "mpls")          a pytest mark: skipped, with the kernel's own words, where one is missing
    probe("vxlan").works                the same as a question

A feature is the commands that use it, run in a namespace of their own. The kernel often builds less than a
distribution does, and versions differ; a list of versions would be wrong somewhere.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Final

import pytest

from holdfast.errors import UnknownName
from holdfast.testing.netns import CommandFailed, Namespace, unavailable

__all__ = ["FEATURES", "LINK_KINDS", "QDISCS", "Probe", "probe", "requires"]

# A veth pair carries the trials: the leanest kernels have it, and no dummy.
_D0: Final = ("ip link add d0 type veth peer name d9", "ip link set d9 up", "ip link set d0 up")
_UP4: Final = (*_D0, "ip addr add 10.0.0.1/24 dev d0")
_UP6: Final = (*_D0, "ip addr add 2001:db8::1/64 dev d0 nodad")

LINK_KINDS: Final[dict[str, tuple[str, ...]]] = {
    "bareudp": ("ip link add t0 type bareudp dstport 6635 ethertype mpls_uc",),
    "batadv": ("ip link add t0 type batadv",),
    "bond": ("ip link add t0 type bond mode active-backup",),
    "bridge": ("ip link add t0 type bridge",),
    "can": ("ip link add t0 type vcan",),
    "dummy": ("ip link add t0 type dummy",),
    "erspan": ("ip link add t0 type erspan local 10.0.0.1 remote 10.0.0.2 seq key 1 erspan_ver 1",),
    "geneve": ("ip link add t0 type geneve id 5 remote 10.0.0.2",),
    "gre": ("ip link add t0 type gre local 10.0.0.1 remote 10.0.0.2",),
    "gretap": ("ip link add t0 type gretap local 10.0.0.1 remote 10.0.0.2",),
    "hsr": (*_D0, "ip link add d1 type veth peer name d8", "ip link add t0 type hsr slave1 d0 slave2 d1"),
    "ifb": ("ip link add t0 type ifb",),
    "ip6gre": ("ip link add t0 type ip6gre local 2001:db8::1 remote 2001:db8::2",),
    "ip6gretap": ("ip link add t0 type ip6gretap local 2001:db8::1 remote 2001:db8::2",),
    "ip6tnl": ("ip link add t0 type ip6tnl local 2001:db8::1 remote 2001:db8::2",),
    "ipip": ("ip link add t0 type ipip local 10.0.0.1 remote 10.0.0.2",),
    "ipvlan": (*_D0, "ip link add t0 link d0 type ipvlan mode l2"),
    "ipvtap": (*_D0, "ip link add t0 link d0 type ipvtap mode l2"),
    "macsec": (*_D0, "ip link add t0 link d0 type macsec"),
    "macvlan": (*_D0, "ip link add t0 link d0 type macvlan mode bridge"),
    "macvtap": (*_D0, "ip link add t0 link d0 type macvtap mode bridge"),
    "netdevsim": ("ip link add t0 type netdevsim",),
    "nlmon": ("ip link add t0 type nlmon",),
    "sit": ("ip link add t0 type sit local 10.0.0.1 remote 10.0.0.2",),
    "team": ("ip link add t0 type team",),
    "tun": ("ip tuntap add t0 mode tun",),
    "veth": ("ip link add t0 type veth peer name t1",),
    "vlan": (*_D0, "ip link add t0 link d0 type vlan id 5"),
    "vrf": ("ip link add t0 type vrf table 10",),
    "vti": ("ip link add t0 type vti local 10.0.0.1 remote 10.0.0.2 key 5",),
    "vti6": ("ip link add t0 type vti6 local 2001:db8::1 remote 2001:db8::2 key 5",),
    "vxlan": ("ip link add t0 type vxlan id 5 dstport 4789",),
    "wireguard": ("ip link add t0 type wireguard",),
    "xfrm": (*_D0, "ip link add t0 type xfrm dev d0 if_id 5"),
}

_QDISC_OPTIONS: Final = {
    "cake": "", "codel": "", "drr": "", "fq": "", "fq_codel": "", "hfsc": "", "htb": "", "netem": "delay 1ms", "noqueue": "", "pfifo": "",
    "pfifo_fast": "", "prio": "", "red": "limit 100000 avpkt 1000 bandwidth 10mbit", "sfq": "", "tbf": "rate 1mbit burst 10k latency 1s",
}  # fmt: skip

QDISCS: Final[dict[str, tuple[str, ...]]] = {
    "qdisc-clsact": (*_D0, "tc qdisc add dev d0 clsact"),
    "qdisc-ingress": (*_D0, "tc qdisc add dev d0 ingress"),
    **{f"qdisc-{kind}": (*_D0, f"tc qdisc add dev d0 root {kind} {options}") for kind, options in _QDISC_OPTIONS.items()},
}

FEATURES: Final[dict[str, tuple[str, ...]]] = LINK_KINDS | QDISCS | {
    "ipv6": _UP6,
    "live-rename": (*_D0, "ip link set d0 name t0"),  # since Linux 6.2
    "altname": (*_D0, "ip link property add dev d0 altname quite-another-name"),
    "bridge-vlan": ("ip link add t0 type bridge vlan_filtering 1", *_D0, "ip link set d0 master t0", "bridge vlan add vid 5 dev d0"),
    "bridge-vlan-tunnel": (
        "ip link add t0 type bridge vlan_filtering 1", "ip link add x0 type vxlan id 5 dstport 4789 external", "ip link set x0 master t0",
        "bridge link set dev x0 vlan_tunnel on", "bridge vlan add vid 5 dev x0", "bridge vlan add vid 5 tunnel_info id 5 dev x0",
    ),
    "vxlan-external": ("ip link add t0 type vxlan dstport 4789 external",),
    "vxlan-vnifilter": ("ip link add t0 type vxlan dstport 4789 external vnifilter",),
    "nexthop": (*_UP4, "ip nexthop add id 5 via 10.0.0.2 dev d0", "ip route add 10.9.0.0/16 nhid 5"),
    "nexthop-group": (*_UP4, "ip nexthop add id 5 via 10.0.0.2 dev d0", "ip nexthop add id 6 group 5"),
    "nexthop-resilient": (*_UP4, "ip nexthop add id 5 via 10.0.0.2 dev d0", "ip nexthop add id 6 group 5 type resilient buckets 8"),
    "multipath": (*_UP4, "ip route add 10.9.0.0/16 nexthop via 10.0.0.2 nexthop via 10.0.0.3"),
    "multipath6": (*_UP6, "ip -6 route add 2001:db8:9::/48 nexthop via 2001:db8::2 nexthop via 2001:db8::3"),
    "route-via-ipv6": (*_UP4, "ip -6 addr add 2001:db8::1/64 dev d0 nodad", "ip route add 10.9.0.0/16 via inet6 2001:db8::2 dev d0"),
    # Not `ip -f mpls route show`: a kernel without MPLS answers it with the routes of all families.
    "mpls": (*_UP4, "sysctl net.mpls.platform_labels=1000", "ip -f mpls route add 100 via inet 10.0.0.2"),
    "encap-mpls": (*_UP4, "ip route add 10.9.0.0/16 encap mpls 100 via 10.0.0.2"),
    "encap-ip": (*_UP4, "ip route add 10.9.0.0/16 encap ip id 5 dst 10.0.0.2 dev d0"),
    "encap-seg6": (*_UP6, "ip -6 route add 2001:db8:9::/48 encap seg6 mode encap segs 2001:db8::9 dev d0"),
    "encap-seg6local": (*_UP6, "ip -6 route add 2001:db8:9::/48 encap seg6local action End dev d0"),
    "rule": ("ip rule add from 10.9.0.0/16 table 100 priority 100",),
    "rule-ports": ("ip rule add ipproto tcp dport 80-90 table 100 priority 100",),
    # Without root the tests' user namespace has the one user 0, and the kernel refuses ranges of others.
    "rule-uidrange": ("ip rule add uidrange 1-5 table 100 priority 100",),
    "rule-l3mdev": ("ip link add t0 type vrf table 10", "ip rule add l3mdev priority 900"),
    "neighbour-proxy": (*_D0, "ip neigh add proxy 10.0.0.9 dev d0"),
    "filter-u32": (*_D0, "tc qdisc add dev d0 root handle 1: htb",
                   "tc filter add dev d0 parent 1: protocol ip prio 5 u32 match ip dst 10.0.0.0/8 flowid 1:1"),
    "filter-flower": (*_D0, "tc qdisc add dev d0 clsact",
                      "tc filter add dev d0 ingress protocol ip prio 5 flower dst_ip 10.0.0.0/8 action drop"),
    "filter-matchall": (*_D0, "tc qdisc add dev d0 clsact", "tc filter add dev d0 ingress matchall action pass"),
    "class-htb": (*_D0, "tc qdisc add dev d0 root handle 1: htb", "tc class add dev d0 parent 1: classid 1:1 htb rate 1mbit"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Probe:
    """The answer: does it work, and if not, which command failed with which words."""

    works: bool
    reason: str = ""


@functools.cache
def probe(feature: str) -> Probe:
    """Try a feature in a namespace made for it; the answer is kept for the life of the process. Raises: UnknownName."""
    if feature not in FEATURES:
        raise UnknownName(f"no such kernel feature: `{feature}`", hint=f"known: {', '.join(sorted(FEATURES))}")
    if why := unavailable():
        return Probe(False, why)
    with Namespace("probe") as ns:
        for command in FEATURES[feature]:
            try:
                _try(ns, command)
            except (CommandFailed, OSError) as why_not:
                return Probe(False, f"this kernel or iproute2 has no {feature}: {why_not}")
    return Probe(True)


def requires(*features: str) -> pytest.MarkDecorator:
    """A mark: the test needs these features, and is skipped with the reason where one does not work."""
    for feature in features:
        if feature not in FEATURES:
            raise UnknownName(f"no such kernel feature: `{feature}`", hint=f"known: {', '.join(sorted(FEATURES))}")
    return pytest.mark.requires(*features)


def _try(ns: Namespace, command: str) -> None:
    tool, _, rest = command.partition(" ")
    if tool == "sysctl":
        name, _, value = rest.partition("=")
        ns.sysctl(name, value)
    else:
        getattr(ns, tool)(rest)
