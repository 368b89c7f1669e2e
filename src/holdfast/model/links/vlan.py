"""VLAN interfaces: one VLAN of another interface.

Source: IFLA_VLAN_*, struct ifla_vlan_flags, struct ifla_vlan_qos_mapping, include/uapi/linux/if_link.h; VLAN_FLAG_*,
  include/uapi/linux/if_vlan.h.
"""

from holdfast.model.field import BE16, U16, ListOf, Struct

from .kind import LinkKind, fields_of

_f = fields_of("vlan", "IFLA_VLAN")
_QOS = ListOf(Struct("II", ("from", "to")), "IFLA_VLAN_QOS_MAPPING")

VLAN = LinkKind(
    kind="vlan",
    doc="One VLAN of the interface below (`link`).",
    born={"vlan_flags": {"flags": 0x1, "mask": 0xFFFFFFFF}},  # VLAN_FLAG_REORDER_HDR
    untold={"vlan_flags": {"flags": 0, "mask": 0xFFFFFFFF}},
    data=(
        _f("id", U16, "VLAN identifier"),
        _f("flags", Struct("II", ("flags", "mask")), "VLAN_FLAG_* bits, and which of them to change"),
        _f("egress_qos", _QOS, "priority of a packet to priority of its tag"),
        _f("ingress_qos", _QOS, "priority of a tag to priority of its packet"),
        _f("protocol", BE16, "EtherType of the tag: 0x8100, or 0x88a8 for the outer one", names="ethertype"),
    ),
)
