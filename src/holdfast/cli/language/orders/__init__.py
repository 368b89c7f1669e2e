"""How each noun is said in commands that change it: `via 10.0.0.1 dev eth0 table 100` → fields.

    add route 10.0.0.0/8 via 192.0.2.1 metric 5  ──Order.read──►  {"dst": "10.0.0.0/8", "gateway": "192.0.2.1", "priority": "5"}

Words are those of `ip`, `bridge` and the fields of the model. Values stay as they are written where the objects know how to
read them (names of tables, interfaces, protocols); what has a grammar of its own (hops, metrics, encapsulations) is read here. Pure.
"""

from __future__ import annotations

from typing import Final

from .address import ADDRESS
from .bridge import FDB, VLAN
from .interface import INTERFACE
from .neighbour import NEIGHBOUR
from .netns import NETNS
from .nexthop import NEXTHOP
from .order import Order
from .route import ROUTE
from .rule import RULE

__all__ = ["ORDERS", "Order"]

ORDERS: Final[dict[str, Order]] = {one.table.name: one for one in (INTERFACE, ADDRESS, ROUTE, NEIGHBOUR, RULE, NEXTHOP, FDB, VLAN, NETNS)}
"""By the names of the tables."""
