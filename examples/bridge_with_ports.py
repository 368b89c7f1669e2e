"""Makes a bridge with two ports and an address in one commit, and takes it all away again (needs root).

    python examples/bridge_with_ports.py [PORT]...

Without names it makes a pair of interfaces to bridge.
"""

import sys

from holdfast import NDB

with NDB() as ndb:
    names = sys.argv[1:]
    pair = None
    if not names:
        pair = ndb.interfaces.create(ifname="demo0", kind="veth", peer="demo1").commit()
        names = ["demo0", "demo1"]

    bridge = ndb.interfaces.create(ifname="br-demo", kind="bridge", state="up", br_stp_state=1)
    for name in names:
        bridge.add_port(name)
    bridge.add_ip("192.0.2.1/24").commit()  # all of it, or nothing
    print(bridge["ifname"], [port.ifname for port in bridge.ports.summary()], [one.address for one in bridge.ipaddr.summary()])

    bridge.rollback()  # as before the commit: no bridge, and the ports are free
    print("bridge there:", ndb.interfaces.exists("br-demo"))
    if pair:
        pair.remove().commit()
