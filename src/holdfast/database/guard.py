"""What users' SQL may do: read. The authoriser is asked when a statement is prepared, so a prepared one costs nothing more."""

from __future__ import annotations

from typing import Final

import apsw

__all__ = ["Guard"]

_READING: Final = frozenset({apsw.SQLITE_SELECT, apsw.SQLITE_READ, apsw.SQLITE_RECURSIVE})
_FUNCTIONS_DENIED: Final = frozenset({"load_extension", "fts3_tokenizer"})
_PRAGMAS: Final = frozenset(
    {
        "application_id", "collation_list", "compile_options", "database_list", "encoding", "freelist_count", "function_list",
        "index_info", "index_list", "index_xinfo", "module_list", "page_count", "page_size", "pragma_list", "quick_check",
        "table_info", "table_list", "table_xinfo", "user_version",
    }
)  # fmt: skip
"""Those that tell something."""
_WITH_ARGUMENT: Final = frozenset({"index_info", "index_list", "index_xinfo", "quick_check", "table_info", "table_list", "table_xinfo"})
"""Those whose argument says about what; for the others it would be a new setting."""
_DENIED: Final[dict[int, str]] = {
    apsw.SQLITE_ATTACH: "ATTACH",
    apsw.SQLITE_DETACH: "DETACH",
    apsw.SQLITE_INSERT: "INSERT",
    apsw.SQLITE_UPDATE: "UPDATE",
    apsw.SQLITE_DELETE: "DELETE",
    apsw.SQLITE_TRANSACTION: "a transaction of its own",
    apsw.SQLITE_SAVEPOINT: "a savepoint",
    apsw.SQLITE_REINDEX: "REINDEX",
    apsw.SQLITE_ANALYZE: "ANALYZE",
}


class Guard:
    """The authoriser of one connection. `trusted`: the connection's owner begins and ends a transaction.

    refused   what was refused last, for the message.
    """

    __slots__ = ("refused", "trusted")

    def __init__(self) -> None:
        self.trusted = False
        self.refused = ""

    def __call__(self, action: int, first: str | None, second: str | None, _database: str | None, _inside: str | None) -> int:
        if action in _READING or self.trusted:
            return apsw.SQLITE_OK
        if action == apsw.SQLITE_FUNCTION and second not in _FUNCTIONS_DENIED:
            return apsw.SQLITE_OK
        if action == apsw.SQLITE_PRAGMA and first in _PRAGMAS and (not second or first in _WITH_ARGUMENT):
            return apsw.SQLITE_OK
        self.refused = _words(action, first, second)
        return apsw.SQLITE_DENY


def _words(action: int, first: str | None, second: str | None) -> str:
    if action == apsw.SQLITE_PRAGMA:
        return f"PRAGMA {first}" + (f" = {second}" if second else "")
    if action == apsw.SQLITE_FUNCTION:
        return f"{second}()"
    word = _DENIED.get(action)
    if word is None:
        word = str(apsw.mapping_authorizer_function[action]).removeprefix("SQLITE_").replace("_", " ")
    return f"{word} {first}" if first and action in (apsw.SQLITE_INSERT, apsw.SQLITE_UPDATE, apsw.SQLITE_DELETE) else word
