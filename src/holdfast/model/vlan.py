"""VLANs of bridge ports and bridges: one row per interface and VLAN.

Source: struct br_vlan_msg + BRIDGE_VLANDB_*, struct bridge_vlan_info, include/uapi/linux/if_bridge.h.
Wire: one message carries many BRIDGE_VLANDB_ENTRY nests. Each has BRIDGE_VLANDB_ENTRY_INFO (struct bridge_vlan_info: u16 flags,
  u16 vid) and the options below; with BRIDGE_VLANDB_ENTRY_RANGE it stands for the VLANs vid … range, all alike, except that
  tunnel ids count up with them. `vid` and `flags` are named after the struct's members, the other words are inside of the
  entry. BRIDGE_VLANDB_GLOBAL_OPTIONS (multicast snooping per VLAN, on the bridge itself) make no rows.
"""

from .field import U8, U16, U32, Field, Message, Nest, Packed, Table

TUNNEL = Nest(
    (Field("id", U32, "BRIDGE_VLANDB_TINFO_ID", "VXLAN network identifier that the VLAN is mapped to"),),
    silent=("BRIDGE_VLANDB_TINFO_CMD",),
)

VLANS = Table(
    name="vlans",
    noun="vlan",
    doc="VLANs of bridges and their ports.",
    message=Message(
        new="RTM_NEWVLAN",
        delete="RTM_DELVLAN",
        get="RTM_GETVLAN",
        header="br_vlan_msg",
        prefix="BRIDGE_VLANDB_ENTRY",
        families=("AF_BRIDGE",),
        groups=("RTNLGRP_BRVLAN",),
    ),
    fields=(
        Field("ifindex", U32, "ifindex", "port or bridge", default=0, names="ifindex", aliases=("index",)),
        Field("vid", U16, "vid", "VLAN identifier", default=0),
        Field("flags", U16, "flags", "BRIDGE_VLAN_INFO_* bits: pvid, untagged", default=0, names="bridge_vlan_flags"),
        Field("state", U8, "BRIDGE_VLANDB_ENTRY_STATE", "spanning tree state", names="br_state"),
        Field("tunnel", TUNNEL, "BRIDGE_VLANDB_ENTRY_TUNNEL_INFO", "tunnel mapping"),
        Field("mcast_router", U8, "BRIDGE_VLANDB_ENTRY_MCAST_ROUTER", "multicast router: 0 never, 1 learned, 2 always"),
        Field("mcast_max_groups", U32, "BRIDGE_VLANDB_ENTRY_MCAST_MAX_GROUPS", "most multicast groups; 0: any number"),
        Field("mcast_n_groups", U32, "BRIDGE_VLANDB_ENTRY_MCAST_N_GROUPS", "multicast groups now", volatile=True, readonly=True),
        Field("neigh_suppress", U8, "BRIDGE_VLANDB_ENTRY_NEIGH_SUPPRESS", "1: neighbour queries are answered, not flooded"),
        Field("unknown", Packed("unknown"), doc="attributes that this version does not know: number to hex"),
    ),
    key=("ifindex", "vid"),
    summary=("vid", "ifindex"),
    indexes=(("vid",),),
    silent={"BRIDGE_VLANDB_ENTRY_STATS": "counters"},
    aliases=("af_bridge_vlans",),
)  # fmt: skip
