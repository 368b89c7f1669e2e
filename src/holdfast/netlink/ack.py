"""What the kernel says about a request: error codes and extended acks.

Source: struct nlmsgerr, NLMSGERR_ATTR_* and NLM_F_CAPPED, NLM_F_ACK_TLVS in include/uapi/linux/netlink.h.

    NLMSG_ERROR   nlmsghdr | error i32 | the request's nlmsghdr | its body unless CAPPED | attributes if ACK_TLVS
    NLMSG_DONE    nlmsghdr | error i32 | attributes if ACK_TLVS

Pure: bytes in, values out.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import Any, Final

from holdfast.errors import KernelError

__all__ = ["ACK_TLVS", "CAPPED", "DONE", "ERROR", "HEADER", "Ack", "read_ack"]

HEADER: Final = Struct("=IHHII")  # struct nlmsghdr: length, type, flags, sequence number, port id
ERROR: Final = 2  # NLMSG_ERROR: an ack when its error is 0
DONE: Final = 3  # NLMSG_DONE: the end of a dump
CAPPED: Final = 0x100  # NLM_F_CAPPED: the request's body is left out
ACK_TLVS: Final = 0x200  # NLM_F_ACK_TLVS: extended ack attributes follow

_ERROR_CODE: Final = Struct("=i")
_ATTRIBUTE: Final = Struct("=HH")
_U32: Final = Struct("=I")
_TYPE_MASK: Final = 0x3FFF  # without NLA_F_NESTED and NLA_F_NET_BYTEORDER
_MSG: Final = 1  # NLMSGERR_ATTR_MSG, text
_NUMBERS: Final = {2: "offset", 5: "missing", 6: "missing_nest"}  # NLMSGERR_ATTR_OFFS, _MISS_TYPE, _MISS_NEST, u32


@dataclass(frozen=True, slots=True)
class Ack:
    """An answer's verdict.

    error         0, or a positive errno.
    sentence      the kernel's own words; with error 0 a warning.
    offset        where in the request (from its nlmsghdr on) the bad attribute stands; None: not said.
    missing       type of an attribute that the kernel wants and did not get.
    missing_nest  offset of the nest that lacks it; None: the message itself.
    """

    error: int
    sentence: str = ""
    offset: int | None = None
    missing: int | None = None
    missing_nest: int | None = None

    def refusal(self, request: bytes | bytearray = b"", what: str = "") -> KernelError:
        """The error to raise. `request` names the bad attribute by its number; `what` says what was asked."""
        details: dict[str, Any] = {}
        sentence = self.sentence
        if self.offset is not None:
            details["offset"] = self.offset
            if HEADER.size <= self.offset <= len(request) - _ATTRIBUTE.size:
                details["attribute"] = _ATTRIBUTE.unpack_from(request, self.offset)[1] & _TYPE_MASK
        if self.missing is not None:
            details["missing_attribute"] = self.missing
            sentence = sentence or f"attribute {self.missing} is missing"
        if self.missing_nest is not None:
            details["missing_in"] = self.missing_nest
        return KernelError(self.error, sentence, request=what, **details)


def read_ack(message: bytes | bytearray | memoryview) -> Ack:
    """Read one whole NLMSG_ERROR or NLMSG_DONE message; what is short or odd in its attributes is passed over.

    An ack is read on the way to an error, so nothing in it may raise another one.
    """
    length, kind, flags, _, _ = HEADER.unpack_from(message)
    end = min(length, len(message))
    if end < HEADER.size + _ERROR_CODE.size:
        return Ack(0)  # kernels before 4.19 may end a dump without a code
    error = -_ERROR_CODE.unpack_from(message, HEADER.size)[0]
    at = HEADER.size + _ERROR_CODE.size
    if kind == ERROR and at + HEADER.size <= end:
        original = HEADER.size if flags & CAPPED else HEADER.unpack_from(message, at)[0]
        at += (original + 3) & ~3
    if not flags & ACK_TLVS:
        return Ack(max(error, 0))
    sentence, numbers = _attributes(message, at, end)
    return Ack(max(error, 0), sentence, **numbers)


def _attributes(message: bytes | bytearray | memoryview, at: int, end: int) -> tuple[str, dict[str, int]]:
    sentence, numbers = "", {}
    while at + _ATTRIBUTE.size <= end:
        length, kind = _ATTRIBUTE.unpack_from(message, at)
        if length < _ATTRIBUTE.size or at + length > end:
            break
        value = bytes(message[at + _ATTRIBUTE.size : at + length])
        kind &= _TYPE_MASK
        if kind == _MSG:
            sentence = value.split(b"\0", 1)[0].decode("utf-8", "replace")
        elif kind in _NUMBERS and len(value) >= _U32.size:
            numbers[_NUMBERS[kind]] = _U32.unpack_from(value)[0]
        at += (length + 3) & ~3
    return sentence, numbers
