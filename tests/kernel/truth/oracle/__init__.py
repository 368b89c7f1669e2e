"""The kernel's state as iproute2 shows it, in the columns of our tables: what a mirror is held against.

    look(namespace) → Answers          JSON and text of ip, bridge, tc (read.py)
    VIEWS[table].theirs(answers)       iproute2's rows (one module per table; words.py turns words into numbers)
    VIEWS[table].mirrored(rows, …)     the mirror's rows in the same shape

Nothing here uses the codec: a mistake in it must show. Each column of the model is either compared or listed as hidden,
with the reason; a test sees to that.
"""

from __future__ import annotations

from typing import Final

from .addresses import ADDRESSES
from .interfaces import INTERFACES
from .neighbours import FDB, NEIGHBOURS
from .nexthops import NEXTHOPS
from .read import Answers, look
from .routes import ROUTES
from .rules import RULES
from .traffic import CLASSES, FILTERS, QDISCS
from .view import Row, View
from .vlans import VLANS

__all__ = ["VIEWS", "Answers", "Row", "View", "look"]

VIEWS: Final[dict[str, View]] = {
    view.table.name: view
    for view in (INTERFACES, ADDRESSES, ROUTES, RULES, NEIGHBOURS, NEXTHOPS, FDB, VLANS, QDISCS, CLASSES, FILTERS)
}
"""By table. `netns` is not here: it is what stands under /run/netns, no state of a namespace."""
