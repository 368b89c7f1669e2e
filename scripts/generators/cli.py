"""docs/reference/cli.md, from the declarations of the commands: what `--help` says, on one page."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

import click

from holdfast.cli.app import app

PAGE = "docs/reference/cli.md"

HEAD = """<!-- made by scripts/generators/cli.py from src/holdfast/cli; scripts/generate writes it anew -->

# The program `holdfast`

`holdfast COMMAND --help` says the same at the prompt. Exit codes: 0 done, 1 it could not be done, 2 it was asked wrongly,
130 interrupted.
"""


def files() -> dict[str, str]:
    return {PAGE: "\n".join([HEAD, *(line for path, command in commands() for line in _command(path, command))])}


def commands() -> Iterator[tuple[str, Any]]:
    """Every command with its full name: `holdfast`, `holdfast show`, … in the order of `--help`."""
    yield from _below("holdfast", app)


def _below(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    if command.hidden:
        return
    yield path, command
    for name, child in command.every_command() if hasattr(command, "every_command") else ():
        yield from _below(f"{path} {name}", child)


def _command(path: str, command: Any) -> Iterator[str]:
    arguments = [one for one in command.params if isinstance(one, click.Argument)]
    options = [one for one in command.params if isinstance(one, click.Option) and not one.hidden]
    words = [argument.metavar or argument.name.upper() for argument in arguments]
    if hasattr(command, "commands"):
        words = ["COMMAND"]
    yield f"## {path}\n\n```text\n{' '.join([path, *(['[OPTION]...'] if options else []), *words])}\n```\n"
    yield from _prose(inspect.cleandoc(command.help or ""))
    if command.examples:
        yield "```text\n" + "\n".join(command.examples) + "\n```\n"
    if arguments or options:
        yield "| word | is |\n|---|---|"
        for one in arguments:
            yield f"| `{one.metavar or one.name.upper()}` | {_cell(one.help)} |"
        for one in options:
            value = f" {one.metavar}" if one.metavar else ""
            yield f"| {', '.join(f'`{spelling}{value}`' for spelling in (*one.opts, *one.secondary_opts))} | {_cell(one.help)} |"
        yield ""


def _prose(text: str) -> Iterator[str]:
    """Help text as Markdown: the marks of colour go, indented lines become a drawing."""
    text = re.sub(r"\[/?(?:bold|dim|italic)\]", "", text.replace("\b", ""))
    for paragraph in text.split("\n\n"):
        lines = paragraph.strip("\n").split("\n")
        plain = [line for line in lines if not line.startswith("  ")]
        drawn = [line[2:] for line in lines if line.startswith("  ")]
        if plain:
            yield "\n".join(plain) + (":" if drawn and not plain[-1].endswith(":") else "") + "\n"
        if drawn:
            yield "```text\n" + "\n".join(drawn) + "\n```\n"


def _cell(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")
