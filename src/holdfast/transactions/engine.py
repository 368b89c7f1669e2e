"""Who carries out transactions: the loop's side. One at a time per target; the work is done in threads (commit.py)."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from holdfast.database.home import Written
from holdfast.errors import Closed, HoldfastError, NotSupported, UnknownName, did_you_mean
from holdfast.model import INTERFACES, NETNS
from holdfast.model.field import Table
from holdfast.undisturbed import Undisturbed

from .commit import Commit, Short, is_short
from .complete import completed
from .contract import Change, Create, Named, Outcome, Progress, Request
from .creations import Creations, kept
from .difference import difference
from .journal import Unfinished, note_result, unfinished
from .present import Present
from .turns import Turns
from .undo import lenient
from .wires import Wires

if TYPE_CHECKING:
    from holdfast.mirror.hand import Hand
    from holdfast.mirror.mirror import Mirror

__all__ = ["Transactions"]

_THREADS: Final = 8
_NEXT_S: Final = 0.005
"""Within so long the next commit of a row of them comes."""


class Transactions:
    """The contract: Engine. `mirror` follows the sources that are to be changed. For its loop, but for `commit_here`."""

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror
        self._turns = Turns()
        self._wires = Wires()
        self._threads = ThreadPoolExecutor(_THREADS, "holdfast-commit")
        self._closed = False
        self._ifnames: dict[tuple[str, int], str] = {}
        self._loop: asyncio.AbstractEventLoop
        self._unfollow = mirror.database.on_commit(self._moved)

    def _moved(self, _revision: int, tables: frozenset[str]) -> None:
        """In the writer."""
        if "interfaces" in tables:
            self._ifnames = {}

    async def close(self) -> None:
        """Wait for what is under way; afterwards `commit` raises Closed. Idempotent."""
        self._closed = True
        await self._turns.all_given()
        await asyncio.to_thread(self._threads.shutdown)
        self._wires.close()
        self._unfollow()

    async def commit(
        self,
        requests: Iterable[Request],
        *,
        force: bool = False,
        timeout_s: float = 30.0,
        author: str = "",
        message: str = "",
        progress: Progress | None = None,
    ) -> Outcome:
        """As the contract says."""
        wanted = requests if isinstance(requests, Creations) else kept(requests)
        if not wanted:
            return Outcome()
        if self._closed:
            raise Closed("transactions are closed")
        loop = self._loop = asyncio.get_running_loop()
        tell = None if progress is None else functools.partial(_tell, loop, progress)
        async with self._in_turn(_targets(wanted, self._mirror)) as targets:
            hands = self._hands({target: self._mirror.hand(target) for target in targets}, wanted)
            commit = self._commit(wanted, hands, force=force, timeout_s=timeout_s, author=author, message=message, progress=tell)
            begun = await self._short(commit, hands) if commit.short else None
            if begun is not None and begun.done:
                return commit.outcome()
            return await self._finished(loop.run_in_executor(self._threads, commit.run, begun), commit)

    def _hands(self, hands: dict[str, Hand], wanted: Sequence[Request]) -> dict[str, Hand]:
        """Ready for these requests. Raises: NotSupported, Unavailable."""
        for hand in hands.values():
            hand.check()
            self._wires.serve(hand)
        for target, table in _things(wanted):
            if target in hands:
                self._wires.prepare(target)
                _check_seen(hands[target], table)
        return hands

    def _commit(self, wanted: Sequence[Request], hands: Mapping[str, Hand], **options: Any) -> Commit:
        return Commit(wanted, hands, self._wires, self._mirror.database, look=self._look, ifnames=lambda: self._ifnames, **options)

    async def _short(self, commit: Commit, hands: Mapping[str, Hand]) -> Short:
        """In the writer; cancelled, it ends nevertheless, and the rest is to be given up."""
        [hand] = hands.values()
        held = hand.hold()
        try:
            return await self._begun(self._mirror.database.write(commit.in_writer), commit, hand)
        finally:
            hand.release(held)

    async def _begun(self, running: Future[Short] | Written[Short], commit: Commit, hand: Hand) -> Short:
        waiting = asyncio.wrap_future(running.future() if isinstance(running, Written) else running)
        try:
            while not waiting.done():
                try:
                    await asyncio.shield(waiting)
                except asyncio.CancelledError:
                    commit.deadline.aborted = True
            begun = waiting.result()
        except BaseException:
            hand.resync()
            raise
        for cycle in begun.cycles:
            hand.learn(cycle)
        if commit.deadline.aborted:
            begun.done = False
        return begun

    # -- in the calling thread -------------------------------------------------------------------------------------

    def commit_here(
        self, request: Request, calm: Undisturbed, *, force: bool = False, timeout_s: float = 30.0, author: str = "", message: str = ""
    ) -> Outcome | None:
        """As the contract says: this thread is the writer for as long as it takes, or waits for who is."""
        target = request.target
        if self._closed or not is_short(request) or not self._turns.try_take(target):
            return None
        ours = True
        try:
            [hand] = self._hands({target: self._mirror.hand(target)}, [request]).values()
            commit = self._commit([request], {target: hand}, force=force, timeout_s=timeout_s, author=author, message=message)
            hand.lease(_NEXT_S)
            running = self._mirror.database.write_here(commit.in_writer) or self._mirror.database.write(commit.in_writer)
            try:
                if isinstance(running, Written):
                    calm.look()
                else:
                    calm.ended(running)
                begun = running.result()
            except HoldfastError:
                hand.loop.call_soon_threadsafe(hand.resync)
                raise
            except BaseException:  # a signal
                commit.deadline.aborted = True
                ours = False
                asyncio.run_coroutine_threadsafe(self._carried_on(running, commit, hand), hand.loop)
                raise
            if begun.done:
                hand.learn_later(begun.cycles)
                return commit.outcome()
            ours = False
            rest = asyncio.run_coroutine_threadsafe(self._carried_on(running, commit, hand), hand.loop)
            try:
                calm.ended(rest)
                return rest.result()
            except BaseException:
                rest.cancel()
                raise
        finally:
            if ours:
                self._turns.give(target)

    async def _carried_on(self, running: Future[Short] | Written[Short], commit: Commit, hand: Hand) -> Outcome:
        """What a thread began and cannot end in the writer."""
        try:
            begun = await self._begun(running, commit, hand)
            loop = self._loop = asyncio.get_running_loop()
            return await self._finished(loop.run_in_executor(self._threads, commit.run, begun), commit)
        finally:
            self._turns.give(hand.target)

    async def replace(
        self, target: str, table: Table, where: Mapping[str, Any], rows: Iterable[Mapping[str, Any]], **options: Any
    ) -> Outcome:
        """Make the rows of a part of a table be these: a whole routing table, the static routes … Only the difference is sent.

        where    field → value; the part. None stands for "not there".
        rows     fields as of Create; what `where` says is added to them.
        options  as of `commit`.
        Raises: as `commit`;  UnknownName - no such field.
        """
        for name in where:
            if name not in table.columns:
                hint = did_you_mean(name, table.columns, otherwise=f"they have {', '.join(table.columns)}")
                raise UnknownName(f"{table.name} have no field `{name}`", hint=hint, table=table.name)
        await self._mirror.drained(target)
        requests = await asyncio.to_thread(self._difference, target, table, dict(where), rows)
        return await self.commit(requests, **options)

    def _difference(self, target: str, table: Table, where: dict[str, Any], rows: Iterable[Mapping[str, Any]]) -> list[Request]:
        condition = " AND ".join(("target = ?", *(f"{name} IS ?" for name in where)))
        sql = f"SELECT {', '.join(table.columns)} FROM {table.name} WHERE {condition} ORDER BY rowid"
        present = self._mirror.database.fetch(sql, (target, *where.values()))
        return difference(target, table, table.columns, present, [completed(table, {**row, **where}) for row in rows])

    def _look(self) -> None:
        """For a commit's thread."""
        asyncio.run_coroutine_threadsafe(self._mirror.look_for_namespaces(), self._loop).result()

    async def _finished(self, running: asyncio.Future[Outcome], commit: Commit) -> Outcome:
        """Wait for the thread, also when cancelled: then it takes back what it did, and ends."""
        cancelled = asyncio.CancelledError() if commit.deadline.aborted else None
        while not running.done():
            try:
                await asyncio.wait([running])
            except asyncio.CancelledError as why:
                commit.deadline.aborted = True
                cancelled = why
        if cancelled is not None:
            with contextlib.suppress(HoldfastError):
                running.result()
            raise cancelled
        return running.result()

    @contextlib.asynccontextmanager
    async def _in_turn(self, targets: Sequence[str]) -> AsyncIterator[Sequence[str]]:
        """In a fixed order, so that nobody waits in a circle."""
        with contextlib.ExitStack() as stack:
            for target in targets:
                await self._turns.take(target)
                stack.callback(self._turns.give, target)
            yield targets

    async def take_back(self, one: Unfinished) -> Outcome:
        """Undo what an earlier run left half done: what of it is there goes, what is missing comes back.

        Raises: NotSupported - it was before the last boot: nothing of it is there any more; as `commit`. What was left is
          then still unfinished.
        """
        if not one.same_boot:
            raise NotSupported(f"transaction {one.intent} was before the last boot: the kernel has forgotten it", intent=one.intent)
        fetch = self._mirror.database.fetch
        undo = [request for told in one.undo if _moved(told, Present(fetch)) for request in lenient(told)]
        outcome = await self.commit(undo, force=True, message=f"takes back what {one.intent} left half done")
        await self.forget(one)
        return outcome

    async def forget(self, one: Unfinished) -> None:
        """Leave it as it is: it is no longer unfinished."""
        word = "undone" if one.same_boot else "ended with the boot"
        await asyncio.wrap_future(self._mirror.database.write(lambda tx: note_result(tx, one.intent, word)))

    def unfinished(self) -> list[Unfinished]:
        """Transactions of earlier runs whose end is not known. Blocks."""
        return unfinished(self._mirror.database)


def _moved(one: Request, present: Present) -> bool:
    """Only what has moved is to be moved back."""
    return not (isinstance(one, Change) and "target" in one.fields) or present.find(one.table, one.target, one.row) is not None


def _check_seen(hand: Hand, table: Table) -> None:
    """Raises: NotSupported - the source's rows of this table are not kept, so that nobody could see what became of it."""
    seen = {one.name for one in hand.source.tables}
    if table is not NETNS and table.name not in seen:
        raise NotSupported(f"source `{hand.target}` does not show {table.name}; it shows {', '.join(seen)}", target=hand.target)


def _tell(loop: asyncio.AbstractEventLoop, progress: Progress, done: int, of: int) -> None:
    with contextlib.suppress(RuntimeError):  # the loop is closed: nobody wants to know
        loop.call_soon_threadsafe(progress, done, of)


def _things(requests: Sequence[Request]) -> Iterable[tuple[str, Table]]:
    """Where and what."""
    return requests.things if isinstance(requests, Creations) else dict.fromkeys((one.target, one.table) for one in requests)


def _targets(requests: Sequence[Request], mirror: Mirror) -> list[str]:
    """The sources that a transaction concerns, in order; a namespace that is no source only receives.

    Raises: NotFound - there is no such source.
    """
    if isinstance(requests, Creations):
        return sorted({target for target, _ in requests.things})
    sources = set(mirror.targets)
    wanted = {one.target for one in requests if one.table is not NETNS}
    others = {target for one in requests for target in _others(one)}
    if any(one.table is INTERFACES and not isinstance(one, Create) for one in requests):
        others |= _other_ends(mirror)
    return sorted(wanted | others & sources | {one.target for one in requests} & sources)


def _others(one: Request) -> Iterator[str]:
    if isinstance(one, Change) and "target" in one.fields:
        yield one.fields["target"]
    peer, link = one.row.get("peer"), one.row.get("link")
    if peer:
        yield peer.get("target") or one.target
    if isinstance(link, Named):
        yield link.target or one.target


def _other_ends(mirror: Mirror) -> set[str]:
    """Where there are veths whose other end is elsewhere: they come and go together."""
    found = mirror.database.fetch("SELECT DISTINCT target FROM interfaces WHERE kind = 'veth' AND link_netnsid IS NOT NULL")
    return {str(target) for (target,) in found}
