"""What is behind one NDB: a node on a loop, and the reading of its database in any thread."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

from holdfast.api.bridge import on_loop, run
from holdfast.api.news import News
from holdfast.api.wanted import source_spec, with_namespaces
from holdfast.collector import held_back
from holdfast.errors import Closed, HoldfastError, InvalidValue, NotFound, NotSupported, SourceEnded, Timeout, Unavailable, UnknownName
from holdfast.model import TABLES
from holdfast.model.names import BUILTIN, Names
from holdfast.netlink.namespace import open_in
from holdfast.objects.bulk import Difference, changes, creations
from holdfast.objects.commit import How, commit, commit_here, rollback, time_for
from holdfast.objects.reading import Reading
from holdfast.objects.records import Record, shape
from holdfast.objects.transaction import carry_out
from holdfast.transactions.contract import Engine, Request

if TYPE_CHECKING:
    from holdfast.database.home import Point
    from holdfast.database.retention import Keep, Retention
    from holdfast.mirror.mirror import Mirror
    from holdfast.mirror.status import Status
    from holdfast.node import Node
    from holdfast.objects.object import Object
    from holdfast.objects.snapshot import Saved
    from holdfast.objects.view import View
    from holdfast.sources import Source
    from holdfast.tree.core import Core as TreeCore

__all__ = ["Core"]

T = TypeVar("T")

LOCALHOST: Final = "localhost"
_LOADED: Final = ("running", "resyncing")
_PROVIDERS: Final = ("sqlite3",)


def _same_file(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False


class Core(Reading):
    """A node, and the reading of its database. `node` is there from `open` on.

    Raises, at any call between `close` and `open`: Closed; behind a fork: UsageError.
    """

    node: Node

    def __init__(
        self,
        sources: Sequence[Mapping[str, Any]] | None,
        *,
        localhost: str,
        provider: str,
        path: str,
        follow: bool,
        keep: Keep | Mapping[str, Keep] | None = None,
    ) -> None:
        """Raises: NotSupported - a provider that this build does not have;  UnknownName - a table in `keep`."""
        if provider not in _PROVIDERS:
            raise NotSupported(f"no database provider `{provider}` in this build; there is {', '.join(_PROVIDERS)}")
        if not isinstance(path, str):
            raise InvalidValue(f"expected a path or :memory:, got `{path!r}` – at db_spec")
        super().__init__(localhost, self._names_of, lambda: self.sources)
        self.running = False
        self._given = [{"target": localhost, "kind": "local"}] if sources is None else list(sources)
        self._wanted = [source_spec(one, localhost) for one in self._given]
        self._path = path
        self._follow = follow
        self._keep = keep
        for table in keep if isinstance(keep, Mapping) else ():
            if table not in TABLES:
                raise UnknownName(f"no table `{table}` – at keep; there are {', '.join(TABLES)}")
        self._names: dict[str, tuple[Source, Names]] = {}
        self._waiting: set[asyncio.Timeout] = set()
        self._leaving: dict[str, asyncio.Event] = {}

    # ------------------------------------------------------------------------------------------------ life

    async def open(self) -> None:
        """Start the node; returns when each source is loaded, or has failed. Idempotent.

        Raises: what the first source failed with, if none could be loaded; nothing is left open then. If some could, the
          others are visible as failed and tried again.
        """
        if self.running:
            return
        from holdfast.node import Node

        async with with_namespaces(self._given, self.localhost):
            node = Node(self._path, self._wanted, follow=self._follow, retention=self._retention())
            await node.start()
            self._join(node)
            try:
                await self.node.loaded()
                wanted = [spec["target"] for spec in self._wanted]
                if wanted and not any(self.mirror.status(target).state in _LOADED for target in wanted):
                    raise await self._cause(wanted[0])
            except BaseException:
                await self.close()
                raise

    @classmethod
    def beside(cls, node: Node) -> Core:
        """What works on a node that somebody else started and will stop. On the node's loop; it is never closed."""
        core = cls([], localhost=LOCALHOST, provider="sqlite3", path=":memory:", follow=False)
        core._join(node)
        return core

    def _join(self, node: Node) -> None:
        self.node = node
        self._news = News()
        self.attach(node.database)
        node.mirror.on_state(self._left)
        self.running = True

    def _retention(self) -> Retention | None:
        from holdfast.database.retention import Keep, Retention

        if isinstance(self._keep, Keep):
            return Retention(self._keep)
        return Retention(tables=self._keep) if self._keep else None

    async def close(self) -> None:
        """Stop everything; what waits here ends with Closed. Rows stay in a database that is a file. Idempotent."""
        if not self.running:
            return
        self.running = False
        for limit in self._waiting:
            self.interrupt(limit)
        try:
            await self.node.stop()
        finally:
            self.end(Closed("this NDB is closed"))
            self._names.clear()

    @property
    def path(self) -> str:
        """Of the file, also of a private one. Raises: as `mirror`."""
        _ = self.database.revision
        return str(self.node.database.path)

    @property
    def mirror(self) -> Mirror:
        """Raises: Closed, or UsageError behind a fork."""
        _ = self.database.revision
        return self.node.mirror

    async def open_tree(self) -> TreeCore:
        """The config tree of this database. Raises: Closed;  Corrupt."""
        _ = self.mirror
        return await self.node.open_tree()

    # ------------------------------------------------------------------------------------------------ sources

    async def add(self, spec: Mapping[str, Any]) -> str:
        """Add a source and wait until it is loaded; returns its target. One that cannot be loaded is not kept.

        Raises: AlreadyExists; what it failed with.
        """
        from holdfast.sources import make

        source = make(**source_spec(spec, self.localhost))
        async with with_namespaces([spec], self.localhost) as made:
            self.mirror.add(source)
            try:
                await self.loaded(source.target)
            except BaseException:
                with contextlib.suppress(NotFound, Closed):
                    await self.mirror.remove(source.target)
                raise
        if made:
            await self.mirror.look_for_namespaces()
        return source.target

    async def remove(self, target: str) -> None:
        """Stop mirroring a source; its rows go. Raises: NotFound."""
        await self.mirror.remove(target)
        self._names.pop(target, None)

    async def restart(self, target: str, reason: str = "") -> None:
        """Close and open a source again and wait until it is loaded. Raises: NotFound; what it failed with."""
        left = self._leaving[target] = self._leaving.get(target) or asyncio.Event()
        self.mirror.restart(target, reason)
        await left.wait()
        await self.loaded(target)

    def _left(self, status: Status) -> None:
        """Told by the mirror when a source changes its state: who restarts one waits for that before waiting for the load."""
        if status.target in self._leaving:
            self._leaving.pop(status.target).set()

    async def loaded(self, target: str, timeout_s: float | None = None) -> None:
        """Wait until a source shows its whole state. Raises: NotFound, Timeout; what it failed with."""
        async with self.while_open():
            status = await self.mirror.ready(target, timeout_s)
            if status.state not in _LOADED:
                raise await self._cause(target)
        self.moved(TABLES)

    async def _cause(self, target: str) -> HoldfastError:
        """Why a source could not be loaded: opened once more, alone, it says so itself."""
        from holdfast.sources import make

        status = self.mirror.status(target)
        trial = make(**self.spec(target))
        try:
            await asyncio.to_thread(trial.open)
        except HoldfastError as cause:
            return cause
        finally:
            trial.close()
        message = f"source `{target}` is {status.state}: {status.error}"
        return SourceEnded(message) if status.state == "ended" else Unavailable(message)

    async def settled(self, timeout_s: float | None) -> None:
        """Wait until the tables show all that has happened at the sources. Raises: Timeout."""
        async with self.while_open():
            await self.mirror.settled(timeout_s=timeout_s)
        self.moved(TABLES)

    def status(self, target: str) -> Status:
        """Raises: NotFound."""
        return self.mirror.status(target)

    def spec(self, target: str) -> dict[str, Any]:
        """How the source is made. Raises: NotFound."""
        source = self.mirror.source(target)
        return {"target": target, "kind": source.kind, **source.spec}

    @property
    def sources(self) -> list[str]:
        return self.mirror.targets

    def _names_of(self, target: str) -> Names:
        """Read once per source; those of this host, where there is no such source."""
        try:
            source = self.mirror.source(target)
        except NotFound:
            return BUILTIN if target == self.localhost else self._names_of(self.localhost)
        known = self._names.get(target)
        if known is None or known[0] is not source:
            known = self._names[target] = (source, source.names())
        return known[1]

    # ------------------------------------------------------------------------------------------------ changes

    @property
    def engine(self) -> Engine:
        """Raises: Closed, or UsageError behind a fork."""
        _ = self.database.revision
        return self.node.transactions

    async def commit(self, objects: Sequence[Object[Any]], how: How) -> None:
        """What waits in these objects, as one transaction; what is under way is finished before this NDB is closed.

        Raises: as `objects.commit.commit`.
        """
        await commit(self.engine, objects, how)

    def commit_here(self, objects: Sequence[Object[Any]], how: How) -> None:
        """The same for a thread: what is simple without the loop. Raises: as `commit`;  UsageError - on the loop's own thread."""
        if len(objects) > 1 or on_loop() or not commit_here(self.engine, objects[0], how):
            run(self.commit(objects, how))

    async def rollback(self, one: Object[Any], snapshot: Saved | None, how: How) -> None:
        """Raises: as `commit`."""
        await rollback(self.engine, one, snapshot, how)

    async def carry_out(self, queue: list[Any], how: How) -> None:
        """Objects and checks in order. Raises: as `objects.transaction.carry_out`."""
        async with self.while_open():
            await carry_out(self.engine, queue, how)

    async def create_many(self, view: View[Any], specs: Iterable[Any], common: Mapping[str, Any], how: How) -> int:
        """Raises: as `commit`."""
        async with self.while_open():
            with held_back():
                requests = await asyncio.to_thread(creations, view, specs, common)
            await self._ask(requests, how)
        return len(requests)

    async def replace_all(self, view: View[Any], specs: Iterable[Any], where: Mapping[str, Any], how: How) -> Difference:
        """Raises: as `commit`;  InvalidValue - an empty `where`."""
        if not where and view.chain is None:
            raise InvalidValue(f"expected fields that say which {view.table.name} are to be replaced, such as `table`")
        counts = Difference()
        async with self.while_open():
            with held_back():
                requests = await asyncio.to_thread(changes, view, specs, where, counts)
            await self._ask(requests, how)
        return counts

    async def _ask(self, requests: Sequence[Request], how: How) -> None:
        if requests:
            limit_s = time_for(len(requests))
            await self.engine.commit(requests, timeout_s=limit_s, author=how.author, message=how.message, progress=how.progress)

    def target_of(self, where: Any) -> str:
        """A source by its name, or by the path of its namespace. What is none is left as it is. Raises: InvalidValue - no text."""
        name = super().target_of(where)
        if "/" not in name or name in self.sources:
            return name
        for target in self.sources:
            place = getattr(self.mirror.source(target), "place", None)
            if place is not None and _same_file(place.path, name):
                return target
        return name

    def inside(self, target: str, what: Callable[[], None]) -> None:
        """Call `what` inside a source's network; blocks. Raises: NotFound, NotSupported - a source that cannot be entered."""
        source = self.mirror.source(target)
        place = getattr(source, "place", None)
        if place is not None:
            open_in(place.path, what, str(place))
        elif source.kind == "local":
            what()
        else:
            raise NotSupported(f"source `{target}` of kind {source.kind} cannot be entered", target=target)

    # ------------------------------------------------------------------------------------------------ news

    def moved(self, tables: Iterable[str]) -> None:
        super().moved(tables)
        self._news.tell(tables)

    async def until(self, tables: Iterable[str], check: Callable[[], T | None], timeout_s: float | None, what: str) -> T:
        """The first answer of `check` that is not None; asked now and after each change of these tables. Raises: Timeout."""
        tables = frozenset(tables)
        try:
            async with self.while_open(), asyncio.timeout(timeout_s):
                answer = await self._news.first(tables, check)
        except TimeoutError:
            raise Timeout(f"{what} did not become true within {timeout_s} s") from None
        self.moved(tables)
        return answer

    @contextlib.asynccontextmanager
    async def while_open(self) -> AsyncIterator[asyncio.Timeout]:
        """Waits inside end with Closed when this NDB is closed meanwhile, or by `interrupt`."""
        _ = self.mirror
        limit = asyncio.timeout(None)
        self._waiting.add(limit)
        try:
            async with limit:
                yield limit
        except TimeoutError:
            if limit.expired():
                raise Closed("this NDB was closed") from None
            raise
        finally:
            self._waiting.discard(limit)

    def interrupt(self, limit: asyncio.Timeout) -> None:
        """End one wait of `while_open`."""
        limit.reschedule(asyncio.get_running_loop().time())

    # ------------------------------------------------------------------------------------------------ questions

    def query(self, sql: str, args: Sequence[Any], timeout_s: float | None, at: Point | None) -> list[Record]:
        """All records of a user's query. Blocks. Raises: QueryError, InvalidValue, Compacted."""
        with self.database.query(sql, args, timeout_s=timeout_s, at=at) as rows:
            return list(map(shape(rows.columns), rows))

    def backup(self, path: str) -> None:
        """Blocks. Raises: AlreadyExists, Denied, Unavailable, Corrupt;  Closed."""
        _ = self.database.revision
        self.node.database.backup(path)

    def overview(self) -> dict[str, Any]:
        """JSON values only."""
        away = self.node.database.away
        full = {} if away is None else {"disk_full": away.as_dict()}
        return {
            "database": {"id": self.database.id, "path": self.path, "revision": self.database.revision, **full},
            "sources": {target: self.status(target).as_dict() for target in self.sources},
        }
