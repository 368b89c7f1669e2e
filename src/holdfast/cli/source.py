"""`holdfast source`: the sources of the running node, and what becomes of them."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from typing import Any, Final

from .layout import Column, write_table
from .options import Common
from .reading import source_spec
from .steering import running_node
from .style import style_for

__all__ = ["add_source", "list_sources", "steer_source"]


_COUNTERS: Final = ("events", "lost", "resyncs", "drift", "failures")


def list_sources(common: Common) -> None:
    """A line per source, and below it what went wrong. Raises: Unavailable."""
    sources = running_node(common.db).call("node.status")["sources"]
    if common.json:
        print(json.dumps(sources, ensure_ascii=False))
        return
    rows = list(sources.values())
    columns = [
        Column("SOURCE", [one["target"] for one in rows], role="ifname", keep=True),
        Column("KIND", [one["kind"] for one in rows], keep=True),
        Column("STATE", [one["state"] for one in rows], role="state", keep=True),
        Column("SINCE", [datetime.fromtimestamp(one["since"]).astimezone().strftime("%Y-%m-%d %H:%M:%S") for one in rows]),
        *(Column(name.upper(), [str(one[name]) for one in rows], right=True) for name in _COUNTERS),
        Column("WHY", [_why(one) for one in rows], elastic=True),
    ]
    write_table(columns, sys.stdout, style_for(sys.stdout, common.colour))


def _why(status: dict[str, Any]) -> str:
    if not status.get("error"):
        return ""
    again = f"; tried again in {status['retry_in_s']:.0f} s" if "retry_in_s" in status else ""
    return f"{status['error']}{again}"


def add_source(name: str, common: Common) -> None:
    """Raises: Unavailable;  what adding raises."""
    _said(running_node(common.db).call("node.add_source", spec=source_spec(name)), common)


def steer_source(verb: str, target: str, common: Common) -> None:
    """remove, restart or resync. Raises: Unavailable, NotFound, Timeout."""
    status = running_node(common.db).call(f"node.{verb}" if verb == "resync" else f"node.{verb}_source", target=target)
    _said(status or {"target": target, "state": "removed"}, common)


def _said(status: dict[str, Any], common: Common) -> None:
    if common.json:
        print(json.dumps(status, ensure_ascii=False))
    else:
        why = _why(status)
        print(f"{status['target']} is {status['state']}{f': {why}' if why else ''}")
