"""Functions: leaves that can be called. `inventory.ne1.f6(1, x=2)`

A function stands in the tree as an ephemeral leaf whose value is its signature. A plain function runs in a thread of its own pool, a
coroutine function on the loop: a slow one blocks nobody but its caller, and him for as long as he wants to wait.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from holdfast.errors import AlreadyExists, FunctionError, HoldfastError, InvalidValue, NotFound, Timeout

from .paths import Path, PathLike, parse, show
from .values import check_seconds

__all__ = ["TIMEOUT_S", "Functions", "signature"]

TIMEOUT_S: Final = 10.0
_THREADS: Final = 32

Function = Callable[..., Any]


class Functions:
    """What can be called here, by path."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[Function, float]] = {}
        self._threads: ThreadPoolExecutor | None = None

    def add(self, path: PathLike, function: Function, timeout_s: float = TIMEOUT_S) -> Path:
        """Raises: InvalidValue - the path, or what cannot be called;  AlreadyExists."""
        keys = parse(path)
        if not callable(function):
            raise InvalidValue(f"expected a function, got `{function!r}` – at `{show(keys)}`")
        check_seconds("timeout", timeout_s)
        if keys in self._known:
            raise AlreadyExists(f"a function is at `{show(keys)}` already", path=show(keys))
        self._known[keys] = (function, timeout_s)
        return keys

    def remove(self, path: PathLike) -> Path:
        """Raises: NotFound."""
        keys = parse(path)
        self._look(keys)
        del self._known[keys]
        return keys

    def paths(self) -> list[str]:
        return sorted(map(show, self._known))

    async def call(self, path: PathLike, args: tuple[Any, ...], kwargs: dict[str, Any], timeout_s: float | None = None) -> Any:
        """Its result, as it is: 0, "" and [] too.

        Raises: NotFound - at once;  FunctionError - what it raised;  Timeout - it goes on, nobody waits for it.
        """
        keys = parse(path)
        function, limit_s = self._look(keys)
        limit_s = limit_s if timeout_s is None else timeout_s
        try:
            return await asyncio.wait_for(self._run(function, args, kwargs), limit_s)
        except _Raised as raised:
            error = raised.error
            if isinstance(error, HoldfastError):
                raise error from None
            sentence = f"`{show(keys)}` raised {type(error).__name__}: {error}"
            raise FunctionError(sentence, error=type(error).__name__, path=show(keys)) from error
        except TimeoutError:
            raise Timeout(f"`{show(keys)}` did not answer within {limit_s:g} s", path=show(keys)) from None

    def close(self) -> None:
        """Those that run go on; nothing waits for them."""
        self._known.clear()
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)

    async def _run(self, function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        try:
            if inspect.iscoroutinefunction(function):
                return await function(*args, **kwargs)
            if self._threads is None:
                self._threads = ThreadPoolExecutor(_THREADS, "holdfast-function")
            return await asyncio.get_running_loop().run_in_executor(self._threads, lambda: function(*args, **kwargs))
        except Exception as error:
            raise _Raised(error) from error

    def _look(self, keys: Path) -> tuple[Function, float]:
        found = self._known.get(keys)
        if found is None:
            raise NotFound(f"no function is at `{show(keys)}`", path=show(keys))
        return found


class _Raised(Exception):
    """Carries what a function raised past our own TimeoutError."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


def signature(function: Function) -> str:
    """The value of its leaf.

    >>> signature(lambda device, *, mtu=1500: None)
    '(device, *, mtu=1500)'
    """
    try:
        return str(inspect.signature(function))
    except (TypeError, ValueError):
        return "(…)"
