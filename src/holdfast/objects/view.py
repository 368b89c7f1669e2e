"""Views: the objects and records of one table.

    ndb.routes["10.0.0.0/24"]       an object, by any spelling of its key (see spec.py)
    ndb.routes.dump()               records of everything; .summary() of what one usually wants to see
    ndb.interfaces["eth0"].routes   the same within the context of an object

Which one, when a key fits several? The source: localhost, unless the key or the context says another. Then, of routes, those
of table main before other tables by number, IPv4 before IPv6, the longest prefix, the lowest priority; of rules the lowest
priority; of neighbours the real one before the proxied one; else the one that has been there longest.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, Self, TypeVar, cast

from holdfast.errors import AlreadyExists, Denied, NotFound, did_you_mean
from holdfast.model.field import Table
from holdfast.objects import settings
from holdfast.objects.defaults import complete
from holdfast.objects.following import Following, Seen
from holdfast.objects.object import Object
from holdfast.objects.reading import Plan, Reading, plan
from holdfast.objects.records import Record, RecordSet, shape
from holdfast.objects.spec import KIND_ATTRIBUTES, RT_TABLE_MAIN, Wanted, as_fields, holds, shown_name, spelled, spelling
from holdfast.objects.values import Place, writer
from holdfast.transactions.contract import Named

if TYPE_CHECKING:
    from holdfast.database.home import Point

__all__ = ["Scope", "View"]

Found = TypeVar("Found", bound=Object[Any])

_PREFERENCE: Final = {
    "routes": f"table_id <> {RT_TABLE_MAIN}, table_id, family, dst_len DESC, priority, ",
    "rules": "priority, ",
    "neighbours": "proxy, ",
}


NAMES: Final = "localhost"
"""The target under which the names of namespaces stand (node.py)."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The context of a sub-view: its target, and a condition on its rows."""

    target: str
    sql: str
    args: tuple[Any, ...]


class View(Generic[Found]):
    """A table as a mapping from keys to live objects. Reading; safe in any thread; nothing is loaded in advance.

    chain  the object whose context it works in, or None.
    """

    object_types: ClassVar[Mapping[str, type[Object[Any]]]] = {}
    """By table; others are plain objects of `object_type`."""
    object_type: ClassVar[type[Object[Any]]] = Object

    def __init__(
        self, reading: Reading, table: str, *, readonly: bool = False, chain: Object[Any] | None = None, scope: Scope | None = None
    ) -> None:
        self.reading = reading
        self.plan: Plan = plan(table)
        self.readonly = readonly
        self.chain = chain
        self.cache: OrderedDict[tuple[Any, ...], Found] = OrderedDict()
        self._lock = threading.Lock()
        self._scope = scope
        self._spelling = spelling(table)

    def within(self, chain: Object[Any], table: str, sql: str, target: str, args: tuple[Any, ...]) -> Self:
        """The view of a table in the context of an object."""
        return type(self)(self.reading, table, readonly=self.readonly, chain=chain, scope=Scope(target, sql, args))

    @property
    def table(self) -> Table:
        return self.plan.table

    @property
    def tick(self) -> int:
        """Grows with every commit that changes the table."""
        return self.reading.ticks[self.table.name]

    @property
    def _target(self) -> str | None:
        """Where to look when a key does not say it. Names of namespaces are this machine's, whatever it is called."""
        return self._scope.target if self._scope else None if self.table.name == "netns" else self.reading.localhost

    def __enter__(self) -> Self:
        """`with ndb.interfaces as links:` is a short name for the view; it ends nothing."""
        return self

    def __exit__(self, *_: object) -> None:
        return None

    # ------------------------------------------------------------------------------------------------ one object

    def __getitem__(self, key: Any) -> Found:
        """The object with this key: a string, a number, a dict of fields, a record or an object.

        Raises: NotFound (a KeyError);  UnknownName, InvalidValue - a key that nothing could have.
        """
        moment = self._moment()
        row = self._first(key)
        if row is None:
            raise self.not_found(key)
        return self._object(row, moment)

    def get(self, spec: Any = None, default: Any = None, **fields: Any) -> Found | Any:
        """As `view[spec]` or `view[{…fields}]`; `default` where there is none."""
        moment = self._moment()
        row = self._known(fields if spec is None else spec)
        return default if row is None else self._object(row, moment)

    def exists(self, spec: Any = None, **fields: Any) -> bool:
        return self._known(fields if spec is None else spec) is not None

    def __contains__(self, key: Any) -> bool:
        return self.exists(key)

    def locate(self, spec: Any = None, **fields: Any) -> Found:
        """As `view[spec]`, looking only at the fields that say which object is meant, not what it is like at the moment.

        Raises: NotFound;  InvalidValue - no such field in it.
        """
        key = fields if spec is None else spec
        return self[key if isinstance(key, str | int) else self._spelling.locator(as_fields(key))]

    def key_in(self, spec: Any) -> dict[str, Any]:
        """The part of a spec that says which object is meant. Raises: InvalidValue - none does."""
        return self._spelling.locator({name: value for name, value in as_fields(spec).items() if self._spelling.knows(name)})

    def getmany(self, spec: Any = None, **fields: Any) -> Iterator[dict[str, Any]]:
        """The fields of all rows that fit, of all sources unless the spec names one."""
        for wanted in self._spelling.normalise(fields if spec is None else spec, self.reading, self._scope.target if self._scope else None):
            found = False
            for row in self._matching(wanted):
                found = True
                yield self.plan.as_dict(row)
            if found:
                return

    def getone(self, spec: Any = None, **fields: Any) -> dict[str, Any] | None:
        """The first of `getmany`, or None."""
        return next(self.getmany(spec, **fields), None)

    def _known(self, key: Any) -> tuple[Any, ...] | None:
        try:
            return self._first(key)
        except NotFound:  # an interface that the key names
            return None

    def _first(self, key: Any) -> tuple[Any, ...] | None:
        for wanted in self._spelling.normalise(key, self.reading, self._target):
            for row in self._matching(wanted, first=True):
                return row
        return None

    def _matching(self, wanted: Wanted, *, first: bool = False) -> Iterator[tuple[Any, ...]]:
        for row in self.rows(wanted, scope=self._scope, first=first):
            if not wanted.inner or self._holds(wanted.inner, row):
                yield row

    def _holds(self, inner: Mapping[str, Any], row: tuple[Any, ...]) -> bool:
        attributes = self.plan.attributes(row) if any(name in KIND_ATTRIBUTES for name in inner) else {}
        for name, value in inner.items():
            position = self.plan.positions.get(name)
            if not holds(value, attributes.get(name) if position is None else self.plan.value(row, position)):
                return False
        return True

    def rows(self, wanted: Wanted, *, scope: Scope | None = None, first: bool = False) -> list[tuple[Any, ...]]:
        """The rows that fit a normalised key, but for its `inner` part; `first`: in order of preference, one if that is enough."""
        terms = [] if wanted.target is None else ["target = ?"]
        args = [] if wanted.target is None else [wanted.target]
        for name, value in wanted.columns.items():
            if value is None:
                terms.append(f"{name} IS NULL")
            else:
                terms.append(f"{self.plan.terms.get(name, name)} = ?")
                args.append(value)
        for name in wanted.inner.get("altnames") or ():
            terms.append("instr(altnames, ?)")
            args.append(f'"{name}"')
        if scope:
            terms += ["target = ?", scope.sql]
            args += [scope.target, *scope.args]
        sql = f"{self.plan.select} WHERE {' AND '.join(terms or ['1'])}"
        if first:
            # Sorted outside: SQLite prepares a sorted statement anew each time its arguments change, 100 µs instead of 5.
            sql = f"SELECT * FROM ({sql} LIMIT -1) ORDER BY {_PREFERENCE.get(self.table.name, '')}rowid{'' if wanted.inner else ' LIMIT 1'}"
        return self.reading.fetch(sql, args)

    def not_found(self, key: Any) -> NotFound:
        """The error that says so."""
        noun = self.table.noun
        target = self._target or self.reading.localhost
        if not isinstance(key, str | int):
            fields = as_fields(key)
            target = fields.get("target", target)
            key = spelled(self.table.name, {name: value for name, value in fields.items() if name != "target"})
        where = f" on {self.chain.key_repr()}" if self.chain is not None else f" in {target}"
        sources = list(self.reading.targets())
        hint = "" if target in sources else f"there is no source `{target}`, but {', '.join(sources) or 'none at all'}"
        if not hint and self.table.name == "interfaces":
            names = self.reading.fetch("SELECT ifname FROM interfaces WHERE target = ?", (target,))
            hint = did_you_mean(str(key), [name for (name,) in names])
        return NotFound(f"no {noun} `{key}`{where}", hint=hint, table=self.table.name, target=target)

    def _moment(self) -> tuple[int, int]:
        """Taken before reading: what is read may be newer, and is then merely read once more."""
        return self.tick, self.reading.revision

    def _object(self, row: tuple[Any, ...], moment: tuple[int, int]) -> Found:
        key = self.plan.key_of(row)
        now = time.monotonic()
        with self._lock:
            self._expire(now)
            found = self.cache.get(key)
            if found is None:
                kind = self.object_types.get(self.table.name, self.object_type)
                found = self.cache[key] = cast(Found, kind(self, Seen(*moment, row)))
            else:
                self.cache.move_to_end(key)
                found.accept(Seen(*moment, row))
            found._used = now
            return found

    def _expire(self, now: float) -> None:
        """The cache is in order of last use: only its front is looked at."""
        while self.cache:
            key, oldest = next(iter(self.cache.items()))
            if len(self.cache) <= settings.cache_size and now - oldest._used <= settings.cache_expire:
                return
            if not oldest.idle:  # what waits in it would be lost to who asks again
                self.cache.move_to_end(key)
                oldest._used = now
                return
            del self.cache[key]

    # ------------------------------------------------------------------------------------------------ all of them

    def dump(self, *, at: Point | None = None) -> RecordSet:
        """A record of every field for each row, of all sources; as they were at a point in time, if one is given.

        Raises, when it is read: InvalidValue - no point in time;  Compacted - the history does not reach back to it.
        """
        where, args = self._condition()
        select = self.plan.select if at is None else self.plan.select.replace(", rowid ", ", 0 ")
        return RecordSet(lambda: map(self.plan.record, self.reading.stream(select + where, args, at)))

    def summary(self, *, at: Point | None = None) -> RecordSet:
        """A record of the fields that NDB has there, in its order, for each row; an interface is shown by its name.

        `tflags` stands there for scripts that unpack records; it is always 0. at, and Raises: as `dump`, which has all fields.
        """
        outgoing = self._spelling.outgoing
        names, columns = ["target", "tflags"], ["t.target", "0"]
        for field in map(self.table.__getitem__, self.table.summary):
            if field.name == outgoing:
                names.append("ifname")
                columns.append(f"(SELECT ifname FROM interfaces AS i WHERE i.target = t.target AND i.ifindex = t.{outgoing})")
            else:
                names.append(shown_name(field))
                columns.append(f"t.{field.name}")
        make = shape(tuple(names))
        where, args = self._condition()
        sql = f"SELECT {', '.join(columns)} FROM {self.table.name} AS t{where}"
        return RecordSet(lambda: map(make, self.reading.stream(sql, args, at)))

    def _condition(self) -> tuple[str, tuple[Any, ...]]:
        return (f" WHERE target = ? AND {self._scope.sql}", (self._scope.target, *self._scope.args)) if self._scope else ("", ())

    def keys(self) -> RecordSet:
        """Records that can be used as keys."""
        return self.dump()

    def values(self) -> Iterator[Found]:
        yield from (value for _, value in self.items())

    def items(self) -> Iterator[tuple[Record, Found]]:
        moment = self._moment()
        where, args = self._condition()
        for row in self.reading.stream(self.plan.select + where, args):
            yield self.plan.record(row), self._object(row, moment)

    def __iter__(self) -> Iterator[Record]:
        return iter(self.dump())

    def count(self) -> int:
        where, args = self._condition()
        return int(self.reading.fetch(f"SELECT count(*) FROM {self.table.name}{where}", args)[0][0])

    def __len__(self) -> int:
        return self.count()

    def describe(self) -> RecordSet:
        """A record for each field: its name, type, unit, whether it is part of the key, what it means."""
        make = shape(("name", "sql_name", "type", "unit", "key", "doc"))
        fields = [(shown_name(one), one.name, one.shape.sql, one.unit, one.name in self.table.key, one.doc) for one in self.table.fields]
        return RecordSet([make(field) for field in fields])

    def __repr__(self) -> str:
        where = f" on {self.chain.key_repr()}" if self.chain is not None else ""
        return f"<{self.table.name}{where}: {self.count()} objects; [key] is one of them, dump() and summary() show them all>"

    # ------------------------------------------------------------------------------------------------ changing

    def create(self, spec: Any = None, /, **fields: Any) -> Found:
        """An object that is to be made with these fields, in the context of this view; its commit makes it.

        spec: a text such as `10.0.0.1/24`, a dict of fields, or a record.
        Raises: AlreadyExists (a KeyError) - an interface or namespace of this name;  InvalidValue, UnknownName, Denied.
        """
        given = self._given("create", spec, fields)
        target = self._where(given)
        named = {name: given[name] for name in ("ifname", "netns", "name") if name in given} if self._by_name else {}
        row = self._known({**named, "target": target}) if named else None
        if row is not None and not self._object(row, (-1, self.reading.revision)).leaving:
            name = next(iter(named.values()))
            hint = "`set` changes it"
            raise AlreadyExists(f"{self.table.noun} `{name}` is in {target} already", hint=hint, table=self.table.name, target=target)
        return self._new(target, given)

    def ensure(self, spec: Any = None, /, **fields: Any) -> Found:
        """The object that these fields locate, waiting with what of them is not so; else one that is to be made with them.

        Raises: InvalidValue, UnknownName, Denied.
        """
        given = self._given("ensure", spec, fields)
        target = self._where(given)
        wanted = writer(self.table.name).read(given, Place(self.reading, target, given))
        if self.table.name != "interfaces":
            wanted = complete(self.table.name, wanted)
        named = self._spelling.locator({name: value for name, value in wanted.items() if not isinstance(value, Named)})
        row = self._known({**named, "target": target})
        if row is None:
            made = self._new(target, given)
            made.ensured = True
            return made
        found = self._object(row, (-1, self.reading.revision))
        found.want(wanted)
        return found

    def add(self, spec: Any = None, /, **fields: Any) -> Found:
        """NDB's older name of `create`."""
        return self.create(spec, **fields)

    def adopt(self, one: Following[Any]) -> None:
        """An object that was made is found by its key from now on."""
        key = self.plan.key_of(one._last.row)
        with self._lock:
            self.cache[key] = cast(Found, one)
            self.cache.move_to_end(key)
            one._used = time.monotonic()

    def _where(self, given: Mapping[str, Any]) -> str:
        """Where something is to be made. Namespaces are this machine's, whatever the source is called that shows it."""
        if self.table.name == "netns":
            return NAMES
        return self.reading.target_of(given.get("target") or given.get("net_ns_fd") or self._target or self.reading.localhost)

    @property
    def _by_name(self) -> bool:
        return self.table.name in ("interfaces", "netns")

    def _new(self, target: str, given: Mapping[str, Any]) -> Found:
        kind = self.object_types.get(self.table.name, self.object_type)
        return cast(Found, kind.new(self, target, given, self.chain if isinstance(self.chain, Object) else None))

    def _given(self, verb: str, spec: Any, fields: Mapping[str, Any]) -> dict[str, Any]:
        """What was asked for, with what the context adds."""
        if self.readonly:
            raise Denied(f"`{verb}` of {self.table.name}: this view was opened read-only")
        if spec is None:
            given = dict(fields)
        elif isinstance(spec, str | int):
            given = {self.word_for(spec): spec, **fields}
        else:
            given = {**as_fields(spec), **fields}
        return self.given(given)

    def given(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Fields of something to be made, with those that the context adds."""
        context = None if self.chain is None else "master" if self.table.name == "interfaces" else self._spelling.outgoing
        if self.chain is None or context is None:
            return dict(fields)
        return {context: self.chain, "target": self.chain["target"], **fields}

    def word_for(self, key: str | int) -> str:
        """The field that a text or a number as a spec is meant for. Raises: InvalidValue."""
        return self._spelling.word_for(key)

    def matching(self, fields: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
        """The rows that have these fields, at the target that they or the context name. Raises: InvalidValue, UnknownName."""
        for wanted in self._spelling.normalise(dict(fields), self.reading, self._target):
            yield from self._matching(wanted)
            return
