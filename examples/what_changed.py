"""Keeps a database in a file, and tells at each start what has changed in the network since the last one.

    python examples/what_changed.py FILE

Without a file it makes a temporary one and starts twice; between the starts an address comes (needs root).
"""

import subprocess
import sys
import tempfile

from holdfast import NDB

CHANGES = """
    WITH last_start(revision) AS (VALUES (?))
    SELECT 'new' AS what, 'address' AS noun, local AS name FROM addresses, last_start WHERE since > revision
    UNION ALL SELECT 'gone', 'address', local FROM addresses_history, last_start WHERE until > revision
    UNION ALL SELECT 'new', 'route', dst || '/' || dst_len FROM routes, last_start WHERE since > revision
    UNION ALL SELECT 'gone', 'route', dst || '/' || dst_len FROM routes_history, last_start WHERE until > revision
"""


def tell_changes(path: str) -> None:
    with NDB(db_spec=path) as ndb:
        starts = [record.revision for record in ndb.sql("SELECT revision FROM log WHERE kind = 'start' AND target IS NULL ORDER BY 1")]
        if len(starts) == 1:
            print(f"first start: {ndb.interfaces.count()} interfaces, {ndb.routes.count()} routes")
            return
        for record in ndb.sql(CHANGES, starts[-1]):
            print(record.what, record.noun, record.name)


if len(sys.argv) > 1:
    tell_changes(sys.argv[1])
else:
    address = ["127.77.77.79/32", "dev", "lo"]
    with tempfile.TemporaryDirectory() as directory:
        tell_changes(f"{directory}/network.db")
        subprocess.run(["ip", "address", "add", *address], check=True)
        try:
            tell_changes(f"{directory}/network.db")
        finally:
            subprocess.run(["ip", "address", "delete", *address], check=True)
