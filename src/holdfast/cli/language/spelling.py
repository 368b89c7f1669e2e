"""How values are spelled: names for numbers, interface names for indexes, and back.

One `Spelling` serves one command. It is given the name tables of a host and the interfaces of all targets; what it has
spelled once it remembers, since a listing spells the same few tables, protocols and interfaces over and over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

import msgspec

from holdfast.errors import InvalidValue, NotFound, did_you_mean
from holdfast.model import Field
from holdfast.model.names import Names

from .conditions import decoded

__all__ = ["Spelling", "compact", "is_device"]

Link = tuple[str, int, str, Any, int | None]
"""target, ifindex, ifname, altnames (JSON), and the routing table if it is a VRF"""

_PATTERN: Final = "*?["


def is_device(field: Field) -> bool:
    """Does the field hold the index of an interface?"""
    return field.names == "ifindex" or field.unit == "ifindex"


class Spelling:
    """Names of numbers (`name`, `flags`, `words`) and of interfaces (`device`), and numbers of names (`number`, `links`)."""

    def __init__(self, names: Names, links: Iterable[Link] = (), far: Callable[[], Mapping[tuple[str, int], str]] = dict) -> None:
        """far: finds which interface the other end of one is, where that is in another namespace; asked for when it is wanted."""
        self._names = names
        self._find_far = far
        self._far: Mapping[tuple[str, int], str] | None = None
        self._links = list(links)
        self._devices = {(target, index): name for target, index, name, *_ in self._links}
        self._known: dict[tuple[str, Any], str] = {}
        self.strict = True  # are unknown interfaces an error? For a watch they may come yet
        self.decoded = decoded

    def learn(self, link: Link) -> None:
        """An interface is new, or has another name. What is gone keeps its name, for those who still speak of it."""
        self._links = [one for one in self._links if one[:2] != link[:2]] + [link]
        self._devices[link[:2]] = link[2]

    # -- numbers to words ------------------------------------------------------------------------------------------

    def name(self, table: str, value: Any) -> str:
        """The name of a number, or the number."""
        if value is None:
            return ""
        known = self._known.get((table, value))
        if known is None:
            known = self._known[table, value] = self._names.name_of(table, value) if table else str(value)
        return known

    def flags(self, table: str, value: Any) -> list[str]:
        """The names of the bits that are set, what has no name as one hexadecimal number."""
        return self._names.words_of(table, value) if value else []

    def device(self, target: str, index: Any) -> str:
        """The interface's name; `if7` where it is not known, as `ip` writes it."""
        if not index:
            return ""
        return self._devices.get((target, index)) or f"if{index}"

    def far(self, target: str, index: int) -> str:
        """`eth0@blue`, what an interface is linked with in another namespace; "" where that is not known."""
        if self._far is None:
            self._far = self._find_far()
        return self._far.get((target, index), "")

    def text(self, field: Field, target: str, value: Any) -> str:
        """Any field's value as a person writes it."""
        if value is None:
            return ""
        if is_device(field):
            return self.device(target, value)
        if field.json:
            return compact(decoded(value))
        if field.names:
            return self.name(field.names, value)
        if isinstance(value, bytes):
            return value.hex()
        return str(value)

    # -- words to numbers ------------------------------------------------------------------------------------------

    def number(self, table: str, text: str) -> int:
        """The number of a name, or of a number as text. Raises: UnknownName - neither; InvalidValue."""
        return self._names.number_of(table, text)

    def has_number(self, table: str, text: str) -> bool:
        """Is this a name of a number?"""
        return text.lower() in (word.lower() for word in self._names.table(table).values())

    def words_of(self, table: str) -> list[str]:
        """All names of a table, for completion."""
        return list(self._names.table(table).values())

    def has_link(self, text: str) -> bool:
        """Are there names of interfaces in this list, or patterns for names?"""
        return any(any(mark in one for mark in _PATTERN) or self._find(one) for one in text.split(","))

    def links(self, text: str) -> frozenset[tuple[str, int]]:
        """The interfaces, of all targets, with these names, alternative names or indexes, separated by commas; patterns
        with `*`, `?`, `[…]` may match none.

        Raises: NotFound - no target has such an interface.
        """
        found: frozenset[tuple[str, int]] = frozenset()
        for one in text.split(","):
            if self.strict and not self.has_link(one):
                hint = did_you_mean(one, self.device_names, otherwise="`holdfast show interfaces` lists them")
                raise NotFound(f"there is no interface `{one}`", hint=hint)
            found |= self._find(one)
        return found

    def vrf_tables(self, text: str) -> frozenset[int]:
        """The routing tables of VRFs, given by name. Raises: NotFound; InvalidValue - an interface that is no VRF."""
        links = self.links(text)
        tables = frozenset(table for target, index, _, _, table in self._links if table is not None and (target, index) in links)
        if not tables:
            raise InvalidValue(f"expected a VRF, got the interface `{text}` – at `vrf`")
        return tables

    def _find(self, text: str) -> frozenset[tuple[str, int]]:
        wanted = int(text) if text.isdecimal() else None
        return frozenset(
            (target, index)
            for target, index, name, altnames, _ in self._links
            if index == wanted or any(fnmatchcase(one, text) for one in (name, *(decoded(altnames) or ())) if one)
        )

    @property
    def targets(self) -> list[str]:
        return sorted({target for target, *_ in self._links})

    @property
    def device_names(self) -> list[str]:
        return sorted({name for _, _, name, *_ in self._links})


def compact(value: Any) -> str:
    """A JSON value in words: `forward_delay 1500 stp_state 0`; lists with commas; nested objects in parentheses."""
    if isinstance(value, dict):
        return " ".join(f"{name} {_inner(part)}" for name, part in value.items())
    return _inner(value)


def _inner(value: Any) -> str:
    if isinstance(value, dict):
        return f"({compact(value)})"
    if isinstance(value, list):
        return ",".join(_inner(one) for one in value)
    if value is None or isinstance(value, bool):
        return msgspec.json.encode(value).decode()
    return str(value)
