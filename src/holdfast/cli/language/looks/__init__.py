"""How each noun looks: one file per noun, with its columns in the words of `ip`, and the words that ask for them."""

from __future__ import annotations

from typing import Final

from .address import ADDRESSES_LOOK
from .bridge import FDB_LOOK, NETNS_LOOK, VLANS_LOOK
from .interface import INTERFACES_LOOK
from .look import Look, View
from .neighbour import NEIGHBOURS_LOOK
from .nexthop import NEXTHOPS_LOOK
from .route import ROUTES_LOOK
from .rule import RULES_LOOK
from .traffic import CLASSES_LOOK, FILTERS_LOOK, QDISCS_LOOK

__all__ = ["LOOKS", "Look", "View"]

LOOKS: Final[dict[str, Look]] = {
    look.table.name: look
    for look in (
        INTERFACES_LOOK, ADDRESSES_LOOK, ROUTES_LOOK, NEIGHBOURS_LOOK, RULES_LOOK, NEXTHOPS_LOOK, FDB_LOOK, VLANS_LOOK, NETNS_LOOK,
        QDISCS_LOOK, CLASSES_LOOK, FILTERS_LOOK,
    )
}  # fmt: skip
"""By table, in the order in which people look for them; an abbreviation means the first that it fits, as with `ip`."""
