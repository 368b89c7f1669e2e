"""VXLAN: Ethernet over UDP (RFC 7348).

Source: IFLA_VXLAN_*, struct ifla_vxlan_port_range, include/uapi/linux/if_link.h. The kernel tells IFLA_VXLAN_TTL_INHERIT as a u8,
  and wants a flag without payload in requests (vxlan_policy, drivers/net/vxlan/vxlan_core.c).
"""

from holdfast.model.field import BE16, BE32, BYTES, FLAG, IP, U8, U32, Struct

from .kind import LinkKind, fields_of

_f = fields_of("vxlan", "IFLA_VXLAN")

VXLAN = LinkKind(
    kind="vxlan",
    doc="A VXLAN tunnel end point.",
    data=(
        _f("id", U32, "network identifier (VNI)"),
        _f("group", IP, "multicast group, or the far end (IPv4)"),
        _f("group6", IP, "the same in IPv6"),
        _f("link", U32, "interface that it sends through", names="ifindex"),
        _f("local", IP, "source address (IPv4)"),
        _f("local6", IP, "source address (IPv6)"),
        _f("ttl", U8, "time to live of the outer packet; 0: automatic", unit="hops"),
        _f("ttl_inherit", U8, "1: taken from the inner packet", presence=True),
        _f("tos", U8, "type of service of the outer packet; 1: as the inner one"),
        _f("df", U8, "do not fragment: 0 no, 1 yes, 2 as the inner packet"),
        _f("label", BE32, "IPv6 flow label"),
        _f("label_policy", U32, "0 fixed, 1 as the inner packet"),
        _f("learning", U8, "1: learns addresses"),
        _f("ageing", U32, "learned addresses live for so long", unit="s"),
        _f("limit", U32, "most learned addresses; 0: any number"),
        _f("port", BE16, "UDP port of the far end"),
        _f("port_range", Struct("HH", ("low", "high"), ">"), "UDP source ports"),
        _f("proxy", U8, "1: answers ARP"),
        _f("rsc", U8, "1: route short circuit"),
        _f("l2miss", U8, "1: tells unknown MAC addresses"),
        _f("l3miss", U8, "1: tells unknown IP addresses"),
        _f("udp_csum", U8, "1: UDP checksums in IPv4"),
        _f("udp_zero_csum6_tx", U8, "1: sends none in IPv6"),
        _f("udp_zero_csum6_rx", U8, "1: accepts none in IPv6"),
        _f("remcsum_tx", U8, "1: sends remote checksum offload", presence=True),
        _f("remcsum_rx", U8, "1: accepts it", presence=True),
        _f("remcsum_nopartial", FLAG, "without partial checksums"),
        _f("gbp", FLAG, "group policy extension"),
        _f("gpe", FLAG, "generic protocol extension: no Ethernet inside"),
        _f("collect_metadata", U8, "1: external, each packet says where to"),
        _f("vnifilter", U8, "1: external, for listed VNIs only"),
        _f("localbypass", U8, "1: packets to this host do not go out"),
        _f("reserved_bits", BYTES, "header bits that must be zero"),
        _f("mc_route", U8, "1: outer multicast packets are routed"),
    ),
)
