"""What a row is to be when some of its fields get other values: what follows from those goes with them. Pure.

A route with another way out has no scope and no interface of its own any more, unless they are given: the kernel chooses. One that
led nowhere leads somewhere then, and the other way round; so does a nexthop.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from holdfast.model.field import Table

from .cells import Fields
from .complete import AF_INET6

__all__ = ["WAYS", "merged"]

WAYS: Final = frozenset(("gateway", "oif", "via", "multipath", "nh_id"))
"""Where a route leads."""
_WITHOUT_WAY: Final = (6, 7, 8, 9)
"""RTN_BLACKHOLE, UNREACHABLE, PROHIBIT, THROW: types of routes that lead nowhere."""


def merged(table: Table, row: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """The row with other values; what is derived follows. Of a row that an undo list holds only a part is known."""
    kept = _taken(table).given(row)
    if table.name == "addresses":
        kept |= {name: row[name] for name in ("preferred_lft", "valid_lft") if row.get(name) is not None}
        kept.pop("cacheinfo", None)
        if "label" in kept and "label" not in fields and "ifindex" in fields:
            del kept["label"]
        if row.get("family") == AF_INET6:
            kept.pop("scope", None)
        if "local" in fields and "address" not in fields and row.get("address") == row.get("local"):
            kept["address"] = fields["local"]
    if table.name == "routes":
        ways = [name for name in fields if name in WAYS and fields[name] is not None]
        if ways:
            for name in ("gateway", "via", "multipath", "nh_id", "encap", "encap_type"):
                kept.pop(name, None)
            if "oif" not in fields and any(fields[name] for name in ways):
                kept.pop("oif", None)
            if kept.get("type") in _WITHOUT_WAY and "type" not in fields:
                del kept["type"]
        elif fields.get("type") in _WITHOUT_WAY:
            for name in (*WAYS, "encap", "encap_type"):
                kept.pop(name, None)
        if (ways or "type" in fields) and "scope" not in fields:
            kept.pop("scope", None)
        kept.pop("flags", None)
    if table.name == "nexthops":
        if fields.get("blackhole"):
            for name in ("gateway", "oif", "encap", "encap_type"):
                kept.pop(name, None)
        elif fields.get("gateway") or fields.get("oif"):
            kept.pop("blackhole", None)
    if table.name == "neighbours" and "lladdr" in fields and "state" not in fields and not row.get("proxy") and not row.get("fixed"):
        kept.pop("state", None)
    return {**kept, **fields}


@cache
def _taken(table: Table) -> Fields:
    """The fields that the kernel takes in a request."""
    return Fields(table, (one.name for one in table.fields if not one.derive and not one.readonly))
