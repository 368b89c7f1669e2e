"""Grammar of traffic control: options stay raw, but for the counters that two kinds keep among them.

Source: struct tc_htb_glob and TCA_U32_PCNT, include/uapi/linux/pkt_sched.h and pkt_cls.h. A counter in the options would make
every reading a change of the row.
"""

from __future__ import annotations

from typing import Any, Final

from holdfast.errors import DecodeError, InvalidValue

from .shapes import GRAMMARS, Grammar
from .wire import attribute, attributes

_TCA_HTB_INIT: Final = 2
_DIRECT_PACKETS: Final = slice(16, 20)
"""`direct_pkts`, the last member of struct tc_htb_glob."""
_TCA_U32_PCNT: Final = 9


def _decode_options(data: bytes, kind: str | None) -> str:
    """Hex text, without the packets that htb counted past its classes, and without the hits of a u32 filter."""
    if kind not in ("htb", "u32"):
        return data.hex()
    try:
        parts = list(attributes(data))
    except DecodeError:  # not attributes after all: raw, as it came
        return data.hex()
    out = b""
    for number, payload in parts:
        if kind == "u32" and number == _TCA_U32_PCNT:
            continue
        if kind == "htb" and number == _TCA_HTB_INIT and len(payload) == _DIRECT_PACKETS.stop:
            payload = payload[: _DIRECT_PACKETS.start] + bytes(4)
        out += attribute(number, payload)
    return out.hex()


def _encode_options(value: Any, kind: str | None) -> bytes:
    try:
        return bytes.fromhex(value)
    except (TypeError, ValueError) as error:
        raise InvalidValue(f"expected the options of {kind or 'its kind'} in hex, got {value!r}") from error


GRAMMARS["tc_options"] = Grammar(_decode_options, _encode_options, ("kind",))
