"""`tc qdisc`, `tc class`, `tc filter` → qdiscs, classes, filters. Options are raw in our rows and words in iproute2's: not compared."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from holdfast.model import TABLES

from .read import Answers, Json
from .view import DERIVED, UNKNOWN, VOLATILE, Row, View
from .words import handle, number

__all__ = ["CLASSES", "FILTERS", "QDISCS"]

_ROOT: Final = 0xFFFFFFFF
_HOOKS: Final = {"ingress": 0xFFFFFFF2, "egress": 0xFFFFFFF3}
_OPTIONS: Final = "raw here, words there"


def _read_qdiscs(answers: Answers) -> Iterator[Row]:
    for one in answers.qdiscs:
        yield {
            "ifindex": answers.ifindex_of(one["dev"]),
            "kind": one["kind"],
            "handle": handle(one["handle"]),
            "parent": _ROOT if one.get("root") else handle(one["parent"]),
            "ingress_block": one.get("ingress_block"),
            "egress_block": one.get("egress_block"),
        }


QDISCS: Final = View(
    table=TABLES["qdiscs"],
    shown=("ifindex", "kind", "handle", "parent", "ingress_block", "egress_block"),
    hidden={
        "info": VOLATILE,
        "options": _OPTIONS,
        "stab": _OPTIONS,
        "hw_offload": "hardware only",
        "stats": VOLATILE,
        "unknown": UNKNOWN,
    },
    read=_read_qdiscs,
    key=("ifindex", "parent", "handle"),
)


def _read_classes(answers: Answers) -> Iterator[Row]:
    """`class htb 1:10 parent 1:1 leaf 20: prio 0 …`, or with `root` for the parent."""
    for ifindex, line in answers.classes:
        _, kind, classid, *words = line.split()
        pairs = dict(pairwise(words))
        yield {
            "ifindex": ifindex,
            "kind": kind,
            "handle": handle(classid),
            "parent": handle(pairs["parent"]) if words[0] == "parent" else _ROOT,
            "leaf": handle(pairs["leaf"]) if "leaf" in pairs else 0,
        }


CLASSES: Final = View(
    table=TABLES["classes"],
    shown=("ifindex", "kind", "handle", "parent", "leaf"),
    hidden={"options": _OPTIONS, "stats": VOLATILE, "unknown": UNKNOWN},
    read=_read_classes,
    key=("ifindex", "handle"),
)


def _read_filters(answers: Answers) -> Iterator[Row]:
    for ifindex, parent, one in answers.filters:
        yield {
            "ifindex": ifindex,
            "kind": one["kind"],
            "handle": _filter_handle(one),
            "parent": _told_parent(one, parent),
            "priority": one["pref"],
            "protocol": number(one["protocol"]),
            "chain": one.get("chain", 0),
        }


def _told_parent(one: Json, asked: int) -> int:
    """tc says the parent where it is not the one that was asked for: the filters of an `ingress` qdisc are at the place at which the
    last of them was added, whichever it was (tc_new_tfilter: block->classid)."""
    hook = next((_HOOKS[word] for word in _HOOKS if one.get(word)), asked)
    return handle(one["parent"]) if "parent" in one else hook


def _filter_handle(one: Json) -> int:
    """u32 has `800::800` (table, bucket, node), of 12, 8 and 12 bits; the others a number, or none for the head of the priority."""
    options = one.get("options", {})
    if "fh" in options:
        table, bucket, node = (int(part or "0", 16) for part in (options["fh"] + "::").split(":")[:3])
        return table << 20 | bucket << 12 | node
    return number(options.get("handle", 0))


FILTERS: Final = View(
    table=TABLES["filters"],
    shown=("ifindex", "kind", "handle", "parent", "priority", "protocol", "chain"),
    hidden={"info": DERIVED, "options": _OPTIONS, "stats": VOLATILE, "unknown": UNKNOWN},
    read=_read_filters,
    key=("ifindex", "parent", "chain", "priority", "protocol", "handle"),
)
