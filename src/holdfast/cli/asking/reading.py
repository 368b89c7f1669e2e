"""Where a command's rows come from: the file of the running node, or this kernel, read once into a database in memory."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from holdfast.cli.declaring.options import Common
from holdfast.cli.language.spelling import Spelling
from holdfast.errors import HoldfastError, NotFound
from holdfast.model import NETNS, TABLES
from holdfast.model.names import Names

from .state import RunningNode, find_node, holder

if TYPE_CHECKING:
    from holdfast.database.home import Database, Result, Row, Transaction
    from holdfast.database.sqlite import FileReader
    from holdfast.mirror.answers import Answers
    from holdfast.sources import Source

__all__ = ["LINKS", "LOCALHOST", "Reading", "log_to_stderr", "mentioned", "node_of", "open_reading", "say_away", "source_spec"]

LOCALHOST: Final = "localhost"
_VRF_TABLE: Final = "CASE kind WHEN 'vrf' THEN json_extract(kind_data, '$.vrf_table') END"
LINKS: Final = f"SELECT target, ifindex, ifname, altnames, {_VRF_TABLE} FROM interfaces ORDER BY ifindex"
_ENDS: Final = ("target", "ifindex", "ifname", "kind", "link", "link_netnsid", "kind_data")
_SPACES: Final = ("target", "name", "nsid")


@dataclass(slots=True)
class Reading:
    """Rows to read, and how to spell them.

    whole  the one target of which all tables were read; "": of every target.
    at     the revision at which they are read; None: now.
    """

    database: Database | FileReader
    names: Names
    whole: str = ""
    at: int | None = None
    _targets: list[str] | None = field(default=None)

    def fetch(self, sql: str, args: Sequence[Any] = ()) -> list[Row]:
        if self.at is None:
            return self.database.fetch(sql, args)
        return list(self.database.query(sql, args, timeout_s=None, at=self.at))

    def query(self, sql: str, *, timeout_s: float | None, limit: int | None) -> Result:
        return self.database.query(sql, timeout_s=timeout_s, limit=limit, at=self.at)

    def spelling(self, *, far: bool = False) -> Spelling:
        """far: knows other ends in other namespaces, as they are now; for who reads once."""
        return Spelling(self.names, self.fetch(LINKS), self._far if far else dict)

    def _far(self) -> dict[tuple[str, int], str]:
        """What each interface is linked with in another source's namespace, as far as the rows tell."""
        if len(self.targets()) < 2:
            return {}
        from holdfast.story.topology import topology

        interfaces = [dict(zip(_ENDS, row, strict=True)) for row in self.fetch(f"SELECT {', '.join(_ENDS)} FROM interfaces")]
        spaces = [dict(zip(_SPACES, row, strict=True)) for row in self.fetch(f"SELECT {', '.join(_SPACES)} FROM netns")]
        graph = topology(interfaces, (), spaces, LOCALHOST)
        linked = (("pair", "lower"), ("pair", "upper"), ("stack", "upper"))
        return {
            key: f"{graph.interfaces[other].name}@{other[0]}"
            for key in graph.interfaces
            for edge, role, other in graph.ends(key)
            if (edge.kind, role) in linked and other[0] != key[0]
        }

    def targets(self) -> list[str]:
        """The sources that have rows."""
        if self._targets is None:
            self._targets = [str(row[0]) for row in self.fetch("SELECT DISTINCT target FROM interfaces ORDER BY target")]
        return self._targets


@contextmanager
def open_reading(common: Common, tables: Collection[str], *, named: Collection[str] = ()) -> Iterator[Reading]:
    """Open what the options name. `tables`: those that will be read; without a node no other is loaded.

    named  without a node, and without `--netns`, load these tables of this host's named network namespaces, too.

    Raises: NotFound, Denied, KernelError … - what opening raises.
    """
    if common.at:
        from .past import open_past

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

    _say(common, f"no node is running: asking the kernel{f' in {common.netns}' if common.netns else ''}")
    with Database(":memory:") as database:
        spec = source_spec(common.netns)
        names = _load(database, spec, tables)
        if named and not common.netns:
            _load_named(database, named)
        yield Reading(database, names, "" if set(tables) <= set(named) else spec["target"])


def node_of(common: Common) -> RunningNode | None:
    """The node, or the file of a stopped one where `--db` names it. Raises: NotFound - no such file."""
    if not common.db:
        node = find_node()
        if node is not None:
            _say(common, f"asking the running node{f' (process {node.pid})' if node.pid else ''}, file {node.path}")
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


def _say(common: Common, text: str) -> None:
    if common.verbose:
        print(f"holdfast: {text}", file=sys.stderr)
