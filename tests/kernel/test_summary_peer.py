"""`summary()` held against pyroute2's NDB: one script, two imports, in one namespace. Scripts unpack these records by place."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from holdfast.testing.netns import Namespace

SCRIPT = """
import json, sys, warnings
warnings.simplefilter("ignore")
if sys.argv[1] == "pyroute2":
    from pyroute2 import NDB
else:
    from holdfast import NDB
found = {}
with NDB() as ndb:
    for name in sys.argv[2:]:
        records = list(getattr(ndb, name).summary())
        found[name] = {"fields": list(records[0]._as_dict()), "rows": [list(record) for record in records]}
print(json.dumps(found))
"""
VIEWS = ("interfaces", "addresses", "routes", "neighbours", "fdb", "rules")


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What both answer, by name of the library."""
    from holdfast.testing.netns import Namespace as Made

    with Made("peer") as ns:
        for command in (
            "link add br0 type bridge", "link add p0 type veth peer name eth0", "link set p0 master br0",
            "link set br0 up", "link set p0 up", "link set eth0 up", "addr add 192.0.2.1/24 dev br0",
            "neigh add 192.0.2.7 lladdr 02:00:00:00:00:07 dev br0 nud permanent", "rule add iif br0 table 100",
            "route add 198.51.100.0/24 via 192.0.2.3", "route add 203.0.113.0/24 via 192.0.2.3 table 100",
        ):  # fmt: skip
            ns.ip(command)
        return {name: _run(ns, name) for name in ("pyroute2", "holdfast")}


def _run(ns: Namespace, library: str) -> Any:
    program = ["ip", "netns", "exec", ns.name, sys.executable, "-c", SCRIPT, library, *VIEWS]
    done = subprocess.run(program, capture_output=True, text=True, timeout=50, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize("view", VIEWS)
def test_fields_stand_where_ndb_has_them(view: str, answers: dict[str, Any]) -> None:
    assert answers["holdfast"][view]["fields"] == answers["pyroute2"][view]["fields"]


@pytest.mark.parametrize(
    ("view", "wanted"),
    [
        ("interfaces", lambda row: True),
        ("addresses", lambda row: not row[3].startswith("fe80")),
        ("routes", lambda row: row[6] is not None),
        ("neighbours", lambda row: row[4] == "192.0.2.7"),
        ("rules", lambda row: True),
    ],
)
def test_rows_can_be_unpacked_alike(view: str, wanted: Callable[[list[Any]], bool], answers: dict[str, Any]) -> None:
    ours, theirs = (
        [[value or None for value in row] for row in answers[name][view]["rows"] if wanted(row)] for name in ("holdfast", "pyroute2")
    )
    assert ours
    assert sorted(map(repr, ours)) == sorted(map(repr, theirs))
