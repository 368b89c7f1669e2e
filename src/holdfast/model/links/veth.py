"""Virtual Ethernet pairs.

Source: VETH_INFO_PEER, include/uapi/linux/veth.h. The kernel takes it and never tells it: the other end is in `link` and
  `link_netnsid` of each.
Wire of `peer`: struct ifinfomsg (16 bytes), then IFLA_* attributes. Value: an object of interface fields.
"""

from holdfast.model.field import Packed

from .kind import LinkKind, fields_of

VETH = LinkKind(
    kind="veth",
    doc="One end of a virtual cable; the other end is its `link`.",
    data=(fields_of("veth", "VETH_INFO")("peer", Packed("peer"), "requests only: the other end, as it is to be made"),),
)
