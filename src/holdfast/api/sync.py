"""The synchronous API: `from holdfast import NDB`. Made from aio.py by scripts/generators/sync.py.

    with NDB() as ndb:
        print(ndb.interfaces["lo"]["state"])
        ndb.sources.add(netns="blue")
        link = ndb.interfaces.wait(target="blue", ifname="eth0")
        for change in ndb.watch("routes"):
            …

What waits runs on a background loop; rows are read in the calling thread. Any thread may call anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from threading import Event
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TextIO, TypeVar

from holdfast.api.bridge import closed_at_exit, run
from holdfast.api.core import Core
from holdfast.api.export import export
from holdfast.api.handlers import Handler, Handlers
from holdfast.api.log import Log
from holdfast.api.past import differences, life
from holdfast.api.stream import Stream
from holdfast.errors import Denied, NotFound
from holdfast.objects import checks, interface, settings, transaction
from holdfast.objects import object as objects
from holdfast.objects import view as views
from holdfast.objects.bulk import Difference
from holdfast.objects.commit import How
from holdfast.objects.object import State
from holdfast.objects.records import RecordSet, shape
from holdfast.objects.snapshot import Snapshot

if TYPE_CHECKING:
    from holdfast.api.sync_tree import Tree
    from holdfast.database.home import Change, Point
    from holdfast.database.retention import Keep
    from holdfast.objects.batch import Filter
    from holdfast.transactions.contract import Progress

__all__ = [
    "NDB", "Database", "Interface", "Object", "Probe", "ProbesView", "Source", "SourcesView", "TaskManager", "Transaction", "View", "Watch",
]  # fmt: skip

Found = TypeVar("Found", bound="Object")


class Object(objects.Object["View[Any]"]):
    """A row as a dictionary that follows the system, and takes changes that `commit` carries out.

    `with link: …` commits at the end, if nothing was raised.
    """

    __slots__ = ()

    def commit(self, *, force: bool = False, author: str = "", message: str = "") -> Self:
        """Carry out what waits in this object, and before it what waits in its chain: all of it, or nothing.

        What is not in the system is made, what was removed goes, the rest is changed. It returns when the tables show it.
        A refused change is forgotten: the object shows the system. What could not be made keeps its fields, to be corrected.
        force: override what others changed since it was set.  author, message: for the log.
        Raises: KernelError (`.code` is the errno);  Conflict - a field that is set has another value meanwhile;  NotFound;
          InvalidValue;  Denied;  Timeout. `details` names the object, and the link of the chain.
        """
        self._allowed("commit")
        if not self.clean:
            run(self._view.reading.commit([self], How(force, author, message, again=True)))
        return self

    def apply(
        self, rollback: bool = False, req_filter: Filter | None = None, *, force: bool = False, author: str = "", message: str = ""
    ) -> Self:
        """As `commit`, but what `rollback()` comes back to stays the same, and what is refused goes on waiting.

        rollback: as `rollback()`.  req_filter: gets the fields that are to be sent, returns those that are.
        """
        self._allowed("apply")
        if rollback:
            self.rollback()
        elif not self.clean:
            run(self._view.reading.commit([self], How(force, author, message, save=False, keep=True, req_filter=req_filter, again=True)))
        return self

    def rollback(self, snapshot: Snapshot | None = None, *, author: str = "", message: str = "") -> Self:
        """Come back to a snapshot; without one, to how it was before the last commit or `save_context()`. What waits is dropped.

        What depended on it and went comes back too: addresses, routes, ports, interfaces on top.
        Raises: as `commit`.
        """
        self._allowed("rollback")
        run(self._view.reading.rollback(self, snapshot, How(True, author, message)))
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            self.drop()
        elif not self.idle:
            self.commit()


class Interface(Object, interface.Interface["View[Any]"]):
    """An interface, with the views of what is on it."""

    __slots__ = ()


class View(views.View[Found], Generic[Found]):
    """The objects and records of one table."""

    object_types: ClassVar[Mapping[str, type[objects.Object[Any]]]] = {"interfaces": Interface}
    object_type: ClassVar[type[objects.Object[Any]]] = Object
    reading: Core

    def wait(
        self,
        spec: Any = None,
        /,
        *,
        timeout: float | None = None,
        action: str = "add",
        **fields: Any,
    ) -> Found | None:
        """Wait until there is an object with this key and return it; with `action="remove"`, until there is none.

        timeout: seconds; None or negative: for ever.
        Raises: Timeout (a TimeoutError).
        """
        key = fields if spec is None else spec
        gone = action == "remove"

        def check() -> tuple[Found | None] | None:
            found = self.get(key)
            return (found,) if (found is None) == gone else None

        limit_s = None if timeout is None or timeout < 0 else timeout
        what = f"{self.table.noun} {key} to be {'gone' if gone else 'there'}"
        return (run(self.reading.until({self.table.name, "interfaces"}, check, limit_s, what)))[0]

    def history(self, key: Any = None, /, **filters: Any) -> RecordSet:
        """The life of an object, or of all of them, newest first: `ndb.history` of this table, with its filters and fields."""
        points = {name: filters.pop(name, None) for name in ("since", "until", "author")}
        target = filters.pop("target", None)
        return RecordSet(lambda: life(self.reading, self.table.name, key, filters, {**points, "target": target}))

    def create_many(
        self, specs: Iterable[Any], *, progress: Progress | None = None, author: str = "", message: str = "", **common: Any
    ) -> int:
        """Make very many objects in one transaction: all of them, or none. Returns how many.

        specs: as `create` takes each, read one after another.  common: fields of all of them.
        progress: called with (done, all) now and then.
        Raises: as `commit`; `index` in `details` is the place of the spec, from 0.
        """
        return run(self.reading.create_many(self, specs, common, How(author=author, message=message, progress=progress)))

    def replace_all(
        self, specs: Iterable[Any], *, progress: Progress | None = None, author: str = "", message: str = "", **where: Any
    ) -> Difference:
        """Make the objects with the fields `where` be exactly these: one transaction that sends only the difference.

            ndb.routes.replace_all(specs, table=100)

        Routes that the kernel made (proto kernel, ra, redirect) are left alone, unless `where` names the proto.
        Returns how many were created, changed, removed, kept.  Raises: as `commit`;  InvalidValue - an empty `where`.
        """
        return run(self.reading.replace_all(self, specs, where, How(author=author, message=message, progress=progress)))


class Transaction(transaction.Queue):
    """Objects and checks that are committed together, or not at all; `with ndb.begin() as ctx: ctx.push(…)` commits at the end.

    Objects that stand together are one transaction of the kernel's side. A check runs when all before it is in the system.
    """

    def __init__(self, core: Core) -> None:
        super().__init__()
        self._core = core
        self._done = Event()

    def commit(self, *, force: bool = False, author: str = "", message: str = "", progress: Progress | None = None) -> Self:
        """Carry it out, in order. When something fails all of it is undone, last first, and that is raised.

        Raises: as `Object.commit`;  CheckProcessException - a check does not hold;  what a check raises.
        """
        run(self._core.carry_out(self.queue, How(force, author, message, progress=progress)))
        self._done.set()
        return self

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it was committed, by whatever thread or task; False: not within `timeout` seconds."""
        return self._done.wait(timeout)

    def done(self) -> bool:
        """Was it committed?"""
        return self._done.is_set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self.commit()


class Probe(checks.Probe):
    """A check from inside of a source; pushed into a transaction, or run by `commit`."""

    def commit(self) -> Self:
        """Raises: CheckProcessException - no answer;  NotFound - no such source;  Denied."""
        self.run()
        return self


class ProbesView:
    """Where probes are made."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def create(self, **spec: Any) -> Probe:
        """`kind="ping", dst="10.0.0.1"`, `kind="tcp", dst="10.0.0.1", port=22`; also target, src, timeout (s), num.

        Raises: NotSupported - another kind;  InvalidValue.
        """
        return Probe(self._core.inside, {"target": self._core.localhost, **spec})


class Source(Mapping[str, Any]):
    """A place that live state comes from; as a dictionary: target, kind, state, and how it was asked for."""

    def __init__(self, core: Core, target: str, *, readonly: bool = False) -> None:
        self._core = core
        self._readonly = readonly
        self.target = target

    @property
    def kind(self) -> str:
        return str(self._core.spec(self.target)["kind"])

    @property
    def state(self) -> State:
        """connecting, loading, running, resyncing, failed, ended; `removed` when it is no more among the sources."""
        try:
            return State(self._core.status(self.target).state)
        except NotFound:
            return State("removed")

    def status(self) -> dict[str, Any]:
        """State, since when, the last error, when it is tried again, counters, what its kernel does not have. Raises: NotFound."""
        return self._core.status(self.target).as_dict()

    def restart(self) -> None:
        """Close and open it again; returns when it is loaded. Raises: NotFound, Denied; what it failed with."""
        _allowed("restart", self.target, self._readonly)
        run(self._core.restart(self.target))

    def remove(self) -> None:
        """Take it away, with its rows. Raises: NotFound, Denied."""
        _allowed("remove", self.target, self._readonly)
        run(self._core.remove(self.target))

    def wait(self, timeout: float | None = None) -> None:
        """Wait until the tables show its whole state. Raises: NotFound, Timeout; what it failed with."""
        run(self._core.loaded(self.target, timeout))

    def __getitem__(self, name: str) -> Any:
        return {**self._core.spec(self.target), "state": self.state}[name]

    def __iter__(self) -> Iterator[str]:
        return iter((*self._core.spec(self.target), "state"))

    def __len__(self) -> int:
        return len(self._core.spec(self.target)) + 1

    def __repr__(self) -> str:
        return f"[{self.state}] <{self._core.spec(self.target) if self.state != 'removed' else self.target}>"


class SourcesView(Mapping[str, Source]):
    """The sources, by target."""

    def __init__(self, core: Core, *, readonly: bool = False) -> None:
        self._core = core
        self._readonly = readonly

    def add(self, **spec: Any) -> Source:
        """Add a source and wait until it is loaded: `target=…, kind="local" | "netns" | "replay", …`, or just `netns="blue"`.

        One that cannot be loaded is not kept.
        Raises: AlreadyExists - the target is taken;  UnknownName, NotSupported - its kind;  InvalidValue - an option;
          Denied;  what it failed with: NotFound, Unavailable, SourceEnded …
        """
        _allowed("add", str(spec.get("target", "")), self._readonly)
        return Source(self._core, run(self._core.add(spec)))

    def remove(self, target: str) -> Source:
        """Take a source away, with its rows. Raises: NotFound, Denied."""
        _allowed("remove", target, self._readonly)
        run(self._core.remove(target))
        return Source(self._core, target)

    def __getitem__(self, key: str | Mapping[str, Any]) -> Source:
        """By target. Raises: NotFound."""
        target = key if isinstance(key, str) else key["target"]
        self._core.spec(target)
        return Source(self._core, target, readonly=self._readonly)

    def __iter__(self) -> Iterator[str]:
        return iter(self._core.sources)

    def __len__(self) -> int:
        return len(self._core.sources)

    def exists(self, target: str) -> bool:
        return target in self._core.sources

    def count(self) -> int:
        return len(self)

    def dump(self) -> RecordSet:
        """A record for each source: state, name, kind, spec, error."""
        make = shape(("state", "name", "kind", "spec", "error"), (("target", "name"),))
        return RecordSet(lambda: (make(self._row(target)) for target in self))

    def summary(self) -> RecordSet:
        return self.dump().select_fields("state", "name", "spec")

    def _row(self, target: str) -> tuple[Any, ...]:
        status = self._core.status(target)
        return str(status.state), target, status.kind, dict(self._core.spec(target)), status.error

    def __repr__(self) -> str:
        return f"<sources: {', '.join(f'{target} {self[target].state}' for target in self) or 'none'}>"


class Watch:
    """Changes as they are committed, in order and without loss. Iterate it; it ends when the NDB is closed, or the watch is.

    One that is interrupted while it waits can be iterated further: it goes on where it stopped.
    """

    def __init__(self, changes: Stream) -> None:
        self._changes = changes

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Change:
        """The next change; waits for it. Raises: Compacted - the history does not reach back to where the watch begins."""
        if not self._changes.ready:
            run(self._changes.fill())
        if not self._changes.ready:
            raise StopIteration
        return self._changes.ready.popleft()

    def close(self) -> None:
        """It ends behind what has been read already; so does waiting for the next change."""
        run(self._changes.close())


class TaskManager:
    """Functions that are called with each change of a table."""

    def __init__(self, core: Core) -> None:
        self._handlers = Handlers(core)

    def register_handler(self, event: str, handler: Handler) -> None:
        """Call `handler(target, row)` with each change of the table `event`, from now on; `row["event"]` is the kernel's word.

        It is called in a worker thread, a coroutine function on the loop. Raises: UnknownName - no such table.
        """
        run(self._handlers.add(event, handler))

    def unregister_handler(self, event: str, handler: Handler) -> None:
        """Raises: NotFound - it is not registered."""
        run(self._handlers.remove(event, handler))


class Database:
    """The database behind the views: SQL that reads, copies of it. Anything may be read while the mirror writes."""

    def __init__(self, core: Core) -> None:
        self._core = core

    @property
    def revision(self) -> int:
        """The last committed one."""
        return self._core.revision

    def fetch(self, sql: str, args: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query. Raises: QueryError."""
        return list(self._core.database.query(sql, args))

    def fetchone(self, sql: str, args: Sequence[Any] = ()) -> tuple[Any, ...] | None:
        """The first row, or None. Raises: QueryError."""
        return next(iter(self._core.database.query(sql, args, limit=1)), None)

    def backup(self, path: str) -> None:
        """Write a copy of the whole database, history included, to a new file, and check it.

        Raises: AlreadyExists, Denied, Unavailable;  Corrupt - the database is damaged.
        """
        self._core.backup(path)

    def export(self, f: str | TextIO = "stdout") -> None:
        """Write all tables as text to a path or an open file: a line with a table's name, then a JSON object per row."""
        export(self._core, f)


class NDB:
    """The network as tables and objects that follow it.

    sources      a list of specs such as {"target": "blue", "kind": "netns", "netns": "blue"}; default: this host.
    localhost    the target that is meant where a key names none.
    db_provider  "sqlite3".
    db_spec      a path, or ":memory:": private, gone with this object.
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
        log: Any = None,
        rtnl_debug: bool = False,
        auto_netns: bool = False,
        keep: Keep | Mapping[str, Keep] | None = None,
    ) -> None:
        self._core = Core(sources, localhost=localhost, provider=db_provider, path=db_spec, follow=auto_netns, keep=keep)
        self.log = Log(log, debug=rtnl_debug)
        self._build(readonly=False)
        self.open()
        closed_at_exit(self._core)

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

    def open(self) -> Self:
        """Load the tables; `with` and `NDB()` do it. Idempotent."""
        try:
            run(self._core.open())
        except BaseException:
            self.log.close()
            raise
        return self

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End everything. Objects and views raise Closed from then on. Idempotent; through `readonly()` it does nothing."""
        if not self._readonly:
            run(self._core.close())
            self.log.close()

    # ------------------------------------------------------------------------------------------------ questions

    def sql(
        self,
        query: str,
        *args: Any,
        at: Point | None = None,
        timeout: float | None = 10.0,
    ) -> RecordSet:
        """Run one SQL statement that reads, `?` standing for the arguments; records have the columns' names. Any thread.

        at: with the tables as they were then: a revision, a datetime, a timedelta, or text such as "10 minutes ago".
        timeout: seconds in the database; None: no limit.
        Raises: QueryError - it is wrong, would write, or took too long;  InvalidValue - no point in time;  Compacted - the history
          does not reach back to it.
        """
        return RecordSet(self._core.query(query, args, timeout, at))

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

            for change in ndb.watch("routes", dst="10.0.0.0/24"):
                print(change.revision, change.op, change.row["gateway"])

        From the past: first what was, then what comes, without a gap or a repeat. Nothing is lost, however slowly it is read.
        Raises: UnknownName - no such table or field;  InvalidValue, Compacted - the point in time; see `Watch`.
        """
        return Watch(Stream(self._core, [table] if isinstance(table, str) else list(table), since, fields))

    def wait(self, timeout: float | None = None) -> None:
        """Wait until the tables show all that has happened at the sources up to now. Raises: Timeout."""
        run(self._core.settled(timeout))

    def backup(self, path: str) -> None:
        """As `db.backup`."""
        self.db.backup(path)

    def tree(self, *, author: str | None = None) -> Tree:
        """The config tree in this NDB's own database: the same file, the same revisions, one log. It ends with the NDB.

            tree = ndb.tree()
            tree.put("nodes.r1.mtu", 1500)

        author: who commits, where a call does not say it. Raises: Denied - this NDB is read-only;  Closed;  Corrupt.
        """
        from holdfast.api.sync_tree import Tree

        if self._readonly:
            raise Denied("`tree`: this view was opened read-only")
        return Tree.beside(run(self._core.open_tree()), author)

    def status(self) -> dict[str, Any]:
        """The database's id, path and revision, and how each source is doing."""
        return self._core.overview()

    # ------------------------------------------------------------------------------------------------ ways to use it

    @property
    def localhost(self) -> str:
        """The target that is meant where a key names none."""
        return self._core.localhost

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


def _allowed(verb: str, target: str, readonly: bool) -> None:
    if readonly:
        raise Denied(f"`{verb}` of source `{target}`: this view was opened read-only")
