"""Options of traffic control: what moves by itself is left out, the rest stays byte for byte."""

from __future__ import annotations

from struct import pack

import pytest

from holdfast.netlink import codec  # noqa: F401  # registers the grammars
from holdfast.netlink.shapes import GRAMMARS
from holdfast.netlink.wire import attribute, attributes

OPTIONS = GRAMMARS["tc_options"]


def mirred(age: int, users: int, packets: int) -> bytes:
    """TCA_U32_ACT with one action: tc_mirred (tc_gen, eaction, ifindex), struct tcf_t, counters."""
    parameters = pack("=IIiiiiI", 7, 0, 4, users, users, 1, 3)
    times = pack("=QQQQ", age, age, 0, age)
    options = attribute(2, parameters) + attribute(1, times)
    counters = attribute(4, pack("=QI", 99, packets))
    action = attribute(1, b"mirred\0") + counters + attribute(3, pack("=I", 7)) + attribute(2, options, nested=True)
    return attribute(7, attribute(1, action))


def test_the_age_users_and_counters_of_an_action_are_left_out() -> None:
    selector = attribute(5, bytes(32))
    young, old = (selector + mirred(*state) + attribute(9, pack("=QQ", state[2], 0)) for state in ((1, 1, 5), (900, 2, 6000)))
    assert OPTIONS.decode(young, "u32") == OPTIONS.decode(old, "u32")
    kept = bytes.fromhex(OPTIONS.decode(old, "u32"))
    assert dict(attributes(kept))[5] == bytes(32)
    assert pack("=i", 4) in kept, "what the action does"
    assert b"mirred" in kept


def test_flag_bits_stay() -> None:
    raw = attribute(3, attribute(1, attribute(1, b"skbedit\0")), nested=True)
    assert OPTIONS.decode(raw, "flower") == raw.hex()


@pytest.mark.parametrize(("kind", "raw"), [("fq_codel", attribute(1, b"\1\2\3\4")), (None, b"\1"), ("u32", b"\3\0\7\0"), ("htb", b"")])
def test_what_is_not_known_stays_raw(kind: str | None, raw: bytes) -> None:
    assert OPTIONS.decode(raw, kind) == raw.hex()


def test_packets_past_the_classes_of_htb_are_not_counted() -> None:
    few, many = (attribute(2, pack("=5I", 3, 10, 0x30, 0, count)) for count in (1, 7000))
    assert OPTIONS.decode(few, "htb") == OPTIONS.decode(many, "htb")
