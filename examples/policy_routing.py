"""Sends what comes from one prefix another way: a rule and a table of its own, in one transaction; then takes both back.

    python examples/policy_routing.py [PREFIX GATEWAY]

Without arguments it makes an interface to route out of (needs root).
"""

import sys

from holdfast import NDB

TABLE = 4200

with NDB() as ndb:
    prefix, gateway = sys.argv[1:] or ("198.51.100.0/24", "192.0.2.254")
    link = None
    if not sys.argv[1:]:
        link = ndb.interfaces.create(ifname="demo0", kind="bridge", state="up").add_ip("192.0.2.1/24").commit()

    rule = ndb.rules.create(src=prefix, table=TABLE, priority=1000)
    route = ndb.routes.create(dst="default", gateway=gateway, table=TABLE)
    with ndb.begin() as change:
        change.push(route, rule)  # the route first: who asks the table finds something in it
    print(ndb.rules.summary().select_records(table=TABLE).format("csv"))
    print(ndb.routes.summary().select_records(table=TABLE).select_fields("dst", "gateway").format("csv"))

    with ndb.begin() as change:
        change.push(rule.remove(), route.remove())
    print("left in the table:", ndb.routes.summary().select_records(table=TABLE).count())
    if link:
        link.remove().commit()
