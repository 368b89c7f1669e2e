"""Interfaces: what links of every kind have. What a kind adds is declared in links/<kind>.py and stands in `kind_data`.

Source: struct ifinfomsg + IFLA_*, include/uapi/linux/if_link.h; family AF_UNSPEC. With family AF_BRIDGE the same message is
  another view of a bridge port and makes no row.
Identity: the index. Names change; alternative names lead to the same interface.
Events: never carry virtual functions (RTEXT_FILTER_VF is the asker's), and `link` of a veth not always.
Wire of `operstate`: u8, an IF_OPER_* number; value: its word as `ip` prints it ("UP", "LOWERLAYERDOWN" …), or the number as
  text where there is no word.
Wire of `kind_data`: IFLA_INFO_DATA, the fields of links.KINDS[kind].data; of `port_data`: IFLA_INFO_SLAVE_DATA, the fields
  of links.KINDS[slave_kind].port. An unknown kind: {"unknown": {"<number>": "<hex>"}}.
"""

from .field import BYTES, I32, LLADDR, TEXT, U8, U16, U32, Field, ListOf, Message, Nest, Packed, Struct, Table
from .inet import AF_SPEC

IFF_UP = 0x1


def _state(flags: int) -> str:
    return "up" if flags & IFF_UP else "down"


STATS = Struct(
    "Q" * 25,
    (
        "rx_packets", "tx_packets", "rx_bytes", "tx_bytes", "rx_errors", "tx_errors", "rx_dropped", "tx_dropped", "multicast",
        "collisions", "rx_length_errors", "rx_over_errors", "rx_crc_errors", "rx_frame_errors", "rx_fifo_errors",
        "rx_missed_errors", "tx_aborted_errors", "tx_carrier_errors", "tx_fifo_errors", "tx_heartbeat_errors",
        "tx_window_errors", "rx_compressed", "tx_compressed", "rx_nohandler", "rx_otherhost_dropped",
    ),
)  # fmt: skip

XDP = Nest(
    (
        Field("attached", U8, "IFLA_XDP_ATTACHED", "where a program runs: 0 nowhere, 1 driver, 2 generic, 3 hardware, 4 several"),
        Field("prog_id", U32, "IFLA_XDP_PROG_ID", "program"),
        Field("drv_prog_id", U32, "IFLA_XDP_DRV_PROG_ID", "program in the driver"),
        Field("skb_prog_id", U32, "IFLA_XDP_SKB_PROG_ID", "generic program"),
        Field("hw_prog_id", U32, "IFLA_XDP_HW_PROG_ID", "program in hardware"),
        Field("flags", U32, "IFLA_XDP_FLAGS", "how to attach"),
    )
)

VF = Nest(
    (
        Field("mac", Struct("I32s", ("vf", "mac")), "IFLA_VF_MAC", "MAC address"),
        Field("broadcast", BYTES, "IFLA_VF_BROADCAST", "broadcast address, in 32 bytes"),
        Field("vlan", Struct("III", ("vf", "vlan", "qos")), "IFLA_VF_VLAN", "VLAN"),
        Field("vlan_list", ListOf(Struct("IIIHxx", ("vf", "vlan", "qos", "vlan_proto")), "IFLA_VF_VLAN_INFO"), "IFLA_VF_VLAN_LIST",
              "VLANs; vlan_proto is in network byte order"),
        Field("tx_rate", Struct("II", ("vf", "rate")), "IFLA_VF_TX_RATE", "highest rate, Mbit/s"),
        Field("rate", Struct("III", ("vf", "min_tx_rate", "max_tx_rate")), "IFLA_VF_RATE", "lowest and highest rate, Mbit/s"),
        Field("spoofchk", Struct("II", ("vf", "setting")), "IFLA_VF_SPOOFCHK", "source addresses are checked"),
        Field("link_state", Struct("II", ("vf", "link_state")), "IFLA_VF_LINK_STATE", "0 as the port, 1 up, 2 down"),
        Field("rss_query_en", Struct("II", ("vf", "setting")), "IFLA_VF_RSS_QUERY_EN", "it may read the RSS settings"),
        Field("trust", Struct("II", ("vf", "setting")), "IFLA_VF_TRUST", "it is trusted"),
        Field("ib_node_guid", Struct("I4xQ", ("vf", "guid")), "IFLA_VF_IB_NODE_GUID", "InfiniBand node"),
        Field("ib_port_guid", Struct("I4xQ", ("vf", "guid")), "IFLA_VF_IB_PORT_GUID", "InfiniBand port"),
    ),
    silent=("IFLA_VF_STATS",),
)  # fmt: skip

INTERFACES = Table(
    name="interfaces",
    noun="interface",
    doc="Network interfaces of every kind.",
    message=Message(
        new="RTM_NEWLINK",
        delete="RTM_DELLINK",
        get="RTM_GETLINK",
        header="ifinfomsg",
        prefix="IFLA",
        groups=("RTNLGRP_LINK",),
    ),
    fields=(
        Field("ifindex", I32, "ifi_index", "index", default=0, aliases=("index",)),
        Field("ifname", TEXT, "IFLA_IFNAME", "name"),
        Field("ifi_type", U16, "ifi_type", "hardware type", default=0, names="ifi_type", readonly=True),
        Field("flags", U32, "ifi_flags", "IFF_* bits", default=0, names="iff"),
        Field("state", TEXT, doc="`up` or `down`: what was asked for", default="down", derive=("flags", _state)),
        Field("operstate", Packed("operstate", "TEXT"), "IFLA_OPERSTATE", "what came of it: UP, DOWN, DORMANT …",
              readonly=True),
        Field("linkmode", U8, "IFLA_LINKMODE", "who decides when a link with carrier is up", names="linkmode"),
        Field("carrier", U8, "IFLA_CARRIER", "1: there is carrier", readonly=True),
        Field("address", LLADDR, "IFLA_ADDRESS", "link-layer address"),
        Field("broadcast", LLADDR, "IFLA_BROADCAST", "link-layer broadcast address, or the far end of a tunnel"),
        Field("perm_address", LLADDR, "IFLA_PERM_ADDRESS", "link-layer address that the hardware was made with", readonly=True),
        Field("mtu", U32, "IFLA_MTU", "largest packet", "bytes"),
        Field("min_mtu", U32, "IFLA_MIN_MTU", "smallest MTU it can have", "bytes", readonly=True),
        Field("max_mtu", U32, "IFLA_MAX_MTU", "largest MTU it can have; 0: no limit", "bytes", readonly=True),
        Field("link", U32, "IFLA_LINK", "interface below, or the other end of a veth", names="ifindex"),
        Field("link_netnsid", I32, "IFLA_LINK_NETNSID", "namespace of `link`, where it is another one", names="nsid"),
        Field("master", U32, "IFLA_MASTER", "bridge, bond, VRF … that it is a port of", names="ifindex"),
        Field("kind", TEXT, "IFLA_LINKINFO.IFLA_INFO_KIND", "kind: bridge, vlan, veth …; NULL: a real or built-in device"),
        Field("kind_data", Packed("kind_data"), "IFLA_LINKINFO.IFLA_INFO_DATA", "what its kind has; shape by kind"),
        Field("slave_kind", TEXT, "IFLA_LINKINFO.IFLA_INFO_SLAVE_KIND", "kind of its master", readonly=True),
        Field("port_data", Packed("port_data"), "IFLA_LINKINFO.IFLA_INFO_SLAVE_DATA", "what a port of that kind has; shape by slave_kind"),
        Field("xstats", BYTES, "IFLA_LINKINFO.IFLA_INFO_XSTATS", "counters of the kind, raw", volatile=True, readonly=True),
        Field("ifalias", TEXT, "IFLA_IFALIAS", "description"),
        Field("altnames", ListOf(TEXT, "IFLA_ALT_IFNAME"), "IFLA_PROP_LIST", "alternative names", aliases=("alt_ifname_list",)),
        Field("group_id", U32, "IFLA_GROUP", "group of interfaces", names="group", aliases=("group",)),
        Field("qdisc", TEXT, "IFLA_QDISC", "kind of the root queueing discipline", readonly=True),
        Field("txqlen", U32, "IFLA_TXQLEN", "transmit queue", "packets"),
        Field("num_tx_queues", U32, "IFLA_NUM_TX_QUEUES", "transmit queues"),
        Field("num_rx_queues", U32, "IFLA_NUM_RX_QUEUES", "receive queues"),
        Field("promiscuity", U32, "IFLA_PROMISCUITY", "how many want all packets", readonly=True),
        Field("allmulti", U32, "IFLA_ALLMULTI", "how many want all multicast packets", readonly=True),
        Field("carrier_changes", U32, "IFLA_CARRIER_CHANGES", "changes of the carrier", volatile=True, readonly=True),
        Field("carrier_up_count", U32, "IFLA_CARRIER_UP_COUNT", "times that it came", volatile=True, readonly=True),
        Field("carrier_down_count", U32, "IFLA_CARRIER_DOWN_COUNT", "times that it went", volatile=True, readonly=True),
        Field("proto_down", U8, "IFLA_PROTO_DOWN", "1: a protocol holds it down"),
        Field("proto_down_reason", U32, "IFLA_PROTO_DOWN_REASON.IFLA_PROTO_DOWN_REASON_VALUE", "which ones, by bits"),
        Field("gso_max_segs", U32, "IFLA_GSO_MAX_SEGS", "most segments to be cut from one packet"),
        Field("gso_max_size", U32, "IFLA_GSO_MAX_SIZE", "largest packet to be cut", "bytes"),
        Field("gso_ipv4_max_size", U32, "IFLA_GSO_IPV4_MAX_SIZE", "the same for IPv4", "bytes"),
        Field("gro_max_size", U32, "IFLA_GRO_MAX_SIZE", "largest packet to be joined", "bytes"),
        Field("gro_ipv4_max_size", U32, "IFLA_GRO_IPV4_MAX_SIZE", "the same for IPv4", "bytes"),
        Field("tso_max_segs", U32, "IFLA_TSO_MAX_SEGS", "most segments that the hardware cuts", readonly=True),
        Field("tso_max_size", U32, "IFLA_TSO_MAX_SIZE", "largest packet that the hardware cuts", "bytes", readonly=True),
        Field("max_pacing_offload_horizon", U32, "IFLA_MAX_PACING_OFFLOAD_HORIZON", "how far ahead the hardware paces", "ns",
              readonly=True),
        Field("headroom", U16, "IFLA_HEADROOM", "room needed before a packet", "bytes", readonly=True),
        Field("tailroom", U16, "IFLA_TAILROOM", "room needed behind a packet", "bytes", readonly=True),
        Field("netns_immutable", U8, "IFLA_NETNS_IMMUTABLE", "1: cannot move to another namespace", readonly=True),
        Field("phys_port_id", BYTES, "IFLA_PHYS_PORT_ID", "physical port", readonly=True),
        Field("phys_port_name", TEXT, "IFLA_PHYS_PORT_NAME", "name of the physical port", readonly=True),
        Field("phys_switch_id", BYTES, "IFLA_PHYS_SWITCH_ID", "physical switch", readonly=True),
        Field("parent_dev_name", TEXT, "IFLA_PARENT_DEV_NAME", "device that it belongs to", readonly=True),
        Field("parent_dev_bus_name", TEXT, "IFLA_PARENT_DEV_BUS_NAME", "bus of that device", readonly=True),
        Field("devlink_bus", TEXT, "IFLA_DEVLINK_PORT.DEVLINK_ATTR_BUS_NAME", "bus of its devlink port", readonly=True),
        Field("devlink_dev", TEXT, "IFLA_DEVLINK_PORT.DEVLINK_ATTR_DEV_NAME", "device of its devlink port", readonly=True),
        Field("devlink_port", U32, "IFLA_DEVLINK_PORT.DEVLINK_ATTR_PORT_INDEX", "its devlink port", readonly=True),
        Field("dpll_pin", U32, "IFLA_DPLL_PIN.DPLL_A_PIN_ID", "its clock pin", readonly=True),
        Field("xdp", XDP, "IFLA_XDP", "XDP programs"),
        Field("num_vf", U32, "IFLA_NUM_VF", "virtual functions; told only when asked for", volatile=True, readonly=True),
        Field("vfs", ListOf(VF, "IFLA_VF_INFO"), "IFLA_VFINFO_LIST", "virtual functions, one by one; likewise", volatile=True),
        Field("af_spec", AF_SPEC, "IFLA_AF_SPEC", "settings of IPv4, IPv6 and MCTP on it; they change without an event", volatile=True),
        Field("stats", STATS, "IFLA_STATS64", "counters", volatile=True, aliases=("stats64",), readonly=True),
        Field("unknown", Packed("unknown"), doc="attributes that this version does not know: number to hex"),
    ),
    key=("ifindex",),
    summary=("ifindex", "ifname", "address", "flags", "kind"),
    indexes=(("ifname",), ("master",), ("link",), ("address",)),
    silent={
        "IFLA_STATS": "32 bit twin of IFLA_STATS64",
        "IFLA_MAP": "addresses of ISA cards",
        "IFLA_WIRELESS": "what a wireless driver tells its tools",
        "IFLA_EVENT": "why a message was sent, not what is",
        "IFLA_EXT_MASK": "what was asked for",
        "IFLA_IF_NETNSID": "which namespace was asked, not what is in it",
        "IFLA_NEW_NETNSID": "where a link that leaves goes to",
        "IFLA_NEW_IFINDEX": "and its index there",
    },
)  # fmt: skip
