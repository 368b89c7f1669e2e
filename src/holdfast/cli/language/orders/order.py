"""What a noun's words are, and how a line of them is read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from holdfast.errors import InvalidValue, UnknownName, did_you_mean
from holdfast.model import Field, Table

__all__ = ["Order", "Say", "Words", "bits", "fixed", "integer", "member", "number", "take", "value"]

Fields = dict[str, Any]
Say = Callable[[Fields, "Words"], None]
"""Reads what stands behind a word, and puts it into the fields."""

_LIKE_AN_ADDRESS: Final = re.compile(r"(?=.*\d)[0-9a-fA-F]*[.:][0-9a-fA-F.:]*(/\d*)?")
_NOTHING: Final = ("none", "-")


class Words:
    """The words of a line that are still to be read. `last`: the one read last, for messages."""

    def __init__(self, words: list[str], noun: str) -> None:
        self._left = list(reversed(words))
        self.noun = noun
        self.last = ""

    def __bool__(self) -> bool:
        return bool(self._left)

    @property
    def next(self) -> str:
        """The word that will be taken, "" at the end."""
        return self._left[-1] if self._left else ""

    def take(self) -> str:
        """Raises: InvalidValue - a value is missing."""
        if not self._left:
            raise InvalidValue(f"expected a value behind `{self.last}` – in the words of the {self.noun}")
        self.last = self._left.pop()
        return self.last

    def give_back(self, word: str) -> None:
        self._left.append(word)


def take(words: Words, *wanted: str) -> bool:
    """Take the next word if it is one of these."""
    if words.next in wanted and words:
        words.take()
        return True
    return False


def value(name: str) -> Say:
    """The word behind is the field's value, as it is written; `none` takes it away."""

    def say(fields: Fields, words: Words) -> None:
        text = words.take()
        fields[name] = None if text in _NOTHING else text

    return say


def number(name: str) -> Say:
    """The word behind is a number."""

    def say(fields: Fields, words: Words) -> None:
        fields[name] = integer(words)

    return say


def fixed(**given: Any) -> Say:
    """The word alone says it."""

    def say(fields: Fields, words: Words) -> None:
        del words
        fields.update(given)

    return say


def bits(name: str, *flags: str) -> Say:
    """The word alone adds to a list of flags."""

    def say(fields: Fields, words: Words) -> None:
        del words
        fields.setdefault(name, []).extend(flags)

    return say


def member(name: str, part: str) -> Say:
    """The word behind is a number inside of a field that is an object: `buckets 64` of a nexthop group."""

    def say(fields: Fields, words: Words) -> None:
        fields.setdefault(name, {})[part] = integer(words)

    return say


def integer(words: Words) -> int:
    """Raises: InvalidValue - the next word is none."""
    behind = words.last
    text = words.take()
    try:
        return int(text, 0)
    except ValueError:
        raise InvalidValue(f"expected a number, got `{text}` – at `{behind}`") from None


@dataclass(frozen=True)
class Order:
    """A noun's words.

    words   word → what it says. Fields of the model are words as well, unless something else is said by their name.
    bare    what values without a word are, in this order: field → is it one? (of the text).
    key     the fields that say which object is meant; the rest is what it is like.
    kinds   kind → the words that may follow it, and their fields; by the names of these they are among `words`.
    more    words that there are besides, after what was read: those of the kind.
    finish  completes what was read, or refuses it.
    """

    table: Table
    words: Mapping[str, Say]
    bare: Mapping[str, Callable[[str], bool]] = field(default_factory=dict)
    key: tuple[str, ...] = ()
    kinds: Mapping[str, Mapping[str, Field]] = field(default_factory=dict)
    more: Callable[[Fields], Mapping[str, Say]] = lambda fields: {}
    finish: Callable[[Fields], None] | None = None

    @cached_property
    def known(self) -> dict[str, Say]:
        """Every word."""
        return {name: value(one.name) for one in self.plain for name in (one.name, *one.aliases)} | dict(self.words)

    @property
    def plain(self) -> list[Field]:
        """The fields of the model that are words, each with its value behind it."""
        return [one for one in self.table.fields if not (one.readonly or one.derive or one.json)]

    def read(self, line: list[str]) -> Fields:
        """The fields that a line of words says.

        Raises: UnknownName - a word that is none;  InvalidValue - a value is missing, or of the wrong form.
        """
        words = Words(line, self.table.noun)
        fields: Fields = {}
        while words:
            self._read_one(words, fields)
        if self.finish is not None:
            self.finish(fields)
        return fields

    def _read_one(self, words: Words, fields: Fields) -> None:
        token = words.take()
        name, equals, rest = token.partition("=")
        if equals and name in self.known:
            words.give_back(rest)
            words.last = token = name
        elif token not in self.known:
            more = self.more(fields)
            if token in more:
                more[token](fields, words)
                return
            for place, fits in self.bare.items():
                if place not in fields and fits(token):
                    fields[place] = token
                    return
            raise self._unknown(token, fields, more)
        self.known[token](fields, words)

    def _unknown(self, token: str, fields: Mapping[str, Any], more: Iterable[str]) -> InvalidValue | UnknownName:
        if _LIKE_AN_ADDRESS.fullmatch(token) and not self.bare.keys() <= fields.keys():
            example = "for example 10.0.0.0/24 or 2001:db8::1"
            return InvalidValue(f"expected an address or a prefix, got `{token}` – in the words of the {self.table.noun}", hint=example)
        kind = f" {fields['kind']}" if fields.get("kind") in self.kinds else ""
        hint = did_you_mean(token, [*self.known, *more], also=f"`holdfast add {self.table.noun} help{kind}` lists the words")
        article = "an" if self.table.noun[0] in "aeiou" else "a"
        return UnknownName(f"`{token}` is no word of {article} {self.table.noun}", hint=hint)
