"""What the errors of the kernel advise. The refusals themselves are provoked in tests/kernel/test_cli_change.py."""

from __future__ import annotations

import errno
from typing import Any

import pytest

from holdfast.model import TABLES
from holdfast.transactions.advice import advice
from holdfast.transactions.contract import Change, Create, Delete
from holdfast.transactions.order import Verb


def of(table: str, error: int, sentence: str = "", **row: Any) -> str:
    return advice(Verb.CREATE, Create("here", TABLES[table], row), error, sentence)


def test_what_is_there_already_can_be_set() -> None:
    assert of("rules", errno.EEXIST, priority=5) == "it is there already: `set` changes it"
    deletion = Delete("here", TABLES["rules"], {"priority": 5})
    assert advice(Verb.DELETE, deletion, errno.EEXIST, "") == ""


@pytest.mark.parametrize("field", ["gateway", "via", "multipath"])
def test_only_who_names_a_gateway_is_told_of_gateways(field: str) -> None:
    assert "gateway's network" in of("routes", errno.ENETUNREACH, dst="10.0.0.0", **{field: "x"})
    assert of("routes", errno.ENETUNREACH, dst="10.0.0.0") == ""


def test_a_kind_is_asked_for_what_it_needs() -> None:
    assert "`link`" in of("interfaces", errno.EINVAL, ifname="m0", kind="macvlan")
    assert of("interfaces", errno.EINVAL, ifname="m0", kind="macvlan", link=3) == ""
    assert "`vxlan_id`" in of("interfaces", errno.EINVAL, ifname="x0", kind="vxlan", kind_data={"vxlan_port": 4789})
    assert of("interfaces", errno.EINVAL, ifname="x0", kind="vxlan", kind_data={"vxlan_id": 1}) == ""


def test_a_master_must_be_able_to_be_one() -> None:
    def change(**fields: Any) -> str:
        return advice(Verb.CHANGE, Change("here", TABLES["interfaces"], {"ifname": "v0", "master": None}, fields), errno.EOPNOTSUPP, "")

    assert "can be a master" in change(master=4)
    assert change(mtu=1400) == change(master=None) == ""


def test_what_is_up_is_not_renamed_by_older_kernels() -> None:
    def change(**fields: Any) -> str:
        return advice(Verb.CHANGE, Change("here", TABLES["interfaces"], {"ifname": "v0"}, fields), errno.EBUSY, "")

    assert "set it down first" in change(ifname="v1")
    assert change(mtu=1400) == ""


def test_what_nothing_is_known_of_has_no_advice() -> None:
    assert of("qdiscs", errno.ENOENT, "Specified qdisc kind is unknown") == ""
