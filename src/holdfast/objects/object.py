"""Objects: a row as a dictionary that follows the system, and takes changes that a commit carries out.

    link = ndb.interfaces["eth0"]
    link["mtu"] = 1400                     waits; link["mtu"] is 1400 from now on, for who holds this object
    link.commit()                          the system has it, and the tables show it

state       is
invalid     not in the system: not made yet, refused, or gone
system      there
replace     there; another key waits, so that the commit puts another object in its place
setns       there; waits to move into another namespace
remove      there; waits to be removed

What is refused is as if it had not been asked for: a changed object shows the system's values again; one that could not be
made keeps what it was given, to be corrected and committed again. Any thread may use an object; changes that two of
them put into the same object are committed together.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from typing import Any, Final, Self

from holdfast.errors import Denied, InvalidValue, NotFound
from holdfast.model import INTERFACES
from holdfast.objects.batch import nested
from holdfast.objects.flight import Flight
from holdfast.objects.following import INVALID, SYSTEM, Following, Seen, State, V
from holdfast.objects.pending import Pending, Step
from holdfast.objects.snapshot import Saved, Snapshot
from holdfast.objects.spec import Wanted
from holdfast.objects.values import Place, attribute, readonly, writer
from holdfast.transactions.compare import differences
from holdfast.transactions.complete import completed
from holdfast.transactions.contract import Change, Create, Delete, Named, Outcome, Request

__all__ = ["Object", "Seen", "State"]

REMOVE: Final = State("remove")
REPLACE: Final = State("replace")
SETNS: Final = State("setns")

_REPLACED_BY: Final = {"routes": frozenset({"dst", "dst_len", "family", "table_id", "tos", "priority", "type", "proto", "scope"})}
"""Fields whose change makes another object, where that is not the whole key: a route keeps being it with another gateway."""


_NOT_COMPARED: Final = frozenset({"preferred_lft", "valid_lft", "state"})
"""Fields that the engine does not compare after it has set them, since they move by themselves."""



class Object(Following[V], MutableMapping[str, Any]):
    """A row that can be changed; see the module's docstring.

    commit, apply and rollback are added by the API: they wait.
    """

    __slots__ = ("_flight", "_lock", "_pending", "_previous", "_saved", "ensured", "errors")

    def __init__(self, view: V, seen: Seen) -> None:
        super().__init__(view, seen)
        self._lock = threading.RLock()
        self._pending = Pending()
        self._previous: Object[Any] | None = None
        self._saved: Saved | None = None
        self._flight: Flight | None = None
        self.ensured = False
        self.errors: list[Exception] = []

    @classmethod
    def new(cls, view: V, target: str, given: Mapping[str, Any], previous: Object[Any] | None) -> Self:
        """One that is to be made. previous: what is committed before it, with it."""
        made = cls(view, Seen(view.tick, 0, view.plan.blank(target), there=False))
        made._pending = Pending(new=True)
        made._previous = previous
        made._put(given)
        return made

    # ------------------------------------------------------------------------------------------------ reading

    def _now(self) -> tuple[Any, ...]:
        return self._last.row if self._pending.new else super()._now()

    def _replace(self, last: Seen, new: Seen) -> bool:
        with self._lock:
            return super()._replace(last, new)

    def __getitem__(self, name: str) -> Any:
        fields = self._pending.fields
        if fields:
            own = self._view.plan.own_name(name)
            if own in fields:
                return self._shown(own, fields[own])
        found = super().__getitem__(name)
        return Part(self, name, found) if isinstance(found, dict) and name == "metrics" else found

    def _shown(self, name: str, value: Any) -> Any:
        """An interface that is not there yet is shown by its name, as it was given."""
        if isinstance(value, Named):
            return value.ifname
        return Part(self, name, value) if isinstance(value, dict) and name == "metrics" else value

    def __iter__(self) -> Iterator[str]:
        yield from super().__iter__()
        if self._pending.fields:
            there = set(super().__iter__())
            plan = self._view.plan
            yield from (name for name in list(self._pending.fields) if name not in plan.positions and name not in there)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or name in self._pending.fields

    def as_dict(self) -> dict[str, Any]:
        """All fields, as they are now, of one and the same revision; those that wait, as they are wanted."""
        found = super().as_dict()
        plan = self._view.plan
        for name, value in list(self._pending.fields.items()):
            found[plan.shown(name)] = self._shown(name, value)
        return found

    def __hash__(self) -> int:
        return id(self)

    # ------------------------------------------------------------------------------------------------ what it is

    @property
    def state(self) -> State:
        """See the module's docstring."""
        pending = self._pending
        if pending.new or super().state is INVALID:
            return INVALID
        if pending.removed:
            return REMOVE
        if "target" in pending.fields:
            return SETNS
        table = self._view.plan.table
        if pending.fields and not pending.fields.keys().isdisjoint(_REPLACED_BY.get(table.name, table.key)):
            return REPLACE
        return SYSTEM

    @property
    def key(self) -> dict[str, Any]:
        """The fields that say which object this is, `target` first."""
        if not self._pending.new:
            return super().key
        names = [self._view.plan.names[position] for position in self._view.plan.key]
        return {name: self[name] for name in names if self[name] is not None}

    def key_repr(self) -> str:
        """The key as one short word, such as `localhost/eth0`."""
        if not self._pending.new:
            return super().key_repr()
        positions, key = self._view.plan.positions, self._view.plan.table.key
        names = ("ifname",) if "ifname" in positions else ("address", "prefixlen") if "prefixlen" in positions else key
        words = [self["target"], *(self[name] for name in names)]
        return "/".join(str(word) for word in words if word not in (None, "") and not isinstance(word, dict | list))

    @property
    def chain(self) -> Following[Any] | None:
        """The object that is committed before this one; else that which this one was reached through, as in
        `ndb.interfaces["eth0"].ipaddr["10.0.0.1/24"]`."""
        return self._previous or self._view.chain

    @property
    def clean(self) -> bool:
        """It is in the system, and nothing in it waits to be committed."""
        return not self._pending and self._flight is None and self.state is SYSTEM

    @property
    def idle(self) -> bool:
        """Nothing in it waits, whether it is in the system or not."""
        return not self._pending and self._flight is None

    @property
    def leaving(self) -> bool:
        """It waits to be removed."""
        return self._pending.removed

    @property
    def changed(self) -> set[str]:
        """The fields that wait to be committed."""
        return {self._view.plan.shown(name) for name in self._pending.fields}

    # ------------------------------------------------------------------------------------------------ changing

    def __setitem__(self, name: str, value: Any) -> None:
        """Wait with a new value for a field. Raises: UnknownName, InvalidValue, Denied."""
        self._allowed("set")
        self._put({name: value})

    def __delitem__(self, name: str) -> None:
        """Wait with nothing for a field."""
        self[name] = None

    def set(self, *given: Any, **fields: Any) -> Self:
        """`set("mtu", 1400)`, `set(mtu=1400, state="up")`: wait with new values. Raises: UnknownName, InvalidValue, Denied."""
        self._allowed("set")
        if given:
            name, value = given
            fields = {name: value} | fields
        self._put(fields)
        return self

    def remove(self) -> Self:
        """Wait to be removed."""
        self._allowed("remove")
        with self._lock:
            self._pending.removed = True
        return self

    def create(self, *spec: Any, **fields: Any) -> Self:
        """Another object of the same view, in the same context; committing it commits this one before it."""
        made = self._view.create(*spec, **fields)
        made._previous = self
        return made  # type: ignore[no-any-return]

    def snapshot(self) -> Snapshot:
        """What it is like now, with what depends on it: for `rollback`."""
        return Snapshot(self)

    def save_context(self) -> Self:
        """Remember what it is like now; `rollback()` comes back to that."""
        self._saved = self.snapshot()
        return self

    def register(self) -> None:
        """Nothing: objects follow the system by themselves. NDB's scripts call it."""

    def _put(self, given: Mapping[str, Any]) -> None:
        """Normalise and note what is wanted; all of it or nothing."""
        view = self._view
        with self._lock:
            row = self._now()
            target = given.get("target")
            place = Place(view.reading, row[0] if target is None or not self._pending.new else target, given, self._kind(row))
            wanted = writer(view.plan.table.name).read(given, place)
            self._move(given, wanted)
            if not self._pending.new:
                self._check(given, wanted, row)
            for name, value in wanted.items():
                self._pending.put(name, value, None if self._pending.new else self._value_now(row, name))

    def want(self, wanted: dict[str, Any]) -> None:
        """Wait with what of these fields is not so; values as values.py leaves them. What the kernel adds of its own is no
        difference: a flag that tells a state, the last digit of a time."""
        plan = self._view.plan
        with self._lock:
            row = self._now()
            now = plan.row_of(row)
            kind = {"kind": now["kind"]} if plan.table.name == "interfaces" else {}
            other = differences(plan.table, {**kind, **nested(wanted)}, now)
            for name, value in wanted.items():
                if name in other or (name in _NOT_COMPARED and value != now[name]) or isinstance(value, Named):
                    self._pending.put(name, value, self._value_now(row, name))

    def _move(self, given: Mapping[str, Any], wanted: dict[str, Any]) -> None:
        """Another target: of what is to be made the place, of an interface that is there where it moves to."""
        target = wanted.pop("target", None) or given.get("target")
        if target is None:
            return
        target = self._view.reading.target_of(target)
        if self._pending.new:
            self._last = self._last._replace(row=self._view.plan.blank(target))
        elif target != self._last.row[0] and self._view.plan.table.name != "interfaces":
            raise InvalidValue(f"a {self._view.plan.table.noun} cannot move to another source: make it there, and remove this one")
        else:
            wanted["target"] = target

    def _check(self, given: Mapping[str, Any], wanted: Mapping[str, Any], row: tuple[Any, ...]) -> None:
        """What cannot become different in something that is there. Raises: InvalidValue."""
        table, words = self._view.plan.table, writer(self._view.plan.table.name).words
        own = {self._view.plan.own_name(name): name for name in given}
        for field in table.fields:
            if field.name in own and own[field.name] not in words and (field.readonly or field.derive):
                why = "follows from other fields" if field.derive else "is told by the kernel"
                raise InvalidValue(f"`{own[field.name]}` of {table.name} {why} and cannot be set – at {self.key_repr()}")
        for name, value in wanted.items():
            if readonly(name):
                raise InvalidValue(f"`{name}` is told by the kernel and cannot be set – at {self.key_repr()}")
            if table is INTERFACES and name == "ifindex" and value != self._value_now(row, name):
                raise InvalidValue(f"the index of an interface cannot be changed, got `{value}` for {self.key_repr()}")
            if name == "peer":
                raise InvalidValue(f"the other end of {self.key_repr()} is an interface of its own, `link`: change that one")

    def _kind(self, row: tuple[Any, ...]) -> str | None:
        position = self._view.plan.positions.get("kind")
        kind = self._pending.fields.get("kind") if position is not None else None
        return kind or (row[position] if position is not None else None)

    def _value_now(self, row: tuple[Any, ...], name: str) -> Any:
        """A field of a row, as the table holds it."""
        plan = self._view.plan
        position = plan.positions.get(name)
        if position is not None:
            return plan.value(row, position) or None if position in plan.json else row[position]
        return plan.attributes(row).get(name) if attribute(name) else None

    def _then(self, step: Step) -> Self:
        """Wait with something beside the fields."""
        self._allowed("change")
        with self._lock:
            self._pending.steps.append(step)
        return self

    def _allowed(self, verb: str) -> None:
        if self._view.readonly:
            raise Denied(f"`{verb}` of {self._view.plan.table.noun} {self.key_repr()}: this view was opened read-only")

    # ------------------------------------------------------------------------------------------------ committing

    def take(self, flight: Flight) -> Pending | None:
        """What waits, which from now on does not wait any more but is on its way. None: it is on its way with somebody else."""
        with self._lock:
            if self._flight is not None:
                return None
            self._flight = flight
            taken = self._pending
            self._pending = Pending(new=taken.new)
            self._pending.fields = dict(taken.fields) if taken.new else {}
            return taken

    def put_back(self, taken: Pending, *, keep: bool) -> None:
        """It was refused. What could not be made keeps what it was given; what was to be changed shows the system, unless `keep`.
        What was set meanwhile stays."""
        with self._lock:
            if taken.new or keep:
                since, self._pending = self._pending, taken
                taken.fields |= since.fields
                taken.removed |= since.removed
                taken.steps += since.steps
            if taken.new and not keep:
                taken.removed = False

    def settle(self, taken: Pending, request: Request, row: Mapping[str, Any] | None) -> None:
        """Carried out: this object is that row from now on. Without a row it is looked for by what was asked for.

        taken: what was on its way; what was set meanwhile waits, and is compared with what this made of it.
        The engine gives no rows back for very many requests.
        """
        if isinstance(request, Delete):
            self.gone()
            return
        if row is None:
            row = self._looked_for(request)
        target = row.get("target") or (request.fields.get("target") if isinstance(request, Change) else None) or request.target
        self.become(str(target), row, taken)

    def _looked_for(self, request: Create | Change) -> Mapping[str, Any]:
        """What is known of a row without having seen it: enough to find it by."""
        asked = completed(request.table, request.row if isinstance(request, Create) else {**request.row, **request.fields})
        if request.table is INTERFACES and not asked.get("ifindex"):
            for row in self._view.rows(Wanted(request.target, {"ifname": asked["ifname"]})):
                return self._view.plan.row_of(row)
        return {field.name: field.default for field in request.table.fields} | asked

    def become(self, target: str, row: Mapping[str, Any], taken: Pending | None = None) -> None:
        """Be this row from now on. taken: what was on its way to that."""
        view = self._view
        with self._lock:
            revision = 0 if self._pending.new else self._last.revision
            self._last = Seen(-1, revision, view.plan.tuple_of({**row, "target": target}))
            self._views = {}
            if taken is not None and (self._pending or taken.new):
                self._wait_anew(taken)
            elif self._pending.new:
                self._pending = Pending()
        view.adopt(self)

    def _wait_anew(self, taken: Pending) -> None:
        """What was set while `taken` was on its way goes on waiting; what it is compared with is what that made."""
        since, self._pending = self._pending, Pending()
        for name, value in since.fields.items():
            if name not in taken.fields:
                self._pending.put(name, value, since.base.get(name) if name in since.base else self._value_now(self._last.row, name))
            elif not taken.new or value is not taken.fields[name]:
                self._pending.put(name, value, self._value_now(self._last.row, name))
        self._pending.removed = since.removed
        self._pending.steps = since.steps

    def gone(self) -> None:
        """Be what is not there any more."""
        with self._lock:
            if self._pending.new:
                self._pending = Pending()
            self._last = Seen(-1, self._view.reading.revision, self._last.row, there=False)

    def found(self, requests: Sequence[Request], outcome: Outcome, saved: Saved) -> None:
        """After a rollback: if this object is not where it was, be the row that came back under its name, or under that of before."""
        view = self._view
        if super().state is not INVALID:
            return
        name = "ifname" if "ifname" in view.plan.positions else view.plan.table.key[0]
        names = {self._last.row[view.plan.positions[name]], saved.get(name) if isinstance(saved, Snapshot) else None}
        for request, row in zip(requests, outcome.rows, strict=False):
            if request.table is view.plan.table and row is not None and row.get(name) in names:
                moved = request.fields.get("target") if isinstance(request, Change) else None
                self.become(str(row.get("target") or moved or request.target), row)
                return

    def given(self) -> Pending:
        """What waits, to be put back by `undone`."""
        with self._lock:
            kept = Pending(new=self._pending.new)
            kept.fields = dict(self._pending.fields)
            kept.steps = list(self._pending.steps)
            return kept

    def undone(self, given: Pending) -> None:
        """A commit was taken back: what had been made is to be made again, with what it was given."""
        with self._lock:
            if given.new:
                self._last = Seen(-1, 0, self._view.plan.blank(self._last.row[0]), there=False)
                self._pending = given
            self._last = self._last._replace(tick=-1)
            self._saved = None

    def drop(self) -> None:
        """Forget what waits. One that is still to be made keeps what it was given."""
        with self._lock:
            if not self._pending.new:
                self._pending = Pending()


class Part(dict[str, Any]):
    """A nested object of an object: what is set in it waits in the object. `route["metrics"]["mtu"] = 1400`."""

    def __init__(self, owner: Object[Any], name: str, value: Mapping[str, Any]) -> None:
        super().__init__(value)
        self._owner = owner
        self._name = name

    def __setitem__(self, name: str, value: Any) -> None:
        self._owner[self._name] = {**self, name: value}
        super().__setitem__(name, value)

    def __delitem__(self, name: str) -> None:
        if name not in self:
            raise NotFound(f"{self._name} has no `{name}`")
        self._owner[self._name] = {other: value for other, value in self.items() if other != name}
        super().__delitem__(name)

    def set(self, *given: Any, **fields: Any) -> Self:
        """As `Object.set`."""
        for name, value in ({given[0]: given[1]} if given else fields).items():
            self[name] = value
        return self
