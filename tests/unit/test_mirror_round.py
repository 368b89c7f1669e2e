"""Events against dumps: who is right when both speak of one row?  No kernel here: messages come from the codec."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest

from holdfast.database import sweep
from holdfast.database.home import Transaction
from holdfast.database.sqlite import Database
from holdfast.errors import KernelError, Lost
from holdfast.mirror import line as line_module
from holdfast.mirror import settling
from holdfast.mirror.agenda import Questions
from holdfast.mirror.answers import Answers
from holdfast.mirror.batches import key_of
from holdfast.mirror.consequence import Ask, Reread, Where
from holdfast.mirror.journal import Journal
from holdfast.mirror.line import Line
from holdfast.mirror.reading import Reading
from holdfast.mirror.rules import POLLED
from holdfast.mirror.settling import Settled
from holdfast.mirror.status import Counters
from holdfast.model import TABLES
from holdfast.model.field import Table
from holdfast.netlink.codec import encode
from holdfast.sources.contract import Source

T = TypeVar("T")

REPLACE, CREATE, APPEND = 0x100, 0x400, 0x800


def route(dst: str, oif: int = 2, **fields: Any) -> dict[str, Any]:
    return {"family": 2, "dst": dst, "dst_len": 24, "table_id": 254, "type": 1, "proto": 4, "oif": oif} | fields


def link(ifindex: int, **fields: Any) -> dict[str, Any]:
    return {"ifindex": ifindex, "ifname": f"v{ifindex}", "mtu": 1500, "flags": 1} | fields


def told(table: str, row: dict[str, Any], op: Any = "put", flags: int = 0) -> bytes:
    return encode(TABLES[table], row, op, flags)


class Scripted(Source):
    """A source that has what it is given: queued events, and the rows that a dump shows."""

    kind = "scripted"

    def __init__(self) -> None:
        super().__init__("t", {})
        self.queue: list[bytes | Lost] = []
        self.shown: dict[str, list[dict[str, Any]]] = {}
        self.asked: list[tuple[str, str, dict[str, Any]]] = []
        self.torn = 0

    def open(self) -> None: ...
    def close(self) -> None: ...

    @property
    def events(self) -> Any:
        return self

    def fileno(self) -> int:
        return 0

    def drain(self, limit: int = 0) -> bytes:
        del limit
        one = self.queue.pop(0) if self.queue else b""
        if isinstance(one, Lost):
            raise one
        return one

    def dump(self, table: Table, family: str = "", **filters: Any) -> Iterator[bytes]:
        self.asked.append((table.name, family, filters))
        rows = [row for row in self.shown.get(table.name, []) if all(row.get(name) == value for name, value in filters.items())]
        yield b"".join(told(table.name, row) for row in rows)
        self.interrupted = self.torn > 0
        self.torn -= 1

    def get(self, table: Table, row: Any) -> bytes:
        found = [one for one in self.shown.get(table.name, []) if one["ifindex"] == row["ifindex"]]
        if not found:
            raise KernelError(19)
        return told(table.name, found[0])

    def alive(self) -> bool:
        return True

    def name_files(self) -> dict[str, str]:
        return {}


class Stage:
    """A line on a database of its own, without threads but the writer's."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.others_wait = False
        self.source = Scripted()
        self.counters = Counters()
        self.line = Line(self.source, self.counters)
        self.reading = Reading(self.source, database.fetch)

    def _do(self, job: Callable[[Transaction], T]) -> T:
        return self.database.write(job).result(5)

    def events(self, *messages: bytes | Lost) -> Any:
        self.source.queue += messages
        return self._do(self.line.cycle)

    def begin(self, questions: Questions) -> Answers:
        self.line.applier.journal = Journal()
        return self.reading.ask(questions)

    def settle(self, answers: Answers, *meanwhile: bytes | Lost) -> Settled:
        """`meanwhile`: events that come one after each step, if there are steps."""
        events = list(meanwhile)
        large = self.line.large(answers, others_wait=self.others_wait)
        settled = self._do(lambda tx: self.line.settle(tx, answers))
        for steps in large:
            while not self._do(steps.step):
                if events:
                    self.events(events.pop(0))
            settled.add(steps.table, steps.difference)
        self.line.applier.journal = None
        return settled

    def routes(self) -> list[str]:
        return [row[0] for row in self.database.fetch("SELECT dst FROM routes ORDER BY dst")]


def smallest_steps(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(line_module, "LARGE", -1)
    patch.setattr(settling, "_ROWS", 1)
    patch.setattr(settling, "_STEP_S", 0.0)
    patch.setattr(sweep, "_LOOKED_AT", 1)


@pytest.fixture(params=["at once", "in steps"])
def stage(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    if request.param == "in steps":
        smallest_steps(monkeypatch)
    with Database() as database:
        yield Stage(database)


@pytest.fixture
def slow_stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """Where each step settles one row."""
    smallest_steps(monkeypatch)
    with Database() as database:
        yield Stage(database)


ROUTES = Questions(rereads=(Reread("routes", "AF_INET"),))


def test_order_within_one_read_counts(stage: Stage) -> None:
    one = route("10.1.0.0")
    stage.events(told("routes", one) + told("routes", one, "delete") + told("routes", one))
    assert stage.routes() == ["10.1.0.0"]
    stage.events(told("routes", one, "delete") + told("routes", one) + told("routes", one, "delete"))
    assert stage.routes() == []


def test_one_read_is_one_revision(stage: Stage) -> None:
    before = stage.database.revision
    stage.events(told("routes", route("10.1.0.0")) + told("interfaces", link(2)) + told("routes", route("10.2.0.0")))
    assert stage.database.revision == before + 1


def test_a_dump_makes_the_rows_what_it_shows(stage: Stage) -> None:
    stage.events(told("routes", route("10.1.0.0")) + told("routes", route("10.2.0.0")))
    stage.source.shown["routes"] = [route("10.2.0.0"), route("10.3.0.0")]
    settled = stage.settle(stage.begin(ROUTES))
    assert stage.routes() == ["10.2.0.0", "10.3.0.0"]
    assert str(settled) == "routes +1 ~0 -1"


def test_a_row_that_an_event_deleted_meanwhile_stays_deleted(stage: Stage) -> None:
    stage.events(told("routes", route("10.1.0.0")))
    stage.source.shown["routes"] = [route("10.1.0.0")]
    answers = stage.begin(ROUTES)
    stage.events(told("routes", route("10.1.0.0"), "delete"))
    assert not stage.settle(answers).rows
    assert stage.routes() == []


def test_a_row_that_an_event_made_meanwhile_stays(stage: Stage) -> None:
    answers = stage.begin(ROUTES)
    stage.events(told("routes", route("10.1.0.0", metrics={"mtu": 1400})))
    assert not stage.settle(answers).rows
    assert stage.routes() == ["10.1.0.0"]


def test_a_row_that_went_silently_with_an_event_meanwhile_stays_away(stage: Stage) -> None:
    stage.events(told("interfaces", link(2)) + told("routes", route("10.1.0.0")))
    stage.source.shown["routes"] = [route("10.1.0.0")]
    answers = stage.begin(ROUTES)
    stage.events(told("interfaces", link(2), "delete"))
    stage.settle(answers)
    assert stage.routes() == []


def test_replaced_routes_end_the_same_read_at_once_or_one_by_one(rng: random.Random) -> None:
    """Prefixes come again within one read, some have alternatives; what is not certain is asked the same way."""
    append, replace = 0x400 | 0x800, 0x100
    for _ in range(5):
        told_so = []
        for _ in range(30):
            row = route(f"10.{rng.randrange(6)}.0.0", rng.choice((2, 3)), gateway=f"192.168.0.{rng.randrange(3)}", proto=rng.choice((3, 4)))
            told_so.append(told("routes", row, flags=rng.choice((append, replace, replace, replace))))
        with Database() as one, Database() as other:
            at_once, one_by_one = Stage(one), Stage(other)
            asked = at_once.events(b"".join(told_so)).questions
            assert [question for message in told_so for question in one_by_one.events(message).questions] == asked
            columns = ", ".join(TABLES["routes"].columns)
            rows = [stage.database.fetch(f"SELECT {columns} FROM routes ORDER BY {columns}") for stage in (at_once, one_by_one)]
            assert rows[0] == rows[1] and rows[0]


def test_a_loss_is_told_when_the_queue_is_empty(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until then the kernel drops more, and says nothing of it."""
    monkeypatch.setattr(line_module, "LIMIT", 1)
    cycle = stage.events(Lost("lost"), told("routes", route("10.1.0.0")), told("routes", route("10.2.0.0")))
    assert (cycle.lost, cycle.more) == (False, True)
    cycle = stage.events()
    assert (cycle.lost, cycle.more) == (False, True)
    cycle = stage.events()
    assert (cycle.lost, cycle.more) == (True, False)
    assert stage.routes() == ["10.1.0.0", "10.2.0.0"]
    assert not stage.events().lost
    assert stage.counters.lost == 1


def test_what_was_replaced_meanwhile_does_not_come_back(stage: Stage) -> None:
    """The dump shows a row that stood for a moment between the one we have and the one that the event tells."""
    stage.events(told("routes", route("10.1.0.0", gateway="10.0.0.1")) + told("routes", route("10.2.0.0", gateway="10.0.0.1")))
    stage.source.shown["routes"] = [route("10.1.0.0", gateway="10.0.0.3"), route("10.2.0.0", gateway="10.0.0.1")]
    answers = stage.begin(ROUTES)
    stage.events(told("routes", route("10.1.0.0", gateway="10.0.0.5"), flags=0x100))
    assert not stage.settle(answers).rows
    assert stage.database.fetch("SELECT dst, gateway FROM routes ORDER BY dst") == [("10.1.0.0", "10.0.0.5"), ("10.2.0.0", "10.0.0.1")]


def test_what_events_tell_between_two_steps_is_right_and_the_dump_is_not(slow_stage: Stage) -> None:
    names = [f"10.{number}.0.0" for number in range(1, 7)]
    slow_stage.events(b"".join(told("routes", route(name)) for name in names))
    slow_stage.source.shown["routes"] = [route(name) for name in names]
    answers = slow_stage.begin(ROUTES)
    settled = slow_stage.settle(
        answers,
        told("routes", route(names[0]), "delete"),  # told by the dump before it went
        told("routes", route(names[5]), "delete"),  # and this after it
        told("routes", route("10.7.0.0")),  # the dump does not know it
    )
    assert slow_stage.routes() == [*names[1:5], "10.7.0.0"]
    assert not settled.rows


@pytest.mark.parametrize(("others_wait", "jobs"), [(False, 1), (True, 4)])
def test_a_very_large_first_load_is_one_job_unless_others_wait(
    others_wait: bool, jobs: int, slow_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "AT_ONCE", 0)
    slow_stage.others_wait = others_wait
    slow_stage.source.shown["routes"] = [route("10.1.0.0"), route("10.2.0.0"), route("10.3.0.0")]
    revision = slow_stage.database.revision
    answers = slow_stage.reading.ask(Questions(everything=True))
    settled = slow_stage.settle(answers)
    assert slow_stage.routes() == ["10.1.0.0", "10.2.0.0", "10.3.0.0"]
    assert str(settled) == "routes +3 ~0 -0"
    assert slow_stage.database.revision == revision + min(jobs, 3)


def test_a_loss_between_two_steps_ends_the_sweep_before_it_deletes(slow_stage: Stage) -> None:
    slow_stage.events(b"".join(told("routes", route(name)) for name in ("10.1.0.0", "10.2.0.0", "10.3.0.0")))
    slow_stage.source.shown["routes"] = [route("10.1.0.0"), route("10.4.0.0")]
    slow_stage.settle(slow_stage.begin(ROUTES), Lost("lost"))
    assert slow_stage.routes() == ["10.1.0.0", "10.2.0.0", "10.3.0.0"]
    slow_stage.settle(slow_stage.begin(ROUTES))
    assert slow_stage.routes() == ["10.1.0.0", "10.4.0.0"]


def test_a_part_leaves_the_rest_alone(stage: Stage) -> None:
    stage.events(told("routes", route("10.1.0.0", 2)) + told("routes", route("10.2.0.0", 3)))
    stage.settle(stage.begin(Questions(rereads=(Reread("routes", "AF_INET", (("oif", 2),)),))))
    assert stage.routes() == ["10.2.0.0"]


def test_a_question_whose_condition_has_no_rows_is_not_asked(stage: Stage) -> None:
    stage.begin(Questions(rereads=(Reread("routes", "AF_INET", only_if=Where("prefsrc = ?", ("10.0.0.1",))),)))
    assert stage.source.asked == []


def test_rows_of_a_family_that_was_not_asked_for_are_left_out(stage: Stage) -> None:
    stage.source.shown["routes"] = [route("10.1.0.0"), route("2001:db8::", family=10, dst_len=32)]
    stage.settle(stage.begin(ROUTES))
    assert stage.routes() == ["10.1.0.0"]


def test_an_interface_that_changes_while_it_is_asked_for_is_asked_again(stage: Stage) -> None:
    stage.events(told("interfaces", link(2)))
    stage.source.shown["interfaces"] = [link(2, mtu=1400)]
    answers = stage.begin(Questions(ifindexes=(2,)))
    stage.events(told("interfaces", link(2, mtu=9000)))
    settled = stage.settle(answers)
    assert stage.database.fetch("SELECT mtu FROM interfaces") == [(9000,)]
    assert Ask((2,)) in settled.questions


def test_an_interface_that_is_not_there_goes_with_all_that_is_its(stage: Stage) -> None:
    stage.events(told("interfaces", link(2)) + told("routes", route("10.1.0.0")))
    stage.settle(stage.begin(Questions(ifindexes=(2,))))
    assert stage.routes() == []
    assert stage.database.fetch("SELECT 1 FROM interfaces") == []


def test_an_event_without_the_link_keeps_it_and_asks(stage: Stage) -> None:
    stage.events(told("interfaces", link(2, link=3)))
    cycle = stage.events(told("interfaces", link(2, mtu=1400)))
    assert stage.database.fetch("SELECT link, mtu FROM interfaces") == [(3, 1400)]
    assert Ask((2,)) in cycle.questions


def test_after_a_loss_the_queue_is_emptied_first(stage: Stage) -> None:
    cycle = stage.events(told("routes", route("10.1.0.0")), Lost("full"), told("routes", route("10.2.0.0")))
    cycle = stage.events() if not cycle.lost else cycle
    assert cycle.lost
    assert stage.counters.lost == 1
    assert stage.routes() == ["10.1.0.0", "10.2.0.0"]


def test_a_torn_dump_is_taken_three_times_and_remembered(stage: Stage) -> None:
    stage.source.torn = 3
    answers = stage.begin(ROUTES)
    assert len(stage.source.asked) == 3
    assert answers.torn == [Reread("routes", "AF_INET")]
    stage.source.torn = 1
    assert stage.begin(ROUTES).torn == []


def test_a_first_load_and_a_second_one_write_the_same(stage: Stage) -> None:
    stage.source.shown["routes"] = [route("10.1.0.0"), route("10.2.0.0")]
    stage.source.shown["interfaces"] = [link(2)]
    for expected in (3, 0):
        answers = stage.reading.ask(Questions(everything=True))
        settled = stage.settle(answers)
        assert settled.rows == expected
        assert stage.routes() == ["10.1.0.0", "10.2.0.0"]


def proxy(dst: str) -> dict[str, Any]:
    return {"family": 2, "ifindex": 2, "dst": dst, "flags": 8, "proxy": 1}


def test_a_look_compares_with_what_the_tables_were_told(stage: Stage) -> None:
    shown = stage.source.shown["neighbours"] = []
    stage.settle(stage.reading.ask(Questions(everything=True)))
    assert not stage.reading.look()
    shown.append(proxy("10.0.0.7"))
    assert stage.reading.look()
    assert stage.reading.look(), "it is news until it was asked for, not until it was seen"
    stage.settle(stage.begin(Questions(rereads=POLLED)))
    assert not stage.reading.look()


def test_what_goes_between_the_look_and_the_answer_is_noticed_when_it_comes_again(stage: Stage) -> None:
    shown = stage.source.shown["neighbours"] = []
    stage.settle(stage.reading.ask(Questions(everything=True)))
    shown.append(proxy("10.0.0.7"))
    assert stage.reading.look()
    shown.clear()
    stage.settle(stage.begin(Questions(rereads=POLLED)))
    shown.append(proxy("10.0.0.7"))
    assert stage.reading.look()


def test_what_a_whole_reading_showed_and_went_before_the_next_look_is_noticed(stage: Stage) -> None:
    shown = stage.source.shown["neighbours"] = [proxy("10.0.0.7")]
    stage.settle(stage.reading.ask(Questions(everything=True)))
    shown.clear()
    assert stage.reading.look()


def down(ifindex: int, **fields: Any) -> dict[str, Any]:
    return link(ifindex, flags=0) | fields


def look_and_ask(stage: Stage) -> list[int]:
    """The interfaces that a look asks for, and settle the answers."""
    asked = [index for one in stage.reading.look() if isinstance(one, Ask) for index in one.ifindexes]
    if asked:
        stage.settle(stage.begin(Questions(ifindexes=tuple(asked))))
    return asked


def test_an_interface_that_is_down_is_looked_at_until_it_is_known(stage: Stage) -> None:
    stage.source.shown["interfaces"] = [down(2), link(3)]
    stage.settle(stage.reading.ask(Questions(everything=True)))
    assert look_and_ask(stage) == [2]
    assert look_and_ask(stage) == []


def test_what_changes_silently_on_an_interface_that_is_down_is_seen(stage: Stage) -> None:
    shown = stage.source.shown["interfaces"] = [down(2), link(3)]
    stage.settle(stage.reading.ask(Questions(everything=True)))
    look_and_ask(stage)
    shown[:] = [down(2, ifalias="some"), link(3, ifalias="told by an event")]
    while look_and_ask(stage):
        pass
    assert stage.database.fetch("SELECT ifindex, ifalias FROM interfaces ORDER BY ifindex") == [(2, "some"), (3, None)]


def test_a_change_that_an_event_told_and_that_was_taken_back_in_silence_is_seen(stage: Stage) -> None:
    stage.source.shown["interfaces"] = [down(2)]
    stage.settle(stage.reading.ask(Questions(everything=True)))
    look_and_ask(stage)
    stage.events(told("interfaces", down(2, ifalias="while it was up")))
    assert look_and_ask(stage) == [2]
    assert stage.database.fetch("SELECT ifalias FROM interfaces") == [(None,)]


def test_many_that_are_down_are_looked_at_in_turn(stage: Stage) -> None:
    stage.source.shown["interfaces"] = [down(index) for index in range(1, 41)]
    stage.settle(stage.reading.ask(Questions(everything=True)))
    looks = [look_and_ask(stage) for _ in range(3)]
    assert max(map(len, looks)) == 16
    assert sorted(index for look in looks for index in look) == list(range(1, 41))
    assert not any(look_and_ask(stage) for _ in range(3))


def test_what_stands_beside_a_route_that_was_replaced_meanwhile_is_asked_for_again(stage: Stage) -> None:
    """After a loss: of two alternatives we have neither, and an event tells what became of one."""
    stage.source.shown["routes"] = [route("10.1.0.0", gateway="10.0.0.3"), route("10.1.0.0", gateway="10.0.0.4")]
    answers = stage.begin(ROUTES)
    journal = stage.line.applier.journal
    assert journal is not None
    stage.events(told("routes", route("10.1.0.0", gateway="10.0.0.5"), flags=0x100))
    stage.settle(answers)
    assert {(one.table, one.filters) for one in journal.questions if isinstance(one, Reread)} == {("routes", (("table_id", 254),))}
    stage.source.shown["routes"] = [route("10.1.0.0", gateway="10.0.0.5"), route("10.1.0.0", gateway="10.0.0.4")]
    stage.settle(stage.begin(ROUTES))
    assert stage.database.fetch("SELECT gateway FROM routes ORDER BY gateway") == [("10.0.0.4",), ("10.0.0.5",)]


def test_which_of_two_was_replaced_meanwhile_is_asked_if_we_knew_of_one(stage: Stage) -> None:
    first, second, third = (route("10.1.0.0", gateway=f"10.0.0.{number}") for number in (3, 4, 5))
    stage.events(told("routes", first))
    stage.source.shown["routes"] = [first, second]
    answers = stage.begin(ROUTES)
    journal = stage.line.applier.journal
    assert journal is not None
    stage.events(told("routes", third, flags=0x100))  # it was the second
    stage.settle(answers)
    assert journal.questions
    stage.source.shown["routes"] = [first, third]
    stage.settle(stage.begin(ROUTES))
    assert stage.database.fetch("SELECT gateway FROM routes ORDER BY gateway") == [("10.0.0.3",), ("10.0.0.5",)]


def leg(*gateways: str, **fields: Any) -> dict[str, Any]:
    """An IPv6 route by one or several of these."""
    ways: dict[str, Any] = {"gateway": gateways[0], "oif": 2}
    if len(gateways) > 1:
        ways = {"multipath": [{"gateway": one, "oif": 2, "weight": 1, "flags": 0} for one in gateways], "gateway": None, "oif": None}
    return {"family": 10, "dst": "fc00::", "dst_len": 64, "table_id": 254, "type": 1, "proto": 4, "priority": 1024} | ways | fields


def test_a_leg_that_comes_while_its_route_is_asked_for_is_a_reason_to_ask_again(stage: Stage) -> None:
    """All but the legs of the row is that of the first one, which is what the answer would tell."""
    stage.events(told("routes", leg("fe80::2", proto=99)))
    assert not stage.events(told("routes", leg("fe80::2", "fe80::3"))).questions
    answers = stage.begin(Questions(rereads=(Reread("routes", "AF_INET6"),)))
    cycle = stage.events(told("routes", leg("fe80::2", "fe80::3", "fe80::4")))
    assert [(one.table, one.family) for one in cycle.questions] == [("routes", "AF_INET6")]
    stage.settle(answers)


# -- what goes in silence while it is asked for


def test_what_a_dump_shows_of_an_interface_that_went_meanwhile_does_not_come_back(stage: Stage) -> None:
    """A queue that no event tells, read just before its interface is deleted."""
    stage.events(told("interfaces", link(5)))
    stage.source.shown["qdiscs"] = [{"ifindex": 5, "kind": "noqueue", "handle": 0, "parent": 0xFFFFFFFF}]
    answers = stage.begin(Questions(rereads=(Reread("qdiscs", "", (("ifindex", 5),)),)))
    stage.events(told("interfaces", link(5), "delete"))
    stage.settle(answers)
    assert stage.database.fetch("SELECT ifindex FROM qdiscs") == []


def test_what_was_told_after_it_went_stays(stage: Stage) -> None:
    """The interface moved away and came back with its number, and events told of its routes."""
    stage.events(told("interfaces", link(5)))
    stage.source.shown["routes"] = [route("10.1.0.0", 5), route("10.2.0.0", 5)]
    answers = stage.begin(ROUTES)
    stage.events(told("interfaces", link(5), "delete") + told("interfaces", link(5)) + told("routes", route("10.2.0.0", 5)))
    stage.settle(answers)
    assert stage.routes() == ["10.2.0.0"]


def test_routes_by_a_nexthop_object_that_went_meanwhile_do_not_come_back(slow_stage: Stage) -> None:
    rows = [route(f"10.{number}.0.0", oif=None, nh_id=7) for number in range(6)]
    slow_stage.source.shown["routes"] = rows
    slow_stage.events(told("routes", rows[0]))
    answers = slow_stage.begin(ROUTES)
    slow_stage.settle(answers, told("nexthops", {"id": 7, "oif": 2}, "delete"))
    assert slow_stage.routes() == []


@pytest.mark.parametrize("between", ["nothing", "another", "removed", "one more"])
def test_what_is_said_of_a_prefix_counts_for_the_next_event_only(stage: Stage, between: str) -> None:
    """Who has just looked need not look again; what comes first, whatever it is, makes that old."""
    first = route("10.1.0.0", gateway="192.0.2.1", priority=0)
    stage.events(told("routes", first))
    stage.line.applier.only = key_of(TABLES["routes"], TABLES["routes"].defaults | first)
    events = {
        "nothing": [],
        "another": [told("routes", route("10.2.0.0", gateway="192.0.2.1"))],
        "removed": [told("routes", first, "delete"), told("routes", route("10.1.0.0", gateway="192.0.2.8"), flags=CREATE)],
        "one more": [told("routes", route("10.1.0.0", gateway="192.0.2.9"), flags=CREATE | APPEND)],
    }[between]
    cycle = stage.events(b"".join([*events, told("routes", route("10.1.0.0", gateway="192.0.2.2"), flags=REPLACE)]))
    there = [row[0] for row in stage.database.fetch("SELECT gateway FROM routes WHERE dst = '10.1.0.0' ORDER BY gateway")]
    if between == "one more":
        assert cycle.questions  # which of the two it took the place of is asked for
    else:
        assert there == ["192.0.2.2"]
    assert stage.line.applier.only is None
