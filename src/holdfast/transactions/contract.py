"""What a kernel transaction is asked for, and what it answers: values only.

Objects, batch files and plans make these; `transactions.commit` carries them out, all of them or none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from holdfast.model.field import Table
from holdfast.undisturbed import Undisturbed

__all__ = ["Change", "Create", "Delete", "Engine", "Named", "Outcome", "Progress", "Request"]

Progress = Callable[[int, int], None]
"""Called with (requests acknowledged, requests in all), now and then, on the loop."""


class Named(msgspec.Struct, frozen=True):
    """Stands for an interface's index where only its name is known: it may be made by the same transaction.

    target: where it is, "" for the target of the request that holds it.
    """

    ifname: str
    target: str = ""


class Create(msgspec.Struct, frozen=True):
    """Make an object that is not there; refused (KernelError with EEXIST) if it is.

    row    the fields that were asked for, by the model's names, values as the tables hold them; a field that holds an
           interface's index may be a `Named`. Beside the table's own fields an interface may have `peer` (a mapping: the
           other end's ifname, address, `target` …), and any field of its kind's data by its own name is in `kind_data`.
    ensure there already is no error: it is then brought to these fields.
    beside of routes: others of the same prefix, table, tos and priority may be there, and stay (`ip route append`).
    """

    target: str
    table: Table
    row: Mapping[str, Any]
    ensure: bool = False
    beside: bool = False


class Change(msgspec.Struct, frozen=True):
    """Give an object that is there other values.

    row     the row as the caller knows it, whole: who it is, and what to compare with. A field among `fields` that is no
            longer as in `row` is a Conflict, unless forced.
    fields  the new values. What the key is made of may be among them: then the object is replaced.
            Of interfaces also `target`: it moves to another namespace, and keeps what the kernel lets it keep.
            Of `kind_data` and `port_data` only the attributes that become different stand in it; `metrics` and lists are whole.
    back    it is as it was once: a gateway need not be reachable any more, as the kernel lets those be that are there.
    """

    target: str
    table: Table
    row: Mapping[str, Any]
    fields: Mapping[str, Any]
    back: bool = False


class Delete(msgspec.Struct, frozen=True):
    """Remove an object. row: as the caller knows it. missing_ok: not there is no error."""

    target: str
    table: Table
    row: Mapping[str, Any]
    missing_ok: bool = False


Request = Create | Change | Delete


class Outcome(msgspec.Struct, frozen=True):
    """What a transaction did.

    intent    the revision at which the journal names it; 0: nothing had to be done.
    revision  the last revision by which all of its changes were in the tables.
    sent      requests that the kernel took.
    rows      for each request, in the order given, the row as the mirror shows it now; None: removed. Empty for very many.
    undo      what takes it all back, in the order in which to ask for it: given to `commit` it is a transaction like any
              other. Dependants that went along (addresses and routes of a link, ports of a bridge) are in it.
    """

    intent: int = 0
    revision: int = 0
    sent: int = 0
    rows: tuple[Mapping[str, Any] | None, ...] = ()
    undo: Sequence[Request] = ()


class Engine(Protocol):
    """Who carries out transactions. For the loop of its node."""

    async def commit(
        self,
        requests: Iterable[Request],
        *,
        force: bool = False,
        timeout_s: float = 30.0,
        author: str = "",
        message: str = "",
        progress: Progress | None = None,
    ) -> Outcome:
        """All of these requests, or none: returns when the tables show them.

        force    overrides what others changed meanwhile, instead of Conflict.
        timeout_s  until it is done, and seen. Undoing has all the time it needs, as long as the kernel answers within 30 s.
        author, message  for the log.
        Errors name the request by its place in the order given: `index` in `details`, counted from 0.
        Cancelling: what was sent is undone before CancelledError goes on.
        Raises: KernelError - the kernel's refusal (EEXIST: it is there already), with what was undone;
          NotFound - an object to be changed or deleted is not there;  Conflict - others changed it;  Timeout - not done in time;
          Denied - without CAP_NET_ADMIN;  NotSupported - a target or table that cannot be changed;  InvalidValue;
          Unavailable - the source is not followed just now.  After each of them the old state is there again, or
          `not_undone` in `details` says what is not.
        """
        ...

    def commit_here(
        self, request: Request, calm: Undisturbed, *, force: bool = False, timeout_s: float = 30.0, author: str = "", message: str = ""
    ) -> Outcome | None:
        """As `commit` of a single request, in the calling thread, which is not the loop's. None: it needs the loop, and nothing was
        done.

        calm: what the caller is within; signals are handled when it is done, and while it waits for others.
        Raises: as `commit`, what a signal's handler raises: then it is taken back as if it had been cancelled.
        """
        ...
