"""Where a command's rows come from: the file of the running node, or this kernel, read once into a database in memory."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from holdfast.cli.declaring.options import Common
from holdfast.errors import HoldfastError
from holdfast.model import NETNS, TABLES
from holdfast.model.names import Names

from .file import node_of, say, say_away
from .past import open_past
from .reading import LOCALHOST, Reading

if TYPE_CHECKING:
    from holdfast.database.home import Database, Transaction
    from holdfast.mirror.answers import Answers
    from holdfast.sources import Source

__all__ = ["log_to_stderr", "mentioned", "open_query", "open_reading", "source_spec"]

_KEPT: Final = re.compile(rf"\b(?:log|meta|open_intents|tree(?:_\w+)?|(?:{'|'.join(TABLES)})_(?:history|at))\b", re.IGNORECASE)
"""What only a node's file has: the kernel knows neither a past nor a tree."""
_LITERAL: Final = re.compile(r"'(?:[^']|'')*'")


@contextmanager
def open_reading(common: Common, tables: Collection[str], *, named: Collection[str] = ()) -> Iterator[Reading]:
    """Open what the options name. `tables`: those that will be read; without a node no other is loaded.

    named  without a node, and without `--netns`, load these tables of this host's named network namespaces, too.

    Raises: NotFound, Denied, KernelError … - what opening raises.
    """
    if common.at:
        with open_past(common) as past:
            yield past
        return
    node = None if common.netns else node_of(common)
    if node is not None:
        from holdfast.database.sqlite import open_reader
        from holdfast.sources.name_files import read_name_files

        with open_reader(node.path) as reader:
            say_away(reader)
            yield Reading(reader, Names.parse(read_name_files()))
        return
    from holdfast.database.sqlite import Database

    say(common, f"no node is running: asking the kernel{f' in {common.netns}' if common.netns else ''}")
    with Database(":memory:") as database:
        spec = source_spec(common.netns)
        names = _load(database, spec, tables)
        if named and not common.netns:
            _load_named(database, named)
        yield Reading(database, names, "" if set(tables) <= set(named) else spec["target"])


@contextmanager
def open_query(common: Common, sql: str) -> Iterator[Reading]:
    """Open what a query needs: without a node the kernel, but the file that a node has left for what only that can know.

    Raises: NotFound - there is no such file;  and as `open_reading`.
    """
    with open_past(common) if _KEPT.search(_LITERAL.sub("", sql)) else open_reading(common, mentioned(sql)) as reading:
        yield reading


def log_to_stderr() -> None:
    """What the layers below warn of, a line each as all that the program says; for a traceback there is HOLDFAST_DEBUG."""
    import logging

    class Line(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            print(f"holdfast: {record.getMessage()}", file=sys.stderr)

    root = logging.getLogger("holdfast")
    if not root.handlers and not os.environ.get("HOLDFAST_DEBUG"):
        root.addHandler(Line(logging.WARNING))
        root.propagate = False


def source_spec(netns: str) -> dict[str, Any]:
    """This host, or a namespace: as `sources.make` takes it."""
    if not netns:
        return {"target": LOCALHOST, "kind": "local"}
    return {"target": os.path.basename(netns) if not netns.startswith("/proc/") else netns, "kind": "netns", "netns": netns}


def mentioned(sql: str) -> set[str]:
    """The tables that a query may read, from the words in it: for `interfaces_bridge`, `route_hops` and the like too."""
    low = sql.lower()
    return {table.name for table in TABLES.values() if table.name in low or table.noun.split()[0] in low}


def _load_named(database: Database, tables: Collection[str]) -> None:
    """Read these tables in each named network namespace; one that cannot be entered is told and left out."""
    inside = [table for table in tables if table != "netns"]
    for (path,) in database.fetch("SELECT path FROM netns ORDER BY name"):
        try:
            _load(database, source_spec(path), inside)
        except HoldfastError as error:
            print(f"holdfast: left out: {error}", file=sys.stderr)


def _load(database: Database, spec: dict[str, Any], tables: Collection[str]) -> Names:
    """Read these tables from the kernel; returns the names of that host."""
    from holdfast.mirror.agenda import Questions
    from holdfast.mirror.reading import Reading as Asking
    from holdfast.sources import make

    log_to_stderr()
    wanted = [name for name in tables if TABLES[name].message]
    source = make(**spec, tables=wanted or ["interfaces"])
    try:
        source.open()
        answers = Asking(source, lambda sql, args: []).ask(Questions(everything=True))
        database.write(lambda tx: _settle(tx, source, answers, netns_too="netns" in tables)).result()
        return source.names()
    finally:
        source.close()


def _settle(tx: Transaction, source: Source, answers: Answers, *, netns_too: bool) -> None:
    from holdfast.mirror.settling import settle_part

    for part in answers.parts:
        settle_part(
            tx, source.target, part, None, lambda undecoded: print(f"holdfast: a message was left out: {undecoded.reason}", file=sys.stderr)
        )
    if netns_too:
        from holdfast.sources import Namespaces

        names = Namespaces()
        try:
            rows = [(one.name, one.path, one.inode, one.nsid) for one in names.now()]
        finally:
            names.close()
        tx.put(NETNS, source.target, ("name", "path", "inode", "nsid"), list(zip(*rows, strict=True)) or [[], [], [], []])
