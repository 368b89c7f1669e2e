"""`add fdb 02:00:00:00:00:07 dev eth0 master static`, `add fdb 02:… dev vx0 dst 10.0.0.2`, `add vlan 10 dev eth0 pvid untagged`"""

from __future__ import annotations

from typing import Any, Final

from holdfast.errors import InvalidValue
from holdfast.model import FDB as FDB_TABLE
from holdfast.model import VLANS

from .forms import is_mac
from .order import Order, Words, bits, fixed, value

__all__ = ["FDB", "VLAN"]


def _master(fields: dict[str, Any], words: Words) -> None:
    """The table of the bridge that the port belongs to; as with `bridge fdb` no name follows."""
    del words
    fields.setdefault("flags", []).append("master")


FDB: Final = Order(
    FDB_TABLE,
    {
        "dev": value("ifindex"),
        "via": value("via_ifindex"),
        "nhid": value("nh_id"),
        "mac": value("lladdr"),
        "master": _master,
        "self": bits("flags", "self"),
        "static": fixed(state="noarp"),
        "permanent": fixed(state="permanent"),
        "local": fixed(state="permanent"),
        "dynamic": fixed(state="reachable"),
        "extern_learn": bits("flags", "extern_learn"),
        "sticky": bits("flags", "sticky"),
    },
    {"lladdr": is_mac},
    key=("lladdr", "ifindex", "vlan", "dst", "vni", "port"),
)


def _one_vid(fields: dict[str, Any]) -> None:
    if "-" in str(fields.get("vid", "")):
        raise InvalidValue(f"expected one VLAN, got `{fields['vid']}` – at `vid`", hint="`holdfast batch` takes many, one a line")


VLAN: Final = Order(
    VLANS,
    {"dev": value("ifindex"), "pvid": bits("flags", "pvid"), "untagged": bits("flags", "untagged")},
    {"vid": lambda text: text.replace("-", "").isdecimal()},
    key=("vid", "ifindex"),
    finish=_one_vid,
)
