"""The judge: after each step, and within a second, every table of the mirror equals what iproute2 shows.

A second after what? The kernel itself is late at times: it tells a change of carrier up to a second after the flags show
it (linkwatch), and an address when duplicate address detection is over. So the second is counted from the last event that
the kernel sent, and does not run while the kernel's own state says that such an event is still to come.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from types import TracebackType
from typing import Final, Self

from .compare import Difference, compare_all
from .mirrors import FreshDump, MirrorUnderTest
from .oracle import VIEWS, Answers, look
from .stage import Stage
from .witness import differences

__all__ = ["PATIENCE_S", "Drift", "Judge"]

PATIENCE_S: Final = 1.0
_LATEST_S: Final = 8.0
"""No step is waited for longer, whatever the kernel goes on to say."""
_SHOWN: Final = 40
_NTF_SELF: Final = 0x2

_NETLINK_ROUTE, _SOL_NETLINK, _ADD_MEMBERSHIP = 0, 270, 1
_GROUPS: Final = (1, 3, 4, 5, 7, 8, 9, 11, 19, 27, 32, 33)
"""Links, neighbours, traffic control, addresses, routes and rules of both families, MPLS routes, nexthops, bridge VLANs."""


class Drift(AssertionError):
    """The mirror is not what the kernel is."""


class Judge:
    """Compares a mirror with the namespaces of a stage. A context manager: it listens to the kernel's events for their time."""

    def __init__(self, stage: Stage, mirror: MirrorUnderTest) -> None:
        self.stage = stage
        self.mirror = mirror
        self.slowest_s = 0.0
        self._listeners: list[socket.socket] = []
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        for namespace in self.stage.namespaces.values():
            self._listeners.append(self._stack.enter_context(contextlib.closing(namespace.call(_listen))))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.close()
        self._listeners.clear()

    def equal(self) -> None:
        """Wait until all tables of both sides are equal. Raises: Drift - they are not, in time."""
        start = time.monotonic()
        deadline = start + PATIENCE_S
        pause = 0.005
        while True:
            # The time of looking does not count for the mirror, so each look may be the last one only if it began in time.
            began = time.monotonic()
            found = list(self._differences())
            if not found:
                self.slowest_s = max(self.slowest_s, began - start)
                return
            told = [_drain(one) for one in self._listeners]
            if any(told) or any(_unfinished(answers) for _, answers, _ in found):
                deadline = time.monotonic() + PATIENCE_S
            if began > min(deadline, start + _LATEST_S):
                raise Drift(self._report(found, began - start))
            time.sleep(pause)
            pause = min(2 * pause, 0.1)

    def settled(self) -> None:
        """Equal, and nothing still to come that could make it otherwise; then equal once more."""
        deadline = time.monotonic() + _LATEST_S
        while any(_unfinished(look(one.name)) for one in self.stage.namespaces.values()) and time.monotonic() < deadline:
            time.sleep(0.1)
        self.equal()
        deadline = time.monotonic() + PATIENCE_S  # what is shown of an interface that is down, iproute2 may not have shown
        while found := self._against_fresh_dump():
            if time.monotonic() > deadline:
                raise Drift("\n".join(["a fresh dump tells otherwise:", *found[:_SHOWN], *self._story()]))
            time.sleep(0.1)
        if trouble := self.mirror.trouble():
            raise Drift("\n".join([f"all tables are equal, but the mirror says: {trouble}", *self._story()]))

    def _against_fresh_dump(self) -> list[str]:
        with FreshDump([one.name for one in self.stage.namespaces.values()]) as dump:
            return [
                f"{side}: {one}"
                for side, namespace in self.stage.namespaces.items()
                for table in VIEWS
                for one in differences(table, self.mirror.rows(table, namespace.name), dump.rows(table, namespace.name))
                if table != "fdb" or not self._below_others(side)
            ]

    def _differences(self) -> Iterator[tuple[str, Answers, list[Difference]]]:
        for side, namespace in self.stage.namespaces.items():
            answers = look(namespace.name)
            rows = {table: self.mirror.rows(table, namespace.name) for table in VIEWS}
            found = compare_all(rows, answers)
            if found and (below := self._below_others(side)):
                found = [one for one in found if not _is_told_late(one, below)]
            if found:
                yield side, answers, found

    def _below_others(self, side: str) -> set[int]:
        """Interfaces on which something of another namespace stands: what that adds to their lists nobody tells (docs/design/limits.md)."""
        others = (namespace for name, namespace in self.stage.namespaces.items() if name != side)
        links = (link for namespace in others for link in namespace.ip_json("-d link show") if "link_netnsid" in link)
        return {link["link_index"] for link in links if link.get("link_index") and link.get("linkinfo", {}).get("info_kind") != "veth"}

    def _report(self, found: list[tuple[str, Answers, list[Difference]]], waited_s: float) -> str:
        lines = [f"the mirror differs from the kernel, {waited_s:.1f} s after the last step:"]
        for side, _, wrong in found:
            lines += [f"{side}: {one}" for one in wrong[:_SHOWN]]
            if len(wrong) > _SHOWN:
                lines.append(f"{side}: … and {len(wrong) - _SHOWN} more")
        if trouble := self.mirror.trouble():
            lines.append(f"the mirror says: {trouble}")
        return "\n".join([*lines, *self._story()])

    def _story(self) -> list[str]:
        last = [f"  {one}" for one in self.stage.played[-6:]]
        return ["the last steps:", *last, "all of it, to replay:", self.stage.script()]


def _is_told_late(one: Difference, below: set[int]) -> bool:
    row = one.ours or one.theirs or {}
    return one.table == "fdb" and row["ifindex"] in below and bool(row["flags"] & _NTF_SELF)


def _listen() -> socket.socket:
    listener = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_ROUTE)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    listener.bind((0, 0))
    for group in _GROUPS:
        listener.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, group)
    listener.setblocking(False)
    return listener


def _drain(listener: socket.socket) -> bool:
    """Has the kernel said anything since the last call?"""
    said = False
    while True:
        try:
            listener.recv(1 << 16)
        except BlockingIOError:
            return said
        except OSError:  # ENOBUFS: more than the buffer holds
            pass
        said = True


def _unfinished(answers: Answers) -> bool:
    """Does the kernel owe an event: of a carrier that `operstate` does not follow yet, or of an address that is tentative?"""
    for link in answers.links:
        carrier, state = "LOWER_UP" in link["flags"], link["operstate"]
        if "UP" in link["flags"] and carrier == (state in ("DOWN", "LOWERLAYERDOWN")) and state not in ("DORMANT", "TESTING"):
            return True
    return any(one.get("tentative") and not one.get("dadfailed") for link in answers.addresses for one in link["addr_info"])
