"""Is each question asked once, and the wide one instead of many narrow ones?"""

from __future__ import annotations

from holdfast.mirror.agenda import Agenda
from holdfast.mirror.consequence import Ask, Reread, Where


def routes_of(oif: int, only_if: Where | None = None) -> Reread:
    return Reread("routes", "AF_INET", (("oif", oif),), only_if=only_if)


def test_equal_questions_are_one() -> None:
    agenda = Agenda()
    agenda.add([routes_of(3), routes_of(3), Reread("rules"), Reread("rules")])
    assert agenda.take().rereads == (routes_of(3), Reread("rules"))
    assert not agenda.take()


def test_an_unconditional_question_takes_the_condition_from_its_twin() -> None:
    agenda = Agenda()
    agenda.add([routes_of(3, Where("oif = ?", (3,))), routes_of(3)])
    [one] = agenda.take().rereads
    assert one.only_if is None


def test_two_conditions_are_joined() -> None:
    agenda = Agenda()
    agenda.add([routes_of(3, Where("a = ?", (1,))), routes_of(3, Where("b = ?", (2,)))])
    [one] = agenda.take().rereads
    assert one.only_if == Where("(a = ?) OR (b = ?)", (1, 2))


def test_a_whole_table_covers_its_parts() -> None:
    agenda = Agenda()
    agenda.add([routes_of(3), Reread("routes", "AF_INET"), routes_of(4)])
    assert agenda.take().rereads == (Reread("routes", "AF_INET"),)


def test_a_whole_table_asked_for_conditionally_covers_nothing() -> None:
    agenda = Agenda()
    perhaps = Reread("routes", "AF_INET", only_if=Where("nh_id = ?", (7,)))
    agenda.add([routes_of(3), perhaps])
    assert set(agenda.take().rereads) == {routes_of(3), perhaps}


def test_many_parts_become_the_whole() -> None:
    agenda = Agenda()
    agenda.add(routes_of(index) for index in range(1, 40))
    assert agenda.take().rereads == (Reread("routes", "AF_INET"),)


def test_many_interfaces_become_their_table() -> None:
    agenda = Agenda()
    agenda.add([Ask(tuple(range(1, 50))), Ask(tuple(range(30, 90)))])
    taken = agenda.take()
    assert taken.ifindexes == ()
    assert taken.rereads == (Reread("interfaces"),)


def test_few_interfaces_are_asked_one_by_one_and_once() -> None:
    agenda = Agenda()
    peers = Where("link = ?", (4,))
    agenda.add([Ask((4, 5)), Ask((5, 6), peers), Ask((), peers)])
    taken = agenda.take()
    assert taken.ifindexes == (4, 5, 6)
    assert taken.links == (peers,)


def test_everything_covers_all_until_it_is_taken() -> None:
    agenda = Agenda()
    agenda.add([routes_of(3)])
    agenda.add_everything()
    agenda.add([routes_of(4)])
    taken = agenda.take()
    assert taken.everything and not taken.rereads
    agenda.add([routes_of(5)])
    assert agenda.take().rereads == (routes_of(5),)


def test_conditions_combine() -> None:
    one, other = Where("a = ?", (1,)), Where("b = ?", (2,))
    assert one & other == Where("(a = ?) AND (b = ?)", (1, 2))
    assert one & Where() == one == Where() & one
    assert one | Where() == Where()


def test_a_storm_makes_no_condition_too_large() -> None:
    agenda = Agenda()
    by_object = Where("nh_id IS NOT NULL")
    agenda.add(Reread("routes", "AF_INET", (), by_object, Where("oif = ?", (index,))) for index in range(2000))
    [one] = agenda.take().rereads
    assert one.scope == by_object
    assert one.only_if is not None and len(one.only_if.args) <= 128


def test_many_conditions_on_interfaces_become_their_table() -> None:
    agenda = Agenda()
    agenda.add(Ask((), Where("link = ?", (index,))) for index in range(100))
    taken = agenda.take()
    assert (taken.links, taken.rereads) == ((), (Reread("interfaces"),))
