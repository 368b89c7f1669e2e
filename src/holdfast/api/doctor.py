"""`holdfast doctor`: what this host, this user and this file let Holdfast do, what would be lost, and how to mend it.

Nothing is changed, and nothing asked of the kernel but what opening a source asks.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from holdfast.database.check import Finding
from holdfast.errors import HoldfastError

__all__ = ["Finding", "examine"]

_NEEDED: Final = (5, 3)
"""nexthop objects, pidfds."""
_CAPABILITIES: Final = {"CAP_NET_ADMIN": 12, "CAP_SYS_ADMIN": 21}
_LOW_BYTES: Final = 256 << 20
_HOLES_SHOWN: Final = 3


def examine(path: str, status: Callable[[], dict[str, Any]] | None = None) -> list[Finding]:
    """Look at everything around the database at `path`, which need not be there.

    status   asks the running node how it is; None: there is none to ask.
    """
    found: list[Finding] = []
    for part in (_versions, _rights, _source):
        found += _guarded(part)
    found += _guarded(lambda: _state(path))
    if status is not None:
        found += _guarded(lambda: _node(status()))
    return found


def _guarded(part: Callable[[], Iterator[Finding]]) -> list[Finding]:
    """What cannot be looked at is a finding, too."""
    found: list[Finding] = []
    try:
        for one in part():
            found.append(one)  # noqa: PERF402 - what was found before a failure counts
    except (HoldfastError, OSError, ValueError) as error:
        found.append(Finding("problem", "doctor", f"could not look further: {error}"))
    return found


# -------------------------------------------------------------------------------------------------------------- versions


def _versions() -> Iterator[Finding]:
    import apsw

    kernel = tuple(map(int, re.findall(r"\d+", platform.release())[:2]))
    text = f"{platform.system()} {platform.release()} {platform.machine()}"
    if platform.system() != "Linux":
        yield Finding("problem", "kernel", f"{text}: there is no rtnetlink here", "run Holdfast on Linux; recordings replay anywhere")
    elif kernel < _NEEDED:
        yield Finding("problem", "kernel", f"{text}: nexthops and namespaces by process are missing", "use Linux 5.3 or later")
    else:
        yield Finding("ok", "kernel", text)
    parts = {"holdfast": _installed("holdfast"), "Python": platform.python_version(), "apsw": _installed("apsw")}
    parts["SQLite"] = apsw.sqlite_lib_version()
    yield Finding("ok", "versions", ", ".join(f"{name} {number}" for name, number in parts.items()))
    ip = shutil.which("ip", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if ip is None:
        yield Finding("note", "iproute2", "not installed; Holdfast does not need it, the names in its files (rt_tables …) are missing")
    else:
        said = subprocess.run([ip, "-V"], capture_output=True, text=True, check=False, timeout=5).stdout
        yield Finding("ok", "iproute2", said.partition("iproute2-")[2].partition(",")[0].strip() or said.strip())


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "of unknown version"


# ---------------------------------------------------------------------------------------------------------------- rights


def _rights() -> Iterator[Finding]:
    who = "root" if os.geteuid() == 0 else f"user {os.geteuid()}"
    have = {name for name, bit in _CAPABILITIES.items() if _effective() >> bit & 1}
    if have == set(_CAPABILITIES):
        yield Finding("ok", "rights", f"{who}, with {' and '.join(sorted(have))}")
        return
    if "CAP_SYS_ADMIN" not in have:
        yield Finding(
            "note", "rights", f"{who}, without CAP_SYS_ADMIN: other network namespaces cannot be entered (--netns, --all-netns)",
            "run as root, or give the program the capability (systemd: AmbientCapabilities=CAP_SYS_ADMIN)",
        )  # fmt: skip
    if "CAP_NET_ADMIN" not in have:
        yield Finding(
            "note", "rights", f"{who}, without CAP_NET_ADMIN: nothing can be changed, and the receive buffer is bounded by rmem_max",
            "run as root, or give the program the capability (systemd: AmbientCapabilities=CAP_NET_ADMIN)",
        )  # fmt: skip


def _effective() -> int:
    with open("/proc/self/status", encoding="ascii") as file:
        return next((int(line.split()[1], 16) for line in file if line.startswith("CapEff:")), 0)


# ------------------------------------------------------------------------------------------------------- what is told us


def _source() -> Iterator[Finding]:
    from holdfast.sources.local import Local

    source = Local("localhost", {})
    try:
        source.open()
    except HoldfastError as error:
        yield Finding("problem", "netlink", f"the kernel cannot be asked: {error.message}", error.hint)
        return
    try:
        yield Finding("ok", "netlink", "strict checking and extended acknowledgements are on")
        yield from _buffer(*source.rcvbuf)
        missing: dict[str, list[str]] = {}
        for what, why in source.missing.items():
            missing.setdefault(why, []).append(what)
        for why, tables in missing.items():
            todo = "load the module if this host uses it; else nothing"
            yield Finding("note", "features", f"no {', '.join(sorted(tables))}: {why}", todo)
        if not missing:
            yield Finding("ok", "features", "every table of this version has its counterpart in the kernel")
    finally:
        source.close()


def _buffer(asked: int, granted: int) -> Iterator[Finding]:
    with open("/proc/sys/net/core/rmem_max", encoding="ascii") as file:
        most = int(file.read())
    text = f"{_size(granted)} of {_size(asked)} asked for; net.core.rmem_max {_size(most)}"
    if granted >= asked:
        yield Finding("ok", "buffer", text)
    else:
        yield Finding(
            "note", "buffer", f"{text}: a burst of more than about {granted // 800} events is lost, then noticed and read again; "
            "changes that came and went in between are in no history",
            f"run with CAP_NET_ADMIN outside of user namespaces, or `sysctl -w net.core.rmem_max={asked}`",
        )  # fmt: skip


def _size(count: int) -> str:
    return f"{count / (1 << 20):.1f} MiB" if count >= 1 << 20 else f"{count / 1024:.0f} KiB"


# ----------------------------------------------------------------------------------------------------------------- state


def _state(path: str) -> Iterator[Finding]:
    from holdfast.database.lock import holder_of

    folder = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(folder):
        yield Finding("note", "state", f"no folder {folder} yet: `holdfast run` makes it")
        return
    if not os.access(folder, os.W_OK | os.X_OK):
        yield Finding("note", "state", f"{folder} is not writable for this user: no node can run on {path}", "use --db, or HOLDFAST_HOME")
    free = shutil.disk_usage(folder).free
    if free < _LOW_BYTES:
        yield Finding(
            "problem", "disk", f"{_size(free)} are free at {folder}: when it is full, history is kept in memory, which is bounded",
            "make room, or use a database elsewhere (--db)",
        )  # fmt: skip
    else:
        yield Finding("ok", "disk", f"{free / (1 << 30):.1f} GiB are free at {folder}")
    if not os.path.exists(path):
        yield Finding("note", "file", f"no {path} yet: `holdfast run` makes it")
        return
    held = holder_of(f"{path}.lock")
    yield from _file(path, running=held is not None)
    yield _lock(path, held)


def _lock(path: str, held: dict[str, Any] | None) -> Finding:
    if held is None:
        return Finding("note", "node", f"none is running on {path}: commands ask the kernel, and nothing is recorded", "`holdfast run`")
    return Finding("ok", "node", f"process {held.get('pid', '?')} ({held.get('command', 'unknown')})")


def _file(path: str, *, running: bool) -> Iterator[Finding]:
    from holdfast.database.sqlite import open_reader

    size = sum(os.path.getsize(path + suffix) for suffix in ("", "-wal") if os.path.exists(path + suffix))
    with open_reader(path) as reader:
        yield Finding("ok", "file", f"{path}, {_size(size)}, revision {reader.revision}")
        starts = reader.fetch("SELECT time_ns, details FROM log WHERE kind = 'start' AND message IS NULL ORDER BY revision DESC LIMIT 20")
        unclean = next((time_ns for time_ns, details in starts if '"clean":false' in (details or "")), None)
        if unclean:
            when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(unclean / 1e9))
            yield Finding("note", "stops", f"the start of {when} found that the node before had not been stopped in order")
        facts: dict[str, Any] = dict(reader.fetch("SELECT name, value FROM meta WHERE name IN ('holes', 'clean')"))
        if not running and not facts.get("clean", 1):
            yield Finding("note", "stops", "the last node was not stopped in order: some of its last revisions may be missing")
        gaps = reader.fetch("SELECT count(*), max(time_ns) FROM log WHERE kind = 'gap'")[0]
        if gaps[0]:
            when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(gaps[1] / 1e9))
            text = f"events were lost, or could not be written, {gaps[0]}×: all was read again; last {when}"
            yield Finding("note", "gaps", text, "see `buffer` and `disk`")
        yield from _holes(facts.get("holes"))


def _holes(text: str | None) -> Iterator[Finding]:
    import msgspec

    holes = msgspec.json.decode(text or "[]")
    if holes:
        shown = ", ".join(f"{first + 1}–{last}" for first, last in holes[-_HOLES_SHOWN:])
        before = "… " if len(holes) > _HOLES_SHOWN else ""
        yield Finding("note", "holes", f"revisions lost by unclean stops, restores or a full disk: {before}{shown}")


# ------------------------------------------------------------------------------------------------------ the running node


def _node(status: dict[str, Any]) -> Iterator[Finding]:
    full = status["database"].get("disk_full")
    if full:
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(full["since"]))
        yield Finding("problem", "disk", f"full since {since} ({full['why']}): the node is in memory", "make room: it comes back by itself")
    for target, one in status["sources"].items():
        counts = f"{one['events']} events, lost {one['lost']}×, read again {one['resyncs']}×, "
        counts += f"drift {one['drift']}, failures {one['failures']}"
        if one["state"] in ("failed", "ended"):
            todo = "it is tried again by itself" if one["state"] == "failed" else f"`holdfast source restart {target}`"
            yield Finding("problem", "source", f"{target} is {one['state']}: {one.get('error', '')}; {counts}", todo)
        elif one["drift"] or one["undecoded"]:
            text = f"{target}: {counts}, {one['undecoded']} messages not decoded: the tables were corrected, but events did not tell it"
            yield Finding("note", "source", text, "please report it, with a recording (`holdfast record`)")
        elif one["lost"]:
            yield Finding("note", "source", f"{target}: {counts}", "a larger receive buffer, or fewer tables (--tables)")
        else:
            yield Finding("ok", "source", f"{target}: {counts}")
