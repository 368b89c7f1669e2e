"""Connects this host with a network namespace: a pair of interfaces, one end in each, both with an address; then removes both.

    python examples/veth_into_namespace.py

Interfaces, namespace and addresses are made by one transaction that a ping from end to end decides (needs root).
"""

from holdfast import NDB

with NDB() as ndb:
    blue = ndb.netns.create(netns="hf-blue").commit()
    ndb.sources.add(netns="hf-blue")  # the same tables, beside this host's
    try:
        pair = ndb.interfaces.create(ifname="to-blue", kind="veth", state="up", peer={"ifname": "eth0", "target": "hf-blue"})
        pair.add_ip("192.0.2.1/24").commit()
        far = ndb.interfaces[{"target": "hf-blue", "ifname": "eth0"}]
        with ndb.begin() as change:
            change.push(far.set(state="up").add_ip("192.0.2.2/24"))
            change.push(ndb.probes.create(target="hf-blue", kind="ping", dst="192.0.2.1", num=10))
        print("far end:", far["target"], far["state"], "its other end here:", ndb.interfaces["to-blue"]["index"] == far["link"])
        pair.remove().commit()  # takes the far end along
        print("far end:", far.state)
    finally:
        ndb.sources.remove("hf-blue")
        blue.remove().commit()
