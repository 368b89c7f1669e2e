"""A command out of a verb: what must be given is an argument, what may be given an option, the docstring is the help."""

from __future__ import annotations

import getpass
import json
import re
import sys
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from typing import Any, Final

import click

from holdfast.api.config import Config
from holdfast.api.verb import Argument, Verb, verbs_of
from holdfast.cli.asking.steering import Caller, caller_of_tree
from holdfast.cli.declaring import complete
from holdfast.cli.declaring.command import Command, Option
from holdfast.cli.presentation.style import style_for
from holdfast.errors import InvalidValue

from .showing import show
from .values import form_of, read_path, read_text, read_value

__all__ = ["VerbCommand", "command_of", "parted", "tree_verbs"]

_NUMBER: Final = re.compile(r"-?\d+")
_SHORT: Final = {"message": "-m", "limit": "-l"}
_HIDDEN: Final = frozenset({"author", "session"})
"""Arguments that the program gives itself."""
_HELP: Final = {
    "message": "Why: kept in the log, with who you are.",
    "expected": "Only if this version is there now; 0: nothing.",
    "at": "As it was at this point in time; -2: two changes ago.",
    "back": "As it was so many changes ago.",
    "diff": "With what each changed.",
    "meta": "With version, kind and owner.",
    "limit": "At most so many.",
    "since": "After this point in time.",
    "until": "Up to this point in time.",
    "after": "Behind this key.",
    "regex": "The pattern is a regular expression over whole paths.",
    "pattern": "At paths that match: `nodes.*.mtu`.",
    "form": "json or yaml; without it json, or as the name of a file ends.",
    "merge": "Merge, do not replace.",
    "ttl": "Seconds after which it ends when nobody touches it.",
    "timeout": "Seconds to wait for the answer.",
    "kwargs": "Arguments by name: {x: 1}.",
    "path": "At this path, or below it.",
}


_ARGUMENTS: Final = {
    "path": "For example nodes.r1.mtu; a key with dots stands in quotes.",
    "name": "Of the draft.",
    "pattern": "`nodes.*.mtu`; `**` stands for any number of keys.",
    "channel": "Any name: a channel is there while somebody listens.",
    "revision": "Of the commit, as the log shows it.",
    "before": "A point in time: a revision, a time, or a while ago.",
    "after": "Another one; without it now.",
    "to": "A point in time; -1: one change back.",
    "text": "JSON or YAML; - is standard input. What begins with { or [ is the text itself.",
    "args": "Its arguments, each JSON or YAML.",
}
_NOUNS: Final = {"text": "FILE"}
"""Arguments of which people give something else than the verb takes."""
_COMPLETED: Final = {"path": complete.tree_paths, "name": complete.drafts, "channel": complete.channels}


def tree_verbs() -> dict[str, Verb]:
    """By the names of the methods of `Config`."""
    return dict(verbs_of(Config))


class VerbCommand(Command):
    """A command of a verb. A negative number is a word, no option: `put a.b -5`, `rollback a -1`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, args if "--" in args else [*(parts := parted(self, args))[0], "--", *parts[1]])


def parted(command: click.Command, words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Options with their values, and words that are none."""
    valued = {name for param in command.params if isinstance(param, click.Option) and not param.is_flag for name in param.opts}
    options: list[str] = []
    others: list[str] = []
    rest = iter(words)
    for word in rest:
        if not word.startswith("-") or word == "-" or _NUMBER.fullmatch(word):
            others.append(word)
        else:
            options += [word, *([value] if word in valued and (value := next(rest, None)) is not None else [])]
    return options, others


def command_of(
    name: str, verb: Verb, *, section: str, examples: str = "", help_text: str = "",
    preset: Mapping[str, Any] | None = None,
) -> click.Command:  # fmt: skip
    """The command `name` that calls a verb of the tree. preset: arguments that this command gives by itself."""
    preset = preset or {}
    params: list[click.Parameter] = [_param(one) for one in verb.arguments if one.name not in _HIDDEN and one.name not in preset]
    params += [
        Option(["--json", "-j"], is_flag=True, help="Print JSON."),
        Option(["--color", "colour"], metavar="WHEN", default="auto", help="auto, always or never; auto obeys NO_COLOR."),
        Option(["--db"], metavar="FILE", default="", help="The tree in this file, or of the node that keeps it."),
    ]

    def run(*, json: bool, colour: str, db: str, **given: Any) -> None:
        arguments = {one.name: _read(one, given[one.name]) for one in verb.arguments if _is_given(one, given)}
        arguments |= preset
        if "text" in arguments and "form" not in arguments:
            arguments["form"] = form_of(given["text"])
        if any(one.name == "author" for one in verb.arguments):
            arguments["author"] = getpass.getuser()
        with caller_of_tree(db, reads=not (verb.writes or verb.streams)) as caller:
            _carry_out(caller, verb, arguments, as_json=json, colour=colour)

    return VerbCommand(name, callback=run, params=params, section=section, examples=examples, help=help_text or _help_of(verb))


def _help_of(verb: Verb) -> str:
    """The docstring without what it says of arguments: options say it themselves."""
    names = tuple(f"{one.name}{mark}" for one in verb.arguments for mark in (":", ","))
    return "\n\n".join(part for part in verb.doc.split("\n\n") if not part.startswith(names))


def _carry_out(caller: Caller, verb: Verb, arguments: dict[str, Any], *, as_json: bool, colour: str) -> None:
    style = style_for(sys.stdout, colour)

    def tell(results: Iterable[Any]) -> None:
        for result in results:
            if as_json:
                print(json.dumps(result, ensure_ascii=False), flush=verb.streams)
            else:
                show(verb.name, result, style)

    if verb.streams:
        with closing(caller.stream(f"tree.{verb.name}", **arguments)) as items:
            tell(items)
    else:
        tell([caller.call(f"tree.{verb.name}", **arguments)])


def _param(one: Argument) -> click.Parameter:
    kind = _kinds(one.type)
    if not one.named:
        noun = _NOUNS.get(one.name, one.name.upper())
        metavar = noun if one.needed else f"[{noun}]"
        many = list in kind
        left_out: dict[str, Any] = {} if one.needed else {"default": () if many else None}  # a default, None too, is an answer to click
        return click.Argument(
            [one.name], metavar=f"{metavar}..." if many else metavar, required=one.needed and not many, nargs=-1 if many else 1,
            help=_argument_help(one), shell_complete=_COMPLETED.get(one.name), **left_out,
        )  # fmt: skip
    names = [f"--{one.name.replace('_', '-')}", *([_SHORT[one.name]] if one.name in _SHORT else [])]
    if bool in kind:
        return Option(names, is_flag=True, help=_HELP.get(one.name, ""))
    return Option(names, metavar=_metavar(kind), type=_click_type(kind), default=None, help=_HELP.get(one.name, ""))


def _argument_help(one: Argument) -> str:
    if one.name in ("value", "patch", "schema"):
        return "JSON or YAML; - reads it from standard input, @FILE from a file."
    return _ARGUMENTS.get(one.name, "")


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
    if one.name == "path":
        return read_path(text)
    if one.name == "text":
        return read_text(text)
    if kind == {Any}:
        return read_value(text)
    if list in kind:
        return [read_value(part) for part in text]
    if dict in kind:
        return read_value(text)
    if kind == {int, str} and isinstance(text, str):
        return int(text) if _NUMBER.fullmatch(text) else text
    return _whole(one, text) if kind == {int} and isinstance(text, str) else text


def _whole(one: Argument, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise InvalidValue(f"expected a number, got `{text}` – at `{one.name}`") from None
