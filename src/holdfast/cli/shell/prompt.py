"""The shell on a terminal: line editor, history, completion; and what comes in the background above the prompt."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from prompt_toolkit import ANSI, PromptSession
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.input import Input
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.patch_stdout import patch_stdout

from holdfast.cli.asking.opening import open_reading
from holdfast.cli.asking.steering import file_of
from holdfast.cli.declaring.command import Group
from holdfast.cli.declaring.options import Common
from holdfast.cli.presentation.style import Style, printable, style_for
from holdfast.cli.sql.schema import Schema, read_schema
from holdfast.cli.terminal.history import history_in
from holdfast.cli.terminal.interrupts import Interrupts
from holdfast.errors import HoldfastError

from .completing import offers
from .shell import Shell

__all__ = ["run_prompt"]

_WIDEST_DOC: Final = 60


def run_prompt(app: Group, db: str, colour: str) -> int:
    """Until Ctrl-D or `exit`; always 0: what failed was said."""
    style = style_for(sys.stdout, colour)
    interrupts = Interrupts()
    more: PromptSession[str] = PromptSession(input=interrupts.keyboard, color_depth=_depth(style))

    def next_line() -> str | None:
        try:
            return interrupts.ask(more, "     ...> ")
        except EOFError:
            return None

    shell = Shell(app, db, style, next_line, during=interrupts.during)
    print(style("dim", f"{_where(db, shell)}\nhelp · Tab completes · Ctrl-D leaves"))
    session = _session(shell, db, style, interrupts.keyboard)
    with shell.open():
        with interrupts:
            while _obey_next(shell, session, interrupts):
                pass
        if shell.keeper.draft:
            print(style("dim", f"draft {printable(shell.keeper.draft)} is kept: `draft {printable(shell.keeper.draft)}` goes on with it"))
    return 0


def _obey_next(shell: Shell, session: PromptSession[str], interrupts: Interrupts) -> bool:
    """False: leave."""
    try:
        with patch_stdout(raw=True):
            line = interrupts.ask(session, ANSI(_prompt(shell, shell.style)))
    except KeyboardInterrupt:
        return True
    except EOFError:
        return False
    going_on = shell.obey(line)
    interrupts.end()
    return going_on


def _where(db: str, shell: Shell) -> str:
    path = file_of(db)
    return f"the node of {path}" if path else f"no node is running: the tree is {shell.keeper.file}"


def _prompt(shell: Shell, style: Style) -> str:
    draft = f" {style('changed', printable(shell.keeper.draft))}" if shell.keeper.draft else ""
    return f"holdfast{draft}> "


def _depth(style: Style) -> ColorDepth | None:
    return None if style.colour else ColorDepth.DEPTH_1_BIT


def _session(shell: Shell, db: str, style: Style, keys: Input) -> PromptSession[str]:
    return PromptSession(
        input=keys,
        history=history_in("shell_history"),
        auto_suggest=AutoSuggestFromHistory() if style.colour else None,
        complete_while_typing=False,
        completer=_Completer(shell, db),
        color_depth=_depth(style),
    )


class _Completer(Completer):
    def __init__(self, shell: Shell, db: str) -> None:
        self._shell = shell
        self._schema = lru_cache(maxsize=1)(lambda: _read_schema(db))

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        try:
            found = offers(document.text_before_cursor, document.text_after_cursor, self._shell.group, self._schema)
        except HoldfastError:
            return
        for one in found:
            doc = " · ".join(filter(None, (one.kind, one.doc)))
            yield Completion(one.word, -one.length, display_meta=doc if len(doc) <= _WIDEST_DOC else doc[: _WIDEST_DOC - 1] + "…")


def _read_schema(db: str) -> Schema:
    with open_reading(Common(db=db), ()) as reading:
        return read_schema(reading)
