"""GENEVE: Ethernet over UDP with options (RFC 8926).

Source: IFLA_GENEVE_*, struct ifla_geneve_port_range, include/uapi/linux/if_link.h.
"""

from holdfast.model.field import BE16, BE32, FLAG, IP, U8, U32, Struct

from .kind import LinkKind, fields_of

_f = fields_of("geneve", "IFLA_GENEVE")

GENEVE = LinkKind(
    born={"geneve_ttl_inherit": 0},  # told of it, the kernel leaves out the TTL (geneve_nl2info)
    kind="geneve",
    doc="A GENEVE tunnel end point.",
    data=(
        _f("id", U32, "network identifier (VNI)"),
        _f("remote", IP, "far end (IPv4)"),
        _f("remote6", IP, "far end (IPv6)"),
        _f("ttl", U8, "time to live of the outer packet; 0: automatic", unit="hops"),
        _f("ttl_inherit", U8, "1: taken from the inner packet"),
        _f("tos", U8, "type of service of the outer packet; 1: as the inner one"),
        _f("df", U8, "do not fragment: 0 no, 1 yes, 2 as the inner packet"),
        _f("label", BE32, "IPv6 flow label"),
        _f("port", BE16, "UDP port of the far end"),
        _f("port_range", Struct("HH", ("low", "high"), ">"), "UDP source ports"),
        _f("collect_metadata", FLAG, "external, each packet says where to"),
        _f("udp_csum", U8, "1: UDP checksums in IPv4"),
        _f("udp_zero_csum6_tx", U8, "1: sends none in IPv6"),
        _f("udp_zero_csum6_rx", U8, "1: accepts none in IPv6"),
        _f("inner_proto_inherit", FLAG, "the protocol inside is the packet's own, no Ethernet"),
    ),
)
