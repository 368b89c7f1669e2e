"""Takes VLANs off a trunk: an interface for each, with an address, all in one transaction; then removes them in one.

    python examples/vlan_trunk.py [TRUNK VLAN...]

Without arguments it makes a trunk of its own (needs root, and a kernel with VLANs).
"""

import errno
import sys

from holdfast import NDB, NetlinkError

with NDB() as ndb:
    trunk, *vlans = sys.argv[1:] or ("demo0", "10", "20", "30")
    link = None
    if not sys.argv[1:]:
        link = ndb.interfaces.create(ifname="demo0", kind="veth", peer="demo1", state="up").commit()

    made = [
        ndb.interfaces.create(ifname=f"{trunk}.{vlan}", kind="vlan", link=trunk, vlan_id=int(vlan), state="up").add_ip(f"10.0.{vlan}.1/24")
        for vlan in vlans
    ]
    try:
        ndb.begin().push(*made).commit()
        print([(one["ifname"], one["vlan_id"]) for one in made])
        ndb.begin().push(*(one.remove() for one in made)).commit()
        print({one.state for one in made})
    except NetlinkError as error:
        if error.code != errno.EOPNOTSUPP:
            raise
        print("this kernel has no VLANs; nothing of it stays:", {one.state for one in made})
    finally:
        if link:
            link.remove().commit()
