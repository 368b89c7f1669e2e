"""The tables that a recording gives, as JSON: `python -m tests.golden.replayed tests/golden/recordings/NAME.hfrec` writes NAME.json.

How a user's recording becomes a test: put it into tests/golden/recordings, run this, look at what it wrote, commit both.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from holdfast.database.sqlite import Database
from holdfast.mirror.tape import replay
from holdfast.model import TABLES
from holdfast.sources.recording import summary_of
from holdfast.sources.replay import Replay

RECORDINGS = Path(__file__).with_name("recordings")


def replayed(path: Path) -> dict[str, Any]:
    """Table → its rows, without what is NULL, in the order of their keys; and the number of changes on the way there."""
    with Database() as database:
        status = asyncio.run(replay(database, Replay(summary_of(str(path)).target, {"file": str(path)})))
        told: dict[str, Any] = {"undecoded": status.counters.undecoded, "changes": {}}
        for table in TABLES.values():
            keys = ", ".join(("target", *table.key))
            rows = database.fetch(f"SELECT {', '.join(table.columns)} FROM {table.name} ORDER BY {keys}")
            if rows:
                told[table.name] = [
                    {name: value for name, value in zip(table.columns, row, strict=True) if value is not None} for row in rows
                ]
            if changes := len(database.changes(table.name, 0)):
                told["changes"][table.name] = changes
        return told


def main() -> None:
    for name in sys.argv[1:]:
        path = Path(name)
        path.with_suffix(".json").write_text(json.dumps(replayed(path), indent=1) + "\n")
        print(path.with_suffix(".json"))


if __name__ == "__main__":
    main()
