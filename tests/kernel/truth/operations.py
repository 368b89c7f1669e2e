"""Random operations: commands drawn from small pools, so that they meet, replace and destroy each other often.

Many fail, for what they need is not there; that is fine, because a refused command must leave the mirror right as well.
Only what the kernel at hand can do is drawn. A draw is a list of bursts; tables are compared after each burst.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from hypothesis import strategies as st

from holdfast.testing.kinds import probe

from .stage import Command

__all__ = ["bursts", "setup"]

Text = st.SearchStrategy[str]

_SETUP: Final = (
    ("veth", "ip link add v0 up type veth peer name v1 netns right"),
    ("veth", "ip link add w0 up type veth peer name w1 netns right"),
    ("veth", "ip link add a0 up type veth peer name a1"),
    ("veth", "right: ip link set v1 up"),
    ("veth", "right: ip link set w1 up"),
    ("veth", "ip link set a1 up"),
    ("veth", "ip addr add 10.0.0.1/24 dev v0"),
    ("veth", "ip addr add 10.9.0.1/24 dev w0"),
    ("ipv6", "ip addr add 2001:db8::1/64 dev v0"),
    ("ipv6", "ip addr add 2001:db9::1/64 dev w0"),
    ("bridge", "ip link add br0 up type bridge"),
    ("bridge", "ip link set a0 master br0"),
    ("vxlan", "ip link add vx0 up type vxlan id 5 dstport 4789 remote 10.0.0.2 dev v0"),
    ("macvlan", "ip link add m0 up link v0 type macvlan mode bridge"),
    ("nexthop", "ip nexthop add id 1 via 10.0.0.2 dev v0"),
    ("nexthop", "ip nexthop add id 2 via 10.9.0.2 dev w0"),
    ("nexthop-group", "ip nexthop add id 3 group 1/2"),
    ("nexthop", "ip nexthop add id 4 via 2001:db8::2 dev v0"),
    ("class-htb", "tc qdisc add dev w0 root handle 1: htb default 10"),
    ("class-htb", "tc class add dev w0 parent 1: classid 1:1 htb rate 1mbit"),
)
"""What is there before, and what the kernel must have for it: two cables to the other side, one within this one, and more."""


def one(*words: str) -> Text:
    return st.sampled_from(words)


def maybe(text: Text | str, *, one_in: int = 4) -> Text:
    """The text, or nothing more often."""
    drawn = st.just(text) if isinstance(text, str) else text
    return st.integers(1, one_in).flatmap(lambda side: drawn if side == 1 else st.just(""))


def say(*parts: Text | str) -> Text:
    """Words behind each other; what is empty leaves no gap."""
    return st.tuples(*(st.just(part) if isinstance(part, str) else part for part in parts)).map(
        lambda drawn: " ".join(part for part in drawn if part)
    )


PORTS: Final = ("v0", "w0", "a0", "a1")
DEVICE: Final = one(*PORTS, *PORTS, "v0", "w0", "br0", "br0", "vx0", "vx0", "m0", "m0", "i0", "t0", "lo")
PORT: Final = one(*PORTS)
NEAR: Final = one("v0", "v0", "w0", "w0", "a0", "a0", "br0", "vx0", "m0", "i0", "t0")
"""Never the far end of a cable: with both ends in one bridge a packet goes round for ever, and moves its sender's entry each time."""
MADE: Final = one("br0", "br1", "vx0", "m0", "i0", "t0", "a0")
DST4: Final = one("10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/24", "default")
DST6: Final = one("fc00:1::/64", "fc00:2::/64", "default")
GW4: Final = one("10.0.0.2", "10.0.0.3", "10.9.0.2", "10.9.0.3")
GW6: Final = one("2001:db8::2", "2001:db8::3", "2001:db9::2", "2001:db9::3")
NEXTHOP: Final = one("1", "2", "3", "4", "5", "6")
MAC: Final = one("02:00:00:00:00:01", "02:00:00:00:00:02")
VERB: Final = one("add", "add", "append", "append", "prepend", "replace", "replace", "change", "del", "del")
DEAD_END: Final = one("blackhole", "unreachable", "prohibit", "throw")
TABLE: Final = maybe(one("table 100", "table 1000"), one_in=6)


def _hops(gateway: Text, family: str) -> Text:
    via = f"nexthop via {family}".strip()
    return st.lists(say(via, gateway, maybe(one("weight 2", "weight 7"))), min_size=1, max_size=3).map(" ".join)


def routes4() -> Text:
    options = say(maybe(one("metric 5", "metric 9"), one_in=6), maybe("tos 4", one_in=10), TABLE, maybe(one("proto static", "proto 77")),
                  maybe(one("src 10.0.0.1", "src 10.0.0.5", "src 10.9.0.1")), maybe(one("mtu 1400", "advmss 1000"), one_in=8))  # fmt: skip
    way = st.one_of(
        say("via", GW4), say("via", GW4), say("dev", DEVICE), _hops(GW4, ""), say("nhid", NEXTHOP), say("via inet6", GW6),
        say("via", GW4, "encap ip id", one("5", "6"), "dst 1.1.1.1"), say("nexthop via", GW4, "nexthop via inet6", GW6),
        say("via 10.8.0.1 dev", DEVICE, "onlink"),
    )  # fmt: skip
    return st.one_of(
        say("ip route", VERB, DST4, options, way),
        say("ip route", VERB, DST4, options, way),
        say("ip route", VERB, DST4, "via", GW4),
        say("ip route", VERB, DEAD_END, DST4, options),
        say("ip route", one("add", "del", "replace"), one("local 10.7.0.0/16 dev", "multicast 239.0.0.0/8 dev"), DEVICE),
        say("ip route del", DST4, TABLE),
        say("ip route flush", one("table 100", "10.1.0.0/16", "dev v0", "proto 77", "table main")),
    )


def routes6() -> Text:
    options = say(maybe(one("metric 5", "metric 9"), one_in=6), TABLE, maybe(one("proto static", "proto 77")),
                  maybe(one("src 2001:db8::1", "src 2001:db8::5")),
                  maybe(one("mtu 1400", "expires 100", "pref high"), one_in=8))  # fmt: skip
    way = st.one_of(say("via", GW6), say("via", GW6), say("via", GW6), say("dev", DEVICE), _hops(GW6, ""), say("nhid", NEXTHOP),
                    say("via", GW6, "encap seg6 mode encap segs", one("fc00::5", "fc00::6"), "dev v0"))  # fmt: skip
    return st.one_of(
        say("ip -6 route", VERB, DST6, options, way),
        say("ip -6 route", VERB, DST6, options, way),
        say("ip -6 route", VERB, DST6, "via", GW6),
        say("ip -6 route", VERB, DEAD_END, DST6, options),
        say("ip -6 route", one("add", "del", "replace"), one("local", "anycast"), "2001:db8:7::1 dev", DEVICE),
        say("ip -6 route del", DST6, TABLE),
        say("ip -6 route flush", one("table 100", "fc00:1::/64", "dev v0", "proto 77")),
    )


def nexthops() -> Text:
    change = one("add", "add", "replace")
    member = say(NEXTHOP, maybe(one("3"))).map(lambda drawn: drawn.replace(" ", ","))
    group = st.lists(member, min_size=1, max_size=3).map("/".join)
    return st.one_of(
        say("ip nexthop", change, "id", NEXTHOP, "via", GW4, "dev", one("v0", "w0")),
        say("ip nexthop", change, "id", NEXTHOP, "via", GW6, "dev", one("v0", "w0")),
        say("ip nexthop", change, "id", NEXTHOP, "group", group),
        say("ip nexthop", change, "id", NEXTHOP, one("blackhole", "dev v0", "dev w0", "via 10.0.0.3 dev v0 encap ip id 7 dst 1.1.1.1")),
        say("ip nexthop", change, "id 6 group", group, "type resilient buckets 4", maybe("idle_timer 30")),
        say("ip nexthop del id", NEXTHOP),
        say("ip nexthop flush", one("", "dev v0")),
    )


def rules() -> Text:
    match = st.one_of(
        say("from", one("10.1.0.0/16", "10.2.0.0/16")), say("iif", DEVICE), say("oif", one("v0", "zz")), say("fwmark", one("1", "1/3")),
        one("tos 4", "ipproto tcp dport 80", "ipproto udp sport 5-9", "uidrange 1-5", "to 10.0.0.0/8", "not from 1.2.3.4"),
    )  # fmt: skip
    what = one("lookup 100", "lookup main", "goto 200", "goto 300", "blackhole", "lookup 100 suppress_prefixlength 0", "prohibit")
    return st.one_of(
        say(one("ip rule", "ip -6 rule"), one("add", "add", "del"), "pref", one("100", "200", "300"), maybe(match, one_in=2), what),
        say("ip rule del pref", one("100", "200", "300")),
    )


def addresses() -> Text:
    own4 = one("10.0.0.1/24", "10.0.0.2/24", "10.0.0.5/24", "10.0.0.5/32", "10.9.0.1/24", "10.9.0.7/16", "10.5.0.1 peer 10.6.0.1")
    own6 = one("2001:db8::1/64", "2001:db8::5/64", "2001:db9::1/64", "2001:db8::5/128", "2001:db8::7 peer 2001:db8:1::7/64")
    options = say(maybe(one("metric 50", "metric 60")), maybe(one("valid_lft 100 preferred_lft 50", "noprefixroute")),
                  maybe(one("scope link", "scope host", "home", "label v0:1", "proto 77"), one_in=8))  # fmt: skip
    verb = one("add", "add", "change", "replace", "del", "del")
    return st.one_of(
        say("ip addr", verb, own4, "dev", DEVICE, options),
        say("ip addr", verb, own6, "dev", DEVICE, options),
        say("ip addr flush dev", DEVICE, maybe(one("scope global", "secondary"))),
    )


def links() -> Text:
    change = one("mtu 1400", "mtu 1500", "mtu 1280", "mtu 1200", "address 02:00:00:00:00:01", "address 02:00:00:00:00:02", "alias some",
                 "group 7", "txqueuelen 50", "promisc on", "promisc off", "allmulticast on", "arp off", "arp on", "multicast off",
                 "addrgenmode none", "addrgenmode eui64", "nomaster", "alias other", "broadcast ff:ff:ff:ff:ff:fe", "mode dormant",
                 "mode default", "state dormant", "state up")  # fmt: skip
    up_down = one("up", "up", "down")
    often = (say("ip link set", DEVICE, up_down), say("ip link set", one("v0", "w0"), up_down), say("ip link set", DEVICE, change))
    return st.one_of(
        *often * 4,
        say("ip link set", NEAR, "name", one("v0", "v0", "w0", "a0", "zz")),
        say("ip link property", one("add", "del"), "dev", DEVICE, "altname", one("alt1", "alt2")),
        say("ip link del", MADE),
        say("ip link del", PORT),
        say("ip link set", DEVICE, "netns right"),
        say("ip link add", one("v0", "v0", "a0"), "up type veth peer name", one("v1", "a1"), maybe("netns right")),
        say("ip link add", one("w0", "w0", "zz"), "type veth peer name", one("w1", "a1"), "netns right"),
    )


def kinds() -> Text:
    return st.one_of(
        *(say(text) for feature, text in (
            ("bridge", one("ip link add br0 type bridge", "ip link add br1 up type bridge")),
            ("vxlan", say("ip link add vx0 up type vxlan id 5 dstport 4789", maybe("remote 10.0.0.2 dev v0", one_in=2))),
            ("macvlan", one("ip link add m0 up link v0 type macvlan mode bridge", "ip link add m0 link a0 type macvlan mode private",
                            "ip link set m0 type macvlan mode vepa", "ip link add m0 up link v0 type macvtap")),
            ("ifb", one("ip link add i0 type ifb", "ip link add i0 up numtxqueues 2 type ifb")),
            ("tun", one("ip tuntap add t0 mode tun", "ip tuntap add t0 mode tap", "ip tuntap del t0 mode tun")),
        ) if probe(feature).works)
    )  # fmt: skip


def bridges() -> Text:
    return st.one_of(
        say("ip link set", NEAR, "master", one("br0", "br1")),
        say("ip link set", DEVICE, "nomaster"),
        say("bridge link set dev", PORT, one("cost 44", "learning off", "isolated on", "state 2", "state 3")),
        say("ip link set br0 type bridge", one("stp_state 1", "stp_state 0", "priority 100", "priority 200", "ageing_time 1000")),
        say("bridge fdb", one("add", "append", "replace", "del"), MAC, "dev", DEVICE,
            one("master static", "master dynamic", "self", "master")),
        say("bridge fdb flush dev", one("br0", "v0 master", "a0 master")),
    )  # fmt: skip


def far_ends() -> Text:
    """Without `replace` of the all-zero address: Linux 6.18 refuses it after it has changed the entry's state already
    (vxlan_fdb_update_existing), and neither the refusal nor an event tells."""
    dst = say("dst", one("10.0.0.2", "10.0.0.3"), maybe(one("vni 9", "port 5", "via v0")))
    verb = one("add", "append", "append", "del")
    return st.one_of(
        say("bridge fdb", st.one_of(verb, st.just("replace")), MAC, "dev vx0", dst, maybe("dynamic")),
        say("bridge fdb", verb, "00:00:00:00:00:00 dev vx0", dst, maybe("dynamic")),
        say("ip link set vx0 type vxlan", one("remote 10.0.0.3", "remote 10.0.0.2", "ageing 60")),
        say("bridge fdb flush dev vx0"),
    )


def neighbours() -> Text:
    verb = one("add", "replace", "change", "del")
    who = one("10.0.0.9", "10.0.0.10", "2001:db8::9")
    return st.one_of(
        say("ip neigh", verb, who, "lladdr", MAC, "dev", DEVICE, maybe(one("nud reachable", "router", "extern_learn", "nud stale"))),
        say("ip neigh", one("add", "del"), "proxy", who, "dev", DEVICE),
        say("ip neigh", one("add", "replace"), one("10.0.0.9", "2001:db8::9"), "dev", DEVICE, "managed"),
        say("ip neigh flush dev", DEVICE, maybe("nud permanent")),
    )


def traffic() -> Text:
    device = one("v0", "w0", "a0")
    verb = one("add", "replace", "del", "change")
    parent = one("root", "parent 1:1", "parent 1:10")
    return st.one_of(
        say("tc qdisc", verb, "dev", device, "root handle 1: htb default 10"),
        say("tc qdisc", verb, "dev", device, parent, "handle", one("1:", "20:"),
            one("pfifo limit 7", "tbf rate 1mbit burst 10k latency 50ms", "htb")),
        say("tc qdisc", one("add", "del"), "dev", device, one("clsact", "ingress", "root")),
        say("tc class", verb, "dev", device, "parent 1: classid", one("1:1", "1:10"), "htb rate", one("1mbit", "2mbit")),
        say("tc class", one("add", "del"), "dev", device, "parent 1:1 classid 1:10 htb rate 1mbit"),
        say("tc filter", one("add", "add", "del"), "dev", device, one("parent 1:", "ingress", "egress"), "protocol ip prio", one("5", "6"),
            one("u32 match ip dst 1.2.3.4 flowid 1:1", "u32 match u32 0 0 flowid 1:10")),
        say("tc filter del dev", device, one("parent 1:", "ingress", "egress"), "prio", one("5", "6")),
    )  # fmt: skip


def sysctls() -> Text:
    switch = one("0", "1")
    return st.one_of(
        say("sysctl net.ipv4.conf.all.promote_secondaries=", switch),
        say("sysctl net.ipv6.conf.", one("v0", "all"), ".disable_ipv6=", switch),
        say("sysctl net.ipv6.conf.all.forwarding=", switch),
    ).map(lambda drawn: drawn.replace("= ", "=").replace(". ", ".").replace(" .", "."))


def there() -> Text:
    """What happens on the other side, and what comes back from there."""
    device = one("v1", "w1", "v0", "w0", "a0", "br0", "vx0")
    return st.one_of(
        say("ip link set", one("v1", "w1"), one("up", "down")),
        say("ip link set", one("v1", "w1"), one("up", "down")),
        say("ip link set", device, "up"),
        say("ip link set", device, "netns left"),
        say("ip link del", device),
        say("ip addr add", one("10.0.0.9/24", "2001:db8::99/64"), "dev", device),
        say("ip link set", device, "name", one("v1", "x1")),
    )


_FEATURES: Final[Sequence[tuple[int, str, Callable[[], Text]]]] = (
    (5, "multipath", routes4), (5, "multipath6", routes6), (3, "nexthop-group", nexthops), (2, "rule", rules), (3, "veth", addresses),
    (3, "veth", links), (2, "veth", kinds), (3, "bridge", bridges), (2, "vxlan", far_ends), (2, "neighbour-proxy", neighbours),
    (3, "class-htb", traffic), (1, "ipv6", sysctls),
)  # fmt: skip
"""Weight, what the kernel must have, the operations."""


def setup() -> list[Command]:
    return [Command.parse(line) for feature, line in _SETUP if probe(feature).works]


def bursts(*, most: int) -> st.SearchStrategy[list[list[Command]]]:
    """Bursts of one to four commands, at least half as many as `most`: short plays hardly ever show anything."""
    here = [family for weight, feature, make in _FEATURES if probe(feature).works for family in [make()] * weight]
    command = st.one_of(*(family.map(Command) for family in here), *[there().map(lambda text: Command(text, "right"))] * 2)
    single, several = st.lists(command, min_size=1, max_size=1), st.lists(command, min_size=2, max_size=4)
    return st.lists(st.one_of(single, single, several), min_size=most // 2, max_size=most)
