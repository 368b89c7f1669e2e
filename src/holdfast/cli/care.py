"""The commands that take care: of what the kernel said, and of the file."""

from __future__ import annotations

from typing import Final

import click

from . import complete
from .command import Command, option

__all__ = ["add_to"]

_TAKE: Final = "Take it along"
_CARE: Final = "Take care of it"
_JSON: Final = option("--json", "-j", is_flag=True, help="Print JSON.")
_COLOUR: Final = option("--color", "colour", metavar="WHEN", default="auto", help="auto, always or never; auto obeys NO_COLOR.")


@click.command(
    cls=Command,
    section=_TAKE,
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
@_JSON
def record(file: str, netns: tuple[str, ...], every: bool, seconds: float, tables: str, note: str, json: bool) -> None:
    """Record what the kernel says, byte by byte, for replay elsewhere.

    In the file are events, questions and answers with their times: interfaces, addresses, routes and neighbours of this
    network, but no keys. A node may run beside it. Send such a file along with the report of a fault.
    """
    from .record import RecordRequest, record_sources
    from .words import find_look

    chosen = tuple(find_look(one.strip()).table.name for one in tables.split(",") if one.strip())
    record_sources(RecordRequest(file, netns, every, seconds, chosen, note, json))


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
    section=_TAKE,
    context_settings={"allow_interspersed_args": False},
    examples="""
        holdfast replay bug.hfrec
        holdfast replay bug.hfrec show routes
        holdfast replay bug.hfrec --until +12.5 sql "SELECT ifname, state FROM interfaces"
        holdfast replay bug.hfrec --db bug.db              then: holdfast show interfaces --db bug.db
    """,
)
@option("--db", metavar="OUT", default="", help="Keep the result in this new file; without it in memory.")
@option("--speed", metavar="N", type=float, default=0.0, help="0: as fast as possible (the default), 1: as it was, 10: ten times that.")
@option("--until", metavar="TIME", default="", help="Stop there: +SECONDS, HH:MM:SS, or a whole time (ISO 8601).")
@_JSON
@_COLOUR
@click.argument("file", metavar="FILE", type=click.Path(), help="A recording.")
@click.argument("command", metavar="[COMMAND]...", nargs=-1, type=click.UNPROCESSED, help="What to look with: show NOUN …, sql QUERY …")
@click.pass_context
def replay(ctx: click.Context, db: str, speed: float, until: str, json: bool, colour: str, file: str, command: tuple[str, ...]) -> None:
    """Run a recording through the tables, and look at the result.

    The same path as live: decoding, questions, history. Nothing of this machine is read, no root is needed. Log and history
    have the times of the recording.
    """
    from .replay import ReplayRequest, replay_recording

    group = ctx.find_root().command
    assert isinstance(group, click.Group)
    ctx.exit(replay_recording(ReplayRequest(file, db, speed, until, command, json, colour), group))


_DB: Final = option("--db", metavar="FILE", default="", help="This file; without it the running node's, or that of the stopped one.")


@click.command(
    cls=Command,
    section=_CARE,
    examples="""
        holdfast backup /backup/holdfast-$(date +%F).db
        holdfast backup copy.db --db /srv/holdfast/other.db
    """,
)
@click.argument("path", metavar="PATH", type=click.Path(), help="Where the copy goes; nothing must be there.")
@_DB
@_JSON
def backup(path: str, db: str, json: bool) -> None:
    """Copy the database, history included, while the node goes on.

    The copy is as of one revision. It is checked before it gets its name, so what is there is whole. It is an SQLite file that
    every command reads with `--db PATH`.
    """
    from .files import make_backup

    make_backup(path, db, as_json=json)


@click.command(
    cls=Command,
    section=_CARE,
    examples="""
        holdfast restore /backup/holdfast-2026-11-20.db
    """,
)
@click.argument("path", metavar="PATH", type=click.Path(), help="A backup.")
@option("--db", metavar="FILE", default="", help="The file to replace; without it that of this user's node.")
@_JSON
def restore(path: str, db: str, json: bool) -> None:
    """Put a backup in the place of the database of a stopped node.

    The backup is checked first; the file that was there is renamed and kept. Revisions go on behind all that were given before,
    and the database has a new id: nobody who followed the old one takes the new changes for those he missed.
    """
    from .files import put_back

    put_back(path, db, as_json=json)


@click.command(
    cls=Command,
    section=_CARE,
    examples="""
        holdfast check
        holdfast check --db /backup/holdfast-2026-11-20.db && echo whole
    """,
)
@_DB
@_JSON
@_COLOUR
@click.pass_context
def check(ctx: click.Context, db: str, json: bool, colour: str) -> None:
    """Check the file: bytes, structure, revisions, history.

    Reads all of it and changes nothing; a node may run meanwhile. The exit code is 1 if something is wrong. Of a file that was
    closed properly every byte is compared; of one in use, or after a crash, structure and sense.
    """
    from .files import check_file

    ctx.exit(check_file(db, as_json=json, colour=colour))


@click.command(
    cls=Command,
    section=_CARE,
    examples="""
        holdfast doctor
        holdfast doctor --db /srv/holdfast/other.db --json
    """,
)
@_DB
@_JSON
@_COLOUR
@click.pass_context
def doctor(ctx: click.Context, db: str, json: bool, colour: str) -> None:
    """What keeps Holdfast from seeing everything, and how to mend it.

    Rights, kernel, receive buffer, versions; file, space and lock; and, of the running node, what it lost and what it had to
    correct. Changes nothing. The exit code is 1 if there is a problem; notes are no problems.
    """
    from .files import see_doctor

    ctx.exit(see_doctor(db, as_json=json, colour=colour))


def add_to(group: click.Group) -> None:
    """Make these commands part of the program."""
    for command in (record, replay, backup, restore, check, doctor):
        group.add_command(command)
