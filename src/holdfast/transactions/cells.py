"""Fields of rows as tuples, at the speed of itemgetter: what rows are named, looked up and compared by, a hundred thousand times. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from operator import itemgetter
from typing import Any, Final

from holdfast.model.field import Table

__all__ = ["LOCATORS", "Fields", "key_of", "locator_of", "name_of", "picking"]

Row = Mapping[str, Any]
Cells = tuple[Any, ...]

LOCATORS: Final = {
    "interfaces": ("ifname",),
    "addresses": ("local", "ifindex", "prefixlen", "family", "ipv4_peer"),
    "routes": ("dst", "dst_len", "table_id", "family", "tos", "priority"),
    "neighbours": ("dst", "ifindex", "proxy", "family"),
    "rules": ("priority", "family", "table_id"),
    "nexthops": ("id",),
    "fdb": ("lladdr", "vlan", "master", "ifindex"),
    "vlans": ("ifindex", "vid"),
    "netns": ("name",),
}
"""What an object is looked up by when only what was asked for is known; the rest is compared."""


def picking(places: Sequence[Any]) -> Callable[[Any], Cells]:
    """Several parts of a row at once; `itemgetter` gives a single one bare, and takes none not at all."""
    return itemgetter(*places) if len(places) > 1 else lambda row: tuple([row[one] for one in places])


class Fields:
    """Some fields of a table's rows, in this order."""

    __slots__ = ("_defaults", "_get", "names")

    def __init__(self, table: Table, names: Iterable[str]) -> None:
        self.names = tuple(names)
        self._defaults = tuple((name, table.defaults.get(name)) for name in self.names)
        self._get: Callable[[Row], Any] = itemgetter(slice(0)) if not self.names else itemgetter(*self.names)

    def of(self, row: Row) -> Cells:
        """Their values; what is not in the row has its default."""
        if len(self.names) > 1:
            try:
                return self._get(row)  # type: ignore[no-any-return]
            except KeyError:
                pass
        return tuple([row.get(name, default) for name, default in self._defaults])

    def given(self, row: Row) -> dict[str, Any]:
        """Those of which the row has a value."""
        return {name: value for name, value in zip(self.names, self.of(row), strict=True) if value is not None and name in row}


@cache
def _key(table: Table) -> Fields:
    return Fields(table, table.key)


@cache
def _locator(table: Table) -> Fields:
    return Fields(table, LOCATORS[table.name])


def key_of(table: Table, row: Row) -> Cells:
    """The key of a row, or of a part of one."""
    return _key(table).of(row)


def locator_of(table: Table, row: Row) -> Cells:
    """What an object is looked up by."""
    return _locator(table).of(row)


def name_of(table: Table, row: Row) -> Cells:
    """The key as what a set can hold."""
    found = _key(table).of(row)
    return found if table.json.isdisjoint(table.key) else tuple([repr(one) if isinstance(one, list | dict) else one for one in found])
