"""A paced source of route events: `python bench/pace.py NAMESPACE COUNT RATE VERB` works on COUNT /32 routes at RATE/s: VERB is
add, delete, or replace, which gives each another gateway.

Messages are made before the clock starts and sent in groups of at most 1 ms, without acknowledgement: the kernel works them off
inside send, so what one process can cause here is the kernel's own speed. Prints one JSON object: seconds it took, and `sent`,
the CLOCK_MONOTONIC times (ns) at which each group was handed over, with the number of the group's first route.
"""

from __future__ import annotations

import json
import socket
import struct
import sys
import time

import scene

RTM_NEWROUTE, RTM_DELROUTE = 24, 25
REQUEST, REPLACE, EXCL, CREATE = 0x01, 0x100, 0x200, 0x400
VERBS = {
    "add": (RTM_NEWROUTE, REQUEST | CREATE | EXCL),
    "replace": (RTM_NEWROUTE, REQUEST | REPLACE),
    "delete": (RTM_DELROUTE, REQUEST),
}


def messages(count: int, verb: str, oif: int) -> list[bytes]:
    """Route requests; the n-th is 10.0.0.0 + n, as scene.routes numbers them."""
    kind, flags = VERBS[verb]
    other = 1 if verb == "replace" else 0
    form = struct.Struct("=IHHII BBBBBBBBI HH4s HH4s HHi")
    gateways = [socket.inet_aton(f"192.168.{high}.{2 + low}") for high in (0, 1) for low in range(128)]
    return [
        form.pack(form.size, kind, flags, 0, 0, 2, 32, 0, 0, 254, 3, 0, 1, 0, 8, 1, struct.pack("!I", 10 << 24 | i),
                  *((8, 5, gateways[(i >> 8 & 1) * 128 + (i + other & 127)]) if verb != "delete" else (8, 5, bytes(4))), 8, 4, oif)
        for i in range(count)
    ]  # fmt: skip


def main(name: str, count: int, rate: float, verb: str) -> None:
    from holdfast.netlink.namespace import open_in

    sock = open_in(f"/run/netns/{name}", lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE))
    oif = open_in(f"/run/netns/{name}", lambda: socket.if_nametoindex(scene.DEVICE))
    prepared = messages(count, verb, oif)
    sent: list[tuple[int, int]] = []
    start = time.monotonic()
    done = 0
    while done < count:
        due = min(count, int((time.monotonic() - start) * rate) + 1)
        if due <= done:
            time.sleep(min(0.0005, 1 / rate))
            continue
        group = prepared[done : min(due, done + max(1, int(rate / 1000)))]
        sent.append((done, time.monotonic_ns()))
        sock.send(b"".join(group))
        done += len(group)
    print(json.dumps({"seconds": time.monotonic() - start, "sent": sent}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4])
