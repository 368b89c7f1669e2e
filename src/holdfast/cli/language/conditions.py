"""What a filter asks of a row. Each condition can be said in SQL, for tables, and asked of a row, for watches.

Plain classes: ten dataclasses would cost the start of every command 8 ms.

`sql()` speaks of the row as `t` (`FROM routes AS t`); `holds()` takes the row as a mapping, JSON columns decoded or not.
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

__all__ = [
    "All",
    "Among",
    "Bits",
    "Condition",
    "Device",
    "Either",
    "Glob",
    "Holds",
    "Inside",
    "Network",
    "Not",
    "Prefix",
    "columns_of",
    "decoded",
    "where",
]

Row = Mapping[str, Any]
if TYPE_CHECKING:
    from ipaddress import IPv4Network, IPv6Network

    Network = IPv4Network | IPv6Network


class Condition(Protocol):
    def sql(self) -> tuple[str, list[Any]]: ...

    def holds(self, row: Row) -> bool: ...


def where(conditions: tuple[Condition, ...] | list[Condition]) -> tuple[str, list[Any]]:
    """` WHERE …` and its arguments; empty without conditions."""
    if not conditions:
        return "", []
    text, arguments = All(tuple(conditions)).sql()
    return f" WHERE {text}", arguments


def decoded(value: Any) -> Any:
    """A JSON column's value, whether it came as text or as objects."""
    return msgspec.json.decode(value) if isinstance(value, str) and value else value


class Among:
    """The column, or the place in a JSON column, is one of the values. Without values: it is NULL."""

    __slots__ = ("column", "path", "values")

    def __init__(self, column: str, values: tuple[Any, ...], path: str = "") -> None:
        self.column = column
        self.values = values
        self.path = path

    def sql(self) -> tuple[str, list[Any]]:
        place = f"json_extract(t.{self.column}, ?)" if self.path else f"t.{self.column}"
        arguments: list[Any] = [f"$.{self.path}"] if self.path else []
        if not self.values:
            return f"{place} IS NULL", arguments
        return f"{place} IN ({', '.join('?' * len(self.values))})", [*arguments, *self.values]

    def holds(self, row: Row) -> bool:
        value = row.get(self.column)
        if self.path:
            value = decoded(value)
            for step in self.path.split("."):
                value = value.get(step) if isinstance(value, dict) else None
        return value in self.values if self.values else value is None


class Glob:
    """The text matches a shell pattern: `*`, `?`, `[…]`."""

    __slots__ = ("column", "pattern")

    def __init__(self, column: str, pattern: str) -> None:
        self.column = column
        self.pattern = pattern

    def sql(self) -> tuple[str, list[Any]]:
        return f"t.{self.column} GLOB ?", [self.pattern]

    def holds(self, row: Row) -> bool:
        value = row.get(self.column)
        return value is not None and fnmatchcase(str(value), self.pattern)


class Bits:
    """All bits of the mask are set, or all are clear."""

    __slots__ = ("column", "mask", "on")

    def __init__(self, column: str, mask: int, on: bool = True) -> None:
        self.column = column
        self.mask = mask
        self.on = on

    def sql(self) -> tuple[str, list[Any]]:
        return f"(coalesce(t.{self.column}, 0) & ?) = ?", [self.mask, self.mask if self.on else 0]

    def holds(self, row: Row) -> bool:
        return (int(row.get(self.column) or 0) & self.mask) == (self.mask if self.on else 0)


class Device:
    """The column is the index of one of these interfaces, each with its target: indexes repeat between targets.

    `hops`: a JSON column with a list of hops, each with `oif`, of which one may match instead.
    """

    __slots__ = ("column", "hops", "links")

    def __init__(self, column: str, links: frozenset[tuple[str, int]], hops: str = "") -> None:
        self.column = column
        self.links = links
        self.hops = hops

    def sql(self) -> tuple[str, list[Any]]:
        if not self.links:
            return "0", []
        marks = ", ".join(["(?, ?)"] * len(self.links))
        arguments = [part for link in sorted(self.links) for part in link]
        text = f"(t.target, t.{self.column}) IN (VALUES {marks})"
        if self.hops:
            hop = (
                f"EXISTS (SELECT 1 FROM json_each(t.{self.hops}) AS h WHERE (t.target, json_extract(h.value, '$.oif')) IN (VALUES {marks}))"
            )
            text, arguments = f"({text} OR {hop})", arguments * 2
        return text, arguments

    def holds(self, row: Row) -> bool:
        found = [row.get(self.column)]
        if self.hops:
            found += [hop.get("oif") for hop in decoded(row.get(self.hops)) or ()]
        return any((row.get("target"), index) in self.links for index in found)


class Holds:
    """A JSON list or object has a part that matches a shell pattern; with `member`, a list of objects has it there."""

    __slots__ = ("column", "member", "pattern")

    def __init__(self, column: str, pattern: str, member: str = "") -> None:
        self.column = column
        self.pattern = pattern
        self.member = member

    def sql(self) -> tuple[str, list[Any]]:
        part, arguments = ("json_extract(h.value, ?)", [f"$.{self.member}"]) if self.member else ("h.value", [])
        return f"EXISTS (SELECT 1 FROM json_each(t.{self.column}) AS h WHERE {part} GLOB ?)", [*arguments, self.pattern]

    def holds(self, row: Row) -> bool:
        value = decoded(row.get(self.column)) or ()
        parts = value.values() if isinstance(value, dict) else value
        if self.member:
            parts = [part.get(self.member) for part in parts]
        return any(part is not None and fnmatchcase(str(part), self.pattern) for part in parts)


class Inside:
    """The address in the column lies in the network."""

    __slots__ = ("column", "network")

    def __init__(self, column: str, network: Network) -> None:
        self.column = column
        self.network = network

    def sql(self) -> tuple[str, list[Any]]:
        return f"ip_contains(?, t.{self.column})", [str(self.network)]

    def holds(self, row: Row) -> bool:
        from ipaddress import ip_address

        value = row.get(self.column)
        try:
            return value is not None and ip_address(value) in self.network
        except ValueError:
            return False


class Prefix:
    """The prefix in two columns is the network (`exact`), lies in it (`within`), or contains it (`covers`).

    `default` is the prefix of all addresses of its family.
    """

    __slots__ = ("column", "length", "network", "relation")

    def __init__(self, column: str, length: str, network: Network, relation: str = "exact") -> None:
        self.column = column
        self.length = length
        self.network = network
        self.relation = relation

    def sql(self) -> tuple[str, list[Any]]:
        network, family = self.network, 2 if self.network.version == 4 else 10
        if self.relation == "exact":
            address = "default" if network.prefixlen == 0 and self.column == "dst" else str(network.network_address)
            return f"(t.{self.column} = ? AND t.{self.length} = ? AND t.family = ?)", [address, network.prefixlen, family]
        nothing = "0.0.0.0" if network.version == 4 else "::"
        own = f"(CASE t.{self.column} WHEN 'default' THEN '{nothing}' ELSE t.{self.column} END || '/' || t.{self.length})"
        pair = f"?, {own}" if self.relation == "within" else f"{own}, ?"
        return f"(t.family = ? AND ip_contains({pair}))", [family, str(network)]

    def holds(self, row: Row) -> bool:
        address = row.get(self.column)
        if row.get("family") != (2 if self.network.version == 4 else 10) or address is None:
            return False
        if address == "default":
            address = "0.0.0.0" if self.network.version == 4 else "::"
        from ipaddress import ip_network

        own: Any = ip_network(f"{address}/{row.get(self.length)}", strict=False)
        network: Any = self.network
        if self.relation == "exact":
            return bool(own == network)
        return bool(own.subnet_of(network) if self.relation == "within" else network.subnet_of(own))


class All:
    __slots__ = ("parts",)

    def __init__(self, parts: tuple[Condition, ...]) -> None:
        self.parts = parts

    def sql(self) -> tuple[str, list[Any]]:
        return _joined(self.parts, " AND ")

    def holds(self, row: Row) -> bool:
        return all(part.holds(row) for part in self.parts)


class Either:
    __slots__ = ("parts",)

    def __init__(self, parts: tuple[Condition, ...]) -> None:
        self.parts = parts

    def sql(self) -> tuple[str, list[Any]]:
        return _joined(self.parts, " OR ")

    def holds(self, row: Row) -> bool:
        return any(part.holds(row) for part in self.parts)


class Not:
    __slots__ = ("part",)

    def __init__(self, part: Condition) -> None:
        self.part = part

    def sql(self) -> tuple[str, list[Any]]:
        text, arguments = self.part.sql()
        return f"NOT coalesce({text}, 0)", arguments

    def holds(self, row: Row) -> bool:
        return not self.part.holds(row)


def columns_of(condition: Condition) -> frozenset[str]:
    """The columns that a condition asks about."""
    if isinstance(condition, All | Either):
        return frozenset().union(*(columns_of(part) for part in condition.parts))
    if isinstance(condition, Not):
        return columns_of(condition.part)
    return frozenset({condition.column})  # type: ignore[attr-defined]  # all others have one


def _joined(parts: tuple[Condition, ...], word: str) -> tuple[str, list[Any]]:
    if not parts:
        return "1" if word == " AND " else "0", []
    said = [part.sql() for part in parts]
    return f"({word.join(text for text, _ in said)})", [argument for _, arguments in said for argument in arguments]
