"""Records and record sets: the same answers as tuples and lists would give, lazily."""

import asyncio
import copy
import csv
import json
import pickle
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.errors import InvalidValue, UnknownName
from holdfast.objects.records import Record, RecordSet, shape

LINK = shape(("target", "index", "ifname", "kind"), (("ifindex", "index"),))


def links(*names: str) -> RecordSet:
    return RecordSet([LINK(("localhost", number, name, None)) for number, name in enumerate(names, 1)])


def test_a_record_is_read_by_attribute_name_position_and_as_a_tuple():
    record = LINK(("localhost", 2, "eth0", None))
    assert (record.ifname, record["ifname"], record[2], record[-1]) == ("eth0", "eth0", "eth0", None)
    target, index, *_ = record
    assert (target, index, len(record), record[:2]) == ("localhost", 2, 4, ("localhost", 2))
    assert record._names == ("target", "index", "ifname", "kind")
    assert record._as_dict() == {"target": "localhost", "index": 2, "ifname": "eth0", "kind": None}
    assert repr(record) == "('localhost', 2, 'eth0', None)"


def test_a_field_may_be_called_like_a_method_of_tuples_and_may_have_a_second_name():
    record = LINK(("localhost", 2, "eth0", None))
    assert (record.index, record.ifindex, record["ifindex"]) == (2, 2, 2)
    with pytest.raises(AttributeError, match="no field `count`; it has target, index, ifname, kind"):
        _ = record.count
    with pytest.raises(AttributeError, match="no field `index`"):
        _ = Record(["a"], [1]).index


def test_what_is_not_there_is_named_with_what_is():
    record = LINK(("localhost", 2, "eth0", None))
    with pytest.raises(UnknownName, match="no field `mtu`; it has target, index, ifname, kind"):
        record["mtu"]
    with pytest.raises(KeyError):
        record["mtu"]
    assert not hasattr(record, "mtu")
    with pytest.raises(IndexError):
        record[4]


def test_a_record_does_not_change():
    record = LINK(("localhost", 2, "eth0", None))
    with pytest.raises(TypeError, match="cannot set `ifname`"):
        record.ifname = "eth1"
    with pytest.raises(TypeError):
        record["ifname"] = "eth1"  # type: ignore[index]


def test_equality_with_records_tuples_and_dicts():
    record = LINK(("localhost", 2, "eth0", None))
    assert record == LINK(("localhost", 2, "eth0", None))
    assert record == ("localhost", 2, "eth0", None)
    assert record == {"ifname": "eth0", "ifindex": 2}
    assert record != {"ifname": "eth0", "mtu": None}
    assert record != Record(["a", "b", "c", "d"], record)
    assert record != "eth0"
    assert len({record, LINK(record)}) == 1


def test_records_are_made_by_hand_copied_and_pickled():
    record = Record(["ifname", "mtu"], ["eth0", 1500])
    assert record.mtu == 1500
    assert pickle.loads(pickle.dumps(record)) == copy.copy(record) == record
    with pytest.raises(InvalidValue, match="each of 2 names, got 1"):
        Record(["a", "b"], [1])


def test_selecting_and_transforming_changes_the_set_itself():
    report = links("lo", "eth0", "eth1")
    report.select_records(ifname=lambda name: name.startswith("eth"), target="localhost")
    report.transform_fields(ifname=lambda r: r.ifname.upper(), double=lambda r: r.index * 2)
    report.select_fields("ifname", "ifindex", "double")
    assert list(report) == [("ETH0", 2, 4), ("ETH1", 3, 6)]
    assert report[0]._names == ("ifname", "ifindex", "double")
    assert links("lo", "eth0").select_records(lambda r: r.index > 1).count() == 1


def test_nothing_is_read_before_it_is_needed_and_each_pass_reads_anew():
    passes = []

    def source():
        passes.append("pass")
        yield LINK(("localhost", 1, "lo", None))
        passes.append("rest")

    report = RecordSet(source).select_records(kind=None)
    assert passes == []
    assert report[0].ifname == "lo"
    assert passes == ["pass"]
    assert (report.count(), report.count(), len(list(report))) == (1, 1, 1)
    assert next(report).ifname == "lo"
    with pytest.raises(StopIteration):
        next(report)


def test_join_puts_records_side_by_side():
    addresses = RecordSet([Record(["index", "address"], [1, "127.0.0.1"]), Record(["index", "address"], [2, "10.0.0.1"])])
    joined = links("lo", "eth0").join(addresses, condition=lambda left, right: left.index == right.index, prefix="ip_")
    assert [(r.ifname, r.ip_address) for r in joined] == [("lo", "127.0.0.1"), ("eth0", "10.0.0.1")]
    assert joined[0]._names == ("target", "index", "ifname", "kind", "ip_index", "ip_address")
    assert links("a", "b").join(links("c", "d"), prefix="r_").count() == 4


@given(st.integers(0, 6), st.none() | st.integers(-8, 8), st.none() | st.integers(-8, 8), st.none() | st.sampled_from([-3, -1, 1, 2]))
def test_slices_are_those_of_a_list(size, start, stop, step):
    names = [f"eth{number}" for number in range(size)]
    assert links(*names)[start:stop:step] == list(links(*names))[start:stop:step]


@given(st.integers(0, 4), st.integers(-6, 6))
def test_positions_are_those_of_a_list(size, position):
    report = links(*(f"eth{number}" for number in range(size)))
    if -size <= position < size:
        assert report[position] == list(report)[position]
    else:
        with pytest.raises(IndexError):
            report[position]


def test_csv():
    rows = (1, "lo", None, True), (2, "it's", ["a", "b"], False)
    report = RecordSet([Record(["index", "ifname", "altnames", "up"], row) for row in rows])
    assert list(report.format("csv")) == ["'index','ifname','altnames','up'", "1,'lo',,1", "2,'it''s','[\"a\", \"b\"]',0"]
    assert {len(row) for row in csv.reader(report.format("csv"), quotechar="'")} == {4}


def test_json():
    report = links("lo", "eth0").select_fields("index", "ifname")
    assert json.loads("\n".join(report.format("json"))) == [{"index": 1, "ifname": "lo"}, {"index": 2, "ifname": "eth0"}]
    assert list(links().format("json")) == ["[", "]"]
    assert list(links("lo").select_fields("index").format("json")) == ["[", "    {", '        "index": 1', "    }", "]"]


def test_markdown_and_yaml():
    report = RecordSet([Record(["ifname", "kind", "note"], ["lo", None, "a|b"])])
    assert list(report.format("md")) == ["|ifname|kind|note|", "|---|---|---|", "|lo||a\\|b|"]
    assert list(report.format("yaml")) == ['- ifname: "lo"', "  kind: null", '  note: "a|b"']
    assert list(links().format("yaml")) == ["[]"]


def test_native_is_the_set_itself_and_other_formats_are_refused():
    report = links("lo")
    assert report.format("native") is report
    with pytest.raises(InvalidValue, match="among native, csv, json, md, yaml, got `xml`"):
        report.format("xml")


def test_printing_is_cut_in_a_repl_only(monkeypatch):
    many = [f"eth{number}" for number in range(100)]
    assert len(repr(links(*many)).splitlines()) == 100
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    assert repr(links(*many)).splitlines()[-1] == "(...)"
    assert len(repr(links(*many)).splitlines()) == 25
    assert len(repr(links(*many).format("csv")).splitlines()) == 25
    assert repr(links("lo")) == "('localhost', 1, 'lo', None)"


def test_async_for_reads_all_of_it():
    async def read() -> list[Record]:
        return [record async for record in links(*(f"eth{number}" for number in range(1200)))]

    assert len(asyncio.run(read())) == 1200
