"""Lightweight tunnels on routes: what `encap` of a route, a hop or a nexthop holds, by `encap_type`.

Source: enum lwtunnel_encap_types, lwtunnel_ip_t, lwtunnel_ip6_t, include/uapi/linux/lwtunnel.h; MPLS_IPTUNNEL_*,
  mpls_iptunnel.h; SEG6_IPTUNNEL_*, seg6_iptunnel.h; SEG6_LOCAL_*, seg6_local.h.
An encapsulation that is not here keeps its attributes raw.
"""

from typing import Final

from .field import BE16, BE64, IP, U8, U32, Field, Nest, Packed

__all__ = ["ENCAPS"]


def _ip(prefix: str, limit: str, limit_word: str, service: str, service_word: str) -> Nest:
    return Nest(
        (
            Field("id", BE64, f"{prefix}_ID", "tunnel key"),
            Field("dst", IP, f"{prefix}_DST", "far end"),
            Field("src", IP, f"{prefix}_SRC", "near end"),
            Field(limit, U8, f"{prefix}_{limit_word}", "time to live of the outer packet", "hops"),
            Field(service, U8, f"{prefix}_{service_word}", "type of service of the outer packet"),
            Field("flags", BE16, f"{prefix}_FLAGS", "TUNNEL_* bits"),
        )
    )


ENCAPS: Final[dict[int, Nest]] = {
    1: Nest(
        (
            Field("labels", Packed("labels"), "MPLS_IPTUNNEL_DST", "label stack"),
            Field("ttl", U8, "MPLS_IPTUNNEL_TTL", "time to live of the labels", "hops"),
        )
    ),
    2: _ip("LWTUNNEL_IP", "ttl", "TTL", "tos", "TOS"),
    4: _ip("LWTUNNEL_IP6", "hoplimit", "HOPLIMIT", "tc", "TC"),
    5: Nest((Field("srh", Packed("srh"), "SEG6_IPTUNNEL_SRH", "segment routing header (RFC 8754) and mode"),)),
    7: Nest(
        (
            Field("action", U32, "SEG6_LOCAL_ACTION", "what the end point does (RFC 8986)"),
            Field("table", U32, "SEG6_LOCAL_TABLE", "IPv6 table to look up"),
            Field("nh4", IP, "SEG6_LOCAL_NH4", "next hop"),
            Field("nh6", IP, "SEG6_LOCAL_NH6", "next hop"),
            Field("iif", U32, "SEG6_LOCAL_IIF", "incoming interface", "ifindex"),
            Field("oif", U32, "SEG6_LOCAL_OIF", "outgoing interface", "ifindex"),
            Field("vrftable", U32, "SEG6_LOCAL_VRFTABLE", "table of the VRF"),
        )
    ),
}
"""By LWTUNNEL_ENCAP_*: 1 mpls, 2 ip, 4 ip6, 5 seg6, 7 seg6local."""
