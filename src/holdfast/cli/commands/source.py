"""`holdfast source`: the sources of the running node, and what becomes of them."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from typing import Any, Final

import click

from holdfast.cli.asking.opening import source_spec
from holdfast.cli.asking.steering import running_node
from holdfast.cli.declaring.command import Group
from holdfast.cli.declaring.options import Common, on_node
from holdfast.cli.presentation.layout import Column, write_table
from holdfast.cli.presentation.style import style_for

__all__ = ["source"]


@click.group(
    cls=Group,
    section="Keep it",
    invoke_without_command=True,
    examples="""
        holdfast source                       a line per source: state, losses, what went wrong
        holdfast source add blue              also follow this network namespace: name, path or PID
        holdfast source remove blue
        holdfast source resync localhost      read all of it again, write what differs
    """,
)
@on_node
@click.pass_context
def source(ctx: click.Context, /, **common: Any) -> None:
    """The sources of the running node: list, add, remove, restart.

    What is added here is followed until the node stops; `holdfast run --netns NAME` follows it from the start.
    """
    if ctx.invoked_subcommand is None:
        list_sources(Common(**common))


@source.command(section="Sources")
@click.argument("name", metavar="NAME", help="A network namespace: its name, path, or the PID of a process in it.")
@on_node
def add(name: str, **common: Any) -> None:
    """Follow one more network namespace."""
    add_source(name, Common(**common))


@source.command(section="Sources")
@click.argument("target", metavar="SOURCE", help="As `holdfast source` lists it.")
@on_node
def remove(target: str, **common: Any) -> None:
    """Follow it no more. Its rows go, their history stays."""
    steer_source("remove", target, Common(**common))


@source.command(section="Sources")
@click.argument("target", metavar="SOURCE", help="As `holdfast source` lists it.")
@on_node
def restart(target: str, **common: Any) -> None:
    """Close it, open it, read all of it again. Also for one that ended."""
    steer_source("restart", target, Common(**common))


@source.command(section="Sources")
@click.argument("target", metavar="SOURCE", help="As `holdfast source` lists it.")
@on_node
def resync(target: str, **common: Any) -> None:
    """Read all of it again and write what differs."""
    steer_source("resync", target, Common(**common))


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
