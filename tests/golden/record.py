"""Records the golden messages: `sudo .venv/bin/python -m tests.golden.record` rewrites messages.jsonl from the running kernel.

A scene of everything that this kernel has is built in a private namespace; each message of its events and dumps stands in a line
of its own: {"table", "op", "hex", "row"}, the row without NULLs and without what changes from run to run being compared. Look at
the difference before you commit it: a changed row is a changed decoder, or a changed kernel.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from holdfast.errors import KernelError
from holdfast.model import TABLES
from holdfast.netlink.batch import Batch
from holdfast.netlink.codec import decode, dump_request
from holdfast.netlink.namespace import open_in
from holdfast.netlink.socket import Socket
from holdfast.netlink.uapi import number
from holdfast.testing.netns import Namespace
from tests.golden.peer import split

SCENE = """
link add v0 type veth peer name v1
link add v2 type veth peer name v3
link set v0 up
link set v1 up
link set v2 up
link set v3 up
link property add dev v0 altname uplink-to-somewhere-with-a-long-name
link set v0 alias "a line in words"
addr add 192.0.2.1/24 brd + dev v0
addr add 192.0.2.2/24 dev v0 label v0:two
addr add 198.51.100.1 peer 198.51.100.2 dev v0
addr add 203.0.113.9/24 dev v2 valid_lft 3600 preferred_lft 1800
addr add 2001:db8::1/64 dev v0 nodad
addr add 2001:db8:1::1/64 dev v2 nodad
link add br0 type bridge stp_state 1 priority 4096 ageing_time 20000
link add p0 type veth peer name p1
link set p0 master br0
link set br0 up
link set p0 up
link set p1 up
link add vx0 type vxlan id 42 local 192.0.2.1 remote 192.0.2.9 dstport 4789 dev v0 ttl 16
link add mv0 link v0 type macvlan mode bridge
link add mt0 link v0 type macvtap mode vepa
link add ifb7 type ifb
link set vx0 up
tuntap add tap0 mode tap
route add 10.1.0.0/16 via 192.0.2.7 proto static metric 50 mtu 1400 advmss 1300
route append 10.1.0.0/16 via 192.0.2.8 proto static metric 50
route replace 10.1.0.0/16 via 192.0.2.9 proto static metric 50
route add 10.2.0.0/16 nexthop via 192.0.2.7 weight 3 nexthop via 203.0.113.7 dev v2
route add blackhole 10.3.0.0/16 table 100
route add unreachable 10.4.0.0/16
route add prohibit 10.5.0.0/16
route add throw 10.6.0.0/16 table 100
route add 10.7.0.0/16 dev v0 src 192.0.2.2 tos 0x10
route add 10.8.0.0/16 via inet6 2001:db8::9 dev v0
route add 10.9.0.0/16 encap ip id 7 dst 192.0.2.5 ttl 9 dev v0
route add default via 192.0.2.254
-6 route add 2001:db8:2::/48 via 2001:db8::2 metric 20
-6 route append 2001:db8:2::/48 via 2001:db8:1::2 metric 20
-6 route add 2001:db8:3::/48 nexthop via 2001:db8::2 nexthop via 2001:db8:1::2 weight 5
-6 route del 2001:db8:3::/48 via 2001:db8::2
-6 route add default via 2001:db8::fe pref high
nexthop add id 1 via 192.0.2.20 dev v0
nexthop add id 2 via 203.0.113.20 dev v2
nexthop add id 3 blackhole
nexthop add id 10 group 1,5/2
nexthop add id 11 group 1/2 type resilient buckets 8 idle_timer 60
route add 10.20.0.0/16 nhid 10
rule add from 10.0.0.0/8 to 192.0.2.0/24 fwmark 0x5/0xff table 100 priority 1000
rule add iif v0 oif v2 ipproto tcp sport 1000-2000 dport 80 uidrange 0-99 goto 32766 priority 1001
rule add not from 10.9.0.0/16 tos 0x10 blackhole priority 1002
rule add table main suppress_prefixlength 0 priority 1003
-6 rule add from 2001:db8::/32 table 200 priority 1004
neigh add 192.0.2.30 lladdr 02:00:00:00:00:30 dev v0 nud permanent
neigh add 192.0.2.31 dev v0 nud failed
neigh add proxy 192.0.2.40 dev v0
-6 neigh add 2001:db8::30 lladdr 02:00:00:00:00:31 dev v0 router nud reachable
neigh del 192.0.2.30 dev v0
rule del priority 1003
nexthop del id 10
addr del 198.51.100.1 peer 198.51.100.2 dev v0
link set v2 down
link set p0 nomaster
link del mv0
""".strip().splitlines()

BRIDGE = ["fdb add 02:00:00:00:00:50 dev p0 master static", "fdb append 00:00:00:00:00:00 dev vx0 dst 192.0.2.10 port 4790 vni 43"]
TC = ["qdisc add dev v0 root handle 1: htb default 10", "class add dev v0 parent 1: classid 1:10 htb rate 1mbit",
      "qdisc add dev v1 root tbf rate 1mbit burst 10k latency 50ms", "qdisc add dev v1 ingress",
      "filter add dev v0 parent 1: protocol ip prio 5 u32 match ip dst 10.0.0.0/8 flowid 1:10"]  # fmt: skip


def lines(buffer: bytes) -> list[dict[str, Any]]:
    out = []
    for message in split(buffer):
        for batch in decode(message):
            assert isinstance(batch, Batch), batch
            if batch.table.name in TABLES:
                rows = [{name: value for name, value in row.items() if value is not None} for row in batch.dicts()]
                out.append({"table": batch.table.name, "op": batch.op, "hex": message.hex(), "rows": rows})
    return out


def main() -> None:
    groups = sorted({number(word) for table in TABLES.values() if table.message for word in table.message.groups})
    with Namespace("golden") as ns:
        events = open_in(ns.path, lambda: Socket(groups, rcvbuf=1 << 24))
        dumps = open_in(ns.path, Socket)
        found: list[dict[str, Any]] = []
        for tool, commands in ((ns.ip, SCENE), (ns.bridge, BRIDGE), (ns.tc, TC)):
            for command in commands:
                try:
                    tool(command)
                except Exception as error:  # noqa: BLE001  # a scene for more kernels than this one
                    print(f"left out: {command}: {str(error).splitlines()[-1]}")
            found += lines(bytes(events.drain()))
        index = int(ns.ip_json("link show dev v0")[0]["ifindex"])
        for table in TABLES.values():
            for family in table.message.families if table.message else ():
                filters = {"ifindex": index} if table.name in ("classes", "filters") else {}
                if table.name == "filters":
                    filters["parent"] = 0x10000
                try:
                    for chunk in dumps.dump(dump_request(table, family, 0, **filters)):
                        found += lines(bytes(chunk))
                except KernelError as error:
                    print(f"no dump of {table.name} {family}: {error}")
        events.close()
        dumps.close()
    path = Path(__file__).with_name("messages.jsonl")
    path.write_text("".join(json.dumps(line) + "\n" for line in found))
    print(f"{len(found)} messages, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
