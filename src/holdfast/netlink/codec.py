"""Bytes to rows and rows to bytes: the codec as the rest of the house sees it. Pure.

    decode(buffer)        every message in it, as runs of rows (Batch); control messages are not its business
    encode(table, row)    one request that makes (put) or removes (delete) the row's object
    dump_request(table)   the request for all rows of a family, or of those that the kernel can filter by

Which table a message belongs to is said by its type and, where types are shared, its family: RTM_NEWNEIGH of AF_BRIDGE is a
row of `fdb`. RTM_NEWLINK of AF_BRIDGE is another view of an interface, not the interface: it comes as a batch of BRIDGE_VIEW.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal

from holdfast.errors import DecodeError, InvalidValue
from holdfast.model import TABLES
from holdfast.model.field import U8, U32, Field, Message, Table

from . import grammars  # noqa: F401  # registers the Packed shapes
from .batch import Batch, Undecoded
from .bulk import LONGEST, decode_run, plan_for, run_length
from .rows import Row, TableCodec, table_codec
from .uapi import number
from .vlan import VlanCodec
from .wire import HEADER, HEADER_SIZE, attribute, message

__all__ = ["BRIDGE_VIEW", "codec_of", "decode", "dump_request", "encode"]

NLM_F_REQUEST: Final = 0x01
NLM_F_ACK: Final = 0x04
NLM_F_DUMP: Final = 0x300
AF_BRIDGE: Final = 7
_CONTROL: Final = 16
"""Types below NLMSG_MIN_TYPE are NOOP, ERROR, DONE, OVERRUN."""

BRIDGE_VIEW: Final = Table(
    name="bridge_view",
    noun="bridge view",
    doc="Link messages of AF_BRIDGE: a port as its bridge sees it. No table of its own; its coming and going is news.",
    message=Message("RTM_NEWLINK", "RTM_DELLINK", "RTM_GETLINK", "ifinfomsg", "IFLA", ("AF_BRIDGE",)),
    fields=(
        Field("family", U8, "ifi_family"),
        Field("ifindex", U32, "ifi_index"),
        Field("master", U32, "IFLA_MASTER"),
    ),
    key=("ifindex",),
)

Operation = Literal["put", "delete"]


@dataclass(frozen=True, slots=True)
class _Route:
    """Where messages of one type go: the codec for each family, else the default one."""

    op: Operation
    default: TableCodec | None
    by_family: Mapping[int, TableCodec]


@cache
def _routes() -> dict[int, _Route]:
    routes: dict[int, _Route] = {}
    codecs = [codec_of(table) for table in TABLES.values() if table.message] + [TableCodec(BRIDGE_VIEW, bulk=False)]
    for codec in codecs:
        declared = codec.table.message
        assert declared is not None
        bridge = declared.families == ("AF_BRIDGE",) and declared.header in ("ndmsg", "ifinfomsg")
        for word, op in ((declared.new, "put"), (declared.delete, "delete")):
            route = routes.get(number(word), _Route(op, None, {}))  # type: ignore[arg-type]
            routes[number(word)] = (
                _Route(route.op, route.default, {**route.by_family, AF_BRIDGE: codec})
                if bridge
                else _Route(route.op, codec, route.by_family)
            )
    return routes


@cache
def _codec_by_name(name: str) -> TableCodec:
    return VlanCodec(TABLES[name]) if name == "vlans" else table_codec(name)


def codec_of(table: Table) -> TableCodec:
    """The reader and writer of a table's messages, made once."""
    return _codec_by_name(table.name)


def decode(buffer: bytes | bytearray | memoryview) -> Iterator[Batch | Undecoded]:
    """Decode all messages in `buffer`, in order; equal kinds that follow each other come as one Batch.

    Never raises for what the buffer holds: a message that does not decode is an Undecoded, and the next one follows; bytes
    behind a broken nlmsghdr are one Undecoded. Types that belong to no table are skipped.
    """
    data = bytes(buffer) if isinstance(buffer, memoryview) else buffer
    routes = _routes()
    end, at = len(data), 0
    pending: list[Row] = []
    codec: TableCodec | None = None
    op: Operation = "put"
    kind = flags = -1
    unpack = HEADER.unpack_from
    while end - at >= HEADER_SIZE:
        length, new_kind, new_flags, _, _ = unpack(data, at)
        if length < HEADER_SIZE or at + length > end:
            yield from _flush(codec, op, flags, pending)
            pending = []
            yield Undecoded(bytes(data[at:]), f"nlmsghdr claims {length} bytes, {end - at} are left")
            return
        following = at + ((length + 3) & ~3)
        route = routes.get(new_kind) if new_kind >= _CONTROL else None
        found = route and (route.by_family.get(data[at + HEADER_SIZE] if length > HEADER_SIZE else 0) or route.default)
        if not route or not found:
            at = following
            continue
        if new_kind != kind or new_flags != flags or found is not codec:
            yield from _flush(codec, op, flags, pending)
            pending = []
            kind, flags, codec, op = new_kind, new_flags, found, route.op
        if length <= LONGEST and data[following : following + 6] == data[at : at + 6] and found.bulk:
            plan = plan_for(found, data, at, length)  # type: ignore[arg-type]
            if plan is not None:
                count = run_length(plan, data, at, end)
                columns = decode_run(plan, data, at, count)
                if columns is not None:
                    yield from _flush(codec, op, flags, pending)
                    pending = []
                    yield Batch(found.table, op, flags, plan.names, columns)
                    at += count * plan.size
                    continue
        try:
            pending += found.decode_all(data, at + HEADER_SIZE, at + length)
        except DecodeError as error:
            yield Undecoded(bytes(data[at : at + length]), str(error))
        at = following
    yield from _flush(codec, op, flags, pending)
    if end - at > 3:
        yield Undecoded(bytes(data[at:]), f"expected nlmsghdr, {end - at} bytes are left")


def _flush(codec: TableCodec | None, op: Operation, flags: int, rows: list[Row]) -> Iterator[Batch]:
    if rows and codec:
        yield Batch(codec.table, op, flags, codec.table.columns, tuple(zip(*rows, strict=True)))


def encode(table: Table, row: Mapping[str, Any], op: Operation = "put", flags: int = 0, seq: int = 0) -> bytes:
    """One request (NLM_F_REQUEST | NLM_F_ACK | flags) about the row's object. `row` maps field names to values.

    Raises: InvalidValue - a field that the table does not have, a value that does not fit; names the field.
    """
    surplus = row.keys() - set(table.columns)
    if surplus:
        raise InvalidValue(f"{table.noun} has no field {', '.join(sorted(surplus))}; it has {', '.join(table.columns)}")
    declared = table.message
    if declared is None:
        raise InvalidValue(f"{table.name} has no netlink messages")
    kind = number(declared.new if op == "put" else declared.delete)
    return message(kind, NLM_F_REQUEST | NLM_F_ACK | flags, seq, codec_of(table).encode(row))


_FILTER_ATTRIBUTES: Final[dict[tuple[str, str], str]] = {
    ("neighbours", "ifindex"): "NDA_IFINDEX",
    ("neighbours", "master"): "NDA_MASTER",
    ("fdb", "master"): "NDA_MASTER",
}
"""Where the kernel filters dumps by an attribute although the row keeps the field in its header (rtnl_valid_dump_ndm_req)."""

RTEXT_FILTER_VF: Final = 1


def dump_request(table: Table, family: str, seq: int, **filters: int) -> bytes:
    """The dump request for a table's rows of one family; `filters` are field names with numbers.

    Strict checking (NETLINK_GET_STRICT_CHK) is expected to be on: the kernel refuses what it cannot filter by.
    `proxy=1` asks for the proxy entries of `neighbours`, which live in a table of their own.
    Raises: InvalidValue - no such field, or one that stands in no header and no plain attribute.
    """
    declared = table.message
    if declared is None:
        raise InvalidValue(f"{table.name} has no netlink messages")
    codec = codec_of(table)
    header = dict.fromkeys(codec.members, 0)
    header[codec.members[0]] = number(family)
    body = b""
    if table.name == "interfaces":
        body += attribute(number("IFLA_EXT_MASK"), RTEXT_FILTER_VF.to_bytes(4, "little"))
    for name, value in filters.items():
        if (table.name, name) == ("neighbours", "proxy"):
            header["ndm_flags"] = number("NTF_PROXY") if value else 0
            continue
        word = _FILTER_ATTRIBUTES.get((table.name, name)) or table[name].attrs[0]
        if word.islower():
            header[word] = value
        else:
            body += attribute(number(word), value.to_bytes(4, "little"))
    kind = number(declared.get)
    return message(kind, NLM_F_REQUEST | NLM_F_DUMP, seq, codec.pack_header(header) + body)
