"""Lists interfaces with their addresses, one line each, as `ip -br address` does.

    python examples/interfaces.py
"""

from holdfast import NDB

with NDB() as ndb:
    for interface in ndb.interfaces.summary():
        link = ndb.interfaces[interface.index]
        addresses = [f"{one.address}/{one.prefixlen}" for one in link.ipaddr.dump()]
        print(f"{link['ifname']:<15} {link['operstate']:<10} {' '.join(addresses)}")
