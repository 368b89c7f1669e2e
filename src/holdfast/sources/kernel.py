"""A source that is a Linux network stack behind two netlink sockets: this host's, or that of a namespace.

events   subscribed first, drained by the writer; its receive buffer is large, for it is what stands against loss
asks     dumps and single requests, one at a time under a lock; sequence numbers and port id tell answers apart
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from holdfast.errors import Closed, Denied, HoldfastError, InvalidValue, KernelError, Timeout
from holdfast.model import TABLES
from holdfast.model.field import Table
from holdfast.netlink.codec import dump_request
from holdfast.netlink.requests import RequestSocket
from holdfast.netlink.socket import EVENTS_RCVBUF, Socket
from holdfast.netlink.uapi import number
from holdfast.netlink.wire import HEADER_SIZE, attribute

from .contract import Source
from .discovery import nsid_of
from .features import ABSENT, missing_among, why_missing
from .groups import group_names, group_number
from .name_files import read_name_files
from .single import request_for, shown
from .traffic import class_interfaces, filter_parents, messages_of, read_nodes

__all__ = ["KernelSource"]

_GONE: Final = (errno.ENODEV, errno.ENOENT, errno.ENXIO)
_TURN_S: Final = 120.0
_PRESSED: Final = 0.2
_DUMPED: Final = 512 << 10
"""Bytes of a dump handed out at once: what the writer decodes within one step."""
_SIOCGSKNS: Final = 0x894C  # include/uapi/linux/sockios.h: a descriptor of the namespace that a socket is in


class KernelSource(Source):
    """What `local` and `netns` share. A subclass says where the sockets are to be opened, and what ends it."""

    options = frozenset({"tables", "groups", "rcvbuf", "timeout_s"})

    def __init__(self, target: str, spec: Mapping[str, Any]) -> None:
        super().__init__(target, spec)
        self.groups = group_names(self.tables, spec.get("groups"))
        self._events: Socket | None = None
        self._asks: Socket | None = None
        self._turn = threading.Lock()  # of the dump that is being read: may pass from thread to thread
        self._state = threading.Lock()  # of open and close
        self._totals: dict[str, int] = {}

    # -- life ------------------------------------------------------------------------------------------------------

    def open(self) -> None:
        with self._state:
            self._release()
            numbers = [group_number(name) for name in self.groups]

            def make() -> None:
                # events first: what changes from now on is either in them or was there before the dump began
                self._events = Socket(numbers, rcvbuf=self.spec.get("rcvbuf", EVENTS_RCVBUF))
                self._asks = Socket(timeout_s=self.spec.get("timeout_s", 10.0))

            try:
                self._enter(make)
                self.missing = missing_among(self._open_asks(), self.tables)
            except BaseException:
                self._release()
                raise
            for absent in self._open_events().absent_groups:
                name = next(one for one in self.groups if group_number(one) == absent)
                self._note_missing(name, "the kernel does not have this group of events")

    def close(self) -> None:
        with self._state:
            self._release()

    def _enter(self, make: Callable[[], None]) -> None:
        """Call `make` in the network namespace of this source."""
        make()

    def _release(self) -> None:
        self._totals = self.counters()
        events, asks, self._events, self._asks = self._events, self._asks, None, None
        for one in (events, asks):
            if one:
                one.close()

    def _open_events(self) -> Socket:
        if self._events is None:
            raise Closed(f"source `{self.target}` is not open")
        return self._events

    def _open_asks(self) -> Socket:
        if self._asks is None:
            raise Closed(f"source `{self.target}` is not open")
        return self._asks

    @property
    def events(self) -> Socket:
        return self._open_events()

    @property
    def rcvbuf(self) -> tuple[int, int]:
        """Bytes of the events socket's receive buffer: (asked for, granted). Less than asked: net.core.rmem_max, and no CAP_NET_ADMIN."""
        events = self._open_events()
        return events.rcvbuf_wanted, events.rcvbuf

    @property
    def pressed(self) -> bool:
        events = self._events
        return events is not None and events.pressure() > _PRESSED

    def relieve(self) -> None:
        events = self._events
        if events is not None:
            with contextlib.suppress(HoldfastError):  # whatever it is, the next drain meets it, too
                events.store()

    def requests(self) -> RequestSocket:
        self._open_events()
        return RequestSocket()

    def namespace(self) -> int:
        try:
            return fcntl.ioctl(self._open_events().fileno(), _SIOCGSKNS)
        except OSError as cause:
            message = f"not allowed to name the network namespace of source `{self.target}`: {cause.strerror}"
            raise Denied(message, hint="the kernel asks for CAP_NET_ADMIN", target=self.target) from cause

    def nsid_of(self, fd: int) -> int | None:
        with self._taking_turns():
            return nsid_of(self._open_asks(), fd)

    def alive(self) -> bool:
        return True

    def name_files(self) -> dict[str, str]:
        return read_name_files()

    def counters(self) -> dict[str, int]:
        totals = dict(self._totals)
        for prefix, one in (("events", self._events), ("dumps", self._asks)):
            if one:
                for name in ("received", "lost", "truncated"):
                    key = f"{prefix}_{name}"
                    totals[key] = totals.get(key, 0) + int(getattr(one, name))
        return totals

    # -- asking ----------------------------------------------------------------------------------------------------

    def dump(self, table: Table, family: str = "", **filters: Any) -> Iterator[bytes]:
        """As the contract says. Beyond the plain filters of the kernel:

        interfaces by ifindex    one request, as strict dumps refuse it; `kind` takes the kind's name
        neighbours               both kinds, unless `proxy` says which
        qdiscs by ifindex        read whole, picked here
        classes, filters         from all interfaces, or those in `ifindex` (a number or several); `parent` picks one place
        """
        with self._taking_turns():
            self.interrupted = False
            for one in [family] if family else _families(table):
                yield from self._dump_family(table, one, filters)

    def get(self, table: Table, row: Mapping[str, Any]) -> bytes:
        request = request_for(table, row)
        with self._taking_turns():
            answers = self._open_asks().request(request, what=f"the question about {table.noun} {shown(row)}")
        return b"".join(answers)

    @contextlib.contextmanager
    def _taking_turns(self) -> Iterator[None]:
        if not self._turn.acquire(timeout=_TURN_S):
            raise Timeout(f"another dump of source `{self.target}` has not been read to its end for {_TURN_S:.0f} s")
        try:
            yield
        finally:
            self._turn.release()

    def _dump_family(self, table: Table, family: str, filters: dict[str, Any]) -> Iterator[bytes]:
        key = f"{table.name}/{family}"
        reason = why_missing(self._open_asks(), table.name, family)
        self._note_missing(key, reason)
        if reason:
            return
        try:
            yield from self._answers(table, family, filters)
        except KernelError as refusal:
            if refusal.code in ABSENT:
                self._note_missing(key, f"the kernel does not have it: {refusal.sentence or refusal.message}")
            elif not (filters and refusal.code in _GONE):
                raise

    def _note_missing(self, key: str, reason: str) -> None:
        if self.missing.get(key, "") != reason:  # a new dictionary each time: others may be reading the old one
            others = {name: why for name, why in self.missing.items() if name != key}
            self.missing = others | {key: reason} if reason else others

    def _answers(self, table: Table, family: str, filters: dict[str, Any]) -> Iterator[bytes]:
        name = table.name
        if name == "interfaces" and "ifindex" in filters:
            yield b"".join(self._open_asks().request(request_for(table, filters)))
        elif name == "neighbours" and "proxy" not in filters:
            for proxy in (0, 1):
                yield from self._ask(table, family, filters | {"proxy": proxy})
        elif name == "qdiscs":
            wanted = _numbers(filters.get("ifindex"))
            for chunk in self._ask(table, family, {}):
                yield chunk if wanted is None else messages_of(chunk, wanted)
        elif name == "classes":
            yield from self._classes(table, family, _numbers(filters.get("ifindex")))
        elif name == "filters":
            yield from self._filters(table, family, filters)
        else:
            yield from self._ask(table, family, filters)

    def _classes(self, table: Table, family: str, wanted: frozenset[int] | None) -> Iterator[bytes]:
        qdiscs = read_nodes(self._ask(TABLES["qdiscs"], family, {}))
        for ifindex in class_interfaces(qdiscs):
            if wanted is None or ifindex in wanted:
                yield from self._ask(table, family, {"ifindex": ifindex})

    def _filters(self, table: Table, family: str, filters: dict[str, Any]) -> Iterator[bytes]:
        wanted = _numbers(filters.get("ifindex"))
        if wanted is not None and "parent" in filters:
            places = [(ifindex, filters["parent"]) for ifindex in sorted(wanted)]
        else:
            qdiscs = [one for one in read_nodes(self._ask(TABLES["qdiscs"], family, {})) if wanted is None or one.ifindex in wanted]
            classes = read_nodes(self._classes(TABLES["classes"], family, wanted))
            places = [place for place in filter_parents(qdiscs, classes) if wanted is None or place[0] in wanted]
        for ifindex, parent in places:
            yield from self._ask(table, family, {"ifindex": ifindex, "parent": parent})

    def _ask(self, table: Table, family: str, filters: dict[str, Any]) -> Iterator[bytes]:
        asks = self._open_asks()
        kind = filters.get("kind") if table.name == "interfaces" else None
        request = dump_request(table, family, 0, **{name: value for name, value in filters.items() if name != "kind"})
        if kind is not None:
            request += attribute(number("IFLA_LINKINFO"), attribute(number("IFLA_INFO_KIND"), kind.encode() + b"\0"), nested=True)
            request = len(request).to_bytes(4, "little") + request[4:]
        expected = number(family)
        for chunk in asks.dump(request, _DUMPED, what=f"the dump of {table.name} {family}"):
            if expected and table.name in ("routes", "addresses") and chunk[HEADER_SIZE] != expected:
                # the fall-back to all families that `features` guards against: its module went in between
                self._note_missing(f"{table.name}/{family}", "the kernel answers with other families")
                return
            yield chunk
        self.interrupted |= asks.interrupted


def _families(table: Table) -> tuple[str, ...]:
    if table.message is None:
        raise InvalidValue(f"{table.name} does not come from netlink messages")
    return table.message.families


def _numbers(given: int | Iterable[int] | None) -> frozenset[int] | None:
    if given is None:
        return None
    return frozenset((given,) if isinstance(given, int) else given)
