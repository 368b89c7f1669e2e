"""`--keep`, `--keep-rows`, `--keep-bytes`: how much history a node keeps, for every table or for one.

--keep 30d --keep routes=1d        by age
--keep-rows 1000000                rows of each table
--keep-bytes 64M --keep-bytes routes=1G
all                                no limit
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from holdfast.errors import InvalidValue

if TYPE_CHECKING:
    from holdfast.database.retention import Retention

__all__ = ["retention_of"]

_SIZE: Final = re.compile(r"(\d+)\s*([kmgt]?)(?:i?b)?", re.IGNORECASE)
_FACTORS: Final = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


def retention_of(ages: Sequence[str], rows: Sequence[str], sizes: Sequence[str]) -> Retention:
    """Raises: InvalidValue - a value;  UnknownName - a table."""
    from holdfast.database.moments import duration
    from holdfast.database.retention import Keep, Retention

    changes: dict[str, dict[str, Any]] = {}
    given: tuple[tuple[str, str, Sequence[str], Callable[[str], Any]], ...] = (
        ("age", "--keep", ages, duration),
        ("rows", "--keep-rows", rows, _number),
        ("bytes", "--keep-bytes", sizes, _size),
    )
    for name, option, words, read in given:
        for word in words:
            table, value = _parted(word)
            try:
                changes.setdefault(table, {})[name] = None if value == "all" else read(value)
            except InvalidValue as error:
                raise InvalidValue(f"{error.message} – at `{option}`", hint=error.hint) from None
    default = replace(Keep(), **changes.pop("", {}))
    return Retention(default, {table: replace(default, **change) for table, change in changes.items()})


def _parted(word: str) -> tuple[str, str]:
    """The table, empty for all, and the value."""
    from holdfast.cli.language.filters import find_look

    noun, equals, value = word.rpartition("=")
    return (find_look(noun).table.name if equals else ""), value.strip()


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise InvalidValue(f"expected a number of rows, or `all`, got `{text}`")
    return int(text)


def _size(text: str) -> int:
    found = _SIZE.fullmatch(text.strip())
    if not found:
        raise InvalidValue(f"expected a size, or `all`, got `{text}`", hint="for example 64M or 1G")
    return int(found[1]) * _FACTORS[found[2].lower()]
