"""`add neighbour 10.0.0.7 lladdr 02:00:00:00:00:07 dev eth0 nud permanent`, `add neighbour proxy 10.0.0.8 dev eth0`"""

from __future__ import annotations

from typing import Final

from holdfast.model import NEIGHBOURS

from .forms import is_address, is_mac
from .order import Order, bits, fixed, value

__all__ = ["NEIGHBOUR"]

_STATES: Final = ("permanent", "reachable", "stale", "noarp", "none", "incomplete", "delay", "probe", "failed")

NEIGHBOUR: Final = Order(
    NEIGHBOURS,
    {
        "to": value("dst"),
        "dev": value("ifindex"),
        "nud": value("state"),
        "proto": value("protocol"),
        "proxy": fixed(proxy=1),
        "router": bits("flags", "router"),
        "use": bits("flags", "use"),
        "extern_learn": bits("flags", "extern_learn"),
        **{state: fixed(state=state) for state in _STATES},
    },
    {"dst": is_address, "lladdr": is_mac},
    key=("dst", "ifindex", "proxy", "family"),
)
