"""Spreads a destination over two gateways, one with three times the traffic, and changes the weights afterwards; then undoes it.

    python examples/multipath.py [DESTINATION GATEWAY GATEWAY]

Without arguments it makes an interface to route out of (needs root).
"""

import sys

from holdfast import NDB

with NDB() as ndb:
    destination, first, second = sys.argv[1:] or ("198.51.100.0/24", "192.0.2.2", "192.0.2.3")
    link = None
    if not sys.argv[1:]:
        link = ndb.interfaces.create(ifname="demo0", kind="bridge", state="up").add_ip("192.0.2.1/24").commit()

    route = ndb.routes.create(dst=destination, multipath=[{"gateway": first, "weight": 3}, {"gateway": second}]).commit()
    print([(hop["gateway"], hop["weight"]) for hop in route["multipath"]])
    route.set(multipath=[{"gateway": first}, {"gateway": second}]).commit()
    print([(hop["gateway"], hop["weight"]) for hop in route["multipath"]])

    route.rollback()  # the weights of before
    print([(hop["gateway"], hop["weight"]) for hop in route["multipath"]])
    route.remove().commit()
    if link:
        link.remove().commit()
