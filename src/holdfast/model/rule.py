"""Rules: which routing table is asked for which packet, in order of priority.

Source: struct fib_rule_hdr + FRA_*, include/uapi/linux/fib_rules.h.
Identity: a rule has no number; it is all that the kernel compares (fib_rule_exists): what it matches and what it does. Its
  flags are not part of it, except `not`: the others say whether the interfaces it names exist just now, and change without
  an event when these come and go.
"""

from .field import BE32, FLAG, I32, IP, TEXT, U8, U16, U32, Field, Message, Packed, Struct, Table

FIB_RULE_INVERT = 0x2


def _invert(flags: int) -> int:
    return 1 if flags & FIB_RULE_INVERT else 0


RULES = Table(
    name="rules",
    noun="rule",
    doc="Routing policy rules.",
    message=Message(
        new="RTM_NEWRULE",
        delete="RTM_DELRULE",
        get="RTM_GETRULE",
        header="fib_rule_hdr",
        prefix="FRA",
        families=("AF_INET", "AF_INET6"),
        groups=("RTNLGRP_IPV4_RULE", "RTNLGRP_IPV6_RULE"),
    ),
    fields=(
        Field("family", U8, "family", "address family", default=0, names="family"),
        Field("priority", U32, "FRA_PRIORITY", "order: the lowest is asked first", default=0),
        Field("action", U8, "action", "what to do: ask a table, go on elsewhere, refuse …", default=0, names="fr_act"),
        Field("table_id", U32, ("FRA_TABLE", "table"), "routing table to ask", default=0, names="rt_tables", aliases=("table",)),
        Field("src", IP, "FRA_SRC", "source prefix"),
        Field("src_len", U8, "src_len", "its length", "bits", default=0),
        Field("dst", IP, "FRA_DST", "destination prefix"),
        Field("dst_len", U8, "dst_len", "its length", "bits", default=0),
        Field("tos", U8, "tos", "type of service", default=0, names="rt_dsfield"),
        Field("dscp", U8, "FRA_DSCP", "differentiated services code point"),
        Field("dscp_mask", U8, "FRA_DSCP_MASK", "which of its bits count"),
        Field("fwmark", U32, "FRA_FWMARK", "mark of the packet", default=0),
        Field("fwmask", U32, "FRA_FWMASK", "which of its bits count"),
        Field("iifname", TEXT, "FRA_IIFNAME", "incoming interface, by name"),
        Field("oifname", TEXT, "FRA_OIFNAME", "outgoing interface, by name"),
        Field("ip_proto", U8, "FRA_IP_PROTO", "IP protocol", names="ip_proto"),
        Field("sport_range", Struct("HH", ("start", "end")), "FRA_SPORT_RANGE", "source ports"),
        Field("sport_mask", U16, "FRA_SPORT_MASK", "which of its bits count"),
        Field("dport_range", Struct("HH", ("start", "end")), "FRA_DPORT_RANGE", "destination ports"),
        Field("dport_mask", U16, "FRA_DPORT_MASK", "which of its bits count"),
        Field("flowlabel", BE32, "FRA_FLOWLABEL", "IPv6 flow label"),
        Field("flowlabel_mask", BE32, "FRA_FLOWLABEL_MASK", "which of its bits count"),
        Field("uid_range", Struct("II", ("start", "end")), "FRA_UID_RANGE", "users"),
        Field("tun_id", Packed("tun_id", "TEXT"), "FRA_TUN_ID", "tunnel key, in decimal: it has 64 bits, SQLite's integers have 63"),
        Field("l3mdev", U8, "FRA_L3MDEV", "1: ask the table of the VRF that the packet's interface belongs to", default=0),
        Field("goto", U32, "FRA_GOTO", "priority to go on with"),
        Field("flow", U32, "FRA_FLOW", "realms, source << 16 | destination", aliases=("realms",)),
        Field("suppress_prefixlen", I32, "FRA_SUPPRESS_PREFIXLEN", "refuse routes of this length or shorter; -1: none", "bits", default=-1,
              aliases=("suppress_prefixlength",)),
        Field("suppress_ifgroup", I32, "FRA_SUPPRESS_IFGROUP", "refuse routes through this interface group; -1: none", default=-1,
              names="group"),
        Field("protocol", U8, "FRA_PROTOCOL", "who installed it", names="rt_protos"),
        Field("flags", U32, "flags", "FIB_RULE_* bits", default=0, names="fib_rule_flags"),
        Field("inverted", FLAG, doc="1: for packets that do not match", default=0, derive=("flags", _invert)),
        Field("unknown", Packed("unknown"), doc="attributes that this version does not know: number to hex"),
    ),
    key=(
        "priority", "family", "action", "table_id", "src", "src_len", "dst", "dst_len", "tos", "dscp", "dscp_mask", "fwmark", "fwmask",
        "iifname", "oifname", "ip_proto", "sport_range", "sport_mask", "dport_range", "dport_mask", "flowlabel", "flowlabel_mask",
        "uid_range", "tun_id", "l3mdev", "goto", "flow", "suppress_prefixlen", "suppress_ifgroup", "protocol", "inverted",
    ),
    summary=("family", "priority", "action", "table_id"),
)  # fmt: skip
