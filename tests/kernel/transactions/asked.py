"""Is what a transaction was asked for there, and only that? Held against what iproute2 tells, never against our own tables."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any

from holdfast.transactions.contract import Change, Create, Delete, Named, Request
from holdfast.transactions.text import described

from .states import difference

__all__ = ["not_as_asked"]

State = Mapping[str, list[str]]
_OF = {"interfaces": "links"}
_TYPES = {1: "unicast", 6: "blackhole"}
_MAY_TAKE_ALONG = ("interfaces", "addresses", "nexthops")
_IDENTITY = {
    "interfaces": ("ifname",), "addresses": ("local",), "routes": ("dst",), "rules": ("priority",), "neighbours": ("dst",),
    "nexthops": ("id",), "fdb": ("lladdr",),
}  # fmt: skip
_ROUTE = {"gateway", "priority", "prefsrc"}


def not_as_asked(
    requests: Sequence[Request], names: Mapping[int, str], before: dict[str, list[str]], after: dict[str, list[str]]
) -> list[str]:
    """What is wrong, in words; of transactions in which no request touches what another one is about, or takes it along.

    names: of interfaces, by index.
    """
    if len(requests) > 1 and not _apart(requests):
        return []
    wrong = [line for one in requests for line in _wrong(one, names, after)]
    if len(requests) == 1:
        wrong += _beside(requests[0], difference(before, after))
    return wrong


def _apart(requests: Sequence[Request]) -> bool:
    about = [(one.table.name, *(one.row.get(name) for name in _IDENTITY[one.table.name])) for one in requests]
    along = [one for one in requests if not isinstance(one, Create) and one.table.name in _MAY_TAKE_ALONG]
    return not along and len(set(about)) == len(about)


def _wrong(request: Request, names: Mapping[int, str], after: State) -> list[str]:
    table = request.table.name
    row = dict(request.row) | (dict(request.fields) if isinstance(request, Change) else {})
    only = set(request.fields) if isinstance(request, Change) else None
    if table == "fdb":
        there = any(row["lladdr"] in line and f"dev {_name(row['ifindex'], names)} " in line for line in after["fdb"])
    else:
        wanted = _wanted(table, row, names, only)
        there = any(_holds(one, wanted) for one in _told(table, after))
    if there == isinstance(request, Delete):
        return [f"{described(request.table, row)} is {'still' if there else 'not'} there: {after[_OF.get(table, table)]}"]
    return []


def _beside(request: Request, lines: Sequence[str]) -> list[str]:
    """What else one request did."""
    came, went = (sum(line.startswith(sign) for line in lines) for sign in "+-")
    if isinstance(request, Create):
        right = (came, went) in ((1, 0), (0, 0)) or (request.table.name == "fdb" and not went)
    elif isinstance(request, Delete):
        right = (came, went) == (0, 1) or request.table.name in _MAY_TAKE_ALONG
    else:
        right = (came, went) in ((0, 0), (1, 1)) or request.table.name in _MAY_TAKE_ALONG
    return [] if right else [f"{type(request).__name__} of {described(request.table, request.row)} did {lines}"]


def _wanted(table: str, row: Mapping[str, Any], names: Mapping[int, str], only: set[str] | None) -> dict[str, Any]:
    """What iproute2 is to tell of it: who it is, and, of a change, only what was set."""
    if table == "interfaces":
        told: dict[str, Any] = {"ifname": row["ifname"]}
        if only is None:
            return told | {"kind": row["kind"], "up": row.get("state") == "up"}
        told |= {name: row[name] for name in only & {"mtu", "ifalias"}}
        told |= {"address": row["address"]} if "address" in only else {}
        told |= {"up": row["state"] == "up"} if "state" in only else {}
        told |= {"altnames": row["altnames"]} if "altnames" in only else {}
        return told | ({"master": _name(row["master"], names)} if "master" in only else {})
    if table == "addresses":
        return {"dev": _name(row["ifindex"], names), "local": row["local"], "prefixlen": row["prefixlen"]}
    if table == "routes":
        return _route(row, names, only)
    if table == "rules":
        return {"priority": row["priority"], "src": row["src"], "table": str(row["table_id"])}
    if table == "neighbours":
        return {"dev": _name(row["ifindex"], names), "dst": row["dst"], "lladdr": row["lladdr"]}
    if row.get("group_members"):
        members = [{"id": one["id"]} | ({"weight": one["weight"]} if one["weight"] > 1 else {}) for one in row["group_members"]]
        return {"id": row["id"], "group": members}
    if row.get("blackhole"):
        return {"id": row["id"]} | ({"blackhole": None} if only is None or "blackhole" in only else {})
    return {"id": row["id"], "gateway": row["gateway"]} | ({"dev": _name(row["oif"], names)} if row.get("oif") else {})


def _route(row: Mapping[str, Any], names: Mapping[int, str], only: set[str] | None) -> dict[str, Any]:
    table = row.get("table_id") or 254
    told: dict[str, Any] = {"dst": f"{row['dst']}/{row['dst_len']}", "table": "main" if table == 254 else str(table)}
    if only is None:
        told |= {} if row.get("nh_id") else {"type": _TYPES[row.get("type") or 1]}  # by a blackhole it is one
        told |= {"gateway": row["gateway"]} if row.get("gateway") else {}
        told |= {"nhid": row["nh_id"]} if row.get("nh_id") else {}
        told |= {"metrics": [row["metrics"]]} if row.get("metrics") else {}
        return told | ({"dev": _name(row["oif"], names)} if row.get("oif") else {})
    said = {"priority": "metric"}
    told |= {said.get(name, name): row[name] for name in only & _ROUTE if row[name] is not None}
    return told | ({"dev": _name(row["oif"], names)} if "oif" in only else {})


def _name(one: Any, names: Mapping[int, str]) -> str | None:
    return one.ifname if isinstance(one, Named) else None if one is None else names[one]


def _told(table: str, state: State) -> list[dict[str, Any]]:
    found = list(map(_read, state[_OF.get(table, table)]))
    if table == "interfaces":
        lladdrs = dict(map(ast.literal_eval, state["lladdrs"]))
        found = [one | {"address": lladdrs.get(one["ifname"])} for one in found]
    return found


def _read(line: str) -> dict[str, Any]:
    found = ast.literal_eval(line)
    return {"dev": found[0], **found[1]} if isinstance(found, tuple) else found


def _holds(one: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all((name in one if name == "blackhole" else one.get(name) == value) for name, value in wanted.items())
