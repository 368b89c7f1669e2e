"""Says which route packets to some addresses take.

    python examples/longest_prefix.py [ADDRESS]...
"""

import sys

from holdfast import NDB

QUESTION = """
    SELECT dst, dst_len, gateway, ifname AS dev, rtn_type_name(type) AS type
    FROM route_lookup(?) AS route LEFT JOIN interfaces AS link ON link.target = route.target AND link.ifindex = route.oif
"""

with NDB() as ndb:
    for address in sys.argv[1:] or ["127.0.0.1", "192.0.2.1", "::1"]:
        routes = list(ndb.sql(QUESTION, address))
        for route in routes:
            print(f"{address:<20} {route.dst}/{route.dst_len} via {route.gateway or 'nothing'} dev {route.dev} ({route.type})")
        if not routes:
            print(f"{address:<20} no route")
