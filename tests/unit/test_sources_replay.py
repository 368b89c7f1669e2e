"""Recorder and Replay: what passed through a source once comes again, in order, to the same questions."""

from __future__ import annotations

import contextlib
import errno
import select
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from holdfast.errors import Closed, KernelError, Lost, NotSupported, SourceEnded
from holdfast.model import INTERFACES, ROUTES
from holdfast.model.field import Table
from holdfast.netlink.wire import attribute, message
from holdfast.sources.contract import Source, Told
from holdfast.sources.recorder import Recorder
from holdfast.sources.recording import Kind, Marker, Reader
from holdfast.sources.replay import Replay


class Stage(Source):
    """A source that plays what the test gives it."""

    kind = "stage"
    options = frozenset({"tables"})

    def __init__(self) -> None:
        super().__init__("stage", {"tables": ["interfaces", "routes"]})
        self.queue: list[bytes | Exception] = []
        self.answers: dict[str, list[bytes]] = {}
        self.error: Exception | None = None

    def open(self) -> None:
        self.missing = {"routes/AF_MPLS": "no"}

    def close(self) -> None:
        pass

    @property
    def events(self) -> Stage:
        return self

    def fileno(self) -> int:
        return 42

    def drain(self, limit: int = 0) -> bytes:
        one = self.queue.pop(0) if self.queue else b""
        if isinstance(one, Exception):
            raise one
        return one

    def dump(self, table: Table, family: str = "", **filters: Any) -> Iterator[bytes]:
        yield from self.answers[table.name]
        if self.error:
            raise self.error

    def get(self, table: Table, row: Mapping[str, Any]) -> bytes:
        if row["ifindex"] > 1:
            raise KernelError(errno.ENODEV, "No such device")
        return b"lo"

    def alive(self) -> bool:
        raise SourceEnded("the stage is dark")

    def name_files(self) -> dict[str, str]:
        return {"rt_tables": "100 mine\n"}


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def recorder(stage: Stage, tmp_path: Path) -> Recorder:
    recorder = Recorder(stage, str(tmp_path / "r"))
    recorder.open()
    return recorder


def replay(recorder: Recorder, **spec: Any) -> Replay:
    recorder.stop()
    source = Replay("again", {"file": recorder.path, **spec})
    source.open()
    return source


def play(recorder: Recorder, stage: Stage, *events: bytes | Exception) -> None:
    stage.queue += events
    for _ in events:
        with contextlib.suppress(Lost):
            recorder.events.drain()


def rest(source: Replay) -> list[bytes]:
    found = []
    while not source.finished:
        found += filter(None, [source.events.drain()])
    return found


def test_a_recorder_hands_everything_on(recorder: Recorder, stage: Stage) -> None:
    assert (recorder.target, recorder.tables, recorder.missing) == ("stage", stage.tables, {"routes/AF_MPLS": "no"})
    stage.queue = [b"one", Lost("gone"), b"two"]
    assert recorder.events.fileno() == 42
    assert recorder.events.drain() == b"one"
    with pytest.raises(Lost):
        recorder.events.drain()
    assert recorder.events.drain() == b"two"
    stage.answers["routes"] = [b"r1", b"r2"]
    stage.interrupted = True
    assert list(recorder.dump(ROUTES, "AF_INET", oif=3)) == [b"r1", b"r2"]
    assert recorder.interrupted
    assert recorder.get(INTERFACES, {"ifindex": 1}) == b"lo"
    with pytest.raises(KernelError):
        recorder.get(INTERFACES, {"ifindex": 2})
    with pytest.raises(SourceEnded):
        recorder.alive()
    assert recorder.counters()["recorded_frames"] > 8
    recorder.close()
    recorder.stop()
    recorder.stop()


def test_it_comes_again(recorder: Recorder, stage: Stage) -> None:
    stage.answers = {"interfaces": [b"i"], "routes": [b"r1", b"r2"]}
    list(recorder.dump(INTERFACES))
    stage.interrupted = True
    list(recorder.dump(ROUTES, "AF_INET", oif=3))
    recorder.get(INTERFACES, {"ifindex": 1})
    with pytest.raises(KernelError):
        recorder.get(INTERFACES, {"ifindex": 2})
    play(recorder, stage, b"one", b"two")
    source = replay(recorder)
    assert ([table.name for table in source.tables], source.missing) == (["interfaces", "routes"], {"routes/AF_MPLS": "no"})
    assert source.names().name_of("rt_tables", 100) == "mine"
    assert list(source.dump(INTERFACES)) == [b"i"]
    assert not source.interrupted
    assert list(source.dump(ROUTES, "AF_INET", oif=3)) == [b"r1", b"r2"]
    assert source.interrupted
    assert source.get(INTERFACES, {"ifindex": 1}) == b"lo"
    with pytest.raises(KernelError, match="No such device") as caught:
        source.get(INTERFACES, {"ifindex": 2})
    assert caught.value.code == errno.ENODEV
    assert rest(source) == [b"one", b"two"]
    assert source.drain() == b""
    assert source.alive()
    source.close()
    with pytest.raises(Closed):
        source.drain()


def test_an_error_in_a_dump_comes_after_what_came_before_it(recorder: Recorder, stage: Stage) -> None:
    stage.answers, stage.error = {"routes": [b"part"]}, KernelError(errno.EINVAL, "odd")
    with pytest.raises(KernelError):
        list(recorder.dump(ROUTES))
    source = replay(recorder)
    chunks = source.dump(ROUTES)
    assert next(chunks) == b"part"
    with pytest.raises(KernelError, match="odd"):
        next(chunks)
    source.close()


def test_answers_are_told_in_their_place(recorder: Recorder, stage: Stage) -> None:
    stage.answers = {"routes": [b"r1", b"r2"], "interfaces": [b"i"]}
    list(recorder.dump(INTERFACES))
    play(recorder, stage, b"one", b"two")
    list(recorder.dump(ROUTES, "AF_INET", oif=3))
    recorder.get(INTERFACES, {"ifindex": 1})
    play(recorder, stage, b"three")
    stage.interrupted = True
    list(recorder.dump(INTERFACES))
    source = replay(recorder)
    assert source.passive
    assert list(source.dump(INTERFACES)) == [b"i"], "the first load asks"
    assert source.told() == []
    assert (source.drain(), source.told()) == (b"one", [])
    assert (source.drain(), source.told()) == (b"two", [])
    assert source.drain() == b"three"
    routes, link = source.told()
    assert routes == Told("dump", ROUTES, "AF_INET", {"oif": 3}, (b"r1", b"r2"))
    assert link == Told("get", INTERFACES, "", {"ifindex": 1}, (b"lo",))
    assert source.told() == [], "once"
    assert not source.finished
    assert source.drain() == b""
    assert source.finished
    assert source.told() == [Told("dump", INTERFACES, "", {}, (b"i",), interrupted=True)]
    source.close()


def test_refusals_are_not_told_but_for_what_is_not_there(recorder: Recorder, stage: Stage) -> None:
    stage.answers, stage.error = {"routes": [b"part"]}, KernelError(errno.EINVAL, "odd")
    with pytest.raises(KernelError):
        list(recorder.dump(ROUTES))
    with pytest.raises(KernelError):
        recorder.get(INTERFACES, {"ifindex": 2})
    play(recorder, stage, b"one")
    source = replay(recorder)
    source.drain()
    assert source.told() == [Told("get", INTERFACES, "", {"ifindex": 2}, ())]
    source.close()


def test_what_is_told_is_about_the_chosen_tables(recorder: Recorder, stage: Stage) -> None:
    stage.answers = {"routes": [b"r"], "interfaces": [b"i"]}
    list(recorder.dump(ROUTES))
    list(recorder.dump(INTERFACES))
    source = replay(recorder, tables=["routes", "addresses"])
    assert source.tables == (ROUTES,)
    assert source.drain() == b""
    assert source.told() == [Told("dump", ROUTES, "", {}, (b"r",))]
    source.close()


def test_a_question_gets_the_next_answer_to_it(recorder: Recorder, stage: Stage) -> None:
    for state in (b"old", b"new", b"newer"):
        stage.answers = {"routes": [state]}
        list(recorder.dump(ROUTES))
        play(recorder, stage, state + b" event")
    source = replay(recorder)
    assert source.drain() == b"old event"
    assert [one.chunks for one in source.told()] == [(b"old",)]
    assert list(source.dump(ROUTES)) == [b"new"], "not one that the events have overtaken"
    assert source.drain() == b"new event"
    assert source.told() == [], "it was given"
    assert list(source.dump(ROUTES)) == [b"newer"]
    with pytest.raises(NotSupported, match="the recording holds no answer to `dump routes ` from here on"):
        list(source.dump(ROUTES))
    with pytest.raises(NotSupported, match="no answer to `dump routes AF_INET oif=3` from here on"):
        list(source.dump(ROUTES, "AF_INET", oif=3))
    source.close()


def test_a_loss_is_a_loss_again(recorder: Recorder, stage: Stage) -> None:
    play(recorder, stage, b"one", Lost("the receive buffer was full"), b"two")
    source = replay(recorder)
    assert source.drain() == b"one"
    with pytest.raises(Lost, match="the receive buffer was full"):
        source.drain()
    assert rest(source) == [b"two"]
    source.close()


def test_a_source_opened_anew_has_a_gap(recorder: Recorder, stage: Stage) -> None:
    play(recorder, stage, b"one")
    recorder.close()
    recorder.open()
    play(recorder, stage, b"two")
    source = replay(recorder)
    assert source.drain() == b"one"
    with pytest.raises(Lost, match="opened anew here"):
        source.drain()
    assert rest(source) == [b"two"]
    source.close()


def test_half_an_answer_does_not_count(recorder: Recorder, stage: Stage) -> None:
    stage.answers = {"routes": [b"half", b"rest"]}
    chunks = recorder.dump(ROUTES)
    next(chunks)
    del chunks
    assert list(recorder.dump(ROUTES)) == [b"half", b"rest"]
    source = replay(recorder)
    assert list(source.dump(ROUTES)) == [b"half", b"rest"]
    assert source.drain() == b""
    assert source.told() == []
    source.close()


def test_two_answers_at_once_stay_apart(recorder: Recorder, stage: Stage) -> None:
    stage.answers = {"routes": [b"r1", b"r2"], "interfaces": [b"i1", b"i2"]}
    routes, interfaces = recorder.dump(ROUTES), recorder.dump(INTERFACES)
    next(routes), next(interfaces), list(routes), list(interfaces)
    source = replay(recorder)
    assert list(source.dump(ROUTES)) == [b"r1", b"r2"]
    assert list(source.dump(INTERFACES)) == [b"i1", b"i2"]
    source.close()


def test_at_the_pace_of_the_recording(recorder: Recorder, stage: Stage) -> None:
    play(recorder, stage, b"one")
    time.sleep(0.1)
    play(recorder, stage, b"two")
    source = replay(recorder, speed=2)
    before = time.monotonic()
    got: list[bytes] = []
    while not source.finished:
        assert select.select([source], [], [], 5)[0]
        got += filter(None, [source.drain()])
    assert got == [b"one", b"two"]
    assert time.monotonic() - before >= 0.045
    assert not select.select([source], [], [], 0)[0], "no wake-ups after the end"
    source.close()


def test_an_empty_recording_ends(recorder: Recorder) -> None:
    source = replay(recorder)
    assert rest(source) == []
    source.close()


def test_secrets_are_blanked_in_the_file_only(stage: Stage, tmp_path: Path) -> None:
    link = message(16, 0, 0, bytes(16) + attribute(11, b"secret"))  # IFLA_WIRELESS
    blanked = message(16, 0, 0, bytes(16) + attribute(11, bytes(6)))
    recorder = Recorder(stage, str(tmp_path / "r"))
    recorder.open()
    stage.answers = {"routes": [link]}
    assert list(recorder.dump(ROUTES)) == [link]
    stage.queue = [link]
    assert recorder.events.drain() == link
    recorder.note("shown to the user")
    recorder.stop()
    data = Path(recorder.path).read_bytes()
    assert b"secret" not in data
    frames = list(Reader(recorder.path).frames())
    assert [frame.data for frame in frames if frame.kind == Kind.EVENTS] == [blanked]
    assert [frame.data[4:] for frame in frames if frame.kind == Kind.ANSWER] == [blanked]
    assert frames[-1].read(Marker) == Marker("note", "shown to the user")
