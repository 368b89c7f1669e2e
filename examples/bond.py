"""Makes one link of two, the second as a reserve, in one commit; then takes it apart (needs root, and a kernel with bonds).

    python examples/bond.py [PORT PORT]

Without arguments it makes two pairs of interfaces to bond.
"""

import errno
import sys

from holdfast import NDB, NetlinkError

with NDB() as ndb:
    ports, pairs = sys.argv[1:], []
    if not ports:
        ports = ["demo0", "demo2"]
        pairs = [ndb.interfaces.create(ifname=name, kind="veth", peer=f"{name}p").commit() for name in ports]

    bond = ndb.interfaces.create(ifname="bond-demo", kind="bond", bond_mode="active-backup", bond_miimon=100, state="up")
    for name in ports:
        bond.add_port(name)
    try:
        bond.add_ip("192.0.2.1/24").commit()
        print(bond["bond_mode"], [port.ifname for port in bond.ports.summary()])
        bond.rollback()
        print("bond:", bond.state)
    except NetlinkError as error:
        if error.code != errno.EOPNOTSUPP:
            raise
        print("this kernel has no bonds; nothing of it stays:", bond.state)
    finally:
        for pair in pairs:
            pair.remove().commit()
