"""The past of an open NDB as records: the log, the life of an object, the differences between two points in time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from holdfast.errors import InvalidValue, UnknownName
from holdfast.model import TABLES
from holdfast.objects.records import Record, shape
from holdfast.objects.spec import KIND_ATTRIBUTES, Wanted, holds, spelling

if TYPE_CHECKING:
    from holdfast.api.core import Core
    from holdfast.database.home import Condition, Point
    from holdfast.story.log import Asked, Entry
    from holdfast.story.told import Told

__all__ = ["differences", "life"]

_told = shape(("table", "target", "key", "op", "fields", "row", "old"))
_different = shape(("field", "old", "new"))
_entry = shape(("revision", "time", "kind", "target", "author", "message", "changes", "many"))


def life(core: Core, table: str | None, key: Any, fields: Mapping[str, Any], filters: Mapping[str, Any]) -> Iterator[Record]:
    """Entries of the log. filters: since, until, target, author, as in `Asked`. Blocks as it is read.

    Raises: UnknownName, InvalidValue, NotFound - the table or the key;  InvalidValue - no point in time.
    """
    from holdfast.story.log import Asked, entries

    tables = _tables(table)
    asked = [Asked(tables, **filters)]
    if key is not None or fields:
        if table is None:
            raise InvalidValue("expected a table with the object, got the object alone", hint='history("routes", "10.0.0.0/24")')
        asked = [_of(table, wanted, filters) for wanted in spelling(table).normalise(fields if key is None else key, core, None)]
    for one in asked:
        found = False
        for entry in entries(core.database, one):
            found = found or bool(entry.changes or entry.many)
            yield _record(entry)
        if found:
            return  # what the key says in the first of its readings that says something


def differences(core: Core, table: str | None, first: Point, second: Point, target: str | None) -> Iterator[Record]:
    """What is different at the second point. Raises: UnknownName, InvalidValue, Compacted."""
    from holdfast.story import diff

    return map(_as_record, diff.differences(core.database, _tables(table), first, second, target=target))


def _tables(table: str | None) -> Sequence[str]:
    if table is None:
        return tuple(TABLES)
    if table not in TABLES:
        raise UnknownName(f"no table `{table}`; there are {', '.join(TABLES)}")
    return (table,)


def _of(table: str, wanted: Wanted, filters: Mapping[str, Any]) -> Asked:
    """Some objects of a table. Of interfaces all their life, whatever they were called: that is told by what fits."""
    from holdfast.database.home import Condition
    from holdfast.story.log import Asked

    columns = wanted.columns if wanted.target is None else {"target": wanted.target, **wanted.columns}
    condition = Condition.equal(columns)
    if table == "interfaces" and "ifindex" not in columns:
        condition = _whole_life(condition)
    meant = {**columns, **wanted.inner}

    def fits(row: Mapping[str, Any]) -> bool:
        return all(holds(value, _field(row, name)) for name, value in meant.items())

    return Asked((table,), condition, fits, **filters)


def _whole_life(condition: Condition) -> Condition:
    """The interfaces that once were so, at any time."""
    from holdfast.database.home import Condition

    once = " UNION ".join(
        f"SELECT t.target, t.ifindex FROM {name} AS t WHERE {condition.sql}" for name in ("interfaces", "interfaces_history")
    )
    return Condition(f"(t.target, t.ifindex) IN ({once})", (*condition.args, *condition.args))


def _field(row: Mapping[str, Any], name: str) -> Any:
    return (row.get(KIND_ATTRIBUTES[name]) or {}).get(name) if name in KIND_ATTRIBUTES else row.get(name)


def _record(entry: Entry) -> Record:
    changes = tuple(map(_as_record, entry.changes))
    many = {table: {"came": counts.came, "went": counts.went} for table, counts in entry.many.items()}
    return _entry((entry.revision, entry.time, entry.kind, entry.target, entry.author, entry.message, changes, many))


def _as_record(told: Told) -> Record:
    fields = tuple(map(_different, told.fields))
    return _told((told.table, told.target, told.key, told.op, fields, told.change.row, told.change.old))
