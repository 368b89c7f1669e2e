"""`linkinfo` of `ip -d link` → kind_data and port_data, for the kinds whose words are known here.

A kind that is not here is compared by its name only. The tables say iproute2's word → our field, where it is not our
field without its prefix; converters where the value is spelt differently.
"""

from __future__ import annotations

import pwd
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from .read import Answers
from .view import Row
from .words import bridge_id, number

__all__ = ["kind_as_ours", "kind_shown", "port_as_ours", "port_shown"]

Convert = Callable[[Any, Answers], Any]


@dataclass(frozen=True, slots=True)
class Words:
    """How iproute2 says what a kind has.

    prefix   of our fields; a word `x` is `<prefix>x` unless `other` has another name for it ("" leaves it out).
    convert  by iproute2's word.
    hidden   our fields that iproute2 6.1 has no word for: later ones may. And counters.

    Zero, absent and off are the same: some words are printed when they are set only.
    """

    prefix: str
    other: Mapping[str, str] = field(default_factory=dict)
    convert: Mapping[str, Convert] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()

    def shown(self, said: Row, answers: Answers) -> Row:
        """iproute2's side, in our fields."""
        made: Row = {}
        for word, value in said.items():
            name = self.other.get(word, self.prefix + word)
            if name:
                made[name] = self.convert[word](value, answers) if word in self.convert else _plain(value)
        return {name: value for name, value in made.items() if value and name not in self.hidden}

    def ours(self, data: Row) -> Row:
        """Our side, as iproute2 shows it."""
        return {name: value for name, value in data.items() if value and name not in self.hidden | {"unknown"}}


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, bool) else value


def _hex(value: str, _: Answers) -> int:
    return int(value, 16)


def _number(value: str, _: Answers) -> int:
    return number(value)


def _id(value: str, _: Answers) -> str:
    return bridge_id(value)


def _ifindex(value: str, answers: Answers) -> int:
    return answers.ifindex_of(value)


def _word(**numbers: int) -> Convert:
    """A word; iproute2 tells some numbers that it has no word for as `[33024]`."""
    return lambda value, _: numbers[value] if value in numbers else int(value.strip("[]"))


def _user(value: str, _: Answers) -> int:
    return int(value) if value.isdigit() else pwd.getpwnam(value).pw_uid


_TIMERS: Final = dict.fromkeys(
    ("hello_timer", "tcn_timer", "topology_change_timer", "gc_timer", "hold_timer", "message_age_timer", "forward_delay_timer"), ""
)


def _macvlan(prefix: str) -> Words:
    return Words(
        prefix,
        other={"bcqueuelen": f"{prefix}bc_queue_len", "usedbcqueuelen": f"{prefix}bc_queue_len_used", "nopromisc": ""},
        convert={"mode": _word(private=1, vepa=2, bridge=4, passthru=8, source=16)},
        hidden=frozenset({f"{prefix}{word}" for word in ("flags", "bc_cutoff", "macaddr_data", "macaddr_count")}),
    )


_TAGS: Final = _word(**{"802.1Q": 0x8100, "802.1ad": 0x88A8})

_DATA: Final[dict[str, Words]] = {
    "bridge": Words(
        "br_",
        # Bits of multi_boolopt; what querier there is follows from packets.
        other=_TIMERS | dict.fromkeys(("no_linklocal_learn", "mcast_vlan_snooping", "mst_enable", "mcast_querier_ipv4_addr",
                                       "mcast_querier_ipv4_port", "mcast_querier_ipv6_addr", "mcast_querier_ipv6_port"), ""),
        convert={"group_fwd_mask": _hex, "bridge_id": _id, "root_id": _id, "vlan_protocol": _TAGS},
        hidden=frozenset({"br_multi_boolopt", "br_mcast_querier_state", "br_fdb_max_learned", "br_fdb_n_learned"}),
    ),
    "vxlan": Words(
        "vxlan_",
        other={"remote": "vxlan_group", "remote6": "vxlan_group6", "external": "vxlan_collect_metadata"},
        convert={"link": _ifindex, "df": _word(unset=0, set=1, inherit=2), "tos": _number, "label": _number},
        hidden=frozenset({"vxlan_localbypass", "vxlan_label_policy", "vxlan_reserved_bits", "vxlan_mc_route"}),
    ),
    "macvlan": _macvlan("macvlan_"),
    "macvtap": _macvlan("macvtap_"),
    "tun": Words(
        "tun_",
        other={"user": "tun_owner", "numqueues": "tun_num_queues", "numdisabled": "tun_num_disabled_queues"},
        convert={"type": _word(tun=1, tap=2), "user": _user},
    ),
    "veth": Words("veth_"),
    "ifb": Words("ifb_"),
    "dummy": Words("dummy_"),
    "vlan": Words("vlan_", other={"flags": ""}, convert={"protocol": _TAGS}, hidden=frozenset({"vlan_flags"})),
    "vrf": Words("vrf_"),
}  # fmt: skip

_PORTS: Final[dict[str, Words]] = {
    "bridge": Words(
        "brport_",
        other={**_TIMERS, "hairpin": "brport_mode", "root_block": "brport_protect", "fastleave": "brport_fast_leave",
               "flood": "brport_unicast_flood", "proxy_arp": "brport_proxyarp", "proxy_arp_wifi": "brport_proxyarp_wifi",
               "mcast_to_unicast": "brport_mcast_to_ucast", "group_fwd_mask_str": ""},
        convert={"state": _word(disabled=0, listening=1, learning=2, forwarding=3, blocking=4), "id": _number, "no": _number,
                 "bridge_id": _id, "root_id": _id, "group_fwd_mask": _hex},
        hidden=frozenset({"brport_learning_sync", "brport_neigh_vlan_suppress", "brport_mab", "brport_backup_nhid", "brport_mrp_ring_open",
                          "brport_mrp_in_open", "brport_mcast_eht_hosts_limit", "brport_mcast_max_groups"}),
    ),
}  # fmt: skip


def kind_shown(kind: str | None, said: Row, answers: Answers) -> Row | None:
    words = _DATA.get(kind or "")
    return None if words is None else words.shown(said, answers)


def port_shown(kind: str | None, said: Row, answers: Answers) -> Row | None:
    words = _PORTS.get(kind or "")
    return None if words is None else words.shown(said, answers)


def kind_as_ours(kind: str | None, data: Row) -> Row | None:
    words = _DATA.get(kind or "")
    return None if words is None else words.ours(data)


def port_as_ours(kind: str | None, data: Row) -> Row | None:
    words = _PORTS.get(kind or "")
    return None if words is None else words.ours(data)
