"""SQL functions for addresses, prefixes, and the collation `ip`.

    ip_contains(prefix, address | prefix)            1 if the second lies within the first;  also (address, length, second)
    ip_compare(a, b)                                 -1, 0, 1: IPv4 before IPv6, then by value, then the wider prefix first
    ip_network(prefix | address [, length])          the prefix with its host bits cleared: "10.0.0.0/24"
    ip_host(prefix)  ip_masklen(prefix)  ip_netmask(prefix)  ip_broadcast(prefix)  ip_family(x)  ip_text(x)
    ORDER BY dst COLLATE ip                          addresses by value, other text behind them

What is not an address gives NULL, as SQL does with what it does not know. `default` is the prefix of length 0 that contains
every address; an address alone is the prefix of its full length. Families are the kernel's numbers: 2 and 10.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, NamedTuple

import apsw

__all__ = ["Prefix", "parse", "register"]

AF_INET: Final = int(socket.AF_INET)
AF_INET6: Final = int(socket.AF_INET6)
_BITS: Final = {0: 0, AF_INET: 32, AF_INET6: 128}


class Prefix(NamedTuple):
    """An address as a number, and how many of its first bits count. Sorts as ip_compare says. Family 0: `default`."""

    family: int
    number: int
    length: int

    @property
    def network(self) -> int:
        host = _BITS[self.family] - self.length
        return self.number >> host << host

    def contains(self, other: Prefix) -> bool:
        if not self.family:
            return True
        host = _BITS[self.family] - self.length
        return self.family == other.family and self.length <= other.length and self.number >> host == other.number >> host

    def address(self, number: int) -> str:
        if not self.family:
            return "default"
        return socket.inet_ntop(self.family, number.to_bytes(_BITS[self.family] // 8, "big"))


@lru_cache(maxsize=4096)
def parse(text: object) -> Prefix | None:
    """`10.0.0.1`, `10.0.0.0/8`, `fe80::1%eth0`, `default`; None for what is none of these. /255.0.0.0 is not understood."""
    if not isinstance(text, str):
        return None
    if text == "default":
        return Prefix(0, 0, 0)
    host, slash, length = text.partition("/")
    host = host.partition("%")[0]
    family = AF_INET6 if ":" in host else AF_INET
    try:
        number = int.from_bytes(socket.inet_pton(family, host), "big")
    except OSError:
        return None
    bits = _BITS[family]
    if not slash:
        return Prefix(family, number, bits)
    if not (length.isascii() and length.isdigit()) or int(length) > bits:
        return None
    return Prefix(family, number, int(length))


def _with_length(one: Prefix | None, length: Any) -> Prefix | None:
    if one is None or not one.family or not isinstance(length, int):
        return one if one is not None and not one.family else None
    return one._replace(length=length) if 0 <= length <= _BITS[one.family] else None


def ip_contains(prefix: Any, *rest: Any) -> int | None:
    outer = parse(prefix)
    if len(rest) == 2:
        outer = _with_length(outer, rest[0])
    inner = parse(rest[-1])
    if outer is None or inner is None:
        return None
    return int(outer.contains(inner))


def ip_compare(a: Any, b: Any) -> int | None:
    one, other = parse(a), parse(b)
    if one is None or other is None:
        return None
    return (one > other) - (one < other)


def ip_network(text: Any, *length: Any) -> str | None:
    one = parse(text)
    if length:
        one = _with_length(one, length[0])
    if one is None:
        return None
    return f"{one.address(one.network)}/{one.length}" if one.family else "default"


def ip_host(text: Any) -> str | None:
    one = parse(text)
    return None if one is None else one.address(one.number)


def ip_masklen(text: Any) -> int | None:
    one = parse(text)
    return None if one is None else one.length


def ip_netmask(text: Any) -> str | None:
    one = parse(text)
    if one is None or not one.family:
        return None
    return one.address(one._replace(number=(1 << _BITS[one.family]) - 1).network)


def ip_broadcast(text: Any) -> str | None:
    """The last address of an IPv4 prefix; IPv6 has none."""
    one = parse(text)
    if one is None or one.family != AF_INET:
        return None
    return one.address(one.network | (1 << 32 - one.length) - 1)


def ip_family(text: Any) -> int | None:
    one = parse(text)
    return None if one is None or not one.family else one.family


def ip_text(text: Any) -> str | None:
    """The one spelling that the tables use (RFC 5952)."""
    one = parse(text)
    if one is None:
        return None
    host = one.address(one.number)
    return f"{host}/{one.length}" if "/" in text else host


def _collate(a: str, b: str) -> int:
    one, other = parse(a), parse(b)
    if one is None or other is None:
        return (one is None) - (other is None) or (a > b) - (a < b)
    return (one > other) - (one < other)


_FUNCTIONS: Final[dict[Callable[..., Any], tuple[int, ...]]] = {
    ip_contains: (2, 3), ip_compare: (2,), ip_network: (1, 2), ip_host: (1,), ip_masklen: (1,), ip_netmask: (1,),
    ip_broadcast: (1,), ip_family: (1,), ip_text: (1,),
}  # fmt: skip
"""Function to numbers of arguments."""


def register(connection: apsw.Connection) -> None:
    """Make the functions known to a connection."""
    for function, counts in _FUNCTIONS.items():
        for count in counts:
            connection.create_scalar_function(function.__name__, function, count, deterministic=True)
    connection.create_collation("ip", _collate)
