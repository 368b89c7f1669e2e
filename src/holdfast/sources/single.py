"""Requests for single objects, and the questions that find out what a kernel has. Pure: values in, bytes out.

Strict checking wants every member of the header that is not part of the question to be zero.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from struct import Struct
from typing import Any, Final

from holdfast.errors import InvalidValue, NotSupported
from holdfast.model.field import Table
from holdfast.netlink.uapi import HEADERS, number
from holdfast.netlink.wire import attribute, message

__all__ = ["request_for", "shown", "simple_request"]

_NAME_MOST: Final = 15  # IFNAMSIZ, without its NUL


def simple_request(kind: str, header: str, attributes: bytes = b"", **members: int) -> bytes:
    """A request of this type: its header struct with these members, the rest zero, and attributes."""
    layout, names = HEADERS[header]
    return message(number(kind), 0, 0, Struct("=" + layout).pack(*(members.get(name, 0) for name in names)) + attributes)


def request_for(table: Table, row: Mapping[str, Any]) -> bytes:
    """The request for the object that `row` is the key of.

    interfaces by ifindex or ifname (an alternative name, too), nexthops by id, neighbours by ifindex, dst and proxy.
    Raises: InvalidValue - a part of the key is missing or no address;  NotSupported - other tables.
    """
    make = {"interfaces": _interface, "nexthops": _nexthop, "neighbours": _neighbour}.get(table.name)
    if make is None:
        raise NotSupported(f"the kernel cannot be asked for one {table.noun}", hint="dump its table with filters")
    try:
        return make(row)
    except KeyError as cause:
        raise InvalidValue(f"expected the key of a {table.noun}, got {shown(row) or 'nothing'}: {cause.args[0]} is missing") from cause


def shown(row: Mapping[str, Any]) -> str:
    """A key as messages show it."""
    return " ".join(f"{name} {value}" for name, value in row.items())


def _interface(row: Mapping[str, Any]) -> bytes:
    mask = attribute(number("IFLA_EXT_MASK"), number("RTEXT_FILTER_VF").to_bytes(4, "little"))
    if row.get("ifindex"):
        return simple_request("RTM_GETLINK", "ifinfomsg", mask, ifi_index=row["ifindex"])
    name = row["ifname"].encode()
    word = "IFLA_IFNAME" if len(name) <= _NAME_MOST else "IFLA_ALT_IFNAME"  # the kernel looks for both in both
    return simple_request("RTM_GETLINK", "ifinfomsg", attribute(number(word), name + b"\0") + mask)


def _nexthop(row: Mapping[str, Any]) -> bytes:
    return simple_request("RTM_GETNEXTHOP", "nhmsg", attribute(number("NHA_ID"), row["id"].to_bytes(4, "little")))


def _neighbour(row: Mapping[str, Any]) -> bytes:
    try:
        address = ipaddress.ip_address(row["dst"])
    except ValueError as cause:
        raise InvalidValue(f"expected an IP address, got `{row['dst']}` – at dst") from cause
    return simple_request(
        "RTM_GETNEIGH",
        "ndmsg",
        attribute(number("NDA_DST"), address.packed),
        ndm_family=number("AF_INET" if address.version == 4 else "AF_INET6"),
        ndm_ifindex=row["ifindex"],
        ndm_flags=number("NTF_PROXY") if row.get("proxy") else 0,
    )
