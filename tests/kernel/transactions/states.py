"""The state of a namespace as iproute2 tells it, without what moves by itself: to hold one moment against another."""

from __future__ import annotations

from typing import Any

from holdfast.testing.netns import Namespace

__all__ = ["difference", "state_of"]

_MOVING = ("carrier_changes", "operstate", "promiscuity", "allmulti", "gso_max_size", "tso_max_size", "tso_max_segs",
           "valid_life_time", "preferred_life_time", "used",
           "confirmed", "updated", "probes", "refcnt", "qdisc")  # fmt: skip
_NONE = "00:00:00:00:00:00"
_DATA_MOVING = (
    "gc_timer", "fdb_n_learned", "hello_timer", "tcn_timer", "topology_change_timer", "bridge_id",
    "root_id", "root_port", "root_path_cost", "ad_info", "active_slave",
)  # fmt: skip

_PORT_MOVING = (
    "state", "designated", "hold_", "message_age", "forward_delay_timer",
    "mii_status", "link_failure_count", "ad_aggregator", "ad_actor_oper", "ad_partner_oper", "ad_churn",
)  # fmt: skip


def state_of(netns: Namespace) -> dict[str, list[str]]:
    """Each kind of object as sorted lines."""
    return {
        "links": _lines(map(_link, netns.ip_json("link show"))),
        "lladdrs": _lines((one["ifname"], one["address"]) for one in netns.ip_json("link show") if one.get("address", _NONE) != _NONE),
        "addresses": _lines((one["ifname"], _plain(part)) for one in netns.ip_json("addr show") for part in one["addr_info"]
                            if not part["local"].startswith("fe80:")),
        "routes": _lines(_route(one) for six in ("", "-6 ") for one in netns.ip_json(f"{six}route show table all") if _made(one)),
        "rules": _lines(_plain(one) for six in ("", "-6 ") for one in netns.ip_json(f"{six}rule show")),
        "neighbours": _lines(_plain(one) for one in netns.ip_json("neigh show nud permanent")),
        "nexthops": _lines(_plain(one, "flags") for one in netns.ip_json("nexthop show")),
        "fdb": sorted(line for line in netns.bridge("fdb show").splitlines() if "static" in line),
    }


def difference(before: dict[str, list[str]], after: dict[str, list[str]]) -> list[str]:
    """Lines that went, and lines that came."""
    return [
        f"{sign} {line}"
        for name in before
        for sign, some, others in (("-", before[name], after[name]), ("+", after[name], before[name]))
        for line in some
        if line not in others and (name, sign) != ("lladdrs", "+")  # a bridge without one that is made again has one
    ]


def _lines(parts: Any) -> list[str]:
    return sorted(map(str, parts))


def _plain(one: dict[str, Any], *more: str) -> dict[str, Any]:
    return {name: value for name, value in one.items() if name not in _MOVING and name not in more and name != "tentative"}


def _link(one: dict[str, Any]) -> dict[str, Any]:
    plain = _plain(one, "flags", "linkinfo", "link", "address")
    plain["up"] = "UP" in one["flags"]
    info = one.get("linkinfo", {})
    for part in ("info_data", "info_slave_data"):
        data = {name: value for name, value in info.get(part, {}).items() if name not in _DATA_MOVING}
        plain[part] = {name: value for name, value in data.items() if not name.startswith(_PORT_MOVING)}
    plain["kind"] = info.get("info_kind")
    return plain


def _route(one: dict[str, Any]) -> dict[str, Any]:
    return {**_plain(one, "flags"), "nexthops": sorted(str(_plain(hop, "flags")) for hop in one.get("nexthops", ()))}


def _made(one: dict[str, Any]) -> bool:
    """Made by somebody: what the kernel makes of addresses comes and goes with them, some of it late."""
    return one.get("table") != "local" and one.get("protocol") != "kernel"
