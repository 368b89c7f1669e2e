"""Gives a routing table a new content in one transaction, of which only the difference is sent; then the old content again.

    python examples/table_swap.py [TABLE FILE]     FILE has lines: PREFIX GATEWAY

Without arguments it shows it with ten thousand routes of its own (needs root).
"""

import sys
import time

from holdfast import NDB


def swap(ndb: NDB, table: int, routes: list[tuple[str, str]]) -> None:
    began = time.monotonic()
    counts = ndb.routes.replace_all([{"dst": dst, "gateway": gateway} for dst, gateway in routes], table=table, message="new routes")
    print(f"{counts} in {time.monotonic() - began:.2f} s")


with NDB() as ndb:
    if sys.argv[1:]:
        with open(sys.argv[2], encoding="utf-8") as file:
            swap(ndb, int(sys.argv[1]), [(dst, gateway) for dst, gateway in (line.split() for line in file if line.strip())])
        sys.exit()
    link = ndb.interfaces.create(ifname="demo0", kind="bridge", state="up").add_ip("192.0.2.1/24").commit()
    old = [(f"10.{n >> 8}.{n & 255}.0/24", "192.0.2.2") for n in range(10_000)]
    new = [*old[100:], *[(dst, "192.0.2.3") for dst, _ in old[:50]]]
    swap(ndb, 4200, old)
    swap(ndb, 4200, new)
    swap(ndb, 4200, old)
    swap(ndb, 4200, [])
    link.remove().commit()
