"""What must leave no trace in tables, logs and recordings: declared once; the codec and the recorder derive from it.

rtnetlink tells few secrets. The keys of WireGuard, MACsec and OVPN travel by generic netlink, IPsec's by its own protocol, and
those are not read here. `stable_secret` of IPv6 is left out by the kernel itself (DEVCONF_STABLE_SECRET, net/ipv6/addrconf.c).
What is no secret, though it is called a key: the keys of GRE, of LACP, of InfiniBand partitions are numbers that identify.
So two things are left: what wireless drivers tell their tools, and what a kind of link that encrypts may come to tell one day.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["KEYED_KINDS", "SECRET_ATTRIBUTES"]

SECRET_ATTRIBUTES: Final[Mapping[str, str]] = {
    "IFLA_WIRELESS": "wireless events hold elements of the handshake, and with old drivers more",
}
"""Attributes of a link whose payload is a secret, and why."""

KEYED_KINDS: Final[Mapping[str, frozenset[int]]] = {
    "wireguard": frozenset(),
    "amneziawg": frozenset(),
    "macsec": frozenset(range(1, 16)),  # IFLA_MACSEC_SCI … IFLA_MACSEC_OFFLOAD, Linux 6.18
    "ovpn": frozenset({1}),  # IFLA_OVPN_MODE
    "ovpn-dco": frozenset({1}),
    "ipsec": frozenset(),
    "tls": frozenset(),
}
"""Kinds of link that hold keys, and the attributes in their IFLA_INFO_DATA that are known to be none. All others count as keys."""
