"""Fixes link-layer addresses of neighbours, from lines `IP MAC` on standard input or a list of its own; then removes them again.

    python examples/static_neighbours.py [INTERFACE] < neighbours.txt

Without an interface it makes one (needs root). What is there already is only brought to what the lines say.
"""

import sys

from holdfast import NDB

with NDB() as ndb:
    link = None
    if sys.argv[1:]:
        port, lines = ndb.interfaces[sys.argv[1]], [line.split() for line in sys.stdin if line.strip()]
    else:
        port = link = ndb.interfaces.create(ifname="demo0", kind="bridge", state="up").add_ip("192.0.2.1/24").commit()
        lines = [["192.0.2.10", "02:00:00:00:00:10"], ["192.0.2.11", "02:00:00:00:00:11"]]

    for address, lladdr in lines:
        port.ensure_neighbour(dst=address, lladdr=lladdr)
    port.commit()
    print(port.neighbours.summary().select_fields("dst", "lladdr").format("md"))

    for address, _ in lines:
        port.del_neighbour(dst=address)
    port.commit()
    print("left:", port.neighbours.count())
    if link:
        link.remove().commit()
