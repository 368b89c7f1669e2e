"""Every error that Holdfast raises on purpose, and the one shape in which Python, REST and the command line show it.

    HoldfastError
    ├── UsageError            the caller asked for something that cannot be
    │   ├── InvalidValue      a value of the wrong form (also a ValueError)
    │   ├── UnknownName       no such table, field, source … (also a KeyError)
    │   ├── NotFound          a thing that could be there and is not (also a KeyError)
    │   ├── AlreadyExists     … and is (also a KeyError)
    │   ├── NotSupported      known, but not by this build, kernel, engine or source; names what is
    │   ├── Denied            not allowed for this user (also a PermissionError)
    │   └── QueryError        SQL that cannot be run, was refused or took too long
    ├── WorldError            the kernel, an engine or a peer said no, or nothing
    │   ├── KernelError       a refusal, with the kernel's own sentence; NetlinkError is its other name
    │   ├── DecodeError       bytes that are not what they claim to be: offset and attribute path
    │   ├── Unavailable       not reachable now; says nothing about what is there
    │   ├── Timeout           not within the time given (also a TimeoutError)
    │   ├── SourceEnded       the namespace, process or host behind a source is gone
    │   ├── FunctionError     a function of the tree raised; with its own class and sentence
    │   ├── Lost              events were lost; the state is being read again
    │   │   └── Lagged        a watch was too slow for its queue; says where to go on
    │   ├── Compacted         history asked for is no longer kept; says from where on there is some
    │   ├── Conflict          somebody else changed it first
    │   ├── CheckProcessException  a check of a transaction does not hold
    │   │   └── ProbeFailed   nothing answered a probe (also a KernelError, with the errno)
    │   ├── Busy              another process holds the file
    │   └── Corrupt           a file that is not what was written; says where
    ├── Closed                the object was closed; not a failure
    └── Bug                   we were wrong: please report

Grammar of a message: what, which object, where, expected and got, what to do. `hint` is the "what to do"; it is shown
after the message. Structured fields are in `details`. `code` is stable, `retryable` says whether the same call may
succeed later without a change by the caller.
"""

from __future__ import annotations

import errno as _errno
import os
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

__all__ = [
    "AlreadyExists", "Bug", "Busy", "CheckProcessException", "Closed", "Compacted", "Conflict", "Corrupt", "DecodeError", "Denied",
    "FunctionError", "HoldfastError", "InvalidValue", "KernelError", "Lagged", "Lost", "NetlinkError", "NotFound", "NotSupported",
    "ProbeFailed", "QueryError", "SourceEnded", "Timeout", "Unavailable", "UnknownName", "UsageError", "WorldError", "did_you_mean",
    "restored",
]  # fmt: skip


class HoldfastError(Exception):
    """The base of all. `code` is the error's stable name; `details` holds its structured fields, JSON values only."""

    code: ClassVar[str | int] = "error"
    retryable: ClassVar[bool] = False
    attributes: ClassVar[tuple[str, ...]] = ()
    """Details that are attributes as well."""

    def __init__(self, message: str, *, hint: str = "", **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details

    def __str__(self) -> str:
        return f"{self.message}; {self.hint}" if self.hint else self.message

    def as_dict(self) -> dict[str, Any]:
        """The one shape: what REST answers, `--json` prints, and logs keep."""
        shape: dict[str, Any] = {"error": type(self).__name__, "code": self.code, "message": self.message}
        if self.hint:
            shape["hint"] = self.hint
        if self.details:
            shape["details"] = self.details
        shape["retryable"] = self.retryable
        return shape


class UsageError(HoldfastError):
    code = "usage"


class InvalidValue(UsageError, ValueError):
    code = "invalid-value"


class UnknownName(UsageError, KeyError):
    code = "unknown-name"
    __str__ = HoldfastError.__str__


class NotFound(UsageError, KeyError):
    code = "not-found"
    __str__ = HoldfastError.__str__


class AlreadyExists(UsageError, KeyError):
    code = "already-exists"
    __str__ = HoldfastError.__str__


class NotSupported(UsageError):
    code = "not-supported"


class Denied(UsageError, PermissionError):
    code = "denied"
    __str__ = HoldfastError.__str__


class QueryError(UsageError):
    code = "query"


class WorldError(HoldfastError):
    code: ClassVar[str | int] = "world"


class KernelError(WorldError):
    """The kernel refused a request. `.code` is the errno, a positive number, as NDB's users expect of NetlinkError."""

    code: ClassVar[str | int] = 0
    attributes = ("sentence",)

    def __init__(self, number: int, sentence: str = "", *, request: str = "", after: str = "", hint: str = "", **details: Any) -> None:
        """`after`: what became of what was done before it, such as "3 earlier changes undone"."""
        name = _errno.errorcode.get(number, str(number))
        said = sentence or os.strerror(number)
        what = f"kernel refused {request}: " if request else "kernel refused: "
        done = f"; {after}" if after else ""
        words = {"sentence": sentence} if sentence else {}
        super().__init__(f"{what}{name} ({said}){done}", hint=hint, errno=name, **words, **details)
        self.code = number  # type: ignore[misc]  # NDB's contract: the number of this very refusal
        self.sentence = sentence


NetlinkError = KernelError


class DecodeError(WorldError):
    """Bytes that do not decode. `offset` counts from the start of the message; `path` names the attributes around it."""

    code = "decode"
    attributes = ("offset", "path")

    def __init__(self, message: str, *, offset: int = 0, path: str = "", hint: str = "", **details: Any) -> None:
        where = f" at byte {offset}" + (f" in {path}" if path else "")
        super().__init__(message + where, hint=hint, offset=offset, path=path, **details)
        self.offset = offset
        self.path = path


class Unavailable(WorldError):
    code = "unavailable"
    retryable = True


class Timeout(WorldError, TimeoutError):
    code = "timeout"
    retryable = True
    __str__ = HoldfastError.__str__


class SourceEnded(WorldError):
    code = "source-ended"


class Lost(WorldError):
    code = "lost"
    retryable = True


class Lagged(Lost):
    """More was told than the queue holds. `resume` is the last revision that was told: a watch from there on misses nothing."""

    code = "lagged"
    attributes = ("resume",)
    resume: int

    def __init__(self, message: str, *, resume: int, hint: str = "", **details: Any) -> None:
        super().__init__(message, hint=hint or f"resume from {resume}", resume=resume, **details)
        self.resume = resume


class FunctionError(WorldError):
    """What a function raised that was called through the tree. `error` is the name of its class."""

    code = "function"
    attributes = ("error", "path")
    error: str
    path: str

    def __init__(self, message: str, *, error: str, path: str, hint: str = "", **details: Any) -> None:
        super().__init__(message, hint=hint, error=error, path=path, **details)
        self.error = error
        self.path = path


class Compacted(WorldError):
    """History that is no longer there. `oldest` is the first revision that still is."""

    code = "compacted"
    attributes = ("oldest",)

    def __init__(self, message: str, *, oldest: int, hint: str = "", **details: Any) -> None:
        super().__init__(message, hint=hint, oldest=oldest, **details)
        self.oldest = oldest


class Conflict(WorldError):
    code = "conflict"
    retryable = True


class CheckProcessException(WorldError):
    """A check does not hold: a program failed or took too long, an address did not answer. The name is NDB's."""

    code: ClassVar[str | int] = "check-failed"
    retryable = True


class ProbeFailed(CheckProcessException, KernelError):
    """Nothing answered. `.code` is an errno, as NDB's users expect of a NetlinkError: ETIMEDOUT, EHOSTUNREACH, ECONNREFUSED …"""

    def __init__(self, message: str, number: int, *, hint: str = "") -> None:
        HoldfastError.__init__(self, message, hint=hint, errno=_errno.errorcode.get(number, str(number)))
        self.code = number  # type: ignore[misc]  # as of a KernelError
        self.sentence = ""


class Busy(WorldError):
    code = "busy"
    retryable = True


class Corrupt(WorldError):
    code = "corrupt"


class Closed(HoldfastError):
    code = "closed"


class Bug(HoldfastError):
    code = "bug"

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message, hint="this is a fault of Holdfast itself: please report it", **details)


def did_you_mean(word: str, known: Iterable[str], *, also: str = "", otherwise: str = "") -> str:
    """A hint: "did you mean `routes`?" where a known word is close. `also` is said behind it in any case, `otherwise` without it."""
    from difflib import get_close_matches

    close = get_close_matches(word, list(known), 1)
    if not close:
        return also or otherwise
    return f"did you mean `{close[0]}`? {also}".rstrip()


def restored(shape: Mapping[str, Any]) -> HoldfastError:
    """The error that `as_dict` made this of, elsewhere: same class, message, hint, details and code.

    One of a class that is not known here (a newer peer's) is a plain HoldfastError with its message.
    """
    found = _by_name().get(str(shape.get("error")), HoldfastError)
    error = found.__new__(found)
    details = dict(shape.get("details") or {})
    HoldfastError.__init__(error, str(shape.get("message", "")), hint=str(shape.get("hint", "")), **details)
    for name in found.attributes:
        setattr(error, name, details.get(name, ""))
    if shape.get("code") != found.code:
        error.code = shape.get("code", found.code)  # type: ignore[misc]  # a kernel error's is its number
    return error


def _by_name() -> dict[str, type[HoldfastError]]:
    found, open_ = {}, [HoldfastError]
    while open_:
        one = open_.pop()
        found[one.__name__] = one
        open_ += one.__subclasses__()
    return found
