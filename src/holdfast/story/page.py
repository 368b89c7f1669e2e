"""What is asked for, and the changes of some revisions that are: read in few queries, however much else happened there."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from holdfast.database.home import Condition
from holdfast.model import TABLES
from holdfast.objects.spec import identity, identity_names

from .told import merged

if TYPE_CHECKING:
    from holdfast.database.home import Change, Point, Reader

__all__ = ["MOST", "Asked", "Counts", "read_page"]

MOST: Final = 1000
"""More changes of a table at one revision are counted, not told one by one."""
_FEW: Final = 20
"""Objects that are looked for by their keys."""

Changes = dict[int, list["Change"]]
Many = dict[int, dict[str, "Counts"]]


@dataclass(frozen=True, slots=True)
class Counts:
    """Of a table, at a revision at which too much happened to be told: rows that came, and rows that went; a change is both."""

    came: int
    went: int


@dataclass(frozen=True, slots=True)
class Asked:
    """What to tell. Without anything: all.

    tables     their changes; where there are none, an entry is of interest only if all tables are asked for.
    condition  of the rows of one table, to find them by; with it `fits` says the same of a row in Python: a change is told if it
               holds before or after it.
    since      after this point in time;  until: at it, and before.
    target, author   of this one only.
    """

    tables: Sequence[str] = tuple(TABLES)
    condition: Condition | None = None
    fits: Callable[[Mapping[str, Any]], bool] | None = None
    since: Point | None = None
    until: Point | None = None
    target: str | None = None
    author: str | None = None

    @property
    def everything(self) -> bool:
        return self.condition is None and self.fits is None and set(self.tables) >= set(TABLES)


def read_page(reader: Reader, asked: Asked, revisions: Collection[int]) -> tuple[Changes, Many]:
    """By revision, the changes that are asked for, and by table what is too much for that."""
    found: Changes = {}
    many: Many = {}
    for table in asked.tables:
        first, last = max(min(revisions) - 1, reader.oldest(table)), max(revisions)
        touched = reader.touched(table, first, last, asked.condition) if first < last else {}
        too_many = sorted(one for one, counts in touched.items() if sum(counts) > MOST)
        for one in too_many:
            if one in revisions:
                many.setdefault(one, {})[table] = Counts(*touched[one])
        for start, end in _between(first, last, too_many):
            if any(start < one <= end for one in touched):
                for change in _whole(reader, table, start, end, asked.condition):
                    if change.revision in revisions:
                        found.setdefault(change.revision, []).append(change)
    # put together before it is asked what is meant: one half may be, and the other not
    return {one: [change for change in merged(changes) if _meant(asked, change)] for one, changes in found.items()}, many


def _whole(reader: Reader, table: str, start: int, end: int, condition: Condition | None) -> Iterable[Change]:
    """The changes of (start, end]. Of those of a condition the other half is read as well: an object that is not what is asked for
    any more has changed, and is not gone."""
    changes = reader.told(table, start, end, condition)
    halves = [change for change in changes if change.op == "delete" or change.old is None]
    if condition is None or not halves:
        return changes
    keys = {identity(table, change.row) for change in halves}
    if len(keys) <= _FEW:
        names = ("target", *identity_names(table))
        by_key = reader.told(table, start, end, Condition.equal(*(dict(zip(names, key, strict=True)) for key in keys)))
        return [*(change for change in changes if identity(table, change.row) not in keys), *by_key]
    found = []
    for one in sorted({change.revision for change in changes}):
        rest = max(sum(counts) for counts in reader.touched(table, one - 1, one).values()) <= MOST
        found += reader.told(table, one - 1, one, None if rest else condition)
    return found


def _meant(asked: Asked, change: Change) -> bool:
    if asked.target not in (None, change.row["target"]):
        return False
    return asked.fits is None or asked.fits(change.row) or (change.old is not None and asked.fits(change.old))


def _between(first: int, last: int, without: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Stretches (a, b] of (first, last] without some revisions."""
    for one in without:
        yield first, one - 1
        first = one
    yield first, last
