"""Settings of address families on an interface: what stands in `af_spec`.

Source: IFLA_AF_SPEC, include/uapi/linux/if_link.h: a nest per address family; IPV4_DEVCONF_*, include/uapi/linux/ip.h;
  DEVCONF_*, include/uapi/linux/ipv6.h. The settings come as arrays of i32, in the order of these enums; names are those under
  /proc/sys/net/ipv4/conf and /proc/sys/net/ipv6/conf. A kernel that has fewer sends a shorter array.
Volatile: sysctls change them without a link event, and what follows from a link's change comes after its event (seen on Linux
  6.18: the MTU of IPv6, and that IPv6 is gone below an MTU of 1280).
"""

from .field import IP, U8, U32, Field, Nest, Struct

IPV4_SETTINGS = (
    "forwarding", "mc_forwarding", "proxy_arp", "accept_redirects", "secure_redirects", "send_redirects", "shared_media",
    "rp_filter", "accept_source_route", "bootp_relay", "log_martians", "tag", "arp_filter", "medium_id", "disable_xfrm",
    "disable_policy", "force_igmp_version", "arp_announce", "arp_ignore", "promote_secondaries", "arp_accept", "arp_notify",
    "accept_local", "src_valid_mark", "proxy_arp_pvlan", "route_localnet", "igmpv2_unsolicited_report_interval",
    "igmpv3_unsolicited_report_interval", "ignore_routes_with_linkdown", "drop_unicast_in_l2_multicast",
    "drop_gratuitous_arp", "bc_forwarding", "arp_evict_nocarrier",
)  # fmt: skip

IPV6_SETTINGS = (
    "forwarding", "hop_limit", "mtu", "accept_ra", "accept_redirects", "autoconf", "dad_transmits", "router_solicitations",
    "router_solicitation_interval", "router_solicitation_delay", "use_tempaddr", "temp_valid_lft", "temp_prefered_lft",
    "regen_max_retry", "max_desync_factor", "max_addresses", "force_mld_version", "accept_ra_defrtr", "accept_ra_pinfo",
    "accept_ra_rtr_pref", "router_probe_interval", "accept_ra_rt_info_max_plen", "proxy_ndp", "optimistic_dad",
    "accept_source_route", "mc_forwarding", "disable_ipv6", "accept_dad", "force_tllao", "ndisc_notify",
    "mldv1_unsolicited_report_interval", "mldv2_unsolicited_report_interval", "suppress_frag_ndisc", "accept_ra_from_local",
    "use_optimistic", "accept_ra_mtu", "stable_secret", "use_oif_addrs_only", "accept_ra_min_hop_limit",
    "ignore_routes_with_linkdown", "drop_unicast_in_l2_multicast", "drop_unsolicited_na", "keep_addr_on_down",
    "router_solicitation_max_interval", "seg6_enabled", "seg6_require_hmac", "enhanced_dad", "addr_gen_mode", "disable_policy",
    "accept_ra_rt_info_min_plen", "ndisc_tclass", "rpl_seg_enabled", "ra_defrtr_metric", "ioam6_enabled", "ioam6_id",
    "ioam6_id_wide", "ndisc_evict_nocarrier", "accept_untracked_na", "accept_ra_min_lft",
)  # fmt: skip

INET = Nest((Field("conf", Struct("i" * len(IPV4_SETTINGS), IPV4_SETTINGS), "IFLA_INET_CONF", "settings"),))

INET6 = Nest(
    (
        Field("flags", U32, "IFLA_INET6_FLAGS", "the kernel's own: IF_READY, IF_RA_OTHERCONF …"),
        Field("conf", Struct("i" * len(IPV6_SETTINGS), IPV6_SETTINGS), "IFLA_INET6_CONF", "settings"),
        Field("token", IP, "IFLA_INET6_TOKEN", "interface identifier for autoconfiguration"),
        Field("addr_gen_mode", U8, "IFLA_INET6_ADDR_GEN_MODE", "how link-local addresses are made", names="addr_gen_mode"),
        Field("ra_mtu", U32, "IFLA_INET6_RA_MTU", "MTU that a router advertised", "bytes"),
    ),
    silent=("IFLA_INET6_STATS", "IFLA_INET6_ICMP6STATS", "IFLA_INET6_CACHEINFO"),
)

MCTP = Nest(
    (
        Field("net", U32, "IFLA_MCTP_NET", "MCTP network"),
        Field("phys_binding", U8, "IFLA_MCTP_PHYS_BINDING", "what it runs over"),
    )
)

AF_SPEC = Nest(
    (
        Field("inet", INET, "AF_INET", "IPv4"),
        Field("inet6", INET6, "AF_INET6", "IPv6"),
        Field("mctp", MCTP, "AF_MCTP", "MCTP"),
    )
)
