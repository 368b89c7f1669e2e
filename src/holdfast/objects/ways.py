"""Ways out, as people write them: hops of multipath routes, labels, encapsulations, next hops of another family, groups.

    "200/300", 200, [200, {"label": 300, "ttl": 64}]                        MPLS labels
    {"type": "mpls", "labels": "200/300"}                                   encapsulations by `type`: mpls, seg6, seg6local;
    {"type": "seg6", "mode": "encap", "segs": "2001:db8::1,2001:db8::2"}    others as the tables have them, beside `encap_type`
    [{"gateway": "10.0.0.2", "oif": "eth0", "weight": 2}, {"gateway": "10.0.0.3", "hops": 0}]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from holdfast.errors import InvalidValue, UnknownName
from holdfast.model.encap import ENCAPS
from holdfast.model.field import BYTES, IP, U8, U32, Field, Packed
from holdfast.objects.spec import address_text
from holdfast.objects.values import GRAMMARS, Place, interface, value

__all__ = ["encapsulation", "labels"]

AF_INET: Final = 2
AF_INET6: Final = 10

_SEG6_MODES: Final = {"inline": 0, "encap": 1, "l2encap": 2, "encap.red": 3, "l2encap.red": 4}
_SEG6_ACTIONS: Final = {
    "End": 1, "End.X": 2, "End.T": 3, "End.DX2": 4, "End.DX6": 5, "End.DX4": 6, "End.DT6": 7, "End.DT4": 8, "End.B6": 9,
    "End.B6.Encaps": 10, "End.BM": 11, "End.S": 12, "End.AS": 13, "End.AM": 14, "End.BPF": 15, "End.DT46": 16,
}  # fmt: skip
_TYPES: Final = {28: 1}
"""AF_MPLS is also taken for the number of its encapsulation."""
_NAMED: Final = Field("encap_type", U32, names="lwtunnel")


def labels(field: Field, given: Any, place: Place | None = None) -> list[Any]:
    """A label stack: numbers; an entry that carries more than its label is an object."""
    entries = given.split("/") if isinstance(given, str) else list(given) if isinstance(given, list | tuple) else [given]
    return [_label(field, one, last=index == len(entries) - 1) for index, one in enumerate(entries)]


def _label(field: Field, given: Any, *, last: bool) -> Any:
    if isinstance(given, Mapping):
        entry = {name: int(given.get(name) or 0) for name in ("label", "tc", "bos", "ttl")}
        entry["bos"] = int(given.get("bos", last))
        return entry["label"] if not entry["tc"] and not entry["ttl"] and entry["bos"] == last else entry
    try:
        number = int(given)
    except (TypeError, ValueError):
        number = -1
    if not 0 <= number < 1 << 20:
        raise InvalidValue(f"expected an MPLS label (0 to 1048575), got `{given}` – at {field.name}")
    return number


def _via(field: Field, given: Any, place: Place) -> dict[str, Any]:
    """A next hop of another family: its address, or family and addr."""
    if isinstance(given, str):
        given = {"addr": given}
    if not isinstance(given, Mapping) or not isinstance(given.get("addr"), str):
        raise InvalidValue(f"expected an address, or an object with family and addr, got `{given!r}` – at {field.name}")
    family = given.get("family")
    text = given["addr"]
    if family is None:
        family = AF_INET6 if ":" in text else AF_INET
    elif not isinstance(family, int):
        family = place.names.number_of("family", str(family))
    return {"family": family, "addr": address_text(field, text) if family in (AF_INET, AF_INET6) else text}


def encapsulation(field: Field, given: Any, kind: Any, place: Place) -> tuple[int | None, Any]:
    """`encap_type` and `encap`. kind: what stands beside it, if anything does."""
    if isinstance(given, Mapping) and "type" in given:
        given = dict(given)
        kind = given.pop("type")
    number = None if kind is None else _TYPES.get(kind, kind) if isinstance(kind, int) else value(_NAMED, kind, place)
    if not given:
        return None, None
    if number is None:
        raise InvalidValue(f"expected an encapsulation with its type, got `{given!r}` – at {field.name}")
    read = _READERS.get(number)
    if read:
        return number, read(field, given, place)
    if number in ENCAPS:
        return number, value(Field(field.name, ENCAPS[number]), given, place)
    return number, dict(given)


def _mpls(field: Field, given: Any, place: Place) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        return {"labels": labels(field, given)}
    if "attrs" in given:
        return {"labels": labels(field, dict(given["attrs"])["MPLS_IPTUNNEL_DST"])}
    found = {"labels": labels(field, given.get("labels"))}
    return found | ({"ttl": int(given["ttl"])} if given.get("ttl") is not None else {})


def _seg6(field: Field, given: Any, place: Place) -> dict[str, Any]:
    header = given.get("srh", given)
    segments = header.get("segs") or []
    if isinstance(segments, str):
        segments = [one for one in segments.split(",") if one]
    mode = header.get("mode", "encap")
    found = {
        "mode": mode if isinstance(mode, int) else _word(field, _SEG6_MODES, mode),
        "segs": [address_text(field, one.strip()) for one in segments],
        "segments_left": header.get("segments_left", len(segments) - 1),
        "flags": header.get("flags", 0),
        "tag": header.get("tag", 0),
    }
    if not segments:
        raise InvalidValue(f"expected segments (IPv6 addresses), got `{given!r}` – at {field.name}")
    if found["mode"] == 0 and "more" not in header and "segments_left" not in header:
        found["segs"], found["segments_left"] = [*found["segs"], "::"], len(segments)  # the kernel puts the destination there
    if header.get("hmac"):
        found["more"] = _hmac(int(header["hmac"]))
        found["flags"] |= 0x08
    return {"srh": found | {name: header[name] for name in ("nexthdr", "type", "hdrlen", "more") if name in header}}


def _hmac(key: int) -> str:
    """An HMAC TLV that the kernel fills (RFC 8754, 2.1.2): type 5, length 38, the key's number, 32 empty bytes."""
    return (bytes((5, 38, 0, 0)) + (key & 0xFFFFFFFF).to_bytes(4, "big") + bytes(32)).hex()


def _seg6local(field: Field, given: Any, place: Place) -> dict[str, Any]:
    given = dict(given)
    action = given.pop("action", None)
    found: dict[str, Any] = {"action": action if isinstance(action, int) else _word(field, _SEG6_ACTIONS, action)}
    if "vrf_table" in given:
        given["vrftable"] = given.pop("vrf_table")
    for name in ("table", "vrftable"):
        if given.get(name) is not None:
            given[name] = value(Field(name, U32, names="rt_tables"), given[name], place)
    return found | value(Field(field.name, ENCAPS[7]), given, place)  # type: ignore[no-any-return]


def _word(field: Field, words: Mapping[str, int], given: Any) -> int:
    if given not in words:
        raise UnknownName(f"expected one of {', '.join(words)}, got `{given}` – at {field.name}")
    return words[given]


_READERS: Final[dict[int, Callable[[Field, Any, Place], dict[str, Any]]]] = {1: _mpls, 5: _seg6, 7: _seg6local}
"""By LWTUNNEL_ENCAP_*; the others are nests of fields."""

_HOP: Final = {
    one.name: one
    for one in (
        Field("gateway", IP),
        Field("via", Packed("via")),
        Field("newdst", Packed("labels")),
        Field("flow", U32, names="rt_realms"),
        Field("ttl_propagate", U8),
        Field("flags", U32, names="rt_flags"),
        Field("unknown", BYTES),
    )
}


def _multipath(field: Field, given: Any, place: Place) -> list[dict[str, Any]] | None:
    """Hops in the order given; `weight` counts from 1, `hops` (the kernel's way) from 0."""
    if isinstance(given, Mapping) or not hasattr(given, "__iter__"):
        given = [given]
    return [_hop(field, one, place) for one in given] or None


def _hop(field: Field, given: Any, place: Place) -> dict[str, Any]:
    if isinstance(given, str):
        given = {"gateway": given}
    if not isinstance(given, Mapping):
        raise InvalidValue(f"expected a hop as an object with gateway, oif, weight …, got `{given!r}` – at {field.name}")
    hop: dict[str, Any] = {"weight": _weight(field, given)}
    if given.get("oif"):
        hop["oif"] = interface(given["oif"], place, f"{field.name}.oif")
    for name, part in given.items():
        if part in (None, "") or name in ("oif", "weight", "hops", "encap", "encap_type", "family", "via_family"):
            continue
        if name not in _HOP:
            raise UnknownName(f"a hop has no `{name}`; it has oif, weight, encap, {', '.join(_HOP)} – at {field.name}")
        hop[name] = part if name == "unknown" else value(_HOP[name], part, place)
    if given.get("encap"):
        hop["encap_type"], hop["encap"] = encapsulation(field, given["encap"], given.get("encap_type"), place)
    return hop


def _weight(field: Field, given: Mapping[str, Any]) -> int:
    weight = given.get("weight")
    if weight is None:
        weight = int(given.get("hops") or 0) + 1
    if not 1 <= int(weight) <= 256:
        raise InvalidValue(f"expected a weight from 1 to 256, got `{weight}` – at {field.name}")
    return int(weight)


def _group(field: Field, given: Any, place: Place) -> list[dict[str, int]]:
    """Members of a nexthop group: numbers, objects with id and weight, or text as for `ip`: "1,3/2,2"."""
    members = given.replace(",", "/,").split("/,") if isinstance(given, str) and "," in given and "/" not in given else given
    if isinstance(members, str):
        words = members.split("/")
        members = [dict(zip(("id", "weight"), one.split(","), strict=False)) for one in words]
    found = []
    for one in [members] if isinstance(members, int) else members:
        member = one if isinstance(one, Mapping) else {"id": one}
        found.append({"id": int(member["id"]), "weight": int(member.get("weight") or 1)})
    return sorted(found, key=lambda member: member["id"])


def _peer(field: Field, given: Any, place: Place) -> Any:
    raise InvalidValue(f"the other end of a veth is given as `peer`, got `{field.name}`")


GRAMMARS.update({"labels": labels, "via": _via, "multipath": _multipath, "nexthop_group": _group, "peer": _peer})

