"""What there is: one file per noun, each field declared once. Pure; imports nothing of the house but errors.

    field.py       Field, its shapes, Table
    <noun>.py      route address interface neighbour rule nexthop fdb vlan netns qdisc → its Table
    links/         what link kinds add to an interface
    names.py       numbers and the words that people use for them
    check.py       what a table must keep to, so that SQL, codec and objects can be derived from it

Codec, SQL schema, objects, REST schema, columns of the command line and reference pages derive from these tables.
"""

from __future__ import annotations

from typing import Final

from .address import ADDRESSES
from .fdb import FDB
from .field import Field, Table
from .interface import INTERFACES
from .links import KINDS
from .neighbour import NEIGHBOURS
from .netns import NETNS
from .nexthop import NEXTHOPS
from .qdisc import CLASSES, FILTERS, QDISCS
from .route import ROUTES
from .rule import RULES
from .vlan import VLANS

__all__ = [
    "ADDRESSES", "CLASSES", "FDB", "FILTERS", "INTERFACES", "KINDS", "NEIGHBOURS", "NETNS", "NEXTHOPS", "NOUNS", "QDISCS",
    "ROUTES", "RULES", "TABLES", "VLANS", "Field", "Table",
]  # fmt: skip

TABLES: Final[dict[str, Table]] = {
    table.name: table
    for table in (INTERFACES, ADDRESSES, NEIGHBOURS, FDB, VLANS, NEXTHOPS, ROUTES, RULES, NETNS, QDISCS, CLASSES, FILTERS)
}  # fmt: skip
"""By name, in the order in which they are made and loaded: what others refer to comes first."""

NOUNS: Final[dict[str, Table]] = {table.noun: table for table in TABLES.values()}
