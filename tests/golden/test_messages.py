"""Is the decoding right?  Recorded netlink messages, read by us, by pyroute2 as an independent peer, and back again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg

from holdfast.model import KINDS, TABLES
from holdfast.model.field import BYTES, FLAG, IP, LLADDR, TEXT, Field, Scalar
from holdfast.netlink.batch import Batch
from holdfast.netlink.codec import decode, encode
from tests.golden import peer

RECORDED = [json.loads(line) for line in Path(__file__).with_name("messages.jsonl").read_text().splitlines()]
BY_TABLE = sorted({line["table"] for line in RECORDED})


def recorded(table: str) -> list[dict[str, Any]]:
    return [line for line in RECORDED if line["table"] == table]


def read(message: bytes) -> Batch:
    (batch,) = decode(message)
    assert isinstance(batch, Batch), batch
    return batch


def as_json(batch: Batch) -> list[dict[str, Any]]:
    rows = [{name: value for name, value in row.items() if value is not None} for row in batch.dicts()]
    decoded: list[dict[str, Any]] = json.loads(json.dumps(rows))
    return decoded


def test_the_recording_covers_every_table_that_its_kernel_has():
    assert set(BY_TABLE) == set(TABLES) - {"vlans", "netns"}
    assert {line["op"] for line in RECORDED} == {"put", "delete"}


@pytest.mark.parametrize("table", BY_TABLE)
def test_a_recorded_message_gives_the_row_it_always_gave(table):
    for line in recorded(table):
        batch = read(bytes.fromhex(line["hex"]))
        assert (batch.table.name, batch.op) == (line["table"], line["op"])
        assert as_json(batch) == line["rows"]


@pytest.mark.parametrize("table", BY_TABLE)
def test_nothing_of_a_recorded_message_is_unknown(table):
    for line in recorded(table):
        assert [row["unknown"] for row in line["rows"] if row.get("unknown")] == []


@pytest.mark.parametrize("table", BY_TABLE)
def test_a_recorded_row_encodes_to_a_message_that_gives_the_same_row(table):
    for line in recorded(table):
        (row,) = read(bytes.fromhex(line["hex"])).dicts()
        again = read(encode(TABLES[table], row, line["op"]))
        assert list(again.dicts()) == [row]


@pytest.mark.parametrize("table", [name for name in BY_TABLE if name in peer.CLASSES])
def test_pyroute2_reads_the_same(table):
    differences = []
    for line in recorded(table):
        message = bytes.fromhex(line["hex"])
        (row,) = read(message).dicts()
        theirs = peer.read(TABLES[table], message)
        differences += [f"{one}  in {line['hex'][:80]}…" for one in peer.differences(TABLES[table].fields, row, theirs)]
    assert differences == []


SAMPLES = {FLAG: True, TEXT: "word", IP: "192.0.2.7", LLADDR: "02:00:00:00:00:07", BYTES: "0a0b0c0d"}


def sample(kind: str, field: Field) -> Any:
    if field.shape is IP and (field.name.endswith("6") or "6" in kind):
        return "2001:db8::7"
    return SAMPLES.get(field.shape, 3)


def shared(kind: str) -> list[Field]:
    """The scalar fields of a kind that pyroute2 writes too."""
    theirs = ifinfmsg.ifinfo.data_map.get(kind)
    known = {entry[0] for entry in getattr(theirs, "nla_map", ())}
    return [
        field for field in KINDS[kind].data
        if isinstance(field.shape, Scalar) and field.attrs[0] in known and field.attrs[0] not in peer.UNTESTED
    ]  # fmt: skip


SHARED = {kind: shared(kind) for kind in sorted(KINDS)}


def test_most_kinds_are_known_to_both():
    """The others are held against the running kernel where it has them, and against an emulated one later."""
    both = {kind for kind, fields in SHARED.items() if fields}
    assert both >= {"bond", "bridge", "geneve", "gre", "gretap", "ipvlan", "macvlan", "tun", "vlan", "vrf", "vxlan"}


@pytest.mark.parametrize("kind", sorted(kind for kind, fields in SHARED.items() if fields))
def test_a_kind_that_pyroute2_writes_is_read_by_us(kind):
    """Also the kinds that no kernel here has. One message for each scalar attribute."""
    for field in SHARED[kind]:
        value = sample(kind, field)
        message = ifinfmsg()
        message["index"] = 7
        message["header"]["type"] = 16
        message["attrs"] = [
            ("IFLA_LINKINFO", {"attrs": [("IFLA_INFO_KIND", kind), ("IFLA_INFO_DATA", {"attrs": [(field.attrs[0], value)]})]})
        ]
        message.encode()
        (row,) = read(bytes(message.data)).dicts()
        assert row["kind"] == kind
        assert row["kind_data"] == {field.name: value}, field.attrs[0]
