"""What was intended, and what became of it: two lines in the log around each transaction.

    intent   author, message, boot id, what was asked in words, and the requests that would take it back
    result   names the intent: done, undone, or undone in part

The intent is committed before the first message is sent, without a sync: a change of the kernel does not outlive a boot, and
what a crash of the program leaves is in the file. Which intents have no result stands in a small table (`open_intents`), since the log
has a million lines and is not searched at every start. A transaction of a single message cannot be half done: its two lines are
written together, behind it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from holdfast.model import TABLES

from .contract import Change, Create, Delete, Named, Request

if TYPE_CHECKING:
    from holdfast.database.home import Database, Transaction

__all__ = [
    "UNFINISHED", "Run", "Unfinished", "note_intent", "note_result", "note_stage", "packed", "packed_one", "runs_of", "undo_of",
    "unfinished", "unpacked",
]  # fmt: skip

_VERBS: Final[dict[str, type[Request]]] = {"create": Create, "change": Change, "delete": Delete}
_WORDS: Final = {kind: word for word, kind in _VERBS.items()}
UNFINISHED: Final = (
    "SELECT log.revision, time_ns, author, message, details FROM open_intents CROSS JOIN log USING (revision)"
    " WHERE kind = 'intent' ORDER BY log.revision"
)
_TOLD: Final = 20
"""Requests that the log tells in words; how many there are it tells always."""

Packed = list[dict[str, Any]]
"""Requests as JSON values."""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A transaction of which no end is known: the program ended in the middle of it.

    intent    its revision.
    time_ns   when it began, since 1970.
    told      what was asked, in words; `requests` says of how many.
    undo      what takes it back. Of another boot (`same_boot` is false) nothing is left to take back.
    """

    intent: int
    time_ns: int
    author: str
    message: str
    requests: int
    told: tuple[str, ...]
    undo: tuple[Request, ...]
    same_boot: bool


def note_intent(
    tx: Transaction, boot_id: str, told: Sequence[str], requests: int, undo: Packed, author: str, message: str,
    **details: Any,
) -> int:  # fmt: skip
    """Write what is about to be done; returns the revision that names it. With `result` it has been done already."""
    tx.note("intent", author=author or None, message=message or None, boot_id=boot_id, requests=requests, told=list(told[:_TOLD]),
            undo=undo, **details)  # fmt: skip
    if "result" not in details:
        tx.change("log", "INSERT INTO open_intents(revision) VALUES (?)", [(tx.revision,)])
    return tx.revision


def note_stage(tx: Transaction, intent: int, undo: Packed) -> None:
    """Write what a further stage of a transaction is about to change."""
    tx.note("stage", intent=intent, undo=undo)


def note_result(tx: Transaction, intent: int, result: str, **details: Any) -> None:
    """Write what became of it: `done`, `undone`, `undone in part`."""
    tx.note("result", intent=intent, result=result, **details)
    tx.change("log", "DELETE FROM open_intents WHERE revision = ?", [(intent,)])


def unfinished(database: Database) -> list[Unfinished]:
    """The transactions without a result, the oldest first. Blocks; cost: O(how many there are)."""
    return [_read(row, database) for row in database.fetch(UNFINISHED)]


def _read(row: tuple[Any, ...], database: Database) -> Unfinished:
    revision, time_ns, author, message, text = row
    details = msgspec.json.decode(text)
    undo = tuple(undo_of(database, revision))
    same = details["boot_id"] == database.boot_id
    return Unfinished(revision, time_ns, author or "", message or "", details["requests"], tuple(details["told"]), undo, same)


def undo_of(database: Database, intent: int) -> Iterator[Request]:
    """What takes back all that a transaction said it would do: the last stage first. Blocks."""
    sql = (
        "SELECT details FROM log WHERE revision >= ? AND (revision = ? AND kind = 'intent'"
        " OR kind = 'stage' AND json_extract(details, '$.intent') = ?) ORDER BY revision DESC"
    )
    for (text,) in database.fetch(sql, (intent, intent, intent)):
        yield from unpacked(msgspec.json.decode(text)["undo"])


class Run(NamedTuple):
    """Requests that follow each other and are alike, as values: of each the columns, of a change the new fields behind them."""

    kind: type[Request]
    target: str
    table: str
    columns: tuple[str, ...]
    options: tuple[str, ...]
    rows: Sequence[Sequence[Any]]


def packed(runs: Iterable[Run]) -> Packed:
    """As JSON values."""
    return [{"verb": _WORDS[kind], "target": target, "table": table, "columns": columns, "options": options, "rows": _plain_rows(rows)}
            for kind, target, table, columns, options, rows in runs]  # fmt: skip


def packed_one(request: Request) -> dict[str, Any]:
    """The same of a request that stands alone."""
    kind, target, table, columns, options = _layout(request)
    row = _plain_values(_values(request, columns))
    return {"verb": _WORDS[kind], "target": target, "table": table, "columns": columns, "options": options, "rows": (row,)}


def runs_of(requests: Iterable[Request]) -> Iterator[Run]:
    """Requests in runs."""
    for (kind, target, table, columns, options), run in groupby(requests, _layout):
        yield Run(kind, target, table, columns, options, [_values(one, columns) for one in run])


def _layout(one: Request) -> tuple[type[Request], str, str, tuple[str, ...], tuple[str, ...]]:
    options = tuple([name for name in ("ensure", "beside", "missing_ok", "back") if getattr(one, name, False)])
    return type(one), one.target, one.table.name, tuple(one.row), options


def _values(one: Request, columns: tuple[str, ...]) -> list[Any]:
    values = list(map(one.row.__getitem__, columns))
    return [*values, dict(zip(one.fields, _plain_values(one.fields.values()), strict=True))] if isinstance(one, Change) else values


def _plain_rows(rows: Sequence[Sequence[Any]]) -> Sequence[Sequence[Any]]:
    """Very many rarely have a Named among them."""
    return list(map(_plain_values, rows)) if Named in set(map(type, chain.from_iterable(rows))) else rows


def _plain_values(values: Iterable[Any]) -> list[Any]:
    found = list(values)
    return list(map(_plain, found)) if Named in set(map(type, found)) else found


def _plain(value: Any) -> Any:
    return {"named": value.ifname, "target": value.target} if isinstance(value, Named) else value


def _named(value: Any) -> Any:
    return Named(value["named"], value["target"]) if isinstance(value, Mapping) and value.keys() == {"named", "target"} else value


def unpacked(groups: Iterable[Mapping[str, Any]]) -> Iterator[Request]:
    """The requests again."""
    for group in groups:
        table, columns = TABLES[group["table"]], group["columns"]
        options = dict.fromkeys(group["options"], True)
        for values in group["rows"]:
            row = {name: _named(value) for name, value in zip(columns, values, strict=False)}
            if group["verb"] == "change":
                yield Change(group["target"], table, row, {name: _named(value) for name, value in values[-1].items()}, **options)
            else:
                yield _VERBS[group["verb"]](group["target"], table, row, **options)  # type: ignore[arg-type]
