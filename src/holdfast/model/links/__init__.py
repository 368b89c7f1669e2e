"""What link kinds add to an interface: one file per kind, or per family of kinds that share their attributes.

    KINDS["vxlan"].data        fields of `kind_data`, named as in NDB: vxlan_id, vxlan_port …
    KINDS["bridge"].port       fields of `port_data` of a bridge's ports: brport_state …

A kind that is not here keeps its attributes raw, under `unknown`, and loses nothing. No kind carries a secret over this
protocol today; `holdfast.model.secrets` says what is done about tomorrow.
"""

from __future__ import annotations

from typing import Final

from .bond import BOND
from .bridge import BRIDGE
from .geneve import GENEVE
from .ipvlan import IPVLAN, IPVTAP
from .kind import LinkKind
from .macvlan import MACVLAN, MACVTAP
from .tun import TUN
from .tunnel import TUNNELS
from .veth import VETH
from .vlan import VLAN
from .vrf import VRF
from .vxlan import VXLAN

__all__ = ["KINDS", "LinkKind"]

_BARE = (
    LinkKind("dummy", "An interface that swallows what it is given."),
    LinkKind("ifb", "Intermediate functional block: traffic control for what comes in."),
    LinkKind("wireguard", "A WireGuard tunnel; its peers and keys are not told by rtnetlink."),
)

KINDS: Final[dict[str, LinkKind]] = {
    one.kind: one
    for one in (BRIDGE, BOND, VLAN, VXLAN, VRF, MACVLAN, MACVTAP, IPVLAN, IPVTAP, VETH, *TUNNELS, GENEVE, TUN, *_BARE)
}  # fmt: skip
"""By kind."""
