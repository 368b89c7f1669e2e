"""Bonds and their ports: several links as one.

Source: IFLA_BOND_*, IFLA_BOND_AD_INFO_*, IFLA_BOND_SLAVE_*, include/uapi/linux/if_link.h. Times are in milliseconds.
"""

from holdfast.model.field import I32, IP, LLADDR, U8, U16, U32, Field, ListOf, Nest

from .kind import LinkKind, fields_of

_f = fields_of("bond", "IFLA_BOND")
_p = fields_of("bond_slave", "IFLA_BOND_SLAVE")
_AD_INFO = Nest(
    (
        Field("aggregator", U16, "IFLA_BOND_AD_INFO_AGGREGATOR", "active aggregator"),
        Field("num_ports", U16, "IFLA_BOND_AD_INFO_NUM_PORTS", "its ports"),
        Field("actor_key", U16, "IFLA_BOND_AD_INFO_ACTOR_KEY", "our key"),
        Field("partner_key", U16, "IFLA_BOND_AD_INFO_PARTNER_KEY", "the partner's key"),
        Field("partner_mac", LLADDR, "IFLA_BOND_AD_INFO_PARTNER_MAC", "the partner's MAC address"),
    )
)

BOND = LinkKind(
    kind="bond",
    doc="A bond: several links as one, for bandwidth or as a reserve.",
    data=(
        _f("mode", U8, "how it shares", names="bond_mode"),
        _f("active_slave", U32, "port in use", names="ifindex"),
        _f("miimon", U32, "time between looks at the carrier", unit="ms"),
        _f("updelay", U32, "wait before a port is used", unit="ms"),
        _f("downdelay", U32, "wait before a port is given up", unit="ms"),
        _f("peer_notif_delay", U32, "time between announcements", unit="ms"),
        _f("use_carrier", U8, "1: carrier as the driver tells it"),
        _f("arp_interval", U32, "time between ARP probes", unit="ms"),
        _f("arp_ip_target", ListOf(IP), "whom to probe in IPv4"),
        _f("ns_ip6_target", ListOf(IP), "whom to probe in IPv6"),
        _f("arp_validate", U32, "which answers are checked", names="bond_arp_validate"),
        _f("arp_all_targets", U32, "1: all must answer, 0: any", names="bond_arp_all_targets"),
        _f("missed_max", U8, "probes without answer until a port is down"),
        _f("primary", U32, "port to prefer", names="ifindex"),
        _f("primary_reselect", U8, "when it is taken again", names="bond_primary_reselect"),
        _f("fail_over_mac", U8, "whose MAC address it has", names="bond_fail_over_mac"),
        _f("xmit_hash_policy", U8, "what chooses the port", names="bond_xmit_hash_policy"),
        _f("resend_igmp", U32, "memberships sent after a change"),
        _f("num_peer_notif", U8, "announcements after a change"),
        _f("all_slaves_active", U8, "1: packets of idle ports count as well"),
        _f("min_links", U32, "ports needed for carrier"),
        _f("lp_interval", U32, "time between learning packets", unit="s"),
        _f("packets_per_slave", U32, "packets until the next port's turn"),
        _f("ad_lacp_active", U8, "1: sends LACP by itself"),
        _f("ad_lacp_rate", U8, "how often LACP is wanted", names="bond_ad_lacp_rate"),
        _f("ad_select", U8, "which aggregator is taken", names="bond_ad_select"),
        _f("ad_info", _AD_INFO, "LACP, as it is now", readonly=True),
        _f("ad_actor_sys_prio", U16, "our system priority"),
        _f("ad_user_port_key", U16, "upper bits of the port key"),
        _f("ad_actor_system", LLADDR, "our system address"),
        _f("tlb_dynamic_lb", U8, "1: flows move between ports"),
        _f("coupled_control", U8, "1: collecting and distributing begin together"),
        _f("broadcast_neigh", U8, "1: ARP and neighbour packets leave by all ports"),
    ),
    born={
        "bond_updelay": 0, "bond_downdelay": 0, "bond_peer_notif_delay": 0,  # not without miimon
        "bond_arp_interval": 0, "bond_arp_validate": 0, "bond_arp_all_targets": 0, "bond_missed_max": 2,
        "bond_packets_per_slave": 1, "bond_lp_interval": 1, "bond_tlb_dynamic_lb": 1, "bond_primary_reselect": 0,
        "bond_ad_lacp_active": 1, "bond_ad_lacp_rate": 0, "bond_ad_select": 0, "bond_ad_actor_sys_prio": 65535,
        "bond_ad_user_port_key": 0, "bond_ad_actor_system": "00:00:00:00:00:00", "bond_coupled_control": 1, "bond_broadcast_neigh": 0,
        "bond_slave_prio": 0,
    },
    untold={"bond_active_slave": 0, "bond_primary": 0, "bond_arp_ip_target": [], "bond_ns_ip6_target": []},
    port=(
        _p("state", U8, "0 active, 1 backup", names="bond_slave_state", readonly=True),
        _p("mii_status", U8, "carrier", names="bond_mii_status", readonly=True),
        _p("link_failure_count", U32, "times that it failed", readonly=True),
        _p("perm_hwaddr", LLADDR, "MAC address that it had before", readonly=True),
        _p("queue_id", U16, "transmit queue that is meant for it"),
        _p("prio", I32, "priority when a new active port is chosen"),
        _p("ad_aggregator_id", U16, "its aggregator", readonly=True),
        _p("ad_actor_oper_port_state", U8, "our LACP state, by bits", readonly=True),
        _p("ad_partner_oper_port_state", U16, "the partner's LACP state, by bits", readonly=True),
        _p("actor_port_prio", U16, "our LACP port priority"),
        _p("ad_churn_actor_state", U8, "churn detection, ours", readonly=True),
        _p("ad_churn_partner_state", U8, "churn detection, the partner's", readonly=True),
    ),
)
