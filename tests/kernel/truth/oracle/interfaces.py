"""`ip -d link`, `ip token` → interfaces."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from holdfast.model import TABLES

from .kinds import kind_as_ours, kind_shown, port_as_ours, port_shown
from .read import Answers
from .view import UNKNOWN, VOLATILE, Row, View
from .words import GEN_MODES, LINK_FLAGS, bits, number

__all__ = ["INTERFACES"]

_LINK_MODES: Final = {"DEFAULT": 0, "DORMANT": 1, "TESTING": 2}
_SAME: Final = {  # ours: theirs
    "ifindex": "ifindex", "ifname": "ifname", "operstate": "operstate", "address": "address", "broadcast": "broadcast",
    "perm_address": "permaddr", "mtu": "mtu", "min_mtu": "min_mtu", "max_mtu": "max_mtu", "link_netnsid": "link_netnsid",
    "ifalias": "ifalias", "qdisc": "qdisc", "txqlen": "txqlen", "num_tx_queues": "num_tx_queues", "num_rx_queues": "num_rx_queues",
    "promiscuity": "promiscuity", "allmulti": "allmulti", "gso_max_segs": "gso_max_segs", "gso_max_size": "gso_max_size",
    "gro_max_size": "gro_max_size", "tso_max_segs": "tso_max_segs", "tso_max_size": "tso_max_size",
    "parent_dev_name": "parentdev", "parent_dev_bus_name": "parentbus", "phys_port_name": "phys_port_name",
}  # fmt: skip


def _read(answers: Answers) -> Iterator[Row]:
    for link in answers.links:
        info = link.get("linkinfo", {})
        row: Row = {ours: link.get(theirs) for ours, theirs in _SAME.items()}
        row["ifi_type"] = number(link["link_type"])
        row["flags"] = _flags(link["flags"])
        row["state"] = "up" if row["flags"] & LINK_FLAGS["UP"] else "down"
        row["linkmode"] = _LINK_MODES[link["linkmode"]]
        row["link"] = link["link_index"] if "link_index" in link else answers.ifindex_of(link["link"]) if link.get("link") else None
        row["master"] = answers.ifindex_of(link["master"]) if "master" in link else None
        row["group_id"] = number(link["group"])
        row["altnames"] = link.get("altnames") or None
        row["proto_down"] = 1 if link.get("proto_down") else 0
        row["kind"], row["slave_kind"] = info.get("info_kind"), info.get("info_slave_kind")
        row["kind_data"] = kind_shown(row["kind"], info.get("info_data", {}), answers)
        row["port_data"] = port_shown(row["slave_kind"], info.get("info_slave_data", {}), answers)
        row["af_spec"] = _inet6(link, answers)
        yield row


def _flags(words: list[str]) -> int:
    """`ip` leaves RUNNING out, and writes NO-CARRIER where an interface that is up does not have it."""
    real = [word for word in words if word not in ("NO-CARRIER", "M-DOWN")]
    running = LINK_FLAGS["RUNNING"] if "UP" in words and "NO-CARRIER" not in words else 0
    return bits(real, LINK_FLAGS) | running


def _inet6(link: Row, answers: Answers) -> Row | None:
    if "inet6_addr_gen_mode" not in link:
        return None
    return {"addr_gen_mode": GEN_MODES[link["inet6_addr_gen_mode"]], "token": _token(answers.tokens.get(link["ifname"]))}


def _token(address: str | None) -> str | None:
    """`ip token` leaves out some interfaces that have none."""
    return None if address == "::" else address


def _ours(row: Row) -> Row:
    inet6 = (row["af_spec"] or {}).get("inet6") or {}
    return row | {
        "kind_data": kind_as_ours(row["kind"], row["kind_data"] or {}),
        "port_data": port_as_ours(row["slave_kind"], row["port_data"] or {}),
        "af_spec": {"addr_gen_mode": inet6.get("addr_gen_mode"), "token": _token(inet6.get("token"))} if inet6 else None,
        "proto_down": row["proto_down"] or 0,
        "altnames": row["altnames"] or None,
        "flags": row["flags"] & ~LINK_FLAGS["RUNNING"] if not row["flags"] & LINK_FLAGS["UP"] else row["flags"],
    }


_NOT_SHOWN: Final = "iproute2 6.1 does not print it"

INTERFACES: Final = View(
    table=TABLES["interfaces"],
    shown=(
        *_SAME, "ifi_type", "flags", "state", "linkmode", "link", "master", "group_id", "altnames", "proto_down", "kind", "slave_kind",
        "kind_data", "port_data", "af_spec",
    ),
    hidden={
        "carrier": "not printed; it is the flag LOWER_UP, which is compared",
        "xstats": VOLATILE,
        "stats": VOLATILE,
        "carrier_changes": VOLATILE,
        "carrier_up_count": VOLATILE,
        "carrier_down_count": VOLATILE,
        "proto_down_reason": "printed as names of a file; no device of this kernel has it",
        "gso_ipv4_max_size": _NOT_SHOWN,
        "gro_ipv4_max_size": _NOT_SHOWN,
        "max_pacing_offload_horizon": _NOT_SHOWN,
        "headroom": _NOT_SHOWN,
        "tailroom": _NOT_SHOWN,
        "netns_immutable": _NOT_SHOWN,
        "devlink_bus": "hardware only",
        "devlink_dev": "hardware only",
        "devlink_port": _NOT_SHOWN,
        "dpll_pin": _NOT_SHOWN,
        "phys_port_id": "hardware only",
        "phys_switch_id": "hardware only",
        "xdp": "printed when a program is attached; the tests attach none",
        "num_vf": "hardware only",
        "vfs": "hardware only",
        "unknown": UNKNOWN,
    },
    read=_read,
    key=("ifindex",),
    ours=_ours,
)  # fmt: skip
