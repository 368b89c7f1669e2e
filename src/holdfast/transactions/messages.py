"""One step as the message that asks for it. Pure: indexes and descriptors have been found before.

Most tables are written by the codec as it reads them. What differs in requests is here: fields that are told and not taken,
bits that are state and not wish, and the messages of interfaces, which come in several kinds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from struct import Struct
from typing import Any, Final

from holdfast.errors import InvalidValue, NotSupported
from holdfast.model import INTERFACES, KINDS, ROUTES
from holdfast.model.field import Field, Table
from holdfast.netlink.codec import encode
from holdfast.netlink.layouts import encode_alike, encode_columns
from holdfast.netlink.uapi import number
from holdfast.netlink.wire import HEADER_SIZE, attribute, attributes, message

from .cells import Fields
from .complete import AF_BRIDGE, AF_INET6, AF_MPLS, RTN_BLACKHOLE, RTN_UNICAST
from .order import Step, Verb

__all__ = ["APPEND", "CREATE", "EXCL", "REPLACE", "SETTABLE_FLAGS", "message_of", "messages_of", "messages_of_rows"]

REPLACE, EXCL, CREATE, APPEND = 0x100, 0x200, 0x400, 0x800  # NLM_F_*
IFF_UP: Final = 0x1
SETTABLE_FLAGS: Final = 0x1 | 0x4 | 0x20 | 0x80 | 0x100 | 0x200 | 0x1000 | 0x2000 | 0x4000 | 0x8000
"""IFF_UP, DEBUG, NOTRAILERS, NOARP, PROMISC, ALLMULTI, MULTICAST, PORTSEL, AUTOMEDIA, DYNAMIC: what __dev_change_flags takes."""

_ONLINK: Final = 0x4
_INVERT: Final = 0x2
_NTF_SELF, _NTF_MASTER, _NTF_TAKEN = 0x02, 0x04, 0x40 | 0x10  # sticky, learned by a program
_SIMPLE: Final = frozenset(
    ("family", "dst", "dst_len", "table_id", "type", "proto", "scope", "tos", "priority", "gateway", "oif", "prefsrc")
)
"""Fields of routes that are sent as they are: most routes have no other."""
_SIMPLE_GIVEN: Final = Fields(ROUTES, sorted(_SIMPLE))
_COMPLEX: Final = Fields(ROUTES, ("multipath", "via", "encap", "newdst", "metrics", "nh_id", "src", "flags", "unknown"))
_TOLD: Final = frozenset(one.name for one in ROUTES.fields if one.readonly or one.derive) | {"iif"}
_BY_OBJECT: Final = ("gateway", "oif", "via", "multipath", "encap", "encap_type")
_U16: Final = Struct("=H")
_U32: Final = Struct("=I")
_VLAN_INFO: Final = Struct("=HH")
_IFINFO: Final = Struct("=BxHiII")
_HEADER: Final = Struct("=IHHII")  # nlmsghdr
_RTMSG_SIZE: Final = 12
_CHANGE_AT: Final = HEADER_SIZE + 12  # ifi_change

Row = dict[str, Any]


def message_of(step: Step, row: Mapping[str, Any]) -> bytes:
    """The request for a step; `row` is the step's, with numbers for what was Named.

    Raises: InvalidValue - a value that does not fit;  NotSupported - what cannot be asked for.
    """
    if step.table is ROUTES and row.get("family") == AF_MPLS:
        return _of_labels(_route(step, dict(row)))
    if step.table is ROUTES and step.verb is Verb.DELETE and not any(_COMPLEX.of(row)):
        row = _SIMPLE_GIVEN.given(row)
    elif step.table is ROUTES and not row.keys() <= _SIMPLE and _is_simple(row):
        row = {name: value for name, value in row.items() if name in _SIMPLE and value is not None}
    if step.table is ROUTES and row.keys() <= _SIMPLE:
        encoded = encode_alike(ROUTES, row, "delete" if step.verb is Verb.DELETE else "put", step.flags)
        if encoded is not None:
            return encoded
    make = _MAKERS.get(step.table.name)
    if make is None:
        raise NotSupported(f"{step.table.name} can only be read in this build")
    return make(step, dict(row))


def messages_of(table: Table, columns: Mapping[str, Sequence[Any]], verb: Verb, flags: int) -> list[bytes] | None:
    """The requests for very many rows that have the same fields; None: they are to be written one by one. Raises: InvalidValue."""
    if table is not ROUTES or not columns.keys() <= _SIMPLE or AF_MPLS in columns.get("family", ()):
        return None
    return encode_columns(table, columns, "delete" if verb is Verb.DELETE else "put", flags)


def messages_of_rows(table: Table, rows: Sequence[Mapping[str, Any]], verb: Verb, flags: int) -> list[bytes] | None:
    """The same of whole rows that go."""
    if table is not ROUTES or verb is not Verb.DELETE or any(map(any, map(_COMPLEX.of, rows))):
        return None
    columns = dict(zip(_SIMPLE_GIVEN.names, zip(*map(_SIMPLE_GIVEN.of, rows), strict=True), strict=True))
    return messages_of(table, {name: column for name, column in columns.items() if set(column) != {None}}, verb, flags)


def _is_simple(row: Mapping[str, Any]) -> bool:
    """Is each field of a route sent as it is, or not at all?"""
    return all(row[name] is None or name in _TOLD or row[name] == ROUTES.defaults[name] for name in row.keys() - _SIMPLE)


def _plain(step: Step, row: Row) -> bytes:
    """As the codec writes it, without what is only told."""
    sent = {one.name: row[one.name] for one in step.table.fields if one.name in row and not one.readonly}
    return encode(step.table, sent, "delete" if step.verb is Verb.DELETE else "put", step.flags)


# -- routes and what belongs to them -----------------------------------------------------------------------------------


def _route(step: Step, row: Row) -> bytes:
    row["flags"] = row.get("flags", 0) & _ONLINK
    row.pop("iif", None)
    if row["family"] != AF_INET6:
        row.pop("pref", None)
    if row.get("nh_id"):  # the kernel tells where the object leads, and refuses to be told
        row = {name: value for name, value in row.items() if name not in _BY_OBJECT}
        if row.get("type") == RTN_BLACKHOLE:  # so is the object, which the kernel tells of the route as well; it keeps another type
            row["type"] = 0 if step.verb is Verb.DELETE else RTN_UNICAST
    if row.get("multipath"):
        row.pop("gateway", None)
        row.pop("oif", None)
        row["multipath"] = [{**hop, "flags": hop.get("flags", 0) & _ONLINK} for hop in row["multipath"]]
    return _plain(step, row)


def _of_labels(encoded: bytes) -> bytes:
    """Labels have one table, and the kernel refuses to be told of it in an attribute (net/mpls/af_mpls.c, rtm_to_route_config)."""
    begun = HEADER_SIZE + _RTMSG_SIZE
    kept = [
        attribute(kind, payload) for kind, payload in attributes(encoded, begun, len(encoded), mask=0xFFFF) if kind != number("RTA_TABLE")
    ]
    _, kind, flags, seq, port = _HEADER.unpack_from(encoded)
    return message(kind, flags, seq, encoded[HEADER_SIZE:begun] + b"".join(kept), port)


def _address(step: Step, row: Row) -> bytes:
    """Lifetimes travel in IFA_CACHEINFO; without them the address stays for ever."""
    if step.verb is Verb.DELETE:
        row = {name: row[name] for name in ("family", "ifindex", "local", "address", "prefixlen") if name in row}
        return _plain(step, row)
    if row.get("preferred_lft") is not None or row.get("valid_lft") is not None:
        forever = 0xFFFFFFFF
        valid, preferred = row.get("valid_lft"), row.get("preferred_lft")
        valid = forever if valid is None else valid
        row["cacheinfo"] = {"valid": valid, "prefered": valid if preferred is None else preferred, "cstamp": 0, "tstamp": 0}
    else:
        row.pop("cacheinfo", None)
    row["flags"] = row.get("flags", 0) & ~_ADDRESS_STATE
    return _plain(step, row)


_ADDRESS_STATE: Final = 0x08 | 0x20 | 0x40 | 0x80
"""IFA_F_DADFAILED, DEPRECATED, TENTATIVE, PERMANENT: what became of it."""


def _neighbour(step: Step, row: Row) -> bytes:
    if step.verb is Verb.DELETE:
        row = {name: row[name] for name in ("family", "ifindex", "dst", "flags") if name in row}
    return _plain(step, row)


def _rule(step: Step, row: Row) -> bytes:
    row["flags"] = (row.get("flags", 0) & _INVERT) | (_INVERT if row.get("inverted") else 0)
    return _plain(step, row)


def _nexthop(step: Step, row: Row) -> bytes:
    if step.verb is Verb.DELETE:
        row = {"id": row["id"]}
    row["flags"] = row.get("flags", 0) & _ONLINK
    if row.get("group_members"):
        row = {name: value for name, value in row.items() if name not in _BY_OBJECT}
    return _plain(step, row)


# -- bridges -----------------------------------------------------------------------------------------------------------


def _fdb(step: Step, row: Row) -> bytes:
    """Its place is said by a flag: the bridge's table, or the device's own list. A bridge's own entries are in its own list."""
    master = row.pop("master", None)
    own = not master or master == row.get("ifindex")
    row["flags"] = (row.get("flags", 0) & _NTF_TAKEN) | (_NTF_SELF if own else _NTF_MASTER)
    return _plain(step, row)


def _vlan(step: Step, row: Row) -> bytes:
    """AF_BRIDGE RTM_SETLINK and RTM_DELLINK: the request that made VLANs before they had messages of their own."""
    if step.how == "options":
        return encode(step.table, {**row, "flags": _ONLY_OPTIONS}, "put", step.flags)
    info = _VLAN_INFO.pack(0 if step.verb is Verb.DELETE else row.get("flags", 0) & ~_ONLY_OPTIONS, row["vid"])
    spec = attribute(number("IFLA_BRIDGE_FLAGS"), _U16.pack(2 if row.get("self") else 1))
    spec += attribute(number("IFLA_BRIDGE_VLAN_INFO"), info)
    if row.get("tunnel"):
        tunnel = attribute(number("IFLA_BRIDGE_VLAN_TUNNEL_ID"), _U32.pack(row["tunnel"]["id"]))
        tunnel += attribute(number("IFLA_BRIDGE_VLAN_TUNNEL_VID"), _U16.pack(row["vid"]))
        spec += attribute(number("IFLA_BRIDGE_VLAN_TUNNEL_INFO"), tunnel, nested=True)
    kind = number("RTM_DELLINK" if step.verb is Verb.DELETE else "RTM_SETLINK")
    head = _IFINFO.pack(AF_BRIDGE, 0, row["ifindex"], 0, 0)
    return message(kind, 0, 0, head + attribute(number("IFLA_AF_SPEC"), spec, nested=True))


_ONLY_OPTIONS: Final = 0x40  # BRIDGE_VLAN_INFO_ONLY_OPTS


# -- interfaces --------------------------------------------------------------------------------------------------------


def _interface(step: Step, row: Row) -> bytes:
    if step.how in ("RTM_NEWLINKPROP", "RTM_DELLINKPROP"):
        return _alternative_names(step, row)
    if step.verb is Verb.DELETE:
        return message(number("RTM_DELLINK"), 0, 0, _IFINFO.pack(0, 0, row["ifindex"], 0, 0))
    change = row.pop("change", 0)
    sent = {one.name: row[one.name] for one in INTERFACES.fields if one.name in row and not one.readonly and not one.derive}
    sent["kind_data"] = _kind_data(row) or None
    sent["port_data"] = _writable(row.get("port_data"), KINDS[row["slave_kind"]].port) if row.get("port_data") else None
    if sent["port_data"]:
        sent["slave_kind"] = row["slave_kind"]
    sent["flags"] = row.get("flags", 0) & change
    sent["unknown"] = {str(number(word)): [_hex(one) for one in values] for word, values in _raw(row).items()} or None
    encoded = bytearray(encode(INTERFACES, sent, "put", step.flags))
    _U32.pack_into(encoded, _CHANGE_AT, change)
    return bytes(encoded)


def _raw(row: Row) -> dict[str, list[int]]:
    """Attributes that only requests have."""
    words = {"net_ns": "IFLA_NET_NS_FD", "new_ifindex": "IFLA_NEW_IFINDEX", "release": "IFLA_MASTER"}
    return {word: [row[name]] for name, word in words.items() if name in row}


def _hex(value: int) -> str:
    return _U32.pack(value).hex()


def _kind_data(row: Row) -> Row:
    """Zero would mean yes where the kernel wants a flag and tells a number."""
    known = KINDS.get(row.get("kind") or "")
    given = dict(row.get("kind_data") or {})
    if known is not None:
        given = _writable(given, known.data)
    if given.pop("vxlan_ttl_inherit", None):
        given["unknown"] = {**given.get("unknown", {}), str(number("IFLA_VXLAN_TTL_INHERIT")): ""}
    for prefix in ("macvlan", "macvtap"):
        if given.get(f"{prefix}_macaddr_data") and f"{prefix}_macaddr_mode" not in given:
            given[f"{prefix}_macaddr_mode"] = _MACADDR_SET
    if row.get("peer"):
        given["veth_peer"] = _peer(dict(row["peer"]))
    return given


_MACADDR_SET: Final = 3  # MACVLAN_MACADDR_SET


def _peer(peer: Row) -> Row:
    """The other end, as it is to be made."""
    fd = peer.pop("net_ns", None)
    peer.pop("target", None)
    if fd is not None:
        peer["unknown"] = {str(number("IFLA_NET_NS_FD")): _hex(fd)}
    surplus = peer.keys() - set(INTERFACES.columns)
    if surplus:
        raise InvalidValue(f"the other end of a veth has no {', '.join(sorted(surplus))} – at interface.peer")
    return {name: value for name, value in peer.items() if name not in ("state", "kind", "kind_data")}


def _writable(given: Any, fields: tuple[Field, ...]) -> Row:
    told = {one.name for one in fields if one.readonly}
    mere = {one.name for one in fields if one.presence}
    return {name: value for name, value in dict(given).items() if name not in told and value is not None and (value or name not in mere)}


def _alternative_names(step: Step, row: Row) -> bytes:
    names = b"".join(attribute(number("IFLA_ALT_IFNAME"), name.encode() + b"\0") for name in row["altnames"])
    head = _IFINFO.pack(0, 0, row["ifindex"], 0, 0)
    return message(number(step.how), step.flags, 0, head + attribute(number("IFLA_PROP_LIST"), names, nested=True))


_MAKERS: Final[dict[str, Callable[[Step, Row], bytes]]] = {
    "interfaces": _interface,
    "addresses": _address,
    "neighbours": _neighbour,
    "vlans": _vlan,
    "nexthops": _nexthop,
    "fdb": _fdb,
    "routes": _route,
    "rules": _rule,
}
