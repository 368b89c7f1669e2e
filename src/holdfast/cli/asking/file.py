"""The file that a command reads: whose it is, and what there is to say of it."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

from holdfast.cli.declaring.options import Common
from holdfast.errors import NotFound

from .state import RunningNode, find_node, holder

if TYPE_CHECKING:
    from holdfast.database.sqlite import FileReader

__all__ = ["node_of", "say", "say_away"]


def node_of(common: Common) -> RunningNode | None:
    """The node, or the file of a stopped one where `--db` names it. Raises: NotFound - no such file."""
    if not common.db:
        node = find_node()
        if node is not None:
            say(common, f"asking the running node{f' (process {node.pid})' if node.pid else ''}, file {node.path}")
        return node
    if not os.path.exists(common.db):
        raise NotFound(f"there is no database `{common.db}`", hint="`holdfast run --db FILE` makes one")
    pid = holder(common.db)
    if pid is None:
        print(f"holdfast: no node is running on {common.db}: this is what it saw last", file=sys.stderr)
    return RunningNode(common.db, pid or 0)


def say_away(reader: FileReader) -> None:
    """On stderr, that the node's disk is full, if it is."""
    if reader.away_ns:
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(reader.away_ns / 1e9))
        print(f"holdfast: the node's disk is full: it has been in memory since {since}, and this is what it sees", file=sys.stderr)


def say(common: Common, text: str) -> None:
    if common.verbose:
        print(f"holdfast: {text}", file=sys.stderr)
