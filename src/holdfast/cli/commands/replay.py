"""`holdfast replay`: a recording through the tables, then a look at them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import click

from holdfast.cli.asking.loop import on_loop
from holdfast.cli.declaring.command import Command, Group, option
from holdfast.cli.presentation.layout import Column, write_table
from holdfast.cli.presentation.style import style_for
from holdfast.errors import AlreadyExists, HoldfastError, InvalidValue
from holdfast.model import TABLES

if TYPE_CHECKING:
    from holdfast.cli.asking.following import Following
    from holdfast.database.sqlite import Database
    from holdfast.mirror.status import Status
    from holdfast.sources.recording import Summary

__all__ = ["replay"]


class _OptionsFirst(Command):
    """Options may stand behind FILE too; what begins with the second word that is none belongs to another command."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        valued = {name for param in self.params if isinstance(param, click.Option) and not param.is_flag for name in param.opts}
        options: list[str] = []
        words: list[str] = []
        rest = iter(args)
        for word in rest:
            if word.startswith("-"):
                options.append(word)
                if word in valued:
                    options.append(next(rest, ""))
            elif words:
                words += [word, *rest]
            else:
                words.append(word)
        return super().parse_args(ctx, options + words)


@click.command(
    cls=_OptionsFirst,
    section="Take it along",
    context_settings={"allow_interspersed_args": False},
    examples="""
        holdfast replay bug.hfrec
        holdfast replay bug.hfrec show routes
        holdfast replay --speed 1 bug.hfrec watch routes   as it was, and as fast as it was
        holdfast replay bug.hfrec --until +12.5 sql "SELECT ifname, state FROM interfaces"
        holdfast replay bug.hfrec --db bug.db              then: holdfast show interfaces --db bug.db
    """,
)
@option("--db", metavar="OUT", default="", help="Keep the result in this new file; without it in memory.")
@option("--speed", metavar="N", type=float, default=0.0, help="0: as fast as possible (the default), 1: as it was, 10: ten times that.")
@option("--until", metavar="TIME", default="", help="Stop there: +SECONDS, HH:MM:SS, or a whole time (ISO 8601).")
@option("--json", "-j", is_flag=True, help="Print JSON.")
@option("--color", "colour", metavar="WHEN", default="auto", help="auto, always or never; auto obeys NO_COLOR.")
@click.argument("file", metavar="FILE", type=click.Path(), help="A recording.")
@click.argument("command", metavar="[COMMAND]...", nargs=-1, type=click.UNPROCESSED, help="What to look with: show NOUN …, sql QUERY …")
@click.pass_context
def replay(ctx: click.Context, db: str, speed: float, until: str, json: bool, colour: str, file: str, command: tuple[str, ...]) -> None:
    """Run a recording through the tables, and look at the result.

    The same path as live: decoding, questions, history. Nothing of this machine is read, no root is needed. Log and history
    have the times of the recording.
    """
    group = ctx.find_root().command
    assert isinstance(group, Group)
    ctx.exit(replay_recording(ReplayRequest(file, db, speed, until, command, json, colour), group))


_NOT_AFTER: Final = ("run", "record", "replay")
_LOOK_EVERY_S: Final = 0.005


@dataclass(frozen=True, slots=True)
class ReplayRequest:
    """db "": in memory. speed 0: as fast as possible. until: a time of the recording, "" its end. command: what to run then."""

    file: str
    db: str = ""
    speed: float = 0
    until: str = ""
    command: tuple[str, ...] = ()
    json: bool = False
    colour: str = "auto"


def replay_recording(request: ReplayRequest, group: Group) -> int:
    """Replay, then run the command on the result or print a summary; returns the exit code.

    Raises: NotFound, Corrupt, NotSupported - the recording;  AlreadyExists - the file to write;  InvalidValue, UnknownName.
    """
    from holdfast.database.retention import Keep, Retention
    from holdfast.database.sqlite import MEMORY, Database
    from holdfast.sources.recording import summary_of

    if request.command:
        _check(request.command, group)
    if request.db and os.path.exists(request.db):
        raise AlreadyExists(f"`{request.db}` is there already: a replay begins with an empty database", hint="choose another name")
    summary = summary_of(request.file)
    until_ns = _until_ns(request.until, summary) if request.until else None
    clock = _Clock(summary.began_ns)
    watched = request.command[:1] == ("watch",)
    # who watches may be behind: nothing goes before it is told
    retention = Retention(Keep(rows=None, bytes=None, age=None)) if watched else None
    with Database(request.db or MEMORY, clock=clock, retention=retention) as database:
        if watched:
            return _watch(request, group, database, summary, lambda: _replay(request, database, clock, summary.target, until_ns))
        status = on_loop(_replay(request, database, clock, summary.target, until_ns))
        if request.command:
            for line in _doubts(summary, status):
                print(f"holdfast: {line}", file=sys.stderr)
            return _run(request.command, group, database)
        _print(request, summary, status, database)
    return 0


def _run(command: tuple[str, ...], group: Group, database: Database) -> int:
    return int(group.main([*command, "--db", str(database.path)], prog_name="holdfast", standalone_mode=False) or 0)


def _watch(
    request: ReplayRequest, group: Group, database: Database, summary: Summary, play: Callable[[], Coroutine[Any, Any, Status]]
) -> int:
    """The command looks on while the recording is played, and ends with it."""
    from holdfast.cli.asking.following import PLAYED, Following
    from holdfast.model.names import Names
    from holdfast.sources.name_files import read_name_files

    @asynccontextmanager
    async def opened() -> AsyncIterator[Following]:
        playing = asyncio.create_task(play())
        try:
            begun: list[Any] = []
            while not begun and not playing.done():
                await asyncio.sleep(_LOOK_EVERY_S)
                begun = database.fetch("SELECT revision FROM log WHERE kind = 'start' AND message IS NOT NULL ORDER BY revision LIMIT 1")
            if playing.done():
                playing.result()
            yield Following(database, Names.parse(read_name_files()), begun=begun[0][0] if begun else 0, over=playing.done)
            if playing.done():
                for line in _doubts(summary, playing.result()):
                    print(f"holdfast: {line}", file=sys.stderr)
        finally:
            playing.cancel()
            with contextlib.suppress(asyncio.CancelledError, HoldfastError):
                await playing

    token = PLAYED.set(opened)
    try:
        return _run(request.command, group, database)
    finally:
        PLAYED.reset(token)


def _check(command: tuple[str, ...], group: Group) -> None:
    fitting = [name for name, one in group.every_command() if name not in _NOT_AFTER and any(param.name == "db" for param in one.params)]
    if command[0] not in fitting:
        raise InvalidValue(f"expected a command to look with ({', '.join(fitting)}), got `{command[0]}`")


class _Clock:
    """The recorded time of what was handed out last. `source` is there from when the replay begins."""

    def __init__(self, began_ns: int) -> None:
        self.source: Any = None
        self._began_ns = began_ns

    def __call__(self) -> int:
        return (self.source.time_ns if self.source else 0) or self._began_ns


async def _replay(request: ReplayRequest, database: Database, clock: _Clock, target: str, until_ns: int | None) -> Status:
    from holdfast.mirror.tape import replay
    from holdfast.sources.replay import Replay

    spec: dict[str, Any] = {"file": request.file, "speed": request.speed}
    clock.source = Replay(target, spec if until_ns is None else spec | {"until_ns": until_ns})
    return await replay(database, clock.source)


# ---------------------------------------------------------------------------------------------------------------- times


def _until_ns(text: str, summary: Summary) -> int:
    """`+12.5` (seconds from the beginning), `14:03:22` (on the day it began), or a whole ISO time; local where no zone is said."""
    began = datetime.fromtimestamp(summary.began_ns / 1e9).astimezone()
    if re.fullmatch(r"\+\d+(\.\d+)?", text):
        until = began + timedelta(seconds=float(text[1:]))
    else:
        try:
            until = datetime.fromisoformat(text if "-" in text else f"{began:%Y-%m-%d}T{text}").astimezone()
        except ValueError:
            example = f"+12.5, {began:%H:%M:%S} or {began:%Y-%m-%dT%H:%M:%S}"
            raise InvalidValue(f"expected a time like {example}, got `{text}` – at `--until`") from None
    if until < began:
        raise InvalidValue(f"the recording begins at {began.isoformat(timespec='milliseconds')}, after `{text}` – at `--until`")
    return int(until.timestamp() * 1e9)


# -------------------------------------------------------------------------------------------------------------- printing


def _print(request: ReplayRequest, summary: Summary, status: Status, database: Database) -> None:
    rows = {name: count for name in TABLES if (count := database.fetch(f"SELECT count(*) FROM {name}")[0][0])}
    changes = Counter({name: len(database.changes(name, 0)) for name in TABLES})
    if request.json:
        counters = status.as_dict()
        shape = summary.as_dict() | {
            "file": request.file,
            "rows": rows,
            "changes": {name: count for name, count in changes.items() if count},
            "undecoded": counters["undecoded"],
            "revision": database.revision,
        }
        print(json.dumps(shape, ensure_ascii=False))
        return
    style = style_for(sys.stdout, request.colour)
    print(style("title", f"{request.file}: {summary.kind} source {summary.target}"))
    for line in _facts(summary, status):
        print(line)
    print()
    tables = list(rows | {name: 0 for name, count in changes.items() if count})
    columns = [
        Column("TABLE", tables, keep=True),
        Column("ROWS", [str(rows.get(name, 0)) for name in tables], right=True, keep=True),
        Column("CHANGES", [str(changes[name]) for name in tables], right=True, keep=True),
    ]
    write_table(columns, sys.stdout, style, width=None)
    print()
    if request.db:
        print(f"read it with: holdfast show NOUN --db {request.db}, holdfast sql … --db {request.db}")
    else:
        print(f"look into it: holdfast replay {request.file} show NOUN, … sql QUERY; or keep it: --db OUT.db")


def _facts(summary: Summary, status: Status) -> list[str]:
    began = datetime.fromtimestamp(summary.began_ns / 1e9).astimezone()
    seconds = (summary.ended_ns - summary.began_ns) / 1e9
    lines = [f"recorded {began:%Y-%m-%d %H:%M:%S%z}, {seconds:.1f} s, {summary.events} events, {summary.bytes} bytes, {summary.kernel}"]
    lines += _doubts(summary, status)
    lines += [f"note at +{(time_ns - summary.began_ns) / 1e9:.1f} s: {text}" for time_ns, text in summary.notes]
    return lines


def _doubts(summary: Summary, status: Status) -> list[str]:
    """What makes the result less than the whole story."""
    lost, undecoded = summary.lost, status.counters.undecoded
    told = [f"events were lost {lost} time{'s' if lost > 1 else ''} while it was recorded"] if lost else []
    told += [f"{undecoded} message{'s' if undecoded > 1 else ''} could not be decoded"] if undecoded else []
    return told + ([summary.torn] if summary.torn else [])
