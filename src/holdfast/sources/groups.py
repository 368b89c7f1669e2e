"""Which netlink groups a source listens to. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from holdfast.errors import UnknownName
from holdfast.model import TABLES
from holdfast.model.field import Table
from holdfast.netlink.uapi import number

__all__ = ["group_names", "group_number"]

_COMPANIONS: Final = {
    "addresses": ("interfaces",),
    "routes": ("interfaces", "addresses", "nexthops"),
    "neighbours": ("interfaces",),
    "rules": ("interfaces",),
    "nexthops": ("interfaces",),
    "fdb": ("interfaces",),
    "vlans": ("interfaces",),
    "qdiscs": ("interfaces",),
    "classes": ("interfaces", "qdiscs"),
    "filters": ("interfaces", "qdiscs", "classes"),
}
"""Whose events tell what happens to a table without an event of its own: a link that goes down flushes IPv4 routes."""


def group_names(tables: Iterable[Table], wanted: Iterable[str | int] | None = None) -> tuple[str, ...]:
    """The groups asked for, else those of the tables and of the tables that explain what happens to them.

    wanted: names, with or without RTNLGRP_, or numbers.  Raises: UnknownName.
    """
    if wanted is not None:
        names = [str(one) if str(one).isdecimal() or str(one).startswith("RTNLGRP_") else f"RTNLGRP_{one}" for one in wanted]
    else:
        from_tables = [name for table in tables for name in (table.name, *_COMPANIONS.get(table.name, ()))]
        messages = [TABLES[name].message for name in from_tables]
        names = [group for one in messages if one for group in one.groups]
    for name in names:
        group_number(name)
    return tuple(dict.fromkeys(names))


def group_number(name: str) -> int:
    if name.isdecimal():
        return int(name)
    try:
        return number(name)
    except (KeyError, ValueError):
        raise UnknownName(f"no netlink group `{name}`; they are called RTNLGRP_LINK, RTNLGRP_IPV4_ROUTE … (linux/rtnetlink.h)") from None
