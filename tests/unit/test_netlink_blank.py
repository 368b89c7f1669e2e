"""holdfast.netlink.blank: no secret survives, nothing else is touched. The messages are made up: kernels tell no keys here today."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from holdfast.model.secrets import KEYED_KINDS, SECRET_ATTRIBUTES
from holdfast.netlink.batch import Batch
from holdfast.netlink.blank import blank
from holdfast.netlink.codec import decode
from holdfast.netlink.uapi import number
from holdfast.netlink.wire import attribute, message

KEY = b"\xa5K3y!" * 8
LINKINFO, KIND, DATA, XSTATS = (number(f"IFLA_{word}") for word in ("LINKINFO", "INFO_KIND", "INFO_DATA", "INFO_XSTATS"))
NAME = attribute(number("IFLA_IFNAME"), b"wg0\0")
ROUTE = message(24, 0, 0, bytes(12) + attribute(1, KEY))


def link(*parts: bytes, kind: int = 16) -> bytes:
    return message(kind, 0, 7, bytes(16) + b"".join(parts))


def info(kind: str, data: bytes, of: int = DATA) -> bytes:
    return attribute(LINKINFO, attribute(KIND, kind.encode() + b"\0") + attribute(of, data, nested=True), nested=True)


@pytest.mark.parametrize("word", sorted(SECRET_ATTRIBUTES))
def test_a_secret_attribute_is_overwritten(word: str) -> None:
    before = link(NAME, attribute(number(word), KEY))
    after = blank(before)
    assert after == link(NAME, attribute(number(word), bytes(len(KEY))))


@pytest.mark.parametrize("kind", sorted(KEYED_KINDS))
@pytest.mark.parametrize("of", [DATA, XSTATS])
@pytest.mark.parametrize("type_", [16, 17])
def test_keys_of_a_kind_that_encrypts_are_overwritten_also_where_nobody_knows_them(kind: str, of: int, type_: int) -> None:
    data = attribute(40, KEY) + attribute(41, attribute(1, KEY), nested=True)
    after = blank(ROUTE + link(NAME, info(kind, data, of), kind=type_) + ROUTE)
    inside = link(NAME, info(kind, attribute(40, bytes(40)) + attribute(41, bytes(44), nested=True), of), kind=type_)
    assert after == ROUTE + inside + ROUTE


def test_what_is_known_to_be_no_key_stays() -> None:
    before = link(NAME, info("macsec", attribute(1, b"scisciid") + attribute(5, b"\2\0\0\0")))
    assert blank(before) is before


def test_messages_without_secrets_are_handed_on_as_they_are() -> None:
    recorded = Path("tests/golden/messages.jsonl").read_text().splitlines()
    before = b"".join(bytes.fromhex(json.loads(line)["hex"]) for line in recorded)
    assert blank(before) is before


@pytest.mark.parametrize("deep", range(4))
def test_what_reaches_over_its_end_is_overwritten_to_there(deep: int, rng: random.Random) -> None:
    """A length that is too large, of the link's info, of the kind's data, of the key, of an attribute in front of them."""
    whole = bytearray(link(NAME, info("wireguard", attribute(1, KEY))))
    end = len(whole)
    places = [end - len(KEY) - 4 - 4 - 16 - 4, end - len(KEY) - 8, end - len(KEY) - 4, 32]
    whole[places[deep] : places[deep] + 2] = rng.randrange(end, 60000).to_bytes(2, "little")
    after = blank(bytes(whole))
    assert len(after) == end
    assert KEY not in after


@pytest.mark.parametrize("kind", sorted(KEYED_KINDS))
def test_keys_of_such_kinds_do_not_come_into_tables(kind: str) -> None:
    (batch,) = decode(link(NAME, info(kind, attribute(40, KEY))))
    assert isinstance(batch, Batch)
    (row,) = batch.dicts()
    assert row["kind"] == kind
    assert KEY.hex() not in json.dumps(row)
