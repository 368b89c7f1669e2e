"""The second witness: a fresh dump through our own codec. It misses mistakes of the codec, but knows columns that iproute2 hides.

Called when all is quiet, at the end of a story: then every lasting column must be what a dump says, except the few that
the kernel changes without telling anybody.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from holdfast.model import TABLES

from .oracle import VIEWS

__all__ = ["SILENT", "differences"]

SILENT: Final[Mapping[str, Mapping[str, str]]] = {
    "interfaces": {
        "af_spec": "settings changed by sysctl; what ip shows of it is compared with ip",
        "headroom": "a bridge gives all its ports, and they the far ends of their cables, what one of them needs; ip does not show it",
    },
}


def differences(table: str, ours: Sequence[Mapping[str, Any]], fresh: Sequence[Mapping[str, Any]]) -> list[str]:
    """What differs in lasting columns, in words; rows that iproute2 would not show do not count."""
    view, silent = VIEWS[table], SILENT.get(table, {})
    columns = [one.name for one in TABLES[table].fields if not one.volatile and one.name not in silent]
    mine, real = ({_text(table, row, columns) for row in rows if view.shows(row)} for rows in (ours, fresh))
    return [f"{table}: MISSING  {text}" for text in sorted(real - mine)] + [f"{table}: SURPLUS  {text}" for text in sorted(mine - real)]


def _text(table: str, row: Mapping[str, Any], columns: Sequence[str]) -> str:
    plain = {name: VIEWS[table].plain(name, row.get(name)) for name in columns}
    return json.dumps({name: value for name, value in plain.items() if value is not None}, sort_keys=True)
