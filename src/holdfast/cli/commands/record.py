"""`holdfast record`: what the kernel says, into a file that somebody else can replay."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from holdfast.cli.asking.loop import on_loop
from holdfast.cli.asking.opening import log_to_stderr, source_spec
from holdfast.cli.declaring import complete
from holdfast.cli.declaring.command import Command, option
from holdfast.errors import HoldfastError, InvalidValue

if TYPE_CHECKING:
    from holdfast.mirror.mirror import Mirror
    from holdfast.sources.recorder import Recorder

__all__ = ["record"]


@click.command(
    cls=Command,
    section="Take it along",
    examples="""
        holdfast record bug.hfrec
        holdfast record bug.hfrec --seconds 30 --note "the bond loses a port"
        holdfast record bug.hfrec --netns blue
        holdfast record bug.hfrec --all-netns              bug.localhost.hfrec, bug.blue.hfrec …
    """,
)
@click.argument("file", metavar="FILE", type=click.Path(), help="What to write; it must not be there.")
@option("--netns", "-n", metavar="NAME", multiple=True, help="This network namespace: name, path or PID. Repeatable; a file each.")
@option("--all-netns", "every", is_flag=True, help="This host and every named namespace that is there now.")
@option("--seconds", "-s", metavar="N", type=float, default=0.0, help="End after so long; else Ctrl-C ends it.")
@option("--tables", metavar="A,B,…", default="", shell_complete=complete.tables, help="Only these tables.")
@option("--note", metavar="TEXT", default="", help="A remark that is kept in the recording.")
@option("--json", "-j", is_flag=True, help="Print JSON.")
def record(file: str, netns: tuple[str, ...], every: bool, seconds: float, tables: str, note: str, json: bool) -> None:
    """Record what the kernel says, byte by byte, for replay elsewhere.

    In the file are events, questions and answers with their times: interfaces, addresses, routes and neighbours of this
    network, but no keys. A node may run beside it. Send such a file along with the report of a fault.
    """
    from holdfast.cli.language.filters import find_look

    chosen = tuple(find_look(one.strip()).table.name for one in tables.split(",") if one.strip())
    record_sources(RecordRequest(file, netns, every, seconds, chosen, note, json))


_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class RecordRequest:
    """netns (): this host. every: also all named namespaces. seconds 0: until a signal. tables (): all."""

    file: str
    netns: tuple[str, ...] = ()
    every: bool = False
    seconds: float = 0
    tables: tuple[str, ...] = ()
    note: str = ""
    json: bool = False


def record_sources(request: RecordRequest) -> None:
    """Record until the time is over, SIGINT or SIGTERM.

    Raises: InvalidValue - a file that is there, or cannot be made;  WorldError - a source that cannot be opened, a full disk.
    """
    recorders = _recorders(request)
    log_to_stderr()
    on_loop(_record(request, recorders))
    told = [_told(one) for one in recorders]
    if request.json:
        print(json.dumps(told, ensure_ascii=False))
    else:
        for one in told:
            print(f"{one['file']}: {one['target']}, {_amount(one['events'], 'event')}, {_size(one['bytes'])}{_flaws(one)}")
    for recorder in recorders:
        if recorder.writer is not None and recorder.writer.error is not None:
            raise recorder.writer.error


def _recorders(request: RecordRequest) -> list[Recorder]:
    """One source per file: of several each has its name in that of the file."""
    from holdfast.sources import Namespaces, make
    from holdfast.sources.recorder import Recorder

    names = list(request.netns) if request.netns else [""]
    if request.every:
        namespaces = Namespaces()
        try:
            names = list(dict.fromkeys(["", *request.netns, *(one.name for one in namespaces.now())]))
        finally:
            namespaces.close()
    options: dict[str, Any] = {"tables": list(request.tables)} if request.tables else {}
    specs = [source_spec(name) for name in names]
    paths = [request.file if len(specs) == 1 else _named(request.file, spec["target"]) for spec in specs]
    for path in paths:
        if os.path.exists(path):
            raise InvalidValue(f"`{path}` is there already; a recording is never written over", hint="choose another name")
    return [Recorder(make(**spec, **options), path) for spec, path in zip(specs, paths, strict=True)]


def _named(file: str, target: str) -> str:
    """`bug.hfrec` of blue: `bug.blue.hfrec`."""
    stem, suffix = os.path.splitext(file)
    return f"{stem}.{target.replace('/', '_')}{suffix}"


async def _record(request: RecordRequest, recorders: list[Recorder]) -> None:
    from holdfast.database.sqlite import Database
    from holdfast.mirror.tape import recording

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with Database() as database:
        async with recording(database, recorders) as mirror:
            for one in recorders:
                if request.note:
                    one.note(request.note)
            await _until(stop, request, recorders, mirror)
            with contextlib.suppress(HoldfastError):
                await mirror.settled(timeout_s=2)


async def _until(stop: asyncio.Event, request: RecordRequest, recorders: list[Recorder], mirror: Mirror) -> None:
    """Wait for the end; on a terminal a line tells how it goes."""
    begun = time.monotonic()
    shown = sys.stderr.isatty()
    if not shown:
        names = ", ".join(one.path for one in recorders)
        print(f"holdfast: recording to {names}{'' if request.seconds else '; Ctrl-C ends it'}", file=sys.stderr, flush=True)
    while not stop.is_set():
        left = request.seconds - (time.monotonic() - begun) if request.seconds else _EVERY_S
        if left <= 0 or all(one.writer is None or one.writer.error for one in recorders):
            break
        if shown:
            sys.stderr.write(f"\r\x1b[K{_progress(recorders, mirror, time.monotonic() - begun)}")
            sys.stderr.flush()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(left, _EVERY_S)):
                await stop.wait()
    if shown:
        sys.stderr.write("\r\x1b[K")


def _progress(recorders: list[Recorder], mirror: Mirror, seconds: float) -> str:
    events = sum(mirror.status(one.target).counters.events for one in recorders)
    size = sum(one.writer.size for one in recorders if one.writer)
    what = recorders[0].path if len(recorders) == 1 else f"{len(recorders)} files"
    return f"recording to {what}: {seconds:.0f} s, {_amount(events, 'event')}, {_size(size)}; Ctrl-C ends it"


def _told(recorder: Recorder) -> dict[str, Any]:
    from holdfast.sources.recording import summary_of

    summary = summary_of(recorder.path)
    return {"file": recorder.path, "target": recorder.target, **summary.as_dict()}


def _flaws(told: dict[str, Any]) -> str:
    return f", events were lost {_amount(told['lost'], 'time')}" if told["lost"] else ""


def _amount(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _size(count: int) -> str:
    return f"{count} bytes" if count < 1000 else f"{count / 1000:.1f} kB" if count < 1e6 else f"{count / 1e6:.1f} MB"
