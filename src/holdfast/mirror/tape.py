"""Recording sources for a while, and running a recording through the tables: the same mirror, with another thing at its end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from holdfast.errors import Corrupt, HoldfastError, InvalidValue, WorldError

from .mirror import Mirror
from .status import State, Status
from .supervisor import Settings

if TYPE_CHECKING:
    from holdfast.database.home import Database
    from holdfast.sources.recorder import Recorder
    from holdfast.sources.replay import Replay

__all__ = ["recording", "replay"]

_LOOK_EVERY_S = 0.02


@asynccontextmanager
async def recording(database: Database, recorders: Sequence[Recorder]) -> AsyncIterator[Mirror]:
    """Mirror these sources into `database`, so that what a mirror asks and hears is in their files, until the `with` ends.

    They are loaded on entry; the recordings are whole when it is left.
    Raises: WorldError - a source that cannot be opened, a file that cannot be made. There is no recording of that one then.
    """
    try:
        # no periodic check: what is asked is what an event or a loss leads to
        async with Mirror(database, Settings(audit_s=0)) as mirror:
            for one in recorders:
                mirror.add(one)
            for one in recorders:
                status = await mirror.ready(one.target)
                if status.state is not State.RUNNING and one.writer is None:
                    raise WorldError(f"cannot record `{one.target}`: {status.error}")
            yield mirror
    finally:
        for one in recorders:
            one.stop()


async def replay(database: Database, source: Replay) -> Status:
    """Run a recording through to its end (or the source's `until_ns`); returns how that went. Its rows are in `database` then.

    Raises: what opening raises;  Corrupt - it cannot be read on;  InvalidValue - no state is in it, or not up to then.
    """
    source.open()  # what is wrong with the file is told by itself, not as a source that will be tried again
    source.close()
    async with Mirror(database, Settings(audit_s=0)) as mirror:
        mirror.add(source)
        await mirror.ready(source.target)
        while not source.finished:
            status = mirror.status(source.target)
            if status.state is State.FAILED:
                raise Corrupt(f"recording {source.spec['file']}: {status.error}", path=str(source.spec["file"]))
            await asyncio.sleep(_LOOK_EVERY_S)
        with contextlib.suppress(HoldfastError):
            await mirror.drained(source.target)
        if not source.answered:
            raise InvalidValue(f"recording {source.spec['file']} ends before a first reading of the state: there is nothing to show")
        return mirror.status(source.target)
