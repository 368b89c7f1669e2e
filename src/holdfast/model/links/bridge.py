"""Bridges and their ports.

Source: IFLA_BR_*, IFLA_BRPORT_*, struct ifla_bridge_id, include/uapi/linux/if_link.h; struct br_boolopt_multi, BRIDGE_QUERIER_*,
  include/uapi/linux/if_bridge.h. Times are in 1/100 s.
Wire of `bridge_id`: 8 bytes: u16 priority in network byte order, 6 bytes MAC address. Value: text as `ip` prints it, four hex
  digits, a dot, the MAC address: "8000.02:00:00:00:00:01".
"""

from holdfast.model.field import BE16, FLAG, IP, LLADDR, U8, U16, U32, U64, Field, Nest, Packed, Struct

from .kind import LinkKind, fields_of

_f = fields_of("br", "IFLA_BR")
_p = fields_of("brport", "IFLA_BRPORT")
_ID = Packed("bridge_id", "TEXT")
_TIME = "1/100 s"

_QUERIER = Nest(
    (
        Field("ip_address", IP, "BRIDGE_QUERIER_IP_ADDRESS", "who asks in IPv4"),
        Field("ip_port", U32, "BRIDGE_QUERIER_IP_PORT", "port that it is behind", names="ifindex"),
        Field("ipv6_address", IP, "BRIDGE_QUERIER_IPV6_ADDRESS", "who asks in IPv6"),
        Field("ipv6_port", U32, "BRIDGE_QUERIER_IPV6_PORT", "port that it is behind", names="ifindex"),
    ),
    silent=("BRIDGE_QUERIER_IP_OTHER_TIMER", "BRIDGE_QUERIER_IPV6_OTHER_TIMER", "BRIDGE_QUERIER_PAD"),
)

BRIDGE = LinkKind(
    kind="bridge",
    doc="A bridge: a switch in software.",
    untold={"brport_backup_port": 0, "brport_backup_nhid": 0},
    born={"br_vlan_filtering": 0},  # without CONFIG_BRIDGE_VLAN_FILTERING it is told as well
    data=(
        _f("forward_delay", U32, "time in each state before forwarding", unit=_TIME),
        _f("hello_time", U32, "time between hello packets", unit=_TIME),
        _f("max_age", U32, "hello packets older than this do not count", unit=_TIME),
        _f("ageing_time", U32, "learned addresses live for so long", unit=_TIME),
        _f("stp_state", U32, "spanning tree: 0 off, 1 by the kernel, 2 by a program"),
        _f("priority", U16, "priority: the lowest becomes root"),
        _f("vlan_filtering", U8, "1: ports see only their VLANs"),
        _f("vlan_protocol", BE16, "EtherType of VLAN tags", names="ethertype"),
        _f("group_fwd_mask", U16, "link-local groups that are forwarded nevertheless, by bits"),
        _f("root_id", _ID, "root of the tree", readonly=True),
        _f("bridge_id", _ID, "itself", readonly=True),
        _f("root_port", U16, "port towards the root", readonly=True),
        _f("root_path_cost", U32, "cost of the way there", readonly=True),
        _f("topology_change", U8, "1: a change goes on", readonly=True),
        _f("topology_change_detected", U8, "1: a change was seen", readonly=True),
        _f("group_addr", LLADDR, "MAC address of spanning tree packets"),
        _f("fdb_flush", FLAG, "requests only: forget what was learned"),
        _f("mcast_router", U8, "multicast router: 0 never, 1 learned, 2 always"),
        _f("mcast_snooping", U8, "1: multicast goes only where it is wanted"),
        _f("mcast_query_use_ifaddr", U8, "1: queries carry the bridge's own address"),
        _f("mcast_querier", U8, "1: sends queries"),
        _f("mcast_hash_elasticity", U32, "no meaning any more"),
        _f("mcast_hash_max", U32, "most multicast entries"),
        _f("mcast_last_member_cnt", U32, "queries after a leave"),
        _f("mcast_startup_query_cnt", U32, "queries at start"),
        _f("mcast_last_member_intvl", U64, "time between queries after a leave", unit=_TIME),
        _f("mcast_membership_intvl", U64, "memberships live for so long", unit=_TIME),
        _f("mcast_querier_intvl", U64, "another querier counts for so long", unit=_TIME),
        _f("mcast_query_intvl", U64, "time between queries", unit=_TIME),
        _f("mcast_query_response_intvl", U64, "time to answer one", unit=_TIME),
        _f("mcast_startup_query_intvl", U64, "time between queries at start", unit=_TIME),
        _f("nf_call_iptables", U8, "1: IPv4 packets pass iptables"),
        _f("nf_call_ip6tables", U8, "1: IPv6 packets pass ip6tables"),
        _f("nf_call_arptables", U8, "1: ARP packets pass arptables"),
        _f("vlan_default_pvid", U16, "VLAN of new ports; 0: none"),
        _f("vlan_stats_enabled", U8, "1: counts per VLAN"),
        _f("vlan_stats_per_port", U8, "1: counts per VLAN and port"),
        _f("mcast_stats_enabled", U8, "1: counts multicast control packets"),
        _f("mcast_igmp_version", U8, "IGMP version"),
        _f("mcast_mld_version", U8, "MLD version"),
        _f("multi_boolopt", Struct("II", ("optval", "optmask")), "options by BR_BOOLOPT_* bits: their values, and which there are"),
        _f("mcast_querier_state", _QUERIER, "who is querier now", readonly=True),
        _f("fdb_max_learned", U32, "most learned addresses; 0: any number"),
    ),
    silent=(
        "IFLA_BR_HELLO_TIMER", "IFLA_BR_TCN_TIMER", "IFLA_BR_TOPOLOGY_CHANGE_TIMER", "IFLA_BR_GC_TIMER", "IFLA_BR_FDB_N_LEARNED",
        "IFLA_BR_PAD",
    ),
    port=(
        _p("state", U8, "spanning tree state", names="br_state"),
        _p("priority", U16, "priority"),
        _p("cost", U32, "cost of the link"),
        _p("mode", U8, "1: hairpin, packets may leave where they came in"),
        _p("guard", U8, "1: spanning tree packets are not accepted"),
        _p("protect", U8, "1: cannot become root port"),
        _p("fast_leave", U8, "1: a leave ends multicast at once"),
        _p("learning", U8, "1: learns addresses"),
        _p("learning_sync", U8, "1: learns from hardware"),
        _p("unicast_flood", U8, "1: unknown addresses are flooded to it"),
        _p("mcast_flood", U8, "1: unknown multicast is flooded to it"),
        _p("bcast_flood", U8, "1: broadcast is flooded to it"),
        _p("mcast_to_ucast", U8, "1: multicast is sent to each member alone"),
        _p("proxyarp", U8, "1: answers ARP for others"),
        _p("proxyarp_wifi", U8, "1: answers ARP as access points need it"),
        _p("neigh_suppress", U8, "1: neighbour queries are answered, not flooded"),
        _p("neigh_vlan_suppress", U8, "1: the same, chosen per VLAN"),
        _p("root_id", _ID, "root of the tree, as the port hears it", readonly=True),
        _p("bridge_id", _ID, "bridge that is designated on the link", readonly=True),
        _p("designated_port", U16, "its port", readonly=True),
        _p("designated_cost", U16, "its cost", readonly=True),
        _p("id", U16, "identifier of the port", readonly=True),
        _p("no", U16, "number of the port", readonly=True),
        _p("topology_change_ack", U8, "1: a change was acknowledged", readonly=True),
        _p("config_pending", U8, "1: a configuration is to be sent", readonly=True),
        _p("flush", FLAG, "requests only: forget what was learned"),
        _p("multicast_router", U8, "multicast router: 0 never, 1 learned, 2 always, 3 for a while"),
        _p("vlan_tunnel", U8, "1: VLANs are mapped to tunnels"),
        _p("group_fwd_mask", U16, "link-local groups that are forwarded nevertheless, by bits"),
        _p("isolated", U8, "1: no traffic with other isolated ports"),
        _p("locked", U8, "1: only known stations may send"),
        _p("mab", U8, "1: unknown stations are noted as locked entries"),
        _p("backup_port", U32, "port that takes over without carrier", names="ifindex"),
        _p("backup_nhid", U32, "nexthop that the backup sends to"),
        _p("mrp_ring_open", U8, "1: media redundancy, the ring is open", readonly=True),
        _p("mrp_in_open", U8, "1: the interconnection is open", readonly=True),
        _p("mcast_eht_hosts_limit", U32, "most hosts tracked"),
        _p("mcast_max_groups", U32, "most multicast groups; 0: any number"),
    ),
    port_silent=(
        "IFLA_BRPORT_MESSAGE_AGE_TIMER", "IFLA_BRPORT_FORWARD_DELAY_TIMER", "IFLA_BRPORT_HOLD_TIMER", "IFLA_BRPORT_MCAST_N_GROUPS",
        "IFLA_BRPORT_MCAST_EHT_HOSTS_CNT", "IFLA_BRPORT_PAD",
    ),
)  # fmt: skip
