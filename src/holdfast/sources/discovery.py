"""Which named network namespaces there are now.

`ip netns add` makes a file, then mounts the namespace on it; a name counts from the mount on. Looking is cheap (one stat
per name, 200 names in under 1 ms), so it is done by looking again, not by inotify, which does not see mounts.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from struct import Struct
from typing import Final

from holdfast.errors import HoldfastError, Lost
from holdfast.netlink.namespace import identity_of, open_in, own_namespace
from holdfast.netlink.socket import Socket
from holdfast.netlink.uapi import number
from holdfast.netlink.wire import attribute, attributes

from .single import simple_request

__all__ = ["DIRECTORY", "Change", "Namespace", "Namespaces", "nsid_of", "numbers_in"]

DIRECTORY: Final = "/run/netns"
_NSID: Final = Struct("=i")


@dataclass(frozen=True, slots=True)
class Namespace:
    """A name and what it stands for. `inode` identifies the namespace; `nsid` is the number this one has for it, if any."""

    name: str
    path: str
    inode: int
    nsid: int | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What is different. A name that stands for another namespace now is in `removed` and in `added`;
    one that got (or lost) its nsid is in `renumbered` only."""

    added: tuple[Namespace, ...] = ()
    removed: tuple[Namespace, ...] = ()
    renumbered: tuple[Namespace, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.renumbered)


class Namespaces:
    """The names under a directory, and what changes there. For one thread at a time; cost of each look: a stat per name."""

    def __init__(self, directory: str = DIRECTORY) -> None:
        self.directory = directory
        self._seen: dict[str, Namespace] = {}  # at the last look
        self._told: dict[str, Namespace] = {}  # by changes()
        self._socket: Socket | None = None
        self._listener: Socket | None = None

    def now(self) -> list[Namespace]:
        """All names now, sorted. A directory that is not there has none."""
        self._look()
        return list(self._seen.values())

    def changes(self) -> Change:
        """What changed since the last call; at first all names are new. `now` in between takes nothing away from it."""
        self._look()
        before, now = self._told, self._seen
        self._told = now
        gone = [one for name, one in before.items() if name not in now or now[name].inode != one.inode]
        new = [one for name, one in now.items() if name not in before or before[name].inode != one.inode]
        same = [one for name, one in now.items() if name in before and one != before[name] and one == replace(before[name], nsid=one.nsid)]
        return Change(tuple(new), tuple(gone), tuple(same))

    def close(self) -> None:
        for one in (self._socket, self._listener):
            if one:
                one.close()
        self._socket = self._listener = None

    def _look(self) -> None:
        renumber = self._nsids_changed()
        now = {}
        for name, path, inode in _mounted(self.directory):
            known = self._seen.get(name)
            if known is None or known.inode != inode or renumber:
                known = Namespace(name, path, inode, self._nsid(path))
            now[name] = known
        self._seen = now

    def _nsids_changed(self) -> bool:
        """An nsid is given when something first refers to the namespace: the kernel tells, we ask again."""
        if self._listener is None:
            self._listener = Socket([number("RTNLGRP_NSID")])
            return True
        try:
            return bool(self._listener.drain())
        except Lost:
            return True

    def _nsid(self, path: str) -> int | None:
        if self._socket is None:
            self._socket = Socket()
        return _number_of(self._socket, path)


def numbers_in(path: str, others: Iterable[str]) -> dict[int, str]:
    """The numbers by which the links of the namespace at `path` refer to those at other paths: number → path.

    Raises: Denied, NotFound … - what entering a namespace raises.
    """
    socket = open_in(path, Socket)
    try:
        found = {_number_of(socket, other): other for other in others}
    finally:
        socket.close()
    return {nsid: other for nsid, other in found.items() if nsid is not None}


def _number_of(socket: Socket, path: str) -> int | None:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return nsid_of(socket, fd)
    except HoldfastError:  # the number is an extra; the name stands without it
        return None
    finally:
        os.close(fd)


def nsid_of(socket: Socket, fd: int) -> int | None:
    """The number that the namespace of a socket has for the one behind a descriptor; None: it has none.

    Raises: KernelError, Timeout, Closed.
    """
    request = simple_request("RTM_GETNSID", "rtgenmsg", attribute(number("NETNSA_FD"), fd.to_bytes(4, "little")))
    for answer in socket.request(request):
        for kind, value in attributes(answer, 20):
            if kind == number("NETNSA_NSID"):
                nsid: int = _NSID.unpack(value)[0]
                return nsid if nsid >= 0 else None
    return None


def _mounted(directory: str) -> list[tuple[str, str, int]]:
    """(name, path, inode) of the names whose mount is there: all namespaces live on one device, nsfs."""
    try:
        device = own_namespace().device
        names = sorted(os.listdir(directory))
    except OSError:
        return []
    found = []
    for name in names:
        path = os.path.join(directory, name)
        try:
            identity = identity_of(path)
        except OSError:  # deleted while we looked
            continue
        if identity.device == device:
            found.append((name, path, identity.inode))
    return found
