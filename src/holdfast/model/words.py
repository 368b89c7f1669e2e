"""The words that `ip`, `bridge` and `tc` print for numbers, where they are the same on every host.

    ENUMS["rtn_type"][1]   "unicast"           one number, one word
    BITS["rt_flags"][16]   "linkdown"          a word per bit; the order is that in which they are shown
    DEFAULTS["rt_tables"]  {254: "main", …}    what holds where a host has no file of names, or none for this number

The names of the tables are those that fields refer to (`Field.names`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["ALIASES", "BITS", "DEFAULTS", "ENUMS"]


def _count(words: str, start: int = 0) -> dict[int, str]:
    return dict(enumerate(words.split(), start))


ENUMS: Final[Mapping[str, Mapping[int, str]]] = {
    "family": {0: "unspec", 2: "inet", 7: "bridge", 10: "inet6", 17: "link", 28: "mpls"},
    "rtn_type": _count("none unicast local broadcast anycast multicast blackhole unreachable prohibit throw nat xresolve"),
    "rt_pref": {0: "medium", 1: "high", 3: "low"},
    "lwtunnel": _count("none mpls ip ila ip6 seg6 bpf seg6local rpl ioam6 xfrm"),
    "fr_act": {0: "unspec", 1: "lookup", 2: "goto", 3: "nop", 6: "blackhole", 7: "unreachable", 8: "prohibit"},
    "nexthop_group_type": {0: "mpath", 1: "resilient"},
    "linkmode": {0: "DEFAULT", 1: "DORMANT", 2: "TESTING"},
    "addr_gen_mode": _count("eui64 none stable_secret random"),
    "ifi_type": {
        0: "netrom", 1: "ether", 2: "eether", 3: "ax25", 4: "pronet", 5: "chaos", 6: "ieee802", 7: "arcnet", 8: "atalk", 15: "dlci",
        19: "atm", 23: "metricom", 24: "ieee1394", 27: "eui64", 32: "infiniband", 256: "slip", 257: "cslip", 258: "slip6",
        259: "cslip6", 260: "rsrvd", 264: "adapt", 270: "rose", 271: "x25", 272: "hwx25", 280: "can", 290: "mctp", 512: "ppp",
        513: "hdlc", 516: "lapb", 517: "ddcmp", 518: "rawhdlc", 519: "rawip", 768: "ipip", 769: "tunnel6", 770: "frad", 771: "skip",
        772: "loopback", 773: "ltalk", 774: "fddi", 775: "bif", 776: "sit", 777: "ip/ddp", 778: "gre", 779: "pimreg", 780: "hippi",
        781: "ash", 782: "econet", 783: "irda", 784: "fcpp", 785: "fcal", 786: "fcpl", 787: "fcfb0", 800: "tr", 801: "ieee802.11",
        802: "ieee802.11/prism", 803: "ieee802.11/radiotap", 804: "ieee802.15.4", 805: "ieee802.15.4/monitor", 820: "phonet",
        821: "phonet_pipe", 822: "caif", 823: "gre6", 824: "netlink", 825: "6lowpan", 0xFFFE: "none", 0xFFFF: "void",
    },
    "ip_proto": {
        1: "icmp", 2: "igmp", 4: "ipencap", 6: "tcp", 17: "udp", 33: "dccp", 41: "ipv6", 46: "rsvp", 47: "gre", 50: "esp", 51: "ah",
        58: "ipv6-icmp", 88: "eigrp", 89: "ospf", 94: "ipip", 103: "pim", 112: "vrrp", 115: "l2tp", 132: "sctp", 136: "udplite",
        137: "mpls-in-ip", 255: "raw",
    },
    "ethertype": {
        0x0003: "all", 0x0800: "ip", 0x0806: "arp", 0x8035: "rarp", 0x8100: "802.1Q", 0x86DD: "ipv6", 0x8847: "mpls_uc", 0x8848: "mpls_mc",
        0x8863: "ppp_disc", 0x8864: "ppp_ses", 0x88A8: "802.1ad", 0x88CC: "lldp",
    },
    # kinds of links
    "br_state": _count("disabled listening learning forwarding blocking"),
    "macvlan_mode": {1: "private", 2: "vepa", 4: "bridge", 8: "passthru", 16: "source"},
    "ipvlan_mode": _count("l2 l3 l3s"),
    "tunnel_encap": _count("none fou gue mpls"),
    "tun_type": {1: "tun", 2: "tap"},
    "bond_mode": _count("balance-rr active-backup balance-xor broadcast 802.3ad balance-tlb balance-alb"),
    "bond_arp_validate": _count("none active backup all filter filter_active filter_backup"),
    "bond_arp_all_targets": _count("any all"),
    "bond_primary_reselect": _count("always better failure"),
    "bond_fail_over_mac": _count("none active follow"),
    "bond_xmit_hash_policy": _count("layer2 layer3+4 layer2+3 encap2+3 encap3+4 vlan+srcmac"),
    "bond_ad_lacp_rate": _count("slow fast"),
    "bond_ad_select": _count("stable bandwidth count actor_port_prio"),
    "bond_slave_state": _count("ACTIVE BACKUP"),
    "bond_mii_status": _count("UP GOING_DOWN DOWN GOING_BACK"),
}  # fmt: skip

BITS: Final[Mapping[str, Mapping[int, str]]] = {
    "iff": {
        0x8: "LOOPBACK", 0x2: "BROADCAST", 0x10: "POINTOPOINT", 0x1000: "MULTICAST", 0x80: "NOARP", 0x200: "ALLMULTI", 0x100: "PROMISC",
        0x400: "MASTER", 0x800: "SLAVE", 0x4: "DEBUG", 0x8000: "DYNAMIC", 0x4000: "AUTOMEDIA", 0x2000: "PORTSEL", 0x20: "NOTRAILERS",
        0x1: "UP", 0x40: "RUNNING", 0x10000: "LOWER_UP", 0x20000: "DORMANT", 0x40000: "ECHO",
    },
    "rt_flags": {
        0x1: "dead", 0x4: "onlink", 0x2: "pervasive", 0x8: "offload", 0x40: "trap", 0x100: "notify", 0x10: "linkdown", 0x20: "unresolved",
        0x4000: "rt_offload", 0x8000: "rt_trap", 0x20000000: "rt_offload_failed", 0x200: "cloned", 0x400: "equalize", 0x800: "prefix",
        0x1000: "lookup_table", 0x2000: "fib_match",
    },
    "ifa_flags": {
        0x1: "secondary", 0x40: "tentative", 0x20: "deprecated", 0x10: "home", 0x2: "nodad", 0x4: "optimistic", 0x8: "dadfailed",
        0x80: "permanent", 0x100: "mngtmpaddr", 0x200: "noprefixroute", 0x400: "autojoin", 0x800: "stable-privacy",
    },
    "nud": {
        0x1: "INCOMPLETE", 0x2: "REACHABLE", 0x4: "STALE", 0x8: "DELAY", 0x10: "PROBE", 0x20: "FAILED", 0x40: "NOARP", 0x80: "PERMANENT",
    },
    "ntf": {
        0x1: "use", 0x2: "self", 0x4: "master", 0x8: "proxy", 0x10: "extern_learn", 0x20: "offload", 0x40: "sticky", 0x80: "router",
    },
    "ntf_ext": {0x1: "managed", 0x2: "locked", 0x4: "extern_valid"},
    "fib_rule_flags": {
        0x1: "permanent", 0x2: "not", 0x4: "unresolved", 0x8: "iif_detached", 0x10: "oif_detached", 0x10000: "find_saddr",
    },
    "bridge_vlan_flags": {
        0x1: "master", 0x2: "PVID", 0x4: "Egress Untagged", 0x8: "range_begin", 0x10: "range_end", 0x20: "brentry", 0x40: "only_opts",
    },
}  # fmt: skip

DEFAULTS: Final[Mapping[str, Mapping[int, str]]] = {
    "rt_tables": {253: "default", 254: "main", 255: "local"},
    "rt_scopes": {0: "global", 200: "site", 253: "link", 254: "host", 255: "nowhere"},
    "rt_protos": {
        0: "unspec", 1: "redirect", 2: "kernel", 3: "boot", 4: "static", 8: "gated", 9: "ra", 10: "mrt", 11: "zebra", 12: "bird",
        13: "dnrouted", 14: "xorp", 15: "ntk", 16: "dhcp", 17: "mrouted", 18: "keepalived", 42: "babel", 99: "openr", 186: "bgp",
        187: "isis", 188: "ospf", 189: "rip", 192: "eigrp",
    },
    "rt_addrprotos": {0: "unspec", 1: "kernel_lo", 2: "kernel_ra", 3: "kernel_ll"},
    "rt_dsfield": {},
    "rt_realms": {0: "unknown"},
    "group": {0: "default"},
}  # fmt: skip
"""By the name of the file under /etc/iproute2 that a host may have."""

ALIASES: Final[Mapping[str, Mapping[str, int]]] = {
    "rt_tables": {"unspec": 0, "all": 0},
    "rt_scopes": {"universe": 0},
    "rtn_type": {"unspec": 0},
    "fr_act": {"to_tbl": 1, "to_table": 1, "table": 1},
    "ifa_flags": {"temporary": 0x1, "homeaddress": 0x10, "managetempaddr": 0x100, "mcautojoin": 0x400, "stable_privacy": 0x800},
    "ntf": {"ext_learned": 0x10, "offloaded": 0x20},
    "ntf_ext": {"ext_validated": 0x4},
    "fib_rule_flags": {"invert": 0x2},
    "bridge_vlan_flags": {"untagged": 0x4},
    "bond_mode": {"balance_rr": 0, "active_backup": 1, "balance_xor": 2, "lacp": 4, "balance_tlb": 5, "balance_alb": 6},
    "family": {"ip": 2, "ipv4": 2, "ip6": 10, "ipv6": 10},
    "ip_proto": {"icmpv6": 58, "icmp6": 58},
}
"""Further words that are understood and never shown."""
