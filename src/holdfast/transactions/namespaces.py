"""Named network namespaces made and removed, as `ip netns` does it: a file under /run/netns that the namespace is mounted on."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import threading
from typing import Final

from holdfast.errors import Denied, InvalidValue, KernelError
from holdfast.sources.discovery import DIRECTORY

__all__ = ["make", "mount_again", "remove"]

_CLONE_NEWNET: Final = 0x40000000
_MS_BIND, _MS_REC, _MS_SHARED = 4096, 16384, 1 << 20
_MNT_DETACH: Final = 2
_OWN: Final = "/proc/thread-self/ns/net"


def path_of(name: str) -> str:
    """Raises: InvalidValue."""
    if not name or "/" in name or name in (".", "..") or len(name) > 255:
        raise InvalidValue(f"expected a name for a network namespace, got `{name}` – at netns.name")
    return f"{DIRECTORY}/{name}"


def make(name: str) -> None:
    """Make a namespace and give it a name. Its loopback is down.

    Raises: KernelError - with EEXIST, EPERM …;  InvalidValue.
    """
    path = path_of(name)
    _prepare()
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0))
    except OSError as cause:
        raise _refusal(cause.errno, f"network namespace {name}") from cause
    try:
        _in_thread(lambda: _new_on(path), name)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(path)
        raise


def remove(name: str) -> int:
    """Take a namespace's name away; returns a descriptor that keeps it alive as long as it is open.

    Raises: KernelError - with ENOENT …;  InvalidValue.
    """
    path = path_of(name)
    try:
        kept = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as cause:
        raise _refusal(cause.errno, f"removing network namespace {name}") from cause
    try:
        _call("umount2", path.encode(), _MNT_DETACH, ignored=errno.EINVAL)
        os.unlink(path)
    except OSError as cause:
        os.close(kept)
        raise _refusal(cause.errno, f"removing network namespace {name}") from cause
    return kept


def mount_again(name: str, kept: int) -> None:
    """Give a namespace that is still alive its name back. Raises: KernelError."""
    path = path_of(name)
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0))
        _mount(f"/proc/self/fd/{kept}", path, _MS_BIND)
    except OSError as cause:
        raise _refusal(cause.errno, f"network namespace {name}") from cause


def _prepare() -> None:
    """The directory is a shared mount, so that names made here are seen in other mount namespaces, and their end, too."""
    os.makedirs(DIRECTORY, 0o755, exist_ok=True)
    try:
        _mount("none", DIRECTORY, _MS_SHARED | _MS_REC)
    except OSError as cause:
        if cause.errno != errno.EINVAL:
            raise _refusal(cause.errno, f"the mount of {DIRECTORY}") from cause
        _mount(DIRECTORY, DIRECTORY, _MS_BIND | _MS_REC)
        _mount("none", DIRECTORY, _MS_SHARED | _MS_REC)


def _new_on(path: str) -> None:
    _call("unshare", _CLONE_NEWNET)
    _mount(_OWN, path, _MS_BIND)


def _in_thread(work: object, name: str) -> None:
    """A thread of its own goes to the new namespace, and ends there."""
    failures: list[OSError] = []

    def run() -> None:
        try:
            work()  # type: ignore[operator]
        except OSError as failure:
            failures.append(failure)

    thread = threading.Thread(target=run, name="holdfast-netns", daemon=True)
    thread.start()
    thread.join()
    if failures:
        raise _refusal(failures[0].errno, f"network namespace {name}") from failures[0]


def _mount(source: str, target: str, flags: int) -> None:
    _call("mount", source.encode(), target.encode(), b"none", ctypes.c_ulong(flags), None)


def _call(function: str, *args: object, ignored: int = 0) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, function)(*args) != 0:
        number = ctypes.get_errno()
        if number != ignored:
            raise OSError(number, os.strerror(number))


def _refusal(number: int | None, what: str) -> Exception:
    if number in (errno.EPERM, errno.EACCES):
        return Denied(f"not allowed to change {what}", hint="the kernel asks for CAP_SYS_ADMIN")
    return KernelError(number or 0, request=what)
