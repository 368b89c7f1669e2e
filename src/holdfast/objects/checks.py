"""Checks: what must hold for a transaction to stand. Pushed between objects; one that fails undoes what went before it.

    CheckProcess("/usr/local/bin/healthy --quick", timeout=10)      a program that ends with 0
    PingAddress("10.0.0.1")                                         an address that answers
    Not(PingAddress("10.0.0.1"))                                    … that does not

`run` (NDB: `commit`) may be called as often as one likes, in any thread; it blocks.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import shlex
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable
from typing import Any, Final, NoReturn, Protocol, TypeVar

from holdfast.errors import CheckProcessException, Denied, HoldfastError, InvalidValue, NotFound, NotSupported, ProbeFailed, WorldError
from holdfast.objects.echo import echo

__all__ = ["Check", "CheckProcess", "CheckProcessException", "Not", "PingAddress", "Probe"]

T = TypeVar("T")

logger = logging.getLogger("holdfast.checks")

_TEXT: Final = 200


class WrongCommand(InvalidValue, TypeError):
    """Not a command. Also a TypeError."""


class NoProgram(NotFound, FileNotFoundError):
    """The command's program does not exist. Also a FileNotFoundError."""

    __str__ = HoldfastError.__str__


class Check(Protocol):
    """Something that holds, or raises."""

    def run(self) -> None:
        """Raises: CheckProcessException - it does not hold; what keeps it from being found out."""
        ...


class CheckProcess:
    """A program, without a shell; it holds when the program ends with 0. One that does not end within `timeout` s is terminated.

    return_code, out, err  of the last run: a number, below 0 when a signal ended it; bytes.
    Raises: WrongCommand (a TypeError) - no text, an empty one, or quotes that do not match.
    """

    def __init__(self, command: str, log: Any = None, timeout: float | None = None) -> None:
        if not isinstance(command, str) or not command.strip():
            raise WrongCommand(f"expected a command as text, got `{command!r}`")
        try:
            self.args = shlex.split(command)
        except ValueError as cause:
            raise WrongCommand(f"expected a command, got `{command}`: {cause}") from None
        self.command = command
        self.log = log or logger
        self.timeout = timeout
        self.return_code: int | None = None
        self.out: bytes | None = None
        self.err: bytes | None = None
        self._lock = threading.Lock()

    def run(self) -> None:
        """Raises: CheckProcessException - it failed, or took too long;  NoProgram (a FileNotFoundError)."""
        with self._lock:
            self._run()

    def _run(self) -> None:
        program = shutil.which(self.args[0])
        if program is None:
            raise NoProgram(f"no program `{self.args[0]}`", program=self.args[0])
        pipe = subprocess.PIPE
        with subprocess.Popen([program, *self.args[1:]], stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe) as process:
            late = False
            try:
                self.out, self.err = process.communicate(timeout=self.timeout)
            except subprocess.TimeoutExpired:
                late = True
                process.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.out, self.err = process.communicate(timeout=1)
                process.kill()
            self.return_code = process.wait()
        self.log.debug("check `%s` ended with %s", self.command, self.return_code)
        if late or self.return_code != 0:
            self._fail(f"did not end within {self.timeout:g} s" if late else f"ended with {self.return_code}")

    def _fail(self, how: str) -> NoReturn:
        said = (self.err or self.out or b"").decode("utf-8", "replace").strip()[-_TEXT:]
        raise CheckProcessException(f"check `{self.command}` {how}" + (f": {said}" if said else ""), return_code=self.return_code)

    def commit(self) -> None:
        """As `run`."""
        self.run()

    def rollback(self) -> None:
        """Nothing: a check changes nothing."""

    def __repr__(self) -> str:
        return f"[{self.command}]"


class PingAddress(CheckProcess):
    """An address that answers an echo request within `timeout` s. No program is needed."""

    def __init__(self, address: str, log: Any = None, timeout: float = 1) -> None:
        super().__init__(f"ping -c 1 -W {timeout} {address}", log, timeout)
        self.address = address

    def _run(self) -> None:
        self.return_code, self.out, self.err = 0, b"", b""
        try:
            took = echo(self.address, self.timeout or 1)
        except WorldError as cause:
            self.return_code, self.err = 1, str(cause).encode()
            self.log.debug("check `%s`: %s", self.command, cause)
            raise CheckProcessException(f"check `{self.command}` failed: {cause}", return_code=1) from cause
        self.out = f"{took * 1000:.3f} ms".encode()


class Not:
    """Holds when the other check does not, for whatever reason."""

    def __init__(self, transaction: Any) -> None:
        self.tx = transaction

    def run(self) -> None:
        """Raises: CheckProcessException - the other one holds."""
        try:
            self.tx.run() if hasattr(self.tx, "run") else self.tx.commit()
        except Exception:  # noqa: BLE001 - whatever it is: it does not hold
            return
        raise CheckProcessException(f"check {self.tx} was to fail, and holds")

    def commit(self) -> None:
        """As `run`."""
        self.run()

    def rollback(self) -> None:
        """Nothing: a check changes nothing."""

    def __repr__(self) -> str:
        return f"Not({self.tx})"


class Probe:
    """A check from inside of a source: `kind="ping"` asks for an echo, `kind="tcp"` connects to `port`.

    inside  (target, what) → what it returns, called in that source's network.
    num     echo requests; one that is answered is enough.
    Raises: NotSupported - another kind;  InvalidValue - no destination, or no port.
    """

    def __init__(self, inside: Callable[[str, Callable[[], None]], None], spec: dict[str, Any]) -> None:
        self.kind = spec.get("kind", "ping")
        self.target = spec["target"]
        self.dst = spec.get("dst")
        self.src = spec.get("src")
        self.port = int(spec.get("port") or 0)
        self.timeout = float(spec.get("timeout") or 1)
        self.num = int(spec.get("num") or 1)
        self._inside = inside
        if self.kind not in ("ping", "tcp"):
            raise NotSupported(f"no probe of kind `{self.kind}`; there are ping and tcp")
        if not isinstance(self.dst, str):
            raise InvalidValue(f"expected an address to probe, got `{self.dst!r}` – at dst")
        if self.kind == "tcp" and not self.port:
            raise InvalidValue("expected a port to connect to – at port")

    def run(self) -> None:
        """Raises: ProbeFailed (a CheckProcessException) - no answer;  NotFound - no such source;  Denied."""
        try:
            self._inside(self.target, self._ping if self.kind == "ping" else self._connect)
        except Denied:
            raise
        except (WorldError, OSError) as cause:
            number = errno.ETIMEDOUT if isinstance(cause, TimeoutError) else getattr(cause, "errno", None) or errno.EHOSTUNREACH
            raise ProbeFailed(f"{self} failed: {cause}", number) from cause

    def _ping(self) -> None:
        for left in reversed(range(self.num)):
            try:
                echo(str(self.dst), self.timeout, self.src)
                return
            except WorldError:
                if not left:
                    raise

    def _connect(self) -> None:
        source = (self.src, 0) if self.src else None
        socket.create_connection((str(self.dst), self.port), self.timeout, source).close()

    def rollback(self) -> None:
        """Nothing: a probe changes nothing."""

    def __repr__(self) -> str:
        return f"probe {self.kind} of {self.dst}{f':{self.port}' if self.port else ''} from {self.target}"
