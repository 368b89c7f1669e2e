"""One error for a transaction that failed: which object, the kernel's own sentence and errno, what was undone, what was not."""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

from holdfast.errors import Denied, HoldfastError, KernelError
from holdfast.model import INTERFACES
from holdfast.model.field import Table
from holdfast.netlink.ack import Ack

from .advice import advice
from .contract import Change, Create, Delete, Named, Request
from .order import Step, Verb
from .present import Present
from .text import described

__all__ = ["Refused", "error_of", "is_missing", "is_there", "shown", "told", "with_outcome"]

_MISSING: Final = (errno.ENOENT, errno.ESRCH, errno.ENODEV, errno.EADDRNOTAVAIL, errno.ENXIO)
_SHOWN: Final = 5
_HINT: Final = "run as root, or give the program CAP_NET_ADMIN (systemd: AmbientCapabilities=)"
_VERBS: Final[dict[Verb, str]] = {Verb.CREATE: "", Verb.CHANGE: "change of ", Verb.DELETE: "removal of "}


class Refused(HoldfastError):
    """The kernel said no; `error` is what is told about it."""

    def __init__(self, error: HoldfastError) -> None:
        super().__init__(error.message)
        self.error = error


def is_missing(ack: Ack) -> bool:
    return ack.error in _MISSING


def is_there(ack: Ack) -> bool:
    return ack.error == errno.EEXIST


def told(request: Request, target: str, present: Present) -> str:
    """A request in words: `change of interface eth0`."""
    verb = {Create: "", Change: "change of ", Delete: "removal of "}[type(request)]
    return f"{verb}{shown(request.table, request.row, target or request.target, present)}"


def shown(table: Table, row: Mapping[str, Any], target: str, present: Present) -> str:
    """The object of a row, or of a part of it; interfaces by their names, where there is one."""
    known: dict[str, Any]
    if table is INTERFACES:
        known = {"ifname": present.ifname(target, row["ifindex"])} if "ifname" not in row and row.get("ifindex") else {}
    else:
        numbers = [name for name in _holding_indexes(table) if isinstance(row.get(name), int) and row[name]]
        known = {name: Named(present.ifname(target, row[name])) for name in numbers}
    return described(table, {**row, **known})


@cache
def _holding_indexes(table: Table) -> tuple[str, ...]:
    return tuple(one.name for one in table.fields if one.names == "ifindex")


def error_of(step: Step, request: Request, ack: Ack, present: Present) -> HoldfastError:
    """What is raised for a refusal of the kernel."""
    thing = shown(request.table, request.row, step.target, present)
    details: dict[str, Any] = {"index": step.place, "target": step.target}
    if ack.error == errno.EPERM:
        message = f"not allowed to change {thing}: the kernel asks for CAP_NET_ADMIN – at `{step.target}`"
        return Denied(message, hint=_HINT, errno="EPERM", **details)
    if ack.missing is not None:
        details["missing_attribute"] = ack.missing
    hint = advice(step.verb, request, ack.error, ack.sentence)
    return KernelError(ack.error, ack.sentence, request=_VERBS[step.verb] + thing, hint=hint, **details)


def with_outcome(failure: HoldfastError, undone: int, left: Sequence[str]) -> HoldfastError:
    """The same error, with what was done about what had been done already."""
    failure.details |= {"undone": undone, "not_undone": list(left)}
    words = f"{undone} earlier change{'s' if undone != 1 else ''} undone"
    if left:
        more = f" and {len(left) - _SHOWN} more" if len(left) > _SHOWN else ""
        words = f"{len(left)} could NOT be undone: {'; '.join(left[:_SHOWN])}{more}"
    failure.message = f"{failure.message}; {words}"
    failure.args = (failure.message,)
    return failure
