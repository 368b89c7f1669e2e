"""IPVLAN and IPVTAP: further IP addresses on an interface, with the same MAC address.

Source: IFLA_IPVLAN_*, IPVLAN_MODE_*, include/uapi/linux/if_link.h.
"""

from holdfast.model.field import U16, Field

from .kind import LinkKind, fields_of


def _data(prefix: str) -> tuple[Field, ...]:
    f = fields_of(prefix, "IFLA_IPVLAN")
    return (f("mode", U16, "l2, l3 or l3s", names="ipvlan_mode"), f("flags", U16, "bit 0: private, bit 1: VEPA"))


IPVLAN = LinkKind(kind="ipvlan", doc="Further IP addresses on the interface below.", data=_data("ipvlan"))
IPVTAP = LinkKind(kind="ipvtap", doc="The same, whose other side is a character device.", data=_data("ipvtap"))
