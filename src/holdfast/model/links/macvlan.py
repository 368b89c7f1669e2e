"""MACVLAN and MACVTAP: further MAC addresses on an interface.

Source: IFLA_MACVLAN_*, MACVLAN_MODE_*, include/uapi/linux/if_link.h. Both kinds use the same attributes.
"""

from holdfast.model.field import I32, LLADDR, U16, U32, Field, ListOf

from .kind import LinkKind, fields_of


def _data(prefix: str) -> tuple[Field, ...]:
    f = fields_of(prefix, "IFLA_MACVLAN")
    return (
        f("mode", U32, "whom it can talk to", names="macvlan_mode"),
        f("flags", U16, "bit 0: the interface below stays out of promiscuous mode, bit 1: no automatic allmulti"),
        f("macaddr_mode", U32, "requests only: what to do with the source addresses"),
        f("macaddr", LLADDR, "requests only: one source address"),
        f("macaddr_data", ListOf(LLADDR, "IFLA_MACVLAN_MACADDR"), "source addresses that it accepts (mode source)"),
        f("macaddr_count", U32, "how many these are", readonly=True),
        f("bc_queue_len", U32, "broadcast queue wanted", unit="packets"),
        f("bc_queue_len_used", U32, "broadcast queue in use", unit="packets", readonly=True),
        f("bc_cutoff", I32, "multicast that more ports than this want goes by the queue"),
    )


MACVLAN = LinkKind(kind="macvlan", doc="A further MAC address on the interface below.", data=_data("macvlan"))
MACVTAP = LinkKind(kind="macvtap", doc="The same, whose other side is a character device.", data=_data("macvtap"))
