"""Tells when an interface goes up or down, until Ctrl-C.

    python examples/watch_links.py IFNAME

Without a name it makes a link of its own, takes it down and up, and removes it (needs root).
"""

import contextlib
import subprocess
import sys
from collections.abc import Iterator

from holdfast import NDB


def ip(command: str) -> None:
    subprocess.run(["ip", *command.split()], check=True)


@contextlib.contextmanager
def link_of_our_own(name: str) -> Iterator[str]:
    ip(f"link add {name} type veth peer name {name}-far")
    try:
        yield name
    finally:
        ip(f"link delete {name}")


def watch(ndb: NDB, name: str, *, until_gone: bool) -> None:
    for change in ndb.watch("interfaces", since=start, ifname=name):
        if change.op == "delete":
            print(f"revision {change.revision}: {name} is gone", flush=True)
            if until_gone:
                return
        elif change.old is None or change.old["state"] != change.row["state"]:
            print(f"revision {change.revision}: {name} is {change.row['state']}", flush=True)


with NDB() as ndb:
    start = ndb.db.revision
    if len(sys.argv) > 1:
        with contextlib.suppress(KeyboardInterrupt):
            watch(ndb, sys.argv[1], until_gone=False)
    else:
        with link_of_our_own("hf-demo") as name:
            ndb.interfaces.wait(ifname=name, timeout=5)
            for command in (f"link set {name} up", f"link set {name} down"):
                ip(command)
                ndb.wait(timeout=5)
        watch(ndb, "hf-demo", until_gone=True)
