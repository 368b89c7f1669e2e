"""Network namespaces from the inside: what identifies one, and how to do a thing in one.

A namespace has no name of its own: names are files that it is mounted on, PIDs are processes that live in it. What it
is, is the device and inode number of its nsfs file; while anything holds the namespace (an open socket does) no other
gets that number. setns(2) moves one thread, so `open_in` uses a thread of its own, which ends at once: nothing
of this process ever runs in the wrong place.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from holdfast.errors import Denied, InvalidValue, NotFound, WorldError

__all__ = ["Identity", "identity_of", "is_namespace", "open_in", "open_namespace", "own_namespace"]

T = TypeVar("T")

_CLONE_NEWNET: Final = 0x40000000
_NS_GET_NSTYPE: Final = 0xB703  # _IO(0xb7, 3), include/uapi/linux/nsfs.h
_SELF: Final = "/proc/thread-self/ns/net"
_HINT: Final = "run as root, or give the program CAP_SYS_ADMIN and CAP_NET_ADMIN (systemd: AmbientCapabilities=)"


@dataclass(frozen=True, slots=True)
class Identity:
    """What a namespace is. Equal identities are the same namespace, as long as one of the two is held open."""

    device: int
    inode: int


def identity_of(where: str | int) -> Identity:
    """The identity of what stands at a path, or behind a descriptor, now. Raises: OSError."""
    status = os.stat(where)
    return Identity(status.st_dev, status.st_ino)


def own_namespace() -> Identity:
    """The namespace that this thread is in."""
    return identity_of(_SELF)


def is_namespace(fd: int) -> bool:
    """Is this descriptor a network namespace?  Plain files, and other kinds of namespaces, are not."""
    try:
        return fcntl.ioctl(fd, _NS_GET_NSTYPE) == _CLONE_NEWNET
    except OSError:
        return False


def open_namespace(path: str, *, patience_s: float = 0.5) -> int:
    """Open a namespace file; the caller closes the descriptor.

    `ip netns add` creates the file first and mounts the namespace on it a moment later, so a file that is none yet is
    looked at again until `patience_s` is over.
    Raises: NotFound - nothing there; Denied - not for this user; InvalidValue - something else is there.
    """
    deadline = time.monotonic() + patience_s
    while True:
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise NotFound(f"no network namespace at `{path}`", hint="`ip netns list` shows which there are", path=path) from None
        except PermissionError as cause:
            raise Denied(f"not allowed to open the network namespace at `{path}`", hint=_HINT, path=path) from cause
        except OSError as cause:
            raise InvalidValue(f"cannot open `{path}` as a network namespace: {cause.strerror}", path=path) from cause
        if is_namespace(fd):
            return fd
        os.close(fd)
        if time.monotonic() >= deadline:
            raise InvalidValue(f"expected a network namespace, got another kind of file – at `{path}`", path=path)
        time.sleep(0.005)


def open_in(where: str | int, make: Callable[[], T], what: str = "") -> T:
    """Call `make` inside the namespace at a path or behind a descriptor, and return what it returns. `what`: its name for errors.

    `make` runs in a thread of its own that ends right after; what it opened stays in that namespace. Whatever it
    raises is raised here.
    Raises: Denied - setns needs CAP_SYS_ADMIN here and over the namespace; and what `open_namespace` raises.
    """
    if isinstance(where, str):
        fd = open_namespace(where)
        try:
            return open_in(fd, make, what or f"`{where}`")
        finally:
            os.close(fd)
    results: list[T] = []
    failures: list[BaseException] = []

    def visit() -> None:
        try:
            _setns(where, what or "another one")
            results.append(make())
        except BaseException as failure:  # noqa: BLE001 - this thread's edge: it goes to the caller
            failures.append(failure)

    visitor = threading.Thread(target=visit, name="holdfast-setns", daemon=True)
    visitor.start()
    visitor.join()
    if failures:
        raise failures[0]
    return results[0]


def _setns(fd: int, what: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(fd, _CLONE_NEWNET) == 0:
        return
    number = ctypes.get_errno()
    if number in (errno.EPERM, errno.EACCES):
        raise Denied(f"not allowed to enter network namespace {what}: the kernel asks for CAP_SYS_ADMIN", hint=_HINT)
    raise WorldError(f"cannot enter network namespace {what}: {os.strerror(number)}", errno=errno.errorcode.get(number, str(number)))
