"""Traffic control: queueing disciplines, their classes, and the filters that choose among them.

Source: struct tcmsg + TCA_*, include/uapi/linux/rtnetlink.h; TCA_STATS2, include/uapi/linux/gen_stats.h. Handles and parents are
  major << 16 | minor. Options differ by kind and stay raw.
Dumps: classes and filters are asked for per interface, filters per parent as well.
"""

import sys

from .field import BYTES, I32, TEXT, U8, U16, U32, U64, Field, Message, Nest, Packed, Struct, Table

STATS = Nest(
    (
        Field("basic", Struct("QI", ("bytes", "packets")), "TCA_STATS_BASIC", "what went through"),
        Field("queue", Struct("IIIII", ("qlen", "backlog", "drops", "requeues", "overlimits")), "TCA_STATS_QUEUE",
              "what waits, and what did not fit"),
        Field("rate_est", Struct("II", ("bps", "pps")), "TCA_STATS_RATE_EST", "estimated rates, bytes/s and packets/s"),
        Field("rate_est64", Struct("QQ", ("bps", "pps")), "TCA_STATS_RATE_EST64", "the same with 64 bits"),
        Field("basic_hw", Struct("QI", ("bytes", "packets")), "TCA_STATS_BASIC_HW", "what went through in hardware"),
        Field("pkt64", U64, "TCA_STATS_PKT64", "packets with 64 bits"),
        Field("app", BYTES, "TCA_STATS_APP", "the kind's own, raw"),
    ),
    silent=("TCA_STATS_PAD",),
)  # fmt: skip

_SILENT = {
    "TCA_STATS": "32 bit twin of TCA_STATS2",
    "TCA_XSTATS": "twin of TCA_STATS2's own of the kind",
    "TCA_FCNT": "how many filters share it just now",
    "TCA_DUMP_INVISIBLE": "what was asked for",
    "TCA_EXT_WARN_MSG": "a warning about a request",
}


def _message(noun: str) -> Message:
    return Message(f"RTM_NEW{noun}", f"RTM_DEL{noun}", f"RTM_GET{noun}", header="tcmsg", prefix="TCA", groups=("RTNLGRP_TC",))


_IFINDEX = Field("ifindex", I32, "tcm_ifindex", "interface; -1: a shared block, whose number `parent` is", default=0, names="ifindex",
                 aliases=("index",))  # fmt: skip
_HANDLE = Field("handle", U32, "tcm_handle", "its own number", default=0, names="tc_handle")
_PARENT = Field("parent", U32, "tcm_parent", "what it hangs on", default=0, names="tc_handle")
_KIND = Field("kind", TEXT, "TCA_KIND", "kind: fq_codel, htb, u32 …")
_OPTIONS = Field("options", Packed("tc_options", "TEXT"), "TCA_OPTIONS", "its options, raw, in hex; without counters")
_STATS = Field("stats", STATS, "TCA_STATS2", "counters", volatile=True)
_UNKNOWN = Field("unknown", Packed("unknown"), doc="attributes that this version does not know: number to hex")

QDISCS = Table(
    name="qdiscs",
    noun="qdisc",
    doc="Queueing disciplines of interfaces.",
    message=_message("QDISC"),
    fields=(
        _IFINDEX,
        _KIND,
        _HANDLE,
        _PARENT,
        Field("info", U32, "tcm_info", "how many refer to it", default=0, volatile=True),
        _OPTIONS,
        Field("stab", BYTES, "TCA_STAB", "size table, raw"),
        Field("hw_offload", U8, "TCA_HW_OFFLOAD", "1: done by hardware"),
        Field("ingress_block", U32, "TCA_INGRESS_BLOCK", "shared block of filters, incoming"),
        Field("egress_block", U32, "TCA_EGRESS_BLOCK", "shared block of filters, outgoing"),
        _STATS,
        _UNKNOWN,
    ),
    key=("ifindex", "parent", "handle"),
    summary=("ifindex", "handle", "parent", "kind"),
    silent=_SILENT,
)

CLASSES = Table(
    name="classes",
    noun="class",
    doc="Traffic classes of queueing disciplines.",
    message=_message("TCLASS"),
    fields=(
        _IFINDEX,
        _KIND,
        _HANDLE,
        _PARENT,
        Field("leaf", U32, "tcm_info", "handle of the queueing discipline inside", default=0, names="tc_handle"),
        _OPTIONS,
        _STATS,
        _UNKNOWN,
    ),
    key=("ifindex", "handle"),
    summary=("ifindex", "handle", "parent", "kind"),
    silent=_SILENT,
)


def _priority(info: int) -> int:
    return info >> 16


def _protocol(info: int) -> int:
    return int.from_bytes((info & 0xFFFF).to_bytes(2, sys.byteorder), "big")


FILTERS = Table(
    name="filters",
    noun="filter",
    doc="Filters: which class or action a packet gets.",
    message=_message("TFILTER"),
    fields=(
        _IFINDEX,
        _KIND,
        _HANDLE,
        _PARENT,
        Field("info", U32, "tcm_info", "priority << 16 | protocol in network byte order", default=0),
        Field("priority", U16, doc="order: the lowest first", default=0, aliases=("prio",), derive=("info", _priority)),
        Field("protocol", U16, doc="EtherType that it looks at", default=0, names="ethertype", derive=("info", _protocol)),
        Field("chain", U32, "TCA_CHAIN", "chain that it stands in", default=0),
        _OPTIONS,
        _STATS,
        _UNKNOWN,
    ),
    key=("ifindex", "parent", "chain", "info", "handle"),
    summary=("ifindex", "handle", "parent", "kind", "priority", "protocol", "chain"),
    silent=_SILENT,
)
