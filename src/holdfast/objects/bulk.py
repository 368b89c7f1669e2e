"""Very many objects at once: one transaction, no object per row.

    await ndb.routes.create_many(specs)                     100 000 routes, or none
    await ndb.routes.replace_all(specs, table=100)          what is in table 100 becomes this; only the difference is sent
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from holdfast.errors import AlreadyExists, Denied, InvalidValue
from holdfast.model import INTERFACES
from holdfast.objects.batch import nested
from holdfast.objects.defaults import complete
from holdfast.objects.pending import same
from holdfast.objects.spec import Scene, as_fields
from holdfast.objects.values import Place, writer
from holdfast.transactions.complete import completed
from holdfast.transactions.contract import Change, Create, Delete, Request

if TYPE_CHECKING:
    from holdfast.model.field import Table
    from holdfast.model.names import Names
    from holdfast.objects.view import View

Row = dict[str, Any]

__all__ = ["Difference", "creations", "difference"]

_PLACES: Final[dict[str, tuple[str, ...]]] = {
    "routes": ("dst", "dst_len", "family", "table_id", "tos", "priority", "src", "src_len"),
    "addresses": ("local", "prefixlen", "family", "ifindex"),
    "rules": ("priority", "family"),
}
"""Where in its table an object stands, if that is less than its key: several may stand there; each is matched by what else is asked."""

_KERNELS_PROTOCOLS: Final = (1, 2, 9)
"""Routes that the kernel makes (redirect, kernel, ra) are nobody's to replace, unless they are asked for by `proto`."""


class Lookups:
    """A scene that asks once for each interface."""

    def __init__(self, scene: Scene) -> None:
        self._names = functools.cache(scene.names)
        self._index_of = functools.cache(scene.index_of)

    def names(self, target: str) -> Names:
        return self._names(target)

    def index_of(self, target: str, ifname: str) -> int:
        return self._index_of(target, ifname)


class Difference:
    """What `replace_all` did, in numbers: `created`, `changed`, `removed`, and `kept`, which were right already."""

    def __init__(self) -> None:
        self.created = self.changed = self.removed = self.kept = 0

    def __repr__(self) -> str:
        return f"<{self.created} created, {self.changed} changed, {self.removed} removed, {self.kept} kept>"


def creations(view: View[Any], specs: Iterable[Any], common: Mapping[str, Any]) -> Iterator[Create]:
    """A request for each spec, read as the engine asks for it. common: fields of all of them.

    Raises, on the way: InvalidValue, UnknownName - with the place of the spec, `index`, in `details`.
    """
    if view.readonly:
        raise Denied(f"`create` of {view.table.name}: this view was opened read-only")
    table, scene, read = view.table, Lookups(view.reading), writer(view.table.name)
    for index, spec in enumerate(specs):
        try:
            given = view.given({**common, **_fields(view, spec)})
            target = view.reading.target_of(given.get("target") or view.reading.localhost)
            fields = read.read(given, Place(scene, target, given))
            row = complete(table.name, nested(fields) if table is INTERFACES else fields)
        except InvalidValue as error:
            error.details["index"] = index
            raise
        yield Create(target, table, row)


def _fields(view: View[Any], spec: Any) -> Mapping[str, Any]:
    return {view.word_for(spec): spec} if isinstance(spec, str | int) else as_fields(spec)


def difference(view: View[Any], specs: Iterable[Any], where: Mapping[str, Any], counts: Difference) -> list[Request]:
    """What turns the rows that fit `where` into exactly these specs; `where` holds for each of them as well.

    Raises: InvalidValue, UnknownName;  AlreadyExists - the same object twice.
    """
    table = view.table
    place = _PLACES.get(table.name, table.key)
    there = _rows(view, place, where)
    wanted = [(request.target, completed(table, request.row)) for request in creations(view, specs, where)]
    _distinct(table, place, wanted)
    requests: list[Request] = []
    left: list[tuple[str, dict[str, Any]]] = []
    for target, row in wanted:
        found = there.get(_place(place, target, row), [])
        fitting = next((one for one in found if _fits(table, row, one)), None)
        if fitting is None:
            left.append((target, row))
        else:
            found.remove(fitting)
            counts.kept += 1
    for target, row in left:
        found = there.get(_place(place, target, row), [])
        if found:
            now = found.pop(0)
            fields = {name: value for name, value in row.items() if not _same(table, name, value, now)}
            requests.append(Change(target, table, now, fields))
            counts.changed += 1
        else:
            requests.append(Create(target, table, row))
            counts.created += 1
    gone: list[Request] = [Delete(at[0], table, one, missing_ok=True) for at, found in there.items() for one in found]
    counts.removed = len(gone)
    return gone + requests


def _rows(view: View[Any], place: tuple[str, ...], where: Mapping[str, Any]) -> dict[tuple[Any, ...], list[Row]]:
    there: dict[tuple[Any, ...], list[Row]] = {}
    for row in view.matching(view.given(where)):
        one = view.plan.row_of(row)
        if view.table.name == "routes" and "proto" not in where and one["proto"] in _KERNELS_PROTOCOLS:
            continue
        there.setdefault(_place(place, str(row[0]), one), []).append(one)
    return there


def _place(place: tuple[str, ...], target: str, row: Mapping[str, Any]) -> tuple[Any, ...]:
    return (target, *(row.get(name) or 0 for name in place))


def _fits(table: Table, wanted: Mapping[str, Any], now: Row) -> bool:
    return all(_same(table, name, value, now) for name, value in wanted.items())


def _same(table: Table, name: str, wanted: Any, now: Row) -> bool:
    if name not in table.columns or table[name].derive:
        return True
    found = now[name]
    if wanted in (0, None) and found in (0, None):
        return True
    return same(name, wanted, found)


def _distinct(table: Table, place: tuple[str, ...], wanted: list[tuple[str, dict[str, Any]]]) -> None:
    if table.name in _PLACES:
        return
    seen: set[tuple[Any, ...]] = set()
    for index, (target, row) in enumerate(wanted):
        key = _place(place, target, row)
        if key in seen:
            raise AlreadyExists(f"{table.noun} {'/'.join(str(part) for part in key if part)} is asked for twice", index=index)
        seen.add(key)
