"""Forwarding databases: which MAC address is behind which port of a bridge, or behind which far end of a VXLAN device.

Source: struct ndmsg + NDA_*, include/uapi/linux/neighbour.h, family AF_BRIDGE.
Two kinds of owner: an entry with a `master` stands in the bridge's own table; one without stands in the list of the device
  itself (`self` for the bridge command: a VXLAN's far ends, addresses a card listens to).
Identity: in a bridge a MAC address and VLAN. The port is not part of it: when a station moves to another port the kernel
  announces the new place only. In a device's own list it is the address with far end, port, VNIs and outgoing interface,
  since one address may have several far ends.
"""

from .field import BE16, FLAG, I32, IP, LLADDR, U8, U16, U32, Field, Message, Nest, Packed, Struct, Table

NUD_FIXED = 0x40 | 0x80

EXT_ATTRS = Nest((Field("activity_notify", U8, "NFEA_ACTIVITY_NOTIFY", "bit 0: activity is told, bit 1: inactive now"),))


def _fixed(state: int) -> int:
    return 1 if state & NUD_FIXED else 0


def _device(master: int | None, ifindex: int) -> int:
    return 0 if master else ifindex


FDB = Table(
    name="fdb",
    noun="fdb entry",
    doc="Forwarding databases of bridges and VXLAN devices.",
    message=Message(
        new="RTM_NEWNEIGH",
        delete="RTM_DELNEIGH",
        get="RTM_GETNEIGH",
        header="ndmsg",
        prefix="NDA",
        families=("AF_BRIDGE",),
        groups=("RTNLGRP_NEIGH",),
    ),
    fields=(
        Field("family", U8, "ndm_family", "AF_BRIDGE", default=7, names="family"),
        Field("ifindex", U32, "ndm_ifindex", "port, or the device itself", default=0, names="ifindex"),
        Field("lladdr", LLADDR, "NDA_LLADDR", "MAC address"),
        Field("vlan", U16, "NDA_VLAN", "VLAN in the bridge", default=0),
        Field("master", U32, "NDA_MASTER", "bridge; NULL in a device's own list", names="ifindex"),
        Field("dst", IP, "NDA_DST", "VXLAN: far end"),
        Field("port", BE16, "NDA_PORT", "VXLAN: UDP port, where not the device's"),
        Field("vni", U32, "NDA_VNI", "VXLAN: network identifier to send with, where not the device's"),
        Field("src_vni", U32, "NDA_SRC_VNI", "VXLAN: network identifier it is for (external mode)"),
        Field("via_ifindex", U32, "NDA_IFINDEX", "VXLAN: outgoing interface", names="ifindex"),
        Field("nh_id", U32, "NDA_NH_ID", "VXLAN: nexthop object"),
        Field("link_netnsid", I32, "NDA_LINK_NETNSID", "VXLAN: namespace of the outgoing interface"),
        Field("state", U16, "ndm_state", "NUD_* bits: permanent, noarp (static), reachable or stale (learned)", default=0, names="nud",
              volatile=True),
        Field("fixed", FLAG, doc="1: permanent or static, not learned", default=0, derive=("state", _fixed)),
        Field("flags", U8, "ndm_flags", "NTF_* bits", default=0, names="ntf"),
        Field("flags_ext", U32, "NDA_FLAGS_EXT", "NTF_EXT_* bits", names="ntf_ext"),
        Field("ndm_type", U8, "ndm_type", "type of the address", default=0, names="rtn_type"),
        Field("protocol", U8, "NDA_PROTOCOL", "who made it", names="rt_protos"),
        Field("fdb_ext_attrs", EXT_ATTRS, "NDA_FDB_EXT_ATTRS", "notification of activity"),
        Field("cacheinfo", Struct("IIII", ("confirmed", "used", "updated", "refcnt")), "NDA_CACHEINFO",
              "ages in 1/100 s", volatile=True, readonly=True),
        Field("device", U32, doc="the device whose own list has it; 0: the bridge's table has it", default=0, names="ifindex",
              derive=(("master", "ifindex"), _device)),
        Field("unknown", Packed("unknown"), doc="attributes that this version does not know: number to hex"),
    ),
    key=("lladdr", "vlan", "master", "device", "dst", "port", "vni", "src_vni", "via_ifindex"),
    summary=("ifindex", "lladdr"),
    indexes=(("ifindex",), ("dst",)),
    aliases=("af_bridge_fdb",),
)  # fmt: skip
