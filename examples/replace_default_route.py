"""Replaces the default route, and keeps the new one only if an address behind it answers; else the old one is back at once.

    python examples/replace_default_route.py [GATEWAY ADDRESS]

Without arguments it shows both outcomes on interfaces of its own (needs root).
"""

import sys

from holdfast import NDB, CheckProcessException, PingAddress


def replace(ndb: NDB, gateway: str, address: str) -> bool:
    """Is the new route in place?"""
    change = ndb.begin().push(ndb.routes.ensure(dst="default", gateway=gateway), PingAddress(address, timeout=1))
    try:
        change.commit(message=f"default route to {gateway}")
    except CheckProcessException as error:
        print("kept the old one:", error.message)
        return False
    print("the default route leads to", ndb.routes["default"]["gateway"])
    return True


with NDB() as ndb:
    if sys.argv[1:]:
        sys.exit(not replace(ndb, *sys.argv[1:]))
    link = ndb.interfaces.create(ifname="demo0", kind="bridge", state="up").add_ip("192.0.2.1/24").commit()
    before = ndb.routes.create(dst="default", gateway="192.0.2.2").commit()
    replace(ndb, "192.0.2.3", "198.51.100.1")  # nobody answers
    print("the default route leads to", ndb.routes["default"]["gateway"])
    replace(ndb, "192.0.2.3", "192.0.2.1")
    before.remove().commit()
    link.remove().commit()
