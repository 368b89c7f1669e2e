"""holdfast.netlink.ack: what the kernel says about a request, from its bytes."""

from __future__ import annotations

import errno
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.netlink.ack import ACK_TLVS, CAPPED, DONE, ERROR, HEADER, Ack, read_ack

REQUEST = HEADER.pack(28, 26, 0x301, 7, 0) + bytes(12)


def attribute(kind: int, payload: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(payload), kind) + payload + bytes(-len(payload) % 4)


def answer(kind: int, flags: int, error: int, *parts: bytes) -> bytes:
    body = struct.pack("=i", error) + b"".join(parts)
    return HEADER.pack(16 + len(body), kind, flags, 7, 1234) + body


SENTENCE = attribute(1, b"Nexthop has invalid gateway\0")


@pytest.mark.parametrize(
    ("message", "ack"),
    [
        (answer(ERROR, CAPPED, 0, REQUEST[:16]), Ack(0)),
        (answer(ERROR, CAPPED, -errno.ENODEV, REQUEST[:16]), Ack(errno.ENODEV)),
        (answer(ERROR, CAPPED | ACK_TLVS, -errno.EINVAL, REQUEST[:16], SENTENCE), Ack(errno.EINVAL, "Nexthop has invalid gateway")),
        (answer(ERROR, ACK_TLVS, -errno.EINVAL, REQUEST, SENTENCE), Ack(errno.EINVAL, "Nexthop has invalid gateway")),
        (answer(ERROR, CAPPED | ACK_TLVS, 0, REQUEST[:16], attribute(1, b"a warning\0")), Ack(0, "a warning")),
        (
            answer(ERROR, CAPPED | ACK_TLVS, -errno.EINVAL, REQUEST[:16], attribute(2, struct.pack("=I", 20)), attribute(9, b"new")),
            Ack(errno.EINVAL, offset=20),
        ),
        (
            answer(ERROR, CAPPED | ACK_TLVS, -22, REQUEST[:16], attribute(5, b"\3\0\0\0"), attribute(6, b"\x10\0\0\0")),
            Ack(22, missing=3, missing_nest=16),
        ),
        (answer(DONE, 0, 0), Ack(0)),
        (answer(DONE, ACK_TLVS, -errno.ENOENT, attribute(1, b"FIB table does not exist\0")), Ack(errno.ENOENT, "FIB table does not exist")),
        (HEADER.pack(16, DONE, 2, 7, 1234), Ack(0)),
    ],
)
def test_acks(message: bytes, ack: Ack) -> None:
    assert read_ack(message) == ack


def test_a_refusal_names_the_bad_attribute() -> None:
    request = HEADER.pack(36, 24, 5, 7, 0) + bytes(12) + attribute(0x8000 | 22, b"\1\0\0\0")
    error = Ack(errno.EINVAL, "Bad encap", offset=28).refusal(request, "route 10.0.0.0/8")
    assert str(error) == "kernel refused route 10.0.0.0/8: EINVAL (Bad encap)"
    assert error.code == errno.EINVAL
    assert error.details == {"errno": "EINVAL", "sentence": "Bad encap", "offset": 28, "attribute": 22}


def test_a_refusal_names_the_missing_attribute() -> None:
    error = Ack(errno.EINVAL, missing=3, missing_nest=16).refusal()
    assert str(error) == "kernel refused: EINVAL (attribute 3 is missing)"
    assert error.details == {"errno": "EINVAL", "sentence": "attribute 3 is missing", "missing_attribute": 3, "missing_in": 16}


@given(st.sampled_from([ERROR, DONE]), st.integers(0, 0xFFFF), st.binary(max_size=120), st.integers(0, 200))
def test_odd_bytes_never_hide_the_error(kind: int, flags: int, body: bytes, length: int) -> None:
    message = HEADER.pack(length, kind, flags, 1, 2) + body
    ack = read_ack(message)
    assert ack.error >= 0
    ack.refusal(message)
