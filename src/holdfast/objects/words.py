"""Words that only requests know: what is written into a spec beside the fields that a row has.

    {"state": "up", "net_ns_fd": "blue", "mode": "802.3ad"}   of interfaces      {"fwmark": "0x10/0xff"}          of rules
    {"valid_lft": 3600, "mask": "255.255.255.0"}              of addresses       {"encap": {"type": "mpls", …}}   of routes

Each word has a function (given, place, out) that puts fields into `out`. What follows from what was given when something is
to be made (a prefix length, a scope, a family) is in defaults.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from holdfast.errors import InvalidValue
from holdfast.model import TABLES
from holdfast.model.field import Field
from holdfast.objects.values import ATTRIBUTES, Place, Word, value, writer
from holdfast.objects.ways import encapsulation

__all__ = ["WORDS"]

NTF_PROXY: Final = 0x08
FIB_RULE_INVERT: Final = 0x2
FOREVER: Final = 0xFFFFFFFF
PVID: Final = 0x2
UNTAGGED: Final = 0x4
_VLAN_FLAGS: Final = {"reorder_hdr": 1, "gvrp": 2, "loose_binding": 4, "mvrp": 8, "bridge_binding": 16}
_TUN_TYPES: Final = {"tun": 1, "tap": 2}


def _field(table: str, name: str) -> Field:
    return TABLES[table][name]


def _also(table: str, name: str) -> Word:
    """Another name of a field."""

    def put(given: Any, place: Place, out: dict[str, Any]) -> None:
        out |= writer(table).read({name: given}, place)

    return put


def _bit(field: str, bit: int) -> Word:
    """A bit of a field with flags."""

    def put(given: Any, place: Place, out: dict[str, Any]) -> None:
        out[field] = out.get(field, 0) | bit if given else out.get(field, 0) & ~bit

    return put


# ------------------------------------------------------------------------------------------------------------ interfaces


def _state(given: Any, place: Place, out: dict[str, Any]) -> None:
    if given not in ("up", "down"):
        raise InvalidValue(f"expected `up` or `down`, got `{given}` – at state")
    out["state"] = str(given)


def _kind(given: Any, place: Place, out: dict[str, Any]) -> None:
    out["kind"] = "tun" if given == "tuntap" else given


def _mode(given: Any, place: Place, out: dict[str, Any]) -> None:
    kind = place.kind
    name = "tun_type" if kind in ("tun", "tuntap") else f"{kind}_mode"
    if name not in ATTRIBUTES:
        raise InvalidValue(f"interfaces of kind {kind} have no mode")
    out[name] = _TUN_TYPES.get(given, given) if name == "tun_type" else value(ATTRIBUTES[name][1], given, place)


def _namespace(given: Any, place: Place, out: dict[str, Any]) -> None:
    out["target"] = given if isinstance(given, str) else f"/proc/self/fd/{given}"


def _namespace_of_process(given: Any, place: Place, out: dict[str, Any]) -> None:
    out["target"] = f"/proc/{int(given)}/ns/net"


def _peer(given: Any, place: Place, out: dict[str, Any]) -> None:
    """The other end of a veth: its name, or fields of an interface; `target` (or net_ns_fd, net_ns_pid): where it is to be."""
    fields = {"ifname": given} if isinstance(given, str) else dict(given)
    target = fields.pop("target", None)
    found = writer("interfaces").read(fields, Place(place.scene, target or place.target, fields))
    out["peer"] = ({"target": target} if target else {}) | found


def _data(given: Any, place: Place, out: dict[str, Any]) -> None:
    for name, one in (given or {}).items():
        out[name] = value(ATTRIBUTES[name][1], one, place) if name in ATTRIBUTES else one


def _vlan_flags(given: Any, place: Place, out: dict[str, Any]) -> None:
    """Numbers flags and mask, a mapping of these, or words: those are switched on."""
    if isinstance(given, Mapping):
        bits, mask = int(given["flags"]), int(given.get("mask", given["flags"]))
    elif isinstance(given, list | tuple) and len(given) == 2 and all(isinstance(one, int) for one in given):
        bits, mask = given
    elif isinstance(given, int):
        bits = mask = given
    else:
        words = given.split(",") if isinstance(given, str) else given
        bits = mask = sum(_VLAN_FLAGS[word] for word in words)
    out["vlan_flags"] = {"flags": bits, "mask": mask}


def _qos(name: str) -> Word:
    """{"from": 1, "to": 2}, a list of such, or {1: 2}."""

    def put(given: Any, place: Place, out: dict[str, Any]) -> None:
        if isinstance(given, Mapping) and given.keys() != {"from", "to"}:
            given = [{"from": int(old), "to": int(new)} for old, new in given.items()]
        out[name] = value(ATTRIBUTES[name][1], given, place)

    return put


# ------------------------------------------------------------------------------------------------------------ others


def _lifetime(name: str) -> Word:
    """Seconds, `forever`, or the kernel's 0xffffffff for that."""

    def put(given: Any, place: Place, out: dict[str, Any]) -> None:
        out[name] = None if given in (None, "forever", FOREVER) else value(_field("addresses", name), given, place)

    return put


def _prefix_length(given: Any, place: Place, out: dict[str, Any]) -> None:
    """Bits, or a mask such as 255.255.255.0."""
    if isinstance(given, str) and "." in given:
        bits = "".join(f"{int(part):08b}" for part in given.split("."))
        given = bits.rstrip("0").count("1")
        if bits != "1" * given + "0" * (32 - given):
            raise InvalidValue("expected a prefix length or a mask whose bits stand together – at prefixlen")
    out["prefixlen"] = value(_field("addresses", "prefixlen"), given, place)


def _broadcast(given: Any, place: Place, out: dict[str, Any]) -> None:
    """An address, or True: the last one of the prefix."""
    if given is False:
        return
    out["broadcast"] = given if given is True else value(_field("addresses", "broadcast"), given, place)


def _peer_address(given: Any, place: Place, out: dict[str, Any]) -> None:
    out |= writer("addresses").read({"address": given}, place)
    out["peer"] = True


def _encap(given: Any, place: Place, out: dict[str, Any]) -> None:
    out["encap_type"], out["encap"] = encapsulation(_field("routes", "encap"), given, place.given.get("encap_type"), place)


def _encap_type(given: Any, place: Place, out: dict[str, Any]) -> None:
    if not place.given.get("encap"):
        out["encap_type"] = None if given is None else value(_field("routes", "encap_type"), given, place)


def _fwmark(given: Any, place: Place, out: dict[str, Any]) -> None:
    """A number, with a mask behind a slash if it has one."""
    mark, _, mask = str(given).partition("/")
    out["fwmark"] = value(_field("rules", "fwmark"), mark, place)
    if mask:
        out["fwmask"] = value(_field("rules", "fwmask"), mask, place)


def _ports(side: str) -> Word:
    """A port, or a range. The mask that the kernel shows for one port does not go with several."""

    def put(given: Any, place: Place, out: dict[str, Any]) -> None:
        found = out[f"{side}_range"] = value(_field("rules", f"{side}_range"), given, place)
        if found and found["start"] != found["end"]:
            out.setdefault(f"{side}_mask", None)

    return put


def _netns(given: Any, place: Place, out: dict[str, Any]) -> None:
    out["path" if "/" in str(given) else "name"] = str(given)


_OF_ROUTES: Final[Mapping[str, Word]] = {"encap": _encap, "encap_type": _encap_type}

WORDS: Final[Mapping[str, Mapping[str, Word]]] = {
    "interfaces": {
        "state": _state,
        "kind": _kind,
        "info_kind": _kind,
        "mode": _mode,
        "uid": _also("interfaces", "tun_owner"),
        "gid": _also("interfaces", "tun_group"),
        "altname": _also("interfaces", "altnames"),
        "net_ns_fd": _namespace,
        "net_ns_pid": _namespace_of_process,
        "peer": _peer,
        "kind_data": _data,
        "port_data": _data,
        "vlan_flags": _vlan_flags,
        "vlan_egress_qos": _qos("vlan_egress_qos"),
        "vlan_ingress_qos": _qos("vlan_ingress_qos"),
    },
    "addresses": {
        "mask": _prefix_length,
        "prefixlen": _prefix_length,
        "preferred": _lifetime("preferred_lft"),
        "preferred_lft": _lifetime("preferred_lft"),
        "valid": _lifetime("valid_lft"),
        "valid_lft": _lifetime("valid_lft"),
        "broadcast": _broadcast,
        "peer": _peer_address,
    },
    "neighbours": {"nud": _also("neighbours", "state"), "proxy": _bit("flags", NTF_PROXY)},
    "fdb": {"nud": _also("fdb", "state"), "vlan_id": _also("fdb", "vlan")},
    "routes": _OF_ROUTES,
    "nexthops": _OF_ROUTES,
    "rules": {
        "fwmark": _fwmark,
        "iif": _also("rules", "iifname"),
        "oif": _also("rules", "oifname"),
        "proto": _also("rules", "protocol"),
        "inverted": _bit("flags", FIB_RULE_INVERT),
        "sport_range": _ports("sport"),
        "dport_range": _ports("dport"),
    },
    "vlans": {"pvid": _bit("flags", PVID), "untagged": _bit("flags", UNTAGGED)},
    "netns": {"netns": _netns, "name": _netns, "path": _netns},
}
"""By table and word."""
