"""The steps of interfaces: made, brought down, moved, set, given to a master, brought up. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from holdfast.model import INTERFACES, KINDS

from .contract import Named
from .messages import CREATE, EXCL, IFF_UP, SETTABLE_FLAGS
from .order import Phase, Step, Verb

__all__ = ["change_link", "create_link"]

_AT_BIRTH: Final = (
    "ifname", "ifindex", "kind", "kind_data", "peer", "link", "link_netnsid", "mtu", "address", "broadcast", "txqlen", "linkmode",
    "group_id", "num_tx_queues", "num_rx_queues", "gso_max_size", "gso_max_segs", "gso_ipv4_max_size", "gro_max_size",
    "gro_ipv4_max_size", "af_spec",
)  # fmt: skip
"""What rtnl_create_link and the kind take; the rest is set afterwards."""
_MTU_AFTERWARDS: Final = ("bridge", "tun")
"""A bridge that is born with an MTU forgets it with its first port (br_mtu_auto_adjust)."""
_OF_TUN: Final = ("address", "txqlen", "group_id")
_LATER: Final = ("ifalias", "proto_down")
_OF_PORT: Final = ("master", "port_data", "slave_kind")
_BORN: Final = frozenset((*_AT_BIRTH, *_LATER, *_OF_PORT, "altnames", "flags", "state", "change"))


def create_link(place: int, target: str, asked: dict[str, Any] | Mapping[str, Any]) -> list[Step]:
    """The steps that make an interface with all it was asked to have."""
    born = {name: asked[name] for name in _AT_BIRTH if name in asked}
    if not born.get("link"):
        born.pop("link", None)
        born.pop("link_netnsid", None)
    if asked.get("kind") == "veth":
        born.pop("link", None)  # the other end, which is made along with it
        born.pop("link_netnsid", None)
    mtu = {"mtu": born.pop("mtu")} if asked.get("kind") in _MTU_AFTERWARDS and "mtu" in born else {}
    below = born.get("link")
    if isinstance(below, Named) and below.target not in ("", target):  # asked for where the interface below is
        steps = [Step(place, below.target, Phase.LINK, Verb.CREATE, INTERFACES, {**born, "net_ns": target}, CREATE | EXCL)]
    elif asked.get("kind") == "tun":
        steps = [Step(place, target, Phase.LINK, Verb.CREATE, INTERFACES, born, how="tun")]
        mtu |= {name: born[name] for name in _OF_TUN if born.get(name)}
    else:
        steps = [Step(place, target, Phase.LINK, Verb.CREATE, INTERFACES, born, CREATE | EXCL)]
    me = (asked.get("ifindex") if asked.get("kind") != "tun" else None) or Named(asked["ifname"])
    later = {name: asked[name] for name in _LATER if asked.get(name)} | mtu
    if later:
        steps.append(Step(place, target, Phase.SETTING, Verb.CHANGE, INTERFACES, {"ifindex": me, **later}))
    if asked.get("altnames"):
        steps.append(_names(place, target, me, "RTM_NEWLINKPROP", asked["altnames"]))
    if asked.get("master"):
        steps += _port(place, target, me, asked)
    flags, change = _wanted_flags(asked)
    if change:
        steps.append(Step(place, target, Phase.UP, Verb.CHANGE, INTERFACES, {"ifindex": me, "flags": flags, "change": change}))
    return steps


def _wanted_flags(asked: Mapping[str, Any]) -> tuple[int, int]:
    """Flags, and which of them to change, of a new interface: it is down, and has the flags of its kind."""
    up = asked["state"] == "up" if "state" in asked else bool(asked.get("flags", 0) & IFF_UP)
    if "flags" not in asked:
        return (IFF_UP, IFF_UP) if up else (0, 0)
    flags = asked["flags"] & SETTABLE_FLAGS & ~IFF_UP | (IFF_UP if up else 0)
    return flags, SETTABLE_FLAGS if flags else 0


def _names(place: int, target: str, me: Any, word: str, names: Any) -> Step:
    return Step(place, target, Phase.SETTING, Verb.CHANGE, INTERFACES, {"ifindex": me, "altnames": list(names)}, CREATE | EXCL
                if word == "RTM_NEWLINKPROP" else 0, how=word)  # fmt: skip


def _port(place: int, target: str, me: Any, fields: Mapping[str, Any], kind: str | None = None) -> list[Step]:
    steps = []
    if "master" in fields:
        given = {"master": fields["master"]} if fields["master"] else {"release": 0}
        steps.append(Step(place, target, Phase.MASTER, Verb.CHANGE, INTERFACES, {"ifindex": me, **given}))
    if fields.get("port_data"):
        kind = fields.get("slave_kind") or kind or _kind_of(fields["port_data"])
        row = {"ifindex": me, "slave_kind": kind, "port_data": fields["port_data"]}
        steps.append(Step(place, target, Phase.MASTER, Verb.CHANGE, INTERFACES, row))
    return steps


def _kind_of(port_data: Mapping[str, Any]) -> str:
    """Attributes tell whose they are: brport_ are a bridge's, bond_slave_ a bond's."""
    prefix = next(iter(port_data), "")
    return "bond" if prefix.startswith("bond_") else "vrf" if prefix.startswith("vrf_") else "bridge"


def change_link(place: int, target: str, row: Mapping[str, Any], fields: Mapping[str, Any]) -> tuple[list[Step], dict[str, Any]]:
    """The steps that give an interface other values, and what is to be compared beside them.

    row: as it is. Down comes before everything, up after everything. After a move the steps go to the new place.
    """
    steps: list[Step] = []
    me: Any = row["ifindex"]
    ifname = fields.get("ifname") or row["ifname"]
    flags, change = _changed_flags(row, fields)
    if change & IFF_UP and not flags & IFF_UP:
        steps.append(Step(place, target, Phase.DOWN, Verb.CHANGE, INTERFACES, {"ifindex": me, "flags": flags, "change": change}))
    place_now = fields.get("target", target)
    if place_now != target:
        moved = {"ifindex": me, "net_ns": place_now} | ({"ifname": ifname} if ifname != row["ifname"] else {})
        if fields.get("ifindex"):  # as it had there before; the kernel refuses one that is taken
            moved["new_ifindex"] = fields["ifindex"]
        steps.append(Step(place, target, Phase.MOVE, Verb.CHANGE, INTERFACES, moved))
        me = Named(ifname)
    settings = _settings(row, fields, moved=place_now != target)
    gone, come = _changed_names(place, place_now, me, row, fields)
    steps += gone  # before a rename to one of these
    if settings:
        steps.append(Step(place, place_now, Phase.SETTING, Verb.CHANGE, INTERFACES, {"ifindex": me, **settings}))
    steps += come
    steps += _port(place, place_now, me, fields, row.get("slave_kind"))
    if change and not (change & IFF_UP and not flags & IFF_UP):
        steps.append(Step(place, place_now, Phase.UP, Verb.CHANGE, INTERFACES, {"ifindex": me, "flags": flags, "change": change}))
    elif place_now != target and row["flags"] & IFF_UP and "state" not in fields and "flags" not in fields:
        steps.append(Step(place, place_now, Phase.UP, Verb.CHANGE, INTERFACES, {"ifindex": me, "flags": IFF_UP, "change": IFF_UP}))
    return steps, ({"flags": flags, "change": change} if change else {})


def _changed_flags(row: Mapping[str, Any], fields: Mapping[str, Any]) -> tuple[int, int]:
    flags = fields["flags"] if "flags" in fields else row["flags"]
    if "state" in fields:
        flags = flags | IFF_UP if fields["state"] == "up" else flags & ~IFF_UP
    change = (flags ^ row["flags"]) & SETTABLE_FLAGS
    if ("state" in fields or "flags" in fields) and not change:
        change = IFF_UP  # asked for as it is: said again, since it may be different by now
    return flags & change, change


_ELSEWHERE: Final = frozenset((*_OF_PORT, "altnames", "flags", "state", "target", "change", "peer"))


def _settings(row: Mapping[str, Any], fields: Mapping[str, Any], *, moved: bool) -> dict[str, Any]:
    settings = {name: value for name, value in fields.items() if name not in _ELSEWHERE}
    if moved:
        settings.pop("ifname", None)
        settings.pop("ifindex", None)
    if settings.get("ifname") == row["ifname"]:
        del settings["ifname"]
    if "ifalias" in settings and settings["ifalias"] is None:
        settings["ifalias"] = ""
    if settings.get("kind_data"):
        settings["kind"] = row["kind"]
        settings |= _with_the_rest(row, settings)
    return settings


def _with_the_rest(row: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """What is to stay as it is and would not, were it not told."""
    kind = KINDS.get(row["kind"])
    if kind is None or not kind.whole:
        return {}
    kept = {one.name: row["kind_data"][one.name] for one in kind.data if one.name in (row["kind_data"] or {}) and not one.readonly}
    mtu = settings.get("mtu", row["mtu"])  # worked out anew as well, but for who tells it
    return {"kind_data": {**kept, **settings["kind_data"]}, "mtu": mtu}


def _changed_names(
    place: int, target: str, me: Any, row: Mapping[str, Any], fields: Mapping[str, Any]
) -> tuple[list[Step], list[Step]]:
    """The steps that take alternative names away, and those that give new ones."""
    if "altnames" not in fields:
        return [], []
    old, new = row["altnames"] or [], fields["altnames"] or []
    gone, come = [one for one in old if one not in new], [one for one in new if one not in old]
    return (
        [_names(place, target, me, "RTM_DELLINKPROP", gone)] if gone else [],
        [_names(place, target, me, "RTM_NEWLINKPROP", come)] if come else [],
    )
