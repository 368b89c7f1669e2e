"""What an object does as long as nobody changes it: be a dictionary of a row, and follow the system.

    link = ndb.interfaces["eth0"]          link["mtu"] is what it is now, each time it is read
    link.state                             "system", or "invalid" once it is gone; its last fields stay readable

An object is bound to what identifies it, not to its name: an interface keeps being this object when it is renamed. A route
that is replaced (other gateway, same prefix, table and priority) is followed as well, unless several share its prefix.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, TypeVar

from holdfast.errors import NotFound, UnknownName, did_you_mean
from holdfast.objects import settings
from holdfast.objects.records import Record, RecordSet, shape
from holdfast.objects.spec import KIND_ATTRIBUTES, Wanted, as_fields

if TYPE_CHECKING:
    from holdfast.objects.view import View

__all__ = ["INVALID", "SYSTEM", "Following", "Seen", "State", "V"]

V = TypeVar("V", bound="View[Any]")

_FOLLOWED: Final = {"routes": ("dst", "dst_len", "family", "table_id", "tos", "priority")}
"""What stays when a row is replaced by another that is the same thing to a person."""


class State(str):
    """A word that also answers `get()`."""

    __slots__ = ()

    def get(self) -> str:
        return str(self)


SYSTEM: Final = State("system")
INVALID: Final = State("invalid")


class Seen(NamedTuple):
    """What an object knows: a row, when it was read, and whether it is still there. One value: any thread may replace it."""

    tick: int
    revision: int
    row: tuple[Any, ...]
    there: bool = True


class Following(Mapping[str, Any], Generic[V]):
    """A row of a view, by field names; see the module's docstring. Safe in any thread.

    Cost of reading a field: about a microsecond while the database stands still, one lookup by key after a commit to its table.
    """

    __slots__ = ("__weakref__", "_last", "_used", "_view", "_views")

    def __init__(self, view: V, seen: Seen) -> None:
        self._view = view
        self._last = seen
        self._views: dict[str, V] = {}
        self._used = 0.0  # when the view's cache had it last

    # ------------------------------------------------------------------------------------------------ following

    def accept(self, seen: Seen) -> None:
        """Take a row that was just read as this object's."""
        self._last = seen

    def _now(self) -> tuple[Any, ...]:
        """The row as of now; the last one there was, if it is gone."""
        while True:
            last, tick = self._last, self._view.tick
            if tick == last.tick:
                return last.row
            revision = self._view.reading.revision
            found = self._find(last)
            if self._replace(last, Seen(tick, revision, last.row if found is None else found, found is not None)):
                if found is not None and last.tick < 0:
                    self._view.adopt(self)  # it was made: only now its whole key is known
                return last.row if found is None else found

    def _replace(self, last: Seen, new: Seen) -> bool:
        """Hold what was read, unless somebody was faster: he may have read later."""
        if self._last is last:
            self._last = new
            return True
        return False

    def _find(self, last: Seen) -> tuple[Any, ...] | None:
        row = last.row
        plan = self._view.plan
        key = {plan.columns[position]: row[position] for position in plan.key[1:]}
        for found in self._view.rows(Wanted(row[0], key)):
            return found
        followed = _FOLLOWED.get(plan.table.name)
        if followed is None:
            return None
        # A sibling that was there before, such as an appended route, is another object.
        again = self._view.rows(Wanted(row[0], {name: row[plan.positions[name]] for name in followed}))
        newer = [found for found in again if found[plan.since] > last.revision]
        return newer[0] if len(newer) == 1 else None

    # ------------------------------------------------------------------------------------------------ dictionary

    def __getitem__(self, name: str) -> Any:
        """Raises: UnknownName - no such field;  NotFound - a field that other kinds of interface have."""
        plan, row = self._view.plan, self._now()
        position = plan.positions.get(name)
        if position is not None:
            return plan.value(row, position)
        attributes = plan.attributes(row)
        if name in attributes:
            return attributes[name]
        if plan.table.name == "interfaces" and name in KIND_ATTRIBUTES:
            raise NotFound(f"interface {row[plan.positions['ifname']]} of kind {row[plan.positions['kind']]} has no `{name}`")
        hint = did_you_mean(name, self, otherwise=f"they have {', '.join(self)}")
        raise UnknownName(f"{plan.table.name} have no field `{name}`", hint=hint)

    def __iter__(self) -> Iterator[str]:
        row = self._now()
        yield from self._view.plan.names
        yield from self._view.plan.attributes(row)

    def __len__(self) -> int:
        return len(self._view.plan.names) + len(self._view.plan.attributes(self._now()))

    def __contains__(self, name: object) -> bool:
        return name in self._view.plan.positions or name in self._view.plan.attributes(self._now())

    def as_dict(self) -> dict[str, Any]:
        """All fields, as they are now, of one and the same revision."""
        return self._view.plan.as_dict(self._now())

    def __repr__(self) -> str:
        return repr(self.as_dict())

    # ------------------------------------------------------------------------------------------------ what it is

    @property
    def state(self) -> State:
        """`system`: it is there; `invalid`: it is not (any more)."""
        self._now()
        return SYSTEM if self._last.there else INVALID

    def exists(self, key: Any = None) -> bool:
        """Is it there? With a key: is that object there, in the same view?"""
        return self.state is SYSTEM if key is None else self._view.exists(key)

    @property
    def key(self) -> dict[str, Any]:
        """The fields that say which object this is, `target` first."""
        plan, row = self._view.plan, self._now()
        return {plan.names[position]: plan.value(row, position) for position in plan.key}

    def key_repr(self) -> str:
        """The key as one short word, such as `localhost/eth0`."""
        plan, row = self._view.plan, self._now()
        words = [row[plan.positions["ifname"]]] if "ifname" in plan.positions else [row[one] for one in plan.key[1:]]
        return "/".join(str(word) for word in (row[0], *words) if word not in (None, ""))

    @property
    def since(self) -> int:
        """The revision of its last change."""
        return int(self._now()[self._view.plan.since])

    @property
    def chain(self) -> Following[Any] | None:
        """The object that this one was reached through, as in `ndb.interfaces["eth0"].ipaddr["10.0.0.1/24"]`."""
        return self._view.chain

    @property
    def table(self) -> str:
        return self._view.plan.table.name

    etable = table

    @property
    def clean(self) -> bool:
        """Nothing in it waits to be committed."""
        return True

    # ------------------------------------------------------------------------------------------------ reading it

    def load_sql(self) -> Record | None:
        """Read the row again, whether something was committed or not; None if it is gone."""
        self._last = self._last._replace(tick=-1)
        row = self._now()
        return self._view.plan.record(row) if self._last.there else None

    def fields(self, *names: str) -> Record:
        """These fields as a record (default: all)."""
        values = self.as_dict()
        return shape(names)(self[name] for name in names) if names else shape(tuple(values))(values.values())

    def show(self, fmt: str | None = None) -> dict[str, Any] | str:
        """Its fields as text in `fmt` (json, csv, md, yaml), or as a dict (native). Default: `config.show_format`."""
        kind = fmt or settings.show_format
        if kind == "native":
            return self.as_dict()
        if kind == "json":
            return json.dumps(self.as_dict(), indent=4, ensure_ascii=False)
        return repr(RecordSet([self.fields()]).format(kind))

    def complete_key(self, key: Any) -> dict[str, Any]:
        """A spec, and the key of the object of this kind that it finds. Raises: NotFound."""
        return {**as_fields(key), **self._view[key].key}
