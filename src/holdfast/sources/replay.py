"""A recording as a source: what was said once is said again, in order, to whoever asks.

Events come one recorded read at a time. A dump is answered with the first recorded answer to the same question that
stands at or after the events handed out so far: an older one would bring back what those events have changed. For the
same reason events wait before a recorded question until it has been asked, or for `patience_s` when nobody does.
"""

from __future__ import annotations

import ctypes
import os
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from holdfast.errors import Closed, InvalidValue, KernelError, Lost, NotSupported
from holdfast.model.field import Table

from .contract import CHUNK, Source, chosen_tables
from .recording import Ask, End, Frame, Kind, Marker, Reader

__all__ = ["Replay"]

_TFD_FLAGS: Final = os.O_NONBLOCK | os.O_CLOEXEC
_CLOCK_MONOTONIC: Final = 1
_SOON_NS: Final = 1


@dataclass(slots=True)
class _Question:
    """A recorded question: where it stands, what ends its answer, and whether it was asked (or passed) in this replay."""

    offset: int
    ask: Ask
    end: End
    done: bool = False


class Replay(Source):
    """spec: `file`; `speed` - 0 as fast as they are taken (the default), 1 as fast as recorded, 10 ten times that; `patience_s`.

    `finished` turns true when the last event has been drained. That is no error: dumps are still answered, `alive` stays true.
    """

    kind: ClassVar[str] = "replay"
    options = frozenset({"file", "speed", "patience_s", "tables"})

    def __init__(self, target: str, spec: Mapping[str, Any]) -> None:
        super().__init__(target, spec)
        if not spec.get("file"):
            raise InvalidValue(f"a replay source needs `file` – at source `{target}`")
        self.speed = float(spec.get("speed", 0))
        self.patience_s = float(spec.get("patience_s", 0.25))
        if self.speed < 0 or self.patience_s < 0:
            raise InvalidValue(f"expected a speed and a patience of 0 or more – at source `{target}`")
        self.reader: Reader | None = None
        self._lock = threading.RLock()
        self._questions: dict[int, _Question] = {}  # by offset
        self._waiting: dict[bytes, deque[_Question]] = {}  # by key, in order: those that may still be asked
        self._frames: Iterator[Frame] = iter(())
        self._next: Frame | None = None
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
            self.finished = False
            self.reader = reader
            self._questions = _questions(reader)
            self._waiting = {}
            for one in self._questions.values():
                self._waiting.setdefault(one.ask.key, deque()).append(one)
            self._frames = reader.frames(reader.start, frozenset({Kind.EVENTS, Kind.ASK, Kind.MARKER}))
            self._next = next(self._frames, None)
            self._position = reader.start
            self._opened_before = False
            self._origin = (self._next.time_ns if self._next else 0, time.monotonic())
            self._give_up: float | None = None
            self._timer = _Timer()
            self._timer.after(_SOON_NS)

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
            _, timer = self._opened()
            while self._next is not None:
                frame = self._next
                wait_s = self._wait_for(frame)
                if wait_s > 0:
                    timer.after(int(wait_s * 1e9) or _SOON_NS)
                    return b""
                self._next = next(self._frames, None)
                if frame.kind == Kind.EVENTS:
                    self._position, self._give_up = frame.after, None
                    self._settle(timer)
                    return frame.data
                if frame.kind == Kind.MARKER and (loss := self._loss(frame.read(Marker))):
                    self._position = frame.after
                    self._settle(timer)
                    raise Lost(loss)
            self._settle(timer)
            return b""

    def _loss(self, marker: Marker) -> str:
        """What a marker says about events that are not in the recording; "" if there are none."""
        if marker.what == "opened":
            again, self._opened_before = self._opened_before, True
            return "the source was opened anew here: what happened in between is not in the recording" if again else ""
        return (marker.text or "events were lost") if marker.what == "lost" else ""

    def _settle(self, timer: _Timer) -> None:
        """After a step: is there more to come, and is that soon?"""
        self.finished = self._next is None
        timer.after(0 if self.finished else _SOON_NS)

    def _wait_for(self, frame: Frame) -> float:
        """Seconds until a frame's turn; 0: now."""
        if self.speed:
            then, now = self._origin
            due = now + (frame.time_ns - then) / 1e9 / self.speed
            if (early := due - time.monotonic()) > 0:
                return early
        if frame.kind != Kind.ASK:
            return 0.0
        question = self._questions.get(frame.offset)
        if question is None or question.done:
            return 0.0
        if self._give_up is None:  # patience is for all questions up to the next event together
            self._give_up = time.monotonic() + self.patience_s
        left = self._give_up - time.monotonic()
        if left <= 0:
            question.done = True
        return max(left, 0.0)

    # -- questions -------------------------------------------------------------------------------------------------

    def dump(self, table: Table, family: str = "", **filters: Any) -> Iterator[bytes]:
        """The recorded answer. Raises: NotSupported - nobody asked this when the recording was made, or not again since."""
        yield from self._answer("dump", table, family, filters)

    def get(self, table: Table, row: Mapping[str, Any]) -> bytes:
        return b"".join(self._answer("get", table, "", row))

    def _answer(self, verb: str, table: Table, family: str, filters: Mapping[str, Any]) -> Iterator[bytes]:
        ask = Ask(0, verb, table.name, family, dict(filters))
        with self._lock:
            reader, timer = self._opened()
            self.interrupted = False
            found = self._find(ask)
            found.done = True
            self._settle(timer)
        for frame in reader.frames(found.offset, frozenset({Kind.ANSWER, Kind.END})):
            if frame.kind == Kind.ANSWER and int.from_bytes(frame.data[:4], "little") == found.ask.id:
                yield frame.data[4:]
            elif frame.kind == Kind.END and frame.read(End).id == found.ask.id:
                break
        self.interrupted = found.end.interrupted
        if found.end.error:
            raise KernelError(found.end.error.errno, found.end.error.sentence)

    def _find(self, ask: Ask) -> _Question:
        waiting = self._waiting.get(ask.key, deque())
        while waiting and (waiting[0].done or waiting[0].offset < self._position):
            waiting.popleft()
        if not waiting:
            filters = " ".join(f"{name}={value}" for name, value in ask.filters.items())
            raise NotSupported(f"the recording holds no answer to `{ask.verb} {ask.table} {ask.family} {filters}` from here on")
        return waiting[0]

    def alive(self) -> bool:
        return True

    def name_files(self) -> dict[str, str]:
        return dict(self._opened()[0].header.names)


def _questions(reader: Reader) -> dict[int, _Question]:
    """The recorded questions with a whole answer, in order, by offset."""
    asked: dict[int, tuple[int, Ask]] = {}
    found = {}
    for frame in reader.frames(reader.start, frozenset({Kind.ASK, Kind.END})):
        if frame.kind == Kind.ASK:
            ask = frame.read(Ask)
            asked[ask.id] = frame.offset, ask
        elif (end := frame.read(End)).id in asked:
            offset, ask = asked.pop(end.id)
            found[offset] = _Question(offset, ask, end)
    return dict(sorted(found.items()))


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
