"""VRF: interfaces with a routing table of their own.

Source: IFLA_VRF_TABLE, IFLA_VRF_PORT_TABLE, include/uapi/linux/if_link.h.
"""

from holdfast.model.field import U32

from .kind import LinkKind, fields_of

VRF = LinkKind(
    kind="vrf",
    doc="A VRF: its ports use its routing table.",
    data=(fields_of("vrf", "IFLA_VRF")("table", U32, "routing table", names="rt_tables"),),
    port=(fields_of("vrf_port", "IFLA_VRF_PORT")("table", U32, "routing table", names="rt_tables", readonly=True),),
)
