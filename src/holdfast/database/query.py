"""SQL that users wrote: one statement, reading, bounded in time, ended when it stands in the way; and saying what is wrong."""

from __future__ import annotations

import contextlib
import math
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, Final, Self

import apsw

from holdfast.errors import Closed, HoldfastError, QueryError, did_you_mean

from .faults import fault
from .guard import Guard
from .home import Row

__all__ = ["Answer", "explained"]

_STEPS: Final = 20_000
"""SQLite's instructions between two looks at the clock: about 1 ms."""
_BINDABLE: Final = (int, float, str, bytes, bytearray, memoryview, type(None))
_BLOCK: Final = 256
"""Rows read at once."""


class Answer:
    """The contract: home.Result. Holds its connection until it is closed or read to the end.

    Raises: QueryError - wrong, refused, or too slow; also while rows are read.
    """

    def __init__(
        self, connection: apsw.Connection, guard: Guard, give_back: Callable[[Answer], None], path: str,
        sql: str, timeout_s: float | None, limit: int | None,
    ) -> None:  # fmt: skip
        self.columns: tuple[str, ...] = ()
        self.truncated = False
        self.connection = connection
        self.began = time.monotonic()
        self.thread = threading.get_ident()
        self._guard = guard
        self._give_back = give_back
        self._path = path
        self._sql = sql
        self._left_s = timeout_s
        self._timeout_s = timeout_s
        self._limit = limit
        self._given = 0
        self._block: Iterator[Row] = iter(())
        self._lock = threading.RLock()
        self._open = True
        self._ended: HoldfastError | None = None
        self._cursor = connection.cursor()

    def start(self, args: Sequence[Any]) -> None:
        """Run the statement up to its first row."""
        for place, one in enumerate(args, 1):
            if not isinstance(one, _BINDABLE):
                sentence = f"expected a number, text, bytes or None as argument {place}, got {type(one).__name__}"
                self.close()
                raise QueryError(sentence, hint="one argument for each ?", sql=self._sql)
        trace = _OneStatement(self._sql)
        self._cursor.exec_trace = trace
        with self._lock:
            try:
                # a cached statement would pass the guard unseen: it may be one that we were trusted with
                self._timed(lambda: self._cursor.execute(self._sql, tuple(args), can_cache=False))
                if not trace.columns:
                    raise QueryError("expected an SQL statement, got none")
            except BaseException:
                self.close()
                raise
        self.columns = trace.columns

    def __del__(self) -> None:
        self.close()

    def __iter__(self) -> Iterator[Row]:
        return self

    def __next__(self) -> Row:
        row = next(self._block, None)
        if row is None:
            self._read()
            row = next(self._block, None)
            if row is None:
                raise StopIteration
        return row

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        with self._lock:
            if self._open:
                self._open = False
                self._cursor.close(True)
                self._give_back(self)

    def end(self, why: HoldfastError) -> None:
        """From another thread: stop at once; who reads on gets this error."""
        self._ended = why
        with contextlib.suppress(apsw.ConnectionClosedError):
            self.connection.interrupt()
        self.close()

    def _read(self) -> None:
        with self._lock:
            if self._ended is not None:
                raise self._ended
            if not self._open:
                return
            size = _BLOCK if self._limit is None else min(_BLOCK, self._limit - self._given + 1)
            try:
                rows = self._timed(lambda: list(islice(self._cursor, size)))
            except BaseException:
                self.close()
                raise
            if len(rows) < size:
                self.close()
            if self._limit is not None and self._given + len(rows) > self._limit:
                self.truncated = True
                rows = rows[: self._limit - self._given]
                self.close()
            self._given += len(rows)
            self._block = iter(rows)

    def _timed(self, run: Callable[[], Any]) -> Any:
        """Run a piece of the statement within what is left of its time."""
        started = time.monotonic()
        deadline = math.inf if self._left_s is None else started + self._left_s
        # it looks at the end as well: an interrupt between two steps would be lost
        self.connection.set_progress_handler(lambda: self._ended is not None or time.monotonic() > deadline, _STEPS)
        try:
            return run()
        except apsw.InterruptError:
            raise self._ended or self._too_slow() from None
        except apsw.Error as error:
            raise self._ended or explained(error, self._sql, self.connection, self._path, self._guard.refused) from None
        finally:
            self.connection.set_progress_handler(None)
            if self._left_s is not None:
                self._left_s = max(0.0, self._left_s - (time.monotonic() - started))

    def _too_slow(self) -> HoldfastError:
        if self._timeout_s is None:
            return Closed(f"database {self._path} is closed")
        hint = "narrow it by a key column, or give it more time"
        return QueryError(f"the query took longer than {self._timeout_s:g} s", hint=hint, sql=self._sql)


class _OneStatement:
    """Told of each statement when it begins: keeps its columns, refuses a second one. A comment has no columns."""

    def __init__(self, sql: str) -> None:
        self.columns: tuple[str, ...] = ()
        self._sql = sql

    def __call__(self, cursor: apsw.Cursor, _sql: str, _args: object) -> bool:
        columns = tuple(name for name, _ in cursor.get_description())
        if columns and self.columns:
            raise QueryError("expected one SQL statement, got several", hint="run them one by one", sql=self._sql)
        self.columns = self.columns or columns
        return True


def explained(error: apsw.Error, sql: str, connection: apsw.Connection, path: str, refused: str = "") -> HoldfastError:
    """Our error for one of SQLite's: what is wrong, where, and, for a wrong name, which there are."""
    said = str(error)
    if isinstance(error, apsw.AuthError) or said.startswith("not authorized"):
        hint = "only reading is allowed here: SELECT, WITH, EXPLAIN, and the PRAGMAs that describe the schema"
        return QueryError(f"refused: {refused or said}", hint=hint, sql=sql)
    if isinstance(error, apsw.BindingsError):
        return QueryError(f"the arguments do not fit the SQL: {said}", hint="one argument for each ?", sql=sql)
    if not isinstance(error, apsw.SQLError):
        return fault(error, path)
    offset = getattr(error, "error_offset", -1)
    place = f" – at `{_near(sql, offset)}`" if 0 <= offset < len(sql.encode()) else ""
    return QueryError(f"{said.removeprefix('SQLError: ')}{place}", hint=_names_hint(said, sql, connection), sql=sql)


def _near(sql: str, offset: int) -> str:
    return sql.encode()[offset : offset + 40].decode(errors="ignore").strip() or sql.strip()[-40:]


def _names_hint(said: str, sql: str, connection: apsw.Connection) -> str:
    missing = re.search(r"no such (table|column|function): (?:\w+\.)?(\S+)", said)
    if not missing:
        return ""
    kind, name = missing.groups()
    sql_names = "SELECT name FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite_%' ORDER BY type, name"
    tables = [row[0] for row in connection.execute(sql_names)]
    if kind == "table":
        # what the database keeps for itself, and what there is too much of
        own = re.compile("meta|open_intents|tree.*|interfaces_.*|.*_history")
        shown = [table for table in tables if not own.fullmatch(table)]
        return _there("tables", name, tables, [*shown, "interfaces_<kind>", "<table>_history"])
    if kind == "function":
        return did_you_mean(name, [row[0] for row in connection.execute("SELECT DISTINCT name FROM pragma_function_list")])
    words = set(re.findall(r"\w+", sql.lower()))
    named = [table for table in tables if table.lower() in words]
    columns = [row[0] for table in named for row in connection.execute("SELECT name FROM pragma_table_xinfo(?)", (table,))]
    return _there(f"columns of {' and '.join(named)}", name, columns, list(dict.fromkeys(columns))) if named else ""


def _there(what: str, name: str, names: list[str], shown: list[str]) -> str:
    return did_you_mean(name, names, also=f"{what}: {', '.join(shown)}")

