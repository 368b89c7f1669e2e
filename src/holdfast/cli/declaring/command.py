"""Commands whose help has sections and examples.

click, not typer: typer brings pydantic along, and the two cost 0.2 s before the first line of a command runs; click costs
0.04 s. A test holds `holdfast show` to its time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import click

__all__ = ["Command", "Group", "Option", "option", "typed"]

F = TypeVar("F", bound=Callable[..., Any])


class Option(click.Option):
    """`section`: the heading under which it stands in the help."""

    def __init__(self, *args: Any, section: str = "Options", **more: Any) -> None:
        super().__init__(*args, **more)
        self.section = section


def option(*names: str, **more: Any) -> Callable[[F], F]:
    """The decorator for an option of ours."""
    return click.option(*names, cls=Option, **more)


class Command(click.Command):
    """`section`: the heading under which its group lists it. `examples`: lines that can be typed as they are."""

    def __init__(self, *args: Any, section: str = "Commands", examples: str = "", **more: Any) -> None:
        super().__init__(*args, **more)
        self.section = section
        self.examples = [line.strip() for line in examples.strip().splitlines()]

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_help_text(ctx, formatter)
        if self.examples:
            with formatter.section(_heading("Examples")):
                formatter.write("".join(f"  {typed(line, ctx)}\n" for line in self.examples))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for section, records in _by_section(self.get_params(ctx), ctx):
            with formatter.section(_heading(section)):
                formatter.write_dl(records)


class Group(click.Group):
    """Lists its commands under their sections, in the order in which they were made.

    later  name → what makes the command when it is wanted: making it may import what other commands need not wait for.
    """

    command_class = Command

    def __init__(self, *args: Any, section: str = "Commands", examples: str = "", **more: Any) -> None:
        super().__init__(*args, **more)
        self.section = section
        self.later: dict[str, Callable[[], click.Command]] = {}
        self.examples = [line.strip() for line in examples.strip().splitlines()]
        self._order: list[str] = []

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        super().add_command(cmd, name)
        self._listed(name or cmd.name or "")

    def add_later(self, name: str, make: Callable[[], click.Command]) -> None:
        """A command that is made when it is wanted."""
        self.later[name] = make
        self._listed(name)

    def _listed(self, name: str) -> None:
        if name not in self._order:
            self._order.append(name)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._order)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in self.later and cmd_name not in self.commands:
            self.commands[cmd_name] = self.later[cmd_name]()
        return self.commands.get(cmd_name)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as error:  # click knows of those that are made already
            raise click.exceptions.NoSuchCommand(error.command_name, possibilities=self._order, ctx=ctx) from None

    def every_command(self) -> Iterator[tuple[str, click.Command]]:
        """All of them, made, in their order."""
        context = click.Context(self)
        for name in self._order:
            command = self.get_command(context, name)
            if command is not None:
                yield name, command

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_help_text(ctx, formatter)
        with formatter.section(_heading("Examples")):
            formatter.write("".join(f"  {typed(line, ctx)}\n" for line in self.examples))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        sections: dict[str, list[tuple[str, str]]] = {}
        for name, command in self.every_command():
            if not command.hidden:
                sections.setdefault(getattr(command, "section", "Commands"), []).append((name, command.get_short_help_str(70)))
        for section, records in sections.items():
            with formatter.section(_heading(section)):
                formatter.write_dl(records)
        for section, records in _by_section(self.get_params(ctx), ctx):
            with formatter.section(_heading(section)):
                formatter.write_dl(records)


def typed(line: str, ctx: click.Context) -> str:
    """An example as it is typed: inside the shell, whose commands have no program before them, without its name."""
    return line if ctx.find_root().info_name else line.replace("holdfast ", "")


def _by_section(params: list[click.Parameter], ctx: click.Context) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    sections: dict[str, list[tuple[str, str]]] = {}
    for param in params:
        record = param.get_help_record(ctx) if isinstance(param, click.Option) else None
        if record is not None:
            sections.setdefault(getattr(param, "section", "Options"), []).append(record)
    yield from sections.items()


def _heading(text: str) -> str:
    return click.style(text, bold=True)
