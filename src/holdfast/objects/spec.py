"""Every spelling of a key becomes one: field names as the tables have them, values as the tables hold them.

    "10.0.0.0/24"                                        ┐
    {"dst": "10.0.0.0/24"}                               ├─► Wanted(target="localhost", columns={"dst": "10.0.0.0", "dst_len": 24})
    {"dst": "10.0.0.0", "dst_len": "24"}                 ┘
    {"oif": "eth0", "table": "main", "proto": "static"}  ──► columns={"oif": 2, "table_id": 254, "proto": 4}

Pure but for one question: which index an interface's name stands for (`Scene.index_of`).
"""

from __future__ import annotations

import functools
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import msgspec

from holdfast.errors import InvalidValue, UnknownName, did_you_mean
from holdfast.model import KINDS, TABLES
from holdfast.model.check import RESERVED
from holdfast.model.field import Field, Packed, Scalar, Table
from holdfast.model.names import Names

__all__ = [
    "DEFAULT_ROUTE", "KIND_ATTRIBUTES", "RT_TABLE_MAIN", "Scene", "Spelling", "Wanted", "address_text", "as_fields", "family_of", "holds",
    "identity", "identity_names", "is_interface", "readers", "shown_name", "spelled", "spelling", "spoken_key",
]  # fmt: skip

AF_INET: Final = 2
AF_INET6: Final = 10
AF_MPLS: Final = 28
RT_TABLE_MAIN: Final = 254
IP6_RT_PRIO_USER: Final = 1024
DEFAULT_ROUTE: Final = "default"

_WORDS: Final = {"ifindex": "dev", "oif": "dev", "table_id": "table"}
"""What people say for a field."""
_TEXT_KEYS: Final[dict[str, tuple[str, ...]]] = {
    "interfaces": ("ifname", "altnames", "address"),
    "addresses": ("local", "address"),
    "routes": ("dst",),
    "neighbours": ("dst",),
    "rules": ("priority",),
    "nexthops": ("id",),
    "fdb": ("lladdr",),
    "vlans": ("vid",),
    "netns": ("name", "path"),
    "qdiscs": ("handle",),
    "classes": ("handle",),
    "filters": ("handle",),
}
"""What a string stands for as a key: these fields are tried in order."""

_NUMBER_KEYS: Final = {"interfaces": "ifindex", "rules": "priority", "nexthops": "id", "vlans": "vid", "routes": "dst"}
"""What a number stands for as a key; of a route it is an MPLS label."""

_LOCATORS: Final[dict[str, tuple[tuple[str, ...], ...]]] = {
    "interfaces": (("ifindex",), ("ifname",), ("altnames",)),
    "routes": (("dst", "dst_len", "family", "table_id", "tos", "priority"),),
    "addresses": (("local", "address", "prefixlen", "family", "ifindex"),),
}
"""What `locate` looks at, where that is not the table's key: the first group of which something is given."""

_PREFIX_LENGTHS: Final = {"dst": "dst_len", "src": "src_len", "address": "prefixlen", "local": "prefixlen"}
_COLONS: Final = 5
"""Of the shortest link-layer address that is told with colons, an Ethernet one."""
_IGNORED: Final = frozenset({"tflags"})
"""Bookkeeping of NDB's own that is in records which were saved with it."""


KIND_ATTRIBUTES: Final[dict[str, str]] = {
    field.name: column
    for kind in KINDS.values()
    for column, fields in (("kind_data", kind.data), ("port_data", kind.port))
    for field in fields
}
"""Attributes that a kind adds to an interface, and the JSON column that they are in: `vlan_id` is in `kind_data`."""


class Scene(Protocol):
    """What normalising needs to know about where a key is used."""

    def names(self, target: str) -> Names:
        """The name tables of that source's host."""
        ...

    def index_of(self, target: str, ifname: str) -> int:
        """Raises: NotFound."""
        ...


@dataclass(slots=True)
class Wanted:
    """A normalised key.

    target   the source, or None: any.
    columns  column → value; None means that the field is absent.
    inner    what SQL does not compare: JSON fields, and attributes of the kind; compared after reading (see `holds`).
    """

    target: str | None
    columns: dict[str, Any] = field(default_factory=dict)
    inner: dict[str, Any] = field(default_factory=dict)


@functools.cache
def shown_name(field: Field) -> str:
    """The name that objects and records show: NDB's, where SQL reserves that word (`index`, `table`, `group`)."""
    return next((alias for alias in field.aliases if alias in RESERVED), field.name)


class Spelling:
    """The ways to spell a key of one table.

    attributes: names of the attributes that kinds add, for interfaces (`vlan_id`, `br_stp_state` …).
    """

    def __init__(self, table: Table, attributes: frozenset[str] = frozenset()) -> None:
        self.table = table
        self._attributes = attributes
        self._fields: dict[str, Field] = {}
        for one in table.fields:
            for name in (one.name, *one.aliases):
                self._fields.setdefault(name, one)
        self.lengths = {name: length for name, length in _PREFIX_LENGTHS.items() if {name, length} <= set(table.columns)}
        self.outgoing = next((one.name for one in table.fields if one.name in ("ifindex", "oif") and is_interface(one)), None)

    def field(self, name: str) -> Field:
        """By name or alias. Raises: UnknownName, naming the fields there are."""
        try:
            return self._fields[name]
        except KeyError:
            has = ["target", *map(shown_name, self.table.fields)]
            hint = did_you_mean(name, [*has, *self._attributes], otherwise=f"they have {', '.join(has)}")
            raise UnknownName(f"{self.table.name} have no field `{name}`", hint=hint, table=self.table.name) from None

    def knows(self, name: str) -> bool:
        """Is it a field of the table, by its name or another one? Words that only requests have are none."""
        return name == "target" or name in self._fields

    def _meant(self, name: str) -> Field:
        """As `field`; in tables that show an interface by its name (summaries do), that name stands for its index."""
        return self._fields[self.outgoing] if name == "ifname" and name not in self._fields and self.outgoing else self.field(name)

    def normalise(self, key: Any, scene: Scene, target: str | None) -> Iterator[Wanted]:
        """The readings of a key, to be tried in order: only strings have more than one.

        key: str, int, a mapping of fields, or a record. target: the source where the key does not say.
        Raises: InvalidValue, UnknownName; NotFound - an interface named in it does not exist.
        """
        if isinstance(key, str):
            for name in _TEXT_KEYS[self.table.name]:
                if self._may_be(name, key):
                    yield self._read({name: [key] if self._fields[name].json else key}, scene, target)
        elif isinstance(key, int):
            if self.table.name not in _NUMBER_KEYS:
                raise InvalidValue(f"a number is no key of {self.table.name}; use a string or a dict, got {key}")
            yield self._read({_NUMBER_KEYS[self.table.name]: key}, scene, target)
        else:
            fields = as_fields(key) if isinstance(key, dict) else self._identity(key)
            if not fields:
                raise InvalidValue(f"an empty key finds nothing in {self.table.name}; name a field, such as {self._key_names()[0]}")
            yield self._read(fields, scene, target)
            if self.table.name == "interfaces" and fields.get("ifname") and "altnames" not in fields:
                others = {name: value for name, value in fields.items() if name != "ifname"}
                yield self._read(others | {"altnames": [fields["ifname"]]}, scene, target)

    def word_for(self, key: str | int) -> str:
        """The field that a text or a number as a spec is meant for. Raises: InvalidValue - none."""
        name = self.table.name
        if isinstance(key, str):
            return "address" if name == "addresses" else next(word for word in _TEXT_KEYS[name] if self._may_be(word, key))
        if name not in _NUMBER_KEYS:
            raise InvalidValue(f"a number is no {self.table.noun}; use a string or a dict, got {key}")
        return _NUMBER_KEYS[name]

    def _identity(self, key: Any) -> Mapping[str, Any]:
        """Of a record or an object: what says which row it was made of; the rest may have changed since.

        Where a record lacks a part of that, as in summaries, all of it but what moves by itself.
        """
        fields = as_fields(key)
        meant = {self._meant(name).name: name for name in fields if name != "target" and name not in _IGNORED | self._attributes}
        names = self.table.key if set(self.table.key) <= meant.keys() else [name for name in meant if not self._fields[name].volatile]
        return {meant[name]: fields[meant[name]] for name in names} | ({"target": fields["target"]} if "target" in fields else {})

    def locator(self, key: Mapping[str, Any]) -> dict[str, Any]:
        """What of a spec says *which* object is meant, not what it is like. Raises: InvalidValue - nothing does."""
        given = {self._meant(name).name: name for name in key if name != "target" and name not in _IGNORED | self._attributes}
        for group in _LOCATORS.get(self.table.name, (self.table.key,)):
            found = {given[name]: key[given[name]] for name in group if name in given}
            if found:
                return found | ({"target": key["target"]} if "target" in key else {})
        names = ", ".join(self._key_names())
        raise InvalidValue(f"nothing in this spec says which of the {self.table.name} is meant; that is told by {names}")

    def _key_names(self) -> list[str]:
        return [shown_name(self._fields[name]) for name in self.table.key]

    # ------------------------------------------------------------------------------------------------ one reading

    def _may_be(self, name: str, key: str) -> bool:
        """Can the key be meant for this field? A path has a slash, a name of a namespace has none; no name is a link-layer address."""
        if self.table.name == "netns":
            return ("/" in key) == (name == "path")
        return name != "address" or self.table.name != "interfaces" or key.count(":") >= _COLONS

    def _read(self, fields: Mapping[str, Any], scene: Scene, target: str | None) -> Wanted:
        wanted = Wanted(fields.get("target", target))
        where = wanted.target or ""
        for name, value in fields.items():
            if name == "target" or name in _IGNORED:
                continue
            if name in self._attributes:
                wanted.inner[name] = value
                continue
            self._put(wanted, self._meant(name), value, scene, where)
        self._complete(wanted)
        return wanted

    def _put(self, wanted: Wanted, one: Field, value: Any, scene: Scene, target: str) -> None:
        length = self.lengths.get(one.name)
        if length and isinstance(value, str) and "/" in value:
            value, wanted.columns[length] = self.prefix(one.name, value)
        if one.json:
            wanted.inner[one.name] = value
        else:
            wanted.columns[one.name] = self._value(one, value, scene, target, wanted)

    def prefix(self, name: str, text: str) -> tuple[str, int]:
        """`10.0.0.0/24` taken apart. Raises: InvalidValue."""
        address, _, bits = text.partition("/")
        length = _number(self._fields[self.lengths[name]], bits)
        if not 0 <= length <= (128 if ":" in address else 32):
            raise InvalidValue(f"expected a prefix, got `{text}` – at {name}")
        return address, length

    def _value(self, one: Field, value: Any, scene: Scene, target: str, wanted: Wanted) -> Any:
        if value is None:
            return one.default
        if is_interface(one):
            return _interface(one, value, scene, target)
        if one.names and not isinstance(value, int):
            return _named(one, value, scene.names(target))
        reader = _READERS.get(one.shape.name) if isinstance(one.shape, Scalar | Packed) else None
        if reader:
            return reader(one, value)
        return _number(one, value) if isinstance(one.shape, Scalar) else value

    def _complete(self, wanted: Wanted) -> None:
        """What a value says about others: an address its family, a default route its length; and what the kernel makes of 0."""
        columns = wanted.columns
        if "family" in self._fields and "family" not in columns:
            text = next((columns[name] for name in ("dst", "src", "local", "address", "gateway") if isinstance(columns.get(name), str)), "")
            if ":" in text:
                columns["family"] = AF_INET6
            elif "." in text:
                columns["family"] = AF_INET
            elif text.isdigit() and self.table.name == "routes":
                columns["family"] = AF_MPLS
        if self.table.name != "routes":
            return
        destination = columns.get("dst")
        if destination in ("0.0.0.0", "::") and columns.get("dst_len") == 0:
            columns["dst"] = DEFAULT_ROUTE
        if columns.get("dst") == DEFAULT_ROUTE:
            columns["dst_len"] = 0
        if columns.get("table_id") == 0:
            columns["table_id"] = RT_TABLE_MAIN
        if columns.get("priority") == 0 and columns.get("family") == AF_INET6:
            columns["priority"] = IP6_RT_PRIO_USER


def identity_names(table: str) -> tuple[str, ...]:
    """What people mean by the same object, beside its target: the key; of a route where it leads to, not its way there."""
    return _LOCATORS["routes"][0] if table == "routes" else TABLES[table].key


def identity(table: str, row: Mapping[str, Any]) -> tuple[Any, ...]:
    """Target and `identity_names` of a row, as the tables hold them: JSON as text."""
    return (row["target"], *(_as_held(row.get(name)) for name in identity_names(table)))


def _as_held(value: Any) -> Any:
    return msgspec.json.encode(value, order="deterministic").decode() if isinstance(value, list | dict) else value


def spoken_key(table: str, row: Mapping[str, Any]) -> str:
    """What people call the object of a row, and can ask for it with: `10.0.0.0/24`, `eth0`."""
    lengths = spelling(table).lengths
    for name in _TEXT_KEYS[table]:
        value = row.get(name)
        if value is not None:
            bits = row.get(lengths.get(name, ""))
            return str(value) if bits is None or value == DEFAULT_ROUTE else f"{value}/{bits}"
    return ""


def spelled(table: str, fields: Mapping[str, Any]) -> str:
    """A spec as people write it, for messages: `10.0.0.1/24 dev eth0`. What a text would stand for comes without its name."""
    given = {name: value for name, value in fields.items() if value is not None}
    bare = next(iter(given), None) if len(given) == 1 else next((name for name in _TEXT_KEYS[table] if name in given), None)
    words = [] if bare is None else [str(given.pop(bare))]
    return " ".join([*words, *(f"{_WORDS.get(name, name)} {value}" for name, value in given.items())])


def family_of(text: str) -> int:
    """Of an IP address in text."""
    return AF_INET6 if ":" in text else AF_INET


def as_fields(key: Any) -> Mapping[str, Any]:
    """A dict of fields, whatever carries them: a mapping (an object is one) or a record. Raises: InvalidValue."""
    if isinstance(key, Mapping):
        return key
    if hasattr(key, "_as_dict"):
        fields: dict[str, Any] = key._as_dict()
        return fields
    raise InvalidValue(f"expected a key that is a string, a dict or a record, got {type(key).__name__}: `{key!r}`")


def is_interface(one: Field) -> bool:
    """Does the field hold the index of (another) interface?"""
    return one.names == "ifindex" or one.unit == "ifindex"


def _interface(one: Field, value: Any, scene: Scene, target: str) -> int:
    """An index from an index, a name, or what names an interface: an object, a record, a spec."""
    if isinstance(value, int):
        return value
    if isinstance(value, str):
        return scene.index_of(target, value)
    fields = as_fields(value)
    for name in ("index", "ifindex"):
        if isinstance(fields.get(name), int):
            return int(fields[name])
    if isinstance(fields.get("ifname"), str):
        return scene.index_of(fields.get("target", target), fields["ifname"])
    raise InvalidValue(f"expected an interface as index, name or spec, got `{value!r}` – at {one.name}")


def _named(one: Field, value: Any, names: Names) -> int:
    """A number from its name; of a list, such as of flags, all bits."""
    return names.bits_of(one.names, value) if isinstance(value, list | tuple | set | frozenset) else names.number_of(one.names, str(value))


def _number(one: Field, value: Any) -> int:
    try:
        return int(value, 0) if isinstance(value, str) else int(value)
    except (TypeError, ValueError):
        raise InvalidValue(f"expected a number, got `{value}` – at {one.name}") from None


def address_text(one: Field, value: Any) -> str:
    """An IP address as the kernel's bytes print: one text per address."""
    text = str(value)
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    try:
        return socket.inet_ntop(family, socket.inet_pton(family, text))
    except OSError:
        raise InvalidValue(f"expected an IP address, got `{text}` – at {one.name}") from None


def _destination(one: Field, value: Any) -> str:
    if value in ("", DEFAULT_ROUTE):
        return DEFAULT_ROUTE
    text = str(value)
    return str(int(text)) if text.isdigit() else address_text(one, text)


def _link_layer(one: Field, value: Any) -> str:
    """Hex with colons in lower case; a tunnel's is an IP address."""
    text = str(value).lower().replace("-", ":")
    return text if text.count(":") and all(len(part) == 2 for part in text.split(":")) else address_text(one, text)


def _text(one: Field, value: Any) -> str:
    if not isinstance(value, str | int):
        raise InvalidValue(f"expected text, got `{value!r}` – at {one.name}")
    return str(value)


def _flag(one: Field, value: Any) -> int:
    return int(bool(value))


_READERS: Final[dict[str, Callable[[Field, Any], Any]]] = {
    "ip": address_text,
    "lladdr": _link_layer,
    "text": _text,
    "flag": _flag,
    "destination": _destination,
    "operstate": lambda one, value: str(value).upper(),
}
"""By the shape's name; other scalars are numbers."""


def readers(one: Field, shape: Scalar | Packed) -> Callable[[Field, Any], Any]:
    """What reads a value of this shape: numbers, but for those that `_READERS` names, and bytes and packed text as they are."""
    if shape.name in _READERS:
        return _READERS[shape.name]
    return _number if isinstance(shape, Scalar) and shape.name != "bytes" else _as_it_is


def _as_it_is(one: Field, value: Any) -> Any:
    return value


@functools.cache
def spelling(name: str) -> Spelling:
    """The one of a table, by its name."""
    return Spelling(TABLES[name], frozenset(KIND_ATTRIBUTES) if name == "interfaces" else frozenset())


def holds(wanted: Any, found: Any) -> bool:
    """Is everything that is wanted there? Of mappings the named parts, of lists each item somewhere, else equality."""
    if wanted is None:
        return not found and not isinstance(found, int)
    if isinstance(wanted, Mapping):
        return isinstance(found, Mapping) and all(holds(value, found.get(name)) for name, value in wanted.items())
    if isinstance(wanted, list | tuple | set | frozenset):
        return isinstance(found, list) and all(any(holds(item, one) for one in found) for item in wanted)
    return bool(wanted == found)
