"""The commands that a shell has: those of the program, every verb of the tree by its own name, and a few that only make sense here."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import count
from typing import Any, Final

import click

from holdfast.cli.declaring import complete
from holdfast.cli.declaring.command import Command, Group, Option
from holdfast.cli.presentation.layout import Column, write_table
from holdfast.cli.presentation.style import Style, printable
from holdfast.cli.tree.derive import command_of, parted, tree_verbs
from holdfast.cli.tree.showing import show
from holdfast.cli.tree.values import as_text, read_path, read_value
from holdfast.cli.tree.verbs import SHELL_ONLY, commands
from holdfast.errors import AlreadyExists, NotFound

from .following import Subscription, Subscriptions
from .keeping import Keeper
from .topics import DRAFT, FOLLOW, TREE

__all__ = ["group_of"]

_ALIASES: Final[tuple[tuple[str, str, dict[str, Any], str, str], ...]] = (
    ("geta", "get", {"meta": True}, "The value with its version, kind and owner: `get --meta`.", "geta nodes.r1.mtu"),
    ("getr", "find", {"regex": True}, "What an expression over whole paths matches: `find --regex`.", r"getr nodes\.(r[0-9]+)\.mtu"),
    ("roots", "keys", {"path": ""}, "The first segments of the tree: `keys`.", "roots"),
    ("pub", "publish", {}, "Tell those who listen to a channel; how many they are.", "pub news {r1: up}"),
)
_OWN: Final = frozenset({"begin", "rebase", *(name for name in tree_verbs() if name.startswith("draft_"))})
"""Verbs that the shell has in its own way: with a current draft."""


def group_of(app: Group, keeper: Keeper, style: Style) -> Group:
    """All commands of one shell."""
    group = Group("shell")
    for name, command in app.every_command():
        if name != "shell":
            group.add_command(command, name)
    tops = {name for name, _ in app.every_command()}
    others = [name for name in tree_verbs() if name not in SHELL_ONLY | _OWN | tops]
    following = {"subscribe", "publish", "channels", "functions"}
    for command in commands(others):
        command.section = DRAFT if command.name == "drafts" else FOLLOW if command.name in following else TREE  # type: ignore[attr-defined]
        group.add_command(command)
    for name, verb, preset, text, example in _ALIASES:
        section = FOLLOW if name == "pub" else TREE
        group.add_command(command_of(name, tree_verbs()[verb], section=section, preset=preset, help_text=text, examples=example))
    for command in (*_reading(group, keeper), *_drafts(keeper, style), *_following(keeper, keeper.subscriptions, style)):
        group.add_command(command)
    return group


def _command(
    call: Callable[..., None], name: str, section: str, text: str, examples: str, *params: click.Parameter, kind: type[Command] = Command
) -> Command:
    return kind(name, callback=call, params=list(params), section=section, help=text, examples=examples)


def _path(metavar: str = "PATH", **more: Any) -> click.Argument:
    return click.Argument(["path"], metavar=metavar, shell_complete=complete.tree_paths, help="For example nodes.r1.mtu.", **more)


_MESSAGE: Final = Option(["--message", "-m"], metavar="TEXT", default="", help="Why: kept in the log, with who you are.")


# -- reading and writing -----------------------------------------------------------------------------------------------


class _Del(Command):
    """`del NOUN WORD…` is the network's, `del PATH` the tree's."""

    def __init__(self, network: click.Command, tree: click.Command) -> None:
        more = {"section": network.section, "examples": "\n".join([*network.examples, "holdfast del nodes.r1.mtu"])}  # type: ignore[attr-defined]
        super().__init__("del", params=network.params, **more, help=f"{network.help}\n\nA single word is a path of the tree: `rm`.")
        self._network, self._tree = network, tree

    def make_context(self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any) -> click.Context:
        options, words = parted(self._network, args)
        plain = len(words) == 1 and not {"--help", "-h"} & set(options)
        command = self._tree if plain else self._network if words else None
        if command is None:
            return super().make_context(info_name, args, parent, **extra)
        return command.make_context(info_name, args, parent, **extra)


def _reading(group: Group, keeper: Keeper) -> Iterator[click.Command]:
    context = click.Context(group)
    network, rm, get = (group.get_command(context, name) for name in ("del", "rm", "get"))
    assert network is not None and rm is not None and get is not None
    yield _Del(network, rm)

    def pute(path: str, value: str, message: str) -> None:
        result = keeper.put_ephemeral(read_path(path), read_value(value), message)
        show("put", result, Style(colour=sys.stdout.isatty()))

    value = click.Argument(["value"], metavar="VALUE", help="JSON or YAML; without it the lines that follow, up to an empty one.")
    text = "Put an ephemeral node: it goes with this shell.\n\nIt is no part of a draft, and replaces nothing that stays."
    yield _command(pute, "pute", TREE, text, "pute nodes.r1.up true", _path(), value, _MESSAGE)

    @click.pass_context
    def old(ctx: click.Context, path: str, steps: int) -> None:
        with get.make_context("get", [path, "--back", str(steps)], parent=ctx.parent) as inner:
            get.invoke(inner)

    number = click.Argument(["steps"], metavar="[N]", type=click.IntRange(min=1), default=1, help="So many changes; 1.")
    yield _command(old, "old", TREE, "The value so many changes ago: `get --back N`.", "old nodes.r1\nold nodes.r1 3", _path(), number)

    def snapshot(file: str) -> None:
        from holdfast.cli.commands.backup import make_backup

        path = file or os.path.join(os.path.dirname(keeper.file), f"holdfast-{datetime.now().astimezone():%Y%m%d-%H%M%S}.db")
        make_backup(path, keeper.file, as_json=False)

    where = click.Argument(["file"], metavar="[FILE]", default="", type=click.Path(), help="Without it beside the database.")
    text = "Copy the database, history included, to a file: `backup`."
    yield _command(snapshot, "snapshot", TREE, text, "snapshot before-the-move.db", where)


# -- drafts ------------------------------------------------------------------------------------------------------------


def _drafts(keeper: Keeper, style: Style) -> Iterator[click.Command]:
    name = click.Argument(["name"], metavar="[NAME]", default="", shell_complete=complete.drafts, help="Without it the current one.")
    new = click.Argument(["name"], metavar="[NAME]", default="", help="Without it one is made up.")
    ttl = Option(["--ttl"], metavar="SECONDS", type=float, default=None, help="After so long without a touch it is dropped.")

    def begin(name: str, message: str, ttl: float | None) -> None:
        keeper.draft = _begun(keeper, name, message, ttl)
        print(f"draft {keeper.draft}: put and rm go there now; `cand` shows it, `commit` makes it real")

    text = """Begin a draft on the tree as it is now.

    put, merge, rm, import and edit act on it from then on, get, keys, find, export and graph see it; log, diff, blame and rollback
    are of the tree. It is on the disk, and stays when the shell ends; nobody else sees it in the tree before its commit."""
    yield _command(begin, "begin", DRAFT, text, 'begin\nbegin tonight -m "move to the new uplink"', new, _MESSAGE, ttl)

    def draft(name: str) -> None:
        if name and name not in {one["name"] for one in keeper.caller().call("tree.drafts")}:
            raise NotFound(f"no draft `{name}`", hint=f"`begin {name}` begins one, `drafts` lists those there are")
        left, keeper.draft = keeper.draft, name
        if left and not name:
            print(f"draft {left} is kept; `draft {left}` goes on with it")

    text = "Go on with a draft that is there.\n\nWithout a name: leave the current one as it is, for later."
    yield _command(draft, "draft", DRAFT, text, "draft tonight\ndraft", name)

    def cand(path: str) -> None:
        current = _current(keeper, "")
        value = keeper.caller().call("tree.draft_get", name=current, path=read_path(path))
        changes = keeper.caller().call("tree.draft_diff", name=current)
        if path:
            print(as_text(value, style))
        show("draft_diff", changes, style)

    text = "What the current draft would change.\n\nWith a path also what would be there."
    yield _command(cand, "cand", DRAFT, text, "cand\ncand nodes.r1", _path("[PATH]", default=""))

    def commit(name: str, message: str) -> None:
        chosen = _current(keeper, name)
        result = keeper.caller().call("tree.draft_commit", name=chosen, author=getpass.getuser(), message=message)
        _ended(keeper, chosen)
        show("draft_commit", result, style)

    text = "Make a draft real, all of it or nothing.\n\nIt is refused, and stays, if somebody changed the same meanwhile: `rebase` it."
    yield _command(commit, "commit", DRAFT, text, 'commit\ncommit -m "as ordered"', name, _MESSAGE)

    def rebase(name: str) -> None:
        show("rebase", keeper.caller().call("tree.rebase", name=_current(keeper, name)), style)

    text = """Put a draft onto the tree as it is now.

    After a conflict: it tells what the draft changes and others have changed meanwhile. `cand` shows what its commit would do then."""
    yield _command(rebase, "rebase", DRAFT, text, "rebase\nrebase tonight", name)

    def cancel(name: str) -> None:
        chosen = _current(keeper, name)
        keeper.caller().call("tree.draft_drop", name=chosen)
        _ended(keeper, chosen)
        print(f"draft {chosen} is dropped")

    yield _command(cancel, "cancel", DRAFT, "Forget a draft.", "cancel\ncancel tonight", name)


def _begun(keeper: Keeper, name: str, message: str, ttl: float | None) -> str:
    given = {"message": message, "ttl": ttl, "author": getpass.getuser()}
    for number in count(1):
        chosen = name or (f"draft{number}")
        try:
            return str(keeper.caller().call("tree.begin", name=chosen, **given))
        except AlreadyExists as error:
            if name:
                error.hint = f"`draft {name}` goes on with it"
                raise
    raise AssertionError("numbers do not end")


def _current(keeper: Keeper, name: str) -> str:
    if not (name or keeper.draft):
        raise NotFound("there is no current draft", hint="`begin` begins one, `drafts` lists those there are")
    return name or keeper.draft


def _ended(keeper: Keeper, name: str) -> None:
    if name == keeper.draft:
        keeper.draft = ""


# -- following ---------------------------------------------------------------------------------------------------------


def _following(keeper: Keeper, subscriptions: Subscriptions, style: Style) -> Iterator[click.Command]:
    def sub(path: str | None) -> None:
        if path is None:
            _list(subscriptions, style)
            return
        one = subscriptions.add(keeper.caller(), path=read_path(path))
        _say_begun(one)

    text = """Tell of commits at a path or below it, while you go on.

    Your own too. Without a path it lists the subscriptions of this shell."""
    yield _command(sub, "sub", FOLLOW, text, "sub nodes.r1\nsub .                  the whole tree\nsub", _path("[PATH]", default=None))

    def subr(regex: str) -> None:
        one = subscriptions.add(keeper.caller(), regex=regex)
        _say_begun(one)

    expression = click.Argument(["regex"], metavar="REGEX", help="It matches whole paths.")
    text = "Tell of commits at paths that match a regular expression."
    yield _command(subr, "subr", FOLLOW, text, r"subr nodes\.(r\d+)\.mtu", expression)

    def unsub(number: int | None) -> None:
        for one in [*subscriptions.all()] if number is None else [subscriptions.remove(number)]:
            if number is None:
                subscriptions.remove(one.number)
            print(f"[{one.number}] {one.what}: ended; it told of {one.told} commit{'' if one.told == 1 else 's'}")

    number = click.Argument(["number"], metavar="[N]", type=int, default=None, help="Without it all of them.")
    yield _command(unsub, "unsub", FOLLOW, "End a subscription of this shell.", "unsub 1\nunsub", number)

    def subscribers() -> None:
        _list(subscriptions, style)
        channels = keeper.caller().call("tree.channels")
        for name, listeners in channels.items():
            print(f"channel {printable(name)}: {listeners} listen{'s' if listeners == 1 else ''}")

    text = "The subscriptions of this shell, and who listens to channels.\n\nOf channels it is told how many listen, here or elsewhere."
    yield _command(subscribers, "subscribers", FOLLOW, text, "subscribers")


def _say_begun(one: Subscription) -> None:
    print(f"[{one.number}] telling of {one.what} from now on; `unsub {one.number}` ends it")


def _list(subscriptions: Subscriptions, style: Style) -> None:
    found = subscriptions.all()
    if not found:
        print("this shell has no subscriptions")
        return
    columns = [
        Column("N", [str(one.number) for one in found], right=True, keep=True),
        Column("WHAT", [printable(one.what) for one in found], keep=True, elastic=True),
        Column("TOLD", [str(one.told) for one in found], right=True),
    ]
    write_table(columns, sys.stdout, style)
