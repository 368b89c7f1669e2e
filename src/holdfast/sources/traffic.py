"""What to ask for traffic control. Pure: messages in, questions out.

The kernel answers for all queueing disciplines in one dump, but for classes only of one interface, and for filters only of
one parent (a qdisc, a class, a hook of clsact) or one shared block. So the qdiscs are read first and tell the rest.
Asked about what has no classes or filters the kernel answers with nothing: the lists of kinds below save calls only.
Source: tc_dump_tclass and tc_dump_tfilter, net/sched (Linux 6.18): a dump of classes or filters without an interface is empty.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from struct import Struct
from typing import Final

from holdfast.netlink.wire import HEADER, HEADER_SIZE, attributes

__all__ = ["BLOCK", "Node", "class_interfaces", "filter_parents", "messages_of", "read_nodes"]

BLOCK: Final = -1  # TCM_IFINDEX_MAGIC_BLOCK: the parent is the number of a shared block

_TCMSG: Final = Struct("=BxHiIII")
_TCM_IFINDEX: Final = Struct("=i")
_INGRESS_HOOK: Final = 0xFFFFFFF2  # ffff:fff2
_EGRESS_HOOK: Final = 0xFFFFFFF3
_TCA_KIND, _TCA_INGRESS_BLOCK, _TCA_EGRESS_BLOCK = 1, 13, 14

_PLAIN: Final = {"noqueue", "noop", "pfifo_fast", "pfifo", "bfifo", "fq"}
_HOOKS: Final = {"ingress", "clsact"}
_FLOWS: Final = {"fq_codel", "fq_pie", "sfq", "cake"}
"""Their classes are flows that come and go with the traffic, unannounced: not configuration."""
_UNFILTERED: Final = _PLAIN | {"mq", "mqprio", "taprio", "netem", "tbf"}


@dataclass(frozen=True, slots=True)
class Node:
    """A qdisc or a class: where it is, and which shared blocks stand on its hooks (0: none)."""

    ifindex: int
    handle: int
    parent: int
    kind: str
    ingress_block: int = 0
    egress_block: int = 0


def _messages(chunk: bytes) -> Iterator[tuple[int, int]]:
    at = 0
    while at + HEADER_SIZE <= len(chunk):
        length = HEADER.unpack_from(chunk, at)[0]
        yield at, at + length
        at += (length + 3) & ~3


def read_nodes(chunks: Iterable[bytes]) -> list[Node]:
    """The qdiscs, or classes, of a dump."""
    nodes = []
    for chunk in chunks:
        for start, end in _messages(chunk):
            _, _, ifindex, handle, parent, _ = _TCMSG.unpack_from(chunk, start + HEADER_SIZE)
            found = dict(attributes(chunk, start + HEADER_SIZE + _TCMSG.size, end))
            kind = found.get(_TCA_KIND, b"").rstrip(b"\0").decode("ascii", "replace")
            blocks = (int.from_bytes(found.get(word, b""), "little") for word in (_TCA_INGRESS_BLOCK, _TCA_EGRESS_BLOCK))
            nodes.append(Node(ifindex, handle, parent, kind, *blocks))
    return nodes


def messages_of(chunk: bytes, ifindexes: frozenset[int]) -> bytes:
    """The messages about these interfaces: the kernel does not filter qdiscs."""
    kept = []
    for start, end in _messages(chunk):
        if _TCM_IFINDEX.unpack_from(chunk, start + HEADER_SIZE + 4)[0] in ifindexes:
            kept.append(chunk[start : (end + 3) & ~3])
    return b"".join(kept)


def class_interfaces(qdiscs: Iterable[Node]) -> list[int]:
    """The interfaces that may have classes."""
    return list(dict.fromkeys(one.ifindex for one in qdiscs if one.kind not in _PLAIN | _HOOKS | _FLOWS))


def filter_parents(qdiscs: Iterable[Node], classes: Iterable[Node]) -> list[tuple[int, int]]:
    """Where filters may be, as (ifindex, parent); a shared block once, as (BLOCK, its number).

    The filters of an `ingress` qdisc are told under the parent at which the last of them was added, ffff:, ffff:fff2 or ffff:fff3,
    whichever is asked for; asked here is ffff:fff2, which `tc filter … ingress` uses for both kinds of hooks.
    """
    parents: dict[tuple[int, int], None] = {}
    for one in qdiscs:
        if one.kind in _HOOKS:
            hooks = [(_INGRESS_HOOK, one.ingress_block)]
            if one.kind == "clsact":
                hooks.append((_EGRESS_HOOK, one.egress_block))
            for hook, block in hooks:
                parents[(BLOCK, block) if block else (one.ifindex, hook)] = None
        elif one.kind not in _UNFILTERED:
            parents[one.ifindex, one.handle] = None
    parents |= dict.fromkeys((one.ifindex, one.handle) for one in classes if one.kind not in _UNFILTERED)
    return list(parents)
