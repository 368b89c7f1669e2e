"""IP tunnels: IPIP, SIT, IP6TNL, and GRE in its four forms, with ERSPAN; VTI and XFRM interfaces.

Source: IFLA_IPTUN_*, IFLA_GRE_*, IFLA_VTI_*, include/uapi/linux/if_tunnel.h; IFLA_XFRM_*, include/uapi/linux/if_link.h. Kinds
  share attributes; the names of their fields differ by kind.
"""

from collections.abc import Callable

from holdfast.model.field import BE16, BE32, FLAG, IP, U8, U16, U32, Field, Shape

from .kind import LinkKind, fields_of


def _ip_tunnel(prefix: str, flags: Shape) -> tuple[Field, ...]:
    f = fields_of(prefix, "IFLA_IPTUN")
    return (
        f("link", U32, "interface that it sends through", names="ifindex"),
        f("local", IP, "near end"),
        f("remote", IP, "far end"),
        f("ttl", U8, "time to live of the outer packet; 0: as the inner one", unit="hops"),
        f("tos", U8, "type of service of the outer packet; bit 0: as the inner one"),
        f("encap_limit", U8, "tunnels that a packet may still enter (IPv6)"),
        f("flowinfo", BE32, "traffic class and flow label (IPv6)"),
        f("flags", flags, "IP6_TNL_F_* bits, or SIT_ISATAP"),
        f("proto", U8, "protocol inside; 0: any", names="ip_proto"),
        f("pmtudisc", U8, "1: path MTU discovery"),
        f("6rd_prefix", IP, "6rd: IPv6 prefix"),
        f("6rd_relay_prefix", IP, "6rd: IPv4 prefix"),
        f("6rd_prefixlen", U16, "6rd: length of the IPv6 prefix", unit="bits"),
        f("6rd_relay_prefixlen", U16, "6rd: length of the IPv4 prefix", unit="bits"),
        *_encapsulated(f),
        f("collect_metadata", FLAG, "external, each packet says where to"),
        f("fwmark", U32, "mark of outer packets"),
    )


def _encapsulated(f: Callable[..., Field]) -> tuple[Field, ...]:
    return (
        f("encap_type", U16, "outer UDP: 0 none, 1 FOU, 2 GUE", names="tunnel_encap"),
        f("encap_flags", U16, "TUNNEL_ENCAP_FLAG_* bits"),
        f("encap_sport", BE16, "UDP source port; 0: automatic"),
        f("encap_dport", BE16, "UDP destination port"),
    )


def _gre(prefix: str) -> tuple[Field, ...]:
    f = fields_of(prefix, "IFLA_GRE")
    return (
        f("link", U32, "interface that it sends through", names="ifindex"),
        f("iflags", BE16, "GRE_* bits of incoming packets"),
        f("oflags", BE16, "GRE_* bits of outgoing packets"),
        f("ikey", BE32, "key of incoming packets"),
        f("okey", BE32, "key of outgoing packets"),
        f("local", IP, "near end"),
        f("remote", IP, "far end"),
        f("ttl", U8, "time to live of the outer packet; 0: as the inner one", unit="hops"),
        f("tos", U8, "type of service of the outer packet; bit 0: as the inner one"),
        f("pmtudisc", U8, "1: path MTU discovery"),
        f("encap_limit", U8, "tunnels that a packet may still enter (IPv6)"),
        f("flowinfo", BE32, "traffic class and flow label (IPv6)"),
        f("flags", U32, "IP6_TNL_F_* bits"),
        *_encapsulated(f),
        f("collect_metadata", FLAG, "external, each packet says where to"),
        f("ignore_df", U8, "1: fragments although the inner packet forbids it"),
        f("fwmark", U32, "mark of outer packets"),
        f("erspan_index", U32, "ERSPAN: index of the mirrored port"),
        f("erspan_ver", U8, "ERSPAN: version"),
        f("erspan_dir", U8, "ERSPAN: direction, 0 in, 1 out"),
        f("erspan_hwid", U16, "ERSPAN: hardware identifier"),
    )


def _vti() -> tuple[Field, ...]:
    f = fields_of("vti", "IFLA_VTI")
    return (
        f("link", U32, "interface that it sends through", names="ifindex"),
        f("ikey", BE32, "key of incoming packets"),
        f("okey", BE32, "key of outgoing packets"),
        f("local", IP, "near end"),
        f("remote", IP, "far end"),
        f("fwmark", U32, "mark of outer packets"),
    )


def _xfrm() -> tuple[Field, ...]:
    f = fields_of("xfrm", "IFLA_XFRM")
    return (
        f("link", U32, "interface that it sends through", names="ifindex"),
        f("if_id", U32, "identifier that policies and states name"),
        f("collect_metadata", FLAG, "external, each packet says which"),
    )


def _tunnel(kind: str, doc: str, data: tuple[Field, ...]) -> LinkKind:
    """The kernel makes what a request says of all its parameters, then compares (ipgre_netlink_parms, net/ipv4/ip_gre.c, and its like)."""
    return LinkKind(kind, doc, data, whole=True)


TUNNELS = (
    _tunnel("ipip", "IPv4 in IPv4.", _ip_tunnel("ipip", BE16)),
    _tunnel("sit", "IPv6 in IPv4.", _ip_tunnel("sit", BE16)),
    _tunnel("ip6tnl", "IPv4 or IPv6 in IPv6.", _ip_tunnel("ip6tnl", U32)),
    _tunnel("gre", "GRE over IPv4.", _gre("gre")),
    _tunnel("gretap", "Ethernet in GRE over IPv4.", _gre("gre")),
    _tunnel("erspan", "Mirrored Ethernet in GRE over IPv4.", _gre("gre")),
    _tunnel("ip6gre", "GRE over IPv6.", _gre("ip6gre")),
    _tunnel("ip6gretap", "Ethernet in GRE over IPv6.", _gre("ip6gre")),
    _tunnel("ip6erspan", "Mirrored Ethernet in GRE over IPv6.", _gre("ip6gre")),
    _tunnel("vti", "IPsec tunnel interface over IPv4.", _vti()),
    _tunnel("vti6", "IPsec tunnel interface over IPv6.", _vti()),
    _tunnel("xfrm", "IPsec by interface identifier.", _xfrm()),
)
