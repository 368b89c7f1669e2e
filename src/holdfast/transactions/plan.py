"""A request as steps: which messages it takes, what must be so before, and what it may take along.

Reads the tables through `Present`; sends nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Final

from holdfast.errors import Conflict, InvalidValue, NotFound, NotSupported
from holdfast.mirror.batches import key_of
from holdfast.model import ADDRESSES, INTERFACES, ROUTES
from holdfast.model.field import Table

from .cells import Fields
from .compare import differences, under_mask
from .complete import AF_INET6, AF_MPLS, completed
from .contract import Change, Create, Delete, Named, Request
from .links import change_link, create_link
from .merging import WAYS, merged
from .messages import APPEND, CREATE, EXCL, IFF_UP, REPLACE
from .order import Phase, Step, Verb, phase_of
from .present import Present, of_kernel
from .refusal import shown
from .undo import Hung, naming

__all__ = ["FREE", "Plan", "as_sent", "made_anew", "only_one", "plan", "plan_free"]

_PREFIX: Final = frozenset(("dst", "dst_len", "table_id", "family", "tos", "priority", "src", "src_len"))
_FIXED_ADDRESS: Final = frozenset(("label", "broadcast", "anycast", "scope", "multicast"))
_IN_PLACE: Final = ("addresses", "neighbours", "nexthops", "fdb", "vlans", "interfaces")
_VLAN_OPTIONS: Final = ("state", "mcast_router", "mcast_max_groups", "neigh_suppress")
_LEAST_IPV6_MTU: Final = 1280


@dataclass(slots=True)
class Plan:
    """One request, worked out.

    steps   what is sent.
    asked   what must be so after it: fields, completed. None: nothing must be there.
    before  the row before; None: none.
    hung    rows that may go along.
    where   the target at which the object is after it.
    following  rows that become different with it, and with its undo as before, by themselves.
    another the object after it is another one than before, and nothing like it was there.
    alike   it would be another one, but something like it is there, so that the kernel will refuse to make it.

    What earlier plans of the same transaction have to do with it (`Course.add`):
    maker   the one that left what this one is about as this one found it.
    own     of what may go along, what was not there before the transaction.
    taken   what this one left became different with a later one, or went along with it.
    """

    request: Request
    steps: Sequence[Step] = ()
    asked: Mapping[str, Any] | None = None
    before: Mapping[str, Any] | None = None
    hung: Sequence[Hung] = field(default=())
    where: str = ""
    following: Sequence[Hung] = field(default=())
    another: bool = False
    alike: bool = False
    maker: Plan | None = None
    own: Sequence[Hung] = field(default=())
    taken: bool = False

    @property
    def makes(self) -> bool:
        """Is there something after it that was not there before?"""
        return self.asked is not None and bool(self.steps) and (self.before is None or self.another or self.passing)

    @property
    def passing(self) -> bool:
        """Is it about something that was not there before the transaction? Interfaces are taken for the same while their name is."""
        return self.maker is not None and self.maker.makes and self.request.table is not INTERFACES


def plan(request: Request, place: int, present: Present, *, force: bool) -> Plan:
    """Raises: NotFound, Conflict, NotSupported, InvalidValue."""
    if request.table.name not in _PLANNED:
        raise NotSupported(f"{request.table.name} can only be read in this build", table=request.table.name)
    if isinstance(request, Create):
        return _create(request, place, present)
    if isinstance(request, Change):
        return _change(request, place, present, force=force)
    return _delete(request, place, present)


_PLANNED: Final = frozenset(("interfaces", "addresses", "routes", "neighbours", "rules", "nexthops", "fdb", "vlans", "netns"))


# -- create ------------------------------------------------------------------------------------------------------------


def _create(request: Create, place: int, present: Present) -> Plan:
    target, table = request.target, request.table
    asked = completed(table, request.row)
    if table is ROUTES and asked["family"] == AF_MPLS and asked["dst"] == "default":  # as the kernel does it for who names no label
        request = Create(target, table, {**request.row, "dst": str(present.free_label(target))}, request.ensure, request.beside)
        asked = completed(table, request.row)
    if table.name in FREE and not request.ensure:
        return plan_free(request, place, asked)
    if request.ensure:
        row = _there(present, target, table, asked)
        if row is not None:
            return _ensured(request, place, present, asked, row)
    return Plan(request, _creation(place, request, asked, present), asked, None, _with_new(present, target, table, asked), target)


FREE: Final = frozenset(("routes", "neighbours", "rules", "nexthops", "fdb"))
"""Tables of which a plain creation follows from its request alone: nothing that is there has a part in it, or changes with it."""


def plan_free(request: Create, place: int, asked: Mapping[str, Any]) -> Plan:
    """The plan of a creation in one of these tables that is not to `ensure`."""
    return Plan(request, _create_plain(place, request, asked), asked, None, (), request.target)


def _with_new(present: Present, target: str, table: Table, asked: Mapping[str, Any]) -> Sequence[Hung]:
    """What becomes different when something is made, or goes when it is removed again."""
    if table is INTERFACES:
        return [*_masters(present, target, asked.get("master")), *_by_new_port(present, target, asked)]
    if table is ADDRESSES and asked.get("ifindex") and asked.get("local"):
        address = {**table.defaults, **present.numbered(target, asked)}
        return [one for one in present.of_address(target, address) if one[1] is not ADDRESSES]
    return ()


def as_sent(stage: Sequence[Plan]) -> list[Plan]:
    """Those of a stage that have steps, in the order in which these are sent: taken back the other way round, what needs others
    comes back behind them."""

    def order(one: Plan) -> tuple[int, int]:
        phase, place = one.steps[0].phase, one.steps[0].place
        return phase, place if phase > 0 else -place

    return sorted((one for one in stage if one.steps), key=order)


def made_anew(one: Plan, place: int, present: Present) -> Plan:
    """The same for something that is there already, but may go with what another request does: it is made again behind that.

    Of what is changed, what is there after it comes in the place of what goes, which the other request brings back.
    """
    assert not isinstance(one.request, Delete) and one.asked is not None
    if isinstance(one.request, Create):
        return replace(one, steps=_creation(place, one.request, one.asked, present))
    steps = [step._replace(flags=step.flags | CREATE) if step.flags & REPLACE else step for step in one.steps]
    return replace(one, steps=steps, before=None, another=False, alike=False)


def _there(present: Present, target: str, table: Table, asked: Mapping[str, Any]) -> dict[str, Any] | None:
    """The object that `ensure` means, whatever its other fields are like."""
    exact = present.like(table, target, asked)
    if exact is not None:
        return exact
    found = present.candidates(table, target, asked)
    if table.name == "routes":
        found = [row for row in found if len(found) == 1 and row["family"] == asked["family"]]
    elif table.name == "rules":
        return None
    return found[0] if found else None


def _ensured(request: Create, place: int, present: Present, asked: Mapping[str, Any], row: dict[str, Any]) -> Plan:
    target, table = request.target, request.table
    if request.beside and table.name == "routes" and (of_kernel(row) or differences(table, asked, row)):
        return Plan(request, _create_plain(place, request, asked), asked, None, (), target)
    new = differences(table, asked, row)
    fields = {name: asked[name] for name in new if name in asked}
    if table is INTERFACES:
        fields = _link_fields(asked, row, new)
    if not fields:
        return Plan(request, (), asked, row, (), target)
    change = _change(Change(target, table, row, fields), place, present, force=True)
    return replace(change, request=request, asked=asked)


def _link_fields(asked: Mapping[str, Any], row: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes of the kind go where they belong."""
    fields = {name: asked[name] for name in new if name in asked}
    for column in ("kind_data", "port_data"):
        parts = {name: value for name, value in dict(asked.get(column) or {}).items() if name in new}
        if parts:
            fields[column] = parts
    if "port_data" in asked and "master" in fields:
        fields["port_data"] = asked["port_data"]
    wanted = asked.get("state")
    if wanted is None and "flags" in asked:
        wanted = "up" if asked["flags"] & IFF_UP else "down"
    if wanted not in (None, row["state"]):
        fields["state"] = wanted
    return fields


def _creation(place: int, request: Create, asked: Mapping[str, Any], present: Present) -> list[Step]:
    make = _CREATE.get(request.table.name)
    return _create_plain(place, request, asked) if make is None else make(place, request, asked, present)


def _create_plain(place: int, request: Create, asked: Mapping[str, Any]) -> list[Step]:
    flags = CREATE | EXCL
    if request.table.name == "routes" and request.beside:
        flags = CREATE if asked["family"] == AF_INET6 else CREATE | APPEND
    if request.table.name == "fdb" and _may_have_several(asked):
        flags = CREATE | APPEND
    return [Step(place, request.target, phase_of(request.table, asked), Verb.CREATE, request.table, asked, flags)]


def _may_have_several(asked: Mapping[str, Any]) -> bool:
    """A VXLAN device keeps any number of far ends for zero and for multicast addresses; others have one."""
    lladdr = asked.get("lladdr") or ""
    return bool(asked.get("dst")) and (lladdr == "00:00:00:00:00:00" or bool(int(lladdr[:2] or "0", 16) & 1))


def _create_vlan(place: int, request: Create, asked: Mapping[str, Any], present: Present) -> list[Step]:
    return _vlan_steps(place, request.target, request.table, asked, Verb.CREATE)


def _vlan_steps(place: int, target: str, table: Table, asked: Mapping[str, Any], verb: Verb) -> list[Step]:
    steps = [Step(place, target, Phase.VLAN, verb, table, asked)]
    options = {name: asked[name] for name in _VLAN_OPTIONS if name in asked}
    if options and verb is Verb.CHANGE:
        part = {"ifindex": asked["ifindex"], "vid": asked["vid"], **options}
        steps.append(Step(place, target, Phase.VLAN, Verb.CHANGE, table, part, how="options"))
    return steps


def _create_netns(place: int, request: Create, asked: Mapping[str, Any], present: Present) -> list[Step]:
    if not asked.get("name"):
        raise InvalidValue("a network namespace needs a name", table="netns")
    return [Step(place, request.target, Phase.NETNS, Verb.CREATE, request.table, asked, how="netns")]


def _create_link(place: int, request: Create, asked: Mapping[str, Any], present: Present) -> list[Step]:
    return create_link(place, request.target, asked)


_CREATE: Final[dict[str, Callable[[int, Create, Mapping[str, Any], Present], list[Step]]]] = {
    "interfaces": _create_link,
    "vlans": _create_vlan,
    "netns": _create_netns,
}


# -- change ------------------------------------------------------------------------------------------------------------


def _change(request: Change, place: int, present: Present, *, force: bool) -> Plan:
    target, table = request.target, request.table
    alike: list[dict[str, Any]] | None = None
    if table.name == "routes":
        row, alike = present.find_among(table, target, request.row)
        if row is None and len(alike) == 1 and not force:
            _check(request, place, alike[0], present, also=table.key)  # it has another way out
    else:
        row = present.find(table, target, request.row)
    if row is None and force:  # as others left it, or as the kernel completed it: an index of a hop that was not asked for
        alike = present.candidates(table, target, completed(table, request.row))
        row = alike[0] if len(alike) == 1 else None
    if row is None:
        raise NotFound(f"{shown(table, request.row, target, present)} is not there any more – at `{target}`", index=place, target=target)
    if not force:
        _check(request, place, row, present)
    if table.name == "netns":
        raise NotSupported("a network namespace has nothing that could be changed", index=place)
    if table is INTERFACES:
        asked = {**request.fields, "ifname": request.fields.get("ifname", row["ifname"])}
        steps, checked = change_link(place, target, row, request.fields)
        along = _taken_along(request, present, row)
        following = _masters(present, target, row["master"])[:1] if "address" in request.fields else ()
        return Plan(request, steps, {**asked, **checked}, row, along, request.fields.get("target", target), following)
    fields = {name: value for name, value in request.fields.items() if row.get(name, value) != value or isinstance(value, Named)}
    if not fields:
        return Plan(request, (), completed(table, merged(table, row, {})), row, (), target)
    if table.name == "routes" and not fields.keys().isdisjoint(WAYS):  # they are one thing: what is given of them is given
        fields |= {name: value for name, value in request.fields.items() if name in WAYS}
    asked = completed(table, merged(table, row, fields))
    steps = _change_steps(place, target, table, row, fields, asked, present, alone=alike is None or len(alike) == 1)
    hung: Sequence[Hung] = present.of_address(target, row) if table.name == "addresses" and steps[0].verb is Verb.DELETE else ()
    another, there = _is_another(table, row, fields, asked), False
    if another:
        others = alike if len(steps) == 1 and alike else present.candidates(table, target, asked)
        there = any(other != row and not differences(table, asked, other) for other in others)
    return Plan(request, steps, asked, row, hung, target, another=another and not there, alike=there)


def _is_another(table: Table, row: Mapping[str, Any], fields: Mapping[str, Any], asked: Mapping[str, Any]) -> bool:
    """Does what was changed say which object it is?"""
    return not naming(table).keys().isdisjoint(fields) and _chosen(table).of(asked) != _chosen(table).of(row)


@cache
def _chosen(table: Table) -> Fields:
    """What names an object and is not derived."""
    return Fields(table, (name for name in naming(table) if not table[name].derive))


def _change_steps(
    place: int, target: str, table: Table, row: Mapping[str, Any], fields: Mapping[str, Any], asked: Mapping[str, Any], present: Present,
    *, alone: bool,
) -> list[Step]:  # fmt: skip
    """alone: there is no other route of its prefix, so that the kernel knows which one is meant."""
    if table.name == "routes":
        same = _PREFIX.isdisjoint(fields) or all(row[name] == asked.get(name, table.defaults[name]) for name in _PREFIX)
        if same and alone and not of_kernel(row):
            return [Step(place, target, phase_of(table, asked), Verb.CHANGE, table, asked, REPLACE)]
    elif table.name == "vlans" and not {"ifindex", "vid"} & fields.keys():
        return _vlan_steps(place, target, table, {**asked, **fields}, Verb.CHANGE)
    elif table.name in _IN_PLACE and not (set(table.key) | (_FIXED_ADDRESS if table.name == "addresses" else set())) & fields.keys():
        flags = REPLACE | CREATE if table.name in ("neighbours", "fdb") else REPLACE
        return [Step(place, target, phase_of(table, asked), Verb.CHANGE, table, asked, flags)]
    going = _delete_steps(place, target, table, row, present)
    making = _create_plain(place, Create(target, table, asked, beside=table.name == "routes"), asked)
    if table.name == "vlans":
        making = _vlan_steps(place, target, table, asked, Verb.CREATE)
    return [*going, *making]


def only_one(one: Plan) -> tuple[Any, ...] | None:
    """The key of a route that is changed in its place, as the table has it: the only one of its prefix."""
    if one.request.table.name != "routes" or one.before is None or len(one.steps) != 1 or not one.steps[0].flags & REPLACE:
        return None
    return key_of(one.request.table, one.before)


def _check(request: Change, place: int, row: Mapping[str, Any], present: Present, *, also: Sequence[str] = ()) -> None:
    """Is what is to be set as it was when it was loaded, and are these fields? A part of `kind_data` is compared by itself."""
    for name in (*request.fields, *also):
        if name not in request.row or name == "target" or request.table[name].volatile:
            continue
        old, now = request.row[name], row.get(name)
        if name in ("kind_data", "port_data"):
            parts = dict(request.fields[name] or {})
            old, now = ({part: under_mask((have or {}).get(part), meant) for part, meant in parts.items()} for have in (old, now))
        if name == "flags" and request.table is INTERFACES:
            old, now = old & 1, row["flags"] & 1
        if old != now:
            words = shown(request.table, row, request.target, present)
            raise Conflict(
                f"{words} was changed meanwhile: {name} was `{old}` when it was loaded, and is `{now}` now – at `{request.target}`",
                hint="load it again, or use force=True", index=place, field=name, expected=old, found=now,
            )  # fmt: skip


def _taken_along(request: Change, present: Present, row: dict[str, Any]) -> Sequence[Hung]:
    fields, target = request.fields, request.target
    if fields.get("target", target) != target:
        return [*present.on_interface(target, row, gone=True), *present.by_carrier(target, row)]
    hung: list[Hung] = []
    down = fields.get("state") == "down" or ("flags" in fields and not fields["flags"] & 1)
    turned = ("state" in fields or "flags" in fields) and down == (row["state"] == "up")  # up as well: the undo takes it down
    if turned or fields.get("mtu", _LEAST_IPV6_MTU) < _LEAST_IPV6_MTU <= (row["mtu"] or 0):
        hung += present.on_interface(target, row, gone=False)
    if turned:
        hung += present.by_state(target, row["ifindex"])
    mtu = row["mtu"] or 0
    if fields.get("mtu", mtu) < mtu:
        narrowed = present.narrowed(target, row["ifindex"], fields["mtu"])
        hung += narrowed
        if fields["mtu"] < _LEAST_IPV6_MTU:
            hung += [one for _, _, upon in narrowed for one in present.on_interface(target, upon, gone=False)]
    if down or (row["master"] and "master" in fields):
        hung += present.by_carrier(target, row)
    hung += _by_new_port(present, target, fields)
    if "master" in fields:
        hung += present.of_port(target, row) if row["master"] else ()
        hung += _masters(present, target, row["master"], fields["master"])
        masters = row["master"], present.numbered(target, {"master": fields["master"]})["master"]
        hung += present.by_cycle(target, row, *(present.kind_of(target, one) for one in masters))
    if "address" in fields:  # with it that of the bridge whose port it is: then neighbours are flushed there as well
        hung += present.neighbours_on(target, row["ifindex"])
        hung += _masters(present, target, row["master"])[1:]
    return hung


def _by_new_port(present: Present, target: str, fields: Mapping[str, Any]) -> Sequence[Hung]:
    """A bridge that never had a port has a carrier, and loses it with a first one that has none."""
    if not fields.get("master"):
        return ()
    master = present.numbered(target, {"master": fields["master"]})["master"]
    return present.by_carrier(target, {"ifindex": 0, "kind": "", "master": master})


def _masters(present: Present, target: str, *masters: Any) -> list[Hung]:
    """A bridge or bond has the address of one of its ports until somebody gives it another: with the ports it changes."""
    hung: list[Hung] = []
    for index in dict.fromkeys(present.numbered(target, {"master": master})["master"] for master in masters if master):
        if found := present.candidates(INTERFACES, target, {"ifindex": index}):
            hung += [(target, INTERFACES, found[0]), *present.neighbours_on(target, index)]
    return hung


# -- delete ------------------------------------------------------------------------------------------------------------


def _delete(request: Delete, place: int, present: Present) -> Plan:
    target, table = request.target, request.table
    row = present.find(table, target, request.row)
    if row is None and not set(table.key) <= request.row.keys():
        row = present.like(table, target, completed(table, request.row))
    if row is None:
        if request.missing_ok:
            return Plan(request, where=target)
        raise NotFound(f"{shown(table, request.row, target, present)} is not there – at `{target}`", index=place, target=target)
    hung: Sequence[Hung] = ()
    if table is INTERFACES:
        hung = [*present.on_interface(target, row, gone=True), *_masters(present, target, row["master"]), *present.by_carrier(target, row)]
    elif table.name == "addresses":
        hung = present.of_address(target, row)
    elif table.name == "nexthops":
        hung = present.by_nexthop(target, {row["id"]})
    return Plan(request, _delete_steps(place, target, table, row, present), None, row, hung, target)


def _delete_steps(place: int, target: str, table: Table, row: Mapping[str, Any], present: Present) -> list[Step]:
    if table.name == "vlans":
        return [step._replace(phase=-Phase.VLAN) for step in _vlan_steps(place, target, table, row, Verb.DELETE)]
    how = "netns" if table.name == "netns" else ""
    return [Step(place, target, -phase_of(table, row), Verb.DELETE, table, row, how=how)]
