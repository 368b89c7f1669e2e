"""The line editor: several lines, history, completion, colour; and the loop that answers."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from typing import Final

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.input import Input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.lexers import PygmentsLexer
from prompt_toolkit.output import ColorDepth
from pygments.lexers.sql import SqlLexer

from holdfast.cli.presentation.style import Style
from holdfast.cli.terminal.history import history_in
from holdfast.cli.terminal.interrupts import Interrupts
from holdfast.errors import HoldfastError

from .commands import Settings, obey
from .completing import offers
from .schema import Schema

__all__ = ["Answer", "run_prompt"]

Answer = Callable[[str, Settings], int]
"""Prints the answer to a statement; returns how many rows there were."""

_WIDEST_DOC: Final = 60


def run_prompt(answer: Answer, schema: Schema, settings: Settings, style: Style) -> None:
    """Ask and answer until Ctrl-D or `.quit`."""
    print(style("dim", "a statement ends with `;` · Tab completes · .help · Ctrl-D leaves"))
    interrupts = Interrupts()
    session = _session(schema, style, interrupts.keyboard)
    with interrupts:
        while _answer_next(session, interrupts, lambda text: _respond(text, answer, schema, settings, style), style):
            pass


def _answer_next(session: PromptSession[str], interrupts: Interrupts, respond: Callable[[str], bool], style: Style) -> bool:
    """False: leave."""
    try:
        text = interrupts.ask(session).strip()
    except KeyboardInterrupt:
        return True
    except EOFError:
        return False
    try:
        return not text or interrupts.during(lambda: respond(text))
    except HoldfastError as error:
        hint = f" · {error.hint}" if error.hint else ""
        print(f"{style('bad', 'error:')} {error.message}{style('dim', hint)}", file=sys.stderr)
    except KeyboardInterrupt:
        print(style("dim", "stopped"), file=sys.stderr)
    finally:
        interrupts.end()
    return True


def _respond(text: str, answer: Answer, schema: Schema, settings: Settings, style: Style) -> bool:
    """False: leave."""
    if text.startswith("."):
        said = obey(text, settings, schema, style)
        sys.stdout.write(said or "")
        return said is not None
    began = time.monotonic()
    rows = answer(text, settings)
    took_ms = (time.monotonic() - began) * 1000
    sys.stdout.flush()
    print(style("dim", f"({rows} row{'' if rows == 1 else 's'}, {took_ms:.1f} ms)"), file=sys.stderr)
    return True


def _session(schema: Schema, style: Style, keys: Input) -> PromptSession[str]:
    return PromptSession(
        "holdfast> ",
        input=keys,
        multiline=True,
        prompt_continuation="     ...> ",
        history=history_in("sql_history"),
        key_bindings=_keys(),
        complete_while_typing=False,
        completer=_Completer(schema),
        lexer=PygmentsLexer(SqlLexer),
        color_depth=None if style.colour else ColorDepth.DEPTH_1_BIT,
    )


class _Completer(Completer):
    def __init__(self, schema: Schema) -> None:
        self._schema = schema

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        for one in offers(document.text_before_cursor, document.text_after_cursor, self._schema):
            doc = one.doc if len(one.doc) <= _WIDEST_DOC else one.doc[: _WIDEST_DOC - 1] + "…"
            yield Completion(one.word, -one.length, display_meta=f"{one.kind} · {doc}" if doc else one.kind)


def _keys() -> KeyBindings:
    """Enter sends what is complete, else it begins another line."""
    keys = KeyBindings()

    @keys.add("enter")
    def _(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        text = buffer.text.strip()
        if buffer.complete_state and buffer.complete_state.current_completion:
            buffer.complete_state = None  # Enter takes the completion that is marked
        elif not text or text.endswith(";") or text.startswith("."):
            buffer.validate_and_handle()
        else:
            buffer.insert_text("\n")

    return keys
