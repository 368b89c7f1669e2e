"""Waits until an address is there, as a start script does before it binds to it.

    python examples/wait_for_address.py ADDRESS [SECONDS]

Without an address it lets one appear on the loopback half a second later, and takes it away again (needs root).
"""

import subprocess
import sys
import threading

from holdfast import NDB


def ip(verb: str, address: str) -> None:
    subprocess.run(["ip", "address", verb, f"{address}/32", "dev", "lo"], check=True)


def wait(ndb: NDB, address: str, seconds: float) -> bool:
    try:
        found = ndb.addresses.wait(address=address, timeout=seconds)
    except TimeoutError:
        print(f"{address} is not there after {seconds} s")
        return False
    print(f"{address} is on {ndb.interfaces[found['index']]['ifname']}")
    return True


with NDB() as ndb:
    if len(sys.argv) > 1:
        there = wait(ndb, sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 30.0)
    else:
        later = threading.Timer(0.5, ip, ("add", "127.77.77.78"))
        later.start()
        there = wait(ndb, "127.77.77.78", 10.0)
        later.join()
        ip("delete", "127.77.77.78")
sys.exit(not there)
