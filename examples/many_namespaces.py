"""Mirrors many network namespaces at once and compares them: how many links, addresses and routes each has.

    python examples/many_namespaces.py [NAMESPACE]...

Without names it makes ten, and removes them at the end (needs root).
"""

import subprocess
import sys
import time

from holdfast import NDB

COUNTS = """
    SELECT target,
      (SELECT count(*) FROM interfaces AS i WHERE i.target = here.target) AS links,
      (SELECT count(*) FROM addresses AS a WHERE a.target = here.target) AS addresses,
      (SELECT count(*) FROM routes AS r WHERE r.target = here.target) AS routes
    FROM (SELECT DISTINCT target FROM interfaces) AS here ORDER BY target
"""


def compare(names: list[str]) -> None:
    began = time.monotonic()
    with NDB(sources=[{"target": name, "kind": "netns", "netns": name} for name in names]) as ndb:
        print(f"{len(ndb.sources)} namespaces in {time.monotonic() - began:.2f} s")
        print(ndb.sql(COUNTS).format("md"))


if sys.argv[1:]:
    compare(sys.argv[1:])
else:
    made = [f"hf-demo{number}" for number in range(10)]
    try:
        for name in made:
            subprocess.run(["ip", "netns", "add", name], check=True)
            subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
        compare(made)
    finally:
        for name in made:
            subprocess.run(["ip", "netns", "delete", name], check=True)
