"""Traffic control, as `tc` shows it."""

from __future__ import annotations

from typing import Any, Final

from holdfast.cli.language.spelling import Spelling
from holdfast.model import CLASSES, FILTERS, QDISCS

from .look import Look, View, named, number

__all__ = ["CLASSES_LOOK", "FILTERS_LOOK", "QDISCS_LOOK"]


def _hexadecimal(_: Spelling, target: str, handle: Any) -> str:
    return f"{handle:#x}" if handle else ""


_DEV: Final = View("DEV", ("ifindex",), role="ifname", keep=True, label=1)
_TC_KIND: Final = View("KIND", ("kind",), keep=True, label=1)
_PARENT: Final = View("PARENT", ("parent",), keep=True, label=1)
_TC_WORDS: Final = {"dev": ("ifindex",)}

QDISCS_LOOK: Final = Look(
    QDISCS,
    ("qdisc", "q"),
    (_DEV, _TC_KIND, View("HANDLE", ("handle",), keep=True), _PARENT, View("BLOCK", ("ingress_block",), right=True)),
    words=_TC_WORDS,
    bare={"device": "dev", "name": "kind"},
    order=(
        "ifindex",
        "parent",
        "handle",
    ),
)

CLASSES_LOOK: Final = Look(
    CLASSES,
    ("class",),
    (_DEV, _TC_KIND, View("CLASSID", ("handle",), keep=True, label=1), _PARENT, View("LEAF", ("leaf",), named("tc_handle", 0))),
    words={**_TC_WORDS, "classid": ("handle",)},
    bare={"device": "dev", "name": "kind"},
    order=(
        "ifindex",
        "handle",
    ),
)

FILTERS_LOOK: Final = Look(
    FILTERS,
    ("filter",),
    (
        _DEV,
        _TC_KIND,
        _PARENT,
        View("PREF", ("priority",), right=True, keep=True, label=1),
        View("PROTOCOL", ("protocol",), keep=True),
        View("CHAIN", ("chain",), number, right=True),
        View("HANDLE", ("handle",), _hexadecimal),
    ),
    words={**_TC_WORDS, "pref": ("priority",), "prio": ("priority",)},
    bare={"device": "dev", "name": "kind"},
    order=(
        "ifindex",
        "parent",
        "priority",
        "handle",
    ),
)
