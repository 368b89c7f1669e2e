"""Connects two networks through a VXLAN tunnel: a bridge with the tunnel as its port, and the far ends to flood to; then removes it.

    python examples/vxlan_overlay.py [LOCAL REMOTE...]

Without arguments it makes an interface to send through (needs root, and a kernel with VXLAN).
"""

import errno
import sys

from holdfast import NDB, NetlinkError

FLOOD = "00:00:00:00:00:00"

with NDB() as ndb:
    local, *remotes = sys.argv[1:] or ("192.0.2.1", "192.0.2.2", "192.0.2.3")
    link = None
    if not sys.argv[1:]:
        link = ndb.interfaces.create(ifname="demo0", kind="bridge", state="up").add_ip("192.0.2.1/24").commit()

    tunnel = ndb.interfaces.create(ifname="vx-demo", kind="vxlan", vxlan_id=100, vxlan_local=local, vxlan_port=4789, state="up")
    bridge = ndb.interfaces.create(ifname="br-demo", kind="bridge", state="up").add_port("vx-demo")
    change = ndb.begin().push(tunnel, bridge)
    for remote in remotes:
        change.push(tunnel.fdb.create(lladdr=FLOOD, dst=remote))
    try:
        change.commit()
        print("floods to", sorted(one.dst for one in tunnel.fdb.dump() if one.lladdr == FLOOD))
        with ndb.begin() as undo:
            undo.push(bridge.remove(), tunnel.remove())
        print("tunnel:", tunnel.state)
    except NetlinkError as error:
        if error.code != errno.EOPNOTSUPP:
            raise
        print("this kernel has no VXLAN")
    finally:
        if link:
            link.remove().commit()
