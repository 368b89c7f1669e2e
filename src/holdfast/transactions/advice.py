"""What to do about a refusal of the kernel: a sentence for those that people meet most, none where the kernel's own is enough."""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from .contract import Change, Request
from .order import Verb

__all__ = ["advice"]

_UPON: Final = ("macvlan", "macvtap", "ipvlan", "ipvtap", "vlan", "macsec")
"""Kinds that stand on another interface."""


class _Rule(NamedTuple):
    """Holds of refusals with one of these numbers, by its tables (none: all), sentence and request; `advice` is what to do."""

    errors: tuple[int, ...]
    advice: str
    tables: tuple[str, ...] = ()
    sentence: str = ""
    fits: Callable[[Request, Mapping[str, Any]], bool] = lambda request, asked: True


_RULES: Final = (
    _Rule(
        (errno.ENETUNREACH, errno.EHOSTUNREACH),
        "no interface that is up has an address in the gateway's network (none is needed with `dev` and the flag `onlink`)",
        ("routes", "nexthops"),
        fits=lambda request, asked: bool(asked.get("gateway") or asked.get("via") or asked.get("multipath")),
    ),
    _Rule((errno.ENETDOWN,), "set the interface up first", ("routes", "nexthops")),
    _Rule((errno.ENODEV,), "name its gateway (`via`) or its interface (`dev`)", ("routes",),
          fits=lambda request, asked: not any(asked.get(name) for name in ("gateway", "via", "oif", "multipath", "nh_id"))),
    _Rule((errno.EINVAL,), "the bits behind the prefix length must be zero", ("routes",), "Invalid prefix for given prefix length"),
    _Rule((errno.EINVAL,), "an interface must have the address that it is to be sent from", ("routes",), "Invalid prefsrc"),
    _Rule((errno.EINVAL,), "a link-local gateway needs its interface: `dev`", ("routes", "nexthops"), "Egress device not specified"),
    _Rule((errno.EINVAL,), "add the nexthop first, or in the same transaction", ("routes", "nexthops"), "Nexthop id does not exist"),
    _Rule((errno.EINVAL,), "add its nexthops first, or in the same transaction", ("nexthops",), "Invalid nexthop id"),
    _Rule((errno.EOPNOTSUPP,), "this kernel has no such kind, or its module is not loaded", ("interfaces",), "Unknown device type"),
    _Rule((errno.EOPNOTSUPP,), "only a bridge, a bond, a team or a VRF can be a master", ("interfaces",),
          fits=lambda request, asked: isinstance(request, Change) and request.fields.get("master") is not None),
    _Rule((errno.EOPNOTSUPP,), "VLANs are those of a bridge or of its ports, in a kernel that filters by them", ("vlans",)),
    _Rule((errno.EBUSY,), "a kernel before Linux 6.2 renames only what is down: set it down first", ("interfaces",),
          fits=lambda request, asked: isinstance(request, Change) and "ifname" in request.fields),
    _Rule((errno.EADDRNOTAVAIL,), "a MAC address of one interface is neither multicast nor zero", ("interfaces",),
          fits=lambda request, asked: bool(asked.get("address"))),
    _Rule((errno.EINVAL, errno.ENODEV), "it stands on another interface: name that as its `link`", ("interfaces",),
          fits=lambda request, asked: not isinstance(request, Change) and asked.get("kind") in _UPON and asked.get("link") is None),
    _Rule((errno.EINVAL,), "name its network: `vxlan_id`", ("interfaces",),
          fits=lambda request, asked: asked.get("kind") == "vxlan" and not (asked.get("kind_data") or {}).get("vxlan_id")),
)  # fmt: skip


def advice(verb: Verb, request: Request, error: int, sentence: str) -> str:
    """What whoever asked can do, "" if that is not known. error: the kernel's errno."""
    if verb is Verb.CREATE and error == errno.EEXIST:
        return "it is there already: `set` changes it"
    asked = {**request.row, **request.fields} if isinstance(request, Change) else request.row
    return next((one.advice for one in _RULES if _speaks_of(one, request, error, sentence) and one.fits(request, asked)), "")


def _speaks_of(rule: _Rule, request: Request, error: int, sentence: str) -> bool:
    return error in rule.errors and (not rule.tables or request.table.name in rule.tables) and rule.sentence in sentence
