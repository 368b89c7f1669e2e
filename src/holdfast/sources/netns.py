"""A network namespace: by name, by path, or by a process that lives in it.

Its sockets would keep a deleted namespace alive, and silent. So what stands at the path, or behind the process, is
compared with what was opened; a process is held by a pidfd, which a reused PID does not fool.
"""

from __future__ import annotations

import errno
import os
import re
import select
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from holdfast.errors import InvalidValue, NotFound, NotSupported, SourceEnded
from holdfast.netlink.namespace import Identity, identity_of, open_in, open_namespace
from holdfast.netlink.requests import RequestSocket

from .discovery import DIRECTORY
from .kernel import KernelSource
from .name_files import read_name_files

__all__ = ["Netns", "Place", "place_of"]

_OF_PROCESS: Final = re.compile(r"/proc/([1-9][0-9]*)/ns/net")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a namespace is to be found: always a path, and the name or the process that it was given by."""

    path: str
    name: str = ""
    pid: int = 0

    def __str__(self) -> str:
        return f"process {self.pid}" if self.pid else f"`{self.name or self.path}`"


def place_of(netns: str | int) -> Place:
    """Read what people write: `blue`, `/run/netns/blue`, `/proc/4711/ns/net`, 4711. Digits are a name if there is one.

    Raises: InvalidValue - empty, or no name of a namespace.
    """
    text = str(netns)
    of_process = _OF_PROCESS.fullmatch(text)
    if of_process:
        return Place(text, pid=int(of_process[1]))
    if text.startswith("/"):
        directory, name = os.path.split(text)
        return Place(text, name=name if directory in (DIRECTORY, f"/var{DIRECTORY}") else "")
    if isinstance(netns, int) or (text.isdecimal() and not os.path.exists(f"{DIRECTORY}/{text}")):
        if int(text) <= 0:
            raise InvalidValue(f"expected the PID of a process, got {text} – at netns")
        return Place(f"/proc/{int(text)}/ns/net", pid=int(text))
    if not text or "/" in text or text in (".", ".."):
        raise InvalidValue(f"expected a network namespace's name, absolute path or PID, got `{text}` – at netns")
    return Place(f"{DIRECTORY}/{text}", name=text)


class Netns(KernelSource):
    """spec: `netns` - name, path or PID; else the target's name is the namespace's. Needs CAP_SYS_ADMIN."""

    kind: ClassVar[str] = "netns"
    options = KernelSource.options | {"netns"}

    def __init__(self, target: str, spec: Mapping[str, Any]) -> None:
        super().__init__(target, spec)
        self.place = place_of(spec.get("netns", target))
        self.identity: Identity | None = None  # of the namespace that is open
        self._process: int | None = None  # pidfd

    def _enter(self, make: Callable[[], None]) -> None:
        if self.place.pid:
            self._process = _hold_process(self.place.pid)
        fd = open_namespace(self.place.path)
        try:
            if self._process is not None and _has_ended(self._process):
                # the PID may be another process's by now, and so may the namespace just opened
                raise SourceEnded(f"{self.place} ended while its network namespace was being opened")
            self.identity = identity_of(fd)
            open_in(fd, make, str(self.place))
        finally:
            os.close(fd)

    def _release(self) -> None:
        super()._release()
        process, self._process = self._process, None
        if process is not None:
            os.close(process)

    def requests(self) -> RequestSocket:
        fd = self.namespace()  # of what is open, whatever stands at the path by now
        try:
            return open_in(fd, RequestSocket, str(self.place))
        finally:
            os.close(fd)

    def alive(self) -> bool:
        path, place = self.place.path, self.place
        with self._state:  # close() would give the pidfd's number away
            if self._process is not None and _has_ended(self._process):
                raise SourceEnded(f"{place} has ended, and with it this way to its network namespace", pid=place.pid)
        try:
            now = identity_of(path)
        except FileNotFoundError:
            raise SourceEnded(f"network namespace {place} was deleted", path=path) from None
        except OSError as cause:
            raise SourceEnded(f"network namespace {place} cannot be looked at any more: {cause.strerror}", path=path) from cause
        if self.identity is not None and now != self.identity:
            moved = "has moved to another network namespace" if place.pid else "is another network namespace now"
            raise SourceEnded(f"{place} {moved}", path=path)
        return True

    def name_files(self) -> dict[str, str]:
        return read_name_files(self.place.name)


def _hold_process(pid: int) -> int:
    try:
        return os.pidfd_open(pid)
    except OSError as cause:
        if cause.errno in (errno.ESRCH, errno.EINVAL):
            raise NotFound(f"no process {pid}", hint="a namespace that outlives its processes has a name: `ip netns attach`") from None
        hint = "Linux 5.3 or later is needed for a namespace by PID"
        raise NotSupported(f"cannot hold process {pid}: {cause.strerror}", hint=hint) from cause


def _has_ended(process: int) -> bool:
    poll = select.poll()
    poll.register(process, select.POLLIN)
    return bool(poll.poll(0))
