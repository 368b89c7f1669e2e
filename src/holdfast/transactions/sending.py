"""Steps to the kernel: as messages in large batches, with an ack for each; what has no message in its own way."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from holdfast.errors import HoldfastError, Lost, Timeout
from holdfast.mirror.hand import Hand
from holdfast.model import INTERFACES, NEXTHOPS
from holdfast.netlink.ack import Ack
from holdfast.netlink.requests import RequestSocket

from . import namespaces, tuns
from .contract import Create, Delete
from .course import Course
from .deadline import Deadline
from .messages import message_of
from .order import Step, Verb
from .present import Present
from .refusal import Refused, error_of, is_missing, is_there, told
from .scene import Scene
from .wires import Wires

__all__ = ["Sender"]

_MOST_BYTES: Final = 64 << 10
_MANY: Final = 100
_CARRIER_S: Final = 2.0
_BATCH_S: Final = 0.2


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
            self._exchange(target, [step for step in own if step.how != "tun"])

    def _exchange(self, target: str, steps: Sequence[Step]) -> None:
        wire = self._wires[target] if target in self._hands else self._scene.guest_wire(target)
        for batch, messages in self._batches(steps, wire.most):
            self._deadline.check()
            if len(messages) > _MANY and target in self._hands:
                self._hands[target].lease(_BATCH_S)  # read at once when all is sent; until then two threads would hinder each other
            try:
                refused = wire.exchange(messages, self._deadline.left_s())
            except (Timeout, Lost):
                self.done |= {step.place for step in batch}  # perhaps
                raise
            self._acknowledged(batch, self._again_with_carrier(wire, batch, messages, refused))

    def _again_with_carrier(
        self, wire: RequestSocket, batch: Sequence[Step], messages: Sequence[bytes], refused: Sequence[tuple[int, Ack]]
    ) -> Sequence[tuple[int, Ack]]:
        """A link that was set up has its carrier up to a second later, and until then the kernel refuses nexthops through it."""
        until = time.monotonic() + _CARRIER_S
        while self._links and time.monotonic() < until:
            late = [at for at, ack in refused if ack.error == errno.ENETDOWN and batch[at].table is NEXTHOPS]
            if not late:
                break
            self._deadline.check()
            time.sleep(0.05)
            again = wire.exchange([messages[at] for at in late], self._deadline.left_s())
            refused = [(at, ack) for at, ack in refused if at not in late] + [(late[place], ack) for place, ack in again]
        return refused

    def _batches(self, steps: Sequence[Step], most: int) -> Iterator[tuple[list[Step], list[bytes]]]:
        batch: list[Step] = []
        messages: list[bytes] = []
        size = 0
        for step in steps:
            message = self._encoded(step)
            if message is None:
                continue
            if len(batch) == most or size + len(message) > _MOST_BYTES:
                yield batch, messages
                batch, messages, size = [], [], 0
            batch.append(step)
            messages.append(message)
            size += len(message)
        if batch:
            yield batch, messages

    def _encoded(self, step: Step) -> bytes | None:
        try:
            return message_of(step, self._scene.resolved(step))
        except HoldfastError as failure:
            if not self.lenient:
                failure.details.setdefault("index", step.place)
                raise
            self._failed(step, failure)
            return None

    def _acknowledged(self, batch: Sequence[Step], refused: Sequence[tuple[int, Ack]]) -> None:
        """What the kernel took is done, also behind a refusal: it goes on."""
        no = {at for at, _ in refused}
        self.done |= {step.place for at, step in enumerate(batch) if at not in no}
        self.sent += len(batch) - len(no)
        if not self.lenient:
            self._progress(self.sent)
        errors = [self._error_of(batch[at], ack) for at, ack in sorted(refused) if not self._excused(batch[at], ack)]
        if errors and not self.lenient:
            raise Refused(errors[0])
        self.failures += map(str, errors)

    def _error_of(self, step: Step, ack: Ack) -> HoldfastError:
        return error_of(step, self.course.request(step.place), ack, self._present)

    def _excused(self, step: Step, ack: Ack) -> bool:
        """A refusal that says that it is already as it should be."""
        request = self.course.request(step.place)
        if step.verb is Verb.DELETE and is_missing(ack):
            return self.lenient or (isinstance(request, Delete) and request.missing_ok)
        return step.verb is Verb.CREATE and is_there(ack) and isinstance(request, Create) and request.ensure

    def _failed(self, step: Step, failure: HoldfastError) -> None:
        self.failures.append(f"{told(self.course.request(step.place), step.target, self._present)}: {failure}")

    def _make_tun(self, step: Step) -> None:
        """Raises: Refused."""
        try:
            tuns.make(self._scene.namespace(step.target), step.row["ifname"], step.row.get("kind_data") or {})
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
