"""What is to be asked again, and not yet asked: each question once, a wide one instead of many narrow ones. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from .consequence import Ask, Reread, Where

__all__ = ["Agenda", "Questions"]

_FILTERED_MOST: Final = 8
"""More filtered dumps than this of one table and family cost more than one of all of it."""
_ASKED_MOST: Final = 64
"""More single interfaces than this cost more than a dump of all: a request and its answer take some 50 µs, a dumped link 20."""

_ARGUMENTS_MOST: Final = 64


@dataclass(frozen=True, slots=True)
class Questions:
    """One round of asking. `everything`: all tables, whole; the rest is empty then."""

    everything: bool = False
    ifindexes: tuple[int, ...] = ()
    links: tuple[Where, ...] = ()
    rereads: tuple[Reread, ...] = ()

    def __bool__(self) -> bool:
        return self.everything or bool(self.ifindexes or self.links or self.rereads)


class Agenda:
    """Collects questions until a round takes them. Not thread-safe: the loop's own."""

    def __init__(self) -> None:
        self._everything = False
        self._ifindexes: dict[int, None] = {}
        self._links: dict[Where, None] = {}
        self._rereads: dict[tuple[str, str], dict[tuple[tuple[str, int], ...], Reread]] = {}

    def __bool__(self) -> bool:
        return self._everything or bool(self._ifindexes or self._links or self._rereads)

    def add_everything(self) -> None:
        self.__init__()  # type: ignore[misc]  # all narrower questions are answered by it
        self._everything = True

    def add(self, questions: Iterable[Ask | Reread]) -> None:
        """Add questions. Those that a wider one covers already are forgotten."""
        if self._everything:
            return
        for one in questions:
            if isinstance(one, Ask):
                self._ifindexes |= dict.fromkeys(one.ifindexes)
                if one.where is not None:
                    self._links[one.where] = None
            else:
                self._add_reread(one)
        if len(self._ifindexes) > _ASKED_MOST or len(self._links) > _ASKED_MOST:
            self._ifindexes.clear()
            self._links.clear()
            self._add_reread(Reread("interfaces", reason="many interfaces changed"))

    def _add_reread(self, new: Reread) -> None:
        parts = self._rereads.setdefault((new.table, new.family), {})
        present = parts.get(new.filters)
        parts[new.filters] = new if present is None else _bounded(_both(present, new))
        whole = parts.get(())
        filtered = [one for filters, one in parts.items() if filters]
        if whole is not None and whole.scope is None and whole.only_if is None:
            self._rereads[new.table, new.family] = {(): whole}
        elif len(filtered) > _FILTERED_MOST:
            self._rereads[new.table, new.family] = {(): Reread(new.table, new.family, reason=f"{new.reason}, and many like it")}

    def take(self) -> Questions:
        """All that is pending; the agenda is empty after it."""
        taken = Questions(
            self._everything,
            tuple(self._ifindexes),
            tuple(self._links),
            tuple(one for parts in self._rereads.values() for one in parts.values()),
        )
        self.__init__()  # type: ignore[misc]
        return taken


def _both(one: Reread, other: Reread) -> Reread:
    """One dump for two questions that differ in scope or condition only."""
    return replace(one, scope=_either(one.scope, other.scope), only_if=_either(one.only_if, other.only_if))


def _bounded(one: Reread) -> Reread:
    """SQLite bounds how large a condition may be. A simpler one asks more often than needed; a whole dump may be taken whole."""
    scope, only_if = one.scope, one.only_if
    if scope is not None and len(scope.args) > _ARGUMENTS_MOST and not one.filters:
        scope = None
    if only_if is not None and len(only_if.args) > _ARGUMENTS_MOST:
        only_if = scope
    return replace(one, scope=scope, only_if=only_if)


def _either(one: Where | None, other: Where | None) -> Where | None:
    """None stands for "in any case"."""
    if one is None or other is None:
        return None
    return one if one == other else one | other
