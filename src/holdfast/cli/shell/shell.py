"""One line after another: what it means, who carries it out, and what is said when it cannot be."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import click

from holdfast.cli.asking.steering import KEPT
from holdfast.cli.declaring.command import Group
from holdfast.cli.main import INTERRUPTED, guarded
from holdfast.cli.presentation.layout import terminal_width
from holdfast.cli.presentation.style import Style
from holdfast.cli.tree.derive import VerbCommand, parted
from holdfast.errors import InvalidValue

from .commands import group_of
from .following import News, Subscriptions
from .keeping import Keeper
from .topics import helped, overview
from .words import Word, split

__all__ = ["Shell"]

NextLine = Callable[[], str | None]
"""The next line of the input, without its end; None: there is none."""
During = Callable[[Callable[[], int]], int]
"""Calls what Ctrl-C may break off."""

_LEAVE: Final = ("exit", "quit")
_WIDEST: Final = 100
_LITERAL: Final = frozenset({"path", "value", "patch", "schema", "args", "pattern", "regex"})
"""Arguments in which double quotes mean something."""
_FOLLOWING: Final = frozenset({"value", "patch", "schema"})
"""Arguments that may stand on the lines behind."""
_OPENS: Final = frozenset({"run", "restore", "add", "set", "replace", "del", "batch", "undo"})
"""Commands that take the file themselves, where no node has it."""
_QUERY: Final = re.compile(r"\s*(?:select|with|values)\b", re.IGNORECASE)
_SQL: Final = re.compile(r"\s*sql\s+")
_FLAGS_BEHIND: Final = re.compile(r"((?:\s+(?:--json|-j|--csv|--wide|-w))+)\s*$")


class Shell:
    """Commands for as long as it is open. obey() never raises, but when nobody reads the output.

    code    of the last command that failed; 0: none did.
    during  calls a command, which Ctrl-C may break off; only there it raises KeyboardInterrupt.
    """

    def __init__(
        self, app: Group, db: str, style: Style, next_line: NextLine, *, name: str = "error", during: During = lambda command: command()
    ) -> None:
        self.code = 0
        self.name = name
        self.style = style
        self.news = News()
        self.keeper = Keeper(db, Subscriptions(self.news, style))
        self.group = group_of(app, self.keeper, style)
        self._next_line = next_line
        self._during = during
        self._defaults = _defaults(self.group, db) if db else None

    @contextmanager
    def open(self) -> Iterator[None]:
        """While it lasts, commands that need the tree get it from here."""
        kept = KEPT.set(self.keeper.acting)
        try:
            yield
        finally:
            KEPT.reset(kept)
            self.keeper.close()

    def obey(self, line: str) -> bool:
        """Carry out a line; False: leave. Raises: BrokenPipeError."""
        words: list[Any] = line.split()
        if len(words) == 1 and words[0] in _LEAVE:
            return False
        with self.news.held():
            try:
                code = self._during(lambda: guarded(lambda: self._carry_out(line), words, self.name))
                sys.stdout.flush()
            except KeyboardInterrupt:
                print(self.style("dim", "stopped"), file=sys.stderr)
                code = INTERRUPTED
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else 1
        self.code = code or self.code
        return True

    def _carry_out(self, line: str) -> int:
        words = _asked_in_sql(line) or split(line)
        if words[:1] == ["holdfast"]:
            words = words[1:]
        if not words:
            return 0
        if words[0] in ("help", "?"):
            about = words[1:] not in ([], ["help"], *([word] for word in _LEAVE))
            columns = min(terminal_width(sys.stdout) or _WIDEST, _WIDEST)
            click.echo(helped(words[1:], self.group) if about else overview(self.group, self.style, columns))
            return 0
        if list(map(str, words)) == ["diff"] and self.keeper.draft:
            words = [Word.of("cand", "cand")]  # from what to what, a bare one leaves open; here it is plain
        if words[0] == "shell":
            raise InvalidValue("this is the shell already", hint="`exit` leaves it")
        if words[0] in _OPENS and not (words[0] == "del" and len(words) == 2):
            self.keeper.let_go()
        given = self._completed(words)
        with _standard_input(self._following):
            more: dict[str, Any] = {"default_map": self._defaults} if self._defaults else {}
            return self.group.main(given, "", standalone_mode=False, help_option_names=["--help", "-h"], max_content_width=100, **more) or 0

    def _completed(self, words: list[Word]) -> list[str]:
        """The words for a command of a verb: paths and values as they were typed, and a value that is missing from the next lines."""
        command, names = self._found(words)
        if command is None or not (isinstance(command, VerbCommand) or command.name in ("pute", "sub", "subr", "old", "cand")):
            return list(map(str, words))
        options, others = parted(command, words[names:])
        arguments = [one for one in command.params if isinstance(one, click.Argument)]
        if not others and not arguments:
            return list(map(str, words))
        literal = [self._literal(word, arguments, place) for place, word in enumerate(others)]
        needed = [one.name for one in arguments if one.required]
        helps = {"--help", "-h"} & set(options)
        if needed and needed[-1] in _FOLLOWING and len(literal) == len(needed) - 1 and not helps:
            literal.append(self._read_value())
        return [*map(str, words[:names]), *map(str, options), "--", *literal]

    def _found(self, words: list[Word]) -> tuple[click.Command | None, int]:
        """The command, and how many words name it."""
        command: click.Command | None = self.group
        place = 0
        while isinstance(command, click.Group) and place < len(words):
            command = command.get_command(click.Context(command), words[place])
            place += 1
        return command, place

    def _literal(self, word: Any, arguments: list[click.Argument], place: int) -> str:
        name = arguments[min(place, len(arguments) - 1)].name if arguments else ""
        return word.literal if name in _LITERAL and isinstance(word, Word) else str(word)

    def _read_value(self) -> str:
        text = "\n".join(self._following())
        if not text.strip():
            hint = "it stands behind the path, or on the next lines up to an empty one; null is a value"
            raise InvalidValue("expected a value, got nothing", hint=hint)
        return text

    def _following(self) -> Iterator[str]:
        """Lines up to an empty one."""
        while (line := self._next_line()) is not None and line.strip():
            yield line


def _asked_in_sql(line: str) -> list[Word]:
    """`sql OPTION… QUERY` or a query alone, which needs no quotes. Empty: something else."""
    head = _SQL.match(line)
    if head is None and not _QUERY.match(line):
        return []
    at = head.end() if head else 0
    options: list[Word] = []
    while line[at:].startswith("-"):
        parts = split(line[at:], unfinished=True)
        taken = 2 if parts[0] in ("--limit", "-l", "--timeout", "--color", "--netns", "-n", "--db", "--at") else 1
        options += parts[:taken]
        if len(parts) <= taken:
            return [Word.of("sql", "sql"), *options]
        at += parts[taken].where
    query = line[at:].strip()
    if query[:1] in "\"'" or not query:
        return []
    behind = _FLAGS_BEHIND.search(query)
    if behind:
        options += split(behind[1])
        query = query[: behind.start()]
    return [Word.of("sql", "sql"), *options, Word.of(query, query)]


def _defaults(group: Group, db: str) -> dict[str, Any]:
    """The shell's own --db for each command that takes one."""
    found: dict[str, Any] = {}
    for name, command in group.every_command():
        if isinstance(command, Group):
            found[name] = _defaults(command, db)
        elif name != "replay" and any(one.name == "db" for one in command.params):
            found[name] = {"db": db}
    return found


class _Lines(io.TextIOBase):
    """Lines that follow in the input, as a file for who reads `-`."""

    encoding = "utf-8"
    errors = "strict"

    def __init__(self, lines: Callable[[], Iterator[str]]) -> None:
        super().__init__()
        self._lines = lines

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> str:
        return "" if size == 0 else "".join(f"{line}\n" for line in self._lines())

    def readline(self, size: int = -1, /) -> str:  # type: ignore[override]
        line = next(self._lines(), None)
        return "" if line is None else f"{line}\n"

    def __next__(self) -> str:  # type: ignore[override]
        line = self.readline()
        if not line:
            raise StopIteration
        return line


@contextmanager
def _standard_input(lines: Callable[[], Iterator[str]]) -> Iterator[None]:
    """A command that reads `-` gets the lines that follow, and not the rest of the script. On a terminal it asks there itself."""
    before = sys.stdin
    if before.isatty():
        yield
        return
    sys.stdin = _Lines(lines)
    try:
        yield
    finally:
        sys.stdin = before
