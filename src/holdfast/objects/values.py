"""Values that people write become values that the tables hold: for what is to be made or changed.

    {"dst": "10.0.0.0/24", "oif": "eth0", "metrics": {"mtu": "1400"}, "proto": "static"}
        ──► {"dst": "10.0.0.0", "dst_len": 24, "family": 2, "oif": 2, "metrics": {"mtu": 1400}, "proto": 4}

Keys of lookups are read by spec.py; this reads more: nested values, attributes of kinds, and the words that only requests
have (words.py). The same value in two spellings comes out the same, so that "is it as wanted?" is a comparison.
An interface that is named and not there yet becomes `Named`: the transaction that needs it may make it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from holdfast.errors import InvalidValue, NotFound, UnknownName
from holdfast.model import KINDS, TABLES
from holdfast.model.field import Field, ListOf, Nest, Packed, Scalar, Shape, Struct
from holdfast.model.names import Names
from holdfast.objects.spec import (
    AF_INET6,
    DEFAULT_ROUTE,
    IP6_RT_PRIO_USER,
    RT_TABLE_MAIN,
    Scene,
    Spelling,
    as_fields,
    family_of,
    is_interface,
    readers,
    spelling,
)
from holdfast.transactions.contract import Named

__all__ = ["ATTRIBUTES", "GRAMMARS", "Place", "Word", "Writer", "attribute", "interface", "readonly", "value", "writer"]

ATTRIBUTES: Final[dict[str, tuple[str, Field]]] = {
    field.name: (column, field)
    for kind in KINDS.values()
    for column, fields in (("kind_data", kind.data), ("port_data", kind.port))
    for field in fields
}
"""Attributes of kinds: the JSON column that they are in, and their declaration."""

GRAMMARS: Final[dict[str, Callable[[Field, Any, Place], Any]]] = {}
"""How values of Packed shapes are read, by the shape's name; ways.py fills it."""

_PREFIX_ATTRS: Final = "attrs"
_ADDRESSES: Final = ("ip", "destination")


class Place:
    """Where values are meant: a source, its words and its interfaces; and what else was given with them.

    kind: of the interface, where a word's meaning depends on it.
    """

    __slots__ = ("given", "kind", "scene", "target")

    def __init__(self, scene: Scene, target: str, given: Mapping[str, Any], kind: str | None = None) -> None:
        self.scene = scene
        self.target = target
        self.given = given
        self.kind = given.get("kind") or given.get("info_kind") or kind

    @property
    def names(self) -> Names:
        return self.scene.names(self.target)


def interface(given: Any, place: Place, where: str) -> int | Named | None:
    """An index from an index, a name, or what names an interface: an object, a record, a spec. 0 is none.

    A name that nothing has yet stays a name.
    """
    if given is None or isinstance(given, int):
        return given or None
    if isinstance(given, Named):
        return given
    if isinstance(given, str):
        return _by_name(given, place.target, place)
    if isinstance(given, list | tuple) and not hasattr(given, "_as_dict") and len(given) == 1:
        return interface(given[0], place, where)
    fields = as_fields(given)
    for name in ("index", "ifindex"):
        if isinstance(fields.get(name), int) and fields[name]:
            return int(fields[name])
    if isinstance(fields.get("ifname"), str):
        return _by_name(fields["ifname"], fields.get("target") or place.target, place)
    raise InvalidValue(f"expected an interface as index, name or spec, got `{given!r}` – at {where}")


def _by_name(ifname: str, target: str, place: Place) -> int | Named:
    try:
        return place.scene.index_of(target, ifname)
    except NotFound:
        return Named(ifname, "" if target == place.target else target)


def value(field: Field, given: Any, place: Place) -> Any:
    """One field's value, nested ones included. Raises: InvalidValue, UnknownName."""
    if given is None:
        return field.default
    if is_interface(field):
        return interface(given, place, field.name)
    if field.names and not isinstance(given, int):
        return _named(field, given, place.names)
    return _of_shape(field, field.shape, given, place)


def _named(field: Field, given: Any, names: Names) -> int:
    if isinstance(given, list | tuple | set | frozenset):
        return names.bits_of(field.names, given)
    return names.number_of(field.names, str(given))


def _of_shape(field: Field, shape: Shape, given: Any, place: Place) -> Any:
    match shape:
        case Packed() if shape.name in GRAMMARS:
            return GRAMMARS[shape.name](field, given, place)
        case Scalar() | Packed():
            return readers(field, shape)(field, given)
        case Nest():
            return _nest(field, shape, given, place)
        case ListOf():
            items = given if isinstance(given, list | tuple | set | frozenset) else [given]
            return [_of_shape(field, shape.item, one, place) for one in items]
        case Struct():
            return _struct(field, shape, given)
    raise InvalidValue(f"expected a value that can be written, got `{given!r}` – at {field.name}")


def _nest(field: Field, shape: Nest, given: Any, place: Place) -> dict[str, Any]:
    """A mapping of the parts by name, or by the kernel's words: {"mtu": 1400}, {"attrs": [["RTAX_MTU", 1400]]}."""
    known = {one.name: one for one in shape.fields} | {word: one for one in shape.fields for word in one.attrs}
    if not isinstance(given, Mapping):
        raise InvalidValue(f"expected an object with {', '.join(one.name for one in shape.fields)}, got `{given!r}` – at {field.name}")
    parts: Iterable[tuple[str, Any]] = given[_PREFIX_ATTRS] if _PREFIX_ATTRS in given else given.items()
    found: dict[str, Any] = {}
    for name, part in parts:
        if name == "unknown":
            found[name] = part
        elif name not in known:
            raise UnknownName(f"{field.name} has no part `{name}`; there are {', '.join(one.name for one in shape.fields)}")
        elif part is not None:
            found[known[name].name] = value(known[name], part, place)
    return found


def _struct(field: Field, shape: Struct, given: Any) -> dict[str, int]:
    """A mapping of its members, their values in order, a range as text (`80-90`), or one number for all of them."""
    members = shape.members
    if isinstance(given, Mapping):
        surplus = given.keys() - set(members) - {"more"}
        if surplus:
            raise UnknownName(f"{field.name} has no part `{min(surplus)}`; it has {', '.join(members)}")
        return {name: _whole(field, given.get(name, 0)) for name in members if name in given or len(members) < 8}
    if isinstance(given, str):
        given = given.replace(":", "-").split("-")
    if isinstance(given, int):
        given = [given]
    if not isinstance(given, list | tuple) or len(given) not in (1, len(members)):
        raise InvalidValue(f"expected {', '.join(members)}, got `{given!r}` – at {field.name}")
    numbers = [_whole(field, one) for one in given]
    return dict(zip(members, numbers * len(members) if len(numbers) == 1 else numbers, strict=False))


def _whole(field: Field, given: Any) -> int:
    try:
        return int(given, 0) if isinstance(given, str) else int(given)
    except (TypeError, ValueError):
        raise InvalidValue(f"expected a number, got `{given}` – at {field.name}") from None


Word = Callable[[Any, Place, dict[str, Any]], None]
"""Puts into the fields what was given under a name."""


class Writer:
    """Reads the fields of one table's objects that are to be made or changed.

    words: what requests know besides the fields: name → function(given, place, out) that puts fields into `out`.
    """

    def __init__(self, spelled: Spelling, words: Mapping[str, Word]) -> None:
        self.spelling = spelled
        self.table = spelled.table
        self.words = words
        self._by_word = {word: one for one in self.table.fields for word in one.attrs if "." not in word}
        self._attributes = ATTRIBUTES if self.table.name == "interfaces" else {}
        self._readers: dict[str, Word] = {}

    def read(self, given: Mapping[str, Any], place: Place) -> dict[str, Any]:
        """Fields by the model's names, attributes of kinds by theirs. `target` is left out.

        Raises: UnknownName - no such field;  InvalidValue - a value of the wrong form; names the field.
        """
        return self.add({}, given, place)

    def add(self, out: dict[str, Any], given: Mapping[str, Any], place: Place) -> dict[str, Any]:
        """The same, behind what has been read already."""
        known = self._readers
        for name, one in given.items():
            (known[name] if name in known else self._reader(name))(one, place, out)
        if self.table.name == "routes":
            _as_kept(out)
        return out

    def stands_alone(self, name: str) -> bool:
        """Is it a field whose value follows from what is given for it, whatever else is given?"""
        return self.spelling.knows(name) and name not in self.words and name not in self._attributes

    def word(self, name: str) -> Word:
        """What puts a value that is given under this name into the fields. Raises: UnknownName."""
        return self._readers[name] if name in self._readers else self._reader(name)

    def addresses(self, name: str) -> str | None:
        """Are the values of this name IP addresses and nothing else?  Then the field for the length of their prefixes, "" if there is
        none; None: they are something else as well."""
        shape = self.table[name].shape if name in self.table.columns and name not in self.words else None
        return self.spelling.lengths.get(name, "") if isinstance(shape, Scalar | Packed) and shape.name in _ADDRESSES else None

    def _reader(self, name: str) -> Word:
        """The same, found once."""
        if name in ("target", "tflags"):
            found: Word = _nothing
        elif name in self.words:
            found = self.words[name]
        elif name in self._attributes:
            found = _put_value(name, self._attributes[name][1])
        else:
            found = self._of_field(self._by_word[name] if name in self._by_word else self.spelling.field(name))
        self._readers[name] = found
        return found

    def _of_field(self, field: Field) -> Word:
        if field.derive:  # what is derived follows from the others; specs made of records have it all the same
            return _nothing
        put, length = _put_value(field.name, field), self.spelling.lengths.get(field.name)
        if not length:
            return put
        prefix = self.spelling.prefix

        def put_prefix(given: Any, place: Place, out: dict[str, Any]) -> None:
            if isinstance(given, str) and "/" in given:
                given, out[length] = prefix(field.name, given)
            put(given, place, out)

        return put_prefix


def _nothing(given: Any, place: Place, out: dict[str, Any]) -> None:
    """Known, and of no use in a request."""


def _put_value(name: str, field: Field) -> Word:
    """Reads values of one field; plain ones without a detour."""
    shape, read = field.shape, value
    if isinstance(shape, Scalar | Packed) and shape.name not in GRAMMARS and not is_interface(field) and not field.names:
        plain = readers(field, shape)
        last: tuple[str | None, Any] = (None, None)  # of very many routes most have the gateway of the one before

        def put_plain(given: Any, place: Place, out: dict[str, Any]) -> None:
            nonlocal last
            known, made = last
            if given.__class__ is str:
                if given != known:
                    made = plain(field, given)
                    last = given, made
                out[name] = made
            else:
                out[name] = field.default if given is None else plain(field, given)

        return put_plain

    def put(given: Any, place: Place, out: dict[str, Any]) -> None:
        out[name] = read(field, given, place)

    return put


def _as_kept(out: dict[str, Any]) -> None:
    """What the kernel makes of zeros in routes."""
    if out.get("dst") in ("0.0.0.0", "::") and out.get("dst_len") == 0:
        out["family"] = out.get("family") or family_of(out["dst"])
        out["dst"] = DEFAULT_ROUTE
    if out.get("table_id") == 0:
        out["table_id"] = RT_TABLE_MAIN
    if out.get("priority") == 0 and (out.get("family") == AF_INET6 or ":" in str(out.get("dst"))):
        out["priority"] = IP6_RT_PRIO_USER


def attribute(name: str) -> str | None:
    """The column that an attribute of a kind is in, or None: a field of its own."""
    found = ATTRIBUTES.get(name)
    return found[0] if found else None


def readonly(name: str) -> bool:
    """Is it an attribute of a kind that the kernel tells and does not take?"""
    return name in ATTRIBUTES and ATTRIBUTES[name][1].readonly


@functools.cache
def writer(table: str) -> Writer:
    """The one of a table, by its name."""
    from holdfast.objects import ways  # noqa: F401  # fills GRAMMARS
    from holdfast.objects.words import WORDS

    assert table in TABLES
    return Writer(spelling(table), WORDS.get(table, {}))
