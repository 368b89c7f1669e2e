"""The program's own mirror, held against the kernel."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from types import TracebackType
from typing import Any, ClassVar, Self

from holdfast.database.sqlite import Database
from holdfast.mirror.mirror import Mirror
from holdfast.mirror.status import State
from holdfast.mirror.supervisor import Settings
from holdfast.model import TABLES
from holdfast.sources import make

from .mirrors import Rows

__all__ = ["LiveMirror", "LossyMirror"]


class LiveMirror:
    """The program's own mirror, following events on a loop of its own. Nothing checks everything from time to time, so that what an event
    does not tell shows."""

    options: ClassVar[dict[str, int]] = {}
    wrong: ClassVar[tuple[str, ...]] = ("undecoded", "lost", "resyncs", "failures")

    def __init__(self, namespaces: Sequence[str]) -> None:
        self._namespaces = list(namespaces)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="mirror-under-test", daemon=True)

    def __enter__(self) -> Self:
        self._database = Database()
        self._thread.start()
        self._mirror = Mirror(self._database, Settings(audit_s=0))
        self._wait(self._mirror.start())
        self._wait(self._load())
        return self

    async def _load(self) -> None:
        for name in self._namespaces:
            self._mirror.add(make(name, "netns", netns=name, **self.options))
        for name in self._namespaces:
            status = await self._mirror.ready(name, timeout_s=10)
            assert status.state is State.RUNNING, status

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._wait(self._mirror.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
        self._database.close()

    def _wait(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def rows(self, table: str, target: str) -> Rows:
        columns = TABLES[table].columns
        with self._database.reader() as reader:
            found = reader.fetch(f"SELECT {', '.join(columns)} FROM {table} WHERE target = ?", (target,))
        return [dict(zip(columns, row, strict=True)) for row in found]

    def trouble(self) -> str:
        """A mirror that failed, or lost events, and read all again would be right for the wrong reason."""
        statuses = [self._mirror.status(name) for name in self._namespaces]
        wrong = [one for one in statuses if one.state is not State.RUNNING or any(getattr(one.counters, word) for word in self.wrong)]
        return "; ".join(map(str, wrong))


class LossyMirror(LiveMirror):
    """With room for hardly more than one event: many are lost, and all of it is read again, while more happens."""

    options: ClassVar[dict[str, int]] = {"rcvbuf": 2304}
    wrong: ClassVar[tuple[str, ...]] = ("undecoded", "failures")
