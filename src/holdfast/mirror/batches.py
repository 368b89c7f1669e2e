"""Small operations on batches: some of the rows, another column, keys. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, Literal

import msgspec

from holdfast.model.field import Table
from holdfast.netlink.batch import Batch

__all__ = ["Key", "batch_of", "keep", "key_of", "keys_of", "parsed", "pieces", "with_column"]

Key = tuple[Any, ...]

_encode: Final = msgspec.json.Encoder(order="deterministic").encode


def keep(batch: Batch, wanted: Sequence[bool]) -> Batch | None:
    """The rows that are wanted: the batch itself when all are, None when none is."""
    if all(wanted):
        return batch
    if not any(wanted):
        return None
    values = tuple([one for one, stays in zip(column, wanted, strict=True) if stays] for column in batch.values)
    return Batch(batch.table, batch.op, batch.flags, batch.columns, values)


def pieces(batch: Batch, size: int) -> Iterator[Batch]:
    """The rows in order, in batches of `size` at most."""
    for start in range(0, len(batch), size):
        values = batch.values if len(batch) <= size else tuple(column[start : start + size] for column in batch.values)
        yield Batch(batch.table, batch.op, batch.flags, batch.columns, values)


def with_column(batch: Batch, name: str, column: Sequence[Any]) -> Batch:
    """The same rows with other values in one column."""
    if name not in batch.columns:
        return Batch(batch.table, batch.op, batch.flags, (*batch.columns, name), (*batch.values, column))
    at = batch.columns.index(name)
    return Batch(batch.table, batch.op, batch.flags, batch.columns, (*batch.values[:at], column, *batch.values[at + 1 :]))


def keys_of(batch: Batch) -> Iterable[Key]:
    """The key of every row, in the order of the table's key columns; JSON as the database holds it, as text."""
    count, values = len(batch), batch.values
    places = _key_places(batch.table, batch.columns)
    columns = [[default] * count if at is None else _texts(values[at]) if json else values[at] for at, default, json in places]
    return zip(*columns, strict=True)


@lru_cache(256)
def _key_places(table: Table, columns: tuple[str, ...]) -> tuple[tuple[int | None, Any, bool], ...]:
    """Of each part of the key where it stands among the columns, its default, and is it JSON?"""
    return tuple((columns.index(name) if name in columns else None, table.defaults[name], name in table.json) for name in table.key)


def key_of(table: Table, row: Mapping[str, Any]) -> Key:
    """The same of one whole row."""
    return tuple([_texts([row[name]])[0] if name in table.json else row[name] for name in table.key])


def _texts(column: Sequence[Any]) -> Sequence[Any]:
    return [None if one is None else _encode(one).decode() for one in column]


def batch_of(table: Table, op: Literal["put", "delete"], rows: Sequence[Mapping[str, Any]]) -> Batch:
    """Whole rows as a batch."""
    return Batch(table, op, 0, table.columns, tuple([row[name] for row in rows] for name in table.columns))


def parsed(table: Table, row: dict[str, Any]) -> dict[str, Any]:
    """A row as the database gives it, with its JSON columns as objects: as the codec would give it."""
    for name in table.json:
        if row.get(name) is not None:
            row[name] = msgspec.json.decode(row[name])
    return row
