"""Looks at the network for some seconds, and tells what happened meanwhile, and what is different in the end.

    python examples/look_back.py SECONDS

Without an argument it looks at once, and makes something happen itself: an address that comes and goes (needs root).
"""

import subprocess
import sys
import time

from holdfast import NDB

with NDB() as ndb:
    begin = ndb.db.revision
    if len(sys.argv) > 1:
        time.sleep(float(sys.argv[1]))
    else:
        for verb in ("add", "delete"):
            subprocess.run(["ip", "address", verb, "127.77.77.80/32", "dev", "lo"], check=True)
            ndb.wait()
    for entry in ndb.history(since=begin):
        for change in entry.changes:
            fields = ", ".join(f"{field.field} {field.old} -> {field.new}" for field in change.fields)
            print(f"{entry.time:%H:%M:%S} {change.table} {change.key} {change.op} {fields}")
    print("all in all:", ", ".join(f"{change.table} {change.key} {change.op}" for change in ndb.diff(begin)) or "as it was")
