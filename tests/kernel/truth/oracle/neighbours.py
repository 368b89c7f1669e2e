"""`ip neigh`, `ip neigh show proxy`, `bridge fdb` → neighbours, fdb.

What comes and goes without anybody having decided it is left out on both sides: multicast mappings and entries without ARP
(`ip neigh` does not show them either), addresses that are being resolved or could not be, device multicast filters.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from holdfast.model import TABLES

from .read import Answers, Json
from .view import DERIVED, UNKNOWN, VOLATILE, Row, View
from .words import family_of, number

__all__ = ["FDB", "NEIGHBOURS"]

_NOARP: Final = 0x40
_PROXY: Final = 0x08
_FLAGS: Final = {"self": 0x2, "master": 0x4, "proxy": _PROXY, "extern_learn": 0x10, "offload": 0x20, "sticky": 0x40, "router": 0x80}
_EXT_FLAGS: Final = {"managed": 0x1, "locked": 0x2}
_FILTERS: Final = ("33:33:", "01:00:5e:", "01:80:c2:")


def _read(answers: Answers) -> Iterator[Row]:
    for one in (*answers.neighbours, *answers.proxies):
        row = {
            "family": family_of(one["dst"]),
            "ifindex": answers.ifindex_of(one["dev"]) if "dev" in one else 0,
            "dst": one["dst"],
            "lladdr": _lladdr(one.get("lladdr")),
            "fixed": 1 if "PERMANENT" in one.get("state", ()) else 0,
            "flags": sum(bit for word, bit in _FLAGS.items() if word in one),
            "flags_ext": sum(bit for word, bit in _EXT_FLAGS.items() if word in one),
            "proxy": 1 if "proxy" in one else 0,
            "protocol": number(one["protocol"]) if "protocol" in one else None,
        }
        if row["proxy"] or row["lladdr"] is not None:
            yield row


def _lladdr(shown: str | None) -> str | None:
    """Of an address of no bytes (a tun has such) iproute2 shows one, which is the next attribute's."""
    return "" if shown is not None and len(shown) == 2 else shown


def _ours(row: Row) -> Row | None:
    if not row["proxy"] and (row["lladdr"] is None or row["state"] == _NOARP):
        return None
    return row | {"flags_ext": row["flags_ext"] or 0}


NEIGHBOURS: Final = View(
    table=TABLES["neighbours"],
    shown=("family", "ifindex", "dst", "lladdr", "fixed", "flags", "flags_ext", "proxy", "protocol"),
    hidden={
        "state": f"{VOLATILE}; whether it is permanent is `fixed`, which is compared",
        "ndm_type": "iproute2 does not print it",
        "probes": VOLATILE,
        "cacheinfo": VOLATILE,
        "unknown": UNKNOWN,
    },
    read=_read,
    key=("family", "ifindex", "dst", "proxy"),
    ours=_ours,
)


def _read_fdb(answers: Answers) -> Iterator[Row]:
    for one in answers.fdb:
        if not one["mac"].startswith(_FILTERS):
            yield {
                "ifindex": answers.ifindex_of(one["ifname"]),
                "lladdr": one["mac"],
                "vlan": one.get("vlan", 0),
                "master": answers.ifindex_of(one["master"]) if "master" in one else None,
                "dst": one.get("dst"),
                "port": one.get("port"),
                "vni": one.get("vni"),
                "src_vni": one.get("src_vni"),
                "via_ifindex": _via(one, answers),
                "nh_id": one.get("nhid"),
                "link_netnsid": one.get("linkNetNsId"),
                "fixed": 1 if one.get("state") in ("permanent", "static") else 0,
                "flags": sum(_FLAGS[word] for word in one["flags"] if word in _FLAGS),
                "flags_ext": sum(_EXT_FLAGS[word] for word in one["flags"] if word in _EXT_FLAGS),
            }


def _via(one: Json, answers: Answers) -> int | None:
    return one["viaIfIndex"] if "viaIfIndex" in one else answers.ifindex_of(one["viaIf"]) if "viaIf" in one else None


def _fdb_as_ours(row: Row) -> Row | None:
    if (row["lladdr"] or "").startswith(_FILTERS):
        return None
    return row | {"flags_ext": row["flags_ext"] or 0}


FDB: Final = View(
    table=TABLES["fdb"],
    shown=(
        "ifindex", "lladdr", "vlan", "master", "dst", "port", "vni", "src_vni", "via_ifindex", "nh_id", "link_netnsid", "fixed", "flags",
        "flags_ext",
    ),
    hidden={
        "family": "AF_BRIDGE, always",
        "state": f"{VOLATILE}; whether it is permanent or static is `fixed`, which is compared",
        "ndm_type": "iproute2 does not print it",
        "protocol": "iproute2 does not print it",
        "fdb_ext_attrs": "iproute2 6.1 prints it as flags; nothing here sets it",
        "cacheinfo": VOLATILE,
        "device": DERIVED,
        "unknown": UNKNOWN,
    },
    read=_read_fdb,
    key=("lladdr", "vlan", "master", "ifindex", "dst"),
    ours=_fdb_as_ours,
)  # fmt: skip
