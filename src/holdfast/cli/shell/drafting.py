"""The current draft as the tree that commands see."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final

from holdfast.cli.asking.steering import Caller, Items
from holdfast.cli.presentation.style import printable, style_for
from holdfast.errors import InvalidValue
from holdfast.tree.paths import Path, parse, show
from holdfast.tree.text import members, read, write

__all__ = ["InDraft"]

_MEANINGLESS: Final = {
    "message": "its message is that of `commit -m`",
    "expected": "its commit is refused anyway if somebody changed the same",
}


_WITHOUT: Final = {
    **dict.fromkeys(("tree.get", "tree.log", "tree.diff", "tree.blame"), "what was committed"),
    **dict.fromkeys(("tree.rollback", "tree.redo", "tree.revert", "tree.attach", "tree.detach"), "at once, in the tree itself"),
}
"""Verbs of commits, of which a draft is none: what is said of them where one is current."""


class InDraft:
    """The tree with a draft in front: reading sees it, writing goes to it; what it cannot do, the tree does."""

    def __init__(self, caller: Caller, name: str) -> None:
        self._caller = caller
        self._name = name
        self._said = False

    def call(self, verb: str, **given: Any) -> Any:
        """Raises: InvalidValue - an argument that a draft has no use for;  as the verb."""
        match verb:
            case "tree.put" | "tree.merge" | "tree.rm" if not given.get("session"):
                return self._write(verb, given)
            case "tree.load":
                return self._load(**given)
            case "tree.get" if not given.get("back") and given.get("at") is None:
                value = self._value(given)
                return {"value": value, "version": None, "draft": self._name} if given.get("meta") else value
            case "tree.keys" | "tree.find":
                return self._caller.call(verb.replace(".", ".draft_"), name=self._name, **given)
            case "tree.export":
                return write(self._value(given), given.get("form", "json"))
            case "tree.graph":
                return list(_edges(self._value(given), parse(given.get("path", ""))))
        self._say_without(verb)
        return self._caller.call(verb, **given)

    def stream(self, verb: str, **given: Any) -> Items:
        return self._caller.stream(verb, **given)

    def _value(self, given: Mapping[str, Any]) -> Any:
        return self._caller.call("tree.draft_get", name=self._name, path=given.get("path", ""))

    def _write(self, verb: str, given: Mapping[str, Any]) -> dict[str, Any]:
        _check_meaning(given)
        arguments = {name: given[name] for name in ("path", "value", "patch") if name in given}
        self._caller.call(verb.replace(".", ".draft_"), name=self._name, **arguments)
        return self._so_far()

    def _load(self, text: str, path: str = "", form: str = "json", *, merge: bool = False, **given: Any) -> dict[str, Any]:
        """An import, member by member where it is of the whole tree."""
        _check_meaning(given)
        value = read(text, form)
        verb, argument = ("tree.draft_merge", "patch") if merge else ("tree.draft_put", "value")
        for at, one in [(path, value)] if path else [(show((key,)), one) for key, one in members(value)]:
            self._caller.call(verb, name=self._name, path=at, **{argument: one})
        return self._so_far()

    def _so_far(self) -> dict[str, Any]:
        return {"draft": self._name, "changes": self._caller.call("tree.draft_diff", name=self._name)}

    def _say_without(self, verb: str) -> None:
        """Once in a command: what it is about, where that is not the draft."""
        why = _WITHOUT.get(verb)
        if why and not self._said:
            self._said = True
            print(style_for(sys.stderr, "auto")("dim", f"({why}: draft {printable(self._name)} is no part of it)"), file=sys.stderr)


def _check_meaning(given: Mapping[str, Any]) -> None:
    for name, why in _MEANINGLESS.items():
        if given.get(name):
            raise InvalidValue(f"`--{name}` has no meaning in a draft: {why}", hint="`draft` leaves the draft")


def _edges(value: Any, path: Path) -> Iterator[tuple[str, str]]:
    """As the verb `graph` tells them, of a value."""
    for key, child in sorted(value.items()) if isinstance(value, dict) else ():
        yield show(path), show((*path, key))
        yield from _edges(child, (*path, key))
