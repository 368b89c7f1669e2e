"""Grammars of routes: destination, via, multipath, MPLS labels, encapsulations.

Source: struct rtnexthop and struct rtvia, include/uapi/linux/rtnetlink.h; label stack entries, RFC 3032; lwtunnel.h,
  mpls_iptunnel.h, seg6_iptunnel.h, seg6.h (struct ipv6_sr_hdr), seg6_local.h.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from typing import Any, Final

from holdfast.errors import DecodeError, InvalidValue
from holdfast.model.encap import ENCAPS

from .shapes import GRAMMARS, Grammar, coder, decode_ip, decode_unknown, encode_ip, encode_unknown, fixed_ip, keep_unknown
from .uapi import number
from .wire import TYPE_MASK, align, attribute, attributes

AF_MPLS: Final = 28
_LABEL: Final = struct.Struct("!I")
_BOTTOM: Final = 0x100
_HOP: Final = struct.Struct("=HBBi")
_FAMILY: Final = struct.Struct("=H")


def _decode_labels(data: bytes) -> list[Any]:
    """A label stack: numbers, or objects with label, tc, bos, ttl where an entry carries more than its label."""
    if len(data) % 4 or not data:
        raise DecodeError(f"expected label stack entries of 4 bytes, got {len(data)} bytes")
    stack: list[Any] = []
    for offset in range(0, len(data), 4):
        (entry,) = _LABEL.unpack_from(data, offset)
        last = offset + 4 == len(data)
        label, tc, bos, ttl = entry >> 12, entry >> 9 & 7, entry >> 8 & 1, entry & 0xFF
        stack.append(label if not tc and not ttl and bos == last else {"label": label, "tc": tc, "bos": bos, "ttl": ttl})
    return stack


def _encode_labels(value: Any) -> bytes:
    entries = value if isinstance(value, list | tuple) else [value]
    out = b""
    for index, one in enumerate(entries):
        try:
            if isinstance(one, dict):
                entry = int(one["label"]) << 12 | one.get("tc", 0) << 9 | one.get("bos", 0) << 8 | one.get("ttl", 0)
            else:
                entry = int(one) << 12 | (_BOTTOM if index == len(entries) - 1 else 0)
            out += _LABEL.pack(entry)
        except (KeyError, TypeError, ValueError, struct.error) as error:
            raise InvalidValue(f"expected MPLS labels (0 to 1048575), got {value!r}") from error
    return out


def _decode_destination(data: bytes, family: int) -> str:
    if family != AF_MPLS:
        return decode_ip(data)
    labels = _decode_labels(data)
    if len(labels) != 1 or not isinstance(labels[0], int):
        raise DecodeError(f"expected one MPLS label as destination, got {labels}")
    return str(labels[0])


def _fixed_destination(size: int, family: int) -> Callable[..., Any] | None:
    return None if family == AF_MPLS else fixed_ip(size, family)


def _encode_destination(value: Any, family: int) -> bytes | None:
    if value in ("default", "", None):
        return None
    return _encode_labels(value) if family == AF_MPLS else encode_ip(value)


def _decode_via(data: bytes) -> dict[str, Any]:
    """struct rtvia: u16 family, address bytes."""
    if len(data) < 2:
        raise DecodeError(f"expected struct rtvia, got {len(data)} bytes")
    (family,) = _FAMILY.unpack_from(data)
    ip = (family, len(data)) in ((socket.AF_INET, 6), (socket.AF_INET6, 18))
    return {"family": family, "addr": decode_ip(data[2:]) if ip else data[2:].hex(":")}


def _encode_via(value: Any) -> bytes:
    try:
        family, text = int(value["family"]), value["addr"]
        ip = family in (socket.AF_INET, socket.AF_INET6) and ("." in text or not _is_hex(text))
        return _FAMILY.pack(family) + (encode_ip(text) if ip else bytes.fromhex(text.replace(":", "")))
    except (KeyError, TypeError, ValueError, struct.error) as error:
        raise InvalidValue(f"expected an object with family and addr, got {value!r}") from error


def _is_hex(text: str) -> bool:
    """Is it bytes in hex with colons, as addresses that are no IP addresses are written? 2001:db8::1 is not."""
    return not text or all(len(part) == 2 for part in text.split(":"))


def _decode_encap(data: bytes, kind: int | None) -> dict[str, Any]:
    shape = ENCAPS.get(kind or 0)
    return coder(shape).decode(data) if shape else {"unknown": decode_unknown(data)}


def _encode_encap(value: Any, kind: int | None) -> bytes | None:
    if shape := ENCAPS.get(kind or 0):
        return coder(shape).encode(value)
    if not isinstance(value, dict) or value.keys() - {"unknown"}:
        raise InvalidValue(f"nothing is known of encapsulation {kind}: expected raw attributes in `unknown`, got {value!r}")
    return encode_unknown(value.get("unknown", {}))


def _hop_parts() -> dict[int, tuple[str, str]]:
    parts = {"GATEWAY": ("gateway", "ip"), "VIA": ("via", "via"), "FLOW": ("flow", "u32"), "NEWDST": ("newdst", "labels"),
             "ENCAP_TYPE": ("encap_type", "u16"), "ENCAP": ("encap", "encap"), "TTL_PROPAGATE": ("ttl_propagate", "u8")}  # fmt: skip
    return {number(f"RTA_{word}"): part for word, part in parts.items()}


_HOP_PARTS: Final = _hop_parts()


def _decode_hop_part(grammar: str, payload: bytes, hop: dict[str, Any]) -> Any:
    match grammar:
        case "ip":
            return decode_ip(payload)
        case "via":
            return _decode_via(payload)
        case "labels":
            return _decode_labels(payload)
        case "encap":
            return _decode_encap(payload, hop.get("encap_type"))
    return int.from_bytes(payload, "little" if struct.pack("=H", 1)[0] else "big")


def _encode_hop_part(grammar: str, value: Any, hop: dict[str, Any]) -> bytes | None:
    match grammar:
        case "ip":
            return encode_ip(value)
        case "via":
            return _encode_via(value)
        case "labels":
            return _encode_labels(value)
        case "encap":
            return _encode_encap(value, hop.get("encap_type"))
    return struct.pack({"u8": "=B", "u16": "=H", "u32": "=I"}[grammar], value)


def _decode_multipath(data: bytes) -> list[dict[str, Any]]:
    """A run of struct rtnexthop, each followed by its attributes. `weight` is rtnh_hops + 1."""
    hops = []
    offset = 0
    while len(data) - offset >= _HOP.size:
        length, flags, weight, oif = _HOP.unpack_from(data, offset)
        if length < _HOP.size or offset + length > len(data):
            raise DecodeError(f"hop claims {length} bytes, {len(data) - offset} are left", offset=offset, path="RTA_MULTIPATH")
        hop: dict[str, Any] = {"oif": oif, "weight": weight + 1, "flags": flags}
        unknown: dict[str, Any] = {}
        encap = None
        for kind, payload in attributes(data, offset + _HOP.size, offset + length, "RTA_MULTIPATH"):
            name, grammar = _HOP_PARTS.get(kind & TYPE_MASK, ("", ""))
            if grammar == "encap":  # reads differently by RTA_ENCAP_TYPE, which comes behind it
                encap = payload
            elif grammar:
                hop[name] = _decode_hop_part(grammar, payload, hop)
            else:
                keep_unknown(unknown, kind, payload)
        if encap is not None:
            hop["encap"] = _decode_encap(encap, hop.get("encap_type"))
        if unknown:
            hop["unknown"] = unknown
        hops.append(hop)
        offset += align(length)
    if data and not hops:
        raise DecodeError(f"expected struct rtnexthop, got {len(data)} bytes", path="RTA_MULTIPATH")
    return hops


def _encode_multipath(value: Any) -> bytes:
    if not isinstance(value, list | tuple) or not all(isinstance(hop, dict) for hop in value):
        raise InvalidValue(f"expected a list of hops (objects with oif, gateway, weight …), got {value!r}")
    out = []
    for hop in value:
        body = b""
        for kind, (name, grammar) in _HOP_PARTS.items():
            if (given := hop.get(name)) is not None:
                payload = _encode_hop_part(grammar, given, hop)
                if payload is not None:
                    body += attribute(kind, payload)
        body += encode_unknown(hop.get("unknown", {}))
        try:
            head = _HOP.pack(_HOP.size + len(body), hop.get("flags", 0), hop.get("weight", 1) - 1, hop.get("oif", 0))
        except struct.error as error:
            raise InvalidValue(f"expected a hop with oif, weight (1 to 256) and flags (8 bits), got {hop!r}") from error
        out.append(head + body)
    return b"".join(out)


def _decode_srh(data: bytes) -> dict[str, Any]:
    """struct seg6_iptunnel_encap: int mode, then struct ipv6_sr_hdr with its segments, last one first."""
    if len(data) < 12:
        raise DecodeError(f"expected struct seg6_iptunnel_encap, got {len(data)} bytes")
    mode, header, length, kind, left, first, flags, tag = struct.unpack_from("=iBBBBBBH", data)
    end = 12 + 16 * (first + 1)
    if end > len(data):
        raise DecodeError(f"{first + 1} segments do not fit into {len(data)} bytes", path="SEG6_IPTUNNEL_SRH")
    segments = [socket.inet_ntop(socket.AF_INET6, data[at : at + 16]) for at in range(12, end, 16)]
    value = {"mode": mode, "segs": segments[::-1], "segments_left": left, "flags": flags, "tag": socket.ntohs(tag)}
    if (header, kind) != (0, 4):
        value |= {"nexthdr": header, "type": kind}
    if more := data[end:]:
        value["more"] = more.hex()  # HMAC and other TLVs
    if length != (len(data) - 12) // 8:
        value["hdrlen"] = length
    return value


def _encode_srh(value: Any) -> bytes:
    try:
        segments = [socket.inet_pton(socket.AF_INET6, one) for one in value["segs"]][::-1]
        body = b"".join(segments) + bytes.fromhex(value.get("more", ""))
        first = len(segments) - 1
        return struct.pack(
            "=iBBBBBBH", value.get("mode", 0), value.get("nexthdr", 0), value.get("hdrlen", len(body) // 8), value.get("type", 4),
            value.get("segments_left", first), first, value.get("flags", 0), socket.htons(value.get("tag", 0)),
        ) + body  # fmt: skip
    except (KeyError, TypeError, OSError, ValueError, struct.error) as error:
        raise InvalidValue(f"expected an object with mode and segs (IPv6 addresses), got {value!r}") from error


GRAMMARS.update(
    {
        "destination": Grammar(_decode_destination, _encode_destination, ("family",), _fixed_destination),
        "via": Grammar(_decode_via, _encode_via),
        "labels": Grammar(_decode_labels, _encode_labels),
        "multipath": Grammar(_decode_multipath, _encode_multipath),
        "encap": Grammar(_decode_encap, _encode_encap, ("encap_type",)),
        "srh": Grammar(_decode_srh, _encode_srh),
    }
)
