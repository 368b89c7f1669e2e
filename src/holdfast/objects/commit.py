"""Carrying out what waits in objects: all of it as one transaction of the engine, or nothing.

    commit([a, b]) ─► chains ─► Batch ─► engine.commit ─► each object becomes its row
                                              └ refused ─► each object shows the system again; the error names the link

Any task may commit any object: who comes to one that is on its way waits for it. For the loop of the node.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from holdfast.errors import HoldfastError
from holdfast.objects.batch import Batch, Filter
from holdfast.objects.flight import Flight
from holdfast.objects.snapshot import Snapshot, Undo
from holdfast.transactions.contract import Engine, Outcome, Progress, Request
from holdfast.undisturbed import Undisturbed

if TYPE_CHECKING:
    from holdfast.objects.object import Object
    from holdfast.objects.pending import Pending
    from holdfast.objects.snapshot import Saved

__all__ = ["How", "commit", "commit_here", "foreseen", "rollback"]

Taken = tuple["Object[Any]", "Pending"]

_LEAST_S: Final = 30.0
_EACH_S: Final = 0.005
_STRIDE: Final = 200
"""Objects that are looked at before the loop gets its turn."""


class How(NamedTuple):
    """force       override what others changed meanwhile.
    author, message  for the log.
    save        remember how it was, for `rollback()`.
    keep        what is refused stays waiting, as it was given.
    req_filter  sees the fields that are to be sent.
    again       an object that has gone, and in which nothing waits, is made again as it was.
    """

    force: bool = False
    author: str = ""
    message: str = ""
    save: bool = True
    keep: bool = False
    req_filter: Filter | None = None
    progress: Progress | None = None
    again: bool = False


async def commit(engine: Engine, objects: Iterable[Object[Any]], how: How = How()) -> Outcome:  # noqa: B008 - immutable
    """What waits in these objects and in their chains, in this order. Afterwards nothing waits in them, whatever came of it;
    but see `keep`, and objects that could not be made.

    Raises: what the engine raises, with the object in `details`; what makes no sense: InvalidValue, NotFound.
    """
    asked = list(objects)
    links = _links(asked)
    flight = Flight()
    taken = await _taken(links, flight)
    refused: HoldfastError | None = None
    try:
        batch, saved = await _prepare(taken, how, {id(one) for one in asked} if how.again else frozenset())
        outcome = await _asked(engine, batch, how)
        _settle(taken, batch, outcome)
        if how.save:
            _remember(taken, outcome, saved)
        return outcome
    except BaseException as error:
        refused = _refused(error, taken, how)
        raise
    finally:
        _land(links, flight, refused)


def commit_here(engine: Engine, one: Object[Any], how: How) -> bool:
    """As `commit` of one object, in the calling thread, which is not the loop's: a third of the time. False: something stands in
    the way, and nothing was done.

    Raises: as `commit`.
    """
    with Undisturbed() as calm:
        link = one._previous
        while link is not None:
            if not link.idle:
                return False
            link = link._previous
        flight = Flight()
        pending = one.take(flight)
        if pending is None:
            return False
        taken = [(one, pending)]
        refused: HoldfastError | None = None
        try:
            batch = Batch(how.req_filter)
            if pending or how.again:
                _add(batch, one, pending, 1)
            outcome = _asked_here(engine, batch, how, calm)
            if outcome is None:
                one.put_back(pending, keep=True)
                return False
            _settle(taken, batch, outcome)
            if how.save:
                _remember(taken, outcome, [None])
            return True
        except BaseException as error:
            refused = _refused(error, taken, how)
            raise
        finally:
            _land([one], flight, refused)


def _refused(error: BaseException, taken: list[Taken], how: How) -> HoldfastError | None:
    """Nothing is on its way any more."""
    if isinstance(error, HoldfastError):
        batch_of(error, taken)
    for one, pending in taken:
        one.put_back(pending, keep=how.keep)
    return error if isinstance(error, HoldfastError) else None


def _land(links: list[Object[Any]], flight: Flight, refused: HoldfastError | None) -> None:
    for one in links:
        one._flight = None
    flight.land(refused)


def foreseen(objects: Iterable[Object[Any]]) -> list[Request]:
    """What `commit` would ask of the engine for these objects now. Changes nothing. Raises: NotFound, InvalidValue."""
    batch = Batch()
    links = _links(objects)
    for one in links:
        _add(batch, one, one._pending, len(links))
    return batch.requests


def batch_of(error: HoldfastError, taken: list[Taken]) -> None:
    """A single object needs no place in a chain: it is named all the same."""
    if len(taken) == 1 and "object" not in error.details:
        Batch.blame(error, taken[0][0], 1)


def _links(objects: Iterable[Object[Any]]) -> list[Object[Any]]:
    """The objects, each behind what its chain has before it; nobody twice."""
    found: dict[int, Object[Any]] = {}
    for one in objects:
        chain: dict[int, Object[Any]] = {}
        link: Object[Any] | None = one
        while link is not None and id(link) not in found and id(link) not in chain:
            chain[id(link)] = link
            link = link._previous
        found |= reversed(chain.items())
    return list(found.values())


async def _taken(links: list[Object[Any]], flight: Flight) -> list[Taken]:
    """All of them at once, when none of them is on its way."""
    while True:
        await _landed(links)
        taken: list[Taken] = []
        for one in links:
            pending = one.take(flight)
            if pending is None:  # a thread was faster
                break
            taken.append((one, pending))
        else:
            return taken
        for one, pending in taken:
            one.put_back(pending, keep=True)
            one._flight = None


async def _landed(links: list[Object[Any]]) -> None:
    """Wait until none of them is on its way. What one of them failed with is ours too, if it took what we wanted along."""
    while flying := [(one, one._flight) for one in links if one._flight is not None]:
        for one, flight in flying:
            refused = await flight.landed()
            if refused is not None and not one._pending:
                raise refused


async def _prepare(taken: list[Taken], how: How, again: Collection[int]) -> tuple[Batch, list[Saved | None]]:
    batch = Batch(how.req_filter)
    saved: list[Saved | None] = []
    for place, (one, pending) in enumerate(taken):
        if place % _STRIDE == _STRIDE - 1:
            await asyncio.sleep(0)
        saved.append(Snapshot(one) if how.save and len(taken) > 1 and pending else None)
        if not pending and id(one) not in again:
            continue
        _add(batch, one, pending, len(taken))
    return batch, saved


def _add(batch: Batch, one: Object[Any], pending: Pending, of: int) -> None:
    try:
        batch.add(one, pending)
    except HoldfastError as error:
        batch.blame(error, one, of)
        raise


def _asked_here(engine: Engine, batch: Batch, how: How, calm: Undisturbed) -> Outcome | None:
    if not batch.requests:
        return Outcome()
    if len(batch.requests) > 1:
        return None
    try:
        return engine.commit_here(batch.requests[0], calm, force=how.force, timeout_s=time_for(1), author=how.author, message=how.message)
    except HoldfastError as error:
        batch.name(error)
        raise


async def _asked(engine: Engine, batch: Batch, how: How) -> Outcome:
    if not batch.requests:
        return Outcome()
    try:
        limit_s = time_for(len(batch.requests))
        return await engine.commit(
            batch.requests, force=how.force, timeout_s=limit_s, author=how.author, message=how.message, progress=how.progress
        )
    except HoldfastError as error:
        batch.name(error)
        raise


def _settle(taken: list[Taken], batch: Batch, outcome: Outcome) -> None:
    for one, pending in taken:
        place = batch.mine.get(id(one))
        if place is not None:
            one.settle(pending, batch.requests[place], outcome.rows[place] if outcome.rows else None)
        elif pending.new:
            one.put_back(pending, keep=False)  # made and removed at once: it is still to be made
        elif pending.removed:
            one.gone()


def _remember(taken: list[Taken], outcome: Outcome, saved: list[Saved | None]) -> None:
    """A commit of one object is taken back as a whole; of several each comes back by itself."""
    for (one, pending), before in zip(taken, saved, strict=True):
        if pending:
            one._saved = Undo(outcome.undo) if before is None else before


def time_for(requests: int) -> float:
    """Seconds that a transaction may take, and once more for undoing it: generous, on a machine that has other things to do."""
    return _LEAST_S + requests * _EACH_S


async def rollback(engine: Engine, one: Object[Any], snapshot: Saved | None, how: How = How()) -> None:  # noqa: B008 - immutable
    """Back to a snapshot, or to how it was before the last commit; what waits is dropped.

    Raises: what the engine raises. Nothing to come back to: what waits is dropped, and that is all.
    """
    await _landed([one])
    one.drop()
    saved = one._saved if snapshot is None else snapshot
    if saved is None:
        return
    requests: list[Request] = saved.requests(one)
    if requests:
        outcome = await engine.commit(requests, force=True, timeout_s=time_for(len(requests)), author=how.author, message=how.message)
        one.found(requests, outcome, saved)
    if snapshot is None:
        one._saved = None
