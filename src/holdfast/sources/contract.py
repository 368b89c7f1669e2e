"""What a source is: the contract between the mirror and the places that live state comes from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal, Protocol

from holdfast.errors import InvalidValue, NotSupported, UnknownName
from holdfast.model import TABLES
from holdfast.model.field import Table
from holdfast.model.names import Names
from holdfast.netlink.requests import RequestSocket

__all__ = ["CHUNK", "Events", "Source", "Told", "chosen_tables"]

CHUNK: Final = 4 << 20
"""Bytes that one read hands out, about: what the writer takes in one job."""


class Events(Protocol):
    """Where a source's events arrive: a descriptor to wait on, and a read that does not wait."""

    def fileno(self) -> int:
        """Readable when there is something to drain. Level-triggered; changes with every open()."""
        ...

    def drain(self, limit: int = CHUNK) -> bytes:
        """Whole netlink messages in the order the kernel sent them; b"" when there are none now.

        Raises: Lost - some are missing: drain until b"", then read the state anew.  Closed.
        """
        ...


@dataclass(frozen=True, slots=True)
class Told:
    """An answer that a passive source gives unasked: what dump(table, family, **filters), or get(table, filters), gave then.

    chunks       whole messages; () from a `get` means that there is no such object.
    interrupted  the dump was torn: what is not in it may exist all the same.
    """

    verb: Literal["dump", "get"]
    table: Table
    family: str
    filters: dict[str, Any]
    chunks: tuple[bytes, ...]
    interrupted: bool = False


class Source(ABC):
    """One place that live state comes from, under one target name.

    Made without any I/O; `open` does the work, and may be called again after `close`. All methods that wait are for
    worker threads; `events` belongs to one thread, `dump` and `get` take turns under a lock, `close` may come from anywhere.
    Order: events are subscribed before the first dump can be asked for, so what changes meanwhile is in the events.
    """

    kind: ClassVar[str]
    """The word for it in `make(target, kind, …)`."""
    options: ClassVar[frozenset[str]] = frozenset()
    """The names that `spec` may hold."""
    passive: ClassVar[bool] = False
    """Can it not be asked at will? After the first dumps questions are pointless then: what is to be known comes by `told`."""

    def __init__(self, target: str, spec: Mapping[str, Any]) -> None:
        """Raises: InvalidValue - an option that this kind does not have;  UnknownName - an unknown table."""
        surplus = spec.keys() - self.options
        if surplus:
            has = ", ".join(sorted(self.options))
            raise InvalidValue(f"a {self.kind} source takes no `{min(surplus)}`; it takes {has} – at source `{target}`")
        self.target = target
        self.spec = dict(spec)
        self.tables: tuple[Table, ...] = chosen_tables(spec.get("tables"))
        self.groups: tuple[str, ...] = ()  # names of the netlink groups it listens to
        self.missing: dict[str, str] = {}  # "table/AF_FAMILY" -> why the source has none of it; dumps of it are empty
        self.interrupted = False  # was the last dump torn by a change? take it again
        self.finished = False  # have all events been handed out? Only recordings end; that is not an error

    @abstractmethod
    def open(self) -> None:
        """Connect and subscribe; find out what is missing.

        Raises: NotFound, Denied, InvalidValue, NotSupported - trying again is of no use before something is done;
          SourceEnded, KernelError, WorldError.  After an error the source is closed.
        """

    @abstractmethod
    def close(self) -> None:
        """Release everything; reads that are under way end with Closed. Idempotent."""

    @property
    @abstractmethod
    def events(self) -> Events:
        """Raises: Closed - not open."""

    @property
    def pressed(self) -> bool:
        """Do events pile up where little of them fits, so that `relieve` is called for? Cheap, never waits."""
        return False

    def relieve(self) -> None:  # noqa: B027 - most kinds have nothing to do
        """Keep the events that are queued where they take less room, until `drain` takes them. Never raises; from any thread."""

    def told(self) -> Sequence[Told]:
        """Of a passive source: the answers that stand before the events which the last `drain` returned, and after those
        before; to be settled first. When `drain` returned b"": the answers behind the last events. Each comes once."""
        return ()

    @abstractmethod
    def dump(self, table: Table, family: str = "", **filters: Any) -> Iterator[bytes]:
        """All rows of a table, in chunks of whole messages; "" stands for all families of the table, one after another.

        filters: field names with numbers; what the source cannot filter by is refused (InvalidValue, KernelError).
          A filter that names something gone (an interface, a routing table) matches nothing: no rows, no error.
        What the source does not have gives no rows, and an entry in `missing`.
        A torn dump raises nothing: `interrupted` is set at its end.
        Raises: KernelError, Timeout, Lost - what came before is part of the truth only;  Closed;
          NotSupported - a passive source that holds no answer to this.
        """

    @abstractmethod
    def get(self, table: Table, row: Mapping[str, Any]) -> bytes:
        """One object by its key, as the message that would announce it.

        Raises: KernelError - with the kernel's errno (ENODEV, ENOENT: it is not there);  NotSupported - a table whose
          objects cannot be asked for one by one: use `dump` with filters.
        """

    @property
    def unrecorded(self) -> Source:
        """The same source, for questions whose answers are only compared: a recorder does not write them down."""
        return self

    def requests(self) -> RequestSocket:
        """A new socket for changes, where this source is; it is the caller's to close. Blocks.

        Raises: NotSupported - a source that cannot be changed;  Closed, Denied, WorldError.
        """
        raise NotSupported(f"a {self.kind} source can only be read – at source `{self.target}`", target=self.target)

    def namespace(self) -> int:
        """A descriptor of the network namespace that is open here; it is the caller's to close.

        Raises: NotSupported - there is none;  Closed, Denied.
        """
        raise NotSupported(f"a {self.kind} source has no network namespace – at source `{self.target}`", target=self.target)

    def nsid_of(self, fd: int) -> int | None:
        """The number by which links here refer to the namespace behind a descriptor; None: it has none. Blocks."""
        return None

    @abstractmethod
    def alive(self) -> bool:
        """True, as long as what was opened is what stands there now; cheap.

        Raises: SourceEnded - the namespace was deleted, replaced, or its process ended. Its socket would go on in
          silence, because it keeps the namespace.
        """

    @abstractmethod
    def name_files(self) -> dict[str, str]:
        """The name tables of the source's host (rt_tables, rt_protos …), name -> text."""

    def names(self) -> Names:
        """The same, read."""
        return Names.parse(self.name_files())

    def counters(self) -> dict[str, int]:
        """What it did and what went wrong, since it was made: names and numbers for status and doctor."""
        return {}


def chosen_tables(wanted: Iterable[str] | None) -> tuple[Table, ...]:
    """The tables to mirror, in their order of creation; None: all that travel in messages. Raises: UnknownName."""
    known = {name: table for name, table in TABLES.items() if table.message}
    if wanted is None:
        return tuple(known.values())
    names = {wanted} if isinstance(wanted, str) else set(wanted)
    for name in sorted(names - known.keys()):
        raise UnknownName(f"no table `{name}` to read from a source; there are {', '.join(known)}")
    return tuple(table for name, table in known.items() if name in names)
