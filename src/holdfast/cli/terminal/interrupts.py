"""Ctrl-C of who types at a prompt: heard whenever it comes, and by what it is meant for.

    at the prompt   a new prompt           behind Enter, before the command began   the command does not run
    in a command    KeyboardInterrupt      between a command and the next prompt    a new prompt

An editor makes the terminal raw, and there Ctrl-C is a key. Typed behind Enter, while the editor puts the terminal back, it stayed
one: kept for the next prompt, and the command did not hear of it (one of five within 50 ms). So what is unread then is looked through.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from types import FrameType, TracebackType
from typing import Any, Final, Self, TextIO, TypeVar

from prompt_toolkit import PromptSession
from prompt_toolkit.application.current import get_app_or_none
from prompt_toolkit.input.typeahead import get_typeahead, store_typeahead
from prompt_toolkit.input.vt100 import Vt100Input
from prompt_toolkit.key_binding.key_processor import KeyPress
from prompt_toolkit.keys import Keys

from holdfast.cli.asking.loop import break_off

__all__ = ["Interrupts"]

T = TypeVar("T")

_LOCAL: Final = 3
_CHARACTERS: Final = 6
"""Places in what termios knows of a terminal."""


class Interrupts:
    """While it lasts, Ctrl-C is noted, and breaks off nothing but `ask` and `during`: what stands between them needs no care.

    For the main thread.

    keyboard  the input of all sessions that `ask` uses.
    """

    def __init__(self) -> None:
        self.keyboard = _Keyboard(sys.stdin, self._overheard)
        self._came = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        self._before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGALRM)}
        signal.signal(signal.SIGALRM, self._hand_on)
        self._only_note()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def ask(self, session: PromptSession[str], message: Any = None) -> str:
        """A line from the editor. Raises: KeyboardInterrupt - Ctrl-C came before who asked has it;  EOFError - Ctrl-D."""
        before = signal.getsignal(signal.SIGINT)
        self._only_note()
        try:
            self._raise_noted()
            line = session.prompt(message, handle_sigint=False, pre_run=self._give_up_soon)
        except KeyboardInterrupt:
            self._came = False  # an interrupted editor and an interruption are one
            raise
        finally:
            signal.signal(signal.SIGINT, before)
        self._raise_noted()
        return line

    def during(self, work: Callable[[], T]) -> T:
        """Carry out what may be broken off. Raises: KeyboardInterrupt;  what the work raises."""
        try:
            signal.signal(signal.SIGINT, break_off)
            self._raise_noted()
            return work()
        finally:
            self._only_note()

    def end(self) -> None:
        """For who caught a KeyboardInterrupt: a second one may have come just before the first was dealt with."""
        self._only_note()
        self._came = False

    def _only_note(self) -> None:
        while signal.getsignal(signal.SIGINT) != self._note:
            try:
                signal.signal(signal.SIGINT, self._note)  # it lets handlers run that are due
            except KeyboardInterrupt:
                self._came = True

    def _raise_noted(self) -> None:
        if self._came:
            self._came = False
            raise KeyboardInterrupt

    def _overheard(self) -> None:
        self._came = True

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._came = True
        self._give_up_soon()

    def _hand_on(self, number: int, frame: FrameType | None) -> None:
        """A Ctrl-C that came within a finalizer."""
        handler = signal.getsignal(signal.SIGINT)
        if callable(handler):
            handler(signal.SIGINT, frame)

    def _give_up_soon(self) -> None:
        app = get_app_or_none()
        if self._came and app is not None and app.loop is not None:
            app.loop.call_soon_threadsafe(self._give_up)

    def _give_up(self) -> None:
        """To the editor it is the key, which ends a search or the line. One that is done already has the line: it is too late."""
        app = get_app_or_none()
        if self._came and app is not None and app.is_running and not app.is_done:
            self._came = False
            app.key_processor.feed(KeyPress(Keys.ControlC), first=True)
            app.key_processor.process_keys()


class _Keyboard(Vt100Input):
    """Keys for editors, which see Ctrl-C as one. What one leaves unread is for the next, unless Ctrl-C is among it.

    heard  is told of a Ctrl-C that no editor saw.
    """

    def __init__(self, terminal: TextIO, heard: Callable[[], None]) -> None:
        super().__init__(terminal)
        self._heard = heard

    def raw_mode(self) -> AbstractContextManager[None]:
        return self._raw()

    @contextlib.contextmanager
    def _raw(self) -> Iterator[None]:
        with super().raw_mode():
            try:
                yield
            finally:
                self._leave()

    def _leave(self) -> None:
        keys = [*get_typeahead(self), *self._unread()]
        interrupts = [place for place, key in enumerate(keys) if key.key == Keys.ControlC]
        if interrupts:
            del keys[: interrupts[-1] + 1]  # as the terminal does with what stands before a signal
            self._heard()
        store_typeahead(self, keys)

    def _unread(self) -> list[KeyPress]:
        """From here on Ctrl-C is a signal; what is read then was typed before."""
        data = b""
        with contextlib.suppress(termios.error, OSError):
            mode = termios.tcgetattr(self.fileno())
            mode[_LOCAL] |= termios.ISIG
            mode[_CHARACTERS][termios.VMIN] = mode[_CHARACTERS][termios.VTIME] = 0  # nothing there: do not wait
            termios.tcsetattr(self.fileno(), termios.TCSANOW, mode)
            while part := os.read(self.fileno(), 4096):
                data += part
        self.vt100_parser.feed(data.decode(errors="surrogateescape"))
        return self.flush_keys()
