"""Always: what is written reads back the same, both ways of reading agree, and no bytes bring the codec down."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.errors import HoldfastError
from holdfast.model import TABLES
from holdfast.netlink import codec
from holdfast.netlink.batch import Batch, Undecoded
from holdfast.testing.rows import rows

WIRED = sorted(name for name, table in TABLES.items() if table.message)


def decode_one(message: bytes) -> dict:
    (batch,) = codec.decode(message)
    assert isinstance(batch, Batch), batch
    (row,) = batch.dicts()
    return row


@pytest.mark.parametrize("name", WIRED)
def test_what_is_encoded_decodes_to_the_same_row(name):
    table = TABLES[name]

    @given(rows(table), st.sampled_from(["put", "delete"]))
    def check(row, op):
        message = codec.encode(table, row, op)
        got = decode_one(message)
        assert {field: got[field] for field in row} == row
        again = decode_one(codec.encode(table, got, op))
        assert again == got, "a decoded row, derived fields and all, encodes to itself"

    check()


@pytest.mark.parametrize("name", WIRED)
def test_reading_in_bulk_and_one_by_one_agree(name, monkeypatch):
    table = TABLES[name]

    @given(st.lists(rows(table), min_size=1, max_size=4), st.randoms(use_true_random=False))
    def check(some, chance):
        messages = [codec.encode(table, row, op) for row in some for op in ("put", "delete")]
        buffer = b"".join(chance.choice(messages) * chance.randint(1, 80) for _ in range(6))
        bulk = [(batch.op, row) for batch in codec.decode(buffer) for row in batch.dicts()]
        with monkeypatch.context() as patch:
            patch.setattr(codec, "LONGEST", 0)
            single = [(batch.op, row) for batch in codec.decode(buffer) for row in batch.dicts()]
        assert bulk == single

    check()


@given(st.binary(max_size=400))
def test_arbitrary_bytes_give_batches_or_undecoded_and_nothing_else(data):
    for one in codec.decode(data):
        assert isinstance(one, Batch | Undecoded)


@pytest.mark.parametrize("name", WIRED)
def test_damaged_messages_never_raise(name):
    """Bytes of good messages are changed at random; what comes out is a batch or an Undecoded with its bytes and a reason."""
    table = TABLES[name]

    @given(rows(table), st.randoms(use_true_random=False))
    def check(row, chance: random.Random):
        message = bytearray(codec.encode(table, row) * 3)
        for _ in range(chance.randint(1, 5)):
            message[chance.randrange(len(message))] = chance.randrange(256)
        for one in codec.decode(bytes(message)):
            if isinstance(one, Undecoded):
                assert one.message
                assert one.reason
            else:
                list(one.dicts())

    check()


@pytest.mark.parametrize("name", WIRED)
def test_values_that_do_not_fit_are_refused_with_the_fields_name(name):
    table = TABLES[name]
    for field in table.fields:
        if not field.attrs or field.secret or field.derive:
            continue
        with pytest.raises(HoldfastError, match=field.name):
            codec.encode(table, {field.name: object()})


def test_a_field_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(HoldfastError, match=r"route has no field gatewy; it has .*gateway"):
        codec.encode(TABLES["routes"], {"gatewy": "10.0.0.1"})
