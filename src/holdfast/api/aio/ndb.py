"""The network as tables and objects that follow it: `from holdfast.aio import NDB`.

    async with NDB() as ndb:
        print(ndb.interfaces["lo"]["state"])
        await ndb.sources.add(netns="blue")
        link = await ndb.interfaces.wait(target="blue", ifname="eth0")
        await link.set(state="up").add_ip("10.0.0.1/24").commit()
        async for change in ndb.watch("routes"):
            …
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any, Self

from holdfast.api.aio.db import Database
from holdfast.api.aio.sources import SourcesView
from holdfast.api.aio.transaction import ProbesView, Transaction
from holdfast.api.aio.view import View
from holdfast.api.aio.watch import TaskManager, Watch
from holdfast.api.bridge import in_worker
from holdfast.api.core import Core
from holdfast.api.log import Log
from holdfast.api.past import differences, life
from holdfast.api.stream import Stream
from holdfast.errors import Denied
from holdfast.objects import settings
from holdfast.objects.records import RecordSet

if TYPE_CHECKING:
    from holdfast.api.aio.tree.tree import Tree
    from holdfast.api.aio.view import Interface, Object
    from holdfast.database.gaps import Gap
    from holdfast.database.home import Point
    from holdfast.database.retention import Keep

__all__ = ["NDB"]


class NDB:
    """The network as tables and objects that follow it.

    sources      a list of specs such as {"target": "blue", "kind": "netns", "netns": "blue"}; default: this host. As in
                 `sources.add`, a namespace that a name stands for is made where there is none.
    localhost    the target that is meant where a key names none.
    db_provider  "sqlite3".
    db_spec      a path, or ":memory:": private, gone with this object.
    db_cleanup   taken for NDB's scripts: a file keeps its tables and their history in any case.
    log          where log lines go: see `Log`.
    rtnl_debug   log everything that the mirror does, to standard error where `log` names no place.
    auto_netns   every named network namespace is a source as well, from when it appears until it is deleted.
    keep         how much history the tables keep, `Keep(rows=…, bytes=…, age=…)`: for all, or by table; others as usual.

    It is open when the tables of all sources are loaded. A source that fails is visible in `ndb.sources` and tried again;
    only when none at all can be loaded opening raises what the first one failed with.
    Raises: NotSupported - another provider, a kind of source that is planned;  UnknownName, InvalidValue - a source;
      Busy - the file is in use;  Corrupt.
    """

    def __init__(
        self,
        sources: Sequence[Mapping[str, Any]] | None = None,
        *,
        localhost: str = "localhost",
        db_provider: str = "sqlite3",
        db_spec: str = ":memory:",
        db_cleanup: bool = False,
        log: Any = None,
        rtnl_debug: bool = False,
        auto_netns: bool = False,
        keep: Keep | Mapping[str, Keep] | None = None,
    ) -> None:
        self._core = Core(sources, localhost=localhost, provider=db_provider, path=db_spec, follow=auto_netns, keep=keep)
        self.log = Log(log, debug=rtnl_debug)
        self._build(readonly=False)

    def _build(self, *, readonly: bool) -> None:
        core = self._core
        self._readonly = readonly
        self.interfaces: View[Interface] = View(core, "interfaces", readonly=readonly)
        self.addresses: View[Object] = View(core, "addresses", readonly=readonly)
        self.routes: View[Object] = View(core, "routes", readonly=readonly)
        self.neighbours: View[Object] = View(core, "neighbours", readonly=readonly)
        self.rules: View[Object] = View(core, "rules", readonly=readonly)
        self.nexthops: View[Object] = View(core, "nexthops", readonly=readonly)
        self.fdb: View[Object] = View(core, "fdb", readonly=readonly)
        self.af_bridge_fdb = self.fdb
        self.vlans: View[Object] = View(core, "vlans", readonly=readonly)
        self.af_bridge_vlans = self.vlans
        self.netns: View[Object] = View(core, "netns", readonly=readonly)
        self.qdiscs: View[Object] = View(core, "qdiscs", readonly=readonly)
        self.classes: View[Object] = View(core, "classes", readonly=readonly)
        self.filters: View[Object] = View(core, "filters", readonly=readonly)
        self.probes = ProbesView(core)
        self.sources = SourcesView(core, readonly=readonly)
        self.db = self.schema = Database(core)
        self.task_manager = TaskManager(core)

    async def open(self) -> Self:
        """Load the tables; `async with` and `await NDB()` do it. Idempotent."""
        try:
            await self._core.open()
        except BaseException:
            self.log.close()
            raise
        return self

    def __await__(self) -> Generator[Any, None, Self]:
        return self.open().__await__()

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """End everything. Objects and views raise Closed from then on. Idempotent; through `readonly()` it does nothing."""
        if not self._readonly:
            await self._core.close()
            self.log.close()

    # ------------------------------------------------------------------------------------------------ questions

    async def sql(
        self,
        query: str,
        *args: Any,
        at: Point | None = None,
        timeout: float | None = 10.0,  # noqa: ASYNC109 - NDB's word
    ) -> RecordSet:
        """Run one SQL statement that reads, `?` standing for the arguments; records have the columns' names. Any thread.

        at: with the tables as they were then: a revision, a datetime, a timedelta, or text such as "10 minutes ago".
        timeout: seconds in the database; None: no limit.
        Raises: QueryError - it is wrong, would write, or took too long;  InvalidValue - no point in time;  Compacted - the history
          does not reach back to it.
        """
        return RecordSet(await in_worker(self._core.query, query, args, timeout, at))

    async def gap(self, at: Point) -> Gap | None:
        """The time around a point in time in which nobody looked, or None: what `sql(at=…)` tells of then is what was seen last.

            if gap := await ndb.gap("yesterday 14:03"):
                print(gap)  # nobody looked from … until …

        No program had the database open, or what it saw then was lost (`since_ns`, `until_ns`: ns since 1970). Any thread.
        Raises: InvalidValue - no point in time;  Compacted - before the log begins.
        """
        return await in_worker(self._core.database.gap, at)

    def history(
        self,
        table: str | None = None,
        key: Any = None,
        /,
        *,
        since: Point | None = None,
        until: Point | None = None,
        target: str | None = None,
        author: str | None = None,
        **fields: Any,
    ) -> RecordSet:
        """What happened, newest first: everything, what changed in one table, or the life of one of its objects.

            for entry in ndb.history("interfaces", "eth0", since="2h ago"):
                for change in entry.changes:
                    print(entry.time, change.op, change.key, *change.fields)

        An entry has revision, time, kind, target, author, message, and its changes; each of these has table, target, key, op (new,
        gone, changed), fields (each with field, old, new), and the rows. More than 1 000 changes of a table at one revision are
        counted, in `many`. Where the history of a table begins an entry of kind `compacted` says so.
        It is read as it is asked for; read all of it only if you want all of it.
        Raises, when it is read: UnknownName, InvalidValue, NotFound - the table, the key, a point in time.
        """
        filters = {"since": since, "until": until, "target": target, "author": author}
        return RecordSet(lambda: life(self._core, table, key, fields, filters))

    def diff(self, first: Point, second: Point = "now", /, table: str | None = None, *, target: str | None = None) -> RecordSet:
        """What is different at the second point in time from the first one, in all tables or in one.

            for change in ndb.diff("10 minutes ago", table="routes"):
                print(change.op, change.key, *change.fields)

        Records are those of `history`'s changes. Raises, when it is read: UnknownName, InvalidValue, Compacted.
        """
        return RecordSet(lambda: differences(self._core, table, first, second, target))

    def watch(self, table: str | Sequence[str], /, since: Point | None = None, **fields: Any) -> Watch:
        """Every change of a table (or several) after a point in time (default: now), of rows with these fields.

            async for change in ndb.watch("routes", dst="10.0.0.0/24"):
                print(change.revision, change.op, change.row["gateway"])

        From the past: first what was, then what comes, without a gap or a repeat. Nothing is lost, however slowly it is read.
        Raises: UnknownName - no such table or field;  InvalidValue, Compacted - the point in time; see `Watch`.
        """
        return Watch(Stream(self._core, [table] if isinstance(table, str) else list(table), since, fields))

    async def wait(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - NDB's word
        """Wait until the tables show all that has happened at the sources up to now. Raises: Timeout."""
        await self._core.settled(timeout)

    async def backup(self, path: str) -> None:
        """As `db.backup`."""
        await self.db.backup(path)

    async def tree(self, *, author: str | None = None) -> Tree:
        """The config tree in this NDB's own database: the same file, the same revisions, one log. It ends with the NDB.

            tree = await ndb.tree()
            await tree.put("nodes.r1.mtu", 1500)

        author: who commits, where a call does not say it. Raises: Denied - this NDB is read-only;  Closed;  Corrupt.
        """
        from holdfast.api.aio.tree.tree import Tree

        if self._readonly:
            raise Denied("`tree`: this view was opened read-only")
        return Tree.beside(await self._core.open_tree(), author)

    def status(self) -> dict[str, Any]:
        """The database's id, path and revision, and how each source is doing."""
        return self._core.overview()

    # ------------------------------------------------------------------------------------------------ ways to use it

    @property
    def localhost(self) -> str:
        """The target that is meant where a key names none; another one may be set. Raises: Denied."""
        return self._core.localhost

    @localhost.setter
    def localhost(self, target: str) -> None:
        if self._readonly:
            raise Denied("`localhost`: this view was opened read-only")
        self._core.localhost = target

    @property
    def config(self) -> ModuleType:
        """What may be tuned while a program runs, for all NDBs of it: the same as `from holdfast import config`."""
        return settings

    def readonly(self) -> NDB:
        """The same NDB for those who must not change anything: what would raises Denied (a PermissionError)."""
        other = object.__new__(type(self))
        other._core, other.log = self._core, self.log
        other._build(readonly=True)
        return other

    def begin(self) -> Transaction:
        """A transaction to push objects and checks into. Raises: Denied."""
        if self._readonly:
            raise Denied("`begin` of a transaction: this view was opened read-only")
        return Transaction(self._core)

    def __repr__(self) -> str:
        return f"<NDB {self.sources!r}>"
