"""Many objects and checks as one transaction; probes."""

from __future__ import annotations

from threading import Event
from typing import TYPE_CHECKING, Any, Self

from holdfast.api.bridge import in_worker
from holdfast.api.core import Core
from holdfast.objects import checks, transaction
from holdfast.objects.commit import How

if TYPE_CHECKING:
    from holdfast.transactions.contract import Progress

__all__ = ["Probe", "ProbesView", "Transaction"]


class Transaction(transaction.Queue):
    """Objects and checks that are committed together, or not at all; `async with ndb.begin() as ctx: ctx.push(…)` commits at the end.

    Objects that stand together are one transaction of the kernel's side. A check runs when all before it is in the system.
    """

    def __init__(self, core: Core) -> None:
        super().__init__()
        self._core = core
        self._done = Event()

    async def commit(self, *, force: bool = False, author: str = "", message: str = "", progress: Progress | None = None) -> Self:
        """Carry it out, in order. When something fails all of it is undone, last first, and that is raised.

        Raises: as `Object.commit`;  CheckProcessException - a check does not hold;  what a check raises.
        """
        await self._core.carry_out(self.queue, How(force, author, message, progress=progress))
        self._done.set()
        return self

    async def wait(self, timeout: float | None = None) -> bool:  # noqa: ASYNC109 - NDB's word
        """Wait until it was committed, by whatever thread or task; False: not within `timeout` seconds."""
        return await in_worker(self._done.wait, timeout)

    def done(self) -> bool:
        """Was it committed?"""
        return self._done.is_set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: object, *_: object) -> None:
        if kind is None:
            await self.commit()


class Probe(checks.Probe):
    """A check from inside of a source; pushed into a transaction, or run by `commit`."""

    async def commit(self) -> Self:
        """Raises: ProbeFailed (a CheckProcessException and a KernelError) - no answer;  NotFound - no such source;  Denied."""
        await in_worker(self.run)
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
