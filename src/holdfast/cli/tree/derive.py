"""A command out of a verb: what must be given is an argument, what may be given an option, the docstring is the help."""

from __future__ import annotations

import getpass
import json
import sys
import types
import typing
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final

import click

from holdfast.api.config import Config
from holdfast.api.verb import Argument, Verb, verbs_of
from holdfast.cli.command import Command, Option
from holdfast.cli.steering import Caller, caller_of_tree
from holdfast.cli.style import style_for
from holdfast.errors import InvalidValue

from .showing import show
from .values import read_value

__all__ = ["Connect", "command_of", "tree_verbs"]

Connect = Callable[[str], AbstractContextManager[Caller]]
"""Who carries verbs out, for a database file or "" for the usual one."""

_SHORT: Final = {"message": "-m", "limit": "-l"}
_HIDDEN: Final = frozenset({"author", "session"})
"""Arguments that the program gives itself."""
_HELP: Final = {
    "message": "Why: kept in the log, with who you are.",
    "expected": "Only if this version is there now; 0: nothing.",
    "at": "As it was at this point in time.",
    "back": "As it was so many changes ago.",
    "meta": "With version, kind and owner.",
    "limit": "At most so many.",
    "since": "After this revision.",
    "until": "Up to this revision.",
    "after": "Behind this key.",
    "regex": "The pattern is a regular expression over whole paths.",
    "pattern": "At paths that match: `nodes.*.mtu`.",
    "form": "json or yaml.",
    "merge": "Merge, do not replace.",
    "ttl": "Seconds after which it ends when nobody touches it.",
    "timeout": "Seconds to wait for the answer.",
}


def tree_verbs() -> dict[str, Verb]:
    """By the names of the methods of `Config`."""
    return dict(verbs_of(Config))


def command_of(name: str, verb: Verb, *, section: str, examples: str = "", connect: Connect = caller_of_tree) -> click.Command:
    """The command `name` that calls a verb of the tree."""
    params: list[click.Parameter] = [_param(one, verb) for one in verb.arguments if one.name not in _HIDDEN]
    params += [
        Option(["--json", "-j"], is_flag=True, help="Print JSON."),
        Option(["--color", "colour"], metavar="WHEN", default="auto", help="auto, always or never; auto obeys NO_COLOR."),
        Option(["--db"], metavar="FILE", default="", help="The tree in this file, or of the node that keeps it."),
    ]

    def run(*, json: bool, colour: str, db: str, **given: Any) -> None:
        arguments = {one.name: _read(one, given[one.name]) for one in verb.arguments if _is_given(one, given)}
        if any(one.name == "author" for one in verb.arguments):
            arguments["author"] = getpass.getuser()
        with connect(db) as caller:
            _carry_out(caller, verb, arguments, as_json=json, colour=colour)

    return Command(name, callback=run, params=params, section=section, examples=examples, help=verb.doc)


def _carry_out(caller: Caller, verb: Verb, arguments: dict[str, Any], *, as_json: bool, colour: str) -> None:
    style = style_for(sys.stdout, colour)
    results = caller.stream(f"tree.{verb.name}", **arguments) if verb.streams else [caller.call(f"tree.{verb.name}", **arguments)]
    for result in results:
        if as_json:
            print(json.dumps(result, ensure_ascii=False), flush=verb.streams)
        else:
            show(verb.name, result, style)


def _param(one: Argument, verb: Verb) -> click.Parameter:
    kind = _kinds(one.type)
    if not one.named:
        metavar = one.name.upper() if one.needed else f"[{one.name.upper()}]"
        many = list in kind
        return click.Argument(
            [one.name], metavar=f"{metavar}..." if many else metavar, required=one.needed and not many, default=None if not many else (),
            nargs=-1 if many else 1, help=_argument_help(one),
        )  # fmt: skip
    names = [f"--{one.name.replace('_', '-')}", *([_SHORT[one.name]] if one.name in _SHORT else [])]
    if bool in kind:
        return Option(names, is_flag=True, help=_HELP.get(one.name, ""))
    return Option(names, metavar=_metavar(kind), type=_click_type(kind), default=None, help=_HELP.get(one.name, ""))


def _argument_help(one: Argument) -> str:
    if one.name in ("value", "patch", "schema"):
        return "JSON or YAML; - reads it from standard input, @FILE from a file."
    return {"path": "For example nodes.r1.mtu; a key with dots stands in quotes.", "name": "Of the draft."}.get(one.name, "")


def _kinds(annotation: Any) -> frozenset[Any]:
    """The types that a value may have, but for None."""
    if typing.get_origin(annotation) in (types.UnionType, typing.Union):
        return frozenset(part for one in typing.get_args(annotation) if one is not type(None) for part in _kinds(one))
    return frozenset((typing.get_origin(annotation) or annotation,))


def _click_type(kind: frozenset[Any]) -> Any:
    return int if kind == {int} else float if kind == {float} else str


def _metavar(kind: frozenset[Any]) -> str:
    return "N" if kind == {int} else "SECONDS" if kind == {float} else "T" if kind == {int, str} else "TEXT"


def _is_given(one: Argument, given: dict[str, Any]) -> bool:
    return one.name in given and given[one.name] not in (None, ()) and not (one.default is False and given[one.name] is False)


def _read(one: Argument, text: Any) -> Any:
    """A value of the tree is JSON or YAML; a point in time is a number or words; the rest is as click read it."""
    kind = _kinds(one.type)
    if kind == {Any}:
        return read_value(text)
    if list in kind:
        return [read_value(part) for part in text]
    if dict in kind:
        return read_value(text)
    if kind == {int, str}:
        return int(text) if text.isdecimal() else text
    return _whole(one, text) if kind == {int} and isinstance(text, str) else text


def _whole(one: Argument, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise InvalidValue(f"expected a number, got `{text}` – at `{one.name}`") from None


@contextmanager
def connected(caller: Caller) -> Iterator[Caller]:
    """For who has a caller already."""
    yield caller
