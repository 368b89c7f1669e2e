"""Nexthop objects: ways out that have a number of their own, and groups of them (ECMP, resilient).

Source: struct nhmsg + NHA_*, struct nexthop_grp, include/uapi/linux/nexthop.h.
Wire of `nexthop_group`: a run of struct nexthop_grp, 8 bytes each: u32 id, u8 weight - 1, u8 the upper bits of that (Linux
  6.12), u16 reserved. Value: a list of {"id": …, "weight": …}, weight being (high << 8 | low) + 1.
"""

from .field import FLAG, IP, U8, U16, U32, Field, Message, Nest, Packed, Table

RESILIENT = Nest(
    (
        Field("buckets", U16, "NHA_RES_GROUP_BUCKETS", "how many buckets"),
        Field("idle_timer", U32, "NHA_RES_GROUP_IDLE_TIMER", "a bucket idle for so long may move", "1/100 s"),
        Field("unbalanced_timer", U32, "NHA_RES_GROUP_UNBALANCED_TIMER", "balance is forced after so long; 0: never", "1/100 s"),
    ),
    silent=("NHA_RES_GROUP_UNBALANCED_TIME",),
)

NEXTHOPS = Table(
    name="nexthops",
    noun="nexthop",
    doc="Nexthop objects and groups.",
    message=Message(
        new="RTM_NEWNEXTHOP",
        delete="RTM_DELNEXTHOP",
        get="RTM_GETNEXTHOP",
        header="nhmsg",
        prefix="NHA",
        groups=("RTNLGRP_NEXTHOP",),
    ),
    fields=(
        Field("id", U32, "NHA_ID", "its number", default=0, aliases=("nh_id",)),
        Field("family", U8, "nh_family", "address family", default=0, names="family"),
        Field("gateway", IP, "NHA_GATEWAY", "next hop"),
        Field("oif", U32, "NHA_OIF", "outgoing interface", names="ifindex"),
        Field("blackhole", FLAG, "NHA_BLACKHOLE", "1: packets are dropped"),
        Field("group_members", Packed("nexthop_group"), "NHA_GROUP", "members of a group: list of id and weight", aliases=("group",)),
        Field("group_type", U16, "NHA_GROUP_TYPE", "how the group shares", names="nexthop_group_type"),
        Field("fdb", FLAG, "NHA_FDB", "1: for VXLAN forwarding entries, not for routes"),
        Field("encap_type", U16, "NHA_ENCAP_TYPE", "LWTUNNEL_ENCAP_*", names="lwtunnel"),
        Field("encap", Packed("encap"), "NHA_ENCAP", "encapsulation; shape by encap_type"),
        Field("res_group", RESILIENT, "NHA_RES_GROUP", "how a resilient group moves its buckets"),
        Field("scope", U8, "nh_scope", "how far away", default=0, names="rt_scopes", readonly=True),
        Field("protocol", U8, "nh_protocol", "who installed it", default=0, names="rt_protos"),
        Field("flags", U32, "nh_flags", "RTNH_F_* bits", default=0, names="rt_flags"),
        Field("hw_stats_enable", U32, "NHA_HW_STATS_ENABLE", "1: hardware counts packets of the group"),
        Field("unknown", Packed("unknown"), doc="attributes that this version does not know: number to hex"),
    ),
    key=("id",),
    summary=("id", "gateway", "oif", "group_members", "protocol"),
    indexes=(("oif",), ("gateway",)),
    silent={
        "NHA_OP_FLAGS": "what was asked for",
        "NHA_GROUP_STATS": "counters",
        "NHA_HW_STATS_USED": "whether hardware counts just now",
    },
)  # fmt: skip
