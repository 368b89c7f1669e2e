"""SQL views: the attributes of a link kind as columns, and the hops of routes as rows.

interfaces_vlan, interfaces_bridge …    interfaces of the kind, with the fields of its `kind_data`
route_hops                              a row for each way out of a route; a plain route has one
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from holdfast.model.field import Field, Table
from holdfast.model.links import KINDS, LinkKind

__all__ = ["views"]

_ROUTE_HOPS = """CREATE VIEW route_hops AS
    SELECT target, family, dst, dst_len, table_id, tos, priority, type, proto, 0 AS hop,
      gateway, via, oif, 1 AS weight, flags, encap_type, encap, nh_id FROM routes WHERE multipath IS NULL
    UNION ALL
    SELECT r.target, r.family, r.dst, r.dst_len, r.table_id, r.tos, r.priority, r.type, r.proto, hop.key,
      hop.value ->> 'gateway', hop.value -> 'via', hop.value ->> 'oif', hop.value ->> 'weight', hop.value ->> 'flags',
      hop.value ->> 'encap_type', hop.value -> 'encap', r.nh_id FROM routes r, json_each(r.multipath) hop
    WHERE r.multipath IS NOT NULL"""


def views(tables: Collection[Table]) -> Iterator[tuple[str, str]]:
    """Name and DDL of the views over these tables."""
    by_name = {table.name: table for table in tables}
    if "interfaces" in by_name:
        for kind in KINDS.values():
            yield _of_kind(by_name["interfaces"], kind)
    if "routes" in by_name:
        yield "route_hops", _ROUTE_HOPS


def _of_kind(interfaces: Table, kind: LinkKind) -> tuple[str, str]:
    name = "interfaces_" + "".join(letter if letter.isalnum() else "_" for letter in kind.kind)
    fields = [field for field in kind.data if field.name not in interfaces.columns]
    columns = "".join(f", kind_data {_arrow(field)} '$.{field.name}' AS {field.name}" for field in fields)
    rest = ", ".join(column for column in interfaces.columns if column not in ("kind", "kind_data"))
    return name, f"CREATE VIEW {name} AS SELECT target, {rest}{columns}, since FROM interfaces WHERE kind = '{kind.kind}'"


def _arrow(field: Field) -> str:
    """-> gives JSON text, ->> an SQL value."""
    return "->" if field.json else "->>"
