"""A source that records another one while it is used: every buffer that passes is also written to a file."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from holdfast.errors import Closed, KernelError, Lost, SourceEnded
from holdfast.model.field import Table
from holdfast.netlink.blank import blank

from .contract import CHUNK, Events, Source
from .recording import Ask, End, Header, Kind, Marker, Refusal, Writer

__all__ = ["Recorder"]


class Recorder(Source):
    """Stands in the place of `source`, which it owns, and writes what passes to `path`.

    Secrets in what passes are overwritten in the file (netlink.blank); what is handed on is the original.
    note    writes a remark into the recording.
    A recording that cannot go on (a full disk) says so in `writer.error`; the source goes on.
    """

    kind: ClassVar[str] = "recorder"

    def __init__(self, source: Source, path: str) -> None:
        super().__init__(source.target, {})
        self.source = source
        self.spec = source.spec
        self.tables = source.tables
        self.groups = source.groups
        self.path = path
        self.writer: Writer | None = None
        self._tee: _Tee | None = None
        self._numbers = itertools.count(1)

    def open(self) -> None:
        """As the source does; the file is made with the first open, and a later one goes on in it."""
        self.source.open()
        self.groups, self.missing = self.source.groups, self.source.missing
        try:
            if self.writer is None:
                self.writer = Writer(
                    self.path,
                    Header.of_this_host(
                        target=self.target,
                        kind=self.source.kind,
                        tables=tuple(table.name for table in self.tables),
                        groups=self.groups,
                        missing=dict(self.missing),
                        names=self.name_files(),
                    ),
                )
        except BaseException:
            self.source.close()
            raise
        self._tee = _Tee(self.source.events, self)
        self._mark("opened")

    def close(self) -> None:
        """Close the source; the recording stays open, so that a restart is in it. Idempotent."""
        self.source.close()
        self._tee = None
        self._mark("closed")

    def stop(self) -> None:
        """End the recording; the source goes on without. Idempotent."""
        if self.writer is not None:
            self.writer.close()

    @property
    def events(self) -> Events:
        return self._tee or self.source.events

    @property
    def pressed(self) -> bool:
        return self.source.pressed

    def relieve(self) -> None:
        self.source.relieve()

    def dump(self, table: Table, family: str = "", **filters: Any) -> Iterator[bytes]:
        ask = Ask(next(self._numbers), "dump", table.name, family, filters)
        yield from self._answer(ask, self.source.dump(table, family, **filters))
        self.interrupted = self.source.interrupted

    def get(self, table: Table, row: Mapping[str, Any]) -> bytes:
        def answer() -> Iterator[bytes]:
            yield self.source.get(table, row)

        return b"".join(self._answer(Ask(next(self._numbers), "get", table.name, "", dict(row)), answer()))

    @property
    def unrecorded(self) -> Source:
        return self.source

    def _answer(self, ask: Ask, chunks: Iterator[bytes]) -> Iterator[bytes]:
        self._say(ask)
        try:
            for chunk in chunks:
                self._write(Kind.ANSWER, ask.id.to_bytes(4, "little") + blank(chunk))
                yield chunk
        except KernelError as refusal:
            self._say(End(ask.id, error=Refusal(int(refusal.code), refusal.sentence)))
            raise
        # an answer that was not read to its end gets none, and does not count when the recording is replayed
        self._say(End(ask.id, ask.verb == "dump" and self.source.interrupted))

    def alive(self) -> bool:
        try:
            return self.source.alive()
        except SourceEnded as ended:
            self._mark("ended", str(ended))
            raise

    def name_files(self) -> dict[str, str]:
        return self.source.name_files()

    def counters(self) -> dict[str, int]:
        writer = self.writer
        recorded = {"recorded_frames": writer.frames, "recorded_bytes": writer.size} if writer else {}
        return self.source.counters() | recorded

    def note(self, text: str) -> None:
        self._mark("note", text)

    def record_events(self, data: bytes) -> None:
        self._write(Kind.EVENTS, blank(data))

    def record_loss(self, loss: Lost) -> None:
        self._mark("lost", loss.message)

    def _mark(self, what: str, text: str = "") -> None:
        self._say(Marker(what, text))

    def _write(self, kind: Kind, data: bytes) -> None:
        if self.writer is not None:
            with contextlib.suppress(Closed):  # stopped
                self.writer.write(kind, data)

    def _say(self, what: Ask | End | Marker) -> None:
        if self.writer is not None:
            with contextlib.suppress(Closed):
                self.writer.say(what)


class _Tee:
    """The events, written as they are drained."""

    def __init__(self, events: Events, recorder: Recorder) -> None:
        self._events = events
        self._recorder = recorder

    def fileno(self) -> int:
        return self._events.fileno()

    def drain(self, limit: int = CHUNK) -> bytes:
        try:
            data = self._events.drain(limit)
        except Lost as loss:
            self._recorder.record_loss(loss)
            raise
        if data:
            self._recorder.record_events(data)
        return data
