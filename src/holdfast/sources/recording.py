"""The recording: a file with everything that a source said, in the order in which it was read.

    magic (8)  frame  frame  frame …           the first frame is the HEADER
    frame      kind u8, 3 zero bytes, length u32, time u64 (ns since 1970), crc u32 over all of the frame but itself, data

    HEADER     JSON: version, target, kind, boot_id, kernel, holdfast, tables, groups, missing, names
    EVENTS     raw netlink, what one drain gave
    ASK        JSON: id, verb (dump | get), table, family, filters
    ANSWER     id u32, then raw netlink: one chunk of the answer
    END        JSON: id, interrupted; error (errno, sentence), where the answer ended with one; none: it was not read to its end
    MARKER     JSON: what (opened, lost, ended, closed, note), text

Integers are little-endian, netlink bytes as the recording host has them. Frames are written whole, one system call each, so
what a crash leaves is a torn last frame, which is left out and said; a wrong checksum before the end is corruption.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import platform
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from struct import Struct
from typing import Any, Final, TypeVar

import msgspec

from holdfast.errors import Closed, Corrupt, HoldfastError, InvalidValue, NotFound, NotSupported, WorldError

__all__ = ["VERSION", "Ask", "End", "Frame", "Header", "Kind", "Marker", "Reader", "Refusal", "Summary", "Writer", "summary_of"]

T = TypeVar("T")

VERSION: Final = 1
MAGIC: Final = b"HFREC\x00\r\n"  # a transfer in text mode breaks it
_FRAME: Final = Struct("<BxxxIQ")
_CRC: Final = Struct("<I")
_HEAD: Final = _FRAME.size + _CRC.size


class Kind(IntEnum):
    HEADER = 0
    EVENTS = 1
    ASK = 2
    ANSWER = 3
    END = 4
    MARKER = 5


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame. `offset` is where it begins in the file, `after` where the next one does."""

    kind: int
    time_ns: int
    data: bytes
    offset: int
    after: int

    def read(self, shape: type[T]) -> T:
        """The JSON in it. Raises: Corrupt - it is none, or of another shape."""
        try:
            return msgspec.json.decode(self.data, type=shape)
        except (msgspec.MsgspecError, UnicodeDecodeError) as cause:
            raise Corrupt(f"a frame does not say what it must: {cause} – at byte {self.offset}", offset=self.offset) from cause


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What the recording is of. `names`: the host's name tables as text; `missing`: as in Source."""

    target: str
    kind: str
    tables: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    missing: dict[str, str] = {}
    names: dict[str, str] = {}
    boot_id: str = ""
    kernel: str = ""
    holdfast: str = ""
    version: int = VERSION

    @staticmethod
    def of_this_host(**fields: Any) -> Header:
        """A header with what this machine says about itself."""
        try:
            with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
                boot_id = file.read().strip()
        except OSError:
            boot_id = ""
        return Header(boot_id=boot_id, kernel=f"{platform.system()} {platform.release()} {platform.machine()}", **fields)


class Ask(msgspec.Struct, frozen=True):
    """A question: `dump` with filters, or `get` with the key's fields as filters."""

    id: int
    verb: str
    table: str
    family: str = ""
    filters: dict[str, Any] = {}

    @property
    def key(self) -> bytes:
        """Equal for equal questions."""
        return msgspec.json.encode((self.verb, self.table, self.family, sorted(self.filters.items())))


class Refusal(msgspec.Struct, frozen=True):
    errno: int
    sentence: str = ""


class End(msgspec.Struct, frozen=True, omit_defaults=True):
    """The end of the answer to the question `id`."""

    id: int
    interrupted: bool = False
    error: Refusal | None = None


class Marker(msgspec.Struct, frozen=True):
    """Something that happened, and no netlink. what: opened, lost, ended, closed, note."""

    what: str
    text: str = ""


class Writer:
    """Writes one recording; any thread. It never stands in the way of what it records.

    When the disk is full, or the file is gone, it stops: `error` says why, and what came before is whole.
    The file is the owner's alone (mode 0600): addresses and names of a network are in it.
    """

    def __init__(self, path: str, header: Header, clock: Callable[[], int] = time.time_ns) -> None:
        """Makes the file. Raises: InvalidValue - it is there already, or cannot be made."""
        self.path = path
        self.error: HoldfastError | None = None
        self.frames = 0
        self.size = 0
        self._clock = clock
        self._lock = threading.Lock()
        try:
            self._fd: int | None = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            raise InvalidValue(f"`{path}` is there already; a recording is never written over", path=path) from None
        except OSError as cause:
            raise InvalidValue(f"cannot make `{path}`: {cause.strerror}", path=path) from cause
        self._put(MAGIC)
        self.write(Kind.HEADER, msgspec.json.encode(header))

    def write(self, kind: Kind, data: bytes) -> None:
        """Append a frame. Raises: Closed; nothing else - see `error`."""
        head = _FRAME.pack(kind, len(data), self._clock())
        crc = _CRC.pack(zlib.crc32(data, zlib.crc32(head)))
        with self._lock:
            if self._fd is None:
                raise Closed("the recording was closed")
            if self.error is None:
                self._put(head + crc + data)
                self.frames += 1

    def say(self, what: Ask | End | Marker) -> None:
        """Append the frame that holds this."""
        kind = Kind.ASK if isinstance(what, Ask) else Kind.END if isinstance(what, End) else Kind.MARKER
        self.write(kind, msgspec.json.encode(what))

    def _put(self, data: bytes) -> None:
        assert self._fd is not None
        whole = self.size
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._fd, view) :]
            self.size += len(data)
        except OSError as cause:
            self.error = WorldError(f"the recording stopped after {self.size} bytes: {cause.strerror}", path=self.path)
            with contextlib.suppress(OSError):
                os.truncate(self._fd, whole)

    def close(self) -> None:
        """Bring it to the disk and close it. Idempotent."""
        with self._lock:
            fd, self._fd = self._fd, None
        if fd is not None:
            try:
                os.fsync(fd)
            except OSError as cause:
                self.error = self.error or WorldError(f"the recording may not be on the disk: {cause.strerror}", path=self.path)
            os.close(fd)


class Reader:
    """Reads a recording, also one that is still being written (up to where it is now). Any thread.

    header   what it is of.
    end      the offset behind the last whole frame.
    torn     what is wrong behind it, in words; "" when nothing is.
    """

    def __init__(self, path: str) -> None:
        """Raises: NotFound, InvalidValue;  Corrupt - not a recording;  NotSupported - of a later version."""
        self.path = path
        self._map = _map_file(path)
        if self._map[: len(MAGIC)] != MAGIC:
            raise Corrupt(f"`{path}` is not a recording", path=path)
        self.torn = ""
        self.end = len(MAGIC)
        self.end = self._find_end()
        first = next(self.frames(), None)
        if first is None or first.kind != Kind.HEADER:
            raise Corrupt(f"`{path}` has no header", path=path)
        self.start = first.after
        self.header = _read_header(first)

    def frames(self, offset: int = len(MAGIC), kinds: frozenset[int] | None = None) -> Iterator[Frame]:
        """The frames from an offset on, of these kinds only if told so. Raises: Corrupt - a wrong checksum."""
        while offset < self.end:
            try:
                frame = self._frame_at(offset, kinds)
            except ValueError as cause:
                raise Closed(f"the recording `{self.path}` was closed") from cause
            if kinds is None or frame.kind in kinds:
                yield frame
            offset = frame.after

    def _frame_at(self, offset: int, kinds: frozenset[int] | None) -> Frame:
        """The frame there; its data, which are checked, only if it is of a wanted kind."""
        kind, length, time_ns = _FRAME.unpack_from(self._map, offset)
        after = offset + _HEAD + length
        if kinds is not None and kind not in kinds:
            return Frame(kind, time_ns, b"", offset, after)
        data = self._map[offset + _HEAD : after]
        if not self._sound(offset, data):
            raise Corrupt(f"a frame's checksum is wrong – at byte {offset} of `{self.path}`", path=self.path, offset=offset)
        return Frame(kind, time_ns, data, offset, after)

    def close(self) -> None:
        self._map.close()

    def _sound(self, offset: int, data: bytes) -> bool:
        head = self._map[offset : offset + _FRAME.size]
        return bool(zlib.crc32(data, zlib.crc32(head)) == _CRC.unpack_from(self._map, offset + _FRAME.size)[0])

    def _find_end(self) -> int:
        """Go from head to head. The last frame counts when its checksum is right: its bytes may never have come to the disk."""
        size, offset, last = len(self._map), len(MAGIC), len(MAGIC)
        while offset + _HEAD <= size:
            length = _FRAME.unpack_from(self._map, offset)[1]
            after = offset + _HEAD + length
            if after > size:
                break
            last, offset = offset, after
        if offset == size and (last == offset or self._sound(last, self._map[last + _HEAD : offset])):
            return size
        whole = last if offset == size else offset
        self.torn = f"the last {size - whole} bytes are an unfinished frame, left out: the recording was cut off"
        return whole


def _map_file(path: str) -> mmap.mmap:
    try:
        with open(path, "rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except FileNotFoundError:
        raise NotFound(f"no recording at `{path}`", path=path) from None
    except ValueError:
        raise Corrupt(f"`{path}` is empty, not a recording", path=path) from None
    except OSError as cause:
        raise InvalidValue(f"cannot read `{path}`: {cause.strerror}", path=path) from cause


def _read_header(frame: Frame) -> Header:
    version = frame.read(dict[str, Any]).get("version")  # before anything else: a later one may look otherwise
    if isinstance(version, int) and version > VERSION:
        raise NotSupported(f"this recording has version {version}; this build reads up to {VERSION}", hint="use a newer holdfast")
    return frame.read(Header)


@dataclass(frozen=True, slots=True)
class Summary:
    """What is in a recording. `began_ns`, `ended_ns`: the times of its first and last frame. `events`: netlink messages that came
    unasked. `lost`: times that some were lost. `notes`: (time, text)."""

    target: str
    kind: str
    kernel: str
    began_ns: int
    ended_ns: int
    bytes: int
    events: int
    lost: int
    torn: str
    notes: tuple[tuple[int, str], ...]

    def as_dict(self) -> dict[str, Any]:
        """JSON values only."""
        return msgspec.to_builtins(self)  # type: ignore[no-any-return]


def summary_of(path: str) -> Summary:
    """Read a recording through. Raises: as Reader;  Corrupt - a wrong checksum."""
    reader = Reader(path)
    try:
        header = reader.header
        times: list[int] = []
        events = lost = 0
        notes: list[tuple[int, str]] = []
        for frame in reader.frames():
            times.append(frame.time_ns)
            if frame.kind == Kind.EVENTS:
                events += _count_messages(frame.data)
            elif frame.kind == Kind.MARKER:
                marker = frame.read(Marker)
                lost += marker.what == "lost"
                if marker.what == "note":
                    notes.append((frame.time_ns, marker.text))
        size = os.stat(path).st_size
        return Summary(
            header.target, header.kind, header.kernel, times[0], max(times), size, events, lost, reader.torn, tuple(notes)
        )
    finally:
        reader.close()


def _count_messages(data: bytes) -> int:
    count = at = 0
    while at + 4 <= len(data):
        length = int.from_bytes(data[at : at + 4], "little")
        count += 1
        at += max((length + 3) & ~3, 16)
    return count
