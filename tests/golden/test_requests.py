"""Are requests right that this kernel may not take? Each is held against pyroute2's request for the same thing."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import pytest
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
from pyroute2.requests.link import LinkFieldFilter, LinkIPRouteFilter
from pyroute2.requests.main import RequestProcessor

from holdfast.model import INTERFACES, TABLES
from holdfast.netlink.codec import Batch, decode
from holdfast.transactions.links import change_link, create_link
from holdfast.transactions.messages import message_of
from holdfast.transactions.order import Step, Verb

KINDS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("dummy", {}, {}),
    ("vlan", {"link": 2, "kind_data": {"vlan_id": 100, "vlan_protocol": 0x88A8}}, {"link": 2, "vlan_id": 100, "vlan_protocol": 0x88A8}),
    ("bond", {"kind_data": {"bond_mode": 1, "bond_miimon": 100, "bond_xmit_hash_policy": 1}},
     {"bond_mode": 1, "bond_miimon": 100, "bond_xmit_hash_policy": 1}),
    ("vrf", {"kind_data": {"vrf_table": 500}}, {"vrf_table": 500}),
    ("gre", {"kind_data": {"gre_local": "10.0.0.1", "gre_remote": "10.0.0.2", "gre_ttl": 16, "gre_ikey": 5, "gre_okey": 6}},
     {"gre_local": "10.0.0.1", "gre_remote": "10.0.0.2", "gre_ttl": 16, "gre_ikey": 5, "gre_okey": 6}),
    ("ipip", {"kind_data": {"ipip_local": "10.0.0.1", "ipip_remote": "10.0.0.2", "ipip_ttl": 16}},
     {"ipip_local": "10.0.0.1", "ipip_remote": "10.0.0.2", "ipip_ttl": 16}),
    ("ip6gre", {"kind_data": {"ip6gre_local": "2001:db8::1", "ip6gre_remote": "2001:db8::2"}},
     {"ip6gre_local": "2001:db8::1", "ip6gre_remote": "2001:db8::2"}),
    ("geneve", {"kind_data": {"geneve_id": 7, "geneve_remote": "10.0.0.2", "geneve_port": 6081}},
     {"geneve_id": 7, "geneve_remote": "10.0.0.2", "geneve_port": 6081}),
    ("vxlan", {"link": 2, "kind_data": {"vxlan_id": 7, "vxlan_group": "239.1.1.1", "vxlan_ttl": 16, "vxlan_port": 4789}},
     {"link": 2, "vxlan_id": 7, "vxlan_group": "239.1.1.1", "vxlan_ttl": 16, "vxlan_port": 4789}),
    ("bridge", {"kind_data": {"br_vlan_filtering": 1, "br_stp_state": 1}}, {"br_vlan_filtering": 1, "br_stp_state": 1}),
]  # fmt: skip


def theirs(kind: str, fields: dict[str, Any]) -> dict[Any, Any]:
    """pyroute2's request, as a tree of attributes."""
    query = {"ifname": "t0", "kind": kind, **fields}
    request = RequestProcessor(context=query, prime=query)
    for one in (LinkFieldFilter(), LinkIPRouteFilter("add")):
        request.add_filter(one)
    request.finalize()
    message = ifinfmsg()
    for name, value in request.items():
        if name in ("index", "flags", "change", "family"):
            message[name] = value
        elif name != "IFLA_LINKINFO" or value:
            message["attrs"].append((name if name.startswith("IFLA_") else f"IFLA_{name.upper()}", value))
    message.encode()
    return dict(tree(bytes(message.data)[32:]))


def tree(data: bytes, depth: int = 0) -> Iterator[tuple[int, Any]]:
    """Attributes by number; IFLA_LINKINFO and what is in it as trees."""
    at = 0
    while at + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, at)
        payload = data[at + 4 : at + length]
        number = kind & 0x3FFF
        nested = (depth == 0 and number == 18) or (depth == 1 and number in (2, 5))
        yield number, dict(tree(payload, depth + 1)) if nested else payload.rstrip(b"\0") if number in (1, 3) and depth < 2 else payload
        at += (length + 3) & ~3


@pytest.mark.parametrize(("kind", "ours", "fields"), KINDS)
def test_an_interface_is_asked_for_as_pyroute2_asks(kind: str, ours: dict[str, Any], fields: dict[str, Any]) -> None:
    [step] = create_link(0, "here", {"ifname": "t0", "kind": kind, **ours})
    message = message_of(step, step.row)
    mine = dict(tree(message[32:]))
    peer = theirs(kind, fields)
    for part in (mine, peer):
        part.get(18, {}).setdefault(2, {})
    assert mine[18] == peer[18]
    assert {number: value for number, value in mine.items() if number != 18} == {n: value for n, value in peer.items() if n != 18}


def test_vlans_of_a_port_travel_in_a_link_message_of_the_bridge_family() -> None:
    row = {"ifindex": 5, "vid": 100, "flags": 6, "self": False}
    message = message_of(Step(0, "here", 1, Verb.CREATE, TABLES["vlans"], row), row)
    _, kind, _, _, _ = struct.unpack_from("=IHHII", message)
    assert kind == 19, "RTM_SETLINK"
    assert struct.unpack_from("=BxHiII", message, 16) == (7, 0, 5, 0, 0)
    [(number, spec)] = [(number, value) for number, value in tree(message[32:])]
    assert number == 26, "IFLA_AF_SPEC"
    assert dict(tree(spec, 5)) == {0: struct.pack("=H", 1), 2: struct.pack("=HH", 6, 100)}
    gone = message_of(Step(0, "here", -1, Verb.DELETE, TABLES["vlans"], row), {**row, "self": True, "tunnel": {"id": 7}})
    assert struct.unpack_from("=IH", gone)[1] == 17, "RTM_DELLINK"
    inside = dict(tree(dict(tree(gone[32:]))[26], 5))
    assert inside[0] == struct.pack("=H", 2) and 3 in inside


def test_a_port_leaves_by_master_zero_and_flags_are_changed_under_a_mask() -> None:
    row = {"ifindex": 3, "ifname": "a", "flags": 0x1003, "altnames": None, "slave_kind": None, "kind": None}
    steps, _ = change_link(0, "here", row, {"master": None, "state": "down"})
    down, leave = [message_of(step, step.row) for step in steps]
    assert struct.unpack_from("=BxHiII", down, 16) == (0, 0, 3, 0, 1)
    assert dict(tree(leave[32:])) == {10: b"\0\0\0\0"}


def test_what_is_asked_for_is_read_as_what_was_meant() -> None:
    asked = {"ifname": "t0", "kind": "bond", "mtu": 1400, "kind_data": {"bond_mode": 4, "bond_ad_lacp_rate": 1}}
    [step] = create_link(0, "here", asked)
    [batch] = decode(message_of(step, step.row))
    assert isinstance(batch, Batch) and batch.table is INTERFACES
    [row] = batch.dicts()
    assert {name: row[name] for name in asked} == asked
