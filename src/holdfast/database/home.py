"""What a home of the tables does: the contract that SQLite keeps today and another SQL server may keep later.

Revisions: one number per database, growing, never given twice. A transaction takes one when it changes something that lasts;
one that changes nothing, or only volatile fields, takes none. A reader sees whole transactions, and its `revision` is the
last one that it sees.
SQL in `condition` and `fetch` is the common subset of SQLite and PostgreSQL, with `?` for arguments; a condition speaks of the
columns of its table without a prefix.
Values go in as the codec gives them: JSON columns take Python lists and dictionaries, booleans become 0 and 1, None in a field
that has a default becomes the default. They come out as the tables hold them: JSON as text; `Change` has it parsed again.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, Self, TypeVar

from holdfast.model.field import Table

from .seen import Seen

if TYPE_CHECKING:
    from .gaps import Gap
    from .moments import Moment

__all__ = [
    "Change", "Columns", "Condition", "Database", "OnCommit", "Point", "Reader", "Result", "Row", "Seen", "Settler", "Stage", "Swept",
    "Transaction", "Values", "Written",
]  # fmt: skip

T = TypeVar("T")

Columns = tuple[str, ...]
"""Names of fields."""
Values = Sequence[Sequence[Any]]
"""One sequence per column, all of equal length."""
Row = tuple[Any, ...]
OnCommit = Callable[[int, frozenset[str]], None]
Point = int | str | datetime | timedelta
"""A point in time: a revision, what people write (see `moments`), a time, or so long ago."""
Settler = Callable[[bool], None]
"""Told once what became of a transaction: True - committed, False - undone."""


@dataclass(frozen=True, slots=True)
class Change:
    """One row's change at a revision.

    row   put: the row as it is from then on; delete: as it was last. JSON parsed, with `target`.
    old   put: the row before, None if there was none; delete: None.
    """

    table: str
    revision: int
    op: Literal["put", "delete"]
    row: dict[str, Any]
    old: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """Which rows of a table are meant: SQL that speaks of the row as `t`, with a `?` for each argument and nowhere else."""

    sql: str
    args: Sequence[Any] = ()

    @classmethod
    def equal(cls, *rows: Mapping[str, Any]) -> Condition:
        """Rows whose columns are those of one of these."""
        # `IS ?` would do for NULL as well, but SQLite then takes another index than that of the key
        each = [" AND ".join(f"t.{name} IS NULL" if row[name] is None else f"t.{name} = ?" for name in row) or "1" for row in rows]
        return cls(" OR ".join(f"({one})" for one in each), [value for row in rows for value in row.values() if value is not None])


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep made different: numbers of rows. Rows of which only volatile fields moved are not counted."""

    added: int = 0
    changed: int = 0
    deleted: int = 0

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.deleted)


class Written(Generic[T]):
    """What became of a job that has been done already: as a future that is done, for a tenth of the price."""

    __slots__ = ("_done", "_error", "_value")

    def __init__(self) -> None:
        self._done = False
        self._value: Any = None
        self._error: BaseException | None = None

    def set_running_or_notify_cancel(self) -> bool:
        return True

    def set_result(self, value: T) -> None:
        self._done, self._value = True, value

    def set_exception(self, error: BaseException | None) -> None:
        self._done, self._error = True, error

    def done(self) -> bool:
        return self._done

    def exception(self) -> BaseException | None:
        return self._error

    def result(self, timeout: float | None = None) -> T:
        """Raises: what the job raised, and what Database.write says."""
        if self._error is not None:
            raise self._error
        value: T = self._value
        return value

    def future(self) -> Future[T]:
        """For those who need one."""
        future: Future[T] = Future()
        if self._error is not None:
            future.set_exception(self._error)
        else:
            future.set_result(self._value)
        return future


class Result(Protocol):
    """The answer to a query: an iterator of rows, read as they are asked for. Close it, use `with`, or read it to its end.

    truncated   after the last row: there would have been more than the limit.
    """

    columns: tuple[str, ...]
    truncated: bool

    def __iter__(self) -> Iterator[Row]: ...
    def __next__(self) -> Row: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...
    def close(self) -> None: ...


class Reader(Protocol):
    """Reading at one revision: all that is read through one reader belongs together. For one thread at a time."""

    @property
    def revision(self) -> int:
        """The last revision that this reader sees."""

    def fetch(self, sql: str, args: Sequence[Any] = ()) -> list[Row]:
        """All rows of a query that we wrote. Raises: QueryError, Closed, Corrupt, Unavailable."""

    def fetchone(self, sql: str, args: Sequence[Any] = ()) -> Row | None:
        """The first row, or None."""

    def changes(self, table: str, since: int, until: int | None = None) -> list[Change]:
        """What `Database.changes` says, at this reader's revision."""

    def differences(self, table: str, first: int, second: int) -> list[Change]:
        """How a table at revision `second` differs from that at `first`, an earlier one. Each change has the last revision that did
        its part; those of rows that are gone may come in any place.

        Cost: O(rows that changed after the first revision). Raises: UnknownName;  Compacted.
        """

    # what follows tells what there is, without asking whether that is the whole

    def oldest(self, table: str) -> int:
        """The revision after which the history of a table is whole."""

    def told(self, table: str, since: int, until: int, condition: Condition | None = None) -> list[Change]:
        """As `changes`, of the rows that are meant."""

    def touched(self, table: str, since: int, until: int, condition: Condition | None = None) -> dict[int, tuple[int, int]]:
        """The revisions that `told` would tell of: how many rows began and how many ended at each."""

    def revisions(self, table: str, since: int, until: int, condition: Condition | None = None) -> Sequence[int]:
        """Those revisions alone, the newest first; 8 bytes each."""

    def whole_since(self, table: str, since: int) -> None:
        """Return if the history of a table (or of `tree`) has everything after revision `since`. Raises: Compacted - it has not."""


class Stage(Protocol):
    """A mark-and-sweep under way, inside one transaction. A context manager: leaving it clears it."""

    def add(self, columns: Columns, values: Values) -> None:
        """Rows that are there. A key given twice: the later one counts."""

    def finish(self, condition: str = "", args: Sequence[Any] = ()) -> Swept:
        """Make the table's rows of this target inside `condition` (empty: all) equal to what was added.

        Rows inside it that were not added are deleted, differing and new ones written; equal ones are not touched. Added
        rows outside the condition are written too. Cost: O(rows added + rows of the target).
        """

    def merge(self, seen: Seen) -> Swept:
        """Instead of `finish`: write what differs, delete nothing, and note in `seen` which rows these are.

        So a mark-and-sweep can be done in many transactions, with others in between: merges of a part of the rows each, then
        `Transaction.delete_unseen` until it has gone through the table. Cost: O(rows added).
        """

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...


class Transaction(Protocol):
    """What a job may do, in the writer, while it runs. Everything happens, or, when the job raises, nothing."""

    @property
    def revision(self) -> int:
        """This transaction's number. Asking for it takes it."""

    @property
    def number(self) -> int:
        """The same without taking it: what `revision` will be if it is asked for."""

    @property
    def taken(self) -> bool:
        """Has it taken its number? Then something that lasts has changed, or it was asked for."""

    def put(self, table: Table, target: str, columns: Columns, values: Values) -> None:
        """Upsert by key; absent columns become NULL or their default. In order, so that a later row of one key wins.

        An equal row: nothing happens. Only volatile fields differ: updated in place, no history, `since` stays. Otherwise
        the old row goes to the history with `until` = revision and the new one has `since` = revision.
        """

    def load(self, table: Table, target: str, batches: Iterable[tuple[Columns, Values]]) -> int:
        """`put` of many rows, made for a target that has no rows in the table yet; returns how many rows were given.

        Into an empty table indexes are built after the rows. `batches` is read lazily, within this transaction.
        """

    def delete(self, table: Table, target: str, columns: Columns, values: Values) -> list[Row]:
        """Delete by key, of which columns that are absent count as their default; the other columns do not matter.

        Returns the rows, as given, whose key matched nothing.
        """

    def replace(self, table: Table, target: str, keys: Sequence[Row], columns: Columns, values: Values) -> None:
        """Put each row in the place of the one under the key beside it, which is another one than its own and no other row's: what
        `delete` and `put` do, for half the cost. Keys: in the order of the table's key columns, JSON as text. No row under it: `put`.
        """

    def delete_where(self, table: Table, target: str, condition: str = "", args: Sequence[Any] = ()) -> int:
        """Delete the target's rows that match; returns how many."""

    def sweep(self, table: Table, target: str) -> Stage:
        """Begin a mark-and-sweep of a table's rows of one target."""

    def seen(self) -> Seen:
        """An empty set of rows, for `Stage.merge` and `delete_unseen`; it outlives the transaction."""

    def delete_unseen(
        self, table: Table, target: str, seen: Seen, spared: Container[Row], position: int, condition: str = "", args: Sequence[Any] = ()
    ) -> tuple[int, int | None]:
        """Delete the target's rows inside `condition` that are not in `seen` and whose key is not in `spared`, from `position`
        (first 0) on, for some 10 ms; returns how many went, and the position to go on from, None at the end.

        Keys are in the order of the table's key columns, JSON as text. Rows that are added meanwhile are not looked at.
        """

    def fetch(self, sql: str, args: Sequence[Any] = ()) -> list[Row]:
        """Read, this transaction's own changes included."""

    def change(self, name: str, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Write into tables that are not the model's, once per row of arguments. name: what `on_commit` is told has changed."""

    def note(
        self, kind: str, *, target: str | None = None, author: str | None = None, message: str | None = None, text: str = "", **details: Any
    ) -> int:
        """A line in the log, at this transaction's revision. Without one a transaction that takes a revision logs kind `live`.

        text: the details, when they are JSON already.
        Returns the line's time: ns since 1970.
        """

    def another(self) -> None:
        """From here on it is the next revision's transaction, though committed together with the one before: all or none.

        A job that carries out the wishes of many needs no savepoint for each. At most 64 in one job.
        """

    def settle(self, settler: Settler) -> None:
        """Call it, as the writer, once it is known whether this transaction lasts.

        Committed ones are told in their order, before callbacks and futures; undone ones from the last to the first, before
        the next job runs. It must be quick and must not raise.
        """


class Database(Protocol):
    """A home: opened by its class, closed by `close` or `with`. Every method may be called from any thread.

    id              a UUID, made with the database; a revision means something only together with it
    boot_id         of the running system
    previous_boot_id  under which the database was written before; None when it is new
    tables          by name
    """

    id: str
    boot_id: str
    previous_boot_id: str | None
    tables: dict[str, Table]

    @property
    def revision(self) -> int:
        """The last committed revision."""

    def write(self, job: Callable[[Transaction], T], *, durable: bool = False) -> Future[T]:
        """Run a job as the writer, in a transaction; the future has its result after the commit.

        Order: jobs run in the order of the calls. Jobs that wait together share a commit, and a sync when one of them is
        durable; an exception of one undoes that job alone. durable: the result is told when it is on the disk.
        Cancelling: a job that has not begun is dropped; one that has goes on.
        Raises, in the future: what the job raises;  Unavailable - the disk is full or failing: nothing was written, retry
        later;  Corrupt;  Closed. A job must not wait for another job's future.
        """

    def write_here(self, job: Callable[[Transaction], T]) -> Written[T] | None:
        """The same in the calling thread, all of it before this returns, if nothing else is written or waits to be. None: something
        is, and nothing was done. Nothing may break it off: see `Undisturbed`.
        """

    def on_commit(self, callback: OnCommit) -> Callable[[], None]:
        """Call back, as the writer, after each commit that changed a table, with (revision, names of the tables).

        The revision is the last one when only volatile fields changed. It must be quick and must not raise. Returns what
        ends it.
        """

    def reader(self) -> AbstractContextManager[Reader]:
        """A consistent view for as long as the `with` lasts; keep that short: the log file grows meanwhile."""

    def fetch(self, sql: str, args: Sequence[Any] = ()) -> list[Row]:
        """All rows of one query, at the last committed revision. Raises: QueryError, Closed, Corrupt, Unavailable."""

    def fetchone(self, sql: str, args: Sequence[Any] = ()) -> Row | None:
        """The first row, or None."""

    def query(
        self, sql: str, args: Sequence[Any] = (), *, timeout_s: float | None = 10.0, limit: int | None = None, at: Point | None = None
    ) -> Result:
        """Run SQL that a user wrote: one statement, reading only.

        timeout_s bounds the time spent in the database, not the time between two rows, nor that before it begins: when others
          have made the log too long it waits for their end, 13 s at most (see readers). So it is not for an event loop's thread.
        at: the tables are what they were then (not <table>_history, nor the log).
        Raises: QueryError - it is wrong, refused, or took too long (also while the rows are read);  InvalidValue - no point in
          time;  Compacted - the history of a table that it names does not reach back to it.
        """

    def moment(self, point: Point) -> Moment:
        """The revision that a point in time means, and when it was. Raises: InvalidValue;  Compacted - before the log begins."""

    def gap(self, point: Point) -> Gap | None:
        """The time around a point in time in which nobody looked: what is told of then is what was seen last. None: it is in none."""

    def changes(self, table: str, since: int, until: int | None = None) -> list[Change]:
        """All changes of a table after revision `since`, up to and including `until` (None: the last), by revision.

        At one revision deletes come first. A row that is as before at the end of a revision makes no change.
        Cost: O(changes · log rows). Raises: UnknownName;  Compacted - the history does not reach back to `since`.
        """

    def close(self) -> None:
        """Finish the jobs that were given, end the readers, write everything out. Idempotent. Afterwards: Closed."""
