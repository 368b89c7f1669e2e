"""What it takes to show a noun, and the texts that several nouns share.

A heading is also the word to filter by: column DEV of a route, `dev eth0`. The fields behind it keep their own names in
`--json`, in SQL and in `--columns`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from holdfast.cli.language.conditions import Condition
from holdfast.cli.language.spelling import Spelling
from holdfast.model import Table

__all__ = ["Hidden", "Look", "Text", "View", "flags", "named", "number", "prefix"]

Text = Callable[..., str]


@dataclass(frozen=True, slots=True)
class View:
    """One column of a listing: its heading, the fields it is made of, and how they become text.

    text    called with the spelling, the target and the fields' values; None: the field's own text.
    label   part of what names the row in a line of `watch`, 1 before 2; the first one goes without its word.
    told    stands in such a line at all.
    bare    stands there without its word.
    plain   a column that holds nothing else may be left out where there is no room for it.
    spare   may be left out whatever it holds, and that is said; 2 before 1.
    """

    heading: str
    fields: tuple[str, ...]
    text: Text | None = None
    role: str = ""
    right: bool = False
    elastic: bool = False
    keep: bool = False
    label: int = 0
    told: bool = True
    bare: bool = False
    plain: str = ""
    spare: int = 0


class Hidden(NamedTuple):
    """Rows that a listing leaves out, as `ip` does, unless a filter asks for one of the fields.

    how  the filter that shows them.
    """

    condition: Condition
    how: str
    unless: frozenset[str]


@dataclass(frozen=True, slots=True)
class Look:
    """A noun on the terminal.

    short     what `ip` calls it; the first is the one that help texts use.
    words     word → the fields that may hold the value, any of them.
    special   word → how its value becomes a condition, where that is more than comparing fields.
    prefixes  field of an address → field of its prefix length.
    flags     words without a value.
    bare      what a value without a word may be, by its form: "device", "address", "lladdr", "number", "name" → word.
    hidden    rows that a listing leaves out.
    beneath   lines below a row: fields, and how they become lines.
    order     fields to sort by, behind the target; addresses by their bytes.
    """

    table: Table
    short: tuple[str, ...]
    views: tuple[View, ...]
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    special: Mapping[str, Callable[[Spelling, str], Condition]] = field(default_factory=dict)
    prefixes: Mapping[str, str] = field(default_factory=dict)
    flags: Mapping[str, Condition] = field(default_factory=dict)
    bare: Mapping[str, str] = field(default_factory=dict)
    hidden: Hidden | None = None
    beneath: tuple[tuple[str, ...], Callable[..., Iterable[str]]] | None = None
    order: tuple[str, ...] = ()


def prefix(_: Spelling, target: str, address: Any, length: Any) -> str:
    if address is None:
        return ""
    return address if address == "default" or length is None else f"{address}/{length}"


def number(_: Spelling, target: str, value: Any) -> str:
    return str(value) if value else ""


def named(table: str, plain: int | None = None) -> Text:
    """The name of a number; nothing for the value that goes without saying."""
    return lambda spelling, target, value: "" if value is None or value == plain else spelling.name(table, value)


def flags(table: str, without: frozenset[str] = frozenset()) -> Text:
    return lambda spelling, target, value: ",".join(word for word in spelling.flags(table, value) if word not in without)
