"""Writes what the usual tables show to files, as CSV and as JSON.

    python examples/export_tables.py [DIRECTORY]

Without a directory they go to a temporary one, are counted, and removed.
"""

import sys
import tempfile
from pathlib import Path

from holdfast import NDB


def export(directory: Path) -> None:
    with NDB() as ndb:
        for view in (ndb.interfaces, ndb.addresses, ndb.routes, ndb.neighbours):
            for kind in ("csv", "json"):
                path = directory / f"{view.table.name}.{kind}"
                with path.open("w", encoding="utf-8") as file:
                    file.writelines(f"{line}\n" for line in view.summary().format(kind))
                print(f"{path}: {path.stat().st_size} bytes")


if len(sys.argv) > 1:
    export(Path(sys.argv[1]))
else:
    with tempfile.TemporaryDirectory() as name:
        export(Path(name))
