"""SQL functions between numbers and the words for them.

    name_of('rt_tables', 254)  main       number_of('rt_tables', 'main')  254       any table of names, see holdfast.model.names
    rt_table_name(254)         main       and one such function for each table of names: rtn_type_name, family_name, nud_name …

A number without a word is given as text; a word without a number is an error that names those there are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import apsw

from holdfast.model.names import NAME_TABLES, Names

__all__ = ["function_name", "register"]


def function_name(table: str) -> str:
    """`rt_tables` → `rt_table_name`."""
    return f"{table.removesuffix('s')}_name"


def register(connection: apsw.Connection, names: Callable[[], Names]) -> None:
    """Make the functions known to a connection; `names` is asked at each call, since the words of a host can change."""

    def name_of(*args: Any) -> str | None:
        table, number = args
        return names().name_of(table, number) if isinstance(number, int) else number

    def number_of(*args: Any) -> int | None:
        table, word = args
        return None if word is None else names().number_of(table, word)

    def named(table: str) -> Callable[..., str | None]:
        return lambda number: name_of(table, number)

    connection.create_scalar_function("name_of", name_of, 2)
    connection.create_scalar_function("number_of", number_of, 2)
    for table in sorted(NAME_TABLES):
        connection.create_scalar_function(function_name(table), named(table), 1)
