"""`add netns blue`"""

from __future__ import annotations

from typing import Final

from holdfast.model import NETNS as TABLE

from .forms import is_name
from .order import Order

__all__ = ["NETNS"]

NETNS: Final = Order(TABLE, {}, {"name": is_name}, key=("name",))
