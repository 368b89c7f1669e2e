"""The differences between two points in time: what is new, what is gone, what is another one, by table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from holdfast.errors import InvalidValue

from .told import Told, merged, told

if TYPE_CHECKING:
    from holdfast.database.home import Database, Point
    from holdfast.database.sqlite import FileReader

__all__ = ["differences"]


def differences(
    database: Database | FileReader, tables: Sequence[str], first: Point, second: Point = "now", *, target: str | None = None
) -> Iterator[Told]:
    """What is different at the second point in time from the first one, table by table; of one target, if it is named.

    What was changed and changed back is no difference. Cost: O(rows that changed after the first point).
    Raises: InvalidValue - not points in time, or in the wrong order;  UnknownName;  Compacted.
    """
    with database.reader() as reader:  # all of it at one revision of the database: nothing is let go meanwhile
        since, until = database.moment(first), database.moment(second)
        if since.revision > until.revision:
            raise InvalidValue(f"expected the earlier point in time first, got {since} and {until}", hint="put them the other way round")
        found = {table: reader.differences(table, since.revision, min(until.revision, reader.revision)) for table in tables}
    for changes in found.values():
        for change in merged(one for one in changes if target in (None, one.row["target"])):
            yield told(change)
