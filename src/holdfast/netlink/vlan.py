"""VLANs of bridges: the one message that carries many rows.

    br_vlan_msg | BRIDGE_VLANDB_ENTRY { INFO RANGE? options } | BRIDGE_VLANDB_ENTRY {…} | …

Source: struct br_vlan_msg + BRIDGE_VLANDB_*, include/uapi/linux/if_bridge.h. An entry with BRIDGE_VLANDB_ENTRY_RANGE stands for
  the VLANs from its own to that one, all alike, except that tunnel ids count up with them.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any, Final

from holdfast.errors import DecodeError, InvalidValue
from holdfast.model.field import Table

from .rows import Row, TableCodec
from .uapi import HEADERS, number
from .wire import attribute, attributes

__all__ = ["VlanCodec"]

_INFO: Final = struct.Struct("=HH")
_LAST: Final = 4095


class VlanCodec(TableCodec):
    """Reads each entry as if it were a message of its own whose header says interface, flags and VLAN."""

    def __init__(self, table: Table) -> None:
        outer_format, outer_members = HEADERS["br_vlan_msg"]
        self.outer: Final = struct.Struct("=" + outer_format)
        self.entry: Final = number("BRIDGE_VLANDB_ENTRY")
        self.info: Final = number("BRIDGE_VLANDB_ENTRY_INFO")
        self.range: Final = number("BRIDGE_VLANDB_ENTRY_RANGE")
        super().__init__(table, bulk=False, header=(outer_format + "HH", (*outer_members, "flags", "vid")))

    def decode_all(self, data: bytes | bytearray, start: int, end: int) -> list[Row]:
        size = self.outer.size
        if end - start < size:
            raise DecodeError(f"expected a header of {size} bytes, got {end - start}", offset=start, path="vlans")
        head = bytes(data[start : start + size])
        rows: list[Row] = []
        for kind, entry in attributes(data, start + size, end, "vlans"):
            if kind == self.entry:
                rows += self._entry_rows(head, entry)
        return rows

    def _entry_rows(self, head: bytes, entry: bytes) -> list[Row]:
        info, last, options = b"", None, b""
        for kind, payload in attributes(entry, path="BRIDGE_VLANDB_ENTRY"):
            if kind == self.info:
                info = payload
            elif kind == self.range and len(payload) == 2:
                last = int.from_bytes(payload, "little" if _INFO.pack(1, 0)[0] else "big")
            else:
                options += attribute(kind, payload)
        if len(info) != _INFO.size:
            raise DecodeError(f"expected struct bridge_vlan_info of {_INFO.size} bytes, got {len(info)}", path="BRIDGE_VLANDB_ENTRY_INFO")
        flags, first = _INFO.unpack(info)
        last = first if last is None else last
        if not first <= last <= max(first, _LAST):
            raise DecodeError(f"expected a range of VLANs up to {_LAST}, got {first} to {last}", path="BRIDGE_VLANDB_ENTRY_RANGE")
        return [self._row(head, flags, vid, options, vid - first) for vid in range(first, last + 1)]

    def _row(self, head: bytes, flags: int, vid: int, options: bytes, offset: int) -> Row:
        body = head + _INFO.pack(flags, vid) + options
        row = list(self.decode(body, 0, len(body)))
        tunnel = row[self.slot["tunnel"]]
        if offset and tunnel and "id" in tunnel:
            row[self.slot["tunnel"]] = {**tunnel, "id": tunnel["id"] + offset}
        return tuple(row)

    def pack_header(self, header: Mapping[str, Any]) -> bytes:
        """Of a request: without what belongs to an entry, which a kernel that filters by VLAN takes for a broken attribute."""
        return super().pack_header(header)[: self.outer.size]

    def encode(self, row: Mapping[str, Any]) -> bytes:
        body = super().encode(row)
        size = self.outer.size
        flags, vid = _INFO.unpack_from(body, size)
        if not 0 <= vid <= _LAST:
            raise InvalidValue(f"expected a VLAN from 0 to {_LAST}, got {vid} – at `vlan.vid`", field="vid")
        entry = attribute(self.info, _INFO.pack(flags, vid)) + body[size + _INFO.size :]
        return body[:size] + attribute(self.entry, entry, nested=True)
