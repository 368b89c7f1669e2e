"""Very many objects at once: one transaction, no object per row.

    await ndb.routes.create_many(specs)                     100 000 routes, or none
    await ndb.routes.replace_all(specs, table=100)          what is in table 100 becomes this; only the difference is sent
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from holdfast.errors import Denied, InvalidValue
from holdfast.model import INTERFACES
from holdfast.objects.batch import nested
from holdfast.objects.defaults import complete
from holdfast.objects.spec import Scene, as_fields
from holdfast.objects.values import Place, writer
from holdfast.transactions.contract import Change, Create, Delete, Request
from holdfast.transactions.difference import difference

if TYPE_CHECKING:
    from holdfast.model.names import Names
    from holdfast.objects.view import View

Row = dict[str, Any]

__all__ = ["Difference", "changes", "creations"]

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

    def count(self, requests: Iterable[Request], wanted: int) -> None:
        """wanted: how many rows are to be there afterwards."""
        kinds = Counter(type(one) for one in requests)
        self.created, self.changed, self.removed = kinds[Create], kinds[Change], kinds[Delete]
        self.kept = wanted - self.created - self.changed

    def __repr__(self) -> str:
        return f"<{self.created} created, {self.changed} changed, {self.removed} removed, {self.kept} kept>"


def creations(view: View[Any], specs: Iterable[Any], common: Mapping[str, Any]) -> Iterator[Create]:
    """A request for each spec, read as the engine asks for it. common: fields of all of them.

    Raises, on the way: InvalidValue, UnknownName - with the place of the spec, `index`, in `details`.
    """
    return (Create(target, view.table, row) for target, row in _read(view, specs, common))


def _read(view: View[Any], specs: Iterable[Any], common: Mapping[str, Any]) -> Iterator[tuple[str, Row]]:
    """Targets and rows of specs."""
    if view.readonly:
        raise Denied(f"`create` of {view.table.name}: this view was opened read-only")
    table, scene, reader = view.table, Lookups(view.reading), writer(view.table.name)
    everywhere, target_of, localhost = view.given(common), functools.cache(view.reading.target_of), view.reading.localhost
    elsewhere, known = everywhere.get("target"), dict[str, tuple[Place, Row]]()
    alone = functools.cache(lambda names: all(map(reader.stands_alone, names)))
    common_alone = alone(tuple(everywhere)) and reader.spelling.lengths.keys().isdisjoint(everywhere)  # a prefix brings its length
    for index, spec in enumerate(specs):
        try:
            own = spec if type(spec) is dict else _fields(view, spec)
            target = target_of(own.get("target", elsewhere) or localhost)
            if common_alone and alone(tuple(own)):  # what all have in common is read once
                if target not in known:
                    place = Place(scene, target, everywhere)
                    known[target] = place, reader.read(everywhere, place)
                place, common_fields = known[target]
                fields = reader.add(common_fields.copy(), own, place)
            else:
                given = {**everywhere, **own}
                fields = reader.read(given, Place(scene, target, given))
            row = complete(table.name, nested(fields) if table is INTERFACES else fields)
        except InvalidValue as error:
            error.details["index"] = index
            raise
        yield target, row


def _fields(view: View[Any], spec: Any) -> Mapping[str, Any]:
    return {view.word_for(spec): spec} if isinstance(spec, str | int) else as_fields(spec)


def changes(view: View[Any], specs: Iterable[Any], where: Mapping[str, Any], counts: Difference) -> list[Request]:
    """What turns the rows that fit `where` into exactly these specs; `where` holds for each of them as well.

    Raises: InvalidValue, UnknownName.
    """
    wanted: dict[str, list[Mapping[str, Any]]] = {}
    for target, row in _read(view, specs, where):
        wanted.setdefault(target, []).append(row)
    there: dict[str, list[tuple[Any, ...]]] = {}
    spared = view.plan.positions["proto"] if view.table.name == "routes" and "proto" not in where else None
    for cells in view.matching(view.given(where)):
        if spared is None or cells[spared] not in _KERNELS_PROTOCOLS:
            there.setdefault(cells[0], []).append(cells)
    requests: list[Request] = []
    for target in dict.fromkeys((*there, *wanted)):
        requests += difference(target, view.table, view.plan.columns, there.get(target, ()), wanted.get(target, ()))
    counts.count(requests, sum(map(len, wanted.values())))
    return requests
