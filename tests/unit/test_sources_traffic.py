"""holdfast.sources.traffic: which classes and filters are to be asked for, from what qdiscs there are."""

from __future__ import annotations

from holdfast.netlink.wire import attribute
from holdfast.sources.single import simple_request
from holdfast.sources.traffic import BLOCK, Node, class_interfaces, filter_parents, messages_of, read_nodes

ROOT = 0xFFFFFFFF
HOOKS = 0xFFFFFFF1


def qdisc(ifindex: int, handle: int, parent: int, kind: str, **blocks: int) -> bytes:
    body = attribute(1, kind.encode() + b"\0")
    for number, name in ((13, "ingress_block"), (14, "egress_block")):
        if name in blocks:
            body += attribute(number, blocks[name].to_bytes(4, "little"))
    return simple_request("RTM_NEWQDISC", "tcmsg", body, tcm_ifindex=ifindex, tcm_handle=handle, tcm_parent=parent)


def test_nodes_are_read_across_chunks() -> None:
    chunks = [qdisc(2, 0x10000, ROOT, "htb") + qdisc(2, 0xFFFF0000, HOOKS, "clsact", ingress_block=7), qdisc(3, 0, ROOT, "noqueue")]
    assert read_nodes(chunks) == [
        Node(2, 0x10000, ROOT, "htb"),
        Node(2, 0xFFFF0000, HOOKS, "clsact", 7, 0),
        Node(3, 0, ROOT, "noqueue"),
    ]
    assert read_nodes([]) == []


def test_messages_of_some_interfaces_stay_whole() -> None:
    two, three = qdisc(2, 0, ROOT, "noqueue"), qdisc(3, 0, ROOT, "noqueue")
    assert messages_of(two + three + two, frozenset({2})) == two + two
    assert messages_of(two + three, frozenset({9})) == b""


def test_classes_are_asked_for_where_there_can_be_some() -> None:
    nodes = [
        Node(1, 0, ROOT, "noqueue"),
        Node(2, 0x10000, ROOT, "htb"),
        Node(2, 0x20000, 0x10001, "pfifo"),
        Node(3, 0xFFFF0000, HOOKS, "clsact"),
        Node(4, 0, ROOT, "fq_codel"),
        Node(5, 0, ROOT, "something new"),
    ]
    assert class_interfaces(nodes) == [2, 5]


def test_filters_are_asked_for_at_every_place_once() -> None:
    qdiscs = [
        Node(1, 0, ROOT, "noqueue"),
        Node(2, 0x10000, ROOT, "htb"),
        Node(2, 0xFFFF0000, HOOKS, "clsact"),
        Node(3, 0xFFFF0000, HOOKS, "ingress"),
        Node(4, 0xFFFF0000, HOOKS, "clsact", ingress_block=7),
        Node(5, 0xFFFF0000, HOOKS, "ingress", ingress_block=7),
        Node(6, 0, ROOT, "fq_codel"),
    ]
    classes = [Node(2, 0x10010, 0x10000, "htb"), Node(7, 0x30001, ROOT, "mq")]
    assert filter_parents(qdiscs, classes) == [
        (2, 0x10000),
        (2, 0xFFFFFFF2),
        (2, 0xFFFFFFF3),
        (3, 0xFFFFFFF2),
        (BLOCK, 7),
        (4, 0xFFFFFFF3),
        (6, 0),
        (2, 0x10010),
    ]
