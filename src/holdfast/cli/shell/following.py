"""Subscriptions that go on in the background, and how what they tell reaches the terminal between two commands."""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from holdfast.cli.asking.steering import Caller, Items
from holdfast.cli.presentation.style import Style, printable
from holdfast.cli.tree.showing import told_lines
from holdfast.errors import HoldfastError, NotFound

__all__ = ["News", "Subscription", "Subscriptions"]

_HELD: Final = 1000
"""Lines that wait while a command runs; the oldest go then."""


class News:
    """Prints what comes in the background; while a command has the terminal it is held."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: deque[str] = deque(maxlen=_HELD)
        self._lost = 0
        self._holding = False

    def tell(self, lines: list[str]) -> None:
        with self._lock:
            if self._holding:
                self._lost += max(0, len(self._held) + len(lines) - _HELD)
                self._held.extend(lines)
            else:
                _print(lines)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nothing is printed inside; what came is printed at the end."""
        with self._lock:
            self._holding = True
        try:
            yield
        finally:
            with self._lock:
                self._holding = False
                lost = [f"({self._lost} lines of subscriptions were too many to keep)"] if self._lost else []
                lines = [*lost, *self._held]
                self._held.clear()
                self._lost = 0
                if lines:
                    _print(lines)


def _print(lines: list[str]) -> None:
    """In one piece: another thread may print as well."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


@dataclass(slots=True)
class Subscription:
    """number: how it is told apart. what: as it was asked for. told: how many commits it told of."""

    number: int
    what: str
    items: Items
    told: int = 0
    closed: bool = False
    thread: threading.Thread = field(init=False)


class Subscriptions:
    """Those of one shell."""

    def __init__(self, news: News, style: Style) -> None:
        self._news = news
        self._style = style
        self._lock = threading.Lock()
        self._all: dict[int, Subscription] = {}
        self._last = 0

    def all(self) -> list[Subscription]:
        with self._lock:
            return list(self._all.values())

    def add(self, caller: Caller, path: str = "", regex: str = "") -> Subscription:
        """From now on. Raises: InvalidValue - the path or the expression."""
        from holdfast.tree import paths, patterns

        paths.parse(path)  # what is wrong is said now, not by the thread
        if regex:
            patterns.regex(regex)
        items = caller.stream("tree.watch", **({"regex": regex} if regex else {"path": path}))
        with self._lock:
            self._last += 1
            one = Subscription(self._last, regex or path or ".", items)
            self._all[one.number] = one
        one.thread = threading.Thread(target=self._read, args=(one,), name=f"holdfast-sub-{one.number}", daemon=True)
        one.thread.start()
        return one

    def remove(self, number: int) -> Subscription:
        """Raises: NotFound."""
        with self._lock:
            one = self._all.pop(number, None)
        if one is None:
            raise NotFound(f"there is no subscription {number}", hint="`sub` lists them")
        one.closed = True
        one.items.close()
        one.thread.join()
        return one

    def close(self) -> None:
        for one in self.all():
            self.remove(one.number)

    def _read(self, one: Subscription) -> None:
        mark = self._style("ifname", f"[{one.number}]")
        try:
            for commit in one.items:
                one.told += 1
                head, *changes = told_lines(commit, self._style)
                self._news.tell([f"{mark} {head}", *(f"  {line}" for line in changes)])
        except HoldfastError as error:
            if not one.closed:
                self._news.tell([f"{mark} {self._style('bad', 'ended:')} {printable(error.message)}"])
        with self._lock:
            self._all.pop(one.number, None)
