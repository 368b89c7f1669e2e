"""How a noun is described: fields, their shapes, and the table they make.

Everything that Holdfast knows about a field is said once, in a `Field`; the codec, the SQL, the objects, the command
line and the reference pages are derived from it. Nothing here does any work: no socket, no clock, no bytes.

    Table routes ──┬── Field dst      IP     "RTA_DST"                 key
                   ├── Field table_id U32    "RTA_TABLE", "rtm_table"  key, names rt_tables
                   └── Field metrics  Nest   "RTA_METRICS" ── Field mtu U32 "RTAX_MTU" …

Kernel words are written as the uapi headers write them: an upper-case word is a netlink attribute (`RTA_DST`), a
lower-case one is a member of the message's header struct (`rtm_table`). Their numbers live in `holdfast.netlink.uapi`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

__all__ = [
    "BE16", "BE32", "BE64", "BYTES", "FLAG", "I8", "I32", "IP", "LLADDR", "TEXT", "U8", "U16", "U32", "U64",
    "Field", "ListOf", "Message", "Nest", "Packed", "Scalar", "Shape", "Struct", "Table",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value in one attribute. `sql` is its column type, `size` its bytes on the wire (0: any)."""

    name: str
    sql: str
    size: int
    doc: str = ""


U8: Final = Scalar("u8", "INTEGER", 1)
U16: Final = Scalar("u16", "INTEGER", 2)
U32: Final = Scalar("u32", "INTEGER", 4)
U64: Final = Scalar("u64", "INTEGER", 8, "inside JSON only: SQLite's integers are signed")
I8: Final = Scalar("i8", "INTEGER", 1)
I32: Final = Scalar("i32", "INTEGER", 4)
BE16: Final = Scalar("be16", "INTEGER", 2, "network byte order")
BE32: Final = Scalar("be32", "INTEGER", 4, "network byte order")
BE64: Final = Scalar("be64", "INTEGER", 8, "network byte order, inside JSON only")
TEXT: Final = Scalar("text", "TEXT", 0, "NUL-terminated")
IP: Final = Scalar("ip", "TEXT", 0, "4 bytes: IPv4, 16 bytes: IPv6 (RFC 5952 text)")
LLADDR: Final = Scalar("lladdr", "TEXT", 0, "link-layer address: hex with colons; 4 or 16 bytes are a tunnel's: IP text")
FLAG: Final = Scalar("flag", "INTEGER", 0, "an attribute without payload: there (true) or not")
BYTES: Final = Scalar("bytes", "TEXT", 0, "raw, as hex text")


@dataclass(frozen=True, slots=True)
class Nest:
    """Attributes inside an attribute: a JSON object. Unknown ones are kept in it as `"unknown": {"<number>": "<hex>"}`.

    `silent` are attributes that are known and deliberately not kept: counters and running timers, which would make every
    reading a change, and twins of what is kept.
    """

    fields: tuple[Field, ...]
    silent: tuple[str, ...] = ()
    sql: str = "JSON"


@dataclass(frozen=True, slots=True)
class ListOf:
    """An attribute that holds a run of equal attributes, each one item: a JSON array.

    `attr` is the items' attribute, or "" where they are numbered 0, 1, 2 … (an array index).
    """

    item: Shape
    attr: str = ""
    sql: str = "JSON"


@dataclass(frozen=True, slots=True)
class Struct:
    """A C struct of fixed layout as payload: a JSON object. `format` is one of `struct`, without byte order."""

    format: str
    members: tuple[str, ...]
    order: str = "="
    sql: str = "JSON"


@dataclass(frozen=True, slots=True)
class Packed:
    """A payload with a grammar of its own; its reader and writer are registered in `netlink` under this name."""

    name: str
    sql: str = "JSON"
    doc: str = ""


Shape = Scalar | Nest | ListOf | Struct | Packed


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a noun.

    name      as people write it: NDB's name, unless SQL reserves the word (then `aliases` carries NDB's).
    attr      where the kernel keeps it, first present wins: `("RTA_TABLE", "rtm_table")`. Empty: derived or ours.
    default   the value where the kernel says nothing; not None makes the column NOT NULL.
    names     the name table its numbers are read with (`rt_tables`, `rt_protos`, `rtn_type` …; see model.names).
    volatile  moves by itself (states of probes, ages, counters): kept up to date, but no history and no event.
    secret    never stored, never logged.
    presence  in a request it means yes by being there, whatever its value: zero is not sent.
    readonly  the kernel tells it and takes it in no request: what made something again leaves it out.
    derive    (names of other fields, function of their values): computed when decoding, ignored when encoding.
    """

    name: str
    shape: Shape
    attr: str | tuple[str, ...] = ()
    doc: str = ""
    unit: str = ""
    default: Any = None
    names: str = ""
    aliases: tuple[str, ...] = ()
    volatile: bool = False
    secret: bool = False
    readonly: bool = False
    presence: bool = False
    derive: tuple[str | tuple[str, ...], Callable[..., Any]] | None = None
    attrs: tuple[str, ...] = field(init=False, repr=False, compare=False)
    json: bool = field(init=False, repr=False, compare=False)
    """Is its column JSON text?"""

    def __post_init__(self) -> None:
        object.__setattr__(self, "attrs", (self.attr,) if isinstance(self.attr, str) else self.attr)
        object.__setattr__(self, "json", self.shape.sql == "JSON")


@dataclass(frozen=True, slots=True)
class Message:
    """The netlink messages of a table: `new`, `delete`, `get` (message types), its header struct and attribute prefix.

    families  the address families to dump, one dump each.
    groups    the multicast groups that announce changes.
    """

    new: str
    delete: str
    get: str
    header: str
    prefix: str
    families: tuple[str, ...] = ("AF_UNSPEC",)
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Table:
    """One noun: its SQL table, its fields, what identifies a row, and the messages it travels in.

    Each table also has the columns `target` (the source's name) and `since` (the revision of the row's last change).
    key       fields that, with `target`, identify a row; fields without a default may be NULL in it.
    summary   fields of `view.summary()`, in order: those that NDB has there, so that its scripts can unpack them.
    defaults  by name, the value of a field of which the kernel says nothing;  json  names of the columns that are JSON text.
    indexes   further indexes, each a tuple of columns, that the usual questions need.
    silent    attributes that are known and deliberately not kept, with the reason.
    """

    name: str
    noun: str
    doc: str
    fields: tuple[Field, ...]
    key: tuple[str, ...]
    message: Message | None = None
    indexes: tuple[tuple[str, ...], ...] = ()
    silent: dict[str, str] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    summary: tuple[str, ...] = ()
    columns: tuple[str, ...] = field(init=False)
    defaults: dict[str, Any] = field(init=False)
    json: frozenset[str] = field(init=False)
    _fields: dict[str, Field] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", tuple(one.name for one in self.fields))
        object.__setattr__(self, "defaults", {one.name: one.default for one in self.fields})
        object.__setattr__(self, "json", frozenset(one.name for one in self.fields if one.json))
        named = [(alias, one) for one in self.fields for alias in one.aliases] + [(one.name, one) for one in self.fields]
        object.__setattr__(self, "_fields", dict(named))

    def __repr__(self) -> str:
        return f"Table({self.name})"

    def __iter__(self) -> Iterator[Field]:
        return iter(self.fields)

    def __getitem__(self, name: str) -> Field:
        found = self._fields.get(name)
        if found is None:
            raise KeyError(f"{self.name} has no field {name!r}; it has {', '.join(self.columns)}")
        return found

    @property
    def lasting(self) -> tuple[str, ...]:
        """The columns whose change is history: all but the volatile ones."""
        return tuple(one.name for one in self.fields if not one.volatile)
