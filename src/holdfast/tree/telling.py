"""Blame: which commit last changed each leaf, and whose it was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from . import rows
from .head import Node, rows_below, value_of
from .past import Fetch
from .paths import Path, show

__all__ = ["Blame", "blame"]

_STRIDE: Final = 500


@dataclass(frozen=True, slots=True)
class Blame:
    """A leaf, and the commit that last changed it. author and message are empty where the log has been compacted."""

    path: str
    value: Any
    revision: int
    time_ns: int = 0
    author: str = ""
    message: str = ""


def blame(fetch: Fetch, node: Node, path: Path) -> list[Blame]:
    """For each leaf at a path or below, in order. Cost: O(leaves)."""
    leaves = sorted(((where, one) for where, one in rows_below(node, path)), key=lambda item: item[0])
    wanted = sorted({one.since for _, one in leaves})
    who: dict[int, tuple[int, str, str]] = {}
    for start in range(0, len(wanted), _STRIDE):
        some = wanted[start : start + _STRIDE]
        marks = ", ".join("?" * len(some))
        sql = f"SELECT revision, time_ns, author, message FROM log WHERE kind = ? AND revision IN ({marks})"
        who |= {revision: (time_ns, author or "", message or "") for revision, time_ns, author, message in fetch(sql, (rows.KIND, *some))}
    return [Blame(show(where), value_of(one), one.since, *who.get(one.since, ())) for where, one in leaves]
