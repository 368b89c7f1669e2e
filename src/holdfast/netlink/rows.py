"""One table's messages, one at a time: body bytes <-> row, compiled from the table's declaration.

A row is a tuple in the order of the table's columns. Where a field names several kernel words the first one that is
present wins; a word with a dot is an attribute inside an attribute (`IFLA_LINKINFO.IFLA_INFO_KIND`).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, NamedTuple

from holdfast.errors import DecodeError, InvalidValue
from holdfast.model.field import Field, ListOf, Nest, Table

from .shapes import Coder, coder, encode_unknown, keep_unknown
from .uapi import HEADERS, number
from .wire import attribute, attributes

__all__ = ["Row", "TableCodec", "table_codec"]

Row = tuple[Any, ...]


@dataclass(slots=True)
class _Entry:
    """What to do with one attribute: a field to fill (slot, rank among the field's words), or a nest to go into."""

    slots: list[tuple[int, int, Coder]]
    inside: dict[int, _Entry] | None = None


class _Writer(NamedTuple):
    """How one field is written.

    members         places in the header that carry it.
    path            numbers of its attribute and those around it, the outermost first; empty: it stands in the header alone.
    silent_default  at its default it is not sent: what stands in the header as well is sent always.
    """

    name: str
    default: Any
    encode: Callable[..., bytes | None]
    needs: tuple[str, ...]
    members: tuple[int, ...]
    path: tuple[int, ...]
    nested: bool
    silent_default: bool


def _writer(field: Field, made: Coder, members: tuple[str, ...]) -> _Writer:
    upper = [word for word in field.attrs if word.isupper()]
    places = tuple(members.index(word) for word in field.attrs if word.islower())
    path = tuple(map(number, upper[0].split("."))) if upper else ()
    nested = isinstance(field.shape, Nest | ListOf)
    return _Writer(field.name, field.default, made.encode, tuple(made.needs), places, path, nested, bool(upper) and not places)


def _mask(code: str) -> int:
    """What an unsigned member can hold; 0: it has a sign."""
    return (1 << 8 * struct.calcsize("=" + code)) - 1 if code.isupper() else 0


class TableCodec:
    """Reader and writer of the messages of one table."""

    def __init__(self, table: Table, *, bulk: bool = True, header: tuple[str, tuple[str, ...]] | None = None) -> None:
        """`bulk`: may runs of its messages be read column by column?  `header`: format and members, where not the declared ones."""
        self.bulk: Final = bulk
        message = table.message
        if message is None:
            raise InvalidValue(f"{table.name} has no netlink messages")
        self.table = table
        format_, members = header or HEADERS[message.header]
        self.header: Final = struct.Struct("=" + format_)
        self.members: Final = members
        self.codes: Final = [code for code in format_ if code != "x"]
        self._masks: Final = [_mask(code) for code in self.codes]
        self.blank: Final = [field.default for field in table.fields]
        self.slot: Final = {field.name: index for index, field in enumerate(table.fields)}
        self.unknown: Final = self.slot.get("unknown")
        self.silent: Final = {number(word) for word in table.silent if word.isupper()}
        self.from_header: Final[list[tuple[int, int]]] = []
        self.entries: Final[dict[int, _Entry]] = {}
        self.derived: Final[list[tuple[int, tuple[int, ...], Callable[..., Any]]]] = []
        self.fields: Final[list[tuple[Field, Coder]]] = []
        self._writers: Final[list[_Writer]] = []
        for field in table.fields:
            self._place(field)

    def _place(self, field: Field) -> None:
        slot = self.slot[field.name]
        if field.derive:
            sources, function = field.derive
            names = (sources,) if isinstance(sources, str) else tuple(sources)
            self.derived.append((slot, tuple(self.slot[name] for name in names), function))
            return
        if not field.attrs:
            return
        made = coder(field.shape)
        self.fields.append((field, made))
        self._writers.append(_writer(field, made, self.members))
        for rank, word in enumerate(field.attrs):
            if word.islower():
                self.from_header.append((self.members.index(word), slot))
                continue
            entries = self.entries
            *outer, last = word.split(".")
            for part in outer:
                entry = entries.setdefault(number(part), _Entry([], {}))
                if entry.inside is None:
                    entry.inside = {}
                entries = entry.inside
            entries.setdefault(number(last), _Entry([])).slots.append((slot, rank, made))

    # reading

    def decode_all(self, data: bytes | bytearray, start: int, end: int) -> list[Row]:
        """The rows that one message carries: most carry one."""
        return [self.decode(data, start, end)]

    def decode(self, data: bytes | bytearray, start: int, end: int) -> Row:
        """Decode the body data[start:end] (behind nlmsghdr) into a row.

        Raises: DecodeError - too short, an attribute that overlaps its end, a payload of no fitting form.
        """
        if end - start < self.header.size:
            raise DecodeError(f"expected a header of {self.header.size} bytes, got {end - start}", offset=start, path=self.table.name)
        row = self.blank.copy()
        header = self.header.unpack_from(data, start)
        for member, slot in self.from_header:
            row[slot] = header[member]
        late: list[tuple[int, bytes, Coder]] = []
        unknown = self._walk(self.entries, data, start + ((self.header.size + 3) & ~3), end, row, late, {})
        for slot, payload, made in late:
            row[slot] = made.decode(payload, *(row[self.slot[need]] for need in made.needs))
        if unknown and self.unknown is not None:
            row[self.unknown] = unknown
        for slot, sources, function in self.derived:
            row[slot] = function(*[row[one] for one in sources])
        return tuple(row)

    def _walk(
        self, entries: dict[int, _Entry], data: bytes | bytearray, start: int, end: int, row: list[Any],
        late: list[tuple[int, bytes, Coder]], ranks: dict[int, int],
    ) -> dict[str, Any]:  # fmt: skip
        unknown: dict[str, Any] = {}
        for kind, payload in attributes(data, start, end, self.table.name):
            entry = entries.get(kind)
            if entry is None:
                if entries is not self.entries or kind not in self.silent:
                    keep_unknown(unknown, kind, payload)
                continue
            if entry.inside is not None:
                if surplus := self._walk(entry.inside, payload, 0, len(payload), row, late, ranks):
                    unknown[str(kind)] = surplus
                continue
            for slot, rank, made in entry.slots:
                if ranks.get(slot, 99) < rank:
                    continue
                ranks[slot] = rank
                if made.needs:
                    late.append((slot, payload, made))
                else:
                    row[slot] = made.decode(payload)
        return unknown

    # writing

    def encode(self, row: Mapping[str, Any]) -> bytes:
        """Encode a row into a body: header and attributes. Fields that are None or at their default are not sent.

        Raises: InvalidValue - a value that does not fit its field; names the field.
        """
        header = [0] * len(self.members)
        tree: dict[int, Any] = {}
        get = row.get
        for one in self._writers:
            value = get(one.name, one.default)
            if value is None or (one.silent_default and value == one.default):
                continue
            for place in one.members:
                header[place] = value
            try:
                payload = one.encode(value, *[get(need) for need in one.needs]) if one.needs else one.encode(value)
            except InvalidValue as error:
                raise InvalidValue(f"{error.message} – at `{self.table.noun}.{one.name}`", field=one.name) from error
            if payload is None or not one.path:
                continue
            place_in = tree
            for part in one.path[:-1]:
                place_in = place_in.setdefault(part, {})
            place_in[one.path[-1]] = attribute(one.path[-1], payload, nested=one.nested)
        return self._packed_header(header) + self._pack(tree, dict(get("unknown") or {}))

    def pack_header(self, header: Mapping[str, Any]) -> bytes:
        """The header of a request, by member."""
        return self._packed_header([header[member] for member in self.members])

    def _packed_header(self, values: Sequence[Any]) -> bytes:
        """Values too large for their member are cut: their attribute carries them whole (RTA_TABLE beside rtm_table)."""
        packed = self.header.pack(*[int(value) & mask if mask else int(value) for value, mask in zip(values, self._masks, strict=True)])
        return packed + bytes(-len(packed) % 4)

    def _pack(self, tree: dict[int, Any], unknown: dict[str, Any]) -> bytes:
        out = []
        for kind, content in tree.items():
            if isinstance(content, dict):
                surplus = unknown.pop(str(kind), {}) if unknown else {}
                out.append(attribute(kind, self._pack(content, dict(surplus)), nested=True))
            else:
                out.append(content)
        for key, content in list(unknown.items()):
            if isinstance(content, dict):  # a nest of which nothing but unknown attributes came
                out.append(attribute(int(key), self._pack({}, dict(content)), nested=True))
                del unknown[key]
        return b"".join(out) + encode_unknown(unknown)


@cache
def table_codec(table_name: str) -> TableCodec:
    from holdfast.model import TABLES

    return TableCodec(TABLES[table_name])
