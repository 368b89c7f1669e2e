"""What takes a request back: the requests that make the rows be as they were. Pure.

    Create   ─► Delete                      Change  ─► Change to the old values, and what went along is made again
    Delete   ─► Create of the row as it was, and of all that went along with it
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final, TypeVar, overload

from holdfast.model import INTERFACES, KINDS, NETNS, NEXTHOPS, ROUTES
from holdfast.model.field import Field, Table
from holdfast.model.links import LinkKind

from .cells import Fields
from .compare import FOLLOWING_DATA, MASKED, NO_ADDRESS, lost, own_address, under_mask
from .contract import Change, Create, Delete, Request

__all__ = ["Later", "backwards", "identity", "inverse", "lenient", "naming", "repaired", "restored"]

T = TypeVar("T")

Hung = tuple[str, Table, Mapping[str, Any]]
"""A row that hangs on another: where, what, how it was."""

_WAY: Final = ("gateway", "oif", "via", "multipath", "nh_id", "encap", "encap_type")
_WAY_OF_NEXTHOP: Final = ("gateway", "oif", "encap", "encap_type", "blackhole")
"""Where a route or a nexthop leads: one thing, in many fields."""

_UNSAVED: Final = frozenset({"unknown"})
"""Attributes that nothing is known of: of interfaces most are told and not taken."""


def identity(table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
    """What says which object it is, of a whole row or of what was asked for."""
    if table is INTERFACES:
        return {"ifname": row["ifname"]} if row.get("ifname") else {"ifindex": row["ifindex"]}
    if table is NETNS:
        return {name: row[name] for name in ("path", "name") if row.get(name)}
    known = naming(table)
    return {name: value for name, value in row.items() if value is not None and name in known and value != known[name]}


@cache
def naming(table: Table) -> dict[str, Any]:
    """What says which object it is: parts of the key, what derived ones are derived from, and the defaults."""
    names = {name for one in table.key for name in (one, *_sources(table, one))}
    return {one.name: one.default for one in table.fields if one.name in names}


def _sources(table: Table, name: str) -> tuple[str, ...]:
    derive = table[name].derive
    return () if derive is None else (derive[0],) if isinstance(derive[0], str) else derive[0]


def inverse(
    request: Request, before: Mapping[str, Any] | None, hung: Sequence[Hung], asked: Mapping[str, Any], *, anew: bool = False
) -> list[Request]:
    """What takes back one request.

    before  the row before it; None: there was none, or none before the transaction.
    hung    rows that may go along.
    asked   the fields that were asked for, completed; none: it is to be gone.
    anew    what it made of the row may not be there, or not as it made it: what is there is removed, and the row made again.
    """
    target, table = request.target, request.table
    if before is None or anew:
        removed = [Delete(target, table, identity(table, asked), missing_ok=True)] if asked else []
        made = [] if before is None else [restored(target, table, before)]
        # with an address goes what was there without one, with a first port its bridge's carrier; the bridge follows by itself
        along = [one for one in hung if before is not None or not asked or one[1] is not INTERFACES]
        return [*removed, *made, *(restored(*one) for one in along)]
    if isinstance(request, Delete):
        return [_with_peer(restored(target, table, before), hung), *(restored(*one) for one in hung)]
    fields = request.fields if isinstance(request, Change) else asked
    names = table.key if table is not INTERFACES else ("ifindex", "ifname")
    where, now = target, {name: before[name] for name in names} | {name: value for name, value in fields.items() if name != "target"}
    old = _old_values(table, before, fields)
    if table is ROUTES and asked:  # a way of another kind gives a route another scope as well
        follow = [name for name in _chosen(table) if name in asked and asked[name] != before[name]]
        old = {name: before[name] for name in follow} | old
        now |= {name: asked[name] for name in follow}
        if not fields.keys().isdisjoint(_WAY):  # it comes back whole; of the new one the kernel may have chosen a part
            old = {name: before[name] for name in _WAY} | old
            now = {name: value for name, value in now.items() if name not in _WAY or name in asked or name in fields}
    if table is NEXTHOPS and not fields.keys().isdisjoint(_WAY_OF_NEXTHOP):
        old = {name: before[name] for name in _WAY_OF_NEXTHOP} | old
    if isinstance(request, Change) and fields.get("target", target) != target:
        where = fields["target"]
        now = {"ifname": now["ifname"]}
        old |= {"target": target, "ifindex": before["ifindex"], **_as_port(before)}  # it leaves its master
    return [Change(where, table, now, old, back=True), *(restored(*one) for one in hung)]


@cache
def _chosen(table: Table) -> tuple[str, ...]:
    """Parts of the key that do not follow from others."""
    return tuple(name for name in table.key if not table[name].derive)


def _old_values(table: Table, before: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    old: dict[str, Any] = {}
    for name, value in fields.items():
        if name == "master" and before.get("master"):
            old |= _as_port(before)
        elif name in ("kind_data", "port_data"):
            kind = KINDS.get(before.get("kind" if name == "kind_data" else "slave_kind") or "")
            have = {**dict.fromkeys(value if kind and kind.whole else ()), **(kind.untold if kind else {}), **(before.get(name) or {})}
            old.setdefault(name, {one: under_mask(have[one], value[one]) for one in value if one in have})
        elif name in before and not (name == "address" and before[name] == NO_ADDRESS):  # nobody can give that
            old[name] = before[name]
    return old


def _with_peer(made: Create, hung: Sequence[Hung]) -> Create:
    """Both ends of a veth are made by one request; the rest of the other end follows."""
    if made.table is not INTERFACES or made.row.get("kind") != "veth":
        return made
    for where, table, row in hung:
        if table is INTERFACES and row["kind"] == "veth" and row["link"] == made.row["ifindex"]:
            peer = {name: row[name] for name in _OF_PEER if row[name] is not None}
            return Create(made.target, made.table, {**made.row, "peer": {**peer, "target": where}}, ensure=True)
    return made


_OF_PEER: Final = ("ifname", "ifindex", "address", "mtu", "txqlen")


def restored(target: str, table: Table, row: Mapping[str, Any]) -> Create:
    """The request that makes a row again. What is there by then, because the kernel made it, is brought to it."""
    whole = _saved(table).given(row)
    if table is INTERFACES and whole.get("address") == NO_ADDRESS:
        del whole["address"]
    if table is INTERFACES and own_address(row):
        whole["address"] = own_address(row)
    for column, kind in (("kind_data", "kind"), ("port_data", "slave_kind")):
        if whole.get(column):
            whole[column] = _of_kind(KINDS.get(row.get(kind) or ""), whole[column])
    return Create(target, table, whole, ensure=True, beside=True)


def _as_port(before: Mapping[str, Any]) -> dict[str, Any]:
    """An interface's master, and its settings as a port of that; nothing if it had none."""
    if not before.get("master"):
        return {}
    return {"master": before["master"], "port_data": _of_kind(KINDS.get(before.get("slave_kind") or ""), before.get("port_data") or {})}


def _of_kind(kind: LinkKind | None, told: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes of an interface that are to be given to one that is made again."""
    born: Mapping[str, Any] = {} if kind is None else kind.born
    untold = {} if kind is None else {name: value for name, value in kind.untold.items() if name in born}
    left_out = FOLLOWING_DATA.union(one.name for one in (() if kind is None else kind.port) if one.readonly)
    parts = ((name, value) for name, value in {**untold, **told}.items() if name not in left_out)
    return {name: _only_different(value, born.get(name)) for name, value in parts if name not in born or born[name] != value}


def _only_different(value: Any, now: Any) -> Any:
    """Of options beside a mask, those that are different now; any other value as it is."""
    for bits, mask in MASKED:
        if isinstance(value, dict) and mask in value:
            return {bits: value[bits], mask: value[bits] ^ (now[bits] if now else 0)}
    return value


@cache
def _saved(table: Table) -> Fields:
    """What of a row makes it again."""
    return Fields(table, (one.name for one in table.fields if one.name in _TAKEN_ALONG or _is_taken(table, one)))


def _is_taken(table: Table, field: Field) -> bool:
    """Does the kernel take it, and neither works it out nor moves it by itself?"""
    if field.readonly or field.derive or (table is INTERFACES and field.name in _UNSAVED):
        return False
    return not field.volatile or field.name in _TIMED


_TAKEN_ALONG: Final = ("slave_kind", "ipv4_peer", "hops", "proxy", "inverted")
"""Told or derived, and needed to tell one from the other."""
_TIMED: Final = ("preferred_lft", "valid_lft", "state")
"""They move, and can be set all the same."""


def repaired(target: str, table: Table, before: Mapping[str, Any] | None, now: Mapping[str, Any] | None) -> Request | None:
    """What is left to be done for a row to be as before; None: nothing."""
    if before is None:
        return None if now is None else Delete(target, table, now, missing_ok=True)
    if now is None:
        return restored(target, table, before)
    names = lost(table, before, now)
    if not names:
        return None
    fields: dict[str, Any] = {}
    for name in names:
        value = before.get(name)
        if name in ("kind_data", "port_data") and value:
            have = now.get(name) or {}
            value = {one: _only_different(part, have.get(one)) for one, part in value.items() if part != have.get(one)}
        fields[name] = value
    return Change(target, table, now, fields, back=True)


class Later(Sequence[Request]):
    """Requests that are worked out when they are asked for: of a large transaction nobody may want them."""

    def __init__(self, make: Callable[[], Iterable[Request]]) -> None:
        self._make: Callable[[], Iterable[Request]] | None = make
        self._made: list[Request] = []

    def _all(self) -> list[Request]:
        if self._make is not None:
            self._made, self._make = list(self._make()), None
        return self._made

    @overload
    def __getitem__(self, at: int, /) -> Request: ...
    @overload
    def __getitem__(self, at: slice, /) -> Sequence[Request]: ...
    def __getitem__(self, at: int | slice, /) -> Request | Sequence[Request]:
        return self._all()[at]

    def __len__(self) -> int:
        return len(self._all())


def lenient(request: Request) -> list[Request]:
    """The same, content with what is so already: of what was left half done nobody knows how far it came."""
    if isinstance(request, Delete):
        return [Delete(request.target, request.table, request.row, missing_ok=True)]
    if isinstance(request, Create) or request.table.name not in _ANEW:
        return [request]
    made = Create(request.target, request.table, {**request.row, **request.fields}, ensure=True, beside=True)
    return [Delete(request.target, request.table, identity(request.table, request.row), missing_ok=True), made]


_ANEW: Final = ("routes", "rules", "addresses")
"""Tables where another value is another object."""


def backwards(done: Sequence[T], undo: Callable[[T], Iterable[Request]]) -> Iterator[Request]:
    """What takes back things that were done, in the order in which to ask for it: the last one first."""
    return (one for each in reversed(done) for one in undo(each))
