"""What a route event does to the rows of its prefix, where the event alone does not say it. Pure.

IPv4 and MPLS: a replaced route (NLM_F_REPLACE) goes without an event. IPv6: the legs of a multipath route are routes of
their own for the kernel; events tell all legs, or one, in an order of their own, while dumps, and so our rows, group them.
Source: fib_table_insert, net/ipv4/fib_trie.c; fib6_add_rt2node and rt6_fill_node, net/ipv6.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from holdfast.model import ROUTES

__all__ = ["PREFIX", "Outcome", "deleted", "may_be_hidden", "may_hide", "replaced"]

PREFIX: Final = ("dst", "dst_len", "table_id", "family", "tos", "priority", "src", "src_len")
"""What the kernel finds a route by before it looks at the way out, in the order of the table's key."""

_LEG: Final = frozenset(("gateway", "oif", "weight", "flags"))
"""A hop with nothing but these can stand as a plain route."""

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Rows that go, rows that are now there, and whether that is certain; if not, the table is read again.

    kept  all but the legs of what is now there is that of a row that we had, and as right as that was.
    """

    gone: tuple[Row, ...] = ()
    now: tuple[Row, ...] = ()
    certain: bool = True
    kept: bool = False


_OF_A_WAY: Final = 0x01 | 0x04 | 0x08 | 0x10 | 0x40
"""Flags of the one way of a route, or of a leg of many: dead, onlink, offload, linkdown, trap (RTNH_F_*, rt6_fill_node)."""


def replaced(new: Row, present: Sequence[Row], *, replace: bool) -> Outcome:
    """A route was told. `present`: the rows of its prefix; `replace`: the event says it took the place of one.

    Without `replace` only IPv6 multipath routes need this: the event may be about further legs of a row that is there.
    """
    others = [row for row in present if not _same_key(row, new)]
    if not others:
        return Outcome(now=(new,))
    if not replace:
        return _joined(new, others)
    if new["nh_id"] is not None:
        # a replaced nexthop object tells each of its routes like this, wherever they stand in the list
        through_it = [row for row in others if row["nh_id"] == new["nh_id"]]
        if len(through_it) == 1:
            return Outcome(gone=(through_it[0],), now=(new,))
    if len(present) == 1:
        return Outcome(gone=(present[0],), now=(new,))
    return Outcome(now=(new,), certain=False)


def _joined(new: Row, others: list[Row]) -> Outcome:
    """Legs joined an IPv6 route: the row keeps the order of its legs, new ones come last, as a dump shows them."""
    legs = _legs(new)
    within = [row for row in others if (row["gateway"] or row["multipath"]) and _names(_legs(row)) <= _names(legs)]
    if len(within) != 1:
        return Outcome(now=(new,), certain=not any(row["gateway"] or row["multipath"] for row in others))
    [old] = within
    if old["encap"] or not all(leg.keys() <= _LEG for leg in legs):  # gateway and interface do not name such a leg
        return Outcome(gone=(old,), now=(new,), certain=False)
    told = {_name(leg): leg for leg in legs}
    order = list(dict.fromkeys([_name(leg) for leg in _legs(old)] + list(told)))
    # the rest of the row is that of its first leg: what the event tells of the new one is not shown
    return Outcome(gone=(old,), now=(_with_legs(old, [told[name] for name in order]),), kept=True)


def may_hide(new: Row, present: Sequence[Row]) -> bool:
    """May a dump leave out some of these IPv6 routes of one prefix?

    It walks them in order and passes over everything between the first and the last leg of a multipath route, so routes that
    cannot be legs may be there unseen until legs go.
    """
    rows = (new, *present)
    return any(row["multipath"] for row in rows) and any(may_be_hidden(row) for row in rows)


def may_be_hidden(row: Row) -> bool:
    """Is it a route that cannot be a leg: without a gateway, or by nexthop object?"""
    return not row["multipath"] and (row["gateway"] is None or row["nh_id"] is not None)


def deleted(gone: Row, present: Sequence[Row]) -> Outcome:
    """A route was told gone, and no row is exactly it. `present`: the rows of its prefix."""
    if not present:
        return Outcome()
    names = _names(_legs(gone))
    having = [row for row in present if row["multipath"] and names <= _names(_legs(row))]
    if gone["family"] != 10 or len(having) != 1 or any(_same_key(row, gone) for row in present):
        return Outcome(certain=False)
    [old] = having
    if not all(leg.keys() <= _LEG for leg in _legs(old)):
        return Outcome(certain=False)
    left = [leg for leg in _legs(old) if _name(leg) not in names]
    if not left:
        return Outcome(gone=(old,))
    # all but the legs is that of the first one; if that goes, the row shows who made the next, which no event tells
    return Outcome(gone=(old,), now=(_with_legs(old, left),), certain=left[0] == _legs(old)[0], kept=True)


def _legs(row: Row) -> list[dict[str, Any]]:
    if row["multipath"]:
        return list(row["multipath"])
    return [{"gateway": row["gateway"], "oif": row["oif"], "weight": 1, "flags": row["flags"] & _OF_A_WAY}]


def _name(leg: Mapping[str, Any]) -> tuple[Any, Any]:
    return leg.get("gateway"), leg.get("oif")


def _names(legs: list[dict[str, Any]]) -> set[tuple[Any, Any]]:
    return {_name(leg) for leg in legs}


def _with_legs(row: Row, legs: list[dict[str, Any]]) -> Row:
    ways: dict[str, Any]
    if len(legs) == 1:
        ways = {"multipath": None, "gateway": legs[0].get("gateway"), "oif": legs[0].get("oif")}
        state = legs[0].get("flags", 0) & _OF_A_WAY
    else:
        ways = {"multipath": legs, "gateway": None, "oif": None}
        state = 0
    changed = {**row, **ways, "flags": row["flags"] & ~_OF_A_WAY | state}
    return {**changed, "hops": _derive_hops(changed)}


def _derive_hops(row: Row) -> str:
    derive = ROUTES["hops"].derive
    assert derive is not None
    names, function = derive
    return str(function(*[row[name] for name in names]))


def _same_key(one: Row, other: Row) -> bool:
    return all(one[name] == other[name] for name in ROUTES.key)
