"""A recording as a source: what was said once is said again, in order.

    events 1 │ question A, answer │ events 2 │ events 3 │ question B, answer │ …
             └─ a gap: an answer in it is true between these events, and only there

Who listens now is quicker or slower than who listened then, puts its questions together in other ways, and so asks other
questions at other times. A recording cannot answer those. So it is passive: it hands out the recorded answers by itself, each
in its place between the events (`told`). Asked, it gives the next recorded answer to exactly that question, if there is
one from here on: that is how the first load is answered.
"""

from __future__ import annotations

import ctypes
import errno
import os
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal

from holdfast.errors import Closed, InvalidValue, KernelError, Lost, NotSupported
from holdfast.model.field import Table

from .contract import CHUNK, Source, Told, chosen_tables
from .recording import Ask, End, Frame, Kind, Marker, Reader

__all__ = ["Replay"]

_TFD_FLAGS: Final = os.O_NONBLOCK | os.O_CLOEXEC
_CLOCK_MONOTONIC: Final = 1
_SOON_NS: Final = 1
_NOT_THERE: Final = (errno.ENODEV, errno.ENOENT)


@dataclass(frozen=True, slots=True)
class _Question:
    """A recorded question: where it stands, and what ends its answer."""

    offset: int
    ask: Ask
    end: End


class Replay(Source):
    """spec: `file`; `speed` - 0: as fast as they are taken (the default), 1: as fast as recorded, 10: ten times that;
    `until_ns` - leave out what was recorded after this time (ns since 1970).

    `time_ns` is the recorded time of what was handed out last.
    `finished` turns true when `drain` has nothing more to return, ever. That is no error, and `alive` stays true.
    """

    kind: ClassVar[str] = "replay"
    options = frozenset({"file", "speed", "tables", "until_ns"})
    passive: ClassVar[bool] = True

    def __init__(self, target: str, spec: Mapping[str, Any]) -> None:
        super().__init__(target, spec)
        if not spec.get("file"):
            raise InvalidValue(f"a replay source needs `file` – at source `{target}`")
        self.speed = float(spec.get("speed", 0))
        if self.speed < 0:
            raise InvalidValue(f"expected a speed of 0 or more, got {self.speed} – at source `{target}`")
        self.reader: Reader | None = None
        self.time_ns = 0
        self.answered = 0  # recorded answers that were given or told
        self._until_ns = spec.get("until_ns")
        self._lock = threading.RLock()  # guards all below
        self._questions: deque[_Question] = deque()  # those not given yet, in order
        self._frames: Iterator[Frame] = iter(())
        self._next: Frame | None = None  # the next events, or loss
        self._told_to = 0  # answers before this offset are told
        self._origin = (0, 0.0)
        self._timer: _Timer | None = None

    def open(self) -> None:
        """Raises: NotFound, Corrupt, NotSupported, InvalidValue - about the file."""
        with self._lock:
            self.close()
            reader = Reader(str(self.spec["file"]))
            header = reader.header
            recorded = set(header.tables)
            self.tables = tuple(table for table in chosen_tables(self.spec.get("tables")) if table.name in recorded)
            self.groups, self.missing = header.groups, dict(header.missing)
            self.reader = reader
            self._questions = _questions(reader, self._until_ns)
            self._frames = _events(reader, self._until_ns)
            self._next = next(self._frames, None)
            self._told_to = 0
            self._origin = (self._next.time_ns if self._next else 0, time.monotonic())
            self.finished = False
            self._timer = _Timer()
            self._timer.after(_SOON_NS)  # also when there are no events: somebody may wait for what is told

    def close(self) -> None:
        with self._lock:
            reader, timer, self.reader, self._timer = self.reader, self._timer, None, None
            if timer:
                timer.close()
            if reader:
                reader.close()

    @property
    def events(self) -> Replay:
        self._opened()
        return self

    def _opened(self) -> tuple[Reader, _Timer]:
        if self.reader is None or self._timer is None:
            raise Closed(f"source `{self.target}` is not open")
        return self.reader, self._timer

    # -- events ----------------------------------------------------------------------------------------------------

    def fileno(self) -> int:
        """Readable when an event is due; never again after the last one."""
        return self._opened()[1].fd

    def drain(self, limit: int = CHUNK) -> bytes:
        """The events of one recorded read that is due, or b"".  Raises: Lost - here events were lost, then."""
        del limit  # a recorded read is within the bound that it was made with
        with self._lock:
            reader, timer = self._opened()
            frame = self._next
            if frame is None:
                self._told_to, self.finished = reader.end, True
                timer.after(0)
                return b""
            early_s = self._early_s(frame)
            if early_s > 0:
                timer.after(int(early_s * 1e9) or _SOON_NS)
                return b""
            self._next = next(self._frames, None)
            self._told_to = frame.offset
            self.time_ns = frame.time_ns
            timer.after(_SOON_NS)  # behind the last events there may be answers
            if frame.kind == Kind.MARKER:
                marker = frame.read(Marker)
                raise Lost(marker.text or _LOSSES[marker.what])
            return frame.data

    def _early_s(self, frame: Frame) -> float:
        """Seconds until these events' turn."""
        if not self.speed:
            return 0.0
        then, origin = self._origin
        return origin + (frame.time_ns - then) / 1e9 / self.speed - time.monotonic()

    # -- questions -------------------------------------------------------------------------------------------------

    def told(self) -> Sequence[Told]:
        with self._lock:
            due = []
            while self._questions and self._questions[0].offset < self._told_to:
                due.append(self._questions.popleft())
            self.answered += len(due)
            return [told for one in due if (told := self._told(one)) is not None]

    def _told(self, question: _Question) -> Told | None:
        """What a listener makes of an answer; None: nothing, as the question was refused or is about another table."""
        ask, end = question.ask, question.end
        table = next((one for one in self.tables if one.name == ask.table), None)
        if table is None or (end.error and not (ask.verb == "get" and end.error.errno in _NOT_THERE)):
            return None
        verb: Literal["dump", "get"] = "get" if ask.verb == "get" else "dump"
        return Told(verb, table, ask.family, dict(ask.filters), tuple(self._chunks(question)), end.interrupted)

    def dump(self, table: Table, family: str = "", **filters: Any) -> Iterator[bytes]:
        yield from self._answer(Ask(0, "dump", table.name, family, filters))

    def get(self, table: Table, row: Mapping[str, Any]) -> bytes:
        return b"".join(self._answer(Ask(0, "get", table.name, "", dict(row))))

    def _answer(self, ask: Ask) -> Iterator[bytes]:
        """The next recorded answer to this question. It is not told again, nor given again."""
        with self._lock:
            self._opened()
            self.interrupted = False
            found = next((one for one in self._questions if one.ask.key == ask.key), None)
            if found is None:
                asked = " ".join([ask.verb, ask.table, ask.family, *(f"{name}={value}" for name, value in ask.filters.items())])
                raise NotSupported(f"the recording holds no answer to `{asked}` from here on")
            self._questions.remove(found)
            self.answered += 1
        yield from self._chunks(found)
        self.interrupted = found.end.interrupted
        if found.end.error:
            raise KernelError(found.end.error.errno, found.end.error.sentence)

    def _chunks(self, question: _Question) -> Iterator[bytes]:
        for frame in self._opened()[0].frames(question.offset, frozenset({Kind.ANSWER, Kind.END})):
            if frame.kind == Kind.ANSWER and int.from_bytes(frame.data[:4], "little") == question.ask.id:
                yield frame.data[4:]
            elif frame.kind == Kind.END and frame.read(End).id == question.ask.id:
                return

    def alive(self) -> bool:
        return True

    def name_files(self) -> dict[str, str]:
        return dict(self._opened()[0].header.names)


_LOSSES: Final = {
    "lost": "events were lost when this was recorded",
    "opened": "the source was opened anew here: what happened in between is not in the recording",
}
"""Markers that stand for events which are not there."""


def _events(reader: Reader, until_ns: int | None = None) -> Iterator[Frame]:
    """Events, and markers of a loss. The first `opened` is the beginning, not a loss."""
    opened = False
    for frame in reader.frames(reader.start, frozenset({Kind.EVENTS, Kind.MARKER})):
        if until_ns is not None and frame.time_ns > until_ns:
            return
        if frame.kind == Kind.MARKER:
            what = frame.read(Marker).what
            if what not in _LOSSES or (what == "opened" and not opened):
                opened |= what == "opened"
                continue
        yield frame


def _questions(reader: Reader, until_ns: int | None = None) -> deque[_Question]:
    """The recorded questions with a whole answer, in order."""
    asked: dict[int, tuple[int, Ask]] = {}
    found = []
    for frame in reader.frames(reader.start, frozenset({Kind.ASK, Kind.END})):
        if until_ns is not None and frame.time_ns > until_ns:
            break
        if frame.kind == Kind.ASK:
            ask = frame.read(Ask)
            asked[ask.id] = frame.offset, ask
        elif (end := frame.read(End)).id in asked:
            offset, ask = asked.pop(end.id)
            found.append(_Question(offset, ask, end))
    return deque(sorted(found, key=lambda one: one.offset))


class _Timer:
    """A descriptor that becomes readable, and stays so, some time from now (timerfd)."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self.fd: int = self._libc.timerfd_create(_CLOCK_MONOTONIC, _TFD_FLAGS)
        if self.fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")

    def after(self, ns: int) -> None:
        """Readable in `ns` nanoseconds, and not before; 0: not at all."""
        seconds, rest = divmod(ns, 1_000_000_000)
        self._libc.timerfd_settime(self.fd, 0, (ctypes.c_long * 4)(0, 0, seconds, rest), None)

    def close(self) -> None:
        os.close(self.fd)
