"""Steps to the kernel: as messages in large batches, with an ack for each; what has no message in its own way."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from holdfast.errors import HoldfastError, Lost, Timeout
from holdfast.mirror.hand import Hand
from holdfast.model import INTERFACES, NEXTHOPS, ROUTES
from holdfast.netlink.ack import Ack
from holdfast.netlink.requests import RequestSocket

from . import namespaces, tuns
from .complete import AF_INET6
from .contract import Change, Create, Delete
from .course import Course
from .creations import Alike, Creations
from .deadline import Deadline
from .messages import APPEND, CREATE, EXCL, message_of, messages_of, messages_of_rows
from .order import Step, Verb
from .present import Present
from .refusal import Refused, error_of, is_missing, is_there, told
from .scene import Scene
from .ways import ways_to_gateways
from .wires import Wires

__all__ = ["Sender"]

_MOST_BYTES: Final = 64 << 10
_MANY: Final = 100
_CARRIER_S: Final = 2.0
_BATCH_S: Final = 0.2


class _Parcel(NamedTuple):
    """What is sent at once.

    places   of the requests that the messages belong to.
    step     of a message, by its place in the parcel.
    """

    places: Sequence[int]
    messages: Sequence[bytes]
    step: Callable[[int], Step]


class Sender:
    """What was sent for one transaction, and what came of it.

    course    whose steps are sent; undoing has one of its own.
    done      places of requests of which the kernel did something; `Commit` empties it where it counts anew.
    sent      messages that the kernel took.
    lenient   of what takes something back all is tried: refusals are kept in `failures`, in words, and not raised.
    """

    def __init__(
        self, hands: Mapping[str, Hand], wires: Wires, scene: Scene, present: Present, deadline: Deadline, course: Course,
        progress: Callable[[int], object],
    ) -> None:  # fmt: skip
        """progress: told the messages taken so far, batch by batch."""
        self._hands = hands
        self._wires = wires
        self._scene = scene
        self._present = present
        self._deadline = deadline
        self.course = course
        self._progress = progress
        self._kept: dict[str, int] = {}  # namespaces whose names were taken away: name -> descriptor
        self.done: set[int] = set()
        self._links = False  # were interfaces changed?
        self.sent = 0
        self.lenient = False
        self.failures: list[str] = []

    def close(self) -> None:
        for fd in self._kept.values():
            os.close(fd)

    def send(self, phase: Sequence[Step]) -> None:
        """One phase: all targets, one after another. Raises: Refused, and what ends a transaction."""
        if phase[0].table is INTERFACES:
            self._links = True
            self._scene.forget()
        for target in dict.fromkeys(step.target for step in phase):
            own = [step for step in phase if step.target == target]
            if own[0].how == "netns":
                for step in own:
                    self._name_namespace(step)
                continue
            for step in own:
                if step.how == "tun":
                    self._make_tun(step)
            steps = [step for step in own if step.how != "tun"]
            self._exchange(target, self._parcels(steps, self._wire(target).most))

    def send_many(self, many: Creations, part: Sequence[int]) -> None:
        """A part of very many creations, in order. Raises: as `send`."""
        for alike in many.runs(part):
            messages = self._written(alike, Verb.CREATE)
            if messages is None:
                self.send([step for place in alike.places for step in many.plan(place).steps])
            else:
                self._exchange_alike(alike, messages, many, Verb.CREATE)

    def take_back_many(self, many: Creations, part: Sequence[int]) -> bool:
        """Ask for the removal of a part of them, the last one first. False: that has to be asked for one by one; nothing was sent."""
        runs = list(many.runs(part[::-1]))
        written = [self._written(alike, Verb.DELETE) for alike in runs]
        if None in written or any(alike.beside for alike in runs):  # which of several that are beside each other?
            return False
        for alike, messages in zip(runs, written, strict=True):
            assert messages is not None
            self._exchange_alike(alike, messages, many, Verb.DELETE)
        return True

    def _exchange_alike(self, alike: Alike, messages: Sequence[bytes], many: Creations, verb: Verb) -> None:
        def step(at: int) -> Step:
            return many.plan(alike.places[at]).steps[0]._replace(verb=verb)

        self._exchange(alike.target, _of_one_length(alike.places, messages, self._wire(alike.target).most, step))

    def _written(self, alike: Alike, verb: Verb) -> list[bytes] | None:
        """The messages, if they can be written together; what is wrong with one is told where it is written by itself."""
        flags = 0 if verb is Verb.DELETE else CREATE | EXCL
        if verb is Verb.CREATE and alike.beside:
            if AF_INET6 in alike.columns["family"]:
                return None
            flags = CREATE | APPEND
        with contextlib.suppress(HoldfastError):
            columns = {name: self._scene.numbered(alike.target, column) for name, column in alike.columns.items()}
            return messages_of(alike.table, columns, verb, flags)
        return None

    def _wire(self, target: str) -> RequestSocket:
        return self._wires[target] if target in self._hands else self._scene.guest_wire(target)

    def _exchange(self, target: str, parcels: Iterable[_Parcel]) -> None:
        wire = self._wire(target)
        for parcel in parcels:
            self._deadline.check()
            if len(parcel.messages) > _MANY and target in self._hands:
                self._hands[target].lease(_BATCH_S)  # read at once when all is sent; until then two threads would hinder each other
            try:
                refused: Sequence[tuple[int, Ack]] = wire.exchange(parcel.messages, self._deadline.left_s())
            except (Timeout, Lost):
                self.done.update(parcel.places)  # perhaps
                raise
            if refused:
                refused = self._again_by_ways(wire, parcel, self._again_with_carrier(wire, parcel, refused))
            self._acknowledged(parcel, refused)

    def _again_with_carrier(self, wire: RequestSocket, parcel: _Parcel, refused: Sequence[tuple[int, Ack]]) -> Sequence[tuple[int, Ack]]:
        """A link that was set up has its carrier up to a second later, and until then the kernel refuses nexthops through it."""
        until = time.monotonic() + _CARRIER_S
        while self._links and time.monotonic() < until:
            late = [at for at, ack in refused if ack.error == errno.ENETDOWN and parcel.step(at).table is NEXTHOPS]
            if not late:
                break
            self._deadline.check()
            time.sleep(0.05)
            again = wire.exchange([parcel.messages[at] for at in late], self._deadline.left_s())
            refused = [(at, ack) for at, ack in refused if at not in late] + [(late[place], ack) for place, ack in again]
        return refused

    def _again_by_ways(self, wire: RequestSocket, parcel: _Parcel, refused: Sequence[tuple[int, Ack]]) -> Sequence[tuple[int, Ack]]:
        """What comes back may miss the way to its gateway that was there when it was made: for a moment there is one."""
        coming = [at for at, ack in refused if self._comes_back(parcel.step(at)) and not is_there(ack)]
        try:
            ways = list(ways_to_gateways((step.target, self._scene.resolved(step)) for step in map(parcel.step, coming)))
        except HoldfastError:  # an interface that is not there
            return refused
        if not ways:
            return refused
        there = {at for at, _ in self._exchanged(wire, [message_of(way, way.row) for way in ways])}
        again = self._exchanged(wire, [parcel.messages[at] for at in coming])
        made = [way._replace(verb=Verb.DELETE, flags=0) for at, way in enumerate(ways) if at not in there]
        self._exchanged(wire, [message_of(way, way.row) for way in made])
        return [(at, ack) for at, ack in refused if at not in coming] + [(coming[place], ack) for place, ack in again]

    def _exchanged(self, wire: RequestSocket, messages: Sequence[bytes]) -> list[tuple[int, Ack]]:
        """The refusals, by place."""
        starts = range(0, len(messages), wire.most)
        parts = ((start, wire.exchange(messages[start : start + wire.most], self._deadline.left_s())) for start in starts)
        return [(start + at, ack) for start, part in parts for at, ack in part]

    def _comes_back(self, step: Step) -> bool:
        """Is it something that was there before?"""
        if step.table not in (ROUTES, NEXTHOPS) or step.verb is Verb.DELETE:
            return False
        request = self.course.request(step.place)
        if isinstance(request, Change):
            return self.lenient or request.back
        return self.lenient or (isinstance(request, Create) and request.ensure and request.beside)

    def _parcels(self, steps: Sequence[Step], most: int) -> Iterator[_Parcel]:
        if len(steps) > _MANY and (together := self._together(steps)):
            yield from _of_one_length([one.place for one in steps], together, most, steps.__getitem__)
            return
        batch: list[Step] = []
        messages: list[bytes] = []
        size = 0
        for step in steps:
            message = self._encoded(step)
            if message is None:
                continue
            if len(batch) == most or size + len(message) > _MOST_BYTES:
                yield _Parcel([one.place for one in batch], messages, batch.__getitem__)
                batch, messages, size = [], [], 0
            batch.append(step)
            messages.append(message)
            size += len(message)
        if batch:
            yield _Parcel([one.place for one in batch], messages, batch.__getitem__)

    def _together(self, steps: Sequence[Step]) -> list[bytes] | None:
        """The messages of steps that are alike; as `_written`."""
        first = steps[0]
        if {one.table for one in steps} != {first.table} or {(one.verb, one.flags, one.how) for one in steps} != {(first.verb, 0, "")}:
            return None
        with contextlib.suppress(HoldfastError):
            return messages_of_rows(first.table, list(map(self._scene.resolved, steps)), first.verb, first.flags)
        return None

    def _encoded(self, step: Step) -> bytes | None:
        try:
            return message_of(step, self._scene.resolved(step))
        except HoldfastError as failure:
            if not self.lenient:
                failure.details.setdefault("index", step.place)
                raise
            self._failed(step, failure)
            return None

    def _acknowledged(self, parcel: _Parcel, refused: Sequence[tuple[int, Ack]]) -> None:
        """What the kernel took is done, also behind a refusal: it goes on."""
        no = {at for at, _ in refused}
        self.done.update(parcel.places if not no else [place for at, place in enumerate(parcel.places) if at not in no])
        self.sent += len(parcel.places) - len(no)
        if not self.lenient:
            self._progress(self.sent)
        steps = [(parcel.step(at), ack) for at, ack in sorted(refused)]
        errors = [self._error_of(step, ack) for step, ack in steps if not self._excused(step, ack)]
        if errors and not self.lenient:
            raise Refused(errors[0])
        self.failures += map(str, errors)

    def _error_of(self, step: Step, ack: Ack) -> HoldfastError:
        return error_of(step, self.course.request(step.place), ack, self._present)

    def _excused(self, step: Step, ack: Ack) -> bool:
        """A refusal that says that it is already as it should be."""
        request = self.course.request(step.place)
        if step.verb is Verb.DELETE and is_missing(ack):
            if isinstance(request, Change):  # what it was may have gone along with something else
                return self.lenient or self.course.places[step.place].before is None
            return self.lenient or (isinstance(request, Delete) and request.missing_ok)
        return step.verb is Verb.CREATE and is_there(ack) and isinstance(request, Create) and request.ensure

    def _failed(self, step: Step, failure: HoldfastError) -> None:
        self.failures.append(f"{told(self.course.request(step.place), step.target, self._present)}: {failure}")

    def _make_tun(self, step: Step) -> None:
        """Raises: Refused."""
        try:
            row = step.row
            tuns.make(self._scene.namespace(step.target), row["ifname"], row.get("kind_data") or {}, row.get("ifindex"))
        except HoldfastError as failure:
            failure.details |= {"index": step.place, "target": step.target}
            if not self.lenient:
                raise Refused(failure) from failure
            self._failed(step, failure)
            return
        self.done.add(step.place)
        self.sent += 1

    def _name_namespace(self, step: Step) -> None:
        self._deadline.check()
        name = step.row["name"]
        if step.verb is Verb.DELETE:
            self._kept[name] = namespaces.remove(name)
        elif self.lenient and name in self._kept:
            namespaces.mount_again(name, self._kept[name])
        else:
            namespaces.make(name)
        self.done.add(step.place)
        self.sent += 1


def _of_one_length(places: Sequence[int], messages: Sequence[bytes], most: int, step: Callable[[int], Step]) -> Iterator[_Parcel]:
    """Messages that are all of one length. step: of a message, by its place among them."""
    span = max(1, min(most, _MOST_BYTES // len(messages[0])))
    for start in range(0, len(messages), span):
        yield _Parcel(places[start : start + span], messages[start : start + span], lambda at, start=start: step(start + at))  # type: ignore[misc]
