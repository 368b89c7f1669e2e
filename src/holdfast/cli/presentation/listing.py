"""Rows of a noun as columns of text."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from holdfast.cli.language.filters import vocabulary
from holdfast.cli.language.looks import Look, View
from holdfast.cli.language.looks.look import Text
from holdfast.cli.language.spelling import Spelling, compact, is_device
from holdfast.errors import UnknownName, did_you_mean
from holdfast.model import Field

from .layout import Column

__all__ = ["Listing", "all_views", "chosen_views", "details"]

Row = Sequence[Any]


class Listing:
    """Which fields a listing needs, and how fetched rows become columns.

    more   further fields to select.
    lines  also the lines below rows, where not all columns are shown.

    Order of use: `fields` are what to select, then `columns(rows)` with rows that have these, in this order, behind `target`.
    """

    def __init__(self, look: Look, views: Sequence[View], more: Iterable[str] = (), *, lines: bool = False) -> None:
        self.look = look
        self.views = views
        self._beneath = look.beneath if lines or views is look.views else None  # who chooses columns wants these, and no lines
        beneath = self._beneath[0] if self._beneath else ()
        wanted = {name for view in views for name in view.fields} | set(look.order) | set(beneath) | set(more)
        self.fields = tuple(name for name in look.table.columns if name in wanted)
        self._places = {name: place for place, name in enumerate(self.fields, 1)}

    def sort(self, rows: list[Row]) -> list[Row]:
        """By target, then as the look orders; addresses by their bytes."""
        if not rows:
            return rows
        byname = list(zip(*rows, strict=True))
        keys: list[Sequence[Any]] = [byname[0]]
        for name in self.look.order:
            values, shape = byname[self._places[name]], self.look.table[name].shape
            if getattr(shape, "name", "") in ("ip", "destination"):
                keys.append(_each(values, _address_key))
            else:
                keys.append([("" if shape.sql == "TEXT" else -1) if value is None else value for value in values])
        order = list(zip(*keys, strict=True))
        return [rows[number] for number in sorted(range(len(rows)), key=order.__getitem__)]

    def columns(self, rows: Sequence[Row], spelling: Spelling, *, with_target: bool) -> list[Column]:
        byname = list(zip(*rows, strict=True)) if rows else [()] * (len(self.fields) + 1)
        targets: Sequence[str] = byname[0]
        found = [Column("TARGET", targets, role="dim")] if with_target else []
        for view in self.views:
            text = partial(_spelled, view.text or _plain_text(self.look.table[view.fields[0]]), spelling)
            cells = _each(zip(targets, *(byname[self._places[name]] for name in view.fields), strict=True), text)
            found.append(Column(view.heading, cells, view.right, view.role, view.elastic, view.keep, view.plain, view.bare, view.spare))
        return found

    def families(self, rows: Sequence[Row]) -> list[list[Row]]:
        """The rows in blocks of one address family each: in a block of IPv4 no column is as wide as IPv6 makes it."""
        if "family" not in self._places:
            return [list(rows)]
        place = self._places["family"]
        blocks: dict[Any, list[Row]] = {}
        for row in rows:
            blocks.setdefault(row[place], []).append(row)
        return list(blocks.values())

    def beneath(self, rows: Sequence[Row], spelling: Spelling) -> dict[int, list[str]]:
        """The lines that belong below rows, by the rows' numbers."""
        if self._beneath is None:
            return {}
        names, text = self._beneath
        places = [self._places[name] for name in names]
        return {
            number: list(text(spelling, row[0], *(row[place] for place in places)))
            for number, row in enumerate(rows)
            if any(row[place] is not None for place in places)
        }

    def details(self, row: Row, spelling: Spelling, fields: Sequence[Field]) -> list[str]:
        """`name value` of these fields, where they say something."""
        return details(fields, [row[self._places[field.name]] for field in fields], row[0], spelling)


def _each(values: Iterable[Any], make: Callable[[Any], Any]) -> list[Any]:
    """`make` of each value, called once for equal ones: in a long listing most are."""
    known: dict[Any, Any] = {}
    return [known[value] if value in known else known.setdefault(value, make(value)) for value in values]


def _spelled(text: Text, spelling: Spelling, row: Row) -> str:
    return text(spelling, *row)


def _plain_text(field: Field) -> Text:
    return lambda spelling, target, value: spelling.text(field, target, value)


def details(fields: Sequence[Field], values: Sequence[Any], target: str, spelling: Spelling) -> list[str]:
    """`name value` pairs; the parts of a JSON object become pairs of their own where it is one per kind."""
    pairs = []
    for field, value in zip(fields, values, strict=True):
        if value is None or value == field.default or value in ("{}", "[]", ""):
            continue
        if field.name in ("kind_data", "port_data"):
            pairs += [f"{name} {compact(part)}" for name, part in (spelling.decoded(value) or {}).items()]
        elif text := spelling.text(field, target, value):
            pairs.append(f"{field.name} ({text})" if field.json and " " in text else f"{field.name} {text}")
    return pairs


def _address_key(value: Any) -> bytes:
    """`default` first, then by bytes; MPLS labels by number."""
    if not value or value == "default":
        return b""
    try:
        return socket.inet_pton(socket.AF_INET6 if ":" in value else socket.AF_INET, value)
    except OSError:
        return int(value).to_bytes(8, "big") if value.isdecimal() else value.encode()


def view_of(field: Field) -> View:
    """A column for a field as it is."""
    shape = getattr(field.shape, "name", "")
    role = (
        "ifname"
        if is_device(field) or field.name == "ifname"
        else {"ip": "address", "destination": "address", "lladdr": "lladdr"}.get(shape, "")
    )
    right = field.shape.sql == "INTEGER" and not field.names
    return View(field.name.upper(), (field.name,), role=role, right=right, elastic=field.json, keep=True)


def all_views(look: Look) -> tuple[View, ...]:
    """Every field of the table, under its own name."""
    return tuple(view_of(field) for field in look.table.fields)


def chosen_views(look: Look, names: str) -> tuple[View, ...]:
    """The columns that a list of names asks for: headings as they are in the listing, or fields. Raises: UnknownName."""
    headings = {view.heading.lower(): view for view in look.views}
    words = vocabulary(look)
    found = []
    for name in (one.strip().lower() for one in names.split(",")):
        if name in headings:
            found.append(headings[name])
        elif words.get(name):
            found.append(view_of(look.table[words[name][0]]))
        else:
            hint = did_you_mean(name, [*headings, *words], also=f"`holdfast show {look.short[0]} help` lists them")
            raise UnknownName(f"{look.table.name} have no column `{name}`", hint=hint)
    return tuple(found)
