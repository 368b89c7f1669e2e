"""Very many objects at once: one transaction, no object per row.

    await ndb.routes.create_many(specs)                     100 000 routes, or none
    await ndb.routes.replace_all(specs, table=100)          what is in table 100 becomes this; only the difference is sent
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from holdfast.errors import Denied, InvalidValue, UsageError
from holdfast.model import FDB, INTERFACES
from holdfast.objects import alike
from holdfast.objects.batch import nested
from holdfast.objects.defaults import NTF_MASTER, complete
from holdfast.objects.spec import Scene, as_fields
from holdfast.objects.values import Place, writer
from holdfast.transactions.complete import completed
from holdfast.transactions.contract import Change, Create, Delete, Request
from holdfast.transactions.creations import Creations
from holdfast.transactions.difference import difference
from holdfast.transactions.plan import FREE

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


def creations(view: View[Any], specs: Iterable[Any], common: Mapping[str, Any]) -> Sequence[Request]:
    """A request for each spec. common: fields of all of them.

    Raises: InvalidValue, UnknownName - with the place of the spec, `index`, in `details`.
    """
    reading = _Specs(view, common)
    if view.table.name not in FREE:
        return [Create(target, view.table, row) for target, row in reading.rows(specs)]
    many = Creations()
    for run in alike.runs(specs):
        for number, (target, row) in enumerate(reading.rows(run, len(many))):
            many.append(Create(target, view.table, row))
            if not number and (columns := reading.columns(run)) is not None and many.append_like(len(run) - 1, columns):
                break
    return many.as_few()


class _Specs:
    """Reads specs of one view. common: fields of all of them, read once where that can be done."""

    def __init__(self, view: View[Any], common: Mapping[str, Any]) -> None:
        if view.readonly:
            raise Denied(f"`create` of {view.table.name}: this view was opened read-only")
        self._view = view
        self._scene = Lookups(view.reading)
        self._reader = reader = writer(view.table.name)
        self._everywhere = view.given(common)
        self._target_of = functools.cache(view.reading.target_of)
        self._alone = functools.cache(lambda names: all(map(reader.stands_alone, names)))
        lengths = reader.spelling.lengths.keys()
        self._common_alone = self._alone(tuple(self._everywhere)) and lengths.isdisjoint(self._everywhere)  # a prefix brings its length
        self._known: dict[str, tuple[Place, Row]] = {}

    def rows(self, specs: Iterable[Any], first: int = 0) -> Iterator[tuple[str, Row]]:
        """Targets and rows. first: the place of the first of them among all. Raises: as `creations`."""
        table, add, where = self._view.table, self._reader.add, self._where
        for index, spec in enumerate(specs, first):
            try:
                own = spec if type(spec) is dict else _fields(self._view, spec)
                target = where(own)
                if self._common_alone and self._alone(tuple(own)):
                    place, common_fields = self._common(target)
                    fields = add(common_fields.copy(), own, place)
                else:
                    given = {**self._everywhere, **own}
                    fields = self._reader.read(given, Place(self._scene, target, given))
                row = complete(table.name, nested(fields) if table is INTERFACES else fields)
                if table is FDB and row.get("flags", 0) & NTF_MASTER and not row.get("master"):
                    raise InvalidValue("expected the bridge as `master`, got the flag alone – at flags", hint="`self` is the port's list")
            except UsageError as error:
                error.details["index"] = index
                raise
            yield target, row

    def columns(self, run: Sequence[Any]) -> alike.Columns | None:
        """What specs that are alike say, field by field, if they may be read so."""
        own = run[0]
        if len(run) < alike.LEAST or not (self._common_alone and self._alone(tuple(own))) or "target" in own:
            return None
        return alike.columns(self._reader, run, self._common(self._where(own))[0])

    def _where(self, own: Mapping[str, Any]) -> str:
        where = own.get("target", self._everywhere.get("target")) or self._view.reading.localhost
        return self._target_of(where) if type(where) is str else self._view.reading.target_of(where)

    def _common(self, target: str) -> tuple[Place, Row]:
        if target not in self._known:
            place = Place(self._scene, target, self._everywhere)
            self._known[target] = place, self._reader.read(self._everywhere, place)
        return self._known[target]


def _fields(view: View[Any], spec: Any) -> Mapping[str, Any]:
    return {view.word_for(spec): spec} if isinstance(spec, str | int) else as_fields(spec)


def changes(view: View[Any], specs: Iterable[Any], where: Mapping[str, Any], counts: Difference) -> list[Request]:
    """What turns the rows that fit `where` into exactly these specs; `where` holds for each of them as well.

    Raises: InvalidValue, UnknownName.
    """
    made = creations(view, specs, where)
    wanted: dict[str, list[Row]] = made.asked() if isinstance(made, Creations) else {}
    for one in () if wanted else made:
        wanted.setdefault(one.target, []).append(completed(view.table, one.row))
    there: dict[str, list[tuple[Any, ...]]] = {}
    spared = view.plan.positions["proto"] if view.table.name == "routes" and "proto" not in where else None
    for cells in view.matching(view.given(where)):
        if spared is None or cells[spared] not in _KERNELS_PROTOCOLS:
            there.setdefault(cells[0], []).append(cells)
    requests: list[Request] = []
    for target in dict.fromkeys((*there, *wanted)):
        requests += difference(target, view.table, view.plan.columns, there.get(target, ()), wanted.get(target, []))
    counts.count(requests, sum(map(len, wanted.values())))
    return requests
