"""Routes: IPv4, IPv6 and MPLS, as the kernel's forwarding tables hold them.

Source: struct rtmsg + RTA_*, include/uapi/linux/rtnetlink.h; hops are struct rtnexthop; encapsulations are RTA_ENCAP,
  include/uapi/linux/lwtunnel.h, mpls_iptunnel.h, seg6_iptunnel.h.
Identity: `ip route append` makes two routes with equal prefix, table, tos and priority, so the way out is part of the key.
  `hops` is that of a multipath route: the JSON of its hops without their flags, which change with the carrier.
"""

import json
from typing import Any

from .field import IP, TEXT, U8, U16, U32, Field, Message, Nest, Packed, Struct, Table


def hops_key(multipath: Any, via: Any, encap: Any, newdst: Any, metrics: Any) -> str:
    """What sets two routes of one prefix apart beside gateway, interface and the plain columns.

    The flags of hops are left out: `dead` and `linkdown` come and go with the carrier, and the route stays the same.
    """
    if not (multipath or via or encap or newdst or metrics):
        return ""
    if multipath:
        multipath = [{name: part for name, part in hop.items() if name != "flags"} for hop in multipath]
    parts = {"multipath": multipath, "via": via, "encap": encap, "newdst": newdst, "metrics": metrics}
    lasting = {name: part for name, part in parts.items() if part}
    return json.dumps(lasting, sort_keys=True, separators=(",", ":"))


METRICS = tuple(
    Field(name, U32, f"RTAX_{word}", doc)
    for name, word, doc in (
        ("lock", "LOCK", "bit n: metric n is not changed by path MTU discovery and the like"),
        ("mtu", "MTU", "path MTU, bytes"),
        ("window", "WINDOW", "largest TCP window, bytes"),
        ("rtt", "RTT", "round trip time, 1/8 ms"),
        ("rttvar", "RTTVAR", "its variance, 1/4 ms"),
        ("ssthresh", "SSTHRESH", "slow start threshold, segments"),
        ("cwnd", "CWND", "congestion window, segments"),
        ("advmss", "ADVMSS", "TCP segment size to advertise, bytes"),
        ("reordering", "REORDERING", "reordering, segments"),
        ("hoplimit", "HOPLIMIT", "hop limit, hops"),
        ("initcwnd", "INITCWND", "initial congestion window, segments"),
        ("features", "FEATURES", "RTAX_FEATURE_* bits"),
        ("rto_min", "RTO_MIN", "least retransmission time-out, ms"),
        ("initrwnd", "INITRWND", "initial receive window, segments"),
        ("quickack", "QUICKACK", "1: acknowledge at once"),
        ("fastopen_no_cookie", "FASTOPEN_NO_COOKIE", "1: TCP fast open without a cookie"),
    )
)

CACHEINFO = Struct("IIiIIIII", ("clntref", "lastuse", "expires", "error", "used", "id", "ts", "tsage"))

ROUTES = Table(
    name="routes",
    noun="route",
    doc="The forwarding tables.",
    message=Message(
        new="RTM_NEWROUTE",
        delete="RTM_DELROUTE",
        get="RTM_GETROUTE",
        header="rtmsg",
        prefix="RTA",
        families=("AF_INET", "AF_INET6", "AF_MPLS"),
        groups=("RTNLGRP_IPV4_ROUTE", "RTNLGRP_IPV6_ROUTE", "RTNLGRP_MPLS_ROUTE"),
    ),
    fields=(
        Field("family", U8, "rtm_family", "address family", default=0, names="family"),
        Field("dst", Packed("destination", "TEXT"), "RTA_DST", "prefix address, `default`, or MPLS label", default="default"),
        Field("dst_len", U8, "rtm_dst_len", "prefix length", "bits", default=0),
        Field("src", IP, "RTA_SRC", "source prefix (IPv6 subtrees)"),
        Field("src_len", U8, "rtm_src_len", "its length", "bits", default=0),
        Field("tos", U8, "rtm_tos", "type of service (dsfield)", default=0, names="rt_dsfield"),
        Field("table_id", U32, ("RTA_TABLE", "rtm_table"), "routing table", default=0, names="rt_tables", aliases=("table",)),
        Field("type", U8, "rtm_type", "unicast, local, blackhole …", default=0, names="rtn_type"),
        Field("proto", U8, "rtm_protocol", "who installed it", default=0, names="rt_protos"),
        Field("scope", U8, "rtm_scope", "how far away", default=0, names="rt_scopes"),
        Field("flags", U32, "rtm_flags", "RTNH_F_* and RTM_F_* bits", default=0, names="rt_flags"),
        Field("gateway", IP, "RTA_GATEWAY", "next hop"),
        Field("via", Packed("via"), "RTA_VIA", "next hop of another family: family, addr"),
        Field("oif", U32, "RTA_OIF", "outgoing interface", names="ifindex"),
        Field("iif", U32, "RTA_IIF", "incoming interface", names="ifindex"),
        Field("priority", U32, "RTA_PRIORITY", "metric: the lowest wins", default=0, aliases=("metric",)),
        Field("prefsrc", IP, "RTA_PREFSRC", "source address to prefer"),
        Field("metrics", Nest(METRICS), "RTA_METRICS", "TCP and path metrics"),
        Field("multipath", Packed("multipath"), "RTA_MULTIPATH",
              "hops: list of gateway, via, oif, weight (hops in rtnexthop + 1), flags, encap"),
        Field("nh_id", U32, "RTA_NH_ID", "nexthop object"),
        Field("encap_type", U16, "RTA_ENCAP_TYPE", "LWTUNNEL_ENCAP_*", names="lwtunnel"),
        Field("encap", Packed("encap"), "RTA_ENCAP", "encapsulation; shape by encap_type"),
        Field("newdst", Packed("labels"), "RTA_NEWDST", "outgoing MPLS labels"),
        Field("ttl_propagate", U8, "RTA_TTL_PROPAGATE", "MPLS: 1 copies the TTL, 0 does not"),
        Field("pref", U8, "RTA_PREF", "router preference (RFC 4191)", names="rt_pref"),
        Field("flow", U32, "RTA_FLOW", "realms, source << 16 | destination", aliases=("realm",)),
        Field("cacheinfo", CACHEINFO, "RTA_CACHEINFO", "cache information; expires in 1/100 s", volatile=True, readonly=True),
        Field("hops", TEXT, doc="identity of a route whose way out is more than gateway and interface", default="",
              derive=(("multipath", "via", "encap", "newdst", "metrics"), hops_key)),
        Field("unknown", Packed("unknown"), doc="attributes that this version does not know: number to hex"),
    ),
    key=(
        "dst", "dst_len", "table_id", "family", "tos", "priority", "src", "src_len", "type", "proto", "scope", "gateway", "oif", "nh_id",
        "prefsrc", "hops",
    ),
    summary=("table_id", "oif", "dst", "dst_len", "gateway"),
    indexes=(("oif",),),  # by gateway, of which there are few, 100 000 are searched in 7 ms; an index is an eighth of loading them
)  # fmt: skip
