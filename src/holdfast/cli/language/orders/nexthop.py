"""`add nexthop 1 via 192.0.2.1 dev eth0`, `add nexthop 10 group 1,2/3`, `add nexthop 5 blackhole`"""

from __future__ import annotations

from typing import Any, Final

from holdfast.errors import InvalidValue
from holdfast.model import NEXTHOPS

from .forms import is_number
from .order import Order, Words, bits, fixed, member, value
from .route import encap

__all__ = ["NEXTHOP"]


def _group(fields: dict[str, Any], words: Words) -> None:
    """`1/2,3`: nexthops 1, and 2 with the weight 3, as `ip nexthop` writes it: members by slashes, weights behind commas."""
    text = words.take()
    try:
        members = [one.split(",") for one in text.split("/")]
        fields["group_members"] = [{"id": int(number), "weight": int(*weight or (1,))} for number, *weight in members]
    except (ValueError, TypeError):
        raise InvalidValue(f"expected members such as 1/2,3/4 (a weight stands behind a comma), got `{text}` – at `group`") from None


NEXTHOP: Final = Order(
    NEXTHOPS,
    {
        "via": value("gateway"),
        "dev": value("oif"),
        "proto": value("protocol"),
        "group": _group,
        "type": value("group_type"),
        "blackhole": fixed(blackhole=1),
        "fdb": fixed(fdb=1),
        "onlink": bits("flags", "onlink"),
        "encap": encap,
        "buckets": member("res_group", "buckets"),
        "idle_timer": member("res_group", "idle_timer"),
        "unbalanced_timer": member("res_group", "unbalanced_timer"),
    },
    {"id": is_number},
    key=("id",),
)
