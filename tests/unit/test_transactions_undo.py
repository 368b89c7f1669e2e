"""Does what takes a request back lead to the rows before it?"""

from __future__ import annotations

from typing import Any

from holdfast.model import ADDRESSES, INTERFACES, NEIGHBOURS, ROUTES, RULES, TABLES
from holdfast.model.field import Table
from holdfast.transactions.compare import differences, lost
from holdfast.transactions.complete import completed
from holdfast.transactions.contract import Change, Create, Delete, Named
from holdfast.transactions.difference import difference
from holdfast.transactions.journal import packed, runs_of, unpacked
from holdfast.transactions.made import Makers
from holdfast.transactions.merging import merged
from holdfast.transactions.plan import Plan
from holdfast.transactions.undo import backwards, identity, inverse, lenient, repaired, restored


def whole(table: Table, **fields: Any) -> dict[str, Any]:
    row = {one.name: one.default for one in table.fields} | completed(table, fields)
    for one in table.fields:
        if one.derive:
            names, function = one.derive
            row[one.name] = function(*[row[name] for name in ((names,) if isinstance(names, str) else names)])
    return row


ROUTE = whole(ROUTES, dst="10.9.0.0", dst_len=24, gateway="10.0.0.2", oif=3)
VETH = whole(INTERFACES, ifname="v0", ifindex=3, kind="veth", link=4, address="02:00:00:00:00:01", mtu=1500, flags=0x1003, operstate="UP")
PEER = whole(INTERFACES, ifname="v1", ifindex=4, kind="veth", link=3, address="02:00:00:00:00:02", mtu=1400, flags=0x1003)


def test_what_was_made_is_removed_if_it_is_there() -> None:
    asked = completed(ROUTES, {"dst": "10.9.0.0", "dst_len": 24, "gateway": "10.0.0.2"})
    [one] = inverse(Create("here", ROUTES, {}), None, (), asked)
    assert isinstance(one, Delete) and one.missing_ok
    assert one.row["dst"] == "10.9.0.0" and one.row["gateway"] == "10.0.0.2"
    [one] = inverse(Create("here", INTERFACES, {"ifname": "a", "mtu": 1400}), None, (), {"ifname": "a", "mtu": 1400})
    assert one.row == {"ifname": "a"}


def test_what_was_changed_gets_its_old_values_and_nothing_else() -> None:
    [one] = inverse(Change("here", ROUTES, ROUTE, {"gateway": "10.0.0.3"}), ROUTE, (), {})
    assert isinstance(one, Change)
    assert one.fields == {"gateway": "10.0.0.2"} and one.row["gateway"] == "10.0.0.3"


def test_what_a_later_request_changed_again_is_removed_and_made_as_it_was() -> None:
    asked = completed(ROUTES, {"dst": "10.9.0.0", "dst_len": 24, "gateway": "10.0.0.3"})
    gone, made = inverse(Change("here", ROUTES, ROUTE, {"gateway": "10.0.0.3"}), ROUTE, (), asked, anew=True)
    assert isinstance(gone, Delete) and gone.missing_ok and gone.row["gateway"] == "10.0.0.3"
    assert isinstance(made, Create) and made.ensure and made.row["gateway"] == "10.0.0.2"


def test_what_this_transaction_made_and_removed_leaves_nothing_to_take_back() -> None:
    assert inverse(Delete("here", ROUTES, ROUTE), None, (), {}) == []


def test_who_made_a_row_is_found_by_what_it_shows() -> None:
    wanted = completed(ROUTES, {"dst": "10.9.0.0", "dst_len": 24, "gateway": "10.0.0.2"})
    first = Plan(Create("here", ROUTES, wanted), (), wanted, None, (), "here")
    rule = completed(RULES, {"src": "10.3.0.0", "src_len": 16})
    second = Plan(Create("here", RULES, rule), (), rule, None, (), "here")
    makers = Makers(lambda _where, _table, row: row, [first, second])
    assert makers.of("here", ROUTES, ROUTE) is first
    assert makers.of("there", ROUTES, ROUTE) is None
    assert makers.of("here", ROUTES, {**ROUTE, "gateway": "10.0.0.3"}) is None
    assert makers.of("here", RULES, whole(RULES, src="10.3.0.0", src_len=16, priority=32765)) is second, "the kernel chose a priority"


def test_a_route_with_another_way_out_leaves_the_rest_to_the_kernel() -> None:
    linked = whole(ROUTES, dst="10.9.0.0", dst_len=24, oif=3, scope=253)
    assert not {"oif", "scope"} & merged(ROUTES, linked, {"gateway": "10.0.0.3"}).keys()
    assert merged(ROUTES, linked, {"metrics": {"mtu": 1400}})["oif"] == 3
    nowhere = whole(ROUTES, dst="10.9.0.0", dst_len=24, type=6)
    assert "type" not in merged(ROUTES, nowhere, {"gateway": "10.0.0.3"})
    unreachable = merged(ROUTES, ROUTE, {"type": 7})
    assert unreachable["type"] == 7 and not {"gateway", "oif"} & unreachable.keys()


def test_a_part_of_what_a_kind_has_goes_back_alone() -> None:
    before = whole(INTERFACES, ifname="br0", ifindex=5, kind="bridge", kind_data={"br_priority": 7, "br_ageing_time": 300})
    [one] = inverse(Change("here", INTERFACES, before, {"kind_data": {"br_priority": 9}}), before, (), {})
    assert isinstance(one, Change) and one.fields == {"kind_data": {"br_priority": 7}}


def test_what_moved_is_moved_back_by_its_new_name_to_its_old_index() -> None:
    [one] = inverse(Change("here", INTERFACES, VETH, {"target": "there", "ifname": "w0"}), VETH, (), {})
    assert isinstance(one, Change)
    assert (one.target, one.row, one.fields) == ("there", {"ifname": "w0"}, {"ifname": "v0", "target": "here", "ifindex": VETH["ifindex"]})


def test_a_port_that_left_gets_its_settings_with_its_master() -> None:
    before = whole(INTERFACES, ifname="v1", ifindex=4, master=9, port_data={"brport_cost": 77, "brport_state": 3})
    [one] = inverse(Change("here", INTERFACES, before, {"master": None}), before, (), {})
    assert isinstance(one, Change) and one.fields == {"master": 9, "port_data": {"brport_cost": 77}}


def test_both_ends_of_a_veth_come_back_with_one_request_then_the_rest() -> None:
    hung = [("there", INTERFACES, PEER), ("here", ADDRESSES, whole(ADDRESSES, local="10.0.0.1", prefixlen=24, ifindex=3))]
    made, peer, address = inverse(Delete("here", INTERFACES, VETH), VETH, hung, {})
    assert made.row["peer"] == {"ifname": "v1", "ifindex": 4, "address": "02:00:00:00:00:02", "mtu": 1400, "target": "there"}
    assert (peer.target, peer.row["ifname"]) == ("there", "v1")
    assert isinstance(peer, Create) and peer.ensure
    assert address.row["local"] == "10.0.0.1"
    assert "operstate" not in made.row, "what the kernel tells and does not take"


def test_options_that_are_told_with_a_mask_are_restored_where_they_are_on() -> None:
    bridge = whole(INTERFACES, ifname="br0", ifindex=5, kind="bridge", kind_data={
        "br_multi_boolopt": {"optval": 2, "optmask": 31}, "br_vlan_filtering": 0, "br_root_id": "x"})  # fmt: skip
    data = restored("here", INTERFACES, bridge).row["kind_data"]
    assert data["br_multi_boolopt"] == {"optval": 2, "optmask": 2} and "br_vlan_filtering" not in data


def test_the_last_request_is_taken_back_first() -> None:
    one, two = Delete("here", RULES, {"priority": 1}), Delete("here", RULES, {"priority": 2})
    assert list(backwards([[one], [two]], iter)) == [two, one]


def test_what_is_left_to_do_is_found_by_comparing() -> None:
    assert repaired("here", ROUTES, ROUTE, ROUTE) is None
    assert repaired("here", ROUTES, None, None) is None
    assert isinstance(repaired("here", ROUTES, ROUTE, None), Create)
    assert isinstance(repaired("here", ROUTES, None, ROUTE), Delete)
    [change] = [repaired("here", INTERFACES, VETH, {**VETH, "mtu": 1300, "operstate": "DOWN"})]
    assert isinstance(change, Change) and change.fields == {"mtu": 1500}


def test_what_was_left_half_done_is_taken_back_whatever_is_there() -> None:
    assert lenient(Delete("here", RULES, {"priority": 1})) == [Delete("here", RULES, {"priority": 1}, missing_ok=True)]
    gone, made = lenient(Change("here", ROUTES, {"dst": "10.9.0.0", "gateway": "10.0.0.3"}, {"gateway": "10.0.0.2"}))
    assert isinstance(gone, Delete) and gone.missing_ok and gone.row["gateway"] == "10.0.0.3"
    assert isinstance(made, Create) and made.ensure and made.row["gateway"] == "10.0.0.2"


def test_requests_in_the_journal_are_the_same_when_they_are_read() -> None:
    requests = [
        Delete("here", ROUTES, {"dst": "10.9.0.0", "dst_len": 24}, missing_ok=True),
        Delete("here", ROUTES, {"dst": "10.9.1.0", "dst_len": 24}, missing_ok=True),
        Create("here", ADDRESSES, {"local": "10.0.0.1", "ifindex": Named("v0", "there")}, ensure=True),
        Change("here", INTERFACES, {"ifindex": 3}, {"mtu": 1400, "master": Named("br0")}),
    ]
    groups = packed(runs_of(requests))
    assert len(groups) == 3, "what follows with the same columns shares them"
    assert list(unpacked(groups)) == requests


# -- comparing ---------------------------------------------------------------------------------------------------------


def test_what_was_asked_is_found_in_what_the_kernel_adds_to() -> None:
    row = whole(ADDRESSES, local="10.0.0.1", prefixlen=24, ifindex=3, flags=0x80, label="v0")
    assert not differences(ADDRESSES, completed(ADDRESSES, {"local": "10.0.0.1", "prefixlen": 24, "ifindex": 3}), row)
    assert "label" in differences(ADDRESSES, {"label": "v0:1"}, row)
    assert "flags" in differences(ADDRESSES, {"flags": 0x200}, row), "noprefixroute was asked for"
    bridge = whole(INTERFACES, ifname="b", kind="bridge", kind_data={"br_priority": 7, "br_forward_delay": 1499})
    assert not differences(INTERFACES, {"kind": "bridge", "kind_data": {"br_forward_delay": 1500}}, bridge), "a tick of its clock"
    assert "br_priority" in differences(INTERFACES, {"kind": "bridge", "kind_data": {"br_priority": 8}}, bridge)
    learned = whole(NEIGHBOURS, dst="10.0.0.9", ifindex=3, state=2)
    assert "state" in differences(NEIGHBOURS, {"state": 0x80}, learned)


def test_what_follows_from_others_does_not_count_as_lost() -> None:
    assert lost(ROUTES, ROUTE, {**ROUTE, "flags": 16}) == ()
    assert lost(ROUTES, ROUTE, {**ROUTE, "flags": 4}) == ("flags",), "onlink is a wish"
    assert lost(INTERFACES, VETH, {**VETH, "link": 9, "operstate": "DOWN"}) == ()


def test_identity_says_who_it_is_and_leaves_out_what_is_usual() -> None:
    assert identity(INTERFACES, VETH) == {"ifname": "v0"}
    assert identity(ROUTES, ROUTE) == {"family": 2, "dst": "10.9.0.0", "dst_len": 24, "table_id": 254, "type": 1, "proto": 4,
                                       "gateway": "10.0.0.2", "oif": 3}  # fmt: skip


def test_a_set_of_rows_becomes_another_by_its_difference() -> None:
    present = [whole(ROUTES, dst=f"10.9.{n}.0", dst_len=24, gateway="10.0.0.2", oif=3) for n in range(4)]
    gateways = {1: "10.0.0.2", 2: "10.0.0.9", 3: "10.0.0.2", 4: "10.0.0.2"}
    wanted = [completed(ROUTES, {"dst": f"10.9.{n}.0", "dst_len": 24, "gateway": gateway}) for n, gateway in gateways.items()]
    cells = [tuple(row[name] for name in ROUTES.columns) for row in present]
    requests = difference("here", ROUTES, ROUTES.columns, cells, wanted)
    assert [(type(one).__name__, one.row["dst"]) for one in requests] == [
        ("Change", "10.9.2.0"), ("Create", "10.9.4.0"), ("Delete", "10.9.0.0"),
    ]  # fmt: skip
    assert isinstance(requests[0], Change) and requests[0].fields == {"gateway": "10.0.0.9"}
    assert difference("here", ROUTES, ROUTES.columns, cells, [completed(ROUTES, one) for one in present]) == []
    metrics = completed(ROUTES, {"dst": "10.9.0.0", "dst_len": 24, "gateway": "10.0.0.2", "metrics": {"mtu": 1400}})
    [change] = difference("here", ROUTES, ROUTES.columns, cells[:1], [metrics])
    assert isinstance(change, Change) and change.fields == {"metrics": {"mtu": 1400}} and change.row == present[0]


def test_a_row_that_is_wanted_twice_is_not_there_twice() -> None:
    row = whole(ROUTES, dst="10.9.0.0", dst_len=24, gateway="10.0.0.2", oif=3)
    cells = tuple(row[name] for name in ROUTES.columns)
    wanted = completed(ROUTES, {"dst": "10.9.0.0", "dst_len": 24, "gateway": "10.0.0.2"})
    assert [type(one) for one in difference("here", ROUTES, ROUTES.columns, [cells], [wanted, wanted])] == [Create]
    assert [type(one) for one in difference("here", ROUTES, ROUTES.columns, [cells, cells], [wanted])] == [Delete]


def test_what_the_kernel_makes_of_nothing_is_known() -> None:
    assert completed(ROUTES, {"dst": "2001:db8::", "dst_len": 32})["priority"] == 1024
    assert completed(ROUTES, {"dst": "10.0.0.0", "dst_len": 8, "oif": 3})["scope"] == 253
    assert completed(ROUTES, {"dst": "10.0.0.0", "gateway": "10.0.0.1"})["dst_len"] == 32
    assert completed(ROUTES, {"gateway": "fe80::1"})["family"] == 10
    assert completed(ADDRESSES, {"address": "10.0.0.1"}) == {
        "address": "10.0.0.1", "local": "10.0.0.1", "family": 2, "prefixlen": 32, "ipv4_peer": "",
    }  # fmt: skip
    assert completed(RULES, {"goto": 5})["action"] == 2
    assert completed(NEIGHBOURS, {"dst": "10.0.0.9", "proxy": 1})["flags"] == 8
    assert completed(TABLES["fdb"], {"lladdr": "02:00:00:00:00:01"}) == {"lladdr": "02:00:00:00:00:01", "family": 7, "state": 128}
