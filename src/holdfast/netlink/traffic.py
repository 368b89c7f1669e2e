"""Grammar of traffic control: options stay raw, but for what moves by itself among them: counters, ages, numbers of users.

Source: include/uapi/linux/pkt_sched.h (struct tc_htb_glob), pkt_cls.h (TCA_<kind>_ACT and _PCNT, TCA_ACT_*, struct tcf_t,
  struct tc_police, tc_gen) and tc_act/*.h (TCA_<kind>_TM and _PARMS). What moves would make every reading a change of the row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from holdfast.errors import DecodeError, InvalidValue

from .shapes import GRAMMARS, Grammar
from .wire import TYPE_MASK, attribute, attributes

Still = Callable[[bytes], bytes | None]
"""From a payload to what of it stands still; None: nothing, the attribute is left out."""


_WITH_FLAGS: Final = 0xFFFF


def _left_out(payload: bytes) -> None:
    del payload


def _zeroed(*members: slice) -> Still:
    """Members of a struct that move become zero; a payload that is too short for them stays as it came."""

    def still(payload: bytes) -> bytes:
        whole = bytearray(payload)
        for one in members:
            if one.stop <= len(whole):
                whole[one] = bytes(one.stop - one.start)
        return bytes(whole)

    return still


def _within(rules: Mapping[int, Still]) -> Callable[[bytes], bytes]:
    """A run of attributes, each by its rule; those without one stay."""

    def still(payload: bytes) -> bytes:
        out = []
        for kind, part in attributes(payload, mask=_WITH_FLAGS):
            rule = rules.get(kind & TYPE_MASK)
            kept = part if rule is None else rule(part)
            if kept is not None:
                out.append(attribute(kind, kept))
        return b"".join(out)

    return still


_USERS: Final = _zeroed(slice(12, 20))
"""`refcnt` and `bindcnt` of tc_gen, with which the parameters of every action but police begin."""
_TIMES_FIRST: Final = _within({1: _left_out, 2: _USERS})
_TIMES_SECOND: Final = _within({1: _USERS, 2: _left_out})
_ACTIONS: Final[Mapping[str, Still]] = {
    **dict.fromkeys(
        ("bpf", "gact", "mirred", "mpls", "pedit", "sample", "simple", "skbedit", "skbmod", "tunnel_key", "vlan"), _TIMES_FIRST
    ),
    **dict.fromkeys(("connmark", "csum", "ct", "ife", "nat"), _TIMES_SECOND),
    "ctinfo": _within({2: _left_out, 3: _USERS}),
    "gate": _within({1: _left_out, 3: _USERS}),
    "police": _within({1: _zeroed(slice(44, 52)), 6: _left_out}),
}
"""What moves in the options of an action, by its kind."""

_TCA_ACT_KIND, _TCA_ACT_OPTIONS, _TCA_ACT_STATS = 1, 2, 4


def _action(payload: bytes) -> bytes:
    """One action of a filter's list: without its counters."""
    kind = dict(attributes(payload)).get(_TCA_ACT_KIND, b"").rstrip(b"\0").decode("ascii", "replace")
    rules: dict[int, Still] = {_TCA_ACT_STATS: _left_out}
    if kind in _ACTIONS:
        rules[_TCA_ACT_OPTIONS] = _ACTIONS[kind]
    return _within(rules)(payload)


def _actions(payload: bytes) -> bytes:
    """TCA_<kind>_ACT: the actions, numbered from 1."""
    return _within(dict.fromkeys((number for number, _ in attributes(payload)), _action))(payload)


_OPTIONS: Final[Mapping[str, Still]] = {
    "htb": _within({2: _zeroed(slice(16, 20))}),  # TCA_HTB_INIT: direct_pkts, what went past the classes
    "u32": _within({7: _actions, 9: _left_out}),
    "basic": _within({3: _actions, 5: _left_out}),
    "matchall": _within({2: _actions, 4: _left_out}),
    "flower": _within({3: _actions}),
    "fw": _within({4: _actions}),
    "flow": _within({9: _actions}),
    "route": _within({6: _actions}),
    "cgroup": _within({1: _actions}),
    "bpf": _within({1: _actions}),
}
"""What moves in the options, by the kind of qdisc, class or filter; of other kinds nothing is known to."""


def _decode_options(data: bytes, kind: str | None) -> str:
    """Hex text of what stands still."""
    still = _OPTIONS.get(kind or "")
    try:
        return (data if still is None else still(data) or b"").hex()
    except DecodeError:  # not attributes after all: raw, as it came
        return data.hex()


def _encode_options(value: Any, kind: str | None) -> bytes:
    try:
        return bytes.fromhex(value)
    except (TypeError, ValueError) as error:
        raise InvalidValue(f"expected the options of {kind or 'its kind'} in hex, got {value!r}") from error


GRAMMARS["tc_options"] = Grammar(_decode_options, _encode_options, ("kind",))
