"""A busy table on a terminal: which changes are told one by one, and what the sums say of the others."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from holdfast.cli.language.spelling import Spelling
from holdfast.cli.presentation.pace import Pace, Sum, Sums, counted, told_sum
from holdfast.cli.presentation.style import plain
from holdfast.cli.presentation.telling import Teller
from holdfast.database.home import Change
from holdfast.model import TABLES
from holdfast.model.names import BUILTIN


def route(number: int, op: Any = "put", **more: Any) -> Change:
    row = {field.name: field.default for field in TABLES["routes"].fields}
    row |= {
        "target": "localhost", "family": 2, "dst": f"10.{number // 256}.{number % 256}.0", "dst_len": 24, "table_id": 254,
        "gateway": "192.0.2.1", "oif": 2, "proto": 186, "type": 1,
    }  # fmt: skip
    return Change("routes", number, op, row | more)


def at(second: float) -> datetime:
    return datetime.fromtimestamp(1000 + second, UTC)


def run(pace: Pace, changes: list[tuple[Change, float]]) -> list[Any]:
    """Lines as numbers of routes, sums as how many there are of each kind."""
    return list(shapes(told for change, second in changes for told in pace.take(change, at(second))))


def shapes(told: Any) -> Iterator[Any]:
    for one in told:
        if isinstance(one, Sums):
            yield [shape.count if isinstance(shape, Sum) else shape[0].revision for shape in one]
        else:
            yield one[0].revision


def test_few_changes_are_told_at_once() -> None:
    assert run(Pace(3), [(route(n), n) for n in range(9)]) == list(range(9))


def test_a_busy_second_ends_in_a_sum_that_counts_all_others() -> None:
    pace = Pace(3)
    assert run(pace, [(route(n), 0.5) for n in range(100)]) == [0, 1, 2]
    assert list(pace.over(1000.9)) == []
    assert list(shapes(pace.over(1001.0))) == [[97]]
    assert list(pace.over(1002.0)) == []


def test_the_second_after_a_busy_one_is_held_as_a_whole() -> None:
    pace = Pace(3)
    run(pace, [(route(n), 0.5) for n in range(100)])
    assert run(pace, [(route(n), 1.5) for n in range(100, 150)]) == [[97]]
    assert list(shapes(pace.end())) == [[50]]


def test_a_calm_second_after_a_busy_one_is_told_one_by_one() -> None:
    pace = Pace(3)
    run(pace, [(route(n), 0.5) for n in range(100)])
    assert run(pace, [(route(100), 1.1), (route(101), 1.2), (route(102), 2.0)]) == [[97], 100, 101, 102]
    assert run(pace, [(route(103), 2.1)]) == [103]


def test_after_a_silent_second_nothing_is_held() -> None:
    pace = Pace(3)
    run(pace, [(route(n), 0.5) for n in range(100)])
    assert run(pace, [(route(100), 5.0)]) == [[97], 100]


def test_what_is_rare_among_many_keeps_its_line() -> None:
    pace = Pace(3)
    link = Change("interfaces", 55, "put", {"target": "localhost", "ifindex": 2, "ifname": "eth0"})
    run(pace, [*((route(n), 0.5) for n in range(50)), (link, 0.6), *((route(n), 0.6) for n in range(56, 90))])
    assert list(shapes(pace.end())) == [[81, 55]]


@pytest.mark.parametrize("burst", [1, 19, 20, 21, 22, 41, 5000])
def test_every_change_is_told_or_counted_once(burst: int) -> None:
    pace = Pace()
    told = run(pace, [(route(n), n // burst) for n in range(burst * 4)]) + list(shapes(pace.end()))
    assert sum(1 if isinstance(one, int) else sum(one) for one in told) == burst * 4


# ----------------------------------------------------------------------------------------------------------------- sums


def said(*changes: Change) -> str:
    sums = Sums(at(0), 0)
    for change in changes:
        sums.add(change, at(0))
    (part,) = sums.parts.values()
    return told_sum(
        part,
        Teller(Spelling(BUILTIN, [("localhost", 2, "eth0", None, None), ("localhost", 3, "eth1", None, None)]), plain),
        with_target=False,
    )


def test_a_sum_says_what_they_have_in_common() -> None:
    assert said(*map(route, range(1500))) == ("+ 1 500 routes: 10.0.0.0/24 … 10.5.219.0/24 table main via 192.0.2.1 dev eth0 proto bgp")


def test_a_sum_counts_few_values_and_leaves_out_many() -> None:
    changes = [route(n, oif=2 + (n % 4 == 0), gateway=f"192.0.2.{n}") for n in range(100)]
    assert said(*changes) == "+ 100 routes: 10.0.0.0/24 … 10.0.99.0/24 table main dev eth0 (75) eth1 (25) proto bgp"


def test_a_sum_of_deletions() -> None:
    assert said(*(route(n, "delete") for n in range(7))).startswith("- 7 routes: 10.0.0.0/24 … 10.0.6.0/24 ")


def test_a_sum_of_changes_names_the_fields() -> None:
    changes = [Change("routes", n, "put", route(n).row, route(n, proto=3, flags=n % 2).row) for n in range(10)]
    assert said(*changes).startswith("~ 10 routes: ")
    assert said(*changes).endswith("· proto changed, flags changed (5)")


def test_numbers_are_readable() -> None:
    assert counted(1, TABLES["routes"]) == "1 route"
    assert counted(1234567, TABLES["fdb"]) == "1 234 567 fdb entries"
    assert counted(2, TABLES["addresses"]) == "2 addresses"
