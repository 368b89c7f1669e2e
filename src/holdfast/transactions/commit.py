"""One transaction, from the first message to the last look: in a worker thread, so that nothing here stands on the loop.

    drain ─► plan, undo list ─► intent ─► phase by phase: encode, send, acks ─► drain ─► compare with what was asked ─► result
                                              │ refused, late, overtaken, cancelled                       │ differs
                                              └────► undo list backwards ─► compare with what was ─► what differs again ─► error

The interpreter lock and the kernel's own (RTNL is one for all namespaces) make threads per target useless: targets are served
one after another within each phase.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from holdfast.collector import held_back
from holdfast.errors import Bug, Conflict, HoldfastError, NotSupported, Unavailable
from holdfast.mirror.consequence import Reread
from holdfast.mirror.hand import Hand
from holdfast.mirror.line import Cycle, Line
from holdfast.model import ADDRESSES, INTERFACES, NETNS
from holdfast.netlink.batch import Batch

from .contract import Change, Create, Delete, Named, Outcome, Request
from .course import Before, Course, inverses_of
from .creations import Creations
from .deadline import Deadline
from .journal import Run, note_intent, note_result, note_stage, packed, packed_one, runs_of
from .judge import Judge, left_words, named
from .order import Phase, Step, in_order
from .overtaken import overtaken
from .plan import Plan, as_sent, made_anew, only_one, plan
from .present import ROWS_MOST, Present
from .refusal import Refused, told, with_outcome
from .scene import Scene
from .seeing import Seeing, follows
from .sending import Sender
from .stages import stages
from .undo import Later
from .wires import Wires

if TYPE_CHECKING:
    from holdfast.database.home import Database, Transaction

__all__ = ["Commit", "Short", "is_short"]

_ROUNDS: Final = 3
_WAITING_MOST: Final = 200_000
"""Events that wait until more is sent: the socket holds three times as many."""
_SHORT: Final = frozenset(("routes", "rules", "fdb", "addresses", "neighbours", "nexthops"))
"""Tables whose events tell all that a creation does, at once."""


@dataclass(slots=True)
class Short:
    """What became of a transaction on the short way: done, or refused (`failure`), or to be gone on with on the long way.

    begun   the message was sent and acknowledged.
    cycles  what was read, for the loop to learn from.
    """

    done: bool = False
    begun: bool = False
    failure: HoldfastError | None = None
    cycles: list[Cycle] = field(default_factory=list)


class Commit:
    """Carries out requests, all or none. `run` once."""

    def __init__(
        self,
        requests: Sequence[Request],
        hands: Mapping[str, Hand],
        wires: Wires,
        database: Database,
        *,
        force: bool = False,
        timeout_s: float = 30.0,
        author: str = "",
        message: str = "",
        progress: Callable[[int, int], object] | None = None,
        look: Callable[[], object] = lambda: None,
        ifnames: Callable[[], dict[tuple[str, int], str] | None] = lambda: None,
    ) -> None:
        """`look`: have the names of namespaces be looked at; blocks. `ifnames`: of interfaces, as what is committed has them."""
        self._requests = requests
        self._hands = hands
        self._database = database
        self._force = force
        self.deadline = Deadline(timeout_s)
        self._author = author
        self._message = message
        self._ifnames = ifnames
        self._scene = Scene(hands)
        self._present = Present(database.fetch, self._scene.means)
        self._judge = Judge(self._present, self._scene, hands)
        self._sender = Sender(
            hands, wires, self._scene, self._present, self.deadline,
            Course(requests if isinstance(requests, Creations) else None, self._judge.resolved_or),
            lambda sent: progress and progress(sent, len(requests)),
        )  # fmt: skip
        self._seeing = Seeing(hands, self._scene, self._present, self._judge, self.deadline, look)
        self._undo_list: Sequence[Request] | None = None
        self._begun = 0
        self._rows: tuple[Mapping[str, Any] | None, ...] = ()
        self._judged_to = 0
        self._intent = 0

    @property
    def _course(self) -> Course:
        return self._sender.course

    # -- the short way ---------------------------------------------------------------------------------------------

    @property
    def short(self) -> bool:
        """May it go the short way? One message about something of which events tell all cannot be half done."""
        return len(self._requests) == 1 and len(self._hands) == 1 and is_short(self._requests[0])

    def in_writer(self, tx: Transaction) -> Short:
        """All of it as one job of the writer: drain, plan, send, drain, write down, compare. No thread waits for another.

        What the kernel has to do takes 10 to 30 µs; while it is at something longer (RTNL is taken), there is nothing to write,
        either. Nothing is raised, for what was drained is to be kept.
        """
        [hand] = self._hands.values()
        short = Short()
        line: Line | None = None
        try:
            line = hand.line
            short.cycles.append(line.cycle(tx))
            if short.cycles[0].more or short.cycles[0].lost:
                return short
            events = line.applier.witness = []
            self._present.fetch = tx.fetch
            alone = not short.cycles[0].events and tx.number == self._database.revision + 1  # nothing before it waits to be committed
            self._present.ifnames = self._ifnames() if alone else None
            [one] = plans = self._planned_now([(0, self._requests[0])])
            if len(one.steps) > 1 or follows(one):
                return short
            self._course.add([(0, one.request)], plans)
            if one.steps:
                short.begun = True
                self._sender.send(one.steps)
                self._single_noted(tx)
                line.applier.only = only_one(one)
                short.cycles.append(line.cycle(tx))
                short.done, row = self._judge.told(one, events)
                if not short.done:
                    self._check_overtaken({hand.target: events})
                    if short.cycles[-1].questions:  # what became of it is known when they are answered
                        return short
            if not short.done:
                row, wrong = self._judge.judged(one)
                short.done = not wrong
            if short.done:
                self._rows = (row,)
        except HoldfastError as failure:
            short.failure = failure.error if isinstance(failure, Refused) else failure
        finally:
            if line is not None:
                line.applier.witness = line.applier.only = None
            self._present.fetch, self._present.ifnames = self._database.fetch, None
        return short

    def _single_noted(self, tx: Transaction) -> None:
        """The journal's line, in the transaction that has the event."""
        [one] = self._course.plans
        self._undo_list = undo = list(inverses_of([one]))
        words = [told(one.request, "", self._present)]
        boot_id = self._database.boot_id
        self._intent = note_intent(tx, boot_id, words, 1, list(map(packed_one, undo)), self._author, self._message, result="done")

    def outcome(self) -> Outcome:
        """After a transaction that is done. Objects keep what takes it back, so that holds no more than it needs."""
        undo = self._undo_list
        if undo is None:
            course, done = self._course, self._sender.done
            undo = Later(lambda: chain.from_iterable(course.inverses(done)))
        return Outcome(self._intent, self._database.revision, self._sender.sent, self._rows, undo)

    # -- the long way ----------------------------------------------------------------------------------------------

    def run(self, begun: Short | None = None) -> Outcome:
        """Blocks. Raises: what Engine.commit says; with `Aborted` for one that was given up.

        begun: what became of it on the short way: it is gone on with.
        """
        try:
            with held_back() if len(self._requests) > ROWS_MOST else contextlib.nullcontext():
                return self._run(begun)
        finally:
            with contextlib.suppress(Unavailable):
                for hand in self._hands.values():
                    hand.name(0)
            self._scene.close()
            self._sender.close()

    def _run(self, begun: Short | None) -> Outcome:
        try:
            if begun is not None and begun.failure is not None:
                raise begun.failure
            if self._course.many is not None:
                self._in_parts(self._course.many)
            elif begun is None or not begun.begun:
                self._in_stages()
            elif begun.cycles[-1].questions:
                self._seeing.catch_up()
            self.deadline.check()
            plans = self._course.plans
            self._seeing.all_of(plans)
            if self._course.many is not None:
                self._seeing.read_back_many(self._course.many, self._begun)
            else:
                self._rows = self._seeing.read_back(self._course.places, plans, len(self._course.stages), len(self._requests))
            if self._intent:
                self._note(lambda tx: note_result(tx, self._intent, "done"))
        except HoldfastError as failure:
            raise self._undo(failure) from failure
        except Exception as fault:  # whatever it is, nothing may stay half done
            raise self._undo(Bug(f"a transaction failed: {fault!r}")) from fault
        return self.outcome()

    def _in_parts(self, many: Creations) -> None:
        """Very many creations that need nothing of each other but their order: no more plans than those of a part are there at once."""
        self._begun = self._database.revision
        waiting = 0
        for places in many.parts():
            if waiting + len(places) > _WAITING_MOST:
                self._seeing.drain()
                waiting = 0
            self._seeing.expect(many, places)
            self._note(self._noted(many.undo(places)))
            self._sender.send_many(many, places)
            waiting += len(places)
        self._seeing.drain()

    def _in_stages(self) -> None:
        for number, stage in enumerate(stages(self._requests)):
            if number:
                self._seeing.catch_up()
            with self._witnessed(stage) as events:
                self._stage(stage, journaled=True)
                self._seeing.drain(self._course.plans)
            self._check_overtaken(events)

    # -- a stage ---------------------------------------------------------------------------------------------------

    def _stage(self, stage: Sequence[tuple[int, Request]], *, journaled: bool) -> None:
        plans = self._planned(stage)
        self._course.add(stage, plans)
        steps = [step for one in plans for step in one.steps if self._reachable(step)]
        if not steps:
            return
        if journaled and not self._sender.lenient:
            self._note(self._noted(runs_of(inverses_of(as_sent(plans)))))
        for phase in in_order(steps):
            self._sender.send(phase)

    def _reachable(self, step: Step) -> bool:
        """In a namespace that is no source nothing can be set: what moves there stays down. Raises: NotSupported."""
        if step.target in self._hands or step.how == "netns":
            return True
        if step.phase == Phase.UP:
            return False
        message = f"`{step.target}` is no source: what moves there cannot be changed as well"
        raise NotSupported(message, hint="add it as a source first", index=step.place, target=step.target)

    @contextlib.contextmanager
    def _witnessed(self, stage: Sequence[tuple[int, Request]]) -> Iterator[Mapping[str, Sequence[Batch]]]:
        """What is told at the targets from now on, by target. What is made was nobody's before: of that nothing is kept."""
        judged = any(not isinstance(one, Create) or one.ensure for _, one in stage)
        with contextlib.ExitStack() as stack:
            yield {target: stack.enter_context(hand.witnessed()) for target, hand in self._hands.items() if judged}

    def _check_overtaken(self, events: Mapping[str, Sequence[Batch]]) -> None:
        """Raises: Conflict. What somebody else made of an object is what is to be there after the undo."""
        if self._force:
            return
        plans = self._course.plans
        for one, row in overtaken(plans[self._judged_to :], events):
            one.before = row
            place = self._course.place_of(one)
            words = told(one.request, one.request.target, self._present)
            raise Conflict(f"{words}: somebody else changed it while it was being changed – at `{one.request.target}`",
                           hint="load it again, or use force=True", index=place)  # fmt: skip
        self._judged_to = len(plans)

    def _planned(self, stage: Sequence[tuple[int, Request]]) -> list[Plan]:
        looked_up = [one for _, one in stage if not isinstance(one, Create) or one.ensure]
        if looked_up or any(one.table is INTERFACES for _, one in stage):
            self._seeing.drain(self._course.plans)
        self._present.gather_many((one.target, one.table) for one in looked_up)
        try:
            return self._with_those_that_go(stage, self._with_last_addresses(self._planned_now(stage)))
        finally:
            self._present.forget()

    def _with_last_addresses(self, plans: list[Plan]) -> list[Plan]:
        """Of addresses that go together each one alone would not be the last of its interface."""
        going: dict[tuple[str, int], list[tuple[Plan, dict[str, Any]]]] = {}
        for one in plans:
            if one.request.table is ADDRESSES and isinstance(one.request, Delete) and one.before is not None:
                going.setdefault((one.where, one.before["ifindex"]), []).append((one, dict(one.before)))
        for (where, _), together in going.items():
            if len(together) > 1:
                for one, row in together:
                    one.hung = self._present.of_address(where, row, {other["local"] for _, other in together})
        return plans

    def _with_those_that_go(self, stage: Sequence[tuple[int, Request]], plans: list[Plan]) -> list[Plan]:
        """What is to be there, and is, may be about to go by what another one does, or with it: then it is made again.

        Of a creation that is already so, and of a change of what goes with something else.
        """
        there = {
            at: named(one.where, one.request.table, one.before)
            for at, one in enumerate(plans)
            if one.before is not None and one.asked is not None and one.request.table is not INTERFACES
            and (isinstance(one.request, Change) or not one.steps)
        }  # fmt: skip
        if there:
            taking = (one for one in plans if one.steps and (one.before is not None or not isinstance(one.request, Create)))
            going = {named(*hung) for one in taking for hung in one.hung}  # what hangs on something new goes when that is taken back only
            going |= {named(one.where, one.request.table, one.before) for one in plans if one.steps and one.asked is None and one.before}
            for at, name in there.items():
                if name in going:
                    plans[at] = made_anew(plans[at], stage[at][0], self._present)
        return plans

    def _planned_now(self, stage: Sequence[tuple[int, Request]]) -> list[Plan]:
        return [self._plan(one, place) for place, one in stage]

    def _plan(self, one: Request, place: int) -> Plan:
        if not self._sender.lenient:
            return plan(one, place, self._present, force=self._force)
        try:
            return plan(one, place, self._present, force=True)
        except HoldfastError as failure:  # another way may lead there: it is compared afterwards
            self._sender.failures.append(str(failure))
            return Plan(one, where=one.target)

    def _noted(self, undoing: Iterable[Run]) -> Callable[[Transaction], None]:
        undo = packed(undoing)

        def job(tx: Transaction) -> None:
            if self._intent:
                note_stage(tx, self._intent, undo)
            else:
                words = [told(one, "", self._present) for one in self._requests[:ROWS_MOST]]
                self._intent = note_intent(tx, self._database.boot_id, words, len(self._requests), undo, self._author, self._message)

        return job

    def _note(self, job: Callable[[Transaction], Any]) -> None:
        self._database.write(job).result()
        for hand in self._hands.values():
            hand.name(self._intent)  # what is told from now on was caused by this

    # -- taking back -----------------------------------------------------------------------------------------------

    def _undo(self, failure: HoldfastError) -> HoldfastError:
        """Make it as it was; the error to raise, which says what came of that."""
        if isinstance(failure, Refused):
            failure = failure.error
        if not self._sender.done:
            self._result("undone", failure)
            return failure
        self._sender.lenient = True
        self.deadline.again()
        done = self._sender.done
        left: list[str] = []
        try:
            self._seeing.drain(self._course.plans)  # what was made is looked up: it may take something along when it goes
            before = self._course.before(self._judge, done, self._begun)
            if self._course.many is not None:
                self._take_back(self._course.many, done)
            else:
                for part in self._course.inverses(done):
                    self._again(part)
            left = self._repair(before)
        except HoldfastError as second:
            left = [f"undoing ended with: {second}", *self._sender.failures]
        self._result("undone in part" if left else "undone", failure, left)
        return with_outcome(failure, len(done), left)

    def _take_back(self, many: Creations, done: set[int]) -> None:
        """Very many creations, a part at a time, the last one first."""
        waiting = 0
        for part in reversed(list(many.parts())):
            places = [place for place in part if place in done]
            self._sender.done = set()
            if not self._sender.take_back_many(many, places):
                self._again(list(inverses_of([many.plan(place) for place in places])))
            waiting += len(places)
            if waiting > _WAITING_MOST:
                self._seeing.drain()
                waiting = 0
        self._seeing.drain()

    def _again(self, requests: Sequence[Request]) -> None:
        """Carry out what takes something back, whatever is refused of it."""
        first, self._sender.course, self._sender.done = self._course, Course(), set()
        try:
            for number, stage in enumerate(stages(requests)):
                if number:
                    self._seeing.catch_up()
                self._stage(stage, journaled=False)
            self._seeing.drain(self._course.plans)
        finally:
            self._sender.course = first

    def _repair(self, before: Before) -> list[str]:
        """Compare with what was, and do what is missing; what cannot be done, in words."""
        for number in range(_ROUNDS + 1):
            self._ask_again(before)
            self._seeing.catch_up()
            work = before.differing(self._judge)
            if not work:
                return []
            if number < _ROUNDS:
                self._sender.failures.clear()
                self._again(work)
        return [left_words(one, self._present) for one in work] + self._sender.failures

    def _ask_again(self, before: Before) -> None:
        """What is compared is to be so now, also what is told late or not at all."""
        for where, table in before.tables:
            if where in self._hands and table is not NETNS:
                self._hands[where].ask([Reread(table.name, reason="a transaction is taken back")])

    def _result(self, word: str, failure: HoldfastError, left: Sequence[str] = ()) -> None:
        if self._intent:
            try:
                self._database.write(
                    lambda tx: note_result(tx, self._intent, word, error=failure.message, not_undone=list(left))
                ).result()
            except Unavailable:
                failure.details["journal"] = "the result could not be written"


def is_short(one: Request) -> bool:
    """Is it one message, about something of which events tell all?"""
    if one.table.name not in _SHORT or Named in set(map(type, one.row.values())):
        return False
    if one.table.name == "addresses":
        return ":" not in str(one.row.get("local") or one.row.get("address"))
    return one.table.name != "neighbours" or not one.row.get("proxy")
