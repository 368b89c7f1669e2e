"""Specs that are alike, read column by column: what the first of them becomes says what becomes of all.

    {"dst": "10.0.0.0/24", "gateway": "192.0.2.1"}, {"dst": "10.0.1.0/24", "gateway": "192.0.2.1"}, …
        ──►  dst: ["10.0.0.0", "10.0.1.0", …], dst_len: [24, 24, …], gateway: ["192.0.2.1", "192.0.2.1", …]

What else follows when something is made (defaults.py, transactions/complete.py) follows from the kinds of its values: whether there is
one, whether it is zero, of which family it is, and from the very value only of numbers that say what a thing is. So where all the values
of each column are of one kind, the rest of the first row is that of all rows. A fifth of the time of reading them one by one.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final

from holdfast.errors import HoldfastError
from holdfast.objects.values import Place, Writer

__all__ = ["columns", "runs"]

LEAST: Final = 64
"""Fewer are read one by one."""
_MOST: Final = 4096
_ZEROS: Final = frozenset(("", "default", "0.0.0.0", "::"))
_COUNTED: Final = frozenset(("dst_len", "src_len", "prefixlen", "priority", "table_id", "oif", "ifindex", "id", "vlan", "vni", "port"))
"""Numbers of which it matters only whether they are zero; of others each may mean something else."""

Columns = dict[str, Sequence[Any]]


def runs(specs: Iterable[Any]) -> Iterator[list[Any]]:
    """Specs that follow each other and are dictionaries with the same names in the same order; others by themselves."""
    run: list[Any] = []
    names: tuple[Any, ...] | None = None
    for spec in specs:
        own = tuple(spec) if type(spec) is dict else None
        if own is None or own != names or len(run) == _MOST:
            if run:
                yield run
            run, names = [], own
        run.append(spec)
    if run:
        yield run


def columns(reader: Writer, run: Sequence[dict[str, Any]], place: Place) -> Columns | None:
    """What a run of specs says, field by field. None: it is to be read one by one, for they are not alike, or something is wrong."""
    found: Columns = {}
    try:
        for name, given in zip(run[0], zip(*map(dict.values, run), strict=True), strict=True):
            column = _column(reader, name, given, place)
            if column is None:
                return None
            found |= column
    except (HoldfastError, TypeError, ValueError, OSError):  # reading it alone will name it
        return None
    return found if all(_is_of_one_kind(name, column) for name, column in found.items()) else None


def _column(reader: Writer, name: str, given: Sequence[Any], place: Place) -> Columns | None:
    """The values of one name: each other value is read once, addresses that are all different in one go."""
    different = set(given)
    if len(different) * 4 > len(given) and (length := reader.addresses(name)) is not None:
        return _addresses(reader, name, length, given) if set(map(type, given)) == {str} else None
    word = reader.word(name)
    made: dict[Any, dict[str, Any]] = {}
    for one in different:
        word(one, place, made.setdefault(one, {}))
    names = dict.fromkeys(tuple(one) for one in made.values())
    if len(names) != 1:
        return None
    return {field: [made[one][field] for one in given] for field in next(iter(names))}


def _addresses(reader: Writer, name: str, length: str, given: Sequence[str]) -> Columns | None:
    """Addresses, or prefixes if there is a field for their length, of one family."""
    family, zero = (socket.AF_INET6, "::") if ":" in given[0] else (socket.AF_INET, "0.0.0.0")
    found: Columns = {}
    if "/" in given[0] and length:
        parts = [one.partition("/") for one in given]
        bits = [one[2] for one in parts]
        made = {one: reader.spelling.prefix(name, f"{zero}/{one}")[1] for one in dict.fromkeys(bits)}
        given = [one[0] for one in parts]
        found[length] = [made[one] for one in bits]
    to_bytes, to_text = socket.inet_pton, socket.inet_ntop
    found[name] = [to_text(family, to_bytes(family, one)) for one in given]
    return found


def _is_of_one_kind(name: str, column: Sequence[Any]) -> bool:
    first = column[0]
    if len(set(map(type, column))) > 1:
        return False
    if isinstance(first, str):
        texts = set(column)
        colons, dots = (sum(sign in one for one in texts) for sign in ":.")
        alike = colons in (0, len(texts)) and dots in (0, len(texts)) and (colons or dots) and _ZEROS.isdisjoint(texts)
        return bool(alike) or len(texts) == 1
    if isinstance(first, int) and name in _COUNTED:
        return 0 not in column or not any(column)
    return all(one == first for one in islice(column, 1, None))
