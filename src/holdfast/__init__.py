"""Holdfast, a network state database: what the network is, as SQL tables and as objects that follow it, and
the versioned tree of what it should be.

    from holdfast import NDB
    with NDB() as ndb:
        print(ndb.interfaces["lo"]["state"], ndb.sql("SELECT count(*) FROM routes")[0])

    from holdfast import Tree
    with Tree("config.db") as tree:
        tree.put("nodes.r1.mtu", 1500)

`from holdfast.aio import NDB, Tree` is the same for asyncio. Names are loaded when they are first used: importing this package
costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # typing itself would be most of the cost of `import holdfast`; type checkers know this name
if TYPE_CHECKING:
    from typing import Any, Final

    from holdfast import aio as aio
    from holdfast import errors as errors
    from holdfast.api.sync.ndb import NDB
    from holdfast.api.sync.tree.tree import Tree
    from holdfast.database.backup import restore
    from holdfast.database.retention import Keep
    from holdfast.errors import HoldfastError, KernelError, NetlinkError
    from holdfast.objects import settings as config
    from holdfast.objects.checks import CheckProcess, CheckProcessException, Not, PingAddress
    from holdfast.objects.records import Record, RecordSet
    from holdfast.tree.compaction import Retention

__all__ = [
    "NDB", "CheckProcess", "CheckProcessException", "HoldfastError", "Keep", "KernelError", "NetlinkError", "Not", "PingAddress", "Record",
    "RecordSet", "Retention", "Tree", "aio", "config", "errors", "restore",
]  # fmt: skip

__version__ = "0.1.0"

_HOME: Final = {
    "NDB": "holdfast.api.sync.ndb",
    "CheckProcess": "holdfast.objects.checks",
    "CheckProcessException": "holdfast.errors",
    "Retention": "holdfast.tree.compaction",
    "Tree": "holdfast.api.sync.tree.tree",
    "restore": "holdfast.database.backup",
    "HoldfastError": "holdfast.errors",
    "Keep": "holdfast.database.retention",
    "KernelError": "holdfast.errors",
    "NetlinkError": "holdfast.errors",
    "Not": "holdfast.objects.checks",
    "PingAddress": "holdfast.objects.checks",
    "Record": "holdfast.objects.records",
    "RecordSet": "holdfast.objects.records",
}
_MODULES: Final = {"aio": "holdfast.aio", "config": "holdfast.objects.settings", "errors": "holdfast.errors"}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        found = import_module(_MODULES[name])
    elif name in _HOME:
        found = getattr(import_module(_HOME[name]), name)
    else:
        raise AttributeError(f"module `holdfast` has no `{name}`; it has {', '.join(__all__)}", name=name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
