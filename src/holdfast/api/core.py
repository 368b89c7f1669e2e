"""The running parts of one NDB: database, mirror, sources. On a loop; its reading side serves any thread.

    open: database ─► mirror ─► sources, all at once ─► returns when each is loaded, or has failed
    close: mirror (sockets) ─► database (file)
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from holdfast.errors import AlreadyExists, Closed, InvalidValue, NotFound, NotSupported, SourceEnded, Unavailable, UnknownName
from holdfast.model import TABLES
from holdfast.model.names import BUILTIN, Names
from holdfast.objects.reading import Reading
from holdfast.objects.records import Record, shape
from holdfast.objects.spec import spelling

if TYPE_CHECKING:
    from holdfast.database.home import Change
    from holdfast.mirror.mirror import Mirror
    from holdfast.mirror.status import Status

__all__ = ["Core", "source_spec"]

T = TypeVar("T")
logger = logging.getLogger("holdfast.api")

_PROVIDERS: Final = ("sqlite3",)
_WORDS_OF_KIND: Final = {"netns": "netns", "hostname": "ssh", "file": "replay"}
"""Which option gives away the kind of a source that does not say it."""


def source_spec(spec: Mapping[str, Any], localhost: str) -> dict[str, Any]:
    """A source as `sources.make` takes it: `netns="blue"` alone says its kind and its target.

    >>> source_spec({"netns": "/run/netns/blue"}, "localhost")
    {'target': 'blue', 'kind': 'netns', 'netns': '/run/netns/blue'}
    """
    options = dict(spec)
    kind = options.pop("kind", None) or next((kind for word, kind in _WORDS_OF_KIND.items() if word in options), "local")
    target = options.pop("target", None)
    if target is None:
        named = next((options[word] for word, of in _WORDS_OF_KIND.items() if of == kind and word in options), localhost)
        target = PurePath(str(named)).name
    return {"target": target, "kind": kind, **options}


class Core(Reading):
    """See the module. `database` and `mirror` are there between `open` and `close`.

    Raises, at any call that needs them: Closed.
    """

    mirror: Mirror

    def __init__(self, sources: Sequence[Mapping[str, Any]] | None, *, localhost: str, provider: str, path: str) -> None:
        """Raises: NotSupported - a provider that this build does not have."""
        if provider not in _PROVIDERS:
            raise NotSupported(f"no database provider `{provider}` in this build; there is {', '.join(_PROVIDERS)}")
        if not isinstance(path, str):
            raise InvalidValue(f"expected a path or :memory:, got `{path!r}` – at db_spec")
        super().__init__(localhost, self._names_of, lambda: self._specs)
        self._wanted = [{"target": localhost, "kind": "local"}] if sources is None else [source_spec(one, localhost) for one in sources]
        self._path = path
        self._names: dict[str, Names] = {}
        self._specs: dict[str, dict[str, Any]] = {}
        self.running = False
        self._waiting: set[asyncio.Timeout] = set()

    # ------------------------------------------------------------------------------------------------ life

    async def open(self) -> None:
        """Start everything and wait for the first load of each source. Idempotent.

        Raises: what the first source failed with, if none could be loaded; nothing is left open then. If some could, the
          others are visible as failed and tried again.
        """
        if self.running:
            return
        from holdfast.database.sqlite import Database
        from holdfast.mirror.mirror import Mirror

        self.attach(await asyncio.to_thread(Database, self._path))
        self.running = True
        try:
            self.mirror = Mirror(self.database)
            await self.mirror.start()
            failures = await asyncio.gather(*(self._load(spec) for spec in self._wanted))
            if self._wanted and all(failures):
                raise next(failure for failure in failures if failure)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Stop everything; rows stay in a database that is a file. Idempotent."""
        if not self.running:
            return
        self.running = False
        for limit in self._waiting:
            limit.reschedule(asyncio.get_running_loop().time())
        database = self.database
        try:
            if hasattr(self, "mirror"):
                await self.mirror.close()
        finally:
            self.end(Closed("this NDB is closed"))
            self._names.clear()
            await asyncio.to_thread(database.close)

    def _check(self) -> None:
        """Raises: Closed, or UsageError behind a fork."""
        _ = self.database.revision

    # ------------------------------------------------------------------------------------------------ sources

    async def add(self, spec: Mapping[str, Any]) -> str:
        """Add a source and wait until it is loaded; returns its target. One that cannot be loaded is not kept.

        Raises: AlreadyExists; what it failed with.
        """
        self._check()
        wanted = source_spec(spec, self.localhost)
        failure = await self._load(wanted)
        if failure is not None:
            if not isinstance(failure, AlreadyExists):
                await self._forget(wanted["target"])
            raise failure
        return str(wanted["target"])

    async def _load(self, spec: dict[str, Any]) -> Exception | None:
        """Begin to mirror a source, and wait for what comes of it; a failure is returned, and tried again."""
        from holdfast.sources import make

        target = spec["target"]
        try:
            source = make(**spec)
            self.mirror.add(source)
        except (AlreadyExists, InvalidValue, NotSupported, UnknownName) as refusal:
            return refusal
        self._specs[target] = spec
        self._names[target] = await asyncio.to_thread(source.names)
        status = await self.mirror.ready(target)
        return _failure(status)

    async def remove(self, target: str) -> None:
        """Stop mirroring a source; its rows go. Raises: NotFound."""
        self._check()
        if target not in self._specs:
            raise NotFound(f"no source `{target}`; there are {', '.join(self._specs) or 'none'}", target=target)
        await self._forget(target)

    async def _forget(self, target: str) -> None:
        self._specs.pop(target, None)
        self._names.pop(target, None)
        with contextlib.suppress(NotFound):
            await self.mirror.remove(target)

    async def restart(self, target: str) -> None:
        """Close and open a source again and wait until it is loaded. Raises: NotFound; what it failed with."""
        self._check()
        self.mirror.restart(target)
        await asyncio.sleep(0)
        await self.loaded(target)

    async def loaded(self, target: str, timeout_s: float | None = None) -> Status:
        """Wait until a source shows its whole state. Raises: NotFound, Timeout; what it failed with."""
        async with self._while_open():
            status = await self.mirror.ready(target, timeout_s)
        failure = _failure(status)
        if failure is not None:
            raise failure
        return status

    async def settled(self, timeout_s: float | None) -> None:
        """Wait until the tables show all that has happened at the sources. Raises: Timeout."""
        async with self._while_open():
            await self.mirror.settled(timeout_s=timeout_s)

    def status(self, target: str) -> Status:
        """Raises: NotFound."""
        self._check()
        return self.mirror.status(target)

    def spec(self, target: str) -> dict[str, Any]:
        """How the source was asked for. Raises: NotFound."""
        if target not in self._specs:
            raise NotFound(f"no source `{target}`; there are {', '.join(self._specs) or 'none'}", target=target)
        return self._specs[target]

    @property
    def sources(self) -> list[str]:
        return list(self._specs)

    def _names_of(self, target: str) -> Names:
        return self._names.get(target) or self._names.get(self.localhost) or BUILTIN

    # ------------------------------------------------------------------------------------------------ news

    async def until(self, tables: Iterable[str], check: Callable[[], T | None], timeout_s: float | None, what: str) -> T:
        """The first answer of `check` that is not None; asked after each change of these tables. Raises: Timeout."""
        from holdfast.mirror.watch import wait_until

        async with self._while_open():
            return await wait_until(self.database, self.mirror.bell, tables, check, timeout_s, what)

    def changes(self, tables: Sequence[str], since: int | None, fields: Mapping[str, Any]) -> AsyncGenerator[Change]:
        """Every change after a revision, in order. Raises: UnknownName;  when it is iterated: Compacted."""
        from holdfast.mirror.watch import watch

        self._check()
        for table in tables:
            if table not in TABLES:
                raise UnknownName(f"no table `{table}`; there are {', '.join(TABLES)}")
        matching: dict[str, Any] = {}
        for table in tables if fields else ():
            for wanted in spelling(table).normalise(fields, self, None):
                matching |= wanted.columns | ({} if wanted.target is None else {"target": wanted.target})
                break
        return cast(AsyncGenerator[Change], watch(self.database, self.mirror.bell, tables, since, matching))

    async def following(self, changes: AsyncGenerator[Change]) -> Change | None:
        """The next one; None when there will be none, because the watch or this NDB was closed."""
        try:
            async with self._while_open():
                return await anext(changes, None)
        except Closed:
            return None

    async def ended(self, changes: AsyncGenerator[Change]) -> None:
        await changes.aclose()

    @contextlib.asynccontextmanager
    async def _while_open(self) -> AsyncIterator[None]:
        """Waits inside end with Closed when this NDB is closed meanwhile."""
        self._check()
        limit = asyncio.timeout(None)
        self._waiting.add(limit)
        try:
            async with limit:
                yield
        except TimeoutError:
            if limit.expired():
                raise Closed("this NDB was closed") from None
            raise
        finally:
            self._waiting.discard(limit)

    # ------------------------------------------------------------------------------------------------ questions

    def query(self, sql: str, args: Sequence[Any], timeout_s: float | None) -> list[Record]:
        """All records of a user's query. Blocks. Raises: QueryError."""
        with self.database.query(sql, args, timeout_s=timeout_s) as rows:
            return list(map(shape(rows.columns), rows))

    def overview(self) -> dict[str, Any]:
        """JSON values only."""
        database = self.database
        return {
            "database": {"id": database.id, "path": str(database.path), "revision": database.revision},
            "sources": {target: self.status(target).as_dict() for target in self.sources},
        }


def _failure(status: Status) -> Exception | None:
    """What a source that could not be loaded is to be told as."""
    state = str(status.state)
    if state == "running":
        return None
    message = f"source `{status.target}` is {state}: {status.error}" if status.error else f"source `{status.target}` is {state}"
    return SourceEnded(message) if state == "ended" else Unavailable(message)

