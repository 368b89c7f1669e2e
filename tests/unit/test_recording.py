"""holdfast.sources.recording: the file keeps what was written, and says what is wrong with it."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.errors import Closed, Corrupt, HoldfastError, InvalidValue, NotFound, NotSupported
from holdfast.sources.recording import Ask, End, Header, Kind, Marker, Reader, Refusal, Writer

HEADER = Header(target="blue", kind="netns", tables=("routes",), groups=("RTNLGRP_LINK",), missing={"vlans/AF_BRIDGE": "no"},
                names={"group": "0 default\n"})  # fmt: skip


def written(path: Path, *events: bytes) -> bytes:
    ticks = iter(range(1000, 2000))
    writer = Writer(str(path), HEADER, clock=lambda: next(ticks))
    for data in events:
        writer.write(Kind.EVENTS, data)
    writer.close()
    return path.read_bytes()


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "r"
    ticks = iter(range(1000, 2000))
    writer = Writer(str(path), HEADER, clock=lambda: next(ticks))
    ask = Ask(3, "dump", "routes", "AF_INET", {"oif": 4, "table_id": 254})
    end = End(3, True, Refusal(errno.ENOENT, "no table"))
    writer.say(ask)
    writer.write(Kind.EVENTS, b"one")
    writer.write(Kind.ANSWER, b"\3\0\0\0two")
    writer.say(end)
    writer.say(Marker("lost", "events were lost"))
    writer.close()
    writer.close()
    assert writer.size == path.stat().st_size
    assert stat.S_IMODE(path.stat().st_mode) == 0o600

    reader = Reader(str(path))
    assert reader.header == HEADER
    assert reader.torn == ""
    frames = list(reader.frames(reader.start))
    assert [(frame.kind, frame.time_ns) for frame in frames] == [
        (Kind.ASK, 1001), (Kind.EVENTS, 1002), (Kind.ANSWER, 1003), (Kind.END, 1004), (Kind.MARKER, 1005),
    ]  # fmt: skip
    assert frames[0].read(Ask) == ask
    assert frames[3].read(End) == end
    assert frames[4].read(Marker) == Marker("lost", "events were lost")
    assert [frame.data for frame in reader.frames(frames[1].offset, frozenset({Kind.EVENTS, Kind.ANSWER}))] == [b"one", b"\3\0\0\0two"]
    with pytest.raises(Corrupt, match="a frame does not say what it must"):
        frames[1].read(Ask)
    reader.close()
    with pytest.raises(Closed):
        list(reader.frames())


def test_equal_questions_are_equal_whatever_the_order_of_filters() -> None:
    one, two = Ask(1, "dump", "routes", "AF_INET", {"oif": 4, "proto": 3}), Ask(2, "dump", "routes", "AF_INET", {"proto": 3, "oif": 4})
    assert one.key == two.key
    assert one.key != Ask(1, "dump", "routes", "AF_INET", {"oif": 4}).key


def test_a_closed_recording_takes_no_more(tmp_path: Path) -> None:
    writer = Writer(str(tmp_path / "r"), HEADER)
    writer.close()
    with pytest.raises(Closed):
        writer.write(Kind.EVENTS, b"late")


def test_a_recording_is_never_written_over(tmp_path: Path) -> None:
    written(tmp_path / "r")
    with pytest.raises(InvalidValue, match="is there already; a recording is never written over"):
        Writer(str(tmp_path / "r"), HEADER)
    with pytest.raises(InvalidValue, match="cannot make"):
        Writer(str(tmp_path / "no" / "r"), HEADER)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here to play the full disk")
def test_a_full_disk_stops_the_recording_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "r"
    writer = Writer(str(path), HEADER)
    whole = path.stat().st_size
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, writer._fd or -1)
    os.close(full)
    writer.write(Kind.EVENTS, b"does not fit")
    writer.write(Kind.EVENTS, b"nor this")
    assert str(writer.error) == f"the recording stopped after {whole} bytes: No space left on device"
    writer.close()
    assert list(Reader(str(path)).frames(whole)) == []


@given(cut=st.integers(min_value=0))
def test_a_torn_tail_is_left_out_and_said(cut: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("torn") / "r"
    events = [b"one" * 10, b"two" * 20, b"three" * 30]
    bounds = [len(written(path.with_suffix(f".{count}"), *events[:count])) for count in range(4)]
    data = path.with_suffix(".3").read_bytes()[: bounds[0] + cut % (bounds[3] - bounds[0])]
    path.write_bytes(data)
    reader = Reader(str(path))
    found = [frame.data for frame in reader.frames(reader.start)]
    assert found == events[: len(found)]
    assert len(found) == max(count for count in range(4) if bounds[count] <= len(data))
    torn = len(data) - bounds[len(found)]
    assert reader.torn == (f"the last {torn} bytes are an unfinished frame, left out: the recording was cut off" if torn else "")


def test_a_tail_that_never_reached_the_disk_is_torn(tmp_path: Path) -> None:
    data = written(tmp_path / "r", b"one", b"two")
    (tmp_path / "zero").write_bytes(data[:-3] + bytes(3))
    reader = Reader(str(tmp_path / "zero"))
    assert [frame.data for frame in reader.frames(reader.start)] == [b"one"]
    assert "unfinished frame" in reader.torn


def test_corruption_in_the_middle_is_an_error_with_its_place(tmp_path: Path) -> None:
    data = bytearray(written(tmp_path / "r", b"first one", b"second"))
    at = data.index(b"first")
    data[at] ^= 1
    (tmp_path / "bad").write_bytes(data)
    reader = Reader(str(tmp_path / "bad"))
    with pytest.raises(Corrupt, match=r"a frame's checksum is wrong – at byte \d+") as caught:
        list(reader.frames(reader.start))
    assert caught.value.details["offset"] == at - 20


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        (b"", Corrupt, "is empty, not a recording"),
        (b"PK\3\4 something else", Corrupt, "is not a recording"),
        (b"HFREC\x00\r\n", Corrupt, "has no header"),
        (b"HFREC\x00\n", Corrupt, "is not a recording"),
    ],
)
def test_what_is_no_recording(data: bytes, error: type[Exception], words: str, tmp_path: Path) -> None:
    (tmp_path / "r").write_bytes(data)
    with pytest.raises(error, match=words):
        Reader(str(tmp_path / "r"))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no recording at"):
        Reader(str(tmp_path / "r"))
    with pytest.raises(InvalidValue, match="cannot read"):
        Reader(str(tmp_path))


def test_a_later_version_is_refused_by_name(tmp_path: Path) -> None:
    Writer(str(tmp_path / "r"), Header(target="x", kind="local", version=2)).close()
    with pytest.raises(NotSupported, match="this recording has version 2; this build reads up to 1; use a newer holdfast"):
        Reader(str(tmp_path / "r"))


@given(noise=st.binary(max_size=300), at=st.integers(0, 400))
def test_arbitrary_bytes_give_errors_of_ours(noise: bytes, at: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("noise") / "r"
    good = written(path, b"events")
    path.write_bytes(good[:at] + noise + good[at + len(noise) :])
    with contextlib.suppress(HoldfastError):
        list(Reader(str(path)).frames())


def test_the_header_tells_of_this_host() -> None:
    header = Header.of_this_host(target="localhost", kind="local")
    assert header.kernel.startswith("Linux ")
    assert len(header.boot_id) == 36
