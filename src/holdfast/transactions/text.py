"""Objects as messages name them: `route 10.2.0.0/16 via 198.51.100.1 dev eth0 table 254`. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from holdfast.model.field import Table

from .contract import Named

__all__ = ["described"]

Row = Mapping[str, Any]


def described(table: Table, row: Row) -> str:
    """The object of a row, or of a part of it."""
    return f"{table.noun} {_TEXTS.get(table.name, _key)(row) or '?'}"


def _words(row: Row, *pairs: tuple[str, str]) -> str:
    """`via 10.0.0.1 dev 3`: of each pair the word and the field's value, where it has one."""
    return "".join(f" {word} {_value(row[name])}" for word, name in pairs if row.get(name) not in (None, "", 0))


def _value(value: Any) -> str:
    return value.ifname if isinstance(value, Named) else str(value)


def _interface(row: Row) -> str:
    return str(row.get("ifname") or _value(row.get("ifindex", "")))


def _address(row: Row) -> str:
    length = row.get("prefixlen")
    return f"{row.get('local') or row.get('address')}{'' if length is None else f'/{length}'}{_words(row, ('dev', 'ifindex'))}"


def _route(row: Row) -> str:
    destination = str(row.get("dst", "default"))
    if destination != "default" and row.get("dst_len") is not None:
        destination += f"/{row['dst_len']}"
    hops = "" if not row.get("multipath") else f" with {len(row['multipath'])} hops"
    pairs = (("via", "gateway"), ("dev", "oif"), ("table", "table_id"), ("metric", "priority"), ("nhid", "nh_id"))
    return destination + _words(row, *pairs) + hops


def _rule(row: Row) -> str:
    ends = "".join(f" {word} {row[name]}/{row.get(f'{name}_len', '')}" for word, name in (("from", "src"), ("to", "dst")) if row.get(name))
    pairs = (("fwmark", "fwmark"), ("iif", "iifname"), ("oif", "oifname"), ("table", "table_id"))
    return f"{row.get('priority', '')}{ends}{_words(row, *pairs)}".strip()


def _neighbour(row: Row) -> str:
    return f"{row.get('dst')}{_words(row, ('dev', 'ifindex'), ('lladdr', 'lladdr'))}"


def _fdb(row: Row) -> str:
    return f"{row.get('lladdr')}{_words(row, ('dev', 'ifindex'), ('vlan', 'vlan'), ('dst', 'dst'))}"


def _key(row: Row) -> str:
    return str(row.get("name") or row.get("id") or row.get("vid") or "") + _words(row, ("dev", "ifindex"))


_TEXTS: Final[dict[str, Callable[[Row], str]]] = {
    "interfaces": _interface,
    "addresses": _address,
    "routes": _route,
    "rules": _rule,
    "neighbours": _neighbour,
    "fdb": _fdb,
}
