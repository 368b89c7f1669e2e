"""Requests that the kernel at hand may not take at all; scripts/emulated asks one that does."""

from __future__ import annotations

from holdfast.model import ROUTES, VLANS
from holdfast.netlink.codec import dump_request
from holdfast.netlink.uapi import number
from holdfast.netlink.wire import HEADER_SIZE, attributes
from holdfast.transactions.messages import message_of
from holdfast.transactions.order import Phase, Step, Verb


def test_the_question_for_vlans_has_the_header_of_the_message_alone() -> None:
    """struct br_vlan_msg has 8 bytes; more is a broken attribute to who checks strictly."""
    assert len(dump_request(VLANS, "AF_BRIDGE", 1)) == HEADER_SIZE + 8


def test_a_route_of_labels_names_no_table() -> None:
    row = {"family": 28, "dst": "100", "dst_len": 20, "oif": 4, "table_id": 254, "type": 1, "proto": 4, "scope": 0}
    for verb, more in ((Verb.CREATE, {"newdst": [200], "via": {"family": 2, "addr": "10.0.0.2"}}), (Verb.DELETE, {}), (Verb.CREATE, {})):
        whole = {**row, **more}
        sent = message_of(Step(0, "here", Phase.ROUTE, verb, ROUTES, whole), whole)
        kinds = {kind for kind, _ in attributes(sent, HEADER_SIZE + 12)}
        assert kinds >= {number("RTA_DST"), number("RTA_OIF")} and number("RTA_TABLE") not in kinds
        assert int.from_bytes(sent[:4], "little") == len(sent)
