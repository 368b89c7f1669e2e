"""In which order requests go: what others need comes first, and goes last. Pure.

    delete   rule  route  on-link route  fdb  group  nexthop  neighbour  address  vlan  interface  namespace
    make     namespace  interface  down  move  settings  master  up  vlan  address  neighbour  nexthop  group  fdb
             on-link route  route  rule

A transaction is worked off in stages, each all the deletions and then all the rest. Most have one stage; a new one begins where a
request concerns an object that an earlier one of the stage concerns already, so that the order given is kept for each object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import IntEnum
from typing import Any, Final, NamedTuple

from holdfast.model.field import Table

from .contract import Named

__all__ = ["Phase", "Step", "Verb", "in_order", "phase_of"]


class Phase(IntEnum):
    """When a step is sent. Deletions have the negative of their phase, so that the last made is the first to go."""

    NETNS = 1
    LINK = 2
    DOWN = 3
    MOVE = 4
    SETTING = 5
    MASTER = 6
    UP = 7
    VLAN = 8
    ADDRESS = 9
    NEIGHBOUR = 10
    NEXTHOP = 11
    GROUP = 12
    FDB = 13
    DIRECT = 14
    ROUTE = 15
    RULE = 16


class Verb(IntEnum):
    """What a step does."""

    CREATE = 1
    CHANGE = 2
    DELETE = 3


class Step(NamedTuple):
    """One message to one kernel.

    place   of the request that it belongs to, in the order given.
    phase   see Phase; negative for deletions.
    row     the fields that are sent; indexes of interfaces may be Named.
    flags   of the request, NLM_F_*.
    how     which of several messages about the table: "" the usual one, "altnames", "vlan", "netns" …
    """

    place: int
    target: str
    phase: int
    verb: Verb
    table: Table
    row: Mapping[str, Any]
    flags: int = 0
    how: str = ""


_PHASES: Final = {
    "netns": Phase.NETNS,
    "interfaces": Phase.LINK,
    "addresses": Phase.ADDRESS,
    "neighbours": Phase.NEIGHBOUR,
    "vlans": Phase.VLAN,
    "fdb": Phase.FDB,
    "rules": Phase.RULE,
}
_SECONDARY: Final = 0x1  # IFA_F_SECONDARY
_NH_ON_LINK: Final = 0x4  # RTNH_F_ONLINK


def phase_of(table: Table, row: Mapping[str, Any]) -> Phase:
    """When the object of a row is made."""
    if table.name == "routes":
        indirect = row.get("gateway") or row.get("via") or row.get("multipath") or row.get("nh_id")
        return Phase.ROUTE if indirect else Phase.DIRECT
    if table.name == "nexthops":
        return Phase.GROUP if row.get("group_members") else Phase.NEXTHOP
    return _PHASES[table.name]


def in_order(steps: Iterable[Step]) -> list[list[Step]]:
    """The steps of a stage, phase by phase; inside of a phase as given, but interfaces after those that they stand on."""
    phases: dict[int, list[Step]] = {}
    for step in steps:
        phases.setdefault(step.phase, []).append(step)
    return [_sorted(phase, phases[phase]) for phase in sorted(phases)]


def _sorted(phase: int, steps: list[Step]) -> list[Step]:
    if phase in (Phase.LINK, -Phase.LINK) and len(steps) > 1:
        ordered = _below_first(steps)
        return ordered if phase > 0 else ordered[::-1]
    if phase == Phase.ADDRESS:  # of a prefix the first one is primary
        return sorted(steps, key=lambda step: step.row.get("flags", 0) & _SECONDARY)
    return steps if phase > 0 else steps[::-1]


def _below_first(steps: Sequence[Step]) -> list[Step]:
    """An interface is made after the one that is its `link`; what goes round in a circle stays as given."""
    makers: dict[tuple[str, str | int], int] = {}
    for place, step in enumerate(steps):
        for name in ("ifname", "ifindex"):
            if step.row.get(name) and not isinstance(step.row[name], Named):
                makers[step.target, step.row[name]] = place
    needs: Callable[[Step], int | None] = lambda step: _maker(step, makers)  # noqa: E731 - short, and used twice
    done: dict[int, None] = {}
    for place in range(len(steps)):
        chain: list[int] = []
        at: int | None = place
        while at is not None and at not in done and at not in chain:
            chain.append(at)
            at = needs(steps[at])
        done |= dict.fromkeys(reversed(chain))
    return [steps[place] for place in done]


def _maker(step: Step, makers: Mapping[tuple[str, str | int], int]) -> int | None:
    link = step.row.get("link")
    if isinstance(link, Named):
        return makers.get((link.target or step.target, link.ifname))
    return makers.get((step.target, link)) if link else None
